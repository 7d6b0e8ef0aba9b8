//! What an operator says: one TOML file, the environment over it, the command line over that.
//!
//! | file | what |
//! |---|---|
//! | `keys` | every key: its name, what it means, what it takes. The example and the environment are made of this table |
//! | `value` | a value, wherever it came from |
//! | `read` | the file: which line and key a mistake is in, and what would be right |
//! | `example` | a documented file that says what is so anyway |
//! | `external` | somebody else's TURN server |
//! | `plan` | what to start, of all that |
//!
//! Plain values: reads no file and no variable itself, so that a wrong one changes nothing.

mod example;
mod external;
mod keys;
mod plan;
mod read;
#[cfg(test)]
mod tests;
mod value;

pub use example::example;
pub use external::{ExternalTurn, ParseExternalTurnError};
pub use read::{Mistake, Mistakes};

use crate::config::DEFAULT_SFU_PORT;
use crate::turn::Subnet;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// Where a file is looked for when none is named.
pub const DEFAULT_FILE: &str = "/etc/parley-server.toml";
/// What the names of environment variables begin with: `turn.lan` is `PARLEY_SERVER_TURN_LAN`.
pub const ENVIRONMENT_PREFIX: &str = "PARLEY_SERVER_";

/// Everything an operator may say. What is empty or `None` was left to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The server's name in public. It makes the server a production one: HTTPS on 443 with a certificate of that name.
    pub domain: Option<String>,
    /// Other names that browsers may ask for it by.
    pub names: Vec<String>,
    /// TCP addresses. Without a domain: plain HTTP on 7788; with one: HTTPS on 443.
    pub listen: Vec<SocketAddr>,
    /// TCP addresses for HTTPS with a certificate of the server's own; only without a domain.
    pub own_https: Vec<SocketAddr>,
    /// Whether there is such an address at all.
    pub own_https_on: bool,
    /// Where the key and certificates are kept.
    pub data_dir: Option<PathBuf>,
    /// Who to be once the ports are bound (Linux).
    pub user: Option<String>,
    /// How long calls are waited for after SIGTERM, in seconds.
    pub drain_seconds: u64,
    /// What `/metrics` asks for; without one it answers this machine only.
    pub metrics_token: Option<String>,
    /// The chain of certificates, PEM.
    pub certificate: Option<PathBuf>,
    /// The key of the first of them, PEM.
    pub certificate_key: Option<PathBuf>,
    /// Whom the authority writes to, without `mailto:`.
    pub acme_contact: Option<String>,
    /// Another authority than Let's Encrypt.
    pub acme_directory: Option<String>,
    /// Whether STUN is answered over UDP.
    pub stun: bool,
    /// UDP addresses of STUN and TURN.
    pub udp: Vec<SocketAddr>,
    /// Whether there are relays.
    pub turn: bool,
    /// TURN servers of somebody else (coturn) instead of our own.
    pub turn_external: Vec<ExternalTurn>,
    /// What credentials are made with, where that server has to know it too.
    pub turn_secret: Option<String>,
    /// The addresses under which relays are reached, when the machine does not have them itself (behind a 1:1 NAT).
    pub turn_public: Vec<IpAddr>,
    /// The UDP ports of relays.
    pub turn_ports: RangeInclusive<u16>,
    /// Whether private networks may be relayed to.
    pub turn_lan: bool,
    /// Networks that may be relayed to besides.
    pub turn_networks: Vec<Subnet>,
    /// Relays at once.
    pub turn_relays_max: u32,
    /// What one relay may carry, in kbit/s, both directions together.
    pub turn_kbit_s_max: u64,
    /// Whether rooms may have more than two people, whose media goes through the server.
    pub sfu: bool,
    /// The UDP port of that; further threads have the ports after it.
    pub sfu_port: u16,
    /// Whether it is reached over TCP too, at the port of everything else.
    pub sfu_tcp: bool,
    /// Threads.
    pub sfu_threads: u16,
    /// The addresses under which it is reached, when the machine does not have them itself.
    pub sfu_public: Vec<IpAddr>,
    /// People who may speak in one room.
    pub sfu_participants_max: usize,
    /// People who only listen in one room, beside those.
    pub sfu_listeners_max: usize,
    /// From so many people on newcomers listen, where hosts say nothing of it; 0: never.
    pub sfu_listen_from: u16,
    /// Whom to tell what happens in rooms.
    pub webhook_url: Option<String>,
    /// What that is signed with.
    pub webhook_secret: Option<String>,
    /// The authorities that are trusted there instead of those of the web, PEM.
    pub webhook_ca: Option<PathBuf>,
    /// Connections at once.
    pub connections_max: usize,
    /// People at once.
    pub participants_max: usize,
    /// How long a connection may take to say what it wants, in seconds.
    pub header_seconds: u64,
    /// Whether the log is JSON.
    pub log_json: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            domain: None,
            names: Vec::new(),
            listen: Vec::new(),
            own_https: Vec::new(),
            own_https_on: true,
            data_dir: None,
            user: None,
            drain_seconds: 60,
            metrics_token: None,
            certificate: None,
            certificate_key: None,
            acme_contact: None,
            acme_directory: None,
            stun: true,
            udp: Vec::new(),
            turn: true,
            turn_external: Vec::new(),
            turn_secret: None,
            turn_public: Vec::new(),
            turn_ports: 49_152..=65_535,
            turn_lan: false,
            turn_networks: Vec::new(),
            turn_relays_max: 8192,
            turn_kbit_s_max: 20_000,
            sfu: true,
            sfu_port: DEFAULT_SFU_PORT,
            sfu_tcp: true,
            sfu_threads: 1,
            sfu_public: Vec::new(),
            sfu_participants_max: 50,
            sfu_listeners_max: 500,
            sfu_listen_from: 0,
            webhook_url: None,
            webhook_secret: None,
            webhook_ca: None,
            connections_max: 8192,
            participants_max: 8192,
            header_seconds: 10,
            log_json: false,
        }
    }
}

