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
    /// Another call: what was put away in the last one counts no more.
    pub fn begin_call(&mut self) {
        self.dismissed.clear();
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
    /// on the way from the green room into the call, and nobody mended anything by that.
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
    let is = |codes: &[ProblemCode]| codes.iter().any(|one| *one as u8 == code);
    let device = if is(&CAMERA_CODES) {
        &situation.camera
    } else if is(&MICROPHONE_CODES) {
        &situation.microphone
    } else if is(&[ProblemCode::NoSpeaker]) {
        &situation.speaker
    } else {
        // Whether a microphone gives a signal shows only after a while.
        return is(&[ProblemCode::MicrophoneSilent]);
    };
    device.state != DeviceState::Running
}

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
mod tests {
    use super::*;

    fn camera(state: DeviceState) -> Situation {
        Situation {
            camera: Device {
                state,
                ..Device::default()
            },
            ..Situation::default()
        }
    }

    fn codes(problems: &mut Problems, situation: &Situation) -> Vec<ProblemCode> {
        problems
            .find(situation)
            .iter()
            .map(|problem| problem.code)
            .collect()
    }

    #[test]
    fn a_camera_that_is_gone_is_told_from_one_that_never_was() {
        let mut problems = Problems::default();
        let mut check = |state, expect: &[ProblemCode]| {
            assert_eq!(codes(&mut problems, &camera(state)), expect, "{state:?}");
        };
        check(DeviceState::Starting, &[]);
        check(DeviceState::Missing, &[ProblemCode::NoCamera]);
        check(DeviceState::Busy, &[ProblemCode::CameraBusy]);
        check(DeviceState::Running, &[]);
        check(DeviceState::Missing, &[ProblemCode::CameraLost]);
        check(DeviceState::Failed, &[ProblemCode::CameraLost]);
        check(DeviceState::Off, &[]);
        check(DeviceState::Missing, &[ProblemCode::NoCamera]);
    }

    #[test]
    fn a_microphone_that_gives_nothing_is_told_of_only_while_it_runs() {
        let check = |state, no_signal, expect: &[ProblemCode]| {
            let situation = Situation {
                microphone: Device {
                    state,
                    ..Device::default()
                },
                no_signal,
                ..Situation::default()
            };
            let found = Problems::default().find(&situation);
            assert!(
                found
                    .iter()
                    .map(|problem| problem.code)
                    .eq(expect.iter().copied())
            );
            for problem in found {
                assert!(
                    crate::sentences::is_known(&problem.message),
                    "{}",
                    problem.message
                );
            }
        };
        check(DeviceState::Running, false, &[]);
        check(DeviceState::Running, true, &[ProblemCode::MicrophoneSilent]);
        check(DeviceState::Missing, true, &[ProblemCode::NoMicrophone]);
    }

    #[test]
    fn a_dismissed_problem_comes_back_only_when_it_comes_anew() {
        let mut problems = Problems::default();
        let busy = camera(DeviceState::Busy);
        assert_eq!(codes(&mut problems, &busy), [ProblemCode::CameraBusy]);
        problems.dismiss(ProblemCode::CameraBusy);
        assert_eq!(codes(&mut problems, &busy), []);
        assert_eq!(codes(&mut problems, &camera(DeviceState::Running)), []);
        assert_eq!(codes(&mut problems, &busy), [ProblemCode::CameraBusy]);
    }

    #[test]
    fn what_was_put_away_in_the_green_room_does_not_come_back_in_the_call_but_in_the_next_one() {
        let deaf = |state| Situation {
            microphone: Device {
                state,
                ..Device::default()
            },
            ..camera(state)
        };
        let mut problems = Problems::default();
        let both = [ProblemCode::NoMicrophone, ProblemCode::NoCamera];
        assert_eq!(codes(&mut problems, &deaf(DeviceState::Missing)), both);
        problems.dismiss(ProblemCode::NoMicrophone);
        problems.accept_camera();
        // Closed and opened anew.
        for state in [
            DeviceState::Missing,
            DeviceState::Off,
            DeviceState::Starting,
            DeviceState::Missing,
        ] {
            assert_eq!(codes(&mut problems, &deaf(state)), [], "{state:?}");
        }
        problems.begin_call();
        assert_eq!(codes(&mut problems, &deaf(DeviceState::Missing)), both);

        // Of a camera that worked in the green room nothing was accepted.
        let mut problems = Problems::default();
        assert_eq!(codes(&mut problems, &camera(DeviceState::Running)), []);
        problems.accept_camera();
        assert_eq!(codes(&mut problems, &camera(DeviceState::Off)), []);
        assert_eq!(
            codes(&mut problems, &camera(DeviceState::Busy)),
            [ProblemCode::CameraBusy]
        );
    }

