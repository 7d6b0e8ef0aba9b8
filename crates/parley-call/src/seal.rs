//! Words between the people of a group, sealed so that the server that passes them on can neither read nor make them. A pure
//! function of its arguments; what is said when is decided by `session::group`. `docs/protocol.md`, "Words in a group", says the
//! same for other clients.
//!
//! AES-256-GCM (NIST SP 800-38D) under a key of HKDF-SHA256 (RFC 5869) from the link's secret. Everybody who has the link can read and
//! write: who wrote a word is the server's word for it, bound into the key with the room, so that it cannot be told as somebody
//! else's. Each session writes under a `stream` of its own, numbers what it says, and uses no number twice. Whoever hears takes one
//! stream of a person, with growing numbers: nothing is heard twice. A word to one cannot be told to another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use parley_proto::limits::TELL_BYTES_MAX;
use parley_proto::{LinkSecret, ParticipantId, RoomId};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Sha256;
use std::fmt;

const SALT: &[u8] = b"parley/1";
const INFO: &[u8] = b"group words";
/// Stands for everybody where a receiver is named.
const EVERYBODY: [u8; 16] = [0; 16];

/// What the words of one room are sealed with.
#[derive(Clone)]
pub struct WordKey {
    /// HKDF's pseudorandom key, an HMAC key padded to a block.
    prk: [u8; 64],
    room: RoomId,
}

// A key in a log is no key.
impl fmt::Debug for WordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WordKey(…)")
    }
}

/// Whose words, and which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heading {
    /// Who says it.
    pub sender: ParticipantId,
    /// To whom; nobody for everybody.
    pub to: Option<ParticipantId>,
    /// Another one for each session.
    pub stream: u64,
    /// Counts up in a stream; never the same twice.
    pub number: u64,
}

/// A word on its way.
#[derive(Debug, Serialize, Deserialize)]
struct Sealed {
    stream: String,
    number: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    to_one: bool,
    sealed: String,
}

/// What was said, opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Of which stream.
    pub stream: u64,
    /// Which of it.
    pub number: u64,
    /// The words.
    pub words: Vec<u8>,
}

impl WordKey {
    /// The key of a room's words.
    #[must_use]
    pub fn derive(secret: &LinkSecret, room: RoomId) -> Self {
        let (extracted, _) = Hkdf::<Sha256>::extract(Some(SALT), secret.as_bytes());
        let extracted: [u8; 32] = extracted.into();
        let mut prk = [0; 64];
        for (to, from) in prk.iter_mut().zip(&extracted) {
            *to = *from;
        }
        Self { prk, room }
    }

    /// Seals; nothing if it would be larger than a server passes on.
    #[must_use]
    pub fn seal(&self, heading: Heading, words: &[u8]) -> Option<Value> {
        let mut sealed = words.to_vec();
        let (key, nonce) = (
            self.stream_key(heading.sender, heading.stream)?,
            nonce(heading.number),
        );
        key.seal_in_place_append_tag(nonce, Aad::from(receiver(heading.to)), &mut sealed)
            .ok()?;
        let sealed = Sealed {
            stream: URL_SAFE_NO_PAD.encode(heading.stream.to_be_bytes()),
            number: heading.number,
            to_one: heading.to.is_some(),
            sealed: URL_SAFE_NO_PAD.encode(sealed),
        };
        let value = serde_json::to_value(sealed).ok()?;
        (value.to_string().len() <= TELL_BYTES_MAX).then_some(value)
    }

    /// Opens what `me` was told of `from`; nothing if it was not sealed by somebody with the link as a word of theirs to here.
    #[must_use]
    pub fn open(&self, from: ParticipantId, me: ParticipantId, told: &Value) -> Option<Opened> {
        let word = Sealed::deserialize(told).ok()?;
        if word.sealed.len() > TELL_BYTES_MAX || word.stream.len() > 16 {
            return None;
        }
        let stream = URL_SAFE_NO_PAD.decode(&word.stream).ok()?;
        let stream = u64::from_be_bytes(stream.try_into().ok()?);
        let mut sealed = URL_SAFE_NO_PAD.decode(&word.sealed).ok()?;
        let aad = Aad::from(receiver(word.to_one.then_some(me)));
        let words = self
            .stream_key(from, stream)?
            .open_in_place(nonce(word.number), aad, &mut sealed)
            .ok()?
            .to_vec();
        Some(Opened {
            stream,
            number: word.number,
            words,
        })
    }

