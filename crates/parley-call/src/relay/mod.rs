//! Relays (TURN, RFC 8656) that are reached over TCP or TLS, for networks that let nothing else through.
//!
//! webrtc 0.21.1 knows TURN over UDP only. So each such relay gets a [`bridge::Bridge`]: a UDP socket on this machine that the
//! library takes for the relay. What it sends there goes into a stream and back, framed as RFC 8656 has it. Owned by the peer
//! driver, one set for each connection; ended when dropped.
//!
//! | part | what |
//! |---|---|
//! | `frame` | sans-IO: datagrams to frames of a stream and back (sections 3.1 and 12.5) |
//! | `start` | sans-IO: when a stream is opened. UDP goes first: it is the better way where it is let through |
//! | `proxy` | sans-IO: which HTTP proxy is asked (CONNECT, RFC 9110, 9.3.6), and what it said |
//! | `dial` | driver: TCP, the proxy, TLS |
//! | `probe` | driver: whether a server answers over UDP at all |
//! | `bridge` | driver: one datagram socket, one stream |
//! | `relays` | driver: all of them for one connection |
//!
//! Deliberately absent: TURN itself (allocations, permissions, credentials). That is the library's, which does not notice.

pub(crate) mod bridge;
pub(crate) mod dial;
mod frame;
pub(crate) mod probe;
mod proxy;
pub(crate) mod relays;
mod start;

pub use proxy::{Proxy, ProxyError};
