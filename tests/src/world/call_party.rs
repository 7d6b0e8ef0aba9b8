//! People for calls: real calls with made-up encoded media, which is counted where it arrives. No codec and no device, so
//! that what is tested is the way between the two.

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use parley_call::{
    Call, CallCommand, CallConfig, CallEvent, CallHandle, CallPhase, CallSnapshot, CallStats, CallTarget,
    EndReason, LocalMedia, LocalScreen, NetworkOptions, VideoLimits,
};
use parley_media::audio::AudioTargets;
use parley_media::packet::{AudioLevel, EncodedAudio, EncodedFrame, ReceivedPacket};
use parley_media::time::CaptureTime;
use parley_media::video::{EncoderTargets, KeyFrameFlag};
use parley_proto::{Link, MediaState, ParticipantId, Resolution, ServerAddress};
use parley_server::{Server, ServerConfig};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Long enough for a busy machine; nothing here takes a tenth of it when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A server on loopback, on a free port.
pub(crate) async fn serve() -> Result<Server> {
    let mut config = ServerConfig::loopback();
    config.stun = None;
    serve_with(config).await
}

pub(crate) async fn serve_with(config: ServerConfig) -> Result<Server> {
    // `RUST_LOG=parley_call=debug` tells the story of a test that fails.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_test_writer()
        .try_init();
    Server::start(config).await.context("start the server")
}

pub(crate) fn address_of(at: SocketAddr) -> ServerAddress {
    ServerAddress::new(false, &at.ip().to_string(), at.port()).expect("an address is a host")
}

fn every_way() -> NetworkOptions {
    NetworkOptions {
        include_loopback: true,
        ..NetworkOptions::default()
    }
}

/// What arrived.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    audio: AtomicU64,
    video: AtomicU64,
    tracks_ended: AtomicU64,
    /// Of each of the others.
    voices: Mutex<BTreeMap<ParticipantId, Voice>>,
}

/// What came of somebody's voice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice {
    pub(crate) packets: u64,
    last: Instant,
    /// The longest time between two packets.
    pub(crate) gap: Duration,
}

impl Arrived {
    /// A packet of somebody's voice came.
    fn note(&self, who: ParticipantId) {
        let now = Instant::now();
        let mut voices = self.voices.lock().unwrap();
        let fresh = Voice {
            packets: 0,
            last: now,
            gap: Duration::ZERO,
        };
        let voice = voices.entry(who).or_insert(fresh);
        voice.packets += 1;
        voice.gap = voice.gap.max(now - voice.last);
        voice.last = now;
    }
}

/// One person in a call.
#[derive(Debug)]
pub(crate) struct Party {
    commands: mpsc::Sender<CallCommand>,
    pub(crate) state: watch::Receiver<CallSnapshot>,
    pub(crate) stats: watch::Receiver<CallStats>,
    link: watch::Receiver<Option<Link>>,
    ended: watch::Receiver<Option<EndReason>>,
    arrived: Arc<Arrived>,
}

impl Party {
    /// Makes a room and waits for its link.
    pub(crate) async fn create(server: ServerAddress, name: &str) -> Result<(Self, Link)> {
        let party = Self::start(CallTarget::Create { server }, name, every_way());
        let link = party.link().await?;
        Ok((party, link))
    }

    pub(crate) fn join(link: Link, name: &str) -> Self {
        Self::start(CallTarget::Join { link }, name, every_way())
    }

    /// Two people, connected and proven.
    pub(crate) async fn connected_pair(server: ServerAddress) -> Result<(Self, Self)> {
        let (ada, link) = Self::create(server, "Ada").await?;
        ada.enter().await;
        let ben = Self::join(link, "Ben");
        ben.enter().await;
        for party in [&ada, &ben] {
            party
                .until("connected", |state| state.phase == CallPhase::Connected)
                .await?;
        }
        Ok((ada, ben))
    }

    pub(crate) fn start(target: CallTarget, name: &str, network: NetworkOptions) -> Self {
        let (video_in, video) = mpsc::channel(2);
        let (audio_in, audio) = mpsc::channel(8);
        tokio::spawn(film(video_in));
        tokio::spawn(talk(audio_in));
        let handle = Call::start(CallConfig {
            target,
            name: name.to_owned(),
            media_state: MediaState {
                microphone_on: true,
                camera_on: true,
                ..MediaState::default()
            },
            media: LocalMedia {
                video,
                audio,
                video_targets: watch::channel(EncoderTargets::default()).0,
                audio_targets: watch::channel(AudioTargets::default()).0,
                key_frames: KeyFrameFlag::new(),
                limits: VideoLimits::default(),
                screen: LocalScreen::none(),
                layers: Vec::new(),
            },
            network,
            only_listens: false,
        });
        let CallHandle {
            commands,
            events,
            state,
            stats,
        } = handle;
        let arrived = Arc::new(Arrived::default());
        let (link_out, link) = watch::channel(None);
        let (ended_out, ended) = watch::channel(None);
        tokio::spawn(listen(events, link_out, ended_out, Arc::clone(&arrived)));
        Self {
            commands,
            state,
            stats,
            link,
            ended,
            arrived,
        }
    }

    pub(crate) async fn link(&self) -> Result<Link> {
        let mut links = self.link.clone();
        let link = tokio::time::timeout(PATIENCE, links.wait_for(Option::is_some))
            .await
            .context("no link in time")??;
        link.clone().context("a link")
    }

    pub(crate) async fn command(&self, command: CallCommand) {
        let _ = self.commands.send(command).await;
    }

    pub(crate) async fn enter(&self) {
        self.command(CallCommand::Enter).await;
    }

