//! A peer driver in memory: strict where the real library is strict (no implicit rollback, no candidates before a
//! description), so that a session that relies on luck fails here.

use crate::config::VideoLimits;
use crate::ice::IceServer;
use crate::port::{ConnectionPhase, PeerCommand, PeerEvent, PeerEventKind, TrackKind};
use crate::sdp::tests::description;
use parley_media::packet::ReceivedPacket;
use parley_proto::{Candidate, ControlMessage, SdpType};
use std::time::{Duration, Instant};

/// The line of a description that has the screen's track.
const SCREEN: &str = "a=x-screen\r\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Jsep {
    Stable,
    HaveLocalOffer,
    HaveRemoteOffer,
}

#[derive(Debug)]
pub(super) struct FakePeer {
    number: u8,
    pub(super) open: bool,
    pub(super) generation: u32,
    /// The connection beside this one.
    second: Option<Box<Self>>,
    /// It was opened beside another, and is not used yet: no media is sent over it.
    unused: bool,
    /// Words that came before its gate opened.
    held: Vec<ControlMessage>,
    jsep: Jsep,
    ufrag: u32,
    pending_local: Option<String>,
    pending_remote: Option<String>,
    local: Option<String>,
    remote: Option<String>,
    pub(super) phase: ConnectionPhase,
    broken_since: Option<Instant>,
    pub(super) media_allowed: bool,
    busy_until: Instant,
    pub(super) failures: Vec<&'static str>,
    pub(super) ice_restarts: u32,
    pub(super) opened: u32,
    /// The senders of the tracks that were handed on: dropped with the connection.
    tracks: Vec<std::sync::mpsc::SyncSender<ReceivedPacket>>,
    /// Control messages, and connections, that will be refused before the next is not.
    pub(super) control_refusals: u32,
    pub(super) open_refusals: u32,
    /// The addresses of this connection are gone: ICE cannot be restarted in it.
    pub(super) moved: bool,
    /// Control messages that went out.
    pub(super) control_out: Vec<ControlMessage>,
    /// Times the screen's track was put on a connection.
    pub(super) screens_added: u32,
    /// The same of the computer's sound.
    pub(super) screen_sounds_added: u32,
    /// The most video there may be, once that was said.
    pub(super) limits: Option<VideoLimits>,
    /// Second connections that were opened.
    pub(super) opened_beside: u32,
    /// Answers made.
    pub(super) answers: u32,
    /// Answers, and offers, that this connection will fail to make before it makes one.
    pub(super) answer_refusals: u32,
    pub(super) offer_refusals: u32,
    /// The screen's track is on it.
    screen: bool,
    /// The other side's is shown.
    screen_in: bool,
    /// What this connection was told to find a way by.
    ice_servers: Vec<IceServer>,
}

impl FakePeer {
    pub(super) fn new(number: u8, now: Instant) -> Self {
        Self {
            number,
            open: false,
            generation: 0,
            second: None,
            unused: false,
            held: Vec::new(),
            jsep: Jsep::Stable,
            ufrag: 0,
            pending_local: None,
            pending_remote: None,
            local: None,
            remote: None,
            phase: ConnectionPhase::Connecting,
            broken_since: None,
            media_allowed: false,
            busy_until: now,
            failures: Vec::new(),
            ice_restarts: 0,
            opened: 0,
            tracks: Vec::new(),
            control_refusals: 0,
            open_refusals: 0,
            moved: false,
            control_out: Vec::new(),
            screens_added: 0,
            screen_sounds_added: 0,
            limits: None,
            opened_beside: 0,
            answers: 0,
            answer_refusals: 0,
            offer_refusals: 0,
            screen: false,
            screen_in: false,
            ice_servers: Vec::new(),
        }
    }

    /// What opens the relays of this connection.
    pub(super) fn relay_passwords(&self) -> Vec<&str> {
        let relays = self.ice_servers.iter().filter_map(IceServer::turn);
        relays.map(|relay| relay.password.as_str()).collect()
    }

