//! What the connection tells: descriptions made, phases, tracks, messages of the other side that came through it, failures.

use super::PeerLink;
use crate::end::EndReason;
use crate::port::{ConnectionPhase, Inflow, Lane, LaneKind, PeerEventKind, TrackKind};
use crate::sdp;
use crate::session::context::Context;
use crate::session::io::SessionEvent;
use crate::session::negotiation::Damage;
use parley_media::packet::ReceivedPacket;
use parley_proto::{ControlMessage, Reaction, SdpType};
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// A message on the control channel that failed is tried again after this.
const CONTROL_RETRY: Duration = Duration::from_secs(1);
/// Connections that may fail to open in a row before the person is told.
const OPEN_FAILURES_MAX: u32 = 4;

impl PeerLink {
    /// Something happened to the connection of this link's generation.
    pub(in crate::session) fn on_event(&mut self, kind: PeerEventKind, cx: &mut Context<'_>) {
        match kind {
            PeerEventKind::LocalDescription { sdp_type, sdp } => self.on_local(sdp_type, sdp, cx),
            PeerEventKind::RemoteDescriptionSet { sdp_type } => self.leg.on_remote_set(sdp_type, cx),
            PeerEventKind::LocalCandidate(candidate) => self.leg.on_local_candidate(candidate, cx),
            PeerEventKind::NegotiationNeeded => {
                // The first negotiation is under way by itself.
                if self.leg.negotiation.remote().is_some() {
                    self.leg.negotiation.want_offer(false, cx);
                }
            }
            PeerEventKind::Connection(phase) => self.on_phase(phase, cx),
            PeerEventKind::ControlOpen => {
                self.leg.control_open = true;
                self.retell();
            }
            PeerEventKind::Control(message) => self.on_control(&message, cx),
            PeerEventKind::Track { kind, packets } => self.on_track(kind, packets, cx),
            PeerEventKind::Lane { kind, lane } => self.on_lane(kind, lane, cx),
            PeerEventKind::LanesStuck => self.state.on_stuck(cx.now),
            PeerEventKind::Inflow(inflow) => self.on_inflow(inflow, cx),
            // The stay's, which knows the way to the server too.
            PeerEventKind::NetworkChanged(_) => {}
            PeerEventKind::NoRelay => cx.end = Some(EndReason::NoRelay),
            PeerEventKind::CommandFailed { command, detail } => self.on_failed(command, &detail, cx),
        }
        self.settle(cx);
    }

    fn on_local(&mut self, sdp_type: SdpType, sdp: String, cx: &mut Context<'_>) {
        let Ok(fingerprint) = sdp::fingerprint(&sdp) else {
            cx.end = Some(EndReason::Internal("own description without a fingerprint"));
            return;
        };
        self.open_failures = 0;
        self.leg.on_local(sdp_type, sdp, fingerprint, cx);
    }

    fn on_phase(&mut self, phase: ConnectionPhase, cx: &mut Context<'_>) {
        tracing::debug!(?phase, generation = self.leg.pairing.own(), "connection");
        self.state.on_phase(cx.now, phase);
    }

    fn on_control(&mut self, message: &ControlMessage, cx: &mut Context<'_>) {
        if !self.leg.proofs.proven() {
            cx.counters.out_of_order += 1;
            return;
        }
        if !std::mem::replace(&mut self.leg.control_heard, true) {
            // What was said before their channel was open too is lost: webrtc 0.21.1 drops it.
            self.retell();
        }
        if self.hear_once(message, cx) {
            return;
        }
        match message {
            ControlMessage::MediaState(media) => self.presence.hear_media(*media),
            ControlMessage::Hand { raised } => self.presence.hear_hand(*raised),
            ControlMessage::Offer { digest } => self.announced_offer = Some(digest.clone()),
            ControlMessage::Recording { state } => self.recording.on_state(*state),
            ControlMessage::MayRecord { allowed } => self.recording.on_answer(*allowed),
            // Between two nobody is put before anybody.
            ControlMessage::Reaction { .. }
            | ControlMessage::Bye
            | ControlMessage::Spotlight { .. }
            | ControlMessage::Unknown => {}
        }
    }

    /// Hears what is said once, and not told again over another connection. Gives whether this is such a word.
    pub(super) fn hear_once(&self, message: &ControlMessage, cx: &mut Context<'_>) -> bool {
        match message {
            ControlMessage::Reaction {
                reaction: Reaction::Unknown,
            } => {}
            ControlMessage::Reaction { reaction } => cx.out.event(SessionEvent::Reaction {
                participant: self.other,
                reaction: *reaction,
            }),
            ControlMessage::Bye => cx.end = Some(EndReason::OtherLeft),
            _ => return false,
        }
        true
    }

    fn on_track(&mut self, kind: TrackKind, packets: Receiver<ReceivedPacket>, cx: &mut Context<'_>) {
        if !self.leg.proofs.proven() {
            cx.counters.out_of_order += 1;
            return;
        }
        if !self.tracks.contains(&kind) {
            self.tracks.push(kind);
        }
        cx.out.direct_track(self.other, kind, packets);
    }

    fn on_lane(&mut self, kind: LaneKind, lane: Lane, cx: &mut Context<'_>) {
        if !self.leg.proofs.proven() {
            cx.counters.out_of_order += 1;
            return;
        }
        cx.out.direct_lane(self.other, kind, lane);
    }

    fn on_inflow(&mut self, inflow: Inflow, cx: &mut Context<'_>) {
        let flowed = self.flows();
        self.inflow = inflow;
        let stopped = flowed && !self.flows();
        cx.counters.stalls += u64::from(stopped);
        if stopped && let Some(second) = &mut self.second {
            // Whoever holds one connection follows now, and did not before.
            second.repeat(cx);
        }
    }

    fn on_failed(&mut self, command: &'static str, detail: &str, cx: &mut Context<'_>) {
        cx.counters.peer_failures += 1;
        tracing::warn!(command, detail, "the peer driver could not do that");
        match command {
            "open" => return self.on_open_failed(cx),
            "send_control" => {
                self.retell_at = Some(cx.now + CONTROL_RETRY);
                return;
            }
            _ => {}
        }
        let carries = self.state.is_connected();
        let negotiates = ["make_offer", "set_remote", "make_answer"].contains(&command);
        let broken = negotiates && self.leg.negotiation.on_failed(carries, cx) == Damage::Broken;
        if broken && carries {
            // A connection that carries media is worth more than one that can be negotiated: it stays until there is another.
            self.mend_soon(cx.now);
        } else if broken && self.fresh_limit.allow(cx.now) {
            self.start_afresh(cx);
        }
    }

    /// There is no connection at all: another one is tried, a few times.
    fn on_open_failed(&mut self, cx: &mut Context<'_>) {
        self.open_failures += 1;
        if self.open_failures >= OPEN_FAILURES_MAX {
            cx.end = Some(EndReason::NoConnection);
        } else {
            self.state.on_phase(cx.now, ConnectionPhase::Failed);
        }
    }
}
