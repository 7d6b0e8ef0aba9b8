//! One stay in one call: puts the endpoint together, drives it until its end, and hands what was seen to the findings.

use crate::arguments::{ScreenMode, Switch, Wish};
use crate::errands::{self, Errands};
use crate::events::Teller;
use crate::findings::{Findings, Sample};
use crate::looks::Looks;
use crate::own::Own;
use crate::people::People;
use crate::relays;
use crate::report::Report;
use crate::tape::OwnTape;
use crate::watch::{self, Heard, Watcher};
use crate::{tell, words};
use anyhow::{Context as _, Result};
use parley_app::endpoint::{
    CallCommand, CallPhase, CallSnapshot, CallTarget, CallWish, EndReason, Endpoint, Happened,
    SCREEN_TILE_OF, ShareWish, SignalingFault, VideoLimits,
};
use parley_app::sources::{PictureSource, SoundSink, SoundSource};
use parley_app::view::{CameraSettings, SavingMode, SavingSettings};
use parley_app::{cost, saving};
use parley_media::audio::{AudioConfig, AudioOutput, PlayedBlock, VoiceSettings};
use parley_media::device::screen::SYSTEM_ASKS;
use parley_media::video::{Content, SourceState, SourceStatus};
use parley_proto::{Bitrate, FrameRate, Link, MediaState, ParticipantId, Role};
use std::io::Write as _;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// Played blocks on their way to the one who hears them: more than a second.
const PLAYED_MAX: usize = 128;
/// How long the goodbye may take.
const FAREWELL_MAX: Duration = Duration::from_secs(2);

/// How it went.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// There was something to measure.
    Measured(Report),
    /// There was no call; why, as a sentence.
    NoCall(String),
}

struct Session<'a> {
    wish: &'a Wish,
    host: bool,
    endpoint: Endpoint,
    teller: Teller,
    looks: Looks,
    listen: Watcher<Heard>,
    /// What is sent, written down.
    tape: Option<OwnTape>,
    findings: Findings,
    people: People,
    errands: Errands,
    own: Own,
    /// Whether the others were told of a screen.
    shown: bool,
    /// Whether the door was set.
    door_set: bool,
    /// Whether it was said how much a recording takes.
    size_told: bool,
}

/// Takes part until the end.
///
/// # Errors
/// When this machine cannot (no thread, no codec, no place to record).
pub(crate) async fn run(target: CallTarget, wish: &Wish) -> Result<Outcome> {
    if let Some(folder) = &wish.record {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot record into {}", folder.display()))?;
    }
    let host = matches!(target, CallTarget::Create { .. });
    let (endpoint, played) = assemble(target, wish)?;
    let tape = match &wish.record_own {
        Some(folder) => Some(OwnTape::begin(folder, &endpoint)?),
        None => None,
    };
    let mut session = Session {
        wish,
        host,
        endpoint,
        teller: Teller::new(wish.events),
        looks: Looks::default(),
        listen: watch::listen(played, wish.record.clone())?,
        tape,
        findings: Findings::of(wish.watch_screen, wish.look == Some(0)),
        people: People::default(),
        errands: Errands::default(),
        own: Own::default(),
        shown: shows_at_once(wish),
        door_set: false,
        size_told: false,
    };
    let ended = session.drive().await?;
    Ok(session.finish(ended.as_ref()))
}

