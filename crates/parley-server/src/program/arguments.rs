//! What the program is told: the command line over the environment over the file.

use super::invite::InviteArguments;
use super::load::LoadArguments;
use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand};
use parley_server::settings::{DEFAULT_FILE, Settings, example};
use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// No file of settings is longer.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Lets people find each other for Parley calls: signaling, rooms, STUN and TURN.
///
/// Sound and pictures pass through it only where no direct way is found, encrypted from end to end. Without arguments it serves
/// this machine and its network: TCP ports 7788 and 7789 (HTTPS) and UDP port 3478.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Be a production server under this name: HTTPS on port 443 with a certificate, STUN and TURN on UDP 3478 and 443
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,
    /// Read the settings from this file [default: /etc/parley-server.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen for clients, as ADDRESS:PORT; may be given several times [default: all addresses, port 7788]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Vec<SocketAddr>,
    /// Where to answer STUN and TURN over UDP [default: all addresses, port 3478; another free port if that is taken]
    #[arg(long, value_name = "ADDR:PORT")]
    stun: Option<SocketAddr>,
    /// Run neither STUN nor TURN
    #[arg(long, conflicts_with = "stun")]
    no_stun: bool,
    /// Where the server's key and certificates are kept [default: the system's place for such files]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// Write the log as JSON, one object a line
    #[arg(long)]
    log_json: bool,
}

const AFTER_HELP: &str = "\
Examples:
  parley-server                                    serve this machine and its network
  parley-server --domain call.example.org          serve the internet (as root, or with the right to ports below 1024)
  parley-server --listen 127.0.0.1:7788 --no-stun  behind a reverse proxy that does TLS
  parley-server invite --role host --expires 1d    a link into a room that is entered by invitation only
  parley-server config example                     everything it can be told, in one file
  parley-server --domain call.example.org doctor   what is missing for that on this machine

What the file says can be said by the environment too: drain_seconds as PARLEY_SERVER_DRAIN_SECONDS.
The environment variable RUST_LOG sets how much is logged (for example RUST_LOG=parley_server=debug).";

/// What else there is to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// About the file of settings
    Config {
        /// What about it
        #[command(subcommand)]
        what: ConfigCommand,
    },
    /// Make an invitation and print its link; a server that runs knows it within a second
    Invite(InviteArguments),
    /// Make a key for the admin API and print it, once; a server that runs knows it within a second
    NewKey {
        /// What you call it
        name: String,
    },
    /// Load an SFU on this machine with made-up clients and say what it carries and costs
    Load(LoadArguments),
    /// Say in words what a server with these settings finds on this machine, and what to open or mend
    Doctor,
}

/// About the file of settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say whether a file is right, and what is wrong in which line if not; nothing is started or changed
    Check {
        /// The file [default: /etc/parley-server.toml]
        file: Option<PathBuf>,
    },
    /// Print a file with every key, what it means, and what is so anyway
    Example,
}

impl ConfigCommand {
    /// Does it.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn run(&self) -> Result<()> {
        let said = match self {
            Self::Example => example(),
            Self::Check { file } => {
                let file = file.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
                from_file(file)?.checked()?;
                format!("{} is right.\n", file.display())
            }
        };
        match std::io::stdout().write_all(said.as_bytes()) {
            // Whoever read had enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            written => written.context("cannot write"),
        }
    }
}

impl Arguments {
    /// All that was said, if it fits together.
    ///
    /// # Errors
    /// Every mistake, with its place.
    pub(crate) fn settings(&self) -> Result<Settings> {
        let file = match &self.config {
            Some(file) => from_file(file)?,
            None if Path::new(DEFAULT_FILE).exists() => from_file(Path::new(DEFAULT_FILE))?,
            None => Settings::default(),
        };
        // What is not text is no name or value of ours.
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let mut settings = file.with_environment(variables)?;
        if let Some(domain) = &self.domain {
            // The same rules as in a file.
            let variable = ("PARLEY_SERVER_DOMAIN".to_owned(), domain.clone());
            settings = settings
                .with_environment([variable])
                .map_err(|_| anyhow::anyhow!("--domain takes a name alone, such as call.example.org."))?;
        }
        if !self.listen.is_empty() {
            settings.listen.clone_from(&self.listen);
        }
        if let Some(stun) = self.stun {
            settings.udp = vec![stun];
            settings.stun = true;
        }
        if self.no_stun {
            settings.stun = false;
        }
        if self.data_dir.is_some() {
            settings.data_dir.clone_from(&self.data_dir);
        }
        settings.log_json |= self.log_json;
        Ok(settings.checked()?)
    }
}

fn from_file(file: &Path) -> Result<Settings> {
    let name = file.display().to_string();
    let unreadable =
        || format!("The settings in {name} cannot be read. Check the path and that this user may read it.");
    let size = std::fs::metadata(file).with_context(unreadable)?.len();
    if size > FILE_BYTES_MAX {
        bail!("{name} is {size} bytes long, which no file of settings is. Check the path.");
    }
    let text = std::fs::read_to_string(file).with_context(unreadable)?;
    Ok(Settings::from_file(&name, &text)?)
}

/// Where the key and certificates are kept.
///
/// # Errors
/// There is no such place.
pub(crate) fn data_dir(settings: &Settings) -> Result<PathBuf> {
    match &settings.data_dir {
        Some(folder) => Ok(folder.clone()),
        None => directories::ProjectDirs::from("", "", "parley-server")
            .map(|dirs| dirs.data_dir().to_owned())
            .context(
                "This user has no home folder to keep the server's key in. Choose a folder with --data-dir.",
            ),
    }
}
