//! The requests themselves.

use super::Desk;
use super::answer::Refusal;
use crate::access::{ApiKey, Banned, BookError, Invitation, InvitationId, KeyId, Source, Terms, TicketKey};
use crate::rooms::{RoomCount, Rooms};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use parley_proto::{Role, RoomId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Rooms of one answer.
const ROOMS_TOLD_MAX: usize = 1000;
/// How long an invitation lasts that says nothing of it: a week.
const INVITATION_S: u64 = 7 * 24 * 3600;

type Outcome<T> = Result<T, Refusal>;

/// Reads a body; none is the same as `{}`. Unknown fields are mistakes: a misspelt `uses` would make an invitation for everybody.
fn read<'a, T: Deserialize<'a>>(body: &'a Bytes) -> Outcome<T> {
    let text: &[u8] = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(text)
        .map_err(|error| Refusal::Malformed(format!("The body is not as described: {error}.")))
}

/// What a room is called where its id would let people in.
fn handle(room: RoomId) -> String {
    crate::webhook::handle(room.as_bytes())
}

#[derive(Serialize)]
pub(super) struct RoomsTold {
    rooms: Vec<RoomTold>,
    participants: usize,
    waiting: usize,
}

#[derive(Serialize)]
struct RoomTold {
    /// Lets nobody in.
    handle: String,
    participants: usize,
    waiting: usize,
    locked: bool,
}

pub(super) async fn list_rooms(State(desk): State<Desk>) -> Outcome<Json<RoomsTold>> {
    let (listed, counts) = desk
        .ask(|rooms, _| ((rooms.list(ROOMS_TOLD_MAX), rooms.counts()), Vec::new()))
        .await?;
    let told = |count: &RoomCount| RoomTold {
        handle: handle(count.room),
        participants: count.participants,
        waiting: count.waiting,
        locked: count.locked,
    };
    Ok(Json(RoomsTold {
        rooms: listed.iter().map(told).collect(),
        participants: counts.participants,
        waiting: counts.waiting,
    }))
}

#[derive(Serialize)]
pub(super) struct RoomMade {
    room: RoomId,
    handle: String,
}

/// How a room is to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoomAsk {
    /// From so many people on whoever comes listens; absent: as the server's settings say.
    #[serde(default)]
    listen_from: Option<u16>,
}

pub(super) async fn make_room(
    State(desk): State<Desk>,
    body: Bytes,
) -> Outcome<(StatusCode, Json<RoomMade>)> {
    let ask: RoomAsk = read(&body)?;
    let made = desk.ask(move |rooms, _| {
        let room = rooms.new_room();
        if let Some(from) = ask.listen_from {
            rooms.book().keep_door(room, |door| door.listen_from = Some(from));
        }
        (room, Vec::new())
    });
    let room = made.await?;
    let handle = handle(room);
    Ok((StatusCode::CREATED, Json(RoomMade { room, handle })))
}

/// Which room somebody means, by its id or by its handle.
fn find_room(rooms: &Rooms, name: &str) -> Option<RoomId> {
    name.parse().ok().or_else(|| {
        let all = rooms.list(usize::MAX);
        all.into_iter()
            .map(|count| count.room)
            .find(|room| handle(*room) == name)
    })
}

pub(super) async fn end_room(State(desk): State<Desk>, Path(name): Path<String>) -> Outcome<StatusCode> {
    let ended = desk.ask(move |rooms, now| match find_room(rooms, &name) {
        Some(room) => rooms.close_room(now, room),
        None => (false, Vec::new()),
    });
    if ended.await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::NotFound)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InviteAsk {
    room: Option<RoomId>,
    role: Option<RoleAsk>,
    expires_in_s: Option<u64>,
    uses: Option<u32>,
}

/// Unlike on the wire between clients, an unknown role is a mistake.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum RoleAsk {
    Host,
    Guest,
}

impl From<RoleAsk> for Role {
    fn from(role: RoleAsk) -> Self {
        match role {
            RoleAsk::Host => Self::Host,
            RoleAsk::Guest => Self::Guest,
        }
    }
}

#[derive(Serialize)]
pub(super) struct InvitationTold {
    id: InvitationId,
    /// Only in the answer to whoever made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<RoomId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    handle: String,
    role: Role,
    expires_at_s: u64,
    uses: Option<u32>,
    used: u32,
}

impl InvitationTold {
    fn of(invitation: &Invitation) -> Self {
        Self {
            id: invitation.id,
            room: None,
            token: None,
            handle: handle(invitation.room),
            role: invitation.terms.role,
            expires_at_s: invitation.terms.until.unix_s(),
            uses: invitation.terms.uses,
            used: invitation.used,
        }
    }
}

pub(super) async fn invite(
    State(desk): State<Desk>,
    body: Bytes,
) -> Outcome<(StatusCode, Json<InvitationTold>)> {
    let ask: InviteAsk = read(&body)?;
    let made = desk.ask(move |rooms, now| {
        let room = ask.room.unwrap_or_else(|| rooms.new_room());
        let terms = Terms {
            role: ask.role.unwrap_or(RoleAsk::Guest).into(),
            until: now + Duration::from_secs(ask.expires_in_s.unwrap_or(INVITATION_S)),
            uses: ask.uses,
        };
        (rooms.invite(now, room, terms), Vec::new())
    });
    let (invitation, token) = made.await??;
    let told = InvitationTold {
        room: Some(invitation.room),
        token: Some(token),
        ..InvitationTold::of(&invitation)
    };
    Ok((StatusCode::CREATED, Json(told)))
}

