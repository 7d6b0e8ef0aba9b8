use super::super::tests::state;
use super::*;

const START: u64 = 1_000_000_000_000;
const HOUR: u64 = 60 * 60 * 1000;

fn at(phase: Phase, wanted: bool) -> AppState {
    let mut state = state(phase, &[]);
    state.settings.desktop.look_for_updates = wanted;
    state
}

fn at_home() -> AppState {
    at(Phase::Home, true)
}

/// Started, and told of the first state.
fn started(way: UpdateWay, looked_ms: Option<u64>) -> Updates {
    let mut updates = Updates::new(way, looked_ms, START);
    let deeds = updates.follow(&at_home(), START);
    assert!(matches!(deeds[..], [UpdateDeed::Tell(_)]), "{deeds:?}");
    updates
}

/// One that knows of a newer version.
fn ready() -> Updates {
    let mut updates = started(UpdateWay::Itself, None);
    updates.ask(UpdateAsk::Look, START);
    let version = "2.0.0".to_owned();
    assert_eq!(
        told(&updates.hear(UpdateNews::Newer { version })),
        Some(UpdateState::Ready)
    );
    updates
}

/// One that puts a newer version in place.
fn installing() -> Updates {
    let mut updates = ready();
    updates.ask(UpdateAsk::Install, START);
    let deeds = updates.hear(UpdateNews::Fetched);
    assert!(deeds.contains(&UpdateDeed::Install), "{deeds:?}");
    updates
}

fn told(deeds: &[UpdateDeed]) -> Option<UpdateState> {
    deeds.iter().find_map(|deed| match deed {
        UpdateDeed::Tell(view) => Some(view.state),
        _ => None,
    })
}

#[test]
fn each_package_has_its_way() {
    use UpdateWay::{ByHand, Itself, Packaged};
    for (configured, bundle, appimage, way) in [
        (true, Some("deb"), false, Packaged),
        (false, Some("rpm"), false, Packaged),
        (true, Some("deb"), true, Packaged), // started by a program out of an AppImage
        (true, Some("appimage"), true, Itself),
        (true, Some("appimage"), false, ByHand), // unpacked by hand
        (true, Some("nsis"), false, Itself),
        (true, Some("app"), false, Itself),
        (false, Some("msi"), false, ByHand),
        (false, Some("appimage"), true, ByHand),
        (true, None, false, ByHand), // built by oneself
    ] {
        assert_eq!(UpdateWay::of(configured, bundle, appimage), way, "{bundle:?}");
    }
}

#[test]
fn it_is_looked_for_once_a_day_and_that_is_remembered() {
    let mut updates = started(UpdateWay::Itself, None);
    assert_eq!(updates.due_in(START), Some(Duration::from_millis(AFTER_START_MS)));
    let mut looks = 0;
    for minute in 1..=3 * 24 * 60 {
        let now = START + minute * 60_000;
        let deeds = updates.follow(&at_home(), now);
        if deeds.contains(&UpdateDeed::Look) {
            looks += 1;
            assert!(deeds.contains(&UpdateDeed::Remember { looked_ms: now }));
            updates.hear(UpdateNews::Newest);
        }
    }
    assert_eq!(looks, 3);
}

#[test]
fn what_was_looked_for_before_the_start_counts_unless_it_lies_in_the_future() {
    for (looked, hours) in [(START - 20 * HOUR, 4), (START - 30 * HOUR, 0), (START + 1, 0)] {
        let updates = started(UpdateWay::Itself, Some(looked));
        let expect = (hours * HOUR).max(AFTER_START_MS);
        assert_eq!(
            updates.due_in(START),
            Some(Duration::from_millis(expect)),
            "{looked}"
        );
    }
}

