//! Sealed words to and from the others of a group: what may go when, and what of what comes is heard. Sans-IO; what is said is
//! [`super::members`]', the app's chat and its offers of files.
//!
//! The first byte of what is sealed is the number of the data channel that the rest would be said on between two: 0 for control messages, 1
//! for chat, 2 for offers of files.

use crate::port::LaneKind;
use crate::seal::{Heading, WordKey};
use crate::session::context::Context;
use crate::session::pace::Pace;
use crate::session::rate::RateLimit;
use crate::session::roster::Roster;
use parley_proto::chat::CHAT_CHANNEL_ID;
use parley_proto::control::CONTROL_CHANNEL_ID;
use parley_proto::files::FILES_CHANNEL_ID;
use parley_proto::limits::{
    CHAT_FRAME_BYTES_MAX, CONTROL_MESSAGE_BYTES_MAX, FILE_FRAME_BYTES_MAX, GROUP_PEOPLE_MAX,
};
use parley_proto::{ClientMessage, ControlMessage, ParticipantId};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A server takes 60 at once and 20 a second: a little less, for clocks differ.
const TOLD: Pace = Pace::new(50, Duration::from_millis(55));
/// For everybody it takes 64 KiB at once and, of a listener, 4 KiB a second: so many bytes more count as a word more, 3.6 KiB a second and,
/// with the longest frame behind the burst, 54 KiB at once.
const BYTES_AS_ONE: usize = 200;
/// For one person it takes 256 KiB at once and 64 KiB a second, whoever they are. In KiB: 200 and, with the longest frame behind them, 248 at once,
/// 62 a second.
const TO_ONE_KIB: Pace = Pace::new(200, Duration::from_millis(16));
/// What is heard of one person: what they may say, with what the network bunched up.
const HEARD: RateLimit = RateLimit::new(120, Duration::from_millis(40));
/// People whose numbers are remembered, those who left among them.
const KNOWN_MAX: usize = 2 * GROUP_PEOPLE_MAX;

/// What came of somebody.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word {
    Control(ControlMessage),
    Frame(LaneKind, Vec<u8>),
}

/// What was heard of somebody.
#[derive(Debug)]
struct Known {
    stream: u64,
    number: u64,
    limit: RateLimit,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Words {
    key: Option<WordKey>,
    stream: u64,
    said: u64,
    pace: Pace,
    /// What is said to single people.
    to_one: Pace,
    known: BTreeMap<ParticipantId, Known>,
}

impl Words {
    pub(super) const fn new(stream: u64) -> Self {
        Self {
            key: None,
            stream,
            said: 0,
            pace: TOLD,
            to_one: TO_ONE_KIB,
            known: BTreeMap::new(),
        }
    }

    /// The room is known, and with it what its words are sealed with.
    pub(super) fn set_key(&mut self, key: WordKey) {
        self.key = Some(key);
    }

    /// Whether another may be said now.
    pub(super) fn may_say(&self, now: Instant) -> bool {
        self.key.is_some() && self.pace.is_free(now) && self.to_one.is_free(now)
    }

    /// From when on the next may be said.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.pace.next_at().max(self.to_one.next_at())
    }

    /// Says something to somebody, or to everybody.
    pub(super) fn say(
        &mut self,
        me: ParticipantId,
        to: Option<ParticipantId>,
        message: &ControlMessage,
        cx: &mut Context<'_>,
    ) {
        if let Ok(json) = serde_json::to_vec(message) {
            self.tell(me, to, CONTROL_CHANNEL_ID, &json, cx);
        }
    }

    /// Says a frame of the chat, or one about files, to somebody, or to everybody.
    pub(super) fn say_frame(
        &mut self,
        me: ParticipantId,
        to: Option<ParticipantId>,
        kind: LaneKind,
        frame: &[u8],
        cx: &mut Context<'_>,
    ) {
        let channel = match kind {
            LaneKind::Chat => CHAT_CHANNEL_ID,
            _ => FILES_CHANNEL_ID,
        };
        self.tell(me, to, channel, frame, cx);
    }

