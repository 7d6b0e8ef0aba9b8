//! What a call of three and more is in a window's words: who speaks, and how each picture comes. Pure functions of what the
//! call says and what came; in a call of two they tell the same of the one picture there is.

use crate::endpoint::SCREEN_TILE_OF;
use crate::view::{GroupView, OffenceKind, OffenceView, OffencesView, PictureState};
use parley_call::port::TrackKind;
use parley_call::{CallSnapshot, DownSnapshot, GroupSnapshot, PersonSnapshot};
use parley_proto::{DownState, Offence, OffenceCount, ParticipantId};

pub(super) fn view(group: &GroupSnapshot) -> GroupView {
    GroupView {
        up: group.up,
        speakers: group.speakers.iter().map(ParticipantId::to_string).collect(),
        short: group.is_short(),
    }
}

/// The tile that a host put large for everybody.
pub(super) fn spotlight(call: &CallSnapshot) -> Option<String> {
    let spotlight = call.spotlight?;
    let prefix = if spotlight.screen { SCREEN_TILE_OF } else { "" };
    Some(format!("{prefix}{}", spotlight.participant))
}

/// What hosts are told of somebody's client.
pub(super) fn offences(call: &CallSnapshot, who: ParticipantId) -> Option<OffencesView> {
    let told = call.offences.iter().find(|told| told.participant == who)?;
    let kind = |what| match what {
        Offence::Flood => Some(OffenceKind::Flood),
        Offence::Streams => Some(OffenceKind::Streams),
        Offence::Malformed => Some(OffenceKind::Malformed),
        Offence::KeyFrames => Some(OffenceKind::KeyFrames),
        Offence::Lists => Some(OffenceKind::Lists),
        Offence::Upstream => Some(OffenceKind::Upstream),
        Offence::Absurd => Some(OffenceKind::Absurd),
        Offence::Unknown => None,
    };
    let seen = |one: &OffenceCount| {
        let what = kind(one.what)?;
        Some(OffenceView {
            what,
            count: one.count,
        })
    };
    Some(OffencesView {
        list: told.list.iter().filter_map(seen).collect(),
        kicks: told.kicks,
    })
}

/// Whether nobody in between can see or hear anything.
pub(super) fn is_end_to_end(call: &CallSnapshot) -> bool {
    call.group.is_none() && !call.people.is_empty() && call.people.iter().all(|person| person.proven)
}

/// How somebody's camera or screen comes; `came`: a picture of it was decoded here.
pub(super) fn picture(
    call: &CallSnapshot,
    person: &PersonSnapshot,
    kind: TrackKind,
    came: bool,
) -> PictureState {
    let is_on = match kind {
        TrackKind::Screen => person.media.screen_on,
        _ => person.media.camera_on,
    };
    // Until the server's relay is reached, those who were there before are seen directly.
    let through_server = call.group.as_ref().filter(|group| group.up);
    let down = through_server.map(|_| down(call, person.id, kind));
    match down.map(|down| down.map(|down| down.state)) {
        _ if !is_on => PictureState::Off,
        _ if call.sound_only && kind == TrackKind::Video => PictureState::Saved,
        Some(None) => PictureState::Unwatched,
        Some(Some(DownState::Paused)) if down.flatten().is_some_and(|down| down.saved) => PictureState::Saved,
        Some(Some(DownState::Paused)) => PictureState::Paused,
        Some(Some(DownState::Waiting | DownState::Absent)) => PictureState::Waiting,
        None | Some(Some(DownState::Flows)) if !came => PictureState::Waiting,
        None | Some(Some(DownState::Flows)) if person.stalled => PictureState::Stalled,
        None | Some(Some(DownState::Flows)) => PictureState::Flows,
    }
}

