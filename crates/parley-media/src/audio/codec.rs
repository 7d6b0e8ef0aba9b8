//! Opus (RFC 6716) as this engine uses it, 48 kHz, mono: voice with in-band redundancy and silence that is not sent; or what
//! other programs play, as it is.

use super::config::AudioTargets;
use bytes::{Bytes, BytesMut};

/// The largest Opus frame (RFC 6716, 3.4).
const PACKET_MAX: usize = 1_275;
/// The longest packet, 120 ms, in samples.
pub(super) const DECODED_MAX: usize = 5_760;
/// A packet this small holds no sound: the encoder says the silence need not be sent.
const SILENT_PACKET_MAX: usize = 2;
/// Packets are cut from pieces of this size, so that one allocation serves hundreds of them.
const POOL: usize = 32 * 1_024;
/// Quality over effort, 0 to 10. What a desktop can spare.
const COMPLEXITY: i32 = 9;

/// The packet that says that silence begins (RFC 6716, 3.1): 20 ms of full band, mono, and nothing in them.
#[cfg(any(target_os = "linux", test))]
pub(super) const SILENCE_BEGINS: Bytes = Bytes::from_static(&[31 << 3]);

/// Turns frames into packets.
#[derive(Debug)]
pub(super) struct OpusEncoder {
    opus: opus::Encoder,
    packet: Box<[u8; PACKET_MAX]>,
    pool: BytesMut,
}

impl OpusEncoder {
    /// For somebody who speaks.
    pub(super) fn for_voice(targets: AudioTargets) -> Result<Self, opus::Error> {
        let mut encoder = Self::new(opus::Application::Voip, targets)?;
        encoder.opus.set_inband_fec(true)?;
        encoder.opus.set_dtx(true)?;
        Ok(encoder)
    }

    /// For music, films and games: nothing in it is taken for noise or for a pause.
    #[cfg(any(target_os = "linux", test))]
    pub(super) fn for_anything(targets: AudioTargets) -> Result<Self, opus::Error> {
        Self::new(opus::Application::Audio, targets)
    }

    fn new(application: opus::Application, targets: AudioTargets) -> Result<Self, opus::Error> {
        let mut opus = opus::Encoder::new(super::SAMPLE_RATE, opus::Channels::Mono, application)?;
        opus.set_complexity(COMPLEXITY)?;
        let mut encoder = Self {
            opus,
            packet: Box::new([0; PACKET_MAX]),
            pool: BytesMut::with_capacity(POOL),
        };
        encoder.set_targets(targets)?;
        Ok(encoder)
    }

    /// Takes effect with the next frame.
    pub(super) fn set_targets(&mut self, targets: AudioTargets) -> Result<(), opus::Error> {
        let bits = i32::try_from(targets.bitrate.bps().clamp(6_000, 128_000)).unwrap_or(128_000);
        self.opus.set_bitrate(opus::Bitrate::Bits(bits))?;
        self.opus
            .set_packet_loss_perc(i32::from(targets.expected_loss_pct.min(100)))
    }

    /// Encodes 10 or 20 ms.
    pub(super) fn encode(&mut self, frame: &[f32]) -> Result<Bytes, opus::Error> {
        let length = self.opus.encode_float(frame, &mut self.packet[..])?;
        if self.pool.capacity() < length {
            self.pool = BytesMut::with_capacity(POOL);
        }
        self.pool.extend_from_slice(&self.packet[..length]);
        Ok(self.pool.split().freeze())
    }
}

/// Turns packets into frames, and invents what is missing.
#[derive(Debug)]
pub(super) struct VoiceDecoder(opus::Decoder);

impl VoiceDecoder {
    pub(super) fn new() -> Result<Self, opus::Error> {
        Ok(Self(opus::Decoder::new(
            super::SAMPLE_RATE,
            opus::Channels::Mono,
        )?))
    }

    /// Forgets everything: another stream begins.
    pub(super) fn reset(&mut self) {
        // Resetting cannot fail on a decoder that exists; if it did, old sound would fade into the new, no more.
        let _ = self.0.reset_state();
    }

    /// Decodes a packet; gives the number of samples.
    pub(super) fn decode(
        &mut self,
        payload: &[u8],
        out: &mut [f32; DECODED_MAX],
    ) -> Result<usize, opus::Error> {
        self.0.decode_float(payload, out, false)
    }

    /// Invents the next samples from those before (a multiple of 2.5 ms).
    pub(super) fn conceal(&mut self, out: &mut [f32]) -> Result<usize, opus::Error> {
        self.0.decode_float(&[], out, false)
    }

    /// Decodes the packet before this one from the redundancy in it.
    pub(super) fn recover(&mut self, payload: &[u8], out: &mut [f32]) -> Result<usize, opus::Error> {
        self.0.decode_float(payload, out, true)
    }
}

