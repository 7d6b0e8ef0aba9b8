//! Running other programs: with their output on the terminal, or quiet unless they fail, and never for ever.

use anyhow::{Context as _, Result, bail};
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Runs a program with this terminal; an error when it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| cannot_start(command))?;
    if status.success() {
        return Ok(());
    }
    bail!("`{}` failed ({status})", line_of(command))
}

/// Runs a program silently; an error with all it said when it fails.
pub(crate) fn run_quiet(command: &mut Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| cannot_start(command))?;
    if output.status.success() {
        return Ok(());
    }
    bail!(
        "`{}` failed ({})\n{}{}",
        line_of(command),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// What a program says on standard output, or nothing when it cannot be run or fails.
pub(crate) fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a program and hands each line that it says to `each`, of its standard output and of its standard error. Killed after
/// `limit`.
pub(crate) fn run_lines(
    command: &mut Command,
    limit: Duration,
    mut each: impl FnMut(&str),
) -> Result<ExitStatus> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| cannot_start(command))?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        bail!("no output of `{}`", line_of(command));
    };
    // Bounded: a program that talks faster than the terminal takes waits.
    let (sender, lines) = sync_channel::<String>(256);
    let readers = [hand_on(stdout, sender.clone()), hand_on(stderr, sender)];
    let deadline = Instant::now() + limit;
    loop {
        match lines.recv_timeout(Duration::from_millis(200)) {
            Ok(line) => each(&line),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        // A program that left a child behind with its output open has ended all the same.
        if Instant::now() > deadline {
            stop(&mut child);
            bail!("`{}` was stopped after {} s", line_of(command), limit.as_secs());
        }
        if let Some(status) = child.try_wait()? {
            while let Ok(line) = lines.recv_timeout(Duration::from_millis(300)) {
                each(&line);
            }
            return Ok(status);
        }
    }
    let status = child.wait()?;
    for reader in readers {
        let _ = reader.join();
    }
    Ok(status)
}

/// Hands on each line of `output` until it ends or nobody takes them.
fn hand_on(output: impl Read + Send + 'static, lines: SyncSender<String>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        // Other bytes than text are no reason to stop reading: whoever writes would wait for ever.
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            if lines.send(line.trim_end_matches('\r').to_owned()).is_err() {
                break;
            }
        }
    })
}

fn stop(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn line_of(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start `{}`", command.get_program().to_string_lossy())
}
