//! Tests of the rooms in virtual time.

use super::*;
use parley_proto::limits::{ROOM_PARTICIPANTS_MAX, TICKET_LIFETIME_S};
use parley_proto::{PROTOCOL_VERSION, Role};
use rand::SeedableRng as _;
use serde_json::json;

const START: Moment = Moment::from_unix_ms(1_800_000_000_000);
const KEY: ServerKey = ServerKey::from_bytes([7; 32]);
const ADA: ClientId = ClientId(1);
const BOB: ClientId = ClientId(2);
const EVE: ClientId = ClientId(3);

/// A server in a world with a clock of its own.
struct World {
    rooms: Rooms,
    now: Moment,
    life: u64,
}

#[derive(Debug, Clone)]
struct Joined {
    me: ParticipantId,
    room: RoomId,
    token: String,
    participants: Vec<Participant>,
}

impl World {
    fn new() -> Self {
        let life = 1;
        Self {
            rooms: Rooms::new(START, &KEY, Vec::new(), 1000, StdRng::seed_from_u64(life)),
            now: START,
            life,
        }
    }

    /// A new server with the same key takes over; everyone is disconnected.
    fn restart(&mut self) {
        self.wait(2);
        self.life += 1;
        self.rooms = Rooms::new(self.now, &KEY, Vec::new(), 1000, StdRng::seed_from_u64(self.life));
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    fn tick(&mut self) -> Vec<Output> {
        self.rooms.handle_timeout(self.now)
    }

    fn say(&mut self, client: ClientId, message: ClientMessage) -> Vec<Output> {
        self.rooms.handle(self.now, client, message)
    }

    fn ticket(&mut self, client: ClientId, room: Option<RoomId>) -> Result<(RoomId, String), ErrorCode> {
        let version = PROTOCOL_VERSION;
        match only(self.say(client, ClientMessage::RequestTicket { version, room })) {
            (_, ServerMessage::Ticket { room, ticket, .. }) => Ok((room, ticket)),
            (_, ServerMessage::Error { code, .. }) => Err(code),
            other => panic!("{other:?}"),
        }
    }

    /// Joins by ticket; what it was told, and everything that was sent.
    fn join(&mut self, client: ClientId, ticket: &str) -> Result<(Joined, Vec<Output>), ErrorCode> {
        let message = ClientMessage::Join {
            version: PROTOCOL_VERSION,
            ticket: ticket.to_owned(),
            name: format!("client {}", client.0),
        };
        let outputs = self.say(client, message);
        joined(client, outputs)
    }

    fn enter(&mut self, client: ClientId, room: Option<RoomId>) -> Joined {
        let (_, ticket) = self.ticket(client, room).unwrap();
        self.join(client, &ticket).unwrap().0
    }

    fn resume(&mut self, client: ClientId, token: &str) -> Result<(Joined, Vec<Output>), ErrorCode> {
        let message = ClientMessage::Resume {
            version: PROTOCOL_VERSION,
            token: token.to_owned(),
            name: format!("client {}", client.0),
        };
        let outputs = self.say(client, message);
        joined(client, outputs)
    }

    /// Ada and Bob in one room; both with the newest token they were given.
    fn pair(&mut self) -> (Joined, Joined) {
        let mut ada = self.enter(ADA, None);
        let (_, ticket) = self.ticket(BOB, Some(ada.room)).unwrap();
        let (bob, outputs) = self.join(BOB, &ticket).unwrap();
        ada.token = fresh_token(ADA, &outputs).expect("Ada's token names Bob from now on");
        (ada, bob)
    }
}

fn joined(client: ClientId, outputs: Vec<Output>) -> Result<(Joined, Vec<Output>), ErrorCode> {
    match sent_to(client, &outputs).first() {
        Some(ServerMessage::Joined {
            you,
            room,
            resume_token,
            participants,
            ..
        }) => Ok((
            Joined {
                me: *you,
                room: *room,
                token: resume_token.clone(),
                participants: participants.clone(),
            },
            outputs,
        )),
        Some(ServerMessage::Error { code, .. }) => Err(*code),
        other => panic!("{other:?}"),
    }
}

fn sent_to(client: ClientId, outputs: &[Output]) -> Vec<ServerMessage> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Send { to, message } if *to == client => Some(message.clone()),
            _ => None,
        })
        .collect()
}

