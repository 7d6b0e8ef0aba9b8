//! Encoded pictures and packets of sound into pieces of a fragmented MP4 file (ISO/IEC 14496-12, 8.8). Sans-IO.
//!
//! A piece begins with a key frame and is given out when the next one begins, so the file is good after each. The first one
//! brings the head of the file, which needs the encoder's parameters. Pictures have times of their own; packets of sound
//! follow each other without a gap from the beginning.

use super::sound::PACKET_SAMPLES;
use crate::audio::SAMPLE_RATE;
use crate::time::VIDEO_CLOCK_HZ;
use crate::video::h264::nal_units;
use bytes::Bytes;
use parley_proto::Resolution;
use shiguredo_mp4::boxes::{
    AudioSampleEntryFields, Avc1Box, AvccBox, DopsBox, OpusBox, SampleEntry, VisualSampleEntryFields,
};
use shiguredo_mp4::mux::{Fmp4SegmentMuxer, MuxError, Sample, SegmentMuxerOptions};
use shiguredo_mp4::{FixedPointNumber, TrackKind, Uint};
use std::num::NonZeroU32;
use std::time::Duration;

/// A piece is given out with so many pictures even if no key frame came.
const PICTURES_MAX: usize = 300;

/// NAL unit types that are in the head of the file, or nowhere (ITU-T H.264, table 7-1).
const SEQUENCE_PARAMETERS: u8 = 7;
const PICTURE_PARAMETERS: u8 = 8;
const DELIMITER: u8 = 9;

/// Puts a file together.
pub(super) struct Fragments {
    muxer: Fmp4SegmentMuxer,
    resolution: Resolution,
    /// Told with the first picture and the first packet.
    picture_entry: Option<SampleEntry>,
    sound_entry: Option<SampleEntry>,
    pictures: Vec<Picture>,
    packets: Vec<Bytes>,
    head_given: bool,
    parameters_known: bool,
}

/// A picture that waits for its piece to end.
struct Picture {
    ticks: u64,
    key_frame: bool,
    /// NAL units after their lengths.
    units: Vec<u8>,
}

impl Fragments {
    /// `pre_skip`: the samples that a player must leave out; `since_1970`: when the recording began.
    pub(super) fn new(resolution: Resolution, pre_skip: u16, since_1970: Duration) -> Result<Self, MuxError> {
        Ok(Self {
            muxer: Fmp4SegmentMuxer::with_options(SegmentMuxerOptions {
                creation_timestamp: since_1970,
            })?,
            resolution,
            picture_entry: None,
            sound_entry: Some(sound_entry(pre_skip)),
            pictures: Vec::new(),
            packets: Vec::new(),
            head_given: false,
            parameters_known: false,
        })
    }

    /// The next picture, shown from `at` after the beginning on. Gives the piece that ended with it.
    pub(super) fn picture(
        &mut self,
        at: Duration,
        annex_b: &[u8],
        key_frame: bool,
    ) -> Result<Option<Vec<u8>>, MuxError> {
        if !self.parameters_known {
            self.picture_entry = picture_entry(self.resolution, annex_b);
            self.parameters_known = self.picture_entry.is_some();
        }
        if !self.parameters_known {
            return Ok(None);
        }
        let last = self.pictures.last().map(|picture| picture.ticks);
        // The first of all is shown from the beginning on.
        let ticks = last.map_or(0, |last| ticks(at).max(last + 1));
        let ends = (key_frame && last.is_some()) || self.pictures.len() >= PICTURES_MAX;
        let piece = if ends { self.piece(ticks)? } else { None };
        self.pictures.push(Picture {
            ticks,
            key_frame,
            units: with_lengths(annex_b),
        });
        Ok(piece)
    }

    /// The next 20 ms of sound.
    pub(super) fn sound(&mut self, packet: Bytes) {
        self.packets.push(packet);
    }

    /// The last piece and an index of all, at the end.
    pub(super) fn finish(&mut self, at: Duration) -> Result<Option<Vec<u8>>, MuxError> {
        let end = self.pictures.last().map(|last| ticks(at).max(last.ticks + 1));
        let last = match end {
            Some(end) => self.piece(end)?,
            None => None,
        };
        if !self.head_given {
            return Ok(None);
        }
        let mut bytes = last.unwrap_or_default();
        bytes.extend_from_slice(&self.muxer.mfra_bytes()?);
        Ok(Some(bytes))
    }

