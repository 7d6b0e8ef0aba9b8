//! A packet of media as it is passed on: what it is besides its numbers in each section. Of sound there may be some that came as copies in
//! a later one (RFC 2198), which is taken apart here.

use super::super::peer::Peer;
use super::super::repair::Missed;
use super::super::up_track::{PAYLOAD_BYTES_MAX, UpTrack};
use parley_proto::red;
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::rtp::RtpPacket;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Passed<'a> {
    pub(in super::super) payload: &'a Arc<[u8]>,
    pub(in super::super) marker: bool,
    /// The header extension of it (RFC 6464), which copies do not have.
    pub(in super::super) level: Option<i8>,
    pub(in super::super) voice: Option<bool>,
    /// When, by our clock.
    pub(in super::super) recorded: Instant,
}

impl<'a> Passed<'a> {
    pub(super) fn of(packet: &'a RtpPacket, recorded: Instant) -> Self {
        Self {
            payload: &packet.payload,
            marker: packet.header.marker,
            level: packet.header.ext_vals.audio_level,
            voice: packet.header.ext_vals.voice_activity,
            recorded,
        }
    }

    /// One that came as a copy.
    pub(super) fn copied(missed: &'a Missed, recorded: Instant) -> Self {
        let earlier = Duration::from_micros(u64::from(missed.earlier) * 1_000 / 48);
        Self {
            payload: &missed.payload,
            marker: false,
            level: None,
            voice: None,
            recorded: recorded.checked_sub(earlier).unwrap_or(recorded),
        }
    }
}

/// Whether a packet has copies in it.
pub(super) fn has_copies(peer: &Peer, track: &UpTrack, packet: &RtpPacket) -> bool {
    let fits = (1..=PAYLOAD_BYTES_MAX).contains(&packet.payload.len());
    peer.red == Some(packet.header.payload_type) && track.source.is_sound() && fits
}

/// Takes one apart: it is the packet itself from then on. Gives what was missed before it, oldest first; nothing where it cannot be read.
pub(super) fn open(peer: &Peer, track: &UpTrack, packet: &mut RtpPacket) -> Option<Vec<Missed>> {
    let opened = red::open(&packet.payload, *peer.opus?).ok()?;
    let missed = opened.copies().filter_map(|one| {
        let back = u64::from(one.back);
        let payload = packet
            .payload
            .get(one.bytes)
            .filter(|_| track.lacks(packet, back))?;
        Some(Missed {
            back,
            earlier: one.earlier,
            payload: payload.into(),
        })
    });
    let missed = missed.collect();
    packet.payload = packet.payload.get(opened.primary)?.into();
    Some(missed)
}