fn assemble(target: CallTarget, wish: &Wish) -> Result<(Endpoint, Receiver<PlayedBlock>)> {
    let (tap, played) = sync_channel(PLAYED_MAX);
    let mut endpoint = Endpoint::new();
    let saving = saving_of(wish);
    let picture = wish.video.input(None, CameraSettings::default());
    endpoint.set_picture(picture.filter(|_| saving::sends_picture(saving)));
    let switches = wish.voice.is_none_or(|voice| voice == Switch::On);
    endpoint.open_sound(AudioConfig {
        input: wish.audio.input(None),
        output: match wish.output {
            SoundSink::Speaker => AudioOutput::Device { id: None },
            SoundSink::Nowhere => AudioOutput::Null,
        },
        voice: VoiceSettings {
            echo_cancellation: switches,
            noise_suppression: switches,
            gain_control: switches,
            apply_to_files: wish.voice == Some(Switch::On),
        },
        record: wish.record.as_ref().map(|folder| folder.join("audio.wav")),
        tap: Some(tap),
        ..AudioConfig::default()
    })?;
    let mut limits = VideoLimits::default();
    if let Some(kbps) = wish.max_kbps {
        limits = limits.with_bitrate_max(Bitrate::from_kbps(kbps));
    }
    let limits = saving::limits(limits, saving);
    endpoint.start_call(CallWish {
        target,
        name: wish.name.clone(),
        media: media_state(wish, shows_at_once(wish)),
        network: relays::options(wish).map_err(anyhow::Error::msg)?,
        limits,
        downloads: errands::downloads(wish),
        only_listens: wish.listen_only,
    })?;
    if let Some(id) = &wish.screen {
        let (content, fps) = match wish.screen_mode {
            ScreenMode::Text => (Content::Text, 15),
            ScreenMode::Motion => (Content::Motion, 30),
        };
        endpoint.share(Some(ShareWish {
            id: id.clone(),
            content,
            frame_rate: FrameRate::new(fps),
            cursor: true,
            sound: wish.screen_sound,
            film: id.ends_with(".y4m").then(|| id.into()),
        }))?;
    }
    let allowed = wish.allow_recording == Switch::On;
    endpoint.command(CallCommand::AllowRecording(allowed));
    if let Some(password) = &wish.password {
        endpoint.command(CallCommand::Password(password.clone()));
    }
    endpoint.command(CallCommand::Enter);
    Ok((endpoint, played))
}

/// Whether nobody is asked before the screen is seen.
fn shows_at_once(wish: &Wish) -> bool {
    wish.screen
        .as_ref()
        .is_some_and(|id| !id.starts_with(SYSTEM_ASKS))
}

/// Whether there is anything of this screen to be seen: not before the system was answered, nor once it is gone.
fn is_shown(id: &str, status: &SourceStatus) -> bool {
    match status.state {
        SourceState::Denied
        | SourceState::Missing
        | SourceState::Failed
        | SourceState::Gone
        | SourceState::Ended => false,
        SourceState::Starting | SourceState::Running | SourceState::Busy => {
            status.chosen.is_some() || !id.starts_with(SYSTEM_ASKS)
        }
    }
}

/// What is saved, of data and energy. (`--max-kbps` is about one direction only.)
fn saving_of(wish: &Wish) -> SavingSettings {
    SavingSettings {
        mode: match (wish.audio_only, wish.low_data) {
            (true, _) => SavingMode::AudioOnly,
            (false, true) => SavingMode::LowData,
            (false, false) => SavingMode::Off,
        },
        kbps_max: None,
        energy: wish.save_energy,
    }
}

/// What the others are told of what one sends.
fn media_state(wish: &Wish, shown: bool) -> MediaState {
    MediaState {
        microphone_on: wish.audio != SoundSource::Off,
        camera_on: wish.video != PictureSource::Off && saving::sends_picture(saving_of(wish)),
        screen_on: shown,
        screen_moves: shown && wish.screen_mode == ScreenMode::Motion,
        screen_sound_on: shown && wish.screen_sound,
        picture_kbps_max: saving::takes_kbps(saving_of(wish)),
        ..MediaState::default()
    }
}