    fn tell(
        &mut self,
        me: ParticipantId,
        to: Option<ParticipantId>,
        channel: u16,
        said: &[u8],
        cx: &mut Context<'_>,
    ) {
        let mut words = Vec::with_capacity(said.len() + 1);
        words.push(channel as u8);
        words.extend_from_slice(said);
        self.said += 1;
        let heading = Heading {
            sender: me,
            to,
            stream: self.stream,
            number: self.said,
        };
        let sealed = self.key.as_ref().and_then(|key| key.seal(heading, &words));
        match sealed {
            Some(payload) => {
                let bytes = payload["sealed"].as_str().map_or(0, str::len);
                match to {
                    None => self.pace.take_as(cx.now, 1 + (bytes / BYTES_AS_ONE) as u32),
                    Some(_) => {
                        self.pace.take(cx.now);
                        self.to_one.take_as(cx.now, 1 + (bytes / 1024) as u32);
                    }
                }
                cx.to_server.push(ClientMessage::Tell { payload, to });
            }
            None => cx.counters.signals_dropped += 1,
        }
    }

    /// Something was told of somebody who is there.
    pub(super) fn hear(
        &mut self,
        me: ParticipantId,
        from: ParticipantId,
        payload: &Value,
        roster: &Roster,
        cx: &mut Context<'_>,
    ) -> Option<Word> {
        if let Some(known) = self.known.get_mut(&from)
            && !known.limit.allow(cx.now)
        {
            cx.counters.flooded += 1;
            return None;
        }
        let Some(opened) = self.key.as_ref()?.open(from, me, payload) else {
            cx.counters.malformed_from_peer += 1;
            return None;
        };
        if let Some(known) = self.known.get_mut(&from) {
            if known.stream != opened.stream || known.number >= opened.number {
                cx.counters.stale += 1;
                return None;
            }
            known.number = opened.number;
        } else {
            if self.known.len() >= KNOWN_MAX {
                self.known.retain(|id, _| roster.has(*id));
            }
            let known = Known {
                stream: opened.stream,
                number: opened.number,
                limit: HEARD,
            };
            self.known.insert(from, known);
        }
        let word = read(&opened.words);
        cx.counters.malformed_from_peer += u64::from(word.is_none());
        word
    }
}

