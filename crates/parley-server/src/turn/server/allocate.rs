//! Allocate (RFC 8656, section 6.2): from what is asked to open sockets. Ports are tried one after the other, as another
//! program may have one of them.

use super::super::allocation::{Allocation, FiveTuple, RelayId};
use super::super::family::{ByFamily, Family};
use super::super::limit::Bandwidth;
use super::super::moment::Moment;
use super::super::ports::{Parity, Ports};
use super::super::quota::OverQuota;
use super::super::reply::{Asked, Reply, Signature};
use super::super::request::{self, Denied, Login};
use super::{Action, TurnServer, mapped};
use rand::Rng as _;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;
use stun_types::attribute::{AttributeStaticType as _, ErrorCode};
use stun_types::message::Message;
use turn_types::attribute::{
    AdditionalAddressFamily, AddressErrorCode, DontFragment, EvenPort, Lifetime, RequestedAddressFamily,
    RequestedTransport, ReservationToken, XorRelayedAddress,
};

/// RFC 8656, section 3.2: ten minutes unless more is asked for, an hour at most.
const LIFETIME_S: u32 = 600;
const LIFETIME_S_MAX: u32 = 3600;
/// Ports tried for one relay.
const TRIES: u8 = 8;

/// An allocation that waits for its sockets.
#[derive(Debug)]
pub(in super::super) struct Opening {
    asked: Asked,
    signature: Signature,
    lifetime_s: u32,
    family: Family,
    port: u16,
    /// How the port is chosen; `None`: it was reserved, and there is no other.
    parity: Option<Parity>,
    tries_left: u8,
    /// The other family is wanted too.
    then: Option<Family>,
}

impl Opening {
    /// The port that was tried is nobody's again.
    pub(super) fn give_up(&self, ports: &Ports) {
        ports.release(self.family, self.port);
        if self.parity == Some(Parity::EvenAndNext) {
            ports.release(self.family, self.port.wrapping_add(1));
        }
    }
}

/// What an Allocate asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wish {
    lifetime_s: u32,
    family: Family,
    then: Option<Family>,
    parity: Parity,
    token: Option<u64>,
}

/// Why an Allocate makes no sense, or asks for what there never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WishError {
    Malformed,
    Transport,
    Family,
}

impl Wish {
    fn read(message: &Message<'_>) -> Result<Self, WishError> {
        let has = |kind| message.has_attribute(kind);
        let malformed = |_| WishError::Malformed;
        let transport = message.attribute::<RequestedTransport>().map_err(malformed)?;
        if transport.protocol() != RequestedTransport::UDP {
            return Err(WishError::Transport);
        }
        let even = match has(EvenPort::TYPE) {
            true => Some(message.attribute::<EvenPort>().map_err(malformed)?.requested()),
            false => None,
        };
        let token = match has(ReservationToken::TYPE) {
            true => Some(
                message
                    .attribute::<ReservationToken>()
                    .map_err(malformed)?
                    .token(),
            ),
            false => None,
        };
        let requested = match has(RequestedAddressFamily::TYPE) {
            true => Some(
                message
                    .attribute::<RequestedAddressFamily>()
                    .map_err(|_| WishError::Family)?
                    .family(),
            ),
            false => None,
        };
        let additional = has(AdditionalAddressFamily::TYPE);
        if additional {
            message
                .attribute::<AdditionalAddressFamily>()
                .map_err(malformed)?;
        }
        // RFC 8656, section 6.2, steps 5 to 9.
        if (token.is_some() && (even.is_some() || requested.is_some() || additional))
            || (additional && (requested.is_some() || even == Some(true)))
        {
            return Err(WishError::Malformed);
        }
        Ok(Self {
            lifetime_s: granted_lifetime(lifetime_asked(message).map_err(|()| WishError::Malformed)?),
            family: requested.map_or(Family::V4, Family::from),
            then: additional.then_some(Family::V6),
            parity: match even {
                None => Parity::Any,
                Some(false) => Parity::Even,
                Some(true) => Parity::EvenAndNext,
            },
            token,
        })
    }
}

/// LIFETIME, in seconds; an error if it cannot be read.
pub(super) fn lifetime_asked(message: &Message<'_>) -> Result<Option<u32>, ()> {
    if !message.has_attribute(Lifetime::TYPE) {
        return Ok(None);
    }
    message
        .attribute::<Lifetime>()
        .map(|lifetime| Some(lifetime.seconds()))
        .map_err(|_| ())
}

pub(super) fn granted_lifetime(asked: Option<u32>) -> u32 {
    asked.unwrap_or(LIFETIME_S).clamp(LIFETIME_S, LIFETIME_S_MAX)
}

