//! Clients that mean ill or are broken: answered, counted, closed; nobody else notices.

use super::client::Client;
use futures_util::{SinkExt as _, StreamExt as _};
use parley_proto::limits::{SIGNAL_MESSAGE_BYTES_MAX, SIGNAL_OFFENCES_MAX};
use parley_proto::{ClientMessage, CloseCode, ErrorCode, ServerMessage};
use parley_server::{Server, ServerConfig};
use serde_json::json;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn another_version_is_told_so_and_closed() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let mut client = Client::connect(&server).await;
    client
        .send(&ClientMessage::RequestTicket {
            version: 999,
            room: None,
            invitation: None,
        })
        .await;
    let (errors, code) = client.closed().await;
    assert_eq!(errors, [ErrorCode::VersionMismatch]);
    assert_eq!(code, Some(CloseCode::Refused));
    server.stop().await;
}

#[tokio::test]
async fn a_message_over_the_limit_is_answered_and_one_far_over_it_ends_the_connection() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let mut client = Client::connect(&server).await;
    client.send_text("x".repeat(SIGNAL_MESSAGE_BYTES_MAX + 1)).await;
    assert_eq!(client.receive_error().await, ErrorCode::TooLarge);
    client.ticket(None).await;
    client.send_text("x".repeat(SIGNAL_MESSAGE_BYTES_MAX * 5)).await;
    let (errors, code) = client.closed().await;
    assert_eq!(errors, []);
    // What was not read makes the system reset the connection, which may overtake the close frame.
    assert!(matches!(code, None | Some(CloseCode::TooLarge)), "{code:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_flood_of_nonsense_ends_the_connection_and_only_that_one() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let (mut ada, seat) = Client::in_room(&server, None, "Ada").await;
    let mut vandal = Client::connect(&server).await;
    for n in 0..SIGNAL_OFFENCES_MAX + 20 {
        // The server may have hung up already.
        let _ = vandal.socket.feed(Message::text(format!("{{{n}"))).await;
    }
    let _ = vandal.socket.flush().await;
    let (errors, code) = vandal.closed().await;
    assert!(errors.len() > SIGNAL_OFFENCES_MAX as usize, "{errors:?}");
    assert!(errors.iter().all(|code| *code == ErrorCode::Malformed));
    assert_eq!(code, Some(CloseCode::Offences));
    let counters = server.counters();
    assert_eq!(counters.offenders_closed, 1);
    assert!(counters.malformed > u64::from(SIGNAL_OFFENCES_MAX));

    ada.send(&ClientMessage::Ping { nonce: 1 }).await;
    assert_eq!(ada.receive().await, ServerMessage::Pong { nonce: 1 });
    let (_bob, _) = Client::in_room(&server, Some(seat.room), "Bob").await;
    server.stop().await;
}

