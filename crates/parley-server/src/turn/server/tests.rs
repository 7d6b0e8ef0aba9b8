//! The server against clients and peers that speak by `stun-types`, in virtual time.

mod allocating;
mod hostile;
mod relaying;
mod world;
