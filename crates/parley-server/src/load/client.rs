//! A client for the SFU that sees and hears nothing: it sends packets of true sizes and counts what comes. A value, as the server's
//! side is.
//!
//! Used by `parley-server load` over real sockets, and by the SFU's own tests in virtual time.

use super::stamp::Stamp;
use crate::sfu::{Certificate, library_config};
use parley_proto::{Publish, PublishedLayer, Source, red};
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Instant;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::format::{Codec, PayloadParams};
use str0m::media::{
    Direction, ExtensionValues, KeyframeRequestKind, MediaKind, Mid, Rid, Simulcast, SimulcastLayer,
};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};

/// Sound with copies in it, in the place of a layer.
const PACKED: usize = 4;

/// What a client is to do.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// It sends sound.
    pub speaks: bool,
    /// It sends a picture in these layers, smallest first.
    pub layers: Vec<PublishedLayer>,
    /// Sections in which it hears others.
    pub hears: usize,
    /// Sections in which it sees others.
    pub sees: usize,
}

/// A packet of media that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// In which section.
    pub mid: String,
    /// Whose it is.
    pub number: u32,
    /// With its rollovers.
    pub seq: u64,
    /// Its timestamp.
    pub time: u32,
    /// The last one of its picture.
    pub marker: bool,
    /// The first packets of a key frame, or all sound.
    pub begins: bool,
    /// What its sender wrote into it.
    pub stamp: Option<Stamp>,
    /// Of its payload.
    pub bytes: usize,
    /// Packets of sound that came along with it once more (RFC 2198), oldest first: how many packets earlier they were, and what was
    /// written into each.
    pub copies: Vec<(u64, Option<Stamp>)>,
}

/// One client.
pub struct LoadClient {
    rtc: Rtc,
    local: SocketAddr,
    protocol: Protocol,
    part: Part,
    pending: Option<SdpPendingOffer>,
    voice: Option<Mid>,
    picture: Option<Mid>,
    sound_downs: Vec<Mid>,
    picture_downs: Vec<Mid>,
    connected: bool,
    closed: bool,
    wake: Instant,
    seqs: [u64; 4],
    outgoing: Vec<(SocketAddr, Vec<u8>)>,
    received: Vec<Received>,
    /// Layers somebody asked a key frame of.
    key_frames: [bool; 3],
}

impl LoadClient {
    /// At this address, which is its only one.
    #[must_use]
    pub fn new(now: Instant, certificate: &Certificate, local: SocketAddr, part: Part) -> Self {
        Self::by(Protocol::Udp, now, certificate, local, part)
    }

    /// The same by a stream (ICE over TCP), which whoever drives it opens from `local`, and frames the packets on.
    #[must_use]
    pub fn by_stream(now: Instant, certificate: &Certificate, local: SocketAddr, part: Part) -> Self {
        Self::by(Protocol::Tcp, now, certificate, local, part)
    }

    fn by(
        protocol: Protocol,
        now: Instant,
        certificate: &Certificate,
        local: SocketAddr,
        part: Part,
    ) -> Self {
        let mut rtc = library_config(certificate).build(now);
        if let Ok(candidate) = Candidate::host(local, protocol) {
            rtc.add_local_candidate(candidate);
        }
        Self {
            rtc,
            local,
            protocol,
            part,
            pending: None,
            voice: None,
            picture: None,
            sound_downs: Vec::new(),
            picture_downs: Vec::new(),
            connected: false,
            closed: false,
            wake: now,
            seqs: [0; 4],
            outgoing: Vec::new(),
            received: Vec::new(),
            key_frames: [true; 3],
        }
    }

    /// The first offer, and what is published in it.
    pub fn offer(&mut self) -> (String, Vec<Publish>) {
        let mut api = self.rtc.sdp_api();
        let mut publish = Vec::new();
        if self.part.speaks {
            let mid = api.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
            self.voice = Some(mid);
            publish.push(Publish {
                mid: mid.to_string(),
                source: Source::Microphone,
                on: true,
                layers: Vec::new(),
            });
        }
        if !self.part.layers.is_empty() {
            let mut simulcast = Simulcast::new();
            for layer in &self.part.layers {
                simulcast.add_send_layer(SimulcastLayer::new(&layer.rid));
            }
            let named = self.part.layers.iter().all(|layer| !layer.rid.is_empty());
            let mid = api.add_media(
                MediaKind::Video,
                Direction::SendOnly,
                None,
                None,
                named.then_some(simulcast),
            );
            self.picture = Some(mid);
            publish.push(Publish {
                mid: mid.to_string(),
                source: Source::Camera,
                on: true,
                layers: self.part.layers.clone(),
            });
        }
        let mut sections = |kind, count| -> Vec<Mid> {
            (0..count)
                .map(|_| api.add_media(kind, Direction::RecvOnly, None, None, None))
                .collect()
        };
        let sound_downs = sections(MediaKind::Audio, self.part.hears);
        let picture_downs = sections(MediaKind::Video, self.part.sees);
        let sdp = match api.apply() {
            Some((offer, pending)) => {
                self.pending = Some(pending);
                offer.to_sdp_string()
            }
            None => String::new(),
        };
        (self.sound_downs, self.picture_downs) = (sound_downs, picture_downs);
        (sdp, publish)
    }

