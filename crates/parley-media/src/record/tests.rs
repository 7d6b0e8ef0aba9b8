//! Files as players see them (ffprobe and ffmpeg), whole and cut off anywhere, and disks that take no more.

use super::fragments::Fragments;
use super::growing_file::{GrowingFile, veil};
use super::sound::{SoundEncoder, Timeline};
use super::stage::Stage;
use super::*;
use crate::audio::{BLOCK_SAMPLES, CallHalf, RecordedBlock, SILENT_BLOCK, speech};
use crate::slot::Slot;
use crate::time::CaptureTime;
use crate::video::codec::{EncoderSettings, H264Encoder};
use crate::video::pattern::Pattern;
use parley_proto::{Bitrate, FrameRate, Resolution};
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const SIZE: Resolution = Resolution::new(640, 360);

#[expect(clippy::disallowed_methods, reason = "test: any moment will do as the start")]
fn now() -> Instant {
    Instant::now()
}

/// Six seconds of call in no time, a piece each two seconds. Gives the pieces.
fn pieces(with_end: bool) -> Vec<Vec<u8>> {
    let start = now();
    let settings = EncoderSettings {
        bitrate: Bitrate::from_kbps(800),
        frame_rate: FrameRate::new(30),
    };
    let mut encoder = H264Encoder::new(settings).unwrap();
    let mut opus = SoundEncoder::new().unwrap();
    let mut fragments = Fragments::new(SIZE, opus.pre_skip(), Duration::from_secs(1_795_775_405)).unwrap();
    let (mut stage, mut timeline) = (Stage::new(SIZE), Timeline::default());
    let mut pattern = Pattern::new(Resolution::new(320, 180)).unwrap();
    let mut pieces = Vec::new();
    let mut blocks = 0u64;
    for n in 0..180u32 {
        let at = Duration::from_nanos(u64::from(n) * 1_000_000_000 / 30);
        let captured = CaptureTime(start + at);
        stage.show_main(Some(pattern.draw(n, at.as_micros() as u64, captured).unwrap()));
        let whole = stage.compose(captured).unwrap();
        let encoded = encoder.encode(&whole, n % 60 == 0).unwrap();
        pieces.extend(fragments.picture(at, &encoded.data, encoded.key_frame).unwrap());
        while Duration::from_millis(blocks * 10) <= at {
            let mut block = SILENT_BLOCK;
            speech::fill(96_000_000 + blocks * BLOCK_SAMPLES as u64, &mut block);
            timeline.add(CallHalf::Played, &block, Duration::from_millis(blocks * 10));
            blocks += 1;
        }
        while let Some(blocks) = timeline.take(at) {
            fragments.sound(opus.encode(&blocks).unwrap());
        }
    }
    if with_end {
        let end = Duration::from_secs(6);
        while let Some(blocks) = timeline.take(end) {
            fragments.sound(opus.encode(&blocks).unwrap());
        }
        pieces.extend(fragments.finish(end).unwrap());
    }
    pieces
}

/// What ffprobe says of a file: of each track its codec, how many packets there are, and when the last one ends, in seconds.
fn tracks(path: &Path) -> Vec<(String, usize, f64)> {
    let ask = |entries: &str| {
        let said = Command::new("ffprobe")
            .args(["-v", "error", "-of", "csv=p=0", "-show_entries", entries])
            .arg(path)
            .output()
            .unwrap();
        String::from_utf8(said.stdout).unwrap()
    };
    let packets = ask("packet=stream_index,pts_time,duration_time");
    let codecs = ask("stream=codec_name");
    let of_track = |track: usize| {
        let lines = packets.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let ours = lines.filter(move |line| line[0] == track.to_string());
        // It knows no duration of Opus: 20 ms here.
        let lasts = |line: &[&str]| line[2].parse::<f64>().unwrap_or(0.020);
        let ends = ours.map(|line| line[1].parse::<f64>().unwrap() + lasts(&line));
        ends.collect::<Vec<_>>()
    };
    let each = codecs.lines().enumerate().map(|(track, codec)| {
        let ends = of_track(track);
        let end = ends.iter().copied().fold(0.0, f64::max);
        (codec.trim_end_matches(',').to_owned(), ends.len(), end)
    });
    each.collect()
}

/// Whether a player gets through a file; gives what it complained of.
fn plays(path: &Path) -> Result<String, String> {
    let played = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        // In the file's own time: by itself it rounds to the mean rate, and complains when two pictures fall together.
        .args([
            "-fps_mode",
            "passthrough",
            "-enc_time_base",
            "-1",
            "-f",
            "null",
            "-",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&played.stderr).into_owned();
    if played.status.success() {
        Ok(said)
    } else {
        Err(said)
    }
}

#[test]
fn a_file_has_both_tracks_in_full_length_and_plays_without_complaint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.mp4");
    fs::write(&path, pieces(true).concat()).unwrap();
    let tracks = tracks(&path);
    let [(video, pictures, video_end), (audio, packets, audio_end)] = &tracks[..] else {
        panic!("{tracks:?}");
    };
    assert_eq!((video.as_str(), *pictures), ("h264", 180));
    assert_eq!((audio.as_str(), *packets), ("opus", 300));
    for end in [video_end, audio_end] {
        assert!((end - 6.0).abs() < 0.03, "{tracks:?}");
    }
    assert_eq!(plays(&path), Ok(String::new()));
}

