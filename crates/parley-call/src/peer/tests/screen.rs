//! A second track of pictures in the middle of a call.

use super::pair::{PATIENCE, Pair, Side, frame};
use crate::port::{PeerCommand, TrackKind};
use std::time::{Duration, Instant};

/// Adds the screen on one side and negotiates it.
async fn add_screen(from: &mut Side, to: &mut Side) {
    let before = from.negotiations_needed;
    from.command(PeerCommand::AddScreen).await;
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
async fn show(from: &Side, to: &mut Side, count: usize) {
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

    add_screen(&mut pair.a, &mut pair.b).await;
    show(&pair.a, &mut pair.b, 5).await;
    assert!(!pair.a.screen_targets.borrow().paused);
    add_screen(&mut pair.b, &mut pair.a).await;
    show(&pair.b, &mut pair.a, 5).await;
    show(&pair.a, &mut pair.b, 10).await;

    let cameras = [pair.a.pictures(), pair.b.pictures()];
    pair.talk(Duration::from_millis(500)).await;
    for (side, before) in [&pair.a, &pair.b].into_iter().zip(cameras) {
        assert!(side.pictures() > before, "the camera goes on");
    }
    pair.close().await;
}
