//! How a connection of the library is put together: what is offered, which links are in its chain, its settings.

use super::chain::deliver::Deliver;
use super::chain::lips::{Lips, RemoteTimes};
use super::chain::nack::Nacks;
use super::chain::padding::Padding;
use super::chain::reference_times::ReferenceTimes;
use super::chain::rtx_stamp::RtxStamp;
use super::chain::sender_report::{CaptureClock, SenderReports};
use super::chain::tap::Tap;
use super::chain::transport_cc::TransportCc;
use super::chain::unrtx::UnRtx;
use super::chain::{
    DELIVER_SLOT, LIPS_SLOT, Linked, PADDING_SLOT, REFERENCE_TIMES_SLOT, RTX_STAMP_SLOT, TAP_SLOT, UNRTX_SLOT,
};
use super::estimate::{Bounds, Ceiling, Congestion};
use super::library::{Callbacks, LibraryEvents};
use super::meter::Meter;
use super::pacer::link::Pacer;
use super::pacer::room::Room;
use super::rounds::Rounds;
use super::runtime::{LiveTasks, PeerRuntime};
use super::servers;
use super::tcp::guard::Guard;
use crate::config::CandidatePolicy;
use parley_media::time::{AUDIO_CLOCK_HZ, VIDEO_CLOCK_HZ};
use parley_media::video::KeyFrameFlag;
use parley_proto::Bitrate;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::{Registry, Slot};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::RTCIceTransportPolicy;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_RTX};
use rtc::peer_connection::configuration::setting_engine::SctpMaxMessageSize;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RTCRtpHeaderExtensionCapability, RTCRtpRtxParameters, RtpCodecKind,
};
use rtc::sdp::extmap::{
    AUDIO_LEVEL_URI, SDES_MID_URI, SDES_REPAIR_RTP_STREAM_ID_URI, SDES_RTP_STREAM_ID_URI,
};
use rtc::shared::time::SystemInstant;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use webrtc::error::Result;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder,
    RTCIceServer, SettingEngine, SettingEngineBuilder, SrtpProtectionProfile, configure_nack,
    configure_rtcp_reports, configure_twcc_receiver_only,
};

/// How often ICE checks its pairs. The library's 200 ms cost a third of a second at each start.
const ICE_CHECK_INTERVAL: Duration = Duration::from_millis(25);
/// How often ICE asks whether the way in use still answers (RFC 7675, which leaves it open: a browser does so each 2.5 s, and counts what
/// else comes). The library counts nothing but checks and answers: with its own 2 s, and a fifth lost either way, a way that carried media
/// all the time was called dead every quarter of a minute. Ten in a row are lost so once in four hours.
const ICE_KEEP_ALIVE: Duration = Duration::from_millis(500);
/// How long ICE looks for something better than an address learned from a check that overtook the message naming it. The
/// library's whole second was the price of every such race, some six of a hundred set-ups.
const ICE_PRFLX_WAIT: Duration = Duration::from_millis(50);
/// The same for an address that a STUN server saw; the library's half second is more than a direct way needs to be found.
const ICE_SRFLX_WAIT: Duration = Duration::from_millis(150);
/// The same for a relay, which is there from the start and taken only when nothing better came: a direct way through two
/// NATs takes a few round trips of the message that names it and of the checks. The library waits two seconds.
const ICE_RELAY_WAIT: Duration = Duration::from_millis(500);
/// Checks before a pair is given up: ten seconds, longer than an answer may take through a slow server.
const ICE_CHECKS_MAX: u16 = 400;
/// What the other side may have on its way to us in data channels; 1 MiB caps them at 1 MiB a round trip.
const SCTP_RECEIVE_BYTES: u32 = 4 << 20;
/// The largest message in a data channel: larger ones halve nothing, and browsers refuse them.
const SCTP_MESSAGE_BYTES_MAX: u32 = 64 << 10;
/// What waits at most in our data channels.
const SCTP_SEND_BYTES_MAX: usize = 1 << 20;

