//! ICE over TCP: read up to the end of its first packet, which says whose it is, and then the SFU's.
//!
//! Until then it is one of the crowd, with its limits: whoever connects and says half a packet holds no place of a client.

use super::Door;
use super::opening::{STUN_LOOK_BYTES, is_framed_check};
use crate::sfu::framing::{Frame, HEADER_BYTES, PACKET_BYTES_MAX, next_frame};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// Between two looks at a connection that said less than four bytes: the system tells of what is there, not of what comes after.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What a connection is that began like STUN.
pub(super) enum Begins {
    /// ICE over TCP, with all that was read.
    Framed(TcpStream, Vec<u8>),
    /// STUN as the relays speak it; nothing was read.
    Bare(TcpStream),
    /// ICE over TCP to begin with, and then nothing.
    Junk,
}

/// Waits until that is clear; nothing: it is over.
pub(super) async fn begins(mut socket: TcpStream) -> Option<Begins> {
    let mut look = [0; STUN_LOOK_BYTES];
    loop {
        match socket.peek(&mut look).await.ok()? {
            0 => return None,
            STUN_LOOK_BYTES => break,
            _ => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
    if !is_framed_check(look) {
        return Some(Begins::Bare(socket));
    }
    let mut begun = Vec::with_capacity(HEADER_BYTES + PACKET_BYTES_MAX);
    loop {
        match next_frame(&begun) {
            Frame::Whole(_) => return Some(Begins::Framed(socket, begun)),
            Frame::Junk => return Some(Begins::Junk),
            Frame::Partial => {}
        }
        if socket.read_buf(&mut begun).await.ok()? == 0 {
            return None;
        }
    }
}

/// From now on it is the SFU's.
pub(super) fn hand_over(socket: TcpStream, begun: Vec<u8>, door: &Door) {
    let Some(sfu) = &door.sfu else {
        return;
    };
    door.tally.sfu_streams_handed.add();
    if let Err(error) = socket.into_std().and_then(|socket| sfu.adopt(socket, begun)) {
        tracing::debug!(%error, "a stream ended early");
    }
}
