//! SRTP: AES-GCM (RFC 7714), and AES in counter mode with HMAC-SHA1 (RFC 3711) for those who know nothing newer.

use aes::cipher::generic_array::GenericArray;
use aes::cipher::{BlockEncrypt as _, KeyInit as _};
use aes::{Aes128, Aes256};
use ctr::cipher::{InnerIvInit as _, StreamCipher as _, StreamCipherCoreWrapper};
use ctr::{CtrCore, flavors};
use ring::aead::{self, LessSafeKey, UnboundKey};
use std::fmt;
use str0m_proto::crypto::{
    AeadAes128GcmCipher, AeadAes256GcmCipher, Aes128CmSha1_80Cipher, CryptoError, SrtpProvider,
    SupportedAeadAes128Gcm, SupportedAeadAes256Gcm, SupportedAes128CmSha1_80,
};

type CounterMode = StreamCipherCoreWrapper<CtrCore<Aes128, flavors::Ctr128BE>>;

const TAG_BYTES: usize = 16;

/// Makes the ciphers of one connection.
#[derive(Debug)]
pub(super) struct Srtp;

impl SrtpProvider for Srtp {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        &Self
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        &Self
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        &Self
    }

    fn srtp_aes_128_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        if let Ok(cipher) = Aes128::new_from_slice(key) {
            one_block(|block| cipher.encrypt_block(block), input, output);
        }
    }

    fn srtp_aes_256_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        if let Ok(cipher) = Aes256::new_from_slice(key) {
            one_block(|block| cipher.encrypt_block(block), input, output);
        }
    }
}

/// One block of the derivation of keys (RFC 3711, 4.3.3); its caller looks at no more.
fn one_block(encrypt: impl Fn(&mut aes::Block), input: &[u8], output: &mut [u8]) {
    if let (Some(input), Some(output)) = (input.first_chunk::<16>(), output.first_chunk_mut::<16>()) {
        let mut block = GenericArray::from(*input);
        encrypt(&mut block);
        *output = block.into();
    }
}

impl SupportedAes128CmSha1_80 for Srtp {
    fn create_cipher(&self, key: [u8; 16], _encrypt: bool) -> Box<dyn Aes128CmSha1_80Cipher> {
        Box::new(Counter(Aes128::new(&key.into())))
    }
}

impl SupportedAeadAes128Gcm for Srtp {
    fn create_cipher(&self, key: [u8; 16], _encrypt: bool) -> Box<dyn AeadAes128GcmCipher> {
        Box::new(Gcm::new(&aead::AES_128_GCM, &key))
    }
}

impl SupportedAeadAes256Gcm for Srtp {
    fn create_cipher(&self, key: [u8; 32], _encrypt: bool) -> Box<dyn AeadAes256GcmCipher> {
        Box::new(Gcm::new(&aead::AES_256_GCM, &key))
    }
}

struct Counter(Aes128);

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counter(…)")
    }
}

impl Aes128CmSha1_80Cipher for Counter {
    fn encrypt(&mut self, iv: &[u8; 16], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        let output = output.get_mut(..input.len()).ok_or_else(too_short)?;
        let core = CtrCore::inner_iv_init(self.0.clone(), iv.into());
        CounterMode::from_core(core)
            .apply_keystream_b2b(input, output)
            .map_err(|error| CryptoError::Other(error.to_string()))
    }

    fn decrypt(&mut self, iv: &[u8; 16], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        // The same stream of bits is added once more.
        self.encrypt(iv, input, output)
    }
}

/// `None` where a key has another length than its algorithm: it never has.
struct Gcm(Option<LessSafeKey>);

impl Gcm {
    fn new(algorithm: &'static aead::Algorithm, key: &[u8]) -> Self {
        Self(UnboundKey::new(algorithm, key).ok().map(LessSafeKey::new))
    }

    fn key(&self) -> Result<&LessSafeKey, CryptoError> {
        self.0.as_ref().ok_or_else(too_short)
    }

