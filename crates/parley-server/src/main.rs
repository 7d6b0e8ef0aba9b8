//! `parley-server`: the headless binary around the library. Reads arguments, says where it is reached, stops on signals.

use anyhow::Context as _;
use clap::Parser;
use parley_server::{DEFAULT_PORT, DEFAULT_STUN_PORT, Server, ServerConfig, ServerKey, StartServerError};
use std::io::IsTerminal as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tracing_subscriber::EnvFilter;

/// Lets people find each other for Parley calls: signaling, rooms and STUN.
///
/// Sound and pictures never pass through it, and it cannot read them. Without arguments it serves this machine and its
/// network: TCP port 7788 and UDP port 3478.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER_HELP)]
struct Arguments {
    /// Where to listen for clients, as ADDRESS:PORT; may be given several times [default: all addresses, port 7788]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Vec<SocketAddr>,
    /// Where to answer STUN over UDP [default: all addresses, port 3478; another free port if that is taken]
    #[arg(long, value_name = "ADDR:PORT")]
    stun: Option<SocketAddr>,
    /// Run no STUN server
    #[arg(long, conflicts_with = "stun")]
    no_stun: bool,
    /// Where the server's key is kept, so that links outlive a restart [default: the system's place for such files]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// Write the log as JSON, one object a line
    #[arg(long)]
    log_json: bool,
}

const AFTER_HELP: &str = "\
Examples:
  parley-server                                    serve this machine and its network
  parley-server --listen 127.0.0.1:7788 --no-stun  behind a reverse proxy that does TLS
  parley-server --data-dir /var/lib/parley         keep the key there

For calls across the internet put a reverse proxy with TLS in front of the TCP port, and open the UDP port.
The environment variable RUST_LOG sets how much is logged (for example RUST_LOG=parley_server=debug).";

/// The STUN parser reports every odd datagram of the internet; they are counted instead. Whoever names it hears it.
const QUIET: &str = "stun_types=off";
/// How often the counters are told in the log.
const COUNTERS_EVERY: Duration = Duration::from_secs(60);

/// Who has a port we want is asked what it is; whoever does not say so by then is somebody else.
const ANSWER_MAX: Duration = Duration::from_secs(2);
const ANSWER_BYTES_MAX: u64 = 4096;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_log(arguments.log_json);
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let by_parley = match error.downcast_ref() {
                Some(StartServerError::Taken { address }) => is_parley(*address).await,
                _ => false,
            };
            tracing::error!("{}", sentence(&error, by_parley));
            ExitCode::FAILURE
        }
    }
}

/// What went wrong and what to do. A cause that the sentence about it names already is not said twice.
fn sentence(error: &anyhow::Error, by_parley: bool) -> String {
    let said = error.chain().map(ToString::to_string);
    let said = said.reduce(|said, cause| {
        if said.contains(&cause) {
            said
        } else {
            format!("{said}: {cause}")
        }
    });
    let said = said.unwrap_or_default();
    match error.downcast_ref() {
        Some(StartServerError::Taken { address }) if by_parley => format!(
            "TCP port {} is taken by Parley itself: another parley-server, or the app, which serves its own calls until it is closed. {}",
            address.port(),
            another_port(*address)
        ),
        Some(StartServerError::Taken { address }) => format!("{said} {}", another_port(*address)),
        _ => said,
    }
}

/// How to choose another one, ready to be copied.
fn another_port(taken: SocketAddr) -> String {
    let ip = match taken.ip() {
        // Shells take square brackets for something else.
        ip if ip.is_unspecified() => Ipv4Addr::UNSPECIFIED.into(),
        ip => ip,
    };
    let other = SocketAddr::new(ip, taken.port().checked_add(1).unwrap_or(DEFAULT_PORT));
    format!("Another port is chosen with --listen, for example: parley-server --listen {other}")
}

/// Whether it is Parley that answers where a port is taken.
async fn is_parley(taken: SocketAddr) -> bool {
    let ip = match taken.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let asked = ask_what_it_is(SocketAddr::new(ip, taken.port()));
    let answer = tokio::time::timeout(ANSWER_MAX, asked).await;
    matches!(answer, Ok(Ok(answer)) if answer.contains("\"server\":\"parley\""))
}

