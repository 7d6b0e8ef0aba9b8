//! What became of the packets that were offered, and what they cost.

/// One stretch of load. Every packet is to pass the relay twice: to the peer, who sends it back, and from there to its client.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Tally {
    /// Packets that clients gave their sockets.
    pub(super) sent: u64,
    /// Packets that were due and found a client whose stream took no more.
    pub(super) held_back: u64,
    /// Packets that came to the peer.
    pub(super) at_peer: u64,
    /// Packets that the peer sent back.
    pub(super) returned: u64,
    /// Packets that came back to clients.
    pub(super) back: u64,
    /// CPU seconds of the server meanwhile.
    pub(super) cpu_s: f64,
}

impl Tally {
    /// Packets that the relay passed on, of both directions, for a second of CPU time.
    pub(super) fn packets_per_cpu_s(&self) -> f64 {
        (self.at_peer + self.back) as f64 / self.cpu_s
    }

    /// Packets that went into the relay and did not come out of it, in percent.
    pub(super) fn loss_pct(&self) -> f64 {
        let (into, out) = (self.sent + self.returned, self.at_peer + self.back);
        into.saturating_sub(out) as f64 / into as f64 * 100.0
    }

    /// Whether so many packets a second were offered, almost: else the figures are of another load than the case says.
    pub(super) fn reached(&self, per_s: u32, seconds: f64) -> bool {
        self.sent as f64 >= 0.9 * f64::from(per_s) * seconds
    }
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            held_back: self.held_back + other.held_back,
            at_peer: self.at_peer + other.at_peer,
            returned: self.returned + other.returned,
            back: self.back + other.back,
            cpu_s: self.cpu_s + other.cpu_s,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_through_the_relay_count() {
        let tally = Tally {
            sent: 1000,
            held_back: 3,
            at_peer: 990,
            returned: 990,
            back: 980,
            cpu_s: 0.5,
        };
        assert!((tally.packets_per_cpu_s() - 3940.0).abs() < 1e-9);
        assert!((tally.loss_pct() - 20.0 / 1990.0 * 100.0).abs() < 1e-9);
        let two = tally + tally;
        assert!(
            (two.packets_per_cpu_s() - 3940.0).abs() < 1e-9,
            "twice as much of both"
        );
        assert_eq!(two.sent, 2000);
    }

    #[test]
    fn a_load_that_was_not_reached_is_noticed() {
        let tally = Tally {
            sent: 4_600,
            ..Tally::default()
        };
        assert!(tally.reached(1000, 5.0));
        assert!(!tally.reached(1100, 5.0));
    }

    #[test]
    fn nothing_measured_is_no_figure() {
        let nothing = Tally::default();
        assert!(nothing.packets_per_cpu_s().is_nan() && nothing.loss_pct().is_nan());
    }
}
