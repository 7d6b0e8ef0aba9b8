//! What a window asks about files, and how it sees them. What is decided is decided in [`parley_call::files`].

use super::actor::Actor;
use super::talk::refusal;
use crate::view::{CommandError, CommandErrorCode, TransferProblem, TransferStage, TransferView};
use parley_call::files::{
    Direction, FileCommand, TransferEnd, TransferFault, TransferSnapshot, TransferState,
};
use parley_proto::TransferId;
use std::path::PathBuf;

type Outcome = Result<(), CommandError>;

impl Actor {
    pub(super) fn offer_paths(&self, paths: Vec<PathBuf>) -> Outcome {
        self.must_be_in_call()?;
        // The lanes for files are those of a direct connection.
        let call = self.endpoint.call();
        if call.is_some_and(|call| call.group.is_some() && call.people.len() > 1) {
            let message = "Files can only be sent while two people are in the call.";
            return Err(refusal(CommandErrorCode::NotNow, message));
        }
        for path in paths {
            let id = TransferId::from_bytes(rand::random());
            self.file_command(FileCommand::Offer { id, path })?;
        }
        Ok(())
    }

    pub(super) fn decide_file(&self, id: &str, accept: bool) -> Outcome {
        let id = self.transfer(id)?;
        self.file_command(if accept {
            FileCommand::Accept(id)
        } else {
            FileCommand::Refuse(id)
        })
    }

    pub(super) fn pause_file(&self, id: &str, paused: bool) -> Outcome {
        let id = self.transfer(id)?;
        self.file_command(if paused {
            FileCommand::Pause(id)
        } else {
            FileCommand::Resume(id)
        })
    }

    pub(super) fn cancel_file(&self, id: &str) -> Outcome {
        self.file_command(FileCommand::Cancel(self.transfer(id)?))
    }

    fn transfer(&self, id: &str) -> Result<TransferId, CommandError> {
        let found = self.talk.file_names.find(id).copied();
        found.ok_or_else(|| refusal(CommandErrorCode::Failed, "There is no such file."))
    }

    fn file_command(&self, command: FileCommand) -> Outcome {
        if self.endpoint.file(command) {
            return Ok(());
        }
        let message = "Too many files at once. Wait until some have arrived.";
        Err(refusal(CommandErrorCode::Failed, message))
    }

    /// Where files go that come.
    pub(super) fn downloads(&self) -> PathBuf {
        self.folders.received(&self.store.get().folders)
    }

    pub(super) fn note_files(&mut self) {
        let transfers = self.endpoint.transfers();
        let names = &mut self.talk.file_names;
        names.keep(|id| transfers.iter().any(|transfer| transfer.id == *id));
        let views = transfers.iter().map(|one| view(names.of(&one.id), one)).collect();
        self.talk.transfers(views);
        self.note_unfinished(&transfers);
    }
}

fn view(id: String, transfer: &TransferSnapshot) -> TransferView {
    let (state, fault) = stage(transfer.state);
    TransferView {
        id,
        sending: transfer.direction == Direction::Sending,
        name: transfer.name.clone(),
        size: transfer.size,
        moved: transfer.moved,
        bytes_per_s: transfer.bytes_per_s,
        state,
        paused_here: matches!(transfer.state, TransferState::Paused { here: true, .. }),
        fault,
        path: transfer
            .path
            .as_ref()
            .map(|path| path.to_string_lossy().into_owned()),
    }
}

const fn stage(state: TransferState) -> (TransferStage, Option<TransferProblem>) {
    let stage = match state {
        TransferState::Reading => TransferStage::Reading,
        TransferState::Offered => TransferStage::Offered,
        TransferState::Asking => TransferStage::Asking,
        TransferState::Waiting => TransferStage::Waiting,
        TransferState::Moving => TransferStage::Moving,
        TransferState::Paused { .. } => TransferStage::Paused,
        TransferState::Checking => TransferStage::Checking,
        TransferState::Done => TransferStage::Done,
        TransferState::Ended(TransferEnd::Declined) => TransferStage::Declined,
        TransferState::Ended(TransferEnd::CancelledHere) => TransferStage::CancelledHere,
        TransferState::Ended(TransferEnd::CancelledThere) => TransferStage::CancelledThere,
        TransferState::Ended(TransferEnd::Failed(fault)) => {
            return (TransferStage::Failed, Some(problem(fault)));
        }
    };
    (stage, None)
}

const fn problem(fault: TransferFault) -> TransferProblem {
    match fault {
        TransferFault::Unreadable => TransferProblem::Unreadable,
        TransferFault::Changed => TransferProblem::Changed,
        TransferFault::DiskFull => TransferProblem::DiskFull,
        TransferFault::DiskFailed => TransferProblem::DiskFailed,
        TransferFault::OtherDiskFull => TransferProblem::OtherDiskFull,
        TransferFault::OtherDiskFailed => TransferProblem::OtherDiskFailed,
        TransferFault::Damaged => TransferProblem::Damaged,
        TransferFault::TooMany => TransferProblem::TooMany,
        TransferFault::Refused => TransferProblem::Refused,
        TransferFault::OtherGone => TransferProblem::OtherGone,
        TransferFault::OutOfStep => TransferProblem::OutOfStep,
    }
}
