//! The second connection, while the network changes: made, negotiated and heard beside the first, without a route until it takes
//! over. After that the place beside is the former first one's, for what is still on its way.

use super::{Driver, EVENTS_RESERVE, Happening, Open, bounds, clock};
use crate::ice::IceServer;
use crate::peer::addresses;
use crate::peer::asking::Asking;
use crate::peer::connection::CommandError;
use crate::peer::ladder::{Ladder, SCREEN_MAX};
use crate::peer::library::LibraryEvent;
use crate::peer::shares::Shares;
use crate::port::{ConnectionPhase, PeerCommand, PeerEventKind};
use parley_media::video::Lip;
use parley_proto::SdpType;
use std::sync::atomic::Ordering;

/// The next thing that happens to it. Cancel safe.
pub(super) async fn next(beside: &mut Option<Open>) -> Happening {
    let Some(open) = beside else {
        return std::future::pending().await;
    };
    tokio::select! {
        Some(event) = open.library.recv() => Happening::Beside(event),
        () = open.connection.tasks.ended() => Happening::BesideTaskEnded,
    }
}

impl Driver {
    pub(super) async fn open_beside(
        &mut self,
        generation: u32,
        servers: Vec<IceServer>,
        elsewhere: bool,
    ) -> Result<(), CommandError> {
        self.close_beside().await;
        let first = self.open.as_ref().ok_or(CommandError::NotOpen)?;
        let mut addresses = addresses::choose(&self.network);
        if elsewhere {
            addresses.retain(|address| !first.addresses.contains(address));
        }
        if addresses.is_empty() {
            return Err(CommandError::NoOtherNetwork);
        }
        self.beside = self.make(generation, servers, addresses).await?;
        if let Some(open) = &self.beside {
            open.connection.meter.is_beside.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(super) async fn close_beside(&mut self) {
        if let Some(open) = self.beside.take() {
            open.connection.close().await;
        }
    }

    /// The number of what is beside the first.
    pub(super) fn generation_beside(&self) -> u32 {
        self.beside.as_ref().map_or(0, |open| open.connection.generation)
    }

    fn tell_beside(&self, kind: PeerEventKind) {
        self.tell_of(self.generation_beside(), kind);
    }

    /// Carries out on the second what is carried out on the first else.
    pub(super) async fn carry_out_beside(&mut self, command: PeerCommand) -> Result<(), CommandError> {
        let open = self.beside.as_mut().ok_or(CommandError::NotOpen)?;
        let connection = &mut open.connection;
        match command {
            PeerCommand::MakeOffer { ice_restart } => {
                let sdp = connection.make_offer(ice_restart).await?;
                self.tell_description_beside(SdpType::Offer, sdp);
            }
            PeerCommand::MakeAnswer => {
                let sdp = connection.make_answer().await?;
                self.tell_description_beside(SdpType::Answer, sdp);
            }
            PeerCommand::SetRemote { sdp_type, sdp } => {
                connection.set_remote(sdp_type, &sdp, clock()).await?;
                self.tell_beside(PeerEventKind::RemoteDescriptionSet { sdp_type });
            }
            PeerCommand::Rollback => connection.roll_back().await?,
            PeerCommand::AddCandidate(candidate) => connection.add_candidate(candidate).await?,
            PeerCommand::AddScreen => {
                connection.add_screen().await?;
                connection.ceiling.raise(bounds(&self.limits).max, SCREEN_MAX);
            }
            PeerCommand::AddScreenSound => {
                connection.add_screen_sound().await?;
                self.shared_sound.start();
            }
            PeerCommand::SendControl(message) => connection.send_control(&message).await?,
            PeerCommand::AllowMedia => {
                connection.meter.gate.open();
                connection.open_lanes();
                for message in std::mem::take(&mut open.held) {
                    self.heed(&message);
                    self.tell_beside(PeerEventKind::Control(message));
                }
            }
            _ => return Err(CommandError::FirstOnly),
        }
        Ok(())
    }

    fn tell_description_beside(&self, sdp_type: SdpType, sdp: String) {
        let sdp = self.to_tell(sdp);
        self.tell_beside(PeerEventKind::LocalDescription { sdp_type, sdp });
    }

    /// The two change places: routes and wishes of encoders are the second's from now on.
    pub(super) async fn take_over(&mut self) -> Result<(), CommandError> {
        if self.beside.is_none() {
            return Err(CommandError::NotOpen);
        }
        std::mem::swap(&mut self.open, &mut self.beside);
        for (open, is_beside) in [(&self.beside, true), (&self.open, false)] {
            if let Some(open) = open {
                open.connection
                    .meter
                    .is_beside
                    .store(is_beside, Ordering::Relaxed);
            }
        }
        // Its clocks are others.
        for times in [&self.remote_times.camera, &self.remote_times.screen] {
            times.begin(Lip::Sound);
            times.begin(Lip::Picture);
        }
        self.asking = Asking::default();
        self.screen_asking = Asking::default();
        self.shares = Shares::default();
        self.ladder = Ladder::new(self.limits);
        self.refresh_routes().await;
        // A stream begins with one.
        self.own_key_frames.request();
        if self.screen_route.borrow().is_some() {
            // One that stands still would say nothing for long.
            self.own_screen_key_frames.request();
        }
        Ok(())
    }

    pub(super) async fn on_beside(&mut self, event: LibraryEvent) {
        let room = self.events.capacity() >= EVENTS_RESERVE;
        // The former first one's words are old, and may come late.
        let is_newer = self.generation_beside() > self.generation();
        let Some(open) = &mut self.beside else {
            return;
        };
        let kind = match event {
            LibraryEvent::Candidate(candidate) => {
                let candidate = self.allowed(candidate);
                candidate.map(PeerEventKind::LocalCandidate)
            }
            LibraryEvent::State(state) => open.on_state(state).map(PeerEventKind::Connection),
            LibraryEvent::RemoteTrack(track) => {
                open.connection.on_remote_track(track).await;
                None
            }
            LibraryEvent::Track { kind, packets } => Some(PeerEventKind::Track { kind, packets }),
            LibraryEvent::KeyFrameMissing { kind } => {
                open.connection.request_key_frame(kind).await;
                None
            }
            LibraryEvent::ControlOpen => {
                open.connection.on_control_open();
                Some(PeerEventKind::ControlOpen)
            }
            LibraryEvent::Control(message) => {
                let message = open.on_control(message, room);
                message.map(|message| {
                    if is_newer {
                        self.heed(&message);
                    }
                    PeerEventKind::Control(message)
                })
            }
            LibraryEvent::Lane { kind, lane } => Some(PeerEventKind::Lane { kind, lane }),
            // The session says when there is an offer, of the first tracks and of those that it adds.
            LibraryEvent::NegotiationNeeded => None,
        };
        if let Some(kind) = kind {
            self.tell_beside(kind);
        }
    }

    /// As of the first: never while it is open, unless something broke.
    pub(super) fn on_beside_task_ended(&self) {
        let ended = |open: &Open| open.connection.tasks.count() == 0;
        if self.beside.as_ref().is_some_and(ended) {
            tracing::warn!("the second connection's task ended by itself");
            self.tell_beside(PeerEventKind::Connection(ConnectionPhase::Failed));
        }
    }
}
