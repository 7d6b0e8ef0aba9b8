//! What the person wants, and when the lanes come and go.

use super::*;

impl Transfers {
    pub(super) fn offer(&mut self, id: TransferId, path: PathBuf) {
        let unfinished = self
            .list
            .iter()
            .filter(|one| one.direction == Direction::Sending && !one.is_over())
            .count();
        let too_many = unfinished >= TRANSFERS_MAX;
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        self.list.push(Transfer {
            id,
            direction: Direction::Sending,
            name,
            path: Some(path.clone()),
            size: 0,
            fingerprint: FileHash::from_bytes([0; 32]),
            stage: if too_many {
                Stage::Over(TransferEnd::Failed(TransferFault::TooMany))
            } else {
                Stage::Reading
            },
            accepted: false,
            paused_here: false,
            paused_there: false,
            moved: 0,
            next: 0,
            turn: 0,
            receipted: 0,
            delay_ms: 0,
            hash: None,
            speed: VecDeque::new(),
        });
        if !too_many {
            self.disk(DiskCommand::Look { id, path });
        }
    }

    pub(super) fn accept(&mut self, id: TransferId) {
        let Some(transfer) = self
            .find(id, Direction::Receiving)
            .filter(|one| one.stage == Stage::Asking)
        else {
            return;
        };
        transfer.accepted = true;
        transfer.stage = Stage::Opening;
        let command = DiskCommand::Create {
            id,
            name: transfer.name.clone(),
            size: transfer.size,
            fingerprint: transfer.fingerprint,
        };
        self.disk(command);
    }

    pub(super) fn refuse(&mut self, id: TransferId) {
        let Some(transfer) = self
            .find(id, Direction::Receiving)
            .filter(|one| one.stage == Stage::Asking)
        else {
            return;
        };
        transfer.stage = Stage::Over(TransferEnd::Declined);
        self.say(FileFrame::Refuse {
            id,
            reason: RefusalReason::Declined,
        });
    }

    pub(super) fn pause(&mut self, id: TransferId, pause: bool) {
        let up = self.up;
        let Some(transfer) = self.list.iter_mut().find(|one| one.id == id && !one.is_over()) else {
            return;
        };
        if transfer.paused_here == pause || !transfer.accepted {
            return;
        }
        transfer.paused_here = pause;
        if !pause && !up {
            // Whether the other side still wants it to wait is heard over the next connection.
            transfer.paused_there = false;
        }
        transfer.speed.clear();
        self.say(if pause {
            FileFrame::Pause { id }
        } else {
            FileFrame::Resume { id }
        });
    }

    pub(super) fn cancel(&mut self, id: TransferId) {
        if let Some(at) = self.list.iter().position(|one| one.id == id && !one.is_over()) {
            self.say_given_up(at);
            self.end(at, TransferEnd::CancelledHere, true);
        }
    }

    /// Says that this side gives up, now and, of what it offered, over later connections too.
    pub(super) fn say_given_up(&mut self, at: usize) {
        let Some(transfer) = self.list.get(at) else {
            return;
        };
        let id = transfer.id;
        if transfer.direction == Direction::Sending {
            let by_word = u8::from(self.near && !self.up);
            self.given_up.push_back((id, by_word));
            if self.given_up.len() > OVER_MAX {
                self.given_up.pop_front();
            }
        }
        self.say(FileFrame::Cancel { id });
    }

    /// Over. What came is kept or thrown away.
    pub(super) fn end(&mut self, at: usize, end: TransferEnd, discard: bool) {
        let Some(transfer) = self.list.get_mut(at) else {
            return;
        };
        let opened = !matches!(transfer.stage, Stage::Asking | Stage::Done | Stage::Over(_));
        transfer.stage = Stage::Over(end);
        let id = transfer.id;
        if opened {
            self.disk(DiskCommand::Release { id, discard });
        }
    }

    pub(super) fn fail(&mut self, id: TransferId, direction: Direction, fault: TransferFault, discard: bool) {
        let found = self
            .list
            .iter()
            .position(|one| one.id == id && one.direction == direction && !one.is_over());
        if let Some(at) = found {
            self.end(at, TransferEnd::Failed(fault), discard);
        }
    }

