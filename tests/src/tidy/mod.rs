//! Checks of the house itself: crate edges, names, sizes, module docs. They read sources and nothing else.
//!
//! Each exception stands in an allow-list with its reason, and a stale exception fails like a broken rule does. What
//! clippy, rustfmt and cargo-deny check is not checked again here.

mod edges;
mod exceptions;
mod names;
mod sizes;
mod sources;
