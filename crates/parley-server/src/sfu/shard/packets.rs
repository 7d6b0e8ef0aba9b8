//! The way of packets: from a socket to the connection they are for, and from a publisher to everybody who gets them.

use super::super::demux::Origin;
use super::super::down_track::Arrived;
use super::super::event::{Event, What};
use super::super::flow_limit::Admission;
use super::super::peer::{Peer, PeerAt};
use super::super::up_track::{Came, PAYLOAD_BYTES_MAX, Route};
use super::passed::{Passed, has_copies, open};
use super::turns::Said;
use super::{OUTPUTS_MAX, Outgoing, Sfu};
use parley_proto::{Bitrate, Offence, SfuClosed, Source};
use rand::Rng as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::bwe::BweKind;
use str0m::media::Mid;
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpPacket;
use str0m::{Event as Happened, Input, Output, Reason};

/// The library looks at its estimate every 25 ms. Where a connection is at rest so much later is as good, for here it is looked at every
/// 100; and by then, 55 ms after the last time, a report of the client's has made it look, which comes every 50.
const LEISURE: Duration = Duration::from_millis(30);

impl Sfu {
    /// Something was read from a socket, sent from `from` to the address `to` of ours.
    pub fn handle_packet(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, datagram: &[u8]) {
        self.take_packet(now, from.into(), to, datagram);
    }

    /// A packet of the stream that comes from `from`; `to` is one of [`SfuConfig::streams`](super::SfuConfig::streams).
    pub fn handle_frame(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, packet: &[u8]) {
        #[cfg(test)]
        assert_ne!(packet, super::streams::FATAL, "a test asked the thread to fail");
        self.take_packet(now, Origin::stream(from), to, packet);
    }

    fn take_packet(&mut self, now: Instant, from: Origin, to: SocketAddr, datagram: &[u8]) {
        self.counts.datagrams_in += 1;
        let Some(at) = self.demux.find(from, datagram) else {
            self.counts.strange += 1;
            return;
        };
        let Some(peer) = self.peers.get_mut(at) else {
            return;
        };
        match peer.limit.admit(now, datagram.len()) {
            Admission::Take => {}
            Admission::Leave => {
                self.counts.too_much += 1;
                return;
            }
            Admission::Kick => return self.kick(now, at),
        }
        let receive = Receive::new(from.protocol(), from.address, to, datagram);
        let Some(receive) = receive.ok().filter(|_| peer.introduces(now, datagram)) else {
            self.counts.strange += 1;
            return;
        };
        // Anybody can write this client's address on a datagram: what cannot be read ends nothing.
        match peer.rtc.handle_input(Input::Receive(now, receive)) {
            Ok(()) => peer.heard = now,
            Err(error) => {
                tracing::debug!(%error, "a datagram is not understood");
                self.counts.strange += 1;
            }
        }
        let sent = self.outgoing.len();
        self.drain(now, at);
        if self.demux.knows(from, at) {
            if let Some(peer) = self.peers.get_mut(at) {
                peer.origins.used(from);
            }
        } else if !from.is_stream || self.answered_by(from, sent) {
            self.learn(now, from, to, at);
        }
    }

    /// Whether something was sent over this stream since `sent` things were. Over one that is not in use yet that is the answer to a
    /// genuine check: the library itself asks of an address only whether it is known, not whether by datagrams or a stream.
    fn answered_by(&self, from: Origin, sent: usize) -> bool {
        let new = self.outgoing.get(sent..).unwrap_or_default();
        new.iter().any(|one| one.is_stream && one.to == from.address)
    }

    /// Takes all that one connection has to say, until it wants to be woken.
    pub(super) fn drain(&mut self, now: Instant, at: PeerAt) -> Said {
        for _ in 0..OUTPUTS_MAX {
            match self.hear(now, at) {
                Said::Sent => {}
                said => return said,
            }
        }
        self.talks_to_itself(at)
    }

    /// Takes what one connection has to say, until it sent a packet or wants to be woken.
    pub(super) fn hear(&mut self, now: Instant, at: PeerAt) -> Said {
        for _ in 0..OUTPUTS_MAX {
            let Some(peer) = self.peers.get_mut(at) else {
                return Said::Over;
            };
            match peer.rtc.poll_output() {
                Ok(Output::Timeout(wake)) => {
                    if !peer.rtc.is_alive() {
                        return self.lose(at);
                    }
                    peer.backlog.asked(now);
                    let leisure = match peer.rtc.last_timeout_reason() {
                        Reason::BweDelayControl if peer.is_at_rest() => LEISURE,
                        _ => Duration::ZERO,
                    };
                    self.agenda.wake(at, wake + leisure);
                    return Said::Wakes(wake);
                }
                Ok(Output::Transmit(transmit)) => {
                    let bytes: Vec<u8> = transmit.contents.into();
                    peer.lets_go(&bytes);
                    self.counts.datagrams_out += 1;
                    self.counts.bytes_out += bytes.len() as u64;
                    self.outgoing.push(Outgoing {
                        from: transmit.source,
                        to: transmit.destination,
                        is_stream: transmit.proto == Protocol::Tcp,
                        bytes,
                    });
                    return Said::Sent;
                }
                Ok(Output::Event(happened)) => self.happened(now, at, happened),
                Err(error) => {
                    tracing::debug!(%error, "a connection fails");
                    return self.lose(at);
                }
            }
        }
        self.talks_to_itself(at)
    }

