//! What the session asks, carried out one by one.

use super::{Driver, Open, bounds, clock};
use crate::config::{CandidatePolicy, VideoLimits};
use crate::ice::IceServer;
use crate::peer::addresses;
use crate::peer::asking::Asking;
use crate::peer::backlog::Backlog;
use crate::peer::connection::{CommandError, Connection};
use crate::peer::first_look::FirstLook;
use crate::peer::guarded_voice::GuardedVoice;
use crate::peer::inflow::InflowWatch;
use crate::peer::ladder::{Ladder, SCREEN_MAX};
use crate::peer::library::LibraryEvents;
use crate::peer::loss_watch::LossWatch;
use crate::peer::network_watch::NetworkWatch;
use crate::peer::privacy;
use crate::peer::servers;
use crate::peer::setup::{Blueprint, Reach};
use crate::peer::shares::Shares;
use crate::peer::stats::Sampler;
use crate::peer::tcp::guard::Guard;
use crate::port::{PeerCommand, PeerEventKind, TrackKind};
use parley_proto::{Bitrate, ControlMessage, SdpType};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

impl Driver {
    pub(super) async fn on_command(&mut self, command: PeerCommand) {
        let name = command.name();
        // A connection that did not open has a number all the same.
        let generation = match &command {
            PeerCommand::Open { generation, .. } | PeerCommand::OpenBeside { generation, .. } => *generation,
            PeerCommand::Beside(_) => self.generation_beside(),
            _ => self.generation(),
        };
        if let Err(error) = self.carry_out(command).await {
            tracing::debug!(command = name, %error, "a command failed");
            let detail = error.to_string();
            let kind = PeerEventKind::CommandFailed {
                command: name,
                detail,
            };
            self.tell_of(generation, kind);
        }
    }

    async fn carry_out(&mut self, command: PeerCommand) -> Result<(), CommandError> {
        match command {
            PeerCommand::Open {
                generation,
                ice_servers,
            } => self.open(generation, ice_servers).await?,
            PeerCommand::MakeOffer { ice_restart } => {
                self.check_network(ice_restart)?;
                let sdp = self.connection()?.make_offer(ice_restart).await?;
                let sdp = self.to_tell(sdp);
                self.tell(PeerEventKind::LocalDescription {
                    sdp_type: SdpType::Offer,
                    sdp,
                });
            }
            PeerCommand::SetRemote { sdp_type, sdp } => {
                self.connection()?.set_remote(sdp_type, &sdp, clock()).await?;
                self.refresh_routes().await;
                self.tell(PeerEventKind::RemoteDescriptionSet { sdp_type });
            }
            PeerCommand::MakeAnswer => {
                self.check_network(true)?;
                let sdp = self.connection()?.make_answer().await?;
                let sdp = self.to_tell(sdp);
                self.refresh_routes().await;
                self.tell(PeerEventKind::LocalDescription {
                    sdp_type: SdpType::Answer,
                    sdp,
                });
            }
            PeerCommand::Rollback => self.connection()?.roll_back().await?,
            PeerCommand::AddCandidate(candidate) => self.connection()?.add_candidate(candidate).await?,
            PeerCommand::AddScreen => self.add_screen().await?,
            PeerCommand::AddScreenSound => {
                let open = self.open.as_mut().ok_or(CommandError::NotOpen)?;
                open.connection.add_screen_sound().await?;
                self.shared_sound.start();
            }
            PeerCommand::Limit(limits) => self.limit(limits),
            PeerCommand::AllowMedia => self.allow_media().await?,
            PeerCommand::SendControl(message) => {
                if let ControlMessage::MediaState(media) = &message {
                    self.told = Some(*media);
                    self.apply_estimate();
                }
                self.connection()?.send_control(&message).await?;
            }
            PeerCommand::OpenBeside {
                generation,
                ice_servers,
                elsewhere,
            } => self.open_beside(generation, ice_servers, elsewhere).await?,
            PeerCommand::Beside(command) => self.carry_out_beside(*command).await?,
            PeerCommand::TakeOver => self.take_over().await?,
            PeerCommand::CloseBeside => self.close_beside().await,
            PeerCommand::Close => self.close().await,
        }
        Ok(())
    }

    pub(super) fn connection(&self) -> Result<&Connection, CommandError> {
        self.open
            .as_ref()
            .map(|open| &open.connection)
            .ok_or(CommandError::NotOpen)
    }

    /// An own description as the other side may see it.
    pub(super) fn to_tell(&self, sdp: String) -> String {
        match self.network.candidates {
            CandidatePolicy::All => sdp,
            CandidatePolicy::RelayOnly => privacy::description(&sdp),
        }
    }

    /// The library's ICE restart would bind the same addresses again, which is of no use when they are gone.
    fn check_network(&self, restarting: bool) -> Result<(), CommandError> {
        let moved =
            |open: &Open| !open.up && addresses::differ(&open.addresses, &addresses::choose(&self.network));
        if restarting && self.open.as_ref().is_some_and(moved) {
            return Err(CommandError::NetworkChanged);
        }
        Ok(())
    }

