use super::*;
use crate::view::{
    CallView, Delivery, DesktopView, DevicesView, EndedView, HistoryView, LocalView, MessageView, PersonView,
    PictureState, Quality, Settings, SignalingState,
};

pub(super) fn state(phase: Phase, people: &[&str]) -> AppState {
    let person = |name: &&str| PersonView {
        id: format!("id-{name}"),
        name: (*name).to_owned(),
        host: false,
        microphone_on: true,
        camera_on: true,
        hand_raised: false,
        hand_place: None,
        recording: false,
        away: false,
        picture: PictureState::Flows,
        video_size: None,
        screen_on: false,
        screen: PictureState::Off,
        screen_size: None,
        volume_pct: 100,
        takes_files: true,
        offences: None,
        stalled: false,
        quality: Quality::Good,
    };
    AppState {
        phase,
        call: (phase != Phase::Home).then(|| CallView {
            link: String::new(),
            deep_link: String::new(),
            host: true,
            served_here: true,
            only_here: false,
            state: if people.is_empty() {
                CallState::Waiting
            } else {
                CallState::Connected
            },
            signaling: SignalingState::Connected,
            end_to_end: true,
            me: None,
            part: crate::view::PartView::Speaks,
            people: people.iter().map(person).collect(),
            listeners: Vec::new(),
            hand_place: None,
            spotlight: None,
            group: None,
            connected_since_ms: None,
            past: None,
            door: crate::view::DoorView::default(),
            ended: None,
        }),
        devices: DevicesView::default(),
        local: LocalView {
            camera_on: true,
            ..LocalView::default()
        },
        share: crate::view::ShareView::default(),
        recording: crate::view::RecordingView::default(),
        problems: Vec::new(),
        history: HistoryView::default(),
        desktop: DesktopView::default(),
        network: crate::view::NetworkCheckView::default(),
        settings: Settings {
            language: Language::En,
            ..Settings::default()
        },
        folders: crate::view::FoldersView::default(),
        version: String::new(),
    }
}

fn ended(code: EndCode) -> AppState {
    let mut state = state(Phase::Ended, &[]);
    if let Some(call) = &mut state.call {
        call.ended = Some(EndedView {
            code,
            message: "Ben hung up.".into(),
            seconds: 7,
        });
    }
    state
}

/// All that was asked for over these states, but for the tray and memory, which have tests of their own.
fn asked(watched: bool, states: &[AppState]) -> Vec<Deed> {
    let mut citizen = Citizen::new("C");
    let deeds = states.iter().flat_map(|state| citizen.follow(state, watched));
    deeds
        .filter(|deed| !matches!(deed, Deed::Tray(_) | Deed::GiveBackMemory))
        .collect()
}

fn notice(title: &str, body: &str) -> Deed {
    Deed::Notify {
        title: title.into(),
        body: body.into(),
        action: "Show Parley".into(),
        topic: NoticeTopic::Call,
    }
}

fn wrote(id: &str, author: Option<&str>, text: &str) -> MessageView {
    MessageView {
        id: id.into(),
        author: author.map(str::to_owned),
        name: "Ben".into(),
        text: text.into(),
        at_ms: 0,
        delivery: Delivery::Delivered,
    }
}

