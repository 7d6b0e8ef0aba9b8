//! Who only listens, as the server says, oneself among them. A listener's devices count as off, whatever the app says of them: nobody is told
//! otherwise, and the connection to the SFU has nothing to send.

use super::Stay;
use crate::session::context::Context;
use parley_proto::{MediaState, Participant, ParticipantId};

impl Stay {
    /// Whether this side only listens.
    pub(super) fn listens(&self) -> bool {
        self.me.as_ref().is_some_and(|me| me.listens)
    }

    /// What this side's devices do, as far as anybody gets anything of it.
    pub(super) fn own_media(&self) -> MediaState {
        if self.listens() {
            MediaState {
                microphone_on: false,
                camera_on: false,
                screen_on: false,
                screen_sound_on: false,
                ..self.media
            }
        } else {
            self.media
        }
    }

    pub(super) fn tell_own_media(&mut self, cx: &mut Context<'_>) {
        let media = self.own_media();
        self.group.set_own_media(media);
        if let Some(link) = &mut self.link {
            link.set_own_media(media, cx);
        }
    }

    /// The server says who this side is in the room.
    pub(super) fn know_myself(&mut self, me: Participant, cx: &mut Context<'_>) {
        let listens = me.listens;
        self.me = Some(me);
        self.group.set_own_listens(listens);
        self.tell_own_media(cx);
    }

    /// Somebody only listens from now on, or may speak.
    pub(super) fn set_listens(&mut self, id: ParticipantId, listens: bool, cx: &mut Context<'_>) {
        self.roster.set_listens(id, listens);
        let people = [&mut self.me, &mut self.other, &mut self.successor];
        for person in people.into_iter().flatten() {
            if person.id == id {
                person.listens = listens;
            }
        }
        if self.me.as_ref().is_some_and(|me| me.id == id) {
            if !listens {
                self.signaling.may_speak();
            }
            self.group.set_own_listens(listens);
            self.tell_own_media(cx);
        } else {
            self.group.set_listens(cx.now, id, listens);
        }
    }
}
