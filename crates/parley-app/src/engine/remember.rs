//! What the engine has the store keep of a call, and how a window sees what is kept.

use super::actor::Actor;
use super::diary::{Second, verdict};
use super::tell::since_1970_ms;
use crate::store::{CallId, Kept, KeptMessage, PastCall};
use crate::view::{
    CommandError, CommandErrorCode, Delivery, HistoryView, MessageView, PastCallView, PastChatView, Phase,
};
use parley_call::{CallSnapshot, PersonSnapshot};
use std::time::Instant;

impl Actor {
    /// Once a second of a call.
    #[expect(clippy::disallowed_methods, reason = "driver: the engine's clock")]
    pub(super) fn write_down(&mut self) {
        let (Some(snapshot), Some(facts)) = (self.endpoint.call(), &self.call) else {
            return;
        };
        let second = Second {
            phase: snapshot.phase,
            now_ms: since_1970_ms(Instant::now()),
            connected_since_ms: snapshot.connected_at.map(since_1970_ms),
            quality: self.quality.get(),
            people: speakers(&snapshot).map(|person| person.name.clone()).collect(),
            host: facts.host,
        };
        let page = self.diary.second(second, rand::random());
        self.keep(page);
    }

    /// Keeps a page, if history is wanted, and what was written, if that is wanted too.
    pub(super) fn keep(&mut self, page: Option<PastCall>) {
        let Some(call) = page.filter(|_| self.store.get().keep_history) else {
            return;
        };
        let id = call.id.clone();
        self.history.keep(call);
        if self.store.get().keep_chat
            && let Some(messages) = self.talk.take_unkept()
        {
            self.history.keep_messages(id, messages);
        }
    }

    /// Keeping what is written was switched on or off; off, nothing of the call that is on is kept either.
    pub(super) fn keeping_chat_switched(&mut self, on: bool) {
        if on {
            self.talk.keep_all();
        } else if let Some(id) = self.diary.id().filter(|_| self.phase == Phase::InCall).cloned() {
            self.history.keep_messages(id, Vec::new());
        }
    }

    /// Shows what was written in a call that was, or nothing any more.
    pub(super) fn open_past_chat(&self, id: Option<&str>) -> Result<(), CommandError> {
        let id = id.map(known).transpose()?;
        self.history.open_messages(id);
        Ok(())
    }

    /// The present call's name in the history.
    pub(super) fn past_id(&self) -> Option<String> {
        let id = self.diary.id().filter(|_| self.store.get().keep_history)?;
        Some(id.as_str().to_owned())
    }

    pub(super) fn rate_call(&self, id: &str, stars: u8) -> Result<(), CommandError> {
        self.history.rate(known(id)?, stars);
        Ok(())
    }

    /// At once, so that closing Parley leaves nothing behind. The call that is on goes too, and is not written again.
    pub(super) fn forget_calls(&mut self, id: Option<&str>) -> Result<(), CommandError> {
        self.forgotten = None;
        match id {
            Some(id) => {
                let id = known(id)?;
                self.forgotten = self
                    .kept
                    .borrow()
                    .calls
                    .iter()
                    .find(|call| call.id == id)
                    .cloned();
                self.history.forget(id);
            }
            None => {
                self.history.forget_all();
                self.store.change(|settings| settings.volumes.clear());
                self.diary.close();
            }
        }
        Ok(())
    }

    /// Taking back what is not known any more changes nothing.
    pub(super) fn take_back_call(&mut self, id: &str) {
        if let Some(call) = self.forgotten.take_if(|call| call.id.as_str() == id) {
            self.history.keep(call);
        }
    }

    /// History was switched on or off; off, the call that is on is not remembered either.
    pub(super) fn history_switched(&mut self, on: bool) {
        if on {
            return;
        }
        if let Some(id) = self.diary.id().cloned() {
            self.history.forget(id);
            self.diary.close();
        }
        for sending in &self.talk.sendings {
            self.history
                .forget_unfinished(sending.path.clone(), sending.to.clone());
        }
    }
}

fn known(id: &str) -> Result<CallId, CommandError> {
    CallId::parse(id).ok_or_else(|| CommandError {
        code: CommandErrorCode::Failed,
        message: "There is no such call in the history.".to_owned(),
    })
}

/// What is kept, as a window sees it.
pub(super) fn view(kept: &Kept) -> HistoryView {
    let past = |call: &PastCall| PastCallView {
        id: call.id.as_str().to_owned(),
        began_ms: call.began_ms,
        seconds: call.seconds,
        people: call.people.clone(),
        host: call.host,
        quality: verdict(call.quality),
        interruptions: call.interruptions,
        end: call.end,
        stars: call.stars,
        messages: call.messages,
    };
    let chat = |(id, messages): &(CallId, Vec<KeptMessage>)| PastChatView {
        id: id.as_str().to_owned(),
        messages: messages.iter().zip(0..).map(message).collect(),
    };
    HistoryView {
        calls: kept.calls.iter().map(past).collect(),
        opened: kept.opened.as_ref().map(chat),
        fault: kept.fault.clone(),
    }
}

fn message((kept, number): (&KeptMessage, u32)) -> MessageView {
    MessageView {
        id: format!("k{number}"),
        // Whoever wrote it is not in a call any more.
        author: kept.author.as_ref().map(|_| String::new()),
        name: kept.author.clone().unwrap_or_default(),
        text: kept.text.clone(),
        at_ms: kept.at_ms,
        delivery: if kept.delivered {
            Delivery::Delivered
        } else {
            Delivery::NotDelivered
        },
    }
}

/// Whom a call is remembered by: of hundreds who listened nobody would find one again.
fn speakers(call: &CallSnapshot) -> impl Iterator<Item = &PersonSnapshot> {
    call.people.iter().filter(|person| !person.listens)
}
