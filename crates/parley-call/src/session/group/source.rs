//! The server's word for what is in a track, and ours.

use crate::port::TrackKind;
use parley_proto::{MediaState, Source};

pub(super) const fn kind_of(source: Source) -> Option<TrackKind> {
    match source {
        Source::Microphone => Some(TrackKind::Audio),
        Source::Camera => Some(TrackKind::Video),
        Source::Screen => Some(TrackKind::Screen),
        Source::ScreenSound => Some(TrackKind::ScreenSound),
        Source::Unknown => None,
    }
}

pub(super) const fn source_of(kind: TrackKind) -> Source {
    match kind {
        TrackKind::Audio => Source::Microphone,
        TrackKind::Video => Source::Camera,
        TrackKind::Screen => Source::Screen,
        TrackKind::ScreenSound => Source::ScreenSound,
    }
}

/// Whether somebody who says this sends a track of that kind.
pub(super) const fn is_on(media: MediaState, kind: TrackKind) -> bool {
    match kind {
        TrackKind::Audio => media.microphone_on,
        TrackKind::Video => media.camera_on,
        TrackKind::Screen => media.screen_on,
        TrackKind::ScreenSound => media.screen_sound_on,
    }
}
