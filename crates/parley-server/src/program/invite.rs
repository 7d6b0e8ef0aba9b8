//! `parley-server invite`: makes an invitation beside a server, running or not, and prints its link: the one thing on standard output.

use super::arguments::{Arguments, data_dir};
use super::words::urls;
use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use parley_proto::{Link, LinkSecret, Role, ServerAddress};
use parley_server::settings::Settings;
use parley_server::{DEFAULT_PORT, InvitationAsk, invite};
use std::io::Write as _;
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

/// What kind of invitation.
#[derive(Debug, Args)]
pub(crate) struct InviteArguments {
    /// Into the room of this link, which was made here before [default: a new room, entered by invitation only]
    #[arg(long, value_name = "LINK")]
    room: Option<String>,
    /// What who comes by it may do
    #[arg(long, value_enum, default_value_t = RoleArgument::Guest)]
    role: RoleArgument,
    /// For how long it is good: minutes, hours or days, such as 90m, 12h or 7d
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = time)]
    expires: Duration,
    /// How many may come in by it [default: any number]
    #[arg(long, value_name = "PEOPLE", value_parser = clap::value_parser!(u32).range(1..))]
    uses: Option<u32>,
    /// The address that people reach the server by, such as https://call.example.org [default: that of the link, else as the settings say]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RoleArgument {
    Guest,
    Host,
}

/// Makes it, and prints the link.
///
/// # Errors
/// A sentence with what to do.
pub(crate) fn run(arguments: &Arguments, ask: &InviteArguments) -> Result<()> {
    let settings = arguments.settings()?;
    let known: Option<Link> = ask.room.as_deref().map(str::parse).transpose()?;
    let server = match (&ask.server, &known) {
        (Some(url), _) => address(url)?,
        (None, Some(link)) => link.server.clone(),
        (None, None) => usual_address(&settings)?,
    };
    let made = invite(
        &data_dir(&settings)?,
        &InvitationAsk {
            room: known.as_ref().map(|link| link.room),
            role: match ask.role {
                RoleArgument::Guest => Role::Guest,
                RoleArgument::Host => Role::Host,
            },
            lasts: ask.expires,
            uses: ask.uses,
        },
    )?;
    // The people of one room have one secret.
    let secret = known.map_or_else(fresh_secret, |link| link.secret);
    let link = Link {
        server,
        room: made.room,
        secret,
        invitation: Some(made.token),
    };
    let uses = match ask.uses {
        None => "any number of people".to_owned(),
        Some(1) => "one person".to_owned(),
        Some(uses) => format!("{uses} people"),
    };
    eprintln!(
        "For {uses}, as {}. A server that runs knows it within a second. The link stands nowhere else: keep it as you would a key.",
        match ask.role {
            RoleArgument::Guest => "guests",
            RoleArgument::Host => "hosts",
        }
    );
    writeln!(std::io::stdout(), "{link}").context("the link could not be printed")
}

fn fresh_secret() -> LinkSecret {
    let mut bytes = [0; 16];
    rand::Rng::fill_bytes(&mut rand::rng(), &mut bytes);
    LinkSecret::from_bytes(bytes)
}

/// A server as a browser shows it: read as the beginning of a link, which it will be.
fn address(url: &str) -> Result<ServerAddress> {
    let room = "A".repeat(32);
    let secret = "A".repeat(22);
    let link: Result<Link, _> = format!("{}/r/{room}#{secret}", url.trim().trim_end_matches('/')).parse();
    match link {
        Ok(link) if url.trim().starts_with("http") => Ok(link.server),
        _ => bail!("--server takes an address as a browser shows it, such as https://call.example.org."),
    }
}

/// Where a server with these settings is reached, as it says when it starts.
fn usual_address(settings: &Settings) -> Result<ServerAddress> {
    let usual = |port| SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let secure = settings.domain.is_some() || settings.certificate.is_some();
    let at = settings
        .listen
        .first()
        .copied()
        .unwrap_or_else(|| usual(if secure { 443 } else { DEFAULT_PORT }));
    if let Some(domain) = &settings.domain {
        return Ok(ServerAddress::new(true, domain, at.port())?);
    }
    let scheme = if secure { "https" } else { "http" };
    let url = urls(scheme, at).into_iter().next();
    let url = url.context("No address of this machine was found. Say the server's with --server URL.")?;
    address(&url)
}

/// `90m`, `12h`, `7d`.
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || "write it as minutes, hours or days, such as 90m, 12h or 7d".to_owned();
    let (number, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(wrong)?;
    let seconds = match unit {
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    // `parse` would also take a sign.
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let seconds = number.checked_mul(seconds).filter(|seconds| *seconds > 0);
    seconds.map(Duration::from_secs).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_its_unit() {
        let check = |text: &str, seconds: Option<u64>| {
            assert_eq!(time(text).ok(), seconds.map(Duration::from_secs), "{text}");
        };
        check("90m", Some(5400));
        check("12h", Some(43_200));
        check("7d", Some(604_800));
        for wrong in [
            "",
            "7",
            "d",
            "0d",
            "-1d",
            "+1d",
            "1.5h",
            "7 d",
            "7w",
            "7ä",
            "99999999999999999999d",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn a_link_names_the_server_as_people_reach_it() {
        let check = |file: &str, expect: &str| {
            let settings = Settings::from_file("here.toml", file).unwrap();
            assert_eq!(usual_address(&settings).unwrap().to_string(), expect, "{file}");
        };
        check("domain = \"call.example.org\"\n", "https://call.example.org");
        check(
            "domain = \"call.example.org\"\nlisten = [\"[::]:8443\"]\n",
            "https://call.example.org:8443",
        );
        check("listen = [\"192.0.2.7:80\"]\n", "http://192.0.2.7");
        assert!(
            usual_address(&Settings::default())
                .unwrap()
                .to_string()
                .ends_with(":7788")
        );
        assert_eq!(
            address(" https://call.example.org:8443/ ").unwrap().to_string(),
            "https://call.example.org:8443"
        );
        for wrong in [
            "",
            "call.example.org",
            "parley://join",
            "ftp://a.example",
            "https://",
        ] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
