//! The admin API over real sockets: with a key, without one, and with everything else that comes.

use super::client::Client;
use parley_proto::{ClientMessage, ErrorCode, RoomId, ServerMessage};
use parley_server::{Server, ServerConfig, make_key};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

pub(crate) struct Operator {
    pub(crate) server: Server,
    key: String,
    _folder: tempfile::TempDir,
}

impl Operator {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = make_key(folder.path(), "test").unwrap();
        let config = ServerConfig {
            folder: Some(folder.path().to_owned()),
            ..ServerConfig::loopback()
        };
        Self {
            server: Server::start(config).await.unwrap(),
            key,
            _folder: folder,
        }
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let key = format!("Authorization: Bearer {}\r\n", self.key);
        send(&self.server, method, &format!("/api/v1/admin{path}"), &key, body).await
    }
}

/// Status, and the body where it is JSON.
async fn send(server: &Server, method: &str, path: &str, headers: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: test\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut socket = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).await.unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn an_invitation_made_by_the_api_lets_one_person_in_and_can_be_taken_back() {
    let operator = Operator::start().await;
    let ask = json!({"role": "guest", "uses": 1, "expires_in_s": 60});
    let (status, made) = operator.ask("POST", "/invitations", &ask).await;
    assert_eq!(status, 201, "{made}");
    let room: RoomId = made["room"].as_str().unwrap().parse().unwrap();
    let message = |invitation: Option<String>| ClientMessage::RequestTicket {
        version: 1,
        room: Some(room),
        invitation,
    };
    let mut bob = Client::connect(&operator.server).await;
    bob.send(&message(None)).await;
    assert_eq!(bob.receive_error().await, ErrorCode::RoomUnknown);
    let token = made["token"].as_str().unwrap().to_owned();
    bob.send(&message(Some(token.clone()))).await;
    let ServerMessage::Ticket { ticket, .. } = bob.receive().await else {
        panic!("no ticket by an invitation");
    };
    bob.join(ticket, "Bob").await;
    let mut eve = Client::connect(&operator.server).await;
    eve.send(&message(Some(token))).await;
    assert_eq!(eve.receive_error().await, ErrorCode::RoomUnknown);

    let (_, second) = operator.ask("POST", "/invitations", &json!({"room": room})).await;
    let (_, listed) = operator.ask("GET", "/invitations", &Value::Null).await;
    let text = listed.to_string();
    assert!(!text.contains(&room.to_string()), "a list lets nobody in: {text}");
    let path = format!("/invitations/{}", second["id"].as_str().unwrap());
    assert_eq!(operator.ask("DELETE", &path, &Value::Null).await.0, 204);
    assert_eq!(operator.ask("DELETE", &path, &Value::Null).await.0, 404);
    eve.send(&message(second["token"].as_str().map(str::to_owned)))
        .await;
    assert_eq!(eve.receive_error().await, ErrorCode::RoomUnknown);
    operator.server.stop().await;
}

#[tokio::test]
async fn who_has_no_good_key_learns_nothing_and_is_counted() {
    let operator = Operator::start().await;
    let nearly = &operator.key[..operator.key.len() - 1];
    for headers in [
        String::new(),
        "Authorization: Bearer \r\n".to_owned(),
        format!("Authorization: Bearer {nearly}\r\n"),
        format!("Authorization: Basic {}\r\n", operator.key),
        format!("X-Api-Key: {}\r\n", operator.key),
    ] {
        for path in ["/rooms", "/keys", "/nowhere", "/rooms/%2e%2e"] {
            let path = format!("/api/v1/admin{path}");
            let (status, said) = send(&operator.server, "GET", &path, &headers, &Value::Null).await;
            assert_eq!(status, 401, "{path} {headers} {said}");
        }
    }
    assert_eq!(operator.server.counters().admin_refused, 20);
    operator.server.stop().await;
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_with_a_sentence() {
    let operator = Operator::start().await;
    for (method, path, body, expect) in [
        ("GET", "/nowhere", Value::Null, 404),
        ("PUT", "/rooms", Value::Null, 405),
        ("POST", "/invitations", json!({"use": 1}), 422),
        ("POST", "/invitations", json!({"uses": 0}), 422),
        ("POST", "/invitations", json!({"role": "king"}), 422),
        ("POST", "/invitations", json!({"expires_in_s": u64::MAX}), 422),
        (
            "POST",
            "/invitations",
            json!({"room": RoomId::from_bytes([3; 24])}),
            404,
        ),
        (
            "POST",
            "/tickets",
            json!({"room": RoomId::from_bytes([3; 24])}),
            404,
        ),
        ("POST", "/bans", json!({"source": "127.0.0.1", "seconds": 5}), 422),
        ("POST", "/bans", json!({"source": "192.0.2.1", "seconds": 0}), 422),
        ("POST", "/keys", json!({"name": "x", "public": "short"}), 422),
        ("DELETE", "/keys/nobody", Value::Null, 404),
        ("DELETE", "/rooms/nowhere", Value::Null, 404),
        ("DELETE", "/rooms/%ff", Value::Null, 400),
        ("DELETE", "/bans", Value::Null, 400),
    ] {
        let (status, said) = operator.ask(method, path, &body).await;
        assert_eq!(status, expect, "{method} {path} {body}: {said}");
        assert!(
            said["detail"]
                .as_str()
                .is_some_and(|detail| detail.ends_with('.')),
            "{said}"
        );
    }
    operator.server.stop().await;
}

#[tokio::test]
async fn an_operator_sees_rooms_without_their_ids_and_ends_one() {
    let operator = Operator::start().await;
    let (mut ada, seat) = Client::in_room(&operator.server, None, "Ada").await;
    let (_, listed) = operator.ask("GET", "/rooms", &Value::Null).await;
    assert_eq!(listed["participants"], 1);
    assert!(!listed.to_string().contains(&seat.room.to_string()), "{listed}");
    let handle = listed["rooms"][0]["handle"].as_str().unwrap();
    assert_eq!(
        operator
            .ask("DELETE", &format!("/rooms/{handle}"), &Value::Null)
            .await
            .0,
        204
    );
    assert_eq!(ada.receive_error().await, ErrorCode::Ended);
    let (_, listed) = operator.ask("GET", "/rooms", &Value::Null).await;
    assert_eq!(listed["participants"], 0);
    operator.server.stop().await;
}

#[tokio::test]
async fn a_flood_of_requests_is_slowed_down() {
    let operator = Operator::start().await;
    let mut limited = 0;
    for _ in 0..400 {
        let (status, _) = send(&operator.server, "GET", "/api/v1/admin/rooms", "", &Value::Null).await;
        limited += u64::from(status == 429);
    }
    assert!(limited > 0);
    assert_eq!(operator.server.counters().admin_limited, limited);
    operator.server.stop().await;
}

#[tokio::test]
async fn the_description_tells_every_route_and_nothing_else() {
    let operator = Operator::start().await;
    let (status, told) = send(&operator.server, "GET", "/api/v1/openapi.json", "", &Value::Null).await;
    assert_eq!(status, 200);
    let paths = told["paths"].as_object().unwrap();
    for (path, methods) in paths {
        for method in ["get", "post", "put", "delete"] {
            let key = format!("Authorization: Bearer {}\r\n", operator.key);
            let path = path.replace("{room}", "x").replace("{id}", "x");
            let (status, _) = send(
                &operator.server,
                &method.to_uppercase(),
                &path,
                &key,
                &Value::Null,
            )
            .await;
            let described = methods.get(method).is_some();
            assert_eq!(status != 405, described, "{method} {path}: {status}");
        }
    }
    operator.server.stop().await;
}
