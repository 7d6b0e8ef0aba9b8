//! How long descriptions and lists are where everybody has and sees as much as they may: no bound of a message cuts them off.

use crate::load::{LoadClient, Part};
use crate::sfu::{Ask, Certificate, Command, Event, Sfu, SfuConfig, What};
use parley_proto::limits::{
    AUDIO_DOWNS_MAX, GROUP_PARTICIPANTS_MAX, LAYERS_MAX, PUBLICATIONS_MAX, RID_CHARS_MAX, SFU_SDP_BYTES_MAX,
    SIGNAL_MESSAGE_BYTES_MAX, VIDEO_DOWNS_MAX,
};
use parley_proto::{
    ClientMessage, ParticipantId, Publication, PublishedLayer, RoomId, ServerMessage, SfuClosed, Source,
};
use std::net::SocketAddr;
use std::time::Instant;

fn addresses(all: [&str; 4]) -> Vec<SocketAddr> {
    all.map(|address| address.parse().unwrap()).to_vec()
}

/// What a server of four addresses behind a router says to somebody's first offer, and whether their client understands it.
struct Asked {
    offer: ClientMessage,
    answer: Option<ServerMessage>,
    closed: Option<SfuClosed>,
    understood: bool,
}

fn ask(part: Part, longer: impl Fn(String) -> String) -> Asked {
    #[expect(clippy::disallowed_methods, reason = "a start to count from")]
    let now = Instant::now();
    let certificate = Certificate::generate().unwrap();
    let mut sfu = Sfu::new(
        now,
        SfuConfig {
            certificate: certificate.clone(),
            addresses: addresses([
                "192.0.2.101:47880",
                "192.0.2.102:47880",
                "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:1001]:47880",
                "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:1002]:47880",
            ]),
            outside: vec!["203.0.113.101:47880".parse().unwrap()],
            streams: addresses([
                "203.0.113.101:443",
                "192.0.2.101:443",
                "192.0.2.102:443",
                "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:1001]:443",
            ]),
            peers_max: 1,
            seed: [5; 32],
        },
    );
    let mut client = LoadClient::new(now, &certificate, "198.51.100.101:50000".parse().unwrap(), part);
    let (sdp, publish) = client.offer();
    let sdp = longer(sdp);
    sfu.handle_command(
        now,
        Command {
            room: RoomId::from_bytes([1; 24]),
            participant: ParticipantId::from_bytes([2; 16]),
            ask: Ask::Offer {
                connection: 1,
                sdp: sdp.clone(),
                publish: publish.clone(),
            },
        },
    );
    let mut asked = Asked {
        offer: ClientMessage::SfuOffer {
            connection: 1,
            sdp,
            publish,
        },
        answer: None,
        closed: None,
        understood: false,
    };
    for Event { what, .. } in sfu.take_events() {
        match what {
            What::Answer { connection, sdp } => {
                asked.understood = client.answer(&sdp);
                asked.answer = Some(ServerMessage::SfuAnswer { connection, sdp });
            }
            What::Closed { reason, .. } => asked.closed = Some(reason),
            _ => {}
        }
    }
    asked
}

fn layers() -> Vec<PublishedLayer> {
    ["a", "b", "c"]
        .map(|name| PublishedLayer {
            rid: name.repeat(RID_CHARS_MAX),
            width: u16::MAX,
            height: u16::MAX,
            kbps: 12_000,
        })
        .to_vec()
}

/// Camera and microphone, and as many sections as a screen and its sound take beside all that one receives in.
fn everything() -> Part {
    Part {
        speaks: true,
        layers: layers(),
        hears: AUDIO_DOWNS_MAX + 1,
        sees: VIDEO_DOWNS_MAX + 1,
    }
}

#[test]
fn whoever_has_every_section_there_may_be_is_answered_within_the_bounds_of_messages() {
    let asked = ask(everything(), |sdp| sdp);
    assert_eq!(asked.closed, None);
    let Some(ServerMessage::SfuAnswer { sdp: answer, .. }) = &asked.answer else {
        panic!("no answer");
    };
    let ClientMessage::SfuOffer { sdp: offer, .. } = &asked.offer else {
        panic!("no offer");
    };
    let sections = offer.lines().filter(|line| line.starts_with("m=")).count();
    assert_eq!(sections, PUBLICATIONS_MAX + VIDEO_DOWNS_MAX + AUDIO_DOWNS_MAX);
    assert!(asked.understood);
    let lengths = [offer.len(), answer.len()];
    assert!(
        lengths.iter().all(|bytes| *bytes <= SFU_SDP_BYTES_MAX),
        "{lengths:?}"
    );
    let as_messages = [
        serde_json::to_string(&asked.offer).unwrap().len(),
        serde_json::to_string(asked.answer.as_ref().unwrap())
            .unwrap()
            .len(),
    ];
    assert!(
        as_messages.iter().all(|bytes| *bytes <= SIGNAL_MESSAGE_BYTES_MAX),
        "{as_messages:?}"
    );
}

#[test]
fn what_is_longer_or_has_more_sections_is_refused() {
    let padded = |to: usize| move |sdp: String| format!("{sdp}a=x:{}\r\n", "x".repeat(to - sdp.len() - 6));
    let small = || Part {
        sees: 1,
        ..Part::default()
    };
    assert_eq!(ask(small(), padded(SFU_SDP_BYTES_MAX)).closed, None);
    let asked = ask(small(), padded(SFU_SDP_BYTES_MAX + 1));
    assert_eq!(asked.closed, Some(SfuClosed::Refused));
    let asked = ask(
        Part {
            sees: VIDEO_DOWNS_MAX + 3,
            ..everything()
        },
        |sdp| sdp,
    );
    assert_eq!(asked.closed, Some(SfuClosed::Refused));
}

#[test]
fn what_everybody_of_the_largest_group_publishes_is_one_message() {
    let sources = [
        Source::Microphone,
        Source::Camera,
        Source::Screen,
        Source::ScreenSound,
    ];
    assert_eq!(sources.len(), PUBLICATIONS_MAX);
    assert_eq!(layers().len(), LAYERS_MAX);
    let list: Vec<Publication> = (0..GROUP_PARTICIPANTS_MAX)
        .flat_map(|_| sources)
        .map(|source| Publication {
            number: u32::MAX,
            participant: ParticipantId::from_bytes([255; 16]),
            source,
            on: false,
            layers: if source.is_sound() { Vec::new() } else { layers() },
        })
        .collect();
    let bytes = serde_json::to_string(&ServerMessage::Publications { list })
        .unwrap()
        .len();
    assert!(bytes <= SIGNAL_MESSAGE_BYTES_MAX, "{bytes}");
}
