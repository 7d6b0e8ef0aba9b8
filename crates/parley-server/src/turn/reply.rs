//! Answers to requests, put together with `stun-types`.

use stun_types::attribute::{
    ErrorCode, Nonce, PasswordAlgorithmValue, PasswordAlgorithms, Realm, Software, UnknownAttributes,
};
use stun_types::message::{
    IntegrityAlgorithm, IntegrityKey, Message, MessageClass, MessageType, MessageWriteVec, Method,
    TransactionId,
};
use stun_types::prelude::*;

/// SOFTWARE (RFC 8489, section 14.14); only to those who have proved something.
const SOFTWARE: &str = "parley";

/// What an answer has to know of its request, also when it is given later.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) transaction: TransactionId,
    /// The request ended with FINGERPRINT, so the answer does.
    pub(super) fingerprint: bool,
}

/// Whose request it was, and how it was signed: answers are signed the same way.
#[derive(Debug, Clone)]
pub(super) struct Signature {
    pub(super) key: IntegrityKey,
    pub(super) algorithm: IntegrityAlgorithm,
}

/// An answer in the making. What does not fit in (no attribute here can) is left out.
pub(super) struct Reply {
    message: MessageWriteVec,
    fingerprint: bool,
}

impl Reply {
    pub(super) fn success(asked: Asked) -> Self {
        Self::new(asked, MessageClass::Success)
    }

    /// An error without a reason in words: nobody reads it, and the answer stays small.
    pub(super) fn error(asked: Asked, code: u16) -> Self {
        let reply = Self::new(asked, MessageClass::Error);
        match ErrorCode::new(code, "") {
            Ok(error) => reply.with(&error),
            Err(_) => reply,
        }
    }

    /// 401 or 438: come again with credentials, and with this nonce (RFC 8489, section 9.2.4).
    pub(super) fn challenge(asked: Asked, code: u16, realm: &str, nonce: &str) -> Self {
        let mut reply = Self::error(asked, code);
        if let Ok(realm) = Realm::new(realm) {
            reply = reply.with(&realm);
        }
        if let Ok(nonce) = Nonce::new(nonce) {
            reply = reply.with(&nonce);
        }
        reply.with(&PasswordAlgorithms::new(&[
            PasswordAlgorithmValue::SHA256,
            PasswordAlgorithmValue::MD5,
        ]))
    }

    pub(super) fn unknown(asked: Asked, unknown: &UnknownAttributes) -> Self {
        Self::error(asked, 420).with(unknown)
    }

    fn new(asked: Asked, class: MessageClass) -> Self {
        let kind = MessageType::from_class_method(class, asked.method);
        Self {
            message: Message::builder(kind, asked.transaction, MessageWriteVec::with_capacity(128)),
            fingerprint: asked.fingerprint,
        }
    }

    pub(super) fn with(mut self, attribute: &dyn AttributeWrite) -> Self {
        let _ = self.message.add_attribute(attribute);
        self
    }

    pub(super) fn signed(mut self, signature: &Signature) -> Vec<u8> {
        if let Ok(software) = Software::new(SOFTWARE) {
            self = self.with(&software);
        }
        let _ = self
            .message
            .add_message_integrity_with_key(&signature.key, signature.algorithm);
        self.unsigned()
    }

    pub(super) fn unsigned(mut self) -> Vec<u8> {
        if self.fingerprint {
            let _ = self.message.add_fingerprint();
        }
        self.message.finish()
    }
}
