//! One side of a call without a window: sources, encoders, the call, and what comes from the others, put together.
//!
//! Owned by one task (the window's engine, or the command line), which calls [`Endpoint::next`] in a loop: that is where
//! tracks are wired and targets passed on. Knows nothing of settings, problems or what is shown. Opening and closing
//! never block: devices are stopped on a thread of their own.

mod gaze;
mod hush;
mod layers;
mod load;
mod ongoing;
mod picture;
mod recording;
mod share;
mod sound;
mod tiles;

pub use gaze::Sight;
/// What a call is asked and tells, for roots that stand on this crate alone.
pub use parley_call::chat::{ChatCounters, ChatNews, SayError};
pub use parley_call::files::{
    Direction, FileCommand, FileCounters, TransferEnd, TransferFault, TransferSnapshot, TransferState,
};
pub use parley_call::port::TrackKind;
pub use parley_call::{
    CallCommand, CallPhase, CallSnapshot, CallStats, CallTarget, EndReason, NetworkOptions, PersonSnapshot,
    RecordingConsent, RecordingRefusal, SignalingFault, VideoLimits,
};
pub use parley_media::audio::SharedSoundStatus;
pub use parley_media::record::{RecordEnd, RecorderStatus, StartRecorderError};
pub use share::{CHOICE_TILE, SCREEN_TILE, SCREEN_TILE_OF, ShareWish};
pub use tiles::{SELF_TILE, Tiles};

use layers::Layers;
use ongoing::{OngoingCall, OwnEnds, Said};
use parley_call::port::LaneKind;
use parley_call::{Call, CallConfig, CallEvent, LocalMedia, LocalScreen};
use parley_media::audio::{AudioCommand, AudioConfig, AudioStatus, AudioTargets, StartAudioError};
use parley_media::device::screen::previews::Choice;
use parley_media::video::{
    EncoderStats, EncoderTargets, KeyFrameFlag, ReceiverStats, SourceStatus, StartEncoderError, VideoEncoder,
    VideoInput,
};
use parley_proto::{ChatText, Link, MediaState, MessageId, ParticipantId, Reaction};
use picture::OwnPicture;
use recording::Recording;
use share::{Choosing, ScreenEnds, Sharing};
use sound::Sound;
use std::path::PathBuf;
use std::time::Instant;
use tokio::sync::{mpsc, watch};

/// Packets of the computer's sound that may wait for the network: a third of a second.
const SHARED_SOUND_MAX: usize = 16;
/// Encoded pictures between the encoder and the network; when they are not taken, raw ones are left out.
const ENCODED_MAX: usize = 3;

/// One side of a call.
#[derive(Debug)]
pub struct Endpoint {
    tiles: Tiles,
    picture: OwnPicture,
    sound: Sound,
    call: Option<OngoingCall>,
    sharing: Option<Sharing>,
    choosing: Option<Choosing>,
    recording: Option<Recording>,
}

/// How a call is begun.
#[derive(Debug, Clone)]
pub struct CallWish {
    /// Where to.
    pub target: CallTarget,
    /// The name others see.
    pub name: String,
    /// What microphone and camera do at the start.
    pub media: MediaState,
    /// How the network is used.
    pub network: NetworkOptions,
    /// The most video there may be.
    pub limits: VideoLimits,
    /// Where files go that come.
    pub downloads: PathBuf,
    /// The person wants only to hear, see and write, if that can be.
    pub only_listens: bool,
}

/// Why a call could not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartCallError {
    /// There is one already.
    #[error("a call is on already")]
    AlreadyOn,
    /// Sound must be open first, and not from before another call: a call takes its packets.
    #[error("the sound is not open")]
    NoSound,
    /// The encoder did not start.
    #[error("the encoder did not start: {0}")]
    Encoder(#[from] StartEncoderError),
}

