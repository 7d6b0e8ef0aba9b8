//! What each command of a window does to the engine. Devices follow from the phase afterwards, in [`Actor::arrange`].

use super::actor::{Actor, CallFacts};
use super::mute::MuteAsk;
use super::{devices, translate};
use crate::address::server_address;
use crate::embedded::{EmbeddedServer, StartEmbeddedError, is_loopback};
use crate::endpoint::{CallWish, Sight};
use crate::network;
use crate::view::{
    AppCommand, CommandError, CommandErrorCode, DesktopView, Phase, ProblemCode, SavingMode, SettingsPatch,
    TileLook,
};
use parley_call::{CallCommand, CallTarget, EndReason};
use parley_media::audio::AudioCommand;
use parley_proto::{Link, Resolution, ServerAddress};
use std::time::Instant;

pub(super) type Outcome = Result<(), CommandError>;

impl Actor {
    pub(super) async fn obey(&mut self, command: AppCommand) -> Outcome {
        tracing::debug!(?command, "asked");
        match command {
            AppCommand::StartCall => return self.start_call().await,
            AppCommand::OpenLink { text } => return self.open_link(&text),
            AppCommand::Join => return self.join(),
            AppCommand::Leave => self.leave(),
            AppCommand::SetMuted { muted: true } => self.switch_mute(MuteAsk::Set(true)),
            AppCommand::SetMuted { muted: false } => {
                self.must_speak()?;
                self.switch_mute(MuteAsk::Set(false));
            }
            AppCommand::ToggleMuted => return self.talk(MuteAsk::Toggle),
            AppCommand::Talk { down: true } => return self.talk(MuteAsk::Hold),
            AppCommand::Talk { down: false } => self.switch_mute(MuteAsk::Release),
            AppCommand::HandOver { text } => return self.hand_over(&text),
            AppCommand::TellDesktop { desktop } => {
                let update = std::mem::take(&mut self.desktop.update);
                self.desktop = DesktopView { update, ..desktop };
            }
            AppCommand::TellUpdate { update } => self.desktop.update = update,
            AppCommand::SetCameraOn { on } => {
                if on {
                    self.must_speak()?;
                }
                self.set_camera_on(on);
            }
            AppCommand::ChooseDevice { kind, id } => {
                self.store.change(|settings| devices::choose(kind, id, settings));
            }
            AppCommand::RefreshDevices => self.list_devices(),
            AppCommand::TestSpeaker => return self.test_speaker(),
            AppCommand::TestEcho { on } => return self.test_echo(on),
            AppCommand::CheckNetwork => return self.check_network().await,
            AppCommand::SetVolume { id, percent, settled } => return self.set_volume(&id, percent, settled),
            AppCommand::Look { tiles } => self.look(tiles),
            AppCommand::ChangeSettings { patch } => return self.change_settings(patch),
            AppCommand::SetPreview { on } => self.preview = on,
            AppCommand::SendMessage { text } => return self.send_message(text).await,
            AppCommand::OfferFiles { paths, to } => {
                return self.offer_paths(paths.into_iter().map(Into::into).collect(), &to);
            }
            AppCommand::DecideFile { id, accept } => return self.decide_file(&id, accept),
            AppCommand::PauseFile { id, paused } => return self.pause_file(&id, paused),
            AppCommand::CancelFile { id } => return self.cancel_file(&id),
            AppCommand::React { reaction } => return self.react(reaction),
            AppCommand::RaiseHand { raised } => return self.raise_hand(raised),
            AppCommand::ChooseShare { on } => {
                if on {
                    self.must_speak()?;
                }
                self.choose_share(on);
            }
            AppCommand::Share { .. } if self.listening.on => return self.must_speak(),
            AppCommand::Share { id, mode, sound } => return self.share(id, mode, sound).await,
            AppCommand::StopSharing => self.stop_sharing(),
            AppCommand::StartRecording => return self.start_recording(),
            AppCommand::StopRecording => self.stop_recording(),
            AppCommand::DismissProblem { code } => self.dismiss(code),
            AppCommand::SaveReport => return self.save_report().await,
            AppCommand::RateCall { id, stars } => return self.rate_call(&id, stars),
            AppCommand::ForgetCalls { id } => return self.forget_calls(id.as_deref()),
            AppCommand::OpenPastChat { id } => return self.open_past_chat(id.as_deref()),
            AppCommand::SendAgain { id } => return self.send_again(&id),
            AppCommand::ForgetUnfinished { id } => return self.forget_unfinished(&id),
            AppCommand::Door { ask } => return self.at_the_door(ask),
            AppCommand::TakeBackCall { id } => self.take_back_call(&id),
        }
        Ok(())
    }

