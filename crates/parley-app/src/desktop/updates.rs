//! When a newer Parley is looked for, and what may be done with one. Sans-IO: states, asks and news in, deeds out.
//!
//! The shell's one task for updates owns it. It calls [`Updates::follow`] with every new state and when [`Updates::due_in`]
//! has passed, [`Updates::ask`] with what a window asks, and [`Updates::hear`] with what came of a deed; it does each deed
//! before it calls again, and one piece of work at a time. Looking is quiet: at most once a day, while nothing goes on.
//! Nothing is fetched or put in place unless the person asked for it, and nothing at all is done during a call: one that
//! begins stops what is on its way, and what was being put in place just then starts once the person is home again.

use crate::view::{AppState, Phase, UpdateAsk, UpdateState, UpdateView};
use std::time::Duration;

/// Between two looks that nobody asked for.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Who starts Parley wants to call, not to wait for a look.
const AFTER_START_MS: u64 = 20 * 1000;
/// The most of a version's name that is shown.
const VERSION_CHARS_MAX: usize = 32;

/// How this Parley gets newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateWay {
    /// By itself.
    Itself,
    /// The system's package manager does it.
    Packaged,
    /// The person does it.
    ByHand,
}

impl UpdateWay {
    /// `configured`: this build knows where to look, and whose signature to trust. `bundle`: what kind of package it is out
    /// of, as Tauri's bundler names it. `appimage`: it runs out of an AppImage.
    #[must_use]
    pub fn of(configured: bool, bundle: Option<&str>, appimage: bool) -> Self {
        match bundle {
            Some("deb" | "rpm") => Self::Packaged,
            Some("app" | "dmg" | "msi" | "nsis") if configured => Self::Itself,
            _ if configured && appimage => Self::Itself,
            _ => Self::ByHand,
        }
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateDeed {
    /// Let the windows know.
    Tell(UpdateView),
    /// Look, and tell what came of it.
    Look,
    /// Remember for the next start that this was when it was looked for.
    Remember {
        /// Milliseconds since 1970.
        looked_ms: u64,
    },
    /// Fetch the newest, check its signature, and tell what came of it.
    Fetch,
    /// Stop looking or fetching; nothing comes of it any more.
    Stop,
    /// Put the fetched one in place if nothing goes on ([`Updates::is_at_rest`]), and tell what came of it.
    Install,
    /// Start again: the newer one is in place.
    Restart,
    /// Throw the fetched one away.
    Drop,
}

/// What came of a deed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateNews {
    /// There is none newer.
    Newest,
    /// There is a newer one.
    Newer {
        /// What it is called.
        version: String,
    },
    /// It was fetched, and its signature fits; or it still lies there, because a call began before it was put in place.
    Fetched,
    /// It is in place.
    Installed,
    /// Nobody answered, or something that makes no sense.
    Unreachable,
    /// Its signature does not fit.
    Refused,
    /// It could not be put in place.
    Failed,
}

/// See the module.
#[derive(Debug)]
pub struct Updates {
    way: UpdateWay,
    view: UpdateView,
    told: Option<UpdateView>,
    looked_ms: Option<u64>,
    started_ms: u64,
    wanted: bool,
    at_rest: bool,
    /// A look is on, ...
    looking: bool,
    /// ... and somebody waits for what comes of it.
    asked: bool,
}

impl Updates {
    /// `looked_ms`: what was remembered, if anything was.
    #[must_use]
    pub fn new(way: UpdateWay, looked_ms: Option<u64>, now_ms: u64) -> Self {
        let state = match way {
            UpdateWay::Itself => UpdateState::Unknown,
            UpdateWay::Packaged => UpdateState::Packaged,
            UpdateWay::ByHand => UpdateState::ByHand,
        };
        Self {
            way,
            view: UpdateView {
                state,
                ..UpdateView::default()
            },
            told: None,
            looked_ms,
            started_ms: now_ms,
            wanted: false,
            at_rest: false,
            looking: false,
            asked: false,
        }
    }

    /// Whether nothing goes on that an update could disturb.
    #[must_use]
    pub const fn is_at_rest(state: &AppState) -> bool {
        matches!(state.phase, Phase::Home | Phase::Ended)
    }

    /// What is to be done now that this is the state.
    pub fn follow(&mut self, state: &AppState, now_ms: u64) -> Vec<UpdateDeed> {
        self.wanted = state.settings.desktop.look_for_updates;
        self.at_rest = Self::is_at_rest(state);
        let mut deeds = Vec::new();
        if !self.at_rest && (self.looking || self.view.state == UpdateState::Fetching) {
            self.stop(&mut deeds);
        }
        // Not where a call ended a moment ago: who lost it wants it back, or to see what was wrong with it.
        if self.view.state == UpdateState::InPlace && state.phase == Phase::Home {
            self.view.state = UpdateState::Installing;
            deeds.push(UpdateDeed::Restart);
        }
        if self.due_in(now_ms) == Some(Duration::ZERO) {
            self.look(now_ms, &mut deeds);
        }
        self.tell(&mut deeds);
        deeds
    }

