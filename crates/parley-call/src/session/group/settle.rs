//! What follows in a group from its new state: what is asked of the driver, what the server and the others are told, and when one way
//! is enough.

use super::source::{is_on, kind_of, source_of};
use super::watch::Due;
use super::{Around, Follow, Group, Standing};
use crate::port::TrackKind;
use crate::session::context::Context;
use crate::session::leg::ShareTracks;
use crate::session::peer_link::PeerLink;
use parley_proto::{ClientMessage, Down, DownState, ParticipantId, Publish, TopologyMode};
use std::time::{Duration, Instant};

/// With neither server nor media the call is over after this, as a call of two is.
const SILENCE_MAX: Duration = Duration::from_secs(75);

impl Group {
    /// Time has passed.
    pub(in crate::session) fn on_timeout(&mut self, now: Instant) {
        self.members.on_timeout(now);
        if self.in_force() {
            self.connection.on_timeout(now);
        }
    }

    /// When [`Group::on_timeout`] and [`Group::settle`] are due.
    pub(in crate::session) fn deadline(&self, joined: bool) -> Option<Instant> {
        if !self.in_force() {
            return None;
        }
        let words = self.words.next_at().filter(|_| joined && self.words_wait);
        let expected = match self.standing {
            Standing::Expected { until } => Some(until),
            _ => None,
        };
        let told = joined && self.connection.is_negotiated();
        // Those who wait for something else are told when that comes.
        let newcomers = [
            self.members.tells_newcomers_at(),
            self.spotlights.tells_newcomers_at(),
        ];
        let newcomers = newcomers.into_iter().flatten().min();
        let newcomers = newcomers.filter(|_| joined && !self.words_wait);
        let parts = [
            words,
            expected,
            self.connection.deadline(),
            self.connection.retry_at().filter(|_| joined),
            self.lists.deadline().filter(|_| told),
            self.to_driver.deadline(),
            self.watch.deadline(),
            self.members.deadline(),
            newcomers,
            self.silent_since.map(|since| since + SILENCE_MAX),
        ];
        parts.into_iter().flatten().min()
    }

    /// Whether nothing could be reached for so long that nothing will be.
    pub(in crate::session) fn is_hopeless(&self, now: Instant) -> bool {
        self.silent_since.is_some_and(|since| now >= since + SILENCE_MAX)
    }

    /// Carries out what follows.
    pub(in crate::session) fn settle(&mut self, around: Around<'_>, cx: &mut Context<'_>) -> Option<Follow> {
        if !self.in_force() {
            self.say_ready_of_two(around, cx);
            return None;
        }
        self.speak(around, cx);
        if matches!(self.standing, Standing::Expected { until } if cx.now >= until) {
            return Some(Follow::NoGroup);
        }
        if let Some(link) = around.link.filter(|link| link.proven()) {
            self.members.set_proven(link.other());
        }
        self.connect_as_wanted(around, cx);
        self.note_ups_and_downs(around, cx);
        self.to_driver.pass_on(self.publications.all(), cx);
        self.look_after_pictures(cx);
        self.tell_lists(around, cx);
        self.judge(around, cx)
    }

    /// Whoever came into a room that was a group, when it was one of two again, is ready like the other one.
    fn say_ready_of_two(&mut self, around: Around<'_>, cx: &mut Context<'_>) {
        let ready = around.joined
            && self.topology.mode() == TopologyMode::Direct
            && around.link.is_some_and(PeerLink::flows);
        if ready && let Some(number) = self.topology.say() {
            cx.to_server.push(ClientMessage::TopologyReady { number });
        }
    }

    fn connect_as_wanted(&mut self, around: Around<'_>, cx: &mut Context<'_>) {
        let (own, speaks) = (self.members.own_media(), !self.listens);
        let share = ShareTracks {
            screen: own.screen_on,
            sound: own.screen_sound_on,
        };
        if around.joined && self.connection.is_due(cx.now) {
            self.connection
                .open(around.ice_servers.to_vec(), speaks, share, cx);
            self.publications.expect();
        }
        self.connection.set_speaks(speaks, cx);
        if self.connection.is_negotiated() {
            self.connection.add_share(share, cx);
        }
        if around.joined
            && let Some((connection, sdp)) = self.connection.take_offer(cx.now)
        {
            let publish = self.publish();
            self.lists.offered(publish.clone());
            cx.to_server.push(ClientMessage::SfuOffer {
                connection,
                sdp,
                publish,
            });
        }
    }

    /// What this side sends, in the sections that were offered last; a listener sends nothing.
    fn publish(&self) -> Vec<Publish> {
        if self.listens {
            return Vec::new();
        }
        let own = self.members.own_media();
        let told = |one: &Publish| {
            let on = kind_of(one.source).is_some_and(|kind| is_on(own, kind));
            Publish { on, ..one.clone() }
        };
        self.connection.publish().iter().map(told).collect()
    }

