//! A stream to a server: TCP, straight or through a proxy, then TLS where it is asked for. A driver without decisions but
//! one: a proxy that cannot be reached is gone around, for a laptop carries its settings home.

use super::proxy::{self, Proxy};
use crate::ice::HostPort;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::SockRef;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// A TCP connection; the time is split between a host's addresses.
const TCP_MAX: Duration = Duration::from_secs(6);
/// A proxy is in the network around this machine: one that does not answer by then is somewhere else, and whoever waits for
/// the server is not to give up before it was asked straight.
const PROXY_NEAR_MAX: Duration = Duration::from_secs(2);
/// What a proxy needs to reach the server and answer.
const PROXY_MAX: Duration = Duration::from_secs(8);
/// The TLS handshake.
const TLS_MAX: Duration = Duration::from_secs(6);
/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 4;
/// Bytes that may wait in the system for a slow stream: a call's second at a low rate. More would only be delay.
const SEND_BUFFER_BYTES: usize = 128 << 10;

/// Why there is no stream.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DialError {
    /// The name is not known.
    #[error("its name could not be found")]
    NameUnknown,
    /// Nothing listens there, or a firewall says no.
    #[error("it cannot be reached: {0}")]
    Refused(io::Error),
    /// It took too long; most often a firewall that says nothing.
    #[error("it does not answer")]
    TimedOut,
    /// The proxy would not.
    #[error("the proxy refuses, with status {0}")]
    ProxyRefused(u16),
    /// What was called a proxy is none.
    #[error("the proxy does not answer as one")]
    ProxyJunk,
    /// No encryption.
    #[error("no encrypted connection: {0}")]
    Tls(io::Error),
}

/// A stream of either kind.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens a stream for media: small messages go at once, and little waits.
pub(crate) async fn dial(
    to: &HostPort,
    tls: Option<&Arc<ClientConfig>>,
    proxy: Option<&Proxy>,
) -> Result<Box<dyn Stream>, DialError> {
    let stream = tcp(to, proxy).await?;
    let options = SockRef::from(&stream);
    if let Err(error) = options.set_send_buffer_size(SEND_BUFFER_BYTES) {
        tracing::debug!(%error, "a stream's buffer stays at the system's default");
    }
    let Some(config) = tls else {
        return Ok(Box::new(stream));
    };
    let name = ServerName::try_from(to.host().to_owned()).map_err(|_| DialError::NameUnknown)?;
    let handshake = TlsConnector::from(Arc::clone(config)).connect(name, stream);
    match timeout(TLS_MAX, handshake).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(DialError::Tls(error)),
        Err(_) => Err(DialError::TimedOut),
    }
}

/// TCP to a host, through the proxy if that is asked for this host and can be reached.
pub(crate) async fn tcp(to: &HostPort, proxy: Option<&Proxy>) -> Result<TcpStream, DialError> {
    let Some(proxy) = proxy.filter(|proxy| proxy.serves(to.host())) else {
        return straight(to).await;
    };
    let reached = timeout(PROXY_NEAR_MAX, straight(proxy.at())).await;
    match reached.unwrap_or(Err(DialError::TimedOut)) {
        Ok(stream) => timeout(PROXY_MAX, through(stream, to, proxy))
            .await
            .map_err(|_| DialError::TimedOut)?,
        Err(error) => {
            tracing::debug!(%error, ?proxy, "not through the proxy");
            straight(to).await
        }
    }
}

async fn straight(to: &HostPort) -> Result<TcpStream, DialError> {
    let found = timeout(TCP_MAX, lookup_host((to.host(), to.port())))
        .await
        .map_err(|_| DialError::TimedOut)?
        .map_err(|_| DialError::NameUnknown)?;
    let addresses: Vec<_> = found.take(ADDRESSES_MAX).collect();
    let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let mut fault = DialError::NameUnknown;
    for address in addresses {
        match timeout(TCP_MAX / count, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Somebody waits for each of them.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => fault = DialError::Refused(error),
            Err(_) => fault = DialError::TimedOut,
        }
    }
    Err(fault)
}

async fn through(mut stream: TcpStream, to: &HostPort, proxy: &Proxy) -> Result<TcpStream, DialError> {
    let request = proxy.request(to);
    stream
        .write_all(request.as_bytes())
        .await
        .map_err(DialError::Refused)?;
    let mut read = Vec::with_capacity(512);
    loop {
        match proxy::answer(&read) {
            proxy::Answer::Partial => {}
            proxy::Answer::Open => return Ok(stream),
            proxy::Answer::Refused(status) => return Err(DialError::ProxyRefused(status)),
            proxy::Answer::Junk => return Err(DialError::ProxyJunk),
        }
        let came = stream.read_buf(&mut read).await.map_err(DialError::Refused)?;
        if came == 0 {
            return Err(DialError::ProxyJunk);
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "test: a proxy made up for it")]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// A proxy that says this and then gives back what it is sent.
    async fn proxy_that_says(answer: &'static str) -> HostPort {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                client.read_buf(&mut asked).await.unwrap();
            }
            assert!(asked.starts_with(b"CONNECT relay.example.org:443 HTTP/1.1\r\n"));
            client.write_all(answer.as_bytes()).await.unwrap();
            let (mut from, mut to) = client.split();
            let _ = tokio::io::copy(&mut from, &mut to).await;
        });
        HostPort::new("127.0.0.1", port).unwrap()
    }

    async fn dialled(answer: &'static str) -> Result<Box<dyn Stream>, DialError> {
        let proxy = Proxy::read(&proxy_that_says(answer).await.to_string()).unwrap();
        let relay = HostPort::new("relay.example.org", 443).unwrap();
        dial(&relay, None, Some(&proxy)).await
    }

    #[tokio::test]
    async fn a_proxy_opens_the_way_by_a_name_that_only_it_knows() {
        let mut stream = dialled("HTTP/1.1 200 Connection established\r\n\r\n")
            .await
            .ok()
            .unwrap();
        stream.write_all(b"hello").await.unwrap();
        let mut back = [0; 5];
        stream.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"hello");
    }

    #[tokio::test]
    async fn a_proxy_that_will_not_is_told_from_one_that_is_none() {
        let refused = dialled("HTTP/1.1 407 Who are you\r\n\r\n").await.err().unwrap();
        assert!(matches!(refused, DialError::ProxyRefused(407)), "{refused}");
        let junk = dialled("220 mail.example.org ESMTP\r\n").await.err().unwrap();
        assert!(matches!(junk, DialError::ProxyJunk), "{junk}");
    }

    #[tokio::test]
    async fn a_proxy_that_is_away_is_gone_around() {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::read(&format!("http://{}", gone.local_addr().unwrap())).unwrap();
        drop(gone);
        let relay = HostPort::new("relay.invalid", 443).unwrap();
        let fault = dial(&relay, None, Some(&proxy)).await.err().unwrap();
        assert!(matches!(fault, DialError::NameUnknown), "asked straight: {fault}");
    }
}
