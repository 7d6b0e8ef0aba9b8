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
fn a_microphone_that_falls_silent_again_is_told_of_again() {
    let situation = |state, no_signal, steady_signal| Situation {
        microphone: Device {
            state,
            ..Device::default()
        },
        no_signal,
        steady_signal,
        ..Situation::default()
    };
    let silent = situation(DeviceState::Running, true, false);
    let mut problems = Problems::default();
    assert_eq!(codes(&mut problems, &silent), [ProblemCode::MicrophoneSilent]);
    problems.dismiss(ProblemCode::MicrophoneSilent);
    // Muted, closed and opened anew, and a click now and then: nobody switched it on by that.
    for (state, no_signal) in [
        (DeviceState::Running, false),
        (DeviceState::Off, false),
        (DeviceState::Starting, false),
        (DeviceState::Running, false),
        (DeviceState::Running, true),
    ] {
        let found = codes(&mut problems, &situation(state, no_signal, false));
        assert_eq!(found, [], "{state:?} {no_signal}");
    }
    let works = situation(DeviceState::Running, false, true);
    assert_eq!(codes(&mut problems, &works), []);
    assert_eq!(
        codes(&mut problems, &silent),
        [ProblemCode::MicrophoneSilent],
        "it worked, and works no more"
    );
}

#[test]
fn what_has_nothing_to_do_with_a_call_stays_away_in_the_next_one() {
    let situation = Situation {
        settings_reset: Some(SetAside {
            path: None,
            reason: "not json".into(),
        }),
        internal: Some("broken".into()),
        ..camera(DeviceState::Missing)
    };
    let all = [
        ProblemCode::NoCamera,
        ProblemCode::Internal,
        ProblemCode::SettingsReset,
    ];
    let mut problems = Problems::default();
    assert_eq!(codes(&mut problems, &situation), all);
    for code in all {
        problems.dismiss(code);
    }
    assert_eq!(codes(&mut problems, &situation), []);
    problems.begin_call();
    assert_eq!(codes(&mut problems, &situation), [ProblemCode::NoCamera]);
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
        steady_signal: false,
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
