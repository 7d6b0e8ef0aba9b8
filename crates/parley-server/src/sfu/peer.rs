//! One connection of a client: the library's value for it, and the tracks up and down.
//!
//! Owned by the SFU, named by its place there. What it decides by itself: what descriptions are taken, which packets are whose
//! track's, and what of the pictures this subscriber gets out of what their way carries. What goes from one peer to another is the
//! room's business.

use super::allocation::{Allocator, Demand, MARGIN};
use super::capture_clock::CaptureClock;
use super::certificate::Certificate;
use super::dialect::{check, config};
use super::down_track::{DownTrack, Feed};
use super::flow_limit::FlowLimit;
use super::introductions::{Introductions, Names, claim, stream_of};
use super::layer::{Layer, enough};
use super::offences::Offences;
use super::probing::Probing;
use super::rewriter::Rewritten;
use super::up_track::UpTrack;
use parley_proto::limits::{AUDIO_DOWNS_MAX, VIDEO_DOWNS_MAX};
use parley_proto::{Bitrate, ParticipantId, RoomId};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::bwe::Bitrate as LibraryRate;
use str0m::change::SdpOffer;
use str0m::format::Codec;
use str0m::media::{Direction, ExtensionValues, KeyframeRequestKind, MediaKind, Mid, Pt};
use str0m::rtp::{Extension, RtpPacket, RtpWrite, Ssrc};
use str0m::{Candidate, Rtc};

/// A connection's place in the SFU.
pub(super) type PeerAt = usize;

/// What the way to a client is taken to carry before anything is known of it. The first probes go up to six times of it.
const FIRST_ESTIMATE: Bitrate = Bitrate::from_kbps(500);
/// Kept for each voice that may come, with headers.
const VOICE: Bitrate = Bitrate::from_kbps(50);
/// A picture goes down for so long before the way is looked into: whoever has received none yet reports no arrivals.
const WARM: Duration = Duration::from_millis(100);
/// What is allocated of the estimate; the rest is for what retransmissions and headers take.
const SHARE: f64 = 0.92;
/// For so long after the first picture the shares of a way are given without waiting whether they last: what is known of it only grows
/// then, look by look.
const FIRST_LOOKS: Duration = Duration::from_secs(2);
/// Who has seen nobody for so long, though somebody could be seen, is sent one picture whatever is known of their way: where no look found
/// anything, that picture tells what the way carries.
const STARVED: Duration = Duration::from_secs(2);
/// Addresses a client may come from at a time.
const ADDRESSES_MAX: usize = 8;
/// Streams that are known by their number; more than tracks and layers can have means that somebody makes them up.
const STREAMS_MAX: usize = 32;

/// What the sections of a subscriber could show.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    demands: Vec<Demand<usize>>,
    /// The layers that the demands are about, by their place in the track.
    choices: Vec<Vec<usize>>,
    /// Sections with a voice in them.
    voices: usize,
    /// Somebody is seen.
    seen: bool,
}

/// Why a description is not taken: a sentence for logs.
pub(super) type Refusal = &'static str;

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
    pub(super) ups: Vec<UpTrack>,
    pub(super) downs: Vec<DownTrack>,
    pub(super) clock: CaptureClock,
    pub(super) limit: FlowLimit,
    pub(super) offences: Offences,
    introductions: Introductions,
    pub(super) addresses: VecDeque<SocketAddr>,
    pub(super) ufrag: String,
    /// The most of pictures that the client wants.
    pub(super) pictures_max: Option<Bitrate>,
    pub(super) estimate: Bitrate,
    /// Since when a picture goes down.
    seen_since: Option<Instant>,
    /// Since when nothing fits of what is wanted, and nothing was seen before.
    starved_since: Option<Instant>,
    probing: Probing,
    allocator: Allocator<usize>,
    streams: HashMap<Ssrc, (usize, usize)>,
    opus: Option<Pt>,
    h264: Option<Pt>,
    /// Of what is sent again.
    rtx: Option<Pt>,
}

