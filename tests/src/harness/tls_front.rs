//! What stands in front of a server on the internet: TLS, with a certificate of an authority made up for the test. Ends the
//! encryption and passes the bytes on, as a reverse proxy does. Servers that do TLS themselves are given the same as files.

use super::authority::Authority;
use anyhow::{Context as _, Result};
use rcgen::{CertificateParams, date_time_ymd};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;

/// How good the certificate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    /// For this host, and valid now.
    Good,
    /// Its time is over.
    Expired,
    /// For another host.
    OfAnother,
}

/// A TLS port on loopback before a plain one. Gone when dropped.
#[derive(Debug)]
pub struct TlsFront {
    address: SocketAddr,
    authority: PathBuf,
    // Its tasks end with it.
    _runtime: Runtime,
    _folder: TempDir,
}

impl TlsFront {
    /// Puts TLS before `behind`.
    ///
    /// # Errors
    /// When there is no port or no certificate to be had.
    pub fn start(behind: SocketAddr, certificate: Certificate) -> Result<Self> {
        let folder = TempDir::with_prefix("parley-tls-")?;
        let authority = folder.path().join("authority.pem");
        let config = Arc::new(configuration(certificate, &authority)?);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        runtime.spawn(serve(listener, TlsAcceptor::from(config), behind));
        Ok(Self {
            address,
            authority,
            _runtime: runtime,
            _folder: folder,
        })
    }

    /// Where it is reached: `https://localhost:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// The authority's own certificate, as a PEM file: who trusts it trusts the server.
    #[must_use]
    pub fn authority(&self) -> &Path {
        &self.authority
    }
}

/// A certificate, its key, and the authority that vouches for it: PEM files. Gone when dropped.
#[derive(Debug)]
pub struct CertificateFiles {
    folder: TempDir,
}

impl CertificateFiles {
    /// Makes them for `localhost`.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn make() -> Result<Self> {
        Self::make_for("localhost")
    }

    /// Makes them for a host, a name or an address.
    ///
    /// # Errors
    /// When it is no host, or they cannot be written.
    pub fn make_for(host: &str) -> Result<Self> {
        let files = Self {
            folder: TempDir::with_prefix("parley-certificate-")?,
        };
        let authority = Authority::make()?;
        std::fs::write(files.authority(), authority.pem())?;
        authority.write_files(host, files.folder.path())?;
        Ok(files)
    }

    /// Who trusts this one trusts the server.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// The server's own.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, behind: SocketAddr) {
    while let Ok((client, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // A client that does not like the certificate goes away here.
            let mut client = acceptor.accept(client).await?;
            let mut server = TcpStream::connect(behind).await?;
            copy_bidirectional(&mut client, &mut server).await
        });
    }
}

fn configuration(certificate: Certificate, authority_file: &Path) -> Result<ServerConfig> {
    let authority = Authority::make()?;
    std::fs::write(authority_file, authority.pem())?;

    let host = if certificate == Certificate::OfAnother {
        "elsewhere.test"
    } else {
        "localhost"
    };
    let mut leaf = CertificateParams::new(vec![host.to_owned()])?;
    if certificate == Certificate::Expired {
        leaf.not_before = date_time_ymd(2020, 1, 1);
        leaf.not_after = date_time_ymd(2021, 1, 1);
    }
    let (leaf, key) = authority.certify(&leaf)?;
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf], key)
        .context("the certificate does not fit its key")
}