#[tokio::test]
async fn too_many_messages_are_refused_and_then_end_the_connection() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let client = Client::connect(&server).await;
    let (mut sink, mut stream) = client.socket.split();
    let flood = tokio::spawn(async move {
        // Ends when the server hangs up.
        while sink
            .send(Message::text(r#"{"type":"ping","nonce":1}"#))
            .await
            .is_ok()
        {}
    });
    let mut refused = 0;
    let code = loop {
        match tokio::time::timeout(Duration::from_secs(20), stream.next())
            .await
            .unwrap()
        {
            Some(Ok(Message::Text(text))) if text.contains("too_fast") => refused += 1,
            Some(Ok(Message::Close(frame))) => break frame.map(|frame| u16::from(frame.code)),
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    drop(stream);
    flood.await.unwrap();
    assert!(refused >= 1);
    assert_eq!(code, Some(CloseCode::Offences.number()));
    assert!(server.counters().rate_limited >= refused);
    server.stop().await;
}

#[tokio::test]
async fn who_does_not_read_is_cut_and_the_others_go_on() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let (mut ada, seat) = Client::in_room(&server, None, "Ada").await;
    // Bob joins and never reads again: first the socket's buffers fill, then his queue.
    let (bob, bobs) = Client::in_room(&server, Some(seat.room), "Bob").await;
    let payload = json!("x".repeat(SIGNAL_MESSAGE_BYTES_MAX - 500));
    let mut sent = 0;
    while server.counters().slow_clients_closed == 0 {
        sent += 1;
        assert!(sent < 2000, "a client that reads nothing is kept");
        ada.send(&ClientMessage::Signal {
            to: bobs.me,
            payload: payload.clone(),
        })
        .await;
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let away = ada
        .receive_until(|message| matches!(message, ServerMessage::ParticipantAway { .. }))
        .await;
    assert_eq!(away, ServerMessage::ParticipantAway { id: bobs.me });
    drop(bob);

    let mut bob = Client::connect(&server).await;
    assert_eq!(bob.resume(&bobs.token, "Bob").await.me, bobs.me);
    server.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_are_turned_away() {
    let config = ServerConfig {
        connections_max: 2,
        ..ServerConfig::loopback()
    };
    let server = Server::start(config).await.unwrap();
    let (_first, seat) = Client::in_room(&server, None, "Ada").await;
    let (second, _) = Client::in_room(&server, Some(seat.room), "Bob").await;
    let url = format!("ws://{}/api/v1/signal", server.address());
    let refused = tokio_tungstenite::connect_async(&url).await.unwrap_err();
    assert!(refused.to_string().contains("503"), "{refused}");
    assert_eq!(server.counters().connections_refused, 1);
    drop(second);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while tokio_tungstenite::connect_async(&url).await.is_err() {
        assert!(tokio::time::Instant::now() < deadline, "the place was not freed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn who_never_joins_gives_way_to_people_and_takes_nobodys_place() {
    let config = ServerConfig {
        connections_max: 3,
        ..ServerConfig::loopback()
    };
    let server = Server::start(config).await.unwrap();
    let (mut ada, seat) = Client::in_room(&server, None, "Ada").await;
    let mut idle = vec![Client::connect(&server).await, Client::connect(&server).await];
    let (_bob, _) = Client::in_room(&server, Some(seat.room), "Bob").await;
    let mut longest = idle.remove(0);
    assert_eq!(longest.closed().await, (Vec::new(), Some(CloseCode::Unjoined)));
    // Twenty more of them: each pushes out the one before, and none of those who talk.
    for _ in 0..20 {
        let mut before = idle.pop().unwrap();
        idle.push(Client::connect(&server).await);
        assert_eq!(before.closed().await, (Vec::new(), Some(CloseCode::Unjoined)));
    }
    ada.send(&ClientMessage::Ping { nonce: 1 }).await;
    ada.receive_until(|message| matches!(message, ServerMessage::Pong { nonce: 1 }))
        .await;
    assert_eq!(server.counters().unjoined_evicted, 21);
    assert_eq!(server.counters().participants, 2);
    server.stop().await;
}

#[tokio::test]
async fn who_does_not_join_in_time_is_closed_and_who_joined_is_not() {
    let config = ServerConfig {
        join_timeout: Duration::from_millis(500),
        ..ServerConfig::loopback()
    };
    let server = Server::start(config).await.unwrap();
    let (mut ada, _) = Client::in_room(&server, None, "Ada").await;
    let mut idle = Client::connect(&server).await;
    let (_, ticket) = idle.ticket(None).await;
    assert!(!ticket.is_empty(), "words alone are no joining");
    assert_eq!(idle.closed().await, (Vec::new(), Some(CloseCode::Unjoined)));
    assert_eq!(server.counters().unjoined_late, 1);
    ada.send(&ClientMessage::Ping { nonce: 1 }).await;
    assert_eq!(ada.receive().await, ServerMessage::Pong { nonce: 1 });
    server.stop().await;
}

#[tokio::test]
async fn connections_that_never_say_anything_do_not_hold_the_server_up() {
    let config = ServerConfig {
        header_timeout: Duration::from_millis(300),
        ..ServerConfig::loopback()
    };
    let server = Server::start(config).await.unwrap();
    let mut half = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nHos").await.unwrap();
    let mut left = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut half, &mut left);
    tokio::time::timeout(Duration::from_secs(20), read)
        .await
        .expect("the server hangs up on who does not finish a request")
        .ok();
    server.stop().await;
}