#[test]
fn nobody_looks_in_a_call_or_unwanted_or_where_something_else_brings_updates() {
    let late = START + 100 * HOUR;
    for (way, state) in [
        (UpdateWay::Itself, at(Phase::InCall, true)),
        (UpdateWay::Itself, at(Phase::GreenRoom, true)),
        (UpdateWay::Itself, at(Phase::Home, false)),
        (UpdateWay::Packaged, at_home()),
        (UpdateWay::ByHand, at_home()),
    ] {
        let mut updates = started(way, None);
        assert!(updates.follow(&state, late).is_empty(), "{way:?}");
        assert_eq!(updates.due_in(late), None, "{way:?}");
    }
    for (way, asked) in [
        (UpdateWay::Packaged, UpdateState::Packaged),
        (UpdateWay::ByHand, UpdateState::ByHand),
    ] {
        let mut updates = Updates::new(way, None, START);
        assert_eq!(told(&updates.follow(&at_home(), START)), Some(asked));
        assert!(updates.ask(UpdateAsk::Look, START).is_empty());
    }
}

#[test]
fn a_quiet_look_that_fails_says_nothing_and_one_that_was_asked_for_does() {
    let mut updates = started(UpdateWay::Itself, None);
    let quiet = updates.follow(&at_home(), START + HOUR);
    assert!(quiet.contains(&UpdateDeed::Look), "{quiet:?}");
    assert!(updates.hear(UpdateNews::Unreachable).is_empty());
    let asked = updates.ask(UpdateAsk::Look, START + HOUR);
    assert_eq!(told(&asked), Some(UpdateState::Looking));
    assert!(
        updates.ask(UpdateAsk::Look, START + HOUR).is_empty(),
        "one at a time"
    );
    assert_eq!(
        told(&updates.hear(UpdateNews::Unreachable)),
        Some(UpdateState::Unreachable)
    );
}

#[test]
fn nothing_is_fetched_unasked_and_what_was_fetched_is_put_in_place() {
    let mut updates = ready();
    assert!(updates.follow(&at_home(), START + HOUR).is_empty());
    let deeds = updates.ask(UpdateAsk::Install, START + HOUR);
    assert!(deeds.contains(&UpdateDeed::Fetch), "{deeds:?}");
    assert_eq!(updates.due_in(START + 50 * HOUR), None, "busy");
    let deeds = updates.hear(UpdateNews::Fetched);
    assert_eq!(told(&deeds), Some(UpdateState::Installing));
    assert!(deeds.contains(&UpdateDeed::Install), "{deeds:?}");
}

#[test]
fn without_a_newer_version_there_is_nothing_to_put_in_place() {
    let mut updates = started(UpdateWay::Itself, None);
    assert!(updates.ask(UpdateAsk::Install, START).is_empty());
}

#[test]
fn a_call_stops_the_fetch_and_the_next_press_fetches_again() {
    let mut updates = ready();
    updates.ask(UpdateAsk::Install, START);
    let mut now = START + 3_000;
    let deeds = updates.follow(&at(Phase::GreenRoom, true), now);
    assert!(deeds.contains(&UpdateDeed::Stop), "{deeds:?}");
    assert_eq!(told(&deeds), Some(UpdateState::Ready));
    // It was whole at that very moment.
    assert_eq!(updates.hear(UpdateNews::Fetched), [UpdateDeed::Drop]);
    for _ in 0..30 {
        now += HOUR;
        assert!(updates.follow(&at(Phase::InCall, true), now).is_empty(), "{now}");
        assert!(updates.ask(UpdateAsk::Install, now).is_empty(), "not now");
    }
    let quiet = updates.follow(&at_home(), now);
    assert!(!quiet.contains(&UpdateDeed::Fetch), "{quiet:?}");
    updates.hear(UpdateNews::Newer {
        version: "2.0.0".to_owned(),
    });
    let again = updates.ask(UpdateAsk::Install, now);
    assert!(again.contains(&UpdateDeed::Fetch), "{again:?}");
    let deeds = updates.hear(UpdateNews::Fetched);
    assert!(deeds.contains(&UpdateDeed::Install), "{deeds:?}");
}

