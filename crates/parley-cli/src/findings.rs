//! What one stay in a call amounted to: gathers snapshots, samples and counters, and makes the report of them. Sans-IO.

use crate::report::{Report, quantile};
use crate::watch::{Heard, Seen};
use parley_app::endpoint::{CallSnapshot, CallStats, Endpoint};
use std::time::{Duration, Instant};

/// What was gathered so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    call: Option<CallSnapshot>,
    /// Whether a shown screen is a picture that is looked at.
    watches_screen: bool,
    /// Whether no picture is.
    looks_away: bool,
    picture_word: Word,
    sound_word: Word,
    samples: Vec<Sample>,
    connected: Option<Mark>,
    left: Option<Mark>,
}

/// What the other side said of its picture or its sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Word {
    /// Nothing. It may be unable to say: then both are expected, for a call without them is none.
    #[default]
    Never,
    /// At some time, that it sends it.
    On,
    /// Always, that it does not.
    Off,
}

impl Word {
    fn hear(&mut self, on: bool) {
        if on {
            *self = Self::On;
        } else if *self == Self::Never {
            *self = Self::Off;
        }
    }

    fn expected(self) -> bool {
        self != Self::Off
    }
}

/// One second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    sent_bps: u64,
    received_bps: u64,
    loss_pct: f32,
    rtt_ms: Option<f32>,
    /// Sound packets that came, all in all.
    sound_received: u64,
}

/// Counters at one moment.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Instant,
    cpu_s: Option<f64>,
    frames_sent: u64,
}

impl Sample {
    pub(crate) fn new(stats: &CallStats, endpoint: &Endpoint) -> Self {
        let sound = endpoint.sound_status();
        let people = sound.iter().flat_map(|sound| &sound.participants);
        Self {
            sent_bps: stats.peer.sent_bps,
            received_bps: stats.peer.received_bps,
            loss_pct: stats.peer.loss_in_pct,
            rtt_ms: stats.peer.rtt_ms,
            sound_received: people.map(|person| person.counters.received).sum(),
        }
    }
}

impl Mark {
    fn new(endpoint: &Endpoint, at: Instant, cpu_s: Option<f64>) -> Self {
        Self {
            at,
            cpu_s,
            frames_sent: endpoint.encoder_stats().map_or(0, |stats| stats.frames),
        }
    }
}

impl Findings {
    /// Nothing yet. `watches_screen`: a screen counts as a picture that is expected; `looks_away`: none is.
    pub(crate) fn of(watches_screen: bool, looks_away: bool) -> Self {
        Self {
            watches_screen,
            looks_away,
            ..Self::default()
        }
    }

    /// A new snapshot.
    pub(crate) fn call(&mut self, call: CallSnapshot) {
        for person in call.people.iter().filter(|person| person.media_told) {
            let screen_on = self.watches_screen && person.media.screen_on;
            let sends_picture = person.media.camera_on || screen_on;
            self.picture_word.hear(sends_picture && !self.looks_away);
            self.sound_word.hear(person.media.microphone_on);
        }
        self.call = Some(call);
    }

    /// A sample; those before the connection say nothing.
    pub(crate) fn sample(&mut self, sample: Option<Sample>) {
        if self.connected.is_some() && self.left.is_none() {
            self.samples.extend(sample);
        }
    }

    /// The two are connected; only the first time counts.
    pub(crate) fn connected(&mut self, endpoint: &Endpoint, now: Instant, cpu_s: Option<f64>) {
        self.connected
            .get_or_insert_with(|| Mark::new(endpoint, now, cpu_s));
    }

    /// It is over; only the first time counts.
    pub(crate) fn left(&mut self, endpoint: &Endpoint, now: Instant, cpu_s: Option<f64>) {
        self.left.get_or_insert_with(|| Mark::new(endpoint, now, cpu_s));
    }

    pub(crate) fn connected_at(&self) -> Option<Instant> {
        self.connected.map(|mark| mark.at)
    }

    /// What setting up is measured from: the one who joins, from going in with a ticket in hand, as a person does who looked
    /// at the camera first; the one who waits, from the other's arrival.
    fn begun(&self, host: bool) -> Option<Instant> {
        let times = self.call.as_ref()?.times;
        if host {
            times.met
        } else {
            // This program says that it goes in before there is a ticket.
            Some(times.entered?.max(times.ticket?))
        }
    }

