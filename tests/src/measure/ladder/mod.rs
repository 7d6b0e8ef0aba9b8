//! `cargo xtask bench ladder`: which size and how many pictures a second look best at which rate, with our encoder as a call uses it.
//! What the call does with it is in `parley-call`'s `peer/ladder.rs`.
//!
//! | film | what is tried |
//! |---|---|
//! | head, motion | sizes and rates around which one may overtake the next, at 30 pictures a second, or as many as the film has; at 15 and 10 where bits are few |
//! | head, motion | two layers of time, next to one |
//! | text | sizes at a few rates, as a shared screen |
//!
//! What comes out is decoded, made as large as the film, as a window does, and judged against the picture of the film that was to be seen at
//! that moment: where fewer pictures are sent, the one before is still seen. VMAF was made for films whose pictures all come, and knows of
//! jerking only that what moved meanwhile is in the wrong place. Rates are those that came out of the encoder, not those it was told. The
//! first second is left out, and ten of the page. Nothing of this happens in real time.

mod curve;
mod film;
mod trial;

use super::rows::Report;
use crate::lab::clip::Clip;
use crate::lab::vmaf::Vmaf;
use anyhow::Result;
use curve::{Better, Curve};
use film::Film;
use parley_media::video::TemporalLayers;
use parley_proto::Resolution;
use trial::{Outcome, Way};

/// Rates that encoders are told, in kbit/s.
const RATES: [u64; 8] = [60, 100, 160, 250, 400, 650, 1_000, 1_600];
/// Sizes, and the lowest and the highest rate at which one is worth a look.
const SIZES: [(Resolution, u64, u64); 5] = [
    (Resolution::new(1280, 720), 400, 1_600),
    (Resolution::new(960, 540), 160, 1_600),
    (Resolution::new(640, 360), 100, 1_000),
    (Resolution::new(480, 270), 60, 400),
    (Resolution::new(320, 180), 60, 250),
];
/// Pictures a second, and the highest rate at which so few are worth a look.
const PACES: [(u32, u64); 3] = [(30, 1_600), (15, 250), (10, 160)];
/// Sizes and rates at which two layers are laid beside one.
const LAYERED: [(Resolution, u64); 2] = [
    (Resolution::new(640, 360), 400),
    (Resolution::new(1280, 720), 1_000),
];
/// Sizes and rates of the page.
const TEXT_SIZES: [Resolution; 3] = [
    Resolution::new(1280, 720),
    Resolution::new(960, 540),
    Resolution::new(640, 360),
];
const TEXT_RATES: [u64; 3] = [100, 300, 1_000];

/// One of the figures of what came out.
type Figure = fn(&Outcome) -> f64;

/// One measured way.
#[derive(Debug, Clone, Copy)]
struct Measured {
    way: Way,
    outcome: Outcome,
}

/// Measures all of it.
///
/// # Errors
/// When a clip or the judge cannot be had.
pub fn run() -> Result<Report> {
    let vmaf = Vmaf::find()?;
    let mut report = Report::default();
    let mut films = Vec::new();
    for (name, clip) in [("head", Clip::Head), ("motion", Clip::Motion)] {
        let measured = measure(name, &Film::of(clip)?, ways(), &vmaf)?;
        tell(&mut report, name, &measured);
        tell_layers(&mut report, name, &measured);
        tell_sizes(&mut report, name, &by_size(&measured));
        tell_paces(&mut report, name, &by_pace(&measured));
        films.push(measured);
    }
    if let [head, motion] = &films[..] {
        let mean = |split: fn(&[Measured]) -> Vec<(String, Curve)>| {
            let both = split(head).into_iter().zip(split(motion));
            both.map(|((name, one), (_, other))| (name, one.mean(&other)))
                .collect::<Vec<_>>()
        };
        tell_sizes(&mut report, "both", &mean(by_size));
        tell_paces(&mut report, "both", &mean(by_pace));
    }
    let text = measure("text", &Film::of(Clip::Text)?, text_ways(), &vmaf)?;
    tell(&mut report, "text", &text);
    Ok(report)
}

fn ways() -> Vec<Way> {
    let mut ways = Vec::new();
    for (size, low, high) in SIZES {
        for (fps, most) in PACES {
            let rates = RATES
                .into_iter()
                .filter(|kbps| (low..=high.min(most)).contains(kbps));
            ways.extend(rates.map(|kbps| way(size, fps, kbps, TemporalLayers::One)));
        }
        let layered = LAYERED.into_iter().filter(|(of, _)| *of == size);
        ways.extend(layered.map(|(size, kbps)| way(size, 30, kbps, TemporalLayers::Two)));
    }
    ways
}

fn text_ways() -> Vec<Way> {
    let each = |size| TEXT_RATES.map(|kbps| way(size, 30, kbps, TemporalLayers::One));
    TEXT_SIZES.into_iter().flat_map(each).collect()
}

const fn way(size: Resolution, fps: u32, kbps: u64, layers: TemporalLayers) -> Way {
    Way {
        size,
        fps,
        kbps,
        layers,
    }
}