#[test]
fn a_call_stops_a_look_and_what_fails_with_it_is_not_told() {
    let in_call = at(Phase::InCall, true);
    let mut asked = started(UpdateWay::Itself, None);
    asked.ask(UpdateAsk::Look, START);
    let deeds = asked.follow(&in_call, START);
    assert!(deeds.contains(&UpdateDeed::Stop), "{deeds:?}");
    assert_eq!(told(&deeds), Some(UpdateState::Unknown));
    assert!(asked.hear(UpdateNews::Unreachable).is_empty());

    let mut quiet = started(UpdateWay::Itself, None);
    quiet.follow(&at_home(), START + HOUR);
    assert_eq!(quiet.follow(&in_call, START + HOUR), [UpdateDeed::Stop]);
    assert!(quiet.hear(UpdateNews::Unreachable).is_empty());
    assert!(quiet.follow(&in_call, START + HOUR).is_empty(), "stopped once");
}

#[test]
fn parley_starts_again_once_the_newer_one_is_in_place() {
    let mut updates = installing();
    assert_eq!(updates.hear(UpdateNews::Installed), [UpdateDeed::Restart]);
    assert!(updates.follow(&at_home(), START + 50 * HOUR).is_empty(), "once");
}

#[test]
fn a_call_that_began_while_it_was_put_in_place_is_not_ended_for_it() {
    let mut updates = installing();
    assert!(updates.follow(&at(Phase::GreenRoom, true), START).is_empty());
    let deeds = updates.hear(UpdateNews::Installed);
    assert_eq!(told(&deeds), Some(UpdateState::InPlace));
    assert_eq!(deeds.len(), 1, "only told: {deeds:?}");
    let mut now = START;
    for phase in [
        Phase::InCall,
        Phase::Ended,
        Phase::GreenRoom,
        Phase::InCall,
        Phase::Ended,
    ] {
        now += 26 * HOUR;
        assert!(updates.follow(&at(phase, true), now).is_empty(), "{phase:?}");
        for ask in [UpdateAsk::Install, UpdateAsk::Look] {
            assert!(updates.ask(ask, now).is_empty(), "{phase:?}");
        }
        assert_eq!(updates.due_in(now), None, "{phase:?}");
    }
    let home = updates.follow(&at_home(), now);
    assert_eq!(told(&home), Some(UpdateState::Installing));
    assert!(home.contains(&UpdateDeed::Restart), "{home:?}");
    assert!(updates.follow(&at_home(), now + HOUR).is_empty(), "once");
}

#[test]
fn what_a_call_kept_from_being_put_in_place_is_thrown_away_or_tried_again() {
    let mut updates = installing();
    updates.follow(&at(Phase::InCall, true), START);
    let deeds = updates.hear(UpdateNews::Fetched);
    assert!(deeds.contains(&UpdateDeed::Drop), "{deeds:?}");
    assert_eq!(told(&deeds), Some(UpdateState::Ready));

    // The call was over before it was told.
    let mut updates = installing();
    assert_eq!(updates.hear(UpdateNews::Fetched), [UpdateDeed::Install]);
}

#[test]
fn what_is_not_signed_is_refused_and_may_be_tried_again() {
    let mut updates = ready();
    updates.ask(UpdateAsk::Install, START);
    assert_eq!(
        told(&updates.hear(UpdateNews::Refused)),
        Some(UpdateState::Refused)
    );
    let again = updates.ask(UpdateAsk::Install, START);
    assert!(again.contains(&UpdateDeed::Fetch), "{again:?}");
    assert_eq!(told(&updates.hear(UpdateNews::Failed)), Some(UpdateState::Failed));
}

#[test]
fn later_lasts_until_another_version_or_until_somebody_asks() {
    let mut updates = ready();
    let version = || "2.0.0".to_owned();
    updates.ask(UpdateAsk::Later, START);
    updates.follow(&at_home(), START + 25 * HOUR);
    updates.hear(UpdateNews::Newer { version: version() });
    assert!(updates.view.put_off, "found again by itself");
    updates.ask(UpdateAsk::Look, START + 26 * HOUR);
    updates.hear(UpdateNews::Newer { version: version() });
    assert!(!updates.view.put_off, "asked for");
    updates.ask(UpdateAsk::Later, START + 26 * HOUR);
    updates.follow(&at_home(), START + 60 * HOUR);
    updates.hear(UpdateNews::Newer {
        version: "3".repeat(900),
    });
    assert!(!updates.view.put_off, "another one");
    assert_eq!(
        updates.view.version.as_ref().map(String::len),
        Some(VERSION_CHARS_MAX)
    );
}
