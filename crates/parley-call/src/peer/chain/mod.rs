//! Our links in the library's interceptor chain: each a [`Link`] in a file of its own, made into an interceptor by [`Linked`].
//!
//! The library hands a packet to an interceptor and asks afterwards what it has to pass on, so every interceptor needs
//! two queues and a dozen empty methods. [`Linked`] has those once. Links run inside the library's task, under its lock:
//! they never wait and never allocate more than they must.
//!
//! Places, by their distance from the wire (what comes in passes them upwards, what goes out downwards):
//!
//! | place | link |
//! |---|---|
//! | 500 | [`tap`]: counts, reads feedback |
//! | 600 | [`lips`]: reads the other side's clocks |
//! | 700 | [`reference_times`]: answers who asks for the round trip |
//! | 1,000 | [`transport_cc`]: numbers packets, hears what became of them; instead of the library's two |
//! | 3,000 | the pacer (`peer/pacer`), instead of the library's |
//! | 3,500 | [`rtx_stamp`]: MID and repaired RID on retransmissions |
//! | 3,600 | [`twins`]: sends again twice what a server asks for once |
//! | 6,500 | [`unrtx`]: retransmissions turned back before the NACK generator |
//! | 7,000 | [`nack`], instead of the library's |
//! | 8,500 | [`padding`]: ends here, above the library's reports of arrivals and below those of loss |
//! | 11,000 | [`sender_report`], instead of the library's |
//! | 14,000 | [`deliver`]: hands received media to the media threads |

pub(super) mod deliver;
pub(super) mod lips;
pub(super) mod nack;
pub(super) mod padding;
pub(super) mod reference_times;
mod reports;
pub(super) mod rtx_stamp;
pub(super) mod seen;
pub(super) mod sender_report;
pub(super) mod tap;
pub(super) mod transport_cc;
pub(super) mod twins;
pub(super) mod unrtx;
mod voice_fates;

#[cfg(test)]
use rtc::interceptor::Packet;
use rtc::interceptor::{Interceptor, StreamInfo, TaggedPacket};
#[cfg(test)]
use rtc::rtp;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use std::collections::VecDeque;
use std::time::Instant;

/// Where the tap sits.
pub(super) const TAP_SLOT: usize = 500;
/// Where [`lips`] sits: below whatever keeps reports from the application, and retransmissions apart.
pub(super) const LIPS_SLOT: usize = 600;
/// Where [`reference_times`] sits: near the wire, so that an answer waits for nobody.
pub(super) const REFERENCE_TIMES_SLOT: usize = 700;
/// Where [`rtx_stamp`] sits: below the NACK responder (4,000), which makes the retransmissions.
pub(super) const RTX_STAMP_SLOT: usize = 3_500;
/// Where [`twins`] sits: below the NACK responder, above the pacer, which numbers each retransmission.
pub(super) const TWINS_SLOT: usize = 3_600;
/// Where [`unrtx`] sits: below the NACK generator (7,000).
pub(super) const UNRTX_SLOT: usize = 6_500;
/// Where [`padding`] ends: above the reports of arrivals (8,000), below those of loss (10,000).
pub(super) const PADDING_SLOT: usize = 8_500;
/// Where [`deliver`] sits: above everything.
pub(super) const DELIVER_SLOT: usize = 14_000;

/// What a link passes on, per direction.
#[derive(Default)]
pub(super) struct Lanes {
    /// Towards the application.
    pub(super) inward: VecDeque<TaggedPacket>,
    /// Towards the wire.
    pub(super) outward: VecDeque<TaggedPacket>,
}

/// One link of the chain. What a method does not put into a lane is gone. All default to passing through.
pub(super) trait Link: Send + Sync + 'static {
    /// A packet came from the wire.
    fn on_received(&mut self, packet: TaggedPacket, lanes: &mut Lanes) {
        lanes.inward.push_back(packet);
    }

    /// A packet goes to the wire.
    fn on_sent(&mut self, packet: TaggedPacket, lanes: &mut Lanes) {
        lanes.outward.push_back(packet);
    }

    /// Time has come to `now`.
    fn on_time(&mut self, _now: Instant, _lanes: &mut Lanes) {}

    /// When [`Link::on_time`] wants to be called next; must lie after the last `now` it was given.
    fn next_time(&self) -> Option<Instant> {
        None
    }

    /// A stream of ours was negotiated.
    fn bind_local(&mut self, _stream: &StreamInfo) {}

    /// It ended.
    fn unbind_local(&mut self, _stream: &StreamInfo) {}

    /// The first packet of a declared stream of the other side is about to come.
    fn bind_remote(&mut self, _stream: &StreamInfo) {}

    /// It ended.
    fn unbind_remote(&mut self, _stream: &StreamInfo) {}
}