/// H.264 constrained baseline, level 3.1 (RFC 6184, 8.1); the level may be exceeded towards us.
const H264_MODE_1: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";
const H264_MODE_0: &str = "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f";
/// The library has no name for it.
const MIME_TYPE_RED: &str = "audio/red";
/// Opus (RFC 7587, 6.1): frames from 10 ms, redundancy and silence suppression welcome.
const OPUS: &str = "minptime=10;useinbandfec=1;usedtx=1";

/// Where a connection is made: what is bound, and what helps to find a way.
pub(super) struct Reach {
    pub(super) ice_servers: Vec<RTCIceServer>,
    pub(super) candidates: CandidatePolicy,
    pub(super) addresses: Vec<SocketAddr>,
    /// What streams there may be; none without.
    pub(super) tcp: Option<Arc<Guard>>,
}

/// What a connection is built from.
pub(super) struct Blueprint {
    pub(super) reach: Reach,
    pub(super) bounds: Bounds,
    pub(super) key_frames: KeyFrameFlag,
    pub(super) screen_key_frames: KeyFrameFlag,
    pub(super) remote_times: RemoteTimes,
    pub(super) events: LibraryEvents,
}

/// One kind of own media inside a connection, or one encoding of it.
pub(super) struct LocalTrack {
    pub(super) track: Arc<TrackLocalStaticRTP>,
    pub(super) ssrc: u32,
    pub(super) clock: Arc<CaptureClock>,
}

/// A connection of the library with what belongs to it.
pub(super) struct Built {
    pub(super) connection: Arc<dyn PeerConnection>,
    pub(super) audio: LocalTrack,
    pub(super) video: LocalTrack,
    pub(super) screen: LocalTrack,
    pub(super) screen_sound: LocalTrack,
    pub(super) trunk: Trunk,
    pub(super) tasks: Arc<LiveTasks>,
    pub(super) rounds: Arc<Rounds>,
}

/// What every connection has in its chain, and the ends of it.
pub(super) struct Trunk {
    pub(super) meter: Arc<Meter>,
    pub(super) room: Arc<Room>,
    pub(super) congestion: Congestion,
    pub(super) estimate: watch::Receiver<Bitrate>,
    pub(super) ceiling: Ceiling,
}

impl Trunk {
    /// With nothing sent yet.
    pub(super) fn new(bounds: Bounds, now: Instant) -> Self {
        let (congestion, estimate, ceiling) = Congestion::new(bounds, now);
        Self {
            meter: Arc::default(),
            room: Arc::default(),
            congestion,
            estimate,
            ceiling,
        }
    }

    /// The links for what leaves, and for reports of what comes. `clocks` are of our streams, `reporter` is the one of them that
    /// requests go under, `voice` that of the microphone.
    pub(super) fn chain(
        &self,
        engine: &mut MediaEngine,
        clocks: HashMap<u32, Arc<CaptureClock>>,
        reporter: u32,
        voice: u32,
        now: Instant,
    ) -> Result<Registry> {
        let registry = configure_nack(Registry::new(), engine);
        let registry = configure_rtcp_reports(registry);
        let registry = configure_twcc_receiver_only(registry, engine)?;
        let meter = || Arc::clone(&self.meter);
        Ok(registry
            .with(Slot::NackGenerator, Linked::new(Nacks::new(meter(), reporter)))
            .with(
                Slot::CongestionControl,
                Linked::new(TransportCc::new(self.congestion.clone()).telling_of_voice(voice, meter())),
            )
            .with(
                Slot::Pacer,
                Linked::new(Pacer::new(
                    self.estimate.clone(),
                    self.congestion.clone(),
                    Arc::clone(&self.room),
                    meter(),
                )),
            )
            .with(
                Slot::SenderReport,
                Linked::new(SenderReports::new(SystemInstant::now(now), clocks)),
            )
            .with(
                Slot::from(REFERENCE_TIMES_SLOT),
                Linked::new(ReferenceTimes::default()),
            )
            .with(Slot::from(RTX_STAMP_SLOT), Linked::new(RtxStamp::default()))
            .with(Slot::from(UNRTX_SLOT), Linked::new(UnRtx::new(meter())))
            .with(Slot::from(PADDING_SLOT), Linked::new(Padding::default())))
    }
}