fn read(words: &[u8]) -> Option<Word> {
    let (channel, said) = words.split_first()?;
    match u16::from(*channel) {
        CONTROL_CHANNEL_ID if said.len() <= CONTROL_MESSAGE_BYTES_MAX => {
            serde_json::from_slice(said).ok().map(Word::Control)
        }
        CHAT_CHANNEL_ID if said.len() <= CHAT_FRAME_BYTES_MAX => {
            Some(Word::Frame(LaneKind::Chat, said.to_vec()))
        }
        FILES_CHANNEL_ID if said.len() <= FILE_FRAME_BYTES_MAX => {
            Some(Word::Frame(LaneKind::FileWords, said.to_vec()))
        }
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an arbitrary moment to count from")]
mod tests {
    use super::*;
    use crate::session::io::Outbox;
    use crate::stats::SessionCounters;
    use parley_proto::{LinkSecret, RoomId};

    const ADA: ParticipantId = ParticipantId::from_bytes([1; 16]);
    const BEN: ParticipantId = ParticipantId::from_bytes([2; 16]);

    fn words(stream: u64) -> Words {
        let mut words = Words::new(stream);
        let secret = LinkSecret::from_bytes([3; 16]);
        words.set_key(WordKey::derive(&secret, RoomId::from_bytes([4; 24])));
        words
    }

    #[test]
    fn what_was_heard_once_or_comes_of_another_stream_is_not_heard_again() {
        let (mut out, mut counters) = (Outbox::default(), SessionCounters::default());
        let mut cx = Context::new(Instant::now(), &mut out, &mut counters);
        let (mut ada, mut other, mut ben) = (words(1), words(9), words(2));
        for _ in 0..3 {
            ada.say(ADA, None, &ControlMessage::Bye, &mut cx);
        }
        other.say(ADA, None, &ControlMessage::Bye, &mut cx);
        let told: Vec<Value> = std::mem::take(&mut cx.to_server)
            .into_iter()
            .map(|message| match message {
                ClientMessage::Tell { payload, .. } => payload,
                other => panic!("{other:?}"),
            })
            .collect();
        let roster = Roster::default();
        let heard =
            [1, 0, 1, 3, 2].map(|at: usize| ben.hear(BEN, ADA, &told[at], &roster, &mut cx).is_some());
        assert_eq!(heard, [true, false, false, false, true]);
        assert_eq!(counters.stale, 3);
    }

    /// As a server counts: a listener's to all 64 KiB at once and 4 KiB a second, anybody's to one 256 KiB at once and 64 KiB a second.
    /// Gives how long `frames` of so many bytes took.
    fn said_within_what_a_server_takes(frames: usize, bytes: usize, to: Option<ParticipantId>) -> Duration {
        let (mut out, mut counters) = (Outbox::default(), SessionCounters::default());
        let start = Instant::now();
        let mut ada = words(1);
        let (burst, per_ms): (f64, f64) = match to {
            None => (65_536.0, 4.096),
            Some(_) => (262_144.0, 65.536),
        };
        let (mut left, mut said) = (burst, 0);
        for ms in 0..600_000 {
            let now = start + Duration::from_millis(ms);
            left = f64::min(left + per_ms, burst);
            let mut cx = Context::new(now, &mut out, &mut counters);
            while said < frames && ada.may_say(now) {
                // What is small goes in between.
                ada.say(ADA, to, &ControlMessage::Bye, &mut cx);
                ada.say_frame(ADA, to, LaneKind::Chat, &vec![b'x'; bytes], &mut cx);
                said += 1;
            }
            for message in std::mem::take(&mut cx.to_server) {
                let ClientMessage::Tell { payload, .. } = message else {
                    panic!("{message:?}");
                };
                left -= payload.to_string().len() as f64;
                assert!(left >= 0.0, "refused after {said} of {bytes} bytes");
            }
            if said == frames {
                return Duration::from_millis(ms);
            }
        }
        panic!("{said} of {frames} were said");
    }

    #[test]
    fn long_words_wait_until_a_server_takes_them_those_for_everybody_longer_than_those_for_one() {
        for bytes in [100, 4_000, 16_000, CHAT_FRAME_BYTES_MAX] {
            let took = said_within_what_a_server_takes(30, bytes, None);
            let whole = 30.0 * bytes as f64 * 4.0 / 3.0;
            assert!(
                took.as_secs_f64() < 1.0 + 30.0 * 0.11 + whole / 3_000.0,
                "{bytes} bytes: {took:?}"
            );
        }
        let took = said_within_what_a_server_takes(30, 4_000, Some(BEN));
        assert!(took < Duration::from_secs(2), "{took:?}");
        for bytes in [100, 16_000, CHAT_FRAME_BYTES_MAX] {
            let took = said_within_what_a_server_takes(60, bytes, Some(BEN));
            let whole = 60.0 * bytes as f64 * 4.0 / 3.0;
            assert!(
                took.as_secs_f64() < 60.0 * 0.11 + whole / 50_000.0,
                "{bytes} bytes to one: {took:?}"
            );
        }
    }

    #[test]
    fn a_channel_that_words_do_not_have_is_not_read() {
        for (words, expect) in [
            (&b"\x01{}"[..], Some(Word::Frame(LaneKind::Chat, b"{}".to_vec()))),
            (b"\x02{}", Some(Word::Frame(LaneKind::FileWords, b"{}".to_vec()))),
            (
                b"\x00{\"type\":\"bye\"}",
                Some(Word::Control(ControlMessage::Bye)),
            ),
            (b"\x00nonsense", None),
            (b"\x03{}", None),
            (b"", None),
        ] {
            assert_eq!(read(words), expect);
        }
    }
}