#[test]
fn what_is_written_is_told_once_while_nobody_looks_and_a_flood_is_not() {
    let in_call = state(Phase::InCall, &["Ben"]);
    let mut citizen = Citizen::new("C");
    let mut talk = TalkView::default();
    let mut told = |talk: &TalkView, state: &AppState, watched| {
        let deeds = citizen.hear(talk, state, watched);
        let words = deeds.into_iter().map(|deed| match deed {
            Deed::Notify {
                title, body, topic, ..
            } => (title, body, topic),
            other => panic!("{other:?}"),
        });
        words.collect::<Vec<_>>()
    };
    let hello = ("Ben wrote".to_owned(), "Hello you".to_owned(), NoticeTopic::Chat);
    talk.messages = vec![wrote("1", Some("b"), "Hello\nyou"), wrote("2", None, "my own")];
    assert_eq!(told(&talk, &in_call, false), [hello]);
    assert_eq!(told(&talk, &in_call, false), [], "once");
    talk.messages.push(wrote("3", Some("b"), "seen"));
    assert_eq!(told(&talk, &in_call, true), [], "the person sees it");
    assert_eq!(told(&talk, &in_call, false), [], "and saw it");

    for number in 10..100 {
        talk.messages
            .push(wrote(&number.to_string(), Some("b"), &"x".repeat(10_000)));
    }
    let flood = told(&talk, &in_call, false);
    assert_eq!(flood.len(), TALK_TOLD_MAX);
    assert!(
        flood
            .iter()
            .all(|(_, body, _)| body.chars().count() == WORDS_CHARS_MAX + 1)
    );
    talk.messages.push(wrote("100", Some("b"), "more"));
    assert_eq!(told(&talk, &in_call, false), []);
    told(&talk, &in_call, true);
    talk.messages.push(wrote("101", Some("b"), "after a look"));
    assert_eq!(told(&talk, &in_call, false).len(), 1);

    let mut quiet = in_call.clone();
    quiet.settings.desktop.notifications = false;
    talk.messages.push(wrote("102", Some("b"), "psst"));
    assert_eq!(told(&talk, &quiet, false), [], "the person wants none");
}

#[test]
fn the_system_is_kept_awake_for_as_long_as_a_call() {
    let states = [
        state(Phase::Home, &[]),
        state(Phase::InCall, &[]),
        state(Phase::InCall, &["Ben"]),
        ended(EndCode::HungUp),
        state(Phase::Home, &[]),
    ];
    let expect = [Deed::StayAwake(Some("In a call".into())), Deed::StayAwake(None)];
    assert_eq!(asked(true, &states), expect);
}

#[test]
fn a_recording_that_begins_is_told_of_to_a_person_who_does_not_look() {
    let recorded = |recording, notifications| {
        let mut state = state(Phase::InCall, &["Ben"]);
        state.settings.desktop.notifications = notifications;
        if let Some(call) = &mut state.call {
            call.people[0].recording = recording;
        }
        state
    };
    let told = |watched, states: &[AppState]| -> Vec<Deed> {
        let mut deeds = asked(watched, states);
        deeds.retain(|deed| matches!(deed, Deed::Notify { .. }));
        deeds
    };
    let states = [false, true, false, true].map(|recording| recorded(recording, false));
    let begins = notice("Ben is recording this call", "");
    assert_eq!(told(false, &states), [begins.clone(), begins]);
    assert_eq!(told(true, &states), [], "the window says it");
    let often: Vec<AppState> = (0..100).map(|n| recorded(n % 2 == 1, true)).collect();
    assert_eq!(told(false, &often).len(), RECORDINGS_TOLD_MAX);
}

#[test]
fn who_comes_and_that_the_call_is_over_is_told_once_while_nobody_looks() {
    let states = [
        state(Phase::InCall, &[]),
        state(Phase::InCall, &["Ben"]),
        state(Phase::InCall, &[]),
        state(Phase::InCall, &["Ben"]),
        ended(EndCode::OtherLeft),
    ];
    let told: Vec<Deed> = asked(false, &states)
        .into_iter()
        .filter(|deed| matches!(deed, Deed::Notify { .. }))
        .collect();
    let expect = [
        notice("Ben joined the call", ""),
        notice("The call is over", "Ben hung up."),
    ];
    assert_eq!(told, expect);
    let told = |watched, states: &[AppState]| {
        let deeds = asked(watched, states);
        deeds.iter().any(|deed| matches!(deed, Deed::Notify { .. }))
    };
    assert!(!told(true, &states), "the person sees it");
    let quiet: Vec<AppState> = states
        .iter()
        .cloned()
        .map(|mut state| {
            state.settings.desktop.notifications = false;
            state
        })
        .collect();
    assert!(!told(false, &quiet), "the person wants none");
    let left = [state(Phase::InCall, &["Ben"]), ended(EndCode::HungUp)];
    assert!(!told(false, &left), "who hangs up knows it");
}

