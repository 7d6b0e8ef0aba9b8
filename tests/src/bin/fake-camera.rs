//! `fake-camera FOLDER NAME MODE... [--jpegs FILE]`: a camera as a file, see `parley_tests::harness::fake_camera`.
//!
//! Prints `plugged in`; takes `unplug` and `plug` lines; ends with its standard input.

#![expect(
    clippy::print_stdout,
    reason = "a command-line tool answers on standard output"
)]

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    use anyhow::{Context as _, ensure};
    use parley_tests::harness::fake_camera::{Mode, run};
    use std::path::PathBuf;

    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().context("FOLDER is missing")?);
    let name = arguments.next().context("NAME is missing")?;
    let mut modes = Vec::new();
    let mut jpegs = None;
    while let Some(argument) = arguments.next() {
        if argument == "--jpegs" {
            jpegs = Some(PathBuf::from(arguments.next().context("--jpegs needs a file")?));
        } else {
            modes
                .push(Mode::parse(&argument).with_context(|| format!("`{argument}` is no WxH@RATE:FORMAT"))?);
        }
    }
    ensure!(!modes.is_empty(), "a camera needs at least one mode");
    let commands = std::io::stdin().lines().map_while(Result::ok);
    run(&folder, &name, modes, jpegs.as_deref(), commands, || {
        println!("plugged in");
    })
}

#[cfg(not(target_os = "linux"))]
fn main() {}
