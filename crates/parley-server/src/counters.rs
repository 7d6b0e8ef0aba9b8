//! What happened so far, in numbers. Written by the drivers, read as a snapshot.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident),* $(,)?) => {
        /// The living counters, shared by the drivers of one server.
        #[derive(Debug, Default)]
        pub(crate) struct Tally { $(pub(crate) $name: Count),* }

        /// What happened since the server started.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
        pub struct Counters { $($(#[doc = $doc])* pub $name: u64),* }

        impl Tally {
            pub(crate) fn snapshot(&self) -> Counters {
                Counters { $($name: self.$name.get()),* }
            }
        }

        impl Counters {
            /// Each with its name and what it means.
            pub(crate) fn each(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($name), concat!($($doc),*), self.$name)),*]
            }
        }
    };
}

counters! {
    /// Rooms with somebody in them, now.
    rooms,
    /// People in them, now; those away included.
    participants,
    /// Signaling connections, now.
    connections,
    /// Signaling connections accepted.
    connections_accepted,
    /// Signaling connections turned away because there were too many.
    connections_refused,
    /// TCP connections accepted.
    tcp_accepted,
    /// TCP connections that speak HTTP, or have not said yet what they want, now.
    tcp_open,
    /// TCP connections closed because newer ones came when there were too many.
    tcp_evicted,
    /// TCP connections closed because they did not say in time what they want.
    tcp_silent,
    /// TCP connections closed because what they said is nothing that is spoken here.
    tcp_junk,
    /// TLS handshakes that failed.
    tls_failed,
    /// TCP connections that wanted TURN where there is none.
    turn_unserved,
    /// TCP connections handed to TURN, TLS among them.
    turn_streams,
    /// Requests without TLS that were sent to HTTPS.
    redirected,
    /// Requests for the numbers from somebody whom they are not for.
    metrics_refused,
    /// Messages read from clients.
    messages,
    /// Messages that could not be read, or were too large.
    malformed,
    /// Messages that came too fast.
    rate_limited,
    /// Clients closed because their messages could not be borne with.
    offenders_closed,
    /// Clients closed because they did not read fast enough.
    slow_clients_closed,
    /// Clients closed because nothing was heard of them.
    silent_clients_closed,
    /// STUN requests answered.
    stun_answered,
    /// STUN requests refused because of an attribute that must be understood and is not.
    stun_unknown_attribute,
    /// Datagrams on the STUN port that were no Binding request.
    stun_junk,
    /// STUN requests dropped because their source asks too often.
    stun_rate_limited,
}

/// One number that many write.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sub(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, value: usize) {
        self.0.store(value as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
