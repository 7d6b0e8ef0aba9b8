//! A call that is on: its driver's handle, one's own encoder, and a receiver for everyone whose picture comes.

use super::gaze::Gaze;
use super::hush::Hushed;
use super::layers::Layers;
use super::load::{CodecLoad, Work, Worker};
use super::share::{SCREEN_TILE_OF, ScreenEnds};
use super::tiles::Tiles;
use super::{now, retire};
use parley_call::chat::{self, ChatHandle, ChatNews};
use parley_call::files::{self, FileCommand, FilesHandle};
use parley_call::port::TrackKind;
use parley_call::{
    CallCommand, CallEvent, CallHandle, CallSnapshot, CallStats, EndReason, KeyFrameRequester,
};
use parley_media::audio::{AudioCommand, AudioStatus, AudioTargets, ParticipantAudio};
use parley_media::packet::ReceivedPacket;
use parley_media::video::{
    BesideEncoding, EncoderStats, EncoderTargets, ReceiverStats, SenderTimes, VideoEncoder, VideoReceiver,
};
use parley_proto::ParticipantId;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A word about ways for files that was not taken is said again after this.
const WAYS_AGAIN: Duration = Duration::from_millis(200);
/// A change of a voice's least wait that is worth telling.
const HOLD_STEP_MS: u16 = 4;

/// A call and everything that lives as long as it.
#[derive(Debug)]
pub(super) struct OngoingCall {
    pub(super) handle: CallHandle,
    pub(super) chat: ChatHandle,
    /// Whom the chat knows to be in the room.
    met: Vec<ParticipantId>,
    /// With whom the transfers know that files may go on.
    met_by_files: Vec<ParticipantId>,
    /// Absent when this computer has no thread for them.
    pub(super) files: Option<FilesHandle>,
    over: bool,
    encoder: Option<VideoEncoder>,
    receivers: BTreeMap<ParticipantId, VideoReceiver>,
    video_targets: watch::Receiver<EncoderTargets>,
    /// Of those who share, or did.
    screens: BTreeMap<ParticipantId, VideoReceiver>,
    pub(super) screen_ends: ScreenEnds,
    audio_targets: watch::Receiver<AudioTargets>,
    pub(super) layers: Layers,
    pub(super) gaze: Gaze,
    watching: watch::Receiver<()>,
    tiles: Tiles,
    /// The call took no word about ways for files: when it is told again.
    ways_again: Option<Instant>,
    /// How long voices were told to wait at least, in milliseconds.
    holds: BTreeMap<ParticipantId, u16>,
    hushed: Hushed,
    load: CodecLoad,
    /// Times the sound was late.
    sound_late: u64,
}

/// This side's own ends of what the call was given.
#[derive(Debug)]
pub(super) struct OwnEnds {
    pub(super) encoder: VideoEncoder,
    pub(super) video_targets: watch::Receiver<EncoderTargets>,
    pub(super) audio_targets: watch::Receiver<AudioTargets>,
    pub(super) screen_ends: ScreenEnds,
    pub(super) layers: Layers,
}

/// What a call's driver has to say next.
#[derive(Debug)]
pub(super) enum Said {
    /// An event.
    Event(CallEvent),
    /// The transfers changed.
    Files,
    /// Something in the chat.
    Chat(ChatNews),
    /// The audio encoder must produce something else.
    AudioTargets(AudioTargets),
    /// Other layers of one's own picture are wanted.
    Layers,
    /// The snapshot changed.
    State,
    /// A new sample.
    Stats,
}

impl OngoingCall {
    pub(super) fn new(handle: CallHandle, own: OwnEnds, tiles: Tiles, downloads: PathBuf) -> Self {
        Self {
            handle,
            chat: chat::start(),
            met: Vec::new(),
            met_by_files: Vec::new(),
            files: files::start(downloads),
            over: false,
            encoder: Some(own.encoder),
            receivers: BTreeMap::new(),
            video_targets: own.video_targets,
            screens: BTreeMap::new(),
            screen_ends: own.screen_ends,
            audio_targets: own.audio_targets,
            layers: own.layers,
            gaze: Gaze::default(),
            watching: tiles.watching(),
            tiles,
            ways_again: None,
            holds: BTreeMap::new(),
            hushed: Hushed::default(),
            load: CodecLoad::default(),
            sound_late: 0,
        }
    }

