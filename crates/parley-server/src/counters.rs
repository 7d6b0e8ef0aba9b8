//! What happened so far, in numbers. Written by the drivers, read as a snapshot.

use crate::rooms::DoorCounts;
use crate::webhook::WebhookCounts;
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
    /// People who wait in a lobby, now.
    waiting,
    /// Who asked for a room that is not there, or that they have no right to.
    refused_unknown,
    /// Tickets and resume tokens that were forged, of another server, expired, used before or no longer good.
    refused_tickets,
    /// Who came from where somebody is kept out, or wanted to resume after having been put out.
    refused_banned,
    /// Who came to a locked room.
    refused_locked,
    /// Missing and wrong passwords, and too many of them.
    refused_passwords,
    /// Who was refused by a host in the lobby, found it full, or could not wait in it.
    refused_in_lobby,
    /// Guests who wanted to act as hosts.
    refused_not_host,
    /// Who found no place: the room, its lobby or the server was full, or about to stop.
    refused_full,
    /// Messages that made no sense where they were said, such as a host's before being in a room.
    refused_out_of_order,
    /// People put out of a room by a host.
    removed,
    /// People put out of a room by the server, for what their client did in a group.
    removed_for_offences,
    /// Calls ended for everybody.
    ended_for_all,
    /// Changes of invitations, keys and bans that the disk did not take.
    unwritten,
    /// Requests to the admin API with a good key.
    admin_requests,
    /// Requests to the admin API without one.
    admin_refused,
    /// Requests to the admin API that came too fast.
    admin_limited,
    /// Sources of such requests whose rate was forgotten, for there were too many.
    admin_sources_forgotten,
    /// Events told to the operator's webhook.
    webhooks_delivered,
    /// Tries to tell one that failed; most were tried again.
    webhooks_failed,
    /// Events given up, because too many waited or nobody took them.
    webhooks_lost,
    /// Events dropped on the way to the webhook's queue.
    webhooks_dropped,
    /// Signaling connections, now.
    connections,
    /// Pages of calls that are not there.
    pages_unknown,
    /// WebSockets that a page of another site wanted to open.
    cross_site,
    /// Browsers that asked under a name that is none of this server's.
    unknown_host,
    /// Signaling connections accepted.
    connections_accepted,
    /// Signaling connections turned away because there were too many, in all or from one place.
    connections_refused,
    /// Signaling connections of people who had not joined yet, closed for newer ones when no place was free.
    unjoined_evicted,
    /// Signaling connections closed because nobody joined by them in time.
    unjoined_late,
    /// TCP connections accepted.
    tcp_accepted,
    /// TCP connections that speak HTTP, or have not said yet what they want, now.
    tcp_open,
    /// TCP connections closed because newer ones came when there were too many.
    tcp_evicted,
    /// TCP connections closed because they did not say in time what they want.
    tcp_silent,
    /// HTTP connections closed because no whole request came in time: a slow one, or a browser that wanted nothing more.
    http_slow,
    /// TCP connections closed because what they said is nothing that is spoken here.
    tcp_junk,
    /// TLS handshakes that failed.
    tls_failed,
    /// TCP connections that began with TLS where there is none.
    tls_unserved,
    /// TCP connections that wanted TURN where there is none.
    turn_unserved,
    /// TCP connections handed to TURN, TLS among them.
    turn_streams,
    /// TCP connections handed to the SFU.
    sfu_streams_handed,
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
    /// Sources of STUN requests whose rate was forgotten, for there were too many.
    stun_sources_forgotten,
}

impl Tally {
    /// What happened at the doors, as the rooms counted it.
    pub(crate) fn doors(&self, doors: &DoorCounts, unwritten: u64) {
        for (count, value) in [
            (&self.refused_unknown, doors.unknown),
            (&self.refused_tickets, doors.bad_tickets),
            (&self.refused_banned, doors.banned),
            (&self.refused_locked, doors.locked),
            (&self.refused_passwords, doors.password),
            (&self.refused_in_lobby, doors.not_admitted),
            (&self.refused_not_host, doors.not_allowed),
            (&self.refused_full, doors.no_place),
            (&self.refused_out_of_order, doors.out_of_order),
            (&self.removed, doors.removed),
            (&self.removed_for_offences, doors.offenders),
            (&self.ended_for_all, doors.ended),
            (&self.unwritten, unwritten),
        ] {
            count.0.store(value, Ordering::Relaxed);
        }
    }
}

impl Tally {
    /// What became of the webhook's events.
    pub(crate) fn webhooks(&self, counts: WebhookCounts) {
        for (count, value) in [
            (&self.webhooks_delivered, counts.delivered),
            (&self.webhooks_failed, counts.failed),
            (&self.webhooks_lost, counts.lost),
        ] {
            count.0.store(value, Ordering::Relaxed);
        }
    }
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

    /// What somebody else counted.
    pub(crate) fn is(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
