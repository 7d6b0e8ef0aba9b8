//! One HTTP request (RFC 9112) over a fresh connection, with TLS where the address says so. A driver; it decides nothing.

use super::outbox::Delivery;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A program that takes longer counts as not answering.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Of an answer only its first line is read.
const ANSWER_BYTES_MAX: u64 = 512;

/// Where it goes.
#[derive(Clone)]
pub(super) struct Target {
    host: String,
    port: u16,
    /// What stands in the header `Host`.
    authority: String,
    path: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Target {
    pub(super) fn parse(url: &str) -> Option<Self> {
        let (rest, secure) = match url.split_once("://")? {
            ("https", rest) => (rest, true),
            ("http", rest) => (rest, false),
            _ => return None,
        };
        // Nothing that could end a header line or stand for somebody's name and password.
        if rest.bytes().any(|byte| !byte.is_ascii_graphic()) || rest.contains(['@', '#']) {
            return None;
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => rest
                .split_once(']')
                .filter(|(host, _)| host.parse::<Ipv6Addr>().is_ok())?,
            None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse::<u16>().ok().filter(|port| *port != 0)?,
            None if port.is_empty() && secure => 443,
            None if port.is_empty() => 80,
            None => return None,
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
        if host.is_empty() || !host.bytes().all(plain) {
            return None;
        }
        let host = host.to_owned();
        let tls = if secure {
            let roots = RootCertStore {
                roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
            };
            Some((connector(roots)?, ServerName::try_from(host.clone()).ok()?))
        } else {
            None
        };
        Some(Self {
            host,
            port,
            authority: authority.to_owned(),
            path: if path.is_empty() {
                "/".to_owned()
            } else {
                path.to_owned()
            },
            tls,
        })
    }

    /// The same, trusting the authorities in this PEM alone, and not those of the web. `None` when there is none in it, or one that is
    /// no certificate. Without TLS there is nobody to trust.
    pub(super) fn trusting(mut self, pem: &[u8]) -> Option<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate.ok()?).ok()?;
        }
        if roots.is_empty() {
            return None;
        }
        if let Some((tls, _)) = &mut self.tls {
            *tls = connector(roots)?;
        }
        Some(self)
    }

    /// Any status of the two hundreds counts as taken.
    pub(super) async fn post(&self, delivery: &Delivery) -> io::Result<()> {
        tokio::time::timeout(ANSWER_MAX, self.post_now(delivery)).await?
    }

    async fn post_now(&self, delivery: &Delivery) -> io::Result<()> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        match &self.tls {
            Some((tls, name)) => {
                self.speak(tls.connect(name.clone(), stream).await?, delivery)
                    .await
            }
            None => self.speak(stream, delivery).await,
        }
    }

    async fn speak(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        delivery: &Delivery,
    ) -> io::Result<()> {
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: parley-server/{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nParley-Signature: {}\r\nConnection: close\r\n\r\n{}",
            self.path,
            self.authority,
            env!("CARGO_PKG_VERSION"),
            delivery.body.len(),
            delivery.signature,
            delivery.body
        );
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let mut answer = Vec::new();
        let mut head = stream.take(ANSWER_BYTES_MAX);
        while !answer.contains(&b'\n') && head.read_buf(&mut answer).await? > 0 {}
        let status = answer.split(|byte| *byte == b' ').nth(1);
        match status {
            Some([b'2', _, _]) => Ok(()),
            _ => Err(io::Error::other("the answer is no success")),
        }
    }
}

/// Trusts these authorities, and nobody else.
fn connector(roots: RootCertStore) -> Option<TlsConnector> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Some(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        let check = |url: &str, expect: Option<(&str, u16, &str)>| {
            let target = Target::parse(url);
            let found = target
                .as_ref()
                .map(|target| (target.host.as_str(), target.port, target.path.as_str()));
            assert_eq!(found, expect, "{url}");
        };
        check(
            "https://hooks.example.org/parley?a=b",
            Some(("hooks.example.org", 443, "/parley?a=b")),
        );
        check("http://127.0.0.1:8080", Some(("127.0.0.1", 8080, "/")));
        check("http://[fd00::1]:8080/x", Some(("fd00::1", 8080, "/x")));
        check("http://[fd00::1]/x", Some(("fd00::1", 80, "/x")));
        for wrong in [
            "",
            "hooks.example.org",
            "ftp://x/",
            "http:///x",
            "http://x:port/",
            "http://x:0/",
            "http://x?y",
            "http://x\\y/",
            "http://[::1/",
            "http://u:p@x/",
            "http://x/\r\nA: b",
            "http://x/ y",
        ] {
            check(wrong, None);
        }
    }

    /// A program with a certificate that no authority of the web knows.
    #[tokio::test]
    async fn a_certificate_of_ones_own_is_trusted_where_it_was_named() {
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["hooks.example.org".to_owned()]).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let theirs = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![cert.der().clone()],
                rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap(),
            )
            .unwrap();
        let theirs = tokio_rustls::TlsAcceptor::from(Arc::new(theirs));
        let web = Target::parse("https://hooks.example.org/").unwrap();
        let own = web.clone().trusting(cert.pem().as_bytes()).unwrap();
        let other = rcgen::generate_simple_self_signed(["hooks.example.org".to_owned()]).unwrap();
        let other = web.clone().trusting(other.cert.pem().as_bytes()).unwrap();
        for (target, expect) in [(web, false), (own, true), (other, false)] {
            let (here, there) = tokio::io::duplex(64 * 1024);
            let (tls, name) = target.tls.unwrap();
            let (connected, _) = tokio::join!(tls.connect(name, here), theirs.accept(there));
            assert_eq!(connected.is_ok(), expect);
        }
    }

    #[test]
    fn what_holds_no_certificate_is_no_authority() {
        let target = Target::parse("https://hooks.example.org/").unwrap();
        for pem in [
            "",
            "nonsense",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\n",
        ] {
            assert!(target.clone().trusting(pem.as_bytes()).is_none(), "{pem}");
        }
    }

    #[tokio::test]
    async fn only_a_success_counts_as_taken() {
        let delivery = Delivery {
            body: "{}".to_owned(),
            signature: "t=1,v1=00".to_owned(),
        };
        for (answer, taken) in [
            ("HTTP/1.1 204 No Content\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", true),
            ("HTTP/1.1 302 Found\r\n\r\n", false),
            ("HTTP/1.1 500 No\r\n\r\n", false),
            ("", false),
            ("nonsense", false),
        ] {
            let (ours, mut theirs) = tokio::io::duplex(4096);
            let target = Target::parse("http://127.0.0.1/hook").unwrap();
            theirs.write_all(answer.as_bytes()).await.unwrap();
            theirs.shutdown().await.unwrap();
            let done = target.speak(ours, &delivery).await;
            assert_eq!(done.is_ok(), taken, "{answer}");
            let mut asked = String::new();
            theirs.read_to_string(&mut asked).await.unwrap();
            assert!(
                asked.starts_with("POST /hook HTTP/1.1\r\nHost: 127.0.0.1\r\n"),
                "{asked}"
            );
            assert!(asked.contains("\r\nParley-Signature: t=1,v1=00\r\n"), "{asked}");
        }
    }
}
