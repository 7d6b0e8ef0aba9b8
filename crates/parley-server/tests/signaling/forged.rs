//! Tickets and tokens that are made up, used twice or too late, and rooms that are guessed: one answer, and a counter.

use super::admin::Operator;
use super::client::Client;
use super::wire::{a_call_begins, get, metric, metric_reaches};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use parley_proto::{ClientMessage, ErrorCode, PROTOCOL_VERSION, RoomId, ServerMessage};
use parley_server::{Server, ServerConfig};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Two pairs of Ed25519, private and public half (RFC 8032, section 7.1, tests 1 and 2).
const OURS: [&str; 2] = [
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
];
const THEIRS: [&str; 2] = [
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
];

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// EdDSA with this private half.
fn ed(pair: [&str; 2]) -> (Algorithm, EncodingKey) {
    // PKCS #8 (RFC 8410, section 7): all of it but the key is the same each time.
    let mut der = vec![
        0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
    ];
    der.extend(bytes(pair[0]));
    (Algorithm::EdDSA, EncodingKey::from_ed_der(&der))
}

fn shared(secret: &str) -> (Algorithm, EncodingKey) {
    (Algorithm::HS256, EncodingKey::from_secret(secret.as_bytes()))
}

fn sign(key: &str, (algorithm, secret): (Algorithm, EncodingKey), claims: &Value) -> String {
    let mut header = Header::new(algorithm);
    header.kid = Some(key.to_owned());
    encode(&header, claims, &secret).unwrap()
}

fn claims(room: &str, jti: &str, in_s: i64) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let exp = now.checked_add_signed(in_s).unwrap();
    json!({"aud": "parley/ticket", "exp": exp, "jti": jti, "room": room})
}

fn join(ticket: &str) -> ClientMessage {
    ClientMessage::Join {
        version: PROTOCOL_VERSION,
        ticket: ticket.to_owned(),
        name: "Eve".to_owned(),
        password: None,
        waits: true,
    }
}

fn ask(room: RoomId, invitation: Option<&str>) -> ClientMessage {
    ClientMessage::RequestTicket {
        version: PROTOCOL_VERSION,
        room: Some(room),
        invitation: invitation.map(str::to_owned),
    }
}

#[tokio::test]
async fn tickets_of_a_backend_are_good_once_and_forged_ones_never() {
    let operator = Operator::start().await;
    let address = operator.server.address();
    let public = URL_SAFE_NO_PAD.encode(bytes(OURS[1]));
    let (status, made) = operator
        .ask("POST", "/keys", &json!({"name": "ed", "public": public}))
        .await;
    assert_eq!((status, &made["tickets"]), (201, &json!("EdDSA")), "{made}");
    let key = made["id"].as_str().unwrap().to_owned();
    let (_, made) = operator.ask("POST", "/keys", &json!({"name": "hs"})).await;
    let hs = made["id"].as_str().unwrap().to_owned();
    let secret = made["ticket_secret"].as_str().unwrap().to_owned();
    let (_, made) = operator.ask("POST", "/rooms", &Value::Null).await;
    let room = made["room"].as_str().unwrap().to_owned();

    let first = sign(&key, ed(OURS), &claims(&room, "1", 60));
    let second = sign(&hs, shared(&secret), &claims(&room, "1", 60));
    let mut people = Vec::new();
    for ticket in [&first, &second] {
        let mut somebody = Client::connect(&operator.server).await;
        somebody.join(ticket.clone(), "Somebody").await;
        people.push(somebody);
    }

    let good = claims(&room, "2", 60);
    let other_place = RoomId::from_bytes([3; 24]).to_string();
    let mut eve = Client::connect(&operator.server).await;
    let refused = [
        ("used before", first.clone(), ErrorCode::TicketInvalid),
        ("used before, HS256", second.clone(), ErrorCode::TicketInvalid),
        (
            "somebody else's key",
            sign(&key, ed(THEIRS), &good),
            ErrorCode::TicketInvalid,
        ),
        (
            "a guessed secret",
            sign(&hs, shared("guessed"), &good),
            ErrorCode::TicketInvalid,
        ),
        (
            "the public half as a secret",
            sign(&key, shared(&public), &good),
            ErrorCode::TicketInvalid,
        ),
        (
            "another key's name",
            sign(&hs, ed(OURS), &good),
            ErrorCode::TicketInvalid,
        ),
        (
            "nobody's name",
            sign("AAAAAAAAAAA", ed(OURS), &good),
            ErrorCode::TicketInvalid,
        ),
        (
            "too long",
            sign(&key, ed(OURS), &claims(&room, "2", 3600)),
            ErrorCode::TicketInvalid,
        ),
        (
            "a room of another server",
            sign(&key, ed(OURS), &claims(&other_place, "2", 60)),
            ErrorCode::TicketInvalid,
        ),
        (
            "too late",
            sign(&key, ed(OURS), &claims(&room, "2", -5)),
            ErrorCode::TicketExpired,
        ),
        ("nonsense", "a.b.c".to_owned(), ErrorCode::TicketInvalid),
    ];
    for (number, (what, ticket, code)) in (1..).zip(&refused) {
        eve.send(&join(ticket)).await;
        assert_eq!(eve.receive_error().await, *code, "{what}");
        metric_reaches(address, "refused_tickets_total", number).await;
        assert_eq!(metric(address, "refused_tickets_total").await, number, "{what}");
    }
    let unknown = metric(address, "refused_unknown_total").await;
    let place: RoomId = room.parse().unwrap();
    for (what, ticket, _) in &refused {
        eve.send(&ask(place, Some(ticket))).await;
        assert_eq!(
            eve.receive_error().await,
            ErrorCode::RoomUnknown,
            "exchanged: {what}"
        );
    }
    metric_reaches(address, "refused_unknown_total", unknown + refused.len() as u64).await;
    a_call_begins(address).await;
    operator.server.stop().await;
}

