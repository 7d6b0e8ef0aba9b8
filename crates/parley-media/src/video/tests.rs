//! The whole room in one: a source, the encode thread, packets, the receive thread, a meter.

use super::probe::PictureMeter;
use super::*;
use crate::packet::{EncodedFrame, ReceivedPacket};
use crate::slot::{Slot, Taken};
use crate::time::{ArrivalTime, CaptureTime, RtpTime, VIDEO_CLOCK_HZ};
use parley_proto::{Bitrate, FrameRate, Resolution};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, watch};

const SIZE: Resolution = Resolution::new(640, 360);

fn pattern() -> VideoSource {
    VideoSource::spawn(VideoInput::Pattern {
        resolution: SIZE,
        frame_rate: FrameRate::new(30),
    })
}

fn targets(kbps: u64) -> EncoderTargets {
    EncoderTargets {
        bitrate: Bitrate::from_kbps(kbps),
        resolution: SIZE,
        ..EncoderTargets::default()
    }
}

/// What the network would do: frames to packets, all but the chosen ones arriving.
struct Wire {
    sequence: u16,
    begin: Instant,
    packets: SyncSender<ReceivedPacket>,
}

impl Wire {
    #[expect(clippy::disallowed_methods, reason = "test: stands in for the network")]
    fn new() -> (Self, Receiver<ReceivedPacket>) {
        let (packets, received) = sync_channel(1024);
        let wire = Self {
            sequence: 65_000,
            begin: Instant::now(),
            packets,
        };
        (wire, received)
    }

    #[expect(clippy::disallowed_methods, reason = "test: stands in for the network")]
    fn carry(&mut self, frame: &EncodedFrame, lost: impl Fn(usize) -> bool) {
        let payloads = h264::packetize(&frame.data, 1200);
        let count = payloads.len();
        let rtp_time = RtpTime::at(
            RtpTime(7),
            frame.captured.0.saturating_duration_since(self.begin),
            VIDEO_CLOCK_HZ,
        );
        for (index, payload) in payloads.into_iter().enumerate() {
            let packet = ReceivedPacket {
                sequence: self.sequence,
                rtp_time,
                marker: index + 1 == count,
                payload,
                arrived: ArrivalTime(Instant::now()),
                redundant: false,
            };
            self.sequence = self.sequence.wrapping_add(1);
            if !lost(index) {
                self.packets.try_send(packet).unwrap();
            }
        }
    }
}

/// A source, its encoder, and a receiver that asks it for key frames; the network between is the test's.
struct Way {
    encoded: mpsc::Receiver<EncodedFrame>,
    wire: Wire,
    shown: Slot<VideoFrame>,
    asked: Arc<AtomicU32>,
    receiver: VideoReceiver,
    encoder: VideoEncoder,
    _targets: watch::Sender<EncoderTargets>,
    _source: VideoSource,
}

impl Way {
    fn new() -> Self {
        let source = pattern();
        let (targets, wanted) = watch::channel(targets(2000));
        let (out, encoded) = mpsc::channel(8);
        let flag = KeyFrameFlag::new();
        let encoder = VideoEncoder::spawn(source.subscribe(), wanted, flag.clone(), out).unwrap();
        let (wire, packets) = Wire::new();
        let shown = Slot::new();
        let asked = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&asked);
        let ask = move || {
            counter.fetch_add(1, Ordering::Relaxed);
            flag.request();
        };
        let receiver = VideoReceiver::spawn(packets, shown.clone(), Box::new(ask));
        Self {
            encoded,
            wire,
            shown,
            asked,
            receiver,
            encoder,
            _targets: targets,
            _source: source,
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "test: reads the clock that the pattern was stamped with"
)]
fn clock_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64
}

