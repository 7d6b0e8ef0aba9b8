//! A server, a clock, and somebody who opens its sockets.

use super::super::super::allocation::{FiveTuple, LinkId, RelayId};
use super::super::super::config::{RelayAddress, TurnConfig};
use super::super::super::counters::TurnCounters;
use super::super::super::credentials::{TurnCredentials, TurnSecret};
use super::super::super::family::ByFamily;
use super::super::super::moment::Moment;
use super::super::super::server::{Action, Onward, ToPeer, TurnServer, TurnShared};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use stun_types::attribute::*;
use stun_types::message::*;
use turn_types::attribute::*;
use turn_types::message::*;

pub(super) const REALM: &str = "call.example.org";
pub(super) const PEER: &str = "198.51.100.9:5000";

pub(super) struct World {
    pub(super) server: TurnServer,
    pub(super) now: Moment,
    /// Sockets that are open, and where.
    pub(super) relays: BTreeMap<RelayId, SocketAddr>,
    /// Ports that somebody else has.
    pub(super) occupied: BTreeSet<u16>,
    /// Answers since the last look.
    answers: Vec<(FiveTuple, Vec<u8>)>,
}

/// A server with an address of each family.
pub(super) fn config() -> TurnConfig {
    let relays = ByFamily {
        v4: Some(RelayAddress {
            bind: "10.0.0.5".parse().unwrap(),
            public: "203.0.113.5".parse().unwrap(),
        }),
        v6: Some(RelayAddress::at("2001:db8::5".parse().unwrap())),
    };
    TurnConfig::new(REALM, TurnSecret::new(b"north"), relays)
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(config())
    }

    pub(super) fn with(config: TurnConfig) -> Self {
        Self::on(TurnShared::new(config, [7; 32]), 1)
    }

    /// One more thread of a server.
    pub(super) fn on(shared: Arc<TurnShared>, seed: u8) -> Self {
        Self {
            server: TurnServer::new(shared, [seed; 32]),
            now: Moment::from_unix_ms(1_700_000_000_000),
            relays: BTreeMap::new(),
            occupied: BTreeSet::new(),
            answers: Vec::new(),
        }
    }

    pub(super) fn pass(&mut self, s: u64) {
        self.now = self.now + Duration::from_secs(s);
        self.server.handle_timeout(self.now);
        self.act();
    }

    pub(super) fn counters(&self) -> TurnCounters {
        self.server.tally().snapshot()
    }

    /// Hands in a packet and does what the server wants done.
    pub(super) fn hand_in(&mut self, from: &FiveTuple, packet: &[u8]) -> Option<Onward> {
        let onward = self.server.handle_client(self.now, from, packet);
        self.act();
        onward
    }

    pub(super) fn act(&mut self) {
        while let Some(action) = self.server.poll() {
            match action {
                Action::Answer { to, message } => self.answers.push((to, message)),
                Action::Open { relay, at } => {
                    let free =
                        !self.occupied.contains(&at.port()) && !self.relays.values().any(|open| *open == at);
                    if free {
                        assert!(
                            self.relays.insert(relay, at).is_none(),
                            "{relay:?} is open already"
                        );
                    }
                    self.server.relay_opened(self.now, relay, free);
                }
                Action::Close { relay } => assert!(self.relays.remove(&relay).is_some()),
            }
        }
    }

    /// The answers since the last look.
    pub(super) fn take_answers(&mut self) -> Vec<(FiveTuple, Vec<u8>)> {
        std::mem::take(&mut self.answers)
    }

    /// Hands in a request; the one answer to it.
    pub(super) fn ask(&mut self, from: &FiveTuple, request: &[u8]) -> Answer {
        assert!(self.hand_in(from, request).is_none());
        let mut answers = self.take_answers();
        assert_eq!(answers.len(), 1, "one answer to one request");
        let (to, message) = answers.remove(0);
        assert_eq!(to, *from);
        Answer(message)
    }
}

/// What came back.
pub(super) struct Answer(pub(super) Vec<u8>);

