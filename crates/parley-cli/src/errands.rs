//! What an endpoint does beside picture and sound: writes messages, sends files, takes those that come; and what it measures
//! of that.

use crate::arguments::Wish;
use crate::report::Report;
use crate::words;
use parley_app::cost;
use parley_app::endpoint::{
    ChatNews, Direction, Endpoint, FileCommand, PersonSnapshot, TransferSnapshot, TransferState,
};
use parley_proto::{MessageId, TransferId};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The last word about a file goes out before one leaves.
const LINGER: Duration = Duration::from_secs(1);
/// Who received has the last word, and nobody answers it: over a path that loses some it may take seconds (RFC 9260, 6.3.1). The
/// sender leaves once it has it.
const LINGER_RECEIVED: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Errands {
    begun: bool,
    /// The files were offered.
    offered: bool,
    delivered: u32,
    came: u32,
    moving: Option<Span>,
    over_since: Option<Instant>,
    last: Vec<TransferSnapshot>,
}

/// From the first byte on its way to the last file over, with what it cost.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: Instant,
    cpu_from_s: Option<f64>,
    to: Option<(Instant, Option<f64>, Option<f64>)>,
}

impl Errands {
    /// Once connected, and with each change from then on: says and offers what there is.
    pub(crate) async fn begin(&mut self, wish: &Wish, endpoint: &Endpoint) {
        if !std::mem::replace(&mut self.begun, true) {
            for text in &wish.chat {
                let id = MessageId::from_bytes(rand::random());
                if let Err(error) = endpoint.say(id, text.clone()).await {
                    crate::tell(&error.to_string());
                }
            }
        }
        self.offer(wish, endpoint);
    }

    /// Between two also before the other one came; in a group to all who take files, once everybody said whether they do.
    fn offer(&mut self, wish: &Wish, endpoint: &Endpoint) {
        let people = endpoint.call().map(|call| call.people).unwrap_or_default();
        let silent = |person: &PersonSnapshot| !person.away && !person.media_told;
        let waits = people.len() > 1 && people.iter().any(silent);
        if waits || std::mem::replace(&mut self.offered, true) {
            return;
        }
        let everybody: Vec<_> = match &people[..] {
            [] | [_] => vec![None],
            people => {
                let takers = people.iter().filter(|person| person.media.takes_files);
                takers.map(|person| Some(person.id)).collect()
            }
        };
        if everybody.is_empty() && !wish.send.is_empty() {
            crate::tell("nobody in the call takes files");
        }
        for path in &wish.send {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            for to in &everybody {
                let id = TransferId::from_bytes(rand::random());
                let (path, to) = (path.clone(), *to);
                if !endpoint.file(FileCommand::Offer { id, path, to }) {
                    crate::tell("too many files at once");
                }
            }
        }
    }

    pub(crate) fn chat(&mut self, news: &ChatNews) {
        match news {
            ChatNews::Came { .. } => self.came += 1,
            ChatNews::Delivered(_) => self.delivered += 1,
            ChatNews::Unanswered(_) => {}
        }
    }

    /// The transfers changed: takes what is offered, and the time.
    pub(crate) fn files(&mut self, wish: &Wish, endpoint: &Endpoint, now: Instant) {
        self.last = endpoint.transfers();
        for transfer in &self.last {
            if transfer.state == TransferState::Asking {
                let id = transfer.id;
                let decision = if wish.download.is_some() {
                    FileCommand::Accept(id)
                } else {
                    FileCommand::Refuse(id)
                };
                if !endpoint.file(decision) {
                    tracing::warn!("a file was not decided about");
                }
            }
        }
        let moves = |one: &TransferSnapshot| one.state == TransferState::Moving || is_over(one);
        if self.moving.is_none() && self.last.iter().any(moves) {
            self.moving = Some(Span {
                from: now,
                cpu_from_s: cost::cpu_s(),
                to: None,
            });
        }
        let all_over = !self.last.is_empty() && self.last.iter().all(is_over);
        if !all_over {
            self.over_since = None;
        } else if self.over_since.is_none() {
            self.over_since = Some(now);
            if let Some(span) = &mut self.moving {
                span.to = Some((now, cost::cpu_s(), cost::pss_mb()));
            }
        }
    }

    /// Whether everything was sent that was to be, or came, and a moment has passed.
    pub(crate) fn are_done(&self, now: Instant) -> bool {
        let received = |one: &TransferSnapshot| one.direction == Direction::Receiving;
        let linger = if self.last.iter().any(received) {
            LINGER_RECEIVED
        } else {
            LINGER
        };
        self.over_since.is_some_and(|since| now >= since + linger)
    }

    /// Adds what was measured, of what there was.
    pub(crate) fn report(&self, wish: &Wish, report: &mut Report) {
        if !wish.chat.is_empty() || self.came > 0 {
            report.add("messages_delivered", "", Some(f64::from(self.delivered)));
            report.add("messages_received", "", Some(f64::from(self.came)));
        }
        if self.last.is_empty() {
            return;
        }
        let done = |one: &&TransferSnapshot| one.state == TransferState::Done;
        let count = |direction| {
            self.last
                .iter()
                .filter(done)
                .filter(|one| one.direction == direction)
                .count()
        };
        report.add("files_sent", "", Some(count(Direction::Sending) as f64));
        report.add("files_received", "", Some(count(Direction::Receiving) as f64));
        for one in self.last.iter().filter(|one| one.state != TransferState::Done) {
            report.fail(format!("{} {}", one.name, words::transfer(one.state)));
        }
        let Some(Span {
            from,
            cpu_from_s,
            to: Some((to, cpu_to_s, pss_mb)),
        }) = self.moving
        else {
            return;
        };
        let mb = self.last.iter().filter(done).map(|one| one.size).sum::<u64>() as f64 / 1e6;
        let seconds = to.saturating_duration_since(from).as_secs_f64();
        report.add("file_mb", "MB", Some(mb));
        report.add("file_s", "s", Some(seconds));
        report.add("file_mb_s", "MB/s", (seconds > 0.0).then(|| mb / seconds));
        report.add(
            "file_cpu_s",
            "s",
            cpu_to_s.zip(cpu_from_s).map(|(to, from)| to - from),
        );
        report.add("file_pss_mb", "MB", pss_mb);
    }
}

const fn is_over(transfer: &TransferSnapshot) -> bool {
    matches!(transfer.state, TransferState::Done | TransferState::Ended(_))
}

/// Where files go that come.
pub(crate) fn downloads(wish: &Wish) -> PathBuf {
    wish.download.clone().unwrap_or_else(|| Path::new(".").to_owned())
}
