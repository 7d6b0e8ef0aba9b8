//! How a client reaches its TURN server: UDP, TCP, or TLS over TCP. Blocking while it asks for its relay, then never waiting.

use anyhow::{Context as _, Result, bail};
use parley_server::turn::{Frame, next_frame};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// An answer that did not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(5);
/// With the default (208 KiB on Linux) a client that looks away for some milliseconds would lose what the relay did not.
const BUFFER_BYTES: usize = 8 << 20;
/// Reads from one client before the others have their turn.
const READS_MAX: usize = 64;

/// The socket of one client.
pub(super) enum Wire {
    /// One packet, one datagram.
    Udp(UdpSocket),
    /// Frames.
    Stream(Box<Stream>),
}

impl Wire {
    /// Over UDP, from a free port of `from`.
    pub(super) fn udp(from: IpAddr, server: SocketAddr) -> Result<Self> {
        let socket = udp_socket(from)?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self::Udp(socket))
    }

    /// Over TCP, or over TLS by a server whose certificate `authority` gave.
    pub(super) fn stream(server: SocketAddr, authority: Option<&CertificateDer<'static>>) -> Result<Self> {
        let tcp = TcpStream::connect_timeout(&server, PATIENCE)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        let socket = match authority {
            None => Socket::Tcp(tcp),
            Some(authority) => Socket::Tls(Box::new(tls(tcp, server, authority)?)),
        };
        Ok(Self::Stream(Box::new(Stream {
            socket,
            unsent: Vec::new(),
            unread: Vec::new(),
        })))
    }

    /// Asks something and waits for the answer.
    pub(super) fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Udp(socket) => {
                socket.send(request)?;
                let mut answer = vec![0; 2048];
                let length = socket
                    .recv(&mut answer)
                    .context("the server answers nothing by UDP")?;
                answer.truncate(length);
                Ok(answer)
            }
            Self::Stream(stream) => stream.ask(request),
        }
    }

    /// From now on nothing is waited for.
    pub(super) fn hurry(&self) -> Result<()> {
        match self {
            Self::Udp(socket) => socket.set_nonblocking(true)?,
            Self::Stream(stream) => stream.socket.tcp().set_nonblocking(true)?,
        }
        Ok(())
    }

    /// Sends a packet whose length is a multiple of four; false when it is not taken now.
    pub(super) fn send(&mut self, packet: &[u8]) -> bool {
        match self {
            Self::Udp(socket) => socket.send(packet).is_ok(),
            Self::Stream(stream) => stream.send(packet),
        }
    }

    /// How many packets came since it was last asked; some may be left for the next time.
    ///
    /// # Errors
    /// When the server closed the connection.
    pub(super) fn count(&mut self, buffer: &mut [u8]) -> Result<u64> {
        let mut came = 0;
        for _ in 0..READS_MAX {
            let read = match self {
                Self::Udp(socket) => socket.recv(buffer).map(|_| 1),
                Self::Stream(stream) => stream.read(buffer),
            };
            match read {
                Ok(more) => came += more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // What nobody listens to any more comes back as an error of the next call.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error).context("a client lost its server"),
            }
        }
        Ok(came)
    }
}

/// A socket on a free port, with room for bursts.
pub(super) fn udp_socket(from: IpAddr) -> Result<UdpSocket> {
    let socket = UdpSocket::bind((from, 0))?;
    let of_system = socket2::SockRef::from(&socket);
    // As much of it as the system lets one have.
    let _ = of_system.set_recv_buffer_size(BUFFER_BYTES);
    let _ = of_system.set_send_buffer_size(BUFFER_BYTES);
    Ok(socket)
}

/// A stream and what of it is under way.
pub(super) struct Stream {
    socket: Socket,
    /// The end of a packet of which the beginning was taken already.
    unsent: Vec<u8>,
    /// The beginning of a frame.
    unread: Vec<u8>,
}

impl Stream {
    fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.socket.write_all(request)?;
        let mut buffer = [0; 4096];
        loop {
            match next_frame(&self.unread) {
                Frame::Whole { bytes, padded } => {
                    let answer = self.unread.get(..bytes).unwrap_or_default().to_vec();
                    self.unread.drain(..padded);
                    return Ok(answer);
                }
                Frame::Junk => bail!("the server answers something that is no STUN"),
                Frame::Partial => {}
            }
            let read = self
                .socket
                .read(&mut buffer)
                .context("the server answers nothing")?;
            if read == 0 {
                bail!("the server closed the connection instead of an answer");
            }
            self.unread
                .extend_from_slice(buffer.get(..read).unwrap_or_default());
        }
    }

    fn send(&mut self, packet: &[u8]) -> bool {
        if !self.flush() {
            return false;
        }
        match self.socket.write(packet) {
            Ok(taken) => {
                self.unsent
                    .extend_from_slice(packet.get(taken..).unwrap_or_default());
                true
            }
            Err(_) => false,
        }
    }

    /// Whether nothing is left to be sent.
    fn flush(&mut self) -> bool {
        if self.unsent.is_empty() {
            return true;
        }
        if let Ok(taken) = self.socket.write(&self.unsent) {
            self.unsent.drain(..taken);
        }
        self.unsent.is_empty()
    }

    /// Reads once; how many whole frames there are now.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<u64> {
        let read = self.socket.read(buffer)?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.unread
            .extend_from_slice(buffer.get(..read).unwrap_or_default());
        let (frames, end) = whole_frames(&self.unread).ok_or(ErrorKind::InvalidData)?;
        self.unread.drain(..end);
        Ok(frames)
    }
}

/// How many whole frames there are, and where they end; nothing where there is something else.
fn whole_frames(read: &[u8]) -> Option<(u64, usize)> {
    let (mut frames, mut end) = (0, 0);
    // Every frame has four bytes at least.
    for _ in 0..=read.len() / 4 {
        match next_frame(read.get(end..)?) {
            Frame::Whole { padded, .. } => {
                frames += 1;
                end += padded;
            }
            Frame::Partial => break,
            Frame::Junk => return None,
        }
    }
    Some((frames, end))
}

enum Socket {
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Socket {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Tcp(tcp) => tcp,
            Self::Tls(tls) => &tls.sock,
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

fn tls(
    tcp: TcpStream,
    server: SocketAddr,
    authority: &CertificateDer<'static>,
) -> Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut trusted = RootCertStore::empty();
    trusted.add(authority.clone())?;
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let name = ServerName::IpAddress(server.ip().into());
    let connection = ClientConnection::new(Arc::new(config), name)?;
    Ok(StreamOwned::new(connection, tcp))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_counted_and_what_has_only_begun_is_left() {
        let mut frame = vec![0x40, 0, 0, 6];
        frame.resize(12, 9);
        let three = frame.repeat(3);
        assert_eq!(whole_frames(&three), Some((3, 36)));
        assert_eq!(whole_frames(&three[..35]), Some((2, 24)));
        assert_eq!(whole_frames(&[]), Some((0, 0)));
        assert_eq!(whole_frames(b"HTTP/1.1 400"), None);
    }
}
