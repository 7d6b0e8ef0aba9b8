//! The WebSocket of the frame bridge: 127.0.0.1 only, exact `Host` and `Origin`, a token, one page at a time.
//!
//! A page that comes with the token replaces the one before (a reloaded page must get its pictures back). Whoever does
//! not say the token in time is dropped. What cannot be understood is counted in the log and ends that connection only.

use super::tile::Tile;
use super::{FromPage, Lookup, PATH, Token, Want, is_ours};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

/// The longest word of a page, in bytes.
const MESSAGE_BYTES_MAX: usize = 4096;
/// Tiles on one page.
const TILES_MAX: usize = 64;
/// Connections that have not shown the token yet.
const STRANGERS_MAX: usize = 8;
/// How long a stranger may take.
const HELLO_WITHIN: Duration = Duration::from_secs(3);
/// How long a page may take to accept a frame.
const WRITE_MAX: Duration = Duration::from_secs(5);
/// Frames between the tiles' threads and the socket.
const OUTGOING_MAX: usize = 8;

/// What every connection shares.
struct Door {
    host: String,
    token: Token,
    lookup: Lookup,
    /// Counts the pages let in: whoever is not the last one leaves.
    pages: watch::Sender<u64>,
}

/// Listens on a free port, and tells which.
#[expect(clippy::disallowed_methods, reason = "driver: the bridge's task")]
pub(super) async fn listen(lookup: Lookup, token: Token) -> std::io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let door = Arc::new(Door {
        host: format!("127.0.0.1:{port}"),
        token,
        lookup,
        pages: watch::Sender::new(0),
    });
    tokio::spawn(accept(listener, door));
    Ok(port)
}

#[expect(clippy::disallowed_methods, reason = "driver: a task for each connection")]
async fn accept(listener: TcpListener, door: Arc<Door>) {
    let strangers = Arc::new(Semaphore::new(STRANGERS_MAX));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: give others time to return some.
                tracing::warn!(%error, "the frame bridge cannot accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&strangers).try_acquire_owned() else {
            continue;
        };
        let door = Arc::clone(&door);
        tokio::spawn(async move {
            let greeted = tokio::time::timeout(HELLO_WITHIN, greet(stream, &door)).await;
            drop(permit);
            if let Ok(Some(page)) = greeted {
                serve(page, &door).await;
            } else {
                tracing::debug!("a stranger at the frame bridge was sent away");
            }
        });
    }
}

/// The handshake and the token; nothing for strangers.
async fn greet(stream: TcpStream, door: &Door) -> Option<WebSocketStream<TcpStream>> {
    drop(stream.set_nodelay(true));
    #[expect(clippy::result_large_err, reason = "the type that tungstenite's callback has")]
    let check = |request: &Request, response: Response| check(request, response, &door.host);
    let mut config = WebSocketConfig::default();
    config.max_message_size = Some(MESSAGE_BYTES_MAX);
    config.max_frame_size = Some(MESSAGE_BYTES_MAX);
    let mut page = tokio_tungstenite::accept_hdr_async_with_config(stream, check, Some(config))
        .await
        .ok()?;
    let first = page.next().await?.ok()?;
    match serde_json::from_str(first.to_text().ok()?).ok()? {
        FromPage::Hello { token } if token == door.token => Some(page),
        _ => None,
    }
}

#[expect(clippy::result_large_err, reason = "the type that tungstenite's callback has")]
fn check(request: &Request, response: Response, host: &str) -> Result<Response, ErrorResponse> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let welcome = request.uri().path() == PATH
        && header(header::HOST) == Some(host)
        && header(header::ORIGIN).is_some_and(is_ours);
    if welcome {
        return Ok(response);
    }
    let mut refusal = ErrorResponse::new(None);
    *refusal.status_mut() = StatusCode::FORBIDDEN;
    Err(refusal)
}

