//! Load for the SFU: clients that send packets of true sizes over real DTLS and SRTP, and count what comes back.
//!
//! | file | what |
//! |---|---|
//! | `client` | one client, a value; the SFU's own tests use it too |
//! | `stamp` | what its packets carry |
//! | `publisher` | when it sends which packets |
//! | `receiver` | what came: delays, and what is missing |
//! | `run` | the driver: an SFU in this process, sockets, one thread for all clients |
//! | `report` | what came of it, in words and as JSON |

mod client;
mod publisher;
mod receiver;
mod report;
mod run;
mod stamp;

pub use client::{LoadClient, Part, Received};
pub use report::Report;
pub use run::{LoadError, LoadPlan, Video, run};
pub use stamp::Stamp;
