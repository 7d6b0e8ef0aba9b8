//! What the server says, and what the way to it makes of that.

use super::{FORMER_SELF_MAX, Joined, News, Signaling, Stage};
use crate::end::{EndReason, SignalingFault};
use crate::session::io::{Outbox, SignalingCommand};
use crate::snapshot::Entrance;
use crate::stats::SessionCounters;
use parley_proto::limits::{SIGNAL_MESSAGE_BYTES_MAX, TOKEN_BYTES_MAX};
use parley_proto::{ErrorCode, RoomId, ServerMessage};
use std::time::{Duration, Instant};

/// Tickets that may be refused in a row before the person is told.
const TICKET_REFUSALS_MAX: u32 = 3;

/// While somebody looks for a password, their ticket is renewed so often.
const TICKET_KEPT: Duration = Duration::from_secs(300);

/// A place that is kept is asked for so often: it is ten seconds away at the most, except after a restart of the server.
const KEPT_PLACE_EVERY: Duration = Duration::from_secs(2);

impl Signaling {
    pub(super) fn on_text(
        &mut self,
        now: Instant,
        text: &str,
        out: &mut Outbox,
        counters: &mut SessionCounters,
    ) -> Option<News> {
        self.last_heard = now;
        let parsed = if text.len() > SIGNAL_MESSAGE_BYTES_MAX {
            None
        } else {
            serde_json::from_str::<ServerMessage>(text).ok()
        };
        let Some(message) = parsed else {
            counters.malformed_from_server += 1;
            tracing::debug!(bytes = text.len(), "unreadable message of the server");
            return (!self.answered).then_some(News::End(EndReason::NotAParleyServer));
        };
        self.answered = true;
        if let ServerMessage::Several { list } = message {
            self.more = list.into();
            return None;
        }
        self.on_message(now, message, out, counters)
    }

    /// Looks at the next of several that came in one message; nothing when there are no more.
    pub(in crate::session) fn on_more(
        &mut self,
        now: Instant,
        out: &mut Outbox,
        counters: &mut SessionCounters,
    ) -> Option<Option<News>> {
        let message = self.more.pop_front()?;
        Some(self.on_message(now, message, out, counters))
    }

    fn on_message(
        &mut self,
        now: Instant,
        message: ServerMessage,
        out: &mut Outbox,
        counters: &mut SessionCounters,
    ) -> Option<News> {
        match (self.stage, message) {
            (
                Stage::AskingTicket,
                ServerMessage::Ticket {
                    room,
                    ticket,
                    expires_in_s,
                    listens,
                    ..
                },
            ) => {
                self.comes_to_listen = listens;
                self.on_ticket(now, room, ticket, expires_in_s, out, counters)
                    .then_some(News::Ticket)
            }
            (
                Stage::Joining | Stage::InLobby | Stage::Resuming,
                ServerMessage::Joined {
                    you,
                    room,
                    resume_token,
                    participants,
                    ice_servers,
                    ..
                },
            ) if Some(room) == self.room => {
                self.on_joined(now, resume_token, counters);
                Some(News::Joined(Joined {
                    you,
                    participants,
                    ice_servers,
                }))
            }
            (Stage::Joining, ServerMessage::Waiting) => {
                self.reached();
                self.enter_stage(now, Stage::InLobby);
                None
            }
            (_, ServerMessage::Error { code, message, fatal }) => {
                self.on_error(now, code, message, fatal, out, counters)
            }
            (_, ServerMessage::ResumeToken { resume_token }) => {
                self.keep_token(resume_token, counters);
                None
            }
            (_, ServerMessage::Pong { .. } | ServerMessage::Unknown | ServerMessage::GoingAway) => None,
            (Stage::Joined, ServerMessage::Ticket { .. } | ServerMessage::Joined { .. }) => {
                counters.out_of_order += 1;
                None
            }
            (Stage::Joined, about_people) => Some(News::Room(about_people)),
            _ => {
                counters.out_of_order += 1;
                None
            }
        }
    }

