//! What a window is told and what it may ask: plain data, written out as TypeScript for the UI (`ui/src/lib/bindings.ts`).
//!
//! [`AppState`] is the whole truth a window needs to draw itself; it is sent again, whole, whenever anything in it changes
//! (at most 20 times a second). [`Levels`] and [`StatsSample`] come apart, because they change all the time.

use serde::{Deserialize, Serialize};
use std::fmt;
use ts_rs::TS;

/// Everything a window shows, but for meters, graphs and pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct AppState {
    /// What the app is doing.
    pub phase: Phase,
    /// The call, from the moment a link exists until its end was seen.
    pub call: Option<CallView>,
    /// What there is to choose from, and what is chosen.
    pub devices: DevicesView,
    /// One's own microphone and camera.
    pub local: LocalView,
    /// What the person should know or do, most urgent first.
    pub problems: Vec<Problem>,
    /// What is kept between runs.
    pub settings: Settings,
    /// The version of the app.
    pub version: String,
}

/// What the app is doing; the window's screens follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing yet: start a call or paste a link.
    Home,
    /// A call was chosen; camera and microphone are tried before going in.
    GreenRoom,
    /// In the call (see [`CallView::state`]).
    InCall,
    /// The call is over; [`CallView::ended`] says why.
    Ended,
}

/// One call. Its `Debug` leaves the link out, for the link is the secret.
#[derive(Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct CallView {
    /// The link to send, with its secret.
    pub link: String,
    /// The same for the installed app.
    pub deep_link: String,
    /// Whether this side made the room.
    pub host: bool,
    /// The link leads to this computer: it works for people who can reach it (same network).
    pub served_here: bool,
    /// The link leads to this computer, and no other computer reaches it now (no network): only windows on this computer can
    /// join by it.
    pub only_here: bool,
    /// How far the call is.
    pub state: CallState,
    /// Whether the connection to the server stands (media can go on without).
    pub signaling: SignalingState,
    /// The other people.
    pub people: Vec<PersonView>,
    /// When the other side was first connected, in milliseconds since 1970; absent before.
    #[ts(type = "number | null")]
    pub connected_since_ms: Option<u64>,
    /// Why it ended, once it did.
    pub ended: Option<EndedView>,
}

impl fmt::Debug for CallView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallView")
            .field("host", &self.host)
            .field("served_here", &self.served_here)
            .field("only_here", &self.only_here)
            .field("state", &self.state)
            .field("signaling", &self.signaling)
            .field("people", &self.people)
            .field("connected_since_ms", &self.connected_since_ms)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Getting into the room.
    Joining,
    /// In the room, alone: send the link.
    Waiting,
    /// The other one is there; a way between the two is being found and checked.
    Connecting,
    /// Media flows, the other side is proven genuine.
    Connected,
    /// Media stopped; trying to get it back.
    Reconnecting,
    /// Over.
    Ended,
}

/// The connection to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SignalingState {
    /// Not there yet.
    Connecting,
    /// There.
    Connected,
    /// Lost; trying again.
    Reconnecting,
}

/// Another person in the call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PersonView {
    /// The id, also the frame bridge's tile name.
    pub id: String,
    /// The name.
    pub name: String,
    /// Whether sound comes from them.
    pub microphone_on: bool,
    /// Whether a picture comes from them.
    pub camera_on: bool,
    /// Their connection to the server is gone (media may go on).
    pub away: bool,
    /// The size of the picture that comes, once one came.
    pub video_size: Option<(u32, u32)>,
    /// How good the path to them is.
    pub quality: Quality,
}

/// How good a path is, in three bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// Not measured yet.
    Unknown,
    /// Nothing to complain of.
    Good,
    /// Noticeable.
    Fair,
    /// Bad.
    Poor,
}

/// Why a call is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct EndedView {
    /// For code.
    pub code: EndCode,
    /// For people: what happened and what to do.
    pub message: String,
    /// How long the two were connected, in seconds.
    #[ts(type = "number")]
    pub seconds: u64,
}

/// Why a call is over, as code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum EndCode {
    /// This side hung up.
    HungUp,
    /// The other side hung up.
    OtherLeft,
    /// The other side vanished and did not come back.
    OtherLost,
    /// Media could not be connected or was lost for good.
    ConnectionFailed,
    /// Somebody stands in the middle: the fingerprints do not match.
    NotGenuine,
    /// The server could not be reached.
    ServerUnreachable,
    /// What answered is no Parley server.
    NotAParleyServer,
    /// The server said no; the message tells why.
    Refused,
    /// A fault in Parley.
    Internal,
}

/// Devices to choose from, and the choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct DevicesView {
    /// Cameras.
    pub cameras: Vec<DeviceView>,
    /// Microphones.
    pub microphones: Vec<DeviceView>,
    /// Speakers.
    pub speakers: Vec<DeviceView>,
    /// The chosen camera's id; absent means "the first there is".
    pub camera: Option<String>,
    /// The chosen microphone's id; absent means "what the system uses".
    pub microphone: Option<String>,
    /// The chosen speaker's id; absent means "what the system uses".
    pub speaker: Option<String>,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DeviceView {
    /// Stable through unplug and replug.
    pub id: String,
    /// As people know it.
    pub name: String,
    /// Whether the system would choose it.
    pub is_default: bool,
}

