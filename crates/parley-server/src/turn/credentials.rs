//! Credentials that nobody has to store: the user name says until when it is good, and the password is a MAC of it ("TURN
//! REST", draft-uberti-behave-turn-rest). coturn understands the same ones (`use-auth-secret`).

use super::moment::Moment;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use std::fmt;
use std::time::Duration;
use stun_types::message::{IntegrityAlgorithm, IntegrityKey, LongTermKeyCredentials};

/// RFC 8489, section 14.3, allows 508; nobody mints such.
const USERNAME_BYTES_MAX: usize = 256;

/// What this server and whoever mints credentials for it have in common.
#[derive(Clone)]
pub struct TurnSecret(Box<[u8]>);

/// A user name and its password, as a client is given them.
#[derive(Clone, PartialEq, Eq)]
pub struct TurnCredentials {
    /// `expiry:id`, the expiry in seconds since the UNIX epoch.
    pub username: String,
    /// Base64 of HMAC-SHA1 over the user name.
    pub password: String,
}

impl TurnSecret {
    /// From any bytes, the more random the better.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// Credentials for `id` that are good for a new allocation until `now + lifetime`.
    #[must_use]
    pub fn mint(&self, now: Moment, lifetime: Duration, id: &str) -> TurnCredentials {
        let username = format!("{}:{id}", (now + lifetime).unix_s());
        let password = self.password(&username);
        TurnCredentials { username, password }
    }

    fn password(&self, username: &str) -> String {
        // HMAC takes a key of any length, so this cannot fail.
        Hmac::<Sha1>::new_from_slice(&self.0).map_or_else(
            |_| String::new(),
            |mac| STANDARD.encode(mac.chain_update(username).finalize().into_bytes()),
        )
    }

    /// The key that messages of `username` are signed with (RFC 8489, section 9.2.2).
    pub(super) fn key(&self, username: &str, realm: &str, algorithm: IntegrityAlgorithm) -> IntegrityKey {
        LongTermKeyCredentials::new(username.into(), self.password(username), realm.into())
            .make_key(algorithm)
    }
}

impl fmt::Debug for TurnSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TurnSecret(…)")
    }
}

impl fmt::Debug for TurnCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TurnCredentials(…)")
    }
}

/// What a user name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claim<'a> {
    /// Until when, in seconds since the UNIX epoch.
    pub(super) expires_unix_s: u64,
    /// Who: the same in every set of credentials of one user. What quotas count by.
    pub(super) user: &'a str,
}

impl<'a> Claim<'a> {
    /// Reads `expiry:id`.
    pub(super) fn read(username: &'a str) -> Option<Self> {
        if username.len() > USERNAME_BYTES_MAX {
            return None;
        }
        let (expiry, user) = username.split_once(':')?;
        // `parse` would also take a sign.
        if expiry.is_empty() || !expiry.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Self {
            expires_unix_s: expiry.parse().ok()?,
            user,
        })
    }

    /// Whether a new allocation may be had with it.
    pub(super) fn is_current(&self, now: Moment) -> bool {
        now.unix_s() < self.expires_unix_s
    }

    /// Whether what was allocated in time may still be kept: a call is not to end in the middle.
    pub(super) fn is_tolerable(&self, now: Moment, grace: Duration) -> bool {
        now.unix_s() < self.expires_unix_s.saturating_add(grace.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_those_that_coturn_would_accept() {
        // `printf 1700000600:alice | openssl dgst -sha1 -hmac north -binary | base64`
        let credentials = TurnSecret::new(b"north").mint(
            Moment::from_unix_ms(1_700_000_000_000),
            Duration::from_secs(600),
            "alice",
        );
        assert_eq!(credentials.username, "1700000600:alice");
        assert_eq!(credentials.password, "gthUwOpcRoLI0MMCziCEBOWYnpo=");
    }

    #[test]
    fn a_user_name_says_until_when_and_who() {
        let read = |text| Claim::read(text).map(|claim| (claim.expires_unix_s, claim.user));
        assert_eq!(read("1700000600:alice"), Some((1_700_000_600, "alice")));
        assert_eq!(read("1:a:b"), Some((1, "a:b")));
        for wrong in [
            "",
            "alice",
            "x:alice",
            "+1:alice",
            "-1:alice",
            "99999999999999999999999:a",
            &format!("1:{}", "x".repeat(300)),
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        // What a name without an expiry would be must not be one that never expires.
        assert!(Claim::read(":alice").is_none());
    }

    #[test]
    fn credentials_end_and_calls_end_later() {
        let claim = Claim::read("1000:alice").unwrap();
        let at = |s: u64| Moment::from_unix_ms(s * 1000);
        assert!(claim.is_current(at(999)));
        assert!(!claim.is_current(at(1000)));
        assert!(claim.is_tolerable(at(1059), Duration::from_secs(60)));
        assert!(!claim.is_tolerable(at(1060), Duration::from_secs(60)));
        // A machine that slept, and one whose clock was wrong when it started.
        assert!(!claim.is_current(at(10).on_wall(1_000_000)));
        assert!(claim.is_current(at(5000).on_wall(999_000)));
    }
}
