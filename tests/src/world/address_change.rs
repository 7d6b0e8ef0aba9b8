//! The network under a call changes: one interface is pulled, another one comes. Both sides go on hearing and seeing each other
//! after less than a sentence; where the other one comes first, without a word being lost.

use crate::harness::cli::{Cli, Wish};
use crate::harness::internet::{Access, Internet, Plug};
use crate::harness::namespaces::Namespace;
use crate::harness::server::RealServer;
use crate::harness::sound::{RATE, longest_gap, read_wav, rms};
use crate::harness::tls_front::CertificateFiles;
use Access::{Open, PortRestricted, Symmetric, UdpBlocked};
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(90);
const SERVER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// Seconds of call.
const CALL_S: u32 = 18;
/// Seconds of it before the change.
const BEFORE_S: u64 = 6;
/// What the product promises.
const SOUND_GAP_MAX: Duration = Duration::from_millis(1_500);
const PICTURE_GAP_MS_MAX: f64 = 3_000.0;
/// The same where both networks are there for a while: sound waits for a jitter buffer, pictures for a key frame.
const BESIDE_SOUND_GAP_MAX: Duration = Duration::from_millis(250);
const BESIDE_PICTURE_GAP_MS_MAX: f64 = 1_000.0;
/// For so long.
const BOTH: Duration = Duration::from_secs(4);

/// How one network follows the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// One is pulled, and then the other comes.
    Instead,
    /// The other comes as the way out, and the one in use goes later.
    Beside,
}

/// Whoever moves goes from one network to the other; the other side stays in a third.
fn check(change: Change, from: Access, to: Access, other_side: Access) {
    let [mover, stayer, middle] =
        ["move-a", "move-b", "move-server"].map(|name| Namespace::create(name).unwrap());
    let plug = |namespace, interface, access, last| Plug {
        namespace,
        interface,
        access,
        outer: Ipv4Addr::new(198, 51, 100, last),
        inner: Ipv4Addr::new(192, 168, last, 7),
    };
    let old = plug(&mover, "wlan0", from, 10);
    let new = plug(&mover, "wwan0", to, 11);
    let server = Plug {
        outer: SERVER,
        ..plug(&middle, "eth0", Open, 1)
    };
    let plugs = [new, old, plug(&stayer, "eth0", other_side, 20), server];
    let _internet = Internet::connect(&plugs, &"delay=10".parse().unwrap()).unwrap();
    new.pull().unwrap();
    if change == Change::Beside {
        old.keep_its_way().unwrap();
    }

    let certificate = CertificateFiles::make_for(&SERVER.to_string()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = RealServer::start_public(SERVER.into(), &certificate, folder.path(), &middle).unwrap();
    let recorded = ["mover", "stayer"].map(|who| folder.path().join(who));
    let wish = |record: &Path| Wish {
        video: "pattern:320x180".into(),
        audio: "tone".into(),
        seconds: CALL_S,
        record: Some(record.to_owned()),
        trusts: Some(certificate.authority()),
        more: vec!["--events".into()],
        ..Wish::default()
    };
    let moving = Cli::host(Some(server.url()), &wish(&recorded[0]), Some(&mover)).unwrap();
    let link = moving.link().unwrap();
    let staying = Cli::join(&link, &wish(&recorded[1]), Some(&stayer)).unwrap();
    for side in [&moving, &staying] {
        side.says("picture_began", PATIENCE).unwrap();
    }
    std::thread::sleep(Duration::from_secs(BEFORE_S));
    let pulled = Instant::now();
    match change {
        Change::Instead => {
            old.pull().unwrap();
            new.push().unwrap();
        }
        Change::Beside => {
            new.push().unwrap();
            std::thread::sleep(BOTH);
            old.pull().unwrap();
        }
    }
    eprintln!(
        "{from} to {to}, {change:?}, the other side {other_side}: changed in {:?}",
        pulled.elapsed()
    );

    let sides = [
        ("who moves", &moving, &recorded[0]),
        ("who stays", &staying, &recorded[1]),
    ];
    let felt = sides.map(|(who, side, folder)| {
        let felt = Felt::of(side, folder);
        eprintln!("{who}: {felt:?}");
        felt
    });
    let (sound_max, picture_ms_max) = match change {
        Change::Instead => (SOUND_GAP_MAX, PICTURE_GAP_MS_MAX),
        Change::Beside => (BESIDE_SOUND_GAP_MAX, BESIDE_PICTURE_GAP_MS_MAX),
    };
    for ((who, ..), felt) in sides.into_iter().zip(felt) {
        let silence = felt.no_sound;
        assert!(silence <= sound_max, "{who} heard nothing for {silence:?}");
        let gap_ms = felt.no_picture_ms;
        assert!(gap_ms <= picture_ms_max, "{who} saw nothing for {gap_ms} ms");
        // A gap without an end is none of those.
        assert!(felt.hears_in_the_end, "{who} hears nothing in the end");
        let least_s = (BEFORE_S + u64::from(CALL_S)) as f64 / 2.0;
        let seen_s = felt.last_picture_s;
        assert!(seen_s > least_s, "{who} saw the last picture after {seen_s} s");
    }
}

/// What a side noticed.
#[derive(Debug)]
struct Felt {
    no_sound: Duration,
    no_picture_ms: f64,
    hears_in_the_end: bool,
    /// Counted from the first.
    last_picture_s: f64,
    /// The ways that media took.
    #[expect(dead_code, reason = "printed, for whoever looks into a failure")]
    ways: Vec<String>,
}

impl Felt {
    /// After the call, with what was recorded of it.
    fn of(side: &Cli, recorded: &Path) -> Self {
        let figures = side.good_figures(PATIENCE).unwrap();
        let heard = read_wav(&recorded.join("audio.wav")).unwrap();
        let but = |seconds: usize| heard.len().saturating_sub(seconds * RATE);
        Self {
            no_sound: longest_gap(&heard),
            no_picture_ms: figures.get("gap_ms_max").unwrap(),
            hears_in_the_end: rms(&heard[but(4)..but(1)]) > 0.003,
            last_picture_s: last_picture_s(recorded),
            ways: side
                .told("way")
                .iter()
                .map(|told| told["what"].to_string())
                .collect(),
        }
    }
}

/// When the last recorded picture came, counted from the first.
fn last_picture_s(folder: &Path) -> f64 {
    let times = std::fs::read_to_string(folder.join("video.y4m.times")).unwrap();
    let last: f64 = times.lines().last().unwrap().parse().unwrap();
    last / 1e6
}

#[test]
fn from_one_direct_way_to_another() {
    check(Change::Instead, PortRestricted, PortRestricted, PortRestricted);
}

#[test]
fn from_a_direct_way_to_a_relay() {
    check(Change::Instead, PortRestricted, Symmetric, PortRestricted);
}

#[test]
fn from_a_relay_behind_a_stream_to_a_direct_way() {
    check(Change::Instead, UdpBlocked, PortRestricted, PortRestricted);
}

#[test]
fn a_better_network_takes_over_before_the_one_in_use_is_gone() {
    check(Change::Beside, PortRestricted, PortRestricted, PortRestricted);
}

#[test]
fn a_direct_way_takes_over_from_a_relay_behind_a_stream() {
    check(Change::Beside, UdpBlocked, PortRestricted, PortRestricted);
}
