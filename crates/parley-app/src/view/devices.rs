//! Devices to choose from, and one's own side.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Devices to choose from, and the choice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
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
    /// What happened to devices by itself, oldest first; only the last few.
    pub news: Vec<DeviceNews>,
}

/// Something that happened to a device without the person's doing in this window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DeviceNews {
    /// Counts up, so that each is told once.
    pub number: u32,
    /// Of which kind.
    pub kind: DeviceKind,
    /// What.
    pub event: DeviceEvent,
    /// The device that came, or that is used now.
    pub name: String,
    /// The device that was used before.
    pub before: Option<String>,
}

/// What happened to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DeviceEvent {
    /// What was used is gone; another one is used now.
    Unplugged,
    /// Another one is used now: the chosen one came back, or the system's default is another.
    Switched,
    /// One more is there to choose.
    Added,
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
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
pub struct LocalView {
    /// Muted: nothing of the microphone leaves this machine.
    pub muted: bool,
    /// The microphone is open only because a key is held.
    pub talking: bool,
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
    /// What the echo test does.
    pub echo_test: EchoTest,
}

/// "Say something, hear yourself."
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum EchoTest {
    /// Nothing.
    #[default]
    Off,
    /// It listens, for about four seconds.
    Recording,
    /// It plays what it heard.
    Playing,
    /// It heard nothing. Until the next test.
    HeardNothing,
}

/// What a device does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// Not wanted now.
    #[default]
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
