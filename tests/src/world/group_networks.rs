//! Three people in one room from behind networks of three kinds: whoever no datagram reaches sees and hears the others all the same, by
//! a relay or by a stream to the server.

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
const PLACES: [(&str, &str, Access); 3] = [
    ("Ada", "a home", Access::PortRestricted),
    ("Ben", "an office", Access::UdpBlocked),
    ("Cyd", "a hotel", Access::Tcp443Only),
];

#[test]
fn a_home_an_office_and_a_hotel_meet_in_a_group_through_relays() {
    let ways = meet("grp", "[sfu]\ntcp = false\n");
    for (way, expect) in ways.iter().zip(["host - ", "relay over ", "relay over "]) {
        assert!(way.starts_with(expect), "{ways:?}");
    }
}

/// Nobody set up a relay, and none is needed: media goes by the port that everything else goes by.
#[test]
fn a_home_an_office_and_a_hotel_meet_in_a_group_over_tcp() {
    let ways = meet("gtcp", "[turn]\nenabled = false\n");
    for (way, expect) in ways
        .iter()
        .zip(["host - ", "host over tcp - ", "host over tcp - "])
    {
        assert!(way.starts_with(expect), "{ways:?}");
    }
}

/// All three come, and see and hear each other; the way of each to the server, as they say themselves.
fn meet(prefix: &str, settings: &str) -> Vec<String> {
    let homes = ["a", "b", "c"].map(|name| Namespace::create(&format!("{prefix}-{name}")).unwrap());
    let middle = Namespace::create(&format!("{prefix}-server")).unwrap();
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
    for ((home, (.., access)), last) in homes.iter().zip(PLACES).zip(10..) {
        plugs.push(plug(home, access, last));
    }
    let _internet = Internet::connect(&plugs, &"delay=10".parse().unwrap()).unwrap();
    let certificate = CertificateFiles::make_for(&SERVER.to_string()).unwrap();
    let data = tempfile::tempdir().unwrap();
    let server =
        RealServer::start_public_with(settings, SERVER.into(), &certificate, data.path(), &middle).unwrap();
    let wish = |name: &str, seconds| Wish {
        video: "pattern:320x180".into(),
        seconds,
        trusts: Some(certificate.authority()),
        more: [
            "--name",
            name,
            "--look",
            "2",
            "--look-size",
            "320x180",
            "--events",
        ]
        .map(Into::into)
        .into(),
        ..Wish::default()
    };

    let host = Cli::host(Some(server.url()), &wish(PLACES[0].0, STAY), Some(&homes[0])).unwrap();
    let link = host.link().unwrap();
    let mut all = vec![host];
    for ((name, ..), home) in PLACES.iter().zip(&homes).skip(1) {
        sleep(Duration::from_secs(1));
        all.push(Cli::join(&link, &wish(name, STAY), Some(home)).unwrap());
    }
    let mut ways = Vec::new();
    for ((name, place, _), endpoint) in PLACES.iter().zip(&all) {
        let figures = endpoint.good_figures(PATIENCE).unwrap();
        let told = endpoint.told("way");
        let way = told
            .last()
            .and_then(|told| told["what"].as_str())
            .unwrap_or_default();
        eprintln!("{name} from {place}, {way}: {:?}", figures.values);
        for person in [1, 2] {
            let of = |metric: &str| figures.get(&format!("person {person} {metric}")).unwrap();
            assert!(of("pictures_shown") >= 60.0, "{name} from {place}, {person}");
            assert!(of("fps_shown") >= 8.0, "{name} from {place}, {person}");
            assert!(of("sound_packets") >= 100.0, "{name} from {place}, {person}");
            assert!(of("concealed_pct") <= 5.0, "{name} from {place}, {person}");
        }
        ways.push(way.to_owned());
    }
    ways
}
