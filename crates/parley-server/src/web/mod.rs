//! HTTP: the door to signaling, the page behind a link, and what machines ask. A driver around plain functions.

mod guest;
mod names;
mod origin;
mod page;

use crate::access::Source;
use crate::front::Arrival;
use crate::key::{RoomStamp, ServerKey};
use crate::metrics;
use crate::places::Places;
use crate::rooms::ClientId;
use crate::sfu::driver::SfuDriver;
use crate::socket::{self, Surroundings};
use crate::stage::Stage;
use crate::turn::TurnDriver;
use axum::extract::rejection::PathRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, ORIGIN, REFERRER_POLICY,
    RETRY_AFTER, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router, middleware};
pub(crate) use names::Names;
use parley_proto::limits::SIGNAL_MESSAGE_BYTES_MAX;
use parley_proto::signal::SIGNAL_PATH;
use parley_proto::{PROTOCOL_VERSION, PROTOCOL_VERSION_MIN, RoomId};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use subtle::ConstantTimeEq as _;
use tokio::sync::watch;

/// A message up to this size is read to its end, so that it can be answered; one beyond ends the connection.
const READ_BYTES_MAX: usize = 2 * SIGNAL_MESSAGE_BYTES_MAX;
/// What is read at once. The WebSocket keeps and fills that much for everyone who is connected, and usually it is 128 KiB: most of
/// what somebody who does nothing cost. Longer messages are read in several goes.
const READ_AT_ONCE_BYTES: usize = 2 * 1024;
/// Bytes the WebSocket may hold back for one client, beyond its queue.
const WRITE_BUFFER_BYTES_MAX: usize = 4 * SIGNAL_MESSAGE_BYTES_MAX;

/// Where programs ask what this is.
pub(crate) const ABOUT_PATH: &str = "/api/v1/server";

#[derive(Clone)]
struct Site {
    around: Surroundings,
    stamp: RoomStamp,
    domain: Option<Arc<str>>,
    names: Names,
    places: Arc<Places>,
    next_client: Arc<AtomicU64>,
    health: Health,
}

/// What machines that watch a server ask about.
#[derive(Clone)]
pub(crate) struct Health {
    pub(crate) stage: watch::Receiver<Stage>,
    pub(crate) turn: Option<Arc<TurnDriver>>,
    pub(crate) sfu: Option<Arc<SfuDriver>>,
    /// Who says this may have the numbers; without one, whoever is on this machine.
    pub(crate) token: Option<Arc<str>>,
}

pub(crate) fn router(
    around: Surroundings,
    key: &ServerKey,
    domain: Option<&str>,
    names: Names,
    places: Arc<Places>,
    health: Health,
) -> Router {
    let admin = crate::admin::router(around.hub.clone(), around.clock, Arc::clone(&around.tally));
    let site = Site {
        around,
        stamp: RoomStamp::new(key),
        domain: domain.map(Into::into),
        names,
        places,
        next_client: Arc::default(),
        health,
    };
    Router::new()
        .route(SIGNAL_PATH, get(signal))
        .route("/r/{room}", get(invitation))
        .route(guest::ASSETS_PATH, get(guest::asset))
        .route("/healthz", get(healthz))
        .route("/metrics", get(numbers))
        .route(ABOUT_PATH, get(about))
        .route("/", get(|| async { Html(page::home()) }))
        .fallback(|| async { (StatusCode::NOT_FOUND, Html(page::nothing_here())) })
        .with_state(site)
        .merge(admin)
        .layer(middleware::map_response(with_headers))
}

impl Site {
    fn not_meant(&self) -> impl IntoResponse + use<> {
        self.around.tally.unknown_host.add();
        (
            StatusCode::FORBIDDEN,
            "This server is not known by that name. Ask by its address, or have its operator write the name into its settings (names).\n",
        )
    }
}

