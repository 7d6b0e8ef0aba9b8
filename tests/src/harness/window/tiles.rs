//! What the tiles of a window show, read out of the page.

use super::Window;
use anyhow::{Context as _, Result};
use std::time::Duration;

impl Window {
    /// How many pictures a tile (`tile-remote`, `tile-self`) drew since it is there.
    ///
    /// # Errors
    /// When there is no such tile.
    pub fn frames_drawn(&self, tile: &str) -> Result<u64> {
        let script = format!(
            "return Number(document.querySelector('canvas[data-testid={tile}]')?.dataset.frames ?? NaN)"
        );
        let drawn = self.session.run(&script)?;
        drawn.as_f64().map(|count| count as u64).with_context(|| {
            format!(
                "there is no {tile} in the window of {}; it logged:\n{}",
                self.name,
                self.last_words()
            )
        })
    }

    /// Waits until a tile drew this many pictures since it is there.
    ///
    /// # Errors
    /// When it does not.
    pub fn wait_for_frames(&self, tile: &str, count: u64) -> Result<()> {
        let script = format!(
            "return Number(document.querySelector('canvas[data-testid=\"{tile}\"]')?.dataset.frames ?? 0) >= {count}"
        );
        self.wait(Duration::from_secs(30), &script)
    }

    /// The number in the picture a tile shows, read from its pixels.
    ///
    /// # Errors
    /// When there is no such tile.
    pub fn number_shown(&self, tile: &str) -> Result<Option<u64>> {
        let script = format!(
            "{}\nconst stamp = readStamp(document.querySelector('canvas[data-testid={tile}]'));\nreturn stamp && stamp.number",
            stamp_reader()
        );
        Ok(self.session.run(&script)?.as_u64())
    }

    /// The luma (0 to 255, of BT.601's limited range) of what a tile shows, pixel by pixel, and its width and height.
    ///
    /// # Errors
    /// When there is no such tile.
    pub fn luma_shown(&self, tile: &str) -> Result<(usize, usize, Vec<u8>)> {
        // Each byte becomes one character: what a page can return is JSON.
        let script = format!(
            "const shown = document.querySelector('canvas[data-testid={tile}]');
            const copy = new OffscreenCanvas(shown.width, shown.height).getContext('2d');
            copy.drawImage(shown, 0, 0);
            const {{ data }} = copy.getImageData(0, 0, shown.width, shown.height);
            const rows = [];
            for (let y = 0; y < shown.height; y++) {{
              const row = new Array(shown.width);
              for (let x = 0; x < shown.width; x++) {{
                const at = (y * shown.width + x) * 4;
                row[x] = Math.round(16 + (65.481 * data[at] + 128.553 * data[at + 1] + 24.966 * data[at + 2]) / 255);
              }}
              rows.push(String.fromCharCode(...row));
            }}
            return [shown.width, shown.height, rows.join('')];"
        );
        let answer = self.session.run(&script)?;
        let side = |at: usize| answer[at].as_u64().map(|side| side as usize).context("no size");
        let pixels = answer[2].as_str().context("no pixels")?;
        let bytes = pixels.chars().map(|pixel| pixel as u8).collect();
        Ok((side(0)?, side(1)?, bytes))
    }

    /// From now on notes, in the page, how long after the time drawn into it each picture of a tile was drawn; gives what was
    /// noted since the first call, in ms.
    ///
    /// # Errors
    /// When there is no such tile.
    pub fn lateness(&self, tile: &str) -> Result<Vec<f64>> {
        // The tile counts a picture right after drawing it, and an observer runs before anything else does.
        let script = format!(
            "if (globalThis.late) return globalThis.late;
            {}
            const picture = document.querySelector('canvas[data-testid={tile}]');
            const late = (globalThis.late = []);
            const note = () => {{
              const drawnMs = Date.now();
              const stamp = readStamp(picture);
              if (stamp && late.length < 20000) late.push(drawnMs - stamp.clockUs / 1000);
            }};
            new MutationObserver(note).observe(picture, {{ attributeFilter: ['data-frames'] }});
            return late;",
            stamp_reader()
        );
        let noted = self.session.run(&script)?;
        let noted = noted.as_array().context("no list of times")?;
        Ok(noted.iter().filter_map(serde_json::Value::as_f64).collect())
    }
}

/// The reader of picture numbers that Chromium's page uses too, as a plain script.
pub(super) fn stamp_reader() -> String {
    include_str!("../../../interop/page/stamp.js").replace("export function", "function")
}
