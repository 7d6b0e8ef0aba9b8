//! Opus (RFC 6716) as this engine uses it, 48 kHz, mono: voice with in-band redundancy and silence that is not sent; or what
//! other programs play, as it is.
//!
//! Deep redundancy (DRED, draft-ietf-mlcodec-opus-dred): a packet tells in a few bytes of its padding how the voice went on in the
//! tenths of a second before it, and a vocoder speaks that again where packets were lost. A decoder that knows nothing of it passes
//! the padding over.

use super::config::{AudioTargets, DEEP_MS_MAX};
use bytes::{Bytes, BytesMut};
use opusic_c::dred::Dred;
use opusic_c::{Application, Bitrate, Channels, Decoder, Encoder, ErrorCode, InbandFec, SampleRate};
use std::fmt;
use std::ops::Range;

/// The largest Opus frame (RFC 6716, 3.4).
const PACKET_MAX: usize = 1_275;
/// The longest packet, 120 ms, in samples.
pub(super) const DECODED_MAX: usize = 5_760;
/// A packet this small holds no sound: the encoder says the silence need not be sent.
const SILENT_PACKET_MAX: usize = 2;
/// Packets are cut from pieces of this size, so that one allocation serves hundreds of them.
const POOL: usize = 32 * 1_024;
/// Quality over effort, 0 to 10. What a desktop can spare.
const COMPLEXITY: u8 = 9;
/// From 5 on the decoder invents sound with its vocoder, and speaks what deep redundancy tells.
const DECODER_COMPLEXITY: u8 = 5;
/// The most that deep redundancy is asked for at once, in samples: 240 ms.
pub(super) const DEEP_MAX: usize = 11_520;
/// One step of deep redundancy: 10 ms.
const DEEP_STEP_MS: u16 = 10;
/// The fewest bytes of padding that can hold deep redundancy,
const DEEP_BYTES_MIN: usize = 10;
/// and its number among the extensions that padding may hold (draft-ietf-mlcodec-opus-extension; that of its experiments).
const DEEP_EXTENSION: u8 = 126;

/// The packet that says that silence begins (RFC 6716, 3.1): 20 ms of full band, mono, and nothing in them.
#[cfg(any(target_os = "linux", test))]
pub(super) const SILENCE_BEGINS: Bytes = Bytes::from_static(&[31 << 3]);

/// Opus refused, in its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.message())]
pub struct OpusError(ErrorCode);

impl From<ErrorCode> for OpusError {
    fn from(code: ErrorCode) -> Self {
        Self(code)
    }
}

/// Turns frames into packets.
pub(super) struct OpusEncoder {
    opus: Encoder,
    packet: Box<[u8; PACKET_MAX]>,
    pool: BytesMut,
    /// Whether it has a redundancy of its own to choose: it encodes a voice.
    for_voice: bool,
}

impl fmt::Debug for OpusEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpusEncoder").finish_non_exhaustive()
    }
}

impl OpusEncoder {
    /// For somebody who speaks.
    pub(super) fn for_voice(targets: AudioTargets) -> Result<Self, OpusError> {
        let mut encoder = Self::new(Application::Voip)?;
        encoder.for_voice = true;
        encoder.opus.set_dtx(true)?;
        encoder.set_targets(targets)?;
        Ok(encoder)
    }

    /// For music, films and games: nothing in it is taken for noise or for a pause.
    #[cfg(any(target_os = "linux", test))]
    pub(super) fn for_anything(targets: AudioTargets) -> Result<Self, OpusError> {
        let mut encoder = Self::new(Application::Audio)?;
        encoder.set_targets(targets)?;
        Ok(encoder)
    }

    fn new(application: Application) -> Result<Self, OpusError> {
        let mut opus = Encoder::new(Channels::Mono, SampleRate::Hz48000, application)?;
        opus.set_complexity(COMPLEXITY)?;
        Ok(Self {
            opus,
            packet: Box::new([0; PACKET_MAX]),
            pool: BytesMut::with_capacity(POOL),
            for_voice: false,
        })
    }

    /// Takes effect with the next frame.
    pub(super) fn set_targets(&mut self, targets: AudioTargets) -> Result<(), OpusError> {
        let bits = u32::try_from(targets.bitrate.bps().clamp(6_000, 128_000)).unwrap_or(128_000);
        self.opus.set_bitrate(Bitrate::Value(bits))?;
        self.opus.set_packet_loss(targets.expected_loss_pct.min(100))?;
        if !self.for_voice {
            return Ok(());
        }
        // One or the other: Opus' own redundancy would be paid for and never used where deep redundancy is.
        let steps = (targets.deep_ms.min(DEEP_MS_MAX) / DEEP_STEP_MS) as u8;
        let shallow = if steps == 0 {
            InbandFec::Mode1
        } else {
            InbandFec::Off
        };
        self.opus.set_inband_fec(shallow)?;
        self.opus.set_dred_duration(steps)?;
        Ok(())
    }