fn fresh_token(client: ClientId, outputs: &[Output]) -> Option<String> {
    sent_to(client, outputs)
        .into_iter()
        .find_map(|message| match message {
            ServerMessage::ResumeToken { resume_token } => Some(resume_token),
            _ => None,
        })
}

/// The one message sent.
fn only(mut outputs: Vec<Output>) -> (ClientId, ServerMessage) {
    assert_eq!(outputs.len(), 1, "{outputs:?}");
    match outputs.remove(0) {
        Output::Send { to, message } => (to, message),
        other => panic!("{other:?}"),
    }
}

fn signal(to: ParticipantId) -> ClientMessage {
    ClientMessage::Signal {
        to,
        payload: json!({"kind": "restart"}),
    }
}

#[test]
fn whoever_makes_the_room_is_host_and_came_first() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    assert_eq!(ada.participants.len(), 1);
    let [first, second] = &bob.participants[..] else {
        panic!("{:?}", bob.participants)
    };
    assert_eq!((first.id, first.role), (ada.me, Role::Host));
    assert_eq!((second.id, second.role), (bob.me, Role::Guest));
    assert!(first.order < second.order);
    assert_eq!(
        world.rooms.counts(),
        RoomCounts {
            rooms: 1,
            participants: 2
        }
    );
}

#[test]
fn messages_reach_the_other_and_nobody_else() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    let other_room = world.enter(EVE, None);
    let (to, message) = only(world.say(ADA, signal(bob.me)));
    assert_eq!(to, BOB);
    assert!(matches!(message, ServerMessage::Signal { from, .. } if from == ada.me));
    for (client, to, expect) in [
        (ADA, ada.me, ErrorCode::RecipientUnknown),
        (ADA, other_room.me, ErrorCode::RecipientUnknown),
        (ClientId(99), ada.me, ErrorCode::NotJoined),
    ] {
        let (told, message) = only(world.say(client, signal(to)));
        assert_eq!(told, client);
        assert!(matches!(message, ServerMessage::Error { code, fatal: false, .. } if code == expect));
    }
}

#[test]
fn a_third_person_is_refused_until_someone_leaves() {
    let mut world = World::new();
    let (_, early) = world.ticket(EVE, None).unwrap();
    let ada = world.enter(ADA, None);
    let (_, eves) = world.ticket(EVE, Some(ada.room)).unwrap();
    world.enter(BOB, Some(ada.room));
    assert_eq!(world.join(EVE, &eves).unwrap_err(), ErrorCode::RoomFull);
    assert_eq!(
        world.ticket(EVE, Some(ada.room)).unwrap_err(),
        ErrorCode::RoomFull
    );
    let outputs = world.say(BOB, ClientMessage::Leave);
    assert!(outputs.contains(&Output::Close {
        client: BOB,
        code: CloseCode::Left
    }));
    let (eve, _) = world.join(EVE, &eves).expect("a refused ticket is not used up");
    assert_eq!(eve.participants.len(), ROOM_PARTICIPANTS_MAX);
    assert_eq!(
        world.join(EVE, &early).unwrap_err(),
        ErrorCode::OutOfOrder,
        "nobody sits in two rooms"
    );
}

#[test]
fn a_ticket_is_good_for_one_join_and_ten_minutes() {
    let mut world = World::new();
    let (_, ticket) = world.ticket(ADA, None).unwrap();
    world.join(ADA, &ticket).unwrap();
    assert_eq!(world.join(BOB, &ticket).unwrap_err(), ErrorCode::TicketInvalid);
    let (_, late) = world.ticket(BOB, None).unwrap();
    world.wait(TICKET_LIFETIME_S + 1);
    assert_eq!(world.join(BOB, &late).unwrap_err(), ErrorCode::TicketExpired);
    assert_eq!(world.join(BOB, "nonsense").unwrap_err(), ErrorCode::TicketInvalid);
}

#[test]
fn a_room_of_another_server_is_unknown() {
    let mut world = World::new();
    let elsewhere = RoomStamp::new(&ServerKey::from_bytes([8; 32])).room([1; 16]);
    assert_eq!(
        world.ticket(ADA, Some(elsewhere)).unwrap_err(),
        ErrorCode::RoomUnknown
    );
    assert!(!world.rooms.knows(&elsewhere));
}

