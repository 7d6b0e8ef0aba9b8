//! The connections for files of a group, in the midst of everything else: what is around them, and what is said about them.

use super::Stay;
use crate::session::context::Context;
use crate::session::pairs::{Pairs, PairsAround};
use crate::session::peer_link::PeerLink;
use parley_proto::{PairMessage, ParticipantId};
use serde_json::Value;

impl Stay {
    fn pairs_and_around(&mut self) -> (&mut Pairs, PairsAround<'_>) {
        let direct = self.link.as_ref().filter(|link| link.is_up());
        let around = PairsAround {
            me: self.me.as_ref().filter(|_| self.group.in_force()),
            own: self.me.as_ref().map(|me| me.id),
            missing: &self.missing,
            unsettled: self.third_until.is_some(),
            room: self.signaling.room(),
            secret: &self.secret,
            joined: self.signaling.is_joined(),
            roster: &self.roster,
            direct: direct.map(PeerLink::other),
            ice_servers: &self.ice_servers,
        };
        (&mut self.pairs, around)
    }

    /// Somebody says something about a connection for files.
    pub(super) fn on_pair_signal(&mut self, from: ParticipantId, payload: Value, cx: &mut Context<'_>) {
        match serde_json::from_value::<PairMessage>(payload) {
            Ok(PairMessage::Files { about }) => {
                let (pairs, around) = self.pairs_and_around();
                pairs.on_message(around, from, about, cx);
            }
            Err(error) => {
                cx.counters.malformed_from_peer += 1;
                tracing::debug!(%error, "unreadable message about files");
            }
        }
    }

    /// What follows for all of them.
    pub(super) fn settle_pairs(&mut self, cx: &mut Context<'_>) {
        let (pairs, around) = self.pairs_and_around();
        pairs.settle(around, cx);
    }
}

/// Whether a message of another participant is about such a connection.
pub(super) fn is_about_files(payload: &Value) -> bool {
    payload.get("kind").and_then(Value::as_str) == Some("files")
}
