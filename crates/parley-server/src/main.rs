//! `parley-server`: the headless binary around the library. Reads what it is told, says where it is reached, stops on signals.

mod program;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use parley_server::settings::Settings;
use parley_server::{
    CertificateSource, KEY_FILE_NAME, Server, ServerConfig, ServerKey, StartServerError, make_key,
};
use program::arguments::{Arguments, Command, data_dir};
use program::{doctor, invite, log, user, words};
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

/// How often the counters are told in the log.
const COUNTERS_EVERY: Duration = Duration::from_secs(60);
/// How often it is looked whether the last call has ended.
const EMPTY_EVERY: Duration = Duration::from_millis(200);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let settings = match &arguments.command {
        Some(Command::Config { what }) => what.run().map(|()| None),
        Some(Command::Invite(ask)) => invite::run(&arguments, ask).map(|()| None),
        Some(Command::NewKey { name }) => new_key(&arguments, name).map(|()| None),
        // Nothing else is to be done meanwhile, so it may hold up this thread.
        Some(Command::Load(load)) => load.run().map(|()| None),
        Some(Command::Doctor) => look(&arguments).await.map(|()| None),
        None => arguments.settings().map(Some),
    };
    let outcome = match settings {
        Ok(None) => return ExitCode::SUCCESS,
        Ok(Some(settings)) => {
            log::start(settings.log_json);
            run(&settings).await
        }
        Err(error) => {
            // Nothing was started, so there is no log yet.
            eprintln!("{error:#}");
            return ExitCode::FAILURE;
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let said = words::about(&error).await;
            tracing::error!("{said}");
            ExitCode::FAILURE
        }
    }
}

/// The first key of an operator; the one thing that belongs on standard output, for it is piped into a vault.
fn new_key(arguments: &Arguments, name: &str) -> Result<()> {
    let key = make_key(&data_dir(&arguments.settings()?)?, name)?;
    writeln!(std::io::stdout(), "{key}").context("the key could not be printed")
}

async fn look(arguments: &Arguments) -> Result<()> {
    let settings = arguments.settings()?;
    // Nothing is made of it: any key will do, and a folder that may not be there yet.
    let config = settings.server_config(ServerKey::generate(), &data_dir(&settings)?);
    doctor::run(&config).await
}

async fn run(settings: &Settings) -> Result<()> {
    user::allow_many_files();
    let folder = data_dir(settings)?;
    let key = ServerKey::load_or_create(&folder.join(KEY_FILE_NAME))?;
    let config = ServerConfig {
        folder: Some(folder.clone()),
        ..settings.server_config(key, &folder)
    };
    let give_root_up = || match &settings.user {
        // In one line, as whoever starts the server is told.
        Some(name) => user::become_user(name, &folder).map_err(|error| format!("{error:#}").into()),
        None => Ok(()),
    };
    let server = start(config, give_root_up).await?;
    words::announce(&server, settings.domain.as_deref());
    let asked = tokio::select! {
        asked = stop_signal() => asked?,
        () = log_counters(&server) => Asked::Stop,
    };
    if asked == Asked::Drain && settings.drain_seconds > 0 && !server.is_empty() {
        drain(&server, Duration::from_secs(settings.drain_seconds)).await?;
    }
    tracing::info!(
        "Stopping; everyone connected is told. Calls go on, and find the server again when it is back."
    );
    server.stop().await;
    Ok(())
}

/// Begins no call any more and waits for those that go on, until there are none, the time is over, or it is asked again.
async fn drain(server: &Server, limit: Duration) -> Result<()> {
    server.drain();
    tracing::info!(
        "Stopping once the last call has ended, in {} s at the latest; no new calls begin. Ask again to stop at once.",
        limit.as_secs()
    );
    let empty = async {
        while !server.is_empty() {
            tokio::time::sleep(EMPTY_EVERY).await;
        }
    };
    tokio::select! {
        () = empty => {}
        () = tokio::time::sleep(limit) => {}
        again = stop_signal() => {
            again?;
        }
    }
    Ok(())
}

/// A line with all counters, once a minute while they change. Never returns.
async fn log_counters(server: &Server) {
    let mut every_minute = tokio::time::interval(COUNTERS_EVERY);
    let read = || (server.counters(), server.turn_counters());
    let mut told = read();
    loop {
        every_minute.tick().await;
        let now = read();
        if now != told {
            let (counters, turn) = now;
            tracing::info!(?counters, ?turn, "so far");
            told = now;
        }
    }
}

/// What is taken by another program and not needed to serve is done without, or elsewhere: clients are told the real ports.
async fn start(
    config: ServerConfig,
    once_bound: impl Fn() -> Result<(), Box<dyn std::error::Error + Send + Sync>>,
) -> Result<Server, StartServerError> {
    let mut config = config;
    // One port for STUN, and one for the server's own HTTPS.
    for _ in 0..2 {
        match Server::start_once_bound(config.clone(), &once_bound).await {
            Err(StartServerError::StunTaken { address }) if address.port() != 0 => {
                tracing::warn!(
                    "UDP port {} is taken by another program, so STUN uses a free one. Behind a firewall, choose it with --stun and open it.",
                    address.port()
                );
                config.stun = Some(SocketAddr::new(address.ip(), 0));
            }
            Err(StartServerError::Taken { address }) if is_own_https(&config, address) => {
                tracing::warn!(
                    "TCP port {} is taken by another program, so there is no HTTPS for browsers. Choose another port with tls.own_listen.",
                    address.port()
                );
                config.tls = None;
            }
            outcome => return outcome,
        }
    }
    Server::start_once_bound(config, &once_bound).await
}

/// Whether it is only for HTTPS with the server's own certificate.
fn is_own_https(config: &ServerConfig, address: SocketAddr) -> bool {
    config.tls.as_ref().is_some_and(|tls| {
        matches!(tls.certificate, CertificateSource::Own { .. })
            && tls.listen.contains(&address)
            && !config.listen.is_empty()
            && !config.listen.contains(&address)
    })
}

/// How somebody wants the server to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// At once: a person at the keyboard.
    Stop,
    /// When the calls have ended: whoever runs the machine.
    Drain,
}

#[cfg(unix)]
async fn stop_signal() -> Result<Asked> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => {
            pressed.context("cannot listen for ctrl-C")?;
            Ok(Asked::Stop)
        }
        _ = terminate.recv() => Ok(Asked::Drain),
    }
}

#[cfg(not(unix))]
async fn stop_signal() -> Result<Asked> {
    tokio::signal::ctrl_c()
        .await
        .context("cannot listen for ctrl-C")?;
    Ok(Asked::Stop)
}