/// One's own side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct LocalView {
    /// Muted: nothing of the microphone leaves this machine.
    pub muted: bool,
    /// Whether the camera is wanted.
    pub camera_on: bool,
    /// What the camera does.
    pub camera: DeviceState,
    /// The name of the camera in use.
    pub camera_name: Option<String>,
    /// The size of one's own picture.
    pub video_size: Option<(u32, u32)>,
    /// What the microphone does.
    pub microphone: DeviceState,
    /// The name of the microphone in use.
    pub microphone_name: Option<String>,
    /// What the speaker does.
    pub speaker: DeviceState,
    /// The name of the speaker in use.
    pub speaker_name: Option<String>,
    /// A test sound is playing.
    pub speaker_test_playing: bool,
}

/// What a device does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// Not wanted now.
    Off,
    /// Being opened.
    Starting,
    /// Working.
    Running,
    /// None is there.
    Missing,
    /// Another program has it.
    Busy,
    /// The system does not allow it.
    Denied,
    /// It failed or was unplugged; it is tried again.
    Failed,
}

/// Something the person should know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Problem {
    /// For code (which icon, which button).
    pub code: ProblemCode,
    /// One sentence: what is wrong and what to do.
    pub message: String,
    /// What can be copied into a report.
    pub detail: Option<String>,
}

/// The banners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// There is no camera.
    NoCamera,
    /// Another program has the camera.
    CameraBusy,
    /// The camera was unplugged or stopped.
    CameraLost,
    /// The system does not let Parley use the camera.
    CameraDenied,
    /// There is no microphone.
    NoMicrophone,
    /// The microphone was unplugged or stopped.
    MicrophoneLost,
    /// The system does not let Parley use the microphone.
    MicrophoneDenied,
    /// There is no speaker.
    NoSpeaker,
    /// The person speaks, but is muted.
    SpeakingWhileMuted,
    /// The server cannot be reached.
    ServerUnreachable,
    /// The other side's picture and sound stopped coming; a new way is being looked for.
    Reconnecting,
    /// The other side lost the server or left.
    OtherAway,
    /// What was pasted is no link, or the link leads nowhere.
    BadLink,
    /// The settings file could not be read and was set aside.
    SettingsReset,
    /// A part of Parley failed.
    Internal,
}

/// What is kept between runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct Settings {
    /// The version of this file's layout.
    pub version: u32,
    /// The name others see.
    pub name: String,
    /// The server to start calls on (`https://host[:port]`); empty: this computer.
    pub server: String,
    /// The chosen camera.
    pub camera: Option<String>,
    /// The chosen microphone.
    pub microphone: Option<String>,
    /// The chosen speaker.
    pub speaker: Option<String>,
    /// The voice chain's switches.
    pub voice: VoiceSwitches,
    /// One's own picture is shown as in a mirror.
    pub mirror: bool,
    /// Dark, light, or as the system has it.
    pub appearance: Appearance,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: 1,
            name: String::new(),
            server: String::new(),
            camera: None,
            microphone: None,
            speaker: None,
            voice: VoiceSwitches::default(),
            mirror: true,
            appearance: Appearance::System,
        }
    }
}

/// The voice chain's switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct VoiceSwitches {
    /// Takes the speaker's sound out of the microphone's.
    pub echo_cancellation: bool,
    /// Takes fans and keyboards out.
    pub noise_suppression: bool,
    /// Brings the voice to an even level (never touches the system's).
    pub gain_control: bool,
}

impl Default for VoiceSwitches {
    fn default() -> Self {
        Self {
            echo_cancellation: true,
            noise_suppression: true,
            gain_control: true,
        }
    }
}

/// Colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Appearance {
    /// As the system has it.
    System,
    /// Dark.
    Dark,
    /// Light.
    Light,
}

/// A change of settings: only what is present changes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(optional_fields)]
pub struct SettingsPatch {
    /// See [`Settings::name`].
    pub name: Option<String>,
    /// See [`Settings::server`].
    pub server: Option<String>,
    /// See [`Settings::voice`].
    pub voice: Option<VoiceSwitches>,
    /// See [`Settings::mirror`].
    pub mirror: Option<bool>,
    /// See [`Settings::appearance`].
    pub appearance: Option<Appearance>,
}

/// The kinds of device a person chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// Camera.
    Camera,
    /// Microphone.
    Microphone,
    /// Speaker.
    Speaker,
}

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
    /// Changes settings.
    ChangeSettings {
        /// What changes.
        patch: SettingsPatch,
    },
    /// Opens camera and microphone for settings and green room while no call is on; closes them again.
    SetPreview {
        /// Open.
        on: bool,
    },
    /// Takes a problem off the list until it comes anew.
    DismissProblem {
        /// Which.
        code: ProblemCode,
    },
}

