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

    /// Whether somebody's computer is heard, while its packets may still come and wait.
    pub(super) fn hush_shared(&mut self, id: ParticipantId, hushed: bool) {
        let mut shared = self.shared.iter_mut();
        if let Some(sound) = shared.find(|sound| sound.id == id) {
            sound.set_hushed(hushed);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::BLOCK_SAMPLES;
    use crate::audio::codec::OpusEncoder;
    use crate::audio::config::AudioTargets;
    use crate::audio::level::rms;
    use crate::audio::pace::test_start;
    use crate::time::{ArrivalTime, RtpTime};
    use std::sync::mpsc::sync_channel;

    const BEN: ParticipantId = ParticipantId::from_bytes([2; 16]);
    /// Quieter is silence: a thousandth of what is played.
    const SILENCE: f32 = 0.000_2;
    const BLOCK_MS: u64 = 10;

    /// Plays a film that somebody shares for the milliseconds of `film`, whose packets take `way_ms`; `told` says when this side hears
    /// that the share is over, and that another begins. Gives the blocks that are no silence.
    fn heard(film: &[(u64, u64)], way_ms: u64, told: &[(u64, bool)]) -> Vec<u64> {
        let start = test_start();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let (to, packets) = sync_channel(256);
        let mut playout = Playout::default();
        playout.add_shared(BEN, packets);
        let mut encoder = OpusEncoder::for_anything(AudioTargets::default()).unwrap();
        let mut made = Vec::new();
        for ms in film.iter().flat_map(|(from, to)| *from..*to).step_by(20) {
            let mut frame = [0.0; 2 * BLOCK_SAMPLES];
            for (index, sample) in frame.iter_mut().enumerate() {
                let seconds = ms as f32 / 1_000.0 + index as f32 / 48_000.0;
                *sample = 0.2 * (seconds * 1_000.0 * std::f32::consts::TAU).sin();
            }
            let payload = encoder.encode(&frame).unwrap();
            made.push((ms + 20 + way_ms, (made.len() as u16, ms * 48, payload)));
        }
        let mut made = made.into_iter().peekable();
        let mut loud = Vec::new();
        for now_ms in (3..6_000).step_by(BLOCK_MS as usize) {
            while let Some((came_ms, (sequence, time, payload))) = made.next_if(|(came, _)| *came <= now_ms) {
                let packet = ReceivedPacket {
                    sequence,
                    rtp_time: RtpTime(time as u32),
                    marker: false,
                    payload,
                    arrived: ArrivalTime(at(came_ms)),
                    redundant: false,
                };
                to.send(packet).unwrap();
            }
            for (_, hushed) in told
                .iter()
                .filter(|(when, _)| (*when..*when + BLOCK_MS).contains(&now_ms))
            {
                playout.hush_shared(BEN, *hushed);
            }
            if rms(&playout.block(at(now_ms))) > SILENCE {
                loud.push(now_ms);
            }
        }
        loud
    }

    #[test]
    fn what_a_computer_plays_ends_with_the_word_that_its_share_is_over_and_not_with_what_waits_or_is_invented()
     {
        // The last packet comes at 2,040 ms, and the word that nothing more will a little before or after it.
        let unsaid = heard(&[(0, 2_000)], 40, &[]);
        assert!(
            *unsaid.last().unwrap() > 2_150,
            "without a word some of it is invented: {:?}",
            unsaid.last()
        );
        for said_ms in [1_950, 2_000, 2_040, 2_100] {
            let heard = heard(&[(0, 2_000)], 40, &[(said_ms, true)]);
            let last = *heard.last().unwrap();
            assert!(
                (said_ms - BLOCK_MS..said_ms + BLOCK_MS).contains(&last),
                "said at {said_ms} ms, heard until {last} ms"
            );
        }
    }

    #[test]
    fn the_next_share_is_heard_from_its_beginning() {
        let heard = heard(
            &[(0, 2_000), (3_000, 4_000)],
            40,
            &[(2_000, true), (2_990, false)],
        );
        assert!(!heard.iter().any(|at| (2_020..3_000).contains(at)));
        let first = heard.iter().find(|at| **at > 3_000).unwrap();
        assert!((3_040..3_200).contains(first), "{first}");
        let again = heard.iter().filter(|at| **at > 3_000).count() as u64 * BLOCK_MS;
        assert!(again >= 950, "{again} ms of a second");
    }
}
