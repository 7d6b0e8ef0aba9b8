//! What the sound server tells by itself: PulseAudio's subscription, which PipeWire speaks too.
//!
//! A connection of its own, which asks for nothing else. Volumes and states change all the time and are nobody's business
//! here: only what comes, what goes, and which device is the default one.

use crate::device::pulse::{COMMANDS, PulseConnection};
use pulseaudio::protocol::{
    Command, ProtocolError, SubscriptionEvent, SubscriptionEventFacility as Facility,
    SubscriptionEventType as Event, SubscriptionMask,
};
use rustix::fd::BorrowedFd;
use std::time::Duration;

/// A server that says the beginning of something says the rest within.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// An open subscription.
#[derive(Debug)]
pub(super) struct Subscription(PulseConnection);

impl Subscription {
    /// Connects and subscribes; nothing where no server runs here. Waits for the server's answers.
    pub(super) fn open() -> Option<Self> {
        Self::begin()
            .inspect_err(|error| tracing::debug!(%error, "no word of the sound server"))
            .ok()
    }

    fn begin() -> Result<Self, ProtocolError> {
        let mut connection = PulseConnection::open(c"Parley (devices)", ANSWER_MAX)?;
        let mask = SubscriptionMask::SINK | SubscriptionMask::SOURCE | SubscriptionMask::SERVER;
        connection.ask_and_wait_for_yes(&Command::Subscribe(mask))?;
        Ok(Self(connection))
    }

    /// Reads what the server said, once there is something to read; whether any of it matters. Waits at most for the end of
    /// what was begun.
    pub(super) fn read(&mut self) -> Result<bool, ProtocolError> {
        let mut matters = false;
        loop {
            if self.0.read_message()?.channel == COMMANDS
                && let Some((_, Command::SubscribeEvent(event))) = self.0.command()?
            {
                matters |= is_about_devices(&event);
            }
            if !self.0.has_more() {
                return Ok(matters);
            }
        }
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.descriptor()
    }
}

fn is_about_devices(event: &SubscriptionEvent) -> bool {
    match event.event_facility {
        Facility::Sink | Facility::Source => matches!(event.event_type, Event::New | Event::Removed),
        Facility::Server => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_and_states_are_no_news() {
        let check = |event_facility, event_type, expect: bool| {
            let event = SubscriptionEvent {
                event_facility,
                event_type,
                index: Some(3),
            };
            assert_eq!(is_about_devices(&event), expect, "{event:?}");
        };
        check(Facility::Sink, Event::New, true);
        check(Facility::Source, Event::Removed, true);
        check(Facility::Source, Event::Changed, false);
        check(Facility::Server, Event::Changed, true);
        check(Facility::SinkInput, Event::New, false);
    }
}