    /// The next thing the driver says; nothing more after `Ended`. Cancel safe.
    pub(super) async fn next(&mut self) -> Said {
        if self.over {
            std::future::pending::<()>().await;
        }
        loop {
            let look_at = self.gaze.due();
            let ways_again = self.ways_again;
            tokio::select! {
                biased;
                event = self.handle.events.recv() => {
                    // Its last event is `Ended`; should it ever go without a word, nobody must wait for it.
                    let event = event.unwrap_or(CallEvent::Ended(EndReason::Internal("the call went without a word")));
                    self.over = matches!(event, CallEvent::Ended(_));
                    return Said::Event(event);
                }
                change = changed(&mut self.files) => match change {
                    FilesChange::Transfers => return Said::Files,
                    FilesChange::Ways => self.tell_ways(),
                },
                () = tokio::time::sleep_until(ways_again.unwrap_or_else(now).into()), if ways_again.is_some() => {
                    self.tell_ways();
                }
                Some(news) = self.chat.news.recv() => return Said::Chat(news),
                Ok(()) = self.handle.state.changed() => {
                    self.forget_old_screens();
                    self.meet();
                    self.gaze.changed(now());
                    return Said::State;
                }
                Ok(()) = self.video_targets.changed() => self.follow_pause(),
                Ok(()) = self.audio_targets.changed() => {
                    return Said::AudioTargets(*self.audio_targets.borrow_and_update());
                }
                Ok(()) = self.handle.stats.changed() => {
                    self.follow_round_trip();
                    self.follow_load();
                    return Said::Stats;
                }
                Ok(()) = self.watching.changed() => {
                    self.follow_eyes();
                    self.gaze.changed(now());
                }
                () = self.layers.changed() => return Said::Layers,
                () = tokio::time::sleep_until(look_at.unwrap_or_else(now).into()), if look_at.is_some() => {
                    self.look();
                }
            }
        }
    }

    /// Between whom files move or may: in a group, connections are made for those.
    fn tell_ways(&mut self) {
        if let Some(files) = &mut self.files {
            let ways = files.ways.borrow_and_update().clone();
            let asked = self.handle.commands.try_send(CallCommand::FileWays(ways));
            self.ways_again = asked.is_err().then(|| now() + WAYS_AGAIN);
        }
    }

    /// Asks the call for what is looked at, if that is something else than before.
    fn look(&mut self) {
        let tiles = &self.tiles;
        let people = self.handle.state.borrow().people.clone();
        let looks = self.gaze.take(now(), &people, |tile| tiles.is_watched(tile));
        if let Some(looks) = looks
            && self.handle.commands.try_send(CallCommand::Look(looks)).is_err()
        {
            self.gaze.missed(now());
        }
    }

    /// The encoder reads its targets with each picture; the end of a pause shall not wait for one.
    fn follow_pause(&mut self) {
        let paused = self.video_targets.borrow_and_update().paused;
        if let Some(encoder) = self.encoder.as_ref().filter(|_| !paused) {
            encoder.wake();
        }
    }

    /// Shows somebody's picture from now on.
    pub(super) fn show(
        &mut self,
        who: ParticipantId,
        packets: Receiver<ReceivedPacket>,
        key_frames: KeyFrameRequester,
        times: SenderTimes,
    ) {
        let frames = self.tiles.slot(&who.to_string());
        let ask = Box::new(move || key_frames.request());
        let receiver = VideoReceiver::spawn_in_sync(packets, frames, ask, times);
        receiver.set_watched(self.tiles.is_watched(&who.to_string()));
        if let Some(old) = self.receivers.insert(who, receiver) {
            retire(old);
        }
    }