    /// Encodes 10 or 20 ms.
    pub(super) fn encode(&mut self, frame: &[f32]) -> Result<Bytes, OpusError> {
        let length = self.opus.encode_float_to_slice(frame, &mut self.packet[..])?;
        if self.pool.capacity() < length {
            self.pool = BytesMut::with_capacity(POOL);
        }
        self.pool.extend_from_slice(&self.packet[..length]);
        Ok(self.pool.split().freeze())
    }
}

/// Turns packets into frames, and invents what is missing.
pub(super) struct VoiceDecoder(Dred);

impl fmt::Debug for VoiceDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VoiceDecoder").finish_non_exhaustive()
    }
}

impl VoiceDecoder {
    pub(super) fn new() -> Result<Self, OpusError> {
        let mut decoder = Decoder::new(Channels::Mono, SampleRate::Hz48000)?;
        decoder.set_complexity(DECODER_COMPLEXITY)?;
        Ok(Self(Dred::new(decoder)?))
    }

    /// Forgets everything: another stream begins.
    pub(super) fn reset(&mut self) {
        // Resetting cannot fail on a decoder that exists; if it did, old sound would fade into the new, no more.
        let _ = self.0.decoder_mut().reset();
    }

    /// Decodes a packet; gives the number of samples.
    pub(super) fn decode(
        &mut self,
        payload: &[u8],
        out: &mut [f32; DECODED_MAX],
    ) -> Result<usize, OpusError> {
        Ok(self.0.decoder_mut().decode_float_to_slice(payload, out, false)?)
    }

    /// Invents the next samples from those before (a multiple of 2.5 ms).
    pub(super) fn conceal(&mut self, out: &mut [f32]) -> Result<usize, OpusError> {
        Ok(self.0.decoder_mut().decode_float_to_slice(&[], out, false)?)
    }

    /// Decodes the packet before this one from the redundancy in it.
    pub(super) fn recover(&mut self, payload: &[u8], out: &mut [f32]) -> Result<usize, OpusError> {
        Ok(self.0.decoder_mut().decode_float_to_slice(payload, out, true)?)
    }

    /// Speaks what came right before this packet as the deep redundancy in it tells: as long as `out` is (a multiple of 10 ms, at most
    /// [`DEEP_MAX`]). What it does not reach back to is invented.
    pub(super) fn recover_deep(&mut self, payload: &[u8], out: &mut [f32]) -> Result<usize, OpusError> {
        Ok(self.0.decode_float_to_slice(payload, out)?)
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
    opusic_c::utils::get_nb_samples(payload, SampleRate::Hz48000)
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

/// Whether a packet carries deep redundancy: it stands first in the padding, which nothing else of ours needs. What only looks like
/// it does no harm: the decoder finds nothing and invents, as it does without.
pub(super) fn has_deep_redundancy(payload: &[u8]) -> bool {
    padded(payload).is_some_and(|frame| {
        let padding = &payload[frame.end..];
        padding.len() >= DEEP_BYTES_MIN && padding[0] >> 1 == DEEP_EXTENSION
    })
}

/// The packet without its padding: a copy of it needs no deep redundancy, for the packet that carries the copy has newer.
#[must_use]
pub fn without_padding(payload: Bytes) -> Bytes {
    let Some(frame) = padded(&payload) else {
        return payload;
    };
    // One frame that fills the packet: code 0.
    let mut bare = BytesMut::with_capacity(1 + frame.len());
    bare.extend_from_slice(&[payload[0] & !0b11]);
    bare.extend_from_slice(&payload[frame]);
    bare.freeze()
}

/// Where the frame of a packet of one frame and with padding is (RFC 6716, 3.2.5); the padding is what follows.
fn padded(payload: &[u8]) -> Option<Range<usize>> {
    let [toc, frames, rest @ ..] = payload else {
        return None;
    };
    // Code 3, with padding, one frame.
    if toc & 0b11 != 3 || frames & 0x7f != 0x41 {
        return None;
    }
    // The length of the padding: 255 means 254 and another byte of length.
    let full = rest.iter().take_while(|byte| **byte == 255).count();
    let padding = full * 254 + usize::from(*rest.get(full)?);
    let begin = 3 + full;
    let end = payload.len().checked_sub(padding)?;
    (end >= begin).then_some(begin..end)
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
            deep_ms: 0,
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
                deep_ms: 0,
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
            deep_ms: 0,
        };
        let mut encoder = OpusEncoder::for_anything(targets).unwrap();
        for n in 0..200u32 {
            let frame: Vec<f32> = (0..960)
                .map(|i| ((n * 960 + i) as f32 * 0.03).sin() * 0.001)
                .collect();
            assert!(!is_silence(&encoder.encode(&frame).unwrap()), "packet {n}");
        }
    }

