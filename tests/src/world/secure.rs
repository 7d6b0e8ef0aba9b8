//! A server behind TLS, as on the internet: certificates are checked, against the authorities that this computer trusts.

use crate::harness::cli::{Cli, Wish};
use crate::harness::server::RealServer;
use crate::harness::tls_front::{Certificate, TlsFront};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

fn front(server: &RealServer, certificate: Certificate) -> TlsFront {
    let address = server.url().trim_start_matches("http://").parse().unwrap();
    TlsFront::start(address, certificate).unwrap()
}

#[test]
fn a_call_is_made_through_a_server_behind_tls() {
    let server = RealServer::start().unwrap();
    let front = front(&server, Certificate::Good);
    let wish = Wish {
        seconds: 3,
        trusts: Some(front.authority().to_owned()),
        ..Wish::default()
    };
    let host = Cli::host(Some(&front.url()), &wish, None).unwrap();
    let link = host.link().unwrap();
    assert!(link.starts_with(&front.url()), "{link}");
    let guest = Cli::join(&link, &wish, None).unwrap();
    for endpoint in [&host, &guest] {
        let fps = endpoint.good_figures(PATIENCE).unwrap().get("fps_shown").unwrap();
        assert!(fps > 15.0, "{fps} pictures a second");
    }
}

#[test]
fn a_server_with_a_bad_certificate_is_not_talked_to() {
    let server = RealServer::start().unwrap();
    let attempts = [
        (Certificate::Good, false),
        (Certificate::Expired, true),
        (Certificate::OfAnother, true),
    ]
    .map(|(certificate, is_trusted)| {
        let front = front(&server, certificate);
        let wish = Wish {
            trusts: is_trusted.then(|| front.authority().to_owned()),
            ..Wish::default()
        };
        let host = Cli::host(Some(&front.url()), &wish, None).unwrap();
        (certificate, host, front)
    });
    for (certificate, host, _front) in &attempts {
        if let Err(error) = host.says("certificate is not good", PATIENCE) {
            panic!("{certificate:?}: {error:#}");
        }
        host.wait(PATIENCE).unwrap();
        assert_eq!(host.succeeded(), Some(false), "{certificate:?}");
    }
}
