//! The computer's sound beside a shared screen: real programs that play on a real sound server, and a real call. Told apart
//! by tones: what programs play is heard on the other side, and what the call itself plays is not sent back.

use crate::harness::cli::{Cli, Wish};
use crate::harness::sound::{RATE, read_wav, tone, write_tone};
use crate::harness::sound_card::SoundCard;
use crate::harness::text_window::TextWindow;
use crate::harness::xvfb::Screen;
use anyhow::{Context as _, Result, ensure};
use std::time::Duration;

/// What the other side says (`--audio tone`), what a first program plays, and a second one.
const CALL_HZ: f32 = 440.0;
const FIRST_HZ: f32 = 1_000.0;
const SECOND_HZ: f32 = 1_500.0;
/// As loud as the two programs play.
const AMPLITUDE: f32 = 0.2;
/// Half of it is loud enough after codec and jitter buffer, ...
const HEARD: f32 = AMPLITUDE / 2.0;
/// ... and what is 30 dB below it is not there.
const ABSENT: f32 = AMPLITUDE / 32.0;

#[test]
fn what_programs_play_is_heard_with_the_share_and_the_call_itself_is_not() -> Result<()> {
    let (screen, card) = (Screen::switch_on(640, 480)?, SoundCard::plug_in()?);
    let window = TextWindow::open(&screen, (320, 240), (40, 40))?;
    let folder = tempfile::tempdir()?;
    let [first, second] =
        [("first.wav", FIRST_HZ, 6), ("second.wav", SECOND_HZ, 4)].map(|(name, hz, seconds)| {
            let wav = folder.path().join(name);
            write_tone(&wav, hz, AMPLITUDE, Duration::from_secs(seconds)).map(|()| wav)
        });
    let (first, second) = (first?, second?);
    // The microphone is off: what is shared does not go its way.
    let sharing = Wish {
        seconds: 22,
        video: "off".into(),
        audio: "off".into(),
        speaker: "speaker".into(),
        display: Some(screen.display().to_owned()),
        environment: card.environment(),
        more: vec![
            "--screen".into(),
            format!("window:{}", window.id),
            "--screen-sound".into(),
        ],
        ..Wish::default()
    };
    let hearing = Wish {
        seconds: 14,
        video: "off".into(),
        audio: "tone".into(),
        record: Some(folder.path().to_owned()),
        more: vec!["--watch-screen".into()],
        ..Wish::default()
    };
    let sharer = Cli::host(None, &sharing, None)?;
    // It plays before the share begins, and ends in it; the second one comes in the middle.
    let early = card.play_into("speaker", &first)?;
    let guest = Cli::join(&sharer.link()?, &hearing, None)?;
    std::thread::sleep(Duration::from_secs(3));
    let at_the_speaker = card.listen()?;
    drop(early);
    let playing = card.play_into("speaker", &first)?;
    std::thread::sleep(Duration::from_secs(3));
    let joining = card.play_into("speaker", &second)?;
    std::thread::sleep(Duration::from_secs(5));
    let at_the_speaker = at_the_speaker.finish()?;
    drop((playing, joining));
    let figures = guest.figures(Duration::from_secs(60))?;
    drop(sharer);

    let heard = read_wav(&folder.path().join("audio.wav"))?;
    let most = |sound: &[f32], hz: f32| {
        sound
            .chunks_exact(RATE / 2)
            .map(|piece| tone(piece, hz))
            .fold(0.0, f32::max)
    };
    let [call, one, two] = [CALL_HZ, FIRST_HZ, SECOND_HZ].map(|hz| most(&heard, hz));
    let [played_call, played_one, _] = [CALL_HZ, FIRST_HZ, SECOND_HZ].map(|hz| most(&at_the_speaker, hz));
    eprintln!("at the speaker: the call {played_call:.4}, a program {played_one:.4}");
    eprintln!("on the other side: the call {call:.5}, programs {one:.4} and {two:.4}");
    ensure!(
        played_call > 10.0 * ABSENT && played_one > HEARD,
        "not played: {played_call} {played_one}\n{}",
        figures.whole
    );
    ensure!(
        one > HEARD && two > HEARD,
        "not heard: {one} {two}\n{}",
        figures.whole
    );
    ensure!(call < ABSENT, "the call comes back: {call}");

    // Both at once, so they were mixed, and nothing of it was cut: the second one alone after the first.
    let together = heard
        .chunks_exact(RATE / 2)
        .filter(|piece| tone(piece, FIRST_HZ) > HEARD && tone(piece, SECOND_HZ) > HEARD)
        .count();
    ensure!(together >= 2, "never both at once");
    let end = heard
        .get(heard.len() - RATE..)
        .context("hardly anything was recorded")?;
    ensure!(most(end, FIRST_HZ) < ABSENT, "it is heard after its end");
    Ok(())
}
