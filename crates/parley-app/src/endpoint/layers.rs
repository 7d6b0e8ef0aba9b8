//! One's own picture in smaller layers, for rooms of three and more: an encoder for each, behind one shrinker. None of it is
//! there before the call wants one of them, so a call of two pays nothing for it.
//!
//! Which layers are wanted is the call's to say, by the targets of each.

use super::ENCODED_MAX;
use super::picture::OwnPicture;
use super::retire;
use parley_call::LocalLayer;
use parley_media::packet::EncodedFrame;
use parley_media::slot::Slot;
use parley_media::video::{
    EncoderStats, EncoderTargets, KeyFrameFlag, SmallTaker, StartEncoderError, VideoEncoder, VideoShrinker,
};
use parley_proto::Resolution;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// The layers beside the largest, smallest first.
const RIDS: [&str; 2] = ["q", "h"];
/// The larger of the two. The smaller is made of it, which halves the work.
const LARGEST: Resolution = Resolution::new(640, 360);
/// How long encoders that nobody wants are kept ready: longer than a change of layout takes.
const LINGER: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub(super) struct Layers {
    ends: [Ends; RIDS.len()],
    running: Option<Running>,
    /// Since when none is wanted.
    resting: Option<Instant>,
}

/// The call's end of one layer. Every encoder of it uses the same.
#[derive(Debug)]
struct Ends {
    rid: &'static str,
    out: mpsc::Sender<EncodedFrame>,
    targets: watch::Receiver<EncoderTargets>,
    key_frames: KeyFrameFlag,
}

/// Threads at work; the one that feeds the others ends first.
#[derive(Debug)]
struct Running {
    _shrinker: VideoShrinker,
    encoders: Vec<(&'static str, VideoEncoder)>,
}

impl Layers {
    /// At rest, and the ends that the call takes.
    pub(super) fn new() -> (Self, Vec<LocalLayer>) {
        let pairs = RIDS.map(layer);
        let mut of_call = Vec::with_capacity(RIDS.len());
        let ends = pairs.map(|(ends, layer)| {
            of_call.push(layer);
            ends
        });
        let layers = Self {
            ends,
            running: None,
            resting: None,
        };
        (layers, of_call)
    }

    /// Returns when [`Layers::follow`] has something to do. Cancel safe.
    pub(super) async fn changed(&mut self) {
        let over_at = self.over_at();
        let [quarter, half] = &mut self.ends;
        let over = async {
            match over_at {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Ok(()) = quarter.targets.changed() => {}
            Ok(()) = half.targets.changed() => {}
            () = over => {}
        }
    }

    /// Begins to encode what is wanted, and ends after a while what is not.
    pub(super) fn follow(&mut self, now: Instant, picture: &mut OwnPicture) {
        if self.ends.iter().any(|ends| !ends.targets.borrow().paused) {
            self.resting = None;
            if self.running.is_none() {
                self.running = self
                    .begin(picture)
                    .inspect_err(|error| tracing::warn!(%error, "no smaller layers of one's own picture"))
                    .ok();
            }
            return;
        }
        self.resting.get_or_insert(now);
        if self.over_at().is_some_and(|at| at <= now)
            && let Some(running) = self.running.take()
        {
            retire(running);
        }
    }

    /// What each encoder did, smallest first.
    pub(super) fn stats(&self) -> impl Iterator<Item = (&'static str, EncoderStats)> {
        let encoders = self.running.iter().flat_map(|running| &running.encoders);
        encoders.map(|(rid, encoder)| (*rid, encoder.stats()))
    }

    /// When encoders that rest are over.
    fn over_at(&self) -> Option<Instant> {
        let resting = self.resting.filter(|_| self.running.is_some());
        resting.map(|since| since + LINGER)
    }

    fn begin(&self, picture: &mut OwnPicture) -> Result<Running, StartEncoderError> {
        let mut encoders = Vec::with_capacity(RIDS.len());
        let mut takers = Vec::with_capacity(RIDS.len());
        for ends in &self.ends {
            let frames = Slot::new();
            takers.push(SmallTaker {
                frames: frames.clone(),
                targets: ends.targets.clone(),
            });
            let encoder = VideoEncoder::spawn(
                frames,
                ends.targets.clone(),
                ends.key_frames.clone(),
                ends.out.clone(),
            )?;
            encoders.push((ends.rid, encoder));
        }
        let shrinker = VideoShrinker::spawn(picture.for_encoder(), LARGEST, takers)?;
        Ok(Running {
            _shrinker: shrinker,
            encoders,
        })
    }
}

impl Drop for Layers {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            retire(running);
        }
    }
}

