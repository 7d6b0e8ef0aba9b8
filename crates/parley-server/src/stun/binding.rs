//! What to answer to a datagram on the STUN port. Sans-IO.

use std::net::SocketAddr;
use stun_types::attribute::{
    AttributeStaticType as _, AttributeType, ErrorCode, Fingerprint, MessageIntegrity,
    MessageIntegritySha256, UnknownAttributes, Userhash, Username, XorMappedAddress,
};
use stun_types::message::{BINDING, Message, MessageClass, MessageWriteVec};
use stun_types::prelude::*;

/// Longer datagrams are no Binding request anybody sends.
const REQUEST_BYTES_MAX: usize = 548;
/// More unknown attributes than this are not listed: the answer stays small.
const UNKNOWN_LISTED_MAX: usize = 4;
/// The magic cookie (RFC 8489, section 5).
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// Of ICE (RFC 8445, section 16.1).
const PRIORITY: AttributeType = AttributeType::new(0x0024);
const USE_CANDIDATE: AttributeType = AttributeType::new(0x0025);

/// What to do with a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It asked for its address: send this.
    Success(Vec<u8>),
    /// It contained something that must be understood and is not (error 420): send this.
    UnknownAttribute(Vec<u8>),
    /// It is no Binding request: say nothing.
    Junk,
}

/// Answers one datagram from `source`.
#[must_use]
pub fn answer(datagram: &[u8], source: SocketAddr) -> Answer {
    if !looks_like_request(datagram) {
        return Answer::Junk;
    }
    let Ok(request) = Message::from_bytes(datagram) else {
        return Answer::Junk;
    };
    if !request.has_class(MessageClass::Request) || request.method() != BINDING {
        return Answer::Junk;
    }
    let mut unknown: Vec<AttributeType> = request
        .iter_attributes()
        .map(|(_, attribute)| attribute.get_type())
        .filter(|kind| kind.comprehension_required() && !understood(*kind))
        .collect();
    let fingerprint = request.has_attribute(Fingerprint::TYPE);
    if unknown.is_empty() {
        let source = SocketAddr::new(source.ip().to_canonical(), source.port());
        let mapped = XorMappedAddress::new(source, request.transaction_id());
        let response = Message::builder_success(&request, MessageWriteVec::new());
        finish(response, &[&mapped], fingerprint).map_or(Answer::Junk, Answer::Success)
    } else {
        unknown.sort_by_key(|kind| kind.value());
        unknown.dedup();
        unknown.truncate(UNKNOWN_LISTED_MAX);
        let Ok(error) = ErrorCode::new(420, "") else {
            return Answer::Junk;
        };
        let unknown = UnknownAttributes::new(&unknown);
        let response = Message::builder_error(&request, MessageWriteVec::new());
        finish(response, &[&error, &unknown], fingerprint).map_or(Answer::Junk, Answer::UnknownAttribute)
    }
}

/// What is known before parsing: so that noise does not even reach the parser, which logs what it rejects.
fn looks_like_request(datagram: &[u8]) -> bool {
    let Some((header, attributes)) = datagram.split_at_checked(20) else {
        return false;
    };
    datagram.len() <= REQUEST_BYTES_MAX
        && header[..2] == [0x00, 0x01]
        && header[4..8] == COOKIE
        && usize::from(u16::from_be_bytes([header[2], header[3]])) == attributes.len()
        && attributes.len().is_multiple_of(4)
}

/// Attributes that may be in a request without changing what it asks. Credentials are not needed here, so they are
/// ignored, as are those of ICE checks that went astray.
fn understood(kind: AttributeType) -> bool {
    [
        Username::TYPE,
        Userhash::TYPE,
        MessageIntegrity::TYPE,
        MessageIntegritySha256::TYPE,
        PRIORITY,
        USE_CANDIDATE,
    ]
    .contains(&kind)
}

fn finish(
    mut response: MessageWriteVec,
    attributes: &[&dyn AttributeWrite],
    fingerprint: bool,
) -> Option<Vec<u8>> {
    for attribute in attributes {
        response.add_attribute(*attribute).ok()?;
    }
    if fingerprint {
        response.add_fingerprint().ok()?;
    }
    Some(response.finish())
}
