//! What the desktop around the window is asked to do, decided from the state of the app: not to sleep during a call, to say
//! who came while nobody looks, what the tray shows, which keys are listened to. Sans-IO: states in, deeds out.
//!
//! Owned by the shell's one task that follows the state. It does what [`Citizen::follow`] says, in that order.

mod keys;
mod privacy;
mod updates;
mod words;

pub use keys::{GlobalKey, KeysWish, Strokes};
pub use privacy::privacy_page;
pub use updates::{UpdateDeed, UpdateNews, UpdateWay, Updates};

use crate::view::{
    AppState, CallState, DesktopSettings, EndCode, Language, NoticeTopic, Phase, TalkView, TransferStage,
};
use std::collections::BTreeSet;
use words::Words;

/// People whose coming was told; more are not told anew, whoever floods a room.
const TOLD_MAX: usize = 64;
/// Where more others than this are there already, nobody waits for one more: it is not told.
const FEW: usize = 4;
/// Recordings that begin and are told of in a call; whoever switches to and fro is not told of more.
const RECORDINGS_TOLD_MAX: usize = 8;
/// Messages and files that are told of while a person is away from the window; whoever floods them is not told of more.
const TALK_TOLD_MAX: usize = 6;
/// The most of a name that a notification shows, ...
const NAME_CHARS_MAX: usize = 40;
/// ... and of what was written.
const WORDS_CHARS_MAX: usize = 140;

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
        /// What a click on it does, in words.
        action: String,
        /// Where a click on it leads.
        topic: NoticeTopic,
    },
    /// Show this in the tray.
    Tray(TrayView),
    /// Listen to these keys, and no others.
    Keys(KeysWish),
    /// Switch start at login.
    Autostart(bool),
    /// Give back the memory of what is over: starting up, or a call.
    GiveBackMemory,
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
    /// The messages and files that are known, and how many were told of since somebody looked.
    talk: (BTreeSet<String>, usize),
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
            talk: (BTreeSet::new(), 0),
        }
    }

    /// What is to be done now that this is the state. `watched`: the window is on the screen and has the focus.
    pub fn follow(&mut self, state: &AppState, watched: bool) -> Vec<Deed> {
        let language = state.settings.language;
        if self.words.0 != language {
            self.words = (language, Words::of(language, self.system));
        }
        let mut deeds = Vec::new();
        self.rest(state, &mut deeds);
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

    /// What is to be done now that this was written and offered, after [`Citizen::follow`] of the same moment.
    pub fn hear(&mut self, talk: &TalkView, state: &AppState, watched: bool) -> Vec<Deed> {
        let mut deeds = Vec::new();
        let (before, mut told) = std::mem::take(&mut self.talk);
        if watched || state.phase != Phase::InCall {
            told = 0;
        }
        let tells = !watched && state.phase == Phase::InCall && state.settings.desktop.notifications;
        let mut known = BTreeSet::new();
        let written = talk.messages.iter().filter(|message| message.author.is_some());
        let written = written.map(|message| {
            (
                &message.id,
                "wrote",
                &message.name,
                &message.text,
                NoticeTopic::Chat,
            )
        });
        let asked = talk
            .transfers
            .iter()
            .filter(|file| file.state == TransferStage::Asking && !file.sending);
        let people = state.call.iter().flat_map(|call| &call.people);
        let who = people
            .map(|person| &person.name)
            .next()
            .cloned()
            .unwrap_or_default();
        let asked = asked.map(|file| (&file.id, "offers", &who, &file.name, NoticeTopic::Files));
        for (id, word, who, what, topic) in written.chain(asked) {
            if !before.contains(id) && tells && told < TALK_TOLD_MAX {
                told += 1;
                let who: String = who.chars().take(NAME_CHARS_MAX).collect();
                deeds.push(self.notice(self.words.1.say_of(word, &who), shortened(what), topic));
            }
            known.insert(id.clone());
        }
        self.talk = (known, told);
        deeds
    }

    fn notice(&self, title: String, body: String, topic: NoticeTopic) -> Deed {
        Deed::Notify {
            title,
            body,
            action: self.words.1.say("show"),
            topic,
        }
    }

    fn rest(&self, state: &AppState, deeds: &mut Vec<Deed>) {
        let before = self.before.as_ref();
        let was_busy = before.is_none_or(|before| before.phase == Phase::InCall);
        if was_busy && state.phase != Phase::InCall {
            deeds.push(Deed::GiveBackMemory);
        }
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
            let few = state.call.as_ref().is_some_and(|call| call.people.len() <= FEW);
            for person in state.call.iter().flat_map(|call| &call.people) {
                let name: String = person.name.chars().take(NAME_CHARS_MAX).collect();
                let words = &self.words.1;
                let mut tell = |word| {
                    deeds.push(Deed::Notify {
                        title: words.say_of(word, &name),
                        body: String::new(),
                        action: words.say("show"),
                        topic: NoticeTopic::Call,
                    });
                };
                let new = self.came.len() < TOLD_MAX && self.came.insert(person.id.clone());
                if new && told && was_in_call && few {
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
            deeds.push(self.notice(self.words.1.say("over"), ended.message.clone(), NoticeTopic::Call));
        }
    }

    fn settings(&mut self, now: &DesktopSettings, deeds: &mut Vec<Deed>) {
        let words = |key: &str, word| match key {
            "" => String::new(),
            _ => self.words.1.say(word),
        };
        let keys = KeysWish {
            mute: now.mute_key.clone(),
            talk: now.talk_key.clone(),
            mute_words: words(&now.mute_key, "muteKey"),
            talk_words: words(&now.talk_key, "talkKey"),
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

/// As much of it as a notification shows, in one line.
fn shortened(text: &str) -> String {
    let line = |c: char| if c.is_control() { ' ' } else { c };
    let mut short: String = text.chars().take(WORDS_CHARS_MAX).map(line).collect();
    if text.chars().nth(WORDS_CHARS_MAX).is_some() {
        short.push('\u{2026}');
    }
    short
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
