//! What each of the others in a group said of themselves, and what they were told. Sans-IO.
//!
//! A state is said to everybody when it changes, and to a newcomer by itself, or to everybody once more where many come together:
//! microphone and camera, then the hand if it is up, then whatever recording asks. What is said once (a reaction) goes before. Nothing is queued but that: what is to be said follows
//! from what they were told.

use super::newcomers::Newcomers;
use crate::session::context::Context;
use crate::session::io::SessionEvent;
use crate::session::presence::with_what_it_takes;
use crate::session::recording::Recording;
use crate::snapshot::{RecordingConsent, RecordingRefusal};
use parley_proto::{ControlMessage, MediaState, ParticipantId, Reaction};
use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

/// Reactions that wait for their turn; more are dropped, for later they would mean nothing.
const REACTIONS_MAX: usize = 4;

/// Somebody else in the group.
#[derive(Debug, Default)]
pub(super) struct Member {
    /// What they said of their microphone and the rest.
    pub(super) media: Option<MediaState>,
    pub(super) hand: bool,
    /// They send neither sound nor picture.
    listens: bool,
    recording: Recording,
    /// They proved directly, at some time, that they hold the link.
    pub(super) proven: bool,
    /// What they were told of this side by itself, or with everybody.
    told: Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Told {
    #[default]
    Nothing,
    /// The hand is next, if it is up.
    Media,
    All,
}

impl Member {
    /// Whether they record.
    pub(super) fn records(&self) -> bool {
        self.recording.they_record()
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Members {
    of: BTreeMap<ParticipantId, Member>,
    own_media: MediaState,
    own_hand: bool,
    own_listens: bool,
    /// What everybody was told who was there then.
    told_media: Option<MediaState>,
    told_hand: bool,
    newcomers: Newcomers,
    reactions: VecDeque<Reaction>,
    /// This side lets itself be recorded.
    allowed: bool,
    /// It wants to record.
    wish: bool,
}

impl Members {
    pub(super) fn get(&self, id: ParticipantId) -> Option<&Member> {
        self.of.get(&id)
    }

    pub(super) fn set_own_media(&mut self, media: MediaState) {
        self.own_media = MediaState {
            takes_files: true,
            ..with_what_it_takes(media)
        };
    }

    pub(super) const fn own_media(&self) -> MediaState {
        self.own_media
    }

    pub(super) const fn set_own_hand(&mut self, raised: bool) {
        self.own_hand = raised;
    }

    /// Somebody is there. Whoever was there before is told everything again: they may have missed it.
    pub(super) fn welcome(&mut self, now: Instant, id: ParticipantId, listens: bool) {
        let is_new = !self.of.contains_key(&id);
        let (allowed, wish) = (self.allowed, self.wish);
        let member = self.of.entry(id).or_default();
        member.told = Told::Nothing;
        member.listens = listens;
        member.recording.retell();
        if is_new {
            member.recording.allow(allowed);
            if wish && !listens {
                member.recording.wish(now, true);
            }
        }
    }

    /// Somebody only listens from now on, or may speak. Nothing of a listener is recorded, so they are not asked; who may speak is asked like
    /// a newcomer.
    pub(super) fn set_listens(&mut self, now: Instant, id: ParticipantId, listens: bool) {
        let wish = self.wish;
        if let Some(member) = self.of.get_mut(&id)
            && std::mem::replace(&mut member.listens, listens) != listens
        {
            member.recording.wish(now, wish && !listens);
        }
    }

    /// This side only listens from now on, or may speak: then everybody is told of its devices, for some were not.
    pub(super) fn set_own_listens(&mut self, listens: bool) {
        if std::mem::replace(&mut self.own_listens, listens) && !listens {
            self.told_media = None;
        }
    }

    pub(super) fn set_proven(&mut self, id: ParticipantId) {
        if let Some(member) = self.of.get_mut(&id) {
            member.proven = true;
        }
    }

    pub(super) fn forget(&mut self, id: ParticipantId) {
        self.of.remove(&id);
    }

    /// Shows everybody a reaction.
    pub(super) fn react(&mut self, reaction: Reaction, cx: &mut Context<'_>) {
        if self.reactions.len() < REACTIONS_MAX {
            self.reactions.push_back(reaction);
        } else {
            cx.counters.signals_dropped += 1;
        }
    }

    /// This side lets itself be recorded, or does no more.
    pub(super) fn allow_recording(&mut self, allowed: bool) {
        self.allowed = allowed;
        for member in self.of.values_mut() {
            member.recording.allow(allowed);
        }
    }

    /// This side wants to record, or does no more.
    pub(super) fn record(&mut self, now: Instant, on: bool) {
        self.wish = on;
        for member in self.of.values_mut() {
            member.recording.wish(now, on && !member.listens);
        }
    }

    /// Whether this side wants to record.
    pub(super) const fn wants_to_record(&self) -> bool {
        self.wish
    }

    /// What all of them said to that: one who does not agree counts more than all who do.
    pub(super) fn consent(&self) -> RecordingConsent {
        if !self.wish {
            return RecordingConsent::Unasked;
        }
        let speakers = self.of.values().filter(|member| !member.listens);
        let said = speakers.map(|member| member.recording.consent());
        let rank = |consent: &RecordingConsent| match consent {
            RecordingConsent::Agreed => 0,
            RecordingConsent::Unasked => 1,
            RecordingConsent::Asking => 2,
            RecordingConsent::Refused(_) => 3,
        };
        said.max_by_key(rank)
            .unwrap_or(RecordingConsent::Refused(RecordingRefusal::NobodyThere))
    }

    /// Somebody said something.
    pub(super) fn hear(&mut self, from: ParticipantId, message: &ControlMessage, cx: &mut Context<'_>) {
        let Some(member) = self.of.get_mut(&from) else {
            return;
        };
        match message {
            ControlMessage::MediaState(media) => member.media = Some(*media),
            ControlMessage::Hand { raised } => member.hand = *raised,
            ControlMessage::Recording { state } => member.recording.on_state(*state),
            ControlMessage::MayRecord { allowed } => member.recording.on_answer(*allowed),
            ControlMessage::Reaction {
                reaction: Reaction::Unknown,
            } => {}
            ControlMessage::Reaction { reaction } => cx.out.event(SessionEvent::Reaction {
                participant: from,
                reaction: *reaction,
            }),
            // Who leaves tells the server, and offers are for the direct way.
            ControlMessage::Bye
            | ControlMessage::Offer { .. }
            | ControlMessage::Spotlight { .. }
            | ControlMessage::Unknown => {}
        }
    }

    pub(super) fn on_timeout(&mut self, now: Instant) {
        for member in self.of.values_mut() {
            member.recording.on_timeout(now);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.of
            .values()
            .filter_map(|member| member.recording.deadline())
            .min()
    }

    /// When newcomers are told who wait to be; where nothing else keeps this side from saying it.
    pub(super) fn tells_newcomers_at(&self) -> Option<Instant> {
        let waits = self.of.values().any(|member| self.is_to_be_told(member));
        self.newcomers.next_at().filter(|_| waits)
    }

    /// Whether somebody came who was told nothing, and for whom there is something. Hundreds of listeners would tell each other that nothing
    /// of theirs is on.
    fn is_to_be_told(&self, member: &Member) -> bool {
        member.told == Told::Nothing && (!self.own_listens || !member.listens || self.own_hand)
    }

    /// Those of them whose word may as well go to everybody: of a listener among others it is the hand alone.
    fn those_of_one_word(&self) -> Vec<ParticipantId> {
        let of_one = |(_, member): &(&ParticipantId, &Member)| {
            self.is_to_be_told(member) && (!self.own_listens || member.listens)
        };
        self.of.iter().filter(of_one).map(|(id, _)| *id).collect()
    }

    /// Where many came everybody is told once more, if it is time for that.
    fn tell_many(&mut self, now: Instant) {
        let waiting = self.those_of_one_word();
        if !Newcomers::are_many(waiting.iter()) || !self.newcomers.take(now) {
            return;
        }
        for id in waiting {
            if let Some(member) = self.of.get_mut(&id) {
                member.told = Told::All;
            }
        }
        self.told_hand = false;
        if !self.own_listens {
            self.told_media = None;
        }
    }

    /// The next thing to be said now, and to whom (nobody: to everybody); it counts as said.
    pub(super) fn next_word(&mut self, now: Instant) -> Option<(Option<ParticipantId>, ControlMessage)> {
        if self.of.is_empty() {
            self.reactions.clear();
            return None;
        }
        if let Some(reaction) = self.reactions.pop_front() {
            return Some((None, ControlMessage::Reaction { reaction }));
        }
        if self.of.values().all(|member| member.told == Told::Nothing) {
            // One word for all of them; of a listener among others, whose word would go to hundreds, to each of those who may speak.
            let each = self.own_listens && self.of.values().any(|member| member.listens);
            self.told_media = each.then_some(self.own_media);
            self.told_hand = false;
            for member in self.of.values_mut().filter(|member| !each || member.listens) {
                member.told = Told::All;
            }
        }
        self.tell_many(now);
        if self.told_media != Some(self.own_media) {
            self.told_media = Some(self.own_media);
            return Some((None, ControlMessage::MediaState(self.own_media)));
        }
        let raised = self.own_hand;
        if self.told_hand != raised {
            self.told_hand = raised;
            return Some((None, ControlMessage::Hand { raised }));
        }
        let own_listens = self.own_listens;
        for (id, member) in &mut self.of {
            let silent = own_listens && member.listens;
            if member.told == Told::Nothing && (silent && !raised || self.newcomers.take(now)) {
                member.told = Told::Media;
                if !silent {
                    return Some((Some(*id), ControlMessage::MediaState(self.own_media)));
                }
            }
            if member.told == Told::Media {
                member.told = Told::All;
                if raised {
                    return Some((Some(*id), ControlMessage::Hand { raised }));
                }
            }
            if let Some(message) = member.recording.next_message() {
                return Some((Some(*id), message));
            }
        }
        None
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an arbitrary moment to count from")]
mod tests {
    use super::*;
    use std::time::Duration;

    fn id(n: u16) -> ParticipantId {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        ParticipantId::from_bytes(id)
    }

    /// Everything that may be said now: to whom, and whether it is of the hand.
    fn words(members: &mut Members, now: Instant) -> Vec<(Option<ParticipantId>, bool)> {
        let next = || members.next_word(now);
        let all = std::iter::from_fn(next).take(999);
        all.map(|(to, message)| (to, matches!(message, ControlMessage::Hand { .. })))
            .collect()
    }

    #[test]
    fn a_newcomer_is_told_by_itself_and_hundreds_who_come_together_by_a_few_words_to_everybody() {
        let (mut members, start) = (Members::default(), Instant::now());
        members.set_own_hand(true);
        members.welcome(start, id(1), false);
        assert_eq!(words(&mut members, start), [(None, false), (None, true)]);
        members.welcome(start, id(2), false);
        let each = [(Some(id(2)), false), (Some(id(2)), true)];
        assert_eq!(words(&mut members, start), each);
        let mut said = Vec::new();
        let mut now = start;
        for n in 0..300 {
            now = start + Duration::from_millis(1000 + 10 * u64::from(n));
            members.welcome(now, id(10 + n), true);
            said.extend(words(&mut members, now));
        }
        let due = members.tells_newcomers_at().expect("some wait");
        assert!(due > now, "nothing that was due is left");
        said.extend(words(&mut members, due));
        assert!(said.len() <= 30, "{}", said.len());
        assert_eq!(said[said.len() - 2..], [(None, false), (None, true)]);
        assert_eq!(members.tells_newcomers_at(), None);
    }

    #[test]
    fn a_listener_tells_listeners_nothing_but_of_the_hand_and_all_of_them_by_one_word() {
        let (mut members, now) = (Members::default(), Instant::now());
        members.set_own_listens(true);
        members.welcome(now, id(1), false);
        for n in 10..60 {
            members.welcome(now, id(n), true);
        }
        assert_eq!(words(&mut members, now), [(Some(id(1)), false)]);
        members.set_own_hand(true);
        assert_eq!(words(&mut members, now), [(None, true)]);
        for n in 60..90 {
            members.welcome(now, id(n), true);
        }
        let later = now + Duration::from_secs(2);
        assert_eq!(words(&mut members, later), [(None, true)]);
    }
}
