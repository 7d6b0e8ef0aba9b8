//! The custom scheme for web views that refuse the WebSocket: HTTP's words around what `parley_app::frames::FrameScheme`
//! answers. Nothing is decided here.

use parley_app::frames::{FrameRefusal, FrameScheme};
use std::sync::Arc;
use tauri::UriSchemeResponder;
use tauri::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};

/// The scheme's name.
pub(crate) const SCHEME: &str = "parley-frame";

/// Answers one request, later: with a frame, or with 204 when none came in time.
pub(crate) fn answer(scheme: &Arc<FrameScheme>, request: &Request<Vec<u8>>, responder: UriSchemeResponder) {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let said = origin.as_ref().and_then(|origin| origin.to_str().ok());
    match scheme.admit(&request.uri().to_string(), said.unwrap_or_default()) {
        Ok(waiting) => drop(tauri::async_runtime::spawn_blocking(move || {
            let frame = waiting.frame();
            let status = frame.as_ref().map_or(StatusCode::NO_CONTENT, |_| StatusCode::OK);
            let mut answer = bare(status, frame.map(Vec::from).unwrap_or_default());
            allow(answer.headers_mut(), origin);
            responder.respond(answer);
        })),
        Err(refusal) => responder.respond(bare(status_of(refusal), Vec::new())),
    }
}

/// Lets the page that asked read it, this once.
fn allow(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

fn bare(status: StatusCode, body: Vec<u8>) -> Response<Vec<u8>> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer
}

const fn status_of(refusal: FrameRefusal) -> StatusCode {
    match refusal {
        FrameRefusal::Malformed => StatusCode::BAD_REQUEST,
        FrameRefusal::Stranger => StatusCode::FORBIDDEN,
        FrameRefusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
    }
}
