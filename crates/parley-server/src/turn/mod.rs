//! TURN (RFC 8656): relays for those whom no other way reaches. Sans-IO: [`TurnServer`] decides; [`TurnDriver`] has the sockets.
//! Stands for itself: it uses nothing of the crate around it.
//!
//! # The contract of [`TurnServer`]
//! 1. Make one [`TurnShared`] for the whole server, and of it one [`TurnServer`] for each thread that has sockets. A client's
//!    packets always go to the same one.
//! 2. Hand in one thing: a packet of a client ([`TurnServer::handle_client`]), a datagram of a peer ([`TurnServer::handle_peer`]),
//!    a closed stream ([`TurnServer::stream_closed`]), the time ([`TurnServer::handle_timeout`]).
//! 3. Send what it returned: the data of others goes straight through, as parts of what was handed in. Nothing is copied or
//!    allocated for it.
//! 4. [`TurnServer::poll`] until there is nothing. Sockets are opened while the server waits: the outcome
//!    ([`TurnServer::relay_opened`]) comes before anything else, and then polling goes on.
//! 5. Wait for the next thing, until [`TurnServer::next_timeout`] at most.
//!
//! # Who decides what
//! | file | what |
//! |---|---|
//! | `wire`, `framing` | what a packet is, without reading more than needed |
//! | `nonce`, `credentials`, `request` | who asks; nothing is stored for those who proved nothing |
//! | `peers` | which peers are nobody's business |
//! | `quota`, `limit` | how much anybody may have |
//! | `ports`, `allocation`, `permissions`, `channels` | what a client has |
//! | `server` | the requests, and the way of each packet |
//!
//! # What it does not do
//! TCP to peers (RFC 6062), mobility (RFC 8016), users with stored passwords, names as hashes, MD5 by PASSWORD-ALGORITHM
//! together with MESSAGE-INTEGRITY-SHA256 (`stun-types` has no such key). Clients are not told what ICMP says of peers, and of
//! the IP header nothing is passed on (DSCP, ECN). DONT-FRAGMENT is granted where the driver sends nothing in fragments anyway.

mod allocation;
mod channels;
mod config;
mod counters;
mod credentials;
pub(crate) mod driver;
mod family;
mod framing;
mod limit;
mod moment;
mod nonce;
mod peers;
mod permissions;
mod ports;
mod quota;
mod reply;
mod request;
#[cfg(test)]
mod rfc5769;
mod server;
mod wire;

pub use allocation::{FiveTuple, LinkId, RelayId};
pub use config::{RelayAddress, TurnConfig};
pub use counters::{TurnCounters, TurnTally};
pub use credentials::{TurnCredentials, TurnSecret};
pub use driver::{BoundTurn, StartTurnError, TurnDriver, TurnSockets};
pub use family::{ByFamily, Family};
pub use framing::{FRAME_BYTES_MAX, Frame, next_frame};
pub(crate) use limit::source_prefix;
pub use moment::Moment;
pub use peers::{ParseSubnetError, PeerRules, Subnet};
pub use quota::Quotas;
pub use server::{Action, Onward, ToClient, ToPeer, TurnServer, TurnShared};
pub use wire::Prefix;