    /// Words go through the server from now on, anew, or no more. What was said before may be lost.
    pub(super) fn come_near(&mut self, near: bool) {
        self.near = near;
        if near && !self.up {
            self.offer_by_word();
        }
    }

    /// Says what nobody accepted yet, and what was given up: the rest waits for a connection.
    fn offer_by_word(&mut self) {
        let waits = |one: &&Transfer| {
            one.direction == Direction::Sending && one.stage == Stage::Offered && !one.accepted
        };
        let offers: Vec<Offer> = self.list.iter().filter(waits).map(offer_of).collect();
        for offer in offers {
            self.say(FileFrame::Offer(offer));
        }
        let mut again = Vec::new();
        for (id, by_word) in &mut self.given_up {
            if *by_word < GIVEN_UP_WORDS {
                *by_word += 1;
                again.push(*id);
            }
        }
        for id in again {
            self.say(FileFrame::Cancel { id });
        }
    }

    /// The other side left. Parts stay: who offers the same again goes on from there.
    pub(super) fn on_gone_for_good(&mut self) {
        self.near = false;
        self.go_down();
        self.end_all();
    }

    /// They are back under the same id, and of what ended with them they may not know: it goes on, as after a restart of this side.
    pub(super) fn on_back(&mut self) {
        for at in 0..self.list.len() {
            let unfinished = |direction: Direction| {
                let of_it = |one: &&Transfer| one.direction == direction && !one.is_over();
                self.list.iter().filter(of_it).count()
            };
            let room = self
                .list
                .get(at)
                .is_some_and(|one| unfinished(one.direction) < TRANSFERS_MAX);
            let Some(transfer) = self.list.get_mut(at).filter(|one| room && one.ended_with_them()) else {
                continue;
            };
            let id = transfer.id;
            let command = match (transfer.direction, transfer.path.clone()) {
                (Direction::Sending, Some(path)) => {
                    transfer.stage = Stage::Reading;
                    (transfer.moved, transfer.next, transfer.paused_there) = (0, 0, false);
                    DiskCommand::Look { id, path }
                }
                (Direction::Receiving, _) if transfer.accepted => {
                    transfer.stage = Stage::Opening;
                    transfer.hash = None;
                    DiskCommand::Create {
                        id,
                        name: transfer.name.clone(),
                        size: transfer.size,
                        fingerprint: transfer.fingerprint,
                    }
                }
                (Direction::Receiving, _) => {
                    transfer.stage = Stage::Asking;
                    continue;
                }
                (Direction::Sending, None) => continue,
            };
            self.disk(command);
        }
    }

    fn end_all(&mut self) {
        for at in 0..self.list.len() {
            if self.list.get(at).is_some_and(|one| !one.is_over()) {
                self.end(at, TransferEnd::Failed(TransferFault::OtherGone), false);
            }
        }
        self.given_up.clear();
    }

    pub(super) fn come_up(&mut self, who: ParticipantId) {
        if self.with.replace(who).is_some_and(|before| before != who) {
            self.end_all();
        }
        self.up = true;
        self.pace = Pace::default();
        self.delivery = Delivery::default();
        let offers: Vec<Offer> = self
            .list
            .iter_mut()
            .filter(|one| {
                one.direction == Direction::Sending && !one.is_over() && one.stage != Stage::Reading
            })
            .map(|transfer| {
                transfer.stage = Stage::Offered;
                transfer.paused_there = false;
                offer_of(transfer)
            })
            .collect();
        for offer in offers {
            self.say(FileFrame::Offer(offer));
        }
        for (id, _) in self.given_up.clone() {
            self.say(FileFrame::Cancel { id });
        }
    }

    pub(super) fn go_down(&mut self) {
        self.up = false;
        for transfer in &mut self.list {
            transfer.speed.clear();
            if transfer.direction == Direction::Sending
                && matches!(transfer.stage, Stage::Moving | Stage::Checking)
            {
                // How much arrived is said by the receiver when it accepts again.
                transfer.stage = Stage::Offered;
                transfer.next = transfer.moved;
            }
        }
        self.out
            .retain(|output| matches!(output, Output::Disk(_) | Output::Word(_)));
        if self.near {
            self.offer_by_word();
        }
    }
}
