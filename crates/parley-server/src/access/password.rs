//! A room's password: only an Argon2id hash of it stays. Hashing takes tens of milliseconds and 19 MiB: drivers do it on
//! threads for that, never the hub.

use argon2::{Algorithm, Argon2, Params, Version};
use parley_proto::limits::PASSWORD_CHARS_MAX;
use std::fmt;
use subtle::ConstantTimeEq as _;

const SALT_BYTES: usize = 16;
const DIGEST_BYTES: usize = 32;
/// OWASP's first recommendation for Argon2id (RFC 9106): 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Which of our parameters a hash was made with; the first byte of what is kept.
const PARAMETERS: u8 = 1;

/// A password as somebody typed it. Not in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// `None` when it is empty or too long.
    #[must_use]
    pub fn new(text: String) -> Option<Self> {
        let chars = text.chars().take(PASSWORD_CHARS_MAX + 1).count();
        (1..=PASSWORD_CHARS_MAX).contains(&chars).then_some(Self(text))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What is kept of a password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PasswordHash {
    salt: [u8; SALT_BYTES],
    digest: [u8; DIGEST_BYTES],
}

impl PasswordHash {
    /// Slow on purpose. `salt` must be random. `None` would mean that there is not enough memory.
    #[must_use]
    pub fn make(password: &Password, salt: [u8; SALT_BYTES]) -> Option<Self> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(DIGEST_BYTES)).ok()?;
        let mut digest = [0; DIGEST_BYTES];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(password.0.as_bytes(), &salt, &mut digest)
            .ok()?;
        Some(Self { salt, digest })
    }

    /// Slow on purpose.
    #[must_use]
    pub fn fits(&self, password: &Password) -> bool {
        Self::make(password, self.salt).is_some_and(|other| other.digest.ct_eq(&self.digest).into())
    }

    /// To be kept.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [&[PARAMETERS][..], &self.salt, &self.digest].concat()
    }

    /// What was kept.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&PARAMETERS, rest) = bytes.split_first()? else {
            return None;
        };
        let (salt, digest) = rest.split_at_checked(SALT_BYTES)?;
        Some(Self {
            salt: salt.try_into().ok()?,
            digest: digest.try_into().ok()?,
        })
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}
