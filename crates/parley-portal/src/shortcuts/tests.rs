mod real;

use super::*;
use crate::made_up::{MadeUp, Manners, OURS, within};
use std::sync::mpsc;

const LONG: Duration = Duration::from_secs(20);

fn wishes() -> Vec<Wish> {
    ["mute", "talk"]
        .map(|id| Wish {
            id: id.into(),
            words: format!("to {id}"),
            key: "Ctrl+Shift+KeyM".into(),
        })
        .into()
}

fn listen(made_up: &MadeUp) -> (Shortcuts, mpsc::Receiver<News>) {
    let (tell, told) = mpsc::sync_channel(8);
    let address = made_up.address().to_owned();
    let connect = move || Portal::at(&address);
    let shortcuts = Shortcuts::over(connect, wishes(), move |news| tell.send(news).unwrap());
    (shortcuts, told)
}

fn stroke(id: &str, down: bool) -> News {
    News::Stroke(Stroke { id: id.into(), down })
}

#[test]
fn a_key_is_heard_going_down_and_coming_up_until_it_is_not_listened_to() {
    let made_up = MadeUp::portal(Manners {
        version: 1,
        code: Some(0),
        lie: None,
    });
    let (shortcuts, told) = listen(&made_up);
    assert_eq!(told.recv_timeout(LONG), Ok(News::Bound(vec!["talk".into()])));
    let proposed = made_up.request("BindShortcuts").child_value(1);
    let (id, about): (String, HashMap<String, Variant>) = proposed.child_value(0).get().unwrap();
    assert_eq!(id, "mute");
    assert_eq!(about["description"].str(), Some("to mute"));
    assert_eq!(about["preferred_trigger"].str(), Some("CTRL+SHIFT+m"));
    made_up.stroke("/somebody/elses", "talk", true);
    made_up.stroke(OURS, "talk", true);
    made_up.stroke(OURS, "talk", false);
    assert_eq!(told.recv_timeout(LONG), Ok(stroke("talk", true)));
    assert_eq!(told.recv_timeout(LONG), Ok(stroke("talk", false)));
    drop(shortcuts);
    made_up.wait_for("Close");
    assert_eq!(told.recv_timeout(LONG), Err(mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn whoever_is_deaf_says_so() {
    let refusing = Manners {
        version: 1,
        code: Some(1),
        lie: None,
    };
    let lying = Manners {
        code: Some(0),
        lie: Some("BindShortcuts"),
        ..refusing
    };
    for made_up in [MadeUp::portal(refusing), MadeUp::portal(lying), MadeUp::bus()] {
        let (_shortcuts, told) = listen(&made_up);
        let news = told.recv_timeout(LONG).unwrap();
        assert!(matches!(news, News::Deaf(_)), "{news:?}");
    }
    let made_up = MadeUp::portal(Manners {
        version: 1,
        code: Some(0),
        lie: None,
    });
    let (_shortcuts, told) = listen(&made_up);
    assert!(matches!(told.recv_timeout(LONG), Ok(News::Bound(_))));
    made_up.close_session();
    assert!(matches!(told.recv_timeout(LONG), Ok(News::Deaf(_))));
    let (_shortcuts, told) = listen(&made_up);
    assert!(matches!(told.recv_timeout(LONG), Ok(News::Bound(_))));
    drop(made_up);
    assert!(matches!(told.recv_timeout(LONG), Ok(News::Deaf(_))));
}

#[test]
fn whoever_breaks_off_says_so() {
    let (tell, told) = mpsc::sync_channel(8);
    let _shortcuts = Shortcuts::over(
        || panic!("made up"),
        wishes(),
        move |news| tell.send(news).unwrap(),
    );
    let news = told.recv_timeout(LONG);
    assert!(
        matches!(news, Ok(News::Deaf(PortalFault::Refused(_)))),
        "{news:?}"
    );
}

#[test]
fn an_answer_without_a_list_of_shortcuts_is_a_refusal_or_empty() {
    let about = HashMap::<&str, Variant>::new();
    let whole = vec![("talk", about)].to_variant();
    assert_eq!(bound(Some(whole)), Ok(vec!["talk".to_owned()]));
    assert_eq!(bound(None), Ok(Vec::new()));
    assert_eq!(bound(Some(vec![7_u32].to_variant())), Ok(Vec::new()));
    for odd in ["talk".to_variant(), 7_u32.to_variant()] {
        let fault = bound(Some(odd));
        assert!(matches!(fault, Err(PortalFault::Refused(_))), "{fault:?}");
    }
}

#[test]
fn a_dialog_that_nobody_answers_is_left() {
    let made_up = MadeUp::portal(Manners {
        version: 1,
        code: None,
        lie: None,
    });
    let (shortcuts, _told) = listen(&made_up);
    made_up.wait_for("BindShortcuts");
    drop(shortcuts);
    within(|| {
        made_up
            .methods()
            .iter()
            .filter(|method| *method == "Close")
            .count()
            == 2
    });
}

#[test]
fn keys_are_written_as_desktops_write_them() {
    for (key, written) in [
        ("Ctrl+Shift+KeyM", Some("CTRL+SHIFT+m")),
        ("Super+Alt+Digit1", Some("LOGO+ALT+1")),
        ("F9", Some("F9")),
        ("Ctrl+Space", Some("CTRL+space")),
        ("Ctrl+ArrowUp", Some("CTRL+Up")),
        ("Ctrl+Numpad0", Some("CTRL+KP_0")),
        ("Pause", Some("Pause")),
        ("Ctrl+Semicolon", None),
        ("", None),
    ] {
        assert_eq!(trigger(key).as_deref(), written, "{key}");
    }
}