/// Builds a connection, without tracks on it yet. `now` ties its clocks together. Boxed inside: the library's future for it
/// is some 20 kB, which every caller would carry on its stack.
pub(super) async fn build(blueprint: Blueprint, now: Instant) -> Result<Built> {
    let audio = local_track("microphone", opus(), AUDIO_CLOCK_HZ);
    let video = local_track("camera", h264(H264_MODE_1), VIDEO_CLOCK_HZ);
    let screen = local_track("screen", h264(H264_MODE_1), VIDEO_CLOCK_HZ);
    let screen_sound = local_track("screen-sound", opus(), AUDIO_CLOCK_HZ);
    let trunk = Trunk::new(blueprint.bounds, now);
    let make = || -> Result<(MediaEngine, Registry)> {
        let clocks = [&audio, &video, &screen, &screen_sound]
            .map(|track| (track.ssrc, Arc::clone(&track.clock)))
            .into_iter()
            .collect();
        let tap = Tap::new(
            Arc::clone(&trunk.meter),
            blueprint.key_frames.clone(),
            (screen.ssrc, blueprint.screen_key_frames.clone()),
            screen_sound.ssrc,
        );
        let mut engine = media_engine()?;
        let registry = trunk
            .chain(&mut engine, clocks, video.ssrc, audio.ssrc, now)?
            .with(Slot::from(TAP_SLOT), Linked::new(tap))
            .with(
                Slot::from(LIPS_SLOT),
                Linked::new(Lips::new(
                    Arc::clone(&trunk.meter),
                    blueprint.remote_times.clone(),
                )),
            )
            .with(
                Slot::from(DELIVER_SLOT),
                Linked::new(Deliver::new(Arc::clone(&trunk.meter), blueprint.events.clone())),
            );
        Ok((engine, registry))
    };
    let handler: Arc<dyn PeerConnectionEventHandler> = Arc::new(Callbacks(blueprint.events.clone()));
    let (connection, rounds, tasks) = raise(&blueprint.reach, make, handler).await?;
    Ok(Built {
        connection,
        audio,
        video,
        screen,
        screen_sound,
        trunk,
        tasks,
        rounds,
    })
}

/// A connection of the library, with the loop that runs it.
pub(super) type Raised = (Arc<dyn PeerConnection>, Arc<Rounds>, Arc<LiveTasks>);

/// Raises a connection of what `make` gives, which is asked twice where the first attempt is in vain.
pub(super) async fn raise(
    reach: &Reach,
    make: impl Fn() -> Result<(MediaEngine, Registry)>,
    handler: Arc<dyn PeerConnectionEventHandler>,
) -> Result<Raised> {
    let mdns = match reach.candidates {
        CandidatePolicy::All => MulticastDnsMode::QueryOnly,
        // Whoever is in the same network and names a `.local` address would see from where it is asked for.
        CandidatePolicy::RelayOnly => MulticastDnsMode::Disabled,
    };
    match Box::pin(raise_with(reach, make()?, Arc::clone(&handler), mdns)).await {
        Err(error) if mdns != MulticastDnsMode::Disabled => {
            // Without a multicast route (a namespace, a locked-down machine) `.local` candidates cannot be resolved, but a
            // call is still possible.
            tracing::debug!(%error, "once more without mDNS");
            Box::pin(raise_with(reach, make()?, handler, MulticastDnsMode::Disabled)).await
        }
        raised => raised,
    }
}

