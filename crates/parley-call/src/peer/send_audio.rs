//! The pump of sound: from the audio engine's channel to the network, and from that of the computer's sound. One task each for
//! the whole call; always takes what comes.

use super::route::{Outgoing, Route};
use super::send_video::Routes;
use parley_media::packet::EncodedAudio;
use tokio::sync::mpsc;

/// Runs until the audio engine's end is dropped.
pub(super) async fn run(mut packets: mpsc::Receiver<EncodedAudio>, mut routes: Routes, unsent: impl Fn()) {
    let mut stream: Option<Stream> = None;
    while let Some(packet) = packets.recv().await {
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
            Some(current) => stream.insert(current),
            None => stream.insert(Stream::new(&route)),
        };
        current.send(&route, packet).await;
    }
}

/// The numbering of one RTP stream.
#[derive(Debug)]
struct Stream {
    generation: u32,
    sequence: u16,
    base: u32,
    first: bool,
}

impl Stream {
    fn new(route: &Route) -> Self {
        Self {
            generation: route.generation,
            // In the lower half, so that a receiver that missed the first packets cannot guess the rollover wrong.
            sequence: rand::random::<u16>() & 0x7fff,
            base: rand::random(),
            first: true,
        }
    }

    async fn send(&mut self, route: &Route, packet: EncodedAudio) {
        let timestamp = self.base.wrapping_add(packet.position_samples as u32);
        route.clock.observe(packet.captured.0, timestamp);
        let outgoing = Outgoing {
            sequence: self.sequence,
            timestamp,
            marker: packet.talk_spurt_start || std::mem::take(&mut self.first),
            level: Some(packet.level.minus_dbov() | if packet.voice { 0x80 } else { 0 }),
            payload: packet.data,
        };
        if route.send(outgoing).await {
            self.sequence = self.sequence.wrapping_add(1);
            route.count_sound();
        }
    }
}
