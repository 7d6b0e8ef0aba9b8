//! Connections between this side and some of the others in a group, for files alone: media of a group goes through the SFU, and files
//! would fill that for everybody. Sans-IO; owned by [`super::stay`].
//!
//! Each is a whole [`PeerLink`] with a driver of its own, proven as that of a call of two, over which nothing but lanes of files is used.
//! It is made when the app wants one (somebody accepted a file), or met when the other side makes it and the app has something
//! with them; it is closed a while after nothing is wanted any more, and when the two talk directly again. One that fails rests, then
//! is tried again for as long as it is wanted.

use super::context::Context;
use super::io::{Outbox, Output, PairCommand, SessionEvent};
use super::missing::Missing;
use super::peer_link::PeerLink;
use super::proof_exchange::Parties;
use super::rate::RateLimit;
use super::roster::Roster;
use crate::call::FileWay;
use crate::ice::IceServer;
use crate::port::{LaneKind, PeerEvent};
use crate::proof::ProofKey;
use parley_proto::limits::GROUP_PEOPLE_MAX;
use parley_proto::{
    ClientMessage, LinkSecret, MediaState, PairMessage, Participant, ParticipantId, PeerEnvelope,
    PeerMessage, RoomId,
};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Connections that this side makes at once; more wait for their turn.
const MADE_MAX: usize = 4;
/// Connections there are at once, with those that others make: so two who wait for each other's turn find one.
const PAIRS_MAX: usize = 8;
/// So many of those are not for connections that others make: this side's own wishes find room whatever they do.
const OWN_MIN: usize = 2;
/// One person's connections are met so often at once, then once in so much time: each costs a driver, whatever becomes of it.
const MEETINGS: RateLimit = RateLimit::new(4, Duration::from_secs(10));
/// They are made one after the other, so that their candidates do not come faster than a server takes messages.
const MADE_EVERY: Duration = Duration::from_millis(250);
/// One that nobody needs stays for so long: the last word on it may be on its way, and another file may follow.
const LINGER: Duration = Duration::from_secs(20);
/// One that failed is tried again after this, twice as long each time, ...
const REST_FIRST: Duration = Duration::from_secs(3);
/// ... and at most this.
const REST_MAX: Duration = Duration::from_secs(60);
/// Messages about one: so many at once, then one in so much time.
const MESSAGES: RateLimit = RateLimit::new(100, Duration::from_millis(50));

/// What is around them.
#[derive(Debug, Clone, Copy)]
pub(super) struct PairsAround<'a> {
    /// Oneself in the room, while there is a group that is wanted (not one that ends).
    pub(super) me: Option<&'a Participant>,
    /// Oneself in the room, whatever that is.
    pub(super) own: Option<ParticipantId>,
    pub(super) missing: &'a Missing,
    /// A third one is there, and the server has not said yet that it is a group.
    pub(super) unsettled: bool,
    pub(super) room: Option<RoomId>,
    pub(super) secret: &'a LinkSecret,
    /// The server can be told things.
    pub(super) joined: bool,
    pub(super) roster: &'a Roster,
    /// With whom everything flows directly.
    pub(super) direct: Option<ParticipantId>,
    pub(super) ice_servers: &'a [IceServer],
}

/// One of them.
#[derive(Debug)]
struct Pair {
    link: PeerLink,
    out: Outbox,
    messages: RateLimit,
    /// This side made it, rather than met it.
    made: bool,
    wanted_last: Instant,
}

/// One that failed.
#[derive(Debug, Clone, Copy)]
struct Rest {
    until: Instant,
    fails: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    ways: Vec<FileWay>,
    pairs: BTreeMap<ParticipantId, Pair>,
    rests: BTreeMap<ParticipantId, Rest>,
    /// The number of the last connection to each: those of two count up.
    numbers: BTreeMap<ParticipantId, u32>,
    /// How often each was met.
    meetings: BTreeMap<ParticipantId, RateLimit>,
    /// When the next may be made.
    next_at: Option<Instant>,
    /// When it was last seen what is due.
    settled: Option<Instant>,
}

