//! DTLS by `dimpl`, with what is in `suites` and `exchange`.

use super::{exchange, suites};
use dimpl::crypto::{CryptoProvider, HashAlgorithm, HashContext, HashProvider, HmacProvider, SecureRandom};
use dimpl::{Config, CryptoError, CryptoOperation, Dtls, DtlsCertificate};
use ring::digest::{self, Context};
use ring::{hmac, rand};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use str0m_proto::crypto::dtls::{
    DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion,
};
use str0m_proto::crypto::{CryptoError as Refused, DtlsVersion};

/// Makes one side of a handshake for each connection. Certificates come from outside: a server keeps one.
#[derive(Debug)]
pub(super) struct Handshakes;

impl DtlsProvider for Handshakes {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        None
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        _version: DtlsVersion,
        _mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, Refused> {
        let certificate = DtlsCertificate {
            certificate: certificate.certificate.clone(),
            private_key: certificate.private_key.clone(),
        };
        // Version 1.2 alone: every browser speaks it, and the exchange for 1.3 would have to look into certificates more closely.
        Ok(Box::new(Handshake(Dtls::new_12(config()?, certificate, now))))
    }
}

/// Made once: making it tries every part against known answers, which takes as long as a few handshakes.
fn config() -> Result<Arc<Config>, Refused> {
    static CONFIG: OnceLock<Arc<Config>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config));
    }
    // ICE has proven that the other side is where it says it is; a cookie would prove it once more.
    let config = Config::builder()
        .use_server_cookie(false)
        .with_crypto_provider(parts())
        .build()
        .map_err(|error| Refused::Other(error.to_string()))?;
    Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
}

fn parts() -> CryptoProvider {
    CryptoProvider {
        kx_groups: exchange::GROUPS,
        signature_verification: &exchange::Certificates,
        key_provider: &exchange::Certificates,
        secure_random: &Parts,
        hash_provider: &Parts,
        hmac_provider: &Parts,
        cipher_suites: suites::DTLS_12,
        dtls13_cipher_suites: suites::DTLS_13,
    }
}

#[derive(Debug)]
struct Parts;

impl SecureRandom for Parts {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), CryptoError> {
        rand::SecureRandom::fill(&rand::SystemRandom::new(), bytes)
            .map_err(|_| CryptoError::OperationFailed(CryptoOperation::FillRandom))
    }
}

impl HashProvider for Parts {
    fn create_hash(&self, algorithm: HashAlgorithm) -> Box<dyn HashContext> {
        // The suites know two hashes, so nothing else is asked for.
        let algorithm = match algorithm {
            HashAlgorithm::SHA384 => &digest::SHA384,
            _ => &digest::SHA256,
        };
        Box::new(Hash(Context::new(algorithm)))
    }
}

impl HmacProvider for Parts {
    fn hmac(
        &self,
        hash: HashAlgorithm,
        key: &[u8],
        data: &[u8],
        out: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let algorithm = match hash {
            HashAlgorithm::SHA256 => hmac::HMAC_SHA256,
            HashAlgorithm::SHA384 => hmac::HMAC_SHA384,
            _ => return Err(CryptoError::UnsupportedHmacHash(hash)),
        };
        let tag = hmac::sign(&hmac::Key::new(algorithm, key), data);
        let tag = tag.as_ref();
        out.get_mut(..tag.len())
            .ok_or(CryptoError::OperationFailed(CryptoOperation::ComputeHmac))?
            .copy_from_slice(tag);
        Ok(tag.len())
    }
}

struct Hash(Context);

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(…)")
    }
}

impl HashContext for Hash {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn clone_and_finalize(&self, out: &mut dimpl::crypto::Buf) {
        out.clear();
        out.extend_from_slice(self.0.clone().finish().as_ref());
    }
}

struct Handshake(Dtls);

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handshake(…)")
    }
}

impl DtlsInstance for Handshake {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        self.0.poll_output(buf)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.0.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_part_gives_the_known_answers() {
        // The library tries all of them when a configuration is made.
        super::config().unwrap();
    }
}
