//! The WebSocket to the server: carries out [`SignalingCommand`]s, tells [`SignalingEvent`]s. A driver without decisions:
//! when to connect, what to say and what an answer means is the session's. What it adds is the name of what went wrong.

use crate::end::SignalingFault;
use crate::ice::HostPort;
use crate::relay::Proxy;
use crate::relay::dial::{self, DialError};
use crate::session::{SignalingCommand, SignalingEvent};
use crate::trust;
use futures_util::{SinkExt, StreamExt};
use parley_proto::limits::SIGNAL_MESSAGE_BYTES_MAX;
use parley_proto::{ClientMessage, CloseCode, IceServer, PROTOCOL_VERSION, ServerAddress, ServerMessage};
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

/// Commands that may wait; the session says more than a few dozen messages at once never.
const COMMANDS_MAX: usize = 256;
/// Events that may wait for the session. Full: reading stops, and TCP holds the server back.
const EVENTS_MAX: usize = 64;
/// A host's address and a TCP connection to it.
const TCP_MAX: Duration = Duration::from_secs(6);
/// TLS and the WebSocket's handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// A message that cannot be written for so long finds a dead connection.
const WRITE_MAX: Duration = Duration::from_secs(5);
/// What is left to say at the end may take so long.
const CLOSE_MAX: Duration = Duration::from_millis(500);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The session's end of the driver. Dropping `commands` ends it.
#[derive(Debug)]
pub struct SignalingHandle {
    /// Carried out in order.
    pub commands: mpsc::Sender<SignalingCommand>,
    /// What happened, with the number of the connection it is about.
    pub events: mpsc::Receiver<(u32, SignalingEvent)>,
}

/// Starts the driver for one server on the current tokio runtime.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "driver: the one task of the WebSocket")]
pub fn spawn(server: ServerAddress, proxy: Option<Proxy>) -> SignalingHandle {
    let (commands, from_session) = mpsc::channel(COMMANDS_MAX);
    let (to_session, events) = mpsc::channel(EVENTS_MAX);
    let driver = Driver {
        server,
        proxy,
        commands: from_session,
        events: to_session,
    };
    tokio::spawn(driver.run());
    SignalingHandle { commands, events }
}

struct Driver {
    server: ServerAddress,
    /// Asked for servers behind TLS, and not for those near.
    proxy: Option<Proxy>,
    commands: mpsc::Receiver<SignalingCommand>,
    events: mpsc::Sender<(u32, SignalingEvent)>,
}

/// Why a connection is no longer served.
enum Left {
    /// The session wants another one.
    ForAnother(u32),
    /// It was closed, by either side.
    Closed,
    /// The call is over.
    Over,
}

impl Driver {
    async fn run(mut self) {
        let mut next = None;
        loop {
            let connection = match next.take() {
                Some(connection) => connection,
                None => match self.commands.recv().await {
                    Some(SignalingCommand::Connect { connection }) => connection,
                    Some(SignalingCommand::Send(_) | SignalingCommand::Disconnect) => continue,
                    None => return,
                },
            };
            match self.attempt(connection).await {
                Left::ForAnother(connection) => next = Some(connection),
                Left::Closed => {}
                Left::Over => return,
            }
        }
    }

    /// One connection, from the first packet to the last.
    async fn attempt(&mut self, connection: u32) -> Left {
        let opened = {
            let opening = open(&self.server, self.proxy.as_ref());
            tokio::pin!(opening);
            loop {
                tokio::select! {
                    opened = &mut opening => break opened,
                    command = self.commands.recv() => match command {
                        Some(SignalingCommand::Connect { connection }) => return Left::ForAnother(connection),
                        Some(SignalingCommand::Disconnect) => return Left::Closed,
                        Some(SignalingCommand::Send(_)) => {}
                        None => return Left::Over,
                    },
                }
            }
        };
        match opened {
            Ok(socket) => {
                self.tell(connection, SignalingEvent::Opened).await;
                self.serve(connection, socket).await
            }
            Err(fault) => {
                tracing::debug!(server = %self.server, ?fault, "no connection to the server");
                let code = None;
                self.tell(connection, SignalingEvent::Closed { fault, code })
                    .await;
                Left::Closed
            }
        }
    }

