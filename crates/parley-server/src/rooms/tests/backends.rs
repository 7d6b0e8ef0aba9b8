//! Tickets that an operator's own backend signs, with HS256 or EdDSA.

use super::world::*;
use crate::access::{ApiKey, KeyId, TicketKey};
use crate::rooms::*;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use parley_proto::Role;

/// Two pairs of Ed25519, private and public half (RFC 8032, section 7.1, tests 1 and 2).
const OURS: [&str; 2] = [
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
];
const THEIRS: [&str; 2] = [
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
];

#[test]
fn a_backend_with_a_key_sends_people_in_once_each() {
    let mut world = World::new();
    let room = world.rooms.new_room();
    let (key, secret) = world.shared_key();
    let ticket = sign(&key, &secret, &claims(&world, room, "one", 60));
    // Both ways: as it is, and exchanged for one of the server's own.
    let (ada, _) = world.join(ADA, &ticket).unwrap();
    assert_eq!(ada.participants[0].role, Role::Guest);
    assert_eq!(
        world.join(EVE, &ticket).unwrap_err(),
        ErrorCode::TicketInvalid,
        "replayed"
    );
    let second = sign(&key, &secret, &claims(&world, room, "two", 60));
    let exchanged = world.ticket_by(BOB, room, &second).unwrap();
    let again = world.ticket_by(BOB, room, &second).unwrap();
    world.join(BOB, &exchanged).unwrap();
    world.say(ADA, ClientMessage::Leave);
    let used = [ticket, second, again, exchanged];
    world.refuses_all(&used[1..], "replayed");
    world.restart_with_book();
    world.refuses_all(&used, "replayed after a restart");
}

#[test]
fn forged_tickets_are_refused_and_counted() {
    let mut world = World::new();
    let room = world.rooms.new_room();
    let (key, secret) = world.shared_key();
    let good = claims(&world, room, "x", 60);
    let with = |change: fn(&mut serde_json::Value)| {
        let mut claims = good.clone();
        change(&mut claims);
        claims
    };
    let elsewhere = claims(&world, RoomId::from_bytes([3; 24]), "x", 60);
    let too_long = claims(&world, room, "x", 3600);
    let unsigned = {
        let signed = sign(&key, &secret, &good);
        let mut parts = signed.split('.');
        let (head, body) = (parts.next().unwrap(), parts.next().unwrap());
        format!("{head}.{body}.")
    };
    let forged = [
        sign(&key, "guessed", &good),
        sign(&key, "", &good),
        unsigned,
        sign(&key, &secret, &elsewhere),
        sign(&key, &secret, &too_long),
        sign(&key, &secret, &with(|c| c["jti"] = "".into())),
        sign(&key, &secret, &with(|c| c["jti"] = "j".repeat(500).into())),
        sign(&key, &secret, &with(|c| c["aud"] = "parley/resume".into())),
        sign(
            &key,
            &secret,
            &with(|c| drop(c.as_object_mut().unwrap().remove("exp"))),
        ),
    ];
    for (number, ticket) in forged.iter().enumerate() {
        assert_eq!(
            world.join(EVE, ticket).unwrap_err(),
            ErrorCode::TicketInvalid,
            "{number}"
        );
        assert_eq!(world.rooms.door_counts().bad_tickets, number as u64 + 1);
    }
    let ticket = sign(&key, &secret, &good);
    world.wait(61);
    assert_eq!(world.join(EVE, &ticket).unwrap_err(), ErrorCode::TicketExpired);
    let late = sign(&key, &secret, &claims(&world, room, "y", 60));
    world.rooms.book().revoke_key(key.id).unwrap();
    assert_eq!(
        world.join(EVE, &late).unwrap_err(),
        ErrorCode::TicketInvalid,
        "a revoked key"
    );
}

#[test]
fn a_public_key_is_no_secret_to_sign_with() {
    let mut world = World::new();
    let room = world.rooms.new_room();
    let public = [9; 32];
    let tickets = TicketKey::Public(public);
    let (key, _) = ApiKey::make(world.now, [1; 8], [2; 32], "backend", tickets);
    world.rooms.book().add_key(key.clone()).unwrap();
    for secret in [public.to_vec(), crate::token::text_of(&public).into_bytes()] {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(key.id.to_string());
        let claims = claims(&world, room, "x", 60);
        let forged = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&secret)).unwrap();
        assert_eq!(world.join(EVE, &forged).unwrap_err(), ErrorCode::TicketInvalid);
    }
}

#[test]
fn a_backend_that_keeps_its_own_key_sends_people_in_once_each() {
    let mut world = World::new();
    let room = world.rooms.new_room();
    let key = world.public_key(1, OURS);
    let mut host = claims(&world, room, "one", 60);
    host["role"] = "host".into();
    let first = sign_ed(key, OURS, &host);
    let (ada, _) = world.join(ADA, &first).unwrap();
    assert_eq!(ada.participants[0].role, Role::Host);
    let second = sign_ed(key, OURS, &claims(&world, room, "two", 60));
    let exchanged = world.ticket_by(BOB, room, &second).unwrap();
    world.join(BOB, &exchanged).unwrap();
    world.say(BOB, ClientMessage::Leave);
    let used = [first, second, exchanged];
    world.refuses_all(&used, "replayed");
    world.restart_with_book();
    world.refuses_all(&used, "replayed after a restart");
}