    pub(super) fn switch_mute(&mut self, ask: MuteAsk) {
        let before = self.mute.muted;
        self.mute = self.mute.after(ask);
        if !self.mute.muted {
            self.mute_asked_by = None;
        }
        if self.mute.muted != before {
            self.endpoint.sound(AudioCommand::SetMuted(self.mute.muted));
        }
    }

    /// From outside the window, where nobody sees whether there is anything to mute.
    fn talk(&mut self, ask: MuteAsk) -> Outcome {
        if !matches!(self.phase, Phase::GreenRoom | Phase::InCall) {
            return Err(refuse(
                CommandErrorCode::NotNow,
                "You are in no call. Join one first.",
            ));
        }
        self.must_speak()?;
        self.switch_mute(ask);
        Ok(())
    }

    /// A link from outside. The one of the call that is on leads where the person is already.
    pub(super) fn hand_over(&mut self, text: &str) -> Outcome {
        let link = Link::find_in(text).ok();
        let here = self.call.as_ref().and_then(|call| call.link.as_ref());
        if self.phase == Phase::InCall && here.is_some() && here == link.as_ref() {
            return Ok(());
        }
        let opened = self.open_link(text);
        if let Err(error) = &opened {
            self.bad_link = Some(error.message.clone());
        }
        opened
    }

    async fn start_call(&mut self) -> Outcome {
        self.may_begin()?;
        let (server, served_here) = if self.store.get().server.is_empty() {
            (self.own_server().await?, true)
        } else {
            let text = &self.store.get().server;
            let address = server_address(text).ok_or_else(|| bad_server(text))?;
            (address, false)
        };
        self.be_free();
        let facts = CallFacts {
            link: None,
            host: true,
            only_here: served_here && is_loopback(&server),
            served_here,
            ended: None,
        };
        self.begin(CallTarget::Create { server }, facts)
    }

    /// Goes to the green room of the link in a text.
    pub(super) fn open_link(&mut self, text: &str) -> Outcome {
        self.may_begin()?;
        // A text without a link takes nothing away.
        let link =
            Link::find_in(text).map_err(|error| refuse(CommandErrorCode::BadLink, &error.to_string()))?;
        self.be_free();
        self.bad_link = None;
        let served_here = self
            .server
            .as_ref()
            .is_some_and(|server| server.serves(&link.server));
        let facts = CallFacts {
            served_here,
            only_here: served_here && is_loopback(&link.server),
            // Back into a call that this computer serves, this side has the link to send again.
            host: served_here,
            link: Some(link.clone()),
            ended: None,
        };
        self.begin(CallTarget::Join { link }, facts)
    }

    fn begin(&mut self, target: CallTarget, facts: CallFacts) -> Outcome {
        self.history.open_messages(None);
        self.forget_figures();
        self.talk.forget();
        self.mute_asked_by = None;
        self.show_unfinished();
        self.phase = Phase::GreenRoom;
        self.problems.begin_call();
        // The call takes the sound's packets, so the sound must run first; one that ran before a call is spent.
        self.endpoint.end_call();
        self.spend_sound();
        self.arrange();
        let wish = CallWish {
            target,
            name: self.store.get().name.clone(),
            media: self.media_state(),
            network: network::options(&self.store.get().network),
            limits: self.limits(),
            downloads: self.downloads(),
            only_listens: false,
        };
        if let Err(error) = self.endpoint.start_call(wish) {
            self.phase = Phase::Home;
            return Err(refuse(
                CommandErrorCode::Failed,
                &format!("The call could not begin: {error}."),
            ));
        }
        let allowed = self.store.get().recording.allowed;
        self.endpoint.command(CallCommand::AllowRecording(allowed));
        self.call = Some(facts);
        Ok(())
    }

    fn join(&mut self) -> Outcome {
        if self.phase != Phase::GreenRoom {
            return Err(refuse(CommandErrorCode::NotNow, "There is no call to join."));
        }
        self.phase = Phase::InCall;
        self.problems.accept_camera();
        self.endpoint.sound(AudioCommand::TestEcho(false));
        // Somebody whom a link brought here first of all gave it only now.
        let name = self.store.get().name.clone();
        self.endpoint.command(CallCommand::SetName(name));
        self.endpoint.command(CallCommand::Enter);
        Ok(())
    }

