//! Pictures that are wished for, should flow and do not: their section is asked for anew once, then they are counted. Sans-IO.
//!
//! Before that the driver asks for key frames. What the server says flows, and never began to come, is watched too: the driver knows nothing
//! of it. Sound is not watched: the server forwards no silence.

use crate::port::TrackKind;
use parley_proto::ParticipantId;
use std::time::{Duration, Instant};

/// The driver tells after one second without packets; so much later the section is asked for anew.
const ASK_ANEW_AFTER: Duration = Duration::from_secs(2);
/// What did not help by then will not.
const GIVE_UP_AFTER: Duration = Duration::from_secs(3);
/// Pictures that are watched at once: each has a section.
const WATCHED_MAX: usize = 64;

#[derive(Debug)]
struct Stalled {
    participant: ParticipantId,
    kind: TrackKind,
    next_at: Option<Instant>,
    /// It came before.
    began: bool,
    asked_anew: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Watch(Vec<Stalled>);

/// What is to be done about a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Its section is asked for anew.
    AskAnew(ParticipantId, TrackKind),
    /// That did not help.
    Count,
}

impl Watch {
    /// Packets of a picture stopped, or go on.
    pub(super) fn on_flow(&mut self, now: Instant, participant: ParticipantId, kind: TrackKind, comes: bool) {
        if comes {
            self.0
                .retain(|one| (one.participant, one.kind) != (participant, kind));
        } else {
            self.note(now, participant, kind, true);
        }
    }

    /// The server says that a picture flows, and nothing of it came yet.
    pub(super) fn on_nothing(&mut self, now: Instant, participant: ParticipantId, kind: TrackKind) {
        self.note(now, participant, kind, false);
    }

    fn note(&mut self, now: Instant, participant: ParticipantId, kind: TrackKind, began: bool) {
        let is_picture = matches!(kind, TrackKind::Video | TrackKind::Screen);
        let is = |one: &Stalled| one.participant == participant && one.kind == kind;
        if is_picture && !self.0.iter().any(is) && self.0.len() < WATCHED_MAX {
            self.0.push(Stalled {
                participant,
                kind,
                next_at: Some(now + ASK_ANEW_AFTER),
                began,
                asked_anew: false,
            });
        }
    }

    /// Only these are wished for.
    pub(super) fn keep(&mut self, wished: impl Fn(ParticipantId, TrackKind) -> bool) {
        self.0.retain(|one| wished(one.participant, one.kind));
    }

    /// Whether it should be seen. That something begins takes a moment.
    pub(super) fn is_stalled(&self, participant: ParticipantId, kind: TrackKind) -> bool {
        let is = |one: &Stalled| one.participant == participant && one.kind == kind;
        self.0.iter().any(|one| is(one) && (one.began || one.asked_anew))
    }

    /// What is due of the next one, if anything. Time counts only while the server says that it `flows`.
    pub(super) fn due(
        &mut self,
        now: Instant,
        flows: impl Fn(ParticipantId, TrackKind) -> bool,
    ) -> Option<Due> {
        let is_due = |one: &&mut Stalled| one.next_at.is_some_and(|at| now >= at);
        for one in self.0.iter_mut().filter(is_due) {
            if !flows(one.participant, one.kind) {
                one.next_at = Some(now + ASK_ANEW_AFTER);
            }
        }
        let one = self.0.iter_mut().find(is_due)?;
        if std::mem::replace(&mut one.asked_anew, true) {
            one.next_at = None;
            return Some(Due::Count);
        }
        one.next_at = Some(now + GIVE_UP_AFTER);
        Some(Due::AskAnew(one.participant, one.kind))
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.iter().filter_map(|one| one.next_at).min()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an arbitrary moment to count from")]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_stopped_is_asked_for_anew_once_and_then_counted() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let ben = ParticipantId::from_bytes([2; 16]);
        let mut watch = Watch::default();
        watch.on_flow(start, ben, TrackKind::Audio, false);
        assert!(!watch.is_stalled(ben, TrackKind::Audio), "silence is no fault");
        watch.on_flow(start, ben, TrackKind::Video, false);
        assert_eq!(watch.due(at(1_999), |_, _| true), None);
        assert_eq!(
            watch.due(at(2_000), |_, _| true),
            Some(Due::AskAnew(ben, TrackKind::Video))
        );
        assert_eq!(watch.due(at(4_999), |_, _| true), None);
        assert_eq!(watch.due(at(5_000), |_, _| true), Some(Due::Count));
        assert_eq!(
            (watch.due(at(60_000), |_, _| true), watch.deadline()),
            (None, None)
        );
        assert!(watch.is_stalled(ben, TrackKind::Video));
        watch.on_flow(at(60_000), ben, TrackKind::Video, true);
        assert!(!watch.is_stalled(ben, TrackKind::Video));
    }

    #[test]
    fn a_picture_that_never_began_is_asked_for_anew_too_and_is_no_stalled_one_before() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let ben = ParticipantId::from_bytes([2; 16]);
        let mut watch = Watch::default();
        // Said again and again, it is late by the first time.
        for ms in (0..2_000).step_by(100) {
            watch.on_nothing(at(ms), ben, TrackKind::Video);
            assert!(!watch.is_stalled(ben, TrackKind::Video));
        }
        assert_eq!(
            watch.due(at(2_000), |_, _| true),
            Some(Due::AskAnew(ben, TrackKind::Video))
        );
        assert!(watch.is_stalled(ben, TrackKind::Video));
        watch.on_flow(at(2_500), ben, TrackKind::Video, true);
        assert_eq!(
            (watch.due(at(60_000), |_, _| true), watch.deadline()),
            (None, None)
        );
    }
}
