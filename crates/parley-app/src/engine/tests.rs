//! Whole engines, as windows use them: with made pictures and sound, their own embedded server, and the real call between.

use super::*;
use crate::endpoint::SELF_TILE;
use crate::sources::{PictureSource, SoundSink, SoundSource};
use crate::store::{Store, Unfinished};
use crate::view::{
    CallState, Delivery, DesktopView, DeviceState, DoorAsk, EchoTest, EndCode, MessageView, PartView,
    PastCallView, Phase, PictureState, ProblemCode, ReactionKind, SettingsPatch, TileLook, TileWeight,
    TransferStage, UpdateState, UpdateView,
};
use parley_media::slot::Taken;
use parley_proto::Resolution;
use std::time::Duration;

mod person;

use person::{Person, SOON, person, person_in};

#[tokio::test(flavor = "multi_thread")]
async fn two_people_call_each_other_from_this_computer() {
    let ada = person(None);
    let patch = SettingsPatch {
        keep_chat: Some(true),
        ..SettingsPatch::default()
    };
    ada.does(AppCommand::ChangeSettings { patch }).await;
    ada.does(AppCommand::StartCall).await;
    let green_room = ada.sees("a link", |state| state.call.is_some()).await;
    assert_eq!(green_room.phase, Phase::GreenRoom);
    let call = green_room.call.unwrap();
    assert!(call.host && call.served_here);
    ada.is_shown(SELF_TILE).await;
    ada.does(AppCommand::Join).await;
    ada.sees("the room", |state| has_state(state, CallState::Waiting))
        .await;

    let ben = person(Some(format!("come: {}", call.link)));
    ben.sees("the green room", |state| state.phase == Phase::GreenRoom)
        .await;
    ben.does(AppCommand::Join).await;
    for (one, name) in [(&ada, "Ben"), (&ben, "Ada")] {
        let state = one
            .sees(name, |state| {
                has_state(state, CallState::Connected) && other(state).is_some_and(|other| other.camera_on)
            })
            .await;
        let id = other(&state).unwrap().id.clone();
        one.sees("their tile", |_| one.engine.frames(&id).is_some()).await;
        one.is_shown(&id).await;
        assert!(state.call.unwrap().connected_since_ms.is_some());
    }

    let of_ada = other(&ben.engine.state().borrow()).unwrap().id.clone();
    let frames = ben.engine.frames(&of_ada).unwrap();
    ben.measures("a watched picture", |sample| sample.fps_received > 1.0)
        .await;
    drop(frames);
    ben.measures("no decoding for nobody", |sample| {
        sample.fps_received == 0.0 && sample.received_kbps > 0
    })
    .await;
    ben.is_shown(&of_ada).await;

    let inspected = ben.engine.inspected().await;
    let at: Vec<u64> = inspected.seconds.iter().map(|second| second.at_ms).collect();
    assert!(at.len() > 1 && at.is_sorted(), "oldest first: {at:?}");
    assert!(!inspected.view.events.is_empty());

    is_told_of_two(&ada, &ben, &of_ada).await;
    turn_down_and_up(&ben, &of_ada).await;
    talk_to_each_other(&ada, &ben).await;
    hand_over_a_file(&ada, &ben).await;

    ada.does(AppCommand::SetMuted { muted: true }).await;
    ben.sees("the mute", |state| {
        other(state).is_some_and(|other| !other.microphone_on)
    })
    .await;
    ada.does(AppCommand::SetCameraOn { on: false }).await;
    ben.sees("the dark camera", |state| {
        other(state).is_some_and(|other| !other.camera_on)
    })
    .await;
    ada.sees("the closed camera", |state| {
        state.local.camera == DeviceState::Off
    })
    .await;
    assert!(ada.engine.frames(SELF_TILE).is_none());
    ada.does(AppCommand::SetCameraOn { on: true }).await;
    ben.sees("the camera again", |state| {
        other(state).is_some_and(|other| other.camera_on)
    })
    .await;

    ben.does(AppCommand::Leave).await;
    let ended = ben.sees("the end", |state| state.phase == Phase::Ended).await;
    assert_eq!(ended.call.unwrap().ended.unwrap().code, EndCode::HungUp);
    let ended = ada.sees("the end", |state| state.phase == Phase::Ended).await;
    assert_eq!(ended.call.unwrap().ended.unwrap().code, EndCode::OtherLeft);
    assert_eq!(ended.local.microphone, DeviceState::Off, "devices are given back");
    ada.remembers_ben_until_asked_to_forget().await;
    ada.does(AppCommand::Leave).await;
    ada.sees("home", |state| state.phase == Phase::Home && state.call.is_none())
        .await;
    ada.engine.hang_up(SOON).await;
    ben.engine.hang_up(SOON).await;
}

