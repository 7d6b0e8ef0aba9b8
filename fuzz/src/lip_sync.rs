//! Reports, sound and pictures of a sender with any clocks, at any time.

use crate::bytes::Plan;
use crate::start::START;
use parley_media::time::{ArrivalTime, RtpTime};
use parley_media::video::lip_sync::{DELAY_MAX, Lip, LipSync, NtpTime, SenderTimes};
use std::time::Duration;

/// The delay moves by a sixteenth of the time that passes, of which no more than 200 ms count.
const STEP_MS_MAX: f32 = 13.0;

/// Whatever a sender claims: no picture is shown before it is whole or more than 300 ms after, sound is held for no more than 120, and
/// neither ever jumps.
pub(crate) fn lip_sync(data: &[u8]) {
    let mut plan = Plan(data);
    let times = SenderTimes::new();
    let mut sync = LipSync::new(times.clone());
    let mut now = *START + Duration::from_secs(60);
    let (mut delay_ms, mut hold_ms) = (0.0f32, 0.0f32);
    while !plan.is_over() {
        let control = plan.byte();
        now += Duration::from_millis(u64::from(control >> 4) * 11);
        let which = if control & 0x8 == 0 {
            Lip::Sound
        } else {
            Lip::Picture
        };
        match control & 0x7 {
            0 => times.begin(which),
            1 => sync.set_sound_wait(Some(Duration::from_millis(u64::from(plan.u16())))),
            2 => sync.set_sound_wait(None),
            3 => times.report(
                which,
                NtpTime(wide(&mut plan) << 32 | wide(&mut plan)),
                rtp_time(&mut plan),
            ),
            // Of a sender that means well: both of one clock.
            4 => times.report(which, NtpTime(u64::from(plan.byte()) << 32), rtp_time(&mut plan)),
            5 => times.sound_arrived(ArrivalTime(now), rtp_time(&mut plan)),
            6 => sync = LipSync::new(times.clone()),
            _ => {
                let completed = now - Duration::from_millis(plan.byte().into());
                let rtp_time = rtp_time(&mut plan);
                let due = sync.place(now, ArrivalTime(completed), rtp_time);
                assert!(due >= completed && due <= completed + DELAY_MAX);
                sync.shown(due.max(now), rtp_time);
                let figures = sync.figures();
                assert!((figures.delay_ms - delay_ms).abs() <= STEP_MS_MAX, "{figures:?}");
                assert!(figures.sound_behind_ms.is_none_or(f32::is_finite));
                assert!(
                    (figures.sound_hold_ms - hold_ms).abs() <= STEP_MS_MAX,
                    "{figures:?}"
                );
                (delay_ms, hold_ms) = (figures.delay_ms, figures.sound_hold_ms);
                assert!((0.0..=120.0).contains(&hold_ms));
            }
        }
    }
    assert!((0.0..=300.0).contains(&delay_ms));
}

fn wide(plan: &mut Plan<'_>) -> u64 {
    u64::from(plan.u16()) << 16 | u64::from(plan.u16())
}

/// Mostly of one second, sometimes anything.
fn rtp_time(plan: &mut Plan<'_>) -> RtpTime {
    match plan.byte() {
        0xff => RtpTime(wide(plan) as u32),
        near => RtpTime(u32::from(near) * 375),
    }
}