    fn note_ups_and_downs(&mut self, around: Around<'_>, cx: &mut Context<'_>) {
        let up = self.connection.is_up();
        if std::mem::replace(&mut self.was_up, up) && !up {
            cx.counters.sfu_losses += 1;
            cx.out.sfu_down();
        }
        if up {
            self.first_up.get_or_insert(cx.now);
        }
        let media = up || around.link.is_some_and(PeerLink::is_up);
        let reached = around.joined || media;
        if self.connection.take_unanswered() && !media && self.come_back.allow(cx.now) {
            // Both went over the same network: the way to the server may be as dead, and not know it yet.
            cx.moved = true;
        }
        if reached {
            self.silent_since = None;
        } else {
            self.silent_since.get_or_insert(cx.now);
        }
    }

    /// Pictures that should flow and do not.
    fn look_after_pictures(&mut self, cx: &mut Context<'_>) {
        let wishes = &self.wishes;
        self.watch.keep(|who, kind| wishes.has(who, source_of(kind)));
        let downs = &self.downs;
        let flows = |who: ParticipantId, kind: TrackKind| {
            downs.iter().any(|down| {
                down.participant == who && down.source == source_of(kind) && down.state == DownState::Flows
            })
        };
        // Of what never began the driver knows nothing.
        for down in downs {
            if self.connection.is_up()
                && let Some(kind) = kind_of(down.source)
                && flows(down.participant, kind)
                && wishes.has(down.participant, down.source)
                && !cx.out.is_by_sfu(down.participant, kind)
            {
                self.watch.on_nothing(cx.now, down.participant, kind);
            }
        }
        while let Some(due) = self.watch.due(cx.now, flows) {
            match due {
                Due::AskAnew(who, kind) => self.lists.begin_anew(who, source_of(kind)),
                Due::Count => cx.counters.pictures_stalled += 1,
            }
        }
    }

    fn tell_lists(&mut self, around: Around<'_>, cx: &mut Context<'_>) {
        if !around.joined || !self.connection.is_negotiated() {
            return;
        }
        let publish = self.publish();
        let kbps_max = self.members.own_media().picture_kbps_max;
        let (wishes, publications) = (&mut self.wishes, &self.publications);
        self.lists
            .tell(publish, kbps_max, || wishes.list(around.roster, publications), cx);
    }

    /// Says to the others what they do not know, as far as that may be said now.
    fn speak(&mut self, around: Around<'_>, cx: &mut Context<'_>) {
        self.words_wait = false;
        let Some(me) = around.me.filter(|_| around.joined) else {
            return;
        };
        loop {
            if !self.words.may_say(cx.now) {
                self.words_wait = self.words.next_at().is_some();
                return;
            }
            let next = self
                .members
                .next_word(cx.now)
                .or_else(|| self.spotlights.next_word(cx.now));
            let Some((to, message)) = next else {
                return;
            };
            self.words.say(me, to, &message, cx);
        }
    }

    /// Whether this side is ready for what the server wants, and what follows once others are too.
    fn judge(&mut self, around: Around<'_>, cx: &mut Context<'_>) -> Option<Follow> {
        let alone = around.roster.is_empty();
        let ready = match self.standing {
            Standing::Sfu => self.is_ready_for_sfu(around, cx),
            Standing::Back if alone => return Some(Follow::Over),
            Standing::Back => around.link.is_some_and(|link| self.is_ready_for_direct(link)),
            Standing::Pair | Standing::Expected { .. } => false,
        };
        if ready
            && around.joined
            && let Some(number) = self.topology.say()
        {
            cx.to_server.push(ClientMessage::TopologyReady { number });
        }
        let other = around.link.map(PeerLink::other)?;
        let both = self.topology.are_ready(other);
        match self.standing {
            Standing::Sfu if both => Some(Follow::EndDirect),
            Standing::Back if both => Some(Follow::Over),
            _ => None,
        }
    }

    /// Everything that comes directly comes through the SFU too, as far as it is wanted.
    fn is_ready_for_sfu(&self, around: Around<'_>, cx: &Context<'_>) -> bool {
        if !self.connection.is_up() || !self.publications.were_told() {
            return false;
        }
        let Some(link) = around.link else { return true };
        let (who, media) = (link.other(), link.their_media());
        let is_there = |kind: &TrackKind| {
            !is_on(media, *kind) || !self.is_wanted(who, *kind) || cx.out.is_by_sfu(who, *kind)
        };
        link.tracks().iter().all(is_there)
    }

    /// Sound always is; a picture while it has a section and this side's way carries it.
    fn is_wanted(&self, who: ParticipantId, kind: TrackKind) -> bool {
        let source = source_of(kind);
        let paused =
            |down: &Down| (down.participant, down.source, down.state) == (who, source, DownState::Paused);
        source.is_sound() || self.wishes.has(who, source) && !self.downs.iter().any(paused)
    }

    /// Everything that is sent comes directly.
    fn is_ready_for_direct(&self, link: &PeerLink) -> bool {
        // Of somebody who was asked for no pictures none come.
        let none_asked = self.members.own_media().picture_kbps_max == Some(0);
        let comes = |kind: TrackKind| link.tracks().contains(&kind) || kind == TrackKind::Video && none_asked;
        link.flows() && self.publications.kinds_on(link.other()).all(comes)
    }
}
