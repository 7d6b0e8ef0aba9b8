//! What a window may ask, and why something was not done.

use super::{
    DesktopView, DeviceKind, DoorAsk, ProblemCode, ReactionKind, SettingsPatch, ShareMode, TileLook,
    UpdateView,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use ts_rs::TS;

/// What a window may ask. Answers come as a new [`AppState`]; what cannot be done comes back as a [`CommandError`]. Its `Debug`
/// leaves out what was pasted, for a link in it is the secret.
#[derive(Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AppCommand {
    /// Makes a room (on [`Settings::server`] or on this computer) and goes to the green room.
    StartCall,
    /// Finds a link in the text and goes to the green room.
    OpenLink {
        /// What was pasted or handed over by the system.
        text: String,
    },
    /// From the green room into the call.
    Join,
    /// Out of the green room or the call; from the "ended" screen back home.
    Leave,
    /// Microphone off and on.
    SetMuted {
        /// Off.
        muted: bool,
    },
    /// Microphone off if it is on, and on if it is off.
    ToggleMuted,
    /// The key that one holds to talk went down or came up. It opens the microphone only from muted, and only while held.
    Talk {
        /// Down.
        down: bool,
    },
    /// Opens a link that came from outside the window. What is wrong with it becomes a problem to see.
    HandOver {
        /// As the system handed it over.
        text: String,
    },
    /// From the shell: what the desktop said to what was asked of it.
    TellDesktop {
        /// Takes the place of what was told before.
        desktop: DesktopView,
    },
    /// From the shell: what is known of a newer Parley.
    TellUpdate {
        /// Takes the place of what was told before.
        update: UpdateView,
    },
    /// Camera on and off.
    SetCameraOn {
        /// On.
        on: bool,
    },
    /// Chooses a device; no id means "what the system uses".
    ChooseDevice {
        /// Which kind.
        kind: DeviceKind,
        /// Which one.
        id: Option<String>,
    },
    /// Looks for devices again, now.
    RefreshDevices,
    /// Plays a short sound on the speaker.
    TestSpeaker,
    /// Records a few seconds of the microphone and plays them back, or ends that. Not in a call.
    TestEcho {
        /// Begin.
        on: bool,
    },
    /// Tries which ways out of this network work, against the server of the settings.
    CheckNetwork,
    /// Plays somebody louder or softer, here only.
    SetVolume {
        /// Who.
        id: String,
        /// 100 as they came, 200 at most.
        percent: u16,
        /// The hand let go: where calls are remembered, so is this, by the person's name.
        settled: bool,
    },
    /// Which tiles of other people are shown now, and how large: the whole list, after each change of what is seen. In a call
    /// through the server no other picture comes. Said as often as one likes: only the newest counts, ten times a second.
    /// Until a window says it, all tiles count as shown in a grid.
    Look {
        /// Those that are seen. Empty: none.
        tiles: Vec<TileLook>,
    },
    /// Changes settings.
    ChangeSettings {
        /// What changes.
        patch: SettingsPatch,
    },
    /// Looks for what can be shared (see [`super::ShareView::choice`]), or ceases to.
    ChooseShare {
        /// Look.
        on: bool,
    },
    /// Shares a screen or window in the call, instead of one that is shared.
    Share {
        /// Which; absent: the monitor of the settings, or ask.
        id: Option<String>,
        /// For reading or for motion; absent: as the settings say.
        mode: Option<ShareMode>,
        /// With what this computer plays; absent: as the settings say.
        sound: Option<bool>,
    },
    /// Ends sharing; also says that the reason of an end was seen.
    StopSharing,
    /// Asks the others whether they may be recorded, and records once they agreed; how that goes is in
    /// [`super::RecordingView`].
    StartRecording,
    /// Ends the recording; also says that how the last one ended was seen.
    StopRecording,
    /// Opens camera and microphone for settings and green room while no call is on; closes them again.
    SetPreview {
        /// Open.
        on: bool,
    },
    /// Writes something to the others. It goes as soon as they can be reached.
    SendMessage {
        /// The words.
        text: String,
    },
    /// Shows the others a reaction.
    React {
        /// Which.
        reaction: ReactionKind,
    },
    /// Raises one's hand, or takes it down.
    RaiseHand {
        /// Up.
        raised: bool,
    },
    /// Offers files to the others.
    OfferFiles {
        /// Where they are.
        paths: Vec<String>,
        /// To whom, in a group: ids of people. Nobody: to all of them.
        #[serde(default)]
        to: Vec<String>,
    },
    /// Takes a file that was offered, or does not.
    DecideFile {
        /// Which.
        id: String,
        /// Take it.
        accept: bool,
    },
    /// Has a file wait, or go on.
    PauseFile {
        /// Which.
        id: String,
        /// Wait.
        paused: bool,
    },
    /// Gives a file up.
    CancelFile {
        /// Which.
        id: String,
    },
    /// Takes a problem off the list until it comes anew.
    DismissProblem {
        /// Which.
        code: ProblemCode,
    },
    /// Writes the report of this call, without addresses and names, to the folder for downloads; where it is shows in
    /// [`super::InspectorView::report`].
    SaveReport,
    /// Says how a call was.
    RateCall {
        /// Which: [`super::PastCallView::id`].
        id: String,
        /// 1 (bad) to 5 (good).
        stars: u8,
    },
    /// Forgets a call that was, or all.
    ForgetCalls {
        /// Which; absent means all.
        id: Option<String>,
    },
    /// Shows what was written in a call that was, in [`super::HistoryView::opened`].
    OpenPastChat {
        /// Which; absent: it is not looked at any more.
        id: Option<String>,
    },
    /// Offers a file of an earlier call again; the other side has what came of it.
    SendAgain {
        /// Which: [`super::UnfinishedView::id`].
        id: String,
    },
    /// Forgets a file of an earlier call.
    ForgetUnfinished {
        /// Which.
        id: String,
    },
    /// Takes back that the last one was forgotten.
    TakeBackCall {
        /// Which.
        id: String,
    },
    /// At the call's door: coming in, and what hosts do.
    Door {
        /// What.
        ask: DoorAsk,
    },
}

