//! STUN (RFC 8489): tells whoever asks by which address the internet sees them. [`answer`] decides, `serve` is the driver.
//!
//! Binding requests only, without authentication. Every datagram gets at most one answer of at most 52 bytes (a request
//! has at least 20), and each source only so many of them: of little use to someone who sends with a false address.

mod binding;
mod socket;

pub use binding::{Answer, answer};
pub(crate) use socket::serve;
