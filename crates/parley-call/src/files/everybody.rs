//! The transfers with everybody in a call: one driver for each person, one thread for the disk, and for the app one list. Decides
//! whom a word of the app is about, who is gone and who is back, whom one forgets, and in which order transfers are listed.
//!
//! Somebody may be offered a file before they came, or after everybody left: that waits with a driver for nobody, which becomes that of
//! whoever comes first. Where whoever comes was known before, theirs takes over what waited.

use super::disk::{self, DiskAnswer, DiskCommand};
use super::driver::{self, Ends};
use super::transfer::{FileCounters, TransferSnapshot, TransferState};
use super::transfers::Input;
use crate::call::FileWay;
use crate::port::{Lane, LaneKind};
use parley_proto::limits::{GROUP_PEOPLE_MAX, TRANSFERS_MAX};
use parley_proto::{ParticipantId, TransferId};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, watch};

/// Commands and lanes that may wait: everybody's lanes come at once when a group begins.
const ASKED_MAX: usize = 256 + 2 * GROUP_PEOPLE_MAX;
/// Commands that may wait for one driver.
const COMMANDS_MAX: usize = 256;
/// Disk commands that may wait: more than a window of chunks, so the cores' own bounds hold first.
const DISK_MAX: usize = 4096;
/// Disk answers that may wait.
const ANSWERS_MAX: usize = 64;
/// Words of the drivers that may wait; what finds no room is said again.
const TOLD_MAX: usize = 64;
/// People whose transfers are remembered, those who left among them; the oldest of those go first.
const PEOPLE_MAX: usize = 2 * GROUP_PEOPLE_MAX;

/// What the app asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileCommand {
    /// Send a file.
    Offer {
        /// A fresh id.
        id: TransferId,
        /// Where it is.
        path: PathBuf,
        /// To whom; none for the other one of a call of two, also before they came. Where everybody left, that is whoever comes next.
        to: Option<ParticipantId>,
    },
    /// Take what was offered.
    Accept(TransferId),
    /// Do not.
    Refuse(TransferId),
    /// Wait.
    Pause(TransferId),
    /// Go on.
    Resume(TransferId),
    /// Give up.
    Cancel(TransferId),
    /// These are in the call now, or may come back to it, and nobody else. Nothing is given up while nobody is there at all: they may
    /// come back. Who is named again after they were not goes on.
    People(Vec<ParticipantId>),
}

/// What comes from the app, in one line: who is there, and whose lane it is, must not overtake each other.
#[derive(Debug)]
enum Asked {
    Command(FileCommand),
    Lane(ParticipantId, LaneKind, Lane),
}

/// What a driver tells.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    pub(super) transfers: Vec<TransferSnapshot>,
    pub(super) counters: FileCounters,
    /// See [`FileWay`]; nothing where no connection is of use.
    pub(super) way: Option<bool>,
}

/// The app's end of the transfers. Dropping it ends their tasks; parts stay on the disk.
#[derive(Debug)]
pub struct FilesHandle {
    asks: mpsc::Sender<Asked>,
    /// Every transfer, oldest first; at most ten times a second of each person.
    pub transfers: watch::Receiver<Vec<TransferSnapshot>>,
    /// What was refused and dropped since the call began.
    pub counters: watch::Receiver<FileCounters>,
    /// With whom connections are of use, in a group.
    pub ways: watch::Receiver<Vec<FileWay>>,
}

impl FilesHandle {
    /// Asks something; what follows shows in the transfers. False when too much was asked at once.
    #[must_use]
    pub fn command(&self, command: FileCommand) -> bool {
        self.asks.try_send(Asked::Command(command)).is_ok()
    }

    /// One of the lanes can be used. Takes the place of one there was before.
    pub fn use_lane(&self, participant: ParticipantId, kind: LaneKind, lane: Lane) {
        let lane = Asked::Lane(participant, kind, lane);
        if self.asks.try_send(lane).is_err() {
            tracing::warn!(?kind, "the transfers take no lane");
        }
    }
}

/// Starts the transfers of one call; what comes goes to `folder`. Inside a tokio runtime. Nothing when there is no thread.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "driver: one task and one thread a call, ended with its handle"
)]
pub fn start(folder: PathBuf) -> Option<FilesHandle> {
    let (asks, asked) = mpsc::channel(ASKED_MAX);
    let (tell_list, transfers) = watch::channel(Vec::new());
    let (count, counters) = watch::channel(FileCounters::default());
    let (tell_ways, ways) = watch::channel(Vec::new());
    let (to_disk, disk_commands) = std::sync::mpsc::sync_channel(DISK_MAX);
    let answers = Answers::default();
    let to_drivers = answers.clone();
    let thread = std::thread::Builder::new().name("files".into()).spawn(move || {
        disk::run(folder, &disk_commands, |whose, answer| {
            to_drivers.give(whose, answer);
        });
    });
    if let Err(error) = thread {
        tracing::error!(%error, "no thread for files");
        return None;
    }
    let (tell, told) = mpsc::channel(TOLD_MAX);
    let everybody = Everybody {
        asked,
        told,
        tell,
        to_disk,
        answers,
        offers: Arc::default(),
        people: Vec::new(),
        next_number: 0,
        order: Vec::new(),
        tell_list,
        count,
        tell_ways,
    };
    tokio::spawn(everybody.run());
    Some(FilesHandle {
        asks,
        transfers,
        counters,
        ways,
    })
}