    /// The answer to it. False: it is not one.
    pub fn answer(&mut self, sdp: &str) -> bool {
        let (Ok(answer), Some(pending)) = (SdpAnswer::from_sdp_string(sdp), self.pending.take()) else {
            return false;
        };
        self.rtc.sdp_api().accept_answer(pending, answer).is_ok()
    }

    /// The answer to somebody else's offer, for servers that offer by themselves. Nothing: it is none.
    pub fn accept(&mut self, sdp: &str) -> Option<String> {
        let offer = SdpOffer::from_sdp_string(sdp).ok()?;
        let answer = self.rtc.sdp_api().accept_offer(offer).ok()?;
        Some(answer.to_sdp_string())
    }

    /// The sections in which pictures come.
    pub fn picture_sections(&self) -> impl Iterator<Item = String> {
        self.picture_downs.iter().map(ToString::to_string)
    }

    /// The sections in which sound comes.
    pub fn sound_sections(&self) -> impl Iterator<Item = String> {
        self.sound_downs.iter().map(ToString::to_string)
    }

    /// A datagram came, or a packet of the stream.
    pub fn handle_packet(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        if let Ok(receive) = Receive::new(self.protocol, from, self.local, datagram)
            && self.rtc.handle_input(Input::Receive(now, receive)).is_err()
        {
            self.closed = true;
        }
        self.drain();
    }

    /// Works off what is due.
    pub fn flush(&mut self, now: Instant) {
        if self.rtc.handle_input(Input::Timeout(now)).is_err() {
            self.closed = true;
        }
        self.drain();
    }

    /// When to call [`LoadClient::flush`] at the latest.
    #[must_use]
    pub const fn next_timeout(&self) -> Instant {
        self.wake
    }

