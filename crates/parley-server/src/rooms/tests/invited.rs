//! Rooms by invitation, operators, and what must outlive a restart.

use super::world::*;
use crate::access::{ApiKey, Banned, BookError, Source, Terms, TicketKey};
use crate::rooms::*;
use parley_proto::{PROTOCOL_VERSION, Role};

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn a_room_by_invitation_takes_who_has_one_in_the_role_it_gives() {
    let mut world = World::new();
    let room = world.rooms.new_room();
    let host = world.invite(room, Role::Host, None);
    let guest = world.invite(room, Role::Guest, None);
    world.enter_by(ADA, room, &host).unwrap();
    let bob = world.enter_by(BOB, room, &guest).unwrap();
    let roles: Vec<Role> = bob.participants.iter().map(|p| p.role).collect();
    assert_eq!(roles, [Role::Host, Role::Guest]);
}

#[test]
fn no_room_and_no_right_are_one_answer() {
    let mut world = World::new();
    let room = world.rooms.new_room();
    let other = world.rooms.new_room();
    let good = world.invite(room, Role::Guest, None);
    let short = world.invite(room, Role::Guest, None);
    let revoked = world.invite(room, Role::Guest, None);
    let used = world.invite(room, Role::Guest, Some(1));
    let id = crate::access::InvitationId::of(&revoked);
    world.rooms.book().revoke_invitation(id).unwrap();
    world.enter_by(ADA, room, &used).unwrap();
    world.say(ADA, ClientMessage::Leave);
    let nowhere = RoomId::from_bytes([3; 24]);
    let huge = "x".repeat(10_000);
    for (what, room, token) in [
        ("no such room", nowhere, Some(good.as_str())),
        ("no invitation", room, None),
        ("a made-up one", room, Some("AAAAAAAAAAAAAAAAAAAAAA")),
        ("one to another room", other, Some(&good)),
        ("a revoked one", room, Some(&revoked)),
        ("one that was used", room, Some(&used)),
        ("an endless one", room, Some(&huge)),
        (
            "a ticket signed by nobody",
            room,
            Some("eyJhbGciOiJub25lIn0.e30."),
        ),
    ] {
        let message = world.ask(EVE, room, token);
        assert_eq!(message, error(ErrorCode::RoomUnknown, false), "{what}");
    }
    world.now = world.now + 2 * DAY;
    let message = world.ask(EVE, room, Some(&short));
    assert_eq!(message, error(ErrorCode::RoomUnknown, false), "an expired one");
    assert_eq!(world.rooms.door_counts().unknown, 9);
}

#[test]
fn a_single_use_invitation_lets_one_in_though_two_hold_tickets_by_it() {
    let mut world = World::new();
    let room = world.rooms.new_room();
    let token = world.invite(room, Role::Guest, Some(1));
    let bobs = world.ticket_by(BOB, room, &token).unwrap();
    let eves = world.ticket_by(EVE, room, &token).unwrap();
    world.join(BOB, &bobs).unwrap();
    assert_eq!(world.join(EVE, &eves).unwrap_err(), ErrorCode::TicketInvalid);
    world.restart_with_book();
    assert!(
        world.ticket_by(EVE, room, &token).is_err(),
        "a restart does not make it new"
    );
    assert_eq!(world.join(EVE, &eves).unwrap_err(), ErrorCode::TicketInvalid);
}

#[test]
fn without_its_book_a_room_by_invitation_stays_closed() {
    let mut world = World::new();
    let room = world.rooms.new_room();
    let token = world.invite(room, Role::Host, None);
    world.restart();
    assert!(world.rooms.knows(&room));
    assert!(world.ticket_by(ADA, room, &token).is_err());
    assert_eq!(world.ticket(ADA, Some(room)).unwrap_err(), ErrorCode::RoomUnknown);
}

#[test]
fn the_lobby_and_the_password_of_a_room_by_invitation_outlive_a_restart() {
    let mut world = World::new();
    let room = world.rooms.new_room();
    let host = world.invite(room, Role::Host, None);
    let guest = world.invite(room, Role::Guest, None);
    world.enter_by(ADA, room, &host).unwrap();
    let lobby = Some(true);
    world.say(
        ADA,
        ClientMessage::SetDoor {
            locked: None,
            lobby,
            listen_from: None,
        },
    );
    world.restart_with_book();
    let ticket = world.ticket_by(BOB, room, &guest).unwrap();
    let outputs = world.say(BOB, join(&ticket));
    assert_eq!(
        sent_to(BOB, &outputs),
        [ServerMessage::Waiting],
        "also with nobody in it"
    );
    let ticket = world.ticket_by(ADA, room, &host).unwrap();
    let (_, outputs) = world.join(ADA, &ticket).unwrap();
    let waits = sent_to(ADA, &outputs)
        .into_iter()
        .any(|message| matches!(message, ServerMessage::AtTheDoor { people } if people.len() == 1));
    assert!(waits, "{outputs:?}");
}

