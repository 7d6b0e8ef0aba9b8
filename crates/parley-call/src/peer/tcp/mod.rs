//! ICE over TCP (RFC 6544): a direct way for two between whom datagrams do not pass and streams do, and to the SFU for whoever no
//! datagram reaches.
//!
//! The library has it: candidates, framing, pairs, which one is nominated. What it lacks is any bound. It connects to whatever
//! address a candidate names, takes in whoever connects, ranks a stream above what a STUN server saw, and one stream that takes
//! nothing holds up everything that the connection sends. But it opens no stream by itself: it asks its runtime, which is ours
//! (`runtime.rs`). So all of that is decided here.
//!
//! | part | what |
//! |---|---|
//! | `lines` | pure: candidate lines, ours and theirs; UDP comes first |
//! | `rules` | sans-IO: where to may be connected, how often and when; who may come in |
//! | `frames` | sans-IO: packets in a stream (RFC 4571) |
//! | `guard` | the rules of one connection, shared between the driver and the library's tasks |
//! | `stream` | driver: one stream, with a bounded queue that never waits |
//! | `dial` | driver: a stream that we open |
//! | `listener` | driver: those that others open; none on a connection to the SFU, which only takes streams |
//!
//! Deliberately absent: active candidates of the other side (whoever is meant by one comes by itself), simultaneous open (which
//! browsers do not do either), addresses that a NAT gave to a stream (section 5.2), TLS. With relays alone nothing of this is
//! there: no port is opened and nobody is connected to.

pub(super) mod dial;
mod frames;
pub(super) mod guard;
pub(super) mod lines;
pub(super) mod listener;
pub(super) mod rules;
mod stream;
