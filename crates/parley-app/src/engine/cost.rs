//! The processor time of this process as percent of one core. Time and the system's count are arguments.

use std::time::Instant;

/// Turns processor time into percent of one core.
#[derive(Debug, Default)]
pub(super) struct Cost {
    before: Option<(Instant, f64)>,
}

impl Cost {
    /// Since the last asking, of a process that took `cpu_s` seconds so far; nothing the first time.
    pub(super) fn percent(&mut self, now: Instant, cpu_s: f64) -> Option<f32> {
        let (at, before) = self.before.replace((now, cpu_s))?;
        let seconds = now.saturating_duration_since(at).as_secs_f64();
        let spent = (cpu_s - before).max(0.0);
        (seconds > 0.1).then(|| (spent * 100.0 / seconds) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "test: any moment will do as the start")]
    fn percent_come_from_two_counts_and_the_time_between() {
        let start = Instant::now();
        let mut cost = Cost::default();
        assert_eq!(cost.percent(start, 3.0), None);
        assert_eq!(cost.percent(start + Duration::from_secs(2), 4.0), Some(50.0));
    }
}
