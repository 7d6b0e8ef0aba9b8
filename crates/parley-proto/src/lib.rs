//! The language every part of Parley speaks.
//!
//! Ids, units, links, and the messages of the signaling protocol (described for humans in `docs/protocol.md`), and one decision that both
//! sides make in the same way: who gets how much of what a way carries ([`allocation`]). Of media only what both sides take apart ([`red`]).
//! Deliberately absent: sockets, clocks, randomness, cryptography, and anything async. Random bytes and times come in as
//! arguments, so everything here can be tested without a machine around it.

pub mod allocation;
pub mod chat;
pub mod close;
mod code;
pub mod control;
mod door;
pub mod files;
mod group;
mod ice_server;
pub mod id;
pub mod limits;
pub mod link;
mod offence;
mod peer;
pub mod red;
pub mod signal;
pub mod units;

pub use chat::{ChatFrame, ChatText};
pub use close::CloseCode;
pub use code::ErrorCode;
pub use control::{ControlMessage, MediaState, Reaction, RecordingState};
pub use door::{ComesToListen, Door, WaitingPerson};
pub use files::{ChunkFrame, FileFrame, FileHash, Offer, RefusalReason};
pub use group::{
    Down, DownState, Publication, Publish, PublishedLayer, SfuClosed, Source, TopologyMode, Wish,
};
pub use ice_server::{IceCredentials, IceServer, IceServerKind, IceTransport};
pub use id::{MessageId, ParticipantId, RoomId, TransferId};
pub use link::{JoinToken, Link, LinkSecret, ParseLinkError, ServerAddress};
pub use offence::{Offence, OffenceCount};
pub use peer::{Candidate, PairMessage, PeerEnvelope, PeerMessage, SdpType};
pub use signal::{Abilities, ClientMessage, LeaveReason, Participant, Role, ServerMessage};
pub use units::{Bitrate, FrameRate, Resolution};

/// The version of the signaling protocol this build speaks (`docs/protocol.md` lists what each version brought).
pub const PROTOCOL_VERSION: u16 = 1;
/// The oldest version this build still understands.
pub const PROTOCOL_VERSION_MIN: u16 = 1;
