//! One connection of a client: the library's value for it, and the tracks up and down.
//!
//! Owned by the SFU, named by its place there. What it decides by itself: what descriptions are taken, and which packets are whose
//! track's. What of the pictures this subscriber gets out of what their way carries is decided in [`way`](super::way); what goes from
//! one peer to another is the room's business.

use super::backlog::Backlog;
use super::capture_clock::CaptureClock;
use super::certificate::Certificate;
use super::dialect::{check, config, opus_first, reads_copies};
use super::down_track::{DownTrack, Goes};
use super::flow_limit::FlowLimit;
use super::forwarder::Aim;
use super::introductions::{Introductions, Names, claim, stream_of};
use super::layer::Layer;
use super::offences::Offences;
use super::origins::Origins;
use super::shard::Passed;
use super::up_track::UpTrack;
use super::way::{FIRST_ESTIMATE, Wanted, Way};
use parley_proto::limits::{AUDIO_DOWNS_MAX, VIDEO_DOWNS_MAX};
use parley_proto::{ParticipantId, RoomId};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::bwe::Bitrate as LibraryRate;
use str0m::change::SdpOffer;
use str0m::format::Codec;
use str0m::media::{Direction, ExtensionValues, KeyframeRequestKind, MediaKind, Mid, Pt};
use str0m::rtp::{Extension, RtpPacket, RtpWrite, Ssrc};
use str0m::stats::MediaEgressStats;
use str0m::{Candidate, Rtc};

/// A connection's place in the SFU.
pub(super) type PeerAt = usize;

/// Streams that are known by their number; more than tracks and layers can have means that somebody makes them up.
const STREAMS_MAX: usize = 32;

/// Between two times that the library is asked what receivers report, which is asked of all sections at once.
const REPORTS_EVERY: Duration = Duration::from_secs(1);

/// Why a description is not taken: a sentence for logs.
pub(super) type Refusal = &'static str;

/// How a packet left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    /// With copies in it.
    pub(super) copies: bool,
}

/// One connection.
pub(super) struct Peer {
    pub(super) rtc: Rtc,
    pub(super) room: RoomId,
    pub(super) participant: ParticipantId,
    /// The client's number.
    pub(super) connection: u32,
    pub(super) connected: bool,
    pub(super) began: Instant,
    /// When anything came last.
    pub(super) heard: Instant,
    /// Something was given to the library that it has not been asked about yet.
    pub(super) dirty: bool,
    /// Packets of media that the library was given and that it did not let go of yet.
    pub(super) backlog: Backlog,
    pub(super) ups: Vec<UpTrack>,
    pub(super) downs: Vec<DownTrack>,
    pub(super) clock: CaptureClock,
    pub(super) limit: FlowLimit,
    pub(super) offences: Offences,
    introductions: Introductions,
    pub(super) origins: Origins,
    pub(super) ufrag: String,
    /// What goes down to the client.
    pub(super) way: Way,
    streams: HashMap<Ssrc, (usize, usize)>,
    pub(super) opus: Option<Pt>,
    /// Of sound with copies in it, where the client speaks that.
    pub(super) red: Option<Pt>,
    h264: Option<Pt>,
    /// Of what is sent again.
    rtx: Option<Pt>,
}

impl Peer {
    /// A client that offers `sdp`.
    pub(super) fn new(
        now: Instant,
        sdp: &str,
        room: RoomId,
        participant: ParticipantId,
        connection: u32,
        certificate: &Certificate,
        candidates: &[Candidate],
    ) -> Self {
        let mut rtc = config(certificate)
            .set_ice_lite(true)
            .enable_bwe(Some(LibraryRate::from(FIRST_ESTIMATE.bps())))
            .set_stats_interval(reads_copies(sdp).then_some(REPORTS_EVERY))
            .build(now);
        for candidate in candidates {
            rtc.add_local_candidate(candidate.clone());
        }
        Self {
            rtc,
            room,
            participant,
            connection,
            connected: false,
            began: now,
            heard: now,
            dirty: true,
            backlog: Backlog::default(),
            ups: Vec::new(),
            downs: Vec::new(),
            clock: CaptureClock::default(),
            limit: FlowLimit::new(now),
            offences: Offences::new(now),
            introductions: Introductions::new(now),
            origins: Origins::default(),
            ufrag: String::new(),
            way: Way::default(),
            streams: HashMap::new(),
            opus: None,
            red: None,
            h264: None,
            rtx: None,
        }
    }

