//! Files that were offered and did not arrive: remembered by the store while they are on their way, so that they can be offered
//! again in a later call, also after Parley was started again. The receiver has the part and its journal; there it goes on.

use super::actor::Actor;
use super::talk::refusal;
use super::tell::since_1970_ms;
use crate::store::Unfinished;
use crate::view::{CommandError, CommandErrorCode, UnfinishedView};
use parley_call::PersonSnapshot;
use parley_call::files::{Direction, TransferEnd, TransferFault, TransferSnapshot, TransferState};
use parley_proto::ParticipantId;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What was offered in this call, and what the store was told of it.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) path: PathBuf,
    /// As they called themselves; empty while nobody had come.
    pub(super) to: String,
    unfinished: bool,
}

impl Sending {
    fn is(&self, path: &Path, to: &str) -> bool {
        self.path == path && self.to == to
    }
}

impl Actor {
    /// The transfers changed: tells the store of those that began or ended.
    #[expect(clippy::disallowed_methods, reason = "driver: the engine's clock")]
    pub(super) fn note_unfinished(&mut self, transfers: &[TransferSnapshot]) {
        let wanted = self.store.get().keep_history;
        let talk = &mut self.talk;
        for (path, to, transfer) in latest(transfers, &talk.met) {
            let Some(unfinished) = is_unfinished(transfer) else {
                continue;
            };
            if !to.is_empty()
                && let Some(early) = talk.sendings.iter().position(|told| told.is(path, ""))
            {
                // It was offered before anybody came: now it is known for whom.
                talk.sendings.swap_remove(early);
                self.history.forget_unfinished(path.clone(), String::new());
            }
            let told = talk.sendings.iter_mut().find(|told| told.is(path, to));
            match told {
                Some(told) if told.unfinished == unfinished => continue,
                Some(told) => told.unfinished = unfinished,
                None => talk.sendings.push(Sending {
                    path: path.clone(),
                    to: to.to_owned(),
                    unfinished,
                }),
            }
            if !unfinished {
                self.history.forget_unfinished(path.clone(), to.to_owned());
            } else if wanted {
                self.history.keep_unfinished(Unfinished {
                    path: path.clone(),
                    size: transfer.size,
                    to: to.to_owned(),
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
        let waits = |file: &&Unfinished| !talk.sendings.iter().any(|told| told.is(&file.path, &file.to));
        let waiting: Vec<&Unfinished> = kept.iter().filter(waits).collect();
        let names = &mut talk.unfinished_names;
        names.keep(|(path, to)| kept.iter().any(|file| file.path == *path && file.to == *to));
        let views = waiting
            .into_iter()
            .map(|file| UnfinishedView {
                id: names.of(&(file.path.clone(), file.to.clone())),
                name: name_of(&file.path),
                size: file.size,
                to: file.to.clone(),
            })
            .collect();
        talk.unfinished(views);
    }

    pub(super) fn send_again(&self, id: &str) -> Result<(), CommandError> {
        let (path, name) = self.unfinished(id)?;
        let people = self.endpoint.call().map(|call| call.people).unwrap_or_default();
        let to = whoever_it_was_for(&name, &people)?;
        self.offer_paths(vec![path.clone()], &to)?;
        if to.is_empty() {
            // It is for somebody with another name now, and kept under that.
            self.history.forget_unfinished(path, name);
        }
        Ok(())
    }

    pub(super) fn forget_unfinished(&self, id: &str) -> Result<(), CommandError> {
        let (path, to) = self.unfinished(id)?;
        self.history.forget_unfinished(path, to);
        Ok(())
    }

    fn unfinished(&self, id: &str) -> Result<(PathBuf, String), CommandError> {
        let file = self.talk.unfinished_names.find(id).cloned();
        file.ok_or_else(|| refusal(CommandErrorCode::Failed, "There is no such file."))
    }
}

/// To whom a file of an earlier call is offered in this one: of two it is the other one, whatever they are called now; in a group
/// whoever has the name. A name is no proof of who somebody is: where two have it, a person chooses.
fn whoever_it_was_for(name: &str, people: &[PersonSnapshot]) -> Result<Vec<String>, CommandError> {
    let named: Vec<&PersonSnapshot> = people.iter().filter(|person| person.name == name).collect();
    match (people.len(), &named[..]) {
        (0 | 1, _) => Ok(named.iter().map(|person| person.id.to_string()).collect()),
        (_, [one]) => Ok(vec![one.id.to_string()]),
        (_, []) => {
            let message = "Whoever this file was for is not in the call.";
            Err(refusal(CommandErrorCode::NotNow, message))
        }
        (_, [..]) => {
            let message = "Several people here have this name. Send the file again and choose one of them.";
            Err(refusal(CommandErrorCode::NotNow, message))
        }
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_default()
}

/// Of each file that this side sends to somebody, the transfer that counts: one that is on its way, else the newest.
fn latest<'a>(
    transfers: &'a [TransferSnapshot],
    met: &'a BTreeMap<ParticipantId, String>,
) -> Vec<(&'a PathBuf, &'a str, &'a TransferSnapshot)> {
    let mut latest: Vec<(&PathBuf, &str, &TransferSnapshot)> = Vec::new();
    for transfer in transfers {
        let (Some(path), Some(_)) = (&transfer.path, is_unfinished(transfer)) else {
            continue;
        };
        let to = transfer
            .with
            .and_then(|who| met.get(&who))
            .map_or("", String::as_str);
        let known = latest
            .iter_mut()
            .find(|(known, whose, _)| *known == path && *whose == to);
        match known {
            Some((_, _, counts)) if is_over(transfer) && !is_over(counts) => {}
            Some((_, _, counts)) => *counts = transfer,
            None => latest.push((path, to, transfer)),
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
            let counts: Vec<_> = latest(&transfers, &BTreeMap::new())
                .into_iter()
                .map(|(_, _, one)| is_unfinished(one))
                .collect();
            assert_eq!(counts, [Some(unfinished)], "{said}");
        }
        let two = [sent("/a", TransferState::Done), sent("/b", gone)];
        assert_eq!(latest(&two, &BTreeMap::new()).len(), 2);
    }

    #[test]
    fn one_file_for_two_people_counts_twice() {
        let [ben, cyd] = [1, 2].map(|n| ParticipantId::from_bytes([n; 16]));
        let met = BTreeMap::from([(ben, "Ben".to_owned()), (cyd, "Cyd".to_owned())]);
        let gone = TransferState::Ended(TransferEnd::Failed(TransferFault::OtherGone));
        let to = |who, state| TransferSnapshot {
            with: Some(who),
            ..sent("/a", state)
        };
        let transfers = [to(ben, TransferState::Done), to(cyd, gone)];
        let counts: Vec<_> = latest(&transfers, &met)
            .into_iter()
            .map(|(_, name, one)| (name, is_unfinished(one)))
            .collect();
        assert_eq!(counts, [("Ben", Some(false)), ("Cyd", Some(true))]);
    }

    #[test]
    fn a_name_that_two_have_is_nobody_in_a_group_and_between_two_no_name_matters() {
        let person = |n: u8, name: &str| PersonSnapshot::new(ParticipantId::from_bytes([n; 16]), name);
        let [ben, cyd, other_ben] = [person(1, "Ben"), person(2, "Cyd"), person(3, "Ben")];
        let for_ben = |people: &[PersonSnapshot]| whoever_it_was_for("Ben", people).ok();
        assert_eq!(for_ben(&[]), Some(vec![]));
        assert_eq!(for_ben(std::slice::from_ref(&cyd)), Some(vec![]));
        assert_eq!(
            for_ben(&[ben.clone(), cyd.clone()]),
            Some(vec![ben.id.to_string()])
        );
        assert_eq!(for_ben(&[ben, cyd.clone(), other_ben]), None);
        assert_eq!(for_ben(&[cyd.clone(), cyd]), None);
    }
}
