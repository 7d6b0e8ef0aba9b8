//! Sharing a screen or window: what its commands do, and what the window is told of it.

use super::actor::Actor;
use super::obey::{Outcome, refuse};
use super::translate;
use crate::endpoint::ShareWish;
use crate::view::{
    CommandErrorCode, Phase, ScreenKind, ScreenView, ShareChoice, ShareMode, ShareStop, ShareView,
    SharingView,
};
use parley_media::device::screen::{self, ScreenFault, ScreenSource, list_screens};
use parley_media::video::{Content, SourceState};
use parley_proto::{FrameRate, MediaState};

/// Pictures per second of what is read: more would only cost sharpness.
const TEXT_FPS: u32 = 15;
/// Of what is watched.
const MOTION_FPS: u32 = 30;

impl Actor {
    /// Opens or closes the choice of what to share.
    pub(super) fn choose_share(&mut self, on: bool) {
        self.endpoint.choose_share(on);
        if on {
            self.share_stopped = None;
        }
    }

    /// Shares this; without an id the monitor of the settings, or asks if there is none (any more).
    pub(super) async fn share(&mut self, id: Option<String>, mode: Option<ShareMode>) -> Outcome {
        if self.phase != Phase::InCall {
            let message = "There is no call to share in.";
            return Err(refuse(CommandErrorCode::NotNow, message));
        }
        let id = match id {
            Some(id) => Some(id),
            None => self.preferred_monitor().await,
        };
        let Some(id) = id else {
            self.choose_share(true);
            return Ok(());
        };
        self.endpoint.choose_share(false);
        self.share_stopped = None;
        let settings = &self.store.get().screen;
        let mode = mode.unwrap_or(settings.mode);
        let (content, fps) = match mode {
            ShareMode::Text => (Content::Text, TEXT_FPS),
            ShareMode::Motion => (Content::Motion, MOTION_FPS),
        };
        let wish = ShareWish {
            id,
            content,
            frame_rate: FrameRate::new(fps.min(settings.frame_rate_max.max(1))),
            cursor: settings.cursor,
        };
        self.endpoint.share(Some(wish)).map_err(|error| {
            let message = format!("Sharing could not begin: {error}.");
            refuse(CommandErrorCode::Failed, &message)
        })
    }

    /// Ends the share, and what was told about one that ended by itself.
    pub(super) fn stop_sharing(&mut self) {
        self.share_stopped = None;
        self.end_share();
    }

    fn end_share(&mut self) {
        // Ending needs no encoder, so that nothing can fail.
        if let Err(error) = self.endpoint.share(None) {
            tracing::warn!(%error, "the share did not end");
        }
    }

    /// The chosen monitor, if it is there.
    async fn preferred_monitor(&self) -> Option<String> {
        let wanted = self.store.get().screen.monitor.clone()?;
        let there = tokio::task::spawn_blocking(list_screens).await.ok()?.ok()?;
        there.iter().any(|source| source.id == wanted).then_some(wanted)
    }

    /// What is shared changed its state: one that is gone ends, with a word.
    pub(super) fn note_share(&mut self) {
        let Some((wish, status)) = self.endpoint.share_wish().zip(self.endpoint.share_status()) else {
            return;
        };
        let stop = match status.state {
            SourceState::Gone if is_window(&wish.id) => ShareStop::WindowClosed,
            SourceState::Gone => ShareStop::MonitorGone,
            SourceState::Missing => ShareStop::NotThere,
            SourceState::Failed => ShareStop::Failed,
            _ => return,
        };
        tracing::info!(?stop, detail = status.detail, "the share ended");
        self.end_share();
        self.share_stopped = Some(stop);
    }

    /// Adds to what the other side is told what is shared.
    pub(super) fn with_screen(&self, media: MediaState) -> MediaState {
        let wish = self.endpoint.share_wish();
        MediaState {
            screen_on: wish.is_some(),
            screen_moves: wish.is_some_and(|wish| wish.content == Content::Motion),
            ..media
        }
    }

    /// What the window is told.
    pub(super) fn share_view(&self) -> ShareView {
        let choice = self
            .endpoint
            .is_choosing_share()
            .then(|| match self.endpoint.choice() {
                None => ShareChoice::default(),
                Some(Ok(sources)) => ShareChoice {
                    looked: true,
                    sources: sources.iter().map(shown).collect(),
                    fault: None,
                },
                Some(Err(fault)) => ShareChoice {
                    looked: true,
                    sources: Vec::new(),
                    fault: Some(stop_of(&fault)),
                },
            });
        ShareView {
            sharing: self.sharing_view(),
            choice,
            stopped: self.share_stopped,
        }
    }

    fn sharing_view(&self) -> Option<SharingView> {
        let (wish, status) = (self.endpoint.share_wish()?, self.endpoint.share_status()?);
        Some(SharingView {
            id: wish.id.clone(),
            kind: if is_window(&wish.id) {
                ScreenKind::Window
            } else {
                ScreenKind::Monitor
            },
            name: status.name,
            mode: match wish.content {
                Content::Motion => ShareMode::Motion,
                Content::Text | Content::Camera => ShareMode::Text,
            },
            state: translate::source_state(status.state),
            size: status.resolution.map(translate::size),
        })
    }
}

fn is_window(id: &str) -> bool {
    id.starts_with("window:")
}

fn shown(source: &ScreenSource) -> ScreenView {
    ScreenView {
        id: source.id.clone(),
        kind: match source.kind {
            screen::ScreenKind::Monitor => ScreenKind::Monitor,
            screen::ScreenKind::Window => ScreenKind::Window,
        },
        name: source.name.clone(),
        size: translate::size(source.size),
        is_primary: source.is_primary,
    }
}

const fn stop_of(fault: &ScreenFault) -> ShareStop {
    match fault {
        ScreenFault::Unsupported => ShareStop::Unsupported,
        ScreenFault::Wayland => ShareStop::Wayland,
        ScreenFault::NoDisplay(_) => ShareStop::NoScreen,
        ScreenFault::NotThere => ShareStop::NotThere,
        ScreenFault::WindowClosed => ShareStop::WindowClosed,
        ScreenFault::MonitorGone => ShareStop::MonitorGone,
        ScreenFault::Format(_) | ScreenFault::Lost(_) => ShareStop::Failed,
    }
}