    /// Against the server that a call would begin on.
    async fn check_network(&mut self) -> Outcome {
        let text = self.store.get().server.clone();
        let server = if text.is_empty() {
            self.own_server().await?
        } else {
            server_address(&text).ok_or_else(|| bad_server(&text))?
        };
        let options = network::options(&self.store.get().network);
        self.network_check.start(server, options);
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "driver: the engine's clock")]
    fn leave(&mut self) {
        match self.phase {
            Phase::Home => {}
            Phase::GreenRoom | Phase::Ended => {
                self.endpoint.command(CallCommand::Leave);
                self.endpoint.end_call();
                self.spend_sound();
                self.call = None;
                self.phase = Phase::Home;
            }
            Phase::InCall => {
                self.endpoint.command(CallCommand::Leave);
                self.call_ended(&EndReason::HungUp, Instant::now());
            }
        }
    }

    /// What of the others is shown now.
    fn look(&mut self, tiles: Vec<TileLook>) {
        let sights = tiles.into_iter().map(|look| Sight {
            tile: look.tile,
            size: Resolution::new(look.width, look.height),
            priority: translate::priority(look.weight),
        });
        self.endpoint.look(sights.collect());
    }

    fn test_speaker(&self) -> Outcome {
        if !self.endpoint.is_sound_open() {
            return Err(refuse(CommandErrorCode::NotNow, "The speaker is not open."));
        }
        self.endpoint.sound(AudioCommand::PlayTestSound);
        Ok(())
    }

    /// In a call the others would hear it too.
    fn test_echo(&self, on: bool) -> Outcome {
        if on && self.phase == Phase::InCall {
            let message = "In a call you cannot hear yourself: the others would hear it too.";
            return Err(refuse(CommandErrorCode::NotNow, message));
        }
        if on && !self.endpoint.is_sound_open() {
            return Err(refuse(CommandErrorCode::NotNow, "The speaker is not open."));
        }
        self.endpoint.sound(AudioCommand::TestEcho(on));
        Ok(())
    }

    /// Who turns the camera on does not want sound alone any more.
    fn set_camera_on(&mut self, on: bool) {
        self.camera_on = on;
        if on && !self.sends_picture() {
            self.store
                .change(|settings| settings.saving.mode = SavingMode::Off);
            self.endpoint.command(CallCommand::Limit(self.limits()));
        }
    }

    fn change_settings(&mut self, patch: SettingsPatch) -> Outcome {
        if let Some(server) = patch.server.as_deref().map(str::trim)
            && !server.is_empty()
            && server_address(server).is_none()
        {
            return Err(bad_server(server));
        }
        if let Some(wish) = &patch.network
            && let Err(error) = network::proxy(&wish.proxy)
        {
            return Err(refuse(CommandErrorCode::BadServer, &error.to_string()));
        }
        if let Some(on) = patch.keep_history {
            self.history_switched(on);
        }
        if let Some(recording) = &patch.recording {
            self.endpoint
                .command(CallCommand::AllowRecording(recording.allowed));
        }
        if let Some(on) = patch.keep_chat {
            self.keeping_chat_switched(on);
        }
        let (voice, limits) = (self.store.get().voice, self.limits());
        self.store.apply(patch);
        if self.limits() != limits {
            self.endpoint.command(CallCommand::Limit(self.limits()));
        }
        let changed = self.store.get().voice;
        if changed != voice {
            self.endpoint
                .sound(AudioCommand::SetVoice(translate::voice(changed)));
        }
        Ok(())
    }

    fn dismiss(&mut self, code: ProblemCode) {
        match code {
            ProblemCode::BadLink => self.bad_link = None,
            ProblemCode::Internal => self.internal = None,
            _ => self.problems.dismiss(code),
        }
    }

    /// A call can begin when none is on.
    fn may_begin(&self) -> Outcome {
        if self.phase == Phase::InCall {
            let message = "You are in a call. Leave it first.";
            return Err(refuse(CommandErrorCode::NotNow, message));
        }
        Ok(())
    }

    /// An unfinished green room is given up for the next call.
    fn be_free(&mut self) {
        if matches!(self.phase, Phase::GreenRoom | Phase::Ended) {
            self.leave();
        }
    }

    /// The address changes with the networks this computer is on, so it is asked for at each call.
    async fn own_server(&mut self) -> Result<ServerAddress, CommandError> {
        let failed = |error: &StartEmbeddedError| refuse(CommandErrorCode::Failed, &error.to_string());
        if self.server.is_none() {
            let server = EmbeddedServer::start(&self.folder)
                .await
                .map_err(|error| failed(&error))?;
            self.server = Some(server);
        }
        match &mut self.server {
            Some(server) => server.address_now().map_err(|error| failed(&error)),
            None => Err(refuse(CommandErrorCode::Failed, "There is no server.")),
        }
    }
}

pub(super) fn refuse(code: CommandErrorCode, message: &str) -> CommandError {
    CommandError {
        code,
        message: message.to_owned(),
    }
}

fn bad_server(text: &str) -> CommandError {
    refuse(
        CommandErrorCode::BadServer,
        &format!("\"{text}\" is no server's address. Write it as https://host or https://host:port."),
    )
}
