//! What happened so far, in numbers: each refusal has one of its own. The drivers write, anybody reads.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// The living counters of one thread.
        #[derive(Debug, Default)]
        pub struct TurnTally { $(pub(super) $name: Count),* }

        /// What happened since the server started.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
        pub struct TurnCounters { $($(#[$doc])* pub $name: u64),* }

        impl TurnTally {
            /// The numbers at this moment.
            #[must_use]
            pub fn snapshot(&self) -> TurnCounters {
                TurnCounters { $($name: self.$name.get()),* }
            }
        }

        impl std::ops::Add for TurnCounters {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self { $($name: self.$name.saturating_add(other.$name)),* }
            }
        }
    };
}

counters! {
    /// Allocations, now.
    allocations,
    /// Allocations made.
    allocated,
    /// Allocations that ended because nobody refreshed them.
    expired,
    /// Allocations that their client gave back, or whose connection closed.
    released,
    /// Datagrams relayed to peers.
    packets_to_peers,
    /// Bytes of data relayed to peers.
    bytes_to_peers,
    /// Datagrams relayed to clients.
    packets_to_clients,
    /// Bytes of data relayed to clients.
    bytes_to_clients,
    /// Binding requests answered.
    bindings_answered,
    /// Packets that are neither STUN nor ChannelData.
    junk,
    /// Messages of a method or class that a server is not sent.
    not_for_a_server,
    /// Answers not given, because their source had too many without proving anything.
    answers_limited,
    /// Requests without credentials: told to come again with them (401).
    unauthenticated,
    /// Requests with a wrong password or a name that says nothing (401).
    wrong_credentials,
    /// Requests with credentials of yesterday (401).
    expired_credentials,
    /// Requests with a nonce that is too old or somebody else's (438).
    stale_nonces,
    /// Requests that make no sense (400).
    bad_requests,
    /// Requests with an attribute that must be understood and is not (420).
    unknown_attributes,
    /// Requests about an allocation that is not there, or one too many (437).
    mismatches,
    /// Requests about an allocation of another user (441).
    wrong_users,
    /// Allocations of something else than UDP refused (442).
    transport_refused,
    /// Allocations of a family that this server has no address of refused (440).
    family_refused,
    /// Peers of another family than the allocation (443).
    peer_family_refused,
    /// Peers refused because of where they are (403).
    peers_refused,
    /// Allocations refused because the user has enough (486).
    over_user_quota,
    /// Allocations refused because the client's address has enough (486).
    over_source_quota,
    /// Allocations refused because the server is full (508).
    over_total_quota,
    /// Allocations refused because the server is about to stop (508).
    draining,
    /// Allocations refused because no port could be had (508).
    no_port,
    /// Permissions and channels refused because the allocation has enough (508).
    no_room,
    /// Data from clients without an allocation dropped.
    data_without_allocation,
    /// Data on a channel that is not bound dropped.
    data_on_unbound_channel,
    /// Send indications that cannot be read dropped.
    bad_indications,
    /// Data to a peer without a permission dropped.
    data_to_unpermitted_peer,
    /// Data to a port of this machine that is no relay of this server dropped.
    data_to_guarded_port,
    /// Datagrams from a peer without a permission dropped.
    data_from_unpermitted_peer,
    /// Datagrams too large for an indication dropped.
    data_too_large,
    /// Packets dropped because their allocation relays too much.
    over_bandwidth,
    /// Packets to clients on a stream dropped because the client does not read fast enough.
    slow_client_drops,
    /// Streams accepted.
    streams_accepted,
    /// Streams turned away because there are too many.
    streams_refused,
    /// Streams closed because what came on them was neither STUN nor ChannelData, or nothing came.
    streams_broken,
    /// Datagrams that the system did not take.
    send_failed,
}

/// One number. Each thread has its own, so that they do not wait for each other.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self) {
        self.add_many(1);
    }

    pub(super) fn add_many(&self, more: usize) {
        self.0.fetch_add(more as u64, Ordering::Relaxed);
    }

    pub(super) fn set(&self, value: usize) {
        self.0.store(value as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