    pub(crate) fn report(
        &self,
        host: bool,
        looked: Option<&Seen>,
        heard: &Heard,
        pss_mb: Option<f64>,
    ) -> Report {
        let mut report = Report::new();
        if self.connected.is_none() {
            report.fail("nobody was connected");
            return report;
        }
        self.judge(&mut report, looked, heard);
        self.set_up(&mut report, host, looked);
        self.picture(&mut report, looked);
        self.path(&mut report);
        self.sound(&mut report, heard);
        let spent = |mark: Option<Mark>| mark.and_then(|mark| mark.cpu_s);
        let cpu_s = spent(self.left)
            .zip(spent(self.connected))
            .map(|(end, begin)| end - begin);
        report.add("cpu_s", "s", cpu_s);
        report.add("call_s", "s", self.seconds());
        report.add("pss_mb", "MB", pss_mb);
        report
    }

    fn judge(&self, report: &mut Report, looked: Option<&Seen>, heard: &Heard) {
        report.expect(self.picture_word.expected(), self.sound_word.expected());
        let shown = looked.map_or(0, |seen| seen.figures.shown);
        if self.picture_word.expected() && shown == 0 {
            report.fail("no picture came");
        }
        let sound_came = self.samples.iter().any(|sample| sample.sound_received > 0) && heard.rms_max > 0.0;
        if self.sound_word.expected() && !sound_came {
            report.fail("no sound came");
        }
        for fault in [looked.and_then(|seen| seen.fault.as_ref()), heard.fault.as_ref()]
            .into_iter()
            .flatten()
        {
            report.fail(format!("recording: {fault}"));
        }
    }

    fn set_up(&self, report: &mut Report, host: bool, looked: Option<&Seen>) {
        let since_begun = |moment: Option<Instant>| {
            let took = moment?.saturating_duration_since(self.begun(host)?);
            Some(took.as_secs_f64() * 1e3)
        };
        // Proofs travel by signaling and can be there before ICE and DTLS stand: connected is when both are.
        let connected = self.call.as_ref().and_then(|call| call.connected_at);
        report.add("connected_ms", "ms", since_begun(connected));
        if self.picture_word.expected() {
            let first = looked.and_then(|seen| seen.first);
            report.add("first_picture_ms", "ms", since_begun(first));
        }
    }

    fn picture(&self, report: &mut Report, looked: Option<&Seen>) {
        let frames_sent = self
            .left
            .zip(self.connected)
            .map(|(end, begin)| end.frames_sent - begin.frames_sent);
        let fps_sent = frames_sent
            .zip(self.seconds())
            .map(|(frames, seconds)| frames as f64 / seconds);
        report.add("fps_sent", "1/s", fps_sent);
        let Some(seen) = looked.filter(|seen| seen.figures.shown > 0) else {
            return;
        };
        report.add("width", "px", seen.size.map(|(width, _)| width.into()));
        report.add("height", "px", seen.size.map(|(_, height)| height.into()));
        report.add("fps_shown", "1/s", Some(seen.figures.fps.into()));
        report.add("pictures_missing", "1", Some(seen.figures.missing as f64));
        report.add("gap_ms_max", "ms", Some(seen.figures.gap_ms_max.into()));
        // Only the pattern carries a clock.
        if seen.figures.latency_p50_ms.is_some() {
            report.add(
                "picture_latency_ms_p50",
                "ms",
                seen.figures.latency_p50_ms.map(Into::into),
            );
            report.add(
                "picture_latency_ms_p95",
                "ms",
                seen.figures.latency_p95_ms.map(Into::into),
            );
        }
    }

