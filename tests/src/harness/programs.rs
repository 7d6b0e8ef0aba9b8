//! Programs that run beside a test: found, started, listened to, and ended when dropped.

use super::system;
use anyhow::{Context as _, Result, bail, ensure};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines of output that are kept; older ones are forgotten.
const LINES_MAX: usize = 20_000;
/// How long a program gets to end by itself once it was asked to.
const GRACE: Duration = Duration::from_secs(3);

/// The folder with the programs that were built together with this one.
///
/// # Errors
/// When this program does not know where it is.
pub fn built_folder() -> Result<PathBuf> {
    let me = std::env::current_exe()?;
    let folder = me.parent().context("this program is in no folder")?;
    // Tests live one level deeper, in `deps`.
    let folder = if folder.ends_with("deps") {
        folder.parent().unwrap_or(folder)
    } else {
        folder
    };
    Ok(folder.to_owned())
}

/// A command for one of our own programs.
///
/// # Errors
/// When it was not built.
pub fn our(name: &str) -> Result<Command> {
    let path = built_folder()?.join(name);
    ensure!(
        path.is_file(),
        "{} was not built; run `cargo build --workspace` first",
        path.display()
    );
    Ok(Command::new(path))
}

/// A running program whose output is read all the time. Ended when dropped.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Mutex<Child>,
    input: Mutex<Option<ChildStdin>>,
    heard: Arc<Heard>,
    pid: u32,
}

#[derive(Debug, Default)]
struct Heard {
    lines: Mutex<Vec<String>>,
    changed: Condvar,
}

impl Heard {
    fn add(&self, line: String) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES_MAX {
            lines.drain(..LINES_MAX / 2);
        }
        lines.push(line);
        self.changed.notify_all();
    }

    fn listen(self: &Arc<Self>, stream: impl Read + Send + 'static) {
        let heard = Arc::clone(self);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                heard.add(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
        });
    }
}

impl Program {
    /// Starts `command` with its output and its errors kept.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| {
                format!(
                    "cannot start {name} ({})",
                    command.get_program().to_string_lossy()
                )
            })?;
        let heard = Arc::new(Heard::default());
        if let Some(stream) = child.stdout.take() {
            heard.listen(stream);
        }
        if let Some(stream) = child.stderr.take() {
            heard.listen(stream);
        }
        Ok(Self {
            name: name.to_owned(),
            input: Mutex::new(child.stdin.take()),
            pid: child.id(),
            child: Mutex::new(child),
            heard,
        })
    }

    /// What it was started as.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Writes a line to its standard input.
    ///
    /// # Errors
    /// When it ended or closed its input.
    pub fn say(&self, line: &str) -> Result<()> {
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        let input = input.as_mut().context("its input was closed")?;
        writeln!(input, "{line}").with_context(|| format!("{} does not listen", self.name))
    }

    /// Ends its standard input: for our own tools, the sign to end.
    pub fn close_input(&self) {
        drop(self.input.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Waits until it prints a line that `wanted` takes, also among those printed already.
    ///
    /// # Errors
    /// When the time is over or it ended first; the message has its last words.
    pub fn wait_for_line(&self, limit: Duration, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let deadline = Instant::now() + limit;
        let mut lines = self.heard.lines.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(line) = lines.iter().find(|line| wanted(line)) {
                return Ok(line.clone());
            }
            let ended = self.try_wait();
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || ended.is_some() {
                let last = lines[lines.len().saturating_sub(15)..].join("\n");
                match ended {
                    // Its last lines may still be on their way from the pipe.
                    Some(_) if !left.is_zero() && Arc::strong_count(&self.heard) > 1 => {}
                    Some(status) => bail!(
                        "{} ended ({status}) before it said what was waited for:\n{last}",
                        self.name
                    ),
                    None => bail!(
                        "{} did not say what was waited for within {limit:?}:\n{last}",
                        self.name
                    ),
                }
            }
            let nap = left.min(Duration::from_millis(200));
            (lines, _) = self
                .heard
                .changed
                .wait_timeout(lines, nap)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Everything it printed (the last lines of it, if it was much).
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.heard
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How it ended, if it did.
    #[must_use]
    pub fn try_wait(&self) -> Option<ExitStatus> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        child.try_wait().ok().flatten()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When the time is over; the message has its last words.
    pub fn wait(&self, limit: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Some(status) = self.try_wait() {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let lines = self.lines();
        bail!(
            "{} did not end within {limit:?}:\n{}",
            self.name,
            lines[lines.len().saturating_sub(15)..].join("\n")
        )
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.close_input();
        if self.try_wait().is_some() {
            return;
        }
        system::terminate(self.pid);
        if self.wait(GRACE).is_err() {
            let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_heard_told_and_ended() {
        let cat = Program::start("cat", &mut Command::new("cat")).unwrap();
        cat.say("hello").unwrap();
        cat.wait_for_line(Duration::from_secs(5), |line| line == "hello")
            .unwrap();
        let pid = cat.pid();
        drop(cat);
        assert!(!PathBuf::from(format!("/proc/{pid}")).exists());
    }

    #[test]
    fn waiting_for_a_word_that_never_comes_ends_with_the_last_words() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo something else; exit 3"]);
        let program = Program::start("sh", &mut command).unwrap();
        let error = program
            .wait_for_line(Duration::from_secs(5), |line| line == "ready")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("something else") && error.contains("exit status: 3"),
            "{error}"
        );
    }
}
