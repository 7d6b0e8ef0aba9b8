//! Ways around a door that are none: tokens, hanging up, and asking for much.

use super::doors::{set_door, source};
use super::world::*;
use crate::rooms::*;
use parley_proto::{PROTOCOL_VERSION, Role};

#[test]
fn a_token_leads_back_into_its_own_call_whatever_the_door_says_and_past_no_door_of_a_later_one() {
    let doors: [fn(&mut World); 3] = [
        |world| drop(world.say(ADA, set_door(Some(true), None))),
        |world| drop(world.say(ADA, set_door(None, Some(true)))),
        |world| world.set_password(ADA, "open sesame"),
    ];
    for (number, close) in doors.into_iter().enumerate() {
        let mut world = World::new();
        let (ada, bob) = world.invited_pair();
        world.lose(BOB);
        close(&mut world);
        world
            .resume(BOB, &bob.token)
            .expect("whoever was lost from a call is not new in it");

        for client in [ADA, BOB] {
            world.lose(client);
        }
        assert_eq!(world.rooms.counts(), RoomCounts::default());
        world
            .resume(ADA, &ada.token)
            .expect("a host stands before no door");
        close(&mut world);
        assert_eq!(
            world.resume(BOB, &bob.token).unwrap_err(),
            ErrorCode::ResumeInvalid,
            "door {number}"
        );
        assert_eq!(world.rooms.door_counts().bad_tickets, 1);
    }
}

#[test]
fn the_lobby_of_an_empty_room_is_not_passed_by_an_old_token() {
    let mut world = World::new();
    let (_, bob) = world.invited_pair();
    world.say(ADA, set_door(None, Some(true)));
    for client in [BOB, ADA] {
        world.lose(client);
    }
    assert_eq!(
        world.resume(BOB, &bob.token).unwrap_err(),
        ErrorCode::ResumeInvalid
    );
    assert_eq!(world.rooms.counts().rooms, 0, "and begins no room");
}

#[test]
fn a_role_that_was_lent_for_a_call_is_good_for_that_call_only() {
    for lobby in [true, false] {
        let mut world = World::new();
        world.invited_pair();
        world.say(ADA, set_door(None, Some(lobby)));
        let outputs = world.say(ADA, ClientMessage::Leave);
        let token = fresh_token(BOB, &outputs).expect("a token that says host");
        world.lose(BOB);
        match world.resume(BOB, &token) {
            Ok((back, _)) => assert_eq!((lobby, back.participants[0].role), (false, Role::Guest)),
            Err(code) => assert_eq!((lobby, code), (true, ErrorCode::ResumeInvalid)),
        }
    }
}

#[test]
fn who_is_host_of_a_call_only_changes_nothing_that_outlives_it() {
    let mut world = World::new();
    let (ada, _) = world.invited_pair();
    let guest = world.invite(ada.room, Role::Guest, None);
    world.say(ADA, ClientMessage::Leave);
    for password in [Some("mine".to_owned()), None] {
        let (to, message) = only(world.say(BOB, ClientMessage::SetPassword { password }));
        assert_eq!((to, message), (BOB, error(ErrorCode::NotAllowed, false)));
    }
    assert_eq!(world.hashing(), []);
    assert_eq!(world.rooms.door_counts().not_allowed, 2);

    world.say(BOB, set_door(None, Some(true)));
    let ticket = world.ticket_by(EVE, ada.room, &guest).unwrap();
    let knock = ClientMessage::Join {
        version: PROTOCOL_VERSION,
        ticket,
        name: String::new(),
        password: None,
        waits: true,
    };
    let outputs = world.say(EVE, knock);
    assert_eq!(
        sent_to(EVE, &outputs),
        [ServerMessage::Waiting],
        "in this call Bob decides"
    );
    world.say(EVE, ClientMessage::Leave);
    world.say(BOB, ClientMessage::Leave);
    world
        .enter_by(ClientId(20), ada.room, &guest)
        .expect("and in the next one who was invited comes in");

    let mut world = World::new();
    world.pair();
    world.say(ADA, ClientMessage::Leave);
    world.set_password(BOB, "a room of nobody's is forgotten with its call");
}

#[test]
fn who_left_comes_back_by_no_token_also_when_the_call_is_over() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    world.say(BOB, ClientMessage::Leave);
    world.say(ADA, ClientMessage::Leave);
    for (client, token) in [(ADA, &ada.token), (BOB, &bob.token)] {
        assert_eq!(world.resume(client, token).unwrap_err(), ErrorCode::ResumeInvalid);
    }
    assert_eq!(world.rooms.door_counts().bad_tickets, 2);
    assert_eq!(world.rooms.counts(), RoomCounts::default());
}

#[test]
fn who_left_comes_back_by_no_token_also_to_a_server_that_was_just_restarted() {
    let mut world = World::new();
    let (ada, bob) = world.invited_pair();
    world.say(ADA, set_door(None, Some(true)));
    world.say(BOB, ClientMessage::Leave);
    world.restart_with_book();
    assert_eq!(
        world.resume(BOB, &bob.token).unwrap_err(),
        ErrorCode::ResumeInvalid
    );
    assert_eq!(world.rooms.door_counts().bad_tickets, 1);
    world
        .resume(ADA, &ada.token)
        .expect("who did not leave comes back");

    let mut world = World::new();
    let (ada, _) = world.pair();
    world.say(BOB, ClientMessage::Leave);
    world.restart_with_book();
    let (back, _) = world.resume(ADA, &ada.token).unwrap();
    assert_eq!(
        back.participants.len(),
        1,
        "nor is waited for, whoever names them"
    );
}

