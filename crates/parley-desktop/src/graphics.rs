//! What draws the window: a graphics card or the processor, and what the web view has to be told before it is loaded.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where Linux shows its graphics cards.
const CARDS: &str = "/dev/dri";
/// How the part of a card that draws is called there.
const RENDERER: &str = "renderD";
/// Stands for a card where there is none.
const NO_CARD: &str = "/dev/null";

/// The variable by which it is seen that the others are set: whoever sets it by hand chooses another way of drawing.
pub const CHOSEN: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";

/// Whether the processor draws, for lack of a card. Only asked on Linux: the other systems' web views bring their own answer.
#[must_use]
pub fn is_drawn_by_processor() -> bool {
    cfg!(target_os = "linux") && card(Path::new(CARDS)).is_none()
}

/// The environment in which WebKitGTK 2.50 draws Parley's window best.
///
/// * Its DMA-BUF renderer gives blank windows on some drivers, and draws a third as fast where the processor draws.
/// * Without it, no OpenGL is needed in our own process, but GTK and WebKit would each load it to look at it: 25 MB where Mesa
///   draws by LLVM. GTK is told not to, and WebKit is told the card's name that it would ask OpenGL for.
#[must_use]
pub fn variables() -> Vec<(&'static str, OsString)> {
    let card = card(Path::new(CARDS)).unwrap_or_else(|| NO_CARD.into());
    vec![
        (CHOSEN, "1".into()),
        ("GDK_GL", "disable".into()),
        ("WEBKIT_WEB_RENDER_DEVICE_FILE", card.into_os_string()),
    ]
}

/// The first card of those in a folder.
fn card(folder: &Path) -> Option<PathBuf> {
    let names = std::fs::read_dir(folder).ok()?;
    names
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(RENDERER))
        })
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_card_that_draws_is_found_among_what_else_is_there() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(card(&folder.path().join("missing")), None);
        for name in ["card0", "by-path"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(card(folder.path()), None);
        for name in ["renderD129", "renderD128"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(card(folder.path()), Some(folder.path().join("renderD128")));
    }

    #[test]
    fn without_a_card_the_web_view_has_a_name_to_hold_on_to_all_the_same() {
        for (name, value) in variables() {
            assert!(!value.is_empty(), "{name}");
        }
    }
}
