//! A peer made of the library alone, as it comes: what other people's peers look like, and what its faults are shown on.

use super::pair::PATIENCE;
use crate::peer::chain::{Lanes, Link, Linked};
use crate::peer::library::{Callbacks, LibraryEvent, LibraryEvents};
use parley_proto::{Candidate, SdpType};
use rtc::interceptor::{Packet, Registry, Slot, TaggedPacket};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS};
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpHeaderExtensionCapability,
    RtpCodecKind,
};
use rtc::sdp::extmap::AUDIO_LEVEL_URI;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::sync::mpsc;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, RTCIceCandidateInit, RTCPeerConnectionState,
    RTCSessionDescription, SettingEngineBuilder, register_default_interceptors,
};

/// What came, as it came from the wire.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) rtp: Vec<rtp::Packet>,
    pub(super) reports: Vec<SenderReport>,
}

struct Watcher(Arc<Mutex<Seen>>);

impl Link for Watcher {
    fn on_received(&mut self, packet: TaggedPacket, lanes: &mut Lanes) {
        let mut seen = self.0.lock().unwrap();
        match &packet.message.packet {
            Packet::Rtp(rtp) => seen.rtp.push(rtp.clone()),
            Packet::Rtcp(parts) => {
                let reports = parts
                    .iter()
                    .filter_map(|part| part.as_any().downcast_ref::<SenderReport>());
                seen.reports.extend(reports.cloned());
            }
            _ => {}
        }
        drop(seen);
        lanes.inward.push_back(packet);
    }
}

pub(super) struct Bare {
    pub(super) peer: Arc<dyn PeerConnection>,
    pub(super) events: mpsc::Receiver<LibraryEvent>,
    pub(super) seen: Arc<Mutex<Seen>>,
    pub(super) candidates: Vec<Candidate>,
    pub(super) connected: Option<Instant>,
}

impl Bare {
    pub(super) async fn new() -> Self {
        let (events, told) = LibraryEvents::new();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut engine = MediaEngine::default();
        engine.register_default_codecs().unwrap();
        let level = RTCRtpHeaderExtensionCapability {
            uri: AUDIO_LEVEL_URI.into(),
        };
        engine
            .register_header_extension(level, RtpCodecKind::Audio, None)
            .unwrap();
        let registry = register_default_interceptors(Registry::new(), &mut engine)
            .unwrap()
            .with(Slot::from(400), Linked::new(Watcher(Arc::clone(&seen))));
        let settings = SettingEngineBuilder::new()
            .with_include_loopback_candidate(true)
            .with_ice_connection_attempts(Some(std::time::Duration::from_millis(25)), Some(400));
        let building = PeerConnectionBuilder::new()
            .with_media_engine(engine)
            .with_interceptor_registry(registry)
            .with_setting_engine(settings.build())
            .with_handler(Arc::new(Callbacks(events)))
            .with_udp_addrs(vec!["127.0.0.1:0"])
            .build();
        let peer = Box::pin(building).await.unwrap();
        Self {
            peer: Arc::new(peer),
            events: told,
            seen,
            candidates: Vec::new(),
            connected: None,
        }
    }

    /// Adds a track of the kind.
    pub(super) async fn add_track(&self, kind: RtpCodecKind, ssrc: u32) -> Arc<TrackLocalStaticRTP> {
        let (mime_type, clock_rate, channels, fmtp) = match kind {
            RtpCodecKind::Audio => (MIME_TYPE_OPUS, 48_000, 2, "minptime=10;useinbandfec=1"),
            _ => (
                MIME_TYPE_H264,
                90_000,
                0,
                "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
            ),
        };
        let encoding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters {
                ssrc: Some(ssrc),
                ..Default::default()
            },
            codec: RTCRtpCodec {
                mime_type: mime_type.into(),
                clock_rate,
                channels,
                sdp_fmtp_line: fmtp.into(),
                rtcp_feedback: Vec::new(),
            },
            active: true,
            ..Default::default()
        };
        let name = kind.to_string();
        let track = MediaStreamTrack::new("bare".into(), name.clone(), name, kind, vec![encoding]);
        let track = Arc::new(TrackLocalStaticRTP::new(track));
        self.peer
            .add_track(Arc::clone(&track) as Arc<dyn TrackLocal>)
            .await
            .unwrap();
        track
    }

    pub(super) async fn offer(&self) -> (SdpType, String) {
        let offer = self.peer.create_offer(None).await.unwrap();
        let sdp = offer.sdp.clone();
        self.peer.set_local_description(offer).await.unwrap();
        (SdpType::Offer, sdp)
    }

    pub(super) async fn answer(&self) -> (SdpType, String) {
        let answer = self.peer.create_answer(None).await.unwrap();
        let sdp = answer.sdp.clone();
        self.peer.set_local_description(answer).await.unwrap();
        (SdpType::Answer, sdp)
    }

    pub(super) async fn set_remote(&self, (sdp_type, sdp): (SdpType, String)) {
        let description = match sdp_type {
            SdpType::Offer => RTCSessionDescription::offer(sdp),
            SdpType::Answer => RTCSessionDescription::answer(sdp),
        };
        self.peer
            .set_remote_description(description.unwrap())
            .await
            .unwrap();
    }

    pub(super) async fn add_candidate(&self, candidate: Candidate) {
        let init = RTCIceCandidateInit {
            candidate: candidate.candidate,
            sdp_mid: candidate.sdp_mid,
            sdp_mline_index: candidate.sdp_mline_index,
            ..Default::default()
        };
        self.peer.add_ice_candidate(init).await.unwrap();
    }

    pub(super) fn take_in(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            match event {
                LibraryEvent::Candidate(candidate) => self.candidates.push(candidate),
                LibraryEvent::State(RTCPeerConnectionState::Connected) => {
                    self.connected.get_or_insert_with(Instant::now);
                }
                _ => {}
            }
        }
    }

    pub(super) async fn close(self) {
        let _ = tokio::time::timeout(PATIENCE, self.peer.close()).await;
    }
}
