//! A track that comes up from a publisher, and the sections it goes down to.
//!
//! Owned by a peer. What is decided about each packet before anybody gets it is here: which layer it is of, whether a decoder
//! could begin with it, whether there is anything to hear.

use super::dynacast::Dynacast;
use super::h264;
use super::layer::Layer;
use super::peer::PeerAt;
use super::repair::{Missed, Repair};
use super::silence::{Silence, Sound};
use parley_proto::limits::{LAYERS_MAX, RID_CHARS_MAX};
use parley_proto::{Publish, PublishedLayer, Source};
use std::time::Instant;
use str0m::media::Mid;
use str0m::rtp::{RtpPacket, Ssrc};

/// The longest payload that is passed on, in bytes: with headers and encryption it must fit everywhere, and in the buffers of the
/// library, which trusts us with that.
pub(super) const PAYLOAD_BYTES_MAX: usize = 1_400;

/// A section of a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) peer: PeerAt,
    /// Its place among the peer's down tracks.
    pub(super) down: usize,
}

/// What a packet is, for everybody who may get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// Sound to be passed on; `again` for the first one after silence.
    Sound {
        /// It follows silence.
        again: bool,
    },
    /// A part of a picture.
    Picture {
        /// Of this layer.
        layer: usize,
        /// A decoder could begin with it.
        begins: bool,
        /// No other picture refers to it.
        spare: bool,
    },
    /// Nothing in it, or too much: it is not passed on, and nobody should miss it.
    Useless {
        /// Of this layer.
        layer: usize,
    },
    /// Nothing to hear.
    Silent,
    /// Sound that was passed on before, as a copy, or that comes too late.
    Known,
}

/// One of a publisher's tracks.
#[derive(Debug)]
pub(super) struct UpTrack {
    pub(super) mid: Mid,
    pub(super) source: Source,
    /// The publication's number.
    pub(super) number: u32,
    pub(super) on: bool,
    /// Smallest first; one of sound and of pictures without simulcast.
    pub(super) layers: Vec<Layer>,
    pub(super) dynacast: Dynacast,
    pub(super) routes: Vec<Route>,
    silence: Silence,
    repair: Repair,
}

impl UpTrack {
    pub(super) fn new(number: u32, publish: &Publish) -> Self {
        Self {
            mid: Mid::from(publish.mid.as_str()),
            source: publish.source,
            number,
            on: publish.on,
            layers: told_layers(publish).into_iter().map(Layer::new).collect(),
            dynacast: Dynacast::default(),
            routes: Vec::new(),
            silence: Silence::default(),
            repair: Repair::default(),
        }
    }

    /// Whether it comes in the section of that name.
    pub(super) fn is_in(&self, mid: &str) -> bool {
        self.mid == Mid::from(mid)
    }

    /// Whether it has the layers that this says, in the same order.
    pub(super) fn has_layers_of(&self, publish: &Publish) -> bool {
        let names = self.layers.iter().map(|layer| layer.told.rid.clone());
        names.eq(told_layers(publish).into_iter().map(|layer| layer.rid))
    }

    /// The publisher says anew what it sends, in the same layers.
    pub(super) fn update(&mut self, publish: &Publish) {
        self.on = publish.on;
        for (layer, told) in self.layers.iter_mut().zip(told_layers(publish)) {
            layer.told = told;
        }
    }

    /// The place of a layer by its name on the wire.
    pub(super) fn layer_at(&self, rid: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.told.rid == rid)
    }

    /// Somebody waits for a key frame of this layer, and sees nothing meanwhile if `dark`.
    pub(super) fn wait_for(&mut self, now: Instant, layer: usize, dark: bool) {
        let Some(wanted) = self.layers.get_mut(layer) else {
            return;
        };
        if wanted.flows(now) {
            wanted.key_frames.want();
            return;
        }
        if self.dynacast.sends(layer) {
            wanted.missed(now);
        }
        let smaller = self
            .layers
            .iter_mut()
            .take(layer)
            .rev()
            .find(|smaller| smaller.flows(now));
        if let Some(smaller) = smaller.filter(|_| dark) {
            smaller.key_frames.want();
        }
    }

    /// Whether the packet that many before one of sound is missing.
    pub(super) fn lacks(&self, packet: &RtpPacket, back: u64) -> bool {
        self.repair.lacks(packet.header.ssrc, *packet.seq_no, back)
    }

    /// What is passed on before a packet of sound that came like this, of what was missed until it: oldest first. Gives what the packet
    /// itself is then.
    pub(super) fn repair(
        &mut self,
        came: Came,
        packet: &RtpPacket,
        missed: Vec<Missed>,
    ) -> (Vec<Missed>, Came) {
        let Came::Sound { again } = came else {
            return (Vec::new(), came);
        };
        let (ssrc, seq) = (packet.header.ssrc, *packet.seq_no);
        let missed = self.repair.take(ssrc, seq, again, missed);
        let again = again && missed.is_empty();
        (missed, Came::Sound { again })
    }

    /// A packet of one of the layers.
    pub(super) fn came(&mut self, now: Instant, layer: usize, ssrc: Ssrc, packet: &RtpPacket) -> Came {
        let bytes = packet.payload.len();
        if self.source.is_sound() && !self.repair.first_time(ssrc, *packet.seq_no) {
            return Came::Known;
        }
        let Some(known) = self.layers.get_mut(layer) else {
            return Came::Useless { layer };
        };
        let spare = !self.source.is_sound() && h264::is_spare(&packet.payload);
        let newest = known.came(now, ssrc, *packet.seq_no, bytes, spare);
        if self.source.is_sound() {
            let below = packet
                .header
                .ext_vals
                .audio_level
                .map(|level| level.unsigned_abs());
            return match self.silence.judge(now, below) {
                _ if bytes > PAYLOAD_BYTES_MAX => Came::Useless { layer },
                Sound::Silent => Came::Silent,
                judged => Came::Sound {
                    again: judged == Sound::Again,
                },
            };
        }
        if bytes == 0 || bytes > PAYLOAD_BYTES_MAX {
            return Came::Useless { layer };
        }
        let mut gone = false;
        for (at, larger) in self.layers.iter_mut().enumerate().skip(layer + 1) {
            if self.dynacast.sends(at) {
                gone |= larger.passed_by(now);
            } else {
                larger.rests();
            }
        }
        if gone {
            let larger = self.layers.iter_mut().skip(layer + 1);
            larger.for_each(|larger| larger.shun(now));
        }
        let Some(known) = self.layers.get_mut(layer) else {
            return Came::Useless { layer };
        };
        // A late one is no place to begin: what follows it went by already.
        let begins = newest && h264::begins_key_frame(&packet.payload);
        if begins {
            known.key_frames.came();
        }
        Came::Picture { layer, begins, spare }
    }
}

/// What a publisher said of its layers, within limits.
fn told_layers(publish: &Publish) -> Vec<PublishedLayer> {
    let is_name =
        |rid: &str| rid.len() <= RID_CHARS_MAX && rid.chars().all(|one| one.is_ascii_alphanumeric());
    let mut layers: Vec<PublishedLayer> = publish
        .layers
        .iter()
        .filter(|layer| is_name(&layer.rid) && !publish.source.is_sound())
        .take(LAYERS_MAX)
        .cloned()
        .collect();
    if layers.is_empty() {
        layers.push(PublishedLayer {
            rid: String::new(),
            width: 0,
            height: 0,
            kbps: 0,
        });
    }
    layers
}
