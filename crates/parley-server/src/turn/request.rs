//! Who asks, and whether they may: the long-term credentials of RFC 8489, section 9.2.4. Remembers nothing.

use super::config::TurnConfig;
use super::credentials::Claim;
use super::moment::Moment;
use super::nonce::Nonces;
use super::reply::{Asked, Signature};
use std::net::SocketAddr;
use stun_types::attribute::{
    Attribute as _, AttributeStaticType as _, AttributeType, Fingerprint, MessageIntegrity,
    MessageIntegritySha256, Nonce, PasswordAlgorithm, PasswordAlgorithmValue, PasswordAlgorithms, Realm,
    UnknownAttributes, Username,
};
use stun_types::message::{IntegrityAlgorithm, Message};

/// More unknown attributes than this are not listed: the answer stays small.
const UNKNOWN_LISTED_MAX: usize = 4;

/// Who proved to be whom.
#[derive(Debug, Clone)]
pub(super) struct Login {
    /// The id in the credentials.
    pub(super) user: Box<str>,
    /// How to sign the answer.
    pub(super) signature: Signature,
    /// The credentials may still be used for something new.
    pub(super) current: bool,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// They showed nothing (401).
    Nothing,
    /// They showed something that does not fit together (400).
    Malformed,
    /// The nonce is too old, or not theirs (438).
    StaleNonce,
    /// Name and password do not belong to each other (401).
    Wrong,
    /// They did, once (401).
    Expired,
}

/// What an answer to `message` has to know.
pub(super) fn asked(message: &Message<'_>) -> Asked {
    Asked {
        method: message.method(),
        transaction: message.transaction_id(),
        fingerprint: message.has_attribute(Fingerprint::TYPE),
    }
}

/// Finds out who sent `message`. The nonce is looked at before the password: it costs less, and who has none of ours cannot
/// make us calculate more.
pub(super) fn authenticate(
    config: &TurnConfig,
    nonces: &Nonces,
    now: Moment,
    client: SocketAddr,
    message: &Message<'_>,
) -> Result<Login, Denied> {
    let sha256 = message.has_attribute(MessageIntegritySha256::TYPE);
    if !sha256 && !message.has_attribute(MessageIntegrity::TYPE) {
        return Err(Denied::Nothing);
    }
    let malformed = |_| Denied::Malformed;
    let username = message.attribute::<Username>().map_err(malformed)?;
    let nonce = message.attribute::<Nonce>().map_err(malformed)?;
    message.attribute::<Realm>().map_err(malformed)?;
    let algorithm = algorithm(message, sha256)?;
    if !nonces.is_fresh(now, client, nonce.nonce()) {
        return Err(Denied::StaleNonce);
    }
    let claim = Claim::read(username.username()).ok_or(Denied::Wrong)?;
    let key = config.secret.key(username.username(), &config.realm, algorithm);
    if message.validate_integrity_with_key(&key).is_err() {
        return Err(Denied::Wrong);
    }
    if !claim.is_tolerable(now, config.grace) {
        return Err(Denied::Expired);
    }
    Ok(Login {
        user: claim.user.into(),
        signature: Signature { key, algorithm },
        current: claim.is_current(now),
    })
}

/// How the message is signed. PASSWORD-ALGORITHMS has to be what was offered, so that nobody on the way bids it down; without
/// it the client is one of RFC 5389, which knows MD5 and MESSAGE-INTEGRITY.
fn algorithm(message: &Message<'_>, sha256: bool) -> Result<IntegrityAlgorithm, Denied> {
    let offered = message.has_attribute(PasswordAlgorithms::TYPE);
    let chosen = message.has_attribute(PasswordAlgorithm::TYPE);
    let algorithm = if offered && chosen {
        let offered = message
            .attribute::<PasswordAlgorithms>()
            .map_err(|_| Denied::Malformed)?;
        if offered.algorithms() != [PasswordAlgorithmValue::SHA256, PasswordAlgorithmValue::MD5] {
            return Err(Denied::Malformed);
        }
        message
            .attribute::<PasswordAlgorithm>()
            .map_err(|_| Denied::Malformed)?
            .algorithm()
            .as_integrity()
    } else if offered || chosen {
        return Err(Denied::Malformed);
    } else {
        IntegrityAlgorithm::Sha1
    };
    if (algorithm == IntegrityAlgorithm::Sha256) == sha256 {
        Ok(algorithm)
    } else {
        Err(Denied::Malformed)
    }
}

/// The attributes of `message` that must be understood and are not in `known`, nor among those of credentials.
pub(super) fn unknown_attributes(
    message: &Message<'_>,
    known: &[AttributeType],
) -> Option<UnknownAttributes> {
    let of_credentials = [
        Username::TYPE,
        Realm::TYPE,
        Nonce::TYPE,
        MessageIntegrity::TYPE,
        MessageIntegritySha256::TYPE,
        PasswordAlgorithm::TYPE,
    ];
    let mut unknown: Vec<AttributeType> = message
        .iter_attributes()
        .map(|(_, attribute)| attribute.get_type())
        .filter(|kind| {
            kind.comprehension_required() && !known.contains(kind) && !of_credentials.contains(kind)
        })
        .collect();
    if unknown.is_empty() {
        return None;
    }
    unknown.sort_unstable();
    unknown.dedup();
    unknown.truncate(UNKNOWN_LISTED_MAX);
    Some(UnknownAttributes::new(&unknown))
}
