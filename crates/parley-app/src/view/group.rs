//! A call of three and more as a window shows it: who speaks, how each picture comes, and what the window tells of its tiles.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a call has that goes through the server; a call of two that goes directly has none of it. Everything through the server
/// is encrypted up to there and not from end to end: see [`super::CallView::end_to_end`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct GroupView {
    /// The way to the server's relay of media stands. Until it does, those who were there before go on directly.
    pub up: bool,
    /// Who speaks, the dominant voice first: ids of people, one's own ([`super::CallView::me`]) among them. Nobody in silence.
    pub speakers: Vec<String>,
    /// Pictures that are looked at are left out, for the link of this side does not carry them all: see
    /// [`PictureState::Paused`] for whose.
    pub short: bool,
}

/// How somebody's picture, or their screen's, comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum PictureState {
    /// They send none.
    #[default]
    Off,
    /// They send one, and this side does not ask for it: no tile shows it.
    Unwatched,
    /// It is on its way, and its first picture is not here yet.
    Waiting,
    /// It comes.
    Flows,
    /// The link of this side is too weak for it now.
    Paused,
    /// It rests for what this side asked itself, to save data.
    Saved,
    /// It came, and stopped coming.
    Stalled,
}

/// A tile that a window shows: of whom, how large, and how much it matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TileLook {
    /// The tile's name: the id of a person, or `screen:` and the id.
    pub tile: String,
    /// In pixels of the device.
    pub width: u32,
    /// In pixels of the device.
    pub height: u32,
    /// What goes without when not everything can be had: the least first.
    pub weight: TileWeight,
}

/// How much a tile matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum TileWeight {
    /// Small, beside something else.
    Thumbnail,
    /// One of many.
    Grid,
    /// Large, or of whoever speaks.
    Large,
    /// Pinned, or a screen that is being read.
    Pinned,
}
