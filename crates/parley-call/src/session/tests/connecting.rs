//! From the green room to the end, when nothing goes wrong but people.

use super::world::World;
use crate::call::CallCommand;
use crate::end::{EndReason, ProofFault, SignalingFault};
use crate::port::ConnectionPhase;
use crate::snapshot::CallPhase;
use parley_proto::{ControlMessage, ErrorCode, MediaState, PeerMessage, Reaction, SdpType, ServerMessage};

#[test]
fn two_people_meet_and_media_flows_both_ways() {
    let world = World::connected_pair(1);
    for party in [0, 1] {
        let state = world.snapshot(party);
        assert_eq!(state.phase, CallPhase::Connected);
        assert!(state.people[0].proven);
        assert_eq!(world.parties[party].tracks, 2, "sound and pictures");
        assert_eq!(world.parties[party].peer.opened, 1);
        assert!(world.parties[party].peer.failures.is_empty());
        let times = state.times;
        let order = [
            times.started,
            times.ticket,
            times.entered,
            times.joined,
            times.met,
        ];
        assert!(order.iter().all(Option::is_some));
        assert!(times.met <= times.connected && times.met <= times.proven);
    }
    assert_eq!(
        world.parties[0].session.counters().glares,
        0,
        "only the newcomer offers"
    );
}

#[test]
fn the_green_room_shows_nobody_and_keeps_its_ticket_fresh() {
    let mut world = World::new(1);
    let ada = world.arrive(None);
    world.run_s(3600);
    assert_eq!(world.phase(ada), CallPhase::GreenRoom);
    assert_eq!(world.ended(ada), None);
    let link = world.snapshot(ada).link.unwrap();
    world.command(ada, CallCommand::Enter);
    world.run_s(1);
    assert_eq!(world.phase(ada), CallPhase::Waiting);
    assert_eq!(world.snapshot(ada).link, Some(link));
}

#[test]
fn a_name_given_in_the_green_room_is_the_one_the_other_side_sees() {
    let mut world = World::new(2);
    let ada = world.arrive(None);
    world.command(ada, CallCommand::Enter);
    world.run_s(1);
    let guest = world.arrive(Some([3; 16]));
    world.run_s(1);
    world.command(guest, CallCommand::SetName("Grace".into()));
    world.command(guest, CallCommand::Enter);
    world.run_s(2);
    let names = |party| -> Vec<String> {
        let people = world.snapshot(party).people;
        people.into_iter().map(|person| person.name).collect()
    };
    assert_eq!(
        (names(ada), names(guest)),
        (vec!["Grace".into()], vec!["party 0".into()])
    );
}

#[test]
fn an_hour_of_call_needs_no_second_connection() {
    let mut world = World::connected_pair(2);
    world.run_s(3600);
    world.expect_media();
    assert!(world.parties.iter().all(|party| party.peer.opened == 1));
    assert_eq!(world.parties[0].session.counters().signaling_losses, 0);
}

#[test]
fn hanging_up_ends_both_and_each_knows_why() {
    let mut world = World::connected_pair(3);
    world.command(1, CallCommand::Leave);
    // This world carries no goodbye: that media stopped must be enough.
    world.run_s(2);
    assert_eq!(world.ended(1), Some(&EndReason::HungUp));
    assert_eq!(world.ended(0), Some(&EndReason::OtherLeft));
    assert!(world.parties[1].peer.control_out.contains(&ControlMessage::Bye));
    assert!(
        world
            .parties
            .iter()
            .all(|party| !party.peer.open && party.tracks == 0)
    );
    assert!(
        world
            .parties
            .iter()
            .all(|party| party.session.poll_timeout().is_none())
    );
}

#[test]
fn what_microphone_and_camera_do_is_told_once_it_may_be() {
    let mut world = World::pair(4);
    let off = MediaState::default();
    let on = MediaState {
        microphone_on: true,
        camera_on: true,
        ..off
    };
    world.command(0, CallCommand::SetMediaState(on));
    world.run_s(5);
    world.command(0, CallCommand::SetMediaState(off));
    world.run_s(1);
    let told: Vec<_> = world.parties[0].peer.control_out.clone();
    let takes_screen = |media| {
        ControlMessage::MediaState(MediaState {
            takes_screen: true,
            takes_screen_sound: true,
            takes_deep_redundancy: true,
            ..media
        })
    };
    assert_eq!(told, [takes_screen(on), takes_screen(off)]);
}

