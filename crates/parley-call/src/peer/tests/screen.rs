//! A second track of pictures in the middle of a call, and one of sound.

use super::pair::{PATIENCE, Pair, Side, frame, sound};
use crate::peer::send_video::no_routes;
use crate::peer::shared_sound::SharedSoundPump;
use crate::peer::spawn::Unsent;
use crate::port::{PeerCommand, TrackKind};
use bytes::Bytes;
use parley_media::packet::EncodedAudio;
use parley_proto::{ControlMessage, MediaState};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Adds a track on one side and negotiates it.
pub(super) async fn add(track: PeerCommand, from: &mut Side, to: &mut Side) {
    let before = from.negotiations_needed;
    from.command(track).await;
    from.until("the wish to negotiate", |side| side.negotiations_needed > before)
        .await;
    from.command(PeerCommand::MakeOffer { ice_restart: false }).await;
    let offer = from.description().await;
    to.set_remote(offer).await;
    to.command(PeerCommand::MakeAnswer).await;
    let answer = to.description().await;
    from.set_remote(answer).await;
}

/// Sends pictures of the screen until `count` whole ones came.
pub(super) async fn show(from: &Side, to: &mut Side, count: usize) {
    let end = Instant::now() + PATIENCE;
    let whole = |side: &Side| {
        let screen = side
            .received
            .iter()
            .filter(|(kind, _)| *kind == TrackKind::Screen);
        screen.filter(|(_, packet)| packet.marker).count()
    };
    while whole(to) < count {
        assert!(
            Instant::now() < end,
            "only {} pictures of the screen came",
            whole(to)
        );
        let picture = frame(from.screen_key_frames.take(), 9000);
        from.screen.send(picture).await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
        to.take_in();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screen_comes_beside_the_camera_from_either_side_and_both_at_once() {
    let mut pair = Pair::spawn();
    pair.connect().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(300)).await;
    assert!(pair.a.screen_targets.borrow().paused, "nothing is shared yet");

    add(PeerCommand::AddScreen, &mut pair.a, &mut pair.b).await;
    show(&pair.a, &mut pair.b, 5).await;
    assert!(!pair.a.screen_targets.borrow().paused);
    add(PeerCommand::AddScreen, &mut pair.b, &mut pair.a).await;
    show(&pair.b, &mut pair.a, 5).await;
    show(&pair.a, &mut pair.b, 10).await;

    let cameras = [pair.a.pictures(), pair.b.pictures()];
    pair.talk(Duration::from_millis(500)).await;
    for (side, before) in [&pair.a, &pair.b].into_iter().zip(cameras) {
        assert!(side.pictures() > before, "the camera goes on");
    }

    // Nothing is shared any more: the camera gets back what it gave.
    let beside = pair.a.video_targets.borrow().bitrate;
    for (on, what) in [
        (false, "the camera's own again"),
        (true, "room for the screen again"),
    ] {
        let media = MediaState {
            screen_on: on,
            ..MediaState::default()
        };
        pair.a
            .command(PeerCommand::SendControl(ControlMessage::MediaState(media)))
            .await;
        let done = |side: &mut Side| {
            let camera = side.video_targets.borrow().bitrate;
            side.screen_targets.borrow().paused != on && (camera <= beside) == on
        };
        pair.a.until(what, done).await;
    }
    pair.close().await;
}

/// Bytes of a packet of what the computer plays; those of the microphone have others.
const PLAYED_BYTES: usize = 90;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_computer_plays_comes_beside_the_microphone_and_neither_is_taken_for_the_other() {
    let mut pair = Pair::spawn();
    pair.connect().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(200)).await;
    add(PeerCommand::AddScreenSound, &mut pair.a, &mut pair.b).await;
    add(PeerCommand::AddScreenSound, &mut pair.b, &mut pair.a).await;
    // A screen that comes later takes nobody's place.
    add(PeerCommand::AddScreen, &mut pair.a, &mut pair.b).await;
    for number in 0..30 {
        for side in [&pair.a, &pair.b] {
            let played = EncodedAudio {
                data: Bytes::from_static(&[0xf8; PLAYED_BYTES]),
                ..sound(number)
            };
            side.screen_sound.send(played).await.unwrap();
        }
        pair.talk(Duration::from_millis(20)).await;
    }
    pair.until("both kinds of sound on both sides", |pair| {
        [&pair.a, &pair.b]
            .into_iter()
            .all(|side| side.count(TrackKind::ScreenSound) >= 25 && side.count(TrackKind::Audio) >= 35)
    })
    .await;
    for side in [&pair.a, &pair.b] {
        for (kind, packet) in &side.received {
            let played = packet.payload.len() == PLAYED_BYTES;
            assert_eq!(played, *kind == TrackKind::ScreenSound, "{kind:?}");
        }
        assert!(side.screen_sound_targets.borrow().bitrate.kbps() >= 48);
    }
    pair.close().await;
}

#[tokio::test]
async fn nobody_takes_what_the_computer_plays_before_a_share_has_sound() {
    let (packets, to_go) = mpsc::channel(2);
    let (_no_way_out, routes) = watch::channel(None);
    let unsent = Arc::new(Unsent::default());
    let mut pump = SharedSoundPump::new(to_go, [routes, no_routes()], Arc::clone(&unsent));
    for number in 0..2 {
        packets.try_send(sound(number)).unwrap();
    }
    tokio::task::yield_now().await;
    assert!(packets.try_send(sound(2)).is_err(), "nobody takes it");
    pump.start();
    assert_eq!(unsent.screen_sound.get(), 2, "what waited is of the past");
    // As the next connection does.
    pump.start();
    for number in 3..9 {
        let taken = tokio::time::timeout(PATIENCE, packets.send(sound(number))).await;
        taken.expect("the pump takes sound").unwrap();
    }
    drop(pump);
    let ended = tokio::time::timeout(PATIENCE, packets.closed()).await;
    ended.expect("the pump ends with its owner");
}
