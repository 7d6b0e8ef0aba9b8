//! What the person should know or do: from the states of devices and call to sentences. Decides nothing else, does nothing.
//!
//! Owned by the engine's task as a memory of what was dismissed and of which devices ever worked (a camera that is gone is
//! another sentence than one that never was). Time plays no part.

use crate::settings::SetAside;
use crate::view::{CallState, DeviceKind, DeviceState, Problem, ProblemCode, SignalingState};
use std::collections::BTreeSet;

/// What problems are found in.
#[derive(Debug, Clone, Default)]
pub struct Situation {
    /// The camera, when it is wanted.
    pub camera: Device,
    /// The microphone, when it is wanted.
    pub microphone: Device,
    /// The speaker, when it is wanted.
    pub speaker: Device,
    /// The microphone is on and gives nothing, not even noise.
    pub no_signal: bool,
    /// The microphone is on and has given something for a while without a gap, if only noise.
    pub steady_signal: bool,
    /// The person speaks and is muted.
    pub speaking_while_muted: bool,
    /// The call, when there is one.
    pub call: Option<CallSituation>,
    /// What is wrong with a link that was opened from outside the window.
    pub bad_link: Option<String>,
    /// A settings file that was set aside.
    pub settings_reset: Option<SetAside>,
    /// A part that failed.
    pub internal: Option<String>,
}

/// One device's part in a situation.
#[derive(Debug, Clone)]
pub struct Device {
    /// What it does.
    pub state: DeviceState,
    /// What it is called.
    pub name: Option<String>,
    /// What went wrong.
    pub detail: Option<String>,
}

/// The call's part in a situation.
#[derive(Debug, Clone)]
pub struct CallSituation {
    /// How far it is.
    pub state: CallState,
    /// The connection to the server.
    pub signaling: SignalingState,
    /// Why the server is not reached, as a sentence.
    pub signaling_fault: Option<String>,
    /// The person went in, and waits to be in the room.
    pub entering: bool,
    /// The name of somebody whose connection to the server is gone.
    pub away: Option<String>,
}

impl Default for Device {
    fn default() -> Self {
        Self {
            state: DeviceState::Off,
            name: None,
            detail: None,
        }
    }
}

/// What lasts from one situation to the next.
#[derive(Debug, Default)]
pub struct Problems {
    dismissed: BTreeSet<u8>,
    /// Those of the last situation, dismissed or not.
    there: BTreeSet<u8>,
    worked: BTreeSet<u8>,
}

impl Problems {
    /// Another call: what was put away of devices and calls counts no more. What has nothing to do with calls stays away.
    pub fn begin_call(&mut self) {
        self.dismissed.retain(|code| is_one_of(*code, &BESIDE_CALLS));
    }

    /// The person goes into the call with this camera, whose problem stands where its picture would: no need to say it again.
    pub fn accept_camera(&mut self) {
        for code in CAMERA_CODES {
            if self.there.contains(&(code as u8)) {
                self.dismiss(code);
            }
        }
    }

    /// Does not tell this problem again until it was away. A device's is away once the device works: it is closed and opened
    /// on the way from the green room into the call, and nobody mended anything by that. A silent microphone's is away once
    /// it has given something for a while: that shows also while muted, and not at once.
    pub fn dismiss(&mut self, code: ProblemCode) {
        self.dismissed.insert(code as u8);
    }

