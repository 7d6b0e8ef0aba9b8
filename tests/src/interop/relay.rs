//! Against coturn: calls through its relays and through ours, and its own clients against our server.

use super::{PATIENCE, check_ours};
use crate::harness::cli::{Cli, Wish};
use crate::harness::coturn::{Coturn, Exchanged, RelayClients, address_seen_by_stun};
use crate::harness::peers::project_folder;
use crate::harness::server::RealServer;
use crate::harness::tls_front::CertificateFiles;
use std::time::Duration;

/// Seconds of each call here.
const SECONDS: u32 = 5;
/// What coturn and our server have in common.
const SECRET: &str = "a secret between two servers";
/// On loopback alone, where it chooses its ports itself.
const LOOPBACK: &str = "listen = [\"127.0.0.1:0\"]\n[stun]\nlisten = [\"127.0.0.1:0\"]\n";

fn hidden(certificate: &CertificateFiles) -> Wish {
    Wish {
        seconds: SECONDS,
        trusts: Some(certificate.authority()),
        more: ["--relay-only", "--events"].map(str::to_owned).into(),
        ..Wish::default()
    }
}

/// Two that hide their addresses see and hear each other, by this way to the relay and no other.
fn check_hidden_call(server: &RealServer, certificate: &CertificateFiles, way: &str) {
    let wish = hidden(certificate);
    let host = Cli::host(Some(server.url()), &wish, None).unwrap();
    let guest = Cli::join(&host.link().unwrap(), &wish, None).unwrap();
    for endpoint in [&host, &guest] {
        check_ours(&endpoint.good_figures(PATIENCE).unwrap());
        endpoint.says(&format!("relay over {way} - "), PATIENCE).unwrap();
        let said = endpoint.last_words();
        assert!(!said.contains("host - ") && !said.contains("srflx - "), "{said}");
    }
}

/// The lines that `docs/operating.md` has for coturn, told where this one is.
fn lines_of_the_guide(servers: &[String]) -> String {
    let guide = std::fs::read_to_string(project_folder().join("docs/operating.md")).unwrap();
    let (_, lines) = guide
        .split_once("```toml\n[turn]\n")
        .expect("the guide's lines for coturn");
    let (lines, _) = lines.split_once("```").expect("the end of the guide's lines");
    assert_eq!(lines.lines().count(), 2, "{lines}");
    let told: String = lines
        .lines()
        .map(
            |line| match line.split_once(" = ").expect("a key and its value") {
                ("external", _) => format!("external = {servers:?}\n"),
                ("secret", _) => format!("secret = {SECRET:?}\n"),
                (key, _) => panic!("what is {key} in the guide's lines for coturn?"),
            },
        )
        .collect();
    format!("{LOOPBACK}[turn]\n{told}")
}

#[test]
fn two_that_hide_their_addresses_meet_through_our_relays() {
    let certificate = CertificateFiles::make().unwrap();
    let server = RealServer::start_with(LOOPBACK).unwrap();
    check_hidden_call(&server, &certificate, "udp");
}

#[test]
fn two_that_hide_their_addresses_meet_through_coturn_by_the_lines_of_the_guide() {
    let certificate = CertificateFiles::make().unwrap();
    let coturn = Coturn::start(SECRET, &certificate).unwrap();
    let over_udp = format!("turn:127.0.0.1:{}?transport=udp", coturn.port());
    let server = RealServer::start_with(&lines_of_the_guide(&[over_udp])).unwrap();
    check_hidden_call(&server, &certificate, "udp");
}

#[test]
#[ignore = "two more calls through coturn: in `test full`"]
fn two_that_hide_their_addresses_meet_through_coturn_over_tcp_and_tls() {
    let certificate = CertificateFiles::make().unwrap();
    let coturn = Coturn::start(SECRET, &certificate).unwrap();
    for (way, url) in [
        ("tcp", format!("turn:127.0.0.1:{}?transport=tcp", coturn.port())),
        ("tls", format!("turns:localhost:{}", coturn.tls_port())),
    ] {
        let server = RealServer::start_with(&lines_of_the_guide(&[url])).unwrap();
        check_hidden_call(&server, &certificate, way);
    }
}

#[test]
fn the_clients_of_coturn_are_content_with_our_server() {
    let certificate = CertificateFiles::make().unwrap();
    let tls = format!(
        "[tls]\ncertificate = {:?}\nkey = {:?}\n[turn]\nsecret = {SECRET:?}\n",
        certificate.certificate(),
        certificate.key()
    );
    let server = RealServer::start_with(&format!("{LOOPBACK}{tls}")).unwrap();
    let udp = server.udp_port().unwrap();
    // Plain TCP is understood at the port of TLS too.
    let (_, tcp) = server.url().rsplit_once(':').unwrap();
    let tcp: u16 = tcp.parse().unwrap();

    let seen = address_seen_by_stun(udp).unwrap();
    assert!(seen.starts_with("127.0.0.1:"), "{seen}");

    // All at once, for each takes its seconds.
    let ways: [(&str, u16, &[&str]); 3] = [
        ("udp", udp, &[]),
        ("tcp", tcp, &["-t"]),
        ("tls", tcp, &["-t", "-S"]),
    ];
    let running = ways.map(|(way, port, more)| (way, RelayClients::start(port, SECRET, more).unwrap()));
    let strangers = RelayClients::start(udp, "what they believe the secret to be", &[]).unwrap();
    let limit = Duration::from_secs(60);
    for (way, clients) in &running {
        let exchanged = clients.exchanged(limit).unwrap();
        let all = Exchanged {
            sent: 20,
            received: 20,
        };
        assert_eq!(exchanged, all, "over {way}");
    }
    let refused = strangers.exchanged(limit).unwrap_err().to_string();
    assert!(refused.contains("Cannot complete Allocation"), "{refused}");
}