#[test]
#[expect(clippy::disallowed_methods, reason = "test: real threads, real time")]
fn pictures_get_from_a_source_to_the_screen() {
    let source = pattern();
    let (_targets, wanted) = watch::channel(targets(800));
    let (out, mut encoded) = mpsc::channel(8);
    let encoder = VideoEncoder::spawn(source.subscribe(), wanted, KeyFrameFlag::new(), out).unwrap();
    let (mut wire, packets) = Wire::new();
    let shown = Slot::new();
    let receiver = VideoReceiver::spawn(packets, shown.clone(), Box::new(|| {}));
    let mut meter = PictureMeter::new();
    for _ in 0..45 {
        let frame = encoded.blocking_recv().unwrap();
        wire.carry(&frame, |_| false);
        let Taken::Value(picture) = shown.take(Duration::from_secs(5)) else {
            panic!("nothing to see");
        };
        let _ = meter.show(&picture, Instant::now(), clock_us());
    }
    let figures = meter.figures();
    assert_eq!(
        (figures.shown, figures.unread, figures.disordered),
        (45, 0, 0),
        "{figures:?}"
    );
    assert!(figures.latency_p50_ms.unwrap() < 200.0, "{figures:?}");
    assert_eq!(source.status().borrow().state, SourceState::Running);
    let (sent, seen) = (encoder.stats(), receiver.stats());
    assert_eq!(seen.decoded, 45);
    assert_eq!((sent.key_frames, seen.buffer.key_frames), (1, 1));
    assert_eq!(seen.resolution, Some(SIZE));
}

#[test]
fn a_loss_freezes_the_picture_until_the_key_frame_that_was_asked_for() {
    let mut way = Way::new();
    way.receiver.set_round_trip(Duration::from_millis(20));
    let mut key_frames = 0;
    for index in 0..90 {
        let frame = way.encoded.blocking_recv().unwrap();
        key_frames += u32::from(frame.key_frame);
        way.wire.carry(&frame, |packet| index == 10 && packet == 1);
        if let Taken::Value(picture) = way.shown.take(Duration::from_millis(20)) {
            assert!(pattern::read(&picture).is_some(), "a broken picture was shown");
        }
        if key_frames == 2 && way.receiver.stats().decoded > 20 {
            break;
        }
    }
    let stats = way.receiver.stats();
    assert_eq!(stats.decode_errors, 0, "{stats:?}");
    assert_eq!(stats.buffer.freezes, 1, "{stats:?}");
    assert_eq!(key_frames, 2, "{stats:?}, {:?}", way.encoder.stats());
    assert!(stats.decoded > 11 && !stats.frozen, "{stats:?}");
    assert!(way.asked.load(Ordering::Relaxed) <= 2, "{stats:?}");
}

