//! How connections begin and end: what is told of one that does not open, what the encoder does while nobody is there,
//! and how long ICE waits.

use super::pair::{Pair, Side};
use crate::port::{ConnectionPhase, PeerCommand};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_does_not_open_is_told_by_its_number() {
    // An address for documentation (RFC 5737): no machine has it, so it cannot be bound.
    let mut side = Side::spawn_on("203.0.113.7");
    side.open().await;
    side.open().await;
    let mut told = Vec::new();
    while told.len() < 2 {
        let event = tokio::time::timeout(super::pair::PATIENCE, side.events.recv()).await;
        told.push(event.unwrap().unwrap().generation);
    }
    assert_eq!(told, [1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_encoder_rests_while_nobody_is_there_to_see_its_pictures() {
    let mut pair = Pair::spawn();
    let paused = |side: &Side| side.video_targets.borrow().paused;
    pair.a.until("rest at first", |side| paused(side)).await;
    pair.connect().await;
    assert!(paused(&pair.a), "connected, but not proven");
    pair.allow_media().await;
    pair.a.until("work", |side| !paused(side)).await;
    pair.talk(Duration::from_millis(300)).await;
    assert!(!paused(&pair.a));
    pair.a.command(PeerCommand::Close).await;
    pair.a.until("rest again", |side| paused(side)).await;
    pair.b
        .until("the other side's end is noticed", |side| {
            side.phase != Some(ConnectionPhase::Connected)
        })
        .await;
}

/// The best of a few, since this machine may be busy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_that_overtake_the_candidates_do_not_cost_a_second() {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        best = best.min(connect_by_checks_alone().await);
        if best < Duration::from_millis(500) {
            break;
        }
    }
    assert!(best < Duration::from_millis(800), "{best:?}");
}

async fn connect_by_checks_alone() -> Duration {
    let mut pair = Pair::spawn();
    pair.a.open().await;
    pair.b.open().await;
    let start = Instant::now();
    pair.a
        .command(PeerCommand::MakeOffer { ice_restart: false })
        .await;
    pair.negotiate().await;
    while pair.a.phase != Some(ConnectionPhase::Connected) {
        assert!(start.elapsed() < super::pair::PATIENCE, "never connected");
        // Only in one direction: A learns B's address from B's checks.
        pair.a.take_in();
        for candidate in std::mem::take(&mut pair.a.candidates) {
            pair.b.command(PeerCommand::AddCandidate(candidate)).await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = start.elapsed();
    pair.close().await;
    took
}