    /// Waits until the state is as wanted.
    pub(crate) async fn until(
        &self,
        what: &str,
        mut wanted: impl FnMut(&CallSnapshot) -> bool,
    ) -> Result<CallSnapshot> {
        let mut states = self.state.clone();
        let found = tokio::time::timeout(PATIENCE, states.wait_for(|state| wanted(state))).await;
        if let Ok(Ok(state)) = found {
            return Ok(state.clone());
        }
        let (state, stats) = (self.state.borrow().clone(), self.stats.borrow().clone());
        bail!("not in time: {what}; {state:#?} {stats:#?}")
    }

    pub(crate) async fn end(&self) -> Result<EndReason> {
        let mut endings = self.ended.clone();
        let ended = tokio::time::timeout(PATIENCE, endings.wait_for(Option::is_some))
            .await
            .with_context(|| format!("no end in time: {:#?}", self.state.borrow().clone()))??;
        ended.clone().context("a reason")
    }

    /// Packets of sound and of pictures that came so far.
    pub(crate) fn arrived(&self) -> (u64, u64) {
        (
            self.arrived.audio.load(Ordering::Relaxed),
            self.arrived.video.load(Ordering::Relaxed),
        )
    }

    /// What came of somebody's voice so far; the longest gap is measured anew from now on.
    pub(crate) fn voice_of(&self, who: ParticipantId) -> Option<Voice> {
        let mut voices = self.arrived.voices.lock().unwrap();
        let voice = voices.get_mut(&who)?;
        let told = Voice {
            gap: voice.gap.max(voice.last.elapsed()),
            ..*voice
        };
        voice.gap = Duration::ZERO;
        Some(told)
    }

    /// Waits until so many more packets of somebody's voice have come.
    pub(crate) async fn hears(&self, who: ParticipantId, more: u64) -> Result<()> {
        let packets = || {
            self.arrived
                .voices
                .lock()
                .unwrap()
                .get(&who)
                .map_or(0, |voice| voice.packets)
        };
        let (before, deadline) = (packets(), Instant::now() + PATIENCE);
        while packets() < before + more {
            if Instant::now() > deadline {
                bail!("{who} is not heard: {:#?}", self.state.borrow().clone());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Waits until so many more packets of each kind have come.
    pub(crate) async fn receives(&self, more: u64) -> Result<()> {
        let before = self.arrived();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = self.arrived();
            if now.0 >= before.0 + more && now.1 >= before.1 + more {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!(
                    "media does not come: {before:?} to {now:?}, {:#?}",
                    self.stats.borrow().clone()
                );
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn listen(
    mut events: mpsc::Receiver<CallEvent>,
    link_out: watch::Sender<Option<Link>>,
    ended_out: watch::Sender<Option<EndReason>>,
    arrived: Arc<Arrived>,
) {
    while let Some(event) = events.recv().await {
        match event {
            CallEvent::Ready { link } => drop(link_out.send_replace(Some(link))),
            CallEvent::AudioTrack { participant, packets } => {
                let heard = Arc::clone(&arrived);
                count(
                    packets,
                    &arrived,
                    |arrived| &arrived.audio,
                    move || heard.note(participant),
                );
            }
            CallEvent::VideoTrack { packets, .. } => {
                count(packets, &arrived, |arrived| &arrived.video, || ());
            }
            // Nobody shares here.
            CallEvent::ScreenTrack { .. } | CallEvent::ScreenSoundTrack { .. } => {}
            CallEvent::TrackEnded { .. } => {
                arrived.tracks_ended.fetch_add(1, Ordering::Relaxed);
            }
            CallEvent::Reaction { .. } | CallEvent::MuteAsked { .. } | CallEvent::Lane { .. } => {}
            CallEvent::Ended(reason) => drop(ended_out.send_replace(Some(reason))),
        }
    }
}

fn count(
    packets: std::sync::mpsc::Receiver<ReceivedPacket>,
    arrived: &Arc<Arrived>,
    which: fn(&Arrived) -> &AtomicU64,
    note: impl Fn() + Send + 'static,
) {
    let arrived = Arc::clone(arrived);
    std::thread::spawn(move || {
        while packets.recv().is_ok() {
            which(&arrived).fetch_add(1, Ordering::Relaxed);
            note();
        }
    });
}

/// Thirty made-up pictures a second, every one a key frame of a few packets.
async fn film(out: mpsc::Sender<EncodedFrame>) {
    let mut tick = tokio::time::interval(Duration::from_millis(33));
    let mut data = vec![
        0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80, 0, 0, 0, 1, 0x65,
    ];
    data.extend(std::iter::repeat_n(0xab, 3_000));
    let data = Bytes::from(data);
    loop {
        tick.tick().await;
        let frame = EncodedFrame {
            data: data.clone(),
            key_frame: true,
            discardable: false,
            resolution: Resolution::new(640, 360),
            captured: CaptureTime(Instant::now()),
        };
        if let Err(mpsc::error::TrySendError::Closed(_)) = out.try_send(frame) {
            return;
        }
    }
}

/// Fifty made-up packets of sound a second.
async fn talk(out: mpsc::Sender<EncodedAudio>) {
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    for packet in 0u64.. {
        tick.tick().await;
        let audio = EncodedAudio {
            data: Bytes::from_static(&[0xfc; 60]),
            position_samples: packet * 960,
            captured: CaptureTime(Instant::now()),
            level: AudioLevel::from_minus_dbov(30),
            voice: true,
            talk_spurt_start: packet == 0,
        };
        if let Err(mpsc::error::TrySendError::Closed(_)) = out.try_send(audio) {
            return;
        }
    }
}
