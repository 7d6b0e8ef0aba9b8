//! A window with moving text, chosen by its live picture, shared, and read on the other side in its own pixels.

use super::{CAMERA, SOON};
use crate::harness::meeting::meet;
use crate::harness::page::{page, psnr_of_luma_db};
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

    ada.click("share").unwrap();
    let choice = format!("screen-window:{}", text.id);
    ada.wait_for(SOON, &format!("[data-testid='{choice}']")).unwrap();
    ada.wait_for_frames(&format!("look-window:{}", text.id), 1)
        .unwrap();
    ada.photograph("share-picker").unwrap();
    ada.click(&choice).unwrap();
    ada.click("share-mode-text").unwrap();
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

    // The window closes: the share ends, and both are told.
    text.tell("close").unwrap();
    ben.wait_until_gone(SOON, "[data-testid=shared-screen]").unwrap();
    ada.wait_for(SOON, "[data-testid=share-stopped][data-why=window_closed]")
        .unwrap();
}
