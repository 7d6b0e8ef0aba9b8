//! The data channels beside the control channel.

use super::pair::{Pair, Side};
use crate::port::{Lane, LaneKind, PeerCommand};
use bytes::BytesMut;
use std::time::Duration;

fn lane(side: &mut Side, wanted: LaneKind) -> &mut Lane {
    let found = side.lanes.iter_mut().find(|(kind, _)| *kind == wanted);
    found.map(|(_, lane)| lane).unwrap()
}

async fn hears(side: &mut Side, kind: LaneKind) -> Vec<u8> {
    let message = lane(side, kind).incoming.recv();
    let message = tokio::time::timeout(Duration::from_secs(8), message).await;
    message.unwrap().unwrap().to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_lane_carries_messages_of_its_own_both_ways_and_ends_with_the_connection() {
    let mut pair = Pair::spawn();
    pair.connect().await;
    pair.allow_media().await;
    for side in [&mut pair.a, &mut pair.b] {
        side.until("three lanes", |side| side.lanes.len() == 3).await;
    }
    let large = vec![7; 64 << 10];
    for (kind, words) in [
        (LaneKind::Chat, &b"hello"[..]),
        (LaneKind::Files, b"{}"),
        (LaneKind::Chunks, &large),
    ] {
        let outgoing = lane(&mut pair.a, kind).outgoing.clone();
        outgoing.send(BytesMut::from(words)).await.unwrap();
        assert_eq!(hears(&mut pair.b, kind).await, words);
        let outgoing = lane(&mut pair.b, kind).outgoing.clone();
        outgoing.send(BytesMut::from(&b"and back"[..])).await.unwrap();
        assert_eq!(hears(&mut pair.a, kind).await, b"and back");
    }
    pair.a.command(PeerCommand::Close).await;
    let ended = tokio::time::timeout(
        Duration::from_secs(8),
        lane(&mut pair.a, LaneKind::Chat).incoming.recv(),
    )
    .await;
    assert_eq!(ended.unwrap(), None);
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_said_or_handed_on_before_it_is_allowed_and_nothing_is_lost_then() {
    let mut pair = Pair::spawn();
    pair.connect().await;
    // A was quicker with its proof.
    pair.a.command(PeerCommand::AllowMedia).await;
    pair.talk(Duration::from_millis(500)).await;
    assert!(pair.a.lanes.is_empty() && pair.b.lanes.is_empty());
    pair.b.command(PeerCommand::AllowMedia).await;
    for side in [&mut pair.a, &mut pair.b] {
        side.until("three lanes", |side| side.lanes.len() == 3).await;
    }
    let outgoing = lane(&mut pair.a, LaneKind::Chat).outgoing.clone();
    outgoing.send(BytesMut::from(&b"first"[..])).await.unwrap();
    assert_eq!(hears(&mut pair.b, LaneKind::Chat).await, b"first");
    pair.close().await;
}
