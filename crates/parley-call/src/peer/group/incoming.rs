//! The links of a connection's chain that feed the [`Demultiplexer`], and the handle by which they share it with the driver: packets of
//! media on top of the chain, and below, where the library has not taken them out yet, the sender reports.
//!
//! One lock for all connections of a call. It is held for one packet at a time, by the library's tasks, of which there are two only
//! while a fresh connection takes over, and by the driver four times a second.

use super::demultiplexer::Demultiplexer;
use super::track::Place;
use crate::peer::chain::{Lanes, Link};
use crate::peer::meter::Meter;
use parley_media::audio::red::{self, Copied};
use rtc::interceptor::{Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtp;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What comes in a call, whatever connection it comes over.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    core: Mutex<Demultiplexer>,
    news: Notify,
}

impl Inbox {
    pub(super) fn lock(&self) -> MutexGuard<'_, Demultiplexer> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there may be news. Cancel safe.
    pub(super) async fn has_news(&self) {
        self.news.notified().await;
    }

    fn wake(&self, core: &Demultiplexer) {
        if core.has_news() {
            self.news.notify_one();
        }
    }
}

/// On top of the chain: media goes to the demultiplexer and no further.
pub(super) struct Incoming {
    connection: u32,
    inbox: Arc<Inbox>,
    meter: Arc<Meter>,
    rtx: HashSet<u32>,
}

impl Incoming {
    pub(super) fn new(connection: u32, inbox: Arc<Inbox>, meter: Arc<Meter>) -> Self {
        Self {
            connection,
            inbox,
            meter,
            rtx: HashSet::new(),
        }
    }
}

impl Incoming {
    /// A packet without the copies that were in it, newest first. Nothing where it cannot be read.
    fn open(&self, mut packet: rtp::Packet) -> Option<(rtp::Packet, Vec<Copied>)> {
        // Padding is nobody's.
        let inside = self.meter.redundancy.inside(packet.header.payload_type);
        let Some(media_type) = inside.filter(|_| !packet.payload.is_empty()) else {
            return Some((packet, Vec::new()));
        };
        match red::unpack(&packet.payload, media_type) {
            Ok(unpacked) => {
                packet.payload = unpacked.primary;
                Some((packet, unpacked.copies))
            }
            Err(error) => {
                tracing::debug!(%error, "a packet of sound is not read");
                self.meter.drops.red_invalid.one();
                None
            }
        }
    }
}

impl Link for Incoming {
    fn on_received(&mut self, packet: TaggedPacket, lanes: &mut Lanes) {
        let now = packet.now;
        match packet.message.packet {
            Packet::Rtp(rtp) => {
                let place = Place {
                    connection: self.connection,
                    ssrc: rtp.header.ssrc,
                };
                let Some((rtp, copies)) = self.open(rtp) else {
                    return;
                };
                let mut core = self.inbox.lock();
                core.packet(now, place, rtp, copies, &self.meter.drops);
                self.inbox.wake(&core);
            }
            _ => lanes.inward.push_back(packet),
        }
    }

    fn bind_remote(&mut self, stream: &StreamInfo) {
        // The stream of retransmissions is announced right after its primary one; nothing of it comes this far.
        self.rtx.extend(stream.ssrc_rtx);
        if !self.rtx.contains(&stream.ssrc) {
            self.inbox.lock().bind(Place {
                connection: self.connection,
                ssrc: stream.ssrc,
            });
        }
    }
}

/// Further down: what the server reports of its clock.
pub(super) struct ServerClock {
    connection: u32,
    inbox: Arc<Inbox>,
}

impl ServerClock {
    pub(super) const fn new(connection: u32, inbox: Arc<Inbox>) -> Self {
        Self { connection, inbox }
    }
}

impl Link for ServerClock {
    fn on_received(&mut self, packet: TaggedPacket, lanes: &mut Lanes) {
        if let Packet::Rtcp(compound) = &packet.message.packet {
            for part in compound {
                if let Some(report) = part.as_any().downcast_ref::<SenderReport>() {
                    let place = Place {
                        connection: self.connection,
                        ssrc: report.ssrc,
                    };
                    self.inbox.lock().report(place, report.ntp_time, report.rtp_time);
                }
            }
        }
        lanes.inward.push_back(packet);
    }
}
