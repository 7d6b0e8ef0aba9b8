//! The call's door: what a window asks there, and what it is told.

use super::actor::Actor;
use super::mute::MuteAsk;
use super::obey::Outcome;
use super::talk::refusal;
use crate::endpoint::SCREEN_TILE_OF;
use crate::view::{ComesToListenView, CommandErrorCode, DoorAsk, DoorView, EntranceView, Phase, WaitingView};
use parley_call::{CallCommand, CallSnapshot, EndReason, Entrance, Spotlight};
use parley_proto::{ComesToListen, ParticipantId, Role};
use std::time::Instant;

impl Actor {
    /// What the server does not take is told by nothing happening: it decides who may do what.
    pub(super) fn at_the_door(&mut self, ask: DoorAsk) -> Outcome {
        if ask == DoorAsk::SeenMute {
            self.mute_asked_by = None;
            return Ok(());
        }
        if ask == DoorAsk::SeenPart {
            self.seen_part();
            return Ok(());
        }
        self.must_be_in_call()?;
        let command = match ask {
            DoorAsk::Enter { password } => CallCommand::Password(password),
            DoorAsk::Admit { id } => CallCommand::Admit(who(&id)?),
            DoorAsk::Refuse { id } => CallCommand::Refuse(who(&id)?),
            DoorAsk::Lock { on } => CallCommand::Lock(on),
            DoorAsk::Lobby { on } => CallCommand::Lobby(on),
            DoorAsk::SetPassword { password } => CallCommand::SetPassword(password),
            DoorAsk::Remove { id } => CallCommand::Remove(who(&id)?),
            DoorAsk::AskMute { id } => CallCommand::AskMute(id.as_deref().map(who).transpose()?),
            DoorAsk::Spotlight { tile } => {
                CallCommand::Spotlight(tile.as_deref().map(in_spotlight).transpose()?)
            }
            DoorAsk::EndForAll => {
                self.end_for_all();
                return Ok(());
            }
            DoorAsk::ListenFrom { people } => CallCommand::ListenFrom(people),
            DoorAsk::SetListens { id, listens } => CallCommand::SetListens {
                id: who(&id)?,
                listens,
            },
            DoorAsk::SeenMute | DoorAsk::SeenPart => return Ok(()),
        };
        self.endpoint.command(command);
        Ok(())
    }

    /// A guest who asks only stays where they are.
    #[expect(clippy::disallowed_methods, reason = "driver: the engine's clock")]
    fn end_for_all(&mut self) {
        if self
            .endpoint
            .call()
            .is_some_and(|call| call.role == Some(Role::Host))
        {
            self.endpoint.command(CallCommand::EndForAll);
            self.call_ended(&EndReason::HungUp, Instant::now());
        }
    }

    /// A host asked for silence: it is kept, and shown who asked. Whoever sits here may speak again whenever they like.
    pub(super) fn mute_as_asked(&mut self, by: ParticipantId) {
        if self.phase != Phase::InCall || self.mute.muted {
            return;
        }
        let call = self.endpoint.call();
        let person = call
            .as_ref()
            .and_then(|call| call.people.iter().find(|person| person.id == by));
        self.mute_asked_by = Some(person.map(|person| person.name.clone()).unwrap_or_default());
        self.switch_mute(MuteAsk::Set(true));
    }

    pub(super) fn door_view(&self, snapshot: Option<&CallSnapshot>) -> DoorView {
        let Some(call) = snapshot else {
            return DoorView::default();
        };
        DoorView {
            may_host: call.role == Some(Role::Host),
            entrance: match call.entrance {
                Entrance::Free => EntranceView::Free,
                Entrance::PasswordNeeded => EntranceView::PasswordNeeded,
                Entrance::PasswordWrong => EntranceView::PasswordWrong,
                Entrance::Lobby => EntranceView::Lobby,
            },
            locked: call.door.locked,
            lobby: call.door.lobby,
            password: call.door.password,
            listen_from: call.door.listen_from,
            waiting: call
                .waiting
                .iter()
                .map(|person| WaitingView {
                    id: person.id.to_string(),
                    name: person.name.clone(),
                })
                .collect(),
            comes_to_listen: call.comes_to_listen.map(|why| match why {
                ComesToListen::Asked => ComesToListenView::Asked,
                ComesToListen::Full => ComesToListenView::Full,
                ComesToListen::Many => ComesToListenView::Many,
            }),
            mute_asked_by: self.mute_asked_by.clone().filter(|_| self.mute.muted),
        }
    }
}

/// The tile that is to be large for everybody.
fn in_spotlight(tile: &str) -> Result<Spotlight, crate::view::CommandError> {
    let screen = tile.strip_prefix(SCREEN_TILE_OF);
    Ok(Spotlight {
        participant: who(screen.unwrap_or(tile))?,
        screen: screen.is_some(),
    })
}

fn who(id: &str) -> Result<ParticipantId, crate::view::CommandError> {
    id.parse().map_err(|_| {
        refusal(
            CommandErrorCode::NotNow,
            "The other person is no longer in the call.",
        )
    })
}
