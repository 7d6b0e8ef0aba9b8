//! A room server in memory: as the real one behaves towards two clients, without its limits and keys.

use super::fake_groups::FakeGroups;
use parley_proto::{
    ClientMessage, CloseCode, ErrorCode, LeaveReason, Participant, ParticipantId, Role, RoomId, ServerMessage,
};
use std::time::{Duration, Instant};

const GRACE: Duration = Duration::from_secs(60);
/// From then on somebody who is away gives way to a newcomer.
const GIVES_WAY_AFTER: Duration = Duration::from_secs(10);

/// A connection: which party, and its number.
pub(super) type ClientId = (usize, u32);

#[derive(Debug)]
pub(super) enum Reply {
    Message(ClientId, ServerMessage),
    Close(ClientId, CloseCode),
}

#[derive(Debug, Clone)]
struct Member {
    participant: Participant,
    client: Option<ClientId>,
    gone_at: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct FakeServer {
    members: Vec<Member>,
    issued: u8,
    epoch: u8,
    /// Tokens made before this are not good any more.
    oldest_token: u8,
    pub(super) refuse_with: Option<ErrorCode>,
    /// Whoever comes listens, but the first one.
    pub(super) newcomers_listen: bool,
    /// Connections that said they can take part in groups.
    able: Vec<ClientId>,
    pub(super) groups: FakeGroups,
    /// Whoever came first is host.
    pub(super) has_host: bool,
}

pub(super) fn room() -> RoomId {
    RoomId::from_bytes([7; 24])
}

impl FakeServer {
    pub(super) fn new() -> Self {
        Self {
            members: Vec::new(),
            issued: 0,
            epoch: 0,
            oldest_token: 0,
            refuse_with: None,
            newcomers_listen: false,
            able: Vec::new(),
            groups: FakeGroups::default(),
            has_host: false,
        }
    }

    fn role(&self, number: u8) -> Role {
        if self.has_host && number == 1 {
            Role::Host
        } else {
            Role::Guest
        }
    }

    /// Forgets everybody. With `new_keys`, tokens given out before are worthless too.
    pub(super) fn restart(&mut self, new_keys: bool) {
        self.members.clear();
        self.groups = self.groups.forgotten();
        self.epoch += 1;
        if new_keys {
            self.oldest_token = self.epoch;
        }
    }

    pub(super) fn handle(&mut self, now: Instant, client: ClientId, message: ClientMessage) -> Vec<Reply> {
        if matches!(message, ClientMessage::Groups(_)) {
            self.able.push(client);
            return Vec::new();
        }
        if let Some(code) = self.refuse_with {
            return vec![error(client, code)];
        }
        match message {
            ClientMessage::RequestTicket { room: wanted, .. } => {
                if wanted.is_some_and(|wanted| wanted != room()) {
                    return vec![error(client, ErrorCode::RoomUnknown)];
                }
                if let Some(code) = self.full(now, client) {
                    return vec![error(client, code)];
                }
                vec![Reply::Message(
                    client,
                    ServerMessage::Ticket {
                        room: room(),
                        ticket: "ticket".into(),
                        expires_in_s: 600,
                        ice_servers: Vec::new(),
                        listens: None,
                    },
                )]
            }
            ClientMessage::Join { name, .. } => self.join(now, client, name),
            ClientMessage::Resume { token, name, .. } => self.resume(client, &token, name),
            ClientMessage::Signal { to, payload } => self.signal(client, to, payload),
            ClientMessage::Leave => {
                let id = self.seat(client);
                self.members.retain(|member| member.client != Some(client));
                let mut replies = vec![Reply::Close(client, CloseCode::Left)];
                if let Some(id) = id {
                    self.groups.forget(id);
                    let reason = LeaveReason::Left;
                    replies.extend(self.tell_others(id, &ServerMessage::ParticipantLeft { id, reason }));
                }
                replies
            }
            ClientMessage::Ping { nonce } => vec![Reply::Message(client, ServerMessage::Pong { nonce })],
            ClientMessage::TopologyReady { number } => self.topology_ready(client, number),
            ClientMessage::SfuOffer {
                connection, publish, ..
            } => {
                let seat = self.seat(client);
                let answer = seat.and_then(|id| self.groups.on_offer(id, connection, publish));
                answer
                    .map(|answer| Reply::Message(client, answer))
                    .into_iter()
                    .chain(self.sfu_news())
                    .collect()
            }
            ClientMessage::Publish { publish } => {
                if let Some(place) = self.seat(client).and_then(|id| self.groups.places.get_mut(&id)) {
                    place.publish = publish;
                    place.lists += 1;
                }
                self.sfu_news()
            }
            ClientMessage::Subscribe { downs, .. } => {
                let told = self.seat(client).map(|id| self.groups.on_subscribe(id, downs));
                told.map(|told| Reply::Message(client, told))
                    .into_iter()
                    .collect()
            }
            ClientMessage::Tell { payload, to } => self.tell(client, &payload, to),
            ClientMessage::Groups(_) => Vec::new(),
            ClientMessage::SetListens { id, listens } => self.set_listens(id, listens),
            // Tests that are about the door say themselves what a server answers.
            ClientMessage::Admit { .. }
            | ClientMessage::Refuse { .. }
            | ClientMessage::SetDoor { .. }
            | ClientMessage::SetPassword { .. }
            | ClientMessage::Remove { .. }
            | ClientMessage::AskMute { .. }
            | ClientMessage::EndForAll
            | ClientMessage::Unknown => Vec::new(),
        }
        .into_iter()
        .chain(self.expire(now))
        .collect()
    }

