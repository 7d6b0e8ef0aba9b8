//! How a stream is doing: what its callbacks leave behind for the device thread to read. Atomics only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Shared by a stream's callbacks (who write) and the device thread (which reads).
#[derive(Debug, Clone, Default)]
pub(super) struct Health(Arc<Marks>);

#[derive(Debug, Default)]
struct Marks {
    callbacks: AtomicU64,
    strains: AtomicU64,
    broken: AtomicBool,
}

/// Lives in the callback: tells an ordinary callback from a sign of strain.
#[derive(Debug)]
pub(super) struct Pulse {
    health: Health,
    period: Duration,
    last: Option<Instant>,
}

impl Health {
    /// The callback's end; `period` is what it is expected to handle at once.
    pub(super) fn pulse(&self, period: Duration) -> Pulse {
        Pulse {
            health: self.clone(),
            period,
            last: None,
        }
    }

    /// The error callback was called: the stream is of no more use.
    pub(super) fn break_down(&self) {
        self.0.broken.store(true, Ordering::Relaxed);
    }

    /// The device said it ran dry or over.
    pub(super) fn strain(&self) {
        self.0.strains.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn is_broken(&self) -> bool {
        self.0.broken.load(Ordering::Relaxed)
    }

    pub(super) fn callbacks(&self) -> u64 {
        self.0.callbacks.load(Ordering::Relaxed)
    }

    pub(super) fn strains(&self) -> u64 {
        self.0.strains.load(Ordering::Relaxed)
    }
}

impl Pulse {
    /// A callback for `handled` of sound, at `now`. The `pulseaudio` host never reports an underrun: a callback of twice
    /// the size, or two periods late, is its sign.
    pub(super) fn beat(&mut self, now: Instant, handled: Duration) {
        self.health.0.callbacks.fetch_add(1, Ordering::Relaxed);
        let late = self.last.is_some_and(|last| {
            now.saturating_duration_since(last) > self.period * 2 + Duration::from_millis(5)
        });
        // The first callbacks fill the device's buffer at once.
        if late || (self.last.is_some() && handled >= self.period * 2 && self.health.callbacks() > 10) {
            self.health.strain();
        }
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_and_double_callbacks_are_strain_and_ordinary_ones_are_not() {
        let health = Health::default();
        let period = Duration::from_millis(10);
        let mut pulse = health.pulse(period);
        let mut now = crate::device::sound::test_now();
        for _ in 0..20 {
            pulse.beat(now, period);
            now += period;
        }
        assert_eq!((health.callbacks(), health.strains()), (20, 0));
        pulse.beat(now, period * 2);
        now += Duration::from_millis(40);
        pulse.beat(now, period);
        assert_eq!(health.strains(), 2);
        assert!(!health.is_broken());
    }
}