    async fn serve(&mut self, connection: u32, mut socket: Socket) -> Left {
        let code = loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(SignalingCommand::Send(message)) => {
                        if !send(&mut socket, &message).await {
                            break None;
                        }
                    }
                    Some(SignalingCommand::Connect { connection }) => return Left::ForAnother(connection),
                    Some(SignalingCommand::Disconnect) => return self.hang_up(socket).await,
                    None => {
                        close(&mut socket).await;
                        return Left::Over;
                    }
                },
                received = socket.next() => match received {
                    Some(Ok(Message::Text(text))) => {
                        self.tell(connection, SignalingEvent::Text(text.as_str().to_owned())).await;
                    }
                    Some(Ok(Message::Close(frame))) => break close_code(frame.as_ref()),
                    // Pings are answered by the library; binary messages mean nothing in this protocol.
                    Some(Ok(_)) => {}
                    Some(Err(error)) => {
                        tracing::debug!(%error, "the connection to the server broke");
                        break None;
                    }
                    None => break None,
                },
            }
        };
        let fault = SignalingFault::Lost;
        self.tell(connection, SignalingEvent::Closed { fault, code })
            .await;
        Left::Closed
    }

    /// Closes politely, unless another connection is wanted meanwhile: after a change of the network this one's goodbye would
    /// not be heard, and a call waits.
    async fn hang_up(&mut self, mut socket: Socket) -> Left {
        let closing = close(&mut socket);
        tokio::pin!(closing);
        loop {
            tokio::select! {
                () = &mut closing => return Left::Closed,
                command = self.commands.recv() => match command {
                    Some(SignalingCommand::Connect { connection }) => return Left::ForAnother(connection),
                    Some(SignalingCommand::Send(_) | SignalingCommand::Disconnect) => {}
                    None => {
                        closing.await;
                        return Left::Over;
                    }
                },
            }
        }
    }

    async fn tell(&self, connection: u32, event: SignalingEvent) {
        // Nobody listens any more: the commands end too, and with them this task.
        let _ = self.events.send((connection, event)).await;
    }
}

async fn send(socket: &mut Socket, message: &ClientMessage) -> bool {
    let text = match serde_json::to_string(message) {
        Ok(text) => text,
        Err(error) => {
            tracing::error!(%error, "a message could not be written as JSON");
            return true;
        }
    };
    matches!(
        timeout(WRITE_MAX, socket.send(Message::text(text))).await,
        Ok(Ok(()))
    )
}

async fn close(socket: &mut Socket) {
    // Read to its end: a socket dropped with unread bytes is reset, and the goodbye may be lost with it. A server that does not
    // answer in time has heard it or never will.
    let _ = timeout(CLOSE_MAX, async {
        if socket.close(None).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    })
    .await;
}

fn close_code(frame: Option<&CloseFrame>) -> Option<CloseCode> {
    CloseCode::from_number(frame?.code.into())
}

async fn open(server: &ServerAddress, proxy: Option<&Proxy>) -> Result<Socket, SignalingFault> {
    let stream = timeout(TCP_MAX, reach(server, proxy))
        .await
        .map_err(|_| SignalingFault::TimedOut)??;
    let limits = WebSocketConfig::default()
        .max_message_size(Some(2 * SIGNAL_MESSAGE_BYTES_MAX))
        .max_frame_size(Some(2 * SIGNAL_MESSAGE_BYTES_MAX));
    let connector = if server.secure() {
        Connector::Rustls(trust::trusted().await.ok_or(SignalingFault::Tls)?)
    } else {
        Connector::Plain
    };
    let handshake = client_async_tls_with_config(server.signal_url(), stream, Some(limits), Some(connector));
    match timeout(HANDSHAKE_MAX, handshake).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(error)) => Err(classify(&error, server.secure())),
        Err(_) => Err(SignalingFault::TimedOut),
    }
}

/// Asks a server for a ticket to nowhere, as somebody who begins a call and then does not; gives the relays that it offers.
pub(crate) async fn ask_ticket(
    server: &ServerAddress,
    proxy: Option<&Proxy>,
) -> Result<Vec<IceServer>, SignalingFault> {
    let mut socket = open(server, proxy).await?;
    let request = ClientMessage::RequestTicket {
        version: PROTOCOL_VERSION,
        room: None,
        invitation: None,
    };
    if !send(&mut socket, &request).await {
        return Err(SignalingFault::Lost);
    }
    let offer = loop {
        match timeout(HANDSHAKE_MAX, socket.next()).await {
            Ok(Some(Ok(Message::Text(text)))) => match serde_json::from_str(text.as_str()) {
                Ok(ServerMessage::Ticket { ice_servers, .. }) => break ice_servers,
                Ok(ServerMessage::Error { .. }) => return Err(SignalingFault::Refused),
                Ok(_) => {}
                Err(_) => return Err(SignalingFault::NotAParleyServer),
            },
            Ok(Some(Ok(_))) => {}
            Ok(Some(Err(_)) | None) => return Err(SignalingFault::Lost),
            Err(_) => return Err(SignalingFault::TimedOut),
        }
    };
    close(&mut socket).await;
    Ok(offer)
}