impl fmt::Debug for AppCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = match self {
            Self::StartCall => f.debug_struct("StartCall"),
            Self::SendMessage { text: _ } => return f.debug_struct("SendMessage").finish_non_exhaustive(),
            Self::OfferFiles { paths: _, to: _ } => {
                return f.debug_struct("OfferFiles").finish_non_exhaustive();
            }
            Self::DecideFile { .. } => f.debug_struct("DecideFile"),
            Self::PauseFile { .. } => f.debug_struct("PauseFile"),
            Self::CancelFile { .. } => f.debug_struct("CancelFile"),
            Self::React { .. } => f.debug_struct("React"),
            Self::RaiseHand { .. } => f.debug_struct("RaiseHand"),
            Self::OpenLink { text: _ } => return f.debug_struct("OpenLink").finish_non_exhaustive(),
            Self::HandOver { text: _ } => return f.debug_struct("HandOver").finish_non_exhaustive(),
            Self::ToggleMuted => f.debug_struct("ToggleMuted"),
            Self::Talk { .. } => f.debug_struct("Talk"),
            Self::TellDesktop { .. } => f.debug_struct("TellDesktop"),
            Self::TellUpdate { .. } => f.debug_struct("TellUpdate"),
            Self::SaveReport => f.debug_struct("SaveReport"),
            Self::Join => f.debug_struct("Join"),
            Self::Leave => f.debug_struct("Leave"),
            Self::SetMuted { .. } => f.debug_struct("SetMuted"),
            Self::SetCameraOn { .. } => f.debug_struct("SetCameraOn"),
            Self::ChooseDevice { .. } => f.debug_struct("ChooseDevice"),
            Self::RefreshDevices => f.debug_struct("RefreshDevices"),
            Self::TestSpeaker => f.debug_struct("TestSpeaker"),
            Self::TestEcho { .. } => f.debug_struct("TestEcho"),
            Self::CheckNetwork => f.debug_struct("CheckNetwork"),
            Self::SetVolume { .. } => f.debug_struct("SetVolume"),
            Self::Look { .. } => f.debug_struct("Look"),
            Self::ChangeSettings { .. } => f.debug_struct("ChangeSettings"),
            Self::ChooseShare { .. } => f.debug_struct("ChooseShare"),
            Self::Share { .. } => f.debug_struct("Share"),
            Self::StopSharing => f.debug_struct("StopSharing"),
            Self::StartRecording => f.debug_struct("StartRecording"),
            Self::StopRecording => f.debug_struct("StopRecording"),
            Self::SetPreview { .. } => f.debug_struct("SetPreview"),
            Self::DismissProblem { .. } => f.debug_struct("DismissProblem"),
            Self::RateCall { .. } => f.debug_struct("RateCall"),
            Self::ForgetCalls { .. } => f.debug_struct("ForgetCalls"),
            Self::OpenPastChat { .. } => f.debug_struct("OpenPastChat"),
            Self::SendAgain { .. } => f.debug_struct("SendAgain"),
            Self::ForgetUnfinished { .. } => f.debug_struct("ForgetUnfinished"),
            Self::TakeBackCall { .. } => f.debug_struct("TakeBackCall"),
            Self::Door { .. } => f.debug_struct("Door"),
        };
        match self {
            Self::Talk { down } => said.field("down", down),
            Self::TellDesktop { desktop } => said.field("desktop", desktop),
            Self::TellUpdate { update } => said.field("update", update),
            Self::SetMuted { muted } => said.field("muted", muted),
            Self::SetCameraOn { on }
            | Self::SetPreview { on }
            | Self::ChooseShare { on }
            | Self::TestEcho { on } => said.field("on", on),
            Self::Share { id, mode, sound } => said.field("id", id).field("mode", mode).field("sound", sound),
            Self::ChooseDevice { kind, id } => said.field("kind", kind).field("id", id),
            Self::DecideFile { id, accept } => said.field("id", id).field("accept", accept),
            Self::PauseFile { id, paused } => said.field("id", id).field("paused", paused),
            Self::CancelFile { id } => said.field("id", id),
            Self::React { reaction } => said.field("reaction", reaction),
            Self::RaiseHand { raised } => said.field("raised", raised),
            Self::SetVolume { id, percent, .. } => said.field("id", id).field("percent", percent),
            Self::Look { tiles } => said.field("tiles", &tiles.len()),
            Self::ChangeSettings { patch } => said.field("patch", patch),
            Self::DismissProblem { code } => said.field("code", code),
            Self::RateCall { id, stars } => said.field("id", id).field("stars", stars),
            Self::Door { ask } => said.field("ask", ask),
            Self::ForgetCalls { id } | Self::OpenPastChat { id } => said.field("id", id),
            Self::TakeBackCall { id } | Self::SendAgain { id } | Self::ForgetUnfinished { id } => {
                said.field("id", id)
            }
            _ => &mut said,
        };
        said.finish()
    }
}

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CommandError {
    /// For code.
    pub code: CommandErrorCode,
    /// For people.
    pub message: String,
}

/// Why a command was not carried out, as code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CommandErrorCode {
    /// The text holds no usable link.
    BadLink,
    /// It makes no sense now.
    NotNow,
    /// The server's address in the settings is no address.
    BadServer,
    /// Anything else; the message says what.
    Failed,
}
