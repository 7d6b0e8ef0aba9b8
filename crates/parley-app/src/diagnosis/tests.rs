//! Hours of call in made-up seconds.

use super::report::Report;
use super::*;
use crate::view::{EventCode, PairView};

const BEGAN_MS: u64 = 1_795_348_800_000;

/// A call that is fed second by second.
#[derive(Default)]
struct Fed {
    diagnosis: Diagnosis,
    at_s: u64,
}

fn calm() -> (StatsSample, Circumstances) {
    let sample = StatsSample {
        rtt_ms: Some(30.0),
        estimate_kbps: Some(2000),
        sent_kbps: 1500,
        received_kbps: 1500,
        fps_sent: 30.0,
        fps_received: 30.0,
        sent_size: Some((1280, 720)),
        encode_ms: Some(8.0),
        decode_ms: Some(3.0),
        cpu_pct: Some(40.0),
        microphone_dbov: Some(-40.0),
        heard_dbov: Some(-35.0),
        pair: Some(PairView {
            own: "192.168.1.20:5000".into(),
            other: "203.0.113.7:6000".into(),
            own_type: "host".into(),
            other_type: "srflx".into(),
            relay: None,
            over_tcp: false,
        }),
        codecs: vec!["Opus".into(), "H.264".into()],
        ..StatsSample::default()
    };
    let circumstances = Circumstances {
        now_ms: 0,
        state: CallState::Connected,
        muted: false,
        microphone_on: true,
        camera_on: true,
        captured: Some((1280, 720)),
        people: vec![("Ben Secretname".into(), true)],
        cores: 2,
    };
    (sample, circumstances)
}

impl Fed {
    fn goes_on(&mut self, seconds: u32, change: impl Fn(&mut StatsSample, &mut Circumstances)) -> &mut Self {
        for _ in 0..seconds {
            let (mut sample, mut circumstances) = calm();
            sample.at_ms = self.at_s * 1000;
            circumstances.now_ms = BEGAN_MS + self.at_s * 1000;
            change(&mut sample, &mut circumstances);
            self.diagnosis.second(sample, circumstances);
            self.at_s += 1;
        }
        self
    }

    fn is_calm(&mut self, seconds: u32) -> &mut Self {
        self.goes_on(seconds, |_, _| {})
    }

    fn codes(&self) -> Vec<FindingCode> {
        self.diagnosis
            .view()
            .findings
            .iter()
            .map(|finding| finding.code)
            .collect()
    }
}

type Change = fn(&mut StatsSample, &mut Circumstances);

#[test]
fn a_calm_call_has_nothing_wrong_for_hours() {
    let mut fed = Fed::default();
    fed.is_calm(3 * 60 * 60);
    assert_eq!(fed.codes(), []);
    assert_eq!(fed.diagnosis.view().past, []);
    assert_eq!(fed.diagnosis.samples().count(), SAMPLES_MAX, "memory is bounded");
}

#[test]
fn each_trouble_is_found_by_its_own_figure_and_no_other() {
    let cases: &[(FindingCode, u32, bool, Change)] = &[
        (FindingCode::UplinkLoss, 5, true, |sample, _| {
            sample.loss_out_pct = 9.0;
        }),
        (FindingCode::UplinkLoss, 5, false, |sample, _| {
            sample.loss_out_pct = 4.0;
        }),
        (FindingCode::DownlinkLoss, 5, true, |sample, _| {
            sample.loss_in_pct = 20.0;
        }),
        (FindingCode::LowBandwidth, 5, false, |sample, _| {
            sample.estimate_kbps = Some(300);
        }),
        (FindingCode::LowBandwidth, 5, true, |sample, _| {
            sample.estimate_kbps = Some(90);
        }),
        (FindingCode::PictureStalled, 3, false, |sample, _| {
            sample.frozen = true;
        }),
        (FindingCode::EncoderSlow, 5, true, |sample, _| {
            sample.encode_ms = Some(45.0);
        }),
        (FindingCode::PictureLimited, 3, false, |sample, _| {
            sample.lines_max = Some(540);
        }),
        (FindingCode::PictureLimited, 3, true, |sample, _| {
            sample.lines_max = Some(270);
        }),
        (FindingCode::DecoderSlow, 5, false, |sample, _| {
            sample.decode_ms = Some(27.0);
        }),
        (FindingCode::ComputerBusy, 10, true, |sample, _| {
            sample.cpu_pct = Some(195.0);
        }),
        (FindingCode::HighRoundTrip, 5, false, |sample, _| {
            sample.rtt_ms = Some(400.0);
        }),
        (FindingCode::Jitter, 5, true, |sample, _| sample.jitter_ms = 150.0),
        (FindingCode::OwnMicrophoneSilent, 10, false, |sample, _| {
            sample.microphone_dbov = Some(-127.0);
        }),
        (FindingCode::Relayed, 3, false, |sample, _| {
            if let Some(pair) = &mut sample.pair {
                pair.other_type = "relay".into();
            }
        }),
    ];
    for (code, window, bad, change) in cases {
        let mut fed = Fed::default();
        fed.is_calm(30).goes_on(window / 2, change);
        assert_eq!(fed.codes(), [], "{code:?} needs most of its window");
        fed.goes_on(window - window / 2, change);
        assert_eq!(fed.codes(), [*code]);
        let finding = &fed.diagnosis.view().findings[0];
        assert_eq!(finding.bad, *bad, "{finding:?}");
        assert!(finding.message.ends_with('.'), "{finding:?}");
        fed.is_calm(window + CALM_S);
        assert_eq!(fed.codes(), [], "{code:?} is over");
        assert_eq!(fed.diagnosis.view().past.len(), 1, "and remembered");
    }
}