    fn on_ticket(
        &mut self,
        now: Instant,
        room: RoomId,
        ticket: String,
        expires_in_s: u64,
        out: &mut Outbox,
        counters: &mut SessionCounters,
    ) -> bool {
        if self.room.is_some_and(|wanted| wanted != room) || ticket.len() > TOKEN_BYTES_MAX {
            counters.malformed_from_server += 1;
            return false;
        }
        // Nine tenths of its life, so that it is never used in its last moment.
        let life = Duration::from_secs(expires_in_s.clamp(10, 24 * 3600)).mul_f64(0.9);
        self.room = Some(room);
        self.ticket = Some(ticket);
        self.reached();
        self.enter_stage(now, Stage::Ticketed { renew_at: now + life });
        if self.entered_at.is_some() {
            self.join_if_possible(now, out);
        }
        true
    }

    fn on_joined(&mut self, now: Instant, token: String, counters: &mut SessionCounters) {
        if self.stage == Stage::Resuming {
            counters.resumes += 1;
        }
        self.keep_token(token, counters);
        self.reached();
        self.ticket_refusals = 0;
        self.former_self_until = None;
        self.was_joined = true;
        self.enter_stage(now, Stage::Joined);
    }

    fn keep_token(&mut self, token: String, counters: &mut SessionCounters) {
        if token.len() > TOKEN_BYTES_MAX {
            counters.malformed_from_server += 1;
        } else {
            self.token = Some(token);
        }
    }

    fn reached(&mut self) {
        self.out_since = None;
        self.fault = None;
        self.refusal = None;
    }

    fn on_error(
        &mut self,
        now: Instant,
        code: ErrorCode,
        message: String,
        fatal: bool,
        out: &mut Outbox,
        counters: &mut SessionCounters,
    ) -> Option<News> {
        tracing::debug!(?code, %message, fatal, "the server refused something");
        let reason = EndReason::Refused {
            code,
            message: message.clone(),
        };
        match (self.stage, code) {
            (_, ErrorCode::Replaced) => return Some(News::TakenOver),
            // A host's word ends the stay, whether media flows or not.
            (Stage::Joined, ErrorCode::Removed | ErrorCode::Ended) => return Some(News::End(reason)),
            (Stage::Joined, _) => {
                return Some(News::Room(ServerMessage::Error { code, message, fatal }));
            }
            (Stage::Ticketed { .. }, _) => return None,
            (_, ErrorCode::Unavailable | ErrorCode::TooFast) => {
                self.refusal = Some(reason);
                self.drop_connection(now, SignalingFault::Refused, out);
            }
            // Often it is this person's own place, whose Parley ended without a word a moment ago.
            (Stage::AskingTicket | Stage::Joining, ErrorCode::PlaceKept) => {
                self.refusal = Some(reason);
                self.drop_connection(now, SignalingFault::PlaceKept, out);
                let retry_at = now + KEPT_PLACE_EVERY;
                self.enter_stage(now, Stage::Down { retry_at });
            }
            (Stage::Joining, ErrorCode::PasswordNeeded) => {
                self.ask_password(now, Entrance::PasswordNeeded);
            }
            (Stage::Joining, ErrorCode::PasswordWrong) => self.ask_password(now, Entrance::PasswordWrong),
            (Stage::Resuming, _) => {
                self.token = None;
                counters.rejoins += 1;
                self.former_self_until = Some(now + FORMER_SELF_MAX);
                self.start_over(now, fatal, out);
            }
            (Stage::Joining, ErrorCode::TicketExpired | ErrorCode::TicketInvalid)
                if self.ticket_refusals < TICKET_REFUSALS_MAX =>
            {
                self.ticket_refusals += 1;
                self.start_over(now, fatal, out);
            }
            (_, ErrorCode::RoomFull) if self.former_self_until.is_some_and(|until| now < until) => {
                self.refusal = Some(reason);
                self.drop_connection(now, SignalingFault::Lost, out);
            }
            _ => return Some(News::Refused(reason)),
        }
        None
    }

    /// The person must say a password; the ticket is still good.
    fn ask_password(&mut self, now: Instant, wants: Entrance) {
        self.reached();
        self.password = None;
        self.wants_password = Some(wants);
        let renew_at = now + TICKET_KEPT;
        self.enter_stage(now, Stage::Ticketed { renew_at });
    }

    /// Asks for a ticket: on this connection, or on a fresh one if the server closes it.
    fn start_over(&mut self, now: Instant, fatal: bool, out: &mut Outbox) {
        if fatal {
            out.signaling(SignalingCommand::Disconnect);
            self.enter_stage(now, Stage::Down { retry_at: now });
        } else {
            self.ask_ticket(now, out);
        }
    }
}