    /// Carries a command out; gives what happens when.
    pub(super) fn command(
        &mut self,
        now: Instant,
        command: PeerCommand,
        mut latency: impl FnMut() -> Duration,
    ) -> Vec<(Instant, PeerEvent)> {
        self.busy_until = self.busy_until.max(now) + latency();
        let name = command.name();
        let (generation, done) = match command {
            PeerCommand::Beside(command) => match &mut self.second {
                Some(second) => (second.generation, second.carry_out(*command)),
                None => (self.generation, Err("no second connection")),
            },
            PeerCommand::OpenBeside { generation, .. } if self.open => {
                let mut second = Box::new(Self::new(self.number, self.busy_until));
                second.open = true;
                second.unused = true;
                second.generation = generation;
                second.ufrag = 1_000 * generation;
                self.second = Some(second);
                self.opened_beside += 1;
                (generation, Ok(Vec::new()))
            }
            command => {
                let done = self.carry_out(command);
                (self.generation, done)
            }
        };
        let kinds = match done {
            Ok(kinds) => kinds,
            Err(detail) => {
                self.failures.push(name);
                vec![PeerEventKind::CommandFailed {
                    command: name,
                    detail: detail.into(),
                }]
            }
        };
        kinds
            .into_iter()
            .map(|kind| (self.busy_until, PeerEvent { generation, kind }))
            .collect()
    }

