//! Load for the SFU: clients that send packets of true sizes over real DTLS and SRTP, and count what comes back.
//!
//! | file | what |
//! |---|---|
//! | `client` | one client, a value; the SFU's own tests use it too |
//! | `stamp` | what its packets carry |
//! | `publisher` | when it sends which packets |
//! | `receiver` | what came: delays, and what is missing |
//! | `crowd` | a driver: clients with a socket each, on one thread |
//! | `ear` | their sockets, and when what comes came |
//! | `run` | another: an SFU in this process, and a crowd at it |
//! | `report` | what came of it, in words and as JSON |

mod client;
mod crowd;
mod ear;
mod publisher;
mod receiver;
mod report;
mod run;
mod stamp;

pub use client::{LoadClient, Part, Received};
pub use crowd::Crowd;
pub use ear::Tune;
pub use report::Report;
pub use run::{LoadError, LoadPlan, Video, run};
pub use stamp::Stamp;
