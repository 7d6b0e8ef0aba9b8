//! When the stream to a relay is opened. Pure: the moments come in.
//!
//! A relay over UDP is better than one over a stream (a lost packet holds nothing up), and a direct way is better than both.
//! So streams wait a moment for UDP to answer, and, where it does, until something is clearly wrong: most calls never open one.

use crate::ice::RelayTransport;
use std::time::Duration;

/// Time for an answer over UDP before the first stream is opened.
const HEAD_START: Duration = Duration::from_millis(100);
/// The next stream, in the order of [`RelayTransport`], waits so much longer.
const STEP: Duration = Duration::from_millis(80);
/// Where UDP answers and the call still does not stand by then, streams are tried all the same.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// The first wait before a stream is opened again; doubled up to [`AGAIN_MAX`].
const AGAIN: Duration = Duration::from_millis(250);
const AGAIN_MAX: Duration = Duration::from_secs(4);

/// What is known of the better ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Better {
    /// Nothing yet.
    #[default]
    Unknown,
    /// UDP is let through, at least to a server.
    UdpAnswers,
    /// The call stands without this.
    Found,
}

/// How long after it was first wanted a stream is opened; `None`: not at all, as things are. `before` streams come first.
pub(super) fn after(better: Better, before: usize) -> Option<Duration> {
    let step = STEP * u32::try_from(before).unwrap_or(u32::MAX).min(8);
    match better {
        Better::Unknown => Some(HEAD_START + step),
        Better::UdpAnswers => Some(PATIENCE + step),
        Better::Found => None,
    }
}

/// How long to wait before a stream is opened once more after so many failures.
pub(super) fn again(failures: u32) -> Duration {
    AGAIN
        .saturating_mul(1 << failures.saturating_sub(1).min(8))
        .min(AGAIN_MAX)
}

/// Where a way stands in the order in which they are tried.
pub(super) fn order(transports: impl IntoIterator<Item = RelayTransport>) -> Vec<usize> {
    let transports: Vec<_> = transports.into_iter().collect();
    let before = |at: usize| {
        let earlier = |other: usize| (transports[other], other) < (transports[at], at);
        (0..transports.len()).filter(|other| earlier(*other)).count()
    };
    (0..transports.len()).map(before).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_waits_for_what_is_better() {
        let unknown = after(Better::Unknown, 0).unwrap();
        let answers = after(Better::UdpAnswers, 0).unwrap();
        assert!(unknown < Duration::from_millis(150), "{unknown:?}");
        assert!(answers > Duration::from_secs(1), "{answers:?}");
        assert_eq!(after(Better::Found, 0), None);
        assert!(after(Better::Unknown, 1).unwrap() > unknown);
        assert!(after(Better::Unknown, usize::MAX).unwrap() < Duration::from_secs(1));
    }

    #[test]
    fn plain_streams_go_before_encrypted_ones() {
        use RelayTransport::{Tcp, Tls};
        assert_eq!(order([Tls, Tcp, Tls]), [1, 0, 2]);
        assert_eq!(order([]), [0; 0]);
    }

    #[test]
    fn a_relay_that_is_away_is_tried_ever_more_rarely() {
        let waits: Vec<_> = (1..8).map(again).collect();
        assert!(waits.is_sorted());
        assert_eq!((waits[0], waits[6]), (AGAIN, AGAIN_MAX));
        assert_eq!(again(u32::MAX), AGAIN_MAX);
    }
}
