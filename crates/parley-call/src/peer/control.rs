//! The control channel: a negotiated data channel on which two Parleys tell each other what the server need not know.
//!
//! A peer without it (a browser page, a bot) is fine: the channel then never opens. What comes is hostile until read:
//! bounded in size and rate, anything unknown ignored.

use super::library::{LibraryEvent, LibraryEvents};
use super::meter::Meter;
use parley_proto::ControlMessage;
use parley_proto::limits::CONTROL_MESSAGE_BYTES_MAX;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelMessage};

/// Messages the other side may send in a burst, ...
const BURST_MESSAGES_MAX: f64 = 50.0;
/// ... and in the long run each second.
const RATE_MESSAGES_PER_S: f64 = 20.0;
/// How often the library is woken until the channel is open, ...
const WAKE_INTERVAL: Duration = Duration::from_millis(5);
/// ... and for how long at most: then the other side has none.
const WAKE_MAX: Duration = Duration::from_secs(5);

/// Reads the channel until it ends. `now` is the clock.
pub(super) async fn read(
    channel: Arc<dyn DataChannel>,
    events: LibraryEvents,
    meter: Arc<Meter>,
    now: impl Fn() -> Instant,
) {
    let mut allowance = Allowance::default();
    while let Some(event) = channel.poll().await {
        match event {
            DataChannelEvent::OnOpen => {
                events.tell(LibraryEvent::ControlOpen);
            }
            DataChannelEvent::OnMessage(message) if !allowance.take(now()) => {
                tracing::debug!(bytes = message.data.len(), "control messages come too fast");
                meter.drops.control_refused.one();
            }
            DataChannelEvent::OnMessage(message) => match parse(&message) {
                Some(ControlMessage::Unknown) => {}
                Some(message) => {
                    events.tell(LibraryEvent::Control(message));
                }
                None => meter.drops.control_invalid.one(),
            },
            _ => {}
        }
    }
}

fn parse(message: &RTCDataChannelMessage) -> Option<ControlMessage> {
    if !message.is_string || message.data.len() > CONTROL_MESSAGE_BYTES_MAX {
        return None;
    }
    serde_json::from_slice(&message.data).ok()
}

/// Wakes the library until the channel is open.
///
/// webrtc 0.21.1 writes, then handles events, then sleeps; the first packets of SCTP are made while it handles events, and
/// go out when the next timer wakes it, twice 200 ms later. A cheap call every few milliseconds wakes it: the channel opens
/// within a few milliseconds of the connection instead of 400.
pub(super) async fn wake(channel: Arc<dyn DataChannel>, mut open: watch::Receiver<bool>) {
    let waking = async {
        let mut ticks = tokio::time::interval(WAKE_INTERVAL);
        loop {
            ticks.tick().await;
            if channel.set_buffered_amount_low_threshold(0).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        _ = open.wait_for(|open| *open) => {}
        _ = tokio::time::timeout(WAKE_MAX, waking) => {}
    }
}

/// A bucket of messages that may come.
#[derive(Debug)]
struct Allowance {
    left: f64,
    updated: Option<Instant>,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            left: BURST_MESSAGES_MAX,
            updated: None,
        }
    }
}

impl Allowance {
    fn take(&mut self, now: Instant) -> bool {
        if let Some(then) = self.updated {
            let earned = now.saturating_duration_since(then).as_secs_f64() * RATE_MESSAGES_PER_S;
            self.left = (self.left + earned).min(BURST_MESSAGES_MAX);
        }
        self.updated = Some(now);
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;
    use parley_proto::MediaState;

    fn text(data: &[u8]) -> RTCDataChannelMessage {
        RTCDataChannelMessage {
            is_string: true,
            data: data.into(),
        }
    }

    #[test]
    fn control_messages_are_read_and_everything_else_is_refused() {
        let on = MediaState {
            microphone_on: true,
            ..MediaState::default()
        };
        let known = text(br#"{"type":"media_state","microphone_on":true,"camera_on":false,"hat":"red"}"#);
        assert_eq!(parse(&known), Some(ControlMessage::MediaState(on)));
        assert_eq!(parse(&text(br#"{"type":"sing"}"#)), Some(ControlMessage::Unknown));
        for hostile in [
            &b""[..],
            b"{",
            b"\xff\xfe",
            br#"{"type":"media_state","camera_on":3}"#,
        ] {
            assert_eq!(parse(&text(hostile)), None);
        }
        let mut long = br#"{"type":"bye","why":""#.to_vec();
        long.resize(CONTROL_MESSAGE_BYTES_MAX, b'x');
        long.extend_from_slice(br#""}"#);
        assert_eq!(parse(&text(&long)), None);
        let binary = RTCDataChannelMessage {
            is_string: false,
            ..text(br#"{"type":"bye"}"#)
        };
        assert_eq!(parse(&binary), None);
    }

    #[test]
    fn a_flood_is_cut_and_a_calm_sender_is_not() {
        let start = Instant::now();
        let mut allowance = Allowance::default();
        let taken = (0..1000).filter(|_| allowance.take(start)).count();
        assert_eq!(taken, BURST_MESSAGES_MAX as usize);
        let mut allowance = Allowance::default();
        for n in 0..1000 {
            assert!(allowance.take(start + Duration::from_millis(60) * n));
        }
    }
}
