//! How a voice is protected against loss: how many copies of each packet go along with later ones ([`super::red`]), how far apart,
//! and at what bitrate, so that all of it fits.
//!
//! Pure, told once a second what the other side reports. More at once, less only after calm: a second without loss says little.
//!
//! | share lost | copies | why |
//! |---|---|---|
//! | below 5 % | 0 | Opus' own redundancy, in the next packet, repairs it |
//! | from 5 % | 1 | two lost in a row begin to count |
//! | from 15 % | 2 | |
//! | from 25 % | 3 | |
//!
//! Copies follow each other without a gap while packets are lost one by one, for each packet between them is 20 ms more to wait.
//! In bursts a copy right behind is lost with its packet, so there they lie two to four packets apart ([`super::clumping`]).
//!
//! Voice and copies take at most four fifths of what the way carries, for pictures give way to a voice. Where that is too little,
//! the voice gets plainer first, and then less protected: a plain voice is understood, a torn one is not.
//!
//! Deep redundancy (DRED, in libopus since 1.5) tells of a quarter of a second for what one copy of a plain voice takes or less. A
//! vocoder speaks what it tells, and it is waited for longer. So it stands in where that is better (`docs/quality.md`): where much
//! is lost, or in bursts, and there is room for one copy at most where two or three are wanted. With two copies of a plain voice about as much is understood, with
//! three more; and while 30 % or less is lost one by one Opus' own redundancy alone does better, too.

use super::red::COPIES_MAX;
use parley_proto::Bitrate;

/// From so much loss on there are 1, 2 and 3 copies.
const BEGIN: [f32; COPIES_MAX as usize] = [0.05, 0.15, 0.25];
/// They are given up again below this share of it,
const END: f32 = 0.6;
/// after so many reports in a row.
const CALM_REPORTS: u32 = 5;
/// Where so many times more packets are lost in a row than by chance, copies lie this many packets apart.
const STRIDES: [(f32, u8); 3] = [(2.6, 4), (2.2, 3), (1.6, 2)];
/// Voices to fall back on where there is little room.
const PLAINER: [Bitrate; 2] = [Bitrate::from_kbps(24), Bitrate::from_kbps(16)];
/// Headers of 50 packets a second.
const HEADERS: Bitrate = Bitrate::from_kbps(28);
/// No more than this of what the way carries is taken for copies and all.
const SHARE: f64 = 0.8;
/// From so much loss on, one by one, deep redundancy is better than one copy; given up as copies are.
const DEEP_BEGIN: f32 = 0.4;
/// Voices with deep redundancy in them, the best first,
const DEEP_VOICES: [Bitrate; 3] = [
    Bitrate::from_kbps(32),
    Bitrate::from_kbps(24),
    Bitrate::from_kbps(20),
];
/// which reaches back as far as a jitter buffer asks for, milliseconds.
const DEEP_MS: u16 = 240;
/// From so many copies on deep redundancy gives nothing more, and where fewer are wanted too little is lost for it.
const COPIES_ENOUGH: u8 = 2;
/// So many times more than they take must there be for copies to come back.
const ROOM_AGAIN: f64 = 1.15;
/// Opus' own redundancy is made for no more than this.
const EXPECTED_PCT_MAX: f32 = 40.0;

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Protection {
    loss: f32,
    copies: u8,
    calm: u32,
    stride: u8,
    /// So much is lost that deep redundancy is better than one copy,
    deep_helps: bool,
    /// and so many reports in a row said otherwise.
    deep_calm: u32,
    /// It is what protects now.
    deep: bool,
}

/// What protects a voice now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shield {
    /// Of Opus alone.
    pub bitrate: Bitrate,
    /// What Opus makes its own redundancy for, percent; it makes none for 0.
    pub expected_loss_pct: u8,
    /// Copies of each packet, 0 to [`COPIES_MAX`].
    pub copies: u8,
    /// Packets from one copy to the next, 1 to [`super::red::STRIDE_MAX`].
    pub stride: u8,
    /// How far back deep redundancy tells, milliseconds: [`super::AudioTargets::deep_ms`].
    pub deep_ms: u16,
}

