//! The pump of pictures: from an encoder's channel to the network. One task for the whole call for the camera, one for the screen.
//!
//! It always takes what comes while nothing may be sent, so that the encoder never stalls, and holds it while too much
//! waits in the pacer. A stream begins with a key frame, which the pump asks for as soon as there is a way: to wait for the
//! next picture first, and only then for the one after it, would make every call's first picture later.

use super::route::{Outgoing, Route};
use parley_media::packet::EncodedFrame;
use parley_media::time::{CaptureTime, RtpTime, VIDEO_CLOCK_HZ};
use parley_media::video::{KeyFrameFlag, h264};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Bytes of payload in a packet: with RTP header, extensions, retransmission number, SRTP tag, UDP and IPv6 headers this
/// stays below 1,280, the least any IPv6 path carries.
const PAYLOAD_BYTES_MAX: usize = 1160;

/// Pictures that can lie between the encoder and the pump: one in the channel, one that is being encoded.
const UNDER_WAY: u8 = 2;

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
    loop {
        let frame = tokio::select! {
            biased;
            opened = opening(&mut routes, stream.as_ref()) => {
                key_frames.request();
                stream = Some(Stream::new(&opened));
                continue;
            }
            frame = frames.recv() => frame,
        };
        let Some(frame) = frame else {
            return;
        };
        let route = routes.borrow().clone();
        let current = stream.as_mut().filter(|stream| {
            route
                .as_ref()
                .is_some_and(|route| route.generation == stream.generation)
        });
        let (Some(route), Some(current)) = (route, current) else {
            stream = None;
            unsent();
            continue;
        };
        // Into a hole, and to begin with, only a key frame is worth sending.
        if current.waits_for_key_frame && !frame.key_frame {
            if current.is_overdue() {
                key_frames.request();
            }
            unsent();
            continue;
        }
        current.waits_for_key_frame = !current.send(&route, &frame).await;
        if current.waits_for_key_frame {
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

/// The way out, once there is one on which nothing was sent yet.
async fn opening(routes: &mut Routes, stream: Option<&Stream>) -> Arc<Route> {
    let known = stream.map(|stream| stream.generation);
    loop {
        let opened = routes
            .borrow_and_update()
            .clone()
            .filter(|route| Some(route.generation) != known);
        if let Some(route) = opened {
            return route;
        }
        if routes.changed().await.is_err() {
            // Nobody is left who could open one.
            return std::future::pending().await;
        }
    }
}

/// The numbering of one RTP stream.
#[derive(Debug)]
struct Stream {
    generation: u32,
    sequence: u16,
    base: RtpTime,
    /// The capture time of what was sent first.
    epoch: Option<CaptureTime>,
    /// Nothing was sent yet, or the last frame went out in part only: nobody can decode what is built on it.
    waits_for_key_frame: bool,
    /// Pictures that may still come before the key frame that was asked for at the beginning: they were under way already, and
    /// asking again for each would make a second key frame for nothing.
    under_way: u8,
}

impl Stream {
    fn new(route: &Route) -> Self {
        Self {
            generation: route.generation,
            // In the lower half, so that a receiver that missed the first packets cannot guess the rollover wrong.
            sequence: rand::random::<u16>() & 0x7fff,
            base: RtpTime(rand::random()),
            epoch: None,
            waits_for_key_frame: true,
            under_way: UNDER_WAY,
        }
    }

    /// Whether the key frame that is waited for has to be asked for again, since one more picture came in its place.
    fn is_overdue(&mut self) -> bool {
        let overdue = self.under_way == 0;
        self.under_way = self.under_way.saturating_sub(1);
        overdue
    }

    /// Sends all of it; false if the network did not take all.
    async fn send(&mut self, route: &Route, frame: &EncodedFrame) -> bool {
        // Once something was tried, each picture that is no key frame asks for one again.
        self.under_way = 0;
        let epoch = self.epoch.get_or_insert(frame.captured);
        let elapsed = frame.captured.0.saturating_duration_since(epoch.0);
        let time = RtpTime::at(self.base, elapsed, VIDEO_CLOCK_HZ);
        route.clock.observe(frame.captured.0, time.0);
        let payloads = h264::packetize(&frame.data, PAYLOAD_BYTES_MAX);
        let count = payloads.len();
        for (n, payload) in payloads.into_iter().enumerate() {
            let outgoing = Outgoing {
                sequence: self.sequence,
                timestamp: time.0,
                marker: n + 1 == count,
                redundant: false,
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
