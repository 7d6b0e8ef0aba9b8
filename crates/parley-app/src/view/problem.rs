//! What the person should know or do, as banners.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

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
    /// The microphone is on and gives nothing, not even noise.
    MicrophoneSilent,
    /// There is no speaker.
    NoSpeaker,
    /// The person speaks, but is muted.
    SpeakingWhileMuted,
    /// The server cannot be reached.
    ServerUnreachable,
    /// Another window or computer has this side's place in the room.
    TakenOver,
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