/// What the other side can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reads {
    /// Copies.
    pub copies: bool,
    /// Deep redundancy.
    pub deep: bool,
}

impl Shield {
    /// What the copies take, without the packet itself.
    #[must_use]
    pub fn copies_take(&self) -> Bitrate {
        Bitrate::from_bps(self.bitrate.bps() * u64::from(self.copies))
    }
}

impl Protection {
    /// A report: the share of the packets that were lost, 0 to 1 (anything else is brought inside), and, where that is known, how
    /// many times more of them are lost in a row than by chance.
    pub fn report(&mut self, loss: f32, clumping: Option<f32>) {
        self.loss = if loss.is_finite() {
            loss.clamp(0.0, 1.0)
        } else {
            0.0
        };
        let wanted = copies_at(self.loss, 1.0);
        let kept = copies_at(self.loss, END);
        if wanted > self.copies {
            (self.copies, self.calm) = (wanted, 0);
        } else if kept < self.copies {
            self.calm += 1;
            if self.calm >= CALM_REPORTS {
                // One at a time.
                (self.copies, self.calm) = (self.copies - 1, 0);
            }
        } else {
            self.calm = 0;
        }
        if self.loss >= DEEP_BEGIN {
            (self.deep_helps, self.deep_calm) = (true, 0);
        } else if self.loss < DEEP_BEGIN * END {
            self.deep_calm += 1;
            self.deep_helps &= self.deep_calm < CALM_REPORTS;
        } else {
            self.deep_calm = 0;
        }
        // What is not known is taken for chance.
        let clumped = clumping.unwrap_or(1.0);
        self.stride = STRIDES
            .iter()
            .find(|(least, _)| clumped >= *least)
            .map_or(1, |(_, stride)| *stride);
    }

    /// What protects a voice of `voice` bits per second over a way that carries `available`, sent to somebody who reads this.
    #[must_use]
    pub fn shield(&mut self, voice: Bitrate, available: Bitrate, reads: Reads) -> Shield {
        let room = available.scale(SHARE);
        let copied = self.copied(voice, room, reads.copies);
        let in_bursts = self.copies >= COPIES_ENOUGH && self.stride > 1;
        let helps = reads.deep && (self.deep_helps || in_bursts);
        // Copies come back only where they surely fit.
        let surely = if self.deep {
            self.copied(voice, room.scale(1.0 / ROOM_AGAIN), reads.copies)
        } else {
            copied
        };
        let told = DEEP_VOICES
            .into_iter()
            .find(|bitrate| helps && surely.copies < COPIES_ENOUGH && on_the_wire(*bitrate, 0) <= room);
        self.deep = told.is_some();
        match told {
            Some(bitrate) => Shield {
                bitrate,
                copies: 0,
                deep_ms: DEEP_MS,
                ..copied
            },
            None => copied,
        }
    }

    /// The same with copies alone.
    fn copied(&self, voice: Bitrate, room: Bitrate, readable: bool) -> Shield {
        let wanted = if readable { self.copies } else { 0 };
        let fits = |bitrate: Bitrate, copies| on_the_wire(bitrate, copies) <= room;
        let plainest = PLAINER.into_iter().map(|plain| plain.min(voice));
        let voices: Vec<Bitrate> = std::iter::once(voice).chain(plainest).collect();
        // Without copies there is nothing to fit.
        let whole = voices
            .iter()
            .find(|bitrate| wanted == 0 || fits(**bitrate, wanted));
        let (bitrate, copies) = match whole {
            Some(bitrate) => (*bitrate, wanted),
            None => {
                let least = voices.last().copied().unwrap_or(voice);
                let copies = (1..wanted).rev().find(|copies| fits(least, *copies));
                // Without room for a single copy the voice need not be plainer than asked for.
                copies.map_or((voice, 0), |copies| (least, copies))
            }
        };
        Shield {
            bitrate,
            expected_loss_pct: expected_loss_pct(self.loss),
            copies,
            stride: self.stride.max(1),
            deep_ms: 0,
        }
    }
}

