//! The way to the server: connect, ticket, join, and come back by token after a loss. Owned by the session.
//!
//! Knows nothing of the other people: what concerns them is handed on as [`News`]. Does not decide when a call without a
//! server is over; the session does, because media may well go on.

mod answers;
mod patience;

use super::SessionConfig;
use super::backoff::Backoff;
use super::io::{Outbox, SignalingCommand, SignalingEvent};
use crate::end::{EndReason, SignalingFault};
use crate::snapshot::{Entrance, SignalingPhase};
use crate::stats::SessionCounters;
use parley_proto::limits::RESUME_GRACE_S;
use parley_proto::{
    Abilities, ClientMessage, CloseCode, ComesToListen, IceServer, JoinToken, PROTOCOL_VERSION, Participant,
    ParticipantId, RoomId, ServerMessage,
};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A connection that is not made by then is given up (the driver has shorter limits of its own).
const OPEN_MAX: Duration = Duration::from_secs(12);
/// An answer that did not come by then will not come.
const ANSWER_MAX: Duration = Duration::from_secs(6);
/// A connection that stood for so long was a good one: the next loss starts with short delays again.
const GOOD_AFTER: Duration = Duration::from_secs(5);
/// How long an own former self may still hold a place in the room.
const FORMER_SELF_MAX: Duration = Duration::from_secs(RESUME_GRACE_S + 15);

/// What the session must know.
#[derive(Debug)]
pub(super) enum News {
    /// There is a ticket.
    Ticket,
    /// The room is entered, or entered again.
    Joined(Joined),
    /// The connection broke while in the room.
    Lost,
    /// Something about the other people.
    Room(ServerMessage),
    /// The server said no, and asking again would not help.
    Refused(EndReason),
    /// The server says that the same participant came in elsewhere.
    TakenOver,
    /// The call cannot be.
    End(EndReason),
}

/// What the server says on entering.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) you: ParticipantId,
    pub(super) participants: Vec<Participant>,
    pub(super) ice_servers: Vec<IceServer>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No connection; the next attempt is at that time.
    Down {
        retry_at: Instant,
    },
    Opening,
    AskingTicket,
    /// In the green room.
    Ticketed {
        renew_at: Instant,
    },
    Joining,
    /// In the lobby: a host must let us in.
    InLobby,
    Resuming,
    Joined,
    /// The server gave our place to somebody else. Coming back would only throw that one out in turn.
    TakenOver,
    /// Nothing more is wanted.
    Over,
}

#[derive(Debug)]
pub(super) struct Signaling {
    stage: Stage,
    since: Instant,
    connection: u32,
    backoff: Backoff,
    name: String,
    room: Option<RoomId>,
    invitation: Option<JoinToken>,
    password: Option<String>,
    /// The room asks for a (better) password before it makes sense to try again.
    wants_password: Option<Entrance>,
    ticket: Option<String>,
    token: Option<String>,
    entered_at: Option<Instant>,
    was_joined: bool,
    answered: bool,
    out_since: Option<Instant>,
    fault: Option<SignalingFault>,
    refusal: Option<EndReason>,
    ticket_refusals: u32,
    former_self_until: Option<Instant>,
    last_ping: Instant,
    last_heard: Instant,
    nonce: u32,
    /// The person wants only to listen.
    only_listens: bool,
    /// Whoever came in now would only listen, as the server said with the ticket.
    comes_to_listen: Option<ComesToListen>,
    /// What came in one message with others, and was not looked at yet.
    more: VecDeque<ServerMessage>,
}

impl Signaling {
    pub(super) fn new(now: Instant, config: &SessionConfig) -> Self {
        Self {
            stage: Stage::Down { retry_at: now },
            since: now,
            connection: 0,
            backoff: Backoff::new(config.seed),
            name: config.name.clone(),
            room: config.room,
            invitation: config.invitation.clone(),
            password: None,
            wants_password: None,
            ticket: None,
            token: None,
            entered_at: None,
            was_joined: false,
            answered: false,
            out_since: Some(now),
            fault: None,
            refusal: None,
            ticket_refusals: 0,
            former_self_until: None,
            last_ping: now,
            last_heard: now,
            nonce: 0,
            only_listens: config.only_listens,
            comes_to_listen: None,
            more: VecDeque::new(),
        }
    }

    /// Whether whoever comes in now would only listen, before this side is in.
    pub(super) fn comes_to_listen(&self) -> Option<ComesToListen> {
        self.comes_to_listen.filter(|_| !self.was_joined)
    }

    pub(super) const fn room(&self) -> Option<RoomId> {
        self.room
    }

    pub(super) fn is_joined(&self) -> bool {
        self.stage == Stage::Joined
    }

