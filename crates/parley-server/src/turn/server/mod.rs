//! The server as a value: packets and time go in, what to send and which sockets to open come out. Owned by one thread; what
//! several threads of one server have in common is [`TurnShared`].

mod allocate;
mod relay;
mod requests;
#[cfg(test)]
mod tests;

use super::allocation::{Allocation, Allocations, FiveTuple, RelayId};
use super::config::TurnConfig;
use super::counters::{Count, TurnTally};
use super::family::{ByFamily, Family};
use super::limit::AnswerLimit;
use super::moment::Moment;
use super::nonce::Nonces;
use super::ports::Ports;
use super::quota::Quota;
use super::reply::{Asked, Reply, Signature};
use super::request::{self, Denied, Login};
use super::wire::{self, Packet};
pub(super) use allocate::Opening;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
pub use relay::{Onward, ToClient, ToPeer};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use stun_types::attribute::{AttributeType, XorMappedAddress};
use stun_types::message::{BINDING, Message, MessageClass};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH};

/// Of ICE (RFC 8445, section 16.1): in checks that went astray.
const PRIORITY: AttributeType = AttributeType::new(0x0024);
const USE_CANDIDATE: AttributeType = AttributeType::new(0x0025);

/// So many times as many answers as a source gets over UDP are for its streams: a stream proves the address, but not that whoever
/// asks has a right to make us calculate. On a stream nobody asks again, so it is more than an office needs.
const STREAM_ANSWERS_TIMES: u16 = 10;

/// What all threads of one server share.
#[derive(Debug)]
pub struct TurnShared {
    config: TurnConfig,
    ports: Ports,
    quota: Quota,
    nonces: Nonces,
    draining: AtomicBool,
}

impl TurnShared {
    /// `nonce_key` is random; servers that have the same one take each other's nonces.
    #[must_use]
    pub fn new(config: TurnConfig, nonce_key: [u8; 32]) -> Arc<Self> {
        Arc::new(Self {
            ports: Ports::new(config.ports.clone()),
            quota: Quota::new(config.quotas),
            nonces: Nonces::new(nonce_key),
            config: config.completed(),
            draining: AtomicBool::new(false),
        })
    }

    /// From now on nobody gets a new relay (508); those who have one keep it. Before a server stops.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }
}

/// What a driver has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send this message to a client.
    Answer {
        /// Where it is.
        to: FiveTuple,
        /// A STUN message; its length is a multiple of four, so it is a whole frame of a stream too.
        message: Vec<u8>,
    },
    /// Open a UDP socket at this address and tell the outcome by [`TurnServer::relay_opened`], before anything else is handed
    /// in.
    Open {
        /// What to call it.
        relay: RelayId,
        /// Where.
        at: SocketAddr,
    },
    /// Close this relay's socket. What still comes from it is not to be handed in.
    Close {
        /// Which.
        relay: RelayId,
    },
}

/// One thread's part of a TURN server. The module's documentation tells how it is driven.
#[derive(Debug)]
pub struct TurnServer {
    shared: Arc<TurnShared>,
    tally: Arc<TurnTally>,
    answers: AnswerLimit,
    /// Apart from those over UDP, which anybody can use up in somebody else's name.
    stream_answers: AnswerLimit,
    allocations: Allocations,
    /// Whose relay is at a port.
    by_port: ByFamily<HashMap<u16, usize>>,
    actions: VecDeque<Action>,
    random: StdRng,
    /// Of Data indications: unique is enough, nobody answers them.
    transactions: [u8; 12],
}

impl TurnServer {
    /// `seed` is random: ports and reservation tokens are not to be guessed.
    #[must_use]
    pub fn new(shared: Arc<TurnShared>, seed: [u8; 32]) -> Self {
        let mut random = StdRng::from_seed(seed);
        let mut transactions = [0; 12];
        random.fill_bytes(&mut transactions);
        Self {
            answers: AnswerLimit::new(shared.config.answers_per_s_max),
            stream_answers: AnswerLimit::new(
                shared
                    .config
                    .answers_per_s_max
                    .saturating_mul(STREAM_ANSWERS_TIMES),
            ),
            shared,
            tally: Arc::default(),
            allocations: Allocations::default(),
            by_port: ByFamily::default(),
            actions: VecDeque::new(),
            random,
            transactions,
        }
    }

    /// The living counters.
    #[must_use]
    pub fn tally(&self) -> Arc<TurnTally> {
        Arc::clone(&self.tally)
    }

    /// A datagram, or a frame of a stream, came from a client.
    pub fn handle_client(&mut self, now: Moment, from: &FiveTuple, packet: &[u8]) -> Option<Onward> {
        match wire::classify(packet) {
            Packet::Channel { number, length } => self.channel_data(now, from, number, length),
            Packet::Send => self.send_indication(now, from, packet),
            Packet::Message => {
                self.message(now, from, packet);
                None
            }
            Packet::Junk => {
                self.tally.junk.add();
                None
            }
        }
    }

    /// Whether a client has something here.
    #[must_use]
    pub fn has_allocation(&self, from: &FiveTuple) -> bool {
        self.allocations.contains(from)
    }

    /// A client's stream is gone: so is what it had here (RFC 8656, section 3.1).
    pub fn stream_closed(&mut self, from: &FiveTuple) {
        if let Some(index) = self.allocations.find(from) {
            self.delete(index, |tally| &tally.released);
        }
    }

