//! What is counted while media flows: shared by the interceptors (which run inside the library), the pumps and the driver.
//!
//! Plain atomics: everything here is written on the packet path. Rates and percentages are made of it in `stats`.

use super::redundancy::Redundancy;
use super::streams::ScreenStreams;
use crate::allotment::Allotment;
use parley_media::audio::clumping::Fates;
use parley_proto::limits::LAYERS_MAX;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn one(&self) {
        self.add(1);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that is replaced.
#[derive(Debug, Default)]
pub(super) struct Gauge(AtomicU32);

impl Gauge {
    pub(super) fn set(&self, value: f32) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> f32 {
        f32::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// What became of one's own voice: numbers that only grow.
#[derive(Debug, Default)]
pub(super) struct VoiceTold {
    known: Counter,
    lost: Counter,
    followed: Counter,
    ended: Counter,
}

impl VoiceTold {
    pub(super) fn add(&self, fates: Fates) {
        self.known.add(fates.known);
        self.lost.add(fates.lost);
        self.followed.add(fates.followed);
        self.ended.add(fates.ended);
    }

    pub(super) fn get(&self) -> Fates {
        Fates {
            known: self.known.get(),
            lost: self.lost.get(),
            followed: self.followed.get(),
            ended: self.ended.get(),
        }
    }
}

/// Whether media may flow: shut until the session says that the other side proved who it is.
#[derive(Debug, Default)]
pub(super) struct Gate(AtomicBool);

impl Gate {
    pub(super) fn open(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(super) fn is_open(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Things dropped, each by its name.
#[derive(Debug, Default)]
pub(super) struct Drops {
    /// Packets the library would not take.
    pub(super) send_failed: Counter,
    /// Packets the pacer had no room for.
    pub(super) pacer_full: Counter,
    /// Retransmissions that waited too long.
    pub(super) retransmissions_late: Counter,
    /// Retransmissions asked for again while they waited.
    pub(super) retransmissions_repeated: Counter,
    /// Retransmissions that would have been another packet under the same key.
    pub(super) retransmissions_refused: Counter,
    /// Packets that came before the gate opened.
    pub(super) gate_closed: Counter,
    /// Packets that came twice.
    pub(super) duplicates: Counter,
    /// Packets the media threads had no room for.
    pub(super) media_full: Counter,
    /// Packets that were no media of a negotiated stream.
    pub(super) unexpected: Counter,
    /// Packets of redundant sound that could not be read.
    pub(super) red_invalid: Counter,
    /// Control messages that were too large, not text, or not readable.
    pub(super) control_invalid: Counter,
    /// Control messages that came or went at the wrong time, or too fast.
    pub(super) control_refused: Counter,
    /// Messages on a lane that nobody took in time.
    pub(super) lane_full: Counter,
    /// Happenings the session had no room for.
    pub(super) events_full: Counter,
}

impl Drops {
    /// All that are not zero.
    pub(super) fn list(&self) -> Vec<(&'static str, u64)> {
        [
            ("send_failed", &self.send_failed),
            ("pacer_full", &self.pacer_full),
            ("retransmissions_late", &self.retransmissions_late),
            ("retransmissions_repeated", &self.retransmissions_repeated),
            ("retransmissions_refused", &self.retransmissions_refused),
            ("gate_closed", &self.gate_closed),
            ("duplicates", &self.duplicates),
            ("media_full", &self.media_full),
            ("unexpected", &self.unexpected),
            ("red_invalid", &self.red_invalid),
            ("control_invalid", &self.control_invalid),
            ("control_refused", &self.control_refused),
            ("lane_full", &self.lane_full),
            ("events_full", &self.events_full),
        ]
        .into_iter()
        .map(|(name, counter)| (name, counter.get()))
        .filter(|(_, count)| *count > 0)
        .collect()
    }
}

/// All that is measured of one connection.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// See [`Gate`].
    pub(super) gate: Gate,
    /// Whether another connection of the same call is the one that is heard and seen.
    pub(super) is_beside: AtomicBool,
    /// Which of the streams that come are the screen and its sound.
    pub(super) screen_streams: ScreenStreams,
    /// How redundant sound comes, and goes.
    pub(super) redundancy: Redundancy,
    /// RTP bytes, header and payload, that went to the network.
    pub(super) bytes_sent: Counter,
    /// The same, received.
    pub(super) bytes_received: Counter,
    /// Packets that came, of any kind.
    pub(super) packets_in: Counter,
    /// First transmissions of sound that came.
    pub(super) audio_received: Counter,
    /// The same of pictures.
    pub(super) video_received: Counter,
    /// Pictures handed to the network, of each of the camera's encodings, the largest first.
    pub(super) frames_sent: [Counter; LAYERS_MAX],
    /// The same of the screen.
    pub(super) screen_frames_sent: Counter,
    /// Packets of sound handed to the network.
    pub(super) audio_sent: Counter,
    /// The same of what the computer plays.
    pub(super) screen_sound_sent: Counter,
    /// First transmissions that should have come, counted by sequence number.
    pub(super) packets_expected: Counter,
    /// First transmissions that came.
    pub(super) packets_received: Counter,
    /// Share of the sound lost on the way there, 0 to 1, as the other side reports.
    pub(super) audio_loss_out: Gauge,
    /// The same of pictures.
    pub(super) video_loss_out: Gauge,
    /// What became of each packet of sound, where the other side reports on every packet.
    pub(super) voice_fates: VoiceTold,
    /// Interarrival jitter of sound, in milliseconds (RFC 3550, 6.4.1).
    pub(super) audio_jitter_ms: Gauge,
    /// The same of pictures.
    pub(super) video_jitter_ms: Gauge,
    /// ICE round trip in milliseconds; zero before it was measured.
    pub(super) round_trip_ms: Gauge,
    /// PLI and FIR that came.
    pub(super) key_frame_requests_received: Counter,
    /// PLI that went.
    pub(super) key_frame_requests_sent: Counter,
    /// Packets the other side asked for again.
    pub(super) nacks_received: Counter,
    /// Packets we asked for again.
    pub(super) nacks_sent: Counter,
    /// Packets sent again.
    pub(super) retransmissions_sent: Counter,
    /// Packets that came again.
    pub(super) retransmissions_received: Counter,
    /// Bytes handed to data channels.
    pub(super) said: Counter,
    /// What files may take beside media.
    pub(super) files: Arc<Allotment>,
    /// How often the encoder was held because too much video waited for the network.
    pub(super) encoder_holds: Counter,
    /// See [`Drops`].
    pub(super) drops: Drops,
}
