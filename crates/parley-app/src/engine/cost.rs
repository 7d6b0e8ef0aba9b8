//! What this process takes of the processor, as the system counts it (Linux; elsewhere it is not told). Time is an argument.

use std::fs;
use std::time::Instant;

/// Clock ticks per second of /proc/PID/stat: fixed at 100 for user space on every architecture Parley is built for (proc(5)).
const TICKS_PER_S: f32 = 100.0;

/// Turns processor time into percent of one core.
#[derive(Debug, Default)]
pub(super) struct Cost {
    before: Option<(Instant, u64)>,
}

impl Cost {
    /// Since the last asking; nothing the first time.
    pub(super) fn percent(&mut self, now: Instant) -> Option<f32> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        self.since(now, ticks(&stat)?)
    }

    fn since(&mut self, now: Instant, ticks: u64) -> Option<f32> {
        let (at, before) = self.before.replace((now, ticks))?;
        let seconds = now.saturating_duration_since(at).as_secs_f32();
        let spent = ticks.saturating_sub(before) as f32 / TICKS_PER_S;
        (seconds > 0.1).then(|| spent * 100.0 / seconds)
    }
}

/// User and system time of all threads: fields 14 and 15. The second field is the program's name in parentheses, which may
/// hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut field = || fields.next()?.parse::<u64>().ok();
    Some(field()? + field()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "test: any moment will do as the start")]
    fn percent_come_from_two_counts_and_the_time_between() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 1 2 3";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("nonsense"), None);
        let start = Instant::now();
        let mut cost = Cost::default();
        assert_eq!(cost.since(start, 300), None);
        assert_eq!(cost.since(start + Duration::from_secs(2), 400), Some(50.0));
    }
}