#[tokio::test]
async fn what_ran_out_or_was_never_good_is_refused_and_counted() {
    let operator = Operator::start().await;
    let address = operator.server.address();
    let terms = json!({"role": "guest", "expires_in_s": 1});
    let (_, made) = operator.ask("POST", "/invitations", &terms).await;
    let room: RoomId = made["room"].as_str().unwrap().parse().unwrap();
    let token = made["token"].as_str().unwrap().to_owned();
    let mut eve = Client::connect(&operator.server).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    eve.send(&ask(room, Some(&token))).await;
    assert_eq!(eve.receive_error().await, ErrorCode::RoomUnknown);
    metric_reaches(address, "refused_unknown_total", 1).await;
    for (number, token) in (1..).zip(["", "a.b.c", "eyJhbGciOiJub25lIn0.e30."]) {
        eve.send(&ClientMessage::Resume {
            version: PROTOCOL_VERSION,
            token: token.to_owned(),
            name: String::new(),
        })
        .await;
        assert_eq!(eve.receive_error().await, ErrorCode::ResumeInvalid);
        metric_reaches(address, "refused_tickets_total", number).await;
    }
    a_call_begins(address).await;
    operator.server.stop().await;
}

/// A room that is not there and one that somebody has no right to: the same words to the last byte, however often it is tried.
#[tokio::test]
async fn who_guesses_rooms_learns_nothing() {
    let operator = Operator::start().await;
    let address = operator.server.address();
    let (_, made) = operator.ask("POST", "/rooms", &Value::Null).await;
    let closed: RoomId = made["room"].as_str().unwrap().parse().unwrap();
    let mut answers = Vec::new();
    for eve in 0u8..3 {
        let mut client = Client::connect(&operator.server).await;
        for number in 0u8..80 {
            let mut guess = *closed.as_bytes();
            // Nearly right, wrong altogether, and there but closed.
            match number % 3 {
                0 => guess[23] ^= number | 1,
                1 => guess = [eve ^ number; 24],
                _ => {}
            }
            client.send(&ask(RoomId::from_bytes(guess), None)).await;
            let answer = client.receive().await;
            if !answers.contains(&answer) {
                answers.push(answer);
            }
        }
    }
    let [ServerMessage::Error { code, fatal, .. }] = &answers[..] else {
        panic!("more than one answer: {answers:?}");
    };
    assert_eq!((*code, *fatal), (ErrorCode::RoomUnknown, false));
    metric_reaches(address, "refused_unknown_total", 240).await;
    a_call_begins(address).await;
    operator.server.stop().await;
}

#[tokio::test]
async fn pages_of_guessed_rooms_are_counted() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    for number in 0..50u8 {
        let room = RoomId::from_bytes([number; 24]);
        let answer = get(server.address(), &format!("/r/{room}"), "Host: localhost\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    }
    assert_eq!(metric(server.address(), "pages_unknown_total").await, 50);
    server.stop().await;
}