#[test]
fn a_screen_is_offered_once_and_only_to_somebody_who_can_see_it() {
    let sharing = CallCommand::SetMediaState(MediaState {
        screen_on: true,
        ..MediaState::default()
    });
    let mut world = World::connected_pair(4);
    world.hears(0, ControlMessage::MediaState(MediaState::default()));
    world.command(0, sharing.clone());
    world.run_s(2);
    assert_eq!(world.parties[0].peer.screens_added, 0, "an older client");
    let able = MediaState {
        takes_screen: true,
        ..MediaState::default()
    };
    world.hears(0, ControlMessage::MediaState(able));
    world.run_s(2);
    world.command(0, CallCommand::SetMediaState(MediaState::default()));
    world.command(0, sharing);
    world.run_s(2);
    assert_eq!(world.parties[0].peer.screens_added, 1);
    assert_eq!(world.parties[1].peer.screens_added, 0);
    world.expect_media();
}

#[test]
fn the_computers_sound_is_offered_once_and_only_to_somebody_who_can_tell_it_from_the_microphone() {
    let sharing = CallCommand::SetMediaState(MediaState {
        screen_on: true,
        screen_sound_on: true,
        ..MediaState::default()
    });
    let mut world = World::connected_pair(4);
    let older = MediaState {
        takes_screen: true,
        ..MediaState::default()
    };
    world.hears(0, ControlMessage::MediaState(older));
    world.command(0, sharing.clone());
    world.run_s(2);
    let added = |world: &World| {
        let peer = &world.parties[0].peer;
        (peer.screens_added, peer.screen_sounds_added)
    };
    assert_eq!(added(&world), (1, 0), "an older client");
    let able = MediaState {
        takes_screen_sound: true,
        ..older
    };
    world.hears(0, ControlMessage::MediaState(able));
    world.run_s(2);
    world.command(0, CallCommand::SetMediaState(MediaState::default()));
    world.command(0, sharing);
    world.run_s(2);
    assert_eq!(added(&world), (1, 1));
    world.expect_media();
}

#[test]
fn an_offer_in_mid_call_is_taken_up_once_the_other_side_says_over_the_connection_that_it_is_theirs() {
    let mut world = World::connected_pair(4);
    let able = MediaState {
        takes_screen: true,
        ..MediaState::default()
    };
    world.hears(0, ControlMessage::MediaState(able));
    let before = world.parties[1].peer.answers;
    world.command(
        0,
        CallCommand::SetMediaState(MediaState {
            screen_on: true,
            ..MediaState::default()
        }),
    );
    world.run_ms(500);
    assert_eq!(world.parties[1].peer.answers, before, "the server's word alone");
    let is_offer = |message: &&ControlMessage| matches!(message, ControlMessage::Offer { .. });
    let said = world.parties[0].peer.control_out.iter().find(is_offer).cloned();
    let other = ControlMessage::Offer {
        digest: "0".repeat(64),
    };
    world.hears(1, other);
    world.run_ms(100);
    assert_eq!(world.parties[1].peer.answers, before, "of another offer");
    world.hears(1, said.unwrap());
    world.run_ms(500);
    assert_eq!(world.parties[1].peer.answers, before + 1);
    world.expect_media();
}

#[test]
fn what_could_not_be_told_is_told_again() {
    let mut world = World::pair(4);
    world.parties[0].peer.control_refusals = 2;
    world.run_s(8);
    assert_eq!(world.parties[0].peer.failures, ["send_control", "send_control"]);
    assert_eq!(
        world.parties[0].peer.control_out,
        [ControlMessage::MediaState(MediaState {
            takes_screen: true,
            takes_screen_sound: true,
            takes_deep_redundancy: true,
            ..MediaState::default()
        })]
    );
    world.expect_media();
}

#[test]
fn a_raised_hand_lasts_and_is_told_again_when_it_may_have_been_missed() {
    let mut world = World::pair(4);
    world.command(0, CallCommand::RaiseHand(true));
    world.run_s(5);
    let up = ControlMessage::Hand { raised: true };
    let told = |world: &World| {
        let said = world.parties[0].peer.control_out.iter();
        said.filter(|message| matches!(message, ControlMessage::Hand { .. }))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&world), std::slice::from_ref(&up));
    world.parties[0].peer.control_refusals = 1;
    world.command(0, CallCommand::RaiseHand(false));
    world.run_s(5);
    assert_eq!(told(&world).last(), Some(&ControlMessage::Hand { raised: false }));
    world.hears(1, up);
    assert!(world.snapshot(1).people[0].hand_raised);
    world.hears(1, ControlMessage::Hand { raised: false });
    assert!(!world.snapshot(1).people[0].hand_raised);
}

