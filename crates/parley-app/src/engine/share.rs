//! Sharing a screen or window: what its commands do, and what the window is told of it.

use super::actor::Actor;
use super::obey::{Outcome, refuse};
use super::translate;
use crate::endpoint::ShareWish;
use crate::view::{
    CommandErrorCode, Phase, ScreenKind, ScreenSettings, ScreenView, SettingsPatch, ShareChoice, ShareMode,
    ShareSound, ShareStop, ShareView, SharingView,
};
use parley_media::device::screen::{
    self, SYSTEM_ASKS, ScreenFault, ScreenSource, SystemChoice, list_screens, system_asks,
};
use parley_media::device::system_sound::{SystemSoundFault, system_sound};
use parley_media::video::{Content, SourceState, SourceStatus};
use parley_proto::{FrameRate, MediaState};

/// Pictures per second of what is read: more would only cost sharpness.
const TEXT_FPS: u32 = 15;
/// Of what is watched.
const MOTION_FPS: u32 = 30;
/// What a system gives to be remembered is shorter.
const REMEMBERED_CHARS_MAX: usize = 1024;

impl Actor {
    /// Opens or closes the choice of what to share.
    pub(super) fn choose_share(&mut self, on: bool) {
        self.endpoint.choose_share(on);
        if on {
            self.share_stopped = None;
            self.share_sound = look_for_sound();
        }
    }

    /// Shares this; without an id the monitor of the settings, or asks if there is none (any more). Where the system asks,
    /// its dialog comes at once.
    pub(super) async fn share(
        &mut self,
        id: Option<String>,
        mode: Option<ShareMode>,
        sound: Option<bool>,
    ) -> Outcome {
        if self.phase != Phase::InCall {
            let message = "There is no call to share in.";
            return Err(refuse(CommandErrorCode::NotNow, message));
        }
        let id = match id {
            Some(id) => Some(id),
            None if system_asks() => Some(asked_before(&self.store.get().screen)),
            None => self.preferred_monitor().await,
        };
        let Some(id) = id else {
            self.choose_share(true);
            return Ok(());
        };
        self.endpoint.choose_share(false);
        self.share_stopped = None;
        // Who closes that dialog has ended what was shared, and should know.
        self.share_asks_anew = is_asked(&id) && (self.is_shown() || self.is_asking_anew());
        // The same question is asked again, and may be answered otherwise.
        if self.endpoint.share_wish().is_some_and(|wish| is_asked(&wish.id)) {
            self.end_share();
        }
        // Where the system asks, nobody chose here, so that it was not looked for yet.
        self.share_sound = look_for_sound();
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
            sound: sound.unwrap_or(settings.sound) && self.share_sound == ShareSound::Possible,
            film: None,
        };
        self.endpoint.share(Some(wish)).map_err(|error| {
            let message = format!("Sharing could not begin: {error}.");
            refuse(CommandErrorCode::Failed, &message)
        })
    }

    /// Whether something is shared, not just asked for.
    fn is_shown(&self) -> bool {
        let sharing = self.endpoint.share_wish().zip(self.endpoint.share_status());
        sharing.is_some_and(|(wish, status)| !is_asking(&wish.id, &status))
    }

    /// Whether the dialog is open that took the place of what was shared.
    fn is_asking_anew(&self) -> bool {
        self.share_asks_anew && self.endpoint.share_wish().is_some()
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
        let stop = stop_by(&wish.id, &status, self.share_asks_anew);
        if let Some(chosen) = status.chosen {
            self.share_asks_anew = false;
            self.remember(&chosen);
        }
        if let Some(stop) = stop {
            tracing::info!(?stop, detail = status.detail, "the share ended");
            self.end_share();
            self.share_stopped = stop;
        }
    }

    /// So that the system need not ask again.
    fn remember(&mut self, chosen: &SystemChoice) {
        let screen = self.store.get().screen.clone();
        let remembered = worth_remembering(&screen, chosen);
        if remembered != screen.remembered {
            let screen = ScreenSettings { remembered, ..screen };
            self.store.apply(SettingsPatch {
                screen: Some(screen),
                ..SettingsPatch::default()
            });
        }
    }

    /// Adds to what the other side is told what is shared.
    pub(super) fn with_screen(&self, media: MediaState) -> MediaState {
        let status = self.endpoint.share_status();
        let wish = self.endpoint.share_wish();
        let wish = wish.filter(|wish| status.is_some_and(|status| !is_asking(&wish.id, &status)));
        MediaState {
            screen_on: wish.is_some(),
            screen_moves: wish.is_some_and(|wish| wish.content == Content::Motion),
            screen_sound_on: wish.is_some_and(|wish| wish.sound),
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
                    ..ShareChoice::default()
                },
                Some(Err(ScreenFault::SystemAsks)) => ShareChoice {
                    looked: true,
                    system_asks: true,
                    ..ShareChoice::default()
                },
                Some(Err(fault)) => ShareChoice {
                    looked: true,
                    fault: Some(stop_of(&fault)),
                    ..ShareChoice::default()
                },
            });
        ShareView {
            sharing: self.sharing_view(),
            choice,
            stopped: self.share_stopped,
            sound: self.share_sound,
        }
    }

    fn sharing_view(&self) -> Option<SharingView> {
        let (wish, status) = (self.endpoint.share_wish()?, self.endpoint.share_status()?);
        let chosen = status.chosen.as_ref().map(|chosen| kind(chosen.kind));
        let asked = is_asked(&wish.id);
        Some(SharingView {
            // What gives a choice again is nobody's name.
            id: if asked {
                SYSTEM_ASKS.to_owned()
            } else {
                wish.id.clone()
            },
            kind: chosen.unwrap_or(if is_window(&wish.id) {
                ScreenKind::Window
            } else {
                ScreenKind::Monitor
            }),
            asking: is_asking(&wish.id, &status),
            asked,
            name: status.name,
            mode: match wish.content {
                Content::Motion => ShareMode::Motion,
                Content::Text | Content::Camera => ShareMode::Text,
            },
            sound: wish.sound,
            state: translate::source_state(status.state),
            size: status.resolution.map(translate::size),
        })
    }
}

