//! The proof that the other side holds the link's secret and sees the same two DTLS fingerprints, so that nobody stands in
//! the middle. A pure function of its arguments; when proofs are sent and what follows from them is decided by
//! `session::proof_exchange`. `docs/protocol.md`, "The proof of fingerprints", says the same for other clients.
//!
//! A test vector, for whoever writes another client (hexadecimal; bytes counting up are written `first..last`):
//!
//! ```text
//! SECRET            00..0f
//! ROOM              10..27
//! sender            30..3f            receiver           40..4f
//! role              00 (came first)
//! sender's digest   50..6f            receiver's digest  70..8f
//! K    = da63a2fffad8ad22066d558ac07223f7fd518e0cefd6d19056c7d94394e21e76
//! mac  = a55aa92333ec0c7446b37c05e0498c4ebf4070c9b8a0c27c89acdf24c855f7ad
//! role 01: d30167580cf82ecae549a9f1462601564447f4f50a2d6fc8e241b21305e52e55
//! ```

use crate::sdp::Fingerprint;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use parley_proto::{LinkSecret, ParticipantId, RoomId};
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq;

const SALT: &[u8] = b"parley/1";
const INFO: &[u8] = b"fingerprint proof";
const CONTEXT: &[u8] = b"parley/1 proof\0";
/// Bytes of a SHA-256 block: what an HMAC key is padded to (RFC 2104).
const BLOCK_BYTES: usize = 64;

/// The key of one room's proofs.
#[derive(Clone)]
pub struct ProofKey([u8; 32]);

// A key in a log is no key.
impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofKey(…)")
    }
}

/// What a proof is about, from the side of the one who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// The room.
    pub room: RoomId,
    /// Who proves.
    pub sender: ParticipantId,
    /// To whom.
    pub receiver: ParticipantId,
    /// Whether the sender came second (the polite side of negotiations).
    pub sender_polite: bool,
    /// The fingerprint in the sender's own description.
    pub sender_fingerprint: Fingerprint,
    /// The fingerprint in the receiver's description, as the sender sees it.
    pub receiver_fingerprint: Fingerprint,
}

/// An HMAC-SHA256. Compared in constant time.
#[derive(Debug, Clone, Copy)]
pub struct ProofMac([u8; 32]);

impl PartialEq for ProofMac {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for ProofMac {}

impl ProofMac {
    /// As it travels: URL-safe base64 without padding.
    #[must_use]
    pub fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// From how it travels; nothing if it is not 32 bytes of URL-safe base64.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        // Longer than any proof: do not even decode.
        if text.len() > 64 {
            return None;
        }
        Some(Self(URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?))
    }
}

impl ProofKey {
    /// HKDF-SHA256 (RFC 5869) of the link's secret, bound to the room.
    #[must_use]
    pub fn derive(secret: &LinkSecret, room: RoomId) -> Self {
        let (prk, _) = Hkdf::<Sha256>::extract(Some(SALT), secret.as_bytes());
        // Expand, for one block: T(1) = HMAC(PRK, info || 01). Written out because 32 bytes cannot fail.
        let mut expand = keyed(prk.as_ref());
        expand.update(INFO);
        expand.update(room.as_bytes());
        expand.update(&[1]);
        Self(expand.finalize().into_bytes().into())
    }

    /// The proof of a statement.
    #[must_use]
    pub fn prove(&self, statement: &Statement) -> ProofMac {
        let mut mac = keyed(&self.0);
        mac.update(CONTEXT);
        mac.update(statement.room.as_bytes());
        mac.update(statement.sender.as_bytes());
        mac.update(statement.receiver.as_bytes());
        mac.update(&[u8::from(statement.sender_polite)]);
        for fingerprint in [statement.sender_fingerprint, statement.receiver_fingerprint] {
            let digest = fingerprint.as_bytes();
            mac.update(&[digest.len() as u8]);
            mac.update(digest);
        }
        ProofMac(mac.finalize().into_bytes().into())
    }
}