impl Pairs {
    /// The app says with whom it has something.
    pub(super) fn wish(&mut self, now: Instant, mut ways: Vec<FileWay>) {
        ways.truncate(GROUP_PEOPLE_MAX);
        let new = |way: &&FileWay| way.wanted && !self.ways.contains(way);
        let woken: Vec<_> = ways.iter().filter(new).map(|way| way.participant).collect();
        for id in woken {
            // Somebody asked for something: that is a reason to try at once.
            if let Some(rest) = self.rests.get_mut(&id) {
                rest.until = rest.until.min(now + REST_FIRST);
            }
        }
        self.ways = ways;
    }

    /// A driver tells something.
    pub(super) fn on_event(&mut self, id: ParticipantId, event: PeerEvent, cx: &mut Context<'_>) {
        let Some(pair) = self.pairs.get_mut(&id) else {
            cx.counters.stale += 1;
            return;
        };
        let failed = pair.turn(cx, |link, cx| {
            let number = Some(event.generation);
            if number == Some(link.generation()) {
                link.on_event(event.kind, cx);
            } else if number == link.second_number() {
                link.on_event_beside(event.kind, cx);
            } else if number == link.former_number() {
                link.on_event_of_former(&event.kind, cx);
            }
        });
        self.end_if(failed, id, cx);
    }

    /// A driver is gone.
    pub(super) fn on_ended(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        self.end_if(true, id, cx);
    }

    /// The other side says something about one.
    pub(super) fn on_message(
        &mut self,
        around: PairsAround<'_>,
        id: ParticipantId,
        about: PeerEnvelope,
        cx: &mut Context<'_>,
    ) {
        if !self.pairs.contains_key(&id) && !self.meet(around, id, cx) {
            cx.counters.stale += 1;
            return;
        }
        let Some(pair) = self.pairs.get_mut(&id) else {
            return;
        };
        if !pair.messages.allow(cx.now) {
            cx.counters.flooded += 1;
            return;
        }
        let failed = pair.turn(cx, |link, cx| link.on_message(about, cx));
        self.end_if(failed, id, cx);
    }

    /// Time has passed.
    pub(super) fn on_timeout(&mut self, cx: &mut Context<'_>) {
        let ids: Vec<ParticipantId> = self.pairs.keys().copied().collect();
        for id in ids {
            let failed = self
                .pairs
                .get_mut(&id)
                .is_some_and(|pair| pair.turn(cx, PeerLink::on_timeout));
            self.end_if(failed, id, cx);
        }
    }

