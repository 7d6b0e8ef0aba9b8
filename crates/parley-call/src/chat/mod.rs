//! What people write to each other during a call.
//!
//! [`Chat`] decides, without sockets, clocks or randomness: what goes on the lane when, what is new and what came before, what
//! is delivered. [`start`] is the task around it. What was said is kept by neither: the app gets it once, as [`ChatNews`].

mod conversation;
mod driver;

pub use conversation::{Chat, ChatCounters, ChatNews, SayError};
pub use driver::{ChatHandle, start};
