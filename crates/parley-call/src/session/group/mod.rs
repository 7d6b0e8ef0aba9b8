//! The call of three and more, which goes through the server's SFU: how media is to flow, the connection to the SFU, who publishes what, who
//! is seen where, and what the people of a group tell each other. Sans-IO; owned by [`super::stay`], beside the
//! [`super::peer_link`] to one person, which it never touches: what follows for that one is told as [`Follow`].
//!
//! `docs/protocol.md`, "Groups", says the same for people who write another client.
//!
//! | file | decides |
//! |---|---|
//! | `topology` | which word of the server counts, who is ready |
//! | `connection` | when the connection to the SFU is made, negotiated, made anew |
//! | `publications` | what everybody else sends |
//! | `wishes` | who is seen in which section |
//! | `lists` | when the server is told what is sent and what is wished for |
//! | `to_driver` | when the driver is told what the server said |
//! | `watch` | what is done about a picture that stopped |
//! | `members` | what they say of themselves, and what they are told |
//! | `newcomers` | how newcomers are told, where many come |
//! | `spotlight` | whom a host put large for everybody |
//! | `offences` | what hosts are told that somebody's client does |
//! | `words` | what may be said when, sealed |
//! | `settle` | what follows from all that |
//! | `shown` | what others may see of it |

mod connection;
mod lists;
mod members;
mod newcomers;
mod offences;
mod publications;
mod settle;
mod shown;
mod source;
mod spotlight;
mod to_driver;
mod topology;
mod watch;
mod wishes;
mod words;

use super::context::Context;
use super::io::LaneCommand;
use super::peer_link::PeerLink;
use super::rate::RateLimit;
use super::roster::Roster;
use crate::ice::IceServer;
use crate::port::LaneKind;
use crate::seal::WordKey;
use crate::sfu_port::{Look, SfuEvent, SfuEventKind};
use crate::snapshot::{OffencesSnapshot, Spotlight};
use connection::SfuConnection;
use lists::Lists;
use members::Members;
use offences::OffencesTold;
use parley_proto::limits::{AUDIO_DOWNS_MAX, SPEAKERS_MAX, VIDEO_DOWNS_MAX};
use parley_proto::{
    ControlMessage, Down, ErrorCode, MediaState, Participant, ParticipantId, Reaction, Role, ServerMessage,
    TopologyMode,
};
use publications::Publications;
use serde_json::Value;
use spotlight::Spotlights;
use std::time::{Duration, Instant};
use to_driver::ToDriver;
use topology::Topology;
use watch::Watch;
use wishes::Wishes;
use words::{Word, Words};

/// The server says at once how media flows where it does not simply flow directly. What was not said by then is not said.
pub(super) const TOPOLOGY_MAX: Duration = Duration::from_millis(500);

/// A server that answers no offer, while no media comes either, is come back to so often.
const COME_BACK: RateLimit = RateLimit::new(1, Duration::from_secs(30));

/// How this side goes along with what the server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// A call of two, or alone.
    Pair,
    /// Came in, or came back, and will be told.
    Expected { until: Instant },
    /// Through the SFU.
    Sfu,
    /// Directly from now on; the SFU carries media until that works.
    Back,
}

/// What follows for the way to one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follow {
    /// Both are ready for the SFU: the direct way to that person ends.
    EndDirect,
    /// It is a call of two again, or of one.
    Over,
    /// The server said nothing: it is a call of two.
    NoGroup,
}

/// What is around a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'a> {
    /// One's own id, while in the room.
    pub(super) me: Option<ParticipantId>,
    /// The server can be told things.
    pub(super) joined: bool,
    pub(super) roster: &'a Roster,
    /// The direct way there is, to one of them.
    pub(super) link: Option<&'a PeerLink>,
    pub(super) ice_servers: &'a [IceServer],
}

