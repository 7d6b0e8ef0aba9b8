use super::*;
use crate::made_up::{MadeUp, Manners, OURS, patience, within};
use std::cell::Cell;
use std::collections::HashMap;

fn ask(made_up: &MadeUp, ask: Ask<'_>) -> Result<(ScreenCast, Granted), PortalFault> {
    ScreenCast::ask(made_up.connect(), ask, &patience)
}

const FOURTH: Manners = Manners {
    version: 4,
    code: Some(0),
    lie: None,
};

#[test]
fn what_was_chosen_comes_with_the_way_to_its_pictures() {
    let made_up = MadeUp::portal(FOURTH);
    let wish = Ask {
        restore: Some("before"),
        cursor: true,
    };
    let (cast, granted) = ask(&made_up, wish).unwrap();
    assert_eq!((granted.node, granted.is_window), (42, true));
    assert_eq!(granted.restore.as_deref(), Some("again"));
    let methods = ["CreateSession", "SelectSources", "Start", "OpenPipeWireRemote"];
    assert_eq!(made_up.methods(), methods);
    let options = made_up.options("SelectSources");
    let number = |key: &str| {
        options
            .lookup_value(key, None)
            .and_then(|value| value.get::<u32>())
    };
    assert_eq!(number("types"), Some(MONITOR | WINDOW));
    assert_eq!(number("cursor_mode"), Some(CURSOR_EMBEDDED));
    assert_eq!(number("persist_mode"), Some(2));
    assert_eq!(text(&options, "restore_token").as_deref(), Some("before"));
    assert_eq!(made_up.request("Start").child_value(0).str(), Some(OURS));
    assert!(!cast.is_over());
    drop(cast);
    made_up.wait_for("Close");
}

#[test]
fn a_pointer_that_is_not_wanted_is_not_asked_for_nor_what_an_old_portal_does_not_know() {
    for (version, pointer, cursor, kept) in [
        (4, false, Some(CURSOR_HIDDEN), true),
        (3, true, Some(CURSOR_EMBEDDED), false),
        (1, true, None, false),
    ] {
        let cursors = if version > 1 { 3 } else { 0 };
        let wish = Ask {
            restore: Some("before"),
            cursor: pointer,
        };
        let options = wishes(version, 1, cursors, wish);
        assert_eq!(
            options.get("cursor_mode").and_then(Variant::get),
            cursor,
            "{version}"
        );
        assert_eq!(options.contains_key("persist_mode"), kept, "{version}");
        assert_eq!(options.contains_key("restore_token"), kept, "{version}");
    }
    assert!(
        !wishes(
            4,
            0,
            CURSOR_HIDDEN,
            Ask {
                restore: None,
                cursor: true
            }
        )
        .contains_key("cursor_mode")
    );
}

#[test]
fn a_closed_dialog_and_a_refusal_are_told_apart() {
    for (code, expected) in [(1, "Cancelled"), (2, "Refused")] {
        let made_up = MadeUp::portal(Manners {
            version: 4,
            code: Some(code),
            lie: None,
        });
        let fault = ask(&made_up, Ask::default()).unwrap_err();
        assert!(format!("{fault:?}").starts_with(expected), "{fault:?}");
        made_up.wait_for("Close");
    }
}

#[test]
fn a_desktop_without_a_portal_is_told_so() {
    let nobody = MadeUp::bus();
    let fault = ask(&nobody, Ask::default()).unwrap_err();
    assert!(matches!(fault, PortalFault::Missing(_)), "{fault:?}");
}

#[test]
fn nobody_waits_for_a_dialog_that_is_not_wanted_any_more() {
    let made_up = MadeUp::portal(Manners {
        version: 4,
        code: None,
        lie: None,
    });
    let looks = Cell::new(0);
    let some = || {
        looks.set(looks.get() + 1);
        patience() && looks.get() < 100
    };
    let stopped = ScreenCast::ask(made_up.connect(), Ask::default(), &some);
    assert_eq!(stopped.unwrap_err(), PortalFault::Stopped);
    // The dialog, and then the session.
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
fn a_share_that_the_desktop_ends_is_over_and_one_without_a_bus_too() {
    let made_up = MadeUp::portal(FOURTH);
    let (cast, _) = ask(&made_up, Ask::default()).unwrap();
    assert!(!cast.is_over());
    made_up.close_session();
    within(|| cast.is_over());
    let (cast, _) = ask(&made_up, Ask::default()).unwrap();
    drop(made_up);
    within(|| cast.is_over());
}

#[test]
fn streams_that_make_no_sense_are_none() {
    let first = |streams: Variant| {
        let results = VariantDict::new(None);
        results.insert_value("streams", &streams);
        first_stream(&results)
    };
    let about = HashMap::from([("source_type", 2_u32.to_variant())]);
    assert_eq!(
        first(vec![(42_u32, about)].to_variant()),
        Some((42, Some(WINDOW)))
    );
    let nothing = HashMap::<&str, Variant>::new();
    assert_eq!(first(vec![(42_u32, nothing)].to_variant()), Some((42, None)));
    for odd in [
        42_u32.to_variant(),
        "42".to_variant(),
        Vec::<u32>::new().to_variant(),
        vec![42_u32].to_variant(),
        vec![(42_u32,)].to_variant(),
        vec![(42_u32, "about")].to_variant(),
        vec![(42_u32, HashMap::from([("source_type", 2_u32)]))].to_variant(),
    ] {
        assert_eq!(first(odd.clone()), None, "{odd}");
    }
}

#[test]
fn a_portal_whose_answers_make_no_sense_refuses() {
    for method in ["CreateSession", "Start", "OpenPipeWireRemote"] {
        let made_up = MadeUp::portal(Manners {
            lie: Some(method),
            ..FOURTH
        });
        let fault = ask(&made_up, Ask::default()).unwrap_err();
        assert!(matches!(fault, PortalFault::Refused(_)), "{method}: {fault:?}");
    }
}