pub(super) async fn list_invitations(State(desk): State<Desk>) -> Outcome<Json<serde_json::Value>> {
    let all = desk.ask(|rooms, now| {
        let all: Vec<Invitation> = rooms.book().invitations(now).into_iter().cloned().collect();
        (all, Vec::new())
    });
    // Not in the hub: there may be a hundred thousand, each with a hash to be made.
    let told: Vec<_> = all.await?.iter().map(InvitationTold::of).collect();
    Ok(Json(serde_json::json!({ "invitations": told })))
}

pub(super) async fn revoke_invitation(
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Outcome<StatusCode> {
    let id: InvitationId = id.parse().map_err(|_| Refusal::NotFound)?;
    desk.ask(move |rooms, _| (rooms.book().revoke_invitation(id), Vec::new()))
        .await??;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TicketAsk {
    room: RoomId,
    role: Option<RoleAsk>,
}

#[derive(Serialize)]
pub(super) struct TicketTold {
    ticket: String,
    expires_at_s: u64,
}

pub(super) async fn mint_ticket(
    State(desk): State<Desk>,
    body: Bytes,
) -> Outcome<(StatusCode, Json<TicketTold>)> {
    let ask: TicketAsk = read(&body)?;
    let role = ask.role.unwrap_or(RoleAsk::Guest).into();
    let minted = desk.ask(move |rooms, now| (rooms.mint_ticket(now, ask.room, role), Vec::new()));
    let (ticket, expires_at_s) = minted.await?.ok_or(Refusal::NotFound)?;
    let told = TicketTold { ticket, expires_at_s };
    Ok((StatusCode::CREATED, Json(told)))
}

pub(super) async fn list_bans(State(desk): State<Desk>) -> Outcome<Json<serde_json::Value>> {
    let bans = desk
        .ask(|rooms, now| (rooms.book().bans(now), Vec::new()))
        .await?;
    let told: Vec<_> = bans
        .into_iter()
        .filter_map(|(who, until)| {
            let (room, source) = match who {
                Banned::Everywhere(source) => (None, source),
                Banned::FromRoom(room, source) => (Some(handle(room)), source),
                Banned::Participant(..) => return None,
            };
            let ends_at_s = until.unix_s();
            Some(serde_json::json!({"source": source.to_string(), "handle": room, "ends_at_s": ends_at_s}))
        })
        .collect();
    Ok(Json(serde_json::json!({ "bans": told })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BanAsk {
    source: String,
    seconds: u64,
}

#[derive(Deserialize)]
pub(super) struct BanName {
    source: String,
}

fn source(text: &str) -> Outcome<Source> {
    let what = "The source must be an IPv4 or IPv6 address, and not one of this machine.";
    text.parse().map_err(|_| Refusal::Malformed(what.to_owned()))
}

pub(super) async fn ban(State(desk): State<Desk>, body: Bytes) -> Outcome<StatusCode> {
    let ask: BanAsk = read(&body)?;
    let who = Banned::Everywhere(source(&ask.source)?);
    if ask.seconds == 0 {
        return Err(BookError::BadTime.into());
    }
    let how_long = Duration::from_secs(ask.seconds);
    desk.ask(move |rooms, now| {
        rooms.book().ban(now, who, now + how_long);
        ((), Vec::new())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn lift_ban(State(desk): State<Desk>, Query(name): Query<BanName>) -> Outcome<StatusCode> {
    let who = Banned::Everywhere(source(&name.source)?);
    desk.ask(move |rooms, _| (rooms.book().lift_ban(who), Vec::new()))
        .await??;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyAsk {
    name: String,
    public: Option<String>,
}

#[derive(Serialize)]
pub(super) struct KeyTold {
    id: String,
    name: String,
    made_at_s: u64,
    /// How its tickets are signed.
    tickets: &'static str,
    /// Only in the answer to whoever made it, and nowhere else ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket_secret: Option<String>,
}

impl KeyTold {
    fn of(key: &ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            made_at_s: key.made.unix_s(),
            tickets: match key.tickets {
                TicketKey::Shared => "HS256",
                TicketKey::Public(_) => "EdDSA",
            },
            key: None,
            ticket_secret: None,
        }
    }
}

pub(super) async fn make_key(State(desk): State<Desk>, body: Bytes) -> Outcome<(StatusCode, Json<KeyTold>)> {
    let ask: KeyAsk = read(&body)?;
    let tickets = TicketKey::parse(ask.public.as_deref())?;
    let made = desk.ask(move |rooms, now| (rooms.make_key(now, &ask.name, tickets), Vec::new()));
    let (key, text, ticket_secret) = made.await??;
    let told = KeyTold {
        key: Some(text),
        ticket_secret,
        ..KeyTold::of(&key)
    };
    Ok((StatusCode::CREATED, Json(told)))
}

pub(super) async fn list_keys(State(desk): State<Desk>) -> Outcome<Json<serde_json::Value>> {
    let told = desk.ask(|rooms, _| {
        let all = rooms.book().keys();
        let told: Vec<_> = all.into_iter().map(KeyTold::of).collect();
        (told, Vec::new())
    });
    Ok(Json(serde_json::json!({ "keys": told.await? })))
}

pub(super) async fn revoke_key(State(desk): State<Desk>, Path(id): Path<String>) -> Outcome<StatusCode> {
    let id: KeyId = id.parse().map_err(|_| Refusal::NotFound)?;
    desk.ask(move |rooms, _| (rooms.book().revoke_key(id), Vec::new()))
        .await??;
    Ok(StatusCode::NO_CONTENT)
}
