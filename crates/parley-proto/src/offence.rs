//! What somebody's client does in a group that no good one does, as hosts are told of it.
//!
//! The server limits, counts and tells; who goes on is put out. Only what is proven to be their own counts against anybody: under
//! which address a datagram comes proves nothing. Deliberately absent: the limits themselves, which are the server's (`docs/protocol.md`, "Groups").

use serde::{Deserialize, Serialize};

/// One kind of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Offence {
    /// More packets or bytes than one client may send; what was above was left out.
    Flood,
    /// Packets of no track of theirs: under numbers (SSRCs) of others, or made-up ones.
    Streams,
    /// Packets of their tracks that are too long to be passed on.
    Malformed,
    /// Key frames asked for again before any could have come.
    KeyFrames,
    /// Offers, lists, wishes and words faster than they are taken.
    Lists,
    /// Sound or pictures of somebody who only listens here.
    Upstream,
    /// Lists that nobody can mean: more tracks, layers or sections than there are, names and sizes out of range.
    Absurd,
    /// A kind that a newer server knows.
    #[serde(other)]
    Unknown,
}

impl Offence {
    /// All kinds that are known here.
    pub const ALL: [Self; 7] = [
        Self::Flood,
        Self::Streams,
        Self::Malformed,
        Self::KeyFrames,
        Self::Lists,
        Self::Upstream,
        Self::Absurd,
    ];
}

/// How often somebody did one kind of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OffenceCount {
    /// What.
    pub what: Offence,
    /// How often since they came in.
    pub count: u64,
}