#[test]
fn one_bad_second_is_no_finding() {
    let mut fed = Fed::default();
    fed.is_calm(20).goes_on(1, |sample, _| {
        sample.loss_out_pct = 90.0;
        sample.rtt_ms = Some(900.0);
        sample.frozen = true;
    });
    fed.is_calm(20);
    assert_eq!(fed.codes(), []);
    assert_eq!(fed.diagnosis.view().past, []);
}

#[test]
fn a_finding_tells_since_when_how_bad_and_that_the_picture_was_lowered_for_it() {
    let mut fed = Fed::default();
    fed.is_calm(60);
    let since_ms = BEGAN_MS + 60_000;
    fed.goes_on(5, |sample, _| sample.loss_out_pct = 10.0);
    fed.goes_on(10, |sample, _| {
        sample.loss_out_pct = 8.0;
        sample.sent_size = Some((640, 360));
    });
    let finding = fed.diagnosis.view().findings[0].clone();
    assert!(finding.since_ms.abs_diff(since_ms) <= 5000, "{finding:?}");
    assert_eq!((finding.value, finding.worst, finding.lowered), (8.0, 10.0, true));
    assert_eq!(
        finding.message,
        "Your uplink loses 8 % of what you send. Your picture was made smaller to keep the sound."
    );
    // It comes and goes: one finding, from the first to the last.
    fed.is_calm(30)
        .goes_on(10, |sample, _| sample.loss_out_pct = 30.0);
    fed.diagnosis.end(BEGAN_MS + 999_000);
    let view = fed.diagnosis.view();
    assert_eq!(view.findings, []);
    assert_eq!(view.past.len(), 1);
    assert_eq!(
        (view.past[0].since_ms, view.past[0].worst),
        (finding.since_ms, 30.0)
    );
    assert_eq!(view.past[0].until_ms, Some(BEGAN_MS + 999_000));
}

#[test]
fn a_silent_microphone_is_told_from_somebody_who_listens() {
    let silent: Change = |sample, _| sample.heard_dbov = Some(-127.0);
    let mut fed = Fed::default();
    fed.goes_on(60, silent);
    assert_eq!(fed.codes(), [FindingCode::OtherMicrophoneSilent], "never heard");
    fed.is_calm(10);
    assert_eq!(fed.codes(), [], "heard");
    fed.goes_on(600, silent);
    assert_eq!(fed.codes(), [], "who spoke once may listen for long");
    let mut muted = Fed::default();
    muted.goes_on(60, |sample, second| {
        sample.heard_dbov = Some(-127.0);
        sample.microphone_dbov = Some(-127.0);
        second.microphone_on = false;
        second.people[0].1 = false;
    });
    assert_eq!(muted.codes(), [], "muted is silent, and meant to be");
}

#[test]
fn nothing_is_judged_while_there_is_no_connection() {
    let mut fed = Fed::default();
    fed.goes_on(60, |sample, second| {
        second.state = CallState::Reconnecting;
        sample.loss_in_pct = 100.0;
        sample.frozen = true;
        sample.estimate_kbps = Some(0);
    });
    assert_eq!(fed.codes(), []);
    let mut young = Fed::default();
    young.goes_on(14, |sample, _| sample.estimate_kbps = Some(300));
    assert_eq!(young.codes(), [], "the estimate still grows");
}

#[test]
fn the_timeline_tells_what_happened_and_is_bounded() {
    let mut fed = Fed::default();
    fed.goes_on(2, |_, second| {
        second.state = CallState::Waiting;
        second.people.clear();
    });
    fed.is_calm(3).goes_on(2, |_, second| second.muted = true);
    fed.goes_on(6, |sample, _| {
        sample.loss_in_pct = 50.0;
        sample.sent_size = Some((640, 360));
    });
    fed.diagnosis.end(BEGAN_MS + 60_000);
    let codes: Vec<EventCode> = fed
        .diagnosis
        .view()
        .events
        .iter()
        .map(|event| event.code)
        .collect();
    use EventCode as E;
    let expect = [
        E::Joined,
        E::PersonCame,
        E::Connected,
        E::Muted,
        E::Unmuted,
        E::PictureSize,
        E::TroubleBegan,
        E::TroubleEnded,
        E::Ended,
    ];
    assert_eq!(codes, expect);
    let mut restless = Fed::default();
    for _ in 0..1000 {
        restless.goes_on(1, |_, second| second.muted = true).is_calm(1);
    }
    assert_eq!(restless.diagnosis.view().events.len(), 200);
}

#[test]
fn a_report_has_the_figures_and_neither_addresses_nor_names() {
    let mut fed = Fed::default();
    fed.is_calm(20).goes_on(20, |sample, second| {
        sample.loss_out_pct = 12.0;
        sample.path = Some("direct, UDP, 192.168.1.20:5000 to 203.0.113.7:6000".into());
        sample.drops = [("<b>queue".to_owned(), 3)].into();
        second.people[0].0 = "Ben Secretname".into();
    });
    fed.diagnosis.end(BEGAN_MS + 40_000);
    let report = Report::of(&fed.diagnosis, "0.1.0", BEGAN_MS + 50_000);
    let (json, html) = (report.json(), report.html());
    for text in [&json, &html] {
        for secret in ["192.168", "203.0.113", "Secretname"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(
            text.contains("person 1") && text.contains("private IPv4"),
            "{text}"
        );
    }
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read["samples"].as_array().unwrap().len(), 40);
    assert_eq!(read["findings"][0]["code"], "uplink_loss");
    assert!(html.contains("Your uplink loses 12 %") && html.matches("<svg").count() == 6);
    assert!(!html.contains("<b>queue"), "words are shown, not obeyed");
    assert!(html.contains("2026-11-22 12:00:"));
}
