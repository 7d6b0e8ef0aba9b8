//! Between the encoded frame and the other people: session, negotiation, peers, congestion control, statistics.
//!
//! No device, no window. The only place that names `webrtc::` or `rtc::` is the `peer` module.

pub mod port;
