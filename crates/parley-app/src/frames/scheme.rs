//! The way around for web views that refuse the WebSocket: `parley-frame://localhost/SLOT?tile=..&width=..&height=..&token=..`
//! answers with the next frame in the same form, or with nothing when none came in time. The page asks again for each.
//!
//! The shell, which has the scheme from its window toolkit, owns the one [`FrameScheme`], hands each request to
//! [`FrameScheme::admit`], and waits for the frame on a thread of its own. Neither HTTP nor a toolkit is named here.

use super::{FrameBridge, Lookup, Token, Want, is_ours, message};
use bytes::Bytes;
use parley_media::slot::{Slot, Taken};
use parley_media::video::VideoFrame;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use url::Url;

/// How long a request waits for a frame.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a slot keeps its place between two requests; then nobody is thought to look at it any more.
const KEPT: Duration = Duration::from_secs(1);
/// Requests that may wait at once; each holds a thread. More are refused, and ask again.
const WAITING_MAX: usize = 16;

/// What the scheme keeps between requests.
pub struct FrameScheme {
    lookup: Lookup,
    token: Token,
    waiting: AtomicUsize,
    number: AtomicU32,
    kept: Mutex<HashMap<u32, Kept>>,
}

/// A slot of the page between two requests, so that no picture is missed meanwhile.
struct Kept {
    tile: String,
    frames: Slot<VideoFrame>,
    asked: Instant,
}

/// A request that was understood.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    slot: u32,
    want: Want,
    token: Token,
}

/// Why a request gets no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameRefusal {
    /// It makes no sense, or no page of ours asks.
    #[error("this is no request for a frame")]
    Malformed,
    /// It does not know this run's secret.
    #[error("whoever asks is not known here")]
    Stranger,
    /// So many wait already that this one is to come again.
    #[error("too many wait for a frame")]
    Busy,
}

impl FrameScheme {
    /// For those who know the secret of this bridge.
    #[must_use]
    pub fn new(lookup: Lookup, bridge: &FrameBridge) -> Arc<Self> {
        Self::with_token(lookup, bridge.token.clone())
    }

    fn with_token(lookup: Lookup, token: Token) -> Arc<Self> {
        Arc::new(Self {
            lookup,
            token,
            waiting: AtomicUsize::new(0),
            number: AtomicU32::new(0),
            kept: Mutex::default(),
        })
    }

    /// Lets a request in, by its address and the `Origin` that it names (empty without one). Returns at once.
    ///
    /// # Errors
    /// When it gets no frame, whether there is one or not.
    pub fn admit(self: &Arc<Self>, address: &str, origin: &str) -> Result<Waiting, FrameRefusal> {
        let asked = parse(address).filter(|_| is_ours(origin));
        let asked = asked.ok_or(FrameRefusal::Malformed)?;
        if asked.token != self.token {
            return Err(FrameRefusal::Stranger);
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        // Gives its place back when it is dropped, so here too.
        let waiting = Waiting {
            scheme: Arc::clone(self),
            asked,
        };
        if before < WAITING_MAX {
            Ok(waiting)
        } else {
            Err(FrameRefusal::Busy)
        }
    }

    /// The pictures of a slot, from the same place as for the request before.
    fn frames(&self, asked: &Asked, now: Instant) -> Option<Slot<VideoFrame>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, kept| now.saturating_duration_since(kept.asked) < KEPT && !kept.frames.is_closed());
        if let Some(kept) = kept
            .get_mut(&asked.slot)
            .filter(|kept| kept.tile == asked.want.tile)
        {
            kept.asked = now;
            return Some(kept.frames.clone());
        }
        let frames = (self.lookup)(&asked.want.tile)?;
        let place = Kept {
            tile: asked.want.tile.clone(),
            frames: frames.clone(),
            asked: now,
        };
        kept.insert(asked.slot, place);
        Some(frames)
    }
}

/// A request that may wait for its frame. Its place is another's once this is gone.
pub struct Waiting {
    scheme: Arc<FrameScheme>,
    asked: Asked,
}