impl TurnServer {
    pub(super) fn allocate(
        &mut self,
        now: Moment,
        from: &FiveTuple,
        message: &Message<'_>,
        asked: Asked,
        login: &Login,
    ) {
        let signature = &login.signature;
        if let Some(index) = self.allocations.find(from) {
            self.allocate_again(now, index, asked, login);
            return;
        }
        if !login.current {
            self.deny(now, from, asked, Denied::Expired);
            return;
        }
        if self.shared.draining.load(Ordering::Acquire) {
            self.refuse(from, asked, signature, 508, |tally| &tally.draining);
            return;
        }
        if let Some(unknown) = request::unknown_attributes(message, self.allocate_attributes()) {
            self.tally.unknown_attributes.add();
            self.answer(from, Reply::unknown(asked, &unknown).signed(signature));
            return;
        }
        let mut wish = match Wish::read(message) {
            Ok(wish) => wish,
            Err(WishError::Malformed) => {
                return self.refuse(from, asked, signature, 400, |tally| &tally.bad_requests);
            }
            Err(WishError::Transport) => {
                return self.refuse(from, asked, signature, 442, |tally| &tally.transport_refused);
            }
            Err(WishError::Family) => {
                return self.refuse(from, asked, signature, 440, |tally| &tally.family_refused);
            }
        };
        let relays = self.shared.config.relays;
        let mut missing = None;
        if relays[wish.family].is_none() {
            // The other one alone is better than none, if both were asked for.
            let Some(then) = wish.then.take().filter(|then| relays[*then].is_some()) else {
                return self.refuse(from, asked, signature, 440, |tally| &tally.family_refused);
            };
            missing = Some((wish.family, 440));
            wish.family = then;
        } else if let Some(then) = wish.then.filter(|then| relays[*then].is_none()) {
            missing = Some((then, 440));
            wish.then = None;
        }
        match self.shared.quota.take(&login.user, from.client.ip()) {
            Ok(()) => {}
            Err(OverQuota::User) => {
                return self.refuse(from, asked, signature, 486, |tally| &tally.over_user_quota);
            }
            Err(OverQuota::Source) => {
                return self.refuse(from, asked, signature, 486, |tally| &tally.over_source_quota);
            }
            Err(OverQuota::Total) => {
                return self.refuse(from, asked, signature, 508, |tally| &tally.over_total_quota);
            }
        }
        let index = self.insert(now, from, wish, asked, login);
        if let Some(allocation) = self.allocations.get_mut(index) {
            allocation.missing = missing;
        }
        let random = self.random.next_u64();
        self.open(now, index, random, wish.token);
    }

