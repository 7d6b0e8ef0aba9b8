//! The faults of the library that need a whole connection to show: each once cured in our peer, and once still there in
//! the bare library. When a test of the second kind fails after an update, the cure can go.

use super::bare::Bare;
use super::pair::{PATIENCE, Pair, Side};
use crate::port::{ConnectionPhase, PeerCommand};
use bytes::Bytes;
use parley_proto::SdpType;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use std::time::{Duration, Instant};
use webrtc::data_channel::{DataChannelEvent, RTCDataChannelInit};
use webrtc::media_stream::track_local::TrackLocal;

/// The description with the direction of its video section changed.
fn with_video(sdp: &str, direction: &str) -> String {
    let (before, video) = sdp.split_once("m=video").unwrap();
    format!(
        "{before}m=video{}",
        video.replacen("a=sendrecv", &format!("a={direction}"), 1)
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_nobody_agreed_to_take_are_not_sent() {
    let mut pair = Pair::spawn();
    pair.a.open().await;
    pair.b.open().await;
    pair.a
        .command(PeerCommand::MakeOffer { ice_restart: false })
        .await;
    let offer = pair.a.description().await;
    pair.b.set_remote(offer).await;
    pair.b.command(PeerCommand::MakeAnswer).await;
    let (_, answer) = pair.b.description().await;
    pair.a
        .set_remote((SdpType::Answer, with_video(&answer, "sendonly")))
        .await;
    pair.until_connected().await;
    pair.allow_media().await;
    pair.talk(Duration::from_millis(600)).await;
    pair.until("sound both ways", |pair| {
        !pair.a.received.is_empty() && !pair.b.received.is_empty()
    })
    .await;
    assert!(pair.a.pictures() > 3, "B sends");
    assert_eq!(pair.b.pictures(), 0, "A was told not to");
    pair.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bare_library_still_sends_what_was_not_negotiated() {
    let mut bare = Bare::new().await;
    let track = bare.add_track(RtpCodecKind::Video, 77).await;
    let mut side = Side::spawn();
    side.open().await;
    side.set_remote(bare.offer().await).await;
    side.command(PeerCommand::MakeAnswer).await;
    let (_, answer) = side.description().await;
    bare.set_remote((SdpType::Answer, with_video(&answer, "sendonly")))
        .await;
    connect(&mut bare, &mut side).await;
    side.command(PeerCommand::AllowMedia).await;
    let end = Instant::now() + PATIENCE;
    let mut sequence = 0;
    while side.received.is_empty() {
        assert!(
            Instant::now() < end,
            "the library does not send it any more: drop the gate in `route`"
        );
        sequence += 1;
        let header = rtp::header::Header {
            version: 2,
            payload_type: payload_type(&bare).await,
            sequence_number: sequence,
            ssrc: 77,
            ..Default::default()
        };
        let packet = rtp::Packet {
            header,
            payload: Bytes::from_static(&[0x65, 1, 2]),
        };
        let _ = track.write_rtp(packet).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        side.take_in();
    }
    bare.close().await;
}

async fn payload_type(bare: &Bare) -> u8 {
    let senders = bare.peer.get_senders().await;
    let parameters = senders[0].get_parameters().await.unwrap();
    crate::peer::route::payload_type(&parameters.rtp_parameters.codecs, "video/H264").unwrap()
}

async fn connect(bare: &mut Bare, side: &mut Side) {
    let end = Instant::now() + PATIENCE;
    while side.phase != Some(ConnectionPhase::Connected) || bare.connected.is_none() {
        assert!(Instant::now() < end, "{:?} {:?}", side.phase, side.failures);
        bare.take_in();
        side.take_in();
        for candidate in bare.candidates.drain(..) {
            side.command(PeerCommand::AddCandidate(candidate)).await;
        }
        for candidate in side.candidates.drain(..).collect::<Vec<_>>() {
            bare.add_candidate(candidate).await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The best of a few, since this machine may be busy: from connected to the control channel open on both sides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_control_channel_opens_right_after_the_connection() {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let mut pair = Pair::spawn();
        pair.connect().await;
        let connected = Instant::now();
        pair.until("both control channels", |pair| {
            pair.a.control_open && pair.b.control_open
        })
        .await;
        best = best.min(connected.elapsed());
        pair.close().await;
        if best < Duration::from_millis(100) {
            break;
        }
    }
    assert!(best < Duration::from_millis(150), "{best:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bare_library_still_stalls_before_its_data_channels_open() {
    let (mut a, mut b) = (Bare::new().await, Bare::new().await);
    let init = RTCDataChannelInit {
        negotiated: Some(0),
        ..Default::default()
    };
    let channel = a.peer.create_data_channel("c", Some(init.clone())).await.unwrap();
    let _other = b.peer.create_data_channel("c", Some(init)).await.unwrap();
    b.set_remote(a.offer().await).await;
    a.set_remote(b.answer().await).await;
    let opened = tokio::spawn(async move {
        while let Some(event) = channel.poll().await {
            if matches!(event, DataChannelEvent::OnOpen) {
                return Some(Instant::now());
            }
        }
        None
    });
    let end = Instant::now() + PATIENCE;
    while a.connected.is_none() || b.connected.is_none() {
        assert!(Instant::now() < end);
        a.take_in();
        b.take_in();
        for candidate in a.candidates.drain(..).collect::<Vec<_>>() {
            b.add_candidate(candidate).await;
        }
        for candidate in b.candidates.drain(..).collect::<Vec<_>>() {
            a.add_candidate(candidate).await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let opened = tokio::time::timeout(PATIENCE, opened)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let stalled = opened.saturating_duration_since(a.connected.max(b.connected).unwrap());
    assert!(
        stalled > Duration::from_millis(100),
        "{stalled:?}: mended, the waking in `control` can go"
    );
    a.close().await;
    b.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_without_our_control_channel_gets_stamped_media_and_reports() {
    let mut bare = Bare::new().await;
    bare.add_track(RtpCodecKind::Audio, 76).await;
    bare.add_track(RtpCodecKind::Video, 77).await;
    let mut side = Side::spawn();
    side.open().await;
    side.set_remote(bare.offer().await).await;
    side.command(PeerCommand::MakeAnswer).await;
    bare.set_remote(side.description().await).await;
    connect(&mut bare, &mut side).await;
    side.command(PeerCommand::AllowMedia).await;
    for number in 0..30 {
        side.send_sound(number).await;
        side.send_picture(2000).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let seen = std::mem::take(&mut *bare.seen.lock().unwrap());
    let sound: Vec<_> = seen
        .rtp
        .iter()
        .filter(|packet| packet.payload.len() == 60)
        .collect();
    let pictures: Vec<_> = seen
        .rtp
        .iter()
        .filter(|packet| packet.payload.len() > 100)
        .collect();
    assert!(
        sound.len() >= 25 && pictures.len() >= 25,
        "{} {}",
        sound.len(),
        pictures.len()
    );
    let values = |packet: &rtp::Packet| -> Vec<Vec<u8>> {
        let header = &packet.header;
        header
            .get_extension_ids()
            .into_iter()
            .filter_map(|id| header.get_extension(id))
            .map(|value| value.to_vec())
            .collect()
    };
    // Level 30 with voice; MIDs as the bare peer offered them.
    assert!(
        values(sound[0]).contains(&vec![0x80 | 30]),
        "{:?}",
        values(sound[0])
    );
    assert!(
        sound
            .iter()
            .chain(&pictures)
            .all(|packet| packet.header.extension)
    );
    assert!(
        values(pictures[0]).contains(&b"1".to_vec()),
        "{:?}",
        values(pictures[0])
    );
    // 20 ms of sound apart, in order.
    assert!(
        sound
            .windows(2)
            .all(|pair| pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp) == 960)
    );
    let reporters: std::collections::HashSet<u32> = seen.reports.iter().map(|report| report.ssrc).collect();
    assert_eq!(reporters.len(), 2, "sound and pictures are reported");
    bare.close().await;
}
