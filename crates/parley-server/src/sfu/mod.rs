//! The SFU: passes on what each publishes in a room of three and more to those who want it, choosing for each what their way
//! carries. It decrypts and encrypts every packet for each hop, and never decodes one.
//!
//! | file | what it decides |
//! |---|---|
//! | `shard` | the value of one thread: whose a datagram is (`demux`), or a frame of a stream (`framing`), which connection counts, when everything is looked at |
//! | `room` | who is fed with whose tracks, and of whom nothing is taken (`part`); who speaks (`speakers`, `floor`), whose voice comes first (`audio_stage`) |
//! | `peer` | one connection (`str0m`): what it may send (`flow_limit`, `introductions`, `offences`), what it gets (`way`, with `allocation`, `probing`, `trial`, `voices`), when things were recorded (`capture_clock`) |
//! | `up_track` | what comes up: its layers (`layer`), which are wanted (`dynacast`), key frames (`h264`, `key_frames`), silence (`silence`), what copies bring back of a voice (`repair`) |
//! | `dialect` | what every connection speaks |
//! | `down_track` | what goes down in one section: which packets (`forwarder`, `left_out`), under which numbers (`rewriter`, each once: `used`), with which copies of sound (`copies`, as many as `shield` says) |
//! | `driver` | threads, sockets and the way to the hub |
//!
//! Retransmission works hop by hop and is the library's, as are pacing and the estimate of what a way carries. Deliberately absent:
//! people, doors and rooms as the signaling knows them, and any look inside pictures and sound.

mod allocation;
mod audio_stage;
mod backlog;
mod capture_clock;
mod certificate;
mod copies;
mod counts;
mod demux;
mod dialect;
mod down_track;
pub mod driver;
mod dynacast;
mod event;
mod floor;
mod flow_limit;
mod forwarder;
pub mod framing;
mod h264;
mod introductions;
mod key_frames;
mod layer;
mod left_out;
mod offences;
mod origins;
mod part;
mod peer;
mod probing;
mod repair;
mod rewriter;
mod room;
mod shard;
mod shield;
mod silence;
mod speakers;
#[cfg(test)]
mod tests;
mod trial;
mod up_track;
mod used;
mod voices;
mod way;

pub use certificate::Certificate;
pub use counts::Counts;
pub(crate) use dialect::config as library_config;
pub use event::{Event, What};
pub use part::Part;
pub use shard::{Ask, Command, Outgoing, Sfu, SfuConfig};