/// Whether what this computer plays can be shared now. A look at one file.
pub(super) fn look_for_sound() -> ShareSound {
    match system_sound() {
        Ok(()) => ShareSound::Possible,
        Err(SystemSoundFault::Unsupported) => ShareSound::Unsupported,
        Err(SystemSoundFault::NoServer | SystemSoundFault::Lost(_)) => ShareSound::NoServer,
    }
}

fn is_window(id: &str) -> bool {
    id.starts_with("window:")
}

fn is_asked(id: &str) -> bool {
    id.starts_with(SYSTEM_ASKS)
}

/// Whether the system's dialog waits for its answer: nothing is shared yet.
fn is_asking(id: &str, status: &SourceStatus) -> bool {
    is_asked(id) && status.chosen.is_none()
}

/// The id that lets the system give its last choice again, where that is wanted.
fn asked_before(settings: &ScreenSettings) -> String {
    let remembered = settings.remembered.as_ref().filter(|_| !settings.ask_each_time);
    remembered.map_or_else(|| SYSTEM_ASKS.to_owned(), Clone::clone)
}

fn worth_remembering(settings: &ScreenSettings, chosen: &SystemChoice) -> Option<String> {
    let more_than_the_question =
        chosen.id.len() > SYSTEM_ASKS.len() && chosen.id.len() <= REMEMBERED_CHARS_MAX;
    (more_than_the_question && !settings.ask_each_time).then(|| chosen.id.clone())
}

/// Whether a source in this state ends its share, and what the person is told then: nothing where they ended it themselves.
/// Whoever was asked anew ended more than the question.
fn stop_by(id: &str, status: &SourceStatus, anew: bool) -> Option<Option<ShareStop>> {
    match status.state {
        SourceState::Denied if is_asked(id) => Some(anew.then_some(ShareStop::NothingElse)),
        SourceState::Failed if is_asking(id, status) => Some(Some(ShareStop::Refused)),
        SourceState::Missing if is_asked(id) => Some(Some(ShareStop::NoPortal)),
        SourceState::Gone if is_asked(id) => Some(Some(ShareStop::EndedByDesktop)),
        SourceState::Gone if is_window(id) => Some(Some(ShareStop::WindowClosed)),
        SourceState::Gone => Some(Some(ShareStop::MonitorGone)),
        SourceState::Missing => Some(Some(ShareStop::NotThere)),
        SourceState::Denied => Some(Some(ShareStop::Denied)),
        SourceState::Failed => Some(Some(ShareStop::Failed)),
        _ => None,
    }
}

