//! What is shown beside the camera: a source of the screen, its own tile, its own encoder, by choice with what the computer
//! plays. And the choice of what to show.

use super::retire;
use super::tiles::Tiles;
use parley_media::audio::{AudioTargets, SharedSound, SharedSoundStatus};
use parley_media::device::screen::ScreenPreviews;
use parley_media::device::screen::previews::Choice;
use parley_media::packet::{EncodedAudio, EncodedFrame};
use parley_media::slot::Slot;
use parley_media::video::{
    Content, EncoderStats, EncoderTargets, KeyFrameFlag, SourceState, SourceStatus, StartEncoderError,
    VideoEncoder, VideoFrame, VideoInput, VideoSource,
};
use parley_proto::FrameRate;
use std::path::PathBuf;
use tokio::sync::{mpsc, watch};

/// The tile of what one shares oneself.
pub const SCREEN_TILE: &str = "screen";
/// Before the id of whoever shares: their screen's tile.
pub const SCREEN_TILE_OF: &str = "screen:";
/// Before the id of what could be shared: the tile of its small picture.
pub const CHOICE_TILE: &str = "choice:";

/// What to share, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareWish {
    /// Which (`parley_media::device::screen::ScreenSource::id`).
    pub id: String,
    /// Whether it is read or moves.
    pub content: Content,
    /// Pictures per second at most.
    pub frame_rate: FrameRate,
    /// Whether the mouse pointer is seen.
    pub cursor: bool,
    /// Whether what the computer plays is heard, all but this call.
    pub sound: bool,
    /// This y4m file in place of a screen, over and over: pictures that are known beforehand, to measure a share by.
    pub film: Option<PathBuf>,
}

impl ShareWish {
    fn input(&self) -> VideoInput {
        match &self.film {
            Some(path) => VideoInput::Y4m { path: path.clone() },
            None => VideoInput::Screen {
                id: self.id.clone(),
                frame_rate: self.frame_rate,
                cursor: self.cursor,
            },
        }
    }
}

/// The call's ends for what is shared. Every share of a call uses the same.
#[derive(Debug, Clone)]
pub(super) struct ScreenEnds {
    pub(super) out: mpsc::Sender<EncodedFrame>,
    pub(super) targets: watch::Receiver<EncoderTargets>,
    pub(super) key_frames: KeyFrameFlag,
    pub(super) sound_out: mpsc::Sender<EncodedAudio>,
    pub(super) sound_targets: watch::Receiver<AudioTargets>,
}

/// A share that is on.
#[derive(Debug)]
pub(super) struct Sharing {
    pub(super) wish: ShareWish,
    source: Option<VideoSource>,
    encoder: Option<VideoEncoder>,
    /// Not before there is something to be seen.
    sound: Option<SharedSound>,
    sound_out: mpsc::Sender<EncodedAudio>,
    sound_targets: watch::Receiver<AudioTargets>,
    status: watch::Receiver<SourceStatus>,
    tiles: Tiles,
}

impl Sharing {
    /// Begins to capture, to show it in the tile [`SCREEN_TILE`], and to encode it for the call.
    pub(super) fn begin(wish: ShareWish, ends: ScreenEnds, tiles: Tiles) -> Result<Self, StartEncoderError> {
        let frames: Slot<VideoFrame> = Slot::new();
        let ScreenEnds {
            out,
            targets,
            key_frames,
            sound_out,
            sound_targets,
        } = ends;
        let encoder = VideoEncoder::spawn_for(wish.content, frames.clone(), targets, key_frames, out)?;
        let source = VideoSource::spawn(wish.input());
        source.feed(frames);
        source.feed(tiles.slot(SCREEN_TILE));
        Ok(Self {
            wish,
            status: source.status(),
            source: Some(source),
            encoder: Some(encoder),
            sound: None,
            sound_out,
            sound_targets,
            tiles,
        })
    }

    /// The computer's sound goes with what is seen: it begins and ends with it.
    fn follow(&mut self) {
        let seen = is_seen(&self.status.borrow());
        if !seen {
            self.end_sound();
        } else if self.wish.sound && self.sound.is_none() {
            let (targets, out) = (self.sound_targets.clone(), self.sound_out.clone());
            self.sound = Some(SharedSound::spawn(targets, out));
        }
    }

    /// At once: its thread may end later.
    fn end_sound(&mut self) {
        if let Some(sound) = self.sound.take() {
            sound.stop();
            retire(sound);
        }
    }

