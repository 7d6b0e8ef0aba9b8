//! What happens when the network loses packets.

use super::pair::Pair;
use crate::port::{ConnectionPhase, Inflow, TrackKind};
use std::collections::HashSet;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_pictures_are_asked_for_again_and_come_once() {
    let mut pair = Pair::spawn_with_relay().await;
    pair.connect().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(200)).await;
    pair.lose_every(20);
    pair.talk(Duration::from_millis(3000)).await;
    pair.lose_every(0);
    pair.talk(Duration::from_millis(600)).await;
    let sequences: Vec<u16> = pair
        .b
        .received
        .iter()
        .filter(|(kind, _)| *kind == TrackKind::Video)
        .map(|(_, packet)| packet.sequence)
        .collect();
    let unique: HashSet<_> = sequences.iter().copied().collect();
    assert_eq!(unique.len(), sequences.len(), "each packet once");
    let (first, last) = (sequences[0], *sequences.last().unwrap());
    assert_eq!(
        usize::from(last.wrapping_sub(first)) + 1,
        unique.len(),
        "none is missing"
    );
    pair.until("figures of it", |pair| pair.b.stats.borrow().nacks_sent > 0)
        .await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let (sender, receiver) = (pair.a.stats.borrow().clone(), pair.b.stats.borrow().clone());
    let lost = pair.lost();
    assert!(lost > 10, "{lost}");
    // Sound is not sent again, so fewer than all that was lost; a storm would be many times as many.
    assert!(
        sender.retransmissions_sent > 0 && sender.retransmissions_sent < 3 * lost,
        "{sender:?}"
    );
    assert!(receiver.retransmissions_received > 0, "{receiver:?}");
    assert!(receiver.nacks_sent < 4 * lost, "{receiver:?}");
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heavy_loss_lowers_what_the_encoders_must_produce_and_adds_redundancy_to_sound() {
    let mut pair = Pair::spawn_with_relay().await;
    pair.connect().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(200)).await;
    let before = pair.a.video_targets.borrow().bitrate;
    pair.lose_every(3);
    pair.talk(Duration::from_millis(4500)).await;
    let (video, audio) = (*pair.a.video_targets.borrow(), *pair.a.audio_targets.borrow());
    assert!(
        video.bitrate.bps() < before.bps() * 3 / 4,
        "{before} -> {}",
        video.bitrate
    );
    assert!(audio.expected_loss_pct >= 15, "{audio:?}");
    pair.b.take_in();
    let copies = pair.b.received.iter().filter(|(_, packet)| packet.redundant);
    let copies: Vec<_> = copies
        .map(|(kind, packet)| (*kind, packet.payload.len()))
        .collect();
    assert!(copies.len() > 10, "{}", copies.len());
    assert!(
        copies.iter().all(|copy| *copy == (TrackKind::Audio, 60)),
        "{copies:?}"
    );
    let stats = pair.b.stats.borrow().clone();
    assert!((15.0..60.0).contains(&stats.loss_in_pct), "{}", stats.loss_in_pct);
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_that_stops_is_told_long_before_ice_would_know_and_so_is_its_return() {
    let mut pair = Pair::spawn_with_relay().await;
    pair.connect().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(600)).await;
    let lull = pair.b.inflow.lull;
    assert_eq!(
        pair.b.inflow,
        Inflow {
            lull,
            ..Inflow::default()
        }
    );
    pair.lose_every(1);
    let before = pair.a.received.len();
    // A second and a look when the machine is calm; ICE would take five.
    for _ in 0..10 {
        pair.talk(Duration::from_millis(400)).await;
        if !pair.b.inflow.audio && !pair.b.inflow.video {
            break;
        }
    }
    assert!(
        !pair.b.inflow.audio && !pair.b.inflow.video,
        "{:?}",
        pair.b.inflow
    );
    assert!(pair.a.received.len() > before, "the other way is well");
    assert_eq!(pair.b.phase, Some(ConnectionPhase::Connected), "ICE sees nothing");
    pair.lose_every(0);
    pair.talk(Duration::from_millis(600)).await;
    pair.until("all is well", |pair| pair.b.inflow == Inflow::default())
        .await;
    pair.close().await;
}
