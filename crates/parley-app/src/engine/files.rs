//! What a window asks about files, and how it sees them. What is decided is decided in [`parley_call::files`].

use super::actor::Actor;
use super::talk::refusal;
use crate::view::{CommandError, CommandErrorCode, TransferProblem, TransferStage, TransferView};
use parley_call::PersonSnapshot;
use parley_call::files::{
    Direction, FileCommand, TransferEnd, TransferFault, TransferSnapshot, TransferState,
};
use parley_proto::limits::TRANSFERS_ALL_MAX;
use parley_proto::{ParticipantId, TransferId};
use std::path::PathBuf;

type Outcome = Result<(), CommandError>;

impl Actor {
    /// Offers files: in a group to `to`, or to everybody when that is nobody.
    pub(super) fn offer_paths(&self, paths: Vec<PathBuf>, to: &[String]) -> Outcome {
        self.must_be_in_call()?;
        let people = self.endpoint.call().map(|call| call.people).unwrap_or_default();
        let takers = takers(&people, to);
        if takers.is_empty() {
            let message = "Nobody in the call can take files now.";
            return Err(refusal(CommandErrorCode::NotNow, message));
        }
        let transfers = takers.len().saturating_mul(paths.len());
        if transfers > TRANSFERS_ALL_MAX {
            return Err(too_many());
        }
        for path in paths {
            for to in &takers {
                let id = TransferId::from_bytes(rand::random());
                let (path, to) = (path.clone(), *to);
                self.file_command(FileCommand::Offer { id, path, to })?;
            }
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
        let found = self.talk.file_names.find(id).map(|(_, id)| *id);
        found.ok_or_else(|| refusal(CommandErrorCode::Failed, "There is no such file."))
    }

    fn file_command(&self, command: FileCommand) -> Outcome {
        if self.endpoint.file(command) {
            return Ok(());
        }
        Err(too_many())
    }

    /// Where files go that come.
    pub(super) fn downloads(&self) -> PathBuf {
        self.folders.received(&self.store.get().folders)
    }

    pub(super) fn note_files(&mut self) {
        let transfers = self.endpoint.transfers();
        let names = &mut self.talk.file_names;
        for one in &transfers {
            // It was offered before anybody came.
            names.rename(&(None, one.id), (one.with, one.id));
        }
        names.keep(|known| transfers.iter().any(|one| (one.with, one.id) == *known));
        let people = self.endpoint.call().map(|call| call.people).unwrap_or_default();
        let met = &mut self.talk.met;
        for person in people {
            met.insert(person.id, person.name);
        }
        met.retain(|id, _| transfers.iter().any(|one| one.with == Some(*id)));
        let with_name = |one: &TransferSnapshot| {
            let name = one.with.and_then(|who| met.get(&who));
            name.cloned().unwrap_or_default()
        };
        let views = transfers
            .iter()
            .map(|one| view(names.of(&(one.with, one.id)), with_name(one), one))
            .collect();
        self.talk.transfers(views);
        self.note_unfinished(&transfers);
    }
}

/// To whom files are offered. Of two it is the other one, also before they came (nobody); of a group, whoever can take them. Those who
/// were chosen and nobody else, never those who only listen, also where only one is left: whoever was chosen may have gone while the file was.
fn takers(people: &[PersonSnapshot], to: &[String]) -> Vec<Option<ParticipantId>> {
    if people.is_empty() && to.is_empty() {
        return vec![None];
    }
    let chosen = |person: &&PersonSnapshot| to.is_empty() || to.contains(&person.id.to_string());
    people
        .iter()
        .filter(chosen)
        // Hundreds who listen would each need a connection of their own.
        .filter(|person| takes_files(people, person) && !person.listens)
        .map(|person| Some(person.id))
        .collect()
}

/// Whether somebody can be offered files: between two always, in a group where they say so.
pub(super) const fn takes_files(people: &[PersonSnapshot], person: &PersonSnapshot) -> bool {
    people.len() <= 1 || person.media.takes_files
}

fn too_many() -> CommandError {
    let message = "Too many files at once. Wait until some have arrived.";
    refusal(CommandErrorCode::Failed, message)
}

fn view(id: String, with_name: String, transfer: &TransferSnapshot) -> TransferView {
    let (state, fault) = stage(transfer.state);
    TransferView {
        id,
        sending: transfer.direction == Direction::Sending,
        with: transfer.with.map(|who| who.to_string()),
        with_name,
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

#[cfg(test)]
mod tests {
    use super::*;
    use parley_proto::{MediaState, Role};

    fn person(number: u8, takes_files: bool) -> PersonSnapshot {
        PersonSnapshot {
            id: ParticipantId::from_bytes([number; 16]),
            name: String::new(),
            role: Role::Guest,
            away: false,
            listens: false,
            media: MediaState {
                takes_files,
                ..MediaState::default()
            },
            media_told: true,
            hand_raised: false,
            recording: false,
            stalled: false,
            proven: false,
        }
    }

    #[test]
    fn whoever_is_meant_is_offered_files_or_the_other_one_of_two_or_all_of_a_group_who_take_them() {
        let id = |n: u8| ParticipantId::from_bytes([n; 16]);
        let named = |n: u8| id(n).to_string();
        let group = [person(1, true), person(2, false), person(3, true)];
        for (people, to, expect) in [
            (&group[..0], vec![], vec![None]),
            (&group[1..2], vec![], vec![Some(id(2))]),
            (&group[1..2], vec![named(2)], vec![Some(id(2))]),
            (&group[1..2], vec![named(1)], vec![]),
            (&group[..0], vec![named(1)], vec![]),
            (&group[..], vec![], vec![Some(id(1)), Some(id(3))]),
            (&group[..], vec![named(3)], vec![Some(id(3))]),
            (&group[..], vec![named(2)], vec![]),
            (&group[..], vec!["somebody".to_owned()], vec![]),
        ] {
            assert_eq!(takers(people, &to), expect, "{to:?}");
        }
    }
}
