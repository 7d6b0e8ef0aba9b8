//! What the desktop around the window is asked to do, decided from the state of the app: not to sleep during a call, to say
//! who came while nobody looks, what the tray shows, which keys are listened to. Sans-IO: states in, deeds out.
//!
//! Owned by the shell's one task that follows the state. It does what [`Citizen::follow`] says, in that order.

mod privacy;
mod words;

pub use privacy::privacy_page;

use crate::view::{AppState, CallState, DesktopSettings, EndCode, Language, Phase};
use std::collections::BTreeSet;
use words::Words;

/// People whose coming was told; more are not told anew, whoever floods a room.
const TOLD_MAX: usize = 64;
/// Recordings that begin and are told of in a call; whoever switches to and fro is not told of more.
const RECORDINGS_TOLD_MAX: usize = 8;
/// The most of a name that a notification shows.
const NAME_CHARS_MAX: usize = 40;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Keep the system awake for this reason; or let it sleep again.
    StayAwake(Option<String>),
    /// Show a notification.
    Notify {
        /// What happened.
        title: String,
        /// More of it, or nothing.
        body: String,
    },
    /// Show this in the tray.
    Tray(TrayView),
    /// Listen to these keys, and no others.
    Keys(KeysWish),
    /// Switch start at login.
    Autostart(bool),
}

/// What the tray shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrayView {
    /// When it is pointed at.
    pub tooltip: String,
    /// The entry that shows the window.
    pub show: String,
    /// The entry that mutes or unmutes; absent when there is nothing to mute.
    pub mute: Option<String>,
    /// The entry that leaves the call; absent outside.
    pub leave: Option<String>,
    /// The entry that ends the app.
    pub quit: String,
}

/// The keys to listen to, each empty for none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeysWish {
    /// Mutes and unmutes.
    pub mute: String,
    /// Opens the microphone while held.
    pub talk: String,
}

/// Follows the state.
#[derive(Debug)]
pub struct Citizen {
    system: Language,
    words: (Language, Words),
    before: Option<Before>,
    awake: bool,
    tray: Option<TrayView>,
    keys: KeysWish,
    came: BTreeSet<String>,
    /// Who records now, and how often somebody was told of as beginning to in this call.
    record: (BTreeSet<String>, usize),
}

#[derive(Debug)]
struct Before {
    phase: Phase,
    desktop: DesktopSettings,
}

impl Citizen {
    /// Nothing was asked of the desktop yet. `locale` is the system's, such as `de_DE.UTF-8`.
    #[must_use]
    pub fn new(locale: &str) -> Self {
        let system = words::spoken(locale);
        Self {
            system,
            words: (Language::System, Words::of(Language::System, system)),
            before: None,
            awake: false,
            tray: None,
            keys: KeysWish::default(),
            came: BTreeSet::new(),
            record: (BTreeSet::new(), 0),
        }
    }

    /// What is to be done now that this is the state. `watched`: the window is on the screen and has the focus.
    pub fn follow(&mut self, state: &AppState, watched: bool) -> Vec<Deed> {
        let language = state.settings.language;
        if self.words.0 != language {
            self.words = (language, Words::of(language, self.system));
        }
        let mut deeds = Vec::new();
        self.sleep(state, &mut deeds);
        self.news(state, watched, &mut deeds);
        let tray = tray(state, &self.words.1);
        if self.tray.as_ref() != Some(&tray) {
            self.tray = Some(tray.clone());
            deeds.push(Deed::Tray(tray));
        }
        self.settings(&state.settings.desktop, &mut deeds);
        self.before = Some(Before {
            phase: state.phase,
            desktop: state.settings.desktop.clone(),
        });
        deeds
    }

    fn sleep(&mut self, state: &AppState, deeds: &mut Vec<Deed>) {
        let awake = state.phase == Phase::InCall;
        if awake != self.awake {
            self.awake = awake;
            deeds.push(Deed::StayAwake(awake.then(|| self.words.1.say("inCall"))));
        }
    }

    fn news(&mut self, state: &AppState, watched: bool, deeds: &mut Vec<Deed>) {
        let was_in_call = self
            .before
            .as_ref()
            .is_some_and(|before| before.phase == Phase::InCall);
        let told = !watched && state.settings.desktop.notifications;
        if state.phase == Phase::InCall {
            for person in state.call.iter().flat_map(|call| &call.people) {
                let name: String = person.name.chars().take(NAME_CHARS_MAX).collect();
                let mut tell = |word| {
                    deeds.push(Deed::Notify {
                        title: self.words.1.say_of(word, &name),
                        body: String::new(),
                    });
                };
                let new = self.came.len() < TOLD_MAX && self.came.insert(person.id.clone());
                if new && told && was_in_call {
                    tell("joined");
                }
                // Nobody is recorded unawares, whatever else they want to be told.
                let (recording, told_of) = &mut self.record;
                if !person.recording {
                    recording.remove(&person.id);
                } else if recording.len() < TOLD_MAX
                    && recording.insert(person.id.clone())
                    && !watched
                    && *told_of < RECORDINGS_TOLD_MAX
                {
                    *told_of += 1;
                    tell("records");
                }
            }
            return;
        }
        self.came.clear();
        self.record = (BTreeSet::new(), 0);
        let ended = state.call.as_ref().and_then(|call| call.ended.as_ref());
        if let Some(ended) = ended.filter(|ended| ended.code != EndCode::HungUp)
            && state.phase == Phase::Ended
            && was_in_call
            && told
        {
            deeds.push(Deed::Notify {
                title: self.words.1.say("over"),
                body: ended.message.clone(),
            });
        }
    }

    fn settings(&mut self, now: &DesktopSettings, deeds: &mut Vec<Deed>) {
        let keys = KeysWish {
            mute: now.mute_key.clone(),
            talk: now.talk_key.clone(),
        };
        if keys != self.keys {
            self.keys = keys.clone();
            deeds.push(Deed::Keys(keys));
        }
        // At the start the system is as it was left: the person may have changed it there.
        let before = self.before.as_ref().map(|before| before.desktop.autostart);
        if before.is_some_and(|before| before != now.autostart) {
            deeds.push(Deed::Autostart(now.autostart));
        }
    }
}

fn tray(state: &AppState, words: &Words) -> TrayView {
    let in_call = state.phase == Phase::InCall;
    let microphone = in_call || state.phase == Phase::GreenRoom;
    let muted = state.local.muted;
    let connected = in_call
        && state
            .call
            .as_ref()
            .is_some_and(|call| call.state == CallState::Connected);
    TrayView {
        tooltip: match (in_call, muted) {
            (false, _) => "Parley".to_owned(),
            (true, true) => format!("Parley: {}", words.say("inCallMuted")),
            (true, false) if connected => format!("Parley: {}", words.say("inCall")),
            (true, false) => format!("Parley: {}", words.say("waiting")),
        },
        show: words.say("show"),
        mute: microphone.then(|| words.say(if muted { "unmute" } else { "mute" })),
        leave: in_call.then(|| words.say("leave")),
        quit: words.say("quit"),
    }
}

#[cfg(test)]
mod tests;