impl Answer {
    pub(super) fn message(&self) -> Message<'_> {
        Message::from_bytes(&self.0).unwrap()
    }

    /// The error, or 0.
    pub(super) fn code(&self) -> u16 {
        let message = self.message();
        match message.class() {
            MessageClass::Success => 0,
            MessageClass::Error => message.attribute::<ErrorCode>().unwrap().code(),
            class => panic!("{class:?}"),
        }
    }

    pub(super) fn relayed(&self) -> Vec<SocketAddr> {
        let message = self.message();
        message
            .iter_attributes()
            .filter(|(_, attribute)| attribute.get_type() == XorRelayedAddress::TYPE)
            .map(|(_, attribute)| XorRelayedAddress::from_raw_ref(&attribute).unwrap())
            .map(|address| address.addr(message.transaction_id()))
            .collect()
    }

    pub(super) fn lifetime_s(&self) -> u32 {
        self.message().attribute::<Lifetime>().unwrap().seconds()
    }

    pub(super) fn nonce(&self) -> String {
        self.message().attribute::<Nonce>().unwrap().nonce().to_owned()
    }
}

/// Somebody with credentials.
pub(super) struct Client {
    pub(super) at: FiveTuple,
    pub(super) credentials: TurnCredentials,
    pub(super) nonce: String,
    pub(super) algorithm: IntegrityAlgorithm,
}

pub(super) fn udp(client: &str) -> FiveTuple {
    FiveTuple {
        link: LinkId(0),
        stream: false,
        client: client.parse().unwrap(),
        local_ip: None,
    }
}

impl Client {
    /// Of `user`, who has a nonce already.
    pub(super) fn new(world: &mut World, user: &str, at: FiveTuple) -> Self {
        let credentials = TurnSecret::new(b"north").mint(world.now, Duration::from_secs(3600), user);
        let mut client = Self {
            at,
            credentials,
            nonce: String::new(),
            algorithm: IntegrityAlgorithm::Sha1,
        };
        let challenge = world.ask(&at, &client.bare(ALLOCATE, &[]));
        assert_eq!(challenge.code(), 401);
        client.nonce = challenge.nonce();
        client
    }

    /// One with an allocation, and the address of its relay.
    pub(super) fn allocated(world: &mut World, user: &str, at: FiveTuple) -> (Self, SocketAddr) {
        let client = Self::new(world, user, at);
        let answer = client.ask(world, ALLOCATE, &[&RequestedTransport::new(17)]);
        assert_eq!(answer.code(), 0);
        (client, answer.relayed()[0])
    }

    pub(super) fn bare(&self, method: Method, attributes: &[&dyn AttributeWrite]) -> Vec<u8> {
        let mut request = Message::builder_request(method, MessageWriteVec::new());
        for attribute in attributes {
            request.add_attribute(*attribute).unwrap();
        }
        request.finish()
    }

    /// A request with credentials. `make` gets the transaction id, which addresses depend on.
    pub(super) fn signed(
        &self,
        method: Method,
        make: impl FnOnce(TransactionId) -> Vec<Box<dyn AttributeWrite>>,
    ) -> Vec<u8> {
        let mut request = Message::builder_request(method, MessageWriteVec::new());
        for attribute in make(request.transaction_id()) {
            request.add_attribute(&*attribute).unwrap();
        }
        self.sign(request)
    }

    pub(super) fn sign(&self, mut request: MessageWriteVec) -> Vec<u8> {
        request
            .add_attribute(&Username::new(&self.credentials.username).unwrap())
            .unwrap();
        request.add_attribute(&Realm::new(REALM).unwrap()).unwrap();
        request.add_attribute(&Nonce::new(&self.nonce).unwrap()).unwrap();
        if self.algorithm == IntegrityAlgorithm::Sha256 {
            let (sha256, md5) = (PasswordAlgorithmValue::SHA256, PasswordAlgorithmValue::MD5);
            request
                .add_attribute(&PasswordAlgorithms::new(&[sha256, md5]))
                .unwrap();
            request.add_attribute(&PasswordAlgorithm::new(sha256)).unwrap();
        }
        request
            .add_message_integrity(&self.key(), self.algorithm)
            .unwrap();
        request.add_fingerprint().unwrap();
        request.finish()
    }

