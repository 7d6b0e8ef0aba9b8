//! What of each stream of pictures was given up, because more was lost than could be sent again in time. It is asked for a few times
//! more, and never answered: only a key frame helps, and such answers would be in its way.

use rtc::interceptor::StreamInfo;
use std::collections::HashMap;

/// One stream of pictures.
#[derive(Debug, Default)]
struct Sent {
    /// The stream of its retransmissions, if it has one.
    again: Option<u32>,
    newest: Option<u16>,
    /// The newest packet that was given up.
    given_up: Option<u16>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct BeyondRepair {
    streams: HashMap<u32, Sent>,
}

impl BeyondRepair {
    pub(super) fn bind(&mut self, stream: &StreamInfo) {
        let sent = self.streams.entry(stream.ssrc).or_default();
        sent.again = stream.ssrc_rtx;
    }

    pub(super) fn unbind(&mut self, stream: &StreamInfo) {
        self.streams.remove(&stream.ssrc);
    }

    /// A packet of a picture is to be sent, for the first time.
    pub(super) fn pass(&mut self, ssrc: u32, number: u16) {
        if let Some(sent) = self.streams.get_mut(&ssrc) {
            sent.newest = Some(number);
            // Half a round of numbers later it would be taken for what is to come.
            sent.given_up = sent.given_up.filter(|given_up| is_until(*given_up, number));
        }
    }

    /// All that was to be sent until now is given up.
    pub(super) fn begin(&mut self) {
        for sent in self.streams.values_mut() {
            sent.given_up = sent.newest;
        }
    }

    /// Whether packet `number`, asked for again in the stream `ssrc` (its own, or that of its retransmissions), was given up.
    pub(super) fn covers(&self, ssrc: u32, number: u16) -> bool {
        let of_it = |(of, sent): &(&u32, &Sent)| **of == ssrc || sent.again == Some(ssrc);
        let given_up = self
            .streams
            .iter()
            .find(of_it)
            .and_then(|(_, sent)| sent.given_up);
        given_up.is_some_and(|given_up| is_until(number, given_up))
    }
}

/// Whether a number is not after another one, which may have begun anew from zero (RFC 3550, appendix A.1).
const fn is_until(number: u16, last: u16) -> bool {
    last.wrapping_sub(number) < 1 << 15
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::chain::testing::video_stream;

    const VIDEO: u32 = 1;
    const RTX: u32 = 3;

    #[test]
    fn what_was_sent_before_is_given_up_and_what_comes_after_is_not() {
        let mut beyond = BeyondRepair::default();
        beyond.bind(&video_stream(VIDEO, Some(RTX), &[]));
        beyond.begin();
        assert!(!beyond.covers(RTX, 0), "nothing was sent");
        for number in 65_530..=65_535 {
            beyond.pass(VIDEO, number);
        }
        beyond.pass(VIDEO, 0);
        beyond.begin();
        beyond.pass(VIDEO, 1);
        for (number, covered) in [(65_530, true), (65_535, true), (0, true), (1, false), (2, false)] {
            assert_eq!(beyond.covers(RTX, number), covered, "{number}");
            assert_eq!(beyond.covers(VIDEO, number), covered, "{number}");
        }
        assert!(!beyond.covers(9, 0), "another stream");
        for number in 1..40_000 {
            beyond.pass(VIDEO, number);
        }
        assert!(!beyond.covers(RTX, 0), "long ago");
    }
}