/// A call of two that goes directly: how the picture comes, whose hand went up first, what was sent.
async fn is_told_of_two(ada: &Person, ben: &Person, of_ada: &str) {
    // Only what somebody watches is decoded.
    let _watched = ben.engine.frames(of_ada).unwrap();
    let look = AppCommand::Look {
        tiles: vec![TileLook {
            tile: of_ada.to_owned(),
            width: 640,
            height: 360,
            weight: TileWeight::Large,
        }],
    };
    ben.does(look).await;
    let flows = |state: &AppState| other(state).is_some_and(|other| other.picture == PictureState::Flows);
    let call = ben.sees("a picture that flows", flows).await.call.unwrap();
    assert!(call.end_to_end && call.group.is_none() && call.me.is_some_and(|me| me != of_ada));
    assert!(call.people[0].host && !call.people[0].stalled);
    ben.measures("her figures", |sample| {
        let hers = sample.people.iter().find(|person| person.id == of_ada);
        hers.is_some_and(|hers| hers.fps > 1.0 && hers.size == Some((320, 180)) && hers.layer.is_none())
    })
    .await;
    ben.measures("the one layer that a call of two has", |sample| {
        sample.sent_layers.iter().map(|one| one.layer.as_str()).eq(["f"])
    })
    .await;
    let places = |state: &AppState| {
        let call = state.call.as_ref();
        call.map(|call| {
            (
                call.people.first().and_then(|her| her.hand_place),
                call.hand_place,
            )
        })
    };
    ada.does(AppCommand::RaiseHand { raised: true }).await;
    ben.sees("her hand", |state| places(state) == Some((Some(1), None)))
        .await;
    ben.does(AppCommand::RaiseHand { raised: true }).await;
    ben.sees("his own behind it", |state| {
        places(state) == Some((Some(1), Some(2)))
    })
    .await;
    for one in [ada, ben] {
        one.does(AppCommand::RaiseHand { raised: false }).await;
    }
    ben.sees("no hand", |state| places(state) == Some((None, None)))
        .await;
}

/// Somebody who speaks is turned down until nothing is heard, and up again.
async fn turn_down_and_up(ben: &Person, of_ada: &str) {
    let at = |percent| AppCommand::SetVolume {
        id: of_ada.to_owned(),
        percent,
        settled: true,
    };
    let is_set =
        |percent| move |state: &AppState| other(state).is_some_and(|other| other.volume_pct == percent);
    let mut levels = ben.engine.levels();
    let mut loudest = async |time| {
        let mut loudest = 0.0f32;
        let listen = async {
            while levels.changed().await.is_ok() {
                loudest = loudest.max(levels.borrow_and_update().speaker);
            }
        };
        let _ = tokio::time::timeout(time, listen).await;
        loudest
    };
    ben.does(at(0)).await;
    ben.sees("the volume", is_set(0)).await;
    // What was mixed already still plays.
    loudest(Duration::from_millis(400)).await;
    assert!(loudest(Duration::from_millis(1_500)).await < 0.05);
    ben.does(at(60_000)).await;
    ben.sees("the most there is", is_set(200)).await;
    assert!(loudest(Duration::from_secs(3)).await > 0.2);
    ben.does(at(100)).await;
    ben.sees("the usual volume", is_set(100)).await;
    let nobody = AppCommand::SetVolume {
        id: "nobody".into(),
        percent: 50,
        settled: true,
    };
    assert_eq!(ben.cannot(nobody).await, CommandErrorCode::NotNow);
}

