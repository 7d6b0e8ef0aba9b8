//! What the session asks, carried out one by one.

use super::connection::Connection;
use super::driver::{GroupDriver, clock};
use super::open::Open;
use super::setup::Blueprint;
use crate::config::{CandidatePolicy, VideoLimits};
use crate::ice::IceServer;
use crate::peer::connection::CommandError;
use crate::peer::estimate::Bounds;
use crate::peer::guarded_voice::GuardedVoice;
use crate::peer::ladder::{AUDIO_RESERVE, SCREEN_MAX};
use crate::peer::library::LibraryEvents;
use crate::peer::network_watch::NetworkWatch;
use crate::peer::setup::Reach;
use crate::peer::stats::Sampler;
use crate::peer::tcp::guard::Guard;
use crate::peer::{addresses, privacy, servers};
use crate::sfu_port::{SfuCommand, SfuEventKind};
use parley_proto::{Bitrate, Source};
use std::sync::Arc;

/// The least the estimate may be: sound and hardly a picture.
const ESTIMATE_MIN: Bitrate = Bitrate::from_kbps(100);

impl GroupDriver {
    pub(super) async fn on_command(&mut self, command: SfuCommand) {
        let name = name(&command);
        // A connection that did not open has a number all the same.
        let number = match &command {
            SfuCommand::Open { connection, .. } => *connection,
            _ => self.newest().map_or(0, |open| open.connection.number),
        };
        if let Err(error) = self.carry_out(command).await {
            tracing::debug!(command = name, %error, "a command failed");
            let detail = error.to_string();
            self.tell(
                number,
                SfuEventKind::CommandFailed {
                    command: name,
                    detail,
                },
            );
        }
    }

    async fn carry_out(&mut self, command: SfuCommand) -> Result<(), CommandError> {
        match command {
            SfuCommand::Open {
                connection,
                ice_servers,
                speaks,
            } => {
                self.speaks = speaks;
                self.open(connection, ice_servers).await?;
            }
            SfuCommand::Speak(speaks) => self.speak(speaks).await?,
            SfuCommand::MakeOffer { ice_restart } => self.make_offer(ice_restart).await?,
            SfuCommand::SetAnswer { sdp } => {
                let open = self.newest().ok_or(CommandError::NotOpen)?;
                open.connection.set_answer(&sdp, clock()).await?;
                let number = open.connection.number;
                self.refresh_ways().await;
                self.tell(number, SfuEventKind::AnswerSet);
            }
            SfuCommand::AddScreen { sound } => self.add_screen(sound).await?,
            SfuCommand::Publications(list) => {
                let mut inbox = self.inbox.lock();
                inbox.publications(clock(), &list, &self.dropped);
                drop(inbox);
                self.asking
                    .retain(|number, _| list.iter().any(|one| one.number == *number));
                self.take_news();
            }
            SfuCommand::LayersWanted { source, rids } => self.want_layers(source, &rids),
            SfuCommand::Limit(limits) => self.limit(limits),
            SfuCommand::Close => self.close().await,
        }
        Ok(())
    }

    async fn open(&mut self, number: u32, ice_servers: Vec<IceServer>) -> Result<(), CommandError> {
        if let Some(before) = self.coming.take() {
            self.put_away(before);
        }
        let addresses = addresses::choose(&self.network);
        let (relays, ice_servers) = servers::open(ice_servers, &self.network, &addresses)
            .await
            .ok_or(CommandError::NoRelay)?;
        let (events, library) = LibraryEvents::new();
        let now = clock();
        let camera = self.camera.iter();
        // Whoever hides its address connects to nobody but relays.
        let tcp = (self.network.candidates == CandidatePolicy::All).then(|| {
            let (_, all) = addresses::look(&self.network);
            Guard::outward(&addresses, &all, Arc::clone(&self.tcp_dials))
        });
        let blueprint = Blueprint {
            number,
            reach: Reach {
                ice_servers,
                candidates: self.network.candidates,
                addresses: addresses.clone(),
                tcp,
            },
            bounds: self.bounds(),
            camera: camera
                .map(|encoding| (encoding.rid, encoding.key_frames.clone()))
                .collect(),
            screen_key_frames: self.screen.key_frames.clone(),
            speaks: self.speaks,
            inbox: Arc::clone(&self.inbox),
            events,
        };
        let mut connection = Connection::open(blueprint, now).await?;
        if let Some(with_sound) = self.shares.filter(|_| self.speaks) {
            connection.add_screen(with_sound).await?;
        }
        self.coming = Some(Open {
            sampler: Sampler::new(&connection.meter, now),
            connection,
            library,
            relays,
            guarded: GuardedVoice::default(),
            network: NetworkWatch::new(&addresses),
            pair: None,
            addresses,
            selected: None,
            up: false,
            sends: false,
        });
        Ok(())
    }