const fn kind(kind: screen::ScreenKind) -> ScreenKind {
    match kind {
        screen::ScreenKind::Monitor => ScreenKind::Monitor,
        screen::ScreenKind::Window => ScreenKind::Window,
    }
}

fn shown(source: &ScreenSource) -> ScreenView {
    ScreenView {
        id: source.id.clone(),
        kind: kind(source.kind),
        name: source.name.clone(),
        size: translate::size(source.size),
        is_primary: source.is_primary,
    }
}

const fn stop_of(fault: &ScreenFault) -> ShareStop {
    match fault {
        ScreenFault::Denied => ShareStop::Denied,
        ScreenFault::NoPortal(_) => ShareStop::NoPortal,
        ScreenFault::NoDisplay(_) => ShareStop::NoScreen,
        ScreenFault::NotThere => ShareStop::NotThere,
        ScreenFault::WindowClosed => ShareStop::WindowClosed,
        ScreenFault::MonitorGone => ShareStop::MonitorGone,
        ScreenFault::Ended | ScreenFault::Cancelled => ShareStop::EndedByDesktop,
        ScreenFault::Refused(_) => ShareStop::Refused,
        ScreenFault::SystemAsks | ScreenFault::Format(_) | ScreenFault::Lost(_) => ShareStop::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_answer_is_used_again_unless_the_person_wants_to_be_asked() {
        let chosen = SystemChoice {
            id: "portal:token".into(),
            kind: screen::ScreenKind::Monitor,
        };
        let mut settings = ScreenSettings::default();
        assert_eq!(asked_before(&settings), SYSTEM_ASKS);
        settings.remembered = worth_remembering(&settings, &chosen);
        assert_eq!(asked_before(&settings), "portal:token");
        settings.ask_each_time = true;
        assert_eq!(asked_before(&settings), SYSTEM_ASKS);
        assert_eq!(worth_remembering(&settings, &chosen), None);
        settings.ask_each_time = false;
        for odd in [
            SYSTEM_ASKS.to_owned(),
            format!("portal:{}", "x".repeat(REMEMBERED_CHARS_MAX)),
        ] {
            let kind = screen::ScreenKind::Window;
            let odd = SystemChoice { id: odd, kind };
            assert_eq!(worth_remembering(&settings, &odd), None);
        }
    }

    #[test]
    fn a_closed_dialog_ends_the_share_without_a_word_and_everything_else_with_one() {
        use SourceState::{Denied, Failed, Gone, Missing, Running, Starting};
        let chosen = || {
            Some(SystemChoice {
                id: SYSTEM_ASKS.into(),
                kind: screen::ScreenKind::Monitor,
            })
        };
        for (id, chosen, state, stop) in [
            ("portal:", None, Starting, None),
            ("portal:", chosen(), Running, None),
            ("portal:", None, Denied, Some(None)),
            ("portal:t", chosen(), Gone, Some(Some(ShareStop::EndedByDesktop))),
            ("portal:", None, Missing, Some(Some(ShareStop::NoPortal))),
            ("portal:", None, Failed, Some(Some(ShareStop::Refused))),
            ("portal:t", chosen(), Failed, Some(Some(ShareStop::Failed))),
            ("window:1", None, Gone, Some(Some(ShareStop::WindowClosed))),
            ("monitor:", None, Gone, Some(Some(ShareStop::MonitorGone))),
            ("monitor:", None, Missing, Some(Some(ShareStop::NotThere))),
            ("monitor:", None, Failed, Some(Some(ShareStop::Failed))),
        ] {
            let status = SourceStatus {
                state,
                chosen,
                ..SourceStatus::default()
            };
            assert_eq!(stop_by(id, &status, false), stop, "{id} {status:?}");
            let anew = match stop {
                Some(None) => Some(Some(ShareStop::NothingElse)),
                stop => stop,
            };
            assert_eq!(stop_by(id, &status, true), anew, "{id} {status:?}");
        }
    }

    #[test]
    fn nothing_is_shared_before_the_system_was_answered() {
        let mut status = SourceStatus::default();
        assert!(is_asking("portal:", &status));
        assert!(!is_asking("monitor:", &status));
        status.chosen = Some(SystemChoice {
            id: SYSTEM_ASKS.into(),
            kind: screen::ScreenKind::Window,
        });
        assert!(!is_asking("portal:", &status));
    }
}