/// A file is offered, accepted and there, whole, under its name.
async fn hand_over_a_file(ada: &Person, ben: &Person) {
    let here = tempfile::tempdir().unwrap();
    let file = here.path().join("plan.txt");
    let words = "all of it ".repeat(200_000);
    std::fs::write(&file, &words).unwrap();
    let paths = vec![file.to_string_lossy().into_owned()];
    ada.does(AppCommand::OfferFiles {
        paths,
        to: Vec::new(),
    })
    .await;
    let offered = ben
        .reads("the offer", |talk| {
            talk.transfers
                .iter()
                .any(|one| one.state == TransferStage::Asking)
        })
        .await;
    let id = offered.transfers[0].id.clone();
    ben.does(AppCommand::DecideFile { id, accept: true }).await;
    for one in [ada, ben] {
        one.reads("the end", |talk| {
            talk.transfers
                .first()
                .is_some_and(|one| one.state == TransferStage::Done)
        })
        .await;
    }
    let came = ben.engine.talk().borrow().transfers[0].path.clone().unwrap();
    assert_eq!(std::fs::read_to_string(&came).unwrap(), words);
    // Nobody decides about another one.
    let later = here.path().join("later.txt");
    std::fs::write(&later, "later").unwrap();
    let paths = vec![later.to_string_lossy().into_owned()];
    ada.does(AppCommand::OfferFiles {
        paths,
        to: Vec::new(),
    })
    .await;
    ben.reads("another offer", |talk| talk.transfers.len() == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_told_that_they_will_listen_goes_in_with_everything_closed_and_opens_it_themselves() {
    let ada = person(None);
    ada.does(AppCommand::StartCall).await;
    let green_room = ada.sees("a link", |state| state.call.is_some()).await;
    let link = green_room.call.unwrap().link;
    ada.does(AppCommand::Join).await;
    ada.sees("the room", |state| has_state(state, CallState::Waiting))
        .await;
    let newcomers_listen = |on: bool| AppCommand::Door {
        ask: DoorAsk::ListenFrom { people: on.into() },
    };
    ada.does(newcomers_listen(true)).await;
    ada.sees("the rule", |state| {
        state.call.as_ref().is_some_and(|call| call.door.listen_from == 1)
    })
    .await;

    let ben = person(Some(link.clone()));
    let told = |state: &AppState| {
        let call = state.call.as_ref();
        call.is_some_and(|call| call.door.comes_to_listen.is_some())
    };
    let shut = |state: &AppState| {
        let local = &state.local;
        local.muted
            && !local.camera_on
            && [local.camera, local.microphone] == [DeviceState::Off, DeviceState::Off]
    };
    ben.sees("that he will listen, with all closed", |state| {
        told(state) && shut(state)
    })
    .await;
    for opens in [
        AppCommand::SetMuted { muted: false },
        AppCommand::SetCameraOn { on: true },
        AppCommand::TestEcho { on: true },
    ] {
        assert_eq!(ben.cannot(opens).await, CommandErrorCode::NotNow);
    }
    // Another call begins as he chose, and in the green room he is told again.
    ben.does(AppCommand::Leave).await;
    ben.sees("home, as before", |state| {
        state.phase == Phase::Home && !state.local.muted && state.local.camera_on
    })
    .await;
    ben.does(AppCommand::OpenLink { text: link }).await;
    ben.sees("the same again", |state| told(state) && shut(state))
        .await;

    ada.does(newcomers_listen(false)).await;
    ada.sees("no rule", |state| {
        state.call.as_ref().is_some_and(|call| call.door.listen_from == 0)
    })
    .await;
    ben.does(AppCommand::Join).await;
    let came = ben
        .sees("the call", |state| has_state(state, CallState::Connected))
        .await;
    assert_eq!(
        came.call.unwrap().part,
        PartView::Speaks,
        "he may speak after all"
    );
    assert!(
        came.local.muted && !came.local.camera_on,
        "nothing opens by itself"
    );
    ben.does(AppCommand::SetMuted { muted: false }).await;
    ben.does(AppCommand::SetCameraOn { on: true }).await;
    ada.sees("what he opened", |state| {
        other(state).is_some_and(|ben| ben.microphone_on && ben.camera_on)
    })
    .await;
    ada.engine.hang_up(SOON).await;
    ben.engine.hang_up(SOON).await;
}

#[tokio::test]
async fn a_file_that_did_not_arrive_can_be_sent_again_after_a_restart_or_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path());
    store.keep_unfinished(Unfinished {
        path: folder.path().join("film.mkv"),
        size: 7,
        to: "Ben".into(),
        at_ms: 1,
    });
    drop(store);
    let ada = person_in(folder, None);
    let talk = ada.reads("the file", |talk| !talk.unfinished.is_empty()).await;
    let file = &talk.unfinished[0];
    assert_eq!(
        (file.name.as_str(), file.size, file.to.as_str()),
        ("film.mkv", 7, "Ben")
    );
    let id = file.id.clone();
    let again = AppCommand::SendAgain { id: id.clone() };
    assert_eq!(ada.cannot(again).await, CommandErrorCode::NotNow);
    ada.does(AppCommand::ForgetUnfinished { id: id.clone() }).await;
    ada.reads("nothing", |talk| talk.unfinished.is_empty()).await;
    let unknown = AppCommand::SendAgain { id };
    assert_eq!(ada.cannot(unknown).await, CommandErrorCode::Failed);
}

