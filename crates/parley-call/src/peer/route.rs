//! The way one kind of media goes out: which track, payload type and header extensions, as they were negotiated.
//!
//! webrtc 0.21.1 sends whatever is written to a track, negotiated or not. So there is no [`Route`] until the other side
//! agreed to receive, the connection stands and the gate is open; the pumps send on a route or not at all.

use super::chain::sender_report::CaptureClock;
use super::meter::Meter;
use super::pacer::room::Room;
use bytes::Bytes;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::{RTCRtpCodecParameters, RTCRtpSendParameters};
use rtc::sdp::extmap::{AUDIO_LEVEL_URI, SDES_MID_URI, SDES_RTP_STREAM_ID_URI};
use std::sync::Arc;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::PeerConnection;
use webrtc::rtp_transceiver::RtpSender;

/// See the module.
pub(super) struct Route {
    /// Tells routes of different connections apart: a new one is a new stream with its own numbering.
    pub(super) generation: u32,
    /// Whether it carries the screen or its sound rather than the camera or the microphone.
    pub(super) is_screen: bool,
    /// Which of several encodings it carries, largest first; 0 where there is one.
    pub(super) smaller: usize,
    pub(super) track: Arc<TrackLocalStaticRTP>,
    pub(super) ssrc: u32,
    pub(super) payload_type: u8,
    /// That of redundant sound, if the other side reads it.
    pub(super) red_type: Option<u8>,
    /// The number of the MID extension, and the MID.
    pub(super) mid: Option<(u8, Bytes)>,
    /// The number of the RID extension (RFC 8852), and the name of the encoding, of a track with several. On every packet: a few
    /// bytes, and whoever hears of a stream late still knows it.
    pub(super) rid: Option<(u8, Bytes)>,
    /// The number of the audio-level extension (RFC 6464).
    pub(super) audio_level_id: Option<u8>,
    pub(super) clock: Arc<CaptureClock>,
    pub(super) room: Arc<Room>,
    pub(super) meter: Arc<Meter>,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Route")
            .field("generation", &self.generation)
            .field("ssrc", &self.ssrc)
            .field("payload_type", &self.payload_type)
            .finish_non_exhaustive()
    }
}

/// What differs from packet to packet.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    /// Whether it has copies inside.
    pub(super) redundant: bool,
    /// The audio-level byte.
    pub(super) level: Option<u8>,
    pub(super) payload: Bytes,
}

impl Route {
    /// A whole picture was handed to the library.
    pub(super) fn count_frame(&self) {
        if self.is_screen {
            self.meter.screen_frames_sent.one();
        } else if let Some(counter) = self.meter.frames_sent.get(self.smaller) {
            counter.one();
        }
    }

    /// A packet of sound was handed to the library.
    pub(super) fn count_sound(&self) {
        if self.is_screen {
            self.meter.screen_sound_sent.one();
        } else {
            self.meter.audio_sent.one();
        }
    }

    /// Hands one packet to the library; gives whether it was taken. Waits while its queue is full.
    pub(super) async fn send(&self, outgoing: Outgoing) -> bool {
        let mut header = rtp::header::Header {
            version: 2,
            marker: outgoing.marker,
            payload_type: match self.red_type {
                Some(red) if outgoing.redundant => red,
                _ => self.payload_type,
            },
            sequence_number: outgoing.sequence,
            timestamp: outgoing.timestamp,
            ssrc: self.ssrc,
            ..Default::default()
        };
        let level = self
            .audio_level_id
            .zip(outgoing.level.map(|level| Bytes::copy_from_slice(&[level])));
        for (id, value) in [self.mid.clone(), self.rid.clone(), level].into_iter().flatten() {
            if let Err(error) = header.set_extension(id, value) {
                tracing::debug!(%error, "a packet goes without a header extension");
            }
        }
        let packet = rtp::Packet {
            header,
            payload: outgoing.payload,
        };
        let sent = self.track.write_rtp(packet).await;
        if let Err(error) = &sent {
            tracing::debug!(%error, "a packet was not taken");
            self.meter.drops.send_failed.one();
        }
        sent.is_ok()
    }
}

/// The number under which the header extension `uri` was negotiated.
fn extension_id(parameters: &RTCRtpSendParameters, uri: &str) -> Option<u8> {
    let extensions = &parameters.rtp_parameters.header_extensions;
    let extension = extensions.iter().find(|extension| extension.uri == uri)?;
    u8::try_from(extension.id).ok().filter(|id| *id != 0)
}

/// What was agreed on for one sender.
#[derive(Debug)]
pub(super) struct Agreed {
    pub(super) payload_type: u8,
    /// The number of the MID extension, and the MID.
    pub(super) mid: Option<(u8, Bytes)>,
    pub(super) rid_id: Option<u8>,
    pub(super) audio_level_id: Option<u8>,
}

/// How `sender` may send `mime_type`; `None` while the other side did not agree to get anything in its section.
pub(super) async fn agreed(
    peer: &dyn PeerConnection,
    sender: &Arc<dyn RtpSender>,
    mime_type: &str,
) -> Option<Agreed> {
    let id: usize = sender.id().into();
    let transceivers = peer.get_transceivers().await;
    let transceiver = transceivers
        .into_iter()
        .find(|transceiver| transceiver.id() == id)?;
    let mid = transceiver.mid().await.ok()??;
    if !transceiver.current_direction().await.ok()?.has_send() {
        return None;
    }
    let parameters = sender.get_parameters().await.ok()?;
    let mid_id = extension_id(&parameters, SDES_MID_URI);
    Some(Agreed {
        payload_type: payload_type(&parameters.rtp_parameters.codecs, mime_type)?,
        mid: mid_id.map(|id| (id, Bytes::copy_from_slice(mid.as_bytes()))),
        rid_id: extension_id(&parameters, SDES_RTP_STREAM_ID_URI),
        audio_level_id: extension_id(&parameters, AUDIO_LEVEL_URI),
    })
}

/// The payload type to send `mime_type` with: for H.264 packetization mode 1 if it was agreed on.
pub(super) fn payload_type(codecs: &[RTCRtpCodecParameters], mime_type: &str) -> Option<u8> {
    let matching = || {
        codecs
            .iter()
            .filter(|codec| codec.rtp_codec.mime_type.eq_ignore_ascii_case(mime_type))
    };
    matching()
        .find(|codec| codec.rtp_codec.sdp_fmtp_line.contains("packetization-mode=1"))
        .or_else(|| matching().next())
        .map(|codec| codec.payload_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtc::rtp_transceiver::rtp_sender::RTCRtpCodec;

    fn codec(payload_type: u8, mime_type: &str, fmtp: &str) -> RTCRtpCodecParameters {
        RTCRtpCodecParameters {
            payload_type,
            rtp_codec: RTCRtpCodec {
                mime_type: mime_type.into(),
                sdp_fmtp_line: fmtp.into(),
                ..Default::default()
            },
        }
    }

    #[test]
    fn packetization_mode_one_is_preferred_wherever_it_stands() {
        let codecs = [
            codec(97, "video/rtx", "apt=96"),
            codec(96, "video/H264", "packetization-mode=0"),
            codec(98, "video/h264", "level-asymmetry-allowed=1;packetization-mode=1"),
        ];
        assert_eq!(payload_type(&codecs, "video/H264"), Some(98));
        assert_eq!(payload_type(&codecs[..2], "video/H264"), Some(96));
        assert_eq!(payload_type(&codecs[..1], "video/H264"), None);
    }
}