async fn raise_with(
    reach: &Reach,
    (engine, registry): (MediaEngine, Registry),
    handler: Arc<dyn PeerConnectionEventHandler>,
    mdns: MulticastDnsMode,
) -> Result<Raised> {
    let rounds = Rounds::new(reach.ice_servers.iter().any(servers::is_relay));
    let (runtime, tasks) = PeerRuntime::new(Arc::clone(&rounds), reach.tcp.clone());
    let streams = reach.tcp.iter().flat_map(|tcp| tcp.listened());
    let streams = streams.map(|ip| SocketAddr::new(*ip, 0)).collect();
    let building = PeerConnectionBuilder::new()
        .with_configuration(
            RTCConfigurationBuilder::new()
                .with_ice_servers(reach.ice_servers.clone())
                .with_ice_transport_policy(match reach.candidates {
                    CandidatePolicy::All => RTCIceTransportPolicy::All,
                    CandidatePolicy::RelayOnly => RTCIceTransportPolicy::Relay,
                })
                .build(),
        )
        .with_media_engine(engine)
        .with_setting_engine(settings(mdns, reach.candidates))
        .with_interceptor_registry(registry)
        .with_handler(handler)
        .with_runtime(Arc::new(runtime))
        .with_udp_addrs(reach.addresses.clone())
        .with_tcp_addrs(streams)
        .with_data_channel_send_buffer_limit(SCTP_SEND_BYTES_MAX)
        .build();
    let connection = Box::pin(building).await?;
    Ok((Arc::new(connection), rounds, tasks))
}

fn settings(mdns: MulticastDnsMode, candidates: CandidatePolicy) -> SettingEngine {
    let relay_wait = match candidates {
        CandidatePolicy::All => ICE_RELAY_WAIT,
        CandidatePolicy::RelayOnly => Duration::ZERO,
    };
    SettingEngineBuilder::new()
        .with_ice_connection_attempts(Some(ICE_CHECK_INTERVAL), Some(ICE_CHECKS_MAX))
        .with_ice_timeouts(None, None, Some(ICE_KEEP_ALIVE))
        .with_prflx_acceptance_min_wait(Some(ICE_PRFLX_WAIT))
        .with_srflx_acceptance_min_wait(Some(ICE_SRFLX_WAIT))
        .with_relay_acceptance_min_wait(Some(relay_wait))
        .with_include_loopback_candidate(true)
        .with_multicast_dns_mode(mdns)
        .with_sctp_max_receive_buffer_size(SCTP_RECEIVE_BYTES)
        .with_sctp_max_message_size(SctpMaxMessageSize::Bounded(SCTP_MESSAGE_BYTES_MAX))
        // The cheaper ciphers first; the last is what every browser knows.
        .with_srtp_protection_profiles(vec![
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
        ])
        .build()
}

/// Exactly what is spoken, nothing else. Payload types are our proposal only; what holds is what was negotiated.
fn media_engine() -> Result<MediaEngine> {
    let mut engine = common_engine()?;
    register(&mut engine, h264(H264_MODE_0), 108)?;
    register(&mut engine, rtx("apt=108"), 109)?;
    Ok(engine)
}

/// What is spoken to the server's SFU: one way to cut pictures, and the names of encodings.
pub(super) fn group_engine() -> Result<MediaEngine> {
    let mut engine = common_engine()?;
    for uri in [SDES_RTP_STREAM_ID_URI, SDES_REPAIR_RTP_STREAM_ID_URI] {
        extend(&mut engine, uri, RtpCodecKind::Video)?;
    }
    Ok(engine)
}

fn common_engine() -> Result<MediaEngine> {
    let mut engine = MediaEngine::default();
    register(&mut engine, opus(), 111)?;
    // Behind Opus: whoever sends decides when copies are worth their bits.
    register(&mut engine, red("111/111"), 63)?;
    register(&mut engine, h264(H264_MODE_1), 125)?;
    register(&mut engine, rtx("apt=125"), 105)?;
    extend(&mut engine, SDES_MID_URI, RtpCodecKind::Audio)?;
    extend(&mut engine, SDES_MID_URI, RtpCodecKind::Video)?;
    extend(&mut engine, AUDIO_LEVEL_URI, RtpCodecKind::Audio)?;
    Ok(engine)
}

fn register(engine: &mut MediaEngine, rtp_codec: RTCRtpCodec, payload_type: u8) -> Result<()> {
    let kind = if rtp_codec.channels > 0 {
        RtpCodecKind::Audio
    } else {
        RtpCodecKind::Video
    };
    let parameters = RTCRtpCodecParameters {
        rtp_codec,
        payload_type,
    };
    engine.register_codec(parameters, kind)
}

