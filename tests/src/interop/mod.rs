//! Parley against software that shares no code with it: Chromium's own WebRTC, driven by a page, aiortc, browsers with a guest's
//! page, and coturn. Sound and pictures both ways, decoded on both sides, by the project's protocol and proof.

mod aiortc;
mod chromium;
mod group;
mod guest;
mod relay;

use crate::harness::cli::Figures;
use std::time::Duration;

/// Seconds of call.
const SECONDS: u32 = 8;
/// Start-up, set-up and the call itself on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// Our side decoded pictures and heard something.
fn check_ours(figures: &Figures) {
    eprintln!("parley: {:?}", figures.values);
    let shown = figures.get("fps_shown").unwrap();
    assert!(shown >= 10.0, "{shown} pictures a second of theirs were decoded");
    assert!(figures.get("first_picture_ms").unwrap() > 0.0);
    let loudest = figures.get("sound_level_db").unwrap();
    assert!(loudest > -50.0, "their sound came at {loudest} dB");
}