    /// Speech with deep redundancy in it.
    fn telling(kbps: u64, deep_ms: u16) -> Vec<Bytes> {
        let mut encoder = OpusEncoder::for_voice(AudioTargets {
            bitrate: Bitrate::from_kbps(kbps),
            expected_loss_pct: 30,
            deep_ms,
        })
        .unwrap();
        say(&mut encoder, 4)
    }

    fn power(sound: &[f32]) -> f32 {
        sound.iter().map(|sample| sample * sample).sum::<f32>() / sound.len() as f32
    }

    #[test]
    fn deep_redundancy_is_there_where_it_is_asked_for_and_nowhere_else() {
        let share = |packets: &[Bytes]| {
            let deep = packets
                .iter()
                .filter(|packet| has_deep_redundancy(packet))
                .count();
            deep * 100 / packets.len()
        };
        assert_eq!(share(&telling(48, 0)), 0);
        assert!(share(&telling(48, 240)) > 50, "{} %", share(&telling(48, 240)));
        // Too few bits for it are none for it.
        assert_eq!(share(&telling(12, 240)), 0);
    }

    #[test]
    fn what_was_lost_is_spoken_from_the_next_packet_and_louder_than_it_would_be_invented() {
        let packets = telling(48, 240);
        let [mut said, mut told, mut invented] = [0.0f32; 3];
        let mut decoders: [VoiceDecoder; 3] = std::array::from_fn(|_| VoiceDecoder::new().unwrap());
        let mut decoded = [0.0; DECODED_MAX];
        let mut gap = [0.0; 8 * 960];
        for twenty in packets.chunks_exact(20) {
            for (at, packet) in twenty.iter().enumerate() {
                for (which, decoder) in decoders.iter_mut().enumerate() {
                    if which > 0 && (10..18).contains(&at) {
                        continue;
                    }
                    if which == 1 && at == 18 {
                        assert_eq!(decoder.recover_deep(packet, &mut gap).unwrap(), gap.len());
                        told += power(&gap);
                    } else if which == 2 && at == 18 {
                        for frame in gap.chunks_exact_mut(960) {
                            decoder.conceal(frame).unwrap();
                        }
                        invented += power(&gap);
                    }
                    let samples = decoder.decode(packet, &mut decoded).unwrap();
                    if which == 0 && (10..18).contains(&at) {
                        said += power(&decoded[..samples]) / 8.0;
                    }
                }
            }
        }
        assert!((0.5..2.0).contains(&(told / said)), "{told} of {said}");
        assert!(
            (told - said).abs() < (invented - said).abs(),
            "{told}, {invented} of {said}"
        );
    }

    #[test]
    fn without_its_padding_a_packet_sounds_the_same() {
        let packets = telling(48, 240);
        let mut decoders: [VoiceDecoder; 2] = std::array::from_fn(|_| VoiceDecoder::new().unwrap());
        let mut sounds = [[0.0; DECODED_MAX]; 2];
        let mut saved = 0;
        for packet in &packets {
            let bare = without_padding(packet.clone());
            assert!(!has_deep_redundancy(&bare));
            saved += packet.len() - bare.len();
            for ((decoder, sound), packet) in decoders.iter_mut().zip(&mut sounds).zip([packet, &bare]) {
                assert_eq!(decoder.decode(packet, sound).unwrap(), 960);
            }
            assert_eq!(sounds[0], sounds[1]);
        }
        assert!(saved > 2_000, "{saved} bytes");
        let plain = encoder(32, 0).encode(&[0.1; 960]).unwrap();
        assert_eq!(without_padding(plain.clone()), plain);
    }

    #[test]
    fn padding_that_is_longer_than_its_packet_is_none() {
        for packet in [
            &[0x7b, 0x41][..],
            &[0x7b, 0x41, 255],
            &[0x7b, 0x41, 255, 0],
            &[0x7b, 0x41, 1],
            &[0x7b, 0x41, 200, 1, 2],
        ] {
            assert!(!has_deep_redundancy(packet));
            let packet = Bytes::copy_from_slice(packet);
            assert_eq!(without_padding(packet.clone()), packet);
        }
        assert_eq!(
            without_padding(Bytes::from_static(&[0x7b, 0x41, 2, 9, 0, 0])),
            [0x78, 9][..]
        );
    }

    #[test]
    fn the_library_has_the_room_for_deep_redundancy_that_its_wrapper_gives_it() {
        use opusic_c::dred::{DRED_PACKET_SIZE, dred_packet_size};
        assert!(dred_packet_size() <= DRED_PACKET_SIZE, "{}", dred_packet_size());
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
