//! A participant who only speaks signaling: goes in, is there, comes back after a loss, leaves. Thousands of them fit into one
//! process; nobody sees or hears them.

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use parley_proto::limits::{RESUME_GRACE_S, SIGNAL_PING_S};
use parley_proto::signal::SIGNAL_PATH;
use parley_proto::{ClientMessage, ErrorCode, PROTOCOL_VERSION, ParticipantId, RoomId, ServerMessage};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, interval_at, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// An answer that did not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a place is tried to be had back: a server keeps it no longer.
const BACK_PATIENCE: Duration = Duration::from_secs(RESUME_GRACE_S);
/// Between two tries.
const BACK_PAUSE: Duration = Duration::from_millis(200);
/// How long the server's farewell is waited for.
const FAREWELL_MAX: Duration = Duration::from_secs(2);
/// Messages are short, and there are thousands of readers.
const READ_BYTES: usize = 4096;

/// Somebody in a room.
#[derive(Debug)]
pub struct Participant {
    socket: WebSocketStream<TcpStream>,
    server: SocketAddr,
    name: String,
    seat: Seat,
}

/// What the server told of the room, as far as it goes on being true.
#[derive(Debug, Clone, PartialEq)]
struct Seat {
    you: ParticipantId,
    room: RoomId,
    token: String,
    /// Whether they are away.
    others: BTreeMap<ParticipantId, bool>,
}

/// The server says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server refuses: {}", .0.sentence())]
pub struct Refused(pub ErrorCode);

impl Participant {
    /// Goes into a room, or into a new one.
    ///
    /// # Errors
    /// [`Refused`], or the server is not reached.
    pub async fn enter(server: SocketAddr, room: Option<RoomId>, name: &str) -> Result<Self> {
        Self::enter_over(connect(server).await?, server, room, name).await
    }

    /// The same as one who can be in a room of more than two.
    ///
    /// # Errors
    /// [`Refused`], or the server is not reached.
    pub async fn enter_group(server: SocketAddr, room: Option<RoomId>, name: &str) -> Result<Self> {
        let mut socket = connect(server).await?;
        say(
            &mut socket,
            &ClientMessage::Groups(parley_proto::Abilities::plain(true)),
        )
        .await?;
        Self::enter_over(socket, server, room, name).await
    }

    async fn enter_over(
        mut socket: WebSocketStream<TcpStream>,
        server: SocketAddr,
        room: Option<RoomId>,
        name: &str,
    ) -> Result<Self> {
        let version = PROTOCOL_VERSION;
        let ask = ClientMessage::RequestTicket {
            version,
            room,
            invitation: None,
        };
        say(&mut socket, &ask).await?;
        let ticket = loop {
            if let ServerMessage::Ticket { ticket, .. } = hear(&mut socket).await? {
                break ticket;
            }
        };
        let join = ClientMessage::Join {
            version,
            ticket,
            name: name.to_owned(),
            password: None,
            waits: false,
        };
        say(&mut socket, &join).await?;
        let seat = seated(&mut socket).await?;
        Ok(Self {
            socket,
            server,
            name: name.to_owned(),
            seat,
        })
    }

    /// Its room.
    #[must_use]
    pub const fn room(&self) -> RoomId {
        self.seat.room
    }

    /// Who it is.
    #[must_use]
    pub const fn id(&self) -> ParticipantId {
        self.seat.you
    }

    /// Who else is in the room and not away, as far as it heard.
    #[must_use]
    pub fn sees(&self) -> Vec<ParticipantId> {
        let here = self.seat.others.iter().filter(|(_, away)| !**away);
        here.map(|(id, _)| *id).collect()
    }

    /// Listens until it sees exactly so many others.
    ///
    /// # Errors
    /// When the connection is lost, or it does not come to that in time.
    pub async fn until_it_sees(&mut self, others: usize) -> Result<()> {
        let looked = timeout(PATIENCE, async {
            while self.sees().len() != others {
                self.listen().await?;
            }
            anyhow::Ok(())
        });
        let outcome = looked.await;
        match outcome {
            Ok(outcome) => outcome,
            Err(_) => bail!("sees {:?}, and not {others}, after {PATIENCE:?}", self.sees()),
        }
    }

    /// Is there as an idle client is: says so now and then, hears what is told, comes back when the connection is lost. Until it is
    /// told to go. Gives how often it came back.
    ///
    /// # Errors
    /// When its place is gone.
    pub async fn stay(&mut self, go: &mut watch::Receiver<bool>) -> Result<u32> {
        let every = Duration::from_secs(SIGNAL_PING_S);
        let mut ping = interval_at(Instant::now() + every, every);
        let mut came_back = 0;
        loop {
            let told_to_go = async {
                // Whoever would tell is gone: that is told too.
                drop(go.wait_for(|go| *go).await);
            };
            let is_fine = tokio::select! {
                () = told_to_go => return Ok(came_back),
                _ = ping.tick() => say(&mut self.socket, &ClientMessage::Ping { nonce: 1 }).await.is_ok(),
                heard = self.listen() => heard.is_ok(),
            };
            if !is_fine {
                self.come_back().await?;
                came_back += 1;
            }
        }
    }