    /// Answers an offer.
    pub(super) fn answer(&mut self, sdp: &str) -> Result<String, Refusal> {
        check(sdp)?;
        let offer = SdpOffer::from_sdp_string(sdp).map_err(|_| "it cannot be read")?;
        let answer = self.rtc.sdp_api().accept_offer(offer).map_err(|error| {
            tracing::debug!(%error, "an offer is refused");
            "it does not fit what was negotiated before"
        })?;
        let codec = |codec| {
            let found = self
                .rtc
                .codec_config()
                .find(|params| params.spec().codec == codec);
            found.map(|params| params.pt())
        };
        let resent = self
            .rtc
            .codec_config()
            .find(|params| params.spec().codec == Codec::H264);
        self.rtx = resent.and_then(|params| params.resend());
        (self.opus, self.h264) = (codec(Codec::Opus), codec(Codec::H264));
        let opus = self
            .rtc
            .codec_config()
            .find(|params| params.spec().codec == Codec::Opus);
        self.red = opus.and_then(|params| params.red());
        self.ufrag = self.rtc.direct_api().local_ice_credentials().ufrag;
        self.dirty = true;
        Ok(opus_first(&answer.to_sdp_string(), self.red, self.opus))
    }

    /// A section was negotiated, or is used another way now.
    pub(super) fn section(&mut self, mid: Mid, kind: MediaKind, direction: Direction, first_seq: u16) {
        let sends = direction == Direction::SendOnly;
        if let Some(down) = self.downs.iter_mut().find(|down| down.mid == mid) {
            down.open = sends;
            return;
        }
        let max = if kind.is_audio() {
            AUDIO_DOWNS_MAX
        } else {
            VIDEO_DOWNS_MAX
        };
        let has = self.downs.iter().filter(|down| down.kind == kind).count();
        if !sends || has >= max {
            return;
        }
        let stream = self
            .rtc
            .direct_api()
            .stream_tx_by_mid(mid, None)
            .map(|stream| stream.ssrc());
        if let Some(ssrc) = stream {
            self.downs.push(DownTrack::new(mid, kind, ssrc, first_seq));
        }
    }

    /// Whether the library may look at a datagram, as far as the number of its stream goes.
    pub(super) fn introduces(&mut self, now: Instant, datagram: &[u8]) -> bool {
        let Some(ssrc) = stream_of(datagram).filter(|ssrc| *ssrc != 0 && !self.introductions.knows(*ssrc))
        else {
            return true;
        };
        // Without a name the library knows as little what it is, and leaves it.
        let Some(claim) = self.names().and_then(|names| claim(datagram, names)) else {
            return true;
        };
        let repairs = claim.repairs || self.rtx.is_some_and(|pt| *pt == claim.pt);
        let layer = self.ups.iter().find(|up| up.is_in(claim.mid)).and_then(|up| {
            let at = up.layer_at(claim.rid)?;
            up.layers.get(at)
        });
        let by_another = |layer: &Layer| layer.ssrc.is_some_and(|known| *known != ssrc) && layer.flows(now);
        let is_taken = !repairs && layer.is_some_and(by_another);
        !is_taken && self.introductions.admit(now, ssrc)
    }

    /// Under which numbers packets name their section and layer.
    fn names(&self) -> Option<Names> {
        let up = self.ups.first()?;
        let map = self.rtc.media(up.mid)?.remote_extmap();
        Some(Names {
            mid: map.id_of(Extension::RtpMid)?,
            rid: map.id_of(Extension::RtpStreamId),
            repaired: map.id_of(Extension::RepairedRtpStreamId),
        })
    }

    /// The track and layer that packets with this number are of. Packets name section and layer only until we reported on them.
    pub(super) fn track_of(&mut self, packet: &RtpPacket) -> Option<(usize, usize)> {
        let ssrc = packet.header.ssrc;
        if let Some(known) = self.streams.get(&ssrc) {
            return Some(*known);
        }
        let mut api = self.rtc.direct_api();
        let stream = api.stream_rx(&ssrc)?;
        let (mid, rid) = (stream.mid(), stream.rid());
        let up = self.ups.iter().position(|up| up.mid == mid)?;
        let layer = self.ups.get(up)?.layer_at(rid.as_deref().unwrap_or(""))?;
        if self.streams.len() >= STREAMS_MAX {
            self.streams.clear();
        }
        self.streams.insert(ssrc, (up, layer));
        Some((up, layer))
    }