    /// Somebody only listens from now on, or may speak.
    pub(super) fn set_listens(&mut self, id: ParticipantId, listens: bool) -> Vec<Reply> {
        let member = self.members.iter_mut().find(|member| member.participant.id == id);
        let Some(member) = member else {
            return Vec::new();
        };
        member.participant.listens = listens;
        let message = ServerMessage::ListensChanged { id, listens };
        let clients = self.members.iter().filter_map(|member| member.client);
        let told = clients.map(|client| Reply::Message(client, message.clone()));
        told.collect()
    }

    fn topology_ready(&mut self, client: ClientId, number: u32) -> Vec<Reply> {
        let Some(id) = self.seat(client) else {
            return Vec::new();
        };
        if !self.groups.on_ready(id, number, self.members.len()) {
            return Vec::new();
        }
        self.tell_others(id, &ServerMessage::ParticipantReady { id, number })
    }

    /// A connection to the SFU stands.
    pub(super) fn sfu_stands(&mut self, client: ClientId, connection: u32) -> Vec<Reply> {
        if let Some(id) = self.seat(client) {
            self.groups.stands(id, connection);
        }
        self.sfu_news()
    }

    fn sfu_news(&self) -> Vec<Reply> {
        let here = |id: ParticipantId| {
            let member = self.members.iter().find(|member| member.participant.id == id)?;
            member.client
        };
        let news = self.groups.news().into_iter();
        news.filter_map(|(id, message)| Some(Reply::Message(here(id)?, message)))
            .collect()
    }

    fn tell(
        &mut self,
        client: ClientId,
        payload: &serde_json::Value,
        to: Option<ParticipantId>,
    ) -> Vec<Reply> {
        let Some(from) = self.seat(client) else {
            return Vec::new();
        };
        self.groups.told += 1;
        let told = ServerMessage::Told {
            from,
            payload: payload.clone(),
        };
        let there = |member: &&Member| {
            let id = member.participant.id;
            id != from && to.is_none_or(|to| to == id)
        };
        self.members
            .iter()
            .filter(there)
            .filter_map(|member| Some(Reply::Message(member.client?, told.clone())))
            .collect()
    }

    pub(super) fn disconnected(&mut self, now: Instant, client: ClientId) -> Vec<Reply> {
        let Some(member) = self
            .members
            .iter_mut()
            .find(|member| member.client == Some(client))
        else {
            return Vec::new();
        };
        member.client = None;
        member.gone_at = Some(now);
        member.participant.away = true;
        let id = member.participant.id;
        self.tell_others(id, &ServerMessage::ParticipantAway { id })
    }

    /// Gives up those who did not come back.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Reply> {
        let lost: Vec<ParticipantId> = self
            .members
            .iter()
            .filter(|member| member.gone_at.is_some_and(|at| now >= at + GRACE))
            .map(|member| member.participant.id)
            .collect();
        let mut replies = Vec::new();
        for id in lost {
            self.members.retain(|member| member.participant.id != id);
            self.groups.forget(id);
            let reason = LeaveReason::Lost;
            replies.extend(self.tell_others(id, &ServerMessage::ParticipantLeft { id, reason }));
        }
        replies.extend(self.arrange(now));
        replies
    }

    /// Media may have to flow another way.
    fn arrange(&mut self, now: Instant) -> Vec<Reply> {
        let listeners = self.members.iter().any(|member| member.participant.listens);
        let changed = self.groups.on && self.groups.arrange(now, self.members.len(), listeners);
        let topology = self.groups.topology().filter(|_| changed);
        let tell = |message: ServerMessage| {
            let clients = self.members.iter().filter_map(|member| member.client);
            clients
                .map(|client| Reply::Message(client, message.clone()))
                .collect()
        };
        topology.map_or_else(Vec::new, tell)
    }

    /// Gives somebody up at once.
    fn give_up(&mut self, id: ParticipantId) -> Vec<Reply> {
        self.members.retain(|member| member.participant.id != id);
        let reason = LeaveReason::Lost;
        self.tell_others(id, &ServerMessage::ParticipantLeft { id, reason })
    }

