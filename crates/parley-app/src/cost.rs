//! What this process costs, as the system counts it (Linux; elsewhere it is not told): for the inspector and the command line.

use std::fs;

/// Clock ticks per second of /proc/PID/stat: fixed at 100 for user space (proc(5), `sysconf(_SC_CLK_TCK)`) on every
/// architecture that Parley is built for.
const TICKS_PER_S: f64 = 100.0;

/// CPU seconds of this process so far, user and system, all threads.
#[must_use]
pub fn cpu_s() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    ticks(&stat).map(|ticks| ticks / TICKS_PER_S)
}

/// Proportional memory of this process in megabytes.
#[must_use]
pub fn pss_mb() -> Option<f64> {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    pss_kb(&rollup).map(|kb| kb / 1024.0)
}

fn ticks(stat: &str) -> Option<f64> {
    // The second field is the program's name in parentheses and may hold anything; 14 and 15 are utime and stime.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut field = || fields.next()?.parse::<f64>().ok();
    Some(field()? + field()?)
}

fn pss_kb(rollup: &str) -> Option<f64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_are_understood() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 1 2 3";
        assert_eq!(ticks(stat), Some(300.0));
        assert_eq!(ticks("nonsense"), None);
        assert_eq!(
            pss_kb("Rss: 9 kB\nPss:   2048 kB\nPss_Dirty: 1 kB\n"),
            Some(2048.0)
        );
    }
}