    /// The second connection is the one that is used; what was counted goes on.
    fn take_over(&mut self) -> Result<Vec<PeerEventKind>, &'static str> {
        let mut second = *self.second.take().ok_or("no second connection")?;
        second.failures.append(&mut self.failures);
        second.ice_restarts += self.ice_restarts;
        second.opened = self.opened + 1;
        second.opened_beside = self.opened_beside;
        second.screens_added += self.screens_added;
        second.screen_sounds_added += self.screen_sounds_added;
        second.answers += self.answers;
        second.busy_until = self.busy_until;
        second.control_refusals = self.control_refusals;
        second.open_refusals = self.open_refusals;
        let former = std::mem::replace(self, second);
        self.second = Some(Box::new(former));
        self.unused = false;
        Ok(self.start_tracks())
    }

    fn event(&self, kind: PeerEventKind) -> PeerEvent {
        PeerEvent {
            generation: self.generation,
            kind,
        }
    }

    fn carry_out(&mut self, command: PeerCommand) -> Result<Vec<PeerEventKind>, &'static str> {
        if !self.open && !matches!(command, PeerCommand::Open { .. } | PeerCommand::Close) {
            return Err("not open");
        }
        match command {
            PeerCommand::Open {
                generation,
                ice_servers,
            } => {
                let fresh = Self::new(self.number, self.busy_until);
                let before = std::mem::replace(self, fresh);
                self.failures = before.failures;
                self.ice_restarts = before.ice_restarts;
                self.opened = before.opened + 1;
                self.ufrag = before.ufrag + 1;
                self.control_refusals = before.control_refusals;
                self.open_refusals = before.open_refusals;
                self.opened_beside = before.opened_beside;
                self.generation = generation;
                self.ice_servers = ice_servers;
                if self.open_refusals > 0 {
                    self.open_refusals -= 1;
                    return Err("no socket");
                }
                self.open = true;
            }
            PeerCommand::MakeOffer { ice_restart } => {
                self.expect(Jsep::Stable)?;
                if ice_restart && self.moved {
                    return Err("the network changed");
                }
                if self.offer_refusals > 0 {
                    self.offer_refusals -= 1;
                    return Err("no offer");
                }
                if ice_restart {
                    self.ufrag += 1;
                    self.ice_restarts += 1;
                }
                self.jsep = Jsep::HaveLocalOffer;
                self.pending_local = Some(self.describe());
                return Ok(self.described(SdpType::Offer));
            }
            PeerCommand::SetRemote { sdp_type, sdp } => {
                if sdp.contains("garbage") {
                    return Err("unreadable");
                }
                match sdp_type {
                    SdpType::Offer => {
                        self.expect(Jsep::Stable)?;
                        self.jsep = Jsep::HaveRemoteOffer;
                        self.pending_remote = Some(sdp);
                    }
                    SdpType::Answer => {
                        self.expect(Jsep::HaveLocalOffer)?;
                        self.jsep = Jsep::Stable;
                        self.local = self.pending_local.take();
                        self.remote = Some(sdp);
                    }
                }
                return Ok(vec![PeerEventKind::RemoteDescriptionSet { sdp_type }]);
            }
            PeerCommand::MakeAnswer => {
                self.answers += 1;
                self.expect(Jsep::HaveRemoteOffer)?;
                if self.moved {
                    return Err("the network changed");
                }
                if self.answer_refusals > 0 {
                    self.answer_refusals -= 1;
                    return Err("no answer");
                }
                let offered = self.pending_remote.take();
                if self.remote.is_some() && self.remote.as_deref().map(ufrag) != offered.as_deref().map(ufrag)
                {
                    self.ufrag += 1;
                }
                self.jsep = Jsep::Stable;
                self.remote = offered;
                self.local = Some(self.describe());
                return Ok(self.described(SdpType::Answer));
            }
            PeerCommand::Rollback => {
                if self.jsep == Jsep::Stable {
                    return Err("wrong signaling state");
                }
                self.jsep = Jsep::Stable;
                self.pending_local = None;
                self.pending_remote = None;
            }
            PeerCommand::AddCandidate(candidate) => {
                let remote = self.pending_remote.as_ref().or(self.remote.as_ref());
                let remote = remote.ok_or("no remote description")?;
                if candidate.username_fragment.as_deref() != Some(ufrag(remote)) {
                    return Err("a candidate of another generation");
                }
            }
            PeerCommand::AddScreen => {
                self.screens_added += 1;
                self.screen = true;
                return Ok(vec![PeerEventKind::NegotiationNeeded]);
            }
            PeerCommand::AddScreenSound => {
                self.screen_sounds_added += 1;
                return Ok(vec![PeerEventKind::NegotiationNeeded]);
            }
            PeerCommand::Limit(limits) => self.limits = Some(limits),
            PeerCommand::AllowMedia => {
                self.media_allowed = true;
                let held = std::mem::take(&mut self.held);
                let mut kinds: Vec<_> = held.into_iter().map(PeerEventKind::Control).collect();
                if self.phase == ConnectionPhase::Connected {
                    kinds.extend(self.start_tracks());
                }
                return Ok(kinds);
            }
            PeerCommand::SendControl(_) if self.control_refusals > 0 => {
                self.control_refusals -= 1;
                return Err("full");
            }
            PeerCommand::SendControl(message) => self.control_out.push(message),
            PeerCommand::OpenBeside { .. } | PeerCommand::Beside(_) => return Err("not for this one"),
            PeerCommand::TakeOver => return self.take_over(),
            PeerCommand::CloseBeside => self.second = None,
            PeerCommand::Close => {
                self.open = false;
                self.second = None;
                self.tracks.clear();
            }
        }
        Ok(Vec::new())
    }

    fn expect(&self, jsep: Jsep) -> Result<(), &'static str> {
        if self.jsep == jsep {
            Ok(())
        } else {
            Err("wrong signaling state")
        }
    }

    fn describe(&self) -> String {
        let certificate = self.number.wrapping_mul(61).wrapping_add(self.generation as u8);
        let mut sdp = description(certificate, &format!("u{}x{}", self.number, self.ufrag));
        sdp.push_str(if self.screen { SCREEN } else { "" });
        sdp
    }

    fn described(&self, sdp_type: SdpType) -> Vec<PeerEventKind> {
        let sdp = self.describe();
        let candidates = (0..2).map(|port| {
            PeerEventKind::LocalCandidate(Candidate {
                candidate: format!("candidate:1 1 udp 1 10.0.0.{} {port} typ host", self.number),
                sdp_mid: Some("0".into()),
                sdp_mline_index: Some(0),
                username_fragment: Some(ufrag(&sdp).to_owned()),
            })
        });
        let candidates: Vec<_> = candidates.collect();
        std::iter::once(PeerEventKind::LocalDescription { sdp_type, sdp })
            .chain(candidates)
            .collect()
    }

    fn start_tracks(&mut self) -> Vec<PeerEventKind> {
        if self.unused {
            return vec![PeerEventKind::ControlOpen];
        }
        let mut track = |kind| {
            let (sender, packets) = std::sync::mpsc::sync_channel(1);
            self.tracks.push(sender);
            PeerEventKind::Track { kind, packets }
        };
        vec![
            PeerEventKind::ControlOpen,
            track(TrackKind::Audio),
            track(TrackKind::Video),
        ]
    }

    /// Whether packets between the two would be understood.
    pub(super) fn linked(a: &Self, b: &Self) -> bool {
        let fits = |one: &Self, other: &Self| {
            one.open && one.local.is_some() && one.local == other.remote.as_ref().map(|sdp| untampered(sdp))
        };
        fits(a, b) && fits(b, a)
    }

    /// Looks at the way there; gives what changed.
    pub(super) fn check(&mut self, now: Instant, carries: bool) -> Vec<PeerEvent> {
        if !self.open {
            return Vec::new();
        }
        let mut kinds = Vec::new();
        if carries {
            self.broken_since = None;
            if self.phase != ConnectionPhase::Connected {
                self.phase = ConnectionPhase::Connected;
                kinds.push(PeerEventKind::Connection(self.phase));
                if self.media_allowed && self.tracks.is_empty() {
                    kinds.extend(self.start_tracks());
                }
            }
        } else if self.phase != ConnectionPhase::Failed {
            let since = *self.broken_since.get_or_insert(now);
            let next = match (self.phase, now.saturating_duration_since(since).as_secs()) {
                (ConnectionPhase::Connected, 1..) => Some(ConnectionPhase::Disconnected),
                (ConnectionPhase::Disconnected, 8..) => Some(ConnectionPhase::Failed),
                (ConnectionPhase::Connecting, 15..) => Some(ConnectionPhase::Failed),
                _ => None,
            };
            if let Some(next) = next {
                self.phase = next;
                kinds.push(PeerEventKind::Connection(next));
            }
        }
        kinds.into_iter().map(|kind| self.event(kind)).collect()
    }

    pub(super) fn media_flows(&self) -> bool {
        self.open && self.media_allowed && self.phase == ConnectionPhase::Connected
    }

    /// This connection and the one beside it.
    fn both(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.second.as_deref())
    }

    /// Whether what `self` sends now is heard: by a connection of the other side, used or not, whose gate is open.
    pub(super) fn is_heard_by(&self, other: &Self) -> bool {
        self.media_flows()
            && other
                .both()
                .any(|one| one.media_flows() && Self::linked(self, one))
    }

    /// Whether each of the connections there are has its counterpart.
    pub(super) fn carries(&self, others: &[&Self]) -> [bool; 2] {
        let met = |one: &Self| {
            others
                .iter()
                .any(|other| other.both().any(|its| Self::linked(one, its)))
        };
        [met(self), self.second.as_deref().is_some_and(met)]
    }

    /// The connection that is used, or the one beside it.
    pub(super) fn place(&self, beside: bool) -> Option<&Self> {
        if beside {
            self.second.as_deref()
        } else {
            Some(self)
        }
    }

    /// What is said over a connection of the other side reaches the one here that belongs to it: the one beside what is used, or,
    /// where that is wished, any.
    pub(super) fn hear(&mut self, from: &Self, message: ControlMessage, any: bool) -> Option<PeerEvent> {
        if let Some(second) = self.second.as_mut().filter(|second| Self::linked(from, second)) {
            return second.take_word(message);
        }
        if any && Self::linked(from, self) {
            return self.take_word(message);
        }
        None
    }

    fn take_word(&mut self, message: ControlMessage) -> Option<PeerEvent> {
        if self.media_allowed {
            return Some(self.event(PeerEventKind::Control(message)));
        }
        self.held.push(message);
        None
    }

    fn shows_to(&self, other: &Self) -> bool {
        let has_screen = self.local.as_ref().is_some_and(|sdp| sdp.contains(SCREEN));
        has_screen && self.media_flows() && other.media_flows() && Self::linked(self, other)
    }

    /// Whether the screen that `self` sends now is seen: by a connection of the other side, used or not.
    pub(super) fn is_seen_by(&self, other: &Self) -> bool {
        other.both().any(|one| self.shows_to(one))
    }

    /// Sees the screen that the other side sends now, if it was not seen before.
    pub(super) fn see(&mut self, from: &Self) -> Vec<PeerEvent> {
        let second = self.second.as_mut().and_then(|second| second.see_here(from));
        second.into_iter().chain(self.see_here(from)).collect()
    }

    fn see_here(&mut self, from: &Self) -> Option<PeerEvent> {
        if self.screen_in || !from.shows_to(self) {
            return None;
        }
        self.screen_in = true;
        let (sender, packets) = std::sync::mpsc::sync_channel(1);
        self.tracks.push(sender);
        let kind = TrackKind::Screen;
        Some(self.event(PeerEventKind::Track { kind, packets }))
    }

    /// Looks at the way of the second connection; gives what changed.
    pub(super) fn check_second(&mut self, now: Instant, carries: bool) -> Vec<PeerEvent> {
        self.second
            .as_mut()
            .map_or_else(Vec::new, |second| second.check(now, carries))
    }
}

fn ufrag(sdp: &str) -> &str {
    crate::sdp::ufrags(sdp).next().unwrap_or_default()
}

/// A tampered description carries the real one after a mark, as a man in the middle would connect both sides himself.
fn untampered(sdp: &str) -> String {
    sdp.split_once("x=was:").map_or_else(
        || sdp.to_owned(),
        |(_, real)| real.replace('|', "\r\n").replace("F*", "fingerprint"),
    )
}
