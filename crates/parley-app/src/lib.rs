//! What every root shares: engine assembly (media + call + embedded server), settings, device policy, diagnosis.
//!
//! Names no `tauri::`, no `webrtc::`, no device crate. The shell is a thin root over [`engine`], the command line over
//! [`endpoint`], which the engine stands on too.

pub mod address;
pub mod arguments;
pub mod bindings;
pub mod cost;
pub mod desktop;
pub mod diagnosis;
pub mod embedded;
pub mod endpoint;
pub mod engine;
mod folders;
pub mod frames;
pub mod network;
mod pace;
pub mod problems;
pub mod saving;
#[cfg(test)]
mod sentences;
pub mod settings;
pub mod sources;
pub mod store;
pub mod view;

use parley_call::peer::QUIET_LOG;

/// What is logged when nobody says otherwise.
const USUAL_LOG: &str = "warn";

/// What to log, in the words of `EnvFilter`, when somebody asks for this (mostly: the variable `PARLEY_LOG`). The library's
/// crates stay quiet unless they are named, so that `info` shows what Parley does; without a wish it is warnings.
#[must_use]
pub fn log_directives(asked: Option<&str>) -> String {
    let asked = asked.map_or(USUAL_LOG, str::trim);
    // The last word about a crate counts.
    match asked {
        "" => format!("{USUAL_LOG},{QUIET_LOG}"),
        asked if asked.eq_ignore_ascii_case("off") => asked.to_owned(),
        asked => format!("{QUIET_LOG},{asked}"),
    }
}