/// Where the disk's answers go.
#[derive(Debug, Clone, Default)]
struct Answers(Arc<Mutex<BTreeMap<u32, mpsc::Sender<DiskAnswer>>>>);

impl Answers {
    /// On the disk's own thread, which waits for drivers: they never wait for it.
    fn give(&self, whose: u32, answer: DiskAnswer) {
        let to = self.of().get(&whose).cloned();
        if let Some(to) = to {
            // A driver that ended needs none.
            let _ = to.blocking_send(answer);
        }
    }

    fn of(&self) -> std::sync::MutexGuard<'_, BTreeMap<u32, mpsc::Sender<DiskAnswer>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One person's driver.
struct One {
    number: u32,
    /// Nobody yet: whoever comes first.
    who: Option<ParticipantId>,
    commands: mpsc::Sender<Input>,
    lanes: mpsc::Sender<(ParticipantId, LaneKind, Lane)>,
    /// Was given files that the driver has not told of yet.
    offered: Vec<TransferId>,
    told: Told,
    /// What was offered while it was nobody's: no more than a driver takes.
    unclaimed: Vec<(TransferId, PathBuf)>,
    /// They are in the call, or may come back to it: only then they are offered what names nobody.
    there: bool,
    /// They left for good, and somebody else is there: what was with them is given up.
    gone: bool,
}

impl One {
    fn is_over(&self, id: TransferId) -> bool {
        let is_over = |state| matches!(state, TransferState::Done | TransferState::Ended(_));
        let mut transfers = self.told.transfers.iter();
        transfers.any(|one| one.id == id && is_over(one.state))
    }

    fn has(&self, id: TransferId) -> bool {
        self.told.transfers.iter().any(|one| one.id == id) || self.offered.contains(&id)
    }

    /// They left for good, or are back after all.
    fn set_gone(&mut self, gone: bool) {
        if std::mem::replace(&mut self.gone, gone) != gone {
            send(self, if gone { Input::Gone } else { Input::Back });
        }
    }
}

struct Everybody {
    asked: mpsc::Receiver<Asked>,
    told: mpsc::Receiver<(u32, Told)>,
    /// For the drivers.
    tell: mpsc::Sender<(u32, Told)>,
    to_disk: std::sync::mpsc::SyncSender<(u32, DiskCommand)>,
    answers: Answers,
    offers: Arc<AtomicUsize>,
    people: Vec<One>,
    next_number: u32,
    /// Transfers, as they were first told of.
    order: Vec<TransferId>,
    tell_list: watch::Sender<Vec<TransferSnapshot>>,
    count: watch::Sender<FileCounters>,
    tell_ways: watch::Sender<Vec<FileWay>>,
}

impl Everybody {
    async fn run(mut self) {
        loop {
            tokio::select! {
                biased;
                asked = self.asked.recv() => match asked {
                    Some(Asked::Lane(who, kind, lane)) => self.take_lane(who, kind, lane),
                    Some(Asked::Command(command)) => self.carry_out(command),
                    None => break,
                },
                Some((number, told)) = self.told.recv() => self.hear(number, told),
            }
        }
        self.answers.of().clear();
    }

    fn take_lane(&mut self, who: ParticipantId, kind: LaneKind, lane: Lane) {
        let unclaimed = self.take_unclaimed(who);
        let at = self.place_of(who);
        let Some(one) = self.people.get_mut(at) else {
            return;
        };
        one.there = true;
        for (id, path) in unclaimed {
            one.offered.push(id);
            send(one, Input::Offer { id, path });
        }
        if one.lanes.try_send((who, kind, lane)).is_err() {
            tracing::warn!(?kind, "a person's transfers take no lane");
        }
    }

    /// The driver of somebody: theirs, also if they were gone, else the one for nobody, else a new one.
    fn place_of(&mut self, who: ParticipantId) -> usize {
        if let Some(at) = self.people.iter().position(|one| one.who == Some(who)) {
            if let Some(one) = self.people.get_mut(at) {
                one.set_gone(false);
            }
            return at;
        }
        if let Some(at) = self.people.iter().position(|one| one.who.is_none()) {
            if let Some(one) = self.people.get_mut(at) {
                one.who = Some(who);
                one.unclaimed.clear();
            }
            self.publish();
            return at;
        }
        self.add(Some(who))
    }

    /// What waits for whoever comes, where they have a driver already: it takes over, and the one for nobody ends.
    fn take_unclaimed(&mut self, who: ParticipantId) -> Vec<(TransferId, PathBuf)> {
        let waits = self.people.iter().position(|one| one.who.is_none());
        let is_known = self.people.iter().any(|one| one.who == Some(who));
        let Some(at) = waits.filter(|_| is_known) else {
            return Vec::new();
        };
        let mut nobody = self.people.remove(at);
        self.answers.of().remove(&nobody.number);
        let mut unclaimed = std::mem::take(&mut nobody.unclaimed);
        unclaimed.retain(|(id, _)| !nobody.is_over(*id));
        unclaimed
    }

