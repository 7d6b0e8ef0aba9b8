//! The ciphers of DTLS: AES-GCM and ChaCha20-Poly1305 (RFC 5289, RFC 7905), all with ECDSA.

use aes::cipher::generic_array::GenericArray;
use aes::cipher::{BlockEncrypt as _, KeyInit as _};
use dimpl::crypto::{
    Aad, Buf, Cipher, Dtls12CipherSuite, Dtls13CipherSuite, HashAlgorithm, Nonce, SupportedDtls12CipherSuite,
    SupportedDtls13CipherSuite, TmpBuf,
};
use dimpl::{CryptoError, CryptoOperation};
use ring::aead::{self, LessSafeKey, UnboundKey};
use std::fmt;

/// What is offered and taken, best first.
pub(super) static DTLS_12: &[&dyn SupportedDtls12CipherSuite] = &[
    &Suite {
        suite: Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256,
        hash: HashAlgorithm::SHA256,
        algorithm: &aead::AES_128_GCM,
        // Four bytes of the nonce are fixed, eight travel with each record (RFC 5288, section 3).
        fixed_iv_len: 4,
        explicit_nonce_len: 8,
    },
    &Suite {
        suite: Dtls12CipherSuite::ECDHE_ECDSA_AES256_GCM_SHA384,
        hash: HashAlgorithm::SHA384,
        algorithm: &aead::AES_256_GCM,
        fixed_iv_len: 4,
        explicit_nonce_len: 8,
    },
    &Suite {
        suite: Dtls12CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256,
        hash: HashAlgorithm::SHA256,
        algorithm: &aead::CHACHA20_POLY1305,
        fixed_iv_len: 12,
        explicit_nonce_len: 0,
    },
];

/// Never spoken here; the library does not start without one.
pub(super) static DTLS_13: &[&dyn SupportedDtls13CipherSuite] = &[&Aes128Gcm13];

struct Suite {
    suite: Dtls12CipherSuite,
    hash: HashAlgorithm,
    algorithm: &'static aead::Algorithm,
    fixed_iv_len: usize,
    explicit_nonce_len: usize,
}

impl fmt::Debug for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.suite.fmt(f)
    }
}

impl SupportedDtls12CipherSuite for Suite {
    fn suite(&self) -> Dtls12CipherSuite {
        self.suite
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        self.hash
    }

    fn key_lengths(&self) -> (usize, usize, usize) {
        (0, self.algorithm.key_len(), self.fixed_iv_len)
    }

    fn explicit_nonce_len(&self) -> usize {
        self.explicit_nonce_len
    }

    fn tag_len(&self) -> usize {
        self.algorithm.tag_len()
    }

    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        Aead::boxed(self.algorithm, key)
    }
}

#[derive(Debug)]
struct Aes128Gcm13;

impl SupportedDtls13CipherSuite for Aes128Gcm13 {
    fn suite(&self) -> Dtls13CipherSuite {
        Dtls13CipherSuite::AES_128_GCM_SHA256
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        HashAlgorithm::SHA256
    }

    fn key_len(&self) -> usize {
        16
    }

    fn iv_len(&self) -> usize {
        12
    }

    fn tag_len(&self) -> usize {
        16
    }

    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        Aead::boxed(&aead::AES_128_GCM, key)
    }

    fn encrypt_sn(&self, key: &[u8], sample: &[u8; 16]) -> [u8; 16] {
        let mut block = GenericArray::from(*sample);
        if let Ok(cipher) = aes::Aes128::new_from_slice(key) {
            cipher.encrypt_block(&mut block);
        }
        block.into()
    }
}

struct Aead(LessSafeKey);

impl Aead {
    fn boxed(algorithm: &'static aead::Algorithm, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        let key = UnboundKey::new(algorithm, key)
            .map_err(|_| CryptoError::OperationFailed(CryptoOperation::CreateCipher))?;
        Ok(Box::new(Self(LessSafeKey::new(key))))
    }
}

impl fmt::Debug for Aead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aead(…)")
    }
}

impl Cipher for Aead {
    fn encrypt(&mut self, plaintext: &mut Buf, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        let nonce = aead::Nonce::try_assume_unique_for_key(&nonce).map_err(|_| CryptoError::InvalidNonce)?;
        self.0
            .seal_in_place_append_tag(nonce, aead::Aad::from(&aad[..]), plaintext)
            .map_err(|_| CryptoError::OperationFailed(CryptoOperation::Encrypt))
    }

    fn decrypt(&mut self, ciphertext: &mut TmpBuf<'_>, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        let nonce = aead::Nonce::try_assume_unique_for_key(&nonce).map_err(|_| CryptoError::InvalidNonce)?;
        let length = self
            .0
            .open_in_place(nonce, aead::Aad::from(&aad[..]), ciphertext.as_mut())
            .map_err(|_| CryptoError::OperationFailed(CryptoOperation::Decrypt))?
            .len();
        ciphertext.truncate(length);
        Ok(())
    }
}
