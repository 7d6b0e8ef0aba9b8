//! Refusals of the admin API: problem details (RFC 9457), a sentence each with what to do.

use crate::access::BookError;
use axum::http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// The type of every refusal (RFC 9457).
const PROBLEM: &str = "application/problem+json";

/// Why a request is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    NoKey,
    TooFast,
    NotFound,
    Method,
    Malformed(String),
    /// What the library did not hand on: a body that is too long, a path that is no text.
    NotUnderstood(StatusCode),
    Book(BookError),
    GoingDown,
}

impl From<BookError> for Refusal {
    fn from(error: BookError) -> Self {
        Self::Book(error)
    }
}

impl Refusal {
    const fn status(&self) -> StatusCode {
        match self {
            Self::NoKey => StatusCode::UNAUTHORIZED,
            Self::TooFast => StatusCode::TOO_MANY_REQUESTS,
            Self::NotFound | Self::Book(BookError::Unknown) => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Malformed(_) | Self::Book(BookError::BadTime | BookError::BadKey) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::NotUnderstood(status) => *status,
            Self::Book(BookError::Full) => StatusCode::INSUFFICIENT_STORAGE,
            Self::GoingDown => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::NoKey => {
                "This needs a key in the header Authorization: Bearer KEY. The first one is made with parley-server new-key NAME.".to_owned()
            }
            Self::TooFast => "Too many requests. Wait a second, then go on more slowly.".to_owned(),
            Self::NotFound => "There is no such thing here.".to_owned(),
            Self::Method => "This cannot be asked here. See /api/v1/openapi.json.".to_owned(),
            Self::Malformed(what) => what.clone(),
            Self::NotUnderstood(_) => "This is too long, or not as described. See /api/v1/openapi.json.".to_owned(),
            Self::Book(error) => error.to_string(),
            Self::GoingDown => "The server is about to stop. Ask again when it is back.".to_owned(),
        }
    }
}

/// What the library refused by itself is said like everything else here.
pub(super) async fn in_words(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE);
    let is_ours = kind.is_some_and(|kind| kind == PROBLEM);
    if status.is_client_error() && !is_ours {
        return Refusal::NotUnderstood(status).into_response();
    }
    response
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let title = status.canonical_reason().unwrap_or_default();
        let body = json!({"status": status.as_u16(), "title": title, "detail": self.detail()});
        let mut headers: Vec<(HeaderName, HeaderValue)> =
            vec![(CONTENT_TYPE, HeaderValue::from_static(PROBLEM))];
        match self {
            Self::NoKey => headers.push((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::TooFast => headers.push((RETRY_AFTER, HeaderValue::from_static("1"))),
            _ => {}
        }
        let mut response = (status, body.to_string()).into_response();
        response.headers_mut().extend(headers);
        response
    }
}