impl Settings {
    /// What a file says, over what is so anyway. `name` is what the file is called in a mistake.
    ///
    /// # Errors
    /// All mistakes in it, each with its line, its key and what would be right.
    pub fn from_file(name: &str, text: &str) -> Result<Self, Mistakes> {
        let mut settings = Self::default();
        let mistakes = read::read(name, text, &mut settings);
        settings.or(mistakes)
    }

    /// The same with what the environment says over it; variables with another beginning are nobody's business.
    ///
    /// # Errors
    /// All mistakes, each with its variable.
    pub fn with_environment(
        mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Mistakes> {
        let mut mistakes = Vec::new();
        for (name, text) in variables {
            if name.starts_with(ENVIRONMENT_PREFIX) {
                mistakes.extend(read::variable(&name, &text, &mut self));
            }
        }
        self.or(mistakes)
    }

    /// The same if its parts fit together.
    ///
    /// # Errors
    /// What does not.
    pub fn checked(self) -> Result<Self, Mistakes> {
        let mut mistakes = Vec::new();
        let mut wrong = |key: &str, says: &str| mistakes.push(Mistake::of_key(key, says));
        if self.certificate.is_some() != self.certificate_key.is_some() {
            wrong(
                "tls.certificate",
                "A certificate and its key belong together: set both tls.certificate and tls.key, or neither.",
            );
        }
        if self.domain.is_none() && (self.acme_contact.is_some() || self.acme_directory.is_some()) {
            wrong(
                "domain",
                "An authority certifies a name: set domain, or take the keys of tls.acme out.",
            );
        }
        if !self.turn_external.is_empty() && self.turn_secret.is_none() {
            wrong(
                "turn.secret",
                "Credentials for another TURN server are made with its secret: set turn.secret to the same as its static-auth-secret.",
            );
        }
        if self.turn_ports.contains(&3478) {
            wrong(
                "turn.ports",
                "The ports of relays must not hold port 3478, which is STUN's own. Leave the usual 49152-65535.",
            );
        }
        if self.webhook_url.is_some() && self.webhook_secret.is_none() {
            wrong(
                "webhook.secret",
                "What is told to webhook.url is signed, so that nobody else can tell it: set webhook.secret too.",
            );
        }
        if self.webhook_secret.is_some() && self.webhook_url.is_none() {
            wrong(
                "webhook.url",
                "There is a secret for webhooks and no address: set webhook.url, or take webhook.secret out.",
            );
        }
        if self.webhook_ca.is_some()
            && !self
                .webhook_url
                .as_ref()
                .is_some_and(|url| url.starts_with("https:"))
        {
            wrong(
                "webhook.ca",
                "Authorities are asked for over TLS only: set webhook.url to an https:// address, or take webhook.ca out.",
            );
        }
        self.or(mistakes)
    }

    fn or(self, mistakes: Vec<Mistake>) -> Result<Self, Mistakes> {
        if mistakes.is_empty() {
            Ok(self)
        } else {
            Err(Mistakes(mistakes))
        }
    }
}
