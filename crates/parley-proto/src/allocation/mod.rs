//! Who gets how much of what a way carries: tracks demand, there is a budget, each is granted something or paused.
//!
//! [`Allocator`] is a value without a clock: whoever sends over one way (a call's peer) owns
//! one, and asks it whenever the budget or a demand changed, and once a second. In this order:
//!
//! 1. Sounds and files get their least, whatever there is: nobody is silenced for a picture, and no transfer stalls.
//! 2. Pictures get theirs by importance: screens before cameras, then by priority. One that does not fit is paused, so the least
//!    important goes first; it comes back once there is clearly room for it ([`MARGIN`]) for some time ([`HOLD`]).
//! 3. By the same importance everybody is brought to what is good, and only then to what is wanted.
//! 4. Files get what is left.
//!
//! Of a track in layers (simulcast) one is chosen: down at once, up one at a time with the same margin and wait.
//!
//! Deliberately not: how much the way carries (`parley-call::congestion`), and what size a picture has at its rate.

mod allocator;
mod demand;
#[cfg(test)]
mod tests;

pub use allocator::{Allocation, Allocator, Grant, HOLD, MARGIN};
pub use demand::{Amounts, Demand, Kind, Layer, Rid};