#[test]
fn a_refused_token_takes_nobodys_place_on_a_full_server() {
    use rand::SeedableRng as _;
    let mut world = World::new();
    world.rooms = Rooms::new(START, &KEY, Vec::new(), 2, StdRng::seed_from_u64(1));
    let eve = world.enter(EVE, None);
    world.say(EVE, ClientMessage::Leave);
    let (_, bob) = world.pair();
    world.rooms.disconnected(world.now, BOB);
    assert_eq!(
        world.resume(EVE, &eve.token).unwrap_err(),
        ErrorCode::ResumeInvalid
    );
    world
        .resume(BOB, &bob.token)
        .expect("the place was kept for whom it was kept");
}

#[test]
fn forged_tokens_are_counted() {
    let mut world = World::new();
    let (ada, _) = world.pair();
    world.rooms.disconnected(world.now, ADA);
    for (number, token) in ["", "a.b.c", &ada.token[..ada.token.len() - 2]]
        .into_iter()
        .enumerate()
    {
        assert_eq!(world.resume(EVE, token).unwrap_err(), ErrorCode::ResumeInvalid);
        assert_eq!(world.rooms.door_counts().bad_tickets, number as u64 + 1);
    }
}

#[test]
fn who_hangs_up_before_being_put_out_is_kept_out_all_the_same() {
    let mut world = World::new();
    let (ada, bob) = world.pair_from("198.51.100.1", "203.0.113.5");
    world.rooms.disconnected(world.now, BOB);
    world.say(ADA, ClientMessage::Remove { id: bob.me });
    world.rooms.opened(EVE, source("203.0.113.5"));
    assert_eq!(
        world.ticket(EVE, Some(ada.room)).unwrap_err(),
        ErrorCode::RoomUnknown
    );
    assert_eq!(
        world.resume(EVE, &bob.token).unwrap_err(),
        ErrorCode::ResumeInvalid
    );
}

#[test]
fn a_token_from_before_somebody_was_put_out_does_not_bring_them_back() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    world.say(ADA, ClientMessage::Remove { id: bob.me });
    world.restart_with_book();
    let (back, _) = world.resume(ADA, &ada.token).unwrap();
    assert!(
        back.participants.iter().all(|p| p.id != bob.me),
        "Ada's token named Bob"
    );
}

#[test]
fn who_asks_for_a_password_and_hangs_up_over_and_over_has_little_hashed() {
    let mut world = World::new();
    let mut asked = 0;
    for number in 100..500 {
        let client = ClientId(number);
        world.enter(client, None);
        let password = Some("secret".to_owned());
        world.say(client, ClientMessage::SetPassword { password });
        asked += world.hashing().len();
        world.rooms.disconnected(world.now, client);
    }
    assert_eq!(asked, 64, "that many at once, whoever still waits for it");
    for _ in 0..asked {
        world.rooms.password_hashed(ClientId(100), None);
    }
    world.enter(ADA, None);
    world.set_password(ADA, "once they are through there is room again");
}

#[test]
fn guesses_keep_no_host_from_setting_another_password() {
    let mut world = World::new();
    let ada = world.enter(ADA, None);
    world.set_password(ADA, "open sesame");
    let (_, ticket) = world.ticket(EVE, Some(ada.room)).unwrap();
    let mut refusal = None;
    for _ in 0..30 {
        let outputs = world.say(
            EVE,
            ClientMessage::Join {
                version: PROTOCOL_VERSION,
                ticket: ticket.clone(),
                name: String::new(),
                password: Some("guess".to_owned()),
                waits: true,
            },
        );
        for client in world.hashing() {
            world.rooms.password_checked(world.now, client, false);
        }
        refusal = sent_to(EVE, &outputs).pop();
    }
    assert_eq!(refusal, Some(error(ErrorCode::TooFast, false)));
    world.set_password(ADA, "open barley");
}

impl World {
    /// Ada as host and Bob as guest in a room by invitation.
    fn invited_pair(&mut self) -> (Joined, Joined) {
        let room = self.rooms.new_room();
        let host = self.invite(room, Role::Host, None);
        let guest = self.invite(room, Role::Guest, None);
        let ada = self.enter_by(ADA, room, &host).unwrap();
        let bob = self.enter_by(BOB, room, &guest).unwrap();
        (ada, bob)
    }

    /// The connection breaks, and is not back within the time that a place is kept.
    fn lose(&mut self, client: ClientId) {
        self.rooms.disconnected(self.now, client);
        self.wait(RESUME_GRACE_S);
        self.tick();
    }

    /// Whose passwords are to be hashed.
    fn hashing(&mut self) -> Vec<ClientId> {
        let errands = self.rooms.take_errands().into_iter();
        errands
            .filter_map(|errand| match errand {
                Errand::CheckPassword { client, .. } | Errand::HashPassword { client, .. } => Some(client),
                _ => None,
            })
            .collect()
    }
}
