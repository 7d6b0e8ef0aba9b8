//! A server on loopback, and people who speak to it over UDP.

use super::super::super::config::{RelayAddress, TurnConfig};
use super::super::super::credentials::TurnSecret;
use super::super::super::family::ByFamily;
use super::super::super::moment::Moment;
use super::super::{BoundTurn, Clock, TurnDriver, TurnSockets};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;
use stun_types::attribute::*;
use stun_types::message::*;
use turn_types::attribute::*;
use turn_types::message::*;

pub(super) const PATIENCE: Duration = Duration::from_secs(10);
pub(super) const SECRET: &[u8] = b"north";

pub(super) fn driver(threads: usize) -> TurnDriver {
    listening("127.0.0.1:0", threads)
}

pub(super) fn listening(at: &str, threads: usize) -> TurnDriver {
    bound(at, threads).run().unwrap()
}

pub(super) fn bound(at: &str, threads: usize) -> BoundTurn {
    let relays = ByFamily {
        v4: Some(RelayAddress::at("127.0.0.1".parse().unwrap())),
        v6: None,
    };
    let mut config = TurnConfig::new("example.org", TurnSecret::new(SECRET), relays);
    config.peers.allowed_subnets = vec!["127.0.0.0/8".parse().unwrap()];
    config.bytes_per_s_max = 100_000_000;
    let sockets = TurnSockets {
        udp: vec![at.parse().unwrap()],
        threads,
        streams_max: 9,
        streams_per_source_max: 8,
        seed: [3; 32],
    };
    TurnDriver::bind(config, &sockets).unwrap()
}

pub(super) fn socket(at: &str) -> UdpSocket {
    let socket = UdpSocket::bind((at, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Requests of somebody with credentials, over anything that asks and hears.
pub(super) struct Author {
    key: LongTermKeyCredentials,
    nonce: String,
}

impl Author {
    pub(super) fn new() -> Self {
        let now: Moment = Clock::start().now();
        let credentials = TurnSecret::new(SECRET).mint(now, Duration::from_secs(600), "alice");
        Self {
            key: LongTermKeyCredentials::new(
                credentials.username,
                credentials.password,
                "example.org".into(),
            ),
            nonce: String::new(),
        }
    }

    pub(super) fn request(&self, method: Method, peer: Option<SocketAddr>, channel: Option<u16>) -> Vec<u8> {
        let mut request = Message::builder_request(method, MessageWriteVec::new());
        if method == ALLOCATE {
            request.add_attribute(&RequestedTransport::new(17)).unwrap();
        }
        if let Some(peer) = peer {
            let peer = XorPeerAddress::new(peer, request.transaction_id());
            request.add_attribute(&peer).unwrap();
        }
        if let Some(channel) = channel {
            request.add_attribute(&ChannelNumber::new(channel)).unwrap();
        }
        self.sign(request)
    }

    /// The allocation is not needed any more.
    pub(super) fn goodbye(&self) -> Vec<u8> {
        let mut request = Message::builder_request(REFRESH, MessageWriteVec::new());
        request.add_attribute(&Lifetime::new(0)).unwrap();
        self.sign(request)
    }

    fn sign(&self, mut request: MessageWriteVec) -> Vec<u8> {
        if !self.nonce.is_empty() {
            request
                .add_attribute(&Username::new(self.key.username()).unwrap())
                .unwrap();
            request
                .add_attribute(&Realm::new(self.key.realm()).unwrap())
                .unwrap();
            request.add_attribute(&Nonce::new(&self.nonce).unwrap()).unwrap();
            let key = MessageIntegrityCredentials::LongTerm(self.key.clone());
            request
                .add_message_integrity(&key, IntegrityAlgorithm::Sha1)
                .unwrap();
        }
        request.finish()
    }

    pub(super) fn heed(&mut self, challenge: &[u8]) {
        let message = Message::from_bytes(challenge).unwrap();
        self.nonce = message.attribute::<Nonce>().unwrap().nonce().to_owned();
    }
}

pub(super) fn relayed(answer: &[u8]) -> SocketAddr {
    let message = Message::from_bytes(answer).unwrap();
    assert!(message.has_class(MessageClass::Success), "{message}");
    message
        .attribute::<XorRelayedAddress>()
        .unwrap()
        .addr(message.transaction_id())
}

pub(super) fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 2000];
    let (length, from) = socket.recv_from(&mut buffer).unwrap();
    (buffer[..length].to_vec(), from)
}

/// A client of UDP with a channel 0x4000 to `peer`, and its relay.
pub(super) fn udp_client(driver: &TurnDriver, peer: SocketAddr) -> (UdpSocket, SocketAddr) {
    let (client, author, relay) = allocated(driver.udp()[0]);
    client
        .send(&author.request(CHANNEL_BIND, Some(peer), Some(0x4000)))
        .unwrap();
    let bound = receive(&client).0;
    assert!(
        Message::from_bytes(&bound)
            .unwrap()
            .has_class(MessageClass::Success)
    );
    (client, relay)
}

/// A client of UDP and its relay.
pub(super) fn allocated(server: SocketAddr) -> (UdpSocket, Author, SocketAddr) {
    let client = socket("127.0.0.1");
    client.connect(server).unwrap();
    let ask = |request: &[u8]| {
        client.send(request).unwrap();
        receive(&client).0
    };
    let mut author = Author::new();
    author.heed(&ask(&author.request(ALLOCATE, None, None)));
    let relay = relayed(&ask(&author.request(ALLOCATE, None, None)));
    (client, author, relay)
}

pub(super) fn on_channel(payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x40, 0, 0, u8::try_from(payload.len()).unwrap()];
    packet.extend_from_slice(payload);
    packet
}
