//! What was written and shown in the present call, kept in memory for the window, and forgotten with the next call. Decides
//! nothing about sending: that is [`parley_call::chat`]'s. Time is an argument.

use super::actor::Actor;
use super::names::Names;
use super::tell::since_1970_ms;
use super::unfinished::Sending;
use crate::pace::Pace;
use crate::store::KeptMessage;
use crate::view::{
    CommandError, CommandErrorCode, Delivery, MessageView, Phase, ReactionKind, ReactionView, TalkView,
    TransferView, UnfinishedView,
};
use parley_call::CallCommand;
use parley_call::chat::{ChatNews, SayError};
use parley_proto::{ChatText, MessageId, ParticipantId, Reaction, TransferId};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Messages a window is shown; the oldest go first.
const MESSAGES_MAX: usize = 500;
/// Bytes of text in them, all together: the whole list is told with each change.
const MESSAGES_BYTES_MAX: usize = 256 * 1024;
/// Reactions a window is shown at once.
const REACTIONS_MAX: usize = 24;
/// The chat answers at once; should it ever not, a message is refused sooner than everything else waits.
const SAY_WITHIN: Duration = Duration::from_secs(1);
/// For how long a reaction is told.
const REACTION_LASTS: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug)]
pub(super) struct Talk {
    /// With the id on the wire. Its author chose that, so the window is given another one: a number of one's own.
    messages: VecDeque<(MessageId, MessageView)>,
    messages_so_far: u64,
    /// Of the texts and names in the messages.
    bytes: usize,
    reactions: VecDeque<(Instant, ReactionView)>,
    reactions_so_far: u32,
    hand_raised: bool,
    transfers: Vec<TransferView>,
    /// By whom they are with, too: whoever offers chooses the id.
    pub(super) file_names: Names<(Option<ParticipantId>, TransferId)>,
    /// The names of those whom files go to or come from, also after they left.
    pub(super) met: BTreeMap<ParticipantId, String>,
    /// What was offered in this call, and whether the store was told that it is unfinished.
    pub(super) sendings: Vec<Sending>,
    pub(super) unfinished_names: Names<(PathBuf, String)>,
    unfinished: Vec<UnfinishedView>,
    /// The messages are others than the store was told.
    unkept: bool,
    /// Something is another since the pace was asked.
    changed: bool,
    pace: Pace,
    out: watch::Sender<TalkView>,
}

impl Talk {
    pub(super) fn new() -> (Self, watch::Receiver<TalkView>) {
        let (out, view) = watch::channel(TalkView::default());
        let talk = Self {
            messages: VecDeque::new(),
            messages_so_far: 0,
            bytes: 0,
            reactions: VecDeque::new(),
            reactions_so_far: 0,
            hand_raised: false,
            transfers: Vec::new(),
            file_names: Names::new('f'),
            met: BTreeMap::new(),
            sendings: Vec::new(),
            unfinished_names: Names::new('u'),
            unfinished: Vec::new(),
            unkept: false,
            changed: false,
            pace: Pace::of_talk(),
            out,
        };
        (talk, view)
    }

    /// A new call begins with nothing said.
    pub(super) fn forget(&mut self) {
        self.messages.clear();
        self.bytes = 0;
        self.reactions.clear();
        self.hand_raised = false;
        self.transfers.clear();
        self.sendings.clear();
        self.unkept = false;
        self.changed = true;
    }

    /// One's own message, on its way.
    fn said(&mut self, text: ChatText, at_ms: u64) {
        let view = MessageView {
            id: self.next_id(),
            author: None,
            name: String::new(),
            text: text.text,
            at_ms,
            delivery: Delivery::Sending,
        };
        self.add(text.id, view);
    }

    /// Somebody else's.
    fn came(&mut self, text: ChatText, author: String, name: String, at_ms: u64) {
        let view = MessageView {
            id: self.next_id(),
            author: Some(author),
            name,
            text: text.text,
            at_ms,
            delivery: Delivery::Delivered,
        };
        self.add(text.id, view);
    }

    /// What became of files.
    pub(super) fn transfers(&mut self, transfers: Vec<TransferView>) {
        self.transfers = transfers;
        self.changed = true;
    }

    /// Files of earlier calls.
    pub(super) fn unfinished(&mut self, files: Vec<UnfinishedView>) {
        self.unfinished = files;
        self.changed = true;
    }

    /// What was written, if that is something else than when this was asked last.
    pub(super) fn take_unkept(&mut self) -> Option<Vec<KeptMessage>> {
        let kept = |(_, message): &(MessageId, MessageView)| KeptMessage {
            at_ms: message.at_ms,
            author: message.author.as_ref().map(|_| message.name.clone()),
            text: message.text.clone(),
            delivered: message.delivery == Delivery::Delivered,
        };
        std::mem::take(&mut self.unkept).then(|| self.messages.iter().map(kept).collect())
    }

    /// All of it is to be kept anew.
    pub(super) fn keep_all(&mut self) {
        self.unkept = !self.messages.is_empty();
    }

    /// Never the same one again, in later calls neither.
    fn next_id(&mut self) -> String {
        self.messages_so_far += 1;
        format!("m{}", self.messages_so_far)
    }