    /// When to call [`Self::follow`] even if nothing changes; nothing while no look will come of it.
    #[must_use]
    pub fn due_in(&self, now_ms: u64) -> Option<Duration> {
        if self.way != UpdateWay::Itself || !self.wanted || !self.at_rest || self.is_busy() {
            return None;
        }
        // A clock that was set back does not put the next look off for years.
        let looked = self.looked_ms.filter(|looked| *looked <= now_ms);
        let due = looked
            .map_or(0, |looked| looked.saturating_add(DAY_MS))
            .max(self.started_ms.saturating_add(AFTER_START_MS));
        Some(Duration::from_millis(due.saturating_sub(now_ms).min(DAY_MS)))
    }

    /// What a window asks.
    pub fn ask(&mut self, ask: UpdateAsk, now_ms: u64) -> Vec<UpdateDeed> {
        let mut deeds = Vec::new();
        let may = self.way == UpdateWay::Itself && self.at_rest && !self.is_busy();
        match ask {
            UpdateAsk::Look if may => {
                self.asked = true;
                self.view.state = UpdateState::Looking;
                self.look(now_ms, &mut deeds);
            }
            UpdateAsk::Install if may && self.view.version.is_some() => {
                self.view.state = UpdateState::Fetching;
                deeds.push(UpdateDeed::Fetch);
            }
            UpdateAsk::Later => self.view.put_off = true,
            UpdateAsk::Look | UpdateAsk::Install => {}
        }
        self.tell(&mut deeds);
        deeds
    }

    /// What came of a deed.
    pub fn hear(&mut self, news: UpdateNews) -> Vec<UpdateDeed> {
        let mut deeds = Vec::new();
        if !self.is_busy() {
            // It was done at the moment when it was stopped.
            if news == UpdateNews::Fetched {
                deeds.push(UpdateDeed::Drop);
            }
            return deeds;
        }
        let asked = std::mem::take(&mut self.asked);
        let looking = std::mem::take(&mut self.looking);
        match news {
            UpdateNews::Newest => {
                self.view = UpdateView {
                    state: UpdateState::Newest,
                    ..UpdateView::default()
                };
            }
            UpdateNews::Newer { version } => {
                let version: String = version.chars().take(VERSION_CHARS_MAX).collect();
                let known = self.view.version.as_deref() == Some(&*version);
                self.view = UpdateView {
                    state: UpdateState::Ready,
                    // Who asks wants to hear of it after all.
                    put_off: known && self.view.put_off && !asked,
                    version: Some(version),
                };
            }
            UpdateNews::Fetched if self.at_rest => {
                self.view.state = UpdateState::Installing;
                deeds.push(UpdateDeed::Install);
            }
            // A call began meanwhile. It is not ended for this.
            UpdateNews::Fetched => {
                self.view.state = UpdateState::Ready;
                deeds.push(UpdateDeed::Drop);
            }
            // Nothing is said any more until Parley ends.
            UpdateNews::Installed if self.at_rest => deeds.push(UpdateDeed::Restart),
            UpdateNews::Installed => self.view.state = UpdateState::InPlace,
            // Nobody waits for it, and tomorrow is another day.
            UpdateNews::Unreachable if looking && !asked => {}
            UpdateNews::Unreachable => self.view.state = UpdateState::Unreachable,
            UpdateNews::Refused => self.view.state = UpdateState::Refused,
            UpdateNews::Failed => self.view.state = UpdateState::Failed,
        }
        self.tell(&mut deeds);
        deeds
    }

    fn look(&mut self, now_ms: u64, deeds: &mut Vec<UpdateDeed>) {
        self.looking = true;
        self.looked_ms = Some(now_ms);
        deeds.push(UpdateDeed::Remember { looked_ms: now_ms });
        deeds.push(UpdateDeed::Look);
    }

    fn stop(&mut self, deeds: &mut Vec<UpdateDeed>) {
        self.looking = false;
        self.asked = false;
        if matches!(self.view.state, UpdateState::Looking | UpdateState::Fetching) {
            self.view.state = match self.view.version {
                Some(_) => UpdateState::Ready,
                None => UpdateState::Unknown,
            };
        }
        deeds.push(UpdateDeed::Stop);
    }

    const fn is_busy(&self) -> bool {
        self.looking
            || matches!(
                self.view.state,
                UpdateState::Fetching | UpdateState::Installing | UpdateState::InPlace
            )
    }

    fn tell(&mut self, deeds: &mut Vec<UpdateDeed>) {
        if self.told.as_ref() != Some(&self.view) {
            self.told = Some(self.view.clone());
            deeds.insert(0, UpdateDeed::Tell(self.view.clone()));
        }
    }
}

#[cfg(test)]
mod tests;
