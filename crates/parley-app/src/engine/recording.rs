//! The recording of a call behind a window: asks the others, opens the file, says what is in the picture, and how it ended.
//!
//! Whether one may record is the call's to say ([`RecordingConsent`]); how a file is made is the recorder's. Here both meet: a
//! recorder runs only while the others agree, and they are told that it runs for as long as it does.

use super::actor::Actor;
use super::obey::{Outcome, refuse};
use super::tell::since_1970_ms;
use crate::diagnosis::report::date_time;
use crate::endpoint::{
    CallPhase, CallSnapshot, RecordEnd, RecordingConsent, RecordingRefusal, SCREEN_TILE, SCREEN_TILE_OF,
    SELF_TILE,
};
use crate::view::{CommandErrorCode, Phase, RecordingEnded, RecordingStage, RecordingStop, RecordingView};
use parley_call::CallCommand;
use parley_proto::ParticipantId;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Pictures in the corner of a recording. Whoever has no place is heard.
const INSETS_MAX: usize = 3;
/// Whoever is large in it stays so for as long at least.
const LARGE_MIN: Duration = Duration::from_secs(3);
/// Files of one second that are counted through.
const NAMESAKES_MAX: u32 = 100;

/// The recording, and how the last one ended.
#[derive(Debug, Default)]
pub(super) struct CallRecording {
    view: RecordingView,
    path: Option<PathBuf>,
    /// The call has taken in the question: from now on no wish means that whoever was asked is gone.
    asked: bool,
    /// Why it ends, if not by itself.
    why: Option<RecordingStop>,
    ends: u32,
    large: Large,
}

/// Who is large in the picture: whoever speaks, of those who are seen. Sans-IO.
#[derive(Debug, Default)]
struct Large(Option<(ParticipantId, Instant)>);

impl Large {
    /// `seen`: those whose cameras are on.
    fn choose(
        &mut self,
        now: Instant,
        seen: &[ParticipantId],
        speakers: &[ParticipantId],
    ) -> Option<ParticipantId> {
        let present = self.0.filter(|(who, _)| seen.contains(who));
        let settled = present.is_none_or(|(_, since)| now.saturating_duration_since(since) >= LARGE_MIN);
        let speaker = speakers.iter().find(|who| seen.contains(who)).copied();
        let wanted = speaker
            .filter(|_| settled)
            .or(present.map(|(who, _)| who))
            .or_else(|| seen.first().copied());
        if wanted != present.map(|(who, _)| who) {
            self.0 = wanted.map(|who| (who, now));
        }
        wanted
    }
}

impl Actor {
    /// Asks the others; it begins once they agreed.
    pub(super) fn start_recording(&mut self) -> Outcome {
        let call = self.endpoint.call().filter(|_| self.phase == Phase::InCall);
        let Some(call) = call.filter(|call| call.phase == CallPhase::Connected) else {
            let message = "There is nobody to record yet.";
            return Err(refuse(CommandErrorCode::NotNow, message));
        };
        match self.recording.view.stage {
            RecordingStage::Asking | RecordingStage::On => return Ok(()),
            // An answer to an earlier question must not count for this one.
            RecordingStage::Off if call.recording == RecordingConsent::Unasked => {}
            RecordingStage::Off | RecordingStage::Finishing => {
                let message = "The last recording is still ending. Try again in a moment.";
                return Err(refuse(CommandErrorCode::NotNow, message));
            }
        }
        self.recording.view.ended = None;
        if let Err(error) = fs::create_dir_all(self.recordings()) {
            tracing::warn!(%error, "no folder for recordings");
            self.recording.over(stop_of(&error), None);
            return Ok(());
        }
        self.recording.view.stage = RecordingStage::Asking;
        self.recording.asked = false;
        self.endpoint.command(CallCommand::Record(true));
        Ok(())
    }

    /// Ends it; also says that the end of the last one was seen.
    pub(super) fn stop_recording(&mut self) {
        match self.recording.view.stage {
            RecordingStage::Off => self.recording.view.ended = None,
            RecordingStage::Asking => {
                self.recording.view.stage = RecordingStage::Off;
                self.endpoint.command(CallCommand::Record(false));
            }
            RecordingStage::On => self.finish_recording(RecordingStop::Stopped),
            RecordingStage::Finishing => {}
        }
    }

    /// Ends it for this reason, if it is on.
    pub(super) fn finish_recording(&mut self, why: RecordingStop) {
        if self.recording.view.stage == RecordingStage::Asking {
            self.recording.over(why, None);
        }
        if self.recording.view.stage != RecordingStage::On {
            return;
        }
        self.recording.view.stage = RecordingStage::Finishing;
        self.recording.why = Some(why);
        self.endpoint.finish_recording();
        self.endpoint.command(CallCommand::Record(false));
    }