    /// The problems of a situation that were not dismissed, most urgent first.
    pub fn find(&mut self, situation: &Situation) -> Vec<Problem> {
        let mut found = call_problems(situation.call.as_ref());
        for (kind, device) in [
            (DeviceKind::Microphone, &situation.microphone),
            (DeviceKind::Camera, &situation.camera),
            (DeviceKind::Speaker, &situation.speaker),
        ] {
            found.extend(self.device_problem(kind, device));
        }
        if situation.no_signal && situation.microphone.state == DeviceState::Running {
            let message = "Your microphone gives no sound at all, so nobody can hear you. It may be switched off at the \
                           device or in the system's sound settings; or choose another one.";
            let name = situation.microphone.name.clone();
            found.push(problem(ProblemCode::MicrophoneSilent, message, name));
        }
        found.extend(
            situation
                .bad_link
                .as_ref()
                .map(|message| problem(ProblemCode::BadLink, message, None)),
        );
        if situation.speaking_while_muted {
            let message = "You are muted, and nobody hears you. Unmute to speak.";
            found.push(problem(ProblemCode::SpeakingWhileMuted, message, None));
        }
        found.extend(situation.internal.as_deref().map(internal));
        found.extend(situation.settings_reset.as_ref().map(settings_reset));
        let there: BTreeSet<u8> = found.iter().map(|problem| problem.code as u8).collect();
        let lasts = |code: &u8| there.contains(code) || is_closed(*code, situation);
        self.dismissed.retain(lasts);
        self.there = there;
        found.retain(|problem| !self.dismissed.contains(&(problem.code as u8)));
        found
    }

    fn device_problem(&mut self, kind: DeviceKind, device: &Device) -> Option<Problem> {
        match device.state {
            DeviceState::Off => {
                // Wanted anew later, it is judged anew.
                self.worked.remove(&(kind as u8));
                return None;
            }
            DeviceState::Running => {
                self.worked.insert(kind as u8);
                return None;
            }
            _ => {}
        }
        let worked = self.worked.contains(&(kind as u8));
        let (code, message) = sentence(kind, device.state, worked)?;
        let detail = match (&device.name, &device.detail) {
            (Some(name), Some(detail)) => Some(format!("{name}: {detail}")),
            (name, detail) => detail.clone().or_else(|| name.clone()),
        };
        Some(problem(code, message, detail))
    }
}

/// Whether it is the problem of a device that does not work now, whatever keeps it from being told.
fn is_closed(code: u8, situation: &Situation) -> bool {
    let device = if is_one_of(code, &CAMERA_CODES) {
        &situation.camera
    } else if is_one_of(code, &MICROPHONE_CODES) {
        &situation.microphone
    } else if is_one_of(code, &[ProblemCode::NoSpeaker]) {
        &situation.speaker
    } else {
        let works = situation.microphone.state == DeviceState::Running && situation.steady_signal;
        return is_one_of(code, &[ProblemCode::MicrophoneSilent]) && !works;
    };
    device.state != DeviceState::Running
}

fn is_one_of(code: u8, codes: &[ProblemCode]) -> bool {
    codes.iter().any(|one| *one as u8 == code)
}

const BESIDE_CALLS: [ProblemCode; 2] = [ProblemCode::SettingsReset, ProblemCode::Internal];
const CAMERA_CODES: [ProblemCode; 4] = [
    ProblemCode::NoCamera,
    ProblemCode::CameraBusy,
    ProblemCode::CameraLost,
    ProblemCode::CameraDenied,
];
const MICROPHONE_CODES: [ProblemCode; 3] = [
    ProblemCode::NoMicrophone,
    ProblemCode::MicrophoneLost,
    ProblemCode::MicrophoneDenied,
];

fn problem(code: ProblemCode, message: &str, detail: Option<String>) -> Problem {
    Problem {
        code,
        message: message.to_owned(),
        detail,
    }
}

/// Where the system has a page for it, the window has a button that leads there.
const CAMERA_DENIED: &str = if cfg!(target_os = "linux") {
    "Parley may not use the camera. Add yourself to the group \"video\" and log in again; if Parley runs in a sandbox, allow \
     it the camera there."
} else {
    "Parley may not use the camera. Allow it in the system's privacy settings."
};
const MICROPHONE_DENIED: &str = if cfg!(target_os = "linux") {
    "Parley may not use the microphone. Add yourself to the group \"audio\" and log in again; if Parley runs in a sandbox, \
     allow it the sound there."
} else {
    "Parley may not use the microphone. Allow it in the system's privacy settings."
};

