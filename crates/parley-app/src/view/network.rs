//! How the network is used.

use serde::{Deserialize, Serialize};
use std::fmt;
use ts_rs::TS;

/// How the network is used, kept between runs.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct NetworkSettings {
    /// Picture and sound go through the server's relay always: the other side never sees this computer's address.
    pub relay_only: bool,
    /// The HTTP proxy (`http://host:port`) for what is reached over TCP; empty: what the system's environment says.
    pub proxy: String,
}

// A proxy's address may carry a password, and changes of settings are logged.
impl fmt::Debug for NetworkSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkSettings")
            .field("relay_only", &self.relay_only)
            .field("has_proxy", &!self.proxy.is_empty())
            .finish()
    }
}

/// The connection test: what it found, or that it runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct NetworkCheckView {
    /// It runs; what was found before is gone.
    pub running: bool,
    /// Every way out of this network; empty before the first test.
    pub ways: Vec<NetworkWayView>,
    /// What it means and what to do, as English sentences.
    pub sentences: Vec<String>,
}

/// One way out of this network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NetworkWayView {
    /// Which.
    pub way: NetworkWay,
    /// Whether it works; absent when the server offers nothing to try it with.
    pub works: Option<bool>,
    /// How long it took, in milliseconds, where it works.
    pub ms: Option<u32>,
}

/// A way out of this network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum NetworkWay {
    /// To the server, for the messages that begin a call.
    Server,
    /// Datagrams: what a direct call needs.
    Udp,
    /// The same over IPv6.
    Ipv6,
    /// To the relay, by datagrams.
    RelayUdp,
    /// To the relay, by a stream.
    RelayTcp,
    /// To the relay, by an encrypted stream.
    RelayTls,
}
