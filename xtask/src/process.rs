//! Running other programs: with their output on the terminal, or quiet unless they fail, and never for ever.

use anyhow::{Context as _, Result, bail};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
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

/// Runs a program and hands each line of its standard output to `each`; its standard error goes to the terminal. Killed
/// after `limit`.
pub(crate) fn run_lines(
    command: &mut Command,
    limit: Duration,
    mut each: impl FnMut(&str),
) -> Result<ExitStatus> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| cannot_start(command))?;
    let Some(stdout) = child.stdout.take() else {
        bail!("no standard output of `{}`", line_of(command));
    };
    // Bounded: a program that talks faster than the terminal takes waits.
    let (sender, lines) = sync_channel::<String>(256);
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
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
    let _ = reader.join();
    Ok(status)
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