#[test]
fn a_reaction_is_shown_once_and_only_to_somebody_who_is_there() {
    let mut world = World::pair(4);
    let party = ControlMessage::Reaction {
        reaction: Reaction::Party,
    };
    world.command(0, CallCommand::React(Reaction::Party));
    world.run_s(5);
    assert!(
        !world.parties[0].peer.control_out.contains(&party),
        "nobody was there"
    );
    world.command(0, CallCommand::React(Reaction::Party));
    world.run_s(1);
    assert!(world.parties[0].peer.control_out.contains(&party));
    world.hears(1, party);
    world.hears(
        1,
        ControlMessage::Reaction {
            reaction: Reaction::Unknown,
        },
    );
    assert_eq!(world.parties[1].reactions, [Reaction::Party]);
}

#[test]
fn somebody_who_says_nothing_is_on_as_long_as_something_comes() {
    let mut world = World::connected_pair(4);
    let on = MediaState {
        microphone_on: true,
        camera_on: true,
        ..MediaState::default()
    };
    assert_eq!(world.snapshot(0).people[0].media, on, "a browser, or a bot");
    let off = MediaState::default();
    world.hears(0, ControlMessage::MediaState(off));
    assert_eq!(world.snapshot(0).people[0].media, off, "their word is worth more");
}

#[test]
fn a_goodbye_of_the_other_side_ends_the_call_at_once() {
    let mut world = World::connected_pair(4);
    world.hears(0, ControlMessage::Bye);
    assert_eq!(world.ended(0), Some(&EndReason::OtherLeft));
}

#[test]
fn a_connection_that_does_not_open_is_tried_again_and_the_reason_is_told_soon() {
    for (refusals, connects) in [(2, true), (100, false)] {
        let mut world = World::new(4);
        let ada = world.arrive(None);
        world.command(ada, CallCommand::Enter);
        world.run_s(1);
        world.parties[ada].peer.open_refusals = refusals;
        let ben = world.arrive(Some([3; 16]));
        world.command(ben, CallCommand::Enter);
        world.run_s(15);
        let told = world.ended(ada) == Some(&EndReason::NoConnection);
        assert_eq!((world.media_flows(), told), (connects, !connects), "{world:#?}");
    }
}

#[test]
fn a_third_person_is_told_that_the_room_is_full() {
    let mut world = World::connected_pair(5);
    let eve = world.arrive(Some([3; 16]));
    world.command(eve, CallCommand::Enter);
    world.run_s(3);
    assert!(matches!(
        world.ended(eve),
        Some(EndReason::Refused {
            code: ErrorCode::RoomFull,
            ..
        })
    ));
    assert_eq!(world.phase(0), CallPhase::Connected);
    assert_eq!(world.phase(1), CallPhase::Connected);
}

#[test]
fn somebody_with_another_secret_is_not_genuine_for_either_side() {
    let mut world = World::new(6);
    let ada = world.arrive(None);
    world.command(ada, CallCommand::Enter);
    world.run_s(1);
    let eve = world.arrive(Some([99; 16]));
    world.command(eve, CallCommand::Enter);
    world.run_s(10);
    for party in [ada, eve] {
        assert_eq!(
            world.ended(party),
            Some(&EndReason::NotGenuine(ProofFault::Wrong))
        );
        assert!(!world.parties[party].peer.media_allowed);
    }
}

/// Puts another fingerprint into every description that passes, as somebody in the middle would.
fn swap_fingerprints(message: &mut ServerMessage) {
    let ServerMessage::Signal { payload, .. } = message else {
        return;
    };
    let Ok(PeerMessage::Description { sdp, .. }) = serde_json::from_value(payload.clone()) else {
        return;
    };
    let swapped: Vec<String> = sdp
        .lines()
        .map(|line| match line.starts_with("a=fingerprint:") {
            true => format!("a=fingerprint:sha-256 {}", vec!["EE"; 32].join(":")),
            false => line.to_owned(),
        })
        .collect();
    payload["sdp"] = format!(
        "{}\r\nx=was:{}",
        swapped.join("\r\n"),
        sdp.replace("\r\n", "|").replace("fingerprint", "F*")
    )
    .into();
}

