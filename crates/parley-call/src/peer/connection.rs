//! One connection: the library's object with our tracks, control channel, gate and counters on it, and what can be asked
//! of it. Made by `Open`, replaced by the next one. Decides nothing.

use super::control;
use super::estimate::{Ceiling, Congestion};
use super::lane;
use super::library::LibraryEvents;
use super::meter::Meter;
use super::rounds::Rounds;
use super::route::{self, Route};
use super::runtime::LiveTasks;
use super::setup::{Blueprint, Built, LocalTrack, Trunk, build};
use super::stats::Pair;
use super::tcp::guard::Guard;
use super::tcp::lines;
use super::tcp::rules::Refusal;
use super::way::{self, Selected};
use crate::port::TrackKind;
use crate::relay::relays::Relays;
use crate::sdp::{self, Setup};
use parley_proto::control::{CONTROL_CHANNEL_ID, CONTROL_CHANNEL_LABEL};
use parley_proto::limits::{CANDIDATE_BYTES_MAX, SDP_BYTES_MAX};
use parley_proto::{Bitrate, Candidate, ControlMessage, SdpType};
use rtc::peer_connection::configuration::RTCOfferOptions;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use webrtc::data_channel::{DataChannel, RTCDataChannelInit};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::{PeerConnection, RTCIceCandidateInit, RTCSessionDescription};
use webrtc::rtp_transceiver::RtpSender;

