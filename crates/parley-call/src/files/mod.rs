//! Files from person to person during a call.
//!
//! ```text
//! sender:   Transfers -> disk reads and hashes -> Pace lets chunks go -> lane
//! receiver: lane -> Transfers -> disk writes and hashes -> receipts -> the sender's Pace
//! ```
//! `transfers` decides, without sockets, clocks, randomness or disk. `pace` says how much may be on its way, so that files
//! fill what the call leaves of the path, and `share` how fast while the call has too little for itself. `disk` is the one thread that touches files; `driver` the task that brings all of
//! it together for one person, and [`start`] (`everybody`) one for the whole call. A received name never leaves the folder: see `name`.

mod delivery;
mod disk;
mod driver;
mod everybody;
mod name;
mod pace;
mod share;
mod transfer;
mod transfers;

pub use everybody::{FileCommand, FilesHandle, start};
pub use transfer::{Direction, FileCounters, TransferEnd, TransferFault, TransferSnapshot, TransferState};
