//! The account of a test run: what passed, what failed, how long each stage took.

use super::story::Stories;
use anyhow::Result;
use std::time::Instant;

/// Results so far.
pub(super) struct Ledger {
    started: Instant,
    stages: Vec<Stage>,
}

struct Stage {
    name: String,
    seconds: f64,
    counts: Counts,
    /// What failed, as told by whoever ran it.
    failures: Vec<String>,
    stories: Stories,
}

/// How many checks went well and how many did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub passed: u32,
    pub failed: u32,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            started: Instant::now(),
            stages: Vec::new(),
        }
    }

    /// One stage that is a single check.
    pub(super) fn check(&mut self, name: &str, work: impl FnOnce() -> Result<()>) -> bool {
        let mut good = false;
        self.stage(name, |tally| {
            work()?;
            tally.counts.passed += 1;
            good = true;
            Ok(())
        });
        good
    }

    /// One stage of many tests, counted by `work`.
    pub(super) fn stage(&mut self, name: &str, work: impl FnOnce(&mut Tally) -> Result<()>) {
        println!("\n== {name}");
        let began = Instant::now();
        let mut tally = Tally::default();
        let outcome = work(&mut tally);
        if let Err(error) = outcome {
            println!("{error:#}");
            // A stage that ended badly failed, even where each test it managed to run was fine.
            if tally.counts.failed == 0 {
                tally.counts.failed += 1;
                tally
                    .failures
                    .push(format!("{error:#}").lines().next().unwrap_or_default().to_owned());
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "== {name}: {} passed, {} failed, {seconds:.1} s",
            tally.counts.passed, tally.counts.failed
        );
        self.stages.push(Stage {
            name: name.to_owned(),
            seconds,
            counts: tally.counts,
            failures: tally.failures,
            stories: tally.stories,
        });
    }

    /// Prints the account; true when nothing failed. The last line is the one other programs look for.
    pub(super) fn close(&self) -> bool {
        println!(
            "\n{:<28} {:>7} {:>7} {:>9}",
            "stage", "passed", "failed", "seconds"
        );
        let mut total = Counts::default();
        for stage in &self.stages {
            println!(
                "{:<28} {:>7} {:>7} {:>9.1}",
                stage.name, stage.counts.passed, stage.counts.failed, stage.seconds
            );
            total.passed += stage.counts.passed;
            total.failed += stage.counts.failed;
        }
        for stage in &self.stages {
            for line in stage.stories.lines() {
                println!("{line}");
            }
        }
        for stage in &self.stages {
            for failure in &stage.failures {
                println!("FAILED {}: {failure}", stage.name);
            }
        }
        println!("{:.1} minutes", self.started.elapsed().as_secs_f64() / 60.0);
        println!("{} passed, {} failed", total.passed, total.failed);
        total.failed == 0 && total.passed > 0
    }
}

/// The count of one stage, taken from what the test programs print.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub counts: Counts,
    pub failures: Vec<String>,
    pub stories: Stories,
}

impl Tally {
    /// Takes in one line of a test program. Understands Rust's libtest, vitest and node's own test runner.
    pub(super) fn read(&mut self, line: &str) {
        self.stories.read(line, &self.failures);
        if let Some(rest) = line.strip_prefix("test result: ") {
            self.counts.passed += number_before(rest, " passed");
            self.counts.failed += number_before(rest, " failed");
        } else if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            self.failures.push(name.to_owned());
        } else if let Some(name) = line.trim_start().strip_prefix("× ") {
            // Vitest says how long it took behind the name.
            let name = match name.rsplit_once(' ') {
                Some((name, took)) if took.ends_with("ms") => name,
                _ => name,
            };
            self.failures.push(name.to_owned());
        } else if let Some(rest) = line.trim_start().strip_prefix("Tests  ") {
            self.counts.passed += number_before(rest, " passed");
            self.counts.failed += number_before(rest, " failed");
        } else if let Some((key, value)) = line.trim_start_matches(['#', 'ℹ', ' ']).split_once(' ') {
            let node_line = line.starts_with(['#', 'ℹ']);
            match (node_line, key, value.trim().parse::<u32>()) {
                (true, "pass", Ok(count)) => self.counts.passed += count,
                (true, "fail", Ok(count)) => self.counts.failed += count,
                _ => {}
            }
        }
    }
}

/// The number that stands right before `word`, or 0.
fn number_before(text: &str, word: &str) -> u32 {
    let Some(end) = text.find(word) else { return 0 };
    text[..end]
        .rsplit(|c: char| !c.is_ascii_digit())
        .next()
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tally_understands_each_test_runner() {
        let check = |lines: &[&str], passed, failed, failures: &[&str]| {
            let mut tally = Tally::default();
            lines.iter().for_each(|line| tally.read(line));
            assert_eq!(tally.counts, Counts { passed, failed }, "{lines:?}");
            assert_eq!(tally.failures, failures, "{lines:?}");
        };
        check(
            &[
                "test a::b ... ok",
                "test a::c ... FAILED",
                "test result: FAILED. 12 passed; 1 failed; 2 ignored; 0 measured; 3 filtered out; finished in 0.2s",
            ],
            12,
            1,
            &["a::c"],
        );
        check(
            &[
                "     × is shown 13771ms",
                "      Tests  1 failed | 22 passed (23)",
            ],
            22,
            1,
            &["is shown"],
        );
        check(&["      Tests  23 passed (23)"], 23, 0, &[]);
        check(&["# tests 5", "# pass 4", "# fail 1"], 4, 1, &[]);
        check(&["ℹ tests 5", "ℹ pass 5", "ℹ fail 0"], 5, 0, &[]);
        check(&["pass 5 minutes", "a pass 7"], 0, 0, &[]);
    }

    #[test]
    fn a_stage_that_ends_badly_is_a_failure_even_without_a_failed_test() {
        let mut ledger = Ledger::new();
        assert!(ledger.check("fine", || Ok(())));
        assert!(!ledger.check("broken", || anyhow::bail!("no")));
        assert!(!ledger.close());
    }
}