/// Messages both ways, a reaction, a hand up and down.
async fn talk_to_each_other(ada: &Person, ben: &Person) {
    let text = "Look: https://example.org <b>now</b>".to_owned();
    ada.does(AppCommand::SendMessage { text: text.clone() }).await;
    ada.reads("that it is there", |talk| {
        let delivered = |message: &MessageView| message.delivery == Delivery::Delivered;
        talk.messages.iter().any(delivered)
    })
    .await;
    ben.does(AppCommand::SendMessage { text: "I see".into() }).await;
    let seen = ben
        .reads("both messages", |talk| {
            talk.messages.len() == 2 && talk.messages[1].delivery == Delivery::Delivered
        })
        .await;
    assert_eq!(seen.messages[0].text, text);
    assert_eq!(
        seen.messages[0].author,
        other(&ben.engine.state().borrow()).map(|other| other.id.clone())
    );
    assert_eq!(seen.messages[1].author, None);
    let empty = AppCommand::SendMessage { text: " ".into() };
    assert_eq!(ada.cannot(empty).await, CommandErrorCode::Failed);

    ben.does(AppCommand::React {
        reaction: ReactionKind::Party,
    })
    .await;
    let seen = ada.reads("the reaction", |talk| !talk.reactions.is_empty()).await;
    assert_eq!(seen.reactions[0].reaction, ReactionKind::Party);
    for raised in [true, false] {
        ben.does(AppCommand::RaiseHand { raised }).await;
        ada.sees("the hand", |state| {
            other(state).is_some_and(|other| other.hand_raised == raised)
        })
        .await;
    }
}

fn has_state(state: &AppState, wanted: CallState) -> bool {
    state.call.as_ref().is_some_and(|call| call.state == wanted)
}