/// One page, until it leaves or another one comes.
async fn serve(page: WebSocketStream<TcpStream>, door: &Door) {
    // Listening before counting: of two pages that come at once, the first to count sees the other.
    let mut pages = door.pages.subscribe();
    let mut own = 0;
    door.pages.send_modify(|number| {
        *number += 1;
        own = *number;
    });
    let (mut to_page, mut from_page) = page.split();
    let (out, mut outgoing) = mpsc::channel::<Bytes>(OUTGOING_MAX);
    let mut tiles = HashMap::new();
    loop {
        tokio::select! {
            () = another(&mut pages, own) => break,
            Some(frame) = outgoing.recv() => {
                // A page that is stuck must not keep its tiles, and with them decoders, busy.
                let sent = timeout(WRITE_MAX, to_page.send(Message::Binary(frame))).await;
                if !matches!(sent, Ok(Ok(()))) {
                    break;
                }
            }
            message = from_page.next() => {
                if !obey(message, &mut tiles, door, &out) {
                    break;
                }
            }
        }
    }
    drop(tiles);
    drop(timeout(WRITE_MAX, to_page.close()).await);
}

/// Returns when another page was let in. Cancel safe.
async fn another(pages: &mut watch::Receiver<u64>, own: u64) {
    drop(pages.wait_for(|newest| *newest != own).await);
}

