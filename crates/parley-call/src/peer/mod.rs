//! The peer driver: carries out what the session decides over one `webrtc` connection at a time. Owned by the call.
//!
//! [`Peer::spawn`] starts one task for the whole call, and one for groups. It takes [`PeerCommand`](crate::port::PeerCommand)s strictly in
//! order, gives [`PeerEvent`](crate::port::PeerEvent)s, and moves media between the codecs and the network once the
//! session opened the gate. Deliberately absent: any decision about negotiation, retries or giving up (that is the
//! session's), codecs, and signaling.
//!
//! This is the only place that names `webrtc::` and `rtc::`. What that library does not do, or does wrongly, is mended
//! here, one small interceptor or file a fault:
//!
//! | fault of webrtc 0.21.1 | cure |
//! |---|---|
//! | retransmissions are undone behind the NACK generator, which then asks for ever | `chain/unrtx.rs` |
//! | the pacer starts at 1 Mbit/s whatever the estimator says, and sound waits behind pictures | `pacer/` |
//! | retransmissions carry neither MID nor repaired RID | `chain/rtx_stamp.rs` |
//! | the data channel waits twice for 200 ms at its start | `control.rs` |
//! | its congestion control neither probes nor counts retransmissions, and takes a lost report for lost packets | `chain/transport_cc.rs`, `estimate.rs` |
//! | tracks that were not negotiated are sent all the same | `route.rs` |
//! | feedback of the other side never reaches the application | `chain/tap.rs` |
//! | after an outage data channels wait as long again, then crawl, or never go on | `backlog.rs` |
//! | sender reports tell the time of packetising instead of the time of capture | `chain/sender_report.rs` |
//! | what goes through a relay waits for the next timer, twice | `rounds.rs` |
//! | a flight of a DTLS handshake that was lost is sent again after a second | `flights.rs` |
//! | a relay that is named by an IPv6 address is never found | `runtime.rs` |
//! | whatever is named is connected to over TCP, whoever connects is taken in, and a slow stream holds all else up | `tcp/` |
//! | beside a relay the address behind it is told, even where that is to be hidden | `privacy.rs` |
//! | encodings of simulcast are offered with their RIDs and sent without them | `route.rs` |
//!
//! In rooms of three and more there is a second connection, to the server's SFU, with a driver of its own: [`group`].

mod addresses;
mod asking;
mod backlog;
mod chain;
mod connection;
mod control;
mod driver;
mod estimate;
mod first_look;
mod flights;
mod group;
mod guarded_voice;
mod half;
mod inflow;
mod ladder;
mod lane;
mod library;
mod loss_watch;
mod meter;
mod network_watch;
mod pacer;
mod privacy;
mod redundancy;
mod rounds;
mod route;
mod runtime;
mod send_audio;
mod send_video;
mod servers;
mod setup;
mod shared_sound;
mod shares;
mod spawn;
mod stats;
mod streams;
mod tcp;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "test: drives real peers in real time")]
mod tests;
mod voice_losses;
mod way;

use crate::config::{LocalMedia, NetworkOptions};
use crate::key_frame::KeyFrameRequester;
use crate::port::{PeerCommand, PeerEvent, PeerStats};
use crate::sfu_port::{SfuCommand, SfuEvent};
use parley_media::video::SenderTimes;
use tokio::sync::{mpsc, watch};

/// Of the WebRTC library's crates only errors are logged: its warnings are about things that happen in every good call (a
/// candidate answered late, an attribute not asked for). It asks for a relay from every address of this machine and calls each
/// that cannot an error, and each stream that was not to be, with the other side's address in it.
pub const QUIET_LOG: &str = "rtc=error,webrtc=error,webrtc::peer_connection::transport::turn_relayer=off,\
     webrtc::peer_connection::transport::tcp_transport=off,stun_types=error";

/// Commands that may wait for the driver.
const COMMANDS_MAX: usize = 64;
/// Events that may wait for the session; more are dropped and counted.
const EVENTS_MAX: usize = 256;

/// What the driver needs for the whole call. The media ends outlive every single connection.
#[derive(Debug)]
pub struct PeerSetup {
    /// Encoded frames, and the wishes to their encoders.
    pub media: LocalMedia,
    /// Which addresses are used.
    pub network: NetworkOptions,
}

/// The peer driver.
#[derive(Debug)]
pub struct Peer;

impl Peer {
    /// Starts the driver on the current tokio runtime. It ends when the handle's `commands` is dropped.
    #[must_use]
    pub fn spawn(setup: PeerSetup) -> PeerHandle {
        spawn::spawn(setup)
    }
}

/// The session's end of the driver.
#[derive(Debug)]
pub struct PeerHandle {
    /// Carried out one by one, in order. Dropping it ends the driver and its connection.
    pub commands: mpsc::Sender<PeerCommand>,
    /// What happened. Bounded: an event that finds no room is dropped and counted, so keep reading.
    pub events: mpsc::Receiver<PeerEvent>,
    /// The same for the connection to the server's SFU. It ends with that of `commands`, too.
    pub sfu: mpsc::Sender<SfuCommand>,
    /// What happened there. Keep reading as well.
    pub sfu_events: mpsc::Receiver<SfuEvent>,
    /// Measured each second while a connection is open, over all of them.
    pub stats: watch::Receiver<PeerStats>,
    /// By this the receiver of the other side's pictures asks for a key frame. Asking often is fine: it is limited here.
    pub key_frames: KeyFrameRequester,
    /// The same for the other side's screen.
    pub screen_key_frames: KeyFrameRequester,
    /// What is known of the clocks of the other side's camera and microphone, over all connections.
    pub times: SenderTimes,
    /// The same for its screen and what its computer plays.
    pub screen_times: SenderTimes,
}
