//! The own voice over one connection: what is lost of it ([`voice_losses`](super::voice_losses)), and what protects it
//! (`parley_media::audio::protection`). Owned by a driver's open connection, told once a second; the same for a connection to another person
//! and for one to the server's SFU.

use super::meter::Meter;
use super::voice_losses::{Counted, VoiceLosses};
use parley_media::audio::protection::{Protection, Reads, Shield};
use parley_proto::Bitrate;
use std::time::Instant;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct GuardedVoice {
    losses: VoiceLosses,
    protection: Protection,
}

impl GuardedVoice {
    /// What a second tells of it.
    pub(super) fn second(&mut self, now: Instant, meter: &Meter) {
        self.losses.second(now, counted(meter));
        self.protection.report(self.losses.share(), self.losses.clumped());
    }

    /// What its first packets tell, at once; gives whether they did.
    pub(super) fn first(&mut self, now: Instant, meter: &Meter) -> bool {
        let is_told = self.losses.is_first_told(counted(meter));
        if is_told {
            self.second(now, meter);
        }
        is_told
    }

    /// The share that is expected to be lost, 0 to 1.
    pub(super) const fn losses(&self) -> f32 {
        self.losses.share()
    }

    /// What protects it: [`Protection::shield`].
    pub(super) fn shield(&mut self, voice: Bitrate, available: Bitrate, reads: Reads) -> Shield {
        self.protection.shield(voice, available, reads)
    }
}

fn counted(meter: &Meter) -> Counted {
    Counted {
        sent: meter.audio_sent.get(),
        reported: meter.audio_loss_out.get(),
        fates: meter.voice_fates.get(),
    }
}
