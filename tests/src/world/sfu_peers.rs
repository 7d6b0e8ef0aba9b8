//! The driver of the connection to the SFU against the real SFU, over loopback: real descriptions, ICE, DTLS and SRTP, made-up pictures
//! that say whose they are and of which layer, no session and no signaling in between.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use parley_call::peer::{Peer, PeerHandle, PeerSetup};
use parley_call::port::{ConnectionPhase, PeerStats, TrackKind};
use parley_call::sfu_port::{GroupTrack, ReceiveSection, SfuCommand, SfuEventKind};
use parley_call::{LocalLayer, LocalMedia, LocalScreen, NetworkOptions, VideoLimits};
use parley_media::audio::AudioTargets;
use parley_media::packet::{AudioLevel, EncodedAudio, EncodedFrame, ReceivedPacket};
use parley_media::time::CaptureTime;
use parley_media::video::{EncoderTargets, KeyFrameFlag};
use parley_proto::{Down, ParticipantId, Publication, Publish, Resolution, RoomId, Source, Wish};
use parley_server::sfu::driver::{SfuDriver, SfuSockets};
use parley_server::sfu::{Ask, Command, Event, What};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// No step may take longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Below, a packet holds a whole picture.
const PICTURE_BYTES: usize = 800;
const RIDS: [&str; 3] = ["q", "h", "f"];

/// An encoder of pictures, as far as a test needs one.
struct Encoder {
    frames: mpsc::Sender<EncodedFrame>,
    targets: watch::Receiver<EncoderTargets>,
    key_frames: KeyFrameFlag,
    rested: bool,
}

impl Encoder {
    /// One picture, if it is wanted, that says whose it is and which layer.
    fn encode(&mut self, of: u8, layer: u8) {
        let rests = self.targets.borrow().paused;
        let begins = std::mem::replace(&mut self.rested, rests) && !rests;
        if rests || self.frames.capacity() == 0 {
            return;
        }
        let key_frame = self.key_frames.take() || begins;
        let mut data = Vec::new();
        if key_frame {
            data.extend_from_slice(&[0, 0, 0, 1, 0x67, 0x42, 0xe0, 0x1f, 1, 2]);
            data.extend_from_slice(&[0, 0, 0, 1, 0x68, 0xce, 3, 4]);
        }
        let kind = if key_frame { 0x65 } else { 0x41 };
        data.extend_from_slice(&[0, 0, 0, 1, kind, of, 0x10 + layer]);
        data.extend((0..PICTURE_BYTES).map(|n| (n % 251) as u8 | 1));
        let frame = EncodedFrame {
            data: Bytes::from(data),
            key_frame,
            discardable: false,
            resolution: Resolution::new(640, 360),
            captured: CaptureTime(Instant::now()),
        };
        // There was room a moment ago.
        let _ = self.frames.try_send(frame);
    }
}

/// Somebody's track and what came in it.
struct Got {
    track: GroupTrack,
    packets: Vec<ReceivedPacket>,
}

impl Got {
    /// The layers of the whole pictures that came, and whose they were.
    fn pictures(&self) -> Vec<(u8, u8)> {
        let whole = |packet: &ReceivedPacket| match packet.payload.as_ref() {
            [0x41 | 0x65, of, layer, ..] => Some((*of, *layer - 0x10)),
            _ => None,
        };
        self.packets.iter().filter_map(whole).collect()
    }

    /// Every number between the first and the last came, and no time went back.
    fn is_unbroken(&self) -> Result<()> {
        let mut packets: Vec<_> = self.packets.iter().collect();
        let first = packets.first().context("nothing came")?.sequence;
        packets.sort_by_key(|packet| packet.sequence.wrapping_sub(first).wrapping_add(1_000));
        for pair in packets.windows(2) {
            let step = pair[1].sequence.wrapping_sub(pair[0].sequence);
            ensure!(step == 1, "{step} numbers further at {}", pair[1].sequence);
            let passed = pair[1].rtp_time.0.wrapping_sub(pair[0].rtp_time.0) as i32;
            ensure!(passed >= 0, "time goes back at {}", pair[1].sequence);
        }
        Ok(())
    }
}

pub(super) struct Person {
    id: ParticipantId,
    name: u8,
    pub(super) handle: PeerHandle,
    camera: Vec<Encoder>,
    screen: Encoder,
    voice: mpsc::Sender<EncodedAudio>,
    voices_sent: u64,
    connection: u32,
    pub(super) phases: Vec<(u32, ConnectionPhase)>,
    /// Of the server's candidates it hears of streams only.
    pub(super) by_stream: bool,
    publish: Vec<Publish>,
    sections: Vec<ReceiveSection>,
    publications: Vec<Publication>,
    downs: Vec<Down>,
    closed: Vec<u32>,
    pub(super) failures: Vec<String>,
    tracks: Vec<Got>,
    ended: Vec<(ParticipantId, TrackKind)>,
}

