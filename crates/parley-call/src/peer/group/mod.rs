//! The driver of the connection to the server's SFU, for rooms of three and more: carries out [`SfuCommand`](crate::sfu_port::SfuCommand)s
//! and gives [`SfuEvent`](crate::sfu_port::SfuEvent)s, beside the driver of the direct connection, with which it shares encoders, pumps
//! and statistics ([`super::half`]). Both may send at once, while a call goes over from one to the other.
//!
//! | file | what |
//! |---|---|
//! | `driver` | the task: waits and acts; owns all state but what comes |
//! | `commands` | what the session asks, carried out one by one |
//! | `open`, `encoders` | what it holds: a connection with what came of it, and its part of each encoder |
//! | `connection`, `setup` | one connection of the library: own tracks in sendonly sections, a pool of recvonly ones |
//! | `ways` | the routes of one connection's encodings, as they were agreed on |
//! | `layers` | sans-IO: what each encoding gets of the estimate |
//! | `demultiplexer` | sans-IO: whose a packet is, by its one CSRC; one stream each, whatever section it came in |
//! | `numbering` | sans-IO: numbers and times of such a stream, without a break where the section changes |
//! | `track` | sans-IO: one such stream, from its first packet until nobody publishes it any more |
//! | `incoming` | the links of the chain that feed the demultiplexer |
//!
//! Gathering, pacing, the estimate, requests for what was lost and reports are those of every connection (`setup::Trunk`). Deliberately
//! absent: negotiation's order, when to connect again and whom to watch (the session's), a proof (the server's fingerprint
//! comes with its answer). Copies of the voice (RFC 2198) go to the server as its way up asks for, and come from it as the way down does.

mod commands;
mod connection;
mod demultiplexer;
pub(super) mod driver;
pub(super) mod encoders;
mod incoming;
mod layers;
mod numbering;
mod open;
mod setup;
mod track;
mod ways;

/// Sections for sound: the voices of those who may talk at once. With five a conversation misses nobody, and the SFU forwards no more
/// than it has speakers to tell (`parley_proto::limits::SPEAKERS_MAX`); each costs some 800 bytes of description.
const SOUND_SECTIONS: usize = 5;
/// Sections for pictures: four rows of four, which is what a window of 720p shows in tiles of 320 by 180. With the own sections the
/// description stays below a quarter of what the server takes (`parley_proto::limits::SFU_SDP_BYTES_MAX`), and so does its answer.
const PICTURE_SECTIONS: usize = 16;
