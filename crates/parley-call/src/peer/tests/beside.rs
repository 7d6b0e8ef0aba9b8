//! A second connection beside the first: made and proven while media flows, then used instead.

use super::pair::{Pair, Side};
use super::screen::{add, show};
use crate::port::{ConnectionPhase, LaneKind, PeerCommand, PeerEventKind, TrackKind};
use parley_proto::{ControlMessage, MediaState, SdpType};
use std::time::Duration;

/// The number of the second.
const SECOND: u32 = 2;

async fn beside(side: &Side, command: PeerCommand) {
    side.command(PeerCommand::Beside(Box::new(command))).await;
}

async fn open_beside(side: &mut Side, elsewhere: bool) {
    side.newest = SECOND;
    side.command(PeerCommand::OpenBeside {
        generation: SECOND,
        ice_servers: Vec::new(),
        elsewhere,
    })
    .await;
}

/// Takes the description that was made for the second.
async fn description(side: &mut Side) -> (SdpType, String) {
    let is_one = |kind: &PeerEventKind| matches!(kind, PeerEventKind::LocalDescription { .. });
    side.until("a description of the second", |side| {
        side.beside.iter().any(is_one)
    })
    .await;
    let at = side.beside.iter().position(is_one).unwrap();
    match side.beside.remove(at) {
        PeerEventKind::LocalDescription { sdp_type, sdp } => (sdp_type, sdp),
        other => panic!("{other:?}"),
    }
}

async fn set_remote(side: &Side, (sdp_type, sdp): (SdpType, String)) {
    beside(side, PeerCommand::SetRemote { sdp_type, sdp }).await;
}

/// Takes the candidates that were found for the second.
fn candidates(side: &mut Side) -> Vec<PeerCommand> {
    let (found, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut side.beside)
        .into_iter()
        .partition(|kind| matches!(kind, PeerEventKind::LocalCandidate(_)));
    side.beside = rest;
    let add = |kind| match kind {
        PeerEventKind::LocalCandidate(candidate) => Some(PeerCommand::AddCandidate(candidate)),
        _ => None,
    };
    found.into_iter().filter_map(add).collect()
}

fn connected(side: &Side) -> bool {
    let is_connected =
        |kind: &PeerEventKind| matches!(kind, PeerEventKind::Connection(ConnectionPhase::Connected));
    side.beside.iter().any(is_connected)
}

/// The second is the one that is used; what was told of it is told of the one there is.
async fn take_over(side: &mut Side) {
    side.command(PeerCommand::TakeOver).await;
    side.generation = SECOND;
    for kind in std::mem::take(&mut side.beside) {
        match kind {
            PeerEventKind::Track {
                kind: TrackKind::Audio,
                packets,
            } => side.audio_in = Some(packets),
            PeerEventKind::Track {
                kind: TrackKind::Video,
                packets,
            } => side.video_in = Some(packets),
            PeerEventKind::Track {
                kind: TrackKind::Screen,
                packets,
            } => side.screen_in = Some(packets),
            PeerEventKind::Lane { kind, lane } => side.lanes.push((kind, lane)),
            PeerEventKind::CommandFailed { command, detail } => side.failures.push((command, detail)),
            _ => {}
        }
    }
}

/// One offers on the second, the other answers.
async fn negotiate(from: &mut Side, to: &mut Side) {
    beside(from, PeerCommand::MakeOffer { ice_restart: false }).await;
    let offer = description(from).await;
    set_remote(to, offer).await;
    beside(to, PeerCommand::MakeAnswer).await;
    let answer = description(to).await;
    set_remote(from, answer).await;
}

