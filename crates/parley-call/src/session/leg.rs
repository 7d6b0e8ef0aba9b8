//! One connection of a link: which it is, what was negotiated for it, found and proven. There is one, and while the network
//! changes a second one beside it ([`super::second`]).

use super::candidates::{Fate, RemoteCandidates};
use super::context::Context;
use super::negotiation::Negotiation;
use super::pairing::Pairing;
use super::proof_exchange::{Parties, ProofExchange};
use crate::port::PeerCommand;
use crate::sdp::{self, Fingerprint};
use parley_proto::limits::CANDIDATES_MAX;
use parley_proto::{Candidate, ControlMessage, PeerEnvelope, PeerMessage, SdpType};

/// The tracks of a share, beside microphone and camera: which are on a connection, or are to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ShareTracks {
    /// The screen.
    pub(super) screen: bool,
    /// What the computer plays.
    pub(super) sound: bool,
}

impl ShareTracks {
    /// Whether all of `wanted` are among them.
    pub(super) const fn have(self, wanted: Self) -> bool {
        (self.screen || !wanted.screen) && (self.sound || !wanted.sound)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) pairing: Pairing,
    pub(super) negotiation: Negotiation,
    pub(super) proofs: ProofExchange,
    candidates: RemoteCandidates,
    local_candidates: Vec<Candidate>,
    /// Those of ours that are on it, and stay for the rest of it.
    share: ShareTracks,
    pub(super) control_open: bool,
    /// Whether anything came on its control channel.
    pub(super) control_heard: bool,
}

impl Leg {
    /// The connection of this number, of which nothing is known yet.
    pub(super) fn new(number: u32, parties: Parties) -> Self {
        Self {
            pairing: Pairing::new(number),
            negotiation: Negotiation::new(parties.polite),
            proofs: ProofExchange::new(parties),
            candidates: RemoteCandidates::default(),
            local_candidates: Vec::new(),
            share: ShareTracks::default(),
            control_open: false,
            control_heard: false,
        }
    }

    /// Another one beside it, between the same two.
    pub(super) fn beside(&self, number: u32) -> Self {
        Self::new(number, self.proofs.parties())
    }

    /// Another one in its place.
    pub(super) fn renew(&mut self, number: u32) {
        let mut pairing = self.pairing;
        pairing.renew(number);
        *self = Self {
            pairing,
            ..self.beside(number)
        };
    }

    /// Puts the numbers on what is to be said about it.
    pub(super) const fn envelope(&self, message: PeerMessage) -> PeerEnvelope {
        PeerEnvelope {
            message,
            connection: Some(self.pairing.own()),
            to_connection: self.pairing.theirs(),
        }
    }

    /// Whether messages on its control channel reach somebody who was proven.
    pub(super) const fn may_say(&self) -> bool {
        self.control_open && self.proofs.proven()
    }

    /// Puts the tracks of a share on it that it does not have yet.
    pub(super) fn add_tracks(&mut self, wanted: ShareTracks, cx: &mut Context<'_>) {
        if wanted.screen && !std::mem::replace(&mut self.share.screen, true) {
            cx.out.peer(PeerCommand::AddScreen);
        }
        if wanted.sound && !std::mem::replace(&mut self.share.sound, true) {
            cx.out.peer(PeerCommand::AddScreenSound);
        }
    }

    /// Whether all tracks of a share that are wanted were put on it.
    pub(super) const fn has_tracks(&self, wanted: ShareTracks) -> bool {
        self.share.have(wanted)
    }

    /// Says over the connection itself that an own offer is one: through the server alone it is anybody's word.
    pub(super) fn announce(&self, offer: &str, cx: &mut Context<'_>) {
        if self.may_say() {
            let digest = sdp::digest(offer);
            cx.out
                .peer(PeerCommand::SendControl(ControlMessage::Offer { digest }));
        }
    }

    /// An own description was made and set.
    pub(super) fn on_local(
        &mut self,
        sdp_type: SdpType,
        sdp: String,
        fingerprint: Fingerprint,
        cx: &mut Context<'_>,
    ) {
        if sdp_type == SdpType::Offer {
            self.announce(&sdp, cx);
        }
        self.local_candidates.retain(|candidate| {
            let ufrag = candidate.username_fragment.as_deref();
            ufrag.is_none_or(|ufrag| sdp::has_ufrag(&sdp, ufrag))
        });
        self.negotiation.on_local(sdp_type, sdp, cx);
        self.proofs.set_own(fingerprint, cx);
    }

    /// An own candidate was found.
    pub(super) fn on_local_candidate(&mut self, candidate: Candidate, cx: &mut Context<'_>) {
        if self.local_candidates.len() < CANDIDATES_MAX && !self.local_candidates.contains(&candidate) {
            self.local_candidates.push(candidate.clone());
            cx.say(PeerMessage::Candidate(candidate));
        }
    }

    /// Says the own candidates again.
    pub(super) fn repeat_candidates(&self, cx: &mut Context<'_>) {
        for candidate in &self.local_candidates {
            cx.say(PeerMessage::Candidate(candidate.clone()));
        }
    }

    /// Whether a description with this fingerprint is about another connection of theirs than the one that was described before.
    pub(super) fn is_other_certificate(&self, fingerprint: Fingerprint) -> bool {
        self.proofs.theirs().is_some_and(|known| known != fingerprint)
    }

    /// The fingerprint in a description of the other side's; none, and it is counted, where it has none or answers nothing.
    pub(super) fn fingerprint(
        &self,
        sdp_type: SdpType,
        sdp: &str,
        cx: &mut Context<'_>,
    ) -> Option<Fingerprint> {
        match sdp::fingerprint(sdp) {
            Err(error) => {
                cx.counters.malformed_from_peer += 1;
                tracing::debug!(%error, "a description was not used");
                None
            }
            Ok(_) if sdp_type == SdpType::Answer && !self.negotiation.awaits_answer() => {
                cx.counters.out_of_order += 1;
                None
            }
            Ok(fingerprint) => Some(fingerprint),
        }
    }

    /// Takes a description of the other side's connection of that number.
    pub(super) fn on_description(
        &mut self,
        from: Option<u32>,
        sdp_type: SdpType,
        sdp: String,
        fingerprint: Fingerprint,
        cx: &mut Context<'_>,
    ) {
        self.pairing.pair(from);
        match sdp_type {
            SdpType::Offer => self.negotiation.on_offer(sdp, cx),
            SdpType::Answer => self.negotiation.on_answer(sdp, cx),
        }
        self.proofs.set_theirs(fingerprint, cx);
    }

    /// The other side's description was set.
    pub(super) fn on_remote_set(&mut self, sdp_type: SdpType, cx: &mut Context<'_>) {
        if let Some(remote) = self.negotiation.on_remote_set(sdp_type, cx) {
            for candidate in self.candidates.release(remote) {
                cx.out.peer(PeerCommand::AddCandidate(candidate));
            }
        }
    }

    /// A candidate of the other side came.
    pub(super) fn on_candidate(&mut self, candidate: Candidate, cx: &mut Context<'_>) {
        match self.candidates.take_in(candidate, self.negotiation.remote()) {
            Fate::Use(candidate) => cx.out.peer(PeerCommand::AddCandidate(candidate)),
            Fate::Held => {}
            Fate::Dropped | Fate::HeldInstead => cx.counters.candidates_dropped += 1,
            Fate::Malformed => cx.counters.malformed_from_peer += 1,
        }
    }
}
