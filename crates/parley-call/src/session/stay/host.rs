//! What a host asks of the server, and what everybody is told of the room's door. Who may do what is decided by the server.

use super::Stay;
use super::people::presentable;
use crate::end::EndReason;
use crate::session::context::Context;
use crate::session::io::SessionEvent;
use parley_proto::limits::LOBBY_PEOPLE_MAX;
use parley_proto::{ClientMessage, Door, ParticipantId, Role, ServerMessage, WaitingPerson};

/// The door, as the server told of it.
#[derive(Debug, Default)]
pub(super) struct DoorTold {
    pub(super) door: Door,
    /// Who waits, longest first; told to hosts only.
    pub(super) waiting: Vec<WaitingPerson>,
}

impl Stay {
    /// Sends what a host wants.
    pub(super) fn as_host(&mut self, message: ClientMessage, cx: &mut Context<'_>) {
        if !self.signaling.send(message, cx.out) {
            cx.counters.signals_dropped += 1;
        }
    }

    /// Says how the room's door is to stand; what is absent stays as it is.
    pub(super) fn set_door(
        &mut self,
        locked: Option<bool>,
        lobby: Option<bool>,
        listen_from: Option<u16>,
        cx: &mut Context<'_>,
    ) {
        let message = ClientMessage::SetDoor {
            locked,
            lobby,
            listen_from,
        };
        self.as_host(message, cx);
    }

    /// Ends the call for everybody, where this side may: a guest who asks only stays.
    pub(super) fn end_for_all(&mut self, cx: &mut Context<'_>) {
        if self.role() == Some(Role::Host) {
            self.signaling.send(ClientMessage::EndForAll, cx.out);
            cx.end = Some(EndReason::HungUp);
        }
    }

    /// What this side is, while it is in the room.
    pub(super) fn role(&self) -> Option<Role> {
        self.me.as_ref().map(|me| me.role)
    }

    pub(super) fn on_door(&mut self, message: ServerMessage, cx: &mut Context<'_>) {
        match message {
            ServerMessage::Door(door) => self.told.door = door,
            ServerMessage::AtTheDoor { people } => {
                let shown = |mut person: WaitingPerson| {
                    person.name = presentable(&person.name);
                    person
                };
                self.told.waiting = people.into_iter().take(LOBBY_PEOPLE_MAX).map(shown).collect();
            }
            ServerMessage::RoleChanged { id, role } => self.set_role(id, role),
            ServerMessage::ListensChanged { id, listens } => self.set_listens(id, listens, cx),
            ServerMessage::MuteAsked { by } => {
                // Only from somebody who is there: it is shown who asked.
                if self.is_other(by) || self.roster.has(by) {
                    cx.out.event(SessionEvent::MuteAsked { participant: by });
                } else {
                    cx.counters.stale += 1;
                }
            }
            _ => cx.counters.stale += 1,
        }
    }

    fn set_role(&mut self, id: ParticipantId, role: Role) {
        self.roster.set_role(id, role);
        let people = [&mut self.me, &mut self.other, &mut self.successor];
        for person in people.into_iter().flatten() {
            if person.id == id {
                person.role = role;
            }
        }
        if self.role() != Some(Role::Host) {
            self.told.waiting.clear();
        }
    }

    /// A host put the other one out. Whatever still comes from there is nobody's any more, so nothing is waited for.
    pub(super) fn on_removed(&mut self, cx: &mut Context<'_>) {
        if let Some(mut link) = self.link.take() {
            self.generation = link.last_number();
            link.close(false, cx);
        }
        self.other = None;
    }
}