    /// Tracks changed: what was known of streams is looked up again.
    pub(super) fn forget_streams(&mut self) {
        self.streams.clear();
    }

    /// Sends a packet down, if it can be.
    pub(super) fn send(
        &mut self,
        now: Instant,
        down: usize,
        Goes { at, empty }: Goes,
        packet: Passed<'_>,
        number: u32,
    ) -> Option<Sent> {
        let track = self.downs.get_mut(down)?;
        let is_sound = track.kind.is_audio();
        let mut pt = if is_sound { self.opus } else { self.h264 }?;
        let values = ExtensionValues {
            audio_level: packet.level,
            voice_activity: packet.voice,
            ..ExtensionValues::default()
        };
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx(&track.ssrc)?;
        let mut payload: Arc<[u8]> = if empty {
            Arc::from([])
        } else {
            Arc::clone(packet.payload)
        };
        let mut copies = false;
        if is_sound {
            let plain = payload.len();
            if let Some(red) = self.red {
                track.fates.sent(at.seq);
                if let Some(packed) = track.copies.pack(*pt, self.way.copies, at, &payload) {
                    (pt, payload, copies) = (red, packed, true);
                }
            }
            self.way.voices.sent(now, plain, payload.len(), self.way.copies);
        }
        stream.write_rtp(
            RtpWrite::new(pt, at.seq.into(), at.time, packet.recorded, payload)
                .marker(packet.marker && !empty)
                .nackable(!is_sound)
                .csrc(&[number])
                .ext_vals(values),
        );
        self.backlog.given();
        self.dirty = true;
        Some(Sent { copies })
    }

    /// What the client's receiver reports say of a section, asked once a second.
    pub(super) fn reported(&mut self, told: &MediaEgressStats) {
        let Some(remote) = told.remote.as_ref().filter(|_| self.red.is_some()) else {
            return;
        };
        let mut sound = self.downs.iter_mut().filter(|down| down.kind.is_audio());
        if let Some(down) = sound.find(|down| down.mid == told.mid) {
            let news = down
                .fates
                .reported(*remote.maximum_sequence_number, remote.packets_lost);
            self.way.shield.reported(news);
        }
    }

    /// The library lets go of a datagram: where it is media, and neither sent again nor padding, it was given that.
    pub(super) fn lets_go(&mut self, datagram: &[u8]) {
        let of_stream = stream_of(datagram).is_some_and(|ssrc| ssrc != 0);
        let pt = datagram.get(1).map(|second| Pt::from(second & 0x7f));
        if of_stream && pt.is_some() && [self.opus, self.red, self.h264].contains(&pt) {
            self.backlog.let_go();
        }
    }

    /// Whether nothing is done for this connection but to pass media on to it that its way carries: no probe, no picture of its own,
    /// nothing that waits.
    pub(super) fn is_at_rest(&self) -> bool {
        self.connected && self.way.is_quiet && self.ups.is_empty() && self.backlog.count() == 0
    }

    /// Asks the publisher for a key frame of a layer, where somebody waits for one and it is time to.
    pub(super) fn ask_key_frames(&mut self, now: Instant) -> u64 {
        let mut asked = 0;
        for layer in self.ups.iter_mut().flat_map(|up| &mut up.layers) {
            let Some(ssrc) = layer.ssrc.filter(|_| layer.flows(now)) else {
                continue;
            };
            if layer.key_frames.ask(now)
                && let Some(stream) = self.rtc.direct_api().stream_rx(&ssrc)
            {
                stream.request_keyframe(KeyframeRequestKind::Pli);
                self.dirty = true;
                asked += 1;
            }
        }
        asked
    }

    /// The layer each section is to show, out of what the way carries. Lets the library look for more where that is worth it.
    pub(super) fn grant(&mut self, now: Instant, wanted: &Wanted, sections: usize) -> Vec<Option<Aim>> {
        let (aims, look) = self.way.grant(now, wanted, sections);
        if let Some(look) = look {
            self.way.is_quiet = false;
            let mut estimator = self.rtc.bwe();
            if look.afresh {
                estimator.reset(LibraryRate::from(self.way.estimate.bps()));
            }
            estimator.set_bitrate(LibraryRate::ZERO, LibraryRate::from(look.rate.bps()));
            self.dirty = true;
        }
        aims
    }

    /// Whether it was silent for so long.
    pub(super) fn silent_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard)
    }
}
