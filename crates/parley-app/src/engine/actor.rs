//! The engine's task: owns settings, devices, endpoint and embedded server, and tells what became of them.
//!
//! One loop: a command, something that happened at the endpoint, a new list of devices, or the time to tell the state.
//! After each, [`Actor::arrange`] makes devices be open or closed as the phase wants it. What commands do is in
//! [`super::obey`]; what the window is told is gathered in [`super::tell`].

use super::device_news::NewsOfDevices;
use super::devices::{DeviceLists, ListWish, chosen, watch_devices};
use super::diary::Diary;
use super::hands::Hands;
use super::inspect::Inspection;
use super::listening::Listening;
use super::mute::{MuteAsk, MuteSwitch};
use super::network_check::NetworkCheck;
use super::quality::Qualities;
use super::recording::CallRecording;
use super::stats::{Figures, Gauge};
use super::talk::Talk;
use super::tell::{empty_state, since_1970_ms};
use super::volume::Volumes;
use super::{EngineConfig, Request, levels, translate};
use crate::embedded::EmbeddedServer;
use crate::endpoint::{Endpoint, Happened, Tiles};
use crate::folders::Folders;
use crate::pace::Pace;
use crate::problems::Problems;
use crate::saving;
use crate::settings::SettingsStore;
use crate::sources::{PictureSource, SoundSink, SoundSource, Sources};
use crate::store::{Kept, PastCall, Store};
use crate::view::{
    AppState, DesktopView, DeviceKind, DeviceState, EndedView, InspectorView, Levels, Phase, RecordingStop,
    ShareSound, ShareStop, StatsSample, TalkView,
};
use parley_call::{CallCommand, EndReason, VideoLimits};
use parley_media::audio::{AudioCommand, AudioConfig, AudioInput, AudioOutput, StreamStatus};
use parley_proto::{Bitrate, Link, MediaState, Resolution};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc, watch};

/// A call that is left may take so long to say goodbye, ...
const GOODBYE_MAX: Duration = Duration::from_secs(1);
/// ... and what is left to write of a recording so long.
const FINISH_MAX: Duration = Duration::from_secs(2);

/// The engine's task.
pub(super) struct Actor {
    pub(super) folder: PathBuf,
    pub(super) folders: Folders,
    pub(super) sources: Sources,
    pub(super) limits: VideoLimits,
    pub(super) store: SettingsStore,
    unkept: watch::Receiver<Option<String>>,
    pub(super) endpoint: Endpoint,
    pub(super) server: Option<EmbeddedServer>,
    pub(super) phase: Phase,
    pub(super) preview: bool,
    pub(super) mute: MuteSwitch,
    pub(super) listening: Listening,
    /// Who asked for silence, while it is kept.
    pub(super) mute_asked_by: Option<String>,
    pub(super) desktop: DesktopView,
    pub(super) camera_on: bool,
    pub(super) call: Option<CallFacts>,
    pub(super) problems: Problems,
    pub(super) bad_link: Option<String>,
    pub(super) internal: Option<String>,
    /// Why the last share ended by itself.
    pub(super) share_stopped: Option<ShareStop>,
    /// Whether the system asks what to share instead of something that was shared until then.
    pub(super) share_asks_anew: bool,
    /// Whether what this computer plays can be shared, when it was looked for last.
    pub(super) share_sound: ShareSound,
    pub(super) recording: CallRecording,
    opened: Option<(AudioInput, AudioOutput)>,
    told_media: Option<MediaState>,
    pub(super) lists: DeviceLists,
    pub(super) device_news: NewsOfDevices,
    pub(super) volumes: Volumes,
    list_wish: watch::Sender<ListWish>,
    listed: mpsc::Receiver<DeviceLists>,
    pub(super) quality: Qualities,
    gauge: Gauge,
    pace: Pace,
    pub(super) state: watch::Sender<AppState>,
    pub(super) levels: watch::Sender<Levels>,
    stats: watch::Sender<StatsSample>,
    pub(super) talk: Talk,
    pub(super) hands: Hands,
    pub(super) inspection: Inspection,
    pub(super) network_check: NetworkCheck,
    first_link: Option<String>,
    pub(super) history: Store,
    pub(super) kept: watch::Receiver<Kept>,
    pub(super) diary: Diary,
    /// The call that was forgotten last, as long as nobody forgets another.
    pub(super) forgotten: Option<PastCall>,
}

