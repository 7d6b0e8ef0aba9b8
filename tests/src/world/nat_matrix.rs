//! Two endpoints behind every pair of networks, and a server on the internet between them: they see and hear each other, without
//! a relay wherever theory allows it. The table says by which way, and how long it took.

use crate::harness::cli::{Cli, Figures, Wish};
use crate::harness::internet::{Access, Internet, Plug};
use crate::harness::namespaces::Namespace;
use crate::harness::server::RealServer;
use crate::harness::tls_front::CertificateFiles;
use Access::{AddressRestricted, FullCone, Open, PortRestricted, Symmetric, Tcp443Only, UdpBlocked};
use anyhow::{Context as _, Result, ensure};
use std::fmt::{self, Write as _};
use std::net::Ipv4Addr;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(90);
const SERVER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// What everybody's packets take from the middle of the internet.
const LINE: &str = "delay=10";

/// Each kind of network once or more, and each kind of way.
const NAMED: [(&str, Access, Access); 8] = [
    ("a server's network and a home", Open, PortRestricted),
    ("two homes", PortRestricted, PortRestricted),
    ("two easy NATs", FullCone, AddressRestricted),
    ("a mobile network and an easy NAT", Symmetric, AddressRestricted),
    ("a mobile network and a home", Symmetric, PortRestricted),
    ("two mobile networks", Symmetric, Symmetric),
    ("a home and an office", PortRestricted, UdpBlocked),
    ("an office and a hotel", UdpBlocked, Tcp443Only),
];

/// One side's way, as it says itself.
#[derive(Debug)]
struct Way {
    /// In RFC 8839's words, such as `relay over tls - srflx`.
    words: String,
    connected_ms: f64,
    fps: f64,
}

impl Way {
    fn of(cli: &Cli) -> Result<Self> {
        let figures = cli.good_figures(PATIENCE)?;
        let told = cli.told("way");
        let words = told.last().and_then(|told| told["what"].as_str());
        let way = Self {
            words: words.context("it told no way")?.to_owned(),
            connected_ms: figures.get("connected_ms")?,
            fps: figures.get("fps_shown")?,
        };
        way.check(&figures)?;
        Ok(way)
    }

    /// Not only did something come: it moved, and could be heard.
    fn check(&self, figures: &Figures) -> Result<()> {
        ensure!(self.fps >= 5.0, "{} pictures a second", self.fps);
        let loudest = figures.get("sound_level_db")?;
        ensure!(loudest > -50.0, "their sound came at {loudest} dB");
        Ok(())
    }

    /// Whether it is a stream between the two.
    fn is_stream(&self) -> bool {
        self.words.starts_with("host over tcp - ")
    }

    /// How this side reaches its relay, if its end of the way is one.
    fn relay(&self) -> Option<&str> {
        let own = self.words.split(" - ").next()?;
        own.strip_prefix("relay over ")
            .or((own == "relay").then_some("udp"))
    }
}

/// What one pair came to.
#[derive(Debug)]
struct Met {
    networks: [Access; 2],
    ways: [Way; 2],
}

impl Met {
    fn try_it(one: Access, other: Access, certificate: &CertificateFiles) -> Result<Self> {
        let names = ["nat-a", "nat-b", "nat-server"];
        let [a, b, middle] = names.map(Namespace::create);
        let (a, b, middle) = (a?, b?, middle?);
        let plug = |namespace, access, last| Plug {
            namespace,
            interface: "net0",
            access,
            outer: Ipv4Addr::new(198, 51, 100, last),
            // All homes look alike: what one side calls itself leads the other one astray, or nowhere.
            inner: Ipv4Addr::new(192, 168, 1, last),
        };
        let server = Plug {
            outer: SERVER,
            ..plug(&middle, Open, 1)
        };
        let plugs = [plug(&a, one, 10), plug(&b, other, 20), server];
        let _internet = Internet::connect(&plugs, &LINE.parse()?)?;

        let data = tempfile::tempdir()?;
        let server = RealServer::start_public(SERVER.into(), certificate, data.path(), &middle)?;
        let wish = Wish {
            video: "pattern:320x180".into(),
            seconds: 4,
            trusts: Some(certificate.authority()),
            more: vec!["--events".into()],
            ..Wish::default()
        };
        let host = Cli::host(Some(server.url()), &wish, Some(&a))?;
        let guest = Cli::join(&host.link()?, &wish, Some(&b))?;
        Ok(Self {
            networks: [one, other],
            ways: [
                Way::of(&host).context("the host")?,
                Way::of(&guest).context("the guest")?,
            ],
        })
    }