async fn signal(
    State(site): State<Site>,
    Extension(Arrival(from)): Extension<Arrival>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !origin::is_own(&headers, site.domain.as_deref()) {
        site.around.tally.cross_site.add();
        return (
            StatusCode::FORBIDDEN,
            "A page of another site cannot speak to this server. Behind a proxy, pass the header Host on as it came.\n",
        )
            .into_response();
    }
    // Programs are told where to go by whoever uses them; a page is told by its name.
    if headers.contains_key(ORIGIN) && !origin::is_meant(&headers, &site.names) {
        return site.not_meant().into_response();
    }
    let client = ClientId(site.next_client.fetch_add(1, Ordering::Relaxed));
    let Some(stay) = site.places.enter(client, from.ip(), &site.around.tally) else {
        site.around.tally.connections_refused.add();
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            [(RETRY_AFTER, HeaderValue::from_static("60"))],
            "The server cannot take more connections right now.\n",
        )
            .into_response();
    };
    upgrade
        .read_buffer_size(READ_AT_ONCE_BYTES)
        .max_message_size(READ_BYTES_MAX)
        .max_frame_size(READ_BYTES_MAX)
        .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
        .on_upgrade(async move |socket| {
            socket::serve(socket, client, Source::of(from.ip()), stay, site.around).await;
        })
}

async fn invitation(
    State(site): State<Site>,
    room: Result<Path<String>, PathRejection>,
    asked: HeaderMap,
) -> Response {
    if !origin::is_meant(&asked, &site.names) {
        return site.not_meant().into_response();
    }
    let room = room.ok().and_then(|Path(room)| room.parse::<RoomId>().ok());
    let known = room.filter(|room| site.stamp.is_ours(room));
    match known {
        Some(_) => guest::page(&asked).unwrap_or_else(|| Html(page::invitation()).into_response()),
        None => {
            site.around.tally.pages_unknown.add();
            (StatusCode::NOT_FOUND, Html(page::unknown_room())).into_response()
        }
    }
}

/// For load balancers: a server about to stop wants no new people.
async fn healthz(State(site): State<Site>) -> (StatusCode, &'static str) {
    if *site.health.stage.borrow() == Stage::Serving {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    }
}

async fn numbers(
    State(site): State<Site>,
    Extension(Arrival(from)): Extension<Arrival>,
    headers: HeaderMap,
) -> Response {
    let allowed = match &site.health.token {
        Some(token) => {
            let said = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
            let said = said
                .and_then(|said| said.strip_prefix(b"Bearer "))
                .unwrap_or_default();
            said.ct_eq(token.as_bytes()).into()
        }
        // What a proxy on this machine passes on comes from elsewhere.
        None => origin::is_this_machine(from.ip(), &headers),
    };
    if !allowed {
        site.around.tally.metrics_refused.add();
        return (
            StatusCode::FORBIDDEN,
            "The numbers are for this server's operator: ask on the machine itself, or with metrics_token.\n",
        )
            .into_response();
    }
    let turn = site.health.turn.as_ref().map(|turn| turn.counters());
    let sfu = site.health.sfu.as_ref().map(|sfu| sfu.counts());
    let text = metrics::text(&site.around.tally.snapshot(), turn.as_ref(), sfu.as_ref());
    (
        [(CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE))],
        text,
    )
        .into_response()
}

/// What this is, for programs.
pub(crate) async fn about() -> Json<serde_json::Value> {
    Json(serde_json::json!({
        "server": "parley",
        "version": env!("CARGO_PKG_VERSION"),
        "protocol": { "min": PROTOCOL_VERSION_MIN, "max": PROTOCOL_VERSION },
    }))
}

/// What every answer carries, where it does not say otherwise itself.
async fn with_headers(mut response: Response) -> Response {
    let fixed: [(HeaderName, &'static str); 5] = [
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), microphone=(), geolocation=()",
        ),
    ];
    let headers = response.headers_mut();
    for (name, value) in fixed {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(page::content_security_policy()) {
        headers.entry(CONTENT_SECURITY_POLICY).or_insert(policy);
    }
    response
}