/// What happened, for the owner to look at. Tracks are wired already.
#[derive(Debug)]
pub enum Happened {
    /// The call can be entered, the link can be sent.
    Ready(Link),
    /// Somebody's sound begins.
    SoundBegan(ParticipantId),
    /// Somebody's picture begins; it is in the tile of their id.
    PictureBegan(ParticipantId),
    /// Somebody's screen begins; it is in the tile [`SCREEN_TILE_OF`] and their id.
    ScreenBegan(ParticipantId),
    /// Somebody's sound or picture ended.
    TrackEnded(ParticipantId),
    /// Something in the chat.
    Chat(ChatNews),
    /// [`Endpoint::transfers`] changed.
    Files,
    /// Somebody reacts.
    Reaction {
        /// Who.
        who: ParticipantId,
        /// How.
        reaction: Reaction,
    },
    /// A host asks this side to mute its microphone.
    MuteAsked {
        /// Who.
        by: ParticipantId,
    },
    /// The call is over. It stays to be looked at until [`Endpoint::end_call`].
    Ended(EndReason),
    /// [`Endpoint::call`] changed.
    Call,
    /// [`Endpoint::call_stats`] changed.
    Stats,
    /// [`Endpoint::picture_status`] changed.
    Picture,
    /// [`Endpoint::sound_status`] changed.
    Sound,
    /// [`Endpoint::share_status`] changed.
    Share,
    /// [`Endpoint::choice`] changed.
    Choice,
    /// [`Endpoint::recording_status`] changed.
    Recording,
}

impl Default for Endpoint {
    fn default() -> Self {
        Self::new()
    }
}

impl Endpoint {
    /// With everything closed.
    #[must_use]
    pub fn new() -> Self {
        let tiles = Tiles::default();
        Self {
            picture: OwnPicture::new(tiles.clone()),
            tiles,
            sound: Sound::default(),
            call: None,
            sharing: None,
            choosing: None,
            recording: None,
        }
    }

    /// Everything there is to show.
    #[must_use]
    pub const fn tiles(&self) -> &Tiles {
        &self.tiles
    }

    /// One's own picture comes from here from now on, in a call too; `None` closes the source and frees the camera.
    pub fn set_picture(&mut self, input: Option<VideoInput>) {
        self.picture.set(input);
    }

    /// Starts the sound unless it runs.
    ///
    /// # Errors
    /// When there is no thread, no codec, or no place for the recording.
    pub fn open_sound(&mut self, config: AudioConfig) -> Result<(), StartAudioError> {
        self.sound.open(config)
    }

    /// Stops the sound and frees its devices.
    pub fn close_sound(&mut self) {
        self.sound.close();
    }

    /// Whether the sound runs.
    #[must_use]
    pub const fn is_sound_open(&self) -> bool {
        self.sound.is_open()
    }

    /// Tells the audio engine something; nothing happens while it does not run.
    pub fn sound(&self, command: AudioCommand) {
        self.sound.send(command);
    }

