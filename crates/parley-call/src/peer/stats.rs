//! From counters to the sample of each second. Pure: what was read at two moments comes in, rates come out.

use super::meter::{Counter, Meter};
use crate::ice::RelayTransport;
use crate::port::PeerStats;
use crate::relay::relays::Relays;
use parley_proto::limits::LAYERS_MAX;
use rtc::peer_connection::transport::RTCIceCandidatePair;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;
use webrtc::peer_connection::{
    RTCIceCandidate, RTCIceCandidateType, RTCIceProtocol, RTCStatsReport, RTCStatsReportEntry,
};

/// The counters that rates are made of, as they stood at one moment.
#[derive(Debug, Clone, Copy)]
struct Reading {
    at: Instant,
    bytes_sent: u64,
    bytes_received: u64,
    frames_sent: [u64; LAYERS_MAX],
    screen_frames_sent: u64,
    screen_sound_sent: u64,
    expected: u64,
    received: u64,
}

impl Reading {
    fn of(meter: &Meter, at: Instant) -> Self {
        Self {
            at,
            bytes_sent: meter.bytes_sent.get(),
            bytes_received: meter.bytes_received.get(),
            frames_sent: meter.frames_sent.each_ref().map(Counter::get),
            screen_frames_sent: meter.screen_frames_sent.get(),
            screen_sound_sent: meter.screen_sound_sent.get(),
            expected: meter.packets_expected.get(),
            received: meter.packets_received.get(),
        }
    }
}

/// The pair of addresses in use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// How each was found.
    pub(super) types: [&'static str; 2],
    /// It is a stream between the two.
    pub(super) over_tcp: bool,
    /// How the relay is reached that this side's end is on.
    pub(super) relay: Option<RelayTransport>,
    /// The address of this machine that it goes out by, as far as the library knows.
    pub(super) base: Option<IpAddr>,
    /// The relay is behind a stream, so `base` is only where the library finds it.
    pub(super) over_stream: bool,
    /// The relay was lost with its stream.
    pub(super) relay_lost: bool,
    pub(super) rtt_ms: Option<f32>,
}

/// Makes samples of one connection.
#[derive(Debug)]
pub(super) struct Sampler {
    last: Reading,
}

impl Sampler {
    /// Starts counting now.
    pub(super) fn new(meter: &Meter, now: Instant) -> Self {
        Self {
            last: Reading::of(meter, now),
        }
    }

    /// The sample of the time since the last one.
    pub(super) fn sample(
        &mut self,
        meter: &Meter,
        pair: Option<Pair>,
        estimate_bps: u64,
        now: Instant,
    ) -> PeerStats {
        let (last, this) = (self.last, Reading::of(meter, now));
        self.last = this;
        let seconds = this
            .at
            .saturating_duration_since(last.at)
            .as_secs_f64()
            .max(0.001);
        let per_s = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
        let expected = this.expected.saturating_sub(last.expected);
        let missing = expected.saturating_sub(this.received.saturating_sub(last.received));
        PeerStats {
            rtt_ms: pair.and_then(|pair| pair.rtt_ms),
            estimate_bps: Some(estimate_bps),
            sent_bps: (per_s(this.bytes_sent, last.bytes_sent) * 8.0) as u64,
            received_bps: (per_s(this.bytes_received, last.bytes_received) * 8.0) as u64,
            // Several encodings are of the same pictures.
            frames_sent_per_s: std::iter::zip(this.frames_sent, last.frames_sent)
                .map(|(now, then)| per_s(now, then) as f32)
                .fold(0.0, f32::max),
            screen_frames_sent_per_s: per_s(this.screen_frames_sent, last.screen_frames_sent) as f32,
            screen_sound_sent_per_s: per_s(this.screen_sound_sent, last.screen_sound_sent) as f32,
            loss_in_pct: if expected == 0 {
                0.0
            } else {
                missing as f32 * 100.0 / expected as f32
            },
            loss_out_pct: meter.audio_loss_out.get().max(meter.video_loss_out.get()) * 100.0,
            audio_jitter_ms: meter.audio_jitter_ms.get(),
            video_jitter_ms: meter.video_jitter_ms.get(),
            key_frame_requests_received: meter.key_frame_requests_received.get(),
            key_frame_requests_sent: meter.key_frame_requests_sent.get(),
            nacks_received: meter.nacks_received.get(),
            nacks_sent: meter.nacks_sent.get(),
            retransmissions_sent: meter.retransmissions_sent.get(),
            retransmissions_received: meter.retransmissions_received.get(),
            encoder_holds: meter.encoder_holds.get(),
            pair: pair.map(|pair| (pair.local, pair.remote)),
            pair_types: pair.map(|pair| (pair.types[0], pair.types[1])),
            over_tcp: pair.is_some_and(|pair| pair.over_tcp),
            relay: pair.and_then(|pair| pair.relay),
            drops: meter.drops.list(),
        }
    }
}