    /// Nothing would ever wake it again.
    fn talks_to_itself(&mut self, at: PeerAt) -> Said {
        tracing::debug!("a connection talks to itself");
        self.lose(at)
    }

    fn lose(&mut self, at: PeerAt) -> Said {
        self.counts.lost += 1;
        self.close(at, SfuClosed::Lost);
        Said::Over
    }

    fn happened(&mut self, now: Instant, at: PeerAt, happened: Happened) {
        match happened {
            Happened::RtpPacket(packet) => self.forward(now, at, packet),
            Happened::Connected => self.connected(now, at),
            Happened::MediaAdded(added) => {
                // Below half of the range: a first number close to its end would wrap around before anybody counted rollovers.
                let first_seq = (self.rng.next_u32() & 0x7fff) as u16;
                let Some(peer) = self.peers.get_mut(at) else {
                    return;
                };
                peer.section(added.mid, added.kind, added.direction, first_seq);
                // The library says so only once the connection stands, when routes were worked out without this section.
                if let Some(room) = self.rooms.get_mut(&peer.room) {
                    room.stale = true;
                }
            }
            Happened::MediaChanged(changed) => {
                let Some(peer) = self.peers.get_mut(at) else {
                    return;
                };
                let Some(kind) = peer.rtc.media(changed.mid).map(|media| media.kind()) else {
                    return;
                };
                let first_seq = (self.rng.next_u32() & 0x7fff) as u16;
                peer.section(changed.mid, kind, changed.direction, first_seq);
                if let Some(room) = self.rooms.get_mut(&peer.room) {
                    room.stale = true;
                }
            }
            Happened::MediaEgressStats(told) => {
                if let Some(peer) = self.peers.get_mut(at) {
                    peer.reported(&told);
                }
            }
            Happened::KeyframeRequest(ask) => self.key_frame(now, at, ask.mid),
            Happened::EgressBitrateEstimate(BweKind::Twcc { estimate, .. }) => {
                if let Some(peer) = self.peers.get_mut(at) {
                    peer.way.estimate = Bitrate::from_bps(estimate.as_u64());
                    let (participant, kbps) = (peer.participant, peer.way.estimate.kbps());
                    tracing::debug!(?participant, kbps, "what a way is taken to carry");
                }
            }
            _ => {}
        }
    }

    /// A packet of media: to everybody it is for.
    fn forward(&mut self, now: Instant, at: PeerAt, mut packet: RtpPacket) {
        self.counts.media_in += 1;
        let Some(peer) = self.peers.get_mut(at) else {
            return;
        };
        peer.limit.was_genuine();
        let Some((up, layer)) = peer.track_of(&packet) else {
            self.counts.strange += 1;
            let who = peer.participant;
            let room = self.rooms.get(&peer.room);
            if let Some(what) = room.map_or(Some(Offence::Streams), |room| room.stray(now, who)) {
                self.offends(now, at, what);
            }
            return;
        };
        if packet.payload.len() > PAYLOAD_BYTES_MAX {
            self.offends(now, at, Offence::Malformed);
        }
        let Some(peer) = self.peers.get_mut(at) else {
            return;
        };
        let recorded = recorded(now, peer, &packet);
        let mut missed = Vec::new();
        if let Some(track) = peer.ups.get(up).filter(|track| has_copies(peer, track, &packet)) {
            match open(peer, track, &mut packet) {
                Some(came) => missed = came,
                None => return self.offends(now, at, Offence::Malformed),
            }
        }
        let Some(track) = peer.ups.get_mut(up) else {
            return;
        };
        let mut came = track.came(now, layer, packet.header.ssrc, &packet);
        if !track.on {
            return;
        }
        let resumes = came == Came::Sound { again: true };
        if !missed.is_empty() {
            (missed, came) = track.repair(came, &packet, missed);
        }
        // A copy costs everybody what a packet does, although it came inside of one.
        let before = missed.len();
        let mut goes = Admission::Take;
        missed.retain(|one| {
            if goes == Admission::Take {
                goes = peer.limit.admit(now, one.payload.len());
                peer.limit.was_genuine();
            }
            goes == Admission::Take
        });
        self.counts.too_much += (before - missed.len()) as u64;
        if goes == Admission::Kick {
            return self.kick(now, at);
        }
        let (number, source) = (track.number, track.source);
        let routes = std::mem::take(&mut track.routes);
        if source == Source::Microphone
            && let Some(level) = packet.header.ext_vals.audio_level
            && let Some(room) = self.rooms.get_mut(&peer.room)
        {
            room.speakers.heard(now, number, level.unsigned_abs());
        }
        if came == Came::Silent {
            self.counts.silent += 1;
        }
        for (nth, one) in missed.iter().enumerate() {
            self.counts.repaired += 1;
            let arrived = Arrived {
                ssrc: packet.header.ssrc,
                seq: packet.seq_no.saturating_sub(one.back),
                time: packet.header.timestamp.wrapping_sub(one.earlier),
                marker: false,
                payload: &one.payload,
            };
            let again = nth == 0 && resumes;
            let passed = Passed::copied(one, recorded);
            self.pass_on(now, &routes, Came::Sound { again }, arrived, passed, number);
        }
        let passed = Passed::of(&packet, recorded);
        self.pass_on(now, &routes, came, (&packet).into(), passed, number);
        if let Some(track) = self.peers.get_mut(at).and_then(|peer| peer.ups.get_mut(up)) {
            track.routes = routes;
        }
    }