/// Carries candidates until the second stands, with media over the first.
async fn connect(pair: &mut Pair) {
    let mut steps = 0;
    while !connected(&pair.a) || !connected(&pair.b) {
        for command in candidates(&mut pair.a) {
            beside(&pair.b, command).await;
        }
        for command in candidates(&mut pair.b) {
            beside(&pair.a, command).await;
        }
        pair.talk(Duration::from_millis(40)).await;
        steps += 1;
        assert!(steps < 200, "the second never connects");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_goes_on_over_the_first_until_the_second_takes_over_and_then_over_that() {
    let mut pair = Pair::spawn();
    pair.connect().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(600)).await;

    open_beside(&mut pair.a, false).await;
    open_beside(&mut pair.b, false).await;
    negotiate(&mut pair.a, &mut pair.b).await;
    connect(&mut pair).await;
    let before = [&pair.a, &pair.b].map(|side| side.count(TrackKind::Audio));
    pair.talk(Duration::from_millis(400)).await;
    for (side, before) in [(&mut pair.a, before[0]), (&mut pair.b, before[1])] {
        side.until("sound over the first", |side| {
            side.count(TrackKind::Audio) >= before + 15
        })
        .await;
    }

    for side in [&pair.a, &pair.b] {
        beside(side, PeerCommand::AllowMedia).await;
    }
    let greeting = ControlMessage::MediaState(MediaState::default());
    pair.a
        .until("the second's control channel", |side| {
            side.beside
                .iter()
                .any(|kind| matches!(kind, PeerEventKind::ControlOpen))
        })
        .await;
    let heard = |kind: &PeerEventKind| matches!(kind, PeerEventKind::Control(said) if *said == greeting);
    for _ in 0..100 {
        beside(&pair.a, PeerCommand::SendControl(greeting.clone())).await;
        pair.talk(Duration::from_millis(40)).await;
        if pair.b.beside.iter().any(heard) {
            break;
        }
    }
    assert!(pair.b.beside.iter().any(heard), "a word over the second");
    for side in [&pair.a, &pair.b] {
        let track = |kind: &PeerEventKind| matches!(kind, PeerEventKind::Track { .. });
        assert!(!side.beside.iter().any(track), "nothing is sent over it");
    }

    take_over(&mut pair.a).await;
    pair.talk(Duration::from_millis(200)).await;
    pair.b
        .until("media over the second", |side| {
            let track = |kind: &PeerEventKind| matches!(kind, PeerEventKind::Track { .. });
            side.beside.iter().any(track)
        })
        .await;
    take_over(&mut pair.b).await;
    pair.talk(Duration::from_millis(600)).await;
    for side in [&pair.a, &pair.b] {
        side.command(PeerCommand::CloseBeside).await;
    }
    let before = [&pair.a, &pair.b].map(|side| (side.count(TrackKind::Audio), side.pictures()));
    pair.talk(Duration::from_millis(800)).await;
    for (side, (sound, pictures)) in [(&mut pair.a, before[0]), (&mut pair.b, before[1])] {
        side.until("sound and pictures over the second", |side| {
            side.count(TrackKind::Audio) >= sound + 30 && side.pictures() >= pictures + 10
        })
        .await;
        side.until("lanes over the second", |side| {
            let files = |(kind, _): &&(LaneKind, _)| *kind == LaneKind::Files;
            side.lanes.iter().filter(files).count() >= 2
        })
        .await;
        let failed = side
            .failures
            .iter()
            .filter(|(command, _)| *command != "send_control");
        assert_eq!(failed.count(), 0, "{:?}", side.failures);
    }
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_there_is_no_other_network_no_second_is_opened_and_the_first_goes_on() {
    let mut pair = Pair::spawn();
    pair.connect().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(300)).await;
    open_beside(&mut pair.a, true).await;
    pair.a
        .until("a refusal", |side| {
            side.beside.iter().any(
                |kind| matches!(kind, PeerEventKind::CommandFailed { command, .. } if *command == "open_beside"),
            )
        })
        .await;
    let before = pair.b.count(TrackKind::Audio);
    pair.talk(Duration::from_millis(400)).await;
    pair.b
        .until("sound", |side| side.count(TrackKind::Audio) >= before + 15)
        .await;
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn screens_are_agreed_on_before_the_second_takes_over_and_their_pictures_go_on_over_it() {
    let mut pair = Pair::spawn();
    pair.connect().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(300)).await;
    add(PeerCommand::AddScreen, &mut pair.a, &mut pair.b).await;
    add(PeerCommand::AddScreen, &mut pair.b, &mut pair.a).await;
    show(&pair.a, &mut pair.b, 3).await;
    show(&pair.b, &mut pair.a, 3).await;

    open_beside(&mut pair.a, false).await;
    open_beside(&mut pair.b, false).await;
    // Who offers has it in the first offer, the other one in another.
    beside(&pair.a, PeerCommand::AddScreen).await;
    negotiate(&mut pair.a, &mut pair.b).await;
    connect(&mut pair).await;
    beside(&pair.b, PeerCommand::AddScreen).await;
    negotiate(&mut pair.b, &mut pair.a).await;
    for side in [&pair.a, &pair.b] {
        beside(side, PeerCommand::AllowMedia).await;
    }
    show(&pair.a, &mut pair.b, 6).await;
    show(&pair.b, &mut pair.a, 6).await;

    for side in [&mut pair.a, &mut pair.b] {
        let _before = side.screen_key_frames.take();
        take_over(side).await;
        let asked = |side: &mut Side| side.screen_key_frames.take();
        side.until("a key frame of a screen that may stand still", asked)
            .await;
        // It was for the first picture over the second.
        side.screen_key_frames.request();
    }
    for side in [&pair.a, &pair.b] {
        side.command(PeerCommand::CloseBeside).await;
    }
    show(&pair.a, &mut pair.b, 12).await;
    show(&pair.b, &mut pair.a, 12).await;
    for side in [&pair.a, &pair.b] {
        assert!(side.failures.is_empty(), "{:?}", side.failures);
    }
    pair.close().await;
}