/// HMAC with a key no longer than a block, zero-padded as RFC 2104 has it.
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    let mut block = [0; BLOCK_BYTES];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    Hmac::new(&block.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting<const N: usize>(first: u8) -> [u8; N] {
        std::array::from_fn(|index| first + index as u8)
    }

    fn statement() -> Statement {
        Statement {
            room: RoomId::from_bytes(counting(0x10)),
            sender: ParticipantId::from_bytes(counting(0x30)),
            receiver: ParticipantId::from_bytes(counting(0x40)),
            sender_polite: false,
            sender_fingerprint: Fingerprint::from_bytes(counting(0x50)),
            receiver_fingerprint: Fingerprint::from_bytes(counting(0x70)),
        }
    }

    fn key() -> ProofKey {
        ProofKey::derive(&LinkSecret::from_bytes(counting(0)), statement().room)
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_vectors_of_the_documentation_hold() {
        assert_eq!(
            hex(&key().0),
            "da63a2fffad8ad22066d558ac07223f7fd518e0cefd6d19056c7d94394e21e76"
        );
        assert_eq!(
            hex(&key().prove(&statement()).0),
            "a55aa92333ec0c7446b37c05e0498c4ebf4070c9b8a0c27c89acdf24c855f7ad"
        );
        let second = Statement {
            sender_polite: true,
            ..statement()
        };
        assert_eq!(
            hex(&key().prove(&second).0),
            "d30167580cf82ecae549a9f1462601564447f4f50a2d6fc8e241b21305e52e55"
        );
    }

    #[test]
    fn the_key_is_what_hkdf_expands_to() {
        let mut info = INFO.to_vec();
        info.extend_from_slice(statement().room.as_bytes());
        let mut expect = [0; 32];
        Hkdf::<Sha256>::new(Some(SALT), &counting::<16>(0))
            .expand(&info, &mut expect)
            .unwrap();
        assert_eq!(key().0, expect);
    }

    #[test]
    fn every_part_of_a_statement_changes_the_proof() {
        let right = key().prove(&statement());
        let other_id = ParticipantId::from_bytes([9; 16]);
        let other_fingerprint = Fingerprint::from_bytes([9; 32]);
        let reflected = Statement {
            sender: statement().receiver,
            receiver: statement().sender,
            sender_fingerprint: statement().receiver_fingerprint,
            receiver_fingerprint: statement().sender_fingerprint,
            ..statement()
        };
        for (what, wrong) in [
            (
                "room",
                Statement {
                    room: RoomId::from_bytes([9; 24]),
                    ..statement()
                },
            ),
            (
                "sender",
                Statement {
                    sender: other_id,
                    ..statement()
                },
            ),
            (
                "receiver",
                Statement {
                    receiver: other_id,
                    ..statement()
                },
            ),
            (
                "role",
                Statement {
                    sender_polite: true,
                    ..statement()
                },
            ),
            (
                "own fingerprint",
                Statement {
                    sender_fingerprint: other_fingerprint,
                    ..statement()
                },
            ),
            (
                "other fingerprint",
                Statement {
                    receiver_fingerprint: other_fingerprint,
                    ..statement()
                },
            ),
            ("direction", reflected),
        ] {
            assert_ne!(key().prove(&wrong), right, "{what}");
        }
        let other_link = ProofKey::derive(&LinkSecret::from_bytes([9; 16]), statement().room);
        assert_ne!(other_link.prove(&statement()), right, "secret");
    }

    #[test]
    fn proofs_survive_the_trip_and_garbage_is_refused() {
        let mac = key().prove(&statement());
        assert_eq!(ProofMac::from_text(&mac.to_text()), Some(mac));
        for garbage in ["", "AAAA", "not base64!", &"A".repeat(44), &"A".repeat(10_000)] {
            assert_eq!(ProofMac::from_text(garbage), None, "{garbage:.20}");
        }
    }
}
