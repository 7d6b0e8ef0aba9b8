//! What every root shares: engine assembly (media + call + embedded server), settings, device policy, diagnosis.
//!
//! Names no `tauri::`, no `webrtc::`, no device crate. The shell and the command line are thin roots over [`engine`].

pub mod bindings;
pub mod view;
