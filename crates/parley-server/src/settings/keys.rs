//! Every key of the settings. What is not here does not exist: not in the file, not in the environment, not in the example.

use super::Settings;
use super::value::{Taken, Value};
use std::fmt::Display;
use std::path::PathBuf;

/// One key.
pub(super) struct Key {
    /// With its section: `turn.lan`.
    pub(super) name: &'static str,
    /// For the example; each line becomes a comment.
    pub(super) about: &'static str,
    /// What could stand there, in TOML.
    pub(super) for_example: &'static str,
    /// What stands there when nothing does, in TOML; `None` where the server decides by itself.
    pub(super) usual: fn(&Settings) -> Option<String>,
    pub(super) take: fn(&mut Settings, &Value<'_>) -> Taken<()>,
}

impl Key {
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// What it is called in the environment, without the beginning that all have.
    pub(super) fn in_environment(&self) -> String {
        self.name.replace('.', "_").to_ascii_uppercase()
    }
}

/// The known one that looks most like `name`, if any does.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let known = KEYS.iter().map(|key| key.name);
    // Right but in the wrong section is the most frequent mistake.
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let distance = |key: &str| {
        let whole = strsim::damerau_levenshtein(key, name);
        if last(key) == last(name) {
            whole.min(1)
        } else {
            whole
        }
    };
    known
        .map(|key| (distance(key), key))
        .min()
        .filter(|(distance, key)| *distance <= 2.max(key.len() / 3))
        .map(|(_, key)| key)
}

fn shown(value: impl Display) -> Option<String> {
    Some(value.to_string())
}

const fn decided_by_itself(_: &Settings) -> Option<String> {
    None
}

fn path(value: &Value<'_>) -> Taken<Option<PathBuf>> {
    Ok(value.text()?.map(PathBuf::from))
}

fn webhook_url(value: &Value<'_>) -> Taken<Option<String>> {
    match value.text()? {
        Some(url) if !crate::webhook::is_address(&url) => {
            Err("It takes https://HOST/PATH, or http:// on your own network, in quotes.".to_owned())
        }
        url => Ok(url),
    }
}

fn webhook_secret(value: &Value<'_>) -> Taken<Option<String>> {
    match value.text()? {
        Some(secret) if secret.len() < crate::webhook::SECRET_BYTES_MIN => Err(format!(
            "It takes at least {} characters, best random ones: `openssl rand -base64 24` makes some.",
            crate::webhook::SECRET_BYTES_MIN
        )),
        secret => Ok(secret),
    }
}

