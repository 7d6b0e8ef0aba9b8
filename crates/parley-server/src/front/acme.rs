//! A certificate from an authority that speaks ACME (RFC 8555): asked for, kept and renewed by `rustls-acme`, which answers the
//! challenge in the TLS handshake (RFC 8737), so that no other port is needed.

use super::Certificates;
use super::certificates::provider;
use futures_util::StreamExt as _;
use rustls_acme::caches::DirCache;
use rustls_acme::{AcmeConfig, EventOk};
use std::path::Path;

/// What the authority asks for in TLS when it looks whether we have the name.
pub(super) const ALPN: &[u8] = b"acme-tls/1";

/// What was kept is in use at once; the rest takes the authority a few seconds, once the keeper runs.
pub(super) fn open(
    domain: &str,
    contact: Option<&str>,
    directory: Option<&str>,
    folder: &Path,
) -> Certificates {
    let mut config = AcmeConfig::new_with_provider([domain], provider()).directory_lets_encrypt(true);
    if let Some(directory) = directory {
        config = config.directory(directory);
    }
    if let Some(contact) = contact {
        config = config.contact_push(format!("mailto:{contact}"));
    }
    let mut state = config.cache(DirCache::new(folder.to_owned())).state();
    let resolver = state.resolver();
    let domain = domain.to_owned();
    let keeper = async move {
        // It waits longer after each failure by itself.
        while let Some(event) = state.next().await {
            match event {
                Ok(EventOk::DeployedNewCert) => tracing::info!("{domain} has a new certificate"),
                Ok(event) => tracing::debug!(?event, "certificate"),
                Err(error) => tracing::warn!(
                    "The authority gave no certificate for {domain}: {error}. Check that the name leads to this machine and that TCP port 443 is open from the internet."
                ),
            }
        }
    };
    Certificates {
        resolver,
        keeper: Some(Box::pin(keeper)),
    }
}