#[test]
fn forged_tickets_of_a_public_key_are_refused_and_counted() {
    let mut world = World::new();
    let room = world.rooms.new_room();
    let key = world.public_key(1, OURS);
    let (shared, secret) = world.shared_key();
    let good = claims(&world, room, "x", 60);
    let signed = sign_ed(key, OURS, &good);
    let [head, body, signature] = parts(&signed);
    let host = {
        let mut claims = good.clone();
        claims["role"] = "host".into();
        sign_ed(key, THEIRS, &claims)
    };
    let [_, other_body, _] = parts(&host);
    let [unsigned_head, ..] = parts("eyJhbGciOiJub25lIn0.e30.");
    let forged = [
        // Signed by somebody else, or for another key.
        host,
        sign_ed(shared.id, OURS, &good),
        sign(&shared, &secret, &good).replace(&parts(&sign(&shared, &secret, &good))[0], &head),
        // A genuine signature under other words, none, and half of one.
        format!("{head}.{other_body}.{signature}"),
        format!("{head}.{body}."),
        format!("{head}.{body}.{}", &signature[..43]),
        format!("{unsigned_head}.{body}.{signature}"),
        sign_ed(key, OURS, &claims(&world, room, "x", 3600)),
        sign_ed(key, OURS, &claims(&world, RoomId::from_bytes([3; 24]), "x", 60)),
    ];
    for (number, ticket) in forged.iter().enumerate() {
        assert_eq!(
            world.join(EVE, ticket).unwrap_err(),
            ErrorCode::TicketInvalid,
            "{number}"
        );
        assert_eq!(world.rooms.door_counts().bad_tickets, number as u64 + 1);
        let asked = world.ask(EVE, room, Some(ticket));
        assert_eq!(asked, error(ErrorCode::RoomUnknown, false), "{number}");
    }
    let late = sign_ed(key, OURS, &claims(&world, room, "y", 5));
    world.wait(6);
    assert_eq!(world.join(EVE, &late).unwrap_err(), ErrorCode::TicketExpired);
    let asked = world.ask(EVE, room, Some(&late));
    assert_eq!(asked, error(ErrorCode::RoomUnknown, false), "an expired one");
    world
        .join(EVE, &signed)
        .expect("the genuine one was good all along");
}

#[test]
fn what_a_revoked_key_signed_is_good_no_more_though_it_was_exchanged() {
    let mut world = World::new();
    let room = world.rooms.new_room();
    let key = world.public_key(1, OURS);
    let exchange = |world: &mut World, jti: &str| {
        let ticket = sign_ed(key, OURS, &claims(world, room, jti, 60));
        world.ticket_by(BOB, room, &ticket).unwrap()
    };
    let early = exchange(&mut world, "one");
    let late = exchange(&mut world, "two");
    world.join(BOB, &early).unwrap();
    world.rooms.book().revoke_key(key).unwrap();
    assert_eq!(world.join(EVE, &late).unwrap_err(), ErrorCode::TicketInvalid);
    assert_eq!(world.rooms.counts().participants, 1, "who is in stays in");
}

#[test]
fn what_one_backend_calls_its_tickets_uses_up_none_of_another() {
    let mut world = World::new();
    let room = world.rooms.new_room();
    let (one, other) = (world.public_key(1, OURS), world.public_key(2, THEIRS));
    let first = sign_ed(one, OURS, &claims(&world, room, "1", 60));
    let second = sign_ed(other, THEIRS, &claims(&world, room, "1", 60));
    world.join(ADA, &first).unwrap();
    world.join(BOB, &second).unwrap();
}

impl World {
    /// Each of these is refused, and counted.
    fn refuses_all(&mut self, tickets: &[String], why: &str) {
        let before = self.rooms.door_counts().bad_tickets;
        for ticket in tickets {
            assert_eq!(
                self.join(EVE, ticket).unwrap_err(),
                ErrorCode::TicketInvalid,
                "{why}"
            );
        }
        let counted = self.rooms.door_counts().bad_tickets - before;
        assert_eq!(counted, tickets.len() as u64, "{why}");
    }

    fn shared_key(&mut self) -> (ApiKey, String) {
        let (key, _) = ApiKey::make(self.now, [1; 8], [2; 32], "backend", TicketKey::Shared);
        self.rooms.book().add_key(key.clone()).unwrap();
        let secret = key.ticket_secret(&KEY).unwrap();
        (key, secret)
    }

    fn public_key(&mut self, id: u8, pair: [&str; 2]) -> KeyId {
        let tickets = TicketKey::parse(Some(&crate::token::text_of(&bytes(pair[1])))).unwrap();
        let (key, _) = ApiKey::make(self.now, [100 + id; 8], [2; 32], "backend", tickets);
        self.rooms.book().add_key(key.clone()).unwrap();
        key.id
    }
}

fn claims(world: &World, room: RoomId, jti: &str, seconds: u64) -> serde_json::Value {
    serde_json::json!({
        "aud": "parley/ticket",
        "exp": world.now.unix_s() + seconds,
        "jti": jti,
        "room": room,
    })
}

fn sign(key: &ApiKey, secret: &str, claims: &serde_json::Value) -> String {
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(key.id.to_string());
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

fn sign_ed(key: KeyId, pair: [&str; 2], claims: &serde_json::Value) -> String {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(key.to_string());
    // PKCS #8 (RFC 8410, section 7): all of it but the key is the same each time.
    let mut der = vec![
        0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
    ];
    der.extend(bytes(pair[0]));
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_der(&der)).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn parts(token: &str) -> [String; 3] {
    let mut parts = token.split('.').map(str::to_owned);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}