/// A key whose value goes into the field of that name.
macro_rules! key {
    ($name:literal, $about:literal, $example:literal, $usual:expr, $field:ident, $read:expr) => {
        Key {
            name: $name,
            about: $about,
            for_example: $example,
            usual: $usual,
            take: |settings, value| {
                let read: fn(&Value<'_>) -> Taken<_> = $read;
                settings.$field = read(value)?;
                Ok(())
            },
        }
    };
}

const ADDRESSES: &str = "\"[::]:7788\"";

/// In the order of the example: first what has no section, then section by section.
pub(super) const KEYS: &[Key] = &[
    key!(
        "domain",
        "The name under which the internet reaches this server. It makes it a production server: HTTPS on port 443 with a\ncertificate of that name, STUN and TURN on UDP 3478 and 443, and port 80 sends browsers to HTTPS.",
        "\"call.example.org\"",
        decided_by_itself,
        domain,
        |value| value.host()
    ),
    key!(
        "names",
        "Other names that browsers may ask for this server by, such as that of a reverse proxy. Its addresses, its domain, the\nmachine's own name and names that only a local network knows (.local, .lan and the like) are known anyway.",
        "[\"call.example.org\"]",
        decided_by_itself,
        names,
        |value| value.hosts()
    ),
    key!(
        "listen",
        "TCP addresses for clients. [::] takes IPv4 too. Without a domain [::]:7788, plain; with one [::]:443, TLS.",
        "[\"[::]:7788\"]",
        decided_by_itself,
        listen,
        |value| value.list(ADDRESSES)
    ),
    key!(
        "data_dir",
        "Where the server's key and its certificates are kept, so that links outlive a restart. Usually the system's place for\na user's program data.",
        "\"/var/lib/parley-server\"",
        decided_by_itself,
        data_dir,
        path
    ),
    key!(
        "user",
        "Started as root: become this user once the ports are bound (Linux).",
        "\"parley\"",
        decided_by_itself,
        user,
        |value| value.text()
    ),
    key!(
        "drain_seconds",
        "After SIGTERM no new calls begin; those that go on are waited for this long.",
        "600",
        |settings| shown(settings.drain_seconds),
        drain_seconds,
        |value| value.number(0..=86_400)
    ),
    key!(
        "metrics_token",
        "/metrics answers whoever says `Authorization: Bearer` and this. Without a token it answers this machine only.",
        "\"a long random text\"",
        decided_by_itself,
        metrics_token,
        |value| value.text()
    ),
    key!(
        "tls.certificate",
        "A certificate of your own, PEM with its chain, instead of one from Let's Encrypt. Read again when it changes.",
        "\"/etc/parley/fullchain.pem\"",
        decided_by_itself,
        certificate,
        path
    ),
    key!(
        "tls.key",
        "Its key, PEM.",
        "\"/etc/parley/privkey.pem\"",
        decided_by_itself,
        certificate_key,
        path
    ),
    key!(
        "tls.acme_contact",
        "Whom the authority writes to when something is wrong with the certificate.",
        "\"admin@example.org\"",
        decided_by_itself,
        acme_contact,
        |value| value.text()
    ),
    key!(
        "tls.acme_directory",
        "Another authority than Let's Encrypt that speaks ACME.",
        "\"https://acme.example.org/directory\"",
        decided_by_itself,
        acme_directory,
        |value| value.text()
    ),
    key!(
        "tls.own",
        "Without a domain: HTTPS with a certificate that the server makes itself, because browsers give camera and microphone\nto HTTPS only. Browsers warn of it once.",
        "true",
        |settings| shown(settings.own_https_on),
        own_https_on,
        |value| value.switch()
    ),
    key!(
        "tls.own_listen",
        "Where that is; [::]:7789 if neither this nor listen says anything.",
        "[\"[::]:7789\"]",
        decided_by_itself,
        own_https,
        |value| value.list("\"[::]:7789\"")
    ),
    key!(
        "stun.enabled",
        "Tell clients by which address the internet sees them. Without it there are no relays either.",
        "true",
        |settings| shown(settings.stun),
        stun,
        |value| value.switch()
    ),
    key!(
        "stun.listen",
        "UDP addresses of STUN and TURN. [::]:3478, and with a domain [::]:443 too.",
        "[\"[::]:3478\"]",
        decided_by_itself,
        udp,
        |value| value.list("\"[::]:3478\"")
    ),
    key!(
        "turn.enabled",
        "Relay sound and pictures (encrypted from end to end) for those whom no direct way reaches.",
        "true",
        |settings| shown(settings.turn),
        turn,
        |value| value.switch()
    ),
    key!(
        "turn.external",
        "Another TURN server, such as coturn with use-auth-secret, instead of this one.",
        "[\"turn:turn.example.org:3478?transport=udp\", \"turns:turn.example.org:5349\"]",
        |_| shown("[]"),
        turn_external,
        |value| value.list("\"turn:turn.example.org:3478\"")
    ),
    key!(
        "turn.secret",
        "What credentials are made with; coturn's static-auth-secret. Usually derived from the server's key.",
        "\"a long random text\"",
        decided_by_itself,
        turn_secret,
        |value| value.text()
    ),
    key!(
        "turn.public",
        "The public addresses of relays, where the machine itself has others (a cloud's 1:1 NAT). At most one of IPv4 and one of\nIPv6.",
        "[\"203.0.113.7\"]",
        |_| shown("[]"),
        turn_public,
        |value| value.list("\"203.0.113.7\"")
    ),
    key!(
        "turn.ports",
        "The UDP ports of relays: open them in the firewall.",
        "\"49152-65535\"",
        |settings| shown(format_args!(
            "\"{}-{}\"",
            settings.turn_ports.start(),
            settings.turn_ports.end()
        )),
        turn_ports,
        |value| value.ports()
    ),
    key!(
        "turn.lan",
        "Relay to private networks too (10.0.0.0/8, 192.168.0.0/16, fd00::/8 and the like). For servers inside an office only.",
        "false",
        |settings| shown(settings.turn_lan),
        turn_lan,
        |value| value.switch()
    ),
    key!(
        "turn.networks",
        "Relay to these networks too.",
        "[\"10.1.0.0/16\"]",
        |_| shown("[]"),
        turn_networks,
        |value| value.list("\"10.1.0.0/16\"")
    ),
    key!(
        "turn.relays_max",
        "Relays at once.",
        "8192",
        |settings| shown(settings.turn_relays_max),
        turn_relays_max,
        |value| value.number(1..=1_000_000)
    ),
    key!(
        "turn.kbit_s_max",
        "What one relay may carry, both directions together.",
        "20000",
        |settings| shown(settings.turn_kbit_s_max),
        turn_kbit_s_max,
        |value| value.number(64..=10_000_000)
    ),
    key!(
        "sfu.enabled",
        "Let rooms have more than two people. From the third on, their sound and pictures go through this server, encrypted on\neach way but not from end to end.",
        "true",
        |settings| shown(settings.sfu),
        sfu,
        |value| value.switch()
    ),
    key!(
        "sfu.port",
        "The UDP port of that: open it in the firewall. With more threads, the ports after it too.",
        "3479",
        |settings| shown(settings.sfu_port),
        sfu_port,
        |value| value.number(1..=65_535)
    ),
    key!(
        "sfu.tcp",
        "Let those whom no datagram reaches come over TCP, at the port of the pages and everything else. A proxy in front that\nends TLS lets nobody through by it: then relays help, at a port of their own.",
        "true",
        |settings| shown(settings.sfu_tcp),
        sfu_tcp,
        |value| value.switch()
    ),
    key!(
        "sfu.threads",
        "Threads; a room lives on one of them.",
        "1",
        |settings| shown(settings.sfu_threads),
        sfu_threads,
        |value| value.number(1..=64)
    ),
    key!(
        "sfu.public",
        "The public addresses it is reached by, where the machine itself has others (a cloud's 1:1 NAT). Usually those of\nturn.public.",
        "[\"203.0.113.7\"]",
        |_| shown("[]"),
        sfu_public,
        |value| value.list("\"203.0.113.7\"")
    ),
    key!(
        "sfu.participants",
        "People who may speak in one room.",
        "50",
        |settings| shown(settings.sfu_participants_max),
        sfu_participants_max,
        |value| value.number(3..=150)
    ),
    key!(
        "sfu.listeners",
        "People who only listen in one room, beside those who may speak.",
        "500",
        |settings| shown(settings.sfu_listeners_max),
        sfu_listeners_max,
        |value| value.number(0..=1000)
    ),
    key!(
        "sfu.listen_from",
        "From so many people in a room on, whoever comes only listens, until a host lets them speak: 1 is everybody who comes,\n0 nobody. Hosts may say otherwise for their room.",
        "0",
        |settings| shown(settings.sfu_listen_from),
        sfu_listen_from,
        |value| value.number(0..=1000)
    ),
    key!(
        "webhook.url",
        "Where a program of yours is told what happens in rooms, one POST each (docs/admin-api.md).",
        "\"https://hooks.example.org/parley\"",
        decided_by_itself,
        webhook_url,
        webhook_url
    ),
    key!(
        "webhook.secret",
        "What these are signed with; at least 16 characters. Keep this file from being read by others.",
        "\"a long random text\"",
        decided_by_itself,
        webhook_secret,
        webhook_secret
    ),
    key!(
        "webhook.ca",
        "A PEM file with the authority of your own that certifies the program at webhook.url. It is trusted there instead of those\nof the web.",
        "\"/etc/parley/ca.pem\"",
        decided_by_itself,
        webhook_ca,
        path
    ),
    key!(
        "limits.connections",
        "Connections at once; more are turned away.",
        "8192",
        |settings| shown(settings.connections_max),
        connections_max,
        |value| value.number(1..=1_000_000)
    ),
    key!(
        "limits.participants",
        "People at once, those away included.",
        "8192",
        |settings| shown(settings.participants_max),
        participants_max,
        |value| value.number(1..=1_000_000)
    ),
    key!(
        "limits.header_seconds",
        "How long a connection may take to say what it wants.",
        "10",
        |settings| shown(settings.header_seconds),
        header_seconds,
        |value| value.number(1..=120)
    ),
    key!(
        "log.json",
        "Write the log as JSON, one object a line.",
        "false",
        |settings| shown(settings.log_json),
        log_json,
        |value| value.switch()
    ),
];