    /// Says something to the server.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn say(&mut self, message: &ClientMessage) -> Result<()> {
        say(&mut self.socket, message).await
    }

    /// What the server says next. Waits as long as it takes.
    ///
    /// # Errors
    /// When the connection is lost, or the server refuses something.
    pub async fn hear(&mut self) -> Result<ServerMessage> {
        let message = hear(&mut self.socket).await?;
        self.seat.heed(message.clone());
        Ok(message)
    }

    /// Leaves for good.
    ///
    /// # Errors
    /// When the connection is lost before the server heard it.
    pub async fn leave(mut self) -> Result<()> {
        say(&mut self.socket, &ClientMessage::Leave).await?;
        self.socket.close(None).await?;
        // The rest of what was told, and the farewell.
        let _ = timeout(FAREWELL_MAX, async {
            while let Some(Ok(_)) = self.socket.next().await {}
        })
        .await;
        Ok(())
    }

    async fn listen(&mut self) -> Result<()> {
        let message = hear(&mut self.socket).await?;
        self.seat.heed(message);
        Ok(())
    }

    /// As the same one as before, or not at all.
    async fn come_back(&mut self) -> Result<()> {
        let deadline = Instant::now() + BACK_PATIENCE;
        loop {
            match self.resume().await {
                Ok(()) => return Ok(()),
                Err(error) if error.is::<Refused>() || Instant::now() > deadline => {
                    return Err(error.context(format!("{} cannot come back", self.name)));
                }
                Err(_) => sleep(BACK_PAUSE).await,
            }
        }
    }

    async fn resume(&mut self) -> Result<()> {
        let mut socket = connect(self.server).await?;
        let resume = ClientMessage::Resume {
            version: PROTOCOL_VERSION,
            token: self.seat.token.clone(),
            name: self.name.clone(),
        };
        say(&mut socket, &resume).await?;
        let seat = seated(&mut socket).await?;
        ensure!(
            (seat.you, seat.room) == (self.seat.you, self.seat.room),
            "came back as somebody else"
        );
        (self.socket, self.seat) = (socket, seat);
        Ok(())
    }
}

impl Seat {
    fn heed(&mut self, message: ServerMessage) {
        match message {
            ServerMessage::ResumeToken { resume_token } => self.token = resume_token,
            ServerMessage::ParticipantJoined { participant } => {
                self.others.insert(participant.id, participant.away);
            }
            ServerMessage::ParticipantLeft { id, .. } => {
                self.others.remove(&id);
            }
            ServerMessage::ParticipantAway { id } => {
                self.others.insert(id, true);
            }
            ServerMessage::ParticipantBack { id } => {
                self.others.insert(id, false);
            }
            _ => {}
        }
    }
}

async fn connect(server: SocketAddr) -> Result<WebSocketStream<TcpStream>> {
    let connected = async {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BYTES);
        let url = format!("ws://{server}{SIGNAL_PATH}");
        let (socket, _) = client_async_with_config(url, stream, Some(config)).await?;
        anyhow::Ok(socket)
    };
    let connected = timeout(PATIENCE, connected).await;
    connected.with_context(|| format!("{server} does not answer"))?
}

async fn say(socket: &mut WebSocketStream<TcpStream>, message: &ClientMessage) -> Result<()> {
    let text = serde_json::to_string(message)?;
    let said = timeout(PATIENCE, socket.send(Message::text(text))).await;
    Ok(said.context("the server reads nothing")??)
}

/// The next message. Waits as long as it takes: nothing is told in a room where nothing happens.
async fn hear(socket: &mut WebSocketStream<TcpStream>) -> Result<ServerMessage> {
    loop {
        let message = socket.next().await.context("the connection ended")??;
        let Message::Text(text) = message else {
            ensure!(!message.is_close(), "the server closed the connection");
            continue;
        };
        match serde_json::from_str(&text)? {
            ServerMessage::Error { code, .. } => return Err(Refused(code).into()),
            heard => return Ok(heard),
        }
    }
}

/// Waits for one's place in a room.
async fn seated(socket: &mut WebSocketStream<TcpStream>) -> Result<Seat> {
    let joined = async {
        loop {
            if let ServerMessage::Joined {
                you,
                room,
                resume_token,
                participants,
                ..
            } = hear(socket).await?
            {
                let others = participants.iter().filter(|other| other.id != you);
                return anyhow::Ok(Seat {
                    you,
                    room,
                    token: resume_token,
                    others: others.map(|other| (other.id, other.away)).collect(),
                });
            }
        }
    };
    timeout(PATIENCE, joined)
        .await
        .context("the server gives no place")?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::server::RealServer;
    use parley_proto::id::ROOM_ID_BYTES;

    #[tokio::test]
    async fn two_see_each_other_come_and_go() -> Result<()> {
        let server = RealServer::start()?;
        let at = server.url().trim_start_matches("http://").parse()?;
        let mut ada = Participant::enter(at, None, "Ada").await?;
        assert_eq!(ada.sees(), []);
        let ben = Participant::enter(at, Some(ada.room()), "Ben").await?;
        assert_eq!(ben.sees(), [ada.id()]);
        ada.until_it_sees(1).await?;
        ben.leave().await?;
        ada.until_it_sees(0).await?;
        let refused = Participant::enter(at, Some(RoomId::from_bytes([7; ROOM_ID_BYTES])), "Eve").await;
        assert!(refused.is_err_and(|error| error.is::<Refused>()));
        ada.leave().await
    }
}