    fn allocate_attributes(&self) -> &'static [stun_types::attribute::AttributeType] {
        // DONT-FRAGMENT last, so that it can be left out.
        let known = &[
            RequestedTransport::TYPE,
            RequestedAddressFamily::TYPE,
            Lifetime::TYPE,
            EvenPort::TYPE,
            ReservationToken::TYPE,
            DontFragment::TYPE,
        ];
        if self.shared.config.unfragmented {
            known
        } else {
            &known[..5]
        }
    }

    /// The same request sent twice gets the same answer; another one is one too many (RFC 8656, section 6.2, step 2).
    fn allocate_again(&mut self, now: Moment, index: usize, asked: Asked, login: &Login) {
        let Some(allocation) = self.allocations.get_mut(index) else {
            return;
        };
        let from = allocation.five_tuple;
        if allocation.transaction != asked.transaction || allocation.user != login.user {
            self.refuse(&from, asked, &login.signature, 437, |tally| &tally.mismatches);
        } else if allocation.opening.is_none() {
            let left_s = allocation.expires_at.since(now).as_secs();
            let lifetime_s = u32::try_from(left_s).unwrap_or(LIFETIME_S_MAX);
            self.tell_allocated(index, asked, &login.signature, lifetime_s);
        }
    }

    fn insert(&mut self, now: Moment, from: &FiveTuple, wish: Wish, asked: Asked, login: &Login) -> usize {
        let index = self.allocations.insert(Allocation {
            five_tuple: *from,
            user: login.user.clone(),
            transaction: asked.transaction,
            expires_at: now + Duration::from_secs(wish.lifetime_s.into()),
            ports: ByFamily::default(),
            missing: None,
            reservation: None,
            permissions: Default::default(),
            channels: Default::default(),
            bandwidth: Bandwidth::new(now, self.shared.config.bytes_per_s_max),
            opening: Some(Opening {
                asked,
                signature: login.signature.clone(),
                lifetime_s: wish.lifetime_s,
                family: wish.family,
                port: 0,
                parity: Some(wish.parity),
                tries_left: TRIES,
                then: wish.then,
            }),
        });
        self.tally.allocations.set(self.allocations.len());
        index
    }

    /// Chooses a port from `start` on, or takes the reserved one, and asks for a socket there.
    fn open(&mut self, now: Moment, index: usize, start: u64, token: Option<u64>) {
        let Some(opening) = self
            .allocations
            .get_mut(index)
            .and_then(|found| found.opening.as_mut())
        else {
            return;
        };
        let port = match (token, opening.parity) {
            (Some(token), _) => self.shared.ports.redeem(now, token).map(|(family, port)| {
                opening.family = family;
                opening.parity = None;
                port
            }),
            (None, Some(parity)) if opening.tries_left > 0 => {
                self.shared.ports.take(now, opening.family, parity, start)
            }
            _ => None,
        };
        let address = self.shared.config.relays[opening.family];
        let (Some(port), Some(address)) = (port, address) else {
            self.open_other(now, index);
            return;
        };
        opening.port = port;
        opening.tries_left = opening.tries_left.saturating_sub(1);
        self.actions.push_back(Action::Open {
            relay: RelayId::new(index, opening.family),
            at: SocketAddr::new(address.bind, port),
        });
    }

    /// The outcome of [`Action::Open`]: whether the socket is there. If not, another port is tried, or the client told.
    pub fn relay_opened(&mut self, now: Moment, relay: RelayId, opened: bool) {
        let index = relay.allocation();
        let Some(allocation) = self.allocations.get_mut(index) else {
            return;
        };
        let Some(opening) = allocation.opening.as_ref() else {
            return;
        };
        let ports = &self.shared.ports;
        if opened {
            let (family, port, parity) = (opening.family, opening.port, opening.parity);
            ports.opened(family, port);
            allocation.ports[family] = Some(port);
            self.by_port[family].insert(port, index);
            if parity == Some(Parity::EvenAndNext) {
                let token = self.random.next_u64();
                let kept = ports.reserve(now, token, family, port.wrapping_add(1));
                allocation.reservation = kept.then_some(token);
            }
            self.open_other(now, index);
        } else {
            opening.give_up(ports);
            let next = ports.after(opening.port);
            self.open(now, index, next, None);
        }
    }

    /// One family is done, well or not: the other if it is wanted, else the answer.
    fn open_other(&mut self, now: Moment, index: usize) {
        let Some(allocation) = self.allocations.get_mut(index) else {
            return;
        };
        let Some(opening) = allocation.opening.as_mut() else {
            return;
        };
        if allocation.ports[opening.family].is_none() {
            allocation.missing = Some((opening.family, 508));
        }
        if let Some(then) = opening.then.take() {
            opening.family = then;
            opening.parity = Some(Parity::Any);
            opening.tries_left = TRIES;
            let random = self.random.next_u64();
            self.open(now, index, random, None);
            return;
        }
        let from = allocation.five_tuple;
        let Some(opening) = allocation.opening.take() else {
            return;
        };
        if Family::BOTH
            .iter()
            .all(|family| allocation.ports[*family].is_none())
        {
            self.delete(index, |tally| &tally.no_port);
            let error = Reply::error(opening.asked, 508).signed(&opening.signature);
            self.answer(&from, error);
        } else {
            self.tally.allocated.add();
            self.tell_allocated(index, opening.asked, &opening.signature, opening.lifetime_s);
        }
    }

    fn tell_allocated(&mut self, index: usize, asked: Asked, signature: &Signature, lifetime_s: u32) {
        let Some(allocation) = self.allocations.get_mut(index) else {
            return;
        };
        let from = allocation.five_tuple;
        let mut reply = Reply::success(asked);
        for family in Family::BOTH {
            let address = self.shared.config.relays[family];
            if let (Some(port), Some(address)) = (allocation.ports[family], address) {
                let relayed = SocketAddr::new(address.public, port);
                reply = reply.with(&XorRelayedAddress::new(relayed, asked.transaction));
            }
        }
        if let Some((family, code)) = allocation.missing
            && let Ok(error) = ErrorCode::new(code, "")
        {
            reply = reply.with(&AddressErrorCode::new(family.into(), error));
        }
        if let Some(token) = allocation.reservation {
            reply = reply.with(&ReservationToken::new(token));
        }
        let reply = reply.with(&Lifetime::new(lifetime_s)).with(&mapped(&from, asked));
        self.answer(&from, reply.signed(signature));
    }
}