#[test]
fn terms_that_make_no_sense_are_refused() {
    let mut world = World::new();
    let room = world.rooms.new_room();
    for (until, uses) in [
        (world.now, None),
        (world.now + 5000 * DAY, None),
        (world.now + DAY, Some(0)),
    ] {
        let terms = Terms {
            role: Role::Guest,
            until,
            uses,
        };
        assert_eq!(
            world.rooms.invite(world.now, room, terms).unwrap_err(),
            BookError::BadTime
        );
    }
    let terms = Terms {
        role: Role::Guest,
        until: world.now + DAY,
        uses: None,
    };
    let elsewhere = RoomId::from_bytes([3; 24]);
    assert_eq!(
        world.rooms.invite(world.now, elsewhere, terms).unwrap_err(),
        BookError::Unknown
    );
}

#[test]
fn keys_are_known_by_their_text_and_kept_without_it() {
    let mut world = World::new();
    let (key, text) = ApiKey::make(world.now, [1; 8], [2; 32], "backend", TicketKey::Shared);
    world.rooms.book().add_key(key.clone()).unwrap();
    assert_eq!(world.rooms.book().authenticate(&text), Some(key.id));
    let (_, stranger) = ApiKey::make(world.now, [3; 8], [2; 32], "other", TicketKey::Shared);
    for wrong in [
        "",
        "parleykey",
        "parleykey..",
        &text[..text.len() - 1],
        &format!("{text}A"),
        &stranger,
    ] {
        assert_eq!(world.rooms.book().authenticate(wrong), None, "{wrong}");
    }
    let errands = format!("{:?}", world.rooms.take_errands());
    let secret = text.rsplit('.').next().unwrap();
    assert!(!errands.contains(secret), "what is written down holds no secret");
}

#[test]
fn a_ban_on_a_source_counts_everywhere_and_ends() {
    let mut world = World::new();
    let ada = world.enter(ADA, None);
    let source: Source = "2001:db8:1:100::5".parse().unwrap();
    let until = world.now + DAY;
    world
        .rooms
        .book()
        .ban(world.now, Banned::Everywhere(source), until);
    world.restart_with_book();
    world.rooms.opened(EVE, "2001:db8:1:1ff::9".parse().ok());
    assert_eq!(
        world.ticket(EVE, Some(ada.room)).unwrap_err(),
        ErrorCode::RoomUnknown
    );
    assert_eq!(
        world.resume(EVE, &ada.token).unwrap_err(),
        ErrorCode::ResumeInvalid
    );
    world.now = until;
    world.ticket(EVE, Some(ada.room)).unwrap();
}

#[test]
fn nobody_is_kept_out_by_the_address_of_a_proxy_on_this_machine() {
    for ip in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0"] {
        assert_eq!(Source::of(ip.parse().unwrap()), None, "{ip}");
        assert!(ip.parse::<Source>().is_err());
    }
}

#[test]
fn an_operator_ends_a_room_and_sees_how_many_are_in_it() {
    let mut world = World::new();
    let (ada, _) = world.pair();
    let listed = world.rooms.list(10);
    assert_eq!(
        (listed.len(), listed[0].participants, listed[0].room),
        (1, 2, ada.room)
    );
    let (found, outputs) = world.rooms.close_room(world.now, ada.room);
    assert!(found);
    for client in [ADA, BOB] {
        assert!(sent_to(client, &outputs).contains(&error(ErrorCode::Ended, true)));
    }
    assert!(!world.rooms.close_room(world.now, ada.room).0);
    assert_eq!(world.rooms.counts(), RoomCounts::default());
}

#[test]
fn an_operator_hears_of_rooms_and_people_in_order() {
    let mut world = World::new();
    let (_, _) = world.pair();
    world.say(BOB, ClientMessage::Leave);
    world.say(ADA, ClientMessage::Leave);
    let told: Vec<&str> = world
        .rooms
        .take_errands()
        .iter()
        .filter_map(|errand| match errand {
            Errand::Tell(event) => Some(match event.what {
                RoomHappening::Started => "started",
                RoomHappening::Ended => "ended",
                RoomHappening::Joined { .. } => "joined",
                RoomHappening::Left { .. } => "left",
            }),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["started", "joined", "joined", "left", "left", "ended"]);
}

impl World {
    pub(super) fn invite(&mut self, room: RoomId, role: Role, uses: Option<u32>) -> String {
        let until = self.now + DAY;
        let terms = Terms { role, until, uses };
        self.rooms.invite(self.now, room, terms).unwrap().1
    }

    pub(super) fn ask(&mut self, client: ClientId, room: RoomId, token: Option<&str>) -> ServerMessage {
        only(self.say(
            client,
            ClientMessage::RequestTicket {
                version: PROTOCOL_VERSION,
                room: Some(room),
                invitation: token.map(str::to_owned),
            },
        ))
        .1
    }

    pub(super) fn ticket_by(
        &mut self,
        client: ClientId,
        room: RoomId,
        token: &str,
    ) -> Result<String, ServerMessage> {
        match self.ask(client, room, Some(token)) {
            ServerMessage::Ticket { ticket, .. } => Ok(ticket),
            other => Err(other),
        }
    }

    pub(super) fn enter_by(
        &mut self,
        client: ClientId,
        room: RoomId,
        token: &str,
    ) -> Result<Joined, ErrorCode> {
        let ticket = self.ticket_by(client, room, token).unwrap();
        self.join(client, &ticket).map(|(joined, _)| joined)
    }
}

fn join(ticket: &str) -> ClientMessage {
    ClientMessage::Join {
        version: PROTOCOL_VERSION,
        ticket: ticket.to_owned(),
        name: String::new(),
        password: None,
        waits: true,
    }
}
