//! A window with moving text, chosen by its live picture, shared with what another program plays, read on the other side in its
//! own pixels, and heard there.

use super::{CAMERA, SOON};
use crate::harness::meeting::meet;
use crate::harness::page::{page, psnr_of_luma_db};
use crate::harness::sound::{RATE, tone, write_tone};
use crate::harness::text_window::TextWindow;
use crate::harness::window::{Opening, Window};
use std::time::{Duration, Instant};

/// Beside the window on its screen, so that neither covers the other.
const TEXT: (u32, u32) = (640, 360);
const WINDOW: (u32, u32) = (960, 640);
/// Text is sharp then.
const SHARP_DB: f64 = 35.0;
/// How long a page may take to become so.
const PATIENCE: Duration = Duration::from_secs(8);

/// What the other program plays, and how loud.
const FILM_HZ: f32 = 1_000.0;
const FILM_AMPLITUDE: f32 = 0.2;

/// How loud the film is at a window's speaker now.
fn film_at(window: &Window) -> f32 {
    let recording = window.sound.listen().unwrap();
    std::thread::sleep(Duration::from_millis(2_500));
    let heard = recording.finish().unwrap();
    let pieces = heard.chunks_exact(RATE / 4).map(|piece| tone(piece, FILM_HZ));
    pieces.fold(0.0, f32::max)
}

#[test]
fn a_shared_window_with_moving_text_is_read_in_its_own_pixels() {
    let wide = Opening {
        screen: Some((WINDOW.0 + TEXT.0, WINDOW.1)),
        ..Opening::default()
    };
    let ada = Window::open_so("Ada", CAMERA, &wide).unwrap();
    let ben = Window::open("Ben", CAMERA).unwrap();
    let text = TextWindow::open(ada.screen(), TEXT, (WINDOW.0, 0)).unwrap();
    meet(&ada, &ben).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("film.wav");
    write_tone(&film, FILM_HZ, FILM_AMPLITUDE, Duration::from_secs(120)).unwrap();
    let playing = ada.sound.play_into("speaker", &film).unwrap();
    assert!(film_at(&ben) < FILM_AMPLITUDE / 32.0, "heard before it is shared");

    ada.click("share").unwrap();
    let choice = format!("screen-window:{}", text.id);
    ada.wait_for(SOON, &format!("[data-testid='{choice}']")).unwrap();
    ada.wait_for_frames(&format!("look-window:{}", text.id), 1)
        .unwrap();
    ada.photograph("share-picker").unwrap();
    ada.click(&choice).unwrap();
    ada.click("share-mode-text").unwrap();
    ada.click("share-sound").unwrap();
    ada.click("share-now").unwrap();
    ada.wait_for(SOON, "[data-testid=sharing]").unwrap();

    ben.wait_for(SOON, "[data-testid=shared-screen]").unwrap();
    ben.click("zoom-full").unwrap();
    let mut sharpness = Vec::new();
    for step in 0..4 {
        text.tell(&format!("step {step}")).unwrap();
        let expected = page(TEXT.0 as usize, TEXT.1 as usize, step);
        let began = Instant::now();
        let mut best = f64::NEG_INFINITY;
        while best < SHARP_DB && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(250));
            let (width, height, luma) = ben.luma_shown("tile-screen").unwrap();
            if (width as u32, height as u32) == TEXT {
                best = best.max(psnr_of_luma_db(&expected, &luma));
            }
        }
        eprintln!(
            "page {step}: {best:.1} dB after {:.1} s",
            began.elapsed().as_secs_f64()
        );
        sharpness.push(best);
    }
    ben.photograph("share-own-pixels").unwrap();
    assert!(sharpness.iter().all(|db| *db >= SHARP_DB), "{sharpness:?}");

    let heard = film_at(&ben);
    eprintln!("the film at the other speaker: {heard:.3}");
    assert!(heard > FILM_AMPLITUDE / 2.0, "{heard}");

    // The window closes: the share ends, and both are told.
    text.tell("close").unwrap();
    ben.wait_until_gone(SOON, "[data-testid=shared-screen]").unwrap();
    ada.wait_for(SOON, "[data-testid=share-stopped][data-why=window_closed]")
        .unwrap();
    let after = film_at(&ben);
    assert!(after < FILM_AMPLITUDE / 32.0, "heard after the share: {after}");
    drop(playing);
}