#[test]
fn another_version_is_told_so_and_closed() {
    for version in [0, PROTOCOL_VERSION + 1, u16::MAX] {
        let mut world = World::new();
        let outputs = world.say(ADA, ClientMessage::RequestTicket { version, room: None });
        assert!(matches!(
            outputs[..],
            [
                Output::Send {
                    message: ServerMessage::Error {
                        code: ErrorCode::VersionMismatch,
                        fatal: true,
                        ..
                    },
                    ..
                },
                Output::Close {
                    code: CloseCode::Refused,
                    ..
                }
            ]
        ));
    }
}

#[test]
fn someone_lost_is_away_first_and_back_as_the_same_person() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    let outputs = world.rooms.disconnected(world.now, BOB);
    assert_eq!(
        only(outputs),
        (ADA, ServerMessage::ParticipantAway { id: bob.me })
    );
    let (_, refused) = only(world.say(ADA, signal(bob.me)));
    assert!(matches!(
        refused,
        ServerMessage::Error {
            code: ErrorCode::RecipientAway,
            ..
        }
    ));
    assert_eq!(
        world.ticket(EVE, Some(ada.room)).unwrap_err(),
        ErrorCode::PlaceKept,
        "the place is kept"
    );

    world.wait(RESUME_GRACE_S - 1);
    assert_eq!(world.tick(), []);
    let (back, outputs) = world.resume(ClientId(20), &bob.token).unwrap();
    assert_eq!(back.me, bob.me);
    let ids = |joined: &Joined| -> Vec<_> {
        joined
            .participants
            .iter()
            .map(|p| (p.id, p.order, p.away))
            .collect()
    };
    assert_eq!(ids(&back), ids(&bob), "same people, same order, nobody away");
    assert_eq!(
        sent_to(ADA, &outputs),
        [ServerMessage::ParticipantBack { id: bob.me }]
    );
    world.wait(RESUME_GRACE_S * 2);
    assert_eq!(world.tick(), [], "the timer of the absence is off");
    assert_eq!(world.rooms.poll_timeout(), None);
}

#[test]
fn someone_lost_for_too_long_is_gone_but_may_come_back_while_there_is_a_place() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    world.rooms.disconnected(world.now, BOB);
    world.wait(RESUME_GRACE_S);
    assert_eq!(world.rooms.poll_timeout(), Some(world.now));
    let outputs = world.tick();
    let lost = ServerMessage::ParticipantLeft {
        id: bob.me,
        reason: LeaveReason::Lost,
    };
    assert_eq!(sent_to(ADA, &outputs).first(), Some(&lost));

    let (back, outputs) = world.resume(BOB, &bob.token).unwrap();
    assert_eq!(back.me, bob.me);
    assert!(
        matches!(&sent_to(ADA, &outputs)[0], ServerMessage::ParticipantJoined { participant } if participant.id == bob.me)
    );

    world.rooms.disconnected(world.now, BOB);
    world.wait(RESUME_GRACE_S);
    world.tick();
    world.enter(EVE, Some(ada.room));
    assert_eq!(world.resume(BOB, &bob.token).unwrap_err(), ErrorCode::RoomFull);
}

#[test]
fn who_left_does_not_come_back_by_the_old_token() {
    let mut world = World::new();
    let (_, bob) = world.pair();
    world.say(BOB, ClientMessage::Leave);
    assert_eq!(
        world.resume(BOB, &bob.token).unwrap_err(),
        ErrorCode::ResumeInvalid
    );
}

#[test]
fn a_second_connection_of_the_same_person_replaces_the_first() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    let second = ClientId(20);
    let (_, outputs) = world.resume(second, &bob.token).unwrap();
    assert!(matches!(
        sent_to(BOB, &outputs)[..],
        [ServerMessage::Error {
            code: ErrorCode::Replaced,
            fatal: true,
            ..
        }]
    ));
    assert!(outputs.contains(&Output::Close {
        client: BOB,
        code: CloseCode::Replaced
    }));
    assert_eq!(
        world.rooms.disconnected(world.now, BOB),
        [],
        "the old connection is nobody"
    );
    assert_eq!(only(world.say(ADA, signal(bob.me))).0, second);
    assert_eq!(only(world.say(second, signal(ada.me))).0, ADA);
}

