//! Parley without a window, for machines without a screen, bots and tests: an [`parley_app::endpoint::Endpoint`], a command
//! line in front and figures behind. A composition root without logic of its own.

mod arguments;
mod cost;
mod events;
mod findings;
mod report;
mod session;
mod watch;

use anyhow::{Context as _, Result};
use arguments::{Action, Arguments, Wish};
use clap::Parser as _;
use parley_app::address::server_address;
use parley_app::embedded::EmbeddedServer;
use parley_app::endpoint::CallTarget;
use parley_proto::Link;
use report::Report;
use session::Outcome;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Picture or sound did not arrive.
const EXIT_NOT_ARRIVED: u8 = 1;
/// There was no call.
const EXIT_NO_CALL: u8 = 2;
/// How long threads may take to end.
const SHUTDOWN_MAX: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("PARLEY_LOG").unwrap_or_else(|_| EnvFilter::new("error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match act(arguments) {
        Ok(code) => code,
        Err(error) => {
            tell(&format!("{error:#}"));
            ExitCode::from(EXIT_NO_CALL)
        }
    }
}

fn act(arguments: Arguments) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no runtime")?;
    let (wish, outcome) = match arguments.action {
        Action::Join { link, wish } => {
            let outcome = runtime.block_on(join(&link, &wish));
            (wish, outcome)
        }
        Action::Host { server, wish } => {
            let outcome = runtime.block_on(host(server.as_deref(), &wish));
            (wish, outcome)
        }
    };
    // Threads that stop devices are waited for, but not for ever.
    runtime.shutdown_timeout(SHUTDOWN_MAX);
    conclude(&wish, outcome?)
}

async fn join(link: &str, wish: &Wish) -> Result<Outcome> {
    match Link::find_in(link) {
        Ok(link) => session::run(CallTarget::Join { link }, wish).await,
        Err(error) => Ok(Outcome::NoCall(error.to_string())),
    }
}

async fn host(server: Option<&str>, wish: &Wish) -> Result<Outcome> {
    if let Some(text) = server {
        return match server_address(text) {
            Some(server) => session::run(CallTarget::Create { server }, wish).await,
            None => Ok(Outcome::NoCall(format!(
                "\"{text}\" is no server's address. Write it as https://host or https://host:port."
            ))),
        };
    }
    // Its rooms need not outlive this process, so neither does its key.
    let folder = std::env::temp_dir().join(format!("parley-cli-{}", std::process::id()));
    let embedded = EmbeddedServer::start(&folder).await;
    drop(std::fs::remove_dir_all(&folder));
    let embedded = embedded?;
    let server = embedded.address().clone();
    let outcome = session::run(CallTarget::Create { server }, wish).await;
    embedded.stop().await;
    outcome
}

/// Says how it went: figures or a sentence, and an exit code.
fn conclude(wish: &Wish, outcome: Outcome) -> Result<ExitCode> {
    let (report, code) = match outcome {
        Outcome::Measured(report) => {
            let code = if report.ok {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(EXIT_NOT_ARRIVED)
            };
            (report, code)
        }
        Outcome::NoCall(sentence) => {
            tell(&sentence);
            if !wish.json {
                return Ok(ExitCode::from(EXIT_NO_CALL));
            }
            let mut report = Report::new();
            report.fail(sentence);
            (report, ExitCode::from(EXIT_NO_CALL))
        }
    };
    let text = if wish.json {
        format!("{}\n", report.json()?)
    } else {
        report.table()
    };
    // A reader that has gone needs no figures.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(code)
}

/// A line for the person, on standard error.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