/// Whether a packet only says that silence begins.
pub(super) fn is_silence(payload: &[u8]) -> bool {
    payload.len() <= SILENT_PACKET_MAX
}

/// How long a packet is, in samples; none when it is no Opus packet.
pub(super) fn duration(payload: &[u8]) -> Option<usize> {
    // The library reads the first byte, and the second of packets that count their frames.
    if payload.is_empty() {
        return None;
    }
    opus::packet::get_nb_samples(payload, super::SAMPLE_RATE)
        .ok()
        .filter(|samples| (1..=DECODED_MAX).contains(samples))
}

/// Whether a packet carries the one before it in small (RFC 6716, 4.2.4): only mono packets of one frame are looked into,
/// which is all that this engine makes.
pub(super) fn has_redundancy(payload: &[u8]) -> bool {
    let [toc, first, ..] = payload else { return false };
    let celt_only = toc & 0x80 != 0;
    let one_mono_frame = toc & 0b111 == 0;
    // One flag of voice activity comes first for each 20 ms (or the 10 ms) of the frame, then the one asked for.
    let activity_flags = match (toc >> 3) & 0b11 {
        2 if toc & 0x60 != 0x60 => 2,
        3 if toc & 0x60 != 0x60 => 3,
        _ => 1,
    };
    !celt_only && one_mono_frame && (first >> (7 - activity_flags)) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::speech;
    use parley_proto::Bitrate;

    fn encoder(kbps: u64, loss: u8) -> OpusEncoder {
        OpusEncoder::for_voice(AudioTargets {
            bitrate: Bitrate::from_kbps(kbps),
            expected_loss_pct: loss,
        })
        .unwrap()
    }

    fn say(encoder: &mut OpusEncoder, seconds: u64) -> Vec<Bytes> {
        let mut frame = [0.0; 960];
        (0..seconds * 50)
            .map(|n| {
                speech::fill(96_000_000 + n * 960, &mut frame);
                encoder.encode(&frame).unwrap()
            })
            .collect()
    }

    #[test]
    fn the_bitrate_follows_its_target_while_running() {
        let mut encoder = encoder(64, 0);
        let size = |packets: &[Bytes]| packets.iter().map(Bytes::len).sum::<usize>();
        let rich = size(&say(&mut encoder, 4));
        encoder
            .set_targets(AudioTargets {
                bitrate: Bitrate::from_kbps(12),
                expected_loss_pct: 0,
            })
            .unwrap();
        let poor = size(&say(&mut encoder, 4));
        assert!(poor * 2 < rich, "{rich} bytes, then {poor}");
    }

    #[test]
    fn redundancy_comes_when_loss_is_expected() {
        let with = |loss| {
            say(&mut encoder(32, loss), 4)
                .iter()
                .filter(|packet| has_redundancy(packet))
                .count()
        };
        assert_eq!(with(0), 0);
        assert!(with(20) > 50, "{}", with(20));
    }

    #[test]
    fn silence_is_not_sent_after_a_while() {
        let mut encoder = encoder(32, 5);
        let packets: Vec<_> = (0..100).map(|_| encoder.encode(&[0.0; 960]).unwrap()).collect();
        let silent = packets.iter().filter(|packet| is_silence(packet)).count();
        assert!(silent > 60, "{silent}");
    }

    #[test]
    fn a_made_up_silence_is_read_as_one_and_quiet_music_is_none() {
        assert!(is_silence(&SILENCE_BEGINS));
        assert_eq!(duration(&SILENCE_BEGINS), Some(960));
        let mut decoded = [1.0; DECODED_MAX];
        let mut decoder = VoiceDecoder::new().unwrap();
        assert_eq!(decoder.decode(&SILENCE_BEGINS, &mut decoded).unwrap(), 960);
        let targets = AudioTargets {
            bitrate: Bitrate::from_kbps(64),
            expected_loss_pct: 0,
        };
        let mut encoder = OpusEncoder::for_anything(targets).unwrap();
        for n in 0..200u32 {
            let frame: Vec<f32> = (0..960)
                .map(|i| ((n * 960 + i) as f32 * 0.03).sin() * 0.001)
                .collect();
            assert!(!is_silence(&encoder.encode(&frame).unwrap()), "packet {n}");
        }
    }

    #[test]
    fn what_is_no_packet_has_no_duration() {
        assert_eq!(duration(&[]), None);
        // A counted packet without its count, and one of 63 frames of 60 ms.
        assert_eq!(duration(&[0x03]), None);
        assert_eq!(duration(&[0x1b, 0x3f]), None);
        assert_eq!(duration(&encoder(32, 5).encode(&[0.1; 960]).unwrap()), Some(960));
    }
}
