//! A call's sender over a simulated link: an encoder that follows the target, a pacer, probes with padding, and the other side's reports.

use super::super::{Estimator, Limits, ProbeCluster, Reception};
use super::link::{Dice, Link, Way};
use super::reno::{self, Reno};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

const STEP_MS: f64 = 1.0;
const PACKET: usize = 1200;

#[derive(Clone, Copy)]
enum Flow {
    Media(usize),
    Tcp(u64),
}

/// What is tried.
#[derive(Clone)]
pub(super) struct Trial {
    pub(super) way: Way,
    pub(super) limits: Limits,
    pub(super) seconds: f64,
    /// The most the encoder makes.
    pub(super) encoder_max: f64,
    /// Reports come this often, and are lost with this probability.
    pub(super) report_ms: f64,
    pub(super) report_loss: f64,
    /// From when until when a TCP flow runs beside.
    pub(super) tcp: Option<(f64, f64)>,
    pub(super) padding: bool,
    /// Bytes of the first picture; those of any other, without.
    pub(super) key_frame: Option<usize>,
    /// From when until when no report comes, although packets arrive.
    pub(super) unheard: Option<(f64, f64)>,
    /// The other side sends receiver reports alone, one each second.
    pub(super) receiver_reports: bool,
    /// Packets go another way from here on.
    pub(super) reroute: Option<Reroute>,
    pub(super) seed: u64,
}

/// Another way in the middle. Times are milliseconds.
#[derive(Clone, Copy)]
pub(super) struct Reroute {
    pub(super) at_ms: f64,
    /// How much later the estimator is told; never, without.
    pub(super) told_after_ms: Option<f64>,
    pub(super) delay_ms: f64,
}

impl Trial {
    pub(super) fn over(way: Way, seconds: f64) -> Self {
        Self {
            way,
            limits: Limits {
                start: 300_000.0,
                min: 100_000.0,
                max: 5_000_000.0,
            },
            seconds,
            encoder_max: f64::INFINITY,
            report_ms: 100.0,
            report_loss: 0.0,
            tcp: None,
            padding: true,
            key_frame: None,
            unheard: None,
            receiver_reports: false,
            reroute: None,
            seed: 1,
        }
    }
}

/// One moment each 50 ms.
pub(super) struct Moment {
    pub(super) at_ms: f64,
    pub(super) target: f64,
    pub(super) queue_ms: f64,
    pub(super) arrived_bits: f64,
    pub(super) tcp_bits: f64,
}

/// What came of it.
pub(super) struct Outcome {
    pub(super) moments: Vec<Moment>,
    pub(super) padding_bits: f64,
    pub(super) sent_bits: f64,
}

impl Outcome {
    /// Bits a second that arrived between two times, in seconds.
    pub(super) fn arrived(&self, from_s: f64, to_s: f64) -> f64 {
        self.sum(from_s, to_s, |moment| moment.arrived_bits) / (to_s - from_s)
    }

    pub(super) fn tcp(&self, from_s: f64, to_s: f64) -> f64 {
        self.sum(from_s, to_s, |moment| moment.tcp_bits) / (to_s - from_s)
    }

    /// The first second after `from_s` from which the target stays at `bps` or more for a second.
    pub(super) fn reached(&self, from_s: f64, bps: f64) -> f64 {
        let mut since = None;
        for moment in self.between(from_s, f64::INFINITY) {
            if moment.target < bps {
                since = None;
                continue;
            }
            let since = *since.get_or_insert(moment.at_ms);
            if moment.at_ms - since >= 1000.0 {
                return since / 1000.0 - from_s;
            }
        }
        f64::INFINITY
    }

    /// Seconds after `from_s` until the queue is below `queue_ms` for the first time after it was above.
    pub(super) fn drained(&self, from_s: f64, queue_ms: f64) -> f64 {
        self.between(from_s + 0.1, f64::INFINITY)
            .find(|moment| moment.queue_ms < queue_ms)
            .map_or(f64::INFINITY, |moment| moment.at_ms / 1000.0 - from_s)
    }

    /// A percentile of the queue, in milliseconds.
    pub(super) fn queue(&self, from_s: f64, to_s: f64, share: f64) -> f64 {
        let mut queues: Vec<_> = self.between(from_s, to_s).map(|moment| moment.queue_ms).collect();
        queues.sort_by(f64::total_cmp);
        queues[((queues.len() - 1) as f64 * share) as usize]
    }

    fn sum(&self, from_s: f64, to_s: f64, of: impl Fn(&Moment) -> f64) -> f64 {
        self.between(from_s, to_s).map(of).sum()
    }

