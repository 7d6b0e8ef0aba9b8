//! Nonces that nobody has to remember: an expiry and a MAC over it and the client's address. A flood of requests leaves
//! nothing behind, and a nonce seen on one address is worth nothing on another.

use super::moment::Moment;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use subtle::ConstantTimeEq as _;

/// RFC 8656, section 5: at least once an hour.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// "Nonce cookie" (RFC 8489, section 9.2): what follows are 24 bits of security features.
const COOKIE: &str = "obMatJos2";
/// Bit 0, password algorithms (RFC 8489, section 18.1). Not bit 1: who has a name only as a hash cannot be told it back, since
/// no names are stored.
const FEATURES: [u8; 3] = [0b1000_0000, 0, 0];
const EXPIRY_BYTES: usize = 8;
/// Of the MAC; an hour of guessing at any speed does not find it.
const MAC_BYTES: usize = 12;

/// Makes and recognises nonces.
#[derive(Clone)]
pub(super) struct Nonces {
    key: [u8; 32],
}

impl Nonces {
    /// Servers with the same key recognise each other's nonces.
    pub(super) const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// A nonce for `client`.
    pub(super) fn make(&self, now: Moment, client: SocketAddr) -> String {
        let expiry = (now + LIFETIME).steady_s().to_be_bytes();
        let mut bytes = [0; EXPIRY_BYTES + MAC_BYTES];
        let (head, tail) = bytes.split_at_mut(EXPIRY_BYTES);
        head.copy_from_slice(&expiry);
        tail.copy_from_slice(&self.mac(expiry, client));
        let mut nonce = String::with_capacity(48);
        nonce.push_str(COOKIE);
        STANDARD.encode_string(FEATURES, &mut nonce);
        URL_SAFE_NO_PAD.encode_string(bytes, &mut nonce);
        nonce
    }

    /// Whether `nonce` was made for `client` and may still be used.
    pub(super) fn is_fresh(&self, now: Moment, client: SocketAddr, nonce: &str) -> bool {
        let Some(rest) = nonce.strip_prefix(COOKIE) else {
            return false;
        };
        // The features belong to what is promised: a nonce with others was bid down on its way.
        let Some(rest) = rest.strip_prefix(STANDARD.encode(FEATURES).as_str()) else {
            return false;
        };
        let mut bytes = [0; EXPIRY_BYTES + MAC_BYTES];
        // The decoder wants room for its estimate, which may be more than what comes out.
        let mut room = [0; EXPIRY_BYTES + MAC_BYTES + 4];
        match URL_SAFE_NO_PAD.decode_slice(rest, &mut room) {
            Ok(length) if length == bytes.len() => bytes.copy_from_slice(&room[..length]),
            _ => return false,
        }
        let (expiry, mac) = bytes.split_at(EXPIRY_BYTES);
        let expiry: [u8; EXPIRY_BYTES] = expiry.try_into().unwrap_or_default();
        let ours: bool = self.mac(expiry, client).ct_eq(mac).into();
        ours && now.steady_s() < u64::from_be_bytes(expiry)
    }

    fn mac(&self, expiry: [u8; EXPIRY_BYTES], client: SocketAddr) -> [u8; MAC_BYTES] {
        let mut mac = [0; MAC_BYTES];
        // HMAC takes a key of any length, so this cannot fail.
        if let Ok(hmac) = Hmac::<Sha256>::new_from_slice(&self.key) {
            let hmac = hmac
                .chain_update(expiry)
                .chain_update(client.port().to_be_bytes());
            let hmac = match client.ip().to_canonical() {
                IpAddr::V4(ip) => hmac.chain_update(ip.octets()),
                IpAddr::V6(ip) => hmac.chain_update(ip.octets()),
            };
            mac.copy_from_slice(&hmac.finalize().into_bytes()[..MAC_BYTES]);
        }
        mac
    }
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_unix_ms(1_700_000_000_000);

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_nonce_is_good_for_its_client_until_it_expires() {
        let nonces = Nonces::new([1; 32]);
        let client = address("192.0.2.1:4000");
        let nonce = nonces.make(NOW, client);
        assert!(nonces.is_fresh(NOW, client, &nonce));
        assert!(nonces.is_fresh(NOW, address("[::ffff:192.0.2.1]:4000"), &nonce));
        assert!(nonces.is_fresh(NOW + (LIFETIME - Duration::from_secs(1)), client, &nonce));
        assert!(!nonces.is_fresh(NOW + LIFETIME, client, &nonce));
        assert!(!nonces.is_fresh(NOW, address("192.0.2.1:4001"), &nonce));
        assert!(!nonces.is_fresh(NOW, address("192.0.2.2:4000"), &nonce));
        assert!(!Nonces::new([2; 32]).is_fresh(NOW, client, &nonce));
    }

    #[test]
    fn a_changed_nonce_is_not_fresh() {
        let nonces = Nonces::new([1; 32]);
        let client = address("[2001:db8::1]:4000");
        let nonce = nonces.make(NOW, client);
        for at in 0..nonce.len() {
            let mut changed = nonce.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(!nonces.is_fresh(NOW, client, &changed), "{changed}");
        }
        for other in [
            "",
            "obMatJos2",
            "obMatJos2gAAA",
            "obMatJos2AAAA",
            &nonce[..nonce.len() - 1],
        ] {
            assert!(!nonces.is_fresh(NOW, client, other), "{other}");
        }
        assert!(!nonces.is_fresh(NOW, client, &format!("{nonce}A")));
    }

    #[test]
    fn a_nonce_says_that_password_algorithms_are_known() {
        let nonce = Nonces::new([1; 32]).make(NOW, address("192.0.2.1:4000"));
        assert!(nonce.starts_with("obMatJos2gAAA"), "{nonce}");
        assert!(nonce.len() <= 40, "the answer it is in has to stay small");
    }
}