/// What a call's own snapshot does not tell.
#[derive(Debug, Clone)]
pub(super) struct CallFacts {
    /// Known from the beginning when it was opened by one.
    pub(super) link: Option<Link>,
    pub(super) host: bool,
    pub(super) served_here: bool,
    pub(super) only_here: bool,
    pub(super) ended: Option<EndedView>,
}

/// Where the actor tells things.
pub(super) struct Outlets {
    pub(super) state: watch::Receiver<AppState>,
    pub(super) levels: watch::Receiver<Levels>,
    pub(super) stats: watch::Receiver<StatsSample>,
    pub(super) talk: watch::Receiver<TalkView>,
    pub(super) inspector: watch::Receiver<InspectorView>,
    pub(super) tiles: Tiles,
}

/// The camera's settings decide its size, the network how much of it is sent.
fn limits(bitrate_max: Option<Bitrate>) -> VideoLimits {
    let limits = VideoLimits {
        resolution_max: Resolution::new(1920, 1080),
        ..VideoLimits::default()
    };
    bitrate_max.map_or(limits, |most| limits.with_bitrate_max(most))
}

impl Actor {
    pub(super) fn new(config: EngineConfig) -> (Self, Outlets) {
        let store = SettingsStore::open(&config.folder);
        let endpoint = Endpoint::new();
        let history = Store::open(&config.folder);
        let (list_wish, wish) = watch::channel(ListWish::default());
        let listed = watch_devices(wish);
        let (levels, levels_out) = watch::channel(levels::levels(None));
        let (stats, stats_out) = watch::channel(StatsSample::default());
        let (talk, talk_out) = Talk::new();
        let (inspection, inspector) = Inspection::new();
        // The first state, before anything happened, is gathered like all others.
        let folders = Folders::find(&config.folder);
        let (state, state_out) = watch::channel(empty_state(&store, &folders));
        let tiles = endpoint.tiles().clone();
        let actor = Self {
            camera_on: config.sources.picture != PictureSource::Off,
            folder: config.folder,
            folders,
            sources: config.sources,
            limits: limits(config.bitrate_max),
            unkept: store.fault(),
            store,
            endpoint,
            server: None,
            phase: Phase::Home,
            preview: false,
            mute: MuteSwitch::default(),
            listening: Listening::default(),
            mute_asked_by: None,
            desktop: DesktopView::default(),
            call: None,
            problems: Problems::default(),
            bad_link: None,
            internal: None,
            share_stopped: None,
            share_asks_anew: false,
            share_sound: super::share::look_for_sound(),
            recording: CallRecording::default(),
            opened: None,
            told_media: None,
            lists: DeviceLists::default(),
            device_news: NewsOfDevices::default(),
            volumes: Volumes::default(),
            list_wish,
            listed,
            quality: Qualities::default(),
            gauge: Gauge::default(),
            pace: Pace::of_state(),
            state,
            levels,
            stats,
            talk,
            hands: Hands::default(),
            inspection,
            network_check: NetworkCheck::default(),
            first_link: config.link,
            kept: history.kept(),
            history,
            diary: Diary::default(),
            forgotten: None,
        };
        let outlets = Outlets {
            state: state_out,
            levels: levels_out,
            stats: stats_out,
            talk: talk_out,
            inspector,
            tiles,
        };
        (actor, outlets)
    }