    pub(super) fn between(&self, from_s: f64, to_s: f64) -> impl Iterator<Item = &Moment> {
        self.moments
            .iter()
            .filter(move |moment| moment.at_ms >= from_s * 1000.0 && moment.at_ms < to_s * 1000.0)
    }
}

struct Probing {
    cluster: ProbeCluster,
    left: f64,
    since_ms: f64,
}

fn at(ms: f64) -> Duration {
    Duration::from_secs_f64(ms / 1000.0)
}

type Status = (u16, Option<Duration>);

/// From the first number not told of yet, or what came late, to the newest.
fn statuses(arrived: Vec<(usize, f64)>, told: &mut usize) -> Vec<Status> {
    let newest = arrived.iter().map(|(index, _)| *index).max().unwrap_or(0);
    let first = arrived
        .iter()
        .map(|(index, _)| *index)
        .min()
        .unwrap_or(0)
        .min(*told);
    let arrived: HashMap<_, _> = arrived.into_iter().collect();
    *told = newest + 1;
    (first..=newest)
        .map(|index| {
            // Whole quarters of a millisecond, from another beginning.
            let at = arrived
                .get(&index)
                .map(|at| Duration::from_micros((at * 4.0) as u64 * 250 + 5_000_000_000));
            (index as u16, at)
        })
        .collect()
}

/// What a receiver counts for its reports (RFC 3550, A.3).
#[derive(Default)]
struct Arrivals {
    highest: u32,
    expected_before: u32,
    arrived: u32,
}

impl Arrivals {
    fn arrived(&mut self, index: usize) {
        self.highest = self.highest.max(index as u32);
        self.arrived += 1;
    }

    fn report(&mut self, round_trip_ms: f64) -> Reception {
        let expected = self.highest - std::mem::replace(&mut self.expected_before, self.highest);
        let lost = expected.saturating_sub(std::mem::take(&mut self.arrived));
        Reception {
            ssrc: 1,
            fraction_lost: (lost * 256).checked_div(expected).unwrap_or(0).min(255) as u8,
            highest: self.highest,
            round_trip: Some(at(round_trip_ms)),
        }
    }
}