#[test]
fn a_torn_picture_is_not_shown_and_the_key_frame_that_it_asks_for_mends_it() {
    let mut way = Way::new();
    let mut after_the_mend = 0;
    for index in 0..90 {
        let mut frame = way.encoded.blocking_recv().unwrap();
        if index == 10 {
            // Every packet of it comes, with a part of the picture missing inside: no sequence number tells.
            frame.data = frame.data.slice(..frame.data.len() / 3);
        }
        way.wire.carry(&frame, |_| false);
        if let Taken::Value(picture) = way.shown.take(Duration::from_millis(20)) {
            assert!(pattern::read(&picture).is_some(), "a broken picture was shown");
            after_the_mend += u32::from(way.receiver.stats().buffer.key_frames >= 2);
        }
        if after_the_mend == 10 {
            break;
        }
    }
    let stats = way.receiver.stats();
    assert_eq!(stats.decode_errors, 1, "{stats:?}");
    // Asked again every 300 ms, should the machine be that busy.
    assert!((1..=3).contains(&way.asked.load(Ordering::Relaxed)), "{stats:?}");
    assert_eq!(after_the_mend, 10, "{stats:?}");
    assert!(!stats.frozen, "{stats:?}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "test: real threads, real time")]
fn the_last_picture_of_a_pause_goes_out_when_it_ends_unless_it_is_old() {
    // A minute ahead stays young, however busy the machine.
    let (young, old) = (
        Instant::now() + Duration::from_secs(60),
        Instant::now() - Duration::from_secs(60),
    );
    for (captured, pause_ms, goes_out) in [(young, 10, true), (old, 1000, false)] {
        let slot = Slot::new();
        let paused = EncoderTargets {
            paused: true,
            ..targets(800)
        };
        let (set, wanted) = watch::channel(paused);
        let (out, mut encoded) = mpsc::channel(8);
        let encoder = VideoEncoder::spawn(slot.clone(), wanted, KeyFrameFlag::new(), out).unwrap();
        slot.put(pattern::draw(1, 0, SIZE, CaptureTime(captured)).unwrap());
        // The thread takes it, and encodes nothing.
        std::thread::sleep(Duration::from_millis(pause_ms));
        assert!(encoded.try_recv().is_err());
        set.send_replace(targets(800));
        encoder.wake();
        if goes_out {
            let end = Instant::now() + Duration::from_secs(10);
            let sent = loop {
                if let Ok(sent) = encoded.try_recv() {
                    break sent;
                }
                assert!(Instant::now() < end, "it never went out");
                std::thread::sleep(Duration::from_millis(2));
            };
            assert!(sent.key_frame);
        }
        drop(encoder);
        assert!(encoded.blocking_recv().is_none());
    }
}

#[test]
fn what_nobody_watches_is_not_decoded_and_comes_back_with_a_key_frame() {
    let source = pattern();
    let (_targets, wanted) = watch::channel(targets(500));
    let (out, mut encoded) = mpsc::channel(8);
    let flag = KeyFrameFlag::new();
    let _encoder = VideoEncoder::spawn(source.subscribe(), wanted, flag.clone(), out).unwrap();
    let (mut wire, packets) = Wire::new();
    let shown = Slot::new();
    let receiver = VideoReceiver::spawn(packets, shown.clone(), Box::new(move || flag.request()));
    let mut carry = |count: usize| {
        for _ in 0..count {
            wire.carry(&encoded.blocking_recv().unwrap(), |_| false);
        }
    };
    carry(10);
    assert!(matches!(shown.take(Duration::from_secs(5)), Taken::Value(_)));
    receiver.set_watched(false);
    carry(5);
    let before = receiver.stats().decoded;
    carry(20);
    let away = receiver.stats();
    assert!(away.decoded <= before + 1 && away.dropped >= 15, "{away:?}");
    let _ = shown.try_take();
    receiver.set_watched(true);
    carry(25);
    assert!(
        matches!(shown.take(Duration::from_secs(5)), Taken::Value(_)),
        "{:?}",
        receiver.stats()
    );
    let back = receiver.stats();
    assert_eq!((back.buffer.key_frames, back.decode_errors), (2, 0), "{back:?}");
}

#[test]
fn without_room_raw_pictures_are_skipped_and_no_encoded_one_is_lost() {
    let source = pattern();
    let (_targets, wanted) = watch::channel(targets(500));
    let (out, mut encoded) = mpsc::channel(2);
    let encoder = VideoEncoder::spawn(source.subscribe(), wanted, KeyFrameFlag::new(), out).unwrap();
    std::thread::scope(|_| {
        let halt = halt::Halt::default();
        while encoder.stats().skipped_for_room < 5 {
            halt.wait(Duration::from_millis(20));
        }
    });
    let mut decoder = codec::H264Decoder::new().unwrap();
    for _ in 0..10 {
        let frame = encoded.blocking_recv().unwrap();
        let decoded = decoder.decode(&frame.data, frame.captured);
        assert!(
            matches!(decoded, Ok(Some(_))),
            "the chain of references is broken"
        );
    }
}

#[test]
fn size_rate_and_pause_follow_the_targets_at_once() {
    let source = pattern();
    let (sender, wanted) = watch::channel(targets(500));
    let (out, mut encoded) = mpsc::channel(2);
    let _encoder = VideoEncoder::spawn(source.subscribe(), wanted, KeyFrameFlag::new(), out).unwrap();
    assert_eq!(encoded.blocking_recv().unwrap().resolution, SIZE);
    let small = Resolution::new(320, 240);
    sender.send_modify(|targets| targets.resolution = small);
    let changed = (0..10)
        .filter_map(|_| encoded.blocking_recv())
        .find(|frame| frame.resolution != SIZE)
        .unwrap();
    assert_eq!(changed.resolution, Resolution::new(320, 180));
    assert!(changed.key_frame);
    sender.send_modify(|targets| targets.frame_rate = FrameRate::new(10));
    let captured: Vec<_> = (0..12)
        .filter_map(|_| encoded.blocking_recv())
        .map(|frame| frame.captured.0)
        .collect();
    let steady = (captured[11] - captured[3]).as_secs_f32() / 8.0;
    assert!((0.08..0.2).contains(&steady), "{steady} s apart at 10 a second");
    sender.send_modify(|targets| targets.paused = true);
    let halt = halt::Halt::default();
    halt.wait(Duration::from_millis(150));
    while encoded.try_recv().is_ok() {}
    halt.wait(Duration::from_millis(300));
    assert!(encoded.try_recv().is_err(), "encodes while paused");
}

#[test]
fn a_camera_comes_in_two_layers_when_that_is_wanted_and_a_screen_never() {
    for (content, discardable) in [(Content::Camera, 3), (Content::Motion, 0)] {
        let source = pattern();
        let two = EncoderTargets {
            layers: TemporalLayers::Two,
            ..targets(500)
        };
        let (_targets, wanted) = watch::channel(two);
        let (out, mut encoded) = mpsc::channel(8);
        let frames = source.subscribe();
        let _encoder = VideoEncoder::spawn_for(content, frames, wanted, KeyFrameFlag::new(), out).unwrap();
        let first = (0..6).filter_map(|_| encoded.blocking_recv());
        assert_eq!(
            first.filter(|frame| frame.discardable).count(),
            discardable,
            "{content:?}"
        );
    }
}

fn state_within(source: &VideoSource, wanted: SourceState) -> SourceStatus {
    let halt = halt::Halt::default();
    for _ in 0..200 {
        if source.status().borrow().state == wanted {
            break;
        }
        halt.wait(Duration::from_millis(25));
    }
    source.status().borrow().clone()
}

#[test]
fn a_file_is_played_at_its_own_size() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("clip.y4m");
    let mut content = b"YUV4MPEG2 W16 H8 F60:1\n".to_vec();
    for level in [60u8, 70] {
        content.extend_from_slice(b"FRAME\n");
        content.extend_from_slice(&[level; 192]);
    }
    std::fs::write(&path, content).unwrap();
    let source = VideoSource::spawn(VideoInput::Y4m { path });
    let slot = source.subscribe();
    let mut levels = std::collections::BTreeSet::new();
    for _ in 0..6 {
        let Taken::Value(frame) = slot.take(Duration::from_secs(5)) else {
            panic!("nothing to see");
        };
        levels.insert(frame.y()[0]);
    }
    assert!(
        levels.is_subset(&[60, 70].into()) && !levels.is_empty(),
        "{levels:?}"
    );
    let status = state_within(&source, SourceState::Running);
    assert_eq!(
        (status.name.as_deref(), status.resolution),
        (Some("clip.y4m"), Some(Resolution::new(16, 8)))
    );
}

#[test]
fn what_is_not_there_is_told_and_the_source_ends_at_once_all_the_same() {
    let inputs = [
        VideoInput::Y4m {
            path: "/nowhere/clip.y4m".into(),
        },
        VideoInput::Camera {
            id: Some("No Such Camera@nowhere".into()),
            resolution: SIZE,
            frame_rate: FrameRate::new(30),
        },
    ];
    for input in inputs {
        let source = VideoSource::spawn(input.clone());
        let status = state_within(&source, SourceState::Missing);
        assert_eq!(status.state, SourceState::Missing, "{input:?}: {status:?}");
        assert!(status.detail.is_some_and(|detail| !detail.is_empty()));
        let mut watching = source.status();
        drop(source);
        assert_eq!(
            watching.borrow_and_update().state,
            SourceState::Ended,
            "{input:?}"
        );
    }
}

#[test]
fn a_source_feeds_everybody_and_survives_its_takers() {
    let source = pattern();
    let (first, second) = (source.subscribe(), source.subscribe());
    for slot in [&first, &second] {
        assert!(matches!(slot.take(Duration::from_secs(5)), Taken::Value(_)));
    }
    first.close();
    drop(first);
    assert!(matches!(second.take(Duration::from_secs(5)), Taken::Value(_)));
    let other = pattern();
    drop(source);
    other.feed(second.clone());
    let _ = second.try_take();
    assert!(
        matches!(second.take(Duration::from_secs(5)), Taken::Value(_)),
        "the slot outlives its source"
    );
}
