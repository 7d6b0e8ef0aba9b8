//! What every root shares: engine assembly (media + call + embedded server), settings, device policy, diagnosis.
//!
//! Names no `tauri::`, no `webrtc::`, no device crate. The shell is a thin root over [`engine`], the command line over
//! [`endpoint`], which the engine stands on too.

pub mod address;
pub mod bindings;
pub mod embedded;
pub mod endpoint;
pub mod engine;
pub mod problems;
pub mod settings;
pub mod sources;
pub mod view;
