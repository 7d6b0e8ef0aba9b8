//! What a hostile other side may send: it is refused and reported, and the call goes on.

use super::pair::Pair;
use crate::port::{PeerCommand, TrackKind};
use parley_proto::limits::{CANDIDATE_BYTES_MAX, SDP_BYTES_MAX};
use parley_proto::{Candidate, SdpType};
use std::time::Duration;

fn candidate(text: &str) -> PeerCommand {
    PeerCommand::AddCandidate(Candidate {
        candidate: text.to_owned(),
        sdp_mid: Some("0".into()),
        sdp_mline_index: Some(0),
        username_fragment: None,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_candidates_are_refused_and_the_call_goes_on() {
    let mut pair = Pair::spawn();
    pair.connect().await;
    let broken = [
        "nonsense",
        "candidate:",
        "candidate:1 1 udp",
        "candidate:1 1 udp x 127.0.0.1 1 typ host",
        "candidate:1 1 udp 1 127.0.0.1 99999 typ host",
        "candidate:1 1 udp 1 not-an-address 1 typ host",
        "candidate:1 1 tcp 1 127.0.0.1 22 typ host tcptype passive",
        &format!(
            "candidate:1 1 udp 1 127.0.0.1 1 typ host {}",
            "x".repeat(CANDIDATE_BYTES_MAX)
        ),
    ];
    for text in broken {
        pair.a.command(candidate(text)).await;
    }
    pair.a.command(candidate("")).await; // the end of candidates: no failure
    pair.a
        .until("failures", |side| side.failures.len() >= broken.len() - 1)
        .await;
    assert!(
        pair.a
            .failures
            .iter()
            .all(|(command, _)| *command == "add_candidate")
    );
    pair.allow_media().await;
    pair.talk(Duration::from_millis(300)).await;
    pair.b.until("pictures", |side| side.pictures() > 3).await;
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_descriptions_are_refused_and_a_good_one_still_works() {
    let mut pair = Pair::spawn();
    pair.a.open().await;
    let broken = [
        String::new(),
        "v=0".to_owned(),
        "\0\u{ffff}".repeat(100),
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 X 96\r\n".to_owned(),
        "x".repeat(SDP_BYTES_MAX + 1),
    ];
    for sdp in &broken {
        pair.a
            .command(PeerCommand::SetRemote {
                sdp_type: SdpType::Offer,
                sdp: sdp.clone(),
            })
            .await;
    }
    pair.a
        .command(PeerCommand::SetRemote {
            sdp_type: SdpType::Answer,
            sdp: "v=0".into(),
        })
        .await;
    pair.a
        .until("failures", |side| side.failures.len() == broken.len() + 1)
        .await;
    pair.connect().await;
    pair.close().await;
}

/// Offers with one part spoiled at a time: refused or taken, but never the end of the driver.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spoiled_offers_never_break_the_driver() {
    let mut pair = Pair::spawn();
    pair.b.open().await;
    pair.b
        .command(PeerCommand::MakeOffer { ice_restart: false })
        .await;
    let (_, offer) = pair.b.description().await;
    let lines: Vec<&str> = offer.split("\r\n").collect();
    for spoiled in (0..lines.len()).step_by(5) {
        let mut without = lines.clone();
        without.remove(spoiled);
        let mut twice = lines.clone();
        twice.insert(spoiled, lines[spoiled]);
        let mut cut = lines.clone();
        cut.truncate(spoiled);
        let digits = lines
            .iter()
            .enumerate()
            .map(|(n, line)| {
                if n == spoiled {
                    line.replace(|c: char| c.is_ascii_digit(), "9")
                } else {
                    (*line).to_owned()
                }
            })
            .collect::<Vec<_>>()
            .join("\r\n");
        for sdp in [without.join("\r\n"), twice.join("\r\n"), cut.join("\r\n"), digits] {
            pair.a.open().await;
            pair.a
                .command(PeerCommand::SetRemote {
                    sdp_type: SdpType::Offer,
                    sdp,
                })
                .await;
            pair.a.command(PeerCommand::MakeAnswer).await;
            pair.a
                .until("an answer or a failure", |side| {
                    side.local.take().is_some() || !side.failures.is_empty()
                })
                .await;
            pair.a.failures.clear();
            pair.a.remote_set = 0;
        }
    }
    pair.a.take_in();
    pair.a.local = None;
    pair.a.failures.clear();
    pair.connect().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(200)).await;
    pair.a
        .until("sound", |side| side.count(TrackKind::Audio) > 3)
        .await;
    pair.close().await;
}
