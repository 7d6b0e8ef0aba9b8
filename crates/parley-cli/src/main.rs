//! Parley without a window, for machines without a screen, bots and tests: an [`parley_app::endpoint::Endpoint`], a command
//! line in front and figures behind. A composition root without logic of its own.

mod arguments;
mod check;
mod errands;
mod events;
mod findings;
mod looks;
mod own;
mod people;
mod relays;
mod report;
mod session;
mod tape;
mod usable;
mod watch;
mod words;

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
/// There was no call: bad arguments (as `clap` has it), or nobody to call.
const EXIT_NO_CALL: u8 = 2;
/// How long threads may take to end.
const SHUTDOWN_MAX: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let arguments = Arguments::parse().settled();
    let asked = std::env::var("PARLEY_LOG").ok();
    let filter = EnvFilter::try_new(parley_app::log_directives(asked.as_deref()))
        .unwrap_or_else(|_| EnvFilter::new(parley_app::log_directives(None)));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match act(&arguments) {
        Ok(code) => code,
        Err(error) => {
            tell(&sentence(&error));
            ExitCode::from(EXIT_NO_CALL)
        }
    }
}

/// What went wrong. A cause that the sentence about it names already is not said twice.
fn sentence(error: &anyhow::Error) -> String {
    let said = error.chain().map(ToString::to_string);
    let said = said.reduce(|said, cause| match said.contains(&cause) {
        true => said,
        false => format!("{said}: {cause}"),
    });
    said.unwrap_or_default()
}

fn act(arguments: &Arguments) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no runtime")?;
    let wish = match &arguments.action {
        Action::Join { wish, .. } | Action::Host { wish, .. } => wish,
        Action::CheckNetwork { server } => return runtime.block_on(check_network(server)),
    };
    if let Err(sentence) = usable::check(wish) {
        return conclude(wish, Outcome::NoCall(sentence));
    }
    let outcome = match &arguments.action {
        Action::Join { link, .. } => runtime.block_on(join(link, wish)),
        Action::Host { server, .. } => runtime.block_on(host(server.as_deref(), wish)),
        Action::CheckNetwork { .. } => return Ok(ExitCode::SUCCESS),
    };
    // Threads that stop devices are waited for, but not for ever.
    runtime.shutdown_timeout(SHUTDOWN_MAX);
    conclude(wish, outcome?)
}

async fn check_network(server: &str) -> Result<ExitCode> {
    let Some(server) = server_address(server) else {
        tell(&no_server(server));
        return Ok(ExitCode::from(EXIT_NO_CALL));
    };
    let (page, good) = check::run(&server).await;
    // A reader that has gone needs no words.
    let _ = std::io::stdout().write_all(page.as_bytes());
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_NOT_ARRIVED)
    })
}

fn no_server(text: &str) -> String {
    format!("\"{text}\" is no server's address. Write it as https://host or https://host:port.")
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
            None => Ok(Outcome::NoCall(no_server(text))),
        };
    }
    // Its rooms need not outlive this process, so neither does its key.
    let mut embedded = EmbeddedServer::start_unkept().await?;
    let server = embedded.address_now()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let cause = || std::io::Error::other("disk full");
        let named = anyhow::Error::new(cause()).context("cannot write x: disk full");
        assert_eq!(sentence(&named), "cannot write x: disk full");
        let unnamed = anyhow::Error::new(cause()).context("cannot record into x");
        assert_eq!(sentence(&unnamed), "cannot record into x: disk full");
    }
    use std::sync::{Arc, Mutex, PoisonError};

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Which of some usual events are logged for a wish.
    fn logged(asked: Option<&str>) -> Vec<&'static str> {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(parley_app::log_directives(asked)))
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(target: "rtc_ice::agent", "ice");
            tracing::info!(target: "webrtc::peer_connection::driver", "driver");
            tracing::warn!(target: "stun_types", "stun");
            tracing::error!(target: "rtc_dtls", "broken");
            tracing::warn!(target: "parley_call::peer", "worth knowing");
            tracing::info!(target: "parley_call::peer", "chatter");
        });
        let page = page.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&page);
        ["ice", "driver", "stun", "broken", "worth knowing", "chatter"]
            .into_iter()
            .filter(|words| text.lines().any(|line| line.ends_with(&format!(" {words}"))))
            .collect()
    }

    #[test]
    fn people_are_spared_the_librarys_harmless_warnings_unless_they_ask() {
        for (asked, expect) in [
            (None, vec!["broken", "worth knowing"]),
            (Some(""), vec!["broken", "worth knowing"]),
            (Some("info"), vec!["broken", "worth knowing", "chatter"]),
            (
                Some("info,rtc=warn"),
                vec!["ice", "broken", "worth knowing", "chatter"],
            ),
            (
                Some("parley_call=info,webrtc=info"),
                vec!["driver", "broken", "worth knowing", "chatter"],
            ),
            (Some("off"), vec![]),
        ] {
            assert_eq!(logged(asked), expect, "{asked:?}");
        }
    }
}
