//! The pump of pictures: from an encoder's channel to the network. One task for the whole call for each encoder.
//!
//! It always takes what comes while nothing may be sent, so that the encoder never stalls, and holds it while too much
//! waits in the pacer. A stream begins with a key frame, which the pump asks for as soon as there is a way: to wait for the
//! next picture first, and only then for the one after it, would make every call's first picture later.
//!
//! There may be two ways at once, one to the other side and one to the server's SFU: the same packets go both, under each one's own
//! numbers. The slower one holds the encoder for both, whose target is the smaller of theirs anyway.

use super::route::{Outgoing, Route};
use bytes::Bytes;
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

/// A way on which nothing is ever sent.
pub(super) fn no_routes() -> Routes {
    watch::channel(None).1
}

/// Runs until the encoder's end is dropped.
pub(super) async fn run(
    mut frames: mpsc::Receiver<EncodedFrame>,
    ways: [Routes; 2],
    key_frames: KeyFrameFlag,
    unsent: impl Fn(),
) {
    let [mut one, mut other] = ways.map(Way::new);
    loop {
        let frame = tokio::select! {
            biased;
            () = one.opening() => {
                key_frames.request();
                continue;
            }
            () = other.opening() => {
                key_frames.request();
                continue;
            }
            frame = frames.recv() => frame,
        };
        let Some(frame) = frame else {
            return;
        };
        let mut packets = Packets::of(&frame);
        let mut is_sent = false;
        for way in [&mut one, &mut other] {
            match way.send(&mut packets).await {
                Sent::Not => {}
                Sent::NotWithout(key_frame) => {
                    if key_frame == Wanted::Again {
                        key_frames.request();
                    }
                }
                Sent::Whole => is_sent = true,
                Sent::Torn => {
                    is_sent = true;
                    key_frames.request();
                }
            }
        }
        if !is_sent {
            unsent();
            continue;
        }
        for way in [&mut one, &mut other] {
            way.free().await;
        }
    }
}

/// What became of a picture on one way.
#[derive(Debug, PartialEq, Eq)]
enum Sent {
    /// The way is shut.
    Not,
    /// Only a key frame is worth sending.
    NotWithout(Wanted),
    /// It went.
    Whole,
    /// The network did not take all of it.
    Torn,
}

/// The key frame that is waited for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    /// It was asked for.
    Already,
    /// It has to be asked for again.
    Again,
}

/// A picture, cut into packets once for all ways, when the first of them sends it.
struct Packets<'a> {
    frame: &'a EncodedFrame,
    payloads: Vec<Bytes>,
}

impl<'a> Packets<'a> {
    const fn of(frame: &'a EncodedFrame) -> Self {
        Self {
            frame,
            payloads: Vec::new(),
        }
    }

    fn payloads(&mut self) -> &[Bytes] {
        if self.payloads.is_empty() {
            self.payloads = h264::packetize(&self.frame.data, PAYLOAD_BYTES_MAX);
        }
        &self.payloads
    }
}

/// One of the ways out, and the numbering of what goes there.
struct Way {
    routes: Routes,
    stream: Option<Stream>,
    /// Pictures go, since this connection's way opened last.
    flows: Option<u32>,
    /// It was sent on with the picture before.
    used: Option<Arc<Route>>,
}

impl Way {
    const fn new(routes: Routes) -> Self {
        Self {
            routes,
            stream: None,
            flows: None,
            used: None,
        }
    }

    /// Waits until there is a way on which nothing was sent yet, or not since it was shut. Cancel safe.
    async fn opening(&mut self) {
        loop {
            let opened = self
                .routes
                .borrow_and_update()
                .clone()
                .filter(|route| Some(route.generation) != self.flows);
            if let Some(route) = opened {
                return self.begin(&route);
            }
            if self.routes.changed().await.is_err() {
                // Nobody is left who could open one.
                return std::future::pending().await;
            }
        }
    }

    /// A connection's stream goes on under the same numbers: its receiver and its keys count on (RFC 3711, 3.3.1).
    fn begin(&mut self, route: &Route) {
        let known = self
            .stream
            .take()
            .filter(|stream| stream.generation == route.generation);
        let mut stream = known.unwrap_or_else(|| Stream::new(route));
        stream.waits_for_key_frame = true;
        stream.under_way = UNDER_WAY;
        self.stream = Some(stream);
        self.flows = Some(route.generation);
    }

    async fn send(&mut self, packets: &mut Packets<'_>) -> Sent {
        self.used = None;
        let route = self.routes.borrow().clone();
        let route = route.filter(|route| Some(route.generation) == self.flows);
        let (Some(route), Some(stream)) = (route, &mut self.stream) else {
            self.flows = None;
            return Sent::Not;
        };
        // Into a hole, and to begin with, only a key frame is worth sending.
        if stream.waits_for_key_frame && !packets.frame.key_frame {
            let wanted = if stream.is_overdue() {
                Wanted::Again
            } else {
                Wanted::Already
            };
            return Sent::NotWithout(wanted);
        }
        stream.waits_for_key_frame = !stream.send(&route, packets).await;
        self.used = Some(route);
        if stream.waits_for_key_frame {
            Sent::Torn
        } else {
            Sent::Whole
        }
    }

    /// Waits until there is room for the next one, if this one went here.
    async fn free(&mut self) {
        let Some(route) = self.used.take() else {
            return;
        };
        if !route.room.is_free() {
            route.meter.encoder_holds.one();
        }
        tokio::select! {
            () = route.room.free() => {}
            _ = self.routes.changed() => {}
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
    async fn send(&mut self, route: &Route, packets: &mut Packets<'_>) -> bool {
        // Once something was tried, each picture that is no key frame asks for one again.
        self.under_way = 0;
        let captured = packets.frame.captured;
        let epoch = self.epoch.get_or_insert(captured);
        let elapsed = captured.0.saturating_duration_since(epoch.0);
        let time = RtpTime::at(self.base, elapsed, VIDEO_CLOCK_HZ);
        route.clock.observe(captured.0, time.0);
        let payloads = packets.payloads();
        let count = payloads.len();
        for (n, payload) in payloads.iter().enumerate() {
            let outgoing = Outgoing {
                sequence: self.sequence,
                timestamp: time.0,
                marker: n + 1 == count,
                redundant: false,
                level: None,
                payload: payload.clone(),
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