async fn ask_what_it_is(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /api/v1/server HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let key = ServerKey::load_or_create(&data_dir(arguments.data_dir)?.join("server.key"))?;
    let everywhere = ServerConfig::everywhere(DEFAULT_PORT, DEFAULT_STUN_PORT);
    let config = ServerConfig {
        key,
        listen: if arguments.listen.is_empty() {
            everywhere.listen
        } else {
            arguments.listen
        },
        stun: if arguments.no_stun {
            None
        } else {
            arguments.stun.or(everywhere.stun)
        },
        ..everywhere
    };
    let server = start(config).await?;
    announce(&server);
    tokio::select! {
        stop = stop_signal() => stop?,
        () = log_counters(&server) => {}
    }
    tracing::info!(
        "Stopping; everyone connected is told. Calls go on, and find the server again when it is back."
    );
    server.stop().await;
    Ok(())
}

/// A line with all counters, once a minute while they change. Never returns.
async fn log_counters(server: &Server) {
    let mut every_minute = tokio::time::interval(COUNTERS_EVERY);
    let mut told = server.counters();
    loop {
        every_minute.tick().await;
        let counters = server.counters();
        if counters != told {
            tracing::info!(?counters, "so far");
            told = counters;
        }
    }
}

/// A taken STUN port is no reason not to serve: clients are told the real port anyway.
async fn start(config: ServerConfig) -> Result<Server, StartServerError> {
    match Server::start(config.clone()).await {
        Err(StartServerError::StunTaken { address }) => {
            tracing::warn!(
                "UDP port {} is taken by another program, so STUN uses a free one. Behind a firewall, choose it with --stun and open it.",
                address.port()
            );
            let stun = Some(SocketAddr::new(address.ip(), 0));
            Server::start(ServerConfig { stun, ..config }).await
        }
        outcome => outcome,
    }
}

fn data_dir(chosen: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    match chosen {
        Some(folder) => Ok(folder),
        None => directories::ProjectDirs::from("", "", "parley-server")
            .map(|dirs| dirs.data_dir().to_owned())
            .context(
                "This user has no home folder to keep the server's key in. Choose a folder with --data-dir.",
            ),
    }
}

fn start_log(json: bool) {
    let asked = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
    let asked = if asked.is_empty() { "info" } else { &asked };
    let filter = EnvFilter::try_new(format!("{QUIET},{asked}"))
        .unwrap_or_else(|_| EnvFilter::new(format!("{QUIET},info")));
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(filter)
        .with_target(false);
    if json {
        log.json().init();
    } else {
        log.init();
    }
}

/// Where it is reached, and what to do next.
fn announce(server: &Server) {
    for address in server.addresses() {
        for url in urls(*address) {
            tracing::info!("Parley server at {url}");
        }
    }
    match server.stun_address() {
        Some(address) => tracing::info!("STUN on UDP port {}", address.port()),
        None => tracing::info!(
            "No STUN: calls work within one network only, unless clients find another STUN server."
        ),
    }
    tracing::info!(
        "Next: in Parley, choose one of these addresses as server and start a call. Ctrl-C stops this server."
    );
}

/// An address of every interface in place of "all of them".
fn urls(address: SocketAddr) -> Vec<String> {
    let url = |ip: IpAddr| format!("http://{}", SocketAddr::new(ip, address.port()));
    if !address.ip().is_unspecified() {
        return vec![url(address.ip())];
    }
    let only_v4 = address.is_ipv4();
    let mut ips: Vec<IpAddr> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .map(|interface| interface.ip())
        .filter(|ip| match ip {
            IpAddr::V4(_) => true,
            IpAddr::V6(ip) => !only_v4 && !ip.is_unicast_link_local() && *ip != Ipv6Addr::LOCALHOST,
        })
        .collect();
    // What others can use first.
    ips.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6()));
    ips.into_iter().map(url).collect()
}

#[cfg(unix)]
async fn stop_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.context("cannot listen for ctrl-C"),
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn stop_signal() -> anyhow::Result<()> {
    tokio::signal::ctrl_c().await.context("cannot listen for ctrl-C")
}