/// See the module.
#[derive(Debug)]
pub(super) struct Group {
    standing: Standing,
    topology: Topology,
    connection: SfuConnection,
    publications: Publications,
    wishes: Wishes,
    lists: Lists,
    to_driver: ToDriver,
    watch: Watch,
    members: Members,
    /// This side only hears, sees, writes and raises a hand.
    listens: bool,
    words: Words,
    spotlights: Spotlights,
    offences: OffencesTold,
    speakers: Vec<ParticipantId>,
    downs: Vec<Down>,
    /// Whether the connection stood when that was looked at last.
    was_up: bool,
    /// When it first did.
    first_up: Option<Instant>,
    /// Since when neither server nor media can be reached.
    silent_since: Option<Instant>,
    /// Words wait for their turn.
    words_wait: bool,
    /// How often the server is come back to because it does not answer.
    come_back: RateLimit,
}

impl Group {
    /// No group yet. `stream` is another number for each session: what it says is sealed under that.
    pub(super) fn new(stream: u64, media: MediaState) -> Self {
        let mut members = Members::default();
        members.set_own_media(media);
        Self {
            standing: Standing::Pair,
            topology: Topology::default(),
            connection: SfuConnection::new(),
            publications: Publications::default(),
            wishes: Wishes::default(),
            lists: Lists::new(),
            to_driver: ToDriver::new(),
            watch: Watch::default(),
            members,
            listens: false,
            words: Words::new(stream),
            spotlights: Spotlights::default(),
            offences: OffencesTold::default(),
            speakers: Vec::new(),
            downs: Vec::new(),
            was_up: false,
            first_up: None,
            silent_since: None,
            words_wait: false,
            come_back: COME_BACK,
        }
    }

    /// Whether this is more than a call of two, or still becomes one again.
    pub(super) fn in_force(&self) -> bool {
        self.standing != Standing::Pair
    }

    /// Whether media is to go through the SFU.
    pub(super) fn is_sfu(&self) -> bool {
        self.standing == Standing::Sfu
    }

    /// Whether media can go through it now.
    pub(super) const fn is_up(&self) -> bool {
        self.connection.is_up()
    }

    /// Came into a room that may be a group: that is about to be told.
    pub(super) fn expect(&mut self, now: Instant) {
        self.standing = Standing::Expected {
            until: now + TOPOLOGY_MAX,
        };
    }

    /// The server says how media flows. Gives it, if that counts.
    pub(super) fn take_topology(
        &mut self,
        mode: TopologyMode,
        number: u32,
        ready: Vec<ParticipantId>,
    ) -> Option<TopologyMode> {
        self.topology
            .take(mode, number, ready)
            .then(|| self.topology.mode())
    }

    /// What the words of this room are sealed with.
    pub(super) fn set_key(&mut self, key: WordKey) {
        self.words.set_key(key);
    }

    /// Media goes through the SFU from now on.
    pub(super) fn go_through_sfu(&mut self, roster: &Roster, cx: &mut Context<'_>) {
        let before = std::mem::replace(&mut self.standing, Standing::Sfu);
        if before == Standing::Sfu {
            return;
        }
        cx.out.prefer_sfu(true);
        self.connect(before, cx.now);
        for person in roster.everybody() {
            self.welcome(person, cx);
        }
    }

    /// Media goes directly again, as soon as that works.
    pub(super) fn go_back(&mut self, cx: &mut Context<'_>) {
        if self.standing == Standing::Pair {
            return;
        }
        let before = std::mem::replace(&mut self.standing, Standing::Back);
        if matches!(before, Standing::Expected { .. }) && self.connection.is_wanted() {
            self.connect(before, cx.now);
        }
        cx.out.prefer_sfu(false);
    }

    fn connect(&mut self, before: Standing, now: Instant) {
        if matches!(before, Standing::Expected { .. }) && self.connection.is_wanted() {
            // What the SFU told while the server was away is not told again, but to a fresh connection.
            self.connection.renew(now);
        } else {
            self.connection.want(now);
        }
    }

    /// It is a call of two again, or of one: nothing goes through the SFU any more. What hosts said of the spotlight is kept until
    /// [`Group::nobody_is_missing`], for after a restart of the server it is so until the third one is back.
    pub(super) fn end(&mut self, cx: &mut Context<'_>) {
        self.standing = Standing::Pair;
        self.connection.close(cx);
        self.publications.forget();
        self.lists = Lists::new();
        self.watch = Watch::default();
        self.speakers.clear();
        self.downs.clear();
        self.was_up = false;
        self.first_up = None;
        self.silent_since = None;
        self.words_wait = false;
        self.offences = OffencesTold::default();
        cx.out.lane(LaneCommand::EndFiles);
        cx.out.sfu_over();
        cx.out.prefer_sfu(false);
    }