impl Waiting {
    /// The next frame of its tile, as over the WebSocket; nothing when none came in time. Blocks for up to half a second.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "driver: how long ago a slot was asked for"
    )]
    pub fn frame(self) -> Option<Bytes> {
        let frames = self.scheme.frames(&self.asked, Instant::now())?;
        let Taken::Value(frame) = frames.take(PATIENCE) else {
            return None;
        };
        let number = self.scheme.number.fetch_add(1, Ordering::Relaxed);
        Some(message(self.asked.slot, number, &frame, self.asked.want.limit))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.scheme.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

fn parse(address: &str) -> Option<Asked> {
    let url = Url::parse(address).ok()?;
    let slot = url.path().trim_matches('/').parse().ok()?;
    let value = |name: &str| {
        url.query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let side = |name: &str| value(name)?.parse().ok();
    Some(Asked {
        slot,
        want: Want::new(value("tile")?, side("width")?, side("height")?),
        token: Token::said(value("token")?),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::picture;
    use super::*;

    const OURS: &str = "tauri://localhost";

    /// A scheme with one tile, the place of its pictures, and how often somebody asked for that place.
    struct Tried {
        scheme: Arc<FrameScheme>,
        frames: Slot<VideoFrame>,
        lookups: Arc<AtomicUsize>,
    }

    fn tried() -> Tried {
        let (frames, lookups) = (Slot::new(), Arc::<AtomicUsize>::default());
        let (source, counted) = (frames.clone(), Arc::clone(&lookups));
        let lookup: Lookup = Arc::new(move |tile| {
            counted.fetch_add(1, Ordering::Relaxed);
            (tile == "self").then(|| source.clone())
        });
        Tried {
            scheme: FrameScheme::with_token(lookup, Token::said("secret".into())),
            frames,
            lookups,
        }
    }

    fn address(tile: &str, token: &str) -> String {
        format!("parley-frame://localhost/7?tile={tile}&width=32&height=32&token={token}")
    }

    #[test]
    fn a_frame_comes_as_over_the_web_socket() {
        let tried = tried();
        for number in 0..2 {
            tried.frames.put(picture(64, 36));
            let waiting = tried.scheme.admit(&address("self", "secret"), OURS).unwrap();
            let bytes = waiting.frame().unwrap();
            assert_eq!(bytes[..8], [7, 0, 0, 0, 32, 0, 0, 0]);
            assert_eq!(bytes[12..16], [number, 0, 0, 0]);
        }
        let nobody = tried.scheme.admit(&address("nobody", "secret"), OURS).unwrap();
        assert_eq!(nobody.frame(), None);
    }

    #[test]
    fn strangers_and_other_pages_are_refused() {
        let tried = tried();
        let good = address("self", "secret");
        for (address, origin, refusal) in [
            (address("self", "guess"), OURS, FrameRefusal::Stranger),
            (good.clone(), "https://example.org", FrameRefusal::Malformed),
            (good, "", FrameRefusal::Malformed),
            ("parley-frame://localhost/".into(), OURS, FrameRefusal::Malformed),
        ] {
            let admitted = tried.scheme.admit(&address, origin);
            assert_eq!(admitted.err(), Some(refusal), "{address} {origin}");
        }
        assert_eq!(tried.lookups.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn only_so_many_wait_at_once() {
        let tried = tried();
        let admit = || tried.scheme.admit(&address("self", "secret"), OURS);
        let mut waiting: Vec<Waiting> = (0..WAITING_MAX).map(|_| admit().unwrap()).collect();
        for _ in 0..2 {
            assert_eq!(admit().err(), Some(FrameRefusal::Busy));
        }
        drop(waiting.pop());
        let last = admit().unwrap();
        assert_eq!(admit().err(), Some(FrameRefusal::Busy));
        tried.frames.put(picture(2, 2));
        assert!(last.frame().is_some());
        assert!(admit().is_ok(), "an answered one waits no more");
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "an Instant can be had in no other way; the test only adds to it"
    )]
    fn a_slot_keeps_its_place_between_requests_but_not_for_ever() {
        let tried = tried();
        let start = Instant::now();
        let lookups_after = |millis: u64, tile: &str| {
            let asked = parse(&address(tile, "secret")).unwrap();
            let now = start + Duration::from_millis(millis);
            drop(tried.scheme.frames(&asked, now));
            tried.lookups.load(Ordering::Relaxed)
        };
        assert_eq!(lookups_after(0, "self"), 1);
        assert_eq!(lookups_after(900, "self"), 1);
        assert_eq!(lookups_after(1_800, "self"), 1);
        assert_eq!(lookups_after(2_800, "self"), 2);
        assert_eq!(lookups_after(2_900, "nobody"), 3, "another tile in that slot");
        tried.frames.close();
        assert_eq!(lookups_after(3_000, "self"), 4, "a closed place is none");
    }

    #[test]
    fn requests_are_understood_on_every_system() {
        for host in ["parley-frame://localhost", "http://parley-frame.localhost"] {
            let asked = parse(&format!("{host}/7?tile=self&width=640&height=360&token=abc_-9"));
            let expect = Asked {
                slot: 7,
                want: Want::new("self".into(), 640, 360),
                token: Token::said("abc_-9".into()),
            };
            assert_eq!(asked, Some(expect), "{host}");
        }
    }

    #[test]
    fn what_lacks_anything_is_not_understood() {
        for address in [
            "",
            "parley-frame://localhost/",
            "parley-frame://localhost/x?tile=self&width=1&height=1&token=a",
            "parley-frame://localhost/1?tile=self&width=-1&height=1&token=a",
            "parley-frame://localhost/1?tile=self&width=1&height=1",
        ] {
            assert_eq!(parse(address), None, "{address}");
        }
    }
}