/// All ways of one film; those of a size must lie together, for each is made once.
fn measure(name: &str, film: &Film, ways: Vec<Way>, vmaf: &Vmaf) -> Result<Vec<Measured>> {
    let mut scaled = (Resolution::new(0, 0), Vec::new());
    let mut measured = Vec::new();
    for way in ways {
        if scaled.0 != way.size {
            eprintln!("ladder, {name}, {}", way.size);
            scaled = (way.size, film.scaled(way.size)?);
        }
        let outcome = trial::run(film, &scaled.1, way, vmaf)?;
        eprintln!(
            "  {} a second, {} kbit/s: VMAF {:.1}, {:.1} dB, {:.0} kbit/s",
            way.fps, way.kbps, outcome.vmaf, outcome.psnr_db, outcome.kbps
        );
        measured.push(Measured { way, outcome });
    }
    Ok(measured)
}

/// The figures as they are, a column for each size.
fn tell(report: &mut Report, name: &str, measured: &[Measured]) {
    let metrics: [(&str, Figure); 4] = [
        ("vmaf", |outcome| outcome.vmaf),
        ("psnr_db", |outcome| outcome.psnr_db),
        ("kbit_s", |outcome| outcome.kbps),
        ("encode_ms", |outcome| outcome.encode_ms),
    ];
    for (metric, of) in metrics {
        let mut lines: Vec<&Measured> = measured.iter().collect();
        lines.sort_by_key(|one| {
            (
                one.way.layers == TemporalLayers::Two,
                60 - one.way.fps,
                one.way.kbps,
            )
        });
        for Measured { way, outcome } in lines {
            let layers = match way.layers {
                TemporalLayers::One => "",
                TemporalLayers::Two => "-layered",
            };
            let case = format!("{name}-{}fps-{}k{layers}", way.fps, way.kbps);
            report.add(&way.size.to_string(), &case, metric, of(outcome));
        }
    }
}

/// From which rate on each size is better than the next smaller one, by both measures.
fn tell_sizes(report: &mut Report, name: &str, curves: &[(String, Curve)]) {
    for (metric, of) in [
        ("better_from_kbit_s", "vmaf"),
        ("psnr_better_from_kbit_s", "psnr"),
    ] {
        let of_this: Vec<&(String, Curve)> = curves.iter().filter(|(key, _)| key.ends_with(of)).collect();
        for pair in of_this.windows(2) {
            let ((larger, above), (smaller, below)) = (pair[0], pair[1]);
            tell_better(report, (name, metric), (larger, above), (smaller, below));
        }
    }
}

/// The same for how many pictures there are a second, each in the size that is best for it.
fn tell_paces(report: &mut Report, name: &str, curves: &[(String, Curve)]) {
    for pair in curves.windows(2) {
        let ((more, above), (fewer, below)) = (&pair[0], &pair[1]);
        tell_better(
            report,
            (name, "better_from_kbit_s"),
            (more, above),
            (fewer, below),
        );
    }
}

fn tell_better(
    report: &mut Report,
    (name, metric): (&str, &str),
    (better, above): (&String, &Curve),
    (than, below): (&String, &Curve),
) {
    let who = better.split_whitespace().next().unwrap_or_default();
    let than = than.split_whitespace().next().unwrap_or_default();
    match below.overtaken_by(above) {
        Some(Better::From(kbps)) => report.add(who, name, metric, kbps.round()),
        Some(Better::Always(low)) => report.notes.push(format!(
            "{name}, {metric}: {who} is better than {than} at all rates from {low:.0} on"
        )),
        Some(Better::Never(high)) => report.notes.push(format!(
            "{name}, {metric}: {who} is at no rate up to {high:.0} better than {than}"
        )),
        None => report.notes.push(format!(
            "{name}, {metric}: {who} and {than} were measured at no rate together"
        )),
    }
}

fn curve(measured: &[Measured], of: impl Fn(&Way) -> bool, quality: Figure) -> Curve {
    let of_these = measured
        .iter()
        .filter(|one| one.way.layers == TemporalLayers::One && of(&one.way));
    Curve::new(
        of_these
            .map(|one| (one.outcome.kbps, quality(&one.outcome)))
            .collect(),
    )
}

/// A curve of each size with all pictures, largest first, by each measure.
fn by_size(measured: &[Measured]) -> Vec<(String, Curve)> {
    let measures: [(&str, Figure); 2] = [
        ("vmaf", |outcome| outcome.vmaf),
        ("psnr", |outcome| outcome.psnr_db),
    ];
    let mut curves = Vec::new();
    for (measure, quality) in measures {
        for (size, ..) in SIZES {
            let of = |way: &Way| way.size == size && way.fps == PACES[0].0;
            curves.push((format!("{size} {measure}"), curve(measured, of, quality)));
        }
    }
    curves
}

