//! Which screen or window is shared: the desktop's own dialog, and the way to its pictures (`org.freedesktop.portal.ScreenCast`).
//!
//! The pictures themselves come over PipeWire and are not read here.

use crate::portal::{Options, Pause, Portal, PortalFault, dictionary};
use gio::glib::variant::ToVariant as _;
use gio::glib::{Variant, VariantDict};
use std::os::fd::OwnedFd;

const SCREEN_CAST: &str = "org.freedesktop.portal.ScreenCast";
/// From this version on an answer can be given again without asking.
const VERSION_OF_RESTORE: u32 = 4;
/// From this version on it can be said whether the pointer is seen.
const VERSION_OF_CURSOR: u32 = 2;
/// Bits of `types` and `AvailableSourceTypes`.
const MONITOR: u32 = 1;
const WINDOW: u32 = 2;
/// Bits of `cursor_mode` and `AvailableCursorModes`.
const CURSOR_HIDDEN: u32 = 1;
const CURSOR_EMBEDDED: u32 = 2;
/// `persist_mode`: until it is taken back.
const PERSIST: u32 = 2;

/// What is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask<'a> {
    /// An earlier answer: [`Granted::restore`]. Each works once.
    pub restore: Option<&'a str>,
    /// Whether the pointer is to be seen.
    pub cursor: bool,
}

/// What the person answered.
#[derive(Debug)]
pub struct Granted {
    /// PipeWire, with nothing on it but what was chosen.
    pub remote: OwnedFd,
    /// Whose pictures.
    pub node: u32,
    /// A window, not a whole screen.
    pub is_window: bool,
    /// What gives the same again without a question.
    pub restore: Option<String>,
}

/// What was granted, for as long as this lives.
#[derive(Debug)]
pub struct ScreenCast {
    portal: Portal,
}

impl ScreenCast {
    /// Shows the desktop's dialog and waits for its answer, as long as `pause` says.
    ///
    /// # Errors
    /// Without a portal, or without a choice.
    pub fn ask(mut portal: Portal, ask: Ask<'_>, pause: Pause<'_>) -> Result<(Self, Granted), PortalFault> {
        let version = portal.number(SCREEN_CAST, "version")?;
        let types = portal.number(SCREEN_CAST, "AvailableSourceTypes")? & (MONITOR | WINDOW);
        let cursors = if version >= VERSION_OF_CURSOR {
            portal.number(SCREEN_CAST, "AvailableCursorModes")?
        } else {
            0
        };
        portal.open_session(SCREEN_CAST, pause)?;
        let options = wishes(version, types, cursors, ask);
        portal.ask(
            SCREEN_CAST,
            "SelectSources",
            vec![portal.session()?],
            options,
            pause,
        )?;
        let before = vec![portal.session()?, "".to_variant()];
        let results = portal.ask(SCREEN_CAST, "Start", before, Options::new(), pause)?;
        let (node, kind) =
            first_stream(&results).ok_or_else(|| PortalFault::Refused("nothing was chosen".into()))?;
        let body = Variant::tuple_from_iter([portal.session()?, Options::new().to_variant()]);
        let remote = portal.call_for_file(SCREEN_CAST, "OpenPipeWireRemote", &body)?;
        let granted = Granted {
            remote,
            node,
            // Sway's portal, which has no windows, calls its screens so.
            is_window: kind == Some(WINDOW) && types & WINDOW != 0,
            restore: text(&results, "restore_token"),
        };
        Ok((Self { portal }, granted))
    }

    /// Whether the desktop ended it, for example because the person did so in its panel. Does not wait.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let heard = self.portal.hear();
        self.portal.is_deaf() || heard.iter().any(|heard| self.portal.ends_session(heard))
    }
}

/// The options of `SelectSources`: only what this portal knows.
fn wishes(version: u32, types: u32, cursors: u32, ask: Ask<'_>) -> Options {
    let mut options = Options::from([("multiple", false.to_variant())]);
    if types != 0 {
        options.insert("types", types.to_variant());
    }
    let cursor = if ask.cursor {
        CURSOR_EMBEDDED
    } else {
        CURSOR_HIDDEN
    };
    if cursors & cursor != 0 {
        options.insert("cursor_mode", cursor.to_variant());
    }
    if version >= VERSION_OF_RESTORE {
        options.insert("persist_mode", PERSIST.to_variant());
        if let Some(token) = ask.restore {
            options.insert("restore_token", token.to_variant());
        }
    }
    options
}

/// The number of the first stream, and what kind of source it is.
fn first_stream(results: &VariantDict) -> Option<(u32, Option<u32>)> {
    let streams = results.lookup_value("streams", None)?;
    let first = streams.try_child_value(0)?;
    let node = first.try_child_value(0)?.get::<u32>()?;
    let about = dictionary(&first.try_child_value(1)?)?;
    let kind = about.lookup_value("source_type", None);
    Some((node, kind.and_then(|kind| kind.get::<u32>())))
}

fn text(results: &VariantDict, key: &str) -> Option<String> {
    results.lookup_value(key, None)?.str().map(str::to_owned)
}

#[cfg(test)]
mod tests;
