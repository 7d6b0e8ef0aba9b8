//! What a test that failed said, picked out of all that a test program prints, so that it stands at the end of a run too:
//! of a run on another machine the end is often all that is kept.

/// Lines kept of the beginning and of the end of what one test said.
const KEPT: usize = 25;
/// Tests whose words are kept; where more failed, the first ones tell enough.
const TESTS: usize = 8;
/// Bytes of a line that are kept.
const LINE: usize = 400;

/// The words of the tests that failed so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stories {
    told: Vec<Story>,
    /// Whether the words of the last one go on.
    open: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Story {
    name: String,
    first: Vec<String>,
    last: Vec<String>,
    left_out: usize,
}

impl Stories {
    /// Takes in one line; `failed` are the tests known to have failed, by name.
    pub(super) fn read(&mut self, line: &str, failed: &[String]) {
        if let Some(name) = line
            .strip_prefix("---- ")
            .and_then(|rest| rest.strip_suffix(" stdout ----"))
        {
            self.open = failed.iter().any(|known| known == name) && self.begin(name);
        } else if matches!(line, "failures:" | "successes:") || line.starts_with("test result: ") {
            self.open = false;
        } else if let Some(name) = line.trim_start().strip_prefix("FAIL  ") {
            // Vitest, with the file before the name.
            self.open = self.begin(name.trim_start());
        } else if line.starts_with("⎯⎯") {
            self.open = false;
        } else if self.open {
            self.add(line);
        }
    }

    fn begin(&mut self, name: &str) -> bool {
        if self.told.len() == TESTS {
            return false;
        }
        self.told.push(Story {
            name: name.to_owned(),
            first: Vec::new(),
            last: Vec::new(),
            left_out: 0,
        });
        true
    }

    fn add(&mut self, line: &str) {
        let Some(story) = self.told.last_mut() else { return };
        let line = line.get(..line.floor_char_boundary(LINE)).unwrap_or_default();
        if story.first.len() < KEPT {
            story.first.push(line.to_owned());
            return;
        }
        if story.last.len() == KEPT {
            story.last.remove(0);
            story.left_out += 1;
        }
        story.last.push(line.to_owned());
    }

    /// What a person reads, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for story in &self.told {
            lines.push(format!("-- {} said:", story.name));
            lines.extend(story.first.iter().cloned());
            if story.left_out > 0 {
                lines.push(format!("[{} lines left out]", story.left_out));
            }
            lines.extend(story.last.iter().cloned());
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[&str], failed: &[&str]) -> Vec<String> {
        let failed: Vec<String> = failed.iter().map(|name| (*name).to_owned()).collect();
        let mut stories = Stories::default();
        lines.iter().for_each(|line| stories.read(line, &failed));
        stories.lines()
    }

    #[test]
    fn only_what_failed_is_told_again() {
        let lines = [
            "successes:",
            "---- a::fine stdout ----",
            "all is well",
            "failures:",
            "---- a::bad stdout ----",
            "not in time",
            "failures:",
            "    a::bad",
        ];
        assert_eq!(told(&lines, &["a::bad"]), ["-- a::bad said:", "not in time"]);
        let window = [
            "     × is shown 13771ms",
            "⎯⎯⎯ Failed Tests 1 ⎯⎯⎯",
            " FAIL  flows  test/flows/a.test.ts > is shown",
            "expected 2 to be 3",
            "⎯⎯⎯⎯[1/1]⎯",
            " Test Files  1 failed",
        ];
        assert_eq!(
            told(&window, &["is shown"]),
            [
                "-- flows  test/flows/a.test.ts > is shown said:",
                "expected 2 to be 3"
            ]
        );
    }

    #[test]
    fn long_words_lose_their_middle() {
        let words: Vec<String> = (0..60).map(|n| n.to_string()).collect();
        let mut lines = vec!["---- a stdout ----"];
        lines.extend(words.iter().map(String::as_str));
        let told = told(&lines, &["a"]);
        assert_eq!(told.len(), 1 + KEPT + 1 + KEPT);
        assert_eq!(
            (told[1].as_str(), told[26].as_str()),
            ("0", "[10 lines left out]")
        );
        assert_eq!(told.last().map(String::as_str), Some("59"));
    }
}
