//! Real sockets and a real clock. The peer is at 127.0.0.2: the relay's own address is refused.

mod datagrams;
mod streams;
mod world;
