//! One client's relays, and the table that finds them: by five-tuple for what clients send, by number for what peers send.

use super::channels::Channels;
use super::family::{ByFamily, Family};
use super::limit::Bandwidth;
use super::moment::Moment;
use super::permissions::Permissions;
use super::server::Opening;
use slab::Slab;
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use stun_types::message::TransactionId;

/// A UDP socket that clients send to, or one client's stream. The driver's number for it; never used again for another
/// stream while something of the first is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub u32);

/// Where a client is, and on which of our sockets (RFC 8656, section 3.2): one of these has one allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FiveTuple {
    /// The socket or stream; it stands for our port and for the transport.
    pub link: LinkId,
    /// The link is a stream, so frames on it are padded.
    pub stream: bool,
    /// The client.
    pub client: SocketAddr,
    /// The address of ours it sent to, where the system tells: answers leave from there.
    pub local_ip: Option<IpAddr>,
}

/// A relay's socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelayId(u32);

impl RelayId {
    pub(super) fn new(allocation: usize, family: Family) -> Self {
        // No more than the quota's 32 bits of allocations are ever there.
        Self(u32::try_from(allocation * 2).unwrap_or(u32::MAX - 1) + u32::from(family == Family::V6))
    }

    pub(super) fn allocation(self) -> usize {
        self.index() / 2
    }

    /// IPv4 or IPv6.
    #[must_use]
    pub fn family(self) -> Family {
        if self.0.is_multiple_of(2) {
            Family::V4
        } else {
            Family::V6
        }
    }

    /// The one whose [`RelayId::index`] this is.
    pub(super) fn from_index(index: usize) -> Option<Self> {
        u32::try_from(index).ok().map(Self)
    }

    /// Small numbers, used again: made to be an index.
    #[must_use]
    pub fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// What a client has here.
#[derive(Debug)]
pub(super) struct Allocation {
    pub(super) five_tuple: FiveTuple,
    pub(super) user: Box<str>,
    /// Of the Allocate, to know it again when it is sent twice.
    pub(super) transaction: TransactionId,
    pub(super) expires_at: Moment,
    /// Ports of the relays that are there.
    pub(super) ports: ByFamily<Option<u16>>,
    /// A relay of this family was asked for too, and could not be had: the error.
    pub(super) missing: Option<(Family, u16)>,
    /// The port after this one is kept for whoever knows this.
    pub(super) reservation: Option<u64>,
    pub(super) permissions: Permissions,
    pub(super) channels: Channels,
    pub(super) bandwidth: Bandwidth,
    /// Its sockets are not there yet.
    pub(super) opening: Option<Opening>,
}

/// All of one thread.
#[derive(Debug, Default)]
pub(super) struct Allocations {
    all: Slab<Allocation>,
    by_five_tuple: HashMap<FiveTuple, usize>,
    deadlines: BTreeSet<(Moment, usize)>,
    /// Who was found last: packets come in bursts.
    last: Option<(FiveTuple, usize)>,
}

impl Allocations {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn insert(&mut self, allocation: Allocation) -> usize {
        let five_tuple = allocation.five_tuple;
        let expires_at = allocation.expires_at;
        let index = self.all.insert(allocation);
        self.by_five_tuple.insert(five_tuple, index);
        self.deadlines.insert((expires_at, index));
        index
    }

    pub(super) fn remove(&mut self, index: usize) -> Option<Allocation> {
        let allocation = self.all.try_remove(index)?;
        self.by_five_tuple.remove(&allocation.five_tuple);
        self.deadlines.remove(&(allocation.expires_at, index));
        self.last = None;
        Some(allocation)
    }

    pub(super) fn contains(&self, five_tuple: &FiveTuple) -> bool {
        self.by_five_tuple.contains_key(five_tuple)
    }

    pub(super) fn find(&mut self, five_tuple: &FiveTuple) -> Option<usize> {
        match self.last {
            Some((last, index)) if last == *five_tuple => Some(index),
            _ => {
                let index = *self.by_five_tuple.get(five_tuple)?;
                self.last = Some((*five_tuple, index));
                Some(index)
            }
        }
    }

    /// The one that relays for `five_tuple`.
    pub(super) fn find_mut(&mut self, five_tuple: &FiveTuple) -> Option<(usize, &mut Allocation)> {
        let index = self.find(five_tuple)?;
        Some((index, self.all.get_mut(index)?))
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Allocation> {
        self.all.get_mut(index)
    }

    pub(super) fn set_expiry(&mut self, index: usize, expires_at: Moment) {
        if let Some(allocation) = self.all.get_mut(index) {
            self.deadlines.remove(&(allocation.expires_at, index));
            allocation.expires_at = expires_at;
            self.deadlines.insert((expires_at, index));
        }
    }

    /// When the first one expires.
    pub(super) fn first_deadline(&self) -> Option<Moment> {
        self.deadlines.first().map(|(expires_at, _)| *expires_at)
    }

    /// One that has expired.
    pub(super) fn expired(&self, now: Moment) -> Option<usize> {
        self.deadlines
            .first()
            .filter(|(expires_at, _)| *expires_at <= now)
            .map(|(_, index)| *index)
    }
}
