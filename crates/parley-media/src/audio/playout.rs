//! The playout half of the engine: everyone's next 10 ms, mixed, limited, metered.
//!
//! Owned by the audio thread. Where the block goes is the engine's business.

use super::chime::Chime;
use super::echo_test::EchoTest;
use super::level::Meter;
use super::limiter::Limiter;
use super::participant::Participant;
use super::{Block, SILENT_BLOCK};
use crate::packet::ReceivedPacket;
use parley_proto::ParticipantId;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// More people than this in one mix are refused: far above what a room takes.
const PARTICIPANTS_MAX: usize = 256;

#[derive(Default)]
pub(super) struct Playout {
    pub(super) participants: Vec<Participant>,
    /// The computers' sound of those who share it, beside their voices.
    pub(super) shared: Vec<Participant>,
    chime: Option<Chime>,
    pub(super) echo_test: EchoTest,
    pub(super) meter: Meter,
    limiter: Limiter,
}

impl Playout {
    /// Somebody comes, or comes anew.
    pub(super) fn add(&mut self, id: ParticipantId, packets: Receiver<ReceivedPacket>) {
        self.remove(id);
        add_to(&mut self.participants, id, packets);
    }

    /// They left.
    pub(super) fn remove(&mut self, id: ParticipantId) {
        self.participants.retain(|participant| participant.id != id);
    }

    /// Somebody's computer begins to be heard, or anew.
    pub(super) fn add_shared(&mut self, id: ParticipantId, packets: Receiver<ReceivedPacket>) {
        self.remove_shared(id);
        add_to(&mut self.shared, id, packets);
    }

    /// It is heard no more.
    pub(super) fn remove_shared(&mut self, id: ParticipantId) {
        self.shared.retain(|participant| participant.id != id);
    }

    /// How loud somebody plays, and with them what their computer plays.
    pub(super) fn set_volume(&mut self, id: ParticipantId, gain: f32) {
        for participant in self
            .participants
            .iter_mut()
            .chain(&mut self.shared)
            .filter(|participant| participant.id == id)
        {
            participant.set_gain(gain);
        }
    }

    /// How long somebody's voice waits at least, for their picture.
    pub(super) fn set_least_wait(&mut self, id: ParticipantId, wait: Duration) {
        let mut voices = self.participants.iter_mut();
        if let Some(voice) = voices.find(|voice| voice.id == id) {
            voice.set_least_wait(wait);
        }
    }

    /// Rings the speaker test, from its beginning.
    pub(super) fn ring_chime(&mut self) {
        self.chime = Some(Chime::default());
    }

    /// Whether it still rings.
    pub(super) const fn chime_rings(&self) -> bool {
        self.chime.is_some()
    }

    /// The next 10 ms for the speaker.
    pub(super) fn block(&mut self, now: Instant) -> Block {
        let mut mix = SILENT_BLOCK;
        for participant in self.participants.iter_mut().chain(&mut self.shared) {
            participant.add_to(now, &mut mix);
        }
        if let Some(chime) = &mut self.chime
            && !chime.add_to(&mut mix)
        {
            self.chime = None;
        }
        self.echo_test.add_to(&mut mix);
        self.limiter.apply(&mut mix);
        self.meter.hear(&mix);
        mix
    }
}

fn add_to(list: &mut Vec<Participant>, id: ParticipantId, packets: Receiver<ReceivedPacket>) {
    if list.len() >= PARTICIPANTS_MAX {
        tracing::warn!(participant = ?id, "too many people in the mix");
        return;
    }
    match Participant::new(id, packets) {
        Ok(participant) => list.push(participant),
        Err(error) => tracing::error!(participant = ?id, %error, "no decoder"),
    }
}