impl Person {
    fn new(name: u8) -> Self {
        let encoder = || {
            let (frames, out) = mpsc::channel(2);
            let (told, targets) = watch::channel(EncoderTargets::default());
            let key_frames = KeyFrameFlag::new();
            let encoder = Encoder {
                frames,
                targets,
                key_frames: key_frames.clone(),
                rested: true,
            };
            (encoder, out, told, key_frames)
        };
        let mut camera = Vec::new();
        let mut layers = Vec::new();
        for rid in ["q", "h"] {
            let (encoder, frames, targets, key_frames) = encoder();
            camera.push(encoder);
            layers.push(LocalLayer {
                rid,
                frames,
                targets,
                key_frames,
            });
        }
        let (full, video, video_targets, key_frames) = encoder();
        camera.push(full);
        let (screen, frames, targets, screen_key_frames) = encoder();
        let (voice, audio) = mpsc::channel(16);
        let handle = Peer::spawn(PeerSetup {
            media: LocalMedia {
                video,
                audio,
                video_targets,
                audio_targets: watch::channel(AudioTargets::default()).0,
                key_frames,
                limits: VideoLimits::default(),
                screen: LocalScreen {
                    frames,
                    targets,
                    key_frames: screen_key_frames,
                    ..LocalScreen::none()
                },
                layers,
            },
            network: NetworkOptions {
                addresses: vec![[127, 0, 0, 1].into()],
                ..NetworkOptions::default()
            },
        });
        Self {
            id: ParticipantId::from_bytes([name; 16]),
            name,
            handle,
            camera,
            screen,
            voice,
            voices_sent: 0,
            connection: 0,
            phases: Vec::new(),
            by_stream: false,
            publish: Vec::new(),
            sections: Vec::new(),
            publications: Vec::new(),
            downs: Vec::new(),
            closed: Vec::new(),
            failures: Vec::new(),
            tracks: Vec::new(),
            ended: Vec::new(),
        }
    }

    pub(super) async fn command(&self, command: SfuCommand) {
        let sent = tokio::time::timeout(PATIENCE, self.handle.sfu.send(command)).await;
        assert!(sent.is_ok_and(|sent| sent.is_ok()), "the driver takes commands");
    }

    async fn open(&mut self) {
        self.connection += 1;
        self.command(SfuCommand::Open {
            connection: self.connection,
            ice_servers: Vec::new(),
            speaks: true,
        })
        .await;
        self.command(SfuCommand::MakeOffer { ice_restart: false }).await;
    }

    pub(super) fn is_connected(&self) -> bool {
        self.phases
            .contains(&(self.connection, ConnectionPhase::Connected))
    }

    fn say(&mut self) {
        let packet = EncodedAudio {
            data: Bytes::copy_from_slice(&[0x78, self.name, 7, 7, 7, 7, 7, 7]),
            position_samples: self.voices_sent * 960,
            captured: CaptureTime(Instant::now()),
            level: AudioLevel::from_minus_dbov(30),
            voice: true,
            talk_spurt_start: self.voices_sent == 0,
        };
        self.voices_sent += 1;
        let _ = self.voice.try_send(packet);
    }

    /// Packets of sound that came of all others.
    pub(super) fn heard(&self) -> usize {
        let sound = self
            .tracks
            .iter()
            .filter(|got| got.track.kind == TrackKind::Audio);
        sound.map(|got| got.packets.len()).sum()
    }

    fn take_packets(&mut self) {
        for got in &mut self.tracks {
            got.packets.extend(got.track.packets.try_iter());
        }
    }

    fn got(&self, of: &Self, kind: TrackKind) -> Option<&Got> {
        self.tracks
            .iter()
            .rev()
            .find(|got| (got.track.participant, got.track.kind) == (of.id, kind))
    }

    fn pictures_of(&self, of: &Self) -> Vec<(u8, u8)> {
        self.got(of, TrackKind::Video).map_or(Vec::new(), Got::pictures)
    }

    /// What it wishes to see: of whom, in which of its sections of pictures, how large.
    fn wishes(&self, wanted: &[(ParticipantId, Source, usize, u16, u16)]) -> Ask {
        let sections: Vec<_> = self.sections.iter().filter(|section| !section.sound).collect();
        let downs = wanted
            .iter()
            .map(|(participant, source, at, width, height)| Wish {
                mid: sections[*at].mid.clone(),
                participant: *participant,
                source: *source,
                width: *width,
                height: *height,
                priority: 1,
            })
            .collect();
        Ask::Subscribe {
            downs,
            kbps_max: None,
        }
    }
}