    /// The call's word on recording, and the tiles there are, may be others now.
    pub(super) fn arrange_recording(&mut self) {
        // A call that ended says so itself, and ends the recording then.
        let going_on = |call: &CallSnapshot| call.phase != CallPhase::Ended;
        let Some(call) = self.endpoint.call().filter(going_on) else {
            return;
        };
        match (self.recording.view.stage, call.recording) {
            (RecordingStage::Asking, RecordingConsent::Asking) => self.recording.asked = true,
            (RecordingStage::Asking, RecordingConsent::Agreed) => self.begin_recording(),
            (RecordingStage::Asking, RecordingConsent::Refused(why)) => {
                self.recording.over(refused(why), None);
                self.endpoint.command(CallCommand::Record(false));
            }
            (RecordingStage::Asking, RecordingConsent::Unasked) if self.recording.asked => {
                self.recording.over(RecordingStop::TheyLeft, None);
            }
            (RecordingStage::On, RecordingConsent::Refused(why)) => self.finish_recording(refused(why)),
            (RecordingStage::On, RecordingConsent::Unasked) => {
                self.finish_recording(RecordingStop::TheyLeft);
            }
            _ => {}
        }
        if self.recording.view.stage == RecordingStage::On {
            let (main, insets) = self.recorded_tiles(&call);
            self.endpoint.show_in_recording(main, insets);
        }
    }

    #[expect(clippy::disallowed_methods, reason = "driver: the engine's clock")]
    fn begin_recording(&mut self) {
        let now_ms = since_1970_ms(Instant::now());
        let begun = match create(&self.recordings(), now_ms) {
            Ok((path, file)) => match self.endpoint.record(file) {
                Ok(()) => Ok(path),
                Err(error) => {
                    tracing::warn!(%error, "no recorder");
                    remove_empty(&path);
                    Err(RecordingStop::Failed)
                }
            },
            Err(error) => {
                tracing::warn!(%error, "no file for a recording");
                Err(stop_of(&error))
            }
        };
        match begun {
            Ok(path) => {
                self.recording.path = Some(path);
                self.recording.why = None;
                self.recording.view.stage = RecordingStage::On;
                self.recording.view.since_ms = Some(now_ms);
            }
            Err(why) => {
                self.recording.over(why, None);
                self.endpoint.command(CallCommand::Record(false));
            }
        }
    }

    /// The recorder told how far it is.
    pub(super) fn note_recording(&mut self) {
        let Some(status) = self.endpoint.recording_status() else {
            return;
        };
        let Some(end) = status.end else { return };
        tracing::info!(?end, bytes = status.bytes, "the recording is over");
        self.endpoint.forget_recording();
        if self.recording.view.stage == RecordingStage::On {
            self.endpoint.command(CallCommand::Record(false));
        }
        let wanted = self.recording.why.take().unwrap_or(RecordingStop::Stopped);
        let why = match end {
            RecordEnd::Finished => wanted,
            RecordEnd::DiskFull => RecordingStop::DiskFull,
            RecordEnd::Unwritable(_) => RecordingStop::CannotWrite,
            RecordEnd::Failed(_) => RecordingStop::Failed,
        };
        let path = self.recording.path.take();
        let kept = path.filter(|path| {
            if status.bytes == 0 {
                remove_empty(path);
            }
            status.bytes > 0
        });
        let seconds = u32::try_from(status.recorded.as_secs()).unwrap_or(u32::MAX);
        self.recording.over(why, kept.map(|path| (path, seconds)));
    }

    /// Whether the file of a recording is not whole yet.
    pub(super) fn is_finishing_recording(&self) -> bool {
        let status = self.endpoint.recording_status();
        status.is_some_and(|status| status.end.is_none())
    }

    pub(super) fn recording_view(&self) -> RecordingView {
        self.recording.view.clone()
    }