/// What a voice takes with so many copies and the headers of 50 packets a second.
#[must_use]
pub fn on_the_wire(voice: Bitrate, copies: u8) -> Bitrate {
    Bitrate::from_bps(voice.bps() * (1 + u64::from(copies)) + HEADERS.bps())
}

/// What Opus is told to expect, percent, of a share of lost packets.
#[must_use]
pub fn expected_loss_pct(loss: f32) -> u8 {
    (loss * 100.0).ceil().clamp(1.0, EXPECTED_PCT_MAX) as u8
}

fn copies_at(loss: f32, share: f32) -> u8 {
    BEGIN.iter().filter(|begin| loss >= **begin * share).count() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLENTY: Bitrate = Bitrate::from_kbps(3_000);
    const VOICE: Bitrate = Bitrate::from_kbps(32);
    const COPIES: Reads = Reads {
        copies: true,
        deep: false,
    };
    const NOTHING: Reads = Reads {
        copies: false,
        deep: false,
    };

    fn after(reports: &[f32]) -> Protection {
        let mut protection = Protection::default();
        for loss in reports {
            protection.report(*loss, None);
        }
        protection
    }

    fn copies(reports: &[f32]) -> u8 {
        after(reports).shield(VOICE, PLENTY, COPIES).copies
    }

    #[test]
    fn more_loss_more_copies() {
        assert_eq!(
            [0.0, 0.04, 0.05, 0.14, 0.15, 0.24, 0.3, 0.5, 1.0].map(|loss| copies(&[loss])),
            [0, 0, 1, 1, 2, 2, 3, 3, 3]
        );
        let shield = after(&[0.25]).shield(VOICE, PLENTY, COPIES);
        assert_eq!(
            (shield.bitrate, shield.expected_loss_pct, shield.stride),
            (VOICE, 25, 1)
        );
    }

    #[test]
    fn they_come_at_once_and_go_one_by_one_after_calm() {
        assert_eq!(copies(&[0.3, 0.0, 0.0, 0.0, 0.0]), 3);
        assert_eq!(copies(&[&[0.3][..], &[0.0; 5]].concat()), 2);
        assert_eq!(copies(&[&[0.3][..], &[0.0; 15]].concat()), 0);
        // Around a threshold nothing changes.
        let swaying: Vec<f32> = (0..40).map(|n| if n % 2 == 0 { 0.16 } else { 0.11 }).collect();
        assert_eq!(copies(&swaying), 2);
        // A bad second in between begins the calm anew.
        assert_eq!(copies(&[0.3, 0.0, 0.0, 0.0, 0.3, 0.0, 0.0, 0.0, 0.0]), 3);
    }

    #[test]
    fn in_bursts_copies_lie_further_apart() {
        let stride = |clumping| {
            let mut protection = Protection::default();
            protection.report(0.35, clumping);
            protection.shield(VOICE, PLENTY, COPIES).stride
        };
        assert_eq!(
            [None, Some(1.3), Some(2.0), Some(2.4), Some(4.4)].map(stride),
            [1, 1, 2, 3, 4]
        );
    }

    #[test]
    fn with_little_room_the_voice_gets_plainer_before_it_is_less_protected() {
        let at = |kbps| {
            let shield = after(&[0.4]).shield(VOICE, Bitrate::from_kbps(kbps), COPIES);
            (shield.bitrate.kbps(), shield.copies)
        };
        assert_eq!(
            [400, 200, 160, 120, 100, 80, 70].map(at),
            [(32, 3), (32, 3), (24, 3), (16, 3), (16, 2), (16, 1), (32, 0)]
        );
        for kbps in 1..500 {
            let (bitrate, copies) = at(kbps);
            let takes = on_the_wire(Bitrate::from_kbps(bitrate), copies).kbps();
            assert!(copies == 0 || takes * 5 <= kbps * 4, "{takes} of {kbps} kbit/s");
        }
    }

    #[test]
    fn who_does_not_read_copies_gets_none() {
        let shield = after(&[0.4]).shield(VOICE, PLENTY, NOTHING);
        assert_eq!(
            (shield.copies, shield.bitrate, shield.expected_loss_pct),
            (0, VOICE, 40)
        );
        assert_eq!(shield.copies_take(), Bitrate::ZERO);
    }

    const ALL: Reads = Reads {
        copies: true,
        deep: true,
    };

    fn at_kbps(protection: &mut Protection, kbps: u64, reads: Reads) -> (u64, u8, u16) {
        let shield = protection.shield(VOICE, Bitrate::from_kbps(kbps), reads);
        (shield.bitrate.kbps(), shield.copies, shield.deep_ms)
    }

    #[test]
    fn where_one_copy_fits_at_most_deep_redundancy_stands_in() {
        let at = |kbps| at_kbps(&mut after(&[0.5]), kbps, ALL);
        assert_eq!(
            [400, 120, 100, 90, 80, 75].map(at),
            [
                (32, 3, 0),
                (16, 3, 0),
                (16, 2, 0),
                (32, 0, 240),
                (32, 0, 240),
                (32, 0, 240)
            ]
        );
        // Then the voice that tells it gets plainer,
        assert_eq!([74, 65, 64, 60].map(at).map(|(kbps, ..)| kbps), [24, 24, 20, 20]);
        assert!([74, 65, 64, 60].map(at).iter().all(|got| got.2 == 240));
        // and where even that does not fit it is alone, as without it.
        assert_eq!(at(59), (32, 0, 0));
        // Whoever does not read copies gets it wherever it fits.
        let deep_alone = Reads {
            copies: false,
            deep: true,
        };
        assert_eq!(at_kbps(&mut after(&[0.5]), 400, deep_alone), (32, 0, 240));
    }

    #[test]
    fn deep_redundancy_is_for_much_loss_or_bursts_and_for_those_who_read_it() {
        assert_eq!(at_kbps(&mut after(&[0.3]), 85, ALL), (16, 1, 0));
        assert_eq!(at_kbps(&mut after(&[0.5]), 85, COPIES), (16, 1, 0));
        let mut in_bursts = Protection::default();
        in_bursts.report(0.3, Some(4.0));
        assert_eq!(at_kbps(&mut in_bursts, 85, ALL), (32, 0, 240));
        // A tenth in bursts asks for one copy, which does more (`burst-10` of the networks: 0.884 with deep redundancy alone).
        let mut seldom = Protection::default();
        seldom.report(0.1, Some(3.6));
        assert_eq!(at_kbps(&mut seldom, 400, ALL), (32, 1, 0));
        assert_eq!(at_kbps(&mut seldom, 65, ALL), (32, 0, 0));
        let mut calm = Protection::default();
        calm.report(0.01, Some(4.0));
        assert_eq!(at_kbps(&mut calm, 85, ALL), (32, 0, 0));
    }

    #[test]
    fn between_copies_and_deep_redundancy_nothing_sways() {
        let mut protection = after(&[0.5]);
        assert_eq!(at_kbps(&mut protection, 94, ALL), (32, 0, 240));
        for kbps in [96, 94, 100, 105] {
            assert_eq!(at_kbps(&mut protection, kbps, ALL), (32, 0, 240), "{kbps}");
        }
        assert_eq!(at_kbps(&mut protection, 112, ALL), (16, 2, 0));
        assert_eq!(at_kbps(&mut protection, 96, ALL), (16, 2, 0));
        // Nor around the loss that it is for.
        for loss in [0.5, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.2, 0.2, 0.2, 0.2] {
            protection.report(loss, None);
            assert_eq!(at_kbps(&mut protection, 85, ALL).2, 240, "{loss}");
        }
        protection.report(0.2, None);
        assert_eq!(at_kbps(&mut protection, 85, ALL).2, 0);
    }

    #[test]
    fn absurd_reports_stay_within_the_bounds() {
        for loss in [f32::NAN, f32::INFINITY, -1.0, 255.0] {
            for burst in [None, Some(f32::NAN), Some(-3.0), Some(f32::INFINITY)] {
                let mut protection = Protection::default();
                protection.report(loss, burst);
                let shield = protection.shield(VOICE, PLENTY, COPIES);
                assert!(shield.copies <= COPIES_MAX && (1..=40).contains(&shield.expected_loss_pct));
                assert!((1..=super::super::red::STRIDE_MAX).contains(&shield.stride));
            }
        }
    }
}
