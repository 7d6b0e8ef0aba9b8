//! A camera and the real capture code: every system call of it, against a camera made of FUSE.

use crate::harness::fake_camera::FakeCamera;
use parley_media::slot::{Slot, Taken};
use parley_media::video::{SourceState, VideoFrame, VideoInput, VideoSource, pattern};
use parley_proto::{FrameRate, Resolution};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

fn open(width: u32, height: u32) -> (VideoSource, Slot<VideoFrame>) {
    let source = VideoSource::spawn(VideoInput::Camera {
        id: None,
        resolution: Resolution::new(width, height),
        frame_rate: FrameRate::new(30),
    });
    let frames = source.subscribe();
    (source, frames)
}

/// Looks at pictures until that many different numbers were read from them.
fn see(frames: &Slot<VideoFrame>, numbers_wanted: usize) -> anyhow::Result<Resolution> {
    let end = Instant::now() + PATIENCE;
    let mut numbers = BTreeSet::new();
    while Instant::now() < end {
        let Taken::Value(frame) = frames.take(Duration::from_secs(1)) else {
            continue;
        };
        numbers.extend(pattern::read(&frame).map(|stamp| stamp.number));
        if numbers.len() >= numbers_wanted {
            return Ok(frame.resolution());
        }
    }
    anyhow::bail!("only {numbers:?} could be read from the pictures")
}

#[test]
fn every_kind_of_picture_a_camera_gives_is_seen() {
    for mode in ["1280x720@30:MJPG", "640x360@30:YUYV", "640x360@30:NV12"] {
        let camera = FakeCamera::plug_in("Test Camera", &[mode]).unwrap();
        let size = camera
            .beside(|| {
                let (_source, frames) = open(1280, 720);
                see(&frames, 12)
            })
            .unwrap_or_else(|error| panic!("{mode}: {error:#}"));
        assert!(
            mode.starts_with(&format!("{}x{}@", size.width, size.height)),
            "{mode}: {size:?}"
        );
    }
}

#[test]
fn a_camera_that_another_program_holds_is_told_and_taken_once_it_is_free() {
    let camera = FakeCamera::plug_in("Test Camera", &["640x360@30:YUYV"]).unwrap();
    camera
        .beside(|| {
            let (holder, held) = open(640, 360);
            see(&held, 3)?;
            let (source, frames) = open(640, 360);
            wait_for(&source, SourceState::Busy)?;
            drop(holder);
            see(&frames, 5)?;
            assert_eq!(source.status().borrow().state, SourceState::Running);
            Ok(())
        })
        .unwrap();
}

/// Off and on again: the new source comes before the old one has let go.
#[test]
fn a_camera_that_this_program_is_just_letting_go_is_not_called_busy() {
    let camera = FakeCamera::plug_in("Test Camera", &["640x360@30:YUYV"]).unwrap();
    camera
        .beside(|| {
            let (old, held) = open(640, 360);
            see(&held, 3)?;
            let (source, frames) = open(640, 360);
            let status = source.status();
            std::thread::scope(|scope| -> anyhow::Result<()> {
                scope.spawn(move || {
                    std::thread::sleep(Duration::from_millis(300));
                    drop(old);
                });
                let begun = Instant::now();
                while status.borrow().state != SourceState::Running {
                    let state = status.borrow().state;
                    anyhow::ensure!(state != SourceState::Busy, "called busy");
                    anyhow::ensure!(begun.elapsed() < PATIENCE, "{state:?}");
                    std::thread::sleep(Duration::from_millis(5));
                }
                Ok(())
            })?;
            see(&frames, 3)?;
            Ok(())
        })
        .unwrap();
}

fn wait_for(source: &VideoSource, state: SourceState) -> anyhow::Result<()> {
    let begun = Instant::now();
    while source.status().borrow().state != state {
        let now = source.status().borrow().clone();
        anyhow::ensure!(begun.elapsed() < PATIENCE, "not {state:?} but {now:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

#[test]
fn a_camera_that_stalls_is_woken_and_opened_again() {
    let camera = FakeCamera::plug_in("Test Camera", &["640x360@30:YUYV"]).unwrap();
    camera
        .beside(|| {
            let (source, frames) = open(640, 360);
            see(&frames, 5)?;
            assert_eq!(source.status().borrow().state, SourceState::Running);
            camera.stall()?;
            let stalled = Instant::now();
            while source.status().borrow().state == SourceState::Running {
                anyhow::ensure!(stalled.elapsed() < PATIENCE, "nobody noticed that it stalled");
                std::thread::sleep(Duration::from_millis(10));
            }
            let _ = frames.try_take();
            see(&frames, 5)?;
            eprintln!("pictures again {:?} after it stalled", stalled.elapsed());
            assert_eq!(source.status().borrow().state, SourceState::Running);
            Ok(())
        })
        .unwrap();
}
