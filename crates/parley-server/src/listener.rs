//! Accepts TCP connections and speaks HTTP on them, a bounded number at once and none for longer than it takes to ask.
//!
//! A connection that became a WebSocket is no longer counted here. A driver.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Connections that may speak HTTP at once. When full, further ones wait in the system's queue.
const HTTP_CONNECTIONS_MAX: usize = 1024;
/// Most headers of a request; a browser sends about ten.
const HEADERS_MAX: usize = 64;
/// Most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// After a failed accept (out of file descriptors, most likely): do not spin.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

/// Serves one listener until told to stop; requests under way are dropped then, they take microseconds.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    header_timeout: Duration,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            socket = accept(&listener), if connections.len() < HTTP_CONNECTIONS_MAX => {
                connections.spawn(speak(socket, router.clone(), header_timeout));
            }
            Some(_) = connections.join_next() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => return socket,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ERROR_PAUSE).await;
            }
        }
    }
}

async fn speak(socket: TcpStream, router: Router, header_timeout: Duration) {
    // Small messages that should not wait for one another.
    let _ = socket.set_nodelay(true);
    let ended = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(socket), TowerToHyperService::new(router))
        .with_upgrades()
        .await;
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}