/// How long closing may take before the connection is left to itself.
const CLOSE_MAX: Duration = Duration::from_secs(1);

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// The library would not.
    #[error("{0}")]
    Library(#[from] webrtc::error::Error),
    /// There is no connection to do it with.
    #[error("no connection is open")]
    NotOpen,
    /// The addresses of this machine are not the ones that are bound: nothing to restart ICE on.
    #[error("the network of this machine changed")]
    NetworkChanged,
    /// Only relays may be used.
    #[error("only relays may be used, and there is none")]
    NoRelay,
    /// There is no address but those that are in use.
    #[error("this machine is on no other network")]
    NoOtherNetwork,
    /// A second connection is not asked for that before it took over.
    #[error("only the first connection does that")]
    FirstOnly,
    /// The control channel did not take it.
    #[error("the control channel takes no message")]
    ControlRefused,
    /// Something from outside is larger than any honest one.
    #[error("{0} is too large")]
    TooLarge(&'static str),
    /// A candidate of a kind that is not used.
    #[error("only candidates over UDP and TCP are used")]
    NotUsed,
    /// A candidate that is not connected to.
    #[error("nothing is connected to there: {0}")]
    Refused(#[from] Refusal),
}

type Result<T> = std::result::Result<T, CommandError>;

/// See the module.
pub(super) struct Connection {
    pub(super) generation: u32,
    pub(super) meter: Arc<Meter>,
    pub(super) congestion: Congestion,
    pub(super) estimate: watch::Receiver<Bitrate>,
    pub(super) ceiling: Ceiling,
    pub(super) tasks: Arc<LiveTasks>,
    pub(super) rounds: Arc<Rounds>,
    /// What streams there may be; none without.
    pub(super) tcp: Option<Arc<Guard>>,
    pub(super) connected: bool,
    peer: Arc<dyn PeerConnection>,
    parts: Parts,
    control: Arc<dyn DataChannel>,
    control_open: watch::Sender<bool>,
    /// All data channels.
    channels: Vec<Arc<dyn DataChannel>>,
    /// Made with the connection, spoken on once the gate is open.
    lanes: Vec<lane::Unopened>,
    /// Who of us began the handshake, from the first answer on.
    dtls: OnceLock<Setup>,
    remote_video: Option<Arc<dyn TrackRemote>>,
    remote_screen: Option<Arc<dyn TrackRemote>>,
    readers: Vec<AbortHandle>,
}

/// Our tracks and what the pumps need of them.
struct Parts {
    audio: Sending,
    video: Sending,
    /// Once it was added.
    screen: Option<Sending>,
    /// Before that.
    spare_screen: Option<LocalTrack>,
    /// The same two for what the computer plays.
    screen_sound: Option<Sending>,
    spare_screen_sound: Option<LocalTrack>,
    room: Arc<super::pacer::room::Room>,
}

/// One track and its sender.
struct Sending {
    local: LocalTrack,
    sender: Arc<dyn RtpSender>,
}

impl Connection {
    /// Makes one. Nothing is sent before a description is set.
    pub(super) async fn open(generation: u32, blueprint: Blueprint, now: Instant) -> Result<Self> {
        let events = blueprint.events.clone();
        let tcp = blueprint.reach.tcp.clone();
        let Built {
            connection: peer,
            audio,
            video,
            screen,
            screen_sound,
            trunk,
            tasks,
            rounds,
        } = build(blueprint, now).await?;
        let Trunk {
            meter,
            room,
            congestion,
            estimate,
            ceiling,
        } = trunk;
        let audio = sending(peer.as_ref(), audio).await?;
        let video = sending(peer.as_ref(), video).await?;
        let init = RTCDataChannelInit {
            negotiated: Some(CONTROL_CHANNEL_ID),
            ..Default::default()
        };
        let control = peer
            .create_data_channel(CONTROL_CHANNEL_LABEL, Some(init))
            .await?;
        let lanes = lane::create_all(peer.as_ref(), &events, &meter).await?;
        let channels = std::iter::once(Arc::clone(&control))
            .chain(lanes.iter().map(lane::Unopened::channel))
            .collect();
        let mut connection = Self {
            generation,
            meter,
            congestion,
            estimate,
            ceiling,
            tasks,
            rounds,
            tcp,
            connected: false,
            peer,
            parts: Parts {
                audio,
                video,
                screen: None,
                spare_screen: Some(screen),
                screen_sound: None,
                spare_screen_sound: Some(screen_sound),
                room,
            },
            control,
            control_open: watch::Sender::new(false),
            channels,
            lanes,
            dtls: OnceLock::new(),
            remote_video: None,
            remote_screen: None,
            readers: Vec::new(),
        };
        connection.read_control(events);
        Ok(connection)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "driver: one reader a connection, ended with it"
    )]
    fn read_control(&mut self, events: LibraryEvents) {
        let reading = control::read(
            Arc::clone(&self.control),
            events,
            Arc::clone(&self.meter),
            Instant::now,
        );
        self.readers.push(tokio::spawn(reading).abort_handle());
    }

    /// Speaks on the lanes from now on.
    #[expect(
        clippy::disallowed_methods,
        reason = "driver: one task a lane, ended with the connection"
    )]
    pub(super) fn open_lanes(&mut self) {
        for lane in self.lanes.drain(..) {
            self.readers.push(tokio::spawn(lane.run()).abort_handle());
        }
    }

    /// Puts the screen's track on the connection, once; the library then wants a negotiation.
    pub(super) async fn add_screen(&mut self) -> Result<()> {
        if let Some(screen) = self.parts.spare_screen.take() {
            self.parts.screen = Some(sending(self.peer.as_ref(), screen).await?);
        }
        Ok(())
    }

    /// The same with the track of what the computer plays.
    pub(super) async fn add_screen_sound(&mut self) -> Result<()> {
        if let Some(sound) = self.parts.spare_screen_sound.take() {
            self.parts.screen_sound = Some(sending(self.peer.as_ref(), sound).await?);
        }
        Ok(())
    }

    /// Creates and sets an offer; gives its SDP.
    pub(super) async fn make_offer(&self, ice_restart: bool) -> Result<String> {
        let options = ice_restart.then_some(RTCOfferOptions { ice_restart });
        let offer = self.peer.create_offer(options).await?;
        let sdp = self.announced(&offer.sdp);
        self.peer.set_local_description(offer).await?;
        Ok(sdp)
    }

    /// Creates and sets an answer; gives its SDP.
    pub(super) async fn make_answer(&self) -> Result<String> {
        let answer = self.peer.create_answer(None).await?;
        let sdp = self.announced(&answer.sdp);
        self.peer.set_local_description(answer).await?;
        // The library says "active" in every answer. On a connection that stands it is settled who began (RFC 8842, section 5.3), and
        // a browser refuses an answer that says otherwise, with all that was in it.
        Ok(match sdp::setup(&sdp) {
            Some(said) => sdp::with_setup(&sdp, *self.dtls.get_or_init(|| said)),
            None => sdp,
        })
    }

    /// An own description as it is told. Whoever is told it may come in over a stream.
    fn announced(&self, sdp: &str) -> String {
        if let Some(tcp) = &self.tcp {
            for ufrag in sdp::ufrags(sdp) {
                tcp.announce(ufrag);
            }
        }
        lines::told_description(sdp)
    }

    /// Sets the other side's description; checks begin.
    pub(super) async fn set_remote(&self, sdp_type: SdpType, sdp: &str, now: Instant) -> Result<()> {
        if sdp.len() > SDP_BYTES_MAX {
            return Err(CommandError::TooLarge("the description"));
        }
        self.meter.screen_streams.read(sdp);
        self.meter.redundancy.read(sdp);
        if let Some(tcp) = &self.tcp {
            tcp.begin(sdp::ufrags(sdp).next().unwrap_or_default(), now);
        }
        let said = sdp::setup(sdp);
        let sdp = lines::without_tcp(sdp);
        let description = match sdp_type {
            SdpType::Offer => RTCSessionDescription::offer(sdp)?,
            SdpType::Answer => RTCSessionDescription::answer(sdp)?,
        };
        let set = self.peer.set_remote_description(description).await;
        if set.is_err() {
            self.forget_remote_offer().await;
        }
        set?;
        if let (SdpType::Answer, Some(theirs)) = (sdp_type, said) {
            self.dtls.get_or_init(|| theirs.other());
        }
        Ok(())
    }

    /// Takes back the offer that has no answer: theirs, where one is set, or our own.
    pub(super) async fn roll_back(&self) -> Result<()> {
        if !self.forget_remote_offer().await {
            let rollback = RTCSessionDescription::rollback(None)?;
            self.peer.set_local_description(rollback).await?;
        }
        Ok(())
    }

    /// What is set is what was agreed on last; gives whether an offer of theirs was set beyond that. The library takes one that it
    /// then cannot use in half.
    async fn forget_remote_offer(&self) -> bool {
        let is_set = self.peer.pending_remote_description().await.is_some();
        if is_set && let Err(error) = self.roll_theirs_back().await {
            tracing::warn!(%error, "an offer cannot be taken back");
        }
        if let Some(agreed) = self.peer.remote_description().await {
            self.meter.screen_streams.read(&agreed.sdp);
            self.meter.redundancy.read(&agreed.sdp);
        }
        is_set
    }

    async fn roll_theirs_back(&self) -> Result<()> {
        let rollback = RTCSessionDescription::rollback(None)?;
        Ok(self.peer.set_remote_description(rollback).await?)
    }

    /// Adds a candidate of the other side. Streams are connected to only as far as the guard lets.
    pub(super) async fn add_candidate(&self, candidate: Candidate) -> Result<()> {
        if candidate.candidate.is_empty() {
            return Ok(()); // the end of candidates, of which the library wants no word
        }
        if candidate.candidate.len() > CANDIDATE_BYTES_MAX {
            return Err(CommandError::TooLarge("the candidate"));
        }
        let line = match (lines::read(&candidate.candidate), &self.tcp) {
            (lines::Candidate::Udp, _) => candidate.candidate,
            (lines::Candidate::Passive { at, line }, Some(tcp)) => match tcp.want(at) {
                Ok(()) => line,
                Err(Refusal::Here) => return Ok(()),
                Err(refusal) => return Err(refusal.into()),
            },
            // Whoever is meant by it comes by itself, or is not to be met this way.
            (lines::Candidate::Passive { .. } | lines::Candidate::OtherTcp, _) => return Ok(()),
            (lines::Candidate::Unknown, _) => return Err(CommandError::NotUsed),
        };
        let init = RTCIceCandidateInit {
            candidate: line,
            sdp_mid: candidate.sdp_mid,
            sdp_mline_index: candidate.sdp_mline_index,
            username_fragment: candidate.username_fragment,
            ..Default::default()
        };
        Ok(self.peer.add_ice_candidate(init).await?)
    }

    /// The library's word that ICE and DTLS stand. The control channel may need waking from now on.
    #[expect(clippy::disallowed_methods, reason = "driver: ends by itself within seconds")]
    pub(super) fn on_connected(&mut self) {
        if std::mem::replace(&mut self.connected, true) {
            return;
        }
        let waking = control::wake(Arc::clone(&self.control), self.control_open.subscribe());
        self.readers.push(tokio::spawn(waking).abort_handle());
    }

    /// The control channel can be used.
    pub(super) fn on_control_open(&self) {
        self.control_open.send_replace(true);
    }

    /// Sends on the control channel, if it is open.
    pub(super) async fn send_control(&self, message: &ControlMessage) -> Result<()> {
        let sent = match serde_json::to_string(message) {
            Ok(text) if *self.control_open.borrow() => {
                let sent = self.control.try_send_text(&text).await.is_ok();
                self.meter.said.add(if sent { text.len() as u64 } else { 0 });
                sent
            }
            _ => false,
        };
        if !sent {
            self.meter.drops.control_refused.one();
            return Err(CommandError::ControlRefused);
        }
        Ok(())
    }

    /// A stream of the other side can be spoken to.
    pub(super) async fn on_remote_track(&mut self, track: Arc<dyn TrackRemote>) {
        if track.kind().await != RtpCodecKind::Video {
            return;
        }
        let ssrcs = track.ssrcs().await;
        if ssrcs.iter().any(|ssrc| self.meter.screen_streams.has(*ssrc)) {
            self.remote_screen = Some(track);
        } else {
            self.remote_video = Some(track);
        }
    }

    /// Asks the other side for a key frame; gives whether there is a picture to ask for.
    pub(super) async fn request_key_frame(&self, kind: TrackKind) -> bool {
        let track = match kind {
            TrackKind::Screen => &self.remote_screen,
            TrackKind::Audio | TrackKind::Video | TrackKind::ScreenSound => &self.remote_video,
        };
        let Some(track) = track else {
            return false;
        };
        let Some(media_ssrc) = track.ssrcs().await.first().copied() else {
            return false;
        };
        let request = PictureLossIndication {
            sender_ssrc: self.parts.video.local.ssrc,
            media_ssrc,
        };
        match track.write_rtcp(vec![Box::new(request)]).await {
            Ok(()) => self.meter.key_frame_requests_sent.one(),
            Err(error) => tracing::debug!(%error, "a key frame cannot be asked for"),
        }
        true
    }

    /// The way out for one kind of media, if there is one now.
    pub(super) async fn route(&self, kind: TrackKind) -> Option<Route> {
        if !self.connected || !self.meter.gate.is_open() {
            return None;
        }
        let (sending, mime_type) = match kind {
            TrackKind::Audio => (&self.parts.audio, MIME_TYPE_OPUS),
            TrackKind::Video => (&self.parts.video, MIME_TYPE_H264),
            TrackKind::Screen => (self.parts.screen.as_ref()?, MIME_TYPE_H264),
            TrackKind::ScreenSound => (self.parts.screen_sound.as_ref()?, MIME_TYPE_OPUS),
        };
        let agreed = route::agreed(self.peer.as_ref(), &sending.sender, mime_type).await?;
        Some(Route {
            generation: self.generation,
            is_screen: matches!(kind, TrackKind::Screen | TrackKind::ScreenSound),
            smaller: 0,
            track: Arc::clone(&sending.local.track),
            ssrc: sending.local.ssrc,
            payload_type: agreed.payload_type,
            red_type: self.red_type(kind, agreed.payload_type),
            mid: agreed.mid,
            rid: None,
            audio_level_id: agreed.audio_level_id,
            clock: Arc::clone(&sending.local.clock),
            room: Arc::clone(&self.parts.room),
            meter: Arc::clone(&self.meter),
        })
    }

    /// The payload type for a voice with copies inside, if the other side reads them with our Opus. Ours are always offered, and an
    /// answer has no more than the offer; the library's parameters of a sender that offered name only the track's own codec.
    fn red_type(&self, kind: TrackKind, opus: u8) -> Option<u8> {
        let red = self.meter.redundancy.negotiated()?;
        (kind == TrackKind::Audio && red.media == opus).then_some(red.red)
    }

    /// The pair of addresses in use, with its round trip.
    pub(super) async fn pair(&self, now: Instant, relays: &Relays) -> Option<Pair> {
        let transport = self.parts.audio.sender.transport().await.ok()??;
        way::pair(self.peer.as_ref(), transport.as_ref(), now, relays).await
    }

    /// The addresses that packets go between now, if ICE has chosen.
    pub(super) async fn selected(&self) -> Option<Selected> {
        let transport = self.parts.audio.sender.transport().await.ok()??;
        way::selected(transport.as_ref()).await
    }

    /// Bytes that were said in data channels and are not answered.
    pub(super) async fn unanswered(&self) -> u64 {
        let mut bytes = 0;
        for channel in &self.channels {
            bytes += channel.outstanding_bytes().await.unwrap_or(0) as u64;
        }
        bytes
    }

    /// No stream is opened any more, and none that is being opened is waited for.
    pub(super) fn stop_dialling(&self) {
        if let Some(tcp) = &self.tcp {
            tcp.end();
        }
    }

    /// Ends it and everything that belongs to it.
    pub(super) async fn close(self) {
        self.stop_dialling();
        for reader in &self.readers {
            reader.abort();
        }
        match tokio::time::timeout(CLOSE_MAX, self.peer.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "closing"),
            Err(_) => tracing::warn!("a connection does not close"),
        }
    }
}

async fn sending(peer: &dyn PeerConnection, local: LocalTrack) -> Result<Sending> {
    let track: Arc<dyn TrackLocal> = local.track.clone();
    let sender = peer.add_track(track).await?;
    Ok(Sending { local, sender })
}