    #[test]
    fn a_lost_server_is_no_alarm_while_media_flows() {
        let situation = |state, signaling_fault: Option<&str>| Situation {
            call: Some(CallSituation {
                state,
                signaling: SignalingState::Reconnecting,
                signaling_fault: signaling_fault.map(str::to_owned),
                entering: false,
                away: None,
            }),
            ..Situation::default()
        };
        let mut problems = Problems::default();
        let mut message = |situation: &Situation| problems.find(situation)[0].message.clone();
        let fault = Some("The server does not answer.");
        assert!(message(&situation(CallState::Connected, fault)).contains("The call goes on"));
        let joining = situation(CallState::Joining, fault);
        assert_eq!(
            message(&joining),
            "The server does not answer. Parley keeps trying."
        );
        for (signaling, entering) in [
            (SignalingState::Connecting, false),
            (SignalingState::Reconnecting, true),
        ] {
            let mut given_up = joining.clone();
            if let Some(call) = &mut given_up.call {
                (call.signaling, call.entering) = (signaling, entering);
            }
            assert!(
                message(&given_up).ends_with("then gives up."),
                "{signaling:?} {entering}"
            );
        }
        let mut taken_over = situation(CallState::Connected, None);
        if let Some(call) = &mut taken_over.call {
            call.signaling = SignalingState::TakenOver;
        }
        let taken_over = message(&taken_over);
        assert!(taken_over.contains("taken over") && crate::sentences::is_known(&taken_over));
        assert_eq!(
            codes(&mut Problems::default(), &situation(CallState::Ended, fault)),
            []
        );
    }

    #[test]
    fn what_a_device_state_means_can_be_said_in_every_language() {
        use DeviceState::{Busy, Denied, Failed, Missing};
        for kind in [DeviceKind::Camera, DeviceKind::Microphone, DeviceKind::Speaker] {
            for (state, worked) in [
                (Missing, false),
                (Missing, true),
                (Busy, true),
                (Denied, false),
                (Failed, true),
            ] {
                let (_, message) = sentence(kind, state, worked).unwrap();
                assert!(crate::sentences::is_known(message), "{message}");
            }
        }
    }

    #[test]
    fn the_most_urgent_comes_first_and_every_one_is_a_sentence() {
        let lost = Device {
            state: DeviceState::Failed,
            name: Some("Desk".into()),
            detail: Some("ENODEV".into()),
        };
        let situation = Situation {
            camera: lost.clone(),
            microphone: lost.clone(),
            speaker: lost,
            no_signal: true,
            speaking_while_muted: true,
            call: Some(CallSituation {
                state: CallState::Reconnecting,
                signaling: SignalingState::Reconnecting,
                signaling_fault: None,
                entering: false,
                away: Some("Bo".into()),
            }),
            bad_link: Some("This is not a Parley link. A link looks like https://host/r/room#secret.".into()),
            settings_reset: Some(SetAside {
                path: None,
                reason: "not json".into(),
            }),
            internal: Some("broken".into()),
        };
        let found = Problems::default().find(&situation);
        assert_eq!(found.len(), 10);
        assert_eq!(found[0].code, ProblemCode::Reconnecting);
        assert_eq!(found[3].detail.as_deref(), Some("Desk: ENODEV"));
        for problem in &found {
            assert!(problem.message.ends_with('.'), "{}", problem.message);
            assert!(
                crate::sentences::is_known(&problem.message),
                "{}",
                problem.message
            );
        }
    }
}