    /// Begins a call: reaches for the server, but does not go in before [`Endpoint::enter`]. Inside a tokio runtime.
    ///
    /// # Errors
    /// [`StartCallError`].
    pub fn start_call(&mut self, wish: CallWish) -> Result<(), StartCallError> {
        if self.call.is_some() {
            return Err(StartCallError::AlreadyOn);
        }
        let audio = self.sound.take_encoded().ok_or(StartCallError::NoSound)?;
        let (encoded, video) = mpsc::channel(ENCODED_MAX);
        // Nothing is encoded before the call says how much: nobody is there to see it.
        let paused = EncoderTargets {
            paused: true,
            ..EncoderTargets::default()
        };
        let (video_targets, for_encoder) = watch::channel(paused);
        let (audio_targets, for_sound) = watch::channel(AudioTargets::default());
        let key_frames = KeyFrameFlag::new();
        let (screen_out, screen_frames) = mpsc::channel(ENCODED_MAX);
        let (screen_targets, for_screen) = watch::channel(paused);
        let screen_key_frames = KeyFrameFlag::new();
        let (sound_out, screen_sound) = mpsc::channel(SHARED_SOUND_MAX);
        let (sound_targets_in, sound_targets) = watch::channel(AudioTargets::default());
        let screen_ends = ScreenEnds {
            out: screen_out,
            targets: for_screen,
            key_frames: screen_key_frames.clone(),
            sound_out,
            sound_targets,
        };
        let frames = self.picture.for_encoder();
        let encoder = VideoEncoder::spawn(frames, for_encoder.clone(), key_frames.clone(), encoded)?;
        let (layers, of_layers) = Layers::new();
        let handle = Call::start(CallConfig {
            target: wish.target,
            name: wish.name,
            media_state: wish.media,
            media: LocalMedia {
                video,
                audio,
                video_targets,
                audio_targets,
                key_frames,
                limits: wish.limits,
                screen: LocalScreen {
                    frames: screen_frames,
                    targets: screen_targets,
                    key_frames: screen_key_frames,
                    sound: screen_sound,
                    sound_targets: sound_targets_in,
                },
                layers: of_layers,
            },
            network: wish.network,
            only_listens: wish.only_listens,
        });
        let tiles = self.tiles.clone();
        let own = OwnEnds {
            encoder,
            video_targets: for_encoder,
            audio_targets: for_sound,
            screen_ends,
            layers,
        };
        self.call = Some(OngoingCall::new(handle, own, tiles, wish.downloads));
        Ok(())
    }

    /// Shows this to the others instead of what is shown; `None` stops. Nothing happens without a call. The others are told by
    /// the media state, which is the owner's to set.
    ///
    /// # Errors
    /// When there is no encoder.
    pub fn share(&mut self, wish: Option<ShareWish>) -> Result<(), StartEncoderError> {
        if self.share_wish() == wish.as_ref() {
            return Ok(());
        }
        self.sharing = None;
        if let (Some(wish), Some(call)) = (wish, &self.call) {
            self.sharing = Some(Sharing::begin(
                wish,
                call.screen_ends.clone(),
                self.tiles.clone(),
            )?);
        }
        Ok(())
    }

    /// What is shared now.
    #[must_use]
    pub fn share_wish(&self) -> Option<&ShareWish> {
        self.sharing.as_ref().map(|sharing| &sharing.wish)
    }

    /// How what is shared is; nothing while nothing is.
    #[must_use]
    pub fn share_status(&self) -> Option<SourceStatus> {
        self.sharing.as_ref().map(Sharing::status)
    }

    /// How the computer's sound is that is shared with it; nothing while it is not.
    #[must_use]
    pub fn shared_sound_status(&self) -> Option<SharedSoundStatus> {
        self.sharing.as_ref()?.sound_status()
    }

    /// What the encoder of what is shared did.
    #[must_use]
    pub fn share_stats(&self) -> Option<EncoderStats> {
        self.sharing.as_ref()?.encoder_stats()
    }

    /// Begins or ends to look for what can be shared: the list is [`Endpoint::choice`], the pictures are in the tiles
    /// [`CHOICE_TILE`] and their ids.
    pub fn choose_share(&mut self, on: bool) {
        if on && self.choosing.is_none() {
            self.choosing = Some(Choosing::begin(self.tiles.clone()));
        } else if !on {
            self.choosing = None;
        }
    }

    /// Whether somebody chooses now.
    #[must_use]
    pub const fn is_choosing_share(&self) -> bool {
        self.choosing.is_some()
    }

    /// What can be shared, once it was looked for.
    #[must_use]
    pub fn choice(&self) -> Choice {
        self.choosing.as_ref().and_then(Choosing::choice)
    }

    /// Asks something of the call; nothing happens without one. Never waits: the call has room for more commands than
    /// a person gives, and what finds none is told to the log.
    pub fn command(&self, command: CallCommand) {
        if let Some(call) = &self.call
            && let Err(error) = call.handle.commands.try_send(command)
        {
            tracing::debug!(%error, "the call takes no command any more");
        }
    }