    async fn open(&mut self, generation: u32, servers: Vec<IceServer>) -> Result<(), CommandError> {
        self.close().await;
        let addresses = addresses::choose(&self.network);
        self.open = self.make(generation, servers, addresses).await?;
        if self.open.is_some() {
            self.shares = Shares::default();
            self.ladder = Ladder::new(self.limits);
            self.takes_kbps = None;
            self.takes_deep = false;
            self.apply_estimate();
        }
        Ok(())
    }

    /// Makes a connection on these addresses; none, and the session is told, where only relays may be used and there are none.
    pub(super) async fn make(
        &self,
        generation: u32,
        servers: Vec<IceServer>,
        addresses: Vec<SocketAddr>,
    ) -> Result<Option<Open>, CommandError> {
        let (events, library) = LibraryEvents::new();
        let now = clock();
        let candidates = self.network.candidates;
        let Some((relays, ice_servers)) = servers::open(servers, &self.network, &addresses).await else {
            self.tell_of(generation, PeerEventKind::NoRelay);
            return Ok(None);
        };
        // Whoever hides its address opens no port, and connects to nobody.
        let tcp = (candidates == CandidatePolicy::All).then(|| {
            let (_, all) = addresses::look(&self.network);
            Guard::new(&addresses, &all, Arc::clone(&self.tcp_dials))
        });
        let blueprint = Blueprint {
            reach: Reach {
                ice_servers,
                candidates,
                addresses: addresses.clone(),
                tcp,
            },
            bounds: bounds(&self.limits),
            key_frames: self.own_key_frames.clone(),
            screen_key_frames: self.own_screen_key_frames.clone(),
            remote_times: self.remote_times.clone(),
            events,
        };
        let connection = Connection::open(generation, blueprint, now).await?;
        Ok(Some(Open {
            sampler: Sampler::new(&connection.meter, now),
            connection,
            library,
            relays,
            guarded: GuardedVoice::default(),
            held: VecDeque::new(),
            network: NetworkWatch::new(&addresses),
            pair: None,
            selected: None,
            addresses,
            up: false,
            inflow: InflowWatch::default(),
            losses: LossWatch::default(),
            first_look: FirstLook::default(),
            backlog: Backlog::default(),
        }))
    }

    pub(super) async fn close(&mut self) {
        self.video_route.send_replace(None);
        self.audio_route.send_replace(None);
        self.screen_route.send_replace(None);
        self.screen_sound_route.send_replace(None);
        self.rest_encoders();
        self.asking = Asking::default();
        self.screen_asking = Asking::default();
        // Closing one takes a moment in which the other would go on reaching out.
        for open in [&self.open, &self.beside].into_iter().flatten() {
            open.connection.stop_dialling();
        }
        self.close_beside().await;
        if let Some(open) = self.open.take() {
            open.connection.close().await;
        }
        self.stats.end();
    }

    async fn allow_media(&mut self) -> Result<(), CommandError> {
        self.connection()?.meter.gate.open();
        if let Some(open) = &mut self.open {
            open.connection.open_lanes();
        }
        // What goes out begins with a key frame. What comes does too, or `KeyFrameMissing` follows.
        self.own_key_frames.request();
        self.refresh_routes().await;
        let held = self.open.as_mut().map(|open| std::mem::take(&mut open.held));
        for message in held.into_iter().flatten() {
            self.hand_on(message);
        }
        Ok(())
    }

    /// From now on, and for connections to come.
    fn limit(&mut self, limits: VideoLimits) {
        let before = std::mem::replace(&mut self.limits, limits);
        self.ladder.limit(limits);
        let screen = if self.screen_route.borrow().is_some() {
            SCREEN_MAX
        } else {
            Bitrate::ZERO
        };
        // A lower limit is the ladder's: what the line carries is still worth knowing.
        let grows = bounds(&limits).max > bounds(&before).max;
        if let Some(open) = self.open.as_ref().filter(|_| grows) {
            open.connection.ceiling.raise(bounds(&limits).max, screen);
        }
        if let Some(beside) = self.beside.as_ref().filter(|_| grows) {
            beside.connection.ceiling.raise(bounds(&limits).max, screen);
        }
        self.apply_estimate();
    }

    async fn add_screen(&mut self) -> Result<(), CommandError> {
        let open = self.open.as_mut().ok_or(CommandError::NotOpen)?;
        open.connection.add_screen().await?;
        open.connection
            .ceiling
            .raise(bounds(&self.limits).max, SCREEN_MAX);
        Ok(())
    }

    pub(super) async fn refresh_routes(&mut self) {
        for (kind, route) in [
            (TrackKind::Audio, &self.audio_route),
            (TrackKind::Video, &self.video_route),
            (TrackKind::Screen, &self.screen_route),
            (TrackKind::ScreenSound, &self.screen_sound_route),
        ] {
            let new = match self.connection() {
                Ok(connection) => connection.route(kind).await,
                Err(_) => None,
            };
            let opens = new.is_some();
            let was_shut = route.send_replace(new.map(Arc::new)).is_none();
            if kind == TrackKind::Screen && opens && was_shut {
                // It may stand still: without being asked, its encoder would say nothing.
                self.own_screen_key_frames.request();
            }
        }
        self.apply_estimate();
    }
}
