//! How calls use the network: what the settings and the environment say.

use crate::view::NetworkSettings;
use parley_call::relay::{Proxy, ProxyError};
use parley_call::{CandidatePolicy, NetworkOptions};

/// The connection test.
pub use parley_call::check::{Nat, NetworkReport, Way, WayReport, WaySeen, check_network};
/// Names that roots which stand on this crate alone need.
pub use parley_call::ice::{IceServer, IceUrlError, RelayTransport, TurnServer};

/// What the environment says of the network: the proxy for what is reached over TCP (`https_proxy`, `all_proxy`, `no_proxy`).
#[must_use]
pub fn from_environment() -> NetworkOptions {
    NetworkOptions {
        proxy: Proxy::from_environment(|name| std::env::var(name).ok()),
        ..NetworkOptions::default()
    }
}

/// What the settings say, and the environment where they are silent.
#[must_use]
pub fn options(settings: &NetworkSettings) -> NetworkOptions {
    let usual = from_environment();
    NetworkOptions {
        candidates: policy(settings.relay_only),
        // One that is not understood was refused when it was written; an edited file may have one all the same.
        proxy: proxy(&settings.proxy).ok().flatten().or(usual.proxy),
        ..usual
    }
}

/// Whether any way may be used, or a relay only.
#[must_use]
pub const fn policy(relay_only: bool) -> CandidatePolicy {
    if relay_only {
        CandidatePolicy::RelayOnly
    } else {
        CandidatePolicy::All
    }
}

/// The proxy that a field names; `None` for an empty one.
///
/// # Errors
/// [`ProxyError`] says what is wrong with it.
pub fn proxy(text: &str) -> Result<Option<Proxy>, ProxyError> {
    match text.trim() {
        "" => Ok(None),
        text => Proxy::read(text).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_say_more_than_the_environment() {
        let settings = NetworkSettings {
            relay_only: true,
            proxy: " http://proxy.example.org:3128 ".into(),
        };
        let options = options(&settings);
        assert_eq!(options.candidates, CandidatePolicy::RelayOnly);
        let proxy = options.proxy.unwrap();
        assert_eq!(proxy.at().to_string(), "proxy.example.org:3128");
    }

    #[test]
    fn a_proxys_password_is_in_no_log() {
        let settings = NetworkSettings {
            proxy: "http://ada:hunter2@proxy.example.org:3128".into(),
            ..NetworkSettings::default()
        };
        let logged = format!("{settings:?} {:?}", options(&settings));
        assert!(!logged.contains("hunter2"), "{logged}");
        assert!(logged.contains("has_proxy: true"), "{logged}");
    }

    #[test]
    fn a_proxy_that_is_none_is_told() {
        assert_eq!(proxy("  "), Ok(None));
        assert_eq!(proxy("socks5://host:1"), Err(ProxyError::Unsupported));
        assert_eq!(proxy("http://"), Err(ProxyError::Malformed));
    }
}