    fn add(&mut self, id: MessageId, message: MessageView) {
        self.bytes += weight(&message);
        self.messages.push_back((id, message));
        while (self.messages.len() > MESSAGES_MAX || self.bytes > MESSAGES_BYTES_MAX)
            && let Some((_, oldest)) = self.messages.pop_front()
        {
            self.bytes -= weight(&oldest);
        }
        (self.changed, self.unkept) = (true, true);
    }

    /// What became of one's own message.
    fn delivery(&mut self, id: MessageId, delivery: Delivery) {
        if let Some(message) = self.own(id) {
            message.delivery = delivery;
            (self.changed, self.unkept) = (true, true);
        }
    }

    /// The call is over: what is still on its way arrives nowhere.
    pub(super) fn end(&mut self) {
        for (_, message) in &mut self.messages {
            if message.delivery == Delivery::Sending {
                message.delivery = Delivery::NotDelivered;
                (self.changed, self.unkept) = (true, true);
            }
        }
    }

    /// One's own message of this id. Somebody else's may bear the same one.
    fn own(&mut self, id: MessageId) -> Option<&mut MessageView> {
        let mut newest_first = self.messages.iter_mut().rev();
        newest_first
            .find(|(wire, message)| *wire == id && message.author.is_none())
            .map(|(_, message)| message)
    }

    fn reacted(&mut self, now: Instant, author: Option<String>, reaction: ReactionKind) {
        self.fade(now);
        if self.reactions.len() >= REACTIONS_MAX {
            self.reactions.pop_front();
        }
        self.reactions_so_far = self.reactions_so_far.wrapping_add(1);
        let view = ReactionView {
            number: self.reactions_so_far,
            author,
            reaction,
        };
        self.reactions.push_back((now, view));
        self.changed = true;
    }

    /// Lets go of reactions that were shown.
    fn fade(&mut self, now: Instant) {
        while self
            .reactions
            .front()
            .is_some_and(|(at, _)| now.saturating_duration_since(*at) >= REACTION_LASTS)
        {
            self.reactions.pop_front();
        }
    }

    /// One's own hand.
    fn raise_hand(&mut self, raised: bool) {
        self.hand_raised = raised;
        self.changed = true;
    }

    pub(super) const fn is_hand_raised(&self) -> bool {
        self.hand_raised
    }

    /// Something may have changed: when it is told, the pace says.
    pub(super) fn note_change(&mut self, now: Instant) {
        if std::mem::take(&mut self.changed) {
            self.pace.changed(now);
        }
    }

    /// When to tell; nothing when nothing changed.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.pace.due()
    }

    /// Tells the window what is another, if it is time.
    pub(super) fn tell_if_due(&mut self, now: Instant) {
        if self.pace.due().is_some_and(|due| due <= now) {
            self.tell();
            self.pace.told(now);
        }
    }

    /// Tells the window if anything is another.
    fn tell(&self) {
        let view = TalkView {
            messages: self.messages.iter().map(|(_, view)| view.clone()).collect(),
            reactions: self.reactions.iter().map(|(_, view)| view.clone()).collect(),
            hand_raised: self.hand_raised,
            transfers: self.transfers.clone(),
            unfinished: self.unfinished.clone(),
        };
        self.out.send_if_modified(|old| {
            let changed = *old != view;
            *old = view;
            changed
        });
    }
}

/// What a message counts for.
const fn weight(message: &MessageView) -> usize {
    message.text.len() + message.name.len()
}

impl Actor {
    #[expect(clippy::disallowed_methods, reason = "driver: the engine's clock")]
    pub(super) async fn send_message(&mut self, text: String) -> Result<(), CommandError> {
        self.must_be_in_call()?;
        let id = MessageId::from_bytes(rand::random());
        let saying = tokio::time::timeout(SAY_WITHIN, self.endpoint.say(id, text));
        match saying.await.unwrap_or(Err(SayError::TooMany)) {
            Ok(text) => {
                self.talk.said(text, since_1970_ms(Instant::now()));
                Ok(())
            }
            Err(error) => Err(refusal(CommandErrorCode::Failed, &error.to_string())),
        }
    }

    pub(super) fn raise_hand(&mut self, raised: bool) -> Result<(), CommandError> {
        self.must_be_in_call()?;
        self.endpoint.command(CallCommand::RaiseHand(raised));
        self.talk.raise_hand(raised);
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "driver: the engine's clock")]
    pub(super) fn react(&mut self, reaction: ReactionKind) -> Result<(), CommandError> {
        self.must_be_in_call()?;
        self.endpoint.command(CallCommand::React(reaction.on_the_wire()));
        self.talk.reacted(Instant::now(), None, reaction);
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "driver: the engine's clock")]
    pub(super) fn note_chat(&mut self, news: ChatNews) {
        match news {
            ChatNews::Came { from, text } => {
                let people = self.endpoint.call().map(|call| call.people).unwrap_or_default();
                let author = people.into_iter().find(|person| person.id == from);
                let name = author.map(|person| person.name).unwrap_or_default();
                self.talk
                    .came(text, from.to_string(), name, since_1970_ms(Instant::now()));
            }
            ChatNews::Delivered(id) => self.talk.delivery(id, Delivery::Delivered),
            ChatNews::Unanswered(id) => self.talk.delivery(id, Delivery::NotDelivered),
        }
    }

    pub(super) fn note_reaction(&mut self, now: Instant, who: ParticipantId, reaction: Reaction) {
        if let Some(kind) = ReactionKind::from_wire(reaction) {
            self.talk.reacted(now, Some(who.to_string()), kind);
        }
    }

    pub(super) fn must_be_in_call(&self) -> Result<(), CommandError> {
        if self.phase == Phase::InCall {
            return Ok(());
        }
        let message = "You are in no call. Join one first.";
        Err(refusal(CommandErrorCode::NotNow, message))
    }
}