/// What a device's state means to a person; nothing for states that are no problem.
const fn sentence(kind: DeviceKind, state: DeviceState, worked: bool) -> Option<(ProblemCode, &'static str)> {
    use DeviceKind::{Camera, Microphone, Speaker};
    use DeviceState::{Busy, Denied, Failed, Missing};
    Some(match (kind, state, worked) {
        (Camera, Missing, false) => (
            ProblemCode::NoCamera,
            "No camera was found. Plug one in, or go on without a picture.",
        ),
        (Camera, Busy, _) => (
            ProblemCode::CameraBusy,
            "Another program is using the camera. Close it, or choose another camera; Parley keeps trying.",
        ),
        (Camera, Denied, _) => (ProblemCode::CameraDenied, CAMERA_DENIED),
        (Camera, Missing | Failed, _) => (
            ProblemCode::CameraLost,
            "The camera stopped or was unplugged. Plug it in again, or choose another one.",
        ),
        (Microphone, Missing, false) => (
            ProblemCode::NoMicrophone,
            "No microphone was found, so nobody can hear you. Plug one in.",
        ),
        (Microphone, Denied, _) => (ProblemCode::MicrophoneDenied, MICROPHONE_DENIED),
        (Microphone, Missing | Failed, _) => (
            ProblemCode::MicrophoneLost,
            "The microphone stopped or was unplugged. Plug it in again, or choose another one.",
        ),
        (Microphone, Busy, _) => (
            ProblemCode::MicrophoneLost,
            "Another program holds the microphone. Close it, or choose another microphone; Parley keeps trying.",
        ),
        (Speaker, Missing | Failed | Busy | Denied, _) => (
            ProblemCode::NoSpeaker,
            "No speaker or headphones work, so you hear nothing. Plug some in, or choose others.",
        ),
        _ => return None,
    })
}

fn call_problems(call: Option<&CallSituation>) -> Vec<Problem> {
    let mut found = Vec::new();
    let Some(call) = call.filter(|call| call.state != CallState::Ended) else {
        return found;
    };
    if call.state == CallState::Reconnecting {
        let message =
            "Picture and sound stopped coming. Parley is looking for another way to the other side.";
        found.push(problem(ProblemCode::Reconnecting, message, None));
    }
    let media_flows = call.state == CallState::Connected;
    match (&call.signaling_fault, call.signaling) {
        (Some(fault), _) if !media_flows => {
            // A server that never answered is given up, and so is a room that nobody gets into.
            let gives_up = call.signaling == SignalingState::Connecting || call.entering;
            let message = if gives_up {
                format!("{fault} Parley tries for a few more seconds, then gives up.")
            } else {
                format!("{fault} Parley keeps trying.")
            };
            found.push(problem(ProblemCode::ServerUnreachable, &message, None));
        }
        (fault, SignalingState::Reconnecting) => {
            let message = if media_flows {
                "The connection to the server was lost. The call goes on; Parley is connecting again."
            } else {
                "The connection to the server was lost. Parley is connecting again."
            };
            found.push(problem(ProblemCode::ServerUnreachable, message, fault.clone()));
        }
        (_, SignalingState::TakenOver) => {
            let message = "Your place in this room was taken over from another window or computer. The call here goes on, \
                           but once it breaks off it does not come back.";
            found.push(problem(ProblemCode::TakenOver, message, None));
        }
        _ => {}
    }
    if let Some(name) = &call.away {
        let message = if media_flows {
            format!("{name} lost the connection to the server. The call goes on.")
        } else {
            format!("{name} lost the connection. The call goes on as soon as it is back.")
        };
        found.push(problem(ProblemCode::OtherAway, &message, None));
    }
    found
}

fn internal(detail: &str) -> Problem {
    let message = "A part of Parley failed. Starting Parley again may help.";
    problem(ProblemCode::Internal, message, Some(detail.to_owned()))
}

fn settings_reset(aside: &SetAside) -> Problem {
    let message = match &aside.path {
        Some(path) => format!(
            "Your settings could not be read, so Parley starts with fresh ones. The old file was kept as {}.",
            path.display()
        ),
        None => "Your settings could not be read, so Parley starts with fresh ones.".to_owned(),
    };
    problem(ProblemCode::SettingsReset, &message, Some(aside.reason.clone()))
}

#[cfg(test)]
mod tests;
