//! The whole server over real loopback sockets.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests drive real sockets and may fail loudly"
)]

mod admin;
mod client;
mod crossing;
#[cfg(target_os = "linux")]
mod crowd;
mod door;
mod floods;
mod forged;
mod hostile;
mod invite;
mod pages;
mod program;
mod restart;
mod stun;
mod webhook;
mod wire;

use client::Client;
use parley_proto::{ClientMessage, ErrorCode, LeaveReason, ServerMessage};
use parley_server::{Server, ServerConfig};
use serde_json::json;
use tokio_tungstenite::MaybeTlsStream;

#[tokio::test]
async fn two_people_meet_and_pass_messages() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let (mut ada, seat) = Client::in_room(&server, None, " Ada ").await;
    let (mut bob, bobs) = Client::in_room(&server, Some(seat.room), "Bob").await;

    let names: Vec<&str> = bobs.participants.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["Ada", "Bob"]);
    assert!(bobs.participants[0].order < bobs.participants[1].order);
    let ServerMessage::ParticipantJoined { participant } = ada.receive().await else {
        panic!("Ada was not told");
    };
    assert_eq!(participant.id, bobs.me);
    assert!(matches!(ada.receive().await, ServerMessage::ResumeToken { .. }));

    let payload = json!({"kind": "candidate", "candidate": "x", "anything": [1, null]});
    ada.send(&ClientMessage::Signal {
        to: bobs.me,
        payload: payload.clone(),
    })
    .await;
    let from = seat.me;
    assert_eq!(bob.receive().await, ServerMessage::Signal { from, payload });

    bob.send(&ClientMessage::Leave).await;
    assert_eq!(
        ada.receive().await,
        ServerMessage::ParticipantLeft {
            id: bobs.me,
            reason: LeaveReason::Left
        }
    );
    server.stop().await;
}

#[tokio::test]
async fn a_third_person_hears_that_the_room_is_full() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let (_ada, seat) = Client::in_room(&server, None, "Ada").await;
    let mut eve = Client::connect(&server).await;
    let (_, early_ticket) = eve.ticket(Some(seat.room)).await;
    let (_bob, _) = Client::in_room(&server, Some(seat.room), "Bob").await;
    eve.send(&ClientMessage::Join {
        version: 1,
        ticket: early_ticket,
        name: "Eve".to_owned(),
        password: None,
        waits: true,
    })
    .await;
    assert_eq!(eve.receive_error().await, ErrorCode::RoomFull);
    eve.send(&ClientMessage::RequestTicket {
        version: 1,
        room: Some(seat.room),
        invitation: None,
    })
    .await;
    assert_eq!(eve.receive_error().await, ErrorCode::RoomFull);
    server.stop().await;
}

/// Both hang up at once, as the end of every call is: what the server tells one of the other must not cost it the goodbye that
/// is on its way already.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_who_leave_at_once_leave_no_place_taken() {
    use tokio::time::{Duration, timeout};
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    for round in 0..400u64 {
        let (mut ada, seat) = Client::in_room(&server, None, "Ada").await;
        let (mut bob, _) = Client::in_room(&server, Some(seat.room), "Bob").await;
        let ada_goes = tokio::spawn(async move {
            ada.send(&ClientMessage::Leave).await;
            let _ = ada.socket.close(None).await;
            // As parley-call does: nothing is waited for.
            drop(ada);
        });
        let until = std::time::Instant::now() + Duration::from_micros(10 * (round % 40));
        while std::time::Instant::now() < until {
            std::hint::spin_loop();
        }
        bob.send(&ClientMessage::Leave).await;
        // The server may have closed first.
        let _ = bob.socket.close(None).await;
        drop(bob);
        ada_goes.await.unwrap();
        let empty = async {
            while server.counters().participants > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        assert!(
            timeout(Duration::from_secs(3), empty).await.is_ok(),
            "round {round}: somebody who said goodbye is waited for: {:?}",
            server.counters()
        );
    }
    server.stop().await;
}

/// A killed program: its place must be known as kept at once, or whoever starts again is told that the room is full.
#[tokio::test]
async fn who_is_cut_off_is_away_at_once() {
    use tokio::time::{Duration, Instant, timeout};
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let (mut ada, seat) = Client::in_room(&server, None, "Ada").await;
    let (mut bob, _) = Client::in_room(&server, Some(seat.room), "Bob").await;
    let MaybeTlsStream::Plain(tcp) = bob.socket.get_mut() else {
        panic!("TLS on loopback");
    };
    socket2::SockRef::from(&*tcp)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(bob);
    let cut = Instant::now();
    let away = async { while !matches!(ada.receive().await, ServerMessage::ParticipantAway { .. }) {} };
    timeout(Duration::from_millis(700), away).await.unwrap();
    eprintln!("away after {:?}", cut.elapsed());
    server.stop().await;
}
