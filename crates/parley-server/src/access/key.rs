//! Keys of an operator: for the admin API, and to sign tickets in a backend of their own.

use super::BookError;
use crate::key::ServerKey;
use crate::time::Moment;
use crate::token::{Ticket, read_foreign_ticket};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use parley_proto::ErrorCode;
use parley_proto::limits::{NAME_CHARS_MAX, TOKEN_BYTES_MAX};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq as _;

/// What a key begins with, so that scanners of code know a leaked one.
const PREFIX: &str = "parleykey";

/// What a key is called: no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// From random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Which key the header of a JWT names. Says nothing about whether it is signed by it.
    pub(super) fn named_in(token: &str) -> Option<Self> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        jsonwebtoken::decode_header(token).ok()?.kid?.parse().ok()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for KeyId {
    type Err = parley_proto::id::ParseIdError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > 64 {
            return Err(parley_proto::id::ParseIdError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let id = bytes.and_then(|bytes| bytes.try_into().ok());
        id.map(Self).ok_or(parley_proto::id::ParseIdError)
    }
}

impl TryFrom<String> for KeyId {
    type Error = parley_proto::id::ParseIdError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.to_string()
    }
}

/// How tickets of an operator's backend are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketKey {
    /// HS256, with a secret that the server derives from its own key and the key's id: it is kept nowhere here.
    Shared,
    /// EdDSA (Ed25519), by whoever has the private half of this.
    Public([u8; 32]),
}

impl TicketKey {
    /// From the public half in URL-safe base64; without one, a shared secret.
    ///
    /// # Errors
    /// [`BookError::BadKey`]
    pub fn parse(public: Option<&str>) -> Result<Self, BookError> {
        let Some(text) = public else {
            return Ok(Self::Shared);
        };
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BookError::BadKey)?;
        bytes.try_into().map(Self::Public).map_err(|_| BookError::BadKey)
    }
}

/// A key as it is kept: without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// What it is called.
    pub id: KeyId,
    /// What the operator called it.
    pub name: String,
    /// SHA-256 of its secret, which is 32 random bytes: nothing slower is needed.
    pub secret_hash: [u8; 32],
    /// How its tickets are signed.
    pub tickets: TicketKey,
    /// When it was made.
    pub made: Moment,
}

impl ApiKey {
    /// A key from random bytes, and the text that the operator gets once.
    #[must_use]
    pub fn make(
        now: Moment,
        id: [u8; 8],
        secret: [u8; 32],
        name: &str,
        tickets: TicketKey,
    ) -> (Self, String) {
        let id = KeyId(id);
        let secret = URL_SAFE_NO_PAD.encode(secret);
        let key = Self {
            id,
            name: name
                .chars()
                .filter(|c| !c.is_control())
                .take(NAME_CHARS_MAX)
                .collect(),
            secret_hash: Sha256::digest(secret.as_bytes()).into(),
            tickets,
            made: now,
        };
        (key, format!("{PREFIX}.{id}.{secret}"))
    }

    /// The two halves of a key's text.
    pub(super) fn split(text: &str) -> Option<(KeyId, &str)> {
        let (id, secret) = text.strip_prefix(PREFIX)?.strip_prefix('.')?.split_once('.')?;
        Some((id.parse().ok()?, secret))
    }

    pub(super) fn fits(kept: &[u8; 32], secret: &str) -> bool {
        let hash: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        kept.ct_eq(&hash).into()
    }

    /// The secret to sign tickets with, as text whose bytes are the HMAC key. `None` where tickets are signed by EdDSA.
    #[must_use]
    pub fn ticket_secret(&self, server: &ServerKey) -> Option<String> {
        match self.tickets {
            TicketKey::Public(_) => None,
            TicketKey::Shared => {
                let purpose = format!("tickets of key {}", self.id);
                Some(URL_SAFE_NO_PAD.encode(server.derive(&purpose)))
            }
        }
    }

    pub(super) fn read_ticket(
        &self,
        now: Moment,
        server: &ServerKey,
        token: &str,
    ) -> Result<Ticket, ErrorCode> {
        // The algorithm is the key's, never what the token says.
        let (algorithm, key) = match (&self.tickets, self.ticket_secret(server)) {
            (TicketKey::Public(public), _) => {
                let key = DecodingKey::from_ed_components(&URL_SAFE_NO_PAD.encode(public));
                (Algorithm::EdDSA, key.map_err(|_| ErrorCode::TicketInvalid)?)
            }
            (TicketKey::Shared, secret) => {
                let secret = secret.unwrap_or_default();
                (Algorithm::HS256, DecodingKey::from_secret(secret.as_bytes()))
            }
        };
        read_foreign_ticket(now, token, self.id, algorithm, &key)
    }
}
