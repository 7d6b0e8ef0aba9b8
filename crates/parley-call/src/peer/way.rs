//! The way that packets of a connection take now, as ICE chose it: asked of the library through the transport of any of its senders or receivers.

use super::stats::{self, Pair};
use crate::relay::relays::Relays;
use rtc::peer_connection::transport::RTCIceCandidatePair;
use std::time::Instant;
use webrtc::peer_connection::transport::DtlsTransport;
use webrtc::peer_connection::{PeerConnection, RTCIceCandidate, RTCIceProtocol, StatsSelector};

/// The two ends of the way that packets take. What a candidate is called may change while it is the same one; addresses do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selected {
    local: (String, u16),
    remote: (String, u16),
    over_tcp: bool,
}

/// The pair of addresses in use, with its round trip.
pub(super) async fn pair(
    peer: &dyn PeerConnection,
    transport: &dyn DtlsTransport,
    now: Instant,
    relays: &Relays,
) -> Option<Pair> {
    let selected = chosen(transport).await?;
    let report = peer.get_stats(now, StatsSelector::None).await;
    stats::pair(&selected, &report, relays)
}

/// The addresses that packets go between now, if ICE has chosen.
pub(super) async fn selected(transport: &dyn DtlsTransport) -> Option<Selected> {
    let pair = chosen(transport).await?;
    let end = |candidate: &RTCIceCandidate| (candidate.address.clone(), candidate.port);
    Some(Selected {
        local: end(pair.local()),
        remote: end(pair.remote()),
        over_tcp: pair.local().protocol == RTCIceProtocol::Tcp,
    })
}

async fn chosen(transport: &dyn DtlsTransport) -> Option<RTCIceCandidatePair> {
    transport
        .ice_transport()
        .get_selected_candidate_pair()
        .await
        .ok()?
}
