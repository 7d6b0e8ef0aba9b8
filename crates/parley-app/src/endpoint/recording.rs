//! A recording of the call: a recorder, fed with the sound of this side and with tiles. What is in its picture is the owner's
//! choice, as is where its file is and whether anybody may record.

use super::gaze::Sight;
use super::share::SCREEN_TILE_OF;
use super::tiles::Tiles;
use super::{Endpoint, now};
use parley_media::audio::AudioCommand;
use parley_media::record::{RecordEnd, Recorder, RecorderStatus, Scene, StartRecorderError};
use parley_media::slot::Slot;
use parley_media::video::VideoFrame;
use parley_proto::Resolution;
use std::fs::File;
use tokio::sync::watch;

/// A recording under way. Its end waits for its file, for some milliseconds.
#[derive(Debug)]
pub(super) struct Recording {
    recorder: Recorder,
    status: watch::Receiver<RecorderStatus>,
    /// Its thread is gone without having said how it ended.
    died: bool,
    main: Part,
    insets: Vec<Part>,
}

/// A tile in the picture. It may not be there yet, and it may go and come again.
#[derive(Debug, Default)]
struct Part {
    tile: Option<String>,
    taker: Option<Slot<VideoFrame>>,
}

impl Part {
    /// Looks for its tile if it has none. Says whether something is another now.
    fn look(&mut self, tiles: &Tiles) -> bool {
        let lost = self.taker.take_if(|taker| taker.is_closed()).is_some();
        if self.taker.is_none() {
            self.taker = self.tile.as_deref().and_then(|tile| tiles.get(tile));
        }
        lost || self.taker.is_some()
    }
}

impl Endpoint {
    /// Records from now on, into an empty file. One at a time: another one ends the one before.
    ///
    /// # Errors
    /// When there is no encoder or no thread to be had.
    pub fn record(&mut self, file: File) -> Result<(), StartRecorderError> {
        self.recording = None;
        let (recorder, sound) = Recorder::spawn(file)?;
        self.sound(AudioCommand::Record(Some(sound)));
        self.recording = Some(Recording {
            status: recorder.status(),
            recorder,
            died: false,
            main: Part::default(),
            insets: Vec::new(),
        });
        Ok(())
    }

    /// Shows these tiles in the recording: a large one, and small ones. To be said again when tiles may have come or gone.
    pub fn show_in_recording(&mut self, main: Option<String>, insets: Vec<String>) {
        let Some(recording) = &mut self.recording else {
            return;
        };
        if let Some(call) = &mut self.call {
            call.gaze.record(now(), sights(main.as_deref(), &insets));
        }
        let is_shown = |part: &Part, tile: &str| part.tile.as_deref() == Some(tile);
        let same = recording.main.tile == main
            && recording.insets.len() == insets.len()
            && recording
                .insets
                .iter()
                .zip(&insets)
                .all(|(part, tile)| is_shown(part, tile));
        let before = recording.takers();
        if !same {
            recording.main = Part {
                tile: main,
                taker: None,
            };
            recording.insets = insets
                .into_iter()
                .map(|tile| Part {
                    tile: Some(tile),
                    taker: None,
                })
                .collect();
        }
        let mut changed = !same;
        for part in std::iter::once(&mut recording.main).chain(&mut recording.insets) {
            changed |= part.look(&self.tiles);
        }
        if changed && (!same || recording.takers() != before) {
            recording.recorder.show(Scene {
                main: recording.main.taker.clone(),
                insets: recording
                    .insets
                    .iter()
                    .filter_map(|part| part.taker.clone())
                    .collect(),
            });
        }
    }

    /// Ends the recording; [`Endpoint::recording_status`] tells when its file is whole.
    pub fn finish_recording(&mut self) {
        if let Some(call) = &mut self.call {
            call.gaze.record(now(), Vec::new());
        }
        if let Some(recording) = &self.recording {
            recording.recorder.finish();
            self.sound(AudioCommand::Record(None));
        }
    }

    /// Forgets a recording, ending it if that was not done.
    pub fn forget_recording(&mut self) {
        self.finish_recording();
        self.recording = None;
    }

    /// How far the recording is; nothing while there is none.
    #[must_use]
    pub fn recording_status(&self) -> Option<RecorderStatus> {
        self.recording.as_ref().map(Recording::status)
    }
}

impl Recording {
    fn status(&self) -> RecorderStatus {
        let mut status = self.status.borrow().clone();
        if self.died {
            status.end = Some(RecordEnd::Failed("the recorder's thread is gone".to_owned()));
        }
        status
    }

    /// Which parts have pictures.
    fn takers(&self) -> Vec<bool> {
        std::iter::once(&self.main)
            .chain(&self.insets)
            .map(|part| part.taker.as_ref().is_some_and(|taker| !taker.is_closed()))
            .collect()
    }
}

/// What of the others a recording shows, as large as it shows it.
fn sights(main: Option<&str>, insets: &[String]) -> Vec<Sight> {
    let large = main.map(|tile| Sight {
        tile: tile.to_owned(),
        size: if tile.starts_with(SCREEN_TILE_OF) {
            Resolution::new(1920, 1080)
        } else {
            Resolution::new(1280, 720)
        },
        priority: 2,
    });
    let small = insets.iter().map(|tile| Sight {
        tile: tile.clone(),
        size: Resolution::new(320, 180),
        priority: 0,
    });
    large.into_iter().chain(small).collect()
}

/// Returns when the recording's status changed. Cancel safe.
pub(super) async fn changed(recording: &mut Option<Recording>) {
    if let Some(recording) = recording {
        if recording.status.changed().await.is_ok() {
            return;
        }
        // A thread that is gone without a word would be waited for for ever.
        if !recording.died && recording.status.borrow().end.is_none() {
            recording.died = true;
            return;
        }
    }
    std::future::pending::<()>().await;
}
