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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SOURCE: &str = "192.0.2.7:1234";
    /// A Binding request without attributes.
    const PLAIN: [u8; 20] = [
        0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ];

    fn with_attributes(attributes: &[u8]) -> Vec<u8> {
        let mut request = PLAIN.to_vec();
        request[2..4].copy_from_slice(&u16::try_from(attributes.len()).unwrap().to_be_bytes());
        request.extend_from_slice(attributes);
        request
    }

    #[test]
    fn a_request_is_answered_with_the_address_it_came_from() {
        for source in [SOURCE, "[2001:db8::7]:1234", "[::ffff:192.0.2.7]:1234"] {
            let source: SocketAddr = source.parse().unwrap();
            let Answer::Success(response) = answer(&PLAIN, source) else {
                panic!("no answer to {source}");
            };
            let response = Message::from_bytes(&response).unwrap();
            assert_eq!(
                response.transaction_id(),
                Message::from_bytes(&PLAIN).unwrap().transaction_id()
            );
            let mapped = response.attribute::<XorMappedAddress>().unwrap();
            assert_eq!(
                mapped.addr(response.transaction_id()).ip(),
                source.ip().to_canonical()
            );
            assert!(!response.has_attribute(Fingerprint::TYPE), "none was asked for");
        }
    }

    #[test]
    fn what_must_be_understood_and_is_not_is_named() {
        // 0x0003 CHANGE-REQUEST of RFC 5780: wants an answer from elsewhere, a classic of reflection.
        let request = with_attributes(&[0, 3, 0, 4, 0, 0, 0, 6]);
        let Answer::UnknownAttribute(response) = answer(&request, SOURCE.parse().unwrap()) else {
            panic!("no error");
        };
        let response = Message::from_bytes(&response).unwrap();
        assert_eq!(response.attribute::<ErrorCode>().unwrap().code(), 420);
        let unknown = response.attribute::<UnknownAttributes>().unwrap();
        assert!(unknown.has_attribute(AttributeType::new(3)));
    }

    #[test]
    fn what_may_be_ignored_is() {
        // 0x8022 SOFTWARE, and a USERNAME of an ICE check that went astray.
        for attribute in [
            [0x80, 0x22, 0, 4, b'a', b'b', b'c', b'd'],
            [0, 6, 0, 4, b'u', b's', b'e', b'r'],
        ] {
            let request = with_attributes(&attribute);
            assert!(matches!(
                answer(&request, SOURCE.parse().unwrap()),
                Answer::Success(_)
            ));
        }
    }

    #[test]
    fn everything_else_is_met_with_silence() {
        let spoilt = |at: usize, byte: u8| {
            let mut request = PLAIN;
            request[at] = byte;
            request.to_vec()
        };
        for junk in [
            vec![],
            vec![0; 20],
            PLAIN[..19].to_vec(),
            spoilt(0, 0x40),
            spoilt(0, 1),    // a response
            spoilt(1, 3),    // Allocate
            spoilt(1, 0x11), // an indication
            spoilt(3, 4),    // longer than it is
            spoilt(4, 0),    // no magic cookie: RFC 3489
            with_attributes(&[0x80, 0x22, 0xff, 0xff]),
            with_attributes(&[0x80, 0x28, 0, 4, 1, 2, 3, 4]), // a wrong fingerprint
            vec![0; 2000],
        ] {
            assert_eq!(
                answer(&junk, SOURCE.parse().unwrap()),
                Answer::Junk,
                "{junk:02x?}"
            );
        }
    }

    proptest! {
        #[test]
        fn answers_stay_small_whatever_is_asked(attributes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut attributes = attributes;
            attributes.truncate(attributes.len() / 4 * 4);
            for source in [SOURCE, "[2001:db8::7]:1234"] {
                if let Answer::Success(response) | Answer::UnknownAttribute(response) =
                    answer(&with_attributes(&attributes), source.parse().unwrap())
                {
                    prop_assert!(response.len() <= 52, "{} bytes", response.len());
                }
            }
        }

        #[test]
        fn any_datagram_is_answered_or_not_but_never_a_panic(datagram in proptest::collection::vec(any::<u8>(), 0..700)) {
            let _ = answer(&datagram, SOURCE.parse().unwrap());
        }
    }
}