#[test]
fn after_a_restart_both_find_each_other_whoever_comes_first() {
    for ada_first in [true, false] {
        let mut world = World::new();
        let (ada, bob) = world.pair();
        world.restart();
        let (first, second, early, late) = if ada_first {
            (ADA, BOB, &ada, &bob)
        } else {
            (BOB, ADA, &bob, &ada)
        };
        let (back, _) = world.resume(first, &early.token).unwrap();
        let away: Vec<_> = back
            .participants
            .iter()
            .filter(|p| p.away)
            .map(|p| p.id)
            .collect();
        assert_eq!(away, [late.me], "the other is away, not gone");
        assert_eq!(back.participants.len(), 2);

        world.wait(30);
        assert_eq!(world.tick(), []);
        let (other, outputs) = world.resume(second, &late.token).unwrap();
        assert_eq!(
            sent_to(first, &outputs),
            [ServerMessage::ParticipantBack { id: late.me }]
        );
        let orders =
            |joined: &Joined| -> Vec<_> { joined.participants.iter().map(|p| (p.id, p.order)).collect() };
        assert_eq!(orders(&other), orders(&bob), "ids and order are as before");
        world.wait(600);
        assert_eq!(world.tick(), []);
        assert_eq!(only(world.say(first, signal(late.me))).0, second);
    }
}

#[test]
fn after_a_restart_someone_who_does_not_come_back_is_given_up() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    world.restart();
    world.resume(ADA, &ada.token).unwrap();
    world.wait(RESUME_GRACE_S);
    let outputs = world.tick();
    let lost = ServerMessage::ParticipantLeft {
        id: bob.me,
        reason: LeaveReason::Lost,
    };
    assert_eq!(sent_to(ADA, &outputs).first(), Some(&lost));
}

#[test]
fn someone_only_expected_gives_way_to_someone_who_is_here() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    // Ada missed that Bob left and Eve came: her token still names Bob.
    world.say(BOB, ClientMessage::Leave);
    let eve = world.enter(EVE, Some(ada.room));
    world.restart();
    let (back, _) = world.resume(ADA, &ada.token).unwrap();
    assert_eq!(back.participants[1].id, bob.me);
    let stranger = world.ticket(ClientId(50), Some(ada.room));
    assert_eq!(
        stranger.unwrap_err(),
        ErrorCode::PlaceKept,
        "a newcomer does not push anyone out"
    );
    let (eves, outputs) = world.resume(EVE, &eve.token).unwrap();
    assert_eq!(
        eves.participants.iter().map(|p| p.id).collect::<Vec<_>>(),
        [ada.me, eve.me]
    );
    let lost = ServerMessage::ParticipantLeft {
        id: bob.me,
        reason: LeaveReason::Lost,
    };
    assert_eq!(sent_to(ADA, &outputs)[0], lost);
}

#[test]
fn a_stale_token_does_not_bring_ghosts_back_without_a_restart() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    world.say(BOB, ClientMessage::Leave);
    world.rooms.disconnected(world.now, ADA);
    world.wait(RESUME_GRACE_S);
    world.tick();
    assert_eq!(
        world.rooms.counts(),
        RoomCounts::default(),
        "an empty room is forgotten"
    );
    let (back, _) = world.resume(ADA, &ada.token).unwrap();
    assert!(back.participants.iter().all(|p| p.id != bob.me));
}

#[test]
fn a_newcomer_after_a_restart_comes_after_those_who_were_there() {
    let mut world = World::new();
    let (ada, _) = world.pair();
    world.restart();
    let new = world.enter(EVE, Some(ada.room));
    let (back, _) = world.resume(ADA, &ada.token).unwrap();
    assert_eq!(
        back.participants.iter().map(|p| p.id).collect::<Vec<_>>(),
        [ada.me, new.me]
    );
}