#[test]
fn a_flood_of_people_is_not_a_flood_of_notifications() {
    let mut citizen = Citizen::new("C");
    citizen.follow(&state(Phase::InCall, &[]), false);
    let told: usize = (0..1000)
        .map(|number| {
            let name = format!("{number}{}", "x".repeat(500));
            let deeds = citizen.follow(&state(Phase::InCall, &[name.as_str()]), false);
            let titles = deeds.iter().filter_map(|deed| match deed {
                Deed::Notify { title, .. } => Some(title.chars().count()),
                _ => None,
            });
            titles.inspect(|length| assert!(*length < 80, "{length}")).count()
        })
        .sum();
    assert_eq!(told, TOLD_MAX);
}

#[test]
fn of_a_group_only_the_first_who_come_are_told() {
    let names: Vec<String> = (0..20).map(|number| format!("Person {number}")).collect();
    let mut citizen = Citizen::new("C");
    let told = (0..=names.len()).map(|many| {
        let there: Vec<&str> = names.iter().take(many).map(String::as_str).collect();
        let deeds = citizen.follow(&state(Phase::InCall, &there), false);
        let notices = deeds.iter().filter(|deed| matches!(deed, Deed::Notify { .. }));
        notices.count()
    });
    assert_eq!(told.sum::<usize>(), FEW);
}

#[test]
fn the_tray_offers_what_makes_sense() {
    let shown = |state: &AppState| {
        let tray = tray(state, &Words::of(Language::En, Language::En));
        (tray.tooltip, tray.mute, tray.leave)
    };
    let mut muted = state(Phase::InCall, &["Ben"]);
    muted.local.muted = true;
    for (state, tooltip, mute, leave) in [
        (state(Phase::Home, &[]), "Parley", None, None),
        (state(Phase::GreenRoom, &[]), "Parley", Some("Mute"), None),
        (
            state(Phase::InCall, &[]),
            "Parley: Waiting for others",
            Some("Mute"),
            Some("Leave call"),
        ),
        (
            state(Phase::InCall, &["Ben"]),
            "Parley: In a call",
            Some("Mute"),
            Some("Leave call"),
        ),
        (
            muted,
            "Parley: In a call, muted",
            Some("Unmute"),
            Some("Leave call"),
        ),
        (ended(EndCode::OtherLeft), "Parley", None, None),
    ] {
        let expect = (
            tooltip.to_owned(),
            mute.map(str::to_owned),
            leave.map(str::to_owned),
        );
        assert_eq!(shown(&state), expect);
    }
    let mut citizen = Citizen::new("de_DE.UTF-8");
    let mut german = state(Phase::Home, &[]);
    german.settings.language = Language::System;
    let Some(Deed::Tray(tray)) = citizen.follow(&german, true).pop() else {
        panic!("no tray")
    };
    assert_ne!(tray.quit, "Quit Parley", "the system speaks German");
    assert_eq!(citizen.follow(&german, true), [], "nothing new, nothing to do");
}

#[test]
fn keys_and_start_at_login_follow_the_settings() {
    let mut with_key = state(Phase::Home, &[]);
    with_key.settings.desktop.talk_key = "F9".into();
    with_key.settings.desktop.autostart = true;
    let keys = |talk: &str| {
        Deed::Keys(KeysWish {
            mute: String::new(),
            talk: talk.into(),
            mute_words: String::new(),
            talk_words: if talk.is_empty() { "" } else { "Talk while held" }.into(),
        })
    };
    let plain = state(Phase::Home, &[]);
    // At the start the keys are asked for, and start at login is left as it is.
    assert_eq!(
        asked(true, &[with_key.clone(), plain]),
        [keys("F9"), keys(""), Deed::Autostart(false)]
    );
    assert_eq!(asked(true, &[with_key.clone(), with_key]), [keys("F9")]);
}

#[test]
fn memory_is_given_back_once_the_app_stands_and_after_each_call() {
    let mut citizen = Citizen::new("en_GB.UTF-8");
    let mut gives_back = |phase, people: &[&str]| {
        let deeds = citizen.follow(&state(phase, people), true);
        deeds.contains(&Deed::GiveBackMemory)
    };
    assert!(gives_back(Phase::Home, &[]), "it was started");
    assert!(!gives_back(Phase::Home, &[]));
    assert!(!gives_back(Phase::InCall, &["Ben"]));
    assert!(!gives_back(Phase::InCall, &[]));
    assert!(gives_back(Phase::Home, &[]), "a call is over");
    assert!(!gives_back(Phase::Home, &[]));
}
