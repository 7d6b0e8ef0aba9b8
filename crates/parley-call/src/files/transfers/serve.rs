//! What the disk is asked, and what follows from its answers.

use super::*;

impl Transfers {
    /// Lets the disk read as much as may be on its way, from each file in turn.
    pub(super) fn read_on(&mut self) {
        if !self.up {
            return;
        }
        let sending = |one: &Transfer| one.direction == Direction::Sending;
        let mut on_the_way: u64 = self
            .list
            .iter()
            .filter(|one| sending(one) && one.stage == Stage::Moving)
            .map(|one| one.next - one.moved)
            .sum();
        let count = self.list.len();
        let mut idle = 0;
        let window = self.window();
        let most = window + (3 * window).clamp(AHEAD_MIN, AHEAD_MAX);
        while idle < count && on_the_way < most {
            self.turn = (self.turn + 1) % count;
            let chunk = self.pace.chunk_bytes() as u64;
            let Some(transfer) = self
                .list
                .get_mut(self.turn)
                .filter(|one| sending(one) && one.may_move())
            else {
                idle += 1;
                continue;
            };
            let (id, turn, offset) = (transfer.id, transfer.turn, transfer.next);
            let bytes = chunk.min(transfer.size - offset);
            if bytes == 0 {
                // All of it is on its way.
                idle += 1;
                if transfer.moved == transfer.size {
                    transfer.stage = Stage::Checking;
                    self.disk(DiskCommand::Hash { id });
                }
                continue;
            }
            idle = 0;
            transfer.next += bytes;
            on_the_way += bytes;
            self.disk(DiskCommand::Read {
                id,
                turn,
                offset,
                bytes: bytes as usize,
            });
        }
    }

    pub(super) fn on_disk(&mut self, now: Instant, answer: DiskAnswer) {
        match answer {
            DiskAnswer::Looked {
                id,
                name,
                size,
                fingerprint,
            } => self.on_looked(id, name, size, fingerprint),
            DiskAnswer::Read {
                id,
                turn,
                offset,
                data,
            } => {
                let stamp_ms = self.clock_ms(now);
                let wanted = |one: &&mut Transfer| one.stage == Stage::Moving && one.turn == turn;
                if self.up && self.find(id, Direction::Sending).filter(wanted).is_some() {
                    self.out.push_back(Output::Chunk(ChunkFrame::Chunk {
                        id,
                        offset,
                        stamp_ms,
                        data,
                    }));
                }
            }
            DiskAnswer::Hashed { id, hash } => {
                if self
                    .find(id, Direction::Sending)
                    .is_some_and(|one| one.stage == Stage::Checking)
                {
                    self.say(FileFrame::Sent { id, hash });
                }
            }
            DiskAnswer::Created { id, offset } => {
                if let Some(transfer) = self
                    .find(id, Direction::Receiving)
                    .filter(|one| one.stage == Stage::Opening)
                {
                    transfer.stage = Stage::Moving;
                    (transfer.moved, transfer.next, transfer.receipted) = (offset, offset, offset);
                    transfer.moved_to(now, offset);
                    let paused = transfer.paused_here;
                    if paused {
                        self.say(FileFrame::Pause { id });
                    }
                    self.say(FileFrame::Accept { id, offset });
                }
            }
            DiskAnswer::Written { id, to } => self.on_written(now, id, to),
            DiskAnswer::Completed { id, path } => {
                if let Some(transfer) = self
                    .find(id, Direction::Receiving)
                    .filter(|one| one.stage == Stage::Checking)
                {
                    transfer.stage = Stage::Done;
                    transfer.path = Some(path);
                    self.say(FileFrame::Received { id });
                }
            }
            DiskAnswer::Failed { id, fault } => self.on_disk_fault(id, fault),
        }
    }

    pub(super) fn on_looked(&mut self, id: TransferId, name: String, size: u64, fingerprint: FileHash) {
        let Some(transfer) = self
            .find(id, Direction::Sending)
            .filter(|one| one.stage == Stage::Reading)
        else {
            return;
        };
        transfer.name = name;
        transfer.size = size;
        transfer.fingerprint = fingerprint;
        transfer.stage = Stage::Offered;
        let offer = offer_of(transfer);
        self.say(FileFrame::Offer(offer));
    }

    pub(super) fn on_written(&mut self, now: Instant, id: TransferId, to: u64) {
        let up = self.up;
        let Some(transfer) = self
            .find(id, Direction::Receiving)
            .filter(|one| one.stage == Stage::Moving)
        else {
            return;
        };
        transfer.moved_to(now, to);
        let due = to == transfer.next || to - transfer.receipted >= RECEIPT_BYTES;
        if due && up {
            transfer.receipted = to;
            let receipt = ChunkFrame::Receipt {
                id,
                offset: to,
                delay_ms: transfer.delay_ms,
            };
            self.out.push_back(Output::Chunk(receipt));
        }
        self.check_if_whole(id);
    }

    pub(super) fn check_if_whole(&mut self, id: TransferId) {
        let whole = |one: &&mut Transfer| one.stage == Stage::Moving && one.moved == one.size;
        if let Some(transfer) = self.find(id, Direction::Receiving).filter(whole)
            && let Some(hash) = transfer.hash
        {
            transfer.stage = Stage::Checking;
            self.disk(DiskCommand::Complete { id, hash });
        }
    }

    pub(super) fn on_disk_fault(&mut self, id: TransferId, fault: DiskFault) {
        let Some(at) = self.list.iter().position(|one| one.id == id && !one.is_over()) else {
            return;
        };
        let receiving = self
            .list
            .get(at)
            .is_some_and(|one| one.direction == Direction::Receiving);
        let (reason, fault) = match fault {
            DiskFault::Unreadable => (RefusalReason::DiskFailed, TransferFault::Unreadable),
            DiskFault::Changed => (RefusalReason::Damaged, TransferFault::Changed),
            DiskFault::Full => (RefusalReason::DiskFull, TransferFault::DiskFull),
            DiskFault::Failed => (RefusalReason::DiskFailed, TransferFault::DiskFailed),
            DiskFault::Damaged => (RefusalReason::Damaged, TransferFault::Damaged),
        };
        if receiving {
            self.say(FileFrame::Failed { id, reason });
        } else {
            self.say_given_up(at);
        }
        self.end(at, TransferEnd::Failed(fault), false);
    }
}