impl Session<'_> {
    /// Drives the endpoint. Gives the reason when somebody or something else ended the call.
    #[expect(clippy::disallowed_methods, reason = "driver: the session's clock")]
    async fn drive(&mut self) -> Result<Option<EndReason>> {
        let begun = Instant::now();
        let mut every_second = tokio::time::interval(Duration::from_secs(1));
        let mut stop = std::pin::pin!(stop_asked());
        loop {
            tokio::select! {
                happened = self.endpoint.next() => {
                    self.teller.happened(&happened);
                    if let Happened::Ended(reason) = happened {
                        return Ok(Some(reason));
                    }
                    self.note(happened, Instant::now()).await?;
                }
                _ = every_second.tick() => {
                    let line = self.progress();
                    self.teller.progress(&line);
                    self.tell_size();
                    if self.is_time_up(begun, Instant::now()) {
                        break;
                    }
                }
                () = &mut stop => break,
            }
        }
        self.findings.left(&self.endpoint, Instant::now(), cost::cpu_s());
        self.say_goodbye().await;
        Ok(None)
    }

    /// As a host: sets the door once as it was asked for, and lets in whoever waits.
    fn keep_the_door(&mut self, call: &CallSnapshot) {
        if call.role != Some(Role::Host) {
            return;
        }
        if !std::mem::replace(&mut self.door_set, true) {
            if self.wish.admit_all {
                self.endpoint.command(CallCommand::Lobby(true));
            }
            if self.host && self.wish.password.is_some() {
                let password = self.wish.password.clone();
                self.endpoint.command(CallCommand::SetPassword(password));
            }
        }
        if self.wish.admit_all {
            for person in &call.waiting {
                self.endpoint.command(CallCommand::Admit(person.id));
            }
        }
    }

    fn is_time_up(&self, begun: Instant, now: Instant) -> bool {
        if self.wish.leave_after_files && self.errands.are_done(now) {
            return true;
        }
        match (self.findings.connected_at(), self.wish.seconds) {
            (Some(connected), Some(seconds)) => now >= connected + Duration::from_secs(seconds.into()),
            (Some(_), None) => false,
            (None, _) => now >= begun + Duration::from_secs(self.wish.wait.into()),
        }
    }

    async fn note(&mut self, happened: Happened, now: Instant) -> Result<()> {
        match happened {
            Happened::Ready(link) if self.host => self.tell_link(&link),
            Happened::ScreenBegan(who) if self.wish.watch_screen => {
                self.look_at(who, &format!("{SCREEN_TILE_OF}{who}"))?;
            }
            Happened::PictureBegan(who) if !self.wish.watch_screen => {
                self.look_at(who, &who.to_string())?;
            }
            Happened::Picture => {
                let status = self.endpoint.picture_status();
                if let Some(line) = status.and_then(|status| self.own.see(&status)) {
                    self.teller.say("own_fault", &line);
                }
            }
            Happened::Sound => {
                let status = self.endpoint.sound_status();
                if let Some(line) = status.and_then(|status| self.own.hear(&status)) {
                    self.teller.say("own_fault", &line);
                }
            }
            Happened::Share => self.note_share(),
            Happened::Chat(news) => self.errands.chat(&news),
            Happened::Files => self.errands.files(self.wish, &self.endpoint, now),
            Happened::Stats => {
                let stats = self.endpoint.call_stats();
                if let Some(stats) = &stats {
                    self.teller.way(stats);
                }
                let sample = stats.map(|stats| Sample::new(&stats, &self.endpoint));
                self.findings.sample(sample);
                self.people.second(&self.endpoint);
                self.teller.people(&self.people.so_far(&self.looks.each()));
            }
            Happened::Call => {
                if let Some(call) = self.endpoint.call() {
                    self.teller.call(&call);
                    self.teller.speakers(&call);
                    self.keep_the_door(&call);
                    self.looks.ask(self.wish, &mut self.endpoint, &call);
                    self.people.call(&call);
                    if call.phase == CallPhase::Connected {
                        self.errands.begin(self.wish, &self.endpoint).await;
                        self.findings.connected(&self.endpoint, now, cost::cpu_s());
                    }
                    self.findings.call(call);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What is shown of the screen changed its state: others learn of it once it is there, and once it is gone.
    fn note_share(&mut self) {
        let sharing = self.endpoint.share_wish().zip(self.endpoint.share_status());
        let Some((share, status)) = sharing else { return };
        let shown = is_shown(&share.id, &status);
        if let Some(line) = self.own.show(&status) {
            self.teller.say("own_fault", &line);
        }
        if self.shown != shown {
            self.shown = shown;
            let media = media_state(self.wish, shown);
            self.endpoint.command(CallCommand::SetMediaState(media));
        }
    }

    fn look_at(&mut self, who: ParticipantId, tile: &str) -> Result<()> {
        match self.endpoint.tiles().get(tile) {
            Some(frames) => {
                let call = self.endpoint.call();
                self.looks.turn_to(self.wish, who, frames, call.as_ref())
            }
            None => Ok(()),
        }
    }

    /// First of all, and on a line of its own: others wait for it.
    fn tell_link(&self, link: &Link) {
        if self.wish.json {
            tell(&link.to_string());
        } else {
            let mut out = std::io::stdout();
            let _ = writeln!(out, "{link}").and_then(|()| out.flush());
        }
    }

    fn progress(&self) -> String {
        let Some(call) = self.endpoint.call() else {
            return String::new();
        };
        let shown = self.looks.shown();
        let stats = self.endpoint.call_stats().unwrap_or_default();
        format!(
            "{}: {} kbit/s out, {} kbit/s in, {shown} pictures shown, loudest sound {:.3}",
            words::phase(call.phase),
            stats.peer.sent_bps / 1000,
            stats.peer.received_bps / 1000,
            self.listen.so_far().rms_max
        )
    }

    /// Once, as soon as the size of the pictures is known: raw ones fill a disk quickly.
    fn tell_size(&mut self) {
        let size = self.looks.so_far().size;
        if let (Some(folder), Some((width, height)), false) = (&self.wish.record, size, self.size_told) {
            self.size_told = true;
            let line = format!(
                "recording raw pictures of {width}x{height} into {}: about {:.1} GB a minute",
                folder.display(),
                gb_a_minute(width, height)
            );
            self.teller.say("recording", &line);
        }
    }

    async fn say_goodbye(&mut self) {
        self.endpoint.command(CallCommand::Leave);
        let gone = async { while !matches!(self.endpoint.next().await, Happened::Ended(_)) {} };
        if tokio::time::timeout(FAREWELL_MAX, gone).await.is_err() {
            tracing::warn!("the call did not end in time");
        }
    }

    /// Why the server was never reached, if so: then there was no call that anything could be measured of.
    fn never_reached(&self) -> Option<SignalingFault> {
        let call = self.endpoint.call()?;
        call.signaling_fault
            .filter(|_| call.me.is_none() && self.findings.connected_at().is_none())
    }

    fn finish(mut self, ended: Option<&EndReason>) -> Outcome {
        self.teller.done();
        if let Some(call) = self.endpoint.call() {
            self.findings.call(call);
        }
        #[expect(clippy::disallowed_methods, reason = "driver: the session's clock")]
        self.findings.left(&self.endpoint, Instant::now(), cost::cpu_s());
        let pss_mb = cost::pss_mb();
        let unreached = self.never_reached();
        let looked = self.looks.finish();
        let heard = self.listen.finish();
        let tape_faults = self.tape.map(OwnTape::finish).unwrap_or_default();
        self.endpoint.set_picture(None);
        self.endpoint.end_call();
        match ended {
            Some(EndReason::HungUp | EndReason::OtherLeft | EndReason::OtherLost) | None => {}
            Some(reason) => return Outcome::NoCall(reason.to_string()),
        }
        if let Some(fault) = unreached {
            return Outcome::NoCall(fault.to_string());
        }
        let first = looked.first.as_ref();
        let mut report = self.findings.report(self.host, first, &heard, pss_mb);
        self.errands.report(self.wish, &mut report);
        self.own.report(&mut report);
        self.people.report(&looked, &mut report);
        for fault in tape_faults {
            report.fail(format!("recording what is sent: {fault}"));
        }
        Outcome::Measured(report)
    }
}

/// What raw pictures take on the disk, at the rate that cameras have.
fn gb_a_minute(width: u32, height: u32) -> f64 {
    let picture = f64::from(width) * f64::from(height) * 1.5;
    picture * 30.0 * 60.0 / 1e9
}

/// Ctrl-C, or the system's request to end.
async fn stop_asked() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_told_of_once_the_system_was_answered_and_until_it_is_gone() {
        use SourceState::{Denied, Failed, Gone, Missing, Running, Starting};
        use parley_media::device::screen::{ScreenKind, SystemChoice};
        let chosen = || {
            Some(SystemChoice {
                id: SYSTEM_ASKS.into(),
                kind: ScreenKind::Monitor,
            })
        };
        for (id, chosen, state, shown) in [
            ("portal:", None, Starting, false),
            ("portal:", chosen(), Starting, true),
            ("portal:", chosen(), Running, true),
            ("portal:", None, Denied, false),
            ("portal:", None, Missing, false),
            ("portal:", None, Failed, false),
            ("portal:", chosen(), Gone, false),
            ("monitor:", None, Starting, true),
            ("monitor:", None, Running, true),
            ("monitor:", None, Missing, false),
        ] {
            let status = SourceStatus {
                state,
                chosen,
                ..SourceStatus::default()
            };
            assert_eq!(is_shown(id, &status), shown, "{id} {status:?}");
        }
    }

    #[test]
    fn a_recording_takes_what_the_help_says() {
        for (width, height, expect) in [(640, 360, "0.6"), (1280, 720, "2.5")] {
            assert_eq!(format!("{:.1}", gb_a_minute(width, height)), expect);
        }
    }
}