    /// When [`Pairs::on_timeout`] and [`Pairs::settle`] are due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let links = self.pairs.values().filter_map(|pair| pair.link.deadline());
        let unwanted = self.pairs.iter().filter(|(id, _)| !self.is_wanted(**id));
        let lingers = unwanted.map(|(_, pair)| pair.wanted_last + LINGER);
        let rests = self.rests.iter().filter(|(id, _)| self.is_wanted(**id));
        // What is over waits for something else than time.
        let later = |at: &Instant| self.settled.is_none_or(|settled| *at > settled);
        let made = rests
            .map(|(_, rest)| rest.until)
            .chain(self.next_at)
            .filter(later);
        links.chain(lingers).chain(made).min()
    }

    /// Carries out what follows.
    pub(super) fn settle(&mut self, around: PairsAround<'_>, cx: &mut Context<'_>) {
        self.settled = Some(cx.now);
        for (id, pair) in &mut self.pairs {
            if pair.link.is_up() {
                self.rests.remove(id);
            }
            if self.ways.iter().any(|way| way.participant == *id && way.wanted) {
                pair.wanted_last = cx.now;
            }
        }
        let over = |(id, pair): (&ParticipantId, &Pair)| {
            let stays = (may_be(around, *id) || pair.link.is_up() && may_be_again(around, *id))
                && around.own == Some(pair.link.me())
                && cx.now < pair.wanted_last + LINGER;
            (!stays).then_some(*id)
        };
        let over: Vec<ParticipantId> = self.pairs.iter().filter_map(over).collect();
        for id in over {
            self.close(id, cx);
        }
        let ways = &self.ways;
        self.rests
            .retain(|id, _| ways.iter().any(|way| way.participant == *id));
        let known = |id: ParticipantId| around.roster.has(id) || around.missing.has(id);
        self.numbers.retain(|id, _| known(*id));
        self.meetings.retain(|id, _| known(*id));
        let wanted: Vec<ParticipantId> = self
            .ways
            .iter()
            .filter(|way| way.wanted)
            .map(|way| way.participant)
            .collect();
        for id in wanted {
            let rests = self.rests.get(&id).is_some_and(|rest| cx.now < rest.until);
            let made = self.pairs.values().filter(|pair| pair.made).count();
            let turn = self.next_at.is_none_or(|at| cx.now >= at);
            let room = made < MADE_MAX && self.pairs.len() < PAIRS_MAX;
            if turn && room && !rests && !self.pairs.contains_key(&id) && self.open(around, id, true, cx) {
                self.next_at = Some(cx.now + MADE_EVERY);
            }
        }
        let ids: Vec<ParticipantId> = self.pairs.keys().copied().collect();
        for id in ids {
            let reachable = is_reachable(around, id);
            let failed = self
                .pairs
                .get_mut(&id)
                .is_some_and(|pair| pair.turn(cx, |link, cx| link.set_reachable(reachable, cx)));
            self.end_if(failed, id, cx);
        }
    }

    /// All of them are over.
    pub(super) fn close_all(&mut self, cx: &mut Context<'_>) {
        let ids: Vec<ParticipantId> = self.pairs.keys().copied().collect();
        for id in ids {
            self.close(id, cx);
        }
    }

    fn is_wanted(&self, id: ParticipantId) -> bool {
        self.ways.iter().any(|way| way.participant == id && way.wanted)
    }

    /// Somebody makes one: it is met where the app has something with them, and there is room, and not without end.
    fn meet(&mut self, around: PairsAround<'_>, id: ParticipantId, cx: &mut Context<'_>) -> bool {
        let known = self.ways.iter().any(|way| way.participant == id);
        let met = self.pairs.values().filter(|pair| !pair.made).count();
        let room = self.pairs.len() < PAIRS_MAX && met < PAIRS_MAX - OWN_MIN;
        if !known || !room || !may_be(around, id) || !is_reachable(around, id) {
            return false;
        }
        if !self.meetings.entry(id).or_insert(MEETINGS).allow(cx.now) {
            cx.counters.flooded += 1;
            return false;
        }
        self.open(around, id, false, cx)
    }

    /// Gives whether there is one now.
    fn open(&mut self, around: PairsAround<'_>, id: ParticipantId, made: bool, cx: &mut Context<'_>) -> bool {
        let (Some(me), Some(room), Some(other)) = (around.me, around.room, around.roster.get(id)) else {
            return false;
        };
        if !may_be(around, id) || !is_reachable(around, id) {
            return false;
        }
        let polite = (me.order, me.id) > (other.order, other.id);
        let parties = Parties {
            key: ProofKey::derive(around.secret, room),
            room,
            me: me.id,
            other: id,
            polite,
        };
        let number = self.numbers.get(&id).map_or(1, |last| last.wrapping_add(1));
        cx.out.pair(PairCommand::Open { participant: id });
        let mut out = Outbox::default();
        let mut inner = Context::new(cx.now, &mut out, cx.counters);
        let servers = around.ice_servers.to_vec();
        let link = PeerLink::open(parties, number, servers, MediaState::default(), true, &mut inner);
        if made && !polite {
            // Whoever came second offers, and knows of nothing yet.
            inner.say(PeerMessage::Restart);
        }
        let said = std::mem::take(&mut inner.said);
        let mut pair = Pair {
            link,
            out,
            messages: MESSAGES,
            made,
            wanted_last: cx.now,
        };
        pair.tell(said, Vec::new(), cx);
        pair.pass_on(cx);
        self.pairs.insert(id, pair);
        true
    }

    fn end_if(&mut self, failed: bool, id: ParticipantId, cx: &mut Context<'_>) {
        if !failed || !self.pairs.contains_key(&id) {
            return;
        }
        let fails = self.rests.get(&id).map_or(0, |rest| rest.fails);
        let wait = REST_FIRST.saturating_mul(1 << fails.min(8)).min(REST_MAX);
        let rest = Rest {
            until: cx.now + wait,
            fails: fails + 1,
        };
        self.rests.insert(id, rest);
        self.close(id, cx);
    }

    fn close(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        if let Some(mut pair) = self.pairs.remove(&id) {
            let _ = pair.turn(cx, |link, cx| link.close(false, cx));
            self.numbers.insert(id, pair.link.last_number());
            cx.out.pair(PairCommand::Close { participant: id });
        }
    }
}

