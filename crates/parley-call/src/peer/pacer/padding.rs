//! What fills up a probe when there is nothing else to send: packets that just left, once more, as retransmissions (RFC 4588).
//!
//! Where one of them was lost on its way, that mends it before anybody asks; otherwise the other side throws it away. Whoever makes
//! retransmissions beside the library's responder must not use its numbers twice, because SRTP takes its key stream by them (RFC 3711,
//! 3.3.1). So all retransmissions are numbered here, where all of them pass.

use crate::peer::chain::{extension_id, is_audio};
use bytes::{BufMut, BytesMut};
use rtc::interceptor::{AttributedPacket, Packet, StreamInfo, TaggedPacket};
use rtc::rtp;
use rtc::sdp::extmap::{SDES_REPAIR_RTP_STREAM_ID_URI, SDES_RTP_STREAM_ID_URI};
use rtc::shared::TransportContext;
use rtc::shared::marshal::MarshalSize;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Packets kept to be sent once more.
const KEPT_MAX: usize = 16;
/// Small ones are not worth it.
const BYTES_MIN: usize = 200;
/// A picture older than this helps nobody, and says that no more come.
const AGE_MAX: Duration = Duration::from_secs(1);

/// The stream of retransmissions beside a stream.
#[derive(Debug, Clone, Copy)]
struct Beside {
    ssrc: u32,
    payload_type: u8,
    /// The numbers of RID and of repaired RID, in simulcast.
    rids: Option<(u8, u8)>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Padding {
    streams: HashMap<u32, Beside>,
    /// The next number of each stream of retransmissions. Kept for the whole connection, as its keys are.
    numbers: HashMap<u32, u16>,
    kept: VecDeque<(Instant, rtp::Packet)>,
}

impl Padding {
    pub(super) fn bind(&mut self, stream: &StreamInfo) {
        if let (Some(ssrc), Some(payload_type), false) =
            (stream.ssrc_rtx, stream.payload_type_rtx, is_audio(stream))
        {
            let rids = extension_id(stream, SDES_RTP_STREAM_ID_URI)
                .zip(extension_id(stream, SDES_REPAIR_RTP_STREAM_ID_URI));
            let beside = Beside {
                ssrc,
                payload_type,
                rids,
            };
            self.streams.insert(stream.ssrc, beside);
            self.numbers.entry(ssrc).or_default();
        }
    }

    pub(super) fn unbind(&mut self, stream: &StreamInfo) {
        self.streams.remove(&stream.ssrc);
        self.kept.retain(|(_, packet)| packet.header.ssrc != stream.ssrc);
    }

    /// A packet leaves: a retransmission gets its number, a picture is kept.
    pub(super) fn pass(&mut self, now: Instant, packet: &mut TaggedPacket) {
        let Packet::Rtp(rtp) = &mut packet.message.packet else {
            return;
        };
        if let Some(next) = self.numbers.get_mut(&rtp.header.ssrc) {
            rtp.header.sequence_number = *next;
            *next = next.wrapping_add(1);
        } else if self.streams.contains_key(&rtp.header.ssrc) && rtp.payload.len() >= BYTES_MIN {
            self.kept.push_back((now, rtp.clone()));
            if self.kept.len() > KEPT_MAX {
                self.kept.pop_front();
            }
        }
    }

    /// Whether there is something to fill up with.
    pub(super) fn is_there(&self, now: Instant) -> bool {
        self.kept.iter().any(|(left, _)| is_fresh(now, *left))
    }

    /// One packet once more, and its size; each in turn, the newest first.
    pub(super) fn next(&mut self, now: Instant) -> Option<(TaggedPacket, usize)> {
        self.kept.retain(|(left, _)| is_fresh(now, *left));
        let (left, packet) = self.kept.pop_back()?;
        let beside = *self.streams.get(&packet.header.ssrc)?;
        let number = self.numbers.get_mut(&beside.ssrc)?;
        let mut again = packet.clone();
        again.header.ssrc = beside.ssrc;
        again.header.payload_type = beside.payload_type;
        again.header.sequence_number = *number;
        // Under the other name an SFU would take this stream for the encoding itself (RFC 8852, 3).
        if let Some((rid, repaired_rid)) = beside.rids {
            for extension in again.header.extensions.iter_mut().filter(|one| one.id == rid) {
                extension.id = repaired_rid;
            }
        }
        *number = number.wrapping_add(1);
        let mut payload = BytesMut::with_capacity(packet.payload.len() + 2);
        payload.put_u16(packet.header.sequence_number);
        payload.extend_from_slice(&packet.payload);
        again.payload = payload.freeze();
        self.kept.push_front((left, packet));
        let bytes = again.marshal_size();
        let tagged = TaggedPacket {
            now,
            transport: TransportContext::default(),
            message: AttributedPacket::new(Packet::Rtp(again)),
        };
        Some((tagged, bytes))
    }
}

fn is_fresh(now: Instant, left: Instant) -> bool {
    now.saturating_duration_since(left) <= AGE_MAX
}