    /// All that waits, as a piece of the file; the last picture is shown until `end`.
    fn piece(&mut self, end: u64) -> Result<Option<Vec<u8>>, MuxError> {
        let (pictures, packets) = (
            std::mem::take(&mut self.pictures),
            std::mem::take(&mut self.packets),
        );
        let ends = pictures.iter().skip(1).map(|next| next.ticks).chain([end]);
        let mut samples = Vec::with_capacity(pictures.len() + packets.len());
        let mut offset = 0;
        for (picture, end) in pictures.iter().zip(ends) {
            samples.push(Sample {
                track_kind: TrackKind::Video,
                sample_entry: self.picture_entry.take(),
                keyframe: picture.key_frame,
                timescale: timescale(VIDEO_CLOCK_HZ),
                duration: u32::try_from(end.saturating_sub(picture.ticks)).unwrap_or(u32::MAX),
                composition_time_offset: None,
                data_offset: offset,
                data_size: picture.units.len(),
            });
            offset += picture.units.len() as u64;
        }
        for packet in &packets {
            samples.push(Sample {
                track_kind: TrackKind::Audio,
                sample_entry: self.sound_entry.take(),
                keyframe: true,
                timescale: timescale(SAMPLE_RATE),
                duration: PACKET_SAMPLES as u32,
                composition_time_offset: None,
                data_offset: offset,
                data_size: packet.len(),
            });
            offset += packet.len() as u64;
        }
        if samples.is_empty() {
            return Ok(None);
        }
        let piece_head = self.muxer.create_media_segment_metadata(&samples)?;
        let mut bytes = Vec::with_capacity(offset as usize + piece_head.len() + 2_048);
        if !self.head_given {
            bytes.extend_from_slice(&self.muxer.init_segment_bytes()?);
            self.head_given = true;
        }
        bytes.extend_from_slice(&piece_head);
        for picture in &pictures {
            bytes.extend_from_slice(&picture.units);
        }
        for packet in &packets {
            bytes.extend_from_slice(packet);
        }
        Ok(Some(bytes))
    }
}

fn ticks(at: Duration) -> u64 {
    (at.as_nanos() * u128::from(VIDEO_CLOCK_HZ) / 1_000_000_000) as u64
}

fn timescale(hz: u32) -> NonZeroU32 {
    NonZeroU32::new(hz).unwrap_or(NonZeroU32::MIN)
}

const fn kind(unit: &[u8]) -> u8 {
    match unit.first() {
        Some(header) => *header & 0x1f,
        None => 0,
    }
}

/// Annex B without start codes, parameters and delimiters: each NAL unit after its length in four bytes.
fn with_lengths(annex_b: &[u8]) -> Vec<u8> {
    let mut units = Vec::with_capacity(annex_b.len() + 16);
    let outside = [SEQUENCE_PARAMETERS, PICTURE_PARAMETERS, DELIMITER];
    for unit in nal_units(annex_b).filter(|unit| !outside.contains(&kind(unit))) {
        let length = u32::try_from(unit.len()).unwrap_or(u32::MAX);
        units.extend_from_slice(&length.to_be_bytes());
        units.extend_from_slice(unit);
    }
    units
}

/// What a decoder must know before the first picture; nothing without parameters in it.
fn picture_entry(resolution: Resolution, annex_b: &[u8]) -> Option<SampleEntry> {
    let of_kind = |wanted: u8| {
        nal_units(annex_b)
            .find(|unit| kind(unit) == wanted)
            .map(<[u8]>::to_vec)
    };
    let (sps, pps) = (of_kind(SEQUENCE_PARAMETERS)?, of_kind(PICTURE_PARAMETERS)?);
    let [_, profile, compatibility, level, ..] = sps[..] else {
        return None;
    };
    Some(SampleEntry::Avc1(Avc1Box {
        visual: VisualSampleEntryFields {
            data_reference_index: VisualSampleEntryFields::DEFAULT_DATA_REFERENCE_INDEX,
            width: u16::try_from(resolution.width).ok()?,
            height: u16::try_from(resolution.height).ok()?,
            horizresolution: VisualSampleEntryFields::DEFAULT_HORIZRESOLUTION,
            vertresolution: VisualSampleEntryFields::DEFAULT_VERTRESOLUTION,
            frame_count: VisualSampleEntryFields::DEFAULT_FRAME_COUNT,
            compressorname: VisualSampleEntryFields::NULL_COMPRESSORNAME,
            depth: VisualSampleEntryFields::DEFAULT_DEPTH,
        },
        avcc_box: AvccBox {
            avc_profile_indication: profile,
            profile_compatibility: compatibility,
            avc_level_indication: level,
            length_size_minus_one: Uint::new(3),
            sps_list: vec![sps],
            pps_list: vec![pps],
            chroma_format: None,
            bit_depth_luma_minus8: None,
            bit_depth_chroma_minus8: None,
            sps_ext_list: Vec::new(),
        },
        unknown_boxes: Vec::new(),
    }))
}

/// One channel of Opus ("Encapsulation of Opus in ISO Base Media File Format", 4.3).
fn sound_entry(pre_skip: u16) -> SampleEntry {
    SampleEntry::Opus(OpusBox {
        audio: AudioSampleEntryFields {
            data_reference_index: AudioSampleEntryFields::DEFAULT_DATA_REFERENCE_INDEX,
            channelcount: 1,
            samplesize: AudioSampleEntryFields::DEFAULT_SAMPLESIZE,
            samplerate: FixedPointNumber::new(48_000, 0),
        },
        dops_box: DopsBox {
            output_channel_count: 1,
            pre_skip,
            input_sample_rate: SAMPLE_RATE,
            output_gain: 0,
        },
        unknown_boxes: Vec::new(),
    })
}