    /// The room is really one of two, or of one.
    pub(super) fn nobody_is_missing(&mut self) {
        self.spotlights = Spotlights::default();
    }

    /// Somebody is there who may have missed what was said.
    pub(super) fn welcome(&mut self, person: &Participant, cx: &mut Context<'_>) {
        let id = person.id;
        self.members.welcome(cx.now, id, person.listens);
        self.spotlights.welcome(id);
        self.lists.wishes_changed();
        // A fresh one: what the chat said on one before, and was not answered, it says again.
        cx.out.lane(LaneCommand::Open { participant: id });
    }

    /// Somebody is gone for good.
    pub(super) fn forget(&mut self, id: ParticipantId, cx: &mut Context<'_>) {
        let known = self.members.get(id).is_some();
        self.members.forget(id);
        self.topology.forget(id);
        self.spotlights.forget(id);
        self.offences.forget(id);
        self.speakers.retain(|speaker| *speaker != id);
        self.downs.retain(|down| down.participant != id);
        self.lists.wishes_changed();
        // Of a call of two media tells when it is over.
        if known && self.in_force() {
            cx.out.forget(id);
        }
        if known {
            cx.out.lane(LaneCommand::Close { participant: id });
        }
    }

    /// This side only listens from now on, or may speak.
    pub(super) fn set_own_listens(&mut self, listens: bool) {
        self.listens = listens;
        self.members.set_own_listens(listens);
    }

    /// The same of somebody else.
    pub(super) fn set_listens(&mut self, now: Instant, id: ParticipantId, listens: bool) {
        self.members.set_listens(now, id, listens);
        self.lists.wishes_changed();
    }

    pub(super) fn set_own_media(&mut self, media: MediaState) {
        self.members.set_own_media(media);
    }

    pub(super) const fn set_own_hand(&mut self, raised: bool) {
        self.members.set_own_hand(raised);
    }

    pub(super) fn react(&mut self, reaction: Reaction, cx: &mut Context<'_>) {
        self.members.react(reaction, cx);
    }

    pub(super) fn allow_recording(&mut self, allowed: bool) {
        self.members.allow_recording(allowed);
    }

    pub(super) fn record(&mut self, now: Instant, on: bool) {
        self.members.record(now, on);
    }

    pub(super) const fn wants_to_record(&self) -> bool {
        self.members.wants_to_record()
    }

    /// Puts somebody large for everybody, or nobody; only hosts may.
    pub(super) fn put_in_spotlight(&mut self, target: Option<Spotlight>, may: bool, cx: &mut Context<'_>) {
        if may && self.in_force() {
            self.spotlights.put(target);
        } else {
            cx.counters.out_of_order += 1;
        }
    }

    /// Whom a host put large for everybody, while there is a group.
    pub(super) fn spotlight(&self, me: Option<&Participant>, roster: &Roster) -> Option<Spotlight> {
        let shown = || self.spotlights.shown(me, roster);
        self.in_force().then(shown).flatten()
    }

    /// What hosts were told of people's clients; nothing for anybody else.
    pub(super) fn offences(&self, me: Option<&Participant>) -> Vec<OffencesSnapshot> {
        let host = me.is_some_and(|me| me.role == Role::Host);
        if host { self.offences.all() } else { Vec::new() }
    }

    /// The app says what it shows.
    pub(super) fn look(&mut self, looks: Vec<Look>) {
        self.wishes.look(looks);
        self.lists.wishes_changed();
    }

    /// The app wants to say something to somebody, of chat or files, or of chat to everybody.
    pub(super) fn say_frame(
        &mut self,
        around: Around<'_>,
        to: Option<ParticipantId>,
        kind: LaneKind,
        frame: &[u8],
        cx: &mut Context<'_>,
    ) {
        match around
            .me
            .filter(|_| around.joined && to.is_none_or(|to| around.roster.has(to)))
        {
            Some(me) => self.words.say_frame(me, to, kind, frame, cx),
            None => cx.counters.signals_dropped += 1,
        }
    }