    pub(super) fn status(&self) -> SourceStatus {
        self.status.borrow().clone()
    }

    pub(super) fn encoder_stats(&self) -> Option<EncoderStats> {
        self.encoder.as_ref().map(VideoEncoder::stats)
    }

    /// How the computer's sound is, while it is shared.
    pub(super) fn sound_status(&self) -> Option<SharedSoundStatus> {
        self.sound.as_ref().map(|sound| sound.status().borrow().clone())
    }
}

impl Drop for Sharing {
    fn drop(&mut self) {
        self.end_sound();
        self.tiles.remove(SCREEN_TILE);
        // A screen's thread may take seconds, so the sound does not wait for it.
        retire((self.source.take(), self.encoder.take()));
    }
}

/// Whether there is something to be seen by others: not while the system's dialog waits for its answer, nor once it is gone.
fn is_seen(status: &SourceStatus) -> bool {
    match status.state {
        SourceState::Running => true,
        SourceState::Starting => status.chosen.is_some(),
        _ => false,
    }
}

/// Somebody chooses what to share: a list, and a tile with a small picture for each.
#[derive(Debug)]
pub(super) struct Choosing {
    previews: Option<ScreenPreviews>,
    choice: watch::Receiver<Choice>,
    tiles: Tiles,
}

impl Choosing {
    pub(super) fn begin(tiles: Tiles) -> Self {
        let to_tiles = tiles.clone();
        let previews = ScreenPreviews::spawn(move |id, picture| {
            to_tiles.slot(&format!("{CHOICE_TILE}{id}")).put(picture);
        });
        Self {
            choice: previews.choice(),
            previews: Some(previews),
            tiles,
        }
    }

    pub(super) fn choice(&self) -> Choice {
        self.choice.borrow().clone()
    }
}

impl Drop for Choosing {
    fn drop(&mut self) {
        let (previews, tiles) = (self.previews.take(), self.tiles.clone());
        // Its thread may be about to show a picture: the tiles go after it.
        retire(Leaving { previews, tiles });
    }
}

struct Leaving {
    previews: Option<ScreenPreviews>,
    tiles: Tiles,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        drop(self.previews.take());
        self.tiles.remove_all(CHOICE_TILE);
    }
}

/// Returns when what is shared changed its state. Cancel safe.
pub(super) async fn changed(sharing: &mut Option<Sharing>) {
    if let Some(sharing) = sharing {
        let news = sharing.status.changed().await;
        if news.is_ok() {
            sharing.follow();
            return;
        }
    }
    std::future::pending::<()>().await;
}

/// Returns when there is something else to choose from. Cancel safe.
pub(super) async fn chosen_from(choosing: &mut Option<Choosing>) {
    if let Some(choosing) = choosing
        && choosing.choice.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_media::device::screen::{SYSTEM_ASKS, ScreenKind, SystemChoice};

    #[test]
    fn a_film_is_shown_in_place_of_a_screen() {
        let wish = |film: Option<&str>| ShareWish {
            id: "monitor:".into(),
            content: Content::Text,
            frame_rate: FrameRate::new(15),
            cursor: true,
            sound: false,
            film: film.map(Into::into),
        };
        assert!(matches!(wish(None).input(), VideoInput::Screen { id, .. } if id == "monitor:"));
        let shown = wish(Some("page.y4m")).input();
        assert!(matches!(shown, VideoInput::Y4m { path } if path.ends_with("page.y4m")));
    }

    #[test]
    fn nothing_is_heard_before_the_system_was_answered_nor_once_the_screen_is_gone() {
        use SourceState::{Denied, Ended, Failed, Gone, Missing, Running, Starting};
        for (answered, state, seen) in [
            (false, Starting, false),
            (true, Starting, true),
            (false, Running, true),
            (true, Running, true),
            (false, Denied, false),
            (false, Missing, false),
            (false, Failed, false),
            (true, Failed, false),
            (true, Gone, false),
            (true, Ended, false),
        ] {
            let chosen = answered.then(|| SystemChoice {
                id: SYSTEM_ASKS.into(),
                kind: ScreenKind::Monitor,
            });
            let status = SourceStatus {
                state,
                chosen,
                ..SourceStatus::default()
            };
            assert_eq!(is_seen(&status), seen, "{status:?}");
        }
    }
}
