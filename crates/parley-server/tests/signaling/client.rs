//! A client for tests: a WebSocket, typed messages, deadlines.

use futures_util::{SinkExt as _, StreamExt as _};
use parley_proto::signal::SIGNAL_PATH;
use parley_proto::{
    ClientMessage, CloseCode, ErrorCode, PROTOCOL_VERSION, Participant, ParticipantId, RoomId, ServerMessage,
};
use parley_server::Server;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection to a server.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What `joined` told.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    pub(crate) me: ParticipantId,
    pub(crate) room: RoomId,
    pub(crate) token: String,
    pub(crate) participants: Vec<Participant>,
    pub(crate) resumed: bool,
}

impl Client {
    pub(crate) async fn connect(server: &Server) -> Self {
        Self::connect_to(server.address()).await
    }

    pub(crate) async fn connect_to(address: SocketAddr) -> Self {
        let url = format!("ws://{address}{SIGNAL_PATH}");
        let (socket, _) = timeout(PATIENCE, connect_async(url)).await.unwrap().unwrap();
        Self { socket }
    }

    /// A client that is in `room` (a new one for `None`).
    pub(crate) async fn in_room(server: &Server, room: Option<RoomId>, name: &str) -> (Self, Seat) {
        let mut client = Self::connect(server).await;
        let (_, ticket) = client.ticket(room).await;
        let seat = client.join(ticket, name).await;
        (client, seat)
    }

    pub(crate) async fn ticket(&mut self, room: Option<RoomId>) -> (RoomId, String) {
        let version = PROTOCOL_VERSION;
        self.send(&ClientMessage::RequestTicket {
            version,
            room,
            invitation: None,
        })
        .await;
        match self.receive().await {
            ServerMessage::Ticket { room, ticket, .. } => (room, ticket),
            other => panic!("no ticket but {other:?}"),
        }
    }

    pub(crate) async fn join(&mut self, ticket: String, name: &str) -> Seat {
        let version = PROTOCOL_VERSION;
        let name = name.to_owned();
        self.send(&ClientMessage::Join {
            version,
            ticket,
            name,
            password: None,
            waits: true,
        })
        .await;
        self.joined().await
    }

    pub(crate) async fn resume(&mut self, token: &str, name: &str) -> Seat {
        self.send(&ClientMessage::Resume {
            version: PROTOCOL_VERSION,
            token: token.to_owned(),
            name: name.to_owned(),
        })
        .await;
        self.joined().await
    }

    async fn joined(&mut self) -> Seat {
        match self.receive().await {
            ServerMessage::Joined {
                you,
                room,
                resume_token,
                participants,
                resumed,
                ..
            } => Seat {
                me: you,
                room,
                token: resume_token,
                participants,
                resumed,
            },
            other => panic!("not joined but {other:?}"),
        }
    }

    pub(crate) async fn send(&mut self, message: &ClientMessage) {
        self.send_text(serde_json::to_string(message).unwrap()).await;
    }

    pub(crate) async fn send_text(&mut self, text: String) {
        timeout(PATIENCE, self.socket.send(Message::text(text)))
            .await
            .unwrap()
            .unwrap();
    }

    /// The next message of the server.
    pub(crate) async fn receive(&mut self) -> ServerMessage {
        match self.next().await {
            Ok(message) => message,
            Err(code) => panic!("closed with {code:?}"),
        }
    }

    /// Skips messages until one fits.
    pub(crate) async fn receive_until(&mut self, fits: impl Fn(&ServerMessage) -> bool) -> ServerMessage {
        loop {
            let message = self.receive().await;
            if fits(&message) {
                return message;
            }
        }
    }

    /// The code of the error that comes next.
    pub(crate) async fn receive_error(&mut self) -> ErrorCode {
        match self.receive().await {
            ServerMessage::Error { code, .. } => code,
            other => panic!("no error but {other:?}"),
        }
    }

    /// Skips messages until the connection ends; the errors on the way, and the close code.
    pub(crate) async fn closed(&mut self) -> (Vec<ErrorCode>, Option<CloseCode>) {
        let mut errors = Vec::new();
        loop {
            match self.next().await {
                Ok(ServerMessage::Error { code, .. }) => errors.push(code),
                Ok(_) => {}
                Err(code) => return (errors, code),
            }
        }
    }

    /// The next message, or how the connection ended.
    async fn next(&mut self) -> Result<ServerMessage, Option<CloseCode>> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("nothing came") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.and_then(|frame| CloseCode::from_number(frame.code.into())));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }
}