/// The selected pair as ICE tells it, with the round trip out of the library's report. `None` for a `.local` address.
pub(super) fn pair(selected: &RTCIceCandidatePair, report: &RTCStatsReport, relays: &Relays) -> Option<Pair> {
    let address = |candidate: &RTCIceCandidate| {
        let ip: IpAddr = candidate.address.parse().ok()?;
        Some(SocketAddr::new(ip, candidate.port))
    };
    let id = &report.transport()?.selected_candidate_pair_id;
    let rtt_s = match report.get(id) {
        Some(RTCStatsReportEntry::IceCandidatePair(pair)) => pair.current_round_trip_time,
        _ => 0.0,
    };
    let local = selected.local();
    let is_relay = local.typ == RTCIceCandidateType::Relay;
    let url = relay_url(local, report);
    let behind = url.and_then(|url| relays.transport_of(url));
    Some(Pair {
        local: address(local)?,
        remote: address(selected.remote())?,
        types: [local.typ, remote_type(selected.remote(), report.iter())].map(type_word),
        over_tcp: local.protocol == RTCIceProtocol::Tcp,
        // What the library reaches by itself it reaches over UDP.
        relay: is_relay.then(|| behind.unwrap_or(RelayTransport::Udp)),
        base: match local.typ {
            RTCIceCandidateType::Host | RTCIceCandidateType::Prflx => local.address.parse().ok(),
            _ => local.related_address.parse().ok(),
        },
        over_stream: is_relay && behind.is_some(),
        relay_lost: is_relay && url.is_some_and(|url| relays.has_lost(url)),
        rtt_ms: (rtt_s > 0.0).then_some((rtt_s * 1000.0) as f32),
    })
}

/// The relay that a candidate is on, as the library was told of it. The candidate of a pair has lost it (rtc 0.21.1 reads it
/// back from its line in the description, where there is no place for one); the report's has not.
fn relay_url<'a>(local: &'a RTCIceCandidate, report: &'a RTCStatsReport) -> Option<&'a str> {
    if local.typ != RTCIceCandidateType::Relay {
        return None;
    }
    let told = match report.get(&format!("RTCLocalIceCandidate_{}", local.id)) {
        Some(RTCStatsReportEntry::LocalCandidate(told)) => Some(told.url.as_str()),
        _ => None,
    };
    local.url.as_deref().or(told)
}

/// The type of the other side's candidate. A check may be here before word of the candidate that it came from, which counts as found by
/// it then (peer reflexive, RFC 8445, 7.3.1.3), and the library keeps both: what the other side says it is, once that is known.
fn remote_type<'a>(
    remote: &RTCIceCandidate,
    mut report: impl Iterator<Item = &'a RTCStatsReportEntry>,
) -> RTCIceCandidateType {
    if remote.typ != RTCIceCandidateType::Prflx {
        return remote.typ;
    }
    let protocol = remote.protocol.to_string();
    let told = report.find_map(|entry| match entry {
        RTCStatsReportEntry::RemoteCandidate(told) => {
            let is_it = told.address.as_deref() == Some(remote.address.as_str())
                && told.port == remote.port
                && told.protocol == protocol;
            is_it.then_some(told.candidate_type)
        }
        _ => None,
    });
    told.unwrap_or(remote.typ)
}

