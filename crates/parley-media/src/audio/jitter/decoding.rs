//! Payloads become samples: of a packet, of what a packet tells of those before it, or of nothing at all. They are put behind those that
//! wait to be played. Owned by the buffer, which decides what is decoded.

use super::super::BLOCK_SAMPLES;
use super::super::codec::{DECODED_MAX, DEEP_MAX, OpusError, VoiceDecoder};

/// The decoder of one voice, and room for what it makes: nothing is allocated while a call goes on.
#[derive(Debug)]
pub(super) struct Decoding {
    decoder: VoiceDecoder,
    scratch: Box<[f32; DECODED_MAX]>,
    deep_scratch: Box<[f32; DEEP_MAX]>,
}

impl Decoding {
    /// # Errors
    /// When the decoder cannot be made, for want of memory.
    pub(super) fn new() -> Result<Self, OpusError> {
        Ok(Self {
            decoder: VoiceDecoder::new()?,
            scratch: Box::new([0.0; DECODED_MAX]),
            deep_scratch: Box::new([0.0; DEEP_MAX]),
        })
    }

    /// What was heard before counts no more.
    pub(super) fn begin(&mut self) {
        self.decoder.reset();
    }

    /// A packet, without the `overlap` samples at its beginning that were played already.
    ///
    /// # Errors
    /// When it is none; then nothing is put in.
    pub(super) fn decode(
        &mut self,
        payload: &[u8],
        overlap: i64,
        sound: &mut Vec<f32>,
    ) -> Result<(), OpusError> {
        let samples = self.decoder.decode(payload, &mut self.scratch)?;
        let from = usize::try_from(overlap).unwrap_or(0).min(samples);
        sound.extend_from_slice(&self.scratch[from..samples]);
        Ok(())
    }

    /// The packet before this one, of `duration` samples, from its redundancy: the last `wanted` samples of it. Gives how many those
    /// were.
    pub(super) fn recover(
        &mut self,
        payload: &[u8],
        wanted: i64,
        duration: i64,
        sound: &mut Vec<f32>,
    ) -> i64 {
        let length = usize::try_from(duration).unwrap_or(0).min(DECODED_MAX);
        let Ok(samples) = self.decoder.recover(payload, &mut self.scratch[..length]) else {
            return 0;
        };
        let used = usize::try_from(wanted).unwrap_or(0).min(samples);
        sound.extend_from_slice(&self.scratch[samples - used..samples]);
        used as i64
    }

    /// Speaks the `wanted` samples before a packet as deep redundancy tells them in one that comes `behind` after it. Gives how many
    /// those were. The decoder speaks up to that one; what is there anyway is left out.
    pub(super) fn recover_deep(
        &mut self,
        payload: &[u8],
        wanted: i64,
        behind: i64,
        sound: &mut Vec<f32>,
    ) -> i64 {
        let used = usize::try_from(wanted).unwrap_or(0);
        let behind = usize::try_from(behind).unwrap_or(0);
        let whole = (used + behind).next_multiple_of(BLOCK_SAMPLES).min(DEEP_MAX);
        let spoken = self
            .decoder
            .recover_deep(payload, &mut self.deep_scratch[..whole]);
        let Ok(samples) = spoken else { return 0 };
        let end = samples.saturating_sub(behind);
        let used = used.min(end);
        sound.extend_from_slice(&self.deep_scratch[end - used..end]);
        used as i64
    }

    /// Puts in sound made by the decoder from what it heard last. It makes multiples of 2.5 ms; more is cut off.
    pub(super) fn invent(&mut self, samples: usize, gain: impl Fn(usize) -> f32, sound: &mut Vec<f32>) {
        let samples = samples.min(DECODED_MAX);
        let whole = samples.next_multiple_of(120).min(DECODED_MAX);
        if self.decoder.conceal(&mut self.scratch[..whole]).is_err() {
            self.scratch[..whole].fill(0.0);
        }
        for (i, sample) in self.scratch[..samples].iter().enumerate() {
            sound.push(sample * gain(i));
        }
    }
}
