//! Whose certificates a server may show: those this computer trusts (an office's own authority among them), and Mozilla's
//! list, so that a system without any still reaches a public server. Read once a process, off the async threads.
//!
//! Does not decide whether a connection needs TLS: the server's address does.

use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

static TRUSTED: OnceCell<Arc<ClientConfig>> = OnceCell::const_new();

/// The configuration of every TLS connection to a server. `None` when this system's cryptography cannot be set up, which is
/// told as a certificate that is not good.
pub(crate) async fn trusted() -> Option<Arc<ClientConfig>> {
    let read = TRUSTED.get_or_try_init(|| async {
        // Reading and parsing some hundred files takes a while on a slow disk.
        let config = spawn_blocking(read).await.map_err(|error| error.to_string())?;
        config.map(Arc::new).map_err(|error| error.to_string())
    });
    match read.await {
        Ok(config) => Some(Arc::clone(config)),
        Err(error) => {
            tracing::error!(%error, "no TLS on this system");
            None
        }
    }
}

fn read() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let ours = rustls_native_certs::load_native_certs();
    for error in &ours.errors {
        tracing::debug!(%error, "a certificate store of this system could not be read");
    }
    // One odd certificate among hundreds is no reason to trust none of them.
    let (taken, left) = roots.add_parsable_certificates(ours.certs);
    tracing::debug!(taken, left, "certificates of this system");
    // Named here: with two providers in the build the library would refuse to choose.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_read_once() {
        let first = trusted().await.unwrap();
        assert!(Arc::ptr_eq(&first, &trusted().await.unwrap()));
    }
}