/// What became of the wish to see it.
pub(super) fn down(call: &CallSnapshot, who: ParticipantId, kind: TrackKind) -> Option<&DownSnapshot> {
    let mut downs = call.group.iter().flat_map(|group| &group.downs);
    downs.find(|down| down.participant == who && down.kind == kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_call::{OffencesSnapshot, Spotlight};
    use parley_proto::{MediaState, Role};

    fn id(number: u8) -> ParticipantId {
        ParticipantId::from_bytes([number; 16])
    }

    fn call(group: Option<GroupSnapshot>) -> CallSnapshot {
        let person = PersonSnapshot {
            role: Role::Host,
            media: MediaState {
                camera_on: true,
                ..MediaState::default()
            },
            media_told: true,
            proven: true,
            ..PersonSnapshot::new(id(1), "Ada")
        };
        CallSnapshot {
            people: vec![person],
            group,
            ..CallSnapshot::new()
        }
    }

    fn camera(call: &CallSnapshot, came: bool) -> PictureState {
        picture(call, &call.people[0], TrackKind::Video, came)
    }

    #[test]
    fn the_picture_of_a_call_of_two_comes_or_is_waited_for() {
        let mut two = call(None);
        assert_eq!(camera(&two, false), PictureState::Waiting);
        assert_eq!(camera(&two, true), PictureState::Flows);
        assert_eq!(
            picture(&two, &two.people[0], TrackKind::Screen, true),
            PictureState::Off
        );
        two.people[0].stalled = true;
        assert_eq!(camera(&two, true), PictureState::Stalled);
        two.people[0].media.camera_on = false;
        assert_eq!(camera(&two, true), PictureState::Off);
    }

    #[test]
    fn the_server_says_why_a_picture_of_a_group_does_not_come() {
        let with = |up, state: Option<DownState>| {
            let downs = state.map(|state| DownSnapshot {
                participant: id(1),
                kind: TrackKind::Video,
                state,
                saved: false,
                rid: Some("h".into()),
            });
            call(Some(GroupSnapshot {
                up,
                speakers: vec![id(1)],
                downs: downs.into_iter().collect(),
            }))
        };
        for (up, state, came, expect) in [
            (true, None, true, PictureState::Unwatched),
            (true, Some(DownState::Flows), true, PictureState::Flows),
            (true, Some(DownState::Flows), false, PictureState::Waiting),
            (true, Some(DownState::Waiting), true, PictureState::Waiting),
            (true, Some(DownState::Absent), true, PictureState::Waiting),
            (true, Some(DownState::Paused), true, PictureState::Paused),
            (false, None, true, PictureState::Flows),
            (false, None, false, PictureState::Waiting),
        ] {
            assert_eq!(camera(&with(up, state), came), expect, "{up} {state:?} {came}");
        }
        let paused = with(true, Some(DownState::Paused));
        let seen = view(paused.group.as_ref().unwrap());
        assert!(seen.short && seen.speakers == [id(1).to_string()]);
    }

    #[test]
    fn what_this_side_saves_itself_is_no_weak_link() {
        let downs = vec![DownSnapshot {
            participant: id(1),
            kind: TrackKind::Video,
            state: DownState::Paused,
            saved: true,
            rid: None,
        }];
        let mut saves = call(Some(GroupSnapshot {
            up: true,
            downs,
            ..GroupSnapshot::default()
        }));
        assert_eq!(camera(&saves, true), PictureState::Saved);
        assert!(!view(saves.group.as_ref().unwrap()).short);
        // With sound only it is not even asked for, in a group or by two.
        for group in [Some(GroupSnapshot::default()), None] {
            saves.group = group;
            assert_ne!(camera(&saves, true), PictureState::Saved);
            saves.sound_only = true;
            assert_eq!(camera(&saves, true), PictureState::Saved);
            saves.people[0].media.screen_on = true;
            let screen = picture(&saves, &saves.people[0], TrackKind::Screen, true);
            assert_eq!(screen, PictureState::Flows, "a screen still comes");
            saves.people[0].media.camera_on = false;
            assert_eq!(camera(&saves, true), PictureState::Off);
            (saves.sound_only, saves.people[0].media.camera_on) = (false, true);
        }
    }

    #[test]
    fn whom_a_host_put_large_and_whose_client_misbehaves_is_told_by_their_tile() {
        let mut room = call(Some(GroupSnapshot::default()));
        assert_eq!((spotlight(&room), offences(&room, id(1))), (None, None));
        let large = |screen| Spotlight {
            participant: id(1),
            screen,
        };
        room.spotlight = Some(large(false));
        assert_eq!(spotlight(&room), Some(id(1).to_string()));
        room.spotlight = Some(large(true));
        assert_eq!(spotlight(&room), Some(format!("screen:{}", id(1))));
        let count = |what| OffenceCount { what, count: 3 };
        room.offences = vec![OffencesSnapshot {
            participant: id(1),
            list: vec![count(Offence::Flood), count(Offence::Unknown)],
            kicks: 1,
        }];
        let seen = offences(&room, id(1)).unwrap();
        assert_eq!(
            (seen.list.len(), seen.list[0].what, seen.kicks),
            (1, OffenceKind::Flood, 1)
        );
        assert_eq!(offences(&room, id(2)), None);
    }

    #[test]
    fn only_a_direct_call_with_a_proven_side_is_encrypted_from_end_to_end() {
        assert!(is_end_to_end(&call(None)));
        assert!(!is_end_to_end(&call(Some(GroupSnapshot::default()))));
        assert!(!is_end_to_end(&CallSnapshot::new()));
        let mut unproven = call(None);
        unproven.people[0].proven = false;
        assert!(!is_end_to_end(&unproven));
    }
}
