//! What clients of a relay say, put together from a plan.

use parley_server::turn::{Moment, TurnCredentials, TurnSecret};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use stun_types::attribute::{AttributeType, Nonce, RawAttribute, Realm, Username};
use stun_types::message::{
    IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageType, MessageWriteVec, Method,
    TransactionId,
};
use stun_types::prelude::*;

pub(super) const REALM: &str = "example.org";
pub(super) const ALLOCATE: u16 = 0x003;
pub(super) const REFRESH: u16 = 0x004;
pub(super) const CREATE_PERMISSION: u16 = 0x008;
pub(super) const CHANNEL_BIND: u16 = 0x009;
const SEND: u16 = 0x006;
const COOKIE: u32 = 0x2112_a442;

const CHANNEL_NUMBER: u16 = 0x000c;
pub(super) const LIFETIME: u16 = 0x000d;
pub(super) const XOR_PEER_ADDRESS: u16 = 0x0012;
const DATA: u16 = 0x0013;
pub(super) const REQUESTED_FAMILY: u16 = 0x0017;
pub(super) const EVEN_PORT: u16 = 0x0018;
pub(super) const REQUESTED_TRANSPORT: u16 = 0x0019;
pub(super) const DONT_FRAGMENT: u16 = 0x001a;
pub(super) const RESERVATION_TOKEN: u16 = 0x0022;
pub(super) const ADDITIONAL_FAMILY: u16 = 0x8000;
/// What only the end of a message may have: the builder puts it there.
const ENDINGS: [u16; 3] = [0x0008, 0x001c, 0x8028];

/// Type and value.
pub(super) type Attributes = Vec<(u16, Vec<u8>)>;

/// Who asks, as far as a message is concerned.
pub(super) struct Author<'a> {
    pub(super) secret: &'a TurnSecret,
    pub(super) user: &'a str,
    pub(super) nonce: &'a str,
}

fn begun(class: MessageClass, method: u16, transaction: u128, attributes: &Attributes) -> MessageWriteVec {
    let kind = MessageType::from_class_method(class, Method::new(method));
    let transaction: TransactionId = transaction.into();
    let mut message = Message::builder(kind, transaction, MessageWriteVec::new());
    for (kind, value) in attributes {
        if !ENDINGS.contains(kind) {
            // What does not fit in is left out.
            let _ = message.add_attribute(&RawAttribute::new(AttributeType::new(*kind), value));
        }
    }
    message
}

/// A request without credentials.
pub(super) fn bare(method: u16, transaction: u128, attributes: &Attributes) -> Vec<u8> {
    begun(MessageClass::Request, method, transaction, attributes).finish()
}

/// A request with them.
pub(super) fn signed(
    method: u16,
    transaction: u128,
    attributes: &Attributes,
    author: &Author<'_>,
    now: Moment,
) -> Vec<u8> {
    let mut message = begun(MessageClass::Request, method, transaction, attributes);
    let TurnCredentials { username, password } =
        author.secret.mint(now, Duration::from_secs(3600), author.user);
    if let (Ok(name), Ok(realm), Ok(nonce)) = (
        Username::new(&username),
        Realm::new(REALM),
        Nonce::new(author.nonce),
    ) {
        let _ = message.add_attribute(&name);
        let _ = message.add_attribute(&realm);
        let _ = message.add_attribute(&nonce);
    }
    let key = LongTermKeyCredentials::new(username, password, REALM.to_owned());
    let _ = message.add_message_integrity(&key.into(), IntegrityAlgorithm::Sha1);
    message.finish()
}

/// A Send indication.
pub(super) fn send(transaction: u128, peer: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let attributes = vec![
        (XOR_PEER_ADDRESS, xored(peer, transaction)),
        (DATA, payload.to_vec()),
    ];
    begun(MessageClass::Indication, SEND, transaction, &attributes).finish()
}

/// What a ChannelBind asks.
pub(super) fn channel(number: u16, peer: SocketAddr, transaction: u128) -> Attributes {
    let [high, low] = number.to_be_bytes();
    vec![
        (CHANNEL_NUMBER, vec![high, low, 0, 0]),
        (XOR_PEER_ADDRESS, xored(peer, transaction)),
    ]
}

/// Data on a channel, padded as streams want it.
pub(super) fn channel_data(number: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = number.to_be_bytes().to_vec();
    packet.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    packet.extend_from_slice(payload);
    packet.resize(packet.len().next_multiple_of(4), 0);
    packet
}

/// XOR-PEER-ADDRESS (RFC 8489, section 14.2).
pub(super) fn xored(peer: SocketAddr, transaction: u128) -> Vec<u8> {
    let port = (peer.port() ^ (COOKIE >> 16) as u16).to_be_bytes();
    let mut value = vec![0, if peer.is_ipv4() { 1 } else { 2 }, port[0], port[1]];
    match peer.ip() {
        IpAddr::V4(ip) => value.extend_from_slice(&(ip.to_bits() ^ COOKIE).to_be_bytes()),
        IpAddr::V6(ip) => {
            let mask = u128::from(COOKIE) << 96 | transaction;
            value.extend_from_slice(&(ip.to_bits() ^ mask).to_be_bytes());
        }
    }
    value
}