/// A [`Link`] as the library wants it.
pub(super) struct Linked<L> {
    link: L,
    lanes: Lanes,
}

impl<L: Link> Linked<L> {
    pub(super) fn new(link: L) -> Self {
        Self {
            link,
            lanes: Lanes::default(),
        }
    }
}

impl<L: Link> Protocol<TaggedPacket, TaggedPacket, ()> for Linked<L> {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.link.on_received(packet, &mut self.lanes);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.lanes.inward.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.link.on_sent(packet, &mut self.lanes);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.lanes.outward.pop_front()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.link.on_time(now, &mut self.lanes);
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.link.next_time()
    }
}

impl<L: Link> Interceptor for Linked<L> {
    fn bind_local_stream(&mut self, stream: &StreamInfo) {
        self.link.bind_local(stream);
    }

    fn unbind_local_stream(&mut self, stream: &StreamInfo) {
        self.link.unbind_local(stream);
    }

    fn bind_remote_stream(&mut self, stream: &StreamInfo) {
        self.link.bind_remote(stream);
    }

    fn unbind_remote_stream(&mut self, stream: &StreamInfo) {
        self.link.unbind_remote(stream);
    }
}

/// The RTP packet in it, if it is one.
#[cfg(test)]
pub(super) fn rtp_of(packet: &TaggedPacket) -> Option<&rtp::Packet> {
    match &packet.message.packet {
        Packet::Rtp(rtp) => Some(rtp),
        _ => None,
    }
}

/// The number that was negotiated for the header extension `uri` on this stream.
pub(super) fn extension_id(stream: &StreamInfo, uri: &str) -> Option<u8> {
    let extension = stream
        .rtp_header_extensions
        .iter()
        .find(|extension| extension.uri == uri)?;
    u8::try_from(extension.id).ok().filter(|id| *id != 0)
}

/// Whether this is a stream of sound.
pub(super) fn is_audio(stream: &StreamInfo) -> bool {
    stream.mime_type.to_ascii_lowercase().starts_with("audio/")
}

/// Builders for the tests of the links.
#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use bytes::Bytes;
    use rtc::interceptor::{AttributedPacket, RTCPFeedback, RTPHeaderExtension};
    use rtc::shared::TransportContext;

    pub(in crate::peer) fn tagged(now: Instant, packet: Packet) -> TaggedPacket {
        TaggedPacket {
            now,
            transport: TransportContext::default(),
            message: AttributedPacket::new(packet),
        }
    }

    pub(in crate::peer) fn rtp_packet(
        now: Instant,
        ssrc: u32,
        sequence: u16,
        payload: &[u8],
    ) -> TaggedPacket {
        let header = rtp::header::Header {
            version: 2,
            ssrc,
            sequence_number: sequence,
            payload_type: 96,
            timestamp: u32::from(sequence) * 3000,
            ..Default::default()
        };
        tagged(
            now,
            Packet::Rtp(rtp::Packet {
                header,
                payload: Bytes::copy_from_slice(payload),
            }),
        )
    }

    /// A video stream with NACK and, if `rtx` is given, RTX under payload type 97.
    pub(in crate::peer) fn video_stream(
        ssrc: u32,
        rtx: Option<u32>,
        extensions: &[(&str, u16)],
    ) -> StreamInfo {
        StreamInfo {
            ssrc,
            ssrc_rtx: rtx,
            payload_type: 96,
            payload_type_rtx: rtx.map(|_| 97),
            mime_type: "video/H264".into(),
            clock_rate: 90_000,
            rtcp_feedback: vec![RTCPFeedback {
                typ: "nack".into(),
                parameter: String::new(),
            }],
            rtp_header_extensions: extensions
                .iter()
                .map(|(uri, id)| RTPHeaderExtension {
                    uri: (*uri).into(),
                    id: *id,
                })
                .collect(),
            ..Default::default()
        }
    }

    pub(in crate::peer) fn audio_stream(ssrc: u32) -> StreamInfo {
        StreamInfo {
            ssrc,
            payload_type: 111,
            mime_type: "audio/opus".into(),
            clock_rate: 48_000,
            ..Default::default()
        }
    }

    pub(in crate::peer) fn drain_out(chain: &mut impl Interceptor) -> Vec<TaggedPacket> {
        std::iter::from_fn(|| chain.poll_write()).collect()
    }

    pub(in crate::peer) fn drain_in(chain: &mut impl Interceptor) -> Vec<TaggedPacket> {
        std::iter::from_fn(|| chain.poll_read()).collect()
    }
}