impl Peer {
    pub(super) fn new(
        now: Instant,
        room: RoomId,
        participant: ParticipantId,
        connection: u32,
        certificate: &Certificate,
        candidates: &[Candidate],
    ) -> Self {
        let mut rtc = config(certificate)
            .set_ice_lite(true)
            .enable_bwe(Some(LibraryRate::from(FIRST_ESTIMATE.bps())))
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
            ups: Vec::new(),
            downs: Vec::new(),
            clock: CaptureClock::default(),
            limit: FlowLimit::new(now),
            offences: Offences::new(now),
            introductions: Introductions::new(now),
            addresses: VecDeque::new(),
            ufrag: String::new(),
            pictures_max: None,
            estimate: FIRST_ESTIMATE,
            seen_since: None,
            starved_since: None,
            probing: Probing::default(),
            allocator: Allocator::new(),
            streams: HashMap::new(),
            opus: None,
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
        self.ufrag = self.rtc.direct_api().local_ice_credentials().ufrag;
        self.dirty = true;
        Ok(answer.to_sdp_string())
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

    /// Sends a packet down. True: it is on its way.
    pub(super) fn send(
        &mut self,
        down: usize,
        at: Rewritten,
        recorded: Instant,
        packet: &RtpPacket,
        number: u32,
    ) -> bool {
        let Some(track) = self.downs.get(down) else {
            return false;
        };
        let is_sound = track.kind.is_audio();
        let Some(pt) = (if is_sound { self.opus } else { self.h264 }) else {
            return false;
        };
        let values = ExtensionValues {
            audio_level: packet.header.ext_vals.audio_level,
            voice_activity: packet.header.ext_vals.voice_activity,
            ..ExtensionValues::default()
        };
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx(&track.ssrc) else {
            return false;
        };
        stream.write_rtp(
            RtpWrite::new(pt, at.seq.into(), at.time, recorded, packet.payload.clone())
                .marker(packet.header.marker)
                .nackable(!is_sound)
                .csrc(&[number])
                .ext_vals(values),
        );
        self.dirty = true;
        true
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

    /// What goes down in each section, out of what the way to this subscriber carries. `downs` are its own, `track` finds what one is
    /// fed with.
    pub(super) fn plan<'a>(
        now: Instant,
        downs: &[DownTrack],
        track: impl Fn(Feed) -> Option<&'a UpTrack>,
    ) -> Wanted {
        let mut wanted = Wanted::default();
        for (at, down) in downs.iter().enumerate() {
            if down.kind.is_audio() {
                wanted.voices += usize::from(down.feed.is_some());
                continue;
            }
            wanted.seen |= down.forwarder.current().is_some();
            let Some(wish) = &down.wish else {
                continue;
            };
            let Some(track) = down.feed.and_then(&track).filter(|track| track.on) else {
                continue;
            };
            let last = enough(&track.layers, wish.width, wish.height);
            let fits: Vec<(usize, Bitrate)> = track
                .layers
                .iter()
                .enumerate()
                .take(last + 1)
                .filter(|(_, layer)| layer.is_there(now))
                .map(|(layer, known)| (layer, known.takes(now)))
                .collect();
            if fits.is_empty() {
                continue;
            }
            wanted.demands.push(Demand {
                key: at,
                priority: wish.priority,
                layers: fits.iter().map(|(_, takes)| *takes).collect(),
            });
            wanted
                .choices
                .push(fits.iter().map(|(layer, _)| *layer).collect());
        }
        wanted
    }

    /// Divides it, and lets the library look for as much as is wanted. The layer each section is to show.
    pub(super) fn grant(&mut self, now: Instant, wanted: &Wanted, sections: usize) -> Vec<Option<usize>> {
        let voices = Bitrate::from_bps(VOICE.bps().saturating_mul(wanted.voices as u64));
        let limit = self.pictures_max.unwrap_or(Bitrate::from_bps(u64::MAX));
        if wanted.seen {
            self.seen_since.get_or_insert(now);
        }
        // Voices alone say nothing of what a way carries.
        let estimate = match self.seen_since {
            Some(_) => self.estimate,
            None => self.estimate.max(FIRST_ESTIMATE),
        };
        let budget = estimate.scale(SHARE).saturating_sub(voices).min(limit);
        let hasty = self.seen_since.is_some_and(|since| now < since + FIRST_LOOKS);
        let mut grants = self.allocator.allocate(now, budget, &wanted.demands, hasty);
        let starves = !grants.is_empty() && grants.iter().all(Option::is_none);
        if starves && self.seen_since.is_none() {
            let since = *self.starved_since.get_or_insert(now);
            if let Some(first) = grants.first_mut()
                && now >= since + STARVED
            {
                *first = Some(0);
            }
        } else {
            self.starved_since = None;
        }
        let mut aims = vec![None; sections];
        let mut has = voices;
        let mut step: Option<Bitrate> = None;
        for ((demand, choice), grant) in wanted.demands.iter().zip(&wanted.choices).zip(grants) {
            let granted = grant
                .and_then(|at| demand.layers.get(at).copied())
                .unwrap_or_default();
            has = sum(has, granted);
            if let Some(next) = demand.layers.get(grant.map_or(0, |at| at + 1)) {
                let more = next.saturating_sub(granted);
                step = Some(step.map_or(more, |least| least.min(more)));
            }
            if let Some(aim) = aims.get_mut(demand.key) {
                *aim = grant.and_then(|at| choice.get(at).copied());
            }
        }
        let most = wanted
            .demands
            .iter()
            .filter_map(|demand| demand.layers.last())
            .fold(Bitrate::ZERO, |all, one| sum(all, *one));
        let needs = step.map(|step| sum(has, step));
        let lacks = needs.is_some_and(|needs| {
            // Its own limit is none of the way's.
            needs.saturating_sub(voices) <= limit && needs.scale(MARGIN / SHARE) > self.estimate
        });
        // Looks are made of pictures sent again, of which every client reports. Before there are any the library may send something
        // that not all of them know, and after looking in vain it does not look for a second: only where nothing fits is that better
        // than to wait.
        let may_look = starves || self.seen_since.is_some_and(|since| now >= since + WARM);
        let told = may_look
            .then(|| {
                self.probing
                    .look(now, self.estimate, sum(voices, most.min(limit)), lacks)
            })
            .flatten();
        if let Some(told) = told {
            self.rtc
                .bwe()
                .set_bitrate(LibraryRate::ZERO, LibraryRate::from(told.bps()));
            self.dirty = true;
        }
        aims
    }

    /// The client comes from there. The address that gives way for it.
    pub(super) fn comes_from(&mut self, address: SocketAddr) -> Option<SocketAddr> {
        self.addresses.push_back(address);
        if self.addresses.len() > ADDRESSES_MAX {
            return self.addresses.pop_front();
        }
        None
    }

    /// Whether it was silent for so long.
    pub(super) fn silent_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard)
    }
}

fn sum(one: Bitrate, other: Bitrate) -> Bitrate {
    Bitrate::from_bps(one.bps().saturating_add(other.bps()))
}
