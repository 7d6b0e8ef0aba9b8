//! The server, its clock and sockets, what its clients know, and what is expected of it.

use super::address;
use super::packets::{ALLOCATE, Attributes, Author, REALM, REQUESTED_TRANSPORT, bare, signed};
use parley_server::turn::{
    Action, ByFamily, Family, FiveTuple, LinkId, Moment, Onward, Quotas, RelayAddress, RelayId, TurnConfig,
    TurnCounters, TurnSecret, TurnServer, TurnShared,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;
use stun_types::attribute::{AttributeType, MessageIntegrity, Nonce};
use stun_types::message::Message;
use stun_types::prelude::*;

pub(super) const CLIENTS: usize = 6;
/// As many as relays may be, so that one that is lost is missed in the end.
const PORTS: RangeInclusive<u16> = 50_000..=50_007;
const QUOTAS: Quotas = Quotas {
    per_user: 3,
    per_source: 3,
    total: 8,
};
const BYTES_PER_S: u64 = 20_000;
const ANSWERS_PER_S: u16 = 5;
/// And ten times as many on streams.
const STREAM_ANSWERS_PER_S: u16 = 50;
/// Of an answer to somebody who proved nothing: six times the smallest request.
const UNPROVEN_BYTES_MAX: usize = 120;
/// Of any other answer.
const ANSWER_BYTES_MAX: usize = 256;
const RESERVATION_TOKEN: AttributeType = AttributeType::new(0x0022);

pub(super) struct World {
    server: TurnServer,
    secret: TurnSecret,
    now: Moment,
    started: Moment,
    clients: Vec<Client>,
    /// Sockets that are open, and where.
    relays: BTreeMap<RelayId, SocketAddr>,
    /// So many of the next sockets cannot be had.
    pub(super) open_fails: u8,
    /// The last reservation that somebody was told.
    pub(super) token: Vec<u8>,
    transaction: u128,
    /// Who said something last, and what.
    last: (usize, Vec<u8>),
    links: u32,
    /// Answers to those who proved nothing, of one second: by source, and whether on a stream.
    unproven: BTreeMap<(u64, IpAddr, bool), u16>,
}

struct Client {
    at: FiveTuple,
    user: String,
    nonce: String,
}

impl World {
    pub(super) fn new() -> Self {
        let v4 = RelayAddress {
            bind: Ipv4Addr::new(10, 0, 0, 5).into(),
            public: Ipv4Addr::new(203, 0, 113, 5).into(),
        };
        let v6 = RelayAddress::at(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 5).into());
        let secret = TurnSecret::new(b"north");
        let relays = ByFamily {
            v4: Some(v4),
            v6: Some(v6),
        };
        let config = TurnConfig {
            ports: PORTS,
            quotas: QUOTAS,
            bytes_per_s_max: BYTES_PER_S,
            answers_per_s_max: ANSWERS_PER_S,
            unfragmented: true,
            ..TurnConfig::new(REALM, secret.clone(), relays)
        };
        let now = Moment::from_unix_ms(1_800_000_000_000);
        let mut world = Self {
            server: TurnServer::new(TurnShared::new(config, [1; 32]), [2; 32]),
            secret,
            now,
            started: now,
            clients: Vec::new(),
            relays: BTreeMap::new(),
            open_fails: 0,
            token: vec![0; 8],
            transaction: 0,
            last: (0, Vec::new()),
            links: 0,
            unproven: BTreeMap::new(),
        };
        for (client, stream, user) in [
            ("192.0.2.1:4000", false, "alice"),
            ("[::ffff:192.0.2.1]:4001", false, "alice"),
            ("192.0.2.2:4000", true, "bob"),
            ("192.0.2.2:4001", false, "alice"),
            ("[2001:db8:77::1]:4000", false, "carol"),
            ("[2001:db8:77:1::1]:4000", true, "bob"),
        ] {
            world.arrive(address(client), stream, user);
        }
        world
    }

    fn arrive(&mut self, client: SocketAddr, stream: bool, user: &str) {
        self.links += 1;
        let at = FiveTuple {
            link: LinkId(if stream { self.links } else { 0 }),
            stream,
            client,
            local_ip: None,
        };
        self.clients.push(Client {
            at,
            user: user.to_owned(),
            nonce: String::new(),
        });
    }

    pub(super) fn next_transaction(&self) -> u128 {
        self.transaction + 1
    }

    pub(super) fn relay_addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.relays.values().map(|at| match at.ip() {
            IpAddr::V4(_) => SocketAddr::from((Ipv4Addr::new(203, 0, 113, 5), at.port())),
            IpAddr::V6(_) => *at,
        })
    }

    /// A request with credentials; without a nonce, one is asked for first.
    pub(super) fn ask(&mut self, client: usize, method: u16, attributes: &Attributes) {
        // In this order, since addresses among the attributes may depend on the transaction.
        self.transaction += 1;
        let transaction = self.transaction;
        if self.clients[client].nonce.is_empty() {
            self.say_bytes(client, &bare(method, transaction, &Vec::new()));
        }
        let author = Author {
            secret: &self.secret,
            user: &self.clients[client].user,
            nonce: &self.clients[client].nonce,
        };
        let request = signed(method, transaction, attributes, &author, self.now);
        self.say(client, &request);
        self.last = (client, request);
    }

    /// A request comes a second time, as over a network that lost its answer.
    pub(super) fn say_again(&mut self) {
        let (client, request) = std::mem::take(&mut self.last);
        self.say(client, &request);
    }

    /// Bytes that nobody signed: no relay comes or goes by them.
    pub(super) fn say_bytes(&mut self, client: usize, packet: &[u8]) {
        let before = self.relays.clone();
        self.say(client, packet);
        assert_eq!(before, self.relays, "by bytes that prove nothing");
    }

    pub(super) fn say(&mut self, client: usize, packet: &[u8]) {
        let from = self.clients[client].at;
        let had = self.server.has_allocation(&from);
        match self.server.handle_client(self.now, &from, packet) {
            Some(onward) => {
                assert!(had, "relayed for somebody who has nothing here");
                self.check_onward(&onward, packet);
                assert!(self.server.poll().is_none(), "data is not answered");
            }
            None => self.act(Some((client, packet))),
        }
    }

    pub(super) fn peer_says(&mut self, relay: u8, peer: SocketAddr, length: usize) {
        let relays = self.relays.len().max(1);
        let Some(relay) = self.relays.keys().nth(usize::from(relay) % relays).copied() else {
            return;
        };
        if let Some(to_client) = self.server.handle_peer(self.now, relay, peer, length) {
            assert!(self.server.has_allocation(&to_client.to), "{to_client:?}");
            let whole = to_client.prefix.as_bytes().len() + length + to_client.prefix.padding();
            assert!(whole <= length + 51, "{whole} bytes around {length}");
            assert!(!to_client.to.stream || whole.is_multiple_of(4), "no whole frame");
        }
        self.act(None);
    }

    pub(super) fn wait(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
        self.server.handle_timeout(self.now);
        self.act(None);
        let next = self.server.next_timeout();
        assert!(next.is_none_or(|at| at > self.now), "a timer that stays");
    }

    /// A stream ends, and its client comes again by another one.
    pub(super) fn close(&mut self, client: usize) {
        let at = self.clients[client].at;
        if at.stream {
            self.server.stream_closed(&at);
            self.act(None);
            assert!(!self.server.has_allocation(&at), "it is gone");
            self.links += 1;
            self.clients[client].at.link = LinkId(self.links);
        }
    }

    fn check_onward(&self, onward: &Onward, packet: &[u8]) {
        match onward {
            Onward::Peer(to_peer) => {
                assert!(to_peer.payload.end <= packet.len(), "{to_peer:?}");
                assert!(self.relays.contains_key(&to_peer.relay), "{to_peer:?}");
                assert_eq!(to_peer.relay.family(), Family::of(to_peer.peer.ip()));
                assert!(is_public(to_peer.peer), "{to_peer:?}");
            }
            Onward::Client(to_client, payload) => {
                assert!(payload.end <= packet.len(), "{payload:?}");
                assert!(self.server.has_allocation(&to_client.to), "{to_client:?}");
            }
        }
    }

    /// Does what the server wants done; `asked` is who said what led to it.
    fn act(&mut self, asked: Option<(usize, &[u8])>) {
        let mut answers = 0;
        while let Some(action) = self.server.poll() {
            match action {
                Action::Answer { to, message } => {
                    answers += 1;
                    assert!(answers <= 1, "several answers to one packet");
                    self.check_answer(asked, &to, &message);
                }
                Action::Open { relay, at } => {
                    assert!(PORTS.contains(&at.port()), "{at}");
                    assert!(
                        self.relays.values().all(|open| *open != at),
                        "{at} is open already"
                    );
                    let opened = self.open_fails == 0;
                    self.open_fails = self.open_fails.saturating_sub(1);
                    if opened {
                        assert!(
                            self.relays.insert(relay, at).is_none(),
                            "{relay:?} is open already"
                        );
                    }
                    self.server.relay_opened(self.now, relay, opened);
                }
                Action::Close { relay } => {
                    assert!(self.relays.remove(&relay).is_some(), "{relay:?} was not open");
                }
            }
        }
    }

    fn check_answer(&mut self, asked: Option<(usize, &[u8])>, to: &FiveTuple, message: &[u8]) {
        let Some((client, packet)) = asked else {
            panic_with("an answer to nobody", message);
            return;
        };
        assert_eq!(*to, self.clients[client].at, "an answer to somebody else");
        assert_eq!(message.get(4..20), packet.get(4..20), "another transaction");
        assert!(message.len().is_multiple_of(4) && message.len() <= ANSWER_BYTES_MAX);
        let Ok(read) = Message::from_bytes(message) else {
            panic_with("an answer that cannot be read", message);
            return;
        };
        assert!(read.is_response(), "{read}");
        if !read.has_attribute(MessageIntegrity::TYPE) {
            self.count_unproven(to, message.len());
        }
        if let Ok(nonce) = read.attribute::<Nonce>() {
            self.clients[client].nonce = nonce.nonce().to_owned();
        }
        if let Some(token) = read.raw_attribute(RESERVATION_TOKEN) {
            self.token = token.value.to_vec();
        }
        assert!(self.server.handle_client(self.now, to, message).is_none());
        assert!(self.server.poll().is_none(), "an answer is answered");
    }

    /// No source that proved nothing gets more than so many answers of so many bytes.
    fn count_unproven(&mut self, to: &FiveTuple, length: usize) {
        assert!(length <= UNPROVEN_BYTES_MAX, "{length} bytes to anybody");
        let second = self.now.unix_s();
        self.unproven.retain(|(at, ..), _| *at == second);
        let source = to.client.ip().to_canonical();
        let given = self.unproven.entry((second, source, to.stream)).or_default();
        *given += 1;
        let most = if to.stream {
            STREAM_ANSWERS_PER_S
        } else {
            ANSWERS_PER_S
        };
        assert!(*given <= most, "{given} answers to {source} in a second");
    }

    pub(super) fn check(&self) {
        let counters = self.counters();
        assert!(counters.allocations <= u64::from(QUOTAS.total), "{counters:?}");
        let sockets = self.relays.len() as u64;
        assert!(
            counters.allocations <= sockets && sockets <= 2 * counters.allocations,
            "{counters:?}"
        );
        let count = |of: &dyn Fn(&Client) -> bool| {
            let all = self.clients.iter().filter(|client| of(client));
            all.filter(|client| self.server.has_allocation(&client.at))
                .count()
        };
        let has_all = count(&|_| true) as u64;
        assert_eq!(has_all, counters.allocations, "an allocation without its client");
        assert!(count(&|client| client.user == "alice") <= QUOTAS.per_user as usize);
        let passed_s = self.now.since(self.started).as_secs() + 1;
        let most = BYTES_PER_S * (counters.allocated + passed_s * u64::from(QUOTAS.total));
        let carried = counters.bytes_to_peers + counters.bytes_to_clients;
        // Between two relays of this server it is counted on both sides.
        assert!(carried <= most, "{carried} bytes, {most} at most");
    }

    fn counters(&self) -> TurnCounters {
        self.server.tally().snapshot()
    }

    /// Everybody leaves, and then all there is can be had again by others.
    pub(super) fn end(mut self) {
        for client in 0..CLIENTS {
            self.close(client);
        }
        self.open_fails = 0;
        self.wait(3_600_000);
        assert!(self.relays.is_empty(), "{:?}", self.relays);
        assert_eq!(self.counters().allocations, 0);
        assert_eq!(self.server.next_timeout(), None);
        self.clients.clear();
        for (client, user) in "abcdefgh".chars().enumerate() {
            let at = Ipv4Addr::new(192, 0, 2, 100 + client as u8);
            self.arrive((at, 4000).into(), false, &user.to_string());
            self.ask(client, ALLOCATE, &vec![(REQUESTED_TRANSPORT, vec![17, 0, 0, 0])]);
            assert!(
                self.server.has_allocation(&self.clients[client].at),
                "what is left for {user}? {:?}",
                self.counters()
            );
        }
    }
}

/// Clippy wants no `panic!` here, and a body has nothing else to say.
fn panic_with(what: &str, message: &[u8]) {
    assert!(message.is_empty(), "{what}: {message:02x?}");
}

/// Whether a relay with these rules may send there: no network of somebody's own, and nothing of this machine, which is reached
/// without a detour or not at all.
fn is_public(peer: SocketAddr) -> bool {
    let own = peer.ip() == IpAddr::from([203, 0, 113, 5])
        || peer.ip() == IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 5]);
    let inside = match peer.ip() {
        IpAddr::V4(ip) => {
            ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_multicast()
                || ip.is_unspecified()
        }
        IpAddr::V6(ip) => {
            let is_global = ip.segments()[0] & 0xe000 == 0x2000 || ip.segments()[..2] == [0x64, 0xff9b];
            !is_global || ip.to_ipv4_mapped().is_some()
        }
    };
    peer.port() != 0 && !own && !inside
}
