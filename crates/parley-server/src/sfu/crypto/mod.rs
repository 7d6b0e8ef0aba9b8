//! What `str0m` needs of cryptography, by `ring`, which this server has anyway (and two small crates for the one mode of AES that
//! `ring` keeps to itself). No decisions of our own: each function is the standard's, handed through.
//!
//! | file | for what |
//! |---|---|
//! | `dtls` | the handshake: one configuration, made and tried once (RFC 6347, with RFC 8422's curves) |
//! | `suites` | its ciphers |
//! | `exchange` | its keys: agreement, signature, certificate |
//! | `srtp` | every packet of media (RFC 7714; RFC 3711 for those who know nothing newer) |
//! | here | hashes: fingerprints of certificates, and the integrity of STUN |

mod dtls;
mod exchange;
mod srtp;
mod suites;

use ring::{digest, hmac};
use std::sync::{Arc, LazyLock};
use str0m_proto::crypto::{CryptoProvider, Sha1HmacProvider, Sha1Provider, Sha256Provider};

/// All of it, for every connection.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        Arc::new(CryptoProvider {
            srtp_provider: &srtp::Srtp,
            sha1_hmac_provider: &Hashes,
            sha1_provider: &Hashes,
            sha256_provider: &Hashes,
            dtls_provider: &dtls::Handshakes,
        })
    });
    Arc::clone(&PROVIDER)
}

#[derive(Debug)]
struct Hashes;

impl Sha256Provider for Hashes {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        first(digest::digest(&digest::SHA256, data).as_ref())
    }
}

impl Sha1Provider for Hashes {
    fn sha1(&self, data: &[u8]) -> [u8; 20] {
        first(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, data).as_ref())
    }
}

impl Sha1HmacProvider for Hashes {
    fn sha1_hmac(&self, key: &[u8], payloads: &[&[u8]]) -> [u8; 20] {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
        let mut context = hmac::Context::with_key(&key);
        for payload in payloads {
            context.update(payload);
        }
        first(context.sign().as_ref())
    }
}

/// A hash as an array: both have the same length.
fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn hashes_are_the_standards() {
        assert_eq!(
            hex(&Hashes.sha256(b"abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "FIPS 180-4"
        );
        assert_eq!(
            hex(&Hashes.sha1(b"abc")),
            "a9993e364706816aba3e25717850c26c9cd0d89d"
        );
        let mac = Hashes.sha1_hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(
            hex(&mac),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
            "RFC 2202, test case 2"
        );
    }
}
