//! `measure call [--seconds N] [--json]`, `measure lab [SCENARIO] [--json]` and `measure bench-NAME [--json]` with what `cargo xtask help`
//! lists for each: what `cargo xtask call`, `lab` and `bench` run once everything is built.

#![expect(
    clippy::print_stdout,
    reason = "a command-line tool answers on standard output"
)]

use anyhow::{Context as _, Result, bail};
use std::path::PathBuf;
use std::process::ExitCode;

/// Everything that can be measured, and the one that it can be measured against.
const MEASURED: &[(&str, Option<&str>)] = &[
    ("call", None),
    ("lab", Some("chromium")),
    ("bench-call", Some("chromium")),
    ("bench-capture", None),
    ("bench-files", Some("chromium")),
    ("bench-group", None),
    ("bench-ladder", None),
    ("bench-turn", Some("coturn")),
    ("bench-signaling", None),
    ("bench-setup", None),
    ("bench-sfu", Some("janus")),
    ("bench-voice", None),
];
/// What is a server's bench can be told which server.
const OF_SERVERS: &[&str] = &["bench-sfu", "bench-turn", "bench-signaling"];

/// What was asked for.
#[derive(Debug, Default, PartialEq)]
struct Wish {
    what: String,
    seconds: Option<u32>,
    mb: Option<u32>,
    set_ups: Option<u32>,
    server: Option<PathBuf>,
    scenario: Option<String>,
    case: Option<String>,
    write: Option<PathBuf>,
    json: bool,
    against_peer: bool,
    window: bool,
}

fn read(mut arguments: impl Iterator<Item = String>) -> Result<Wish> {
    let what = arguments.next().unwrap_or_default();
    let Some((_, peer)) = MEASURED.iter().find(|(name, _)| *name == what) else {
        let names: Vec<&str> = MEASURED.iter().map(|(name, _)| *name).collect();
        bail!("`{what}` cannot be measured; there are: {}", names.join(", "));
    };
    let mut wish = Wish {
        what,
        ..Wish::default()
    };
    while let Some(argument) = arguments.next() {
        let mut number = |least: u32, most: u32| -> Result<Option<u32>> {
            let number = arguments.next().and_then(|number| number.parse::<u32>().ok());
            let number = number.with_context(|| format!("{argument} takes a whole number"))?;
            Ok(Some(number.clamp(least, most)))
        };
        match argument.as_str() {
            "--json" => wish.json = true,
            "--window" if wish.what == "bench-call" => wish.window = true,
            "--seconds" => wish.seconds = number(5, 3600)?,
            "--mb" => wish.mb = number(1, 100_000)?,
            "--set-ups" if wish.what == "bench-setup" => wish.set_ups = number(1, 1000)?,
            "--server" if OF_SERVERS.contains(&wish.what.as_str()) => {
                let program = arguments.next().context("--server takes a program")?;
                wish.server = Some(program.into());
            }
            "--case" if wish.what == "bench-sfu" => {
                wish.case = Some(arguments.next().context("--case takes a name")?);
            }
            "--write" if wish.what == "lab" => {
                let page = arguments.next().context("--write takes a page")?;
                wish.write = Some(page.into());
            }
            "--against" => match (arguments.next().as_deref(), *peer) {
                (Some(asked), Some(known)) if asked == known => wish.against_peer = true,
                (_, Some(known)) => bail!("--against takes a peer, and this bench knows one: {known}"),
                (_, None) => bail!("there is nobody to measure this against"),
            },
            scenario if wish.what == "lab" && wish.scenario.is_none() && !scenario.starts_with('-') => {
                wish.scenario = Some(argument);
            }
            other => bail!("`{other}` is not understood; `cargo xtask help` lists what is"),
        }
    }
    if wish.write.is_some() && wish.scenario.is_some() {
        bail!("a page is written of all scenarios: name none, or leave out --write");
    }
    Ok(wish)
}