fn other(state: &AppState) -> Option<&crate::view::PersonView> {
    state.call.as_ref()?.people.first()
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_a_sentence() {
    let ada = person(None);
    assert_eq!(ada.cannot(AppCommand::Join).await, CommandErrorCode::NotNow);
    assert_eq!(
        ada.cannot(AppCommand::TestSpeaker).await,
        CommandErrorCode::NotNow
    );
    let text = "have a look at https://example.org/".to_owned();
    assert_eq!(
        ada.cannot(AppCommand::OpenLink { text }).await,
        CommandErrorCode::BadLink
    );
    let patch = SettingsPatch {
        server: Some("ftp://example.org".into()),
        ..SettingsPatch::default()
    };
    assert_eq!(
        ada.cannot(AppCommand::ChangeSettings { patch }).await,
        CommandErrorCode::BadServer
    );
    ada.does(AppCommand::Leave).await;
    assert_eq!(ada.engine.state().borrow().phase, Phase::Home);
}

#[tokio::test]
async fn a_bad_link_from_outside_is_a_problem_until_it_is_dismissed() {
    let ada = person(Some("no link at all".into()));
    let state = ada.sees("the problem", |state| !state.problems.is_empty()).await;
    assert_eq!(state.problems[0].code, ProblemCode::BadLink);
    assert_eq!(state.phase, Phase::Home);
    let code = ProblemCode::BadLink;
    ada.does(AppCommand::DismissProblem { code }).await;
    ada.sees("no problem", |state| state.problems.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_link_takes_no_green_room_away() {
    let ada = person(None);
    ada.does(AppCommand::StartCall).await;
    let before = ada.sees("a link", |state| state.call.is_some()).await;
    let text = "no link at all".to_owned();
    let refused = ada.cannot(AppCommand::OpenLink { text }).await;
    assert_eq!(refused, CommandErrorCode::BadLink);
    let link = before.call.unwrap().link;
    let still = ada
        .sees("the same green room", |state| {
            state.phase == Phase::GreenRoom && state.call.as_ref().is_some_and(|call| call.link == link)
        })
        .await;
    assert!(still.call.unwrap().host);
    ada.does(AppCommand::Join).await;
    ada.sees("the room", |state| has_state(state, CallState::Waiting))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calling_again_from_this_computer_shows_the_link_again() {
    let ada = person(None);
    ada.does(AppCommand::StartCall).await;
    let first = ada.sees("a link", |state| state.call.is_some()).await;
    let text = first.call.unwrap().link;
    ada.does(AppCommand::Leave).await;
    ada.does(AppCommand::OpenLink { text: text.clone() }).await;
    let again = ada.sees("the call again", |state| state.call.is_some()).await;
    let call = again.call.unwrap();
    assert_eq!(call.link, text);
    assert!(call.host && call.served_here);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_opens_picture_and_sound_and_closes_them_again() {
    let ada = person(None);
    ada.does(AppCommand::SetPreview { on: true }).await;
    ada.sees("both", |state| {
        state.local.camera == DeviceState::Running && state.local.microphone == DeviceState::Running
    })
    .await;
    ada.is_shown(SELF_TILE).await;
    let mut levels = ada.engine.levels();
    let loud = levels.wait_for(|levels| levels.microphone > 0.2);
    tokio::time::timeout(SOON, loud).await.unwrap().unwrap();
    ada.does(AppCommand::TestSpeaker).await;
    ada.does(AppCommand::SetPreview { on: false }).await;
    ada.sees("neither", |state| {
        state.local.camera == DeviceState::Off && state.local.microphone == DeviceState::Off
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_says_is_played_back_before_a_call_and_not_in_one() {
    let ada = person(None);
    let test = |on| AppCommand::TestEcho { on };
    assert_eq!(ada.cannot(test(true)).await, CommandErrorCode::NotNow);
    ada.does(AppCommand::StartCall).await;
    ada.sees("a microphone", |state| {
        state.local.microphone == DeviceState::Running
    })
    .await;
    ada.does(test(true)).await;
    let does = |wanted: EchoTest| move |state: &AppState| state.local.echo_test == wanted;
    ada.sees("it listens", does(EchoTest::Recording)).await;
    assert!(ada.engine.levels().borrow().speaker < 0.1);
    ada.sees("it plays", does(EchoTest::Playing)).await;
    let mut levels = ada.engine.levels();
    let loud = levels.wait_for(|levels| levels.speaker > 0.2);
    tokio::time::timeout(SOON, loud).await.unwrap().unwrap();
    ada.does(test(false)).await;
    ada.sees("it ends", does(EchoTest::Off)).await;
    ada.does(test(true)).await;
    ada.sees("it listens", does(EchoTest::Recording)).await;
    ada.does(AppCommand::Join).await;
    ada.sees("nothing is recorded in a call", does(EchoTest::Off))
        .await;
    assert_eq!(ada.cannot(test(true)).await, CommandErrorCode::NotNow);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_from_outside_the_window_mute_and_talk_only_where_there_is_something_to_mute() {
    let ada = person(None);
    assert_eq!(
        ada.cannot(AppCommand::ToggleMuted).await,
        CommandErrorCode::NotNow
    );
    assert_eq!(
        ada.cannot(AppCommand::Talk { down: true }).await,
        CommandErrorCode::NotNow
    );
    ada.does(AppCommand::Talk { down: false }).await;
    ada.does(AppCommand::StartCall).await;
    ada.does(AppCommand::ToggleMuted).await;
    ada.sees("muted", |state| state.local.muted).await;
    ada.does(AppCommand::Talk { down: true }).await;
    ada.sees("talking", |state| state.local.talking && !state.local.muted)
        .await;
    ada.does(AppCommand::Talk { down: false }).await;
    ada.sees("muted again", |state| !state.local.talking && state.local.muted)
        .await;
    let desktop = DesktopView {
        refused_keys: vec!["F9".into()],
        ..DesktopView::default()
    };
    let update = UpdateView {
        state: UpdateState::Ready,
        version: Some("2.0.0".into()),
        put_off: false,
    };
    ada.does(AppCommand::TellUpdate {
        update: update.clone(),
    })
    .await;
    ada.does(AppCommand::TellDesktop {
        desktop: desktop.clone(),
    })
    .await;
    let expect = DesktopView { update, ..desktop };
    ada.sees("what the desktop said, and what the updates", |state| {
        state.desktop == expect
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_handed_over_opens_unless_a_call_is_on_and_says_what_is_wrong() {
    let ada = person(None);
    ada.does(AppCommand::StartCall).await;
    let link = ada
        .sees("a link", |state| state.call.is_some())
        .await
        .call
        .unwrap()
        .link;
    ada.does(AppCommand::Join).await;
    ada.sees("the room", |state| has_state(state, CallState::Waiting))
        .await;
    // The link of this very call leads where she is.
    ada.does(AppCommand::HandOver { text: link.clone() }).await;
    let other = link.replace("/r/", "/r/x");
    let refused = ada.cannot(AppCommand::HandOver { text: other.clone() }).await;
    assert_eq!(refused, CommandErrorCode::NotNow);
    ada.sees("the problem", |state| {
        state
            .problems
            .iter()
            .any(|problem| problem.code == ProblemCode::BadLink)
    })
    .await;
    ada.does(AppCommand::Leave).await;
    ada.does(AppCommand::HandOver { text: link }).await;
    ada.sees("the green room", |state| {
        state.phase == Phase::GreenRoom
            && state
                .problems
                .iter()
                .all(|problem| problem.code != ProblemCode::BadLink)
    })
    .await;
}
