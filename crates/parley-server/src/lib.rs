//! Signaling, rooms, tickets and STUN: one server, embedded in the app or as the binary `parley-server`.
//!
//! Decisions are in sans-IO cores (`rooms`, `gate`, `stun::answer`), sockets in thin drivers around them (`hub`, `socket`,
//! `web`, `server`). The server knows who is in a room and passes on what they tell each other without looking inside; it
//! never sees sound, pictures, or the secret of a link. Nothing is stored but its key.

mod config;
mod counters;
pub mod gate;
mod hub;
mod key;
mod limit;
mod listener;
mod name;
mod net;
pub mod rooms;
mod server;
mod socket;
pub mod stun;
mod time;
mod token;
pub mod turn;
mod web;

pub use config::{DEFAULT_PORT, DEFAULT_STUN_PORT, ServerConfig};
pub use counters::Counters;
pub use key::{LoadKeyError, ServerKey};
pub use server::{Server, StartServerError};
pub use time::Moment;