    /// What is to be sent, and where to.
    pub fn take_outgoing(&mut self) -> std::vec::Drain<'_, (SocketAddr, Vec<u8>)> {
        self.outgoing.drain(..)
    }

    /// What came.
    pub fn take_received(&mut self) -> std::vec::Drain<'_, Received> {
        self.received.drain(..)
    }

    /// Whether media can flow.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.connected
    }

    /// Whether it is over.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether a key frame of this layer was asked for since.
    pub fn take_key_frame(&mut self, layer: usize) -> bool {
        self.key_frames.get_mut(layer).is_some_and(std::mem::take)
    }

    /// Asks whoever it sees for a key frame, in each section.
    pub fn ask_key_frame(&mut self) {
        for mid in self.picture_downs.clone() {
            if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, None) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
        }
    }

    /// The next picture of this layer has to be a key frame.
    pub fn want_key_frame(&mut self, layer: usize) {
        if let Some(wanted) = self.key_frames.get_mut(layer) {
            *wanted = true;
        }
    }

    /// Sends a packet of sound so many dB below the loudest.
    pub fn speak(&mut self, now: Instant, time: u32, below_db: i8, payload: Vec<u8>) {
        let values = ExtensionValues {
            audio_level: Some(-below_db),
            voice_activity: Some(below_db < 50),
            ..ExtensionValues::default()
        };
        if let Some(mid) = self.voice {
            self.write(now, mid, None, 3, time, true, values, payload);
        }
    }

    /// Sends sound with copies of what was before it, each with how much earlier that was, in ticks of 48 kHz, oldest first.
    pub fn speak_again(
        &mut self,
        now: Instant,
        time: u32,
        below_db: i8,
        copies: &[(u32, Vec<u8>)],
        payload: &[u8],
    ) {
        let opus = self.sound().map(|params| *params.pt());
        let copies = copies.iter().map(|(earlier, copy)| (*earlier, copy.as_slice()));
        if let Some(opus) = opus {
            self.speak_packed(now, time, below_db, red::pack(opus, copies, payload));
        }
    }

    /// Sends this as sound with copies in it, whatever it is.
    pub fn speak_packed(&mut self, now: Instant, time: u32, below_db: i8, packed: Vec<u8>) {
        let values = ExtensionValues {
            audio_level: Some(-below_db),
            voice_activity: Some(below_db < 50),
            ..ExtensionValues::default()
        };
        if let Some(mid) = self.voice {
            self.write(now, mid, None, PACKED, time, true, values, packed);
        }
    }

    /// Leaves out so many numbers of sound, as if those packets were lost.
    pub fn skip_sound(&mut self, packets: u64) {
        let [.., seq] = &mut self.seqs;
        *seq += packets;
    }

    fn sound(&self) -> Option<&PayloadParams> {
        self.rtc
            .codec_config()
            .find(|params| params.spec().codec == Codec::Opus)
    }

    /// Sends a part of a picture.
    pub fn show(&mut self, now: Instant, layer: usize, time: u32, last: bool, payload: Vec<u8>) {
        let Some(mid) = self.picture else {
            return;
        };
        let rid = self.part.layers.get(layer).map(|layer| layer.rid.as_str());
        let rid = rid.filter(|rid| !rid.is_empty()).map(Rid::from);
        self.write(
            now,
            mid,
            rid,
            layer,
            time,
            last,
            ExtensionValues::default(),
            payload,
        );
    }

    #[expect(clippy::too_many_arguments, reason = "a packet has these parts")]
    fn write(
        &mut self,
        now: Instant,
        mid: Mid,
        rid: Option<Rid>,
        at: usize,
        time: u32,
        marker: bool,
        values: ExtensionValues,
        payload: Vec<u8>,
    ) {
        let is_sound = at >= 3;
        let codec = if is_sound { Codec::Opus } else { Codec::H264 };
        let params = self
            .rtc
            .codec_config()
            .find(|params| params.spec().codec == codec);
        let pt = params.and_then(|params| match at {
            PACKED => params.red(),
            _ => Some(params.pt()),
        });
        let Some(pt) = pt else {
            return;
        };
        let Some(seq) = self.seqs.get_mut(at.min(3)) else {
            return;
        };
        *seq += 1;
        let seq = *seq;
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, rid) {
            stream.write_rtp(
                RtpWrite::new(pt, seq.into(), time, now, payload)
                    .marker(marker)
                    .nackable(!is_sound)
                    .ext_vals(values),
            );
        }
    }

    fn drain(&mut self) {
        while !self.closed {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(wake)) => {
                    self.wake = wake;
                    self.closed = !self.rtc.is_alive();
                    return;
                }
                Ok(Output::Transmit(transmit)) => {
                    self.outgoing
                        .push((transmit.destination, transmit.contents.into()));
                }
                Ok(Output::Event(event)) => self.happened(event),
                Err(_) => self.closed = true,
            }
        }
    }

    fn happened(&mut self, event: Event) {
        match event {
            Event::Connected => self.connected = true,
            Event::KeyframeRequest(ask) => {
                let named = ask.rid.as_deref().unwrap_or("");
                let layer = self.part.layers.iter().position(|layer| layer.rid == named);
                if let Some(asked) = layer.and_then(|layer| self.key_frames.get_mut(layer)) {
                    *asked = true;
                }
            }
            Event::RtpPacket(packet) => {
                let opened = self.sound().and_then(|params| {
                    let is_packed = params.red() == Some(packet.header.payload_type);
                    is_packed.then(|| red::open(&packet.payload, *params.pt()).ok())?
                });
                let of = |part: Range<usize>| packet.payload.get(part).and_then(Stamp::read);
                let whole = 0..packet.payload.len();
                let mut api = self.rtc.direct_api();
                let Some(mid) = api.stream_rx(&packet.header.ssrc).map(|stream| stream.mid()) else {
                    return;
                };
                self.received.push(Received {
                    mid: mid.to_string(),
                    number: packet.header.csrc[0],
                    seq: *packet.seq_no,
                    time: packet.header.timestamp,
                    marker: packet.header.marker,
                    begins: packet.payload.first().is_some_and(|first| first & 0x1f == 7),
                    stamp: of(opened.as_ref().map_or(whole, |opened| opened.primary.clone())),
                    bytes: packet.payload.len(),
                    copies: opened
                        .iter()
                        .flat_map(red::Opened::copies)
                        .map(|copy| (copy.back.into(), of(copy.bytes)))
                        .collect(),
                });
            }
            _ => {}
        }
    }
}
