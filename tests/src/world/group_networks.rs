//! Three people in one room from behind networks of three kinds: whoever no datagram reaches sees and hears the others all the same.

use crate::harness::cli::{Cli, Wish};
use crate::harness::internet::{Access, Internet, Plug};
use crate::harness::namespaces::Namespace;
use crate::harness::server::RealServer;
use crate::harness::tls_front::CertificateFiles;
use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(90);
const SERVER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// Long enough for all to have come by the slowest way, and to look at each other for a while.
const STAY: u32 = 20;

#[test]
fn a_home_an_office_and_a_hotel_meet_in_a_group() {
    let places = [
        ("Ada", "a home", Access::PortRestricted),
        ("Ben", "an office", Access::UdpBlocked),
        ("Cyd", "a hotel", Access::Tcp443Only),
    ];
    let homes = ["grp-a", "grp-b", "grp-c"].map(|name| Namespace::create(name).unwrap());
    let middle = Namespace::create("grp-server").unwrap();
    let plug = |namespace, access, last| Plug {
        namespace,
        interface: "net0",
        access,
        outer: Ipv4Addr::new(198, 51, 100, last),
        inner: Ipv4Addr::new(192, 168, 1, last),
    };
    let mut plugs = vec![Plug {
        outer: SERVER,
        ..plug(&middle, Access::Open, 1)
    }];
    for ((home, (.., access)), last) in homes.iter().zip(places).zip(10..) {
        plugs.push(plug(home, access, last));
    }
    let _internet = Internet::connect(&plugs, &"delay=10".parse().unwrap()).unwrap();
    let certificate = CertificateFiles::make_for(&SERVER.to_string()).unwrap();
    let data = tempfile::tempdir().unwrap();
    let server = RealServer::start_public(SERVER.into(), &certificate, data.path(), &middle).unwrap();
    let wish = |name: &str, seconds| Wish {
        video: "pattern:320x180".into(),
        seconds,
        trusts: Some(certificate.authority()),
        more: ["--name", name, "--look", "2", "--look-size", "320x180"]
            .map(Into::into)
            .into(),
        ..Wish::default()
    };

    let host = Cli::host(Some(server.url()), &wish(places[0].0, STAY), Some(&homes[0])).unwrap();
    let link = host.link().unwrap();
    let mut all = vec![host];
    for ((name, ..), home) in places.iter().zip(&homes).skip(1) {
        sleep(Duration::from_secs(1));
        all.push(Cli::join(&link, &wish(name, STAY), Some(home)).unwrap());
    }
    for ((name, place, _), endpoint) in places.iter().zip(&all) {
        let figures = endpoint.good_figures(PATIENCE).unwrap();
        eprintln!("{name} from {place}: {:?}", figures.values);
        for person in [1, 2] {
            let of = |metric: &str| figures.get(&format!("person {person} {metric}")).unwrap();
            assert!(of("pictures_shown") >= 60.0, "{name} from {place}, {person}");
            assert!(of("fps_shown") >= 8.0, "{name} from {place}, {person}");
            assert!(of("sound_packets") >= 100.0, "{name} from {place}, {person}");
            assert!(of("concealed_pct") <= 5.0, "{name} from {place}, {person}");
        }
    }
}