#[test]
fn a_file_that_ends_anywhere_plays_up_to_its_last_whole_piece() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.mp4");
    let pieces = pieces(false);
    assert_eq!(pieces.len(), 2, "the third one is still being collected");
    let first = pieces[0].len();
    // What a killed program leaves of the second piece: its name is written last.
    let mut torn = pieces.concat();
    let name = first + veil(&mut torn[first..]).unwrap();
    let cuts = [
        first,
        first + 3,
        first + 100,
        // In its head, in the middle of a table.
        name + 500,
        first + pieces[1].len() / 2,
        torn.len() - 1,
        torn.len(),
    ];
    let check = |bytes: &[u8], pictures_expected: usize, seconds_min: f64| {
        fs::write(&path, bytes).unwrap();
        let (length, tracks) = (bytes.len(), tracks(&path));
        assert_eq!(tracks.len(), 2, "{length}: {tracks:?}");
        let (_, pictures, end) = &tracks[0];
        assert_eq!(*pictures, pictures_expected, "{length}: {tracks:?}");
        assert!(
            *end > seconds_min && tracks[1].2 > seconds_min - 0.2,
            "{length}: {tracks:?}"
        );
        plays(&path).unwrap_or_else(|said| panic!("{length}: {said}"));
    };
    for length in cuts {
        check(&torn[..length], 60, 1.9);
    }
    check(&pieces.concat(), 120, 3.9);
}

#[test]
fn a_file_grows_by_pieces_and_is_the_same_as_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grows.mp4");
    let mut growing = GrowingFile::new(File::create_new(&path).unwrap());
    let pieces = pieces(true);
    for piece in &pieces {
        growing.add(piece.clone()).unwrap();
        assert_eq!(growing.bytes(), fs::metadata(&path).unwrap().len());
    }
    assert!(fs::read(&path).unwrap() == pieces.concat());
}

#[test]
fn what_is_no_piece_is_left_as_it_is() {
    for bytes in [
        &b""[..],
        b"moof",
        b"\0\0\0\x08mfra",
        b"\0\0\0\0moov\0\0\0\x08moof",
        b"\xff\xff\xff\xffmdat....",
    ] {
        let mut same = bytes.to_vec();
        assert_eq!(veil(&mut same), None);
        assert_eq!(same, bytes);
    }
}

/// Records pictures and sound as they come, until `until` says so or ten seconds passed.
fn record(file: File, until: impl Fn(&RecorderStatus, Duration) -> bool) -> RecorderStatus {
    let (recorder, sound) = Recorder::spawn(file).unwrap();
    let main = Slot::new();
    recorder.show(Scene {
        main: Some(main.clone()),
        insets: Vec::new(),
    });
    let (start, status) = (now(), recorder.status());
    let mut pattern = Pattern::new(Resolution::new(320, 180)).unwrap();
    let mut number = 0;
    while start.elapsed() < Duration::from_secs(10) && !until(&status.borrow(), start.elapsed()) {
        let at = now();
        main.put(pattern.draw(number, u64::from(number), CaptureTime(at)).unwrap());
        number += 1;
        let samples = [0.1; BLOCK_SAMPLES];
        // It may be over.
        let _ = sound.try_send(RecordedBlock {
            half: CallHalf::Own,
            samples,
            at,
        });
        #[expect(clippy::disallowed_methods, reason = "test: pictures come in real time")]
        std::thread::sleep(Duration::from_millis(10));
    }
    recorder.finish();
    let mut ended = status;
    while ended.borrow().end.is_none() && start.elapsed() < Duration::from_secs(20) {
        #[expect(clippy::disallowed_methods, reason = "test: waits for the recorder's thread")]
        std::thread::sleep(Duration::from_millis(5));
    }
    ended.borrow_and_update().clone()
}

#[test]
fn what_comes_in_real_time_is_recorded_for_as_long_as_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live.mp4");
    let status = record(File::create_new(&path).unwrap(), |_, so_far| {
        so_far > Duration::from_millis(1_200)
    });
    assert_eq!(status.end, Some(RecordEnd::Finished));
    assert_eq!(status.bytes, fs::metadata(&path).unwrap().len());
    let tracks = tracks(&path);
    for (codec, _, end) in &tracks {
        let length = status.recorded.as_secs_f64();
        assert!(
            (end - length).abs() < 0.06,
            "{codec}: {end} of {length}: {tracks:?}"
        );
    }
    // Thirty a second, and far fewer on a busy machine.
    assert!(tracks[0].1 > 6, "{tracks:?}");
    assert_eq!(plays(&path), Ok(String::new()));
}

#[test]
fn a_recording_that_ends_at_once_is_still_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("short.mp4");
    let status = record(File::create_new(&path).unwrap(), |_, so_far| {
        so_far > Duration::from_millis(120)
    });
    assert_eq!(status.end, Some(RecordEnd::Finished));
    assert_eq!(tracks(&path).len(), 2);
    assert_eq!(plays(&path), Ok(String::new()));
}

#[test]
fn a_disk_that_is_full_or_cannot_be_written_ends_it_with_a_word() {
    let full = record(
        File::options().write(true).open("/dev/full").unwrap(),
        |status, _| status.end.is_some(),
    );
    assert_eq!((full.end, full.bytes), (Some(RecordEnd::DiskFull), 0));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read-only.mp4");
    fs::write(&path, "").unwrap();
    let unwritable = record(File::open(&path).unwrap(), |status, _| status.end.is_some());
    assert!(
        matches!(unwritable.end, Some(RecordEnd::Unwritable(_))),
        "{unwritable:?}"
    );
}
