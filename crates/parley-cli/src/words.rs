//! States in words: what the progress line and the notes say to people.

use parley_app::endpoint::{CallPhase, TransferEnd, TransferFault, TransferState};
use parley_media::audio::StreamState;
use parley_media::video::SourceState;

pub(crate) const fn phase(phase: CallPhase) -> &'static str {
    match phase {
        CallPhase::GreenRoom => "asking the server",
        CallPhase::Joining => "going in",
        CallPhase::Waiting => "waiting for somebody",
        CallPhase::Connecting => "connecting",
        CallPhase::Connected => "connected",
        CallPhase::Reconnecting => "connecting again",
        CallPhase::Ended => "over",
    }
}

/// What a transfer that did not come through came to.
pub(crate) const fn transfer(state: TransferState) -> &'static str {
    match state {
        TransferState::Reading => "was still being looked at",
        TransferState::Offered | TransferState::Asking => "was not decided about",
        TransferState::Waiting | TransferState::Moving | TransferState::Checking => {
            "did not come through yet"
        }
        TransferState::Paused { .. } => "was paused",
        TransferState::Done => "came through",
        TransferState::Ended(TransferEnd::Declined) => "was not wanted",
        TransferState::Ended(TransferEnd::CancelledHere) => "was given up here",
        TransferState::Ended(TransferEnd::CancelledThere) => "was given up by the other side",
        TransferState::Ended(TransferEnd::Failed(fault)) => transfer_fault(fault),
    }
}

const fn transfer_fault(fault: TransferFault) -> &'static str {
    match fault {
        TransferFault::Unreadable => "cannot be read",
        TransferFault::Changed => "changed while it was sent",
        TransferFault::DiskFull => "does not fit on the disk",
        TransferFault::DiskFailed => "cannot be written here",
        TransferFault::OtherDiskFull => "does not fit on the other side's disk",
        TransferFault::OtherDiskFailed => "cannot be written on the other side",
        TransferFault::Damaged => "came damaged",
        TransferFault::TooMany => "was one of too many at once",
        TransferFault::Refused => "was refused by the other side",
        TransferFault::OtherGone => "was left behind: the other one is gone",
        TransferFault::OutOfStep => "was lost: the other side does not keep to the protocol",
    }
}

/// What is wrong with a source of pictures, if something is.
pub(crate) const fn picture_fault(state: SourceState) -> Option<&'static str> {
    match state {
        SourceState::Missing | SourceState::Gone => Some("it is not there"),
        SourceState::Busy => Some("another program holds it"),
        SourceState::Denied => Some("this computer does not let Parley use it"),
        SourceState::Failed => Some("it does not work"),
        SourceState::Starting | SourceState::Running | SourceState::Ended => None,
    }
}

/// What is wrong with a source of sound, if something is.
pub(crate) const fn sound_fault(state: StreamState) -> Option<&'static str> {
    match state {
        StreamState::Missing => Some("it is not there"),
        StreamState::Busy => Some("another program holds it"),
        StreamState::Denied => Some("this computer does not let Parley use it"),
        StreamState::Failed => Some("it does not work"),
        StreamState::Off | StreamState::Starting | StreamState::Running => None,
    }
}
