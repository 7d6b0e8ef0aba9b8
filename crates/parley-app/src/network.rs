//! How calls use the network: what the environment says.

use parley_call::NetworkOptions;
use parley_call::relay::Proxy;

/// What the environment says of the network: the proxy for what is reached over TCP (`https_proxy`, `all_proxy`, `no_proxy`).
#[must_use]
pub fn from_environment() -> NetworkOptions {
    NetworkOptions {
        proxy: Proxy::from_environment(|name| std::env::var(name).ok()),
        ..NetworkOptions::default()
    }
}
