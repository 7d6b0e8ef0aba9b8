//! How the network is used.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// How the network is used, kept between runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct NetworkSettings {
    /// Picture and sound go through the server's relay always: the other side never sees this computer's address.
    pub relay_only: bool,
    /// The HTTP proxy (`http://host:port`) for what is reached over TCP; empty: what the system's environment says.
    pub proxy: String,
}
