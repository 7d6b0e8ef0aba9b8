//! How much of this machine's processors was left over in a stretch of time: what a test of speed must know before it blames
//! the program.

use std::fs;

/// The counts of /proc/stat when the stretch began.
#[derive(Debug, Clone, Copy)]
pub struct IdleTime {
    idle: u64,
    all: u64,
}

impl IdleTime {
    /// Begins now.
    #[must_use]
    pub fn start() -> Self {
        counts(&fs::read_to_string("/proc/stat").unwrap_or_default())
    }

    /// The part of the time, of all processors since then, in which they had nothing to do: 0 to 1.
    #[must_use]
    pub fn share(self) -> f64 {
        self.until(Self::start())
    }

    fn until(self, end: Self) -> f64 {
        let all = end.all.saturating_sub(self.all).max(1);
        end.idle.saturating_sub(self.idle) as f64 / all as f64
    }
}

/// The first line has user, nice, system, idle, iowait and more (proc(5)); waiting for a disk is idle too.
fn counts(stat: &str) -> IdleTime {
    let line = stat.lines().next().unwrap_or_default();
    let numbers: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .filter_map(|word| word.parse().ok())
        .collect();
    IdleTime {
        idle: numbers.iter().skip(3).take(2).sum(),
        all: numbers.iter().sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_is_what_is_left_of_all_time() {
        let begin = counts("cpu  100 0 50 800 50 0 0 0\ncpu0 1 2 3 4");
        let end = counts("cpu  160 0 90 840 60 0 0 50\n");
        assert!((begin.until(end) - 50.0 / 200.0).abs() < 1e-9);
    }
}