/// Does what a page says; `false` ends the connection.
fn obey(
    message: Option<Result<Message, Error>>,
    tiles: &mut HashMap<u32, Tile>,
    door: &Door,
    out: &mpsc::Sender<Bytes>,
) -> bool {
    let text = match message {
        Some(Ok(Message::Text(text))) => text,
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => return true,
        _ => return false,
    };
    match serde_json::from_str(&text) {
        Ok(FromPage::Tile {
            slot,
            tile,
            width,
            height,
        }) => {
            let want = Want::new(tile, width, height);
            if let Some(tile) = tiles.get(&slot) {
                tile.change(want);
            } else if tiles.len() < TILES_MAX {
                match Tile::open(slot, want, Arc::clone(&door.lookup), out.clone()) {
                    Ok(tile) => drop(tiles.insert(slot, tile)),
                    Err(error) => tracing::warn!(%error, "no thread for a tile"),
                }
            }
        }
        Ok(FromPage::Close { slot }) => drop(tiles.remove(&slot)),
        Ok(FromPage::Ack { slot }) => {
            if let Some(tile) = tiles.get(&slot) {
                tile.acknowledge();
            }
        }
        Ok(FromPage::Hello { .. }) => {}
        Err(error) => {
            tracing::debug!(%error, "the page said something odd");
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::tests::picture;
    use super::*;
    use parley_media::slot::Slot;
    use tokio_tungstenite::MaybeTlsStream;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

    type Page = WebSocketStream<MaybeTlsStream<TcpStream>>;

    struct Bridge {
        port: u16,
        token: Token,
        frames: Slot<parley_media::video::VideoFrame>,
    }

    async fn bridge() -> Bridge {
        let frames = Slot::new();
        let source = frames.clone();
        let token = Token::random();
        let lookup: Lookup = Arc::new(move |tile| (tile == "self").then(|| source.clone()));
        let port = listen(lookup, token.clone()).await.unwrap();
        Bridge { port, token, frames }
    }

    impl Bridge {
        async fn knock(&self, host: &str, origin: &str, path: &str) -> Result<Page, Error> {
            let mut request = format!("ws://127.0.0.1:{}{path}", self.port).into_client_request()?;
            request.headers_mut().insert("origin", origin.parse().unwrap());
            request.headers_mut().insert("host", host.parse().unwrap());
            Ok(tokio_tungstenite::connect_async(request).await?.0)
        }

        async fn page(&self, token: &str) -> Page {
            let host = format!("127.0.0.1:{}", self.port);
            let mut page = self.knock(&host, "tauri://localhost", PATH).await.unwrap();
            say(&mut page, &format!(r#"{{"type":"hello","token":"{token}"}}"#)).await;
            page
        }

        async fn shown(&self) -> Page {
            let mut page = self.page(&self.token.0).await;
            say(
                &mut page,
                r#"{"type":"tile","slot":5,"tile":"self","width":32,"height":32}"#,
            )
            .await;
            page
        }

        /// Puts frames until the page has one.
        async fn next_frame(&self, page: &mut Page) -> Bytes {
            for _ in 0..200 {
                self.frames.put(picture(64, 36));
                let next = tokio::time::timeout(Duration::from_millis(25), page.next()).await;
                if let Ok(Some(Ok(Message::Binary(bytes)))) = next {
                    return bytes;
                }
            }
            panic!("no frame came");
        }
    }

    async fn say(page: &mut Page, text: &str) {
        page.send(Message::text(text)).await.unwrap();
    }

    async fn is_sent_away(page: &mut Page) -> bool {
        let next = tokio::time::timeout(Duration::from_secs(5), page.next()).await;
        matches!(next, Ok(None | Some(Err(_) | Ok(Message::Close(_)))))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_page_with_the_token_gets_frames_of_its_tile() {
        let bridge = bridge().await;
        let mut page = bridge.shown().await;
        let bytes = bridge.next_frame(&mut page).await;
        assert_eq!(bytes[..8], [5, 0, 0, 0, 32, 0, 0, 0]);
        say(&mut page, r#"{"type":"ack","slot":5}"#).await;
        say(
            &mut page,
            r#"{"type":"tile","slot":5,"tile":"self","width":16,"height":16}"#,
        )
        .await;
        say(&mut page, r#"{"type":"ack","slot":99}"#).await;
        for _ in 0..9 {
            let bytes = bridge.next_frame(&mut page).await;
            say(&mut page, r#"{"type":"ack","slot":5}"#).await;
            if bytes[4] == 16 {
                return;
            }
        }
        panic!("the new size never came");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn strangers_are_sent_away() {
        let bridge = bridge().await;
        let host = format!("127.0.0.1:{}", bridge.port);
        let good = "tauri://localhost";
        for (host, origin, path) in [
            (host.as_str(), "https://example.org", PATH),
            (host.as_str(), "null", PATH),
            ("example.org", good, PATH),
            ("127.0.0.1", good, PATH),
            (host.as_str(), good, "/"),
        ] {
            let refused = bridge.knock(host, origin, path).await;
            assert!(matches!(refused, Err(Error::Http(_))), "{host} {origin} {path}");
        }
        let mut guess = bridge.page(&Token::random().0).await;
        assert!(is_sent_away(&mut guess).await);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_page_replaces_the_old_one() {
        let bridge = bridge().await;
        let mut old = bridge.shown().await;
        bridge.next_frame(&mut old).await;
        let mut new = bridge.shown().await;
        assert!(is_sent_away(&mut old).await);
        bridge.next_frame(&mut new).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_pages_that_come_at_once_one_stays() {
        let bridge = bridge().await;
        for _ in 0..20 {
            let (mut one, mut other) = tokio::join!(bridge.shown(), bridge.shown());
            let one_went = tokio::select! {
                biased;
                gone = is_sent_away(&mut one) => gone,
                gone = is_sent_away(&mut other) => !gone,
            };
            bridge
                .next_frame(if one_went { &mut other } else { &mut one })
                .await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nonsense_ends_one_connection_only() {
        let bridge = bridge().await;
        for nonsense in ["", "{}", r#"{"type":"fly"}"#, &"x".repeat(10_000)] {
            let mut page = bridge.page(&bridge.token.0).await;
            say(&mut page, nonsense).await;
            assert!(is_sent_away(&mut page).await, "{nonsense:.20}");
        }
        let mut page = bridge.shown().await;
        bridge.next_frame(&mut page).await;
    }
}