    pub(super) const fn was_joined(&self) -> bool {
        self.was_joined
    }

    pub(super) const fn fault(&self) -> Option<SignalingFault> {
        self.fault
    }

    pub(super) fn phase(&self) -> SignalingPhase {
        match self.stage {
            Stage::Joined | Stage::Ticketed { .. } | Stage::InLobby => SignalingPhase::Connected,
            Stage::Joining if !self.was_joined => SignalingPhase::Connected,
            Stage::TakenOver => SignalingPhase::TakenOver,
            _ if self.answered => SignalingPhase::Reconnecting,
            _ => SignalingPhase::Connecting,
        }
    }

    /// The person goes in.
    pub(super) fn enter(&mut self, now: Instant, out: &mut Outbox) {
        if self.entered_at.is_none() {
            self.entered_at = Some(now);
            self.join_if_possible(now, out);
        }
    }

    /// What keeps somebody out who wants to come in.
    pub(super) fn entrance(&self) -> Entrance {
        match (self.stage, self.wants_password) {
            (Stage::InLobby, _) => Entrance::Lobby,
            (_, Some(wants)) if self.entered_at.is_some() => wants,
            _ => Entrance::Free,
        }
    }

    /// The person knows the password, or believes so.
    pub(super) fn try_password(&mut self, now: Instant, password: String, out: &mut Outbox) {
        self.password = Some(password);
        self.wants_password = None;
        if self.entered_at.is_some() {
            // Typing takes as long as it takes: only the server's answer is waited for with impatience.
            self.entered_at = Some(now);
            self.join_if_possible(now, out);
        }
    }

    /// Sends, if in the room.
    pub(super) fn send(&mut self, message: ClientMessage, out: &mut Outbox) -> bool {
        let joined = self.is_joined();
        if joined {
            out.signaling(SignalingCommand::Send(message));
        }
        joined
    }

    /// Says goodbye if there is somebody to say it to, and wants nothing more.
    pub(super) fn finish(&mut self, out: &mut Outbox) {
        if matches!(
            self.stage,
            Stage::Joined | Stage::Joining | Stage::InLobby | Stage::Resuming
        ) {
            out.signaling(SignalingCommand::Send(ClientMessage::Leave));
        }
        out.signaling(SignalingCommand::Disconnect);
        self.stage = Stage::Over;
    }

    /// A refusal is not the end, because media flows: asks again later.
    pub(super) fn ask_again_later(&mut self, now: Instant, out: &mut Outbox) {
        self.drop_connection(now, SignalingFault::Lost, out);
    }

    /// The network changed under the connection: another one is made at once, if this is one that would be made again.
    pub(super) fn come_back_now(&mut self, now: Instant, out: &mut Outbox) {
        match self.stage {
            Stage::TakenOver | Stage::Over => {}
            Stage::Down { .. } => self.enter_stage(now, Stage::Down { retry_at: now }),
            _ => {
                self.drop_connection(now, SignalingFault::Lost, out);
                self.enter_stage(now, Stage::Down { retry_at: now });
            }
        }
    }

    /// Leaves the place to whoever took it, because media flows without.
    pub(super) fn stand_aside(&mut self, now: Instant, out: &mut Outbox) {
        out.signaling(SignalingCommand::Disconnect);
        self.enter_stage(now, Stage::TakenOver);
    }

    pub(super) fn is_taken_over(&self) -> bool {
        self.stage == Stage::TakenOver
    }

    pub(super) fn on_event(
        &mut self,
        now: Instant,
        connection: u32,
        event: SignalingEvent,
        out: &mut Outbox,
        counters: &mut SessionCounters,
    ) -> Option<News> {
        let listens = !matches!(self.stage, Stage::Over | Stage::TakenOver | Stage::Down { .. });
        if connection != self.connection || !listens {
            return None;
        }
        match event {
            SignalingEvent::Opened => {
                self.last_heard = now;
                self.last_ping = now;
                self.present(now, out);
                None
            }
            SignalingEvent::Text(text) => self.on_text(now, &text, out, counters),
            SignalingEvent::Closed { fault, code } => self.on_closed(now, fault, code, counters),
        }
    }