impl Pair {
    /// Lets something happen to the link, and passes on what follows. Gives whether that is its end.
    fn turn(&mut self, cx: &mut Context<'_>, happens: impl FnOnce(&mut PeerLink, &mut Context<'_>)) -> bool {
        let mut inner = Context::new(cx.now, &mut self.out, cx.counters);
        happens(&mut self.link, &mut inner);
        let said = std::mem::take(&mut inner.said);
        let beside = std::mem::take(&mut inner.said_beside);
        let end = inner.end.take();
        if let Some(reason) = &end {
            tracing::debug!(?reason, "a connection for files is over");
        }
        self.tell(said, beside, cx);
        self.pass_on(cx);
        end.is_some()
    }

    fn tell(&self, said: Vec<PeerMessage>, beside: Vec<PeerEnvelope>, cx: &mut Context<'_>) {
        let to = self.link.other();
        let said = said.into_iter().map(|message| self.link.envelope(message));
        for about in said.chain(beside) {
            match serde_json::to_value(PairMessage::Files { about }) {
                Ok(payload) => cx.to_server.push(ClientMessage::Signal { to, payload }),
                Err(_) => cx.counters.signals_dropped += 1,
            }
        }
    }

    /// Commands go to its driver. Of what comes only the lanes of files are used.
    fn pass_on(&mut self, cx: &mut Context<'_>) {
        let participant = self.link.other();
        while let Some(output) = self.out.pop() {
            match output {
                Output::Peer(command) => cx.out.pair(PairCommand::Tell { participant, command }),
                Output::Event(SessionEvent::Lane {
                    participant,
                    kind: kind @ (LaneKind::Files | LaneKind::Chunks),
                    lane,
                }) => cx.out.event(SessionEvent::Lane {
                    participant,
                    kind,
                    lane,
                }),
                _ => {}
            }
        }
    }
}

/// Whether there may be one to them.
fn may_be(around: PairsAround<'_>, id: ParticipantId) -> bool {
    around.me.is_some_and(|me| me.id != id) && around.direct != Some(id) && around.roster.has(id)
}

/// Whether there soon may be one again: a server that began anew knows neither everybody at once nor that they are a group, and what
/// works goes on meanwhile.
fn may_be_again(around: PairsAround<'_>, id: ParticipantId) -> bool {
    let comes = around.missing.has(id) || around.unsettled && around.roster.has(id);
    comes && around.direct != Some(id)
}

fn is_reachable(around: PairsAround<'_>, id: ParticipantId) -> bool {
    around.joined && around.roster.get(id).is_some_and(|other| !other.away)
}