    /// Runs until it is told to end, or nobody holds a handle any more.
    #[expect(clippy::disallowed_methods, reason = "driver: the engine's clock")]
    pub(super) async fn run(mut self, mut requests: mpsc::Receiver<Request>, ending: Arc<Notify>) {
        self.open_first_link();
        self.pace.changed(Instant::now());
        loop {
            let due = self.pace.due().into_iter().chain(self.talk.due()).min();
            tokio::select! {
                biased;
                () = ending.notified() => break,
                request = requests.recv() => {
                    // Whoever asked may be gone.
                    match request {
                        None => break,
                        Some(Request::Inspect { answer }) => {
                            let _ = answer.send(self.inspection.seen());
                            continue;
                        }
                        Some(Request::Obey { command, answer }) => {
                            let outcome = self.obey(*command).await;
                            self.arrange();
                            let _ = answer.send(outcome);
                        }
                    }
                }
                happened = self.endpoint.next() => {
                    self.note(happened, Instant::now());
                    self.arrange();
                }
                Some(lists) = self.listed.recv() => {
                    if lists == self.lists {
                        continue;
                    }
                    self.take_lists(lists);
                    self.arrange();
                }
                () = self.network_check.changed() => {}
                Ok(()) = self.kept.changed() => self.show_unfinished(),
                Ok(()) = self.unkept.changed() => self.note_unkept(),
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now).into()), if due.is_some() => {
                    self.tell_what_is_due(Instant::now());
                    continue;
                }
            }
            let now = Instant::now();
            self.pace.changed(now);
            self.talk.note_change(now);
        }
        self.close().await;
    }

    fn tell_what_is_due(&mut self, now: Instant) {
        if self.pace.due().is_some_and(|due| due <= now) {
            self.tell();
            self.pace.told(now);
        }
        self.talk.tell_if_due(now);
    }

    /// Hangs up, gives the devices back and ends the server.
    #[expect(clippy::disallowed_methods, reason = "driver: the engine's clock")]
    async fn close(mut self) {
        if self.phase == Phase::InCall {
            self.write_end(&EndReason::HungUp, Instant::now());
        }
        self.finish_recording(RecordingStop::CallEnded);
        // Nobody sees or hears this side while the disk is waited for.
        self.endpoint.command(CallCommand::Leave);
        let mut left = self.endpoint.call().is_none();
        let patience = if self.is_finishing_recording() {
            FINISH_MAX
        } else {
            GOODBYE_MAX
        };
        let over = async {
            while !left || self.is_finishing_recording() {
                left |= matches!(self.endpoint.next().await, Happened::Ended(_));
            }
        };
        if tokio::time::timeout(patience, over).await.is_err() {
            tracing::info!("the call or its recording did not end in time");
        }
        drop(self.endpoint);
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    fn open_first_link(&mut self) {
        if let Some(text) = self.first_link.take() {
            // What is wrong with it is a problem to be seen.
            let _ = self.hand_over(&text);
            self.arrange();
        }
    }

    fn note(&mut self, happened: Happened, now: Instant) {
        match happened {
            Happened::Ready(link) => {
                if let Some(call) = &mut self.call {
                    call.link = Some(link);
                }
            }
            Happened::Ended(reason) => self.call_ended(&reason, now),
            Happened::Share => self.note_share(),
            Happened::Recording => self.note_recording(),
            Happened::Stats => self.take_sample(now),
            Happened::Sound => {
                let sound = self.endpoint.sound_status();
                self.device_news.hear_sound(sound.as_ref());
                self.inspection.hear(sound.as_ref());
                let levels = levels::levels(sound.as_ref());
                self.levels.send_if_modified(|old| {
                    let changed = *old != levels;
                    *old = levels;
                    changed
                });
            }
            Happened::Files => self.note_files(),
            Happened::Chat(news) => self.note_chat(news),
            Happened::Reaction { who, reaction } => self.note_reaction(now, who, reaction),
            // Asked, not forced: whoever sits here sees it, and may speak again.
            Happened::MuteAsked { by } => self.mute_as_asked(by),
            Happened::Picture => self
                .device_news
                .see_picture(self.endpoint.picture_status().as_ref()),
            Happened::SoundBegan(id) => self.play_as_before(id),
            Happened::Call
            | Happened::PictureBegan(_)
            | Happened::ScreenBegan(_)
            | Happened::Choice
            | Happened::TrackEnded(_) => {}
        }
    }

    /// Settings that could not be written are told until somebody puts the word away.
    fn note_unkept(&mut self) {
        if let Some(fault) = self.unkept.borrow_and_update().clone() {
            self.internal = Some(fault);
        }
    }

    fn take_sample(&mut self, now: Instant) {
        let figures = Figures {
            call: self.endpoint.call_stats().unwrap_or_default(),
            room: self.endpoint.call().unwrap_or_default(),
            encoder: self.endpoint.encoder_stats(),
            layers: self.endpoint.layer_stats().collect(),
            receivers: self.endpoint.receiver_stats().collect(),
            screens: self.endpoint.screen_stats().collect(),
            sound: self.endpoint.sound_status(),
            shared_sound: self.endpoint.shared_sound_status(),
            files: self.endpoint.file_counters(),
            chat: self.endpoint.chat_counters(),
            history_dropped: self.history.dropped(),
        };
        self.quality.push(figures.path(), figures.paths());
        self.write_down();
        let mut sample = self.gauge.sample(now, &figures);
        self.inspect(&mut sample, now);
        self.stats.send_replace(sample);
    }

    /// The call is over, whoever ended it. It stays to be seen until the person goes home.
    pub(super) fn call_ended(&mut self, reason: &EndReason, now: Instant) {
        if self.call.is_none() {
            self.endpoint.end_call();
            return;
        }
        self.write_end(reason, now);
        self.phase = Phase::Ended;
        self.switch_mute(MuteAsk::Release);
        self.share_stopped = None;
        self.finish_recording(RecordingStop::CallEnded);
        self.endpoint.end_call();
        self.opened = None;
    }

    /// Says of the call that it is over, and has kept of it what is to be kept; once.
    fn write_end(&mut self, reason: &EndReason, now: Instant) {
        let Some(call) = self.call.as_mut().filter(|call| call.ended.is_none()) else {
            return;
        };
        self.talk.end();
        let connected = self.endpoint.call().and_then(|call| call.connected_at);
        let seconds = connected.map_or(0, |since| now.saturating_duration_since(since).as_secs());
        let ended = translate::ended(reason, seconds);
        let page = self.diary.end(ended.code, seconds);
        call.ended = Some(ended);
        self.keep(page);
        self.inspection.end(since_1970_ms(now));
    }

    /// Lists devices now.
    pub(super) fn list_devices(&self) {
        self.list_wish
            .send_modify(|wish| wish.at_once = wish.at_once.wrapping_add(1));
    }

    /// The sound goes with the call that took its packets.
    pub(super) fn spend_sound(&mut self) {
        self.endpoint.close_sound();
        self.opened = None;
    }

    /// A new call begins to be measured.
    pub(super) fn forget_figures(&mut self) {
        self.quality.clear();
        self.gauge.reset();
        self.diary.turn_page();
        self.volumes.clear();
        self.hands.clear();
        self.inspection.begin();
        self.told_media = None;
    }

    /// Makes devices and the other side's knowledge be as phase, switches and settings want them.
    pub(super) fn arrange(&mut self) {
        self.follow_part();
        let wanted = self.preview || matches!(self.phase, Phase::GreenRoom | Phase::InCall);
        let every = ListWish::every(wanted, self.misses_a_device());
        self.list_wish
            .send_if_modified(|wish| std::mem::replace(&mut wish.every, every) != every);
        let settings = self.store.get();
        let camera = chosen(DeviceKind::Camera, settings).cloned();
        let picture = self.sources.picture.input(camera, settings.picture);
        let seen = wanted && self.sends_picture() && !self.listening.shuts();
        self.endpoint.set_picture(picture.filter(|_| seen));
        if wanted {
            self.arrange_sound();
        } else {
            self.endpoint.close_sound();
            self.opened = None;
        }
        self.tell_media_state();
        self.arrange_recording();
    }

    /// Whether one's own picture is wanted, and nothing says to do without.
    pub(super) fn sends_picture(&self) -> bool {
        self.camera_on && saving::sends_picture(self.store.get().saving)
    }

    /// The most video that is sent, as the settings say now.
    pub(super) fn limits(&self) -> VideoLimits {
        saving::limits(self.limits, self.store.get().saving)
    }

    /// Whether a device that is used is not there or does not work. Made pictures and sound need none.
    fn misses_a_device(&self) -> bool {
        let (picture, sound) = (self.endpoint.picture_status(), self.endpoint.sound_status());
        let picture = picture.map(|status| translate::source_state(status.state));
        let stream = |status: &StreamStatus| translate::stream_state(status.state);
        let input = sound.as_ref().map(|sound| stream(&sound.input));
        let output = sound.as_ref().map(|sound| stream(&sound.output));
        let sources = &self.sources;
        [
            (
                DeviceKind::Camera,
                sources.picture == PictureSource::Camera,
                picture,
            ),
            (
                DeviceKind::Microphone,
                sources.sound == SoundSource::Microphone,
                input,
            ),
            (DeviceKind::Speaker, sources.sink == SoundSink::Speaker, output),
        ]
        .into_iter()
        .filter(|(_, used, _)| *used)
        .any(|(kind, _, state)| {
            self.lists.is_missed(kind, self.store.get()) || state.is_some_and(translate::fails)
        })
    }

    fn arrange_sound(&mut self) {
        let settings = self.store.get();
        let chosen = |kind| chosen(kind, settings).cloned();
        let input = if self.listening.shuts() {
            AudioInput::Off
        } else {
            self.sources.sound.input(chosen(DeviceKind::Microphone))
        };
        let output = match self.sources.sink {
            SoundSink::Speaker => AudioOutput::Device {
                id: chosen(DeviceKind::Speaker),
            },
            SoundSink::Nowhere => AudioOutput::Null,
        };
        match &self.opened {
            Some((opened, _)) if *opened != input => {
                self.endpoint.sound(AudioCommand::SetInput(input.clone()));
            }
            _ => {}
        }
        match &self.opened {
            Some((_, opened)) if *opened != output => {
                self.endpoint.sound(AudioCommand::SetOutput(output.clone()));
            }
            _ => {}
        }
        if !self.endpoint.is_sound_open() {
            let config = AudioConfig {
                input: input.clone(),
                output: output.clone(),
                voice: translate::voice(settings.voice),
                muted: self.mute.muted,
                ..AudioConfig::default()
            };
            if let Err(error) = self.endpoint.open_sound(config) {
                self.internal = Some(error.to_string());
                return;
            }
        }
        self.opened = Some((input, output));
    }

    /// What microphone and camera give now.
    pub(super) fn media_state(&self) -> MediaState {
        let (picture, sound) = (self.endpoint.picture_status(), self.endpoint.sound_status());
        let camera = picture.map(|status| translate::source_state(status.state));
        let microphone = sound.map(|status| translate::stream_state(status.input.state));
        self.with_screen(MediaState {
            // Before the first word of the microphone it is taken to work.
            microphone_on: !self.mute.muted
                && !self.listening.shuts()
                && microphone.is_none_or(|state| state == DeviceState::Off || translate::gives(state)),
            camera_on: camera.is_some_and(translate::gives),
            picture_kbps_max: saving::takes_kbps(self.store.get().saving),
            ..MediaState::default()
        })
    }

    fn tell_media_state(&mut self) {
        let media = self.media_state();
        if self.phase == Phase::InCall && self.told_media != Some(media) {
            self.told_media = Some(media);
            self.endpoint.command(CallCommand::SetMediaState(media));
        }
    }
}