#[test]
fn who_was_lost_for_ten_seconds_gives_way_to_a_newcomer() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    world.rooms.disconnected(world.now, BOB);
    world.wait(9);
    assert_eq!(
        world.ticket(EVE, Some(ada.room)).unwrap_err(),
        ErrorCode::PlaceKept,
        "a connection that broke may be back any moment"
    );
    world.wait(1);
    let (_, ticket) = world.ticket(EVE, Some(ada.room)).unwrap();
    let (eve, outputs) = world.join(EVE, &ticket).unwrap();
    let told = sent_to(ADA, &outputs);
    let lost = ServerMessage::ParticipantLeft {
        id: bob.me,
        reason: LeaveReason::Lost,
    };
    assert!(told.contains(&lost), "{told:?}");
    let ids: Vec<_> = eve.participants.iter().map(|p| p.id).collect();
    assert_eq!(ids, [ada.me, eve.me]);
    assert_eq!(world.resume(BOB, &bob.token).unwrap_err(), ErrorCode::RoomFull);
    assert_eq!(world.rooms.poll_timeout(), None, "nobody is waited for");
}

#[test]
fn somebody_back_in_time_keeps_the_place() {
    let mut world = World::new();
    let (ada, bob) = world.pair();
    world.rooms.disconnected(world.now, BOB);
    world.wait(11);
    let (_, ticket) = world.ticket(EVE, Some(ada.room)).unwrap();
    world.resume(BOB, &bob.token).unwrap();
    assert_eq!(world.join(EVE, &ticket).unwrap_err(), ErrorCode::RoomFull);
}

#[test]
fn two_people_never_have_the_same_order() {
    let mut world = World::new();
    let ada = world.enter(ADA, None);
    world.say(ADA, ClientMessage::Leave);
    let bob = world.enter(BOB, Some(ada.room));
    assert_eq!(
        bob.participants[0].order, ada.participants[0].order,
        "a forgotten room begins anew"
    );
    let (back, _) = world.resume(EVE, &ada.token).unwrap();
    let ids: Vec<_> = back.participants.iter().map(|p| p.id).collect();
    assert_eq!(ids, [bob.me, ada.me]);
    assert!(back.participants[0].order < back.participants[1].order);
}

#[test]
fn tokens_end_at_their_server_and_their_time() {
    let mut world = World::new();
    let (ada, _) = world.pair();
    world.rooms.disconnected(world.now, ADA);
    for token in ["", "a.b.c", &ada.token[..ada.token.len() - 2]] {
        assert_eq!(world.resume(ADA, token).unwrap_err(), ErrorCode::ResumeInvalid);
    }
    world.wait(parley_proto::limits::RESUME_LIFETIME_S + 1);
    assert_eq!(
        world.resume(ADA, &ada.token).unwrap_err(),
        ErrorCode::ResumeInvalid
    );
}

#[test]
fn a_full_server_says_so_and_gives_kept_places_to_newcomers() {
    let mut world = World::new();
    world.rooms = Rooms::new(START, &KEY, Vec::new(), 2, StdRng::seed_from_u64(1));
    let (ada, bob) = world.pair();
    let (_, ticket) = world.ticket(EVE, None).unwrap();
    assert_eq!(world.join(EVE, &ticket).unwrap_err(), ErrorCode::Unavailable);
    world.rooms.disconnected(world.now, BOB);
    let (eve, outputs) = world.join(EVE, &ticket).unwrap();
    assert_ne!(eve.room, ada.room);
    let lost = ServerMessage::ParticipantLeft {
        id: bob.me,
        reason: LeaveReason::Lost,
    };
    assert!(sent_to(ADA, &outputs).contains(&lost), "{outputs:?}");
    assert_eq!(world.rooms.poll_timeout(), None, "nobody is waited for");
    assert_eq!(world.resume(BOB, &bob.token).unwrap_err(), ErrorCode::Unavailable);
    assert_eq!(world.rooms.counts().participants, 2);
}

#[test]
fn who_comes_in_and_vanishes_over_and_over_fills_no_server() {
    let mut world = World::new();
    let (ada, _) = world.pair();
    for number in 100..3_100 {
        let ghost = ClientId(number);
        world.enter(ghost, None);
        world.rooms.disconnected(world.now, ghost);
    }
    assert!(world.rooms.counts().participants <= 1000);
    world.say(BOB, ClientMessage::Leave);
    world.enter(EVE, Some(ada.room));
}

#[test]
fn pings_are_answered_and_unknown_messages_ignored() {
    let mut world = World::new();
    assert_eq!(
        only(world.say(ADA, ClientMessage::Ping { nonce: 5 })),
        (ADA, ServerMessage::Pong { nonce: 5 })
    );
    assert_eq!(world.say(ADA, ClientMessage::Unknown), []);
}
