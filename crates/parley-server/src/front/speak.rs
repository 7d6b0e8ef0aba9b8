//! HTTP/1.1 on one connection, and never for longer than it takes to ask.

use super::Door;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncWrite};

/// Most headers of a request; a browser sends about ten.
const HEADERS_MAX: usize = 64;
/// Most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Where a request came from, for whoever answers it: the other end of the connection, which may be a proxy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival(pub(crate) SocketAddr);

/// Until the connection ends or becomes a WebSocket.
pub(super) async fn http<S>(stream: S, from: SocketAddr, router: Router, door: &Door)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let ended = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(door.patience)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .serve_connection(
            TokioIo::new(stream),
            TowerToHyperService::new(router.layer(Extension(Arrival(from)))),
        )
        .with_upgrades()
        .await;
    if let Err(error) = ended {
        if error.is_timeout() {
            door.tally.http_slow.add();
        }
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}