pub(super) struct World {
    pub(super) sfu: Arc<SfuDriver>,
    events: mpsc::Receiver<Event>,
    pub(super) people: Vec<Person>,
    ticks: u64,
}

impl World {
    fn new(people: u8) -> Result<Self> {
        Self::with_streams_at(&[], people)
    }

    /// The same with doors for streams, which somebody else opens.
    pub(super) fn with_streams_at(doors: &[SocketAddr], people: u8) -> Result<Self> {
        let bound = SfuDriver::bind(&SfuSockets {
            listen: ([127, 0, 0, 1], 0).into(),
            threads: 1,
            outside: Vec::new(),
            peers_max: 16,
        })?
        .with_streams_at(doors);
        let (told, events) = mpsc::channel(1_024);
        let sfu = bound.run(move |event| told.try_send(event.clone()).is_ok())?;
        Ok(Self {
            sfu: Arc::new(sfu),
            events,
            people: (1..=people).map(Person::new).collect(),
            ticks: 0,
        })
    }

    fn ask(&self, participant: ParticipantId, ask: Ask) {
        let room = RoomId::from_bytes([9; parley_proto::id::ROOM_ID_BYTES]);
        let taken = self.sfu.command(Command {
            room,
            participant,
            ask,
        });
        assert!(taken, "the SFU takes commands");
    }

