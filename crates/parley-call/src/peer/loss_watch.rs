//! Whether a connection loses so much, and for so long, that another network is worth a try. Pure: counters as they stand once a
//! second come in. Whether there is another network is not known here.

/// Much: pictures freeze again and again by then, whatever is repaired.
const MUCH: f32 = 0.2;
/// Seconds in a row: a burst passes, and so does a queue that ran over before the rate went down.
const SECONDS: u32 = 3;
/// Packets a second by which a share can be told. Silence has fewer.
const PACKETS_MIN: u64 = 20;

/// Counters of one connection, as they stand at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Traffic {
    /// Packets that should have come, ...
    pub(super) expected: u64,
    /// ... and those that did.
    pub(super) received: u64,
    /// Packets of sound that went, ...
    pub(super) sent: u64,
    /// ... and the share of them that the other side says it lost, 0 to 1.
    pub(super) lost_out: f32,
}

/// One connection's losses.
#[derive(Debug, Default)]
pub(super) struct LossWatch {
    last: Traffic,
    bad_seconds: u32,
}

impl LossWatch {
    /// Another second passed; gives whether much was lost in each of the last ones.
    pub(super) fn is_much(&mut self, now: Traffic) -> bool {
        let last = std::mem::replace(&mut self.last, now);
        let expected = now.expected.saturating_sub(last.expected);
        let missing = expected.saturating_sub(now.received.saturating_sub(last.received));
        let lost_in = missing as f32 / expected.max(1) as f32;
        let is_bad = (expected >= PACKETS_MIN && lost_in >= MUCH)
            || (now.sent.saturating_sub(last.sent) >= PACKETS_MIN && now.lost_out >= MUCH);
        self.bad_seconds = if is_bad {
            self.bad_seconds.saturating_add(1)
        } else {
            0
        };
        self.bad_seconds >= SECONDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said after each second of so many packets, of which so many per cent are lost, each way.
    fn watch(packets: u64, lost_in_pct: &[u64], lost_out_pct: &[u64]) -> Vec<bool> {
        let (mut watch, mut traffic) = (LossWatch::default(), Traffic::default());
        let second = |(lost_in, lost_out): (&u64, &u64)| {
            traffic.expected += packets;
            traffic.received += packets - packets * lost_in / 100;
            traffic.sent += packets;
            traffic.lost_out = *lost_out as f32 / 100.0;
            watch.is_much(traffic)
        };
        lost_in_pct.iter().zip(lost_out_pct).map(second).collect()
    }

    #[test]
    fn much_for_seconds_is_told_either_way_and_ends_with_the_first_good_second() {
        let bad = [30, 25, 30, 40, 0, 30];
        let told = [false, false, true, true, false, false];
        assert_eq!(watch(100, &bad, &[0; 6]), told);
        assert_eq!(watch(100, &[0; 6], &bad), told);
    }

    #[test]
    fn a_burst_little_loss_and_the_few_packets_of_silence_are_nothing() {
        assert_eq!(watch(100, &[100, 100, 0, 100], &[0; 4]), [false; 4]);
        assert_eq!(watch(100, &[15; 6], &[15; 6]), [false; 6]);
        assert_eq!(watch(3, &[67; 6], &[67; 6]), [false; 6]);
    }
}