    /// Whether it went as theory says: direct if it can be, by a stream only where datagrams do not pass; else a relay, over UDP
    /// where that passes and over a stream elsewhere.
    fn check(&self) -> Result<()> {
        let relays = self.ways.each_ref().map(Way::relay);
        let is_direct = relays == [None, None];
        let [one, other] = self.networks;
        let by_stream = one.streams_to(other);
        let reaches = one.reaches(other) || by_stream;
        ensure!(
            is_direct == reaches,
            "{} is theirs",
            if reaches { "a direct way" } else { "no direct way" }
        );
        for way in &self.ways {
            ensure!(
                way.is_stream() == by_stream,
                "\"{}\" where datagrams {}pass",
                way.words,
                if by_stream { "do not " } else { "" }
            );
        }
        for (network, relay) in self.networks.into_iter().zip(relays) {
            let right = match relay {
                None => network.has_udp() || by_stream,
                Some(transport) => network.has_udp() == (transport == "udp"),
            };
            ensure!(right, "from a network of the kind \"{network}\" by {relay:?}");
        }
        Ok(())
    }

    fn connected_ms(&self) -> f64 {
        self.ways[0].connected_ms.max(self.ways[1].connected_ms)
    }

    /// For a table of many: how, and after how long.
    fn in_short(&self) -> String {
        let relays: Vec<&str> = self.ways.iter().filter_map(Way::relay).collect();
        let how = match &relays[..] {
            [] if self.ways[0].is_stream() => "direct over TCP".to_owned(),
            [] => "direct".to_owned(),
            relays => format!("relay by {}", relays.join(" and ")),
        };
        format!("{how}, {:.0} ms", self.connected_ms())
    }
}

/// A row of the long table.
impl fmt::Display for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([one, other], [there, back]) = (self.networks, &self.ways);
        write!(
            f,
            "| {one:18} | {other:18} | {:24} | {:24} | {:5.0} ms | {:2.0}, {:2.0} |",
            there.words,
            back.words,
            self.connected_ms(),
            there.fps,
            back.fps
        )
    }
}

/// Tries them all and prints each; gives what they came to, and everything that was not as it should be.
fn try_all(pairs: impl IntoIterator<Item = (Access, Access)>) -> (Vec<Met>, String) {
    let certificate = CertificateFiles::make_for(&SERVER.to_string()).unwrap();
    let (mut all, mut faults) = (Vec::new(), String::new());
    eprintln!("| one | other | their way | and back | connected after | pictures a second |");
    eprintln!("|---|---|---|---|---|---|");
    for (one, other) in pairs {
        let met = Met::try_it(one, other, &certificate).and_then(|met| {
            eprintln!("{met}");
            met.check().map(|()| met)
        });
        match met {
            Ok(met) => all.push(met),
            Err(error) => {
                eprintln!("| {one:18} | {other:18} | failed: {error} |");
                let _ = writeln!(faults, "{one} and {other}: {error:#}");
            }
        }
    }
    (all, faults)
}

/// The table of `docs/networks.md`: a row for each network of who waits, a column for each of who comes.
fn square(all: &[Met]) -> String {
    let cell = |one, other| {
        let met = all.iter().find(|met| met.networks == [one, other]);
        met.map_or_else(|| "failed".to_owned(), Met::in_short)
    };
    let heads = Access::ALL.map(|access| access.to_string());
    let mut square = format!(
        "| | {} |\n|---{}|\n",
        heads.join(" | "),
        "|---".repeat(heads.len())
    );
    for (one, head) in Access::ALL.into_iter().zip(heads) {
        let cells = Access::ALL.map(|other| cell(one, other));
        let _ = writeln!(square, "| {head} | {} |", cells.join(" | "));
    }
    square
}

#[test]
fn eight_named_pairs_connect_as_theory_says() {
    for (name, one, other) in NAMED {
        eprintln!("{name}: {one} and {other}");
    }
    let (_, faults) = try_all(NAMED.map(|(_, one, other)| (one, other)));
    assert!(faults.is_empty(), "{faults}");
}

#[test]
#[ignore = "rare: forty-nine calls, ten minutes"]
fn all_pairs_connect_as_theory_says() {
    let all = Access::ALL;
    let (met, faults) = try_all(all.into_iter().flat_map(|one| all.map(|other| (one, other))));
    eprintln!("{}", square(&met));
    assert!(faults.is_empty(), "{faults}");
}