    /// These tiles of the others are seen from now on, and no other: in rooms of three and more nothing else comes. Until this
    /// was said in a call, the tiles that are watched count. Said as often as one likes; the call is told ten times a second.
    pub fn look(&mut self, sights: Vec<Sight>) {
        if let Some(call) = &mut self.call {
            call.gaze.say(now(), sights);
        }
    }

    /// Writes to the others, now or as soon as they can be reached; gives the message as it will be seen.
    ///
    /// # Errors
    /// [`SayError`].
    pub async fn say(&self, id: MessageId, text: String) -> Result<ChatText, SayError> {
        match &self.call {
            Some(call) => call.chat.say(id, text).await,
            None => Err(SayError::TooMany),
        }
    }

    /// Asks something about files; false when that cannot be done now.
    #[must_use]
    pub fn file(&self, command: FileCommand) -> bool {
        let files = self.call.as_ref().and_then(|call| call.files.as_ref());
        files.is_some_and(|files| files.command(command))
    }

    /// Files on their way, and those that were.
    #[must_use]
    pub fn transfers(&self) -> Vec<TransferSnapshot> {
        let files = self.call.as_ref().and_then(|call| call.files.as_ref());
        files.map_or_else(Vec::new, |files| files.transfers.borrow().clone())
    }

    /// What was refused and not answered of messages.
    #[must_use]
    pub fn chat_counters(&self) -> ChatCounters {
        let call = self.call.as_ref();
        call.map_or_else(ChatCounters::default, |call| *call.chat.counters.borrow())
    }

    /// What was refused and dropped of files.
    #[must_use]
    pub fn file_counters(&self) -> FileCounters {
        let files = self.call.as_ref().and_then(|call| call.files.as_ref());
        files.map_or_else(FileCounters::default, |files| *files.counters.borrow())
    }

    /// Forgets the call (hangs up if that was not done) and closes the sound, whose packets went with it.
    pub fn end_call(&mut self) {
        self.sharing = None;
        self.choosing = None;
        self.call = None;
        self.picture.no_encoder();
        self.sound.close();
    }

    /// What the call's state is.
    #[must_use]
    pub fn call(&self) -> Option<CallSnapshot> {
        self.call.as_ref().map(OngoingCall::snapshot)
    }

    /// The call's last sample.
    #[must_use]
    pub fn call_stats(&self) -> Option<CallStats> {
        self.call.as_ref().map(OngoingCall::stats)
    }

    /// What one's own encoder did.
    #[must_use]
    pub fn encoder_stats(&self) -> Option<EncoderStats> {
        self.call.as_ref()?.encoder_stats()
    }

    /// What the encoders of one's own picture in smaller layers did, by their names, smallest first; nobody, while nobody wants any.
    pub fn layer_stats(&self) -> impl Iterator<Item = (&'static str, EncoderStats)> {
        self.call.iter().flat_map(|call| call.layers.stats())
    }

    /// What came of the others' pictures.
    pub fn receiver_stats(&self) -> impl Iterator<Item = (ParticipantId, ReceiverStats)> {
        self.call.iter().flat_map(OngoingCall::receiver_stats)
    }

    /// What came of the others' screens.
    pub fn screen_stats(&self) -> impl Iterator<Item = (ParticipantId, ReceiverStats)> {
        self.call.iter().flat_map(OngoingCall::screen_stats)
    }

    /// How one's own picture is; nothing while none is wanted.
    #[must_use]
    pub fn picture_status(&self) -> Option<SourceStatus> {
        self.picture.status()
    }

    /// How the sound is; nothing while it is closed.
    #[must_use]
    pub fn sound_status(&self) -> Option<AudioStatus> {
        self.sound.status()
    }

