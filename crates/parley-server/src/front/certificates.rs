//! Who we are, within TLS: a certificate from files, from an authority (`acme`), or made by ourselves (`own_certificate`).

use super::{ALPN_TURN, acme, own_certificate};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

/// How often files are looked at: whoever renews a certificate does so days before the old one ends.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// A certificate and its chain are a few kB.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where a certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// Files of the operator's, PEM; read again when they change.
    Files {
        /// The certificate and its chain.
        certificate: PathBuf,
        /// The key of the first.
        key: PathBuf,
    },
    /// An authority that speaks ACME (RFC 8555), by a challenge on the same port (RFC 8737).
    Acme {
        /// The name to be certified.
        domain: String,
        /// Whom the authority writes to, without `mailto:`.
        contact: Option<String>,
        /// Another authority than Let's Encrypt.
        directory: Option<String>,
        /// Where account and certificate are kept.
        folder: PathBuf,
    },
    /// Made by this server; browsers warn of it.
    Own {
        /// Where it is kept.
        folder: PathBuf,
    },
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error(
        "The certificate's file {path} cannot be read: {source}. Check the path and that this user may read it."
    )]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("{path} holds no {what} in PEM. Give the file that your authority or tool wrote for it.")]
    Content {
        /// Which.
        path: PathBuf,
        /// What should be there.
        what: &'static str,
    },
    /// They do not belong together, or are of a kind that is not known.
    #[error(
        "The certificate {path} cannot be used with its key: {source}. Check that both are of the same order."
    )]
    Pair {
        /// The certificate.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// One's own cannot be made or kept.
    #[error(
        "A certificate of one's own cannot be made or kept in {folder}: {reason}. Choose another folder with --data-dir."
    )]
    Own {
        /// Where.
        folder: PathBuf,
        /// Why.
        reason: String,
    },
}

type Keeper = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The certificate in use, and what keeps it fresh.
pub(crate) struct Certificates {
    pub(crate) resolver: Arc<dyn ResolvesServerCert>,
    /// To be run for as long as the server runs.
    pub(crate) keeper: Option<Keeper>,
}

impl Certificates {
    /// Reads or makes what is there now. The authority is asked by the keeper.
    pub(crate) fn open(source: &CertificateSource) -> Result<Self, CertificateError> {
        match source {
            CertificateSource::Files { certificate, key } => {
                let kept = Kept::new(read_pair(certificate, key)?);
                let watched = Watched::new(certificate.clone(), key.clone(), Arc::clone(&kept));
                Ok(Self {
                    resolver: kept,
                    keeper: Some(Box::pin(watched.run())),
                })
            }
            CertificateSource::Acme {
                domain,
                contact,
                directory,
                folder,
            } => Ok(acme::open(
                domain,
                contact.as_deref(),
                directory.as_deref(),
                folder,
            )),
            CertificateSource::Own { folder } => {
                let (certificate, key) = own_certificate::in_folder(folder)?;
                Ok(Self {
                    resolver: Kept::new(read_pair(&certificate, &key)?),
                    keeper: None,
                })
            }
        }
    }
}

/// TLS as a server speaks it: 1.3 and 1.2, with the one provider that all of Parley uses.
pub(crate) fn server_config(resolver: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![ALPN_TURN.to_vec(), b"http/1.1".to_vec(), acme::ALPN.to_vec()];
    Ok(config)
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// One certificate that can be replaced while connections come.
#[derive(Debug)]
struct Kept(RwLock<Arc<CertifiedKey>>);

impl Kept {
    fn new(pair: CertifiedKey) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Arc::new(pair))))
    }

    fn replace(&self, pair: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
    }
}

impl ResolvesServerCert for Kept {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn read_pair(certificate: &Path, key: &Path) -> Result<CertifiedKey, CertificateError> {
    let content = |path: &Path, what| CertificateError::Content {
        path: path.to_owned(),
        what,
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<_, _>>()
        .map_err(|_| content(certificate, "certificate"))?;
    if chain.is_empty() {
        return Err(content(certificate, "certificate"));
    }
    let secret = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| content(key, "private key"))?;
    CertifiedKey::from_der(chain, secret, &provider()).map_err(|source| CertificateError::Pair {
        path: certificate.to_owned(),
        source,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let failed = |source| CertificateError::Read {
        path: path.to_owned(),
        source,
    };
    if std::fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err(CertificateError::Content {
            path: path.to_owned(),
            what: "certificate or key of a usual size",
        });
    }
    std::fs::read(path).map_err(failed)
}

/// Takes new files when they are whole; keeps what there is as long as they are not.
#[derive(Debug)]
struct Watched {
    certificate: PathBuf,
    key: PathBuf,
    seen: [Option<SystemTime>; 2],
    kept: Arc<Kept>,
}

impl Watched {
    fn new(certificate: PathBuf, key: PathBuf, kept: Arc<Kept>) -> Self {
        let seen = written(&certificate, &key);
        Self {
            certificate,
            key,
            seen,
            kept,
        }
    }

    fn look(&mut self) {
        let now = written(&self.certificate, &self.key);
        if now == self.seen {
            return;
        }
        match read_pair(&self.certificate, &self.key) {
            Ok(pair) => {
                self.kept.replace(pair);
                self.seen = now;
                tracing::info!("the certificate was renewed");
            }
            // Perhaps only one of the two was written so far: look again.
            Err(error) => tracing::warn!("{error} The former certificate stays in use."),
        }
    }

    async fn run(mut self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.look();
        }
    }
}

fn written(certificate: &Path, key: &Path) -> [Option<SystemTime>; 2] {
    [certificate, key].map(|path| std::fs::metadata(path).and_then(|file| file.modified()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn pair_in(folder: &Path) -> (PathBuf, PathBuf) {
        own_certificate::in_folder(folder).unwrap()
    }

    #[test]
    fn what_is_wrong_with_files_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = pair_in(folder.path());
        assert!(read_pair(&certificate, &key).is_ok());
        let other = tempfile::tempdir().unwrap();
        let (_, other_key) = pair_in(other.path());
        let empty = folder.path().join("empty.pem");
        fs::write(&empty, "").unwrap();
        for (certificate, key, words) in [
            (&certificate, &other_key, "cannot be used with its key"),
            (&empty, &key, "holds no certificate"),
            (&certificate, &empty, "holds no private key"),
            (&folder.path().join("none.pem"), &key, "cannot be read"),
        ] {
            let said = read_pair(certificate, key).unwrap_err().to_string();
            assert!(said.contains(words), "{said}");
        }
    }

    #[test]
    fn renewed_files_are_taken_and_half_written_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = pair_in(folder.path());
        let kept = Kept::new(read_pair(&certificate, &key).unwrap());
        let in_use = || kept.0.read().unwrap().cert[0].clone();
        let first = in_use();
        let mut watched = Watched::new(certificate.clone(), key.clone(), Arc::clone(&kept));
        watched.look();
        assert_eq!(in_use(), first);

        let other = tempfile::tempdir().unwrap();
        let (new_certificate, new_key) = pair_in(other.path());
        let later = SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000);
        let put = |from: &Path, to: &Path| {
            fs::copy(from, to).unwrap();
            let file = fs::File::options().write(true).open(to).unwrap();
            file.set_modified(later).unwrap();
        };
        put(&new_certificate, &certificate);
        watched.look();
        assert_eq!(in_use(), first, "a certificate whose key has not come yet");
        put(&new_key, &key);
        watched.look();
        assert_ne!(in_use(), first);
    }
}
