//! The frame bridge: how pictures get from the engine into the web view, which cannot be handed them by any cheaper way.
//!
//! A WebSocket on the loopback interface ([`socket`]), one thread for each tile that is shown ([`tile`]), and a custom
//! scheme ([`scheme`]) for web views that refuse the WebSocket. The words on the wire are told in ARCHITECTURE.md, "The
//! frame bridge". Nothing but frames goes out, nothing but the wishes below comes in.

mod scheme;
mod socket;
mod tile;

pub use scheme::{FrameRefusal, FrameScheme, Waiting};

use crate::view::FrameBridgeInfo;
use bytes::{BufMut as _, Bytes, BytesMut};
use parley_media::slot::Slot;
use parley_media::video::VideoFrame;
use parley_media::video::scale::scale;
use parley_proto::Resolution;
use serde::Deserialize;
use std::fmt;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use subtle::ConstantTimeEq as _;

/// The path of the WebSocket.
const PATH: &str = "/frames";
/// Where pages of ours come from; the second on Windows and Android.
const ORIGINS: &[&str] = &["tauri://localhost", "http://tauri.localhost"];
/// Vite's server, while the UI is worked on; never in a release.
const DEVELOPMENT_ORIGIN: &str = "http://localhost:5273";
/// Bytes before the picture: slot, width, height, number, captured.
const HEADER_BYTES: usize = 24;
/// No tile is larger than this, whatever the page says.
const SIDE_PIXELS_MAX: u32 = 8192;

/// Finds the pictures of a tile, by the name that the page uses.
pub type Lookup = Arc<dyn Fn(&str) -> Option<Slot<VideoFrame>> + Send + Sync>;

/// A text message of the page.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum FromPage {
    /// First of all.
    Hello { token: Token },
    /// Show this in that slot, at most this large, in device pixels.
    Tile {
        slot: u32,
        tile: String,
        width: u32,
        height: u32,
    },
    /// The slot is gone.
    Close { slot: u32 },
    /// A frame of the slot was taken in.
    Ack { slot: u32 },
}

/// What a slot shows, and how large.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Want {
    /// The name of the tile.
    tile: String,
    /// In device pixels.
    limit: Resolution,
}

impl Want {
    /// Whatever the page says, within bounds.
    fn new(tile: String, width: u32, height: u32) -> Self {
        let side = |pixels: u32| pixels.clamp(2, SIDE_PIXELS_MAX);
        Self {
            tile,
            limit: Resolution::new(side(width), side(height)),
        }
    }
}

/// The running bridge.
#[derive(Debug)]
pub struct FrameBridge {
    socket: FrameBridgeInfo,
    token: Token,
}

impl FrameBridge {
    /// Opens the WebSocket on a free port of the loopback interface. Inside a tokio runtime.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start(lookup: Lookup) -> std::io::Result<Self> {
        let token = Token::random();
        let port = socket::listen(lookup, token.clone()).await?;
        Ok(Self {
            socket: FrameBridgeInfo {
                url: format!("ws://127.0.0.1:{port}{PATH}"),
                token: token.0.clone(),
            },
            token,
        })
    }

    /// What the page needs to connect.
    #[must_use]
    pub const fn info(&self) -> &FrameBridgeInfo {
        &self.socket
    }
}

/// 256 random bits that only the page of this run is told. Compared in constant time, and never printed.
#[derive(Clone, Deserialize)]
struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        bool::from(self.0.as_bytes().ct_eq(other.0.as_bytes()))
    }
}

impl Eq for Token {}

impl Token {
    /// What somebody said, to be compared.
    const fn said(text: String) -> Self {
        Self(text)
    }

    fn random() -> Self {
        use base64::Engine as _;
        Self(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
    }
}

/// Whether a page from `origin` may have frames.
fn is_ours(origin: &str) -> bool {
    ORIGINS.contains(&origin) || (cfg!(debug_assertions) && origin == DEVELOPMENT_ORIGIN)
}

/// A frame as the page gets it, scaled down to fit its tile.
fn message(slot: u32, number: u32, frame: &VideoFrame, limit: Resolution) -> Bytes {
    let size = frame.resolution().fit_within(limit);
    if size == frame.resolution() {
        encode(slot, number, frame)
    } else {
        encode(slot, number, &scale(frame, size))
    }
}

fn encode(slot: u32, number: u32, frame: &VideoFrame) -> Bytes {
    let pixels = frame.i420();
    let mut bytes = BytesMut::with_capacity(HEADER_BYTES + pixels.len());
    bytes.put_u32_le(slot);
    bytes.put_u32_le(frame.resolution().width);
    bytes.put_u32_le(frame.resolution().height);
    bytes.put_u32_le(number);
    bytes.put_u64_le(wall_clock_us(frame.captured.0));
    bytes.put_slice(pixels);
    bytes.freeze()
}

/// A moment of the monotonic clock in microseconds since 1970, which is what a page can compare with.
#[expect(clippy::disallowed_methods, reason = "driver: translates between two clocks")]
fn wall_clock_us(moment: Instant) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ago = Instant::now().saturating_duration_since(moment);
    u64::try_from(now.saturating_sub(ago).as_micros()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_media::time::CaptureTime;

    #[expect(clippy::disallowed_methods, reason = "test: a picture of now")]
    pub(super) fn picture(width: u32, height: u32) -> VideoFrame {
        let resolution = Resolution::new(width, height);
        let pixels = vec![90; VideoFrame::byte_len(resolution)].into();
        VideoFrame::from_i420(resolution, pixels, CaptureTime(Instant::now())).unwrap()
    }

    fn number_at(bytes: &[u8], at: usize) -> u32 {
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
    }

    #[test]
    fn a_frame_is_scaled_to_its_tile_and_never_enlarged() {
        let check = |frame: (u32, u32), tile: (u32, u32), expect: (u32, u32)| {
            let limit = Want::new(String::new(), tile.0, tile.1).limit;
            let bytes = message(3, 41, &picture(frame.0, frame.1), limit);
            let head = [0, 4, 8, 12].map(|at| number_at(&bytes, at));
            assert_eq!(head, [3, expect.0, expect.1, 41]);
            assert_eq!(bytes.len(), HEADER_BYTES + (expect.0 * expect.1 * 3 / 2) as usize);
        };
        check((1280, 720), (640, 640), (640, 360));
        check((640, 360), (1920, 1080), (640, 360));
        check((640, 360), (0, 0), (2, 2));
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "test: compared with the clock itself")]
    fn the_capture_time_is_told_on_the_wall_clock() {
        let bytes = message(0, 0, &picture(2, 2), Resolution::new(2, 2));
        let captured = u64::from_le_bytes(bytes[16..24].try_into().unwrap());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
        assert!(now.abs_diff(captured) < 2_000_000, "{captured} against {now}");
    }

    #[test]
    fn only_pages_of_ours_may_have_frames() {
        for origin in ["tauri://localhost", "http://tauri.localhost"] {
            assert!(is_ours(origin), "{origin}");
        }
        for origin in [
            "",
            "null",
            "http://localhost",
            "tauri://localhost.example.org",
            "https://example.org",
        ] {
            assert!(!is_ours(origin), "{origin}");
        }
    }

    #[test]
    fn a_token_is_compared_whole() {
        let token = Token::random();
        assert_eq!(token.0.len(), 43);
        for (said, expect) in [(token.0.as_str(), true), ("", false), (&token.0[..42], false)] {
            assert_eq!(Token(said.to_owned()) == token, expect, "{said}");
        }
        assert!(token != Token::random());
        assert!(!format!("{token:?}").contains(&token.0));
    }
}
