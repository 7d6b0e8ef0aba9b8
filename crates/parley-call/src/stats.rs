//! One sample of a call's figures a second: what the peer driver measured and what the session counted.

use crate::port::PeerStats;
use std::time::Instant;

/// One second of a call in figures.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CallStats {
    /// When it was taken; absent before the first.
    pub at: Option<Instant>,
    /// The connection to the other side.
    pub peer: PeerStats,
    /// What the session counted since the call began.
    pub session: SessionCounters,
}

/// What the session counted since the call began. Nothing here ends a call; everything here is worth a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionCounters {
    /// Messages of the server that could not be read.
    pub malformed_from_server: u64,
    /// Messages of the other side that could not be read, or broke a limit.
    pub malformed_from_peer: u64,
    /// Messages from people that are not in the room, or about connections that are gone.
    pub stale: u64,
    /// Messages that made no sense in the state they came in.
    pub out_of_order: u64,
    /// Candidates dropped: duplicates, or too many.
    pub candidates_dropped: u64,
    /// Proofs that came unasked or wrong after a right one.
    pub proofs_ignored: u64,
    /// Messages of the other side dropped because they came too fast.
    pub flooded: u64,
    /// Commands the peer driver could not carry out.
    pub peer_failures: u64,
    /// Offers that had to wait, because media flowed.
    pub offers_held: u64,
    /// Times packets stopped coming while ICE said that all is well.
    pub stalls: u64,
    /// Times both offered at once.
    pub glares: u64,
    /// Fresh starts of ICE inside a connection.
    pub ice_restarts: u64,
    /// Times the call went over to another network of this machine.
    pub handovers: u64,
    /// Second connections, made beside one that is used, that came to nothing.
    pub seconds_given_up: u64,
    /// Connections to the other side that were opened, the first one included.
    pub connections_opened: u64,
    /// Connections to the SFU that were opened.
    pub sfu_connections_opened: u64,
    /// Times the way to the SFU broke.
    pub sfu_losses: u64,
    /// Pictures through the SFU that stopped, and did not come again when they were asked for anew.
    pub pictures_stalled: u64,
    /// Times the connection to the server broke.
    pub signaling_losses: u64,
    /// Times the room was taken up again with a token.
    pub resumes: u64,
    /// Times the room was entered anew because the token was refused.
    pub rejoins: u64,
    /// Messages to the server thrown away because its connection was gone or full.
    pub signals_dropped: u64,
    /// Events thrown away because the app did not take them.
    pub events_dropped: u64,
}
