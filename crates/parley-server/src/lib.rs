//! Signaling, rooms, tickets, STUN and TURN: one server, embedded in the app or as the binary `parley-server`.
//!
//! Decisions are in sans-IO cores (`rooms`, `gate`, `turn`, `stun::answer`), sockets in thin drivers around them (`front`, `hub`,
//! `socket`, `web`, `relays`, `server`); `settings` is what an operator says. The server knows who is in a room and passes on
//! what they tell each other without looking inside; it never sees the secret of a link, and sound and pictures only as
//! encrypted packets that it relays. What is kept: its key, certificates, and who may come in (`store`).

pub mod access;
mod admin;
mod bundle;
mod config;
mod counters;
mod errands;
mod front;
pub mod gate;
mod hub;
mod key;
mod limit;
pub mod load;
mod metrics;
mod name;
mod net;
mod places;
mod relays;
pub mod rooms;
mod server;
pub mod settings;
pub mod sfu;
mod socket;
mod stage;
mod store;
pub mod stun;
mod time;
mod token;
pub mod turn;
mod web;
mod webhook;
mod writer;

pub use config::{
    DEFAULT_OWN_HTTPS_PORT, DEFAULT_PORT, DEFAULT_SFU_PORT, DEFAULT_STUN_PORT, GroupConfig, ServerConfig,
};
pub use counters::Counters;
pub use front::{CertificateError, CertificateSource, TlsConfig};
pub use key::{LoadKeyError, ServerKey};
pub use relays::RelayConfig;
pub use server::{Server, StartServerError};
pub use store::{InvitationAsk, InviteError, KEY_FILE_NAME, NewInvitation, OpenStoreError, invite, make_key};
pub use time::Moment;
pub use webhook::{BadWebhook, WebhookConfig};
