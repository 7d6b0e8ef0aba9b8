//! Files that were offered and did not arrive: remembered by the store while they are on their way, so that they can be offered
//! again in a later call, also after Parley was started again. The receiver has the part and its journal; there it goes on.

use super::actor::Actor;
use super::talk::refusal;
use super::tell::since_1970_ms;
use crate::store::Unfinished;
use crate::view::{CommandError, CommandErrorCode, UnfinishedView};
use parley_call::files::{Direction, TransferEnd, TransferFault, TransferSnapshot, TransferState};
use std::path::{Path, PathBuf};
use std::time::Instant;

impl Actor {
    /// The transfers changed: tells the store of those that began or ended.
    #[expect(clippy::disallowed_methods, reason = "driver: the engine's clock")]
    pub(super) fn note_unfinished(&mut self, transfers: &[TransferSnapshot]) {
        let wanted = self.store.get().keep_history;
        for (path, transfer) in latest(transfers) {
            let Some(unfinished) = is_unfinished(transfer) else {
                continue;
            };
            let told = self.talk.sendings.iter_mut().find(|(told, _)| told == path);
            match told {
                Some((_, told)) if *told == unfinished => continue,
                Some((_, told)) => *told = unfinished,
                None => self.talk.sendings.push((path.clone(), unfinished)),
            }
            if !unfinished {
                self.history.forget_unfinished(path.clone());
            } else if wanted {
                let to = transfer.with.and_then(|who| self.talk.met.get(&who).cloned());
                self.history.keep_unfinished(Unfinished {
                    path: path.clone(),
                    size: transfer.size,
                    to: to.unwrap_or_default(),
                    at_ms: since_1970_ms(Instant::now()),
                });
            }
        }
        self.show_unfinished();
    }

    /// What is unfinished, and not on its way in this call.
    pub(super) fn show_unfinished(&mut self) {
        let kept = self.kept.borrow().unfinished.clone();
        let talk = &mut self.talk;
        let waits = |file: &&Unfinished| !talk.sendings.iter().any(|(path, _)| *path == file.path);
        let waiting: Vec<&Unfinished> = kept.iter().filter(waits).collect();
        let names = &mut talk.unfinished_names;
        names.keep(|path| kept.iter().any(|file| file.path == *path));
        let views = waiting
            .into_iter()
            .map(|file| UnfinishedView {
                id: names.of(&file.path),
                name: name_of(&file.path),
                size: file.size,
                to: file.to.clone(),
            })
            .collect();
        talk.unfinished(views);
    }

    pub(super) fn send_again(&self, id: &str) -> Result<(), CommandError> {
        let path = self.unfinished(id)?;
        // In a group it is for whoever it was for, where they are there.
        let kept = self.kept.borrow();
        let name = kept.unfinished.iter().find(|file| file.path == path);
        let people = self.endpoint.call().map(|call| call.people).unwrap_or_default();
        let to: Vec<String> = people
            .iter()
            .filter(|person| name.is_some_and(|file| file.to == person.name))
            .map(|person| person.id.to_string())
            .collect();
        drop(kept);
        if people.len() > 1 && to.is_empty() {
            let message = "Whoever this file was for is not in the call.";
            return Err(refusal(CommandErrorCode::NotNow, message));
        }
        self.offer_paths(vec![path], &to)
    }

    pub(super) fn forget_unfinished(&self, id: &str) -> Result<(), CommandError> {
        self.history.forget_unfinished(self.unfinished(id)?);
        Ok(())
    }

    fn unfinished(&self, id: &str) -> Result<PathBuf, CommandError> {
        let path = self.talk.unfinished_names.find(id).cloned();
        path.ok_or_else(|| refusal(CommandErrorCode::Failed, "There is no such file."))
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_default()
}

/// Of each file that this side sends, the transfer that counts: one that is on its way, else the newest.
fn latest(transfers: &[TransferSnapshot]) -> Vec<(&PathBuf, &TransferSnapshot)> {
    let mut latest: Vec<(&PathBuf, &TransferSnapshot)> = Vec::new();
    for transfer in transfers {
        let (Some(path), Some(_)) = (&transfer.path, is_unfinished(transfer)) else {
            continue;
        };
        match latest.iter_mut().find(|(known, _)| *known == path) {
            Some((_, counts)) if is_over(transfer) && !is_over(counts) => {}
            Some((_, counts)) => *counts = transfer,
            None => latest.push((path, transfer)),
        }
    }
    latest
}

const fn is_over(transfer: &TransferSnapshot) -> bool {
    matches!(transfer.state, TransferState::Done | TransferState::Ended(_))
}

/// Whether a file of this side is on its way, or would be if the other one were there; nothing if that is not known yet.
const fn is_unfinished(transfer: &TransferSnapshot) -> Option<bool> {
    match (transfer.direction, transfer.state) {
        (Direction::Receiving, _) | (_, TransferState::Reading) => None,
        (_, TransferState::Ended(TransferEnd::Failed(TransferFault::OtherGone))) => Some(true),
        (_, TransferState::Done | TransferState::Ended(_)) => Some(false),
        (Direction::Sending, _) => Some(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_proto::TransferId;

    fn sent(path: &str, state: TransferState) -> TransferSnapshot {
        TransferSnapshot {
            id: TransferId::from_bytes([1; 16]),
            with: None,
            direction: Direction::Sending,
            name: path.to_owned(),
            size: 1,
            moved: 0,
            bytes_per_s: 0,
            state,
            path: Some(path.into()),
        }
    }

    #[test]
    fn of_several_transfers_of_one_file_the_one_on_its_way_counts_else_the_newest() {
        let gone = TransferState::Ended(TransferEnd::Failed(TransferFault::OtherGone));
        for (states, unfinished) in [
            (vec![gone, TransferState::Done], false),
            (vec![TransferState::Done, gone], true),
            (vec![TransferState::Offered, TransferState::Done], true),
            (vec![TransferState::Done, TransferState::Offered], true),
            (vec![TransferState::Done], false),
        ] {
            let said = format!("{states:?}");
            let transfers: Vec<_> = states.into_iter().map(|state| sent("/a", state)).collect();
            let counts: Vec<_> = latest(&transfers)
                .into_iter()
                .map(|(_, one)| is_unfinished(one))
                .collect();
            assert_eq!(counts, [Some(unfinished)], "{said}");
        }
        let two = [sent("/a", TransferState::Done), sent("/b", gone)];
        assert_eq!(latest(&two).len(), 2);
    }
}