    fn seal(&self, iv: &[u8; 12], aad: &[u8], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        let (text, tag) = output
            .get_mut(..input.len() + TAG_BYTES)
            .and_then(|output| output.split_at_mut_checked(input.len()))
            .ok_or_else(too_short)?;
        text.copy_from_slice(input);
        let nonce = aead::Nonce::assume_unique_for_key(*iv);
        let made = self
            .key()?
            .seal_in_place_separate_tag(nonce, aead::Aad::from(aad), text)
            .map_err(|_| CryptoError::Other("a packet is too long to encrypt".into()))?;
        tag.copy_from_slice(made.as_ref());
        Ok(())
    }

    fn open(
        &self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let length = input.len().checked_sub(TAG_BYTES).ok_or_else(too_short)?;
        let (text, tag) = input.split_at(length);
        let output = output.get_mut(..length).ok_or_else(too_short)?;
        output.copy_from_slice(text);
        let tag = aead::Tag::try_from(tag).map_err(|_| too_short())?;
        let nonce = aead::Nonce::assume_unique_for_key(*iv);
        let joined;
        let aad = match aads {
            [one] => *one,
            several => {
                joined = several.concat();
                &joined
            }
        };
        self.key()?
            .open_in_place_separate_tag(nonce, aead::Aad::from(aad), tag, output, 0..)
            .map(|text| text.len())
            .map_err(|_| CryptoError::Other("a packet is not genuine".into()))
    }
}

impl fmt::Debug for Gcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gcm(…)")
    }
}

impl AeadAes128GcmCipher for Gcm {
    fn encrypt(
        &mut self,
        iv: &[u8; 12],
        aad: &[u8],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.seal(iv, aad, input, output)
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        self.open(iv, aads, input, output)
    }
}

impl AeadAes256GcmCipher for Gcm {
    fn encrypt(
        &mut self,
        iv: &[u8; 12],
        aad: &[u8],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.seal(iv, aad, input, output)
    }

    fn decrypt(
        &mut self,
        iv: &[u8; 12],
        aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        self.open(iv, aads, input, output)
    }
}

fn too_short() -> CryptoError {
    CryptoError::Other("a buffer has the wrong length".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn counter_mode_gives_the_keystream_of_the_standard() {
        // RFC 3711, appendix B.2.
        let key: [u8; 16] = bytes("2b7e151628aed2a6abf7158809cf4f3c").try_into().unwrap();
        let iv: [u8; 16] = bytes("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000").try_into().unwrap();
        let mut cipher = SupportedAes128CmSha1_80::create_cipher(&Srtp, key, true);
        let mut stream = [0; 48];
        cipher.encrypt(&iv, &[0; 48], &mut stream).unwrap();
        let expected = bytes(
            "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab41e95b3bb0a2e8dd477901e4fca894c0",
        );
        assert_eq!(stream.as_slice(), expected);
    }

    #[test]
    fn keys_are_derived_as_in_the_standard() {
        // RFC 3711, appendix B.3: the cipher key.
        let mut out = [0; 32];
        Srtp.srtp_aes_128_ecb_round(
            &bytes("e1f97a0d3e018be0d64fa32c06de4139"),
            &bytes("0ec675ad498afeebb6960b3aabe60000"),
            &mut out,
        );
        assert_eq!(out[..16], bytes("c61e7a93744f39ee10734afe3ff7a087"));
    }

    #[test]
    fn a_packet_opens_only_whole_and_with_its_header() {
        let mut gcm = SupportedAeadAes128Gcm::create_cipher(&Srtp, [7; 16], true);
        let mut sealed = [0; 21];
        gcm.encrypt(&[1; 12], b"header", b"media", &mut sealed).unwrap();
        let mut open = [0; 21];
        assert_eq!(
            gcm.decrypt(&[1; 12], &[b"head", b"er"], &sealed, &mut open)
                .unwrap(),
            5
        );
        assert_eq!(&open[..5], b"media");
        assert!(gcm.decrypt(&[1; 12], &[b"Header"], &sealed, &mut open).is_err());
        assert!(
            gcm.decrypt(&[1; 12], &[b"header"], &sealed[..15], &mut open)
                .is_err()
        );
        sealed[0] ^= 1;
        assert!(gcm.decrypt(&[1; 12], &[b"header"], &sealed, &mut open).is_err());
    }
}