    fn full(&self, now: Instant, client: ClientId) -> Option<ErrorCode> {
        let can = |client: &ClientId| self.able.contains(client);
        let all_can = self
            .members
            .iter()
            .all(|member| member.client.as_ref().is_none_or(can));
        if self.groups.on && all_can && can(&client) {
            return None;
        }
        let gives_way = |member: &Member| member.gone_at.is_some_and(|at| now >= at + GIVES_WAY_AFTER);
        if self.members.len() < 2 || self.members.iter().any(gives_way) {
            return None;
        }
        let is_kept = self.members.iter().any(|member| member.gone_at.is_some());
        Some(if is_kept {
            ErrorCode::PlaceKept
        } else {
            ErrorCode::RoomFull
        })
    }

    fn join(&mut self, now: Instant, client: ClientId, name: String) -> Vec<Reply> {
        if let Some(code) = self.full(now, client) {
            return vec![error(client, code)];
        }
        let mut replies = Vec::new();
        if self.members.len() >= 2 && !self.groups.on {
            let gone = self.members.iter().find(|member| member.gone_at.is_some());
            if let Some(id) = gone.map(|member| member.participant.id) {
                replies = self.give_up(id);
            }
        }
        self.issued += 1;
        let participant = Participant {
            id: ParticipantId::from_bytes([self.issued; 16]),
            name,
            role: self.role(self.issued),
            order: u32::from(self.issued),
            away: false,
            listens: self.newcomers_listen && self.issued > 1,
        };
        replies.extend(self.seat_down(client, participant, false));
        replies
    }

    fn seat_down(&mut self, client: ClientId, participant: Participant, resumed: bool) -> Vec<Reply> {
        self.members.push(Member {
            participant: participant.clone(),
            client: Some(client),
            gone_at: None,
        });
        let mut replies = vec![self.welcome(client, participant.id, resumed)];
        replies.extend(self.groups.topology().map(|told| Reply::Message(client, told)));
        let id = participant.id;
        replies.extend(self.tell_others(id, &ServerMessage::ParticipantJoined { participant }));
        replies
    }

    fn resume(&mut self, client: ClientId, token: &str, name: String) -> Vec<Reply> {
        let number = |part: &str| part.parse::<u8>().ok();
        let parsed = token
            .split_once('/')
            .and_then(|(id, epoch)| Some((number(id)?, number(epoch)?)));
        let Some((id, epoch)) = parsed.filter(|(_, epoch)| *epoch >= self.oldest_token) else {
            return vec![error(client, ErrorCode::ResumeInvalid)];
        };
        let _ = epoch;
        let whole = ParticipantId::from_bytes([id; 16]);
        if let Some(member) = self
            .members
            .iter_mut()
            .find(|member| member.participant.id == whole)
        {
            let before = member.client.replace(client);
            member.gone_at = None;
            member.participant.away = false;
            let mut replies: Vec<Reply> = before
                .map(|old| Reply::Close(old, CloseCode::Replaced))
                .into_iter()
                .collect();
            replies.push(self.welcome(client, whole, true));
            replies.extend(self.groups.topology().map(|told| Reply::Message(client, told)));
            replies.extend(self.tell_others(whole, &ServerMessage::ParticipantBack { id: whole }));
            return replies;
        }
        if self.members.len() >= 2 && !self.groups.on {
            return vec![error(client, ErrorCode::RoomFull)];
        }
        let participant = Participant {
            id: whole,
            name,
            role: self.role(id),
            order: u32::from(id),
            away: false,
            listens: false,
        };
        self.seat_down(client, participant, true)
    }

    fn signal(&self, client: ClientId, to: ParticipantId, payload: serde_json::Value) -> Vec<Reply> {
        let Some(from) = self.seat(client) else {
            return vec![error(client, ErrorCode::NotJoined)];
        };
        match self.members.iter().find(|member| member.participant.id == to) {
            None => vec![error(client, ErrorCode::RecipientUnknown)],
            Some(Member { client: None, .. }) => vec![error(client, ErrorCode::RecipientAway)],
            Some(Member {
                client: Some(there), ..
            }) => {
                vec![Reply::Message(*there, ServerMessage::Signal { from, payload })]
            }
        }
    }

    fn seat(&self, client: ClientId) -> Option<ParticipantId> {
        let member = self.members.iter().find(|member| member.client == Some(client))?;
        Some(member.participant.id)
    }

    fn welcome(&self, client: ClientId, you: ParticipantId, resumed: bool) -> Reply {
        Reply::Message(
            client,
            ServerMessage::Joined {
                you,
                room: room(),
                resume_token: format!("{}/{}", you.as_bytes()[0], self.epoch),
                participants: self
                    .members
                    .iter()
                    .map(|member| member.participant.clone())
                    .collect(),
                ice_servers: Vec::new(),
                resumed,
            },
        )
    }

    fn tell_others(&self, except: ParticipantId, message: &ServerMessage) -> Vec<Reply> {
        self.members
            .iter()
            .filter(|member| member.participant.id != except)
            .filter_map(|member| Some(Reply::Message(member.client?, message.clone())))
            .collect()
    }
}

fn error(client: ClientId, code: ErrorCode) -> Reply {
    let message = ServerMessage::Error {
        code,
        message: String::new(),
        fatal: false,
    };
    Reply::Message(client, message)
}