fn extend(engine: &mut MediaEngine, uri: &str, kind: RtpCodecKind) -> Result<()> {
    let capability = RTCRtpHeaderExtensionCapability { uri: uri.to_owned() };
    engine.register_header_extension(capability, kind, None)
}

pub(super) fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: AUDIO_CLOCK_HZ,
        channels: 2,
        sdp_fmtp_line: OPUS.to_owned(),
        rtcp_feedback: Vec::new(),
    }
}

/// Redundant sound (RFC 2198), with as many payload types inside as the format line says.
fn red(fmtp: &str) -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_RED.to_owned(),
        sdp_fmtp_line: fmtp.to_owned(),
        ..opus()
    }
}

/// H.264 as it is sent.
pub(super) fn pictures() -> RTCRtpCodec {
    h264(H264_MODE_1)
}

fn h264(fmtp: &str) -> RTCRtpCodec {
    let feedback = [("goog-remb", ""), ("ccm", "fir"), ("nack", ""), ("nack", "pli")];
    RTCRtpCodec {
        mime_type: MIME_TYPE_H264.to_owned(),
        clock_rate: VIDEO_CLOCK_HZ,
        channels: 0,
        sdp_fmtp_line: fmtp.to_owned(),
        rtcp_feedback: feedback
            .into_iter()
            .map(|(typ, parameter)| RTCPFeedback {
                typ: typ.to_owned(),
                parameter: parameter.to_owned(),
            })
            .collect(),
    }
}

fn rtx(fmtp: &str) -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_RTX.to_owned(),
        clock_rate: VIDEO_CLOCK_HZ,
        channels: 0,
        sdp_fmtp_line: fmtp.to_owned(),
        rtcp_feedback: Vec::new(),
    }
}

/// A track with fresh SSRCs.
pub(super) fn local_track(name: &str, codec: RTCRtpCodec, clock_hz: u32) -> LocalTrack {
    let encodings = [encoding(codec, "")];
    let ssrc = ssrc_of(&encodings[0]);
    LocalTrack {
        track: track(name, encodings.into()),
        ssrc,
        clock: Arc::new(CaptureClock::new(clock_hz)),
    }
}

/// A track of pictures in several encodings, each under its name, in their order; all of them are one track of the library.
pub(super) fn layered_track(name: &str, rids: &[&str]) -> Vec<LocalTrack> {
    let encodings: Vec<_> = rids.iter().map(|rid| encoding(h264(H264_MODE_1), rid)).collect();
    let ssrcs: Vec<u32> = encodings.iter().map(ssrc_of).collect();
    let track = track(name, encodings);
    let layer = |ssrc| LocalTrack {
        track: Arc::clone(&track),
        ssrc,
        clock: Arc::new(CaptureClock::new(VIDEO_CLOCK_HZ)),
    };
    ssrcs.into_iter().map(layer).collect()
}

/// An encoding with fresh SSRCs, of pictures with one for retransmissions.
fn encoding(codec: RTCRtpCodec, rid: &str) -> RTCRtpEncodingParameters {
    let rtx = (codec.channels == 0).then(|| RTCRtpRtxParameters { ssrc: rand::random() });
    RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            rid: rid.into(),
            ssrc: Some(rand::random()),
            rtx,
            ..Default::default()
        },
        codec,
        active: true,
        ..Default::default()
    }
}

fn ssrc_of(encoding: &RTCRtpEncodingParameters) -> u32 {
    encoding.rtp_coding_parameters.ssrc.unwrap_or_default()
}

/// Microphone and camera are in one media stream, so that a browser plays them in sync; the screen and its sound are in one of their
/// own.
fn track(name: &str, encodings: Vec<RTCRtpEncodingParameters>) -> Arc<TrackLocalStaticRTP> {
    let is_sound = encodings.iter().any(|encoding| encoding.codec.channels > 0);
    let kind = if is_sound {
        RtpCodecKind::Audio
    } else {
        RtpCodecKind::Video
    };
    let stream = if name.starts_with("screen") {
        "parley-screen"
    } else {
        "parley"
    };
    let track = MediaStreamTrack::new(stream.into(), name.into(), name.into(), kind, encodings);
    Arc::new(TrackLocalStaticRTP::new(track))
}