/// Both ends of a layer.
fn layer(rid: &'static str) -> (Ends, LocalLayer) {
    let (out, frames) = mpsc::channel(ENCODED_MAX);
    let (for_call, targets) = watch::channel(EncoderTargets {
        paused: true,
        ..EncoderTargets::default()
    });
    let key_frames = KeyFrameFlag::new();
    let ends = Ends {
        rid,
        out,
        targets,
        key_frames: key_frames.clone(),
    };
    let of_call = LocalLayer {
        rid,
        frames,
        targets: for_call,
        key_frames,
    };
    (ends, of_call)
}

#[cfg(test)]
mod tests {
    use super::super::tiles::Tiles;
    use super::*;
    use parley_media::video::{TemporalLayers, VideoInput};
    use parley_proto::{Bitrate, FrameRate};

    #[expect(
        clippy::disallowed_methods,
        reason = "test: the moment layers begin to be wanted"
    )]
    fn now() -> Instant {
        Instant::now()
    }

    async fn next(layer: &mut LocalLayer) -> EncodedFrame {
        let frame = tokio::time::timeout(Duration::from_secs(20), layer.frames.recv()).await;
        frame.unwrap().unwrap()
    }

    fn want(layer: &LocalLayer, width: u32, height: u32) {
        layer.targets.send_replace(EncoderTargets {
            bitrate: Bitrate::from_kbps(300),
            frame_rate: FrameRate::new(15),
            resolution: Resolution::new(width, height),
            paused: false,
            layers: TemporalLayers::One,
        });
    }

    #[tokio::test]
    async fn layers_are_encoded_while_they_are_wanted_and_nothing_is_left_of_them_after() {
        let mut picture = OwnPicture::new(Tiles::default());
        picture.set(Some(VideoInput::Pattern {
            resolution: Resolution::new(1280, 720),
            frame_rate: FrameRate::new(15),
        }));
        let (mut layers, mut of_call) = Layers::new();
        let begin = now();
        layers.follow(begin, &mut picture);
        assert!(layers.running.is_none(), "a call of two pays nothing");

        want(&of_call[0], 320, 180);
        want(&of_call[1], 640, 360);
        layers.changed().await;
        layers.follow(begin, &mut picture);
        for (layer, size) in of_call.iter_mut().zip([(320, 180), (640, 360)]) {
            let frame = next(layer).await;
            assert!(frame.key_frame, "{}", layer.rid);
            assert_eq!(frame.resolution, Resolution::new(size.0, size.1));
        }
        assert_eq!(layers.stats().map(|(rid, _)| rid).collect::<Vec<_>>(), RIDS);

        for layer in &of_call {
            layer.targets.send_modify(|targets| targets.paused = true);
        }
        layers.follow(begin, &mut picture);
        layers.follow(begin + LINGER / 2, &mut picture);
        assert!(layers.running.is_some(), "kept ready for a while");
        layers.follow(begin + LINGER, &mut picture);
        assert!(layers.running.is_none());
        want(&of_call[0], 320, 180);
        layers.follow(begin + LINGER, &mut picture);
        // What was encoded before may still wait: it began with the first key frame.
        let mut again = next(&mut of_call[0]).await;
        while !again.key_frame {
            again = next(&mut of_call[0]).await;
        }
        assert!(layers.running.is_some());
    }
}
