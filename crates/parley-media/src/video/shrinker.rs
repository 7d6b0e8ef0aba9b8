//! The thread that makes pictures smaller once for several encoders: newest picture in, a smaller one into each slot whose
//! encoder does not rest. While all rest it scales nothing.
//!
//! Owned by whoever owns the encoders behind it. An encoder scales further what is still larger than its target.

use super::EncoderTargets;
use super::VideoFrame;
use super::pool::FramePool;
use super::scale::scale_into;
use crate::slot::{Slot, Taken};
use parley_proto::Resolution;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// How long the thread waits for a picture before it looks whether it is still wanted.
const PATIENCE: Duration = Duration::from_millis(500);

/// An encoder behind the shrinker.
#[derive(Debug)]
pub struct SmallTaker {
    /// Where it takes pictures from.
    pub frames: Slot<VideoFrame>,
    /// What it must produce: it gets nothing while it rests.
    pub targets: watch::Receiver<EncoderTargets>,
}

/// The thread. Dropping it closes the slot it takes from, and ends it.
#[derive(Debug)]
pub struct VideoShrinker {
    frames: Slot<VideoFrame>,
    thread: Option<JoinHandle<()>>,
}

impl VideoShrinker {
    /// Starts the thread. Pictures become no larger than `limit`, in their own shape. It ends when dropped, or when `frames` is
    /// closed.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn spawn(
        frames: Slot<VideoFrame>,
        limit: Resolution,
        takers: Vec<SmallTaker>,
    ) -> std::io::Result<Self> {
        let slot = frames.clone();
        let thread = std::thread::Builder::new()
            .name("video shrink".into())
            .spawn(move || run(&slot, limit, &takers))?;
        Ok(Self {
            frames,
            thread: Some(thread),
        })
    }
}

impl Drop for VideoShrinker {
    fn drop(&mut self) {
        self.frames.close();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

fn run(frames: &Slot<VideoFrame>, limit: Resolution, takers: &[SmallTaker]) {
    let mut pool = FramePool::new();
    loop {
        let frame = match frames.take(PATIENCE) {
            Taken::Value(frame) => frame,
            Taken::TimedOut => continue,
            Taken::Closed => return,
        };
        let mut small = None;
        for taker in takers {
            if !taker.targets.borrow().paused {
                let size = frame.resolution().fit_within(limit);
                let small = small.get_or_insert_with(|| scale_into(&mut pool, &frame, size));
                taker.frames.put(small.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::CaptureTime;
    use std::time::Instant;

    const SOON: Duration = Duration::from_secs(10);

    #[expect(clippy::disallowed_methods, reason = "test: a picture of now")]
    fn picture(width: u32, height: u32) -> VideoFrame {
        let resolution = Resolution::new(width, height);
        let pixels = vec![90; VideoFrame::byte_len(resolution)].into();
        VideoFrame::from_i420(resolution, pixels, CaptureTime(Instant::now())).unwrap()
    }

    fn taker(paused: bool) -> (SmallTaker, watch::Sender<EncoderTargets>) {
        let (sender, targets) = watch::channel(EncoderTargets {
            paused,
            ..EncoderTargets::default()
        });
        let frames = Slot::new();
        (SmallTaker { frames, targets }, sender)
    }

    #[test]
    fn a_picture_is_made_smaller_once_for_all_who_do_not_rest() {
        let ((one, _one_targets), (two, _two_targets), (rests, wake)) =
            (taker(false), taker(false), taker(true));
        let [first, second, resting] = [&one, &two, &rests].map(|taker| taker.frames.clone());
        let frames = Slot::new();
        let shrinker =
            VideoShrinker::spawn(frames.clone(), Resolution::new(640, 360), vec![rests, one, two]).unwrap();
        frames.put(picture(1280, 720));
        let (Taken::Value(first), Taken::Value(second)) = (first.take(SOON), second.take(SOON)) else {
            panic!("nothing came");
        };
        assert_eq!(first.resolution(), Resolution::new(640, 360));
        assert!(std::ptr::eq(first.i420(), second.i420()), "the same pixels");
        assert!(resting.try_take().is_none());

        wake.send_modify(|targets| targets.paused = false);
        frames.put(picture(640, 480));
        let Taken::Value(woken) = resting.take(SOON) else {
            panic!("nothing came");
        };
        assert_eq!(woken.resolution(), Resolution::new(480, 360), "in its own shape");
        drop(shrinker);
        assert!(frames.is_closed());
    }
}
