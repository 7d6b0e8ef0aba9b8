//! The border between what decides (`session`) and what does (`peer`): commands one way, events the other.
//!
//! The peer driver carries commands out strictly in order, one at a time, and answers each that can fail. It lives as long
//! as the call; [`PeerCommand::Open`] makes a fresh connection inside it, replacing one that is there, and
//! [`PeerCommand::OpenBeside`] a second one, which [takes over](PeerCommand::TakeOver) once it is better than the first.

use crate::allotment::Allotment;
use crate::config::VideoLimits;
use crate::ice::{IceServer, RelayTransport};
use crate::session::NetworkChange;
use bytes::{Bytes, BytesMut};
use parley_media::packet::ReceivedPacket;
use parley_proto::{Candidate, ControlMessage, SdpType};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::Receiver;
use tokio::sync::mpsc;

/// What the session asks of the peer driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerCommand {
    /// Makes a fresh connection with the local tracks and the control channel on it, and starts gathering once a local
    /// description is set. `generation` comes back in every event, so that events of a replaced connection are told apart.
    Open {
        /// Counts up with every `Open`.
        generation: u32,
        /// What helps to find a way.
        ice_servers: Vec<IceServer>,
    },
    /// Creates an offer and sets it: answered by [`PeerEventKind::LocalDescription`] or [`PeerEventKind::CommandFailed`].
    MakeOffer {
        /// Whether ICE starts anew.
        ice_restart: bool,
    },
    /// Sets the other side's description: answered by [`PeerEventKind::RemoteDescriptionSet`] or `CommandFailed`.
    SetRemote {
        /// Offer or answer.
        sdp_type: SdpType,
        /// The SDP.
        sdp: String,
    },
    /// Creates the answer to the offer set before, and sets it: answered as `MakeOffer`.
    MakeAnswer,
    /// Takes back the offer that is set and was not answered, an own one or theirs (the library does no implicit rollback).
    Rollback,
    /// Adds a candidate of the other side; only sent once a remote description is set.
    AddCandidate(Candidate),
    /// Adds the track of the screen to the connection; the other side is offered it ([`PeerEventKind::NegotiationNeeded`]).
    AddScreen,
    /// The same for the track of what the computer plays.
    AddScreenSound,
    /// The most video there may be from now on.
    Limit(VideoLimits),
    /// Opens the gate: media is sent and handed on from now. Closed again by the next `Open`.
    AllowMedia,
    /// Sends on the control channel; dropped and counted while that is not open.
    SendControl(ControlMessage),
    /// Makes a second connection beside the one there is, which it leaves alone: the same tracks, channels and events, but
    /// nothing is sent over it, and what comes is handed on only once `AllowMedia` was said of it too.
    OpenBeside {
        /// As of `Open`.
        generation: u32,
        /// What helps to find a way.
        ice_servers: Vec<IceServer>,
        /// Only on addresses of this machine that the first does not use; where there are none, nothing is opened.
        elsewhere: bool,
    },
    /// Carries out any other command on the second connection instead of the first.
    Beside(Box<Self>),
    /// The second connection takes the place of the first: what is sent goes over it from now on. The first becomes the second,
    /// over which only what is still on its way comes.
    TakeOver,
    /// Ends the second connection.
    CloseBeside,
    /// Ends both connections.
    Close,
}

impl PeerCommand {
    /// Its name in [`PeerEventKind::CommandFailed`].
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::MakeOffer { .. } => "make_offer",
            Self::SetRemote { .. } => "set_remote",
            Self::MakeAnswer => "make_answer",
            Self::Rollback => "rollback",
            Self::AddCandidate(_) => "add_candidate",
            Self::AddScreen => "add_screen",
            Self::AddScreenSound => "add_screen_sound",
            Self::Limit(_) => "limit",
            Self::AllowMedia => "allow_media",
            Self::SendControl(_) => "send_control",
            Self::OpenBeside { .. } => "open_beside",
            Self::Beside(command) => command.name(),
            Self::TakeOver => "take_over",
            Self::CloseBeside => "close_beside",
            Self::Close => "close",
        }
    }
}

/// What the peer driver tells the session.
#[derive(Debug)]
pub struct PeerEvent {
    /// Which connection it is about.
    pub generation: u32,
    /// What happened.
    pub kind: PeerEventKind,
}