#[cfg(target_os = "linux")]
fn run(wish: &Wish) -> Result<bool> {
    use parley_tests::measure::{
        bench, call, capture, files, group, ladder, set_up, sfu, signaling, turn, voice, window,
    };
    let seconds = |usual: u32| wish.seconds.unwrap_or(usual);
    let server = wish.server.as_deref();
    let mut picture = None;
    let report = match wish.what.as_str() {
        "call" => {
            let outcome = call::run(seconds(call::SECONDS))?;
            picture = outcome.picture;
            outcome.report
        }
        "lab" => lab(wish)?,
        "bench-call" => {
            let bench = if wish.window { window::run } else { bench::run };
            bench(seconds(bench::SECONDS), wish.against_peer)?
        }
        "bench-capture" => capture::run(seconds(capture::SECONDS))?,
        "bench-files" => files::run(wish.mb.unwrap_or(files::LOOPBACK_MB), wish.against_peer)?,
        "bench-group" => group::run(seconds(group::SECONDS))?,
        "bench-ladder" => ladder::run()?,
        "bench-turn" => turn::run(seconds(turn::SECONDS), wish.against_peer, server)?,
        "bench-signaling" => signaling::run(seconds(signaling::SECONDS), server)?,
        "bench-setup" => set_up::run(wish.set_ups.map_or(set_up::SET_UPS, |set_ups| set_ups as usize))?,
        "bench-sfu" => sfu::run(
            seconds(sfu::SECONDS),
            wish.against_peer,
            server,
            wish.case.as_deref(),
        )?,
        "bench-voice" => voice::run()?,
        other => bail!("`{other}` is in the list of what can be measured and is not measured: a bug"),
    };
    if wish.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{}", report.table());
    }
    if let Some(picture) = picture {
        eprintln!("The picture B received: {}", picture.display());
    }
    if !report.ok {
        eprintln!("Something did not arrive.");
    }
    Ok(report.ok)
}

/// The quality lab, and its page if that is to be written.
#[cfg(target_os = "linux")]
fn lab(wish: &Wish) -> Result<parley_tests::measure::rows::Report> {
    use parley_tests::lab;
    use parley_tests::measure::rows::Report;
    let command = words(wish);
    let read = |path: &PathBuf| {
        let page =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        // A page that cannot be written is told of before an hour has passed.
        lab::table::rewritten(&page, &Report::default(), &command)?;
        anyhow::Ok((path.clone(), page))
    };
    let page = wish.write.as_ref().map(read).transpose()?;
    let asked = lab::Wish {
        scenario: wish.scenario.clone(),
        seconds: wish.seconds,
        against_chromium: wish.against_peer,
    };
    let report = lab::run(&asked, |so_far| match &page {
        Some((path, page)) => Ok(std::fs::write(
            path,
            lab::table::rewritten(page, so_far, &command)?,
        )?),
        None => Ok(()),
    })?;
    if let Some((path, _)) = page {
        eprintln!("Written: {}", path.display());
    }
    Ok(report)
}

/// What was typed, as a page says it.
#[cfg(target_os = "linux")]
fn words(wish: &Wish) -> String {
    let mut words = "cargo xtask lab".to_owned();
    if wish.against_peer {
        words.push_str(" --against chromium");
    }
    if let Some(seconds) = wish.seconds {
        words.push_str(&format!(" --seconds {seconds}"));
    }
    if let Some(page) = &wish.write {
        words.push_str(&format!(" --write {}", page.display()));
    }
    words
}

#[cfg(not(target_os = "linux"))]
fn run(wish: &Wish) -> Result<bool> {
    bail!("`{}` is measured on Linux only, for now", wish.what)
}

fn main() -> ExitCode {
    match read(std::env::args().skip(1)).and_then(|wish| run(&wish)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Result<Wish> {
        read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn each_bench_takes_what_is_its_own() {
        let wish = asked("bench-turn --against coturn --seconds 1 --server /x --json").unwrap();
        assert!(wish.against_peer && wish.json);
        assert_eq!((wish.seconds, wish.server), (Some(5), Some("/x".into())));
        assert!(
            asked("bench-sfu --against janus --server /x")
                .unwrap()
                .against_peer
        );
        let sfu = asked("bench-sfu --case video-10").unwrap();
        assert_eq!(sfu.case.as_deref(), Some("video-10"));
        assert_eq!(asked("bench-setup --set-ups 3").unwrap().set_ups, Some(3));
        assert!(asked("bench-ladder --json").unwrap().json);
        assert!(asked("bench-call --window --against chromium").unwrap().window);
        let lab = asked("lab loss-10 --against chromium --seconds 12").unwrap();
        assert_eq!(
            (lab.scenario.as_deref(), lab.seconds),
            (Some("loss-10"), Some(12))
        );
        assert!(lab.against_peer && lab.write.is_none());
        assert_eq!(
            asked("lab --write page.md").unwrap().write,
            Some("page.md".into())
        );
        for wrong in [
            "",
            "lab clean dip",
            "lab clean --write page.md",
            "lab --write",
            "lab --against coturn",
            "call --write page.md",
            "bench-tea",
            "call --against chromium",
            "bench-turn --against chromium",
            "bench-sfu --against coturn",
            "bench-call --server /x",
            "bench-turn --case video-10",
            "bench-setup --seconds many",
            "bench-ladder --against chromium",
            "bench-group --against janus",
        ] {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
    }
}