    /// What is in the picture: a screen that is shared, else whoever speaks or is there; small in the corner whoever is not large, as
    /// far as there is room.
    #[expect(clippy::disallowed_methods, reason = "driver: the engine's clock")]
    fn recorded_tiles(&mut self, call: &CallSnapshot) -> (Option<String>, Vec<String>) {
        let own = self.sends_picture().then(|| SELF_TILE.to_owned());
        let seen = call.people.iter().filter(|person| person.media.camera_on);
        let seen: Vec<ParticipantId> = seen.map(|person| person.id).collect();
        let speakers = call
            .group
            .as_ref()
            .map_or(&[][..], |group| group.speakers.as_slice());
        let large = self.recording.large.choose(Instant::now(), &seen, speakers);
        let theirs = call.people.iter().find(|person| person.media.screen_on);
        let screen = match theirs {
            Some(person) => Some(format!("{SCREEN_TILE_OF}{}", person.id)),
            None => self.endpoint.share_wish().map(|_| SCREEN_TILE.to_owned()),
        };
        // Beside a screen, whoever speaks is the first of the small ones.
        let (main, beside) = match (screen, large) {
            (Some(screen), large) => (Some(screen), large),
            (None, large) => (large.map(|who| who.to_string()), None),
        };
        let others = seen.iter().filter(|who| Some(**who) != large);
        let small = beside.iter().chain(others).map(ParticipantId::to_string);
        let insets = own.into_iter().chain(small).take(INSETS_MAX).collect();
        (main, insets)
    }

    /// Where recordings go.
    fn recordings(&self) -> PathBuf {
        self.folders.recordings(&self.store.get().folders)
    }
}

impl CallRecording {
    fn over(&mut self, why: RecordingStop, kept: Option<(PathBuf, u32)>) {
        self.ends = self.ends.wrapping_add(1);
        let (path, seconds) = kept.map_or((None, 0), |(path, seconds)| (Some(path), seconds));
        self.view = RecordingView {
            stage: RecordingStage::Off,
            since_ms: None,
            ended: Some(RecordingEnded {
                number: self.ends,
                why,
                path: path.map(|path| path.to_string_lossy().into_owned()),
                seconds,
            }),
        };
    }
}

const fn refused(why: RecordingRefusal) -> RecordingStop {
    match why {
        RecordingRefusal::NobodyThere => RecordingStop::NobodyThere,
        RecordingRefusal::SaidNo => RecordingStop::SaidNo,
        RecordingRefusal::NoAnswer => RecordingStop::NoAnswer,
    }
}

fn stop_of(error: &io::Error) -> RecordingStop {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => RecordingStop::DiskFull,
        _ => RecordingStop::CannotWrite,
    }
}

/// A new file, named by its time (UTC). One that is there already is never written over.
fn create(folder: &Path, now_ms: u64) -> io::Result<(PathBuf, File)> {
    let (date, time) = date_time(now_ms);
    let name = format!("Parley {date} {}", time.replace(':', "."));
    let names = (1..=NAMESAKES_MAX).map(|number| match number {
        1 => format!("{name}.mp4"),
        number => format!("{name} ({number}).mp4"),
    });
    let mut taken = io::Error::from(ErrorKind::AlreadyExists);
    for name in names {
        let path = folder.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => taken = error,
            Err(error) => return Err(error),
        }
    }
    Err(taken)
}

/// A file into which nothing came.
fn remove_empty(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::debug!(%error, "an empty recording stays");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "test: any moment will do as the start")]
    fn whoever_speaks_is_large_and_not_for_a_moment_only() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let [ada, ben, cleo] = [1, 2, 3].map(|number| ParticipantId::from_bytes([number; 16]));
        let mut large = Large::default();
        assert_eq!(large.choose(at(0), &[], &[ada]), None, "nobody is seen");
        assert_eq!(large.choose(at(0), &[ada, ben], &[]), Some(ada));
        assert_eq!(large.choose(at(1_000), &[ada, ben], &[ben]), Some(ada), "not yet");
        assert_eq!(
            large.choose(at(3_000), &[ada, ben], &[cleo, ben]),
            Some(ben),
            "of those who are seen"
        );
        assert_eq!(large.choose(at(4_000), &[ada, ben], &[ada]), Some(ben));
        assert_eq!(
            large.choose(at(9_000), &[ada, ben], &[]),
            Some(ben),
            "in silence too"
        );
        assert_eq!(
            large.choose(at(9_100), &[ada], &[]),
            Some(ada),
            "Ben's camera is off"
        );
        assert_eq!(large.choose(at(9_200), &[ada, ben], &[ben]), Some(ada));
    }

    #[test]
    fn a_recording_never_takes_the_place_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<_> = (0..3)
            .map(|_| create(folder.path(), 1_795_775_405_000).unwrap().0)
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(
            names,
            [
                "Parley 2026-11-27 10.30.05.mp4",
                "Parley 2026-11-27 10.30.05 (2).mp4",
                "Parley 2026-11-27 10.30.05 (3).mp4"
            ]
        );
    }
}