/// What happened to a connection.
#[derive(Debug)]
pub enum PeerEventKind {
    /// An own description was made and set.
    LocalDescription {
        /// Offer or answer.
        sdp_type: SdpType,
        /// The SDP to send.
        sdp: String,
    },
    /// The other side's description was set.
    RemoteDescriptionSet {
        /// Offer or answer.
        sdp_type: SdpType,
    },
    /// An own candidate was found.
    LocalCandidate(Candidate),
    /// The tracks changed; an offer is needed.
    NegotiationNeeded,
    /// ICE and DTLS together.
    Connection(ConnectionPhase),
    /// The control channel can be used.
    ControlOpen,
    /// A message on it. Never handed on before `AllowMedia`.
    Control(ControlMessage),
    /// Sound or pictures begin to come. Never before `AllowMedia`.
    Track {
        /// Which.
        kind: TrackKind,
        /// The packets; bounded, full means dropped and counted.
        packets: Receiver<ReceivedPacket>,
    },
    /// The other side answers on a data channel. Never before `AllowMedia`.
    Lane {
        /// Which.
        kind: LaneKind,
        /// Its two ends; both end with the connection.
        lane: Lane,
    },
    /// The path came back after an outage, and data channels do not go on: only a fresh connection helps.
    LanesStuck,
    /// What comes changed: a kind of packets stopped, or goes on.
    Inflow(Inflow),
    /// This machine is on other networks than when the connection was opened, or a relay was lost with the stream to it.
    NetworkChanged(NetworkChange),
    /// Only relays may be used, and there is none: no connection was opened.
    NoRelay,
    /// A command could not be carried out.
    CommandFailed {
        /// Which: [`PeerCommand::name`].
        command: &'static str,
        /// Why, for the log.
        detail: String,
    },
}

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionPhase {
    /// Trying.
    Connecting,
    /// ICE and DTLS stand.
    Connected,
    /// Nothing came for a while; may come back by itself.
    Disconnected,
    /// Given up; only an ICE restart or a fresh connection helps.
    Failed,
}

/// What came over a connection in the last second. Presumed to be everything until the opposite was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inflow {
    /// Packets of sound.
    pub audio: bool,
    /// Packets of pictures.
    pub video: bool,
    /// Packets of any kind, reports among them: as long as there are any, the path carries.
    pub anything: bool,
    /// Nothing came for half a second: too short to say that it stopped, and long enough to believe whoever says that they moved.
    pub lull: bool,
    /// Much of what should come, or go, was lost in each of the last seconds.
    pub lossy: bool,
}

impl Default for Inflow {
    fn default() -> Self {
        Self {
            audio: true,
            video: true,
            anything: true,
            lull: false,
            lossy: false,
        }
    }
}

/// What flows in a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrackKind {
    /// The microphone.
    Audio,
    /// The camera.
    Video,
    /// A screen or window: the second track of pictures.
    Screen,
    /// What the computer of whoever shows the screen plays: the second track of sound.
    ScreenSound,
}

/// The data channels beside the control channel, each for one thing; and what in a group stands for one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LaneKind {
    /// [`parley_proto::ChatFrame`]s.
    Chat,
    /// [`parley_proto::FileFrame`]s.
    Files,
    /// [`parley_proto::ChunkFrame`]s.
    Chunks,
    /// Offers of files, and what becomes of them while there is no connection: [`parley_proto::FileFrame`]s, sealed through the server.
    FileWords,
}

/// An open data channel: ordered, reliable, messages of at most 64 KiB.
#[derive(Debug)]
pub struct Lane {
    /// What is to go. Bounded: it fills up when the network takes no more.
    pub outgoing: mpsc::Sender<BytesMut>,
    /// What came. Bounded: what finds no room is dropped and counted, so whoever speaks here agrees with the other side on how
    /// much may be on its way.
    pub incoming: mpsc::Receiver<Bytes>,
    /// Bytes of what was said that are there, in whatever order: what is lost holds back what came after it, but not this.
    pub answered: Arc<AtomicU64>,
    /// What files may take of the path.
    pub allotment: Arc<Allotment>,
}

/// What the peer driver measured in the last second. All rates are of the last second; counters since the connection.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PeerStats {
    /// ICE round trip in milliseconds.
    pub rtt_ms: Option<f32>,
    /// The estimate, in bits per second.
    pub estimate_bps: Option<u64>,
    /// Payload and headers sent, bits per second.
    pub sent_bps: u64,
    /// Payload and headers received, bits per second.
    pub received_bps: u64,
    /// Video frames handed to the network, per second.
    pub frames_sent_per_s: f32,
    /// The same of the screen.
    pub screen_frames_sent_per_s: f32,
    /// Packets of the computer's sound handed to the network, per second.
    pub screen_sound_sent_per_s: f32,
    /// Lost on the way here, percent of the last second (before retransmission).
    pub loss_in_pct: f32,
    /// Lost on the way there, percent, from the other side's reports.
    pub loss_out_pct: f32,
    /// Interarrival jitter of the sound that comes, in milliseconds (RFC 3550, 6.4.1).
    pub audio_jitter_ms: f32,
    /// The same of the pictures.
    pub video_jitter_ms: f32,
    /// Key frame requests received.
    pub key_frame_requests_received: u64,
    /// Key frames asked of the other side.
    pub key_frame_requests_sent: u64,
    /// Packets the other side asked for again.
    pub nacks_received: u64,
    /// Packets we asked for again.
    pub nacks_sent: u64,
    /// Packets retransmitted by us.
    pub retransmissions_sent: u64,
    /// Packets the other side retransmitted.
    pub retransmissions_received: u64,
    /// Times the video encoder was held because too much waited for the network.
    pub encoder_holds: u64,
    /// The pair in use: own and other address.
    pub pair: Option<(SocketAddr, SocketAddr)>,
    /// How they were found: `host`, `srflx`, `prflx` or `relay` (RFC 8839, 5.1).
    pub pair_types: Option<(&'static str, &'static str)>,
    /// The pair is a stream between the two (RFC 6544), for datagrams do not pass.
    pub over_tcp: bool,
    /// How the relay is reached that this side's end of the pair is on, if it is on one.
    pub relay: Option<RelayTransport>,
    /// Things dropped, by name.
    pub drops: Vec<(&'static str, u64)>,
}