pub(super) fn refusal(code: CommandErrorCode, message: &str) -> CommandError {
    CommandError {
        code,
        message: message.to_owned(),
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    fn text(n: usize) -> ChatText {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&n.to_le_bytes());
        ChatText {
            id: MessageId::from_bytes(id),
            text: format!("{n}"),
        }
    }

    #[test]
    fn the_window_sees_the_newest_messages_in_order_with_what_became_of_them() {
        let (mut talk, view) = Talk::new();
        for n in 0..MESSAGES_MAX + 5 {
            talk.said(text(n), 1000 + n as u64);
        }
        talk.came(text(9999), "p".into(), "Ben".into(), 9000);
        talk.delivery(text(MESSAGES_MAX).id, Delivery::Delivered);
        talk.delivery(text(0).id, Delivery::Delivered);
        talk.delivery(text(MESSAGES_MAX - 1).id, Delivery::NotDelivered);
        talk.tell();
        let seen = view.borrow().messages.clone();
        assert_eq!(seen.len(), MESSAGES_MAX);
        assert_eq!(seen[0].text, "6");
        assert_eq!(seen[MESSAGES_MAX - 1].name, "Ben");
        let count = |seen: &[MessageView], delivery| {
            seen.iter().filter(|message| message.delivery == delivery).count()
        };
        assert_eq!(
            count(&seen, Delivery::Delivered),
            2,
            "one of ours, and the one that came"
        );
        assert_eq!(count(&seen, Delivery::NotDelivered), 1);
        talk.end();
        let kept = talk.take_unkept().unwrap();
        assert_eq!(kept.len(), MESSAGES_MAX);
        assert_eq!(kept[MESSAGES_MAX - 1].author.as_deref(), Some("Ben"));
        assert_eq!(talk.take_unkept(), None, "nothing new");
        talk.tell();
        assert_eq!(count(&view.borrow().messages, Delivery::Sending), 0);
        talk.forget();
        talk.tell();
        assert_eq!(*view.borrow(), TalkView::default());
    }

    #[test]
    fn a_message_that_bears_the_id_of_ones_own_is_another_one_and_not_taken_for_it() {
        let (mut talk, view) = Talk::new();
        talk.said(text(1), 1);
        talk.came(text(1), "p".into(), "Mallory".into(), 2);
        talk.came(text(1), "p".into(), "Mallory".into(), 3);
        talk.delivery(text(1).id, Delivery::Delivered);
        talk.tell();
        let seen = view.borrow().messages.clone();
        assert_eq!(seen[0].delivery, Delivery::Delivered, "one's own, not the newest");
        let ids: std::collections::HashSet<_> = seen.iter().map(|message| &message.id).collect();
        assert_eq!(ids.len(), 3);
    }

    #[test]
    fn a_flood_of_long_messages_is_bounded_in_bytes_and_told_ten_times_a_second() {
        let start = Instant::now();
        let (mut talk, mut view) = Talk::new();
        view.mark_unchanged();
        let mut told = 0;
        for ms in 0..1000 {
            let now = start + Duration::from_millis(ms);
            let long = ChatText {
                text: "x".repeat(16_000),
                ..text(ms as usize)
            };
            talk.came(long, "p".into(), "Ben".into(), ms);
            talk.note_change(now);
            talk.tell_if_due(now);
            told += u32::from(view.has_changed().unwrap());
            view.mark_unchanged();
        }
        assert_eq!(told, 10);
        let bytes: usize = view.borrow().messages.iter().map(|one| one.text.len()).sum();
        assert!(
            (MESSAGES_BYTES_MAX - 16_003..=MESSAGES_BYTES_MAX).contains(&bytes),
            "{bytes}"
        );
    }

    #[test]
    fn reactions_fade_and_a_flood_of_them_is_bounded() {
        let start = Instant::now();
        let (mut talk, view) = Talk::new();
        for _ in 0..100 {
            talk.reacted(start, Some("p".into()), ReactionKind::ThumbsDown);
        }
        talk.tell();
        assert_eq!(view.borrow().reactions.len(), REACTIONS_MAX);
        talk.reacted(start + REACTION_LASTS, None, ReactionKind::Heart);
        talk.tell();
        let left = view.borrow().reactions.clone();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].number, 101);
    }
}