/// TCP to the first address that answers. Messages are small, and somebody waits for each: none waits for the next.
async fn reach(server: &ServerAddress, proxy: Option<&Proxy>) -> Result<TcpStream, SignalingFault> {
    let to = HostPort::new(server.host(), server.port()).ok_or(SignalingFault::NameUnknown)?;
    let proxy = proxy.filter(|_| server.secure());
    dial::tcp(&to, proxy).await.map_err(|error| match error {
        DialError::NameUnknown => SignalingFault::NameUnknown,
        DialError::Refused(_) | DialError::ProxyRefused(_) | DialError::ProxyJunk => SignalingFault::Refused,
        DialError::TimedOut => SignalingFault::TimedOut,
        DialError::Tls(_) => SignalingFault::Tls,
    })
}

/// What a failed handshake means.
fn classify(error: &Error, secure: bool) -> SignalingFault {
    match error {
        // A proxy whose server is down just now.
        Error::Http(answer) if answer.status().is_server_error() => SignalingFault::Refused,
        Error::Http(_) | Error::HttpFormat(_) | Error::Protocol(_) => SignalingFault::NotAParleyServer,
        Error::Tls(_) => SignalingFault::Tls,
        Error::Io(error) if secure && is_no_tls(error) => SignalingFault::Unencrypted,
        Error::Io(error) if secure && error.kind() == io::ErrorKind::InvalidData => SignalingFault::Tls,
        _ => SignalingFault::Lost,
    }
}

/// Whether the very first bytes that came back were none of TLS, as of a server that speaks plain HTTP.
fn is_no_tls(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(
        inner,
        Some(rustls::Error::InvalidMessage(
            rustls::InvalidMessage::InvalidContentType
        ))
    )
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: a server that says nothing, in real time"
)]
mod tests {
    use super::*;
    use std::time::Instant;
    use tokio::net::TcpListener;

    /// The best of a few: the machine may be busy, and who waits for the goodbye is never quick.
    #[tokio::test]
    async fn a_goodbye_that_nobody_answers_delays_no_other_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let accept = async || {
            let (stream, _) = listener.accept().await.unwrap();
            tokio_tungstenite::accept_async(stream).await.unwrap()
        };
        let mut handle = spawn(ServerAddress::new(false, "127.0.0.1", port).unwrap(), None);
        let mut silent = Vec::new();
        let mut quickest = Duration::MAX;
        for connection in 0..8 {
            let asked = Instant::now();
            let connect = SignalingCommand::Connect { connection };
            handle.commands.send(connect).await.unwrap();
            silent.push(timeout(Duration::from_secs(5), accept()).await.unwrap());
            if connection > 0 {
                quickest = quickest.min(asked.elapsed());
            }
            let opened = handle.events.recv().await.unwrap();
            assert!(matches!(opened, (number, SignalingEvent::Opened) if number == connection));
            handle.commands.send(SignalingCommand::Disconnect).await.unwrap();
        }
        assert!(quickest < CLOSE_MAX, "{quickest:?}");
    }

    #[test]
    fn what_speaks_no_tls_is_not_blamed_on_its_certificate() {
        use rustls::{CertificateError, InvalidMessage};
        let failed = |error: rustls::Error| Error::Io(io::Error::new(io::ErrorKind::InvalidData, error));
        for (error, secure, expect) in [
            (
                failed(InvalidMessage::InvalidContentType.into()),
                true,
                SignalingFault::Unencrypted,
            ),
            (
                failed(CertificateError::Expired.into()),
                true,
                SignalingFault::Tls,
            ),
            (
                failed(InvalidMessage::MessageTooLarge.into()),
                true,
                SignalingFault::Tls,
            ),
            (
                failed(InvalidMessage::InvalidContentType.into()),
                false,
                SignalingFault::Lost,
            ),
            (
                Error::Io(io::ErrorKind::UnexpectedEof.into()),
                true,
                SignalingFault::Lost,
            ),
        ] {
            assert_eq!(classify(&error, secure), expect, "{error:?}");
        }
    }
}
