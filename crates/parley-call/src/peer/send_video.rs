//! The pump of pictures: from an encoder's channel to the network. One task for the whole call for the camera, one for the screen.
//!
//! It always takes what comes while nothing may be sent, so that the encoder never stalls, and holds it while too much
//! waits in the pacer. A stream begins with a key frame, which the pump asks for.

use super::route::{Outgoing, Route};
use parley_media::packet::EncodedFrame;
use parley_media::time::{CaptureTime, RtpTime, VIDEO_CLOCK_HZ};
use parley_media::video::{KeyFrameFlag, h264};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Bytes of payload in a packet: with RTP header, extensions, retransmission number, SRTP tag, UDP and IPv6 headers this
/// stays below 1,280, the least any IPv6 path carries.
const PAYLOAD_BYTES_MAX: usize = 1160;

/// The present way out, if pictures may be sent.
pub(super) type Routes = watch::Receiver<Option<Arc<Route>>>;

/// Runs until the encoder's end is dropped.
pub(super) async fn run(
    mut frames: mpsc::Receiver<EncodedFrame>,
    mut routes: Routes,
    key_frames: KeyFrameFlag,
    unsent: impl Fn(),
) {
    let mut stream: Option<Stream> = None;
    while let Some(frame) = frames.recv().await {
        let route = routes.borrow_and_update().clone();
        let Some(route) = route else {
            stream = None;
            unsent();
            continue;
        };
        let current = match stream
            .take()
            .filter(|stream| stream.generation == route.generation)
        {
            // After a hole only a key frame helps, and it is worth sending at once.
            Some(current) if frame.key_frame || !current.torn => stream.insert(current),
            Some(current) => {
                stream = Some(current);
                key_frames.request();
                unsent();
                continue;
            }
            None if frame.key_frame => stream.insert(Stream::new(&route, frame.captured)),
            None => {
                key_frames.request();
                unsent();
                continue;
            }
        };
        current.torn = !current.send(&route, &frame).await;
        if current.torn {
            key_frames.request();
        }
        if !route.room.is_free() {
            route.meter.encoder_holds.one();
        }
        tokio::select! {
            () = route.room.free() => {}
            _ = routes.changed() => {}
        }
    }
}

/// The numbering of one RTP stream.
#[derive(Debug)]
struct Stream {
    generation: u32,
    sequence: u16,
    base: RtpTime,
    epoch: CaptureTime,
    /// The last frame went out in part only: nobody can decode what is built on it.
    torn: bool,
}

impl Stream {
    fn new(route: &Route, epoch: CaptureTime) -> Self {
        Self {
            generation: route.generation,
            // In the lower half, so that a receiver that missed the first packets cannot guess the rollover wrong.
            sequence: rand::random::<u16>() & 0x7fff,
            base: RtpTime(rand::random()),
            epoch,
            torn: false,
        }
    }

    /// Sends all of it; false if the network did not take all.
    async fn send(&mut self, route: &Route, frame: &EncodedFrame) -> bool {
        let elapsed = frame.captured.0.saturating_duration_since(self.epoch.0);
        let time = RtpTime::at(self.base, elapsed, VIDEO_CLOCK_HZ);
        route.clock.observe(frame.captured.0, time.0);
        let payloads = h264::packetize(&frame.data, PAYLOAD_BYTES_MAX);
        let count = payloads.len();
        for (n, payload) in payloads.into_iter().enumerate() {
            let outgoing = Outgoing {
                sequence: self.sequence,
                timestamp: time.0,
                marker: n + 1 == count,
                level: None,
                payload,
            };
            if !route.send(outgoing).await {
                return false;
            }
            self.sequence = self.sequence.wrapping_add(1);
        }
        route.count_frame();
        true
    }
}