    /// Waits for the next thing to look at, and wires what must be wired. Cancel safe.
    pub async fn next(&mut self) -> Happened {
        loop {
            let said = tokio::select! {
                biased;
                said = next_said(&mut self.call) => said,
                () = self.picture.changed() => return Happened::Picture,
                () = self.sound.changed() => {
                    self.keep_lips_in_sync();
                    return Happened::Sound;
                }
                () = share::changed(&mut self.sharing) => return Happened::Share,
                () = share::chosen_from(&mut self.choosing) => return Happened::Choice,
                () = recording::changed(&mut self.recording) => return Happened::Recording,
            };
            match said {
                Said::Event(event) => return self.wire(event),
                Said::Files => return Happened::Files,
                Said::Chat(news) => return Happened::Chat(news),
                Said::AudioTargets(targets) => self.sound.send(AudioCommand::SetTargets(targets)),
                Said::Layers => self.follow_layers(),
                Said::State => {
                    self.follow_shares();
                    return Happened::Call;
                }
                Said::Stats => return Happened::Stats,
            }
        }
    }

    /// Pictures wait for as long as the sound that belongs to them does, and sound for pictures that are slower.
    fn keep_lips_in_sync(&mut self) {
        if let (Some(call), Some(status)) = (&mut self.call, self.sound.status()) {
            call.follow_sound(&status);
            for command in call.holds() {
                self.sound.send(command);
            }
        }
    }

    /// What is shared ends to be heard with its picture, not with what is still on its way.
    fn follow_shares(&mut self) {
        let commands = self.call.as_mut().map(OngoingCall::hushes);
        for command in commands.into_iter().flatten() {
            self.sound.send(command);
        }
    }

    fn follow_layers(&mut self) {
        if let Some(call) = &mut self.call {
            call.layers.follow(now(), &mut self.picture);
        }
    }

    fn wire(&mut self, event: CallEvent) -> Happened {
        match event {
            CallEvent::Ready { link } => Happened::Ready(link),
            CallEvent::AudioTrack { participant, packets } => {
                self.sound.send(AudioCommand::AddParticipant {
                    id: participant,
                    packets,
                });
                Happened::SoundBegan(participant)
            }
            CallEvent::VideoTrack {
                participant,
                packets,
                key_frames,
                times,
            } => {
                if let Some(call) = &mut self.call {
                    call.show(participant, packets, key_frames, times);
                }
                Happened::PictureBegan(participant)
            }
            CallEvent::ScreenTrack {
                participant,
                packets,
                key_frames,
                times,
            } => {
                if let Some(call) = &mut self.call {
                    call.show_screen(participant, packets, key_frames, times);
                }
                Happened::ScreenBegan(participant)
            }
            CallEvent::ScreenSoundTrack { participant, packets } => {
                self.sound.send(AudioCommand::AddSharedSound {
                    id: participant,
                    packets,
                });
                let hush = self.call.as_ref().and_then(|call| call.hush(participant));
                if let Some(command) = hush {
                    self.sound.send(command);
                }
                Happened::SoundBegan(participant)
            }
            CallEvent::TrackEnded { participant, kind } => {
                let command = self
                    .call
                    .as_mut()
                    .and_then(|call| call.end_track(participant, kind));
                if let Some(command) = command {
                    self.sound.send(command);
                }
                Happened::TrackEnded(participant)
            }
            CallEvent::Reaction {
                participant,
                reaction,
            } => Happened::Reaction {
                who: participant,
                reaction,
            },
            CallEvent::MuteAsked { participant } => Happened::MuteAsked { by: participant },
            CallEvent::Lane {
                participant,
                kind,
                lane,
            } => {
                if let Some(call) = &self.call {
                    match (kind, &call.files) {
                        (LaneKind::Chat, _) => call.chat.use_lane(participant, lane),
                        (_, Some(files)) => files.use_lane(participant, kind, lane),
                        (_, None) => {}
                    }
                }
                Happened::Call
            }
            CallEvent::Ended(reason) => Happened::Ended(reason),
        }
    }
}

async fn next_said(call: &mut Option<OngoingCall>) -> Said {
    match call {
        Some(call) => call.next().await,
        None => std::future::pending().await,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "driver: paces what is asked of the call"
)]
fn now() -> Instant {
    Instant::now()
}

/// Lets something end whose end waits for a thread or a device, without making anybody wait.
fn retire<T: Send + 'static>(thing: T) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        drop(runtime.spawn_blocking(move || drop(thing)));
    }
}
