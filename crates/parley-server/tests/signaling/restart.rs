//! Servers that go and come back.

use super::client::Client;
use parley_proto::{ClientMessage, CloseCode, ServerMessage};
use parley_server::{Server, ServerConfig, ServerKey};
use serde_json::json;

#[tokio::test]
async fn a_call_survives_the_server() {
    let key = ServerKey::generate();
    let config = ServerConfig {
        key: key.clone(),
        ..ServerConfig::loopback()
    };
    let server = Server::start(config).await.unwrap();
    let address = server.address();
    let (mut ada, mut seat) = Client::in_room(&server, None, "Ada").await;
    let (mut bob, bobs) = Client::in_room(&server, Some(seat.room), "Bob").await;
    ada.receive().await;
    let ServerMessage::ResumeToken { resume_token } = ada.receive().await else {
        panic!("no fresh token");
    };
    seat.token = resume_token;

    server.stop().await;
    assert_eq!(ada.receive().await, ServerMessage::GoingAway);
    assert_eq!(ada.closed().await.1, Some(CloseCode::GoingAway));
    assert_eq!(bob.closed().await.1, Some(CloseCode::GoingAway));

    // The same port at once, the same key.
    let config = ServerConfig {
        key,
        ..ServerConfig::new(vec![address], None)
    };
    let server = Server::start(config).await.unwrap();
    let mut ada = Client::connect(&server).await;
    let back = ada.resume(&seat.token, "Ada").await;
    assert!(back.resumed);
    assert_eq!(back.me, seat.me);
    assert_eq!(
        back.participants
            .iter()
            .map(|p| (p.id, p.away))
            .collect::<Vec<_>>(),
        [(seat.me, false), (bobs.me, true)],
        "Bob is away, not gone"
    );
    let mut bob = Client::connect(&server).await;
    let back = bob.resume(&bobs.token, "Bob").await;
    assert_eq!(back.me, bobs.me);
    assert_eq!(
        ada.receive().await,
        ServerMessage::ParticipantBack { id: bobs.me }
    );
    let payload = json!({"kind": "restart"});
    bob.send(&ClientMessage::Signal {
        to: seat.me,
        payload: payload.clone(),
    })
    .await;
    let from = bobs.me;
    assert_eq!(
        ada.receive_until(|message| matches!(message, ServerMessage::Signal { .. }))
            .await,
        ServerMessage::Signal { from, payload }
    );

    // A link from before the restart works too.
    bob.send(&ClientMessage::Leave).await;
    assert_eq!(bob.closed().await.1, Some(CloseCode::Left));
    let (_carol, carols) = Client::in_room(&server, Some(seat.room), "Carol").await;
    assert_eq!(carols.participants.len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn a_port_in_use_is_said_in_a_sentence() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let again = ServerConfig::new(vec![server.address()], None);
    let error = Server::start(again).await.unwrap_err();
    assert!(
        error.to_string().contains(&server.address().port().to_string()),
        "{error}"
    );
    assert!(error.to_string().contains("another program"), "{error}");
    server.stop().await;
}

#[tokio::test]
async fn one_socket_serves_ipv4_and_ipv6() {
    let server = Server::start(ServerConfig::everywhere(0, 0)).await.unwrap();
    let port = server.address().port();
    Client::connect_to(([127, 0, 0, 1], port).into())
        .await
        .ticket(None)
        .await;
    if server.address().is_ipv6() && std::net::TcpListener::bind("[::1]:0").is_ok() {
        let address = format!("[::1]:{port}").parse().unwrap();
        Client::connect_to(address).await.ticket(None).await;
    }
    server.stop().await;
}