/// The word for a candidate's type (RFC 8839, 5.1).
fn type_word(of: RTCIceCandidateType) -> &'static str {
    match of {
        RTCIceCandidateType::Host => "host",
        RTCIceCandidateType::Srflx => "srflx",
        RTCIceCandidateType::Prflx => "prflx",
        RTCIceCandidateType::Relay => "relay",
        _ => "unknown",
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;
    use rtc::peer_connection::transport::{RTCIceServerTransportProtocol, RTCIceTcpCandidateType};
    use rtc::shared::time::SystemInstant;
    use rtc::statistics::stats::ice_candidate::RTCIceCandidateStats;
    use rtc::statistics::stats::{RTCStats, RTCStatsType};
    use std::time::Duration;

    #[test]
    fn rates_are_of_the_last_second_and_counters_of_all_time() {
        let meter = Meter::default();
        let start = Instant::now();
        meter.bytes_sent.add(5_000_000);
        let mut sampler = Sampler::new(&meter, start);
        meter.bytes_sent.add(125_000);
        for (counter, frames) in meter.frames_sent.iter().zip([15, 14, 3]) {
            counter.add(frames);
        }
        meter.packets_expected.add(100);
        meter.packets_received.add(98);
        meter.nacks_sent.add(2);
        let stats = sampler.sample(&meter, None, 1_000_000, start + Duration::from_millis(500));
        assert_eq!((stats.sent_bps, stats.frames_sent_per_s), (2_000_000, 30.0));
        assert_eq!((stats.loss_in_pct, stats.nacks_sent), (2.0, 2));
        let quiet = sampler.sample(&meter, None, 1_000_000, start + Duration::from_millis(1500));
        assert_eq!((quiet.sent_bps, quiet.loss_in_pct, quiet.nacks_sent), (0, 0.0, 2));
    }

    /// A candidate of the other side in a report, as it was told.
    fn told(address: &str, port: u16, protocol: RTCIceProtocol) -> RTCStatsReportEntry {
        let stats = RTCIceCandidateStats {
            stats: RTCStats {
                timestamp: SystemInstant::from_epoch(Duration::ZERO),
                typ: RTCStatsType::RemoteCandidate,
                id: String::new(),
            },
            transport_id: String::new(),
            address: Some(address.to_owned()),
            port,
            protocol: protocol.to_string(),
            candidate_type: RTCIceCandidateType::Relay,
            priority: 0,
            url: String::new(),
            relay_protocol: RTCIceServerTransportProtocol::default(),
            foundation: String::new(),
            related_address: String::new(),
            related_port: 0,
            username_fragment: String::new(),
            tcp_type: RTCIceTcpCandidateType::default(),
        };
        RTCStatsReportEntry::RemoteCandidate(stats)
    }

    #[test]
    fn a_candidate_that_was_found_before_it_was_told_is_what_it_was_told_to_be() {
        let found = RTCIceCandidate {
            address: "192.0.2.1".to_owned(),
            port: 50_000,
            protocol: RTCIceProtocol::Udp,
            typ: RTCIceCandidateType::Prflx,
            ..RTCIceCandidate::default()
        };
        let of = |told: &[RTCStatsReportEntry]| type_word(remote_type(&found, told.iter()));
        assert_eq!(of(&[]), "prflx");
        let others = [
            told("192.0.2.2", 50_000, RTCIceProtocol::Udp),
            told("192.0.2.1", 50_001, RTCIceProtocol::Udp),
            told("192.0.2.1", 50_000, RTCIceProtocol::Tcp),
        ];
        assert_eq!(of(&others), "prflx");
        let itself = told("192.0.2.1", 50_000, RTCIceProtocol::Udp);
        assert_eq!(
            of(&others.into_iter().chain([itself]).collect::<Vec<_>>()),
            "relay"
        );
    }

    #[test]
    fn reordering_over_the_second_is_no_negative_loss() {
        let meter = Meter::default();
        let start = Instant::now();
        let mut sampler = Sampler::new(&meter, start);
        meter.packets_expected.add(10);
        meter.packets_received.add(12);
        let stats = sampler.sample(&meter, None, 0, start + Duration::from_secs(1));
        assert_eq!(stats.loss_in_pct, 0.0);
    }
}