    fn add(&mut self, who: Option<ParticipantId>) -> usize {
        if self.people.len() >= PEOPLE_MAX
            && let Some(oldest) = self.people.iter().position(|one| one.gone)
        {
            let forgotten = self.people.remove(oldest);
            self.answers.of().remove(&forgotten.number);
        }
        let number = self.next_number;
        self.next_number = self.next_number.wrapping_add(1);
        let (commands, asked) = mpsc::channel(COMMANDS_MAX);
        let (lanes, new_lanes) = mpsc::channel(8);
        let (answer, from_disk) = mpsc::channel(ANSWERS_MAX);
        self.answers.of().insert(number, answer);
        driver::spawn(Ends {
            number,
            asked,
            new_lanes,
            to_disk: self.to_disk.clone(),
            from_disk,
            tell: self.tell.clone(),
            offers: Arc::clone(&self.offers),
        });
        self.people.push(One {
            number,
            who,
            commands,
            lanes,
            offered: Vec::new(),
            told: Told {
                transfers: Vec::new(),
                counters: FileCounters::default(),
                way: None,
            },
            unclaimed: Vec::new(),
            there: true,
            gone: false,
        });
        self.people.len() - 1
    }

    fn carry_out(&mut self, command: FileCommand) {
        let (id, input) = match command {
            FileCommand::Offer { id, path, to } => return self.offer(id, path, to),
            FileCommand::People(there) => return self.note_people(&there),
            FileCommand::Accept(id) => (id, Input::Accept(id)),
            FileCommand::Refuse(id) => (id, Input::Refuse(id)),
            FileCommand::Pause(id) => (id, Input::Pause(id)),
            FileCommand::Resume(id) => (id, Input::Resume(id)),
            FileCommand::Cancel(id) => (id, Input::Cancel(id)),
        };
        // Somebody's new self may offer under an id of the one before: what can still be decided goes first.
        let there = self.people.iter().find(|one| one.has(id) && !one.gone);
        if let Some(one) = there.or_else(|| self.people.iter().find(|one| one.has(id))) {
            send(one, input);
        }
    }

    fn offer(&mut self, id: TransferId, path: PathBuf, to: Option<ParticipantId>) {
        let at = match to {
            Some(who) => self.place_of(who),
            None => match self.people.iter().position(|one| one.there) {
                Some(at) => at,
                None => self.add(None),
            },
        };
        if let Some(one) = self.people.get_mut(at) {
            one.offered.push(id);
            if one.who.is_none() && one.unclaimed.len() < TRANSFERS_MAX {
                one.unclaimed.push((id, path.clone()));
            }
            send(one, Input::Offer { id, path });
        }
    }

    fn note_people(&mut self, there: &[ParticipantId]) {
        for one in &mut self.people {
            let Some(who) = one.who else { continue };
            one.there = there.contains(&who);
            // Nothing is given up while nobody is there at all.
            if !there.is_empty() {
                one.set_gone(!one.there);
            }
        }
    }

    fn hear(&mut self, number: u32, told: Told) {
        let Some(one) = self.people.iter_mut().find(|one| one.number == number) else {
            return;
        };
        one.offered
            .retain(|id| !told.transfers.iter().any(|transfer| transfer.id == *id));
        one.told = told;
        self.publish();
    }

    fn publish(&mut self) {
        let mut list: Vec<TransferSnapshot> = Vec::new();
        for one in &self.people {
            list.extend(
                one.told
                    .transfers
                    .iter()
                    .cloned()
                    .map(|transfer| TransferSnapshot {
                        with: one.who,
                        ..transfer
                    }),
            );
        }
        self.order
            .retain(|known| list.iter().any(|transfer| transfer.id == *known));
        for transfer in &list {
            if !self.order.contains(&transfer.id) {
                self.order.push(transfer.id);
            }
        }
        let order = &self.order;
        list.sort_by_key(|transfer| order.iter().position(|known| *known == transfer.id));
        self.tell_list.send_if_modified(|told| replace(told, list));
        let all = self.people.iter().map(|one| one.told.counters);
        let sum = all.fold(FileCounters::default(), FileCounters::plus);
        self.count.send_if_modified(|told| replace(told, sum));
        let way = |one: &One| {
            let participant = one.who.filter(|_| !one.gone)?;
            let wanted = one.told.way?;
            Some(FileWay { participant, wanted })
        };
        let ways: Vec<FileWay> = self.people.iter().filter_map(way).collect();
        self.tell_ways.send_if_modified(|told| replace(told, ways));
    }
}

fn replace<T: PartialEq>(told: &mut T, now: T) -> bool {
    let changed = *told != now;
    *told = now;
    changed
}

fn send(one: &One, input: Input) {
    if one.commands.try_send(input).is_err() {
        tracing::warn!("a person's transfers take no command");
    }
}

#[cfg(test)]
mod tests;