    /// What to do next, until there is nothing.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`TurnServer::handle_timeout`] is to be called at the latest.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Moment> {
        self.allocations.first_deadline()
    }

    /// Time went by.
    pub fn handle_timeout(&mut self, now: Moment) {
        while let Some(index) = self.allocations.expired(now) {
            self.delete(index, |tally| &tally.expired);
        }
    }

    fn message(&mut self, now: Moment, from: &FiveTuple, packet: &[u8]) {
        let message = Some(packet).filter(|packet| wire::fingerprint_holds(packet));
        let Some(message) = message.and_then(|packet| Message::from_bytes(packet).ok()) else {
            self.tally.junk.add();
            return;
        };
        let method = message.method();
        let for_a_server = [BINDING, ALLOCATE, REFRESH, CREATE_PERMISSION, CHANNEL_BIND].contains(&method);
        if !for_a_server || !message.has_class(MessageClass::Request) {
            self.tally.not_for_a_server.add();
            return;
        }
        let asked = request::asked(&message);
        if method == BINDING {
            self.binding(now, from, &message, asked);
            return;
        }
        let login = request::authenticate(
            &self.shared.config,
            &self.shared.nonces,
            now,
            from.client,
            &message,
        );
        match login {
            Ok(login) => self.request(now, from, &message, asked, &login),
            Err(denied) => self.deny(now, from, asked, denied),
        }
    }

    fn request(&mut self, now: Moment, from: &FiveTuple, message: &Message<'_>, asked: Asked, login: &Login) {
        if asked.method == ALLOCATE {
            self.allocate(now, from, message, asked, login);
            return;
        }
        let Some((index, allocation)) = self.allocation(from) else {
            self.refuse(from, asked, &login.signature, 437, |tally| &tally.mismatches);
            return;
        };
        if allocation.user != login.user {
            self.refuse(from, asked, &login.signature, 441, |tally| &tally.wrong_users);
            return;
        }
        if asked.method == REFRESH {
            self.refresh(now, index, message, asked, &login.signature);
        } else if asked.method == CREATE_PERMISSION {
            self.create_permission(now, index, message, asked, &login.signature);
        } else {
            self.channel_bind(now, index, message, asked, &login.signature);
        }
    }

    /// The client's allocation, once its relays are open.
    fn allocation(&mut self, from: &FiveTuple) -> Option<(usize, &mut Allocation)> {
        let (index, allocation) = self.allocations.find_mut(from)?;
        allocation.opening.is_none().then_some((index, allocation))
    }

    fn binding(&mut self, now: Moment, from: &FiveTuple, message: &Message<'_>, asked: Asked) {
        if !self.may_answer(now, from) {
            return;
        }
        let message = if let Some(unknown) = request::unknown_attributes(message, &[PRIORITY, USE_CANDIDATE])
        {
            self.tally.unknown_attributes.add();
            Reply::unknown(asked, &unknown)
        } else {
            self.tally.bindings_answered.add();
            Reply::success(asked).with(&mapped(from, asked))
        };
        self.answer(from, message.unsigned());
    }

    /// Whether somebody who proved nothing may be answered.
    fn may_answer(&mut self, now: Moment, from: &FiveTuple) -> bool {
        let limit = match from.stream {
            true => &mut self.stream_answers,
            false => &mut self.answers,
        };
        let may = limit.take(now, from.client.ip());
        if !may {
            self.tally.answers_limited.add();
        }
        may
    }

    fn deny(&mut self, now: Moment, from: &FiveTuple, asked: Asked, denied: Denied) {
        let (code, count) = match denied {
            Denied::Nothing => (401, &self.tally.unauthenticated),
            Denied::Malformed => (400, &self.tally.bad_requests),
            Denied::StaleNonce => (438, &self.tally.stale_nonces),
            Denied::Wrong => (401, &self.tally.wrong_credentials),
            Denied::Expired => (401, &self.tally.expired_credentials),
        };
        count.add();
        if !self.may_answer(now, from) {
            return;
        }
        let reply = if code == 400 {
            Reply::error(asked, code)
        } else {
            let nonce = self.shared.nonces.make(now, from.client);
            Reply::challenge(asked, code, &self.shared.config.realm, &nonce)
        };
        self.answer(from, reply.unsigned());
    }

    fn refuse(
        &mut self,
        from: &FiveTuple,
        asked: Asked,
        signature: &Signature,
        code: u16,
        count: impl FnOnce(&TurnTally) -> &Count,
    ) {
        count(&self.tally).add();
        self.answer(from, Reply::error(asked, code).signed(signature));
    }

    fn answer(&mut self, to: &FiveTuple, message: Vec<u8>) {
        self.actions.push_back(Action::Answer { to: *to, message });
    }

    fn delete(&mut self, index: usize, count: impl FnOnce(&TurnTally) -> &Count) {
        let Some(allocation) = self.allocations.remove(index) else {
            return;
        };
        count(&self.tally).add();
        self.tally.allocations.set(self.allocations.len());
        let source = allocation.five_tuple.client.ip();
        self.shared.quota.give_back(&allocation.user, source);
        for family in Family::BOTH {
            self.close_relay(index, family, allocation.ports[family]);
        }
        if let Some(opening) = allocation.opening {
            opening.give_up(&self.shared.ports);
        }
    }

    fn close_relay(&mut self, index: usize, family: Family, port: Option<u16>) {
        if let Some(port) = port {
            self.shared.ports.release(family, port);
            self.by_port[family].remove(&port);
            let relay = RelayId::new(index, family);
            self.actions.push_back(Action::Close { relay });
        }
    }
}

/// XOR-MAPPED-ADDRESS; IPv4 on an IPv6 socket is IPv4.
fn mapped(from: &FiveTuple, asked: Asked) -> XorMappedAddress {
    let client = SocketAddr::new(from.client.ip().to_canonical(), from.client.port());
    XorMappedAddress::new(client, asked.transaction)
}