    async fn make_offer(&mut self, ice_restart: bool) -> Result<(), CommandError> {
        let open = self.newest().ok_or(CommandError::NotOpen)?;
        // The library's ICE restart would bind the same addresses again, which is of no use when they are gone.
        let moved = !open.up && addresses::differ(&open.addresses, &addresses::choose(&self.network));
        if ice_restart && moved {
            return Err(CommandError::NetworkChanged);
        }
        let sdp = open.connection.make_offer(ice_restart).await?;
        let sdp = match self.network.candidates {
            CandidatePolicy::All => sdp,
            CandidatePolicy::RelayOnly => privacy::description(&sdp),
        };
        let publish = open.connection.published(&self.layers.published()).await?;
        let receive = open.connection.sections().await?;
        let number = open.connection.number;
        self.tell(
            number,
            SfuEventKind::LocalOffer {
                sdp,
                publish,
                receive,
            },
        );
        Ok(())
    }

    /// A listener's connection has nothing to send; one whose owner listens again keeps its sections, in which nothing goes.
    async fn speak(&mut self, speaks: bool) -> Result<(), CommandError> {
        self.speaks = speaks;
        if !speaks {
            self.refresh_ways().await;
            return Ok(());
        }
        let newest = self.coming.as_mut().or(self.open.as_mut());
        let open = newest.ok_or(CommandError::NotOpen)?;
        let is_more = open.connection.add_own().await?;
        let number = open.connection.number;
        if is_more {
            self.tell(number, SfuEventKind::NegotiationNeeded);
        } else {
            self.refresh_ways().await;
        }
        Ok(())
    }

    async fn add_screen(&mut self, sound: bool) -> Result<(), CommandError> {
        let with_sound = sound || self.shares.unwrap_or(false);
        self.shares = Some(with_sound);
        let max = self.bounds().max;
        let open = self
            .coming
            .as_mut()
            .or(self.open.as_mut())
            .ok_or(CommandError::NotOpen)?;
        let is_more = open.connection.add_screen(with_sound).await?;
        open.connection.ceiling.raise(max, Bitrate::ZERO);
        let number = open.connection.number;
        if sound {
            self.shared_sound.start();
        }
        if is_more {
            self.tell(number, SfuEventKind::NegotiationNeeded);
        }
        Ok(())
    }

    fn want_layers(&mut self, source: Source, rids: &[String]) {
        match source {
            Source::Camera => {
                for encoding in &mut self.camera {
                    encoding.wanted = rids.iter().any(|rid| rid == encoding.rid);
                }
            }
            Source::Screen => self.screen.wanted = !rids.is_empty(),
            Source::Microphone | Source::ScreenSound | Source::Unknown => return,
        }
        self.apply_estimate();
    }

    /// From now on, and for connections to come.
    fn limit(&mut self, limits: VideoLimits) {
        let before = self.bounds().max;
        self.limits = limits;
        self.layers.limit(limits);
        let max = self.bounds().max;
        // A lower limit is the layers': what the line carries is still worth knowing.
        for open in [&self.open, &self.coming].into_iter().flatten() {
            if max > before {
                open.connection.ceiling.raise(max, Bitrate::ZERO);
            }
        }
        self.apply_estimate();
    }

    /// Ends all there is; all tracks end with it.
    pub(super) async fn close(&mut self) {
        self.rest();
        for open in [self.coming.take(), self.open.take()].into_iter().flatten() {
            open.connection.close().await;
        }
        self.inbox.lock().clear();
        self.asking.clear();
        self.stats.end();
    }

    /// The estimate's bounds for these limits of the picture.
    fn bounds(&self) -> Bounds {
        let with_sound =
            |picture: Bitrate| Bitrate::from_bps(picture.scale(1.05).bps() + AUDIO_RESERVE.bps());
        let shared = if self.shares.is_some() {
            SCREEN_MAX
        } else {
            Bitrate::ZERO
        };
        let most = Bitrate::from_bps(self.layers.most().bps() + shared.bps());
        let max = with_sound(most).max(ESTIMATE_MIN);
        Bounds {
            start: with_sound(self.limits.bitrate_start).clamp(ESTIMATE_MIN, max),
            min: ESTIMATE_MIN,
            max,
        }
    }
}

/// A command's name in [`SfuEventKind::CommandFailed`].
const fn name(command: &SfuCommand) -> &'static str {
    match command {
        SfuCommand::Open { .. } => "open",
        SfuCommand::Speak(_) => "speak",
        SfuCommand::MakeOffer { .. } => "make_offer",
        SfuCommand::SetAnswer { .. } => "set_answer",
        SfuCommand::AddScreen { .. } => "add_screen",
        SfuCommand::Publications(_) => "publications",
        SfuCommand::LayersWanted { .. } => "layers_wanted",
        SfuCommand::Limit(_) => "limit",
        SfuCommand::Close => "close",
    }
}
