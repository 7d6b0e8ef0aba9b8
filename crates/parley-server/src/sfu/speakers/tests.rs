use super::*;

#[expect(clippy::disallowed_methods, reason = "a start to count from")]
fn start() -> Instant {
    Instant::now()
}

/// A microphone's levels, in dB below the loudest there is, one each 20 ms.
type Trace = Vec<u8>;

/// Made-up speech: syllables of 80 to 220 ms around -30 dB with gaps of 40 to 100 ms.
fn speech(frames: usize) -> Trace {
    let syllables = [9usize, 3, 7, 2, 11, 5, 8, 3, 10, 4];
    let mut trace = Vec::new();
    'all: loop {
        for (at, length) in syllables.iter().enumerate() {
            for frame in 0..*length {
                let voiced = at % 2 == 0;
                // Louder in the middle of a syllable.
                let level = if voiced {
                    33 - u8::try_from(frame.min(length - frame)).unwrap()
                } else {
                    68
                };
                trace.push(level);
                if trace.len() == frames {
                    break 'all;
                }
            }
        }
    }
    trace
}

fn noise(frames: usize) -> Trace {
    (0..frames).map(|at| 72 + u8::try_from(at % 5).unwrap()).collect()
}

/// Loud for 80 ms.
fn cough(frames: usize, at: usize) -> Trace {
    let mut trace = noise(frames);
    trace[at..at + 4].fill(14);
    trace
}

/// Plays the traces side by side; who was dominant at the end of each frame, and how often it changed.
fn play(traces: &[Trace]) -> (Vec<Option<usize>>, usize) {
    let mut now = start();
    let mut speakers = Speakers::new();
    let mut seen = Vec::new();
    for at in 0..traces[0].len() {
        for (who, trace) in traces.iter().enumerate() {
            if let Some(level) = trace.get(at) {
                speakers.heard(now, who, *level);
            }
        }
        now += FRAME;
        speakers.decide(now);
        seen.push(speakers.dominant);
    }
    let changes = seen
        .windows(2)
        .filter(|pair| pair[0] != pair[1] && pair[0].is_some())
        .count();
    (seen, changes)
}

#[test]
fn somebody_who_speaks_among_silent_people_is_dominant_within_a_second() {
    let (seen, changes) = play(&[noise(200), speech(200), noise(200)]);
    assert!(seen[..50].contains(&Some(1)));
    assert_eq!((seen[199], changes), (Some(1), 0));
}

#[test]
fn turns_are_followed_within_a_second_and_a_half() {
    let mut first = speech(250);
    first.extend(noise(250));
    let mut second = noise(250);
    second.extend(speech(250));
    let (seen, changes) = play(&[first, second, noise(500)]);
    assert_eq!(seen[249], Some(0));
    assert_eq!(seen[250 + 75], Some(1));
    assert_eq!(changes, 1, "once, and no way back");
}

#[test]
fn a_cough_takes_the_floor_from_nobody() {
    let (seen, changes) = play(&[speech(500), cough(500, 250)]);
    assert_eq!((seen[499], changes), (Some(0), 0));
}

#[test]
fn steady_noise_is_no_speech() {
    // A fan at -40 dB: louder than quiet speech, and never changing.
    let (seen, _) = play(&[vec![40; 500], noise(500)]);
    assert_eq!(seen[499], None);
    let (seen, _) = play(&[vec![40; 500], speech(500)]);
    assert_eq!(seen[499], Some(1));
}

#[test]
fn who_speaks_is_listed_with_the_dominant_one_first_and_for_as_long_as_they_speak() {
    let mut now = start();
    let mut speakers = Speakers::new();
    let (long, short) = (speech(200), speech(60));
    for (at, level) in long.iter().enumerate() {
        speakers.heard(now, 'a', *level);
        // Ten dB louder, and later.
        if let Some(level) = at.checked_sub(140).and_then(|at| short.get(at)) {
            speakers.heard(now, 'b', level.saturating_sub(10));
        }
        now += FRAME;
        speakers.decide(now);
    }
    assert_eq!(speakers.speaking(now), ['a', 'b']);
    assert!(speakers.loudness('b') > speakers.loudness('a'));
    assert!(speakers.speaking(now + Duration::from_secs(1)).is_empty());
    speakers.gone('a');
    assert_eq!(speakers.speaking(now), ['b']);
}

#[test]
fn an_hour_of_silence_costs_no_more_than_a_second() {
    let now = start();
    let mut speakers = Speakers::new();
    speakers.heard(now, 1, 20);
    let later = now + Duration::from_secs(3600);
    speakers.heard(later, 1, 20);
    speakers.decide(later + FRAME);
    assert!(
        speakers.speaking(later + FRAME).is_empty(),
        "one frame is no speech"
    );
}

#[test]
fn the_score_grows_with_what_is_loud() {
    for (of, most, rate) in [
        (
            usize::from(IMMEDIATE_STEPS),
            usize::from(IMMEDIATE_MOST),
            RATES[0],
        ),
        (MEDIUM_FRAMES, MEDIUM_FRAMES, RATES[1]),
        (LONG_MEDIUMS, LONG_MEDIUMS, RATES[2]),
    ] {
        let scores: Vec<f64> = (0..=most).map(|count| score(count, of, rate)).collect();
        assert!(scores.windows(2).all(|pair| pair[0] <= pair[1]), "{scores:?}");
        assert!(scores[0] < scores[most]);
    }
}
