//! What the other side says. Everything here is hostile until it fits.

use super::*;

impl Transfers {
    pub(super) fn on_frame(&mut self, now: Instant, frame: FileFrame) {
        if let FileFrame::Refuse { id, .. }
        | FileFrame::Failed { id, .. }
        | FileFrame::Cancel { id }
        | FileFrame::Received { id } = &frame
        {
            // It is over there too, and need not be said again.
            self.given_up.retain(|(known, _)| known != id);
        }
        match frame {
            FileFrame::Offer(offer) => self.on_offer(offer),
            FileFrame::Accept { id, offset } => self.on_accept(now, id, offset),
            FileFrame::Refuse { id, reason } | FileFrame::Failed { id, reason } => {
                self.on_refused(id, reason);
            }
            FileFrame::Pause { id } => self.on_pause(id, true),
            FileFrame::Resume { id } => self.on_pause(id, false),
            FileFrame::Cancel { id } => {
                if let Some(at) = self.list.iter().position(|one| one.id == id && !one.is_over()) {
                    self.end(at, TransferEnd::CancelledThere, true);
                }
            }
            FileFrame::Sent { id, hash } => self.on_sent(id, hash),
            FileFrame::Received { id } => {
                let done = self
                    .find(id, Direction::Sending)
                    .filter(|one| one.accepted && !one.is_over());
                if let Some(transfer) = done {
                    transfer.moved = transfer.size;
                    transfer.stage = Stage::Done;
                    self.disk(DiskCommand::Release { id, discard: false });
                }
            }
            FileFrame::Unknown => {}
        }
    }

    pub(super) fn on_offer(&mut self, offer: Offer) {
        let id = offer.id;
        if let Some(known) = self.list.iter_mut().find(|one| one.id == id) {
            let same = known.direction == Direction::Receiving
                && known.size == offer.size
                && known.fingerprint == offer.fingerprint;
            if !same {
                self.counters.out_of_place += 1;
                return;
            }
            return self.on_offer_again(id);
        }
        let unfinished = self.unfinished_offers();
        let reason = if !is_harmless(&offer.name) {
            self.counters.names_refused += 1;
            Some(RefusalReason::BadName)
        } else if offer.size > FILE_BYTES_MAX {
            self.counters.sizes_refused += 1;
            Some(RefusalReason::TooLarge)
        } else if unfinished >= TRANSFERS_MAX || unfinished + self.offers_elsewhere >= TRANSFERS_ALL_MAX {
            self.counters.offers_refused += 1;
            Some(RefusalReason::TooMany)
        } else {
            None
        };
        if let Some(reason) = reason {
            return self.say(FileFrame::Refuse { id, reason });
        }
        self.list.push(Transfer {
            id,
            direction: Direction::Receiving,
            name: offer.name,
            path: None,
            size: offer.size,
            fingerprint: offer.fingerprint,
            stage: Stage::Asking,
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
    }

    /// After a fresh connection: what is known of it is said again.
    pub(super) fn on_offer_again(&mut self, id: TransferId) {
        let Some(transfer) = self.find(id, Direction::Receiving) else {
            return;
        };
        transfer.paused_there = false;
        let (offset, paused) = (transfer.next, transfer.paused_here);
        match transfer.stage {
            Stage::Moving => {
                if paused {
                    // First, or a window of chunks comes before it.
                    self.say(FileFrame::Pause { id });
                }
                self.say(FileFrame::Accept { id, offset });
            }
            Stage::Done => self.say(FileFrame::Received { id }),
            Stage::Over(TransferEnd::Declined) => self.say(FileFrame::Refuse {
                id,
                reason: RefusalReason::Declined,
            }),
            Stage::Over(_) => self.say(FileFrame::Cancel { id }),
            // The answer comes by itself.
            Stage::Reading | Stage::Offered | Stage::Asking | Stage::Opening | Stage::Checking => {}
        }
    }

    pub(super) fn on_accept(&mut self, now: Instant, id: TransferId, offset: u64) {
        let Some(transfer) = self
            .find(id, Direction::Sending)
            .filter(|one| one.stage == Stage::Offered && offset <= one.size)
        else {
            self.counters.out_of_place += 1;
            return;
        };
        transfer.accepted = true;
        transfer.stage = Stage::Moving;
        transfer.turn = transfer.turn.wrapping_add(1);
        transfer.next = offset;
        transfer.moved = offset;
        transfer.speed.clear();
        transfer.moved_to(now, offset);
        if transfer.paused_here {
            self.say(FileFrame::Pause { id });
        }
    }

    pub(super) fn on_refused(&mut self, id: TransferId, reason: RefusalReason) {
        let Some(at) = self
            .list
            .iter()
            .position(|one| one.id == id && one.direction == Direction::Sending && !one.is_over())
        else {
            self.counters.out_of_place += 1;
            return;
        };
        let end = match reason {
            RefusalReason::Declined => TransferEnd::Declined,
            reason => TransferEnd::Failed(TransferFault::of(reason)),
        };
        self.end(at, end, false);
    }

    pub(super) fn on_pause(&mut self, id: TransferId, pause: bool) {
        if let Some(transfer) = self.list.iter_mut().find(|one| one.id == id && !one.is_over()) {
            transfer.paused_there = pause;
            transfer.speed.clear();
        }
    }

    pub(super) fn on_sent(&mut self, id: TransferId, hash: FileHash) {
        if let Some(transfer) = self
            .find(id, Direction::Receiving)
            .filter(|one| one.stage == Stage::Moving)
        {
            transfer.hash = Some(hash);
            self.check_if_whole(id);
        } else {
            self.counters.out_of_place += 1;
        }
    }

    pub(super) fn on_chunk(&mut self, now: Instant, id: TransferId, offset: u64, stamp_ms: u32, data: Bytes) {
        let clock_ms = self.clock_ms(now);
        let Some(transfer) = self
            .find(id, Direction::Receiving)
            .filter(|one| one.stage == Stage::Moving)
        else {
            // Sent before the sender heard that it is over, or unasked.
            self.counters.out_of_place += 1;
            return;
        };
        let end = offset.saturating_add(data.len() as u64);
        let fits =
            offset == transfer.next && end <= transfer.size && end - transfer.moved <= UNWRITTEN_BYTES_MAX;
        if !fits {
            self.counters.out_of_place += 1;
            self.say(FileFrame::Failed {
                id,
                reason: RefusalReason::Unknown,
            });
            return self.fail(id, Direction::Receiving, TransferFault::OutOfStep, false);
        }
        transfer.next = end;
        transfer.delay_ms = clock_ms.wrapping_sub(stamp_ms);
        self.disk(DiskCommand::Write { id, offset, data });
    }

    pub(super) fn on_receipt(&mut self, now: Instant, id: TransferId, offset: u64, delay_ms: u32) {
        let Some(transfer) = self
            .find(id, Direction::Sending)
            .filter(|one| one.stage == Stage::Moving)
        else {
            self.counters.out_of_place += 1;
            return;
        };
        if offset < transfer.moved || offset > transfer.next {
            self.counters.out_of_place += 1;
            return;
        }
        let bytes = offset - transfer.moved;
        transfer.moved_to(now, offset);
        if bytes > 0 {
            self.pace.on_receipt(now, bytes, delay_ms);
        }
    }

    /// Milliseconds since the start, wrapping.
    pub(super) fn clock_ms(&self, now: Instant) -> u32 {
        now.saturating_duration_since(self.start).as_millis() as u32
    }
}