    /// From when on the app's next frame is taken; nothing while none can go.
    pub(super) fn takes_frame_at(&self, now: Instant, joined: bool) -> Option<Instant> {
        // What people say of themselves goes first.
        (joined && !self.words_wait).then(|| self.words.next_at().map_or(now, |at| at.max(now)))
    }

    /// The server says something that only groups know.
    pub(super) fn on_server(&mut self, message: ServerMessage, around: Around<'_>, cx: &mut Context<'_>) {
        match message {
            ServerMessage::ParticipantReady { id, number } => self.topology.on_ready(id, number),
            ServerMessage::Told { from, payload } => self.on_told(from, &payload, around, cx),
            ServerMessage::Offences { id, list, kicks } => {
                let known = around.roster.has(id);
                cx.counters.stale += u64::from(!known);
                if known {
                    self.offences.take(id, &list, kicks);
                }
            }
            _ if !self.in_force() => cx.counters.stale += 1,
            ServerMessage::SfuAnswer { connection, sdp } => {
                let asked = self.connection.on_answer(connection, sdp, cx);
                cx.counters.stale += u64::from(!asked);
            }
            ServerMessage::SfuClosed { connection, reason } => {
                self.connection.on_closed(cx.now, connection, reason);
            }
            ServerMessage::Publications { list } => {
                if self.publications.take(list, around.me) {
                    self.to_driver.publications_changed();
                    self.lists.wishes_changed();
                }
            }
            ServerMessage::LayersWanted { source, rids } => {
                tracing::debug!(?source, ?rids, "layers that somebody watches");
                self.to_driver.layers_wanted(source, rids);
            }
            ServerMessage::Downs { mut list } => {
                list.truncate(VIDEO_DOWNS_MAX + AUDIO_DOWNS_MAX);
                for down in &list {
                    let (source, state, rid) = (down.source, down.state, down.rid.as_deref());
                    tracing::debug!(mid = down.mid, ?source, ?state, rid, "what comes of a wish");
                }
                self.downs = list;
            }
            ServerMessage::Speakers { mut list } => {
                list.truncate(SPEAKERS_MAX);
                self.speakers = list;
            }
            _ => cx.counters.stale += 1,
        }
    }

    /// The server refused something while this was a group.
    pub(super) fn on_refused(&mut self, now: Instant, code: ErrorCode) {
        if code == ErrorCode::SfuUnavailable {
            self.connection.on_unavailable(now);
        }
    }

    /// Something happened to the connection to the SFU.
    pub(super) fn on_event(&mut self, event: SfuEvent, cx: &mut Context<'_>) {
        if !self.connection.is_wanted() {
            cx.counters.stale += 1;
            return;
        }
        match event.kind {
            SfuEventKind::Track(track) => {
                self.watch.on_flow(cx.now, track.participant, track.kind, true);
                cx.out.sfu_track(track);
            }
            SfuEventKind::TrackEnded { participant, kind } => {
                self.watch.on_flow(cx.now, participant, kind, true);
                cx.out.sfu_track_ended(participant, kind);
            }
            SfuEventKind::Flow {
                participant,
                kind,
                comes,
            } => self.watch.on_flow(cx.now, participant, kind, comes),
            kind => {
                let answered = matches!(kind, SfuEventKind::AnswerSet);
                self.connection.on_event(event.connection, kind, cx);
                if answered {
                    self.wishes.set_sections(self.connection.receive());
                    self.lists.forget_wishes();
                }
            }
        }
    }

    fn on_told(&mut self, from: ParticipantId, payload: &Value, around: Around<'_>, cx: &mut Context<'_>) {
        let Some(me) = around.me.filter(|_| around.roster.has(from)) else {
            cx.counters.stale += 1;
            return;
        };
        match self.words.hear(me, from, payload, around.roster, cx) {
            Some(Word::Control(ControlMessage::Spotlight { participant, screen })) => {
                let target = participant.map(|participant| Spotlight { participant, screen });
                let taken = self.spotlights.hear(from, target, around.roster);
                cx.counters.out_of_order += u64::from(!taken);
            }
            Some(Word::Control(message)) => self.members.hear(from, &message, cx),
            Some(Word::Frame(kind, frame)) => cx.out.lane(LaneCommand::Came {
                participant: from,
                kind,
                frame: frame.into(),
            }),
            None => {}
        }
    }
}
