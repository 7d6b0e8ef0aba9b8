//! Files on their way, as a window shows them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// One file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct TransferView {
    /// Another one for each: given here, not by whoever offered it.
    pub id: String,
    /// From here; otherwise to here.
    pub sending: bool,
    /// The id of whom it goes to or comes from; absent while they have not come.
    pub with: Option<String>,
    /// Their name, also after they left.
    pub with_name: String,
    /// The file's name.
    pub name: String,
    /// Its size in bytes.
    #[ts(type = "number")]
    pub size: u64,
    /// Bytes that are on the receiver's disk.
    #[ts(type = "number")]
    pub moved: u64,
    /// How fast, lately.
    #[ts(type = "number")]
    pub bytes_per_s: u64,
    /// How far it is.
    pub state: TransferStage,
    /// This side wants it to wait.
    pub paused_here: bool,
    /// Why it did not work.
    pub fault: Option<TransferProblem>,
    /// Where it is on this computer: of one that comes, once it is whole. Of two that go, whether they are one file.
    pub path: Option<String>,
}

/// A file that was offered in an earlier call and did not arrive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct UnfinishedView {
    /// Another one for each.
    pub id: String,
    /// The file's name.
    pub name: String,
    /// Its size in bytes when it was offered.
    #[ts(type = "number")]
    pub size: u64,
    /// Whom it was for.
    pub to: String,
}

/// How far a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum TransferStage {
    /// It is being looked at.
    Reading,
    /// The other side has not decided yet.
    Offered,
    /// This side has not decided yet.
    Asking,
    /// Decided, but nothing moves: the connection is gone, or the disk prepares.
    Waiting,
    /// On its way.
    Moving,
    /// Somebody wants it to wait.
    Paused,
    /// Everything is there; it is being checked.
    Checking,
    /// There, and whole.
    Done,
    /// The receiver did not want it.
    Declined,
    /// This side gave up.
    CancelledHere,
    /// The other side gave up.
    CancelledThere,
    /// It did not work; see `fault`.
    Failed,
}

/// Why a file did not come through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum TransferProblem {
    /// It cannot be read.
    Unreadable,
    /// It changed while it was being sent.
    Changed,
    /// This computer's disk is full.
    DiskFull,
    /// This computer's disk does not take it.
    DiskFailed,
    /// The other computer's disk is full.
    OtherDiskFull,
    /// The other computer's disk does not take it.
    OtherDiskFailed,
    /// What arrived is not what was sent.
    Damaged,
    /// Too many at once.
    TooMany,
    /// The other side takes no such name or size.
    Refused,
    /// The other one is gone.
    OtherGone,
    /// The other side does not keep to the rules.
    OutOfStep,
}