    pub(super) fn key(&self) -> MessageIntegrityCredentials {
        let TurnCredentials { username, password } = self.credentials.clone();
        LongTermKeyCredentials::new(username, password, REALM.to_owned()).into()
    }

    /// Asks with credentials; an answer to it is signed.
    pub(super) fn ask(
        &self,
        world: &mut World,
        method: Method,
        attributes: &[&dyn AttributeWrite],
    ) -> Answer {
        let mut request = Message::builder_request(method, MessageWriteVec::new());
        for attribute in attributes {
            request.add_attribute(*attribute).unwrap();
        }
        let answer = world.ask(&self.at, &self.sign(request));
        if ![401, 438].contains(&answer.code()) {
            let message = answer.message();
            assert_eq!(message.validate_integrity(&self.key()).unwrap(), self.algorithm);
            assert!(message.has_attribute(Fingerprint::TYPE));
        }
        answer
    }

    pub(super) fn permit(&self, world: &mut World, peers: &[&str]) -> u16 {
        let request = self.signed(CREATE_PERMISSION, |transaction| {
            peer_addresses(transaction, peers)
        });
        world.ask(&self.at, &request).code()
    }

    pub(super) fn bind(&self, world: &mut World, number: u16, peer: &str) -> u16 {
        let request = self.signed(CHANNEL_BIND, |transaction| {
            let mut attributes = peer_addresses(transaction, &[peer]);
            attributes.push(Box::new(ChannelNumber::new(number)));
            attributes
        });
        world.ask(&self.at, &request).code()
    }

    /// What reaches a peer of a Send indication: from which relay, to whom, what.
    pub(super) fn send(
        &self,
        world: &mut World,
        peer: &str,
        payload: &[u8],
    ) -> Option<(RelayId, SocketAddr, Vec<u8>)> {
        let mut packet = Message::builder_indication(SEND, MessageWriteVec::new());
        let peer = XorPeerAddress::new(peer.parse().unwrap(), packet.transaction_id());
        packet.add_attribute(&peer).unwrap();
        packet.add_attribute(&Data::new(payload)).unwrap();
        let packet = packet.finish();
        let sent = to_peer(world.hand_in(&self.at, &packet))?;
        Some((sent.relay, sent.peer, packet[sent.payload].to_vec()))
    }

    /// What reaches the client of another relay of data on a channel, as it arrives there.
    pub(super) fn send_across(
        &self,
        world: &mut World,
        number: u16,
        payload: &[u8],
    ) -> Option<(FiveTuple, Vec<u8>)> {
        let packet = on_channel(number, payload);
        let Onward::Client(to_client, range) = world.hand_in(&self.at, &packet)? else {
            return None;
        };
        let mut arrived = to_client.prefix.as_bytes().to_vec();
        arrived.extend_from_slice(&packet[range]);
        arrived.resize(arrived.len() + to_client.prefix.padding(), 0);
        Some((to_client.to, arrived))
    }

    /// What reaches a peer of data on a channel.
    pub(super) fn send_on(
        &self,
        world: &mut World,
        number: u16,
        payload: &[u8],
    ) -> Option<(SocketAddr, Vec<u8>)> {
        let packet = on_channel(number, payload);
        let sent = to_peer(world.hand_in(&self.at, &packet))?;
        Some((sent.peer, packet[sent.payload].to_vec()))
    }
}

fn on_channel(number: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = number.to_be_bytes().to_vec();
    packet.extend_from_slice(&u16::try_from(payload.len()).unwrap().to_be_bytes());
    packet.extend_from_slice(payload);
    packet
}

/// What leaves by a relay's socket.
pub(super) fn to_peer(onward: Option<Onward>) -> Option<ToPeer> {
    match onward? {
        Onward::Peer(to_peer) => Some(to_peer),
        Onward::Client(..) => None,
    }
}

fn peer_addresses(transaction: TransactionId, peers: &[&str]) -> Vec<Box<dyn AttributeWrite>> {
    peers
        .iter()
        .map(|peer| {
            Box::new(XorPeerAddress::new(peer.parse().unwrap(), transaction)) as Box<dyn AttributeWrite>
        })
        .collect()
}
