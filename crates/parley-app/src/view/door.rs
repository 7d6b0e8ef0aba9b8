//! The door of the call as a window shows it: what keeps somebody out, who waits, what a host may do.

use serde::{Deserialize, Serialize};
use std::fmt;
use ts_rs::TS;

/// How the call's door stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct DoorView {
    /// Whether this side may let people in and put them out. Not the same as [`super::CallView::host`]: who made the call may
    /// have left and come back as a guest.
    pub may_host: bool,
    /// What keeps this side from coming in.
    pub entrance: EntranceView,
    /// Nobody new comes in.
    pub locked: bool,
    /// Whoever comes waits until a host lets them in.
    pub lobby: bool,
    /// Whoever comes is asked for a password.
    pub password: bool,
    /// From so many people on whoever comes only listens; 1: everybody who comes, 0: nobody.
    pub listen_from: u16,
    /// Who waits, longest first; only hosts know.
    pub waiting: Vec<WaitingView>,
    /// Before this side is in: it would only listen, for this reason.
    pub comes_to_listen: Option<ComesToListenView>,
    /// A host asked for silence, by this name, and the microphone was muted; until it is opened again or that was seen.
    pub mute_asked_by: Option<String>,
}

/// Somebody in the lobby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct WaitingView {
    /// For [`DoorAsk::Admit`] and [`DoorAsk::Refuse`].
    pub id: String,
    /// The name they gave.
    pub name: String,
}

/// Why somebody who comes in would only listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ComesToListenView {
    /// They asked for it.
    Asked,
    /// All places of those who may speak are taken.
    Full,
    /// So many are in there that newcomers listen, as a host or the server wants it.
    Many,
}

/// What keeps somebody from coming in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum EntranceView {
    /// Nothing.
    #[default]
    Free,
    /// A password must be given.
    PasswordNeeded,
    /// The one that was given is not it.
    PasswordWrong,
    /// A host must let them in.
    Lobby,
}

/// What is asked at the door. Its `Debug` leaves passwords out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum DoorAsk {
    /// Tries a password to come in.
    Enter {
        /// The password.
        password: String,
    },
    /// Lets somebody in.
    Admit {
        /// Who ([`WaitingView::id`]).
        id: String,
    },
    /// Sends somebody away.
    Refuse {
        /// Who ([`WaitingView::id`]).
        id: String,
    },
    /// Locks the call, or opens it.
    Lock {
        /// Locked.
        on: bool,
    },
    /// Has people wait until they are let in, or not.
    Lobby {
        /// Wait.
        on: bool,
    },
    /// Asks people for a password, or for none.
    SetPassword {
        /// The password; absent for none.
        password: Option<String>,
    },
    /// Puts somebody out of the call.
    Remove {
        /// Who ([`super::PersonView::id`]).
        id: String,
    },
    /// Asks somebody, or everybody, to mute.
    AskMute {
        /// Who ([`super::PersonView::id`]); absent for everybody.
        id: Option<String>,
    },
    /// Puts somebody large for everybody in a group.
    Spotlight {
        /// Whose tile: the id of a person, one's own among them, or `screen:` and the id; absent for nobody.
        tile: Option<String>,
    },
    /// From so many people on whoever comes only listens.
    ListenFrom {
        /// 1: everybody who comes, 0: nobody.
        people: u16,
    },
    /// Makes somebody a listener, or lets them speak.
    SetListens {
        /// Who ([`super::PersonView::id`], [`super::ListenerView::id`], or one's own).
        id: String,
        /// Only listens.
        listens: bool,
    },
    /// It was seen that one may speak ([`super::PartView::LetSpeak`]).
    SeenPart,
    /// Ends the call for everybody.
    EndForAll,
    /// It was seen who asked for silence.
    SeenMute,
}

impl fmt::Debug for DoorAsk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enter { .. } => "Enter",
            Self::Admit { .. } => "Admit",
            Self::Refuse { .. } => "Refuse",
            Self::Lock { .. } => "Lock",
            Self::Lobby { .. } => "Lobby",
            Self::SetPassword { .. } => "SetPassword",
            Self::Remove { .. } => "Remove",
            Self::AskMute { .. } => "AskMute",
            Self::Spotlight { .. } => "Spotlight",
            Self::ListenFrom { .. } => "ListenFrom",
            Self::SetListens { .. } => "SetListens",
            Self::SeenPart => "SeenPart",
            Self::EndForAll => "EndForAll",
            Self::SeenMute => "SeenMute",
        })
    }
}