    pub(super) fn on_timeout(
        &mut self,
        now: Instant,
        out: &mut Outbox,
        counters: &mut SessionCounters,
    ) -> Option<News> {
        if let Some(end) = self.patience_over(now) {
            return Some(News::End(end));
        }
        match self.stage {
            Stage::Over | Stage::TakenOver => None,
            Stage::Down { retry_at } => {
                if now >= retry_at {
                    self.connection = self.connection.wrapping_add(1);
                    self.enter_stage(now, Stage::Opening);
                    out.signaling(SignalingCommand::Connect {
                        connection: self.connection,
                    });
                }
                None
            }
            Stage::Opening if now >= self.since + OPEN_MAX => self.time_out(now, out, counters),
            Stage::AskingTicket | Stage::Joining | Stage::Resuming if now >= self.since + ANSWER_MAX => {
                self.time_out(now, out, counters)
            }
            Stage::Ticketed { renew_at } if now >= renew_at => {
                self.ask_ticket(now, out);
                None
            }
            Stage::Ticketed { .. } | Stage::InLobby | Stage::Joined => self.keep_alive(now, out, counters),
            _ => None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let of_stage = match self.stage {
            Stage::Over | Stage::TakenOver => return None,
            Stage::Down { retry_at } => retry_at,
            Stage::Opening => self.since + OPEN_MAX,
            Stage::AskingTicket | Stage::Joining | Stage::Resuming => self.since + ANSWER_MAX,
            Stage::Ticketed { renew_at } => renew_at.min(self.keep_alive_at()),
            Stage::InLobby | Stage::Joined => self.keep_alive_at(),
        };
        Some(self.patience_until().map_or(of_stage, |at| at.min(of_stage)))
    }

    /// The name of the next join.
    pub(super) fn set_name(&mut self, name: String) {
        self.name = name;
    }

    fn enter_stage(&mut self, now: Instant, stage: Stage) {
        self.stage = stage;
        self.since = now;
    }

    /// The first words on a fresh connection.
    fn present(&mut self, now: Instant, out: &mut Outbox) {
        let abilities = Abilities {
            listens: true,
            several: true,
            only_listens: self.only_listens,
        };
        out.signaling(SignalingCommand::Send(ClientMessage::Groups(abilities)));
        let Some(token) = self.token.clone() else {
            return self.ask_ticket(now, out);
        };
        self.enter_stage(now, Stage::Resuming);
        out.signaling(SignalingCommand::Send(ClientMessage::Resume {
            version: PROTOCOL_VERSION,
            token,
            name: self.name.clone(),
        }));
    }

    fn ask_ticket(&mut self, now: Instant, out: &mut Outbox) {
        self.enter_stage(now, Stage::AskingTicket);
        out.signaling(SignalingCommand::Send(ClientMessage::RequestTicket {
            version: PROTOCOL_VERSION,
            room: self.room,
            invitation: self.invitation.as_ref().map(|token| token.as_str().to_owned()),
        }));
    }

    fn join_if_possible(&mut self, now: Instant, out: &mut Outbox) {
        if !matches!(self.stage, Stage::Ticketed { .. }) || self.wants_password.is_some() {
            return;
        }
        let Some(ticket) = self.ticket.clone() else {
            return;
        };
        self.enter_stage(now, Stage::Joining);
        out.signaling(SignalingCommand::Send(ClientMessage::Join {
            version: PROTOCOL_VERSION,
            ticket,
            name: self.name.clone(),
            password: self.password.clone(),
            waits: true,
        }));
    }

    fn on_closed(
        &mut self,
        now: Instant,
        fault: SignalingFault,
        code: Option<CloseCode>,
        counters: &mut SessionCounters,
    ) -> Option<News> {
        if code == Some(CloseCode::Replaced) {
            return Some(News::TakenOver);
        }
        if !self.answered {
            match fault {
                SignalingFault::NotAParleyServer => return Some(News::End(EndReason::NotAParleyServer)),
                SignalingFault::Tls | SignalingFault::Unencrypted => {
                    return Some(News::End(EndReason::ServerUnreachable(fault)));
                }
                _ => {}
            }
        }
        let was_joined = self.stage == Stage::Joined;
        self.went_down(now, fault);
        was_joined.then(|| {
            counters.signaling_losses += 1;
            News::Lost
        })
    }

    fn went_down(&mut self, now: Instant, fault: SignalingFault) {
        self.more.clear();
        match self.stage {
            // Whether the server let us in nobody knows: somebody with our name may sit there for a while.
            Stage::InLobby => self.entered_at = Some(now),
            Stage::Joining => self.former_self_until = Some(now + FORMER_SELF_MAX),
            Stage::Joined | Stage::Ticketed { .. } if now >= self.since + GOOD_AFTER => self.backoff.reset(),
            _ => {}
        }
        self.out_since.get_or_insert(now);
        self.fault = Some(fault);
        let retry_at = now + self.backoff.next();
        self.enter_stage(now, Stage::Down { retry_at });
    }

    fn drop_connection(&mut self, now: Instant, fault: SignalingFault, out: &mut Outbox) {
        out.signaling(SignalingCommand::Disconnect);
        self.went_down(now, fault);
    }
}