    /// Shows somebody's screen from now on, beside their picture.
    pub(super) fn show_screen(
        &mut self,
        who: ParticipantId,
        packets: Receiver<ReceivedPacket>,
        key_frames: KeyFrameRequester,
        times: SenderTimes,
    ) {
        let tile = screen_tile(who);
        let frames = self.tiles.slot(&tile);
        let ask = Box::new(move || key_frames.request());
        let receiver = VideoReceiver::spawn_in_sync(packets, frames, ask, times);
        receiver.set_watched(self.tiles.is_watched(&tile));
        if let Some(old) = self.screens.insert(who, receiver) {
            retire(old);
        }
    }

    /// What is written is for those who are in the room.
    fn meet(&mut self) {
        let call = self.handle.state.borrow();
        let people: Vec<ParticipantId> = call.people.iter().map(|person| person.id).collect();
        // Whoever may come back finds the transfers with them as they were.
        let missing = call.missing.iter().filter(|id| !people.contains(id));
        let known: Vec<ParticipantId> = people.iter().chain(missing).copied().collect();
        let files = self.files.as_ref();
        let told = |known: &Vec<ParticipantId>| {
            files.is_none_or(|files| files.command(FileCommand::People(known.clone())))
        };
        if known != self.met_by_files && told(&known) {
            self.met_by_files = known;
        }
        if people != self.met && self.chat.people(people.clone()) {
            self.met = people;
        }
    }

    /// What was shared before is not shown when something is shared again.
    fn forget_old_screens(&self) {
        for person in &self.handle.state.borrow().people {
            if !person.media.screen_on {
                self.tiles.blank(&screen_tile(person.id));
            }
        }
    }

    /// Whose computers begin or cease to be heard, with the picture of what they share.
    pub(super) fn hushes(&mut self) -> Vec<AudioCommand> {
        self.hushed.follow(&self.handle.state.borrow().people)
    }

    /// The same of somebody whose computer's sound has just begun to come.
    pub(super) fn hush(&self, who: ParticipantId) -> Option<AudioCommand> {
        self.hushed.began(who)
    }

    /// No more comes in a track. Gives what the audio engine must be told.
    pub(super) fn end_track(&mut self, who: ParticipantId, kind: TrackKind) -> Option<AudioCommand> {
        match kind {
            TrackKind::Audio => Some(AudioCommand::RemoveParticipant(who)),
            TrackKind::ScreenSound => Some(AudioCommand::RemoveSharedSound(who)),
            TrackKind::Video => {
                if let Some(receiver) = self.receivers.remove(&who) {
                    retire(receiver);
                }
                self.tiles.remove(&who.to_string());
                self.holds.remove(&who).map(|_| AudioCommand::SetLeastWait {
                    id: who,
                    wait: Duration::ZERO,
                })
            }
            TrackKind::Screen => {
                if let Some(receiver) = self.screens.remove(&who) {
                    retire(receiver);
                }
                self.tiles.remove(&screen_tile(who));
                None
            }
        }
    }

    pub(super) fn snapshot(&self) -> CallSnapshot {
        self.handle.state.borrow().clone()
    }

    pub(super) fn stats(&self) -> CallStats {
        self.handle.stats.borrow().clone()
    }

    pub(super) fn encoder_stats(&self) -> Option<EncoderStats> {
        self.encoder.as_ref().map(VideoEncoder::stats)
    }

    pub(super) fn receiver_stats(&self) -> impl Iterator<Item = (ParticipantId, ReceiverStats)> {
        self.receivers
            .iter()
            .map(|(who, receiver)| (*who, receiver.stats()))
    }

    /// What came of the others' screens.
    pub(super) fn screen_stats(&self) -> impl Iterator<Item = (ParticipantId, ReceiverStats)> {
        self.screens
            .iter()
            .map(|(who, receiver)| (*who, receiver.stats()))
    }

    /// What nobody looks at is not decoded.
    fn follow_eyes(&self) {
        for (who, receiver) in &self.receivers {
            receiver.set_watched(self.tiles.is_watched(&who.to_string()));
        }
        for (who, receiver) in &self.screens {
            receiver.set_watched(self.tiles.is_watched(&screen_tile(*who)));
        }
    }

