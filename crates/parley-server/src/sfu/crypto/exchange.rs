//! The keys of DTLS: agreed upon over X25519 or a NIST curve (RFC 8422), vouched for by ECDSA with a certificate whose fingerprint
//! came through signaling.

use dimpl::crypto::{
    ActiveKeyExchange, Buf, HashAlgorithm, KeyProvider, NamedGroup, SignatureAlgorithm, SignatureVerifier,
    SigningKey, SupportedKxGroup, check_verify_scheme,
};
use dimpl::{CryptoError, CryptoOperation};
use ring::agreement::{self, EphemeralPrivateKey, UnparsedPublicKey};
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair};
use std::fmt;
use x509_parser::oid_registry::{OID_EC_P256, OID_NIST_EC_P384};

/// What is offered and taken, best first.
pub(super) static GROUPS: &[&dyn SupportedKxGroup] = &[
    &Group(NamedGroup::X25519),
    &Group(NamedGroup::Secp256r1),
    &Group(NamedGroup::Secp384r1),
];

#[derive(Debug)]
struct Group(NamedGroup);

impl Group {
    fn algorithm(&self) -> &'static agreement::Algorithm {
        match self.0 {
            NamedGroup::Secp256r1 => &agreement::ECDH_P256,
            NamedGroup::Secp384r1 => &agreement::ECDH_P384,
            _ => &agreement::X25519,
        }
    }
}

impl SupportedKxGroup for Group {
    fn name(&self) -> NamedGroup {
        self.0
    }

    fn start_exchange(&self, mut public: Buf) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        let failed = |_| CryptoError::OperationFailed(CryptoOperation::GenerateEphemeralKey);
        let private =
            EphemeralPrivateKey::generate(self.algorithm(), &SystemRandom::new()).map_err(failed)?;
        public.clear();
        public.extend_from_slice(private.compute_public_key().map_err(failed)?.as_ref());
        Ok(Box::new(Exchange {
            group: self.0,
            private,
            public,
        }))
    }
}

struct Exchange {
    group: NamedGroup,
    private: EphemeralPrivateKey,
    public: Buf,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exchange")
            .field(&self.group)
            .finish_non_exhaustive()
    }
}

impl ActiveKeyExchange for Exchange {
    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn complete(self: Box<Self>, theirs: &[u8], out: &mut Buf) -> Result<(), CryptoError> {
        let group = self.group;
        let theirs = UnparsedPublicKey::new(self.private.algorithm(), theirs);
        agreement::agree_ephemeral(self.private, &theirs, |secret| {
            out.clear();
            out.extend_from_slice(secret);
        })
        .map_err(|_| CryptoError::InvalidPublicKey(group))
    }

    fn group(&self) -> NamedGroup {
        self.group
    }
}

/// Our certificate's key, and theirs.
#[derive(Debug)]
pub(super) struct Certificates;

impl KeyProvider for Certificates {
    /// P-256 in PKCS #8, as `rcgen` makes it.
    fn load_private_key(&self, key: &[u8]) -> Result<Box<dyn SigningKey>, CryptoError> {
        EcdsaKeyPair::from_pkcs8(
            &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
            key,
            &SystemRandom::new(),
        )
        .map(|pair| Box::new(Signer(pair)) as Box<dyn SigningKey>)
        .map_err(|_| CryptoError::InvalidPrivateKey)
    }
}

struct Signer(EcdsaKeyPair);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(…)")
    }
}

impl SigningKey for Signer {
    fn sign(&mut self, data: &[u8], hash: HashAlgorithm, out: &mut Buf) -> Result<(), CryptoError> {
        if hash != HashAlgorithm::SHA256 {
            return Err(CryptoError::SigningKeyHashMismatch {
                key_hash: HashAlgorithm::SHA256,
                requested: hash,
            });
        }
        let signature = self
            .0
            .sign(&SystemRandom::new(), data)
            .map_err(|_| CryptoError::OperationFailed(CryptoOperation::Sign))?;
        out.clear();
        out.extend_from_slice(signature.as_ref());
        Ok(())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn supported_hash_algorithms(&self) -> &[HashAlgorithm] {
        &[HashAlgorithm::SHA256]
    }
}

impl SignatureVerifier for Certificates {
    fn verify_signature(
        &self,
        certificate: &[u8],
        data: &[u8],
        signed: &[u8],
        hash: HashAlgorithm,
        algorithm: SignatureAlgorithm,
    ) -> Result<(), CryptoError> {
        if algorithm != SignatureAlgorithm::ECDSA {
            return Err(CryptoError::UnsupportedSignatureAlgorithm(algorithm));
        }
        let (_, certificate) = x509_parser::parse_x509_certificate(certificate)
            .map_err(|_| CryptoError::CertificateParseFailed)?;
        let key = certificate.public_key();
        let curve = key
            .algorithm
            .parameters
            .as_ref()
            .and_then(|parameters| parameters.as_oid().ok())
            .ok_or(CryptoError::MissingEcCurveParameter)?;
        let group = if curve == OID_EC_P256 {
            NamedGroup::Secp256r1
        } else if curve == OID_NIST_EC_P384 {
            NamedGroup::Secp384r1
        } else {
            return Err(CryptoError::UnsupportedEcCurve);
        };
        check_verify_scheme(algorithm, hash, group)?;
        let scheme: &'static dyn signature::VerificationAlgorithm = match (group, hash) {
            (NamedGroup::Secp256r1, HashAlgorithm::SHA384) => &signature::ECDSA_P256_SHA384_ASN1,
            (NamedGroup::Secp256r1, _) => &signature::ECDSA_P256_SHA256_ASN1,
            (_, HashAlgorithm::SHA256) => &signature::ECDSA_P384_SHA256_ASN1,
            _ => &signature::ECDSA_P384_SHA384_ASN1,
        };
        signature::UnparsedPublicKey::new(scheme, &key.subject_public_key.data)
            .verify(data, signed)
            .map_err(|_| CryptoError::SignatureVerificationFailed {
                signature: algorithm,
                hash,
                group,
            })
    }
}
