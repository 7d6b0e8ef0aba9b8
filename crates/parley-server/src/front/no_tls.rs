//! What somebody who begins with TLS is told where there is none: in plain HTTP, so that an app can tell its user to write
//! `http`, instead of a connection that ends without a word and could be anything.

use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A ClientHello fits; what is left unread would make the system take back our answer.
const HELLO_BYTES_MAX: usize = 8 * 1024;
const ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 39\r\n\r\n\
    This server speaks http here, no https\n";

/// Says it and hangs up, within `patience`.
pub(super) async fn tell(mut stream: TcpStream, patience: Duration) {
    let told = async {
        // Not within the future: every connection there is would be larger by it.
        let mut hello = vec![0; HELLO_BYTES_MAX];
        let _ = stream.read(&mut hello).await?;
        stream.write_all(ANSWER).await?;
        stream.shutdown().await
    };
    if let Ok(Err(error)) = timeout(patience, told).await {
        tracing::debug!(%error, "somebody who spoke TLS left before the answer");
    }
}
