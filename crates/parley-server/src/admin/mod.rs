//! The admin API under `/api/v1/admin`: what an operator's own programs ask. A driver: each request with a good key becomes a
//! [`Question`] that the hub answers between two messages.
//!
//! Deliberately absent: the secrets of links. Whoever invites people makes one themselves and puts it into the link.

mod answer;
mod ask;
mod openapi;

use crate::access::KeyId;
use crate::counters::Tally;
use crate::front::Arrival;
use crate::hub::{Inbound, Question};
use crate::limit::SourceLimit;
use crate::rooms::{Output, Rooms};
use crate::time::{Clock, Moment};
use answer::Refusal;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::{any, delete, get, post};
use axum::{Extension, Json, Router, middleware};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// The longest body of a request, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// Requests of one source: so many at once, so many a second in the long run. Guessing a key of 256 bits is hopeless anyway; this keeps
/// the hub free for calls.
const BURST: u32 = 60;
const PER_S: u32 = 20;
/// Sources whose rate is remembered.
const SOURCES_MAX: usize = 10_000;
/// The path of the description.
pub(crate) const OPENAPI_PATH: &str = "/api/v1/openapi.json";
/// Where everything else is.
pub(crate) const ADMIN_PATH: &str = "/api/v1/admin";

/// What every request needs.
#[derive(Clone)]
pub(crate) struct Desk {
    hub: mpsc::Sender<Inbound>,
    clock: Clock,
    tally: Arc<Tally>,
    limit: Arc<Mutex<SourceLimit>>,
}

/// The routes, to be merged into the server's.
pub(crate) fn router(hub: mpsc::Sender<Inbound>, clock: Clock, tally: Arc<Tally>) -> Router {
    let limit = SourceLimit::new(SOURCES_MAX, BURST, PER_S);
    let desk = Desk {
        hub,
        clock,
        tally,
        limit: Arc::new(Mutex::new(limit)),
    };
    let guarded = Router::new()
        .route("/rooms", get(ask::list_rooms).post(ask::make_room))
        .route("/rooms/{room}", delete(ask::end_room))
        .route("/invitations", get(ask::list_invitations).post(ask::invite))
        .route("/invitations/{id}", delete(ask::revoke_invitation))
        .route("/tickets", post(ask::mint_ticket))
        .route("/bans", get(ask::list_bans).post(ask::ban).delete(ask::lift_ban))
        .route("/keys", get(ask::list_keys).post(ask::make_key))
        .route("/keys/{id}", delete(ask::revoke_key))
        .method_not_allowed_fallback(|| async { Refusal::Method })
        .route("/{*anything}", any(|| async { Refusal::NotFound }))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::map_response(answer::in_words))
        .layer(middleware::from_fn_with_state(desk.clone(), let_in))
        .with_state(desk);
    Router::new()
        .route(
            OPENAPI_PATH,
            get(|| async { Json(openapi::description().clone()) }),
        )
        .nest(ADMIN_PATH, guarded)
}

/// Who has no good key learns nothing, not even which paths there are.
async fn let_in(
    State(desk): State<Desk>,
    Extension(Arrival(from)): Extension<Arrival>,
    headers: HeaderMap,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    if !desk.may_ask(from.ip()) {
        desk.tally.admin_limited.add();
        return Err(Refusal::TooFast);
    }
    let said = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = said
        .and_then(|said| said.strip_prefix("Bearer "))
        .unwrap_or_default()
        .to_owned();
    let known: Option<KeyId> = desk
        .ask(move |rooms, _| (rooms.book().authenticate(&key), Vec::new()))
        .await?;
    if known.is_none() {
        desk.tally.admin_refused.add();
        return Err(Refusal::NoKey);
    }
    desk.tally.admin_requests.add();
    Ok(next.run(request).await)
}

impl Desk {
    fn may_ask(&self, from: IpAddr) -> bool {
        // Nobody panics while holding it; a value is a value.
        let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        let may = limit.take(self.clock.now(), from);
        self.tally.admin_sources_forgotten.is(limit.forgotten());
        may
    }

    /// Has the hub look at the rooms.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Rooms, Moment) -> (T, Vec<Output>) + Send + 'static,
    ) -> Result<T, Refusal> {
        let (answer, answered) = oneshot::channel();
        let question = Question::new(move |rooms, now| {
            let (said, outputs) = question(rooms, now);
            // Who asked may have hung up.
            let _ = answer.send(said);
            outputs
        });
        let asked = self.hub.send(Inbound::Asked(question)).await;
        asked.map_err(|_| Refusal::GoingDown)?;
        answered.await.map_err(|_| Refusal::GoingDown)
    }
}