    /// The key of one session's words. HKDF's expansion to one block, written out because 32 bytes cannot fail:
    /// `HMAC(PRK, "group words" || room || sender || stream || 01)`.
    fn stream_key(&self, sender: ParticipantId, stream: u64) -> Option<LessSafeKey> {
        let mut expand: Hmac<Sha256> = Hmac::new(&self.prk.into());
        expand.update(INFO);
        expand.update(self.room.as_bytes());
        expand.update(sender.as_bytes());
        expand.update(&stream.to_be_bytes());
        expand.update(&[1]);
        let key: [u8; 32] = expand.finalize().into_bytes().into();
        let key = UnboundKey::new(&AES_256_GCM, &key).ok()?;
        Some(LessSafeKey::new(key))
    }
}

/// Four zero bytes and the number.
fn nonce(number: u64) -> Nonce {
    let mut nonce = [0; 12];
    for (to, from) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
        *to = from;
    }
    Nonce::assume_unique_for_key(nonce)
}

fn receiver(to: Option<ParticipantId>) -> [u8; 16] {
    to.map_or(EVERYBODY, |to| *to.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn counting<const N: usize>(first: u8) -> [u8; N] {
        std::array::from_fn(|index| first + index as u8)
    }

    fn key() -> WordKey {
        WordKey::derive(
            &LinkSecret::from_bytes(counting(0)),
            RoomId::from_bytes(counting(0x10)),
        )
    }

    const ADA: [u8; 16] = [0xa0; 16];
    const BEN: [u8; 16] = [0xb0; 16];

    fn heading(to: Option<[u8; 16]>) -> Heading {
        Heading {
            sender: ParticipantId::from_bytes(ADA),
            to: to.map(ParticipantId::from_bytes),
            stream: 0x5051_5253_5455_5657,
            number: 7,
        }
    }

    fn open(key: &WordKey, from: [u8; 16], me: [u8; 16], told: &Value) -> Option<Vec<u8>> {
        let opened = key.open(
            ParticipantId::from_bytes(from),
            ParticipantId::from_bytes(me),
            told,
        );
        opened.map(|opened| opened.words)
    }

    #[test]
    fn whoever_has_the_link_reads_and_nobody_else() {
        for to in [None, Some(BEN)] {
            let told = key().seal(heading(to), b"hello").unwrap();
            assert_eq!(open(&key(), ADA, BEN, &told), Some(b"hello".to_vec()));
            assert_eq!(open(&key(), BEN, BEN, &told), None, "told as somebody else's");
            let other_room = WordKey::derive(
                &LinkSecret::from_bytes(counting(0)),
                RoomId::from_bytes(counting(0x11)),
            );
            assert_eq!(open(&other_room, ADA, BEN, &told), None);
            let other_link = WordKey::derive(
                &LinkSecret::from_bytes(counting(1)),
                RoomId::from_bytes(counting(0x10)),
            );
            assert_eq!(open(&other_link, ADA, BEN, &told), None);
        }
        let to_ben = key().seal(heading(Some(BEN)), b"hello").unwrap();
        assert_eq!(
            open(&key(), ADA, [0xc0; 16], &to_ben),
            None,
            "told to somebody else"
        );
    }

    #[test]
    fn nothing_of_a_sealed_word_can_be_changed() {
        let told = key().seal(heading(Some(BEN)), b"hello").unwrap();
        for (field, value) in [
            ("number", json!(8)),
            ("number", json!(-1)),
            ("stream", json!("AAAAAAAAAAA")),
            ("stream", json!("")),
            ("to_one", json!(false)),
            ("sealed", json!("")),
            ("sealed", json!("AAAA")),
        ] {
            let mut changed = told.clone();
            changed[field] = value;
            assert_eq!(open(&key(), ADA, BEN, &changed), None, "{field}");
        }
    }

    #[test]
    fn the_vector_of_the_documentation_holds() {
        let words = b"\x00{\"type\":\"bye\"}";
        let told = key().seal(heading(Some(BEN)), words).unwrap();
        let page = include_str!("../../../docs/protocol.md");
        let example = page
            .split("```json\n")
            .find(|block| block.starts_with(r#"{"stream""#));
        let example: Value = serde_json::from_str(example.unwrap().split("```").next().unwrap()).unwrap();
        assert_eq!(told, example);
    }

    #[test]
    fn what_no_server_would_pass_on_is_not_sealed() {
        assert_eq!(key().seal(heading(None), &vec![0; TELL_BYTES_MAX]), None);
        let frame = vec![0; parley_proto::limits::CHAT_FRAME_BYTES_MAX + 1];
        assert!(
            key().seal(heading(None), &frame).is_some(),
            "the longest chat message fits"
        );
    }

    proptest! {
        #[test]
        fn anything_told_is_opened_or_refused(
            stream in "[A-Za-z0-9_-]{0,12}", number in any::<u64>(), sealed in "[A-Za-z0-9_-]{0,60}", text in "\\PC{0,40}",
        ) {
            for told in [json!({"stream": stream, "number": number, "sealed": sealed}), json!(text), json!(null)] {
                prop_assert_eq!(open(&key(), ADA, BEN, &told), None);
            }
        }
    }
}