    fn path(&self, report: &mut Report) {
        let mean = |figure: fn(&Sample) -> f64| {
            let sum: f64 = self.samples.iter().map(figure).sum();
            (!self.samples.is_empty()).then(|| sum / self.samples.len() as f64)
        };
        report.add(
            "kbit_s",
            "kbit/s",
            mean(|sample| sample.received_bps as f64 / 1e3),
        );
        report.add(
            "kbit_s_sent",
            "kbit/s",
            mean(|sample| sample.sent_bps as f64 / 1e3),
        );
        report.add("loss_pct", "%", mean(|sample| sample.loss_pct.into()));
        let round_trips: Vec<f64> = self
            .samples
            .iter()
            .filter_map(|sample| sample.rtt_ms.map(f64::from))
            .collect();
        report.add("rtt_ms", "ms", quantile(&round_trips, 0.5));
    }

    fn sound(&self, report: &mut Report, heard: &Heard) {
        if !self.sound_word.expected() {
            return;
        }
        let loudest = (heard.rms_max > 0.0).then(|| 20.0 * f64::from(heard.rms_max).log10());
        report.add("sound_level_db", "dB", loudest);
        // Only the built-in speech carries a clock and can be compared.
        if !heard.report.latencies_ms.is_empty() {
            let latency = |percent| heard.report.latency_ms(percent).map(f64::from);
            report.add("sound_latency_ms_p50", "ms", latency(50.0));
            report.add("sound_latency_ms_p95", "ms", latency(95.0));
        }
        report.add("sound_match", "1", heard.report.sound_match().map(f64::from));
    }

    /// How long the two were connected.
    fn seconds(&self) -> Option<f64> {
        let (end, begin) = self.left.zip(self.connected)?;
        let seconds = end.at.saturating_duration_since(begin.at);
        (seconds > Duration::ZERO).then_some(seconds.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_never_was_is_no_success() {
        let report = Findings::default().report(false, None, &Heard::default(), None);
        assert!(!report.ok);
        assert_eq!(report.notes, ["nobody was connected"]);
    }

    #[test]
    fn setting_up_begins_with_going_in_and_not_before_there_is_a_ticket() {
        #[expect(clippy::disallowed_methods, reason = "test: any moment will do")]
        let start = Instant::now();
        let after = |ms| Some(start + Duration::from_millis(ms));
        for (ticket, entered, begun) in [
            (after(40), after(1), after(40)),
            (after(40), after(3_000), after(3_000)),
            (None, after(1), None),
        ] {
            let mut call = CallSnapshot::new();
            call.times.ticket = ticket;
            call.times.entered = entered;
            call.times.met = after(9_000);
            let mut findings = Findings::default();
            findings.call(call);
            assert_eq!(findings.begun(false), begun);
            assert_eq!(findings.begun(true), after(9_000));
        }
    }

    #[test]
    fn what_was_not_ruled_out_must_arrive() {
        #[expect(clippy::disallowed_methods, reason = "test: any moment will do")]
        let now = Instant::now();
        let check = |picture_word, sound_word, rms_max, expect: &[&str]| {
            let mut findings = Findings {
                picture_word,
                sound_word,
                ..Findings::default()
            };
            findings.connected(&Endpoint::new(), now, None);
            findings.sample(Some(Sample {
                sent_bps: 0,
                received_bps: 0,
                loss_pct: 0.0,
                rtt_ms: None,
                sound_received: 7,
            }));
            let heard = Heard {
                rms_max,
                ..Heard::default()
            };
            let report = findings.report(false, None, &heard, None);
            assert_eq!(report.ok, expect.is_empty());
            for note in expect {
                assert!(
                    report.notes.iter().any(|found| found == note),
                    "{note} in {:?}",
                    report.notes
                );
            }
        };
        use Word::{Never, Off, On};
        check(Off, Off, 0.0, &[]);
        check(On, On, 0.2, &["no picture came"]);
        check(On, On, 0.0, &["no picture came", "no sound came"]);
        check(Never, Never, 0.0, &["no picture came", "no sound came"]);
        check(Off, Never, 0.0, &["no sound came"]);
    }

    #[test]
    fn who_said_once_that_it_sends_is_held_to_it() {
        let after = |said: &[bool]| {
            let mut word = Word::default();
            said.iter().for_each(|on| word.hear(*on));
            word
        };
        assert_eq!(after(&[]), Word::Never);
        assert_eq!(after(&[false]), Word::Off);
        assert_eq!(after(&[false, true, false]), Word::On);
    }
}
