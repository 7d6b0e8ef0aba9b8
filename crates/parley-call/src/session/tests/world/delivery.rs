//! What is on its way in the world of the tests: each of it comes to somebody at some time.

use crate::end::SignalingFault;
use crate::port::PeerEvent;
use crate::session::SignalingEvent;
use crate::sfu_port::SfuEvent;
use parley_proto::{ClientMessage, ParticipantId};

/// See the module.
#[derive(Debug)]
pub(super) enum Delivery {
    Opened {
        party: usize,
        connection: u32,
    },
    Refused {
        party: usize,
        connection: u32,
        fault: SignalingFault,
    },
    ToServer {
        party: usize,
        connection: u32,
        message: ClientMessage,
    },
    ToClient {
        party: usize,
        connection: u32,
        event: SignalingEvent,
    },
    HungUp {
        party: usize,
        connection: u32,
    },
    FromPeer {
        party: usize,
        event: PeerEvent,
    },
    FromSfu {
        party: usize,
        event: SfuEvent,
    },
    FromPair {
        party: usize,
        participant: ParticipantId,
        event: PeerEvent,
    },
    Look,
}
