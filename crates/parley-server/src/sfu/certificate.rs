//! The certificate of DTLS: made at the start, vouched for by nothing but its fingerprint, which goes through signaling.

use rcgen::{CertificateParams, DnType, KeyPair};
use str0m::config::DtlsCert;

/// One server's.
#[derive(Clone)]
pub struct Certificate {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate(…)")
    }
}

impl Certificate {
    /// A new one.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self, rcgen::Error> {
        // Its name is shown to nobody; WebRTC's own certificates have one as empty of meaning.
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.distinguished_name.push(DnType::CommonName, "WebRTC");
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            certificate: certificate.der().to_vec(),
            key: key.serialize_der(),
        })
    }

    pub(super) fn for_dtls(&self) -> DtlsCert {
        DtlsCert {
            certificate: self.certificate.clone(),
            private_key: self.key.clone(),
        }
    }
}