impl fmt::Debug for AppCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = match self {
            Self::StartCall => f.debug_struct("StartCall"),
            Self::OpenLink { text: _ } => return f.debug_struct("OpenLink").finish_non_exhaustive(),
            Self::Join => f.debug_struct("Join"),
            Self::Leave => f.debug_struct("Leave"),
            Self::SetMuted { .. } => f.debug_struct("SetMuted"),
            Self::SetCameraOn { .. } => f.debug_struct("SetCameraOn"),
            Self::ChooseDevice { .. } => f.debug_struct("ChooseDevice"),
            Self::RefreshDevices => f.debug_struct("RefreshDevices"),
            Self::TestSpeaker => f.debug_struct("TestSpeaker"),
            Self::ChangeSettings { .. } => f.debug_struct("ChangeSettings"),
            Self::SetPreview { .. } => f.debug_struct("SetPreview"),
            Self::DismissProblem { .. } => f.debug_struct("DismissProblem"),
        };
        match self {
            Self::SetMuted { muted } => said.field("muted", muted),
            Self::SetCameraOn { on } | Self::SetPreview { on } => said.field("on", on),
            Self::ChooseDevice { kind, id } => said.field("kind", kind).field("id", id),
            Self::ChangeSettings { patch } => said.field("patch", patch),
            Self::DismissProblem { code } => said.field("code", code),
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

/// Meters, about 15 times a second while a microphone is open. 0.0 is silence, 1.0 as loud as it gets, already shaped for
/// a meter (decibels from -60 to 0).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Levels {
    /// One's own microphone, also while muted.
    pub microphone: f32,
    /// What the speaker plays.
    pub speaker: f32,
    /// The other people.
    pub people: Vec<PersonLevel>,
}

/// The meter of one person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PersonLevel {
    /// Who.
    pub id: String,
    /// How loud.
    pub level: f32,
}

/// One second of a call in figures.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, TS)]
pub struct StatsSample {
    /// Milliseconds since the call was joined.
    #[ts(type = "number")]
    pub at_ms: u64,
    /// Round trip to the other side, in milliseconds.
    pub rtt_ms: Option<f32>,
    /// What the path is thought to carry, in kbit/s.
    pub estimate_kbps: Option<u32>,
    /// What leaves, in kbit/s.
    pub sent_kbps: u32,
    /// What comes, in kbit/s.
    pub received_kbps: u32,
    /// Packets lost on the way to here in this second, in percent.
    pub loss_in_pct: f32,
    /// Packets lost on the way to the other side, in percent, as told by them.
    pub loss_out_pct: f32,
    /// Pictures encoded and sent in this second.
    pub fps_sent: f32,
    /// Pictures decoded in this second.
    pub fps_received: f32,
    /// The size sent.
    pub sent_size: Option<(u32, u32)>,
    /// The size received.
    pub received_size: Option<(u32, u32)>,
    /// How long sound waits in the jitter buffer, in milliseconds.
    pub jitter_buffer_ms: Option<f32>,
    /// Sound that was invented for lost packets, in percent of this second.
    pub concealed_pct: f32,
    /// How the two reach each other, in words ("direct, UDP, 192.168.…").
    pub path: Option<String>,
    /// Counters of everything that was dropped anywhere, by name.
    #[ts(type = "Record<string, number>")]
    pub drops: std::collections::BTreeMap<String, u64>,
}

/// Where the window gets its pictures: a WebSocket on this machine only. Its `Debug` leaves the token out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FrameBridgeInfo {
    /// `ws://127.0.0.1:PORT/frames`.
    pub url: String,
    /// Said first, once a connection; good for this run of the app.
    pub token: String,
}

impl fmt::Debug for FrameBridgeInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameBridgeInfo")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_printed_for_debugging() {
        const SECRET: &str = "Zk1vQ0x3bW9wUXJzVHV2dw";
        let call = CallView {
            link: format!("http://192.168.1.20:7788/r/room#{SECRET}"),
            deep_link: format!("parley://join/192.168.1.20:7788/room#{SECRET}"),
            host: true,
            served_here: true,
            only_here: false,
            state: CallState::Waiting,
            signaling: SignalingState::Connected,
            people: Vec::new(),
            connected_since_ms: None,
            ended: None,
        };
        let text = call.link.clone();
        let bridge = FrameBridgeInfo {
            url: "ws://127.0.0.1:1/frames".into(),
            token: SECRET.into(),
        };
        for printed in [
            format!("{call:?}"),
            format!("{:#?}", AppCommand::OpenLink { text }),
            format!("{bridge:?}"),
        ] {
            assert!(!printed.contains(SECRET), "{printed}");
        }
        let muted = AppCommand::SetMuted { muted: true };
        assert_eq!(format!("{muted:?}"), "SetMuted { muted: true }");
        assert_eq!(format!("{:?}", AppCommand::Join), "Join");
    }
}
