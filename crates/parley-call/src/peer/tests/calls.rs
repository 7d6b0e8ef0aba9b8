//! A call as the session would lead it, through the port's commands.

use super::pair::{Pair, frame};
use crate::port::{ConnectionPhase, PeerCommand, TrackKind};
use parley_proto::{ControlMessage, MediaState};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_peers_connect_and_see_and_hear_each_other() {
    let mut pair = Pair::spawn();
    pair.connect().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(1500)).await;
    for side in [&mut pair.a, &mut pair.b] {
        side.until("sound and pictures", |side| {
            side.count(TrackKind::Audio) >= 60 && side.pictures() >= 30
        })
        .await;
        assert!(side.failures.is_empty(), "{:?}", side.failures);
        let first = side
            .received
            .iter()
            .find(|(kind, _)| *kind == TrackKind::Video)
            .unwrap();
        assert_ne!(first.1.payload[0] & 0x1f, 1, "the first picture is a key frame");
    }
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_media_goes_out_before_it_is_allowed() {
    let mut pair = Pair::spawn_with_relay().await;
    pair.connect().await;
    pair.talk(Duration::from_millis(300)).await;
    assert_eq!(pair.passed(), [0, 0]);
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_is_not_handed_on_before_it_is_allowed_and_then_begins_with_a_key_frame() {
    let mut pair = Pair::spawn();
    pair.connect().await;
    // A was quicker with its proof: its first key frame meets a closed gate.
    pair.a.command(PeerCommand::AllowMedia).await;
    pair.talk(Duration::from_millis(400)).await;
    assert_eq!(pair.b.received.len(), 0);
    assert!(pair.a.stats.borrow().drops.is_empty());
    pair.b.command(PeerCommand::AllowMedia).await;
    pair.talk(Duration::from_millis(600)).await;
    pair.b.until("pictures", |side| side.pictures() > 3).await;
    let key_frame = |payload: &[u8]| matches!(payload[0] & 0x1f, 5 | 7 | 24);
    let first_key_frame = pair
        .b
        .received
        .iter()
        .filter(|(kind, _)| *kind == TrackKind::Video)
        .position(|(_, packet)| key_frame(&packet.payload));
    assert!(
        first_key_frame.is_some_and(|position| position < 60),
        "{first_key_frame:?}"
    );
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_decoders_wish_for_a_key_frame_reaches_the_other_sides_encoder() {
    let mut pair = Pair::spawn();
    pair.connect().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(500)).await;
    assert!(!pair.a.key_frames.take());
    pair.b.wish_key_frame.request();
    let flag = pair.a.key_frames.clone();
    pair.a.until("the request", |_| flag.take()).await;
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_messages_are_exchanged_and_wait_for_the_gate() {
    let mut pair = Pair::spawn();
    pair.connect().await;
    pair.until("both control channels", |pair| {
        pair.a.control_open && pair.b.control_open
    })
    .await;
    let state = ControlMessage::MediaState(MediaState {
        microphone_on: true,
        camera_on: false,
        ..MediaState::default()
    });
    pair.a.command(PeerCommand::SendControl(state.clone())).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    pair.b.take_in();
    assert!(pair.b.control.is_empty(), "kept behind the gate");
    pair.allow_media().await;
    pair.b
        .until("the message", |side| side.control.front() == Some(&state))
        .await;
    pair.b
        .command(PeerCommand::SendControl(ControlMessage::Bye))
        .await;
    pair.a
        .until("the answer", |side| {
            side.control.front() == Some(&ControlMessage::Bye)
        })
        .await;
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_both_offer_one_takes_its_offer_back_and_they_connect() {
    let mut pair = Pair::spawn();
    pair.a.open().await;
    pair.b.open().await;
    pair.a
        .command(PeerCommand::MakeOffer { ice_restart: false })
        .await;
    pair.b
        .command(PeerCommand::MakeOffer { ice_restart: false })
        .await;
    let _ignored = pair.a.description().await;
    let offer = pair.b.description().await;
    pair.a.command(PeerCommand::Rollback).await;
    pair.a.set_remote(offer).await;
    pair.a.command(PeerCommand::MakeAnswer).await;
    let answer = pair.a.description().await;
    pair.b.set_remote(answer).await;
    pair.until_connected().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(400)).await;
    pair.until("pictures both ways", |pair| {
        pair.a.pictures() > 3 && pair.b.pictures() > 3
    })
    .await;
    assert_eq!((&pair.a.failures, &pair.b.failures), (&vec![], &vec![]));
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_connection_takes_over_with_the_same_ends_of_media() {
    let mut pair = Pair::spawn();
    pair.connect().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(300)).await;
    pair.connect().await;
    let before = (pair.a.received.len(), pair.b.received.len());
    pair.talk(Duration::from_millis(200)).await;
    assert_eq!(
        (pair.a.received.len(), pair.b.received.len()),
        before,
        "the gate is shut again"
    );
    pair.allow_media().await;
    pair.talk(Duration::from_millis(400)).await;
    pair.until("media again", |pair| {
        pair.a.received.len() > before.0 + 10 && pair.b.received.len() > before.1 + 10
    })
    .await;
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ice_restart_keeps_the_call() {
    let mut pair = Pair::spawn();
    pair.connect().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(200)).await;
    pair.a.command(PeerCommand::MakeOffer { ice_restart: true }).await;
    pair.negotiate().await;
    pair.until_connected().await;
    let end = Instant::now() + super::pair::PATIENCE;
    let before = pair.b.pictures();
    while pair.b.pictures() < before + 10 {
        assert!(Instant::now() < end, "no pictures after the restart");
        pair.carry_candidates().await;
        pair.talk(Duration::from_millis(40)).await;
    }
    assert_eq!((&pair.a.failures, &pair.b.failures), (&vec![], &vec![]));
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_second_is_told_in_figures() {
    let mut pair = Pair::spawn();
    pair.connect().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(3200)).await;
    let stats = pair.b.stats.borrow().clone();
    assert!(
        stats
            .pair
            .is_some_and(|(local, remote)| local.ip().is_loopback() && remote.ip().is_loopback())
    );
    assert!(stats.rtt_ms.is_some_and(|rtt| rtt < 500.0), "{:?}", stats.rtt_ms);
    assert!(
        (300_000..2_000_000).contains(&stats.sent_bps),
        "{}",
        stats.sent_bps
    );
    assert!(
        (300_000..2_000_000).contains(&stats.received_bps),
        "{}",
        stats.received_bps
    );
    assert!(
        (10.0..40.0).contains(&stats.frames_sent_per_s),
        "{}",
        stats.frames_sent_per_s
    );
    assert!(stats.estimate_bps.is_some_and(|estimate| estimate > 100_000));
    assert_eq!(stats.loss_in_pct, 0.0);
    pair.close().await;
}

/// The best of a few, since this machine may be busy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_too_large_for_the_network_holds_the_encoder_instead_of_the_sound() {
    let mut best = Duration::MAX;
    for _ in 0..3 {
        best = best.min(send_sound_behind_a_flood().await);
        if best < Duration::from_secs(1) {
            break;
        }
    }
    assert!(best < Duration::from_secs(2), "{best:?}");
}

/// How long twenty packets of sound take that way: 200 ms of them, and what they wait.
async fn send_sound_behind_a_flood() -> Duration {
    let mut pair = Pair::spawn();
    pair.connect().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(100)).await;
    // A megabyte of pictures at once: seconds at the present rate.
    let flood = pair.a.video.clone();
    let offered = tokio::spawn(async move {
        let mut taken = 0;
        for _ in 0..20 {
            taken += usize::from(flood.try_send(frame(true, 50_000)).is_ok());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        taken
    });
    let start = Instant::now();
    let heard = pair.b.count(TrackKind::Audio);
    for number in 1000..1020 {
        pair.a.send_sound(number).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        pair.b.take_in();
    }
    pair.b
        .until("all sound", |side| side.count(TrackKind::Audio) >= heard + 20)
        .await;
    let took = start.elapsed();
    assert!(offered.await.unwrap() < 20, "the encoder is held");
    pair.close().await;
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_without_a_connection_fail_and_the_next_one_works() {
    let mut pair = Pair::spawn();
    for command in [
        PeerCommand::MakeOffer { ice_restart: false },
        PeerCommand::MakeAnswer,
        PeerCommand::Rollback,
        PeerCommand::AllowMedia,
        PeerCommand::SendControl(ControlMessage::Bye),
    ] {
        pair.a.command(command).await;
    }
    pair.a.command(PeerCommand::Close).await;
    pair.a.until("failures", |side| side.failures.len() == 5).await;
    pair.connect().await;
    assert_eq!(pair.a.phase, Some(ConnectionPhase::Connected));
    pair.close().await;
}