    fn wish(&self, at: usize, wanted: &[(usize, Source, usize, u16, u16)]) {
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(whom, source, section, width, height)| {
                (self.people[*whom].id, *source, *section, *width, *height)
            })
            .collect();
        let person = &self.people[at];
        self.ask(person.id, person.wishes(&wanted));
    }

    /// Twenty milliseconds of everybody.
    async fn tick(&mut self) -> Result<()> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.ticks += 1;
        for person in &mut self.people {
            person.say();
            if self.ticks.is_multiple_of(2) {
                for (layer, encoder) in person.camera.iter_mut().enumerate() {
                    encoder.encode(person.name, layer as u8);
                }
                person.screen.encode(person.name, 9);
            }
        }
        while let Ok(event) = self.events.try_recv() {
            let person = self.people.iter_mut().find(|one| one.id == event.participant);
            let person = person.context("somebody else")?;
            match event.what {
                What::Answer { sdp, .. } => {
                    let is_kept = |line: &&str| !person.by_stream || !line.contains(" udp ");
                    let sdp = sdp.split_inclusive('\n').filter(is_kept).collect();
                    person.command(SfuCommand::SetAnswer { sdp }).await;
                }
                What::Closed { connection, .. } => person.closed.push(connection),
                What::Publications(list) => {
                    person.publications.clone_from(&list);
                    person.command(SfuCommand::Publications(list)).await;
                }
                What::LayersWanted { source, rids } => {
                    person.command(SfuCommand::LayersWanted { source, rids }).await;
                }
                What::Downs(list) => person.downs = list,
                What::Speakers(_) | What::Offences { .. } => {}
            }
        }
        let mut asks = Vec::new();
        for person in &mut self.people {
            while let Ok(event) = person.handle.sfu_events.try_recv() {
                match event.kind {
                    SfuEventKind::LocalOffer {
                        sdp,
                        publish,
                        receive,
                    } => {
                        ensure!(
                            sdp.len() < parley_proto::limits::SDP_BYTES_MAX / 2,
                            "{}",
                            sdp.len()
                        );
                        person.publish.clone_from(&publish);
                        person.sections = receive;
                        let connection = event.connection;
                        asks.push((
                            person.id,
                            Ask::Offer {
                                connection,
                                sdp,
                                publish,
                            },
                        ));
                    }
                    SfuEventKind::AnswerSet => {}
                    SfuEventKind::NegotiationNeeded => {
                        person.command(SfuCommand::MakeOffer { ice_restart: false }).await;
                    }
                    SfuEventKind::Connection(phase) => person.phases.push((event.connection, phase)),
                    SfuEventKind::Track(track) => person.tracks.push(Got {
                        track,
                        packets: Vec::new(),
                    }),
                    SfuEventKind::TrackEnded { participant, kind } => person.ended.push((participant, kind)),
                    SfuEventKind::Flow { .. } => {}
                    SfuEventKind::CommandFailed { command, detail } => {
                        person.failures.push(format!("{command}: {detail}"));
                    }
                }
            }
            person.take_packets();
        }
        for (who, ask) in asks {
            self.ask(who, ask);
        }
        Ok(())
    }

    async fn run(&mut self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.tick().await?;
        }
        Ok(())
    }

    pub(super) async fn until(&mut self, what: &str, ready: impl Fn(&Self) -> bool) -> Result<Duration> {
        let start = Instant::now();
        while !ready(self) {
            self.tick().await?;
            let failures: Vec<_> = self.people.iter().map(|person| &person.failures).collect();
            ensure!(
                start.elapsed() < PATIENCE,
                "never: {what}; {failures:?}; {:?}; {:?}; {:?}",
                self.people.iter().map(|person| &person.downs).collect::<Vec<_>>(),
                self.people
                    .iter()
                    .map(|person| &person.phases)
                    .collect::<Vec<_>>(),
                self.sfu.counts()
            );
        }
        Ok(start.elapsed())
    }

    /// Everybody connects.
    pub(super) async fn connect(&mut self) -> Result<Duration> {
        for person in &mut self.people {
            person.open().await;
        }
        self.until("all are connected", |world| {
            world.people.iter().all(Person::is_connected)
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_people_hear_and_see_each_other_in_the_layers_they_ask_for() -> Result<()> {
    let mut world = World::new(3)?;
    let took = world.connect().await?;
    eprintln!("three connected to the SFU after {took:?}");
    let told: Vec<_> = world.people[0]
        .publish
        .iter()
        .map(|one| {
            (
                one.source,
                one.layers
                    .iter()
                    .map(|layer| layer.rid.clone())
                    .collect::<Vec<_>>(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (Source::Microphone, vec![]),
            (Source::Camera, RIDS.map(str::to_owned).to_vec())
        ]
    );
    world
        .until("all hear all", |world| {
            world.people.iter().all(|one| {
                let heard = one.tracks.iter().filter(|got| got.track.kind == TrackKind::Audio);
                heard.filter(|got| got.packets.len() > 20).count() == 2
            })
        })
        .await?;
    // Nobody watches: nothing is encoded.
    assert!(
        world
            .people
            .iter()
            .all(|one| one.camera.iter().all(|encoder| encoder.rested)),
        "nobody watches"
    );
    for (at, others) in [(0, [1, 2]), (1, [0, 2]), (2, [0, 1])] {
        let small = others.map(|other| (other, Source::Camera, other, 320, 180));
        world.wish(at, &small);
    }
    let seen = |world: &World, at: usize, of: usize, layer: u8, least: usize| {
        let pictures = world.people[at].pictures_of(&world.people[of]);
        pictures
            .iter()
            .filter(|picture| **picture == (of as u8 + 1, layer))
            .count()
            >= least
    };
    let pairs = [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)];
    let took = world
        .until("all see all, small", |world| {
            pairs.iter().all(|(at, of)| seen(world, *at, *of, 0, 25))
        })
        .await?;
    eprintln!("25 small pictures of everybody after {took:?}");
    let resting: Vec<bool> = world.people[0]
        .camera
        .iter()
        .map(|encoder| encoder.rested)
        .collect();
    assert_eq!(resting, [false, true, true], "only the smallest is encoded");

    // One of them looks closer at one other.
    world.wish(
        0,
        &[
            (1, Source::Camera, 1, 1280, 720),
            (2, Source::Camera, 2, 320, 180),
        ],
    );
    let took = world
        .until("the largest comes", |world| seen(world, 0, 1, 2, 25))
        .await?;
    eprintln!("25 large pictures of one after {took:?}");
    for person in &world.people {
        for got in &person.tracks {
            got.is_unbroken()?;
            let of = got.track.participant.as_bytes()[0];
            assert!(
                got.pictures().iter().all(|(whose, _)| *whose == of),
                "of nobody else"
            );
        }
        assert_eq!(person.tracks.len(), 4, "each told once");
        assert_eq!(person.failures, [] as [String; 0]);
        let stats: PeerStats = person.handle.stats.borrow().clone();
        assert!(
            stats.received_bps > 20_000 && stats.sent_bps > 20_000,
            "{stats:?}"
        );
        assert!(
            stats.rtt_ms.is_some() && stats.estimate_bps.is_some(),
            "{stats:?}"
        );
        // Probes of the server are packets that came already.
        let is_probe = |(name, _): &(&str, u64)| *name == "duplicates";
        assert!(stats.drops.iter().all(is_probe), "{stats:?}");
    }
    let counts = world.sfu.counts();
    assert_eq!(
        (counts.strange, counts.lost, counts.refused, counts.kicked),
        (0, 0, 0, 0),
        "{counts:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_section_shows_somebody_else_and_a_fresh_connection_takes_over_without_a_gap() -> Result<()> {
    let mut world = World::new(3)?;
    world.connect().await?;
    let camera = |whom| (whom, Source::Camera, 0, 320, 180);
    world.wish(0, &[camera(1)]);
    let count = |world: &World, of: usize| world.people[0].pictures_of(&world.people[of]).len();
    world
        .until("the first is seen", |world| count(world, 1) >= 20)
        .await?;
    world.wish(0, &[camera(2)]);
    world
        .until("the second is seen in the same section", |world| {
            count(world, 2) >= 20
        })
        .await?;
    world.wish(0, &[camera(1)]);
    let before = count(&world, 1);
    world
        .until("the first is seen again", |world| count(world, 1) >= before + 20)
        .await?;
    for got in &world.people[0].tracks {
        got.is_unbroken()?;
    }

    // The same connection goes on meanwhile.
    world.people[0].open().await;
    let heard = |world: &World| {
        world.people[0]
            .got(&world.people[1], TrackKind::Audio)
            .map_or(0, |got| got.packets.len())
    };
    world
        .until("the fresh connection stands", |world| {
            world.people[0].is_connected()
        })
        .await?;
    world.wish(0, &[camera(1)]);
    let (seen, before) = (count(&world, 1), heard(&world));
    world
        .until("both go on", |world| {
            count(world, 1) >= seen + 20 && heard(world) >= before + 50
        })
        .await?;
    world
        .until("the one before is over", |world| {
            world.people[0].closed.contains(&1)
        })
        .await?;
    let ada = &world.people[0];
    assert_eq!(ada.tracks.len(), 4, "the same tracks, told once each");
    assert_eq!(ada.ended, []);
    let voice = ada.got(&world.people[1], TrackKind::Audio).context("a voice")?;
    voice.is_unbroken()?;
    let gap = voice
        .packets
        .windows(2)
        .map(|pair| pair[1].arrived.0.saturating_duration_since(pair[0].arrived.0))
        .max()
        .unwrap_or_default();
    eprintln!("the longest pause between two packets of sound over the change: {gap:?}");
    assert!(gap < Duration::from_millis(500), "{gap:?}");

    // ICE begins anew, on the same connection.
    let (seen, before) = (count(&world, 1), heard(&world));
    let restart = SfuCommand::MakeOffer { ice_restart: true };
    world.people[0].command(restart).await;
    world
        .until("both go on after that", |world| {
            count(world, 1) >= seen + 20 && heard(world) >= before + 50
        })
        .await?;
    let ada = &world.people[0];
    assert_eq!((ada.tracks.len(), ada.connection), (4, 2));
    assert_eq!(ada.failures, [] as [String; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_is_added_in_mid_call_and_ends_with_who_shows_it() -> Result<()> {
    let mut world = World::new(2)?;
    world.connect().await?;
    world.people[1]
        .command(SfuCommand::AddScreen { sound: false })
        .await;
    world
        .until("it is published", |world| {
            world.people[0]
                .publications
                .iter()
                .any(|one| one.source == Source::Screen)
        })
        .await?;
    world.wish(0, &[(1, Source::Screen, 3, 1280, 720)]);
    world
        .until("the screen comes", |world| {
            let screen = world.people[0].got(&world.people[1], TrackKind::Screen);
            screen.is_some_and(|got| got.pictures().len() >= 10)
        })
        .await?;
    let id = world.people[1].id;
    world.people[1].command(SfuCommand::Close).await;
    world.ask(id, Ask::Leave);
    world
        .until("all of it ends", |world| {
            let ended = &world.people[0].ended;
            [TrackKind::Screen, TrackKind::Audio]
                .iter()
                .all(|kind| ended.contains(&(id, *kind)))
        })
        .await?;
    world.run(Duration::from_millis(300)).await?;
    assert!(
        world.people[1]
            .camera
            .iter()
            .all(|encoder| encoder.targets.borrow().paused)
    );

    // A description that is none is refused, and nothing else happens.
    world.people[0].open().await;
    world.people[0]
        .command(SfuCommand::SetAnswer {
            sdp: "v=0\r\nrubbish".into(),
        })
        .await;
    world
        .until("the rubbish is refused", |world| {
            !world.people[0].failures.is_empty()
        })
        .await?;
    assert!(
        world.people[0].failures[0].starts_with("set_answer"),
        "{:?}",
        world.people[0].failures
    );
    world
        .until("the real one is taken", |world| world.people[0].is_connected())
        .await?;
    Ok(())
}
