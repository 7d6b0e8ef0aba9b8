//! Fuzz bodies: plain functions over bytes, each feeding one thing that reads what strangers send.
//!
//! A body panics when a promise is broken, and only then. Whoever drives it brings the bytes: `tests/seeded.rs` mutates the
//! corpus for a few seconds on stable Rust, `cargo xtask fuzz NAME` searches by coverage. What either finds becomes a file
//! in `corpus/NAME/`, so that it is tried ever after.

mod allocation;
mod bytes;
mod depacketiser;
mod frame_buffer;
mod frame_order;
mod jitter_buffer;
mod lip_sync;
pub mod mutate;
mod proto;
mod red;
mod rooms;
mod sfu;
mod start;
mod stun;
mod turn;
mod turn_framing;

/// What is fuzzed: takes any bytes, panics when a promise is broken.
pub type Body = fn(&[u8]);

/// Every target by name, which is also the folder of its corpus.
pub const TARGETS: &[(&str, Body)] = &[
    ("allocation", allocation::allocation),
    ("depacketiser", depacketiser::depacketiser),
    ("frame_buffer", frame_buffer::frame_buffer),
    ("frame_order", frame_order::frame_order),
    ("jitter_buffer", jitter_buffer::jitter_buffer),
    ("lip_sync", lip_sync::lip_sync),
    ("proto", proto::proto),
    ("red", red::red),
    ("rooms", rooms::rooms),
    ("sfu", sfu::sfu),
    ("stun", stun::stun),
    ("turn", turn::turn),
    ("turn_framing", turn_framing::turn_framing),
];

/// The body of the target called `name`.
#[must_use]
pub fn target(name: &str) -> Option<Body> {
    TARGETS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, body)| *body)
}
