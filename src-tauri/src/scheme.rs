//! The way around for web views that refuse the WebSocket: `parley-frame://localhost/SLOT?tile=..&width=..&height=..&token=..`
//! answers with the next frame in the same form, or with 204 when none came in time. The page asks again for each.

use parley_app::frames::{FrameBridge, Lookup, Token, Want, is_ours, message};
use parley_media::slot::{Slot, Taken};
use parley_media::video::VideoFrame;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tauri::http::{Request, Response, StatusCode, header};
use tauri::{Manager as _, Runtime, UriSchemeContext, UriSchemeResponder, Url};

/// The scheme's name.
pub(crate) const SCHEME: &str = "parley-frame";
/// How long a request waits for a frame.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a slot keeps its place between two requests; then nobody is thought to look at it any more.
const KEPT: Duration = Duration::from_secs(1);
/// Requests that may wait at once; each holds a thread.
const WAITING_MAX: usize = 16;

type Answer = Response<Cow<'static, [u8]>>;

/// What the scheme's handler keeps between requests.
pub(crate) struct FrameScheme {
    lookup: Lookup,
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

impl FrameScheme {
    pub(crate) fn new(lookup: Lookup) -> Arc<Self> {
        Arc::new(Self {
            lookup,
            waiting: AtomicUsize::new(0),
            number: AtomicU32::new(0),
            kept: Mutex::default(),
        })
    }

    /// Answers one request, later.
    pub(crate) fn answer<R: Runtime>(
        self: &Arc<Self>,
        context: &UriSchemeContext<'_, R>,
        request: &Request<Vec<u8>>,
        responder: UriSchemeResponder,
    ) {
        let origin = request
            .headers()
            .get(header::ORIGIN)
            .and_then(|origin| origin.to_str().ok());
        let asked = parse(&request.uri().to_string());
        let known = |token: &Token| {
            context
                .app_handle()
                .try_state::<FrameBridge>()
                .is_some_and(|bridge| bridge.knows(token))
        };
        let (Some(asked), Some(origin)) = (asked, origin.filter(|origin| is_ours(origin))) else {
            return responder.respond(bare(StatusCode::BAD_REQUEST));
        };
        if !known(&asked.token) {
            return responder.respond(bare(StatusCode::FORBIDDEN));
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return responder.respond(bare(StatusCode::SERVICE_UNAVAILABLE));
        }
        let (scheme, origin) = (Arc::clone(self), origin.to_owned());
        tauri::async_runtime::spawn_blocking(move || {
            let answer = scheme.frame(&asked, &origin);
            scheme.waiting.fetch_sub(1, Ordering::Relaxed);
            responder.respond(answer);
        });
    }

    /// The pictures of a slot, from the same place as for the request before.
    #[expect(
        clippy::disallowed_methods,
        reason = "driver: how long ago a slot was asked for"
    )]
    fn frames(&self, asked: &Asked) -> Option<Slot<VideoFrame>> {
        let now = Instant::now();
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

    fn frame(&self, asked: &Asked, origin: &str) -> Answer {
        let taken = self.frames(asked).map(|frames| frames.take(PATIENCE));
        let (status, body) = match taken {
            Some(Taken::Value(frame)) => {
                let number = self.number.fetch_add(1, Ordering::Relaxed);
                (
                    StatusCode::OK,
                    message(asked.slot, number, &frame, asked.want.limit).to_vec(),
                )
            }
            _ => (StatusCode::NO_CONTENT, Vec::new()),
        };
        Response::builder()
            .status(status)
            .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin)
            .header(header::CACHE_CONTROL, "no-store")
            .body(Cow::Owned(body))
            .unwrap_or_else(|_| bare(StatusCode::INTERNAL_SERVER_ERROR))
    }
}

fn bare(status: StatusCode) -> Answer {
    let mut answer = Response::new(Cow::Borrowed(&[][..]));
    *answer.status_mut() = status;
    answer
}

fn parse(uri: &str) -> Option<Asked> {
    let url = Url::parse(uri).ok()?;
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
    use super::*;

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
    fn what_lacks_anything_is_refused() {
        for uri in [
            "",
            "parley-frame://localhost/",
            "parley-frame://localhost/x?tile=self&width=1&height=1&token=a",
            "parley-frame://localhost/1?tile=self&width=-1&height=1&token=a",
            "parley-frame://localhost/1?tile=self&width=1&height=1",
        ] {
            assert_eq!(parse(uri), None, "{uri}");
        }
    }
}
