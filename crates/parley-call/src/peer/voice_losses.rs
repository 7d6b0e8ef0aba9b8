//! What is expected to be lost of one's own voice: from the fate of each packet where the other side tells it, else from the share in
//! its receiver reports. Pure: counters as they stand once a second come in. What is done against it is decided elsewhere
//! (`parley_media::audio::protection`).
//!
//! Who is silent or muted sends few packets or none, and so learns nothing. What was known before is true for a while, and then less
//! and less: copies take from the camera, and nobody knows that they are still needed.

use super::ladder::expected_loss;
use parley_media::audio::clumping::{Clumping, Fates, Runs};
use std::time::{Duration, Instant};

/// What was told of packets is believed for so long without anything new.
const BELIEVED: Duration = Duration::from_secs(5);

/// What is counted of the voice, as it stands at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    /// Packets that were sent.
    pub(super) sent: u64,
    /// The share of them that the last receiver report calls lost, 0 to 1.
    pub(super) reported: f32,
    /// What became of those of which it is known.
    pub(super) fates: Fates,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct VoiceLosses {
    /// The share that is expected to be lost, 0 to 1.
    share: f32,
    clumping: Clumping,
    runs: Runs,
    /// Packets that had been sent a second ago.
    sent: u64,
    /// What the share was last taken from, and when.
    fates: Fates,
    told_at: Option<Instant>,
}

impl VoiceLosses {
    /// A second passed.
    pub(super) fn second(&mut self, now: Instant, counted: Counted) {
        let sent = counted.sent - std::mem::replace(&mut self.sent, counted.sent);
        self.clumping.report(counted.reported, sent);
        let new = counted.fates.since(self.fates);
        let told = if let Some(share) = new.share() {
            // Until there are enough to tell a share, they are counted together with those that follow.
            self.fates = counted.fates;
            self.told_at = Some(now);
            self.runs.note(new);
            share
        } else {
            match self.told_at {
                // Receiver reports are too late where each packet's fate is told, and too few in bursts.
                Some(at) if now.saturating_duration_since(at) < BELIEVED => self.share,
                // Nor do they tell anything new of a voice that is not sent.
                Some(_) => 0.0,
                None => counted.reported,
            }
        };
        self.share = expected_loss(self.share, told);
        tracing::debug!(
            share = self.share,
            reported = counted.reported,
            ?new,
            clumped = ?self.clumped(),
            "what is lost of the voice"
        );
    }

    /// Whether the first packets of the voice tell something: it has no copies before, so that is not waited for until the second is over.
    pub(super) fn is_first_told(&self, counted: Counted) -> bool {
        self.told_at.is_none() && counted.fates.share().is_some()
    }

    /// The share that is expected to be lost, 0 to 1.
    pub(super) const fn share(&self) -> f32 {
        self.share
    }

    /// How many times more are lost in a row than by chance, where that is known.
    pub(super) fn clumped(&self) -> Option<f32> {
        self.runs.factor().or_else(|| self.clumping.factor())
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;
    use parley_media::audio::protection::{Protection, Reads};
    use parley_proto::Bitrate;

    /// A call in virtual time: each second so many packets of the voice are sent, of which every third or none is lost.
    struct Call {
        now: Instant,
        losses: VoiceLosses,
        protection: Protection,
        counted: Counted,
        last_lost: Option<bool>,
    }

    impl Call {
        fn new() -> Self {
            Self {
                now: Instant::now(),
                losses: VoiceLosses::default(),
                protection: Protection::default(),
                counted: Counted {
                    sent: 0,
                    reported: 0.0,
                    fates: Fates::default(),
                },
                last_lost: None,
            }
        }

        /// Gives the copies that protect the voice in the end, and the share that is expected to be lost.
        fn seconds(&mut self, seconds: u64, packets: u64, third_is_lost: bool) -> (u8, f32) {
            for _ in 0..seconds {
                for n in 0..packets {
                    let lost = third_is_lost && (self.counted.sent + n).is_multiple_of(3);
                    self.counted.fates.note(&mut self.last_lost, Some(lost));
                }
                self.counted.sent += packets;
                self.now += Duration::from_secs(1);
                self.losses.second(self.now, self.counted);
                self.protection.report(self.losses.share(), self.losses.clumped());
            }
            let reads = Reads {
                copies: true,
                deep: false,
            };
            let plenty = Bitrate::from_kbps(3_000);
            let shield = self.protection.shield(Bitrate::from_kbps(32), plenty, reads);
            (shield.copies, self.losses.share())
        }
    }

    #[test]
    fn who_is_muted_after_much_loss_does_not_keep_copies_for_ever() {
        let mut call = Call::new();
        // The last report stands as well, for none comes of what is not sent.
        call.counted.reported = 0.33;
        assert_eq!(call.seconds(10, 50, true).0, 3);
        let (copies, share) = call.seconds(4, 0, false);
        assert_eq!(copies, 3, "a breath is no news");
        assert!(share > 0.3, "{share}");
        let (copies, share) = call.seconds(56, 0, false);
        assert_eq!(copies, 0);
        assert!(share < 0.01, "{share}");
    }

    #[test]
    fn the_few_packets_of_a_silence_tell_something_together() {
        let mut call = Call::new();
        call.seconds(10, 50, true);
        // Four in a second are too few, twelve in three are not.
        let (copies, share) = call.seconds(60, 4, false);
        assert_eq!(copies, 0);
        assert!(share < 0.05, "{share}");
        let (copies, share) = call.seconds(60, 4, true);
        assert!(copies >= 2 && (0.2..0.6).contains(&share), "{copies}, {share}");
    }

    #[test]
    fn without_the_fate_of_packets_receiver_reports_are_all_there_is() {
        let mut call = Call::new();
        call.counted.reported = 0.2;
        call.losses.second(call.now, call.counted);
        assert!((call.losses.share() - 0.2).abs() < 1e-6);
        // From the first that is told on, that counts.
        assert!(!call.losses.is_first_told(call.counted));
        for _ in 0..20 {
            call.counted.fates.note(&mut call.last_lost, Some(true));
        }
        assert!(call.losses.is_first_told(call.counted));
        call.losses.second(call.now, call.counted);
        assert!((call.losses.share() - 1.0).abs() < 1e-6);
        assert!(!call.losses.is_first_told(call.counted));
    }
}
