//! A call as the session would lead it, through the port's commands.

use super::pair::Pair;
use crate::port::TrackKind;
use std::time::Duration;

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