    /// What else this computer does: once a second, with the sample of figures.
    fn follow_load(&mut self) {
        let of = |kind: TrackKind| {
            move |(who, stats): (ParticipantId, ReceiverStats)| {
                let work = Work {
                    pictures: stats.decoded,
                    each_ms: stats.decode_ms,
                };
                (Worker::Decoder(who, kind == TrackKind::Screen), work)
            }
        };
        let decoders = self.receiver_stats().map(of(TrackKind::Video));
        let decoders = decoders.chain(self.screen_stats().map(of(TrackKind::Screen)));
        // The largest layer gives way for the smaller ones, as for what is decoded.
        let layers = self.layers.stats().map(|(rid, stats)| {
            let work = Work {
                pictures: stats.frames,
                each_ms: stats.encode_ms,
            };
            (Worker::Layer(rid), work)
        });
        let workers: Vec<(Worker, Work)> = decoders.chain(layers).collect();
        let share = self.load.second(workers);
        if let Some(encoder) = &self.encoder {
            encoder.set_beside(BesideEncoding {
                decoding: share,
                sound_late: self.sound_late,
            });
        }
    }

    /// How long sound waits here is how long the pictures that belong to it must.
    pub(super) fn follow_sound(&mut self, status: &AudioStatus) {
        self.sound_late = status.counters.playout_skipped + status.counters.capture_skipped;
        for (receivers, heard) in [
            (&self.receivers, &status.participants),
            (&self.screens, &status.shared),
        ] {
            for (who, receiver) in receivers {
                let of_them = heard.iter().find(|one| one.id == *who);
                receiver.set_sound_wait(of_them.and_then(sound_wait));
            }
        }
    }

    /// Voices that have to wait otherwise than they were told, for pictures that are slower than they.
    pub(super) fn holds(&mut self) -> Vec<AudioCommand> {
        let mut commands = Vec::new();
        for (who, receiver) in &self.receivers {
            let hold_ms = receiver.stats().lip_sync.sound_hold_ms as u16;
            let told = self.holds.entry(*who).or_default();
            if told.abs_diff(hold_ms) >= HOLD_STEP_MS || (hold_ms == 0 && *told > 0) {
                *told = hold_ms;
                commands.push(AudioCommand::SetLeastWait {
                    id: *who,
                    wait: Duration::from_millis(hold_ms.into()),
                });
            }
        }
        commands
    }

    /// How long a decoder waits for a packet to be sent again follows from the round trip.
    fn follow_round_trip(&self) {
        if let Some(round_trip_ms) = self.handle.stats.borrow().peer.rtt_ms {
            let round_trip = Duration::from_secs_f32((round_trip_ms / 1000.0).clamp(0.0, 10.0));
            for receiver in self.receivers.values().chain(self.screens.values()) {
                receiver.set_round_trip(round_trip);
            }
        }
    }
}

impl Drop for OngoingCall {
    fn drop(&mut self) {
        for (who, receiver) in std::mem::take(&mut self.receivers) {
            self.tiles.remove(&who.to_string());
            retire(receiver);
        }
        for (who, receiver) in std::mem::take(&mut self.screens) {
            self.tiles.remove(&screen_tile(who));
            retire(receiver);
        }
        if let Some(encoder) = self.encoder.take() {
            retire(encoder);
        }
    }
}

/// What of files is another than before.
enum FilesChange {
    /// How far they are.
    Transfers,
    /// With whom connections are of use.
    Ways,
}

/// Waits for something of files to change; for ever when there are none. Cancel safe.
async fn changed(files: &mut Option<FilesHandle>) -> FilesChange {
    if let Some(files) = files {
        tokio::select! {
            Ok(()) = files.transfers.changed() => return FilesChange::Transfers,
            Ok(()) = files.ways.changed() => return FilesChange::Ways,
            else => {}
        }
    }
    std::future::pending().await
}

/// How long somebody's sound waits here; none while nothing of it is heard.
fn sound_wait(of: &ParticipantAudio) -> Option<Duration> {
    let is_known = of.counters.received > 0 && of.delay_ms > 0.0;
    is_known.then(|| Duration::from_secs_f32(of.delay_ms.min(10_000.0) / 1000.0))
}

/// The tile of somebody's screen.
fn screen_tile(who: ParticipantId) -> String {
    format!("{SCREEN_TILE_OF}{who}")
}
