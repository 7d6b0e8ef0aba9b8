//! What the sound server tells by itself: PulseAudio's subscription, which PipeWire speaks too.
//!
//! A connection of its own, which asks for nothing else. Volumes and states change all the time and are nobody's business
//! here: only what comes, what goes, and which device is the default one.

use pulseaudio::protocol::{
    self, AuthParams, AuthReply, Command, Prop, Props, ProtocolError, SetClientNameReply, SubscriptionEvent,
    SubscriptionEventFacility as Facility, SubscriptionEventType as Event, SubscriptionMask,
};
use rustix::fd::{AsFd, BorrowedFd};
use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A server that says the beginning of something says the rest within.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// An open subscription.
#[derive(Debug)]
pub(super) struct Subscription {
    stream: BufReader<UnixStream>,
    version: u16,
}

impl Subscription {
    /// Connects and subscribes; nothing where no server runs here. Waits for the server's answers.
    pub(super) fn open() -> Option<Self> {
        let path = pulseaudio::socket_path_from_env()?;
        let stream = UnixStream::connect(path).ok()?;
        Self::begin(stream)
            .inspect_err(|error| tracing::debug!(%error, "no word of the sound server"))
            .ok()
    }

    fn begin(stream: UnixStream) -> Result<Self, ProtocolError> {
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.set_write_timeout(Some(ANSWER_MAX))?;
        let mut stream = BufReader::new(stream);
        let cookie = pulseaudio::cookie_path_from_env()
            .and_then(|path| std::fs::read(path).ok())
            .unwrap_or_default();
        let auth = Command::Auth(AuthParams {
            version: protocol::MAX_VERSION,
            supports_shm: false,
            supports_memfd: false,
            cookie,
        });
        protocol::write_command_message(stream.get_mut(), 0, &auth, protocol::MAX_VERSION)?;
        let (_, reply) = protocol::read_reply_message::<AuthReply>(&mut stream, protocol::MAX_VERSION)?;
        let version = reply.version.min(protocol::MAX_VERSION);
        let mut who = Props::new();
        who.set(Prop::ApplicationName, c"Parley (devices)");
        protocol::write_command_message(stream.get_mut(), 1, &Command::SetClientName(who), version)?;
        protocol::read_reply_message::<SetClientNameReply>(&mut stream, version)?;
        let mask = SubscriptionMask::SINK | SubscriptionMask::SOURCE | SubscriptionMask::SERVER;
        protocol::write_command_message(stream.get_mut(), 2, &Command::Subscribe(mask), version)?;
        protocol::read_ack_message(&mut stream)?;
        Ok(Self { stream, version })
    }

    /// Reads what the server said, once there is something to read; whether any of it matters. Waits at most for the end of
    /// what was begun.
    pub(super) fn read(&mut self) -> Result<bool, ProtocolError> {
        let mut matters = false;
        loop {
            let (_, command) = protocol::read_command_message(&mut self.stream, self.version)?;
            if let Command::SubscribeEvent(event) = command {
                matters |= is_about_devices(&event);
            }
            if self.stream.buffer().is_empty() {
                return Ok(matters);
            }
        }
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.stream.get_ref().as_fd()
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
