//! What every root shares: engine assembly (media + call + embedded server), settings, device policy, diagnosis.
//!
//! Names no `tauri::`, no `webrtc::`, no device crate. The shell is a thin root over [`engine`], the command line over
//! [`endpoint`], which the engine stands on too.

pub mod address;
pub mod bindings;
pub mod cost;
pub mod desktop;
pub mod diagnosis;
pub mod embedded;
pub mod endpoint;
pub mod engine;
pub mod frames;
pub mod problems;
#[cfg(test)]
mod sentences;
pub mod settings;
pub mod sources;
pub mod store;
pub mod view;

/// What is logged when nobody says otherwise: our warnings, and of the WebRTC library's crates only errors. Its warnings are
/// about things that happen in every good call (a candidate answered late, an attribute not asked for).
pub const DEFAULT_LOG: &str = "warn,rtc=error,webrtc=error,stun_types=error";