#[test]
fn a_server_that_swaps_fingerprints_is_noticed_by_both_before_any_media() {
    let mut world = World::new(7);
    world.tamper = Some(swap_fingerprints);
    for secret in [None, Some([3; 16])] {
        let party = world.arrive(secret);
        world.command(party, CallCommand::Enter);
        world.run_s(1);
    }
    world.run_s(10);
    for party in [0, 1] {
        assert_eq!(
            world.ended(party),
            Some(&EndReason::NotGenuine(ProofFault::Wrong))
        );
        assert!(!world.parties[party].peer.media_allowed);
    }
}

/// Lets no proof pass.
fn swallow_proofs(message: &mut ServerMessage) {
    if let ServerMessage::Signal { payload, .. } = message
        && payload["kind"] == "proof"
    {
        *message = ServerMessage::Unknown;
    }
}

#[test]
fn somebody_who_proves_nothing_is_given_ten_seconds() {
    let mut world = World::pair(8);
    world.tamper = Some(swallow_proofs);
    world.run_s(9);
    assert_eq!(world.parties[0].peer.phase, ConnectionPhase::Connected);
    assert_eq!(world.phase(0), CallPhase::Connecting, "connected, but not proven");
    assert!(!world.parties[0].peer.media_allowed);
    world.run_s(3);
    let reasons = [world.ended(0), world.ended(1)];
    assert!(
        reasons.contains(&Some(&EndReason::NotGenuine(ProofFault::Missing))),
        "{reasons:?}"
    );
}

#[test]
fn an_unreachable_server_is_told_after_a_while_and_a_wrong_one_at_once() {
    let mut world = World::new(9);
    world.server_up = false;
    let ada = world.arrive(None);
    world.run_s(10);
    assert_eq!(world.snapshot(ada).signaling_fault, Some(SignalingFault::Refused));
    assert_eq!(world.ended(ada), None);
    world.run_s(10);
    assert_eq!(
        world.ended(ada),
        Some(&EndReason::ServerUnreachable(SignalingFault::Refused))
    );

    let mut world = World::new(10);
    world.tamper = Some(|message| *message = ServerMessage::Unknown);
    let ada = world.arrive(None);
    world.run_ms(15);
    world.server_says(ada, "<html>hello</html>".into());
    world.run_s(1);
    assert_eq!(world.ended(ada), Some(&EndReason::NotAParleyServer));
}

#[test]
fn a_server_that_comes_up_late_is_found() {
    let mut world = World::new(11);
    world.server_up = false;
    let ada = world.arrive(None);
    world.command(ada, CallCommand::Enter);
    world.run_s(8);
    world.server_up = true;
    world.run_s(8);
    assert_eq!(world.phase(ada), CallPhase::Waiting);
}

#[test]
fn a_refusal_is_the_end_and_says_why() {
    for code in [
        ErrorCode::RoomUnknown,
        ErrorCode::VersionMismatch,
        ErrorCode::Unavailable,
    ] {
        let mut world = World::new(12);
        world.server.refuse_with = Some(code);
        let ben = world.arrive(Some([3; 16]));
        world.command(ben, CallCommand::Enter);
        world.run_s(40);
        let refused =
            matches!(world.ended(ben), Some(EndReason::Refused { code: said, .. }) if *said == code);
        assert!(refused, "{code:?}: {:?}", world.ended(ben));
    }
}

#[test]
fn the_one_who_waits_offers_when_the_newcomer_does_not() {
    fn swallow_the_newcomers_offers(message: &mut ServerMessage) {
        if let ServerMessage::Signal { from, payload } = message
            && from.as_bytes()[0] == 2
            && payload["sdp_type"] == serde_json::to_value(SdpType::Offer).unwrap()
        {
            *message = ServerMessage::Unknown;
        }
    }
    let mut world = World::pair(13);
    world.tamper = Some(swallow_the_newcomers_offers);
    world.run_s(6);
    world.expect_media();
    assert_eq!(
        world.parties[1].session.counters().glares,
        1,
        "and the newcomer gives way"
    );
}