/// A curve of each pace in its best sizes, fastest first.
fn by_pace(measured: &[Measured]) -> Vec<(String, Curve)> {
    let best = |fps: u32| {
        let of_size = |size: Resolution| {
            curve(
                measured,
                |way| way.size == size && way.fps == fps,
                |outcome| outcome.vmaf,
            )
        };
        Curve::best_of(&SIZES.map(|(size, ..)| of_size(size)))
    };
    PACES.map(|(fps, _)| (format!("{fps}fps"), best(fps))).into()
}

/// What two layers cost: bits for the same quality, and the encoder's time.
fn tell_layers(report: &mut Report, name: &str, measured: &[Measured]) {
    let layered = measured
        .iter()
        .filter(|one| one.way.layers == TemporalLayers::Two);
    for Measured { way, outcome } in layered {
        let one_of = |other: &Way| other.size == way.size && other.fps == way.fps;
        let case = format!("{name}-two-layers-{}k", way.kbps);
        let one = curve(measured, one_of, |outcome| outcome.vmaf);
        let by_psnr = curve(measured, one_of, |outcome| outcome.psnr_db);
        let more = |rate: Option<f64>| rate.map(|rate| 100.0 * (outcome.kbps / rate - 1.0));
        let who = way.size.to_string();
        report.add_or_note(&who, &case, "more_bits_pct", more(one.rate_for(outcome.vmaf)));
        report.add_or_note(
            &who,
            &case,
            "psnr_more_bits_pct",
            more(by_psnr.rate_for(outcome.psnr_db)),
        );
        let beside = measured.iter().find(|other| {
            other.way.layers == TemporalLayers::One && one_of(&other.way) && other.way.kbps == way.kbps
        });
        let time = beside.map(|beside| 100.0 * (outcome.encode_ms / beside.outcome.encode_ms - 1.0));
        report.add_or_note(&who, &case, "more_time_pct", time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A size that is as good as its pixels at high rates, and suffers at low ones by as many.
    fn made_up(way: Way) -> Measured {
        let pixels = way.size.pixels() as f64;
        let worse = if way.layers == TemporalLayers::Two {
            1.05
        } else {
            1.0
        };
        let vmaf = 20.0 * pixels.log10() - pixels / way.kbps as f64 / 100.0 * worse;
        let outcome = Outcome {
            kbps: way.kbps as f64,
            vmaf,
            psnr_db: vmaf / 3.0,
            encode_ms: pixels / 3e5,
        };
        Measured { way, outcome }
    }

    #[test]
    fn every_size_is_tried_next_to_the_next_one_and_lies_together_with_itself() {
        let ways = ways();
        let mut begun: Vec<Resolution> = ways.iter().map(|way| way.size).collect();
        begun.dedup();
        assert_eq!(begun, SIZES.map(|(size, ..)| size));
        for pair in SIZES.windows(2) {
            let shared = RATES
                .into_iter()
                .filter(|kbps| *kbps >= pair[0].1 && *kbps <= pair[1].2);
            assert!(shared.count() >= 3, "{pair:?}");
        }
        assert!(ways.iter().all(|way| RATES.contains(&way.kbps)));
    }

    #[test]
    fn crossovers_and_the_cost_of_layers_are_read_off_the_curves() {
        let measured: Vec<Measured> = ways().into_iter().map(made_up).collect();
        let mut report = Report::default();
        tell(&mut report, "made", &measured);
        tell_sizes(&mut report, "made", &by_size(&measured));
        tell_layers(&mut report, "made", &measured);
        let from = |who: &str| report.value(who, "made", "better_from_kbit_s").unwrap();
        assert!(
            from("1280x720") > from("960x540") && from("960x540") > from("640x360"),
            "{report:?}"
        );
        assert_eq!(
            report.value("960x540", "made", "psnr_better_from_kbit_s"),
            Some(from("960x540"))
        );
        let dearer = report
            .value("640x360", "made-two-layers-400k", "more_bits_pct")
            .unwrap();
        assert!((2.0..9.0).contains(&dearer), "{dearer}");
        assert_eq!(
            report.value("640x360", "made-two-layers-400k", "more_time_pct"),
            Some(0.0)
        );
        assert!(report.table().contains("made-30fps-650k"));
    }

    #[test]
    fn what_never_or_always_is_better_is_said_in_words() {
        let flat = |quality| Curve::new(vec![(100.0, quality), (900.0, quality + 1.0)]);
        let mut report = Report::default();
        let curves = |first, second| {
            [
                ("2x2 vmaf".to_owned(), flat(first)),
                ("1x1 vmaf".to_owned(), flat(second)),
            ]
        };
        tell_sizes(&mut report, "made", &curves(50.0, 40.0));
        tell_sizes(&mut report, "made", &curves(40.0, 50.0));
        assert!(report.rows.is_empty());
        assert_eq!(
            report.notes,
            [
                "made, better_from_kbit_s: 2x2 is better than 1x1 at all rates from 100 on",
                "made, better_from_kbit_s: 2x2 is at no rate up to 900 better than 1x1",
            ]
        );
    }
}