/// Runs it.
pub(super) fn run(trial: &Trial) -> Outcome {
    let mut estimator = Estimator::new(trial.limits);
    let mut link = Link::new(trial.way.clone(), trial.seed);
    let mut dice = Dice::new(trial.seed + 1000);
    let mut reno = Reno::new();
    let mut acks: VecDeque<(f64, u64)> = VecDeque::new();
    let mut reports: VecDeque<(f64, Vec<Status>)> = VecDeque::new();
    let mut report = Vec::new();
    let mut sent: Vec<usize> = Vec::new();
    let mut told = 0;
    let mut pacer: VecDeque<usize> = VecDeque::new();
    let (mut debt, mut next_picture, mut next_sound, mut next_report) = (0.0f64, 0.0, 0.0, 0.0);
    let mut probing: VecDeque<Probing> = VecDeque::new();
    let mut moments = Vec::new();
    let (mut arrived_bits, mut tcp_bits, mut padding_bits) = (0.0, 0.0, 0.0);
    let mut seen_media = 0;
    let (mut reception, mut next_reception) = (Arrivals::default(), 1_000.0);
    let mut now = 0.0;
    let mut moment_ms = 0.0;
    while now < trial.seconds * 1000.0 {
        if let Some(reroute) = trial.reroute {
            if now >= reroute.at_ms {
                link.way.delay_ms = reroute.delay_ms;
            }
            let told_ms = reroute.told_after_ms.map(|after| reroute.at_ms + after);
            if told_ms.is_some_and(|told| (told..told + STEP_MS).contains(&now)) {
                estimator.rerouted(at(now));
            }
        }
        let target = estimator.target();
        let at_hand = (!trial.padding).then(|| pacer.iter().sum());
        while at_hand != Some(0)
            && let Some(cluster) = estimator.poll_probe(at(now), at_hand)
        {
            probing.push_back(Probing {
                cluster,
                left: cluster.bytes as f64,
                since_ms: now,
            });
        }
        // The encoder.
        if now >= next_picture {
            next_picture += 1000.0 / 30.0;
            let rate = target.min(trial.encoder_max);
            let waiting: usize = pacer.iter().sum();
            if (waiting as f64) * 8.0 < rate * 2.5 * 0.25 {
                let bits = (rate - 60_000.0).max(60_000.0) * 0.96 / 30.0 * (0.8 + 0.4 * dice.share());
                let is_first = next_picture < 1000.0 / 15.0;
                let key_frame = trial.key_frame.filter(|_| is_first);
                let mut bytes = key_frame.unwrap_or((bits / 8.0) as usize + 40);
                while bytes > 0 {
                    let packet = bytes.min(PACKET);
                    pacer.push_back(packet.max(100));
                    bytes -= packet;
                }
            }
        }
        let mut go = |link: &mut Link<Flow>, bytes: usize, probe: Option<u32>| {
            link.send(now, bytes as f64 * 8.0, Flow::Media(sent.len()));
            estimator.on_sent(sent.len() as u16, at(now), bytes, probe);
            sent.push(bytes);
        };
        if now >= next_sound {
            next_sound += 20.0;
            go(&mut link, 120, None);
            debt += 120.0;
        }
        // The pacer.
        if probing
            .front()
            .is_some_and(|first| now - first.since_ms > 1_000.0)
        {
            probing.pop_front();
        }
        let rate = probing.front().map_or(target * 2.5, |first| first.cluster.bps) / 8000.0;
        debt = (debt - rate * STEP_MS).max(-rate * if probing.is_empty() { 5.0 } else { 1.0 });
        while debt <= 0.0 {
            let bytes = match (pacer.pop_front(), probing.front()) {
                (Some(bytes), _) => bytes,
                (None, Some(_)) if trial.padding && seen_media > 0 => {
                    padding_bits += PACKET as f64 * 8.0;
                    PACKET
                }
                _ => break,
            };
            seen_media += 1;
            debt += bytes as f64;
            let probe = probing.front().map(|first| first.cluster.id);
            go(&mut link, bytes, probe);
            if let Some(first) = probing.front_mut() {
                first.left -= bytes as f64;
                if first.left <= 0.0 {
                    probing.pop_front();
                    // The rest of the queue goes on at its own pace.
                    debt = debt.max(0.0);
                }
            }
        }
        // The neighbour.
        if trial
            .tcp
            .is_some_and(|(from, to)| (from * 1000.0..to * 1000.0).contains(&now))
        {
            for number in reno.send(now) {
                link.send(now, reno::BITS, Flow::Tcp(number));
            }
        }
        // The other side.
        for (arrived_ms, flow) in link.arrived(now) {
            match flow {
                Flow::Media(index) => {
                    arrived_bits += sent[index] as f64 * 8.0;
                    reception.arrived(index);
                    report.push((index, arrived_ms));
                }
                Flow::Tcp(number) => {
                    tcp_bits += reno::BITS;
                    acks.push_back((now + link.way.delay_ms, number));
                }
            }
        }
        while let Some((at, number)) = acks.front().copied()
            && at <= now
        {
            acks.pop_front();
            reno.acknowledge(now, number);
        }
        if now >= next_report {
            next_report += trial.report_ms;
            let full = std::mem::take(&mut report);
            if !full.is_empty() {
                let statuses = statuses(full, &mut told);
                let is_unheard = trial
                    .unheard
                    .is_some_and(|(from, to)| (from * 1000.0..to * 1000.0).contains(&now));
                let is_told = !is_unheard && !trial.receiver_reports;
                if dice.share() >= trial.report_loss && is_told {
                    reports.push_back((now + link.way.delay_ms, statuses));
                }
            }
        }
        if trial.receiver_reports && now >= next_reception {
            next_reception += 1_000.0;
            let round_trip_ms = 2.0 * link.way.delay_ms + link.queue_ms(now);
            estimator.on_reception(at(now), &[reception.report(round_trip_ms)]);
        }
        while reports.front().is_some_and(|(at, _)| *at <= now) {
            let Some((_, statuses)) = reports.pop_front() else {
                break;
            };
            estimator.on_report(at(now), &statuses);
        }
        now += STEP_MS;
        if now - moment_ms >= 50.0 {
            moment_ms = now;
            if std::env::var_os("TRACE").is_some() {
                eprintln!(
                    "{:.2} {:.0} q {:.0} tcp {:.0} {:?}",
                    now / 1000.0,
                    target / 1000.0,
                    link.queue_ms(now),
                    tcp_bits / 50.0,
                    estimator.figures()
                );
            }
            moments.push(Moment {
                at_ms: now,
                target,
                queue_ms: link.queue_ms(now),
                arrived_bits: std::mem::take(&mut arrived_bits),
                tcp_bits: std::mem::take(&mut tcp_bits),
            });
        }
    }
    Outcome {
        moments,
        padding_bits,
        sent_bits: sent.iter().map(|bytes| *bytes as f64 * 8.0).sum(),
    }
}