    /// One packet of a publication, to everybody it is for.
    fn pass_on(
        &mut self,
        now: Instant,
        routes: &[Route],
        came: Came,
        arrived: Arrived<'_>,
        passed: Passed<'_>,
        number: u32,
    ) {
        for route in routes {
            let Some(subscriber) = self.peers.get_mut(route.peer) else {
                continue;
            };
            let taken = subscriber
                .downs
                .get_mut(route.down)
                .and_then(|down| down.take(now, came, arrived));
            let was_given = subscriber.dirty;
            if let Some(goes) = taken
                && let Some(sent) = subscriber.send(now, route.down, goes, passed, number)
            {
                self.counts.media_out += 1;
                self.counts.with_copies += u64::from(sent.copies);
                if !was_given {
                    self.agenda.give(route.peer);
                }
            }
        }
    }

    /// A client did what no good one does.
    fn offends(&mut self, now: Instant, at: PeerAt, what: Offence) {
        self.counts.offences += 1;
        let peer = self.peers.get_mut(at);
        if peer.is_some_and(|peer| peer.offences.add(now, what)) {
            self.kick(now, at);
        }
    }

    /// It was too much.
    fn kick(&mut self, now: Instant, at: PeerAt) {
        self.counts.kicked += 1;
        if let Some(peer) = self.peers.get_mut(at) {
            let flooded = peer.limit.take_flooded();
            peer.offences.flooded(flooded);
            let list = peer.offences.news(now, true);
            self.events.push(Event {
                room: peer.room,
                participant: peer.participant,
                what: What::Offences { list, kicked: true },
            });
        }
        self.close(at, SfuClosed::Kicked);
    }

    /// A subscriber cannot go on in a section without a key frame.
    fn key_frame(&mut self, now: Instant, at: PeerAt, mid: Mid) {
        let Some(peer) = self.peers.get_mut(at) else {
            return;
        };
        peer.limit.was_genuine();
        let down = peer.downs.iter_mut().find(|down| down.mid == mid);
        if down.is_some_and(|down| down.nags(now)) {
            return self.offends(now, at, Offence::KeyFrames);
        }
        let down = self
            .peers
            .get(at)
            .and_then(|peer| peer.downs.iter().find(|down| down.mid == mid));
        let Some((feed, layer)) = down.and_then(|down| {
            let layer = down.forwarder.current().or_else(|| down.forwarder.wanted());
            Some((down.feed?, layer?))
        }) else {
            return;
        };
        if let Some(publisher) = self.peers.get_mut(feed.peer) {
            if let Some(layer) = publisher
                .ups
                .get_mut(feed.up)
                .and_then(|up| up.layers.get_mut(layer))
            {
                layer.key_frames.want();
            }
            self.counts.key_frames += publisher.ask_key_frames(now);
            if publisher.dirty {
                self.agenda.give(feed.peer);
            }
        }
    }
}

/// When a packet was recorded, by our clock.
fn recorded(now: Instant, peer: &mut Peer, packet: &RtpPacket) -> Instant {
    let Some(told) = packet.last_sender_info else {
        return now;
    };
    let since = packet.header.timestamp.wrapping_sub(told.rtp_time.numer() as u32) as i32;
    let rate = packet.time.frequency().get();
    let apart = Duration::from_secs_f64(f64::from(since.unsigned_abs()) / f64::from(rate));
    let theirs = if since < 0 {
        told.ntp_time.checked_sub(apart)
    } else {
        told.ntp_time.checked_add(apart)
    };
    theirs.map_or(now, |theirs| peer.clock.ours(now, theirs))
}
