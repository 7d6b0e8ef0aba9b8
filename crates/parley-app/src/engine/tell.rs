//! What the window is told: gathers the whole state from everything the engine owns. Reads, and changes nothing but the
//! memory of problems.

use super::actor::Actor;
use super::{group, levels, remember, translate};
use crate::folders::Folders;
use crate::problems::{self, Situation};
use crate::settings::SettingsStore;
use crate::view::{
    AppState, CallView, DesktopView, DeviceKind, DeviceState, DevicesView, HistoryView, LocalView,
    NetworkCheckView, PersonView, Phase, Problem, RecordingView, ShareView,
};
use parley_call::port::TrackKind;
use parley_call::{CallPhase, CallSnapshot, PersonSnapshot, SignalingPhase};
use parley_media::audio::{AudioStatus, StreamStatus};
use parley_media::video::{ReceiverStats, SourceStatus};
use parley_proto::{Link, ParticipantId};
use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

impl Actor {
    /// Tells the state if it is another one.
    pub(super) fn tell(&mut self) {
        let (picture, sound) = (self.endpoint.picture_status(), self.endpoint.sound_status());
        let snapshot = self.endpoint.call();
        let local = self.local(picture.as_ref(), sound.as_ref());
        self.see_hands(snapshot.as_ref());
        let problems = self.find_problems(&local, snapshot.as_ref(), picture.as_ref(), sound.as_ref());
        let settings = self.store.get();
        let state = AppState {
            phase: self.phase,
            call: self.call_view(snapshot.as_ref()),
            devices: DevicesView {
                cameras: self.lists.view(DeviceKind::Camera),
                microphones: self.lists.view(DeviceKind::Microphone),
                speakers: self.lists.view(DeviceKind::Speaker),
                camera: settings.camera.clone(),
                microphone: settings.microphone.clone(),
                speaker: settings.speaker.clone(),
                news: self.device_news.view(),
            },
            local,
            share: self.share_view(),
            recording: self.recording_view(),
            problems,
            history: remember::view(&self.kept.borrow()),
            desktop: self.desktop.clone(),
            network: self.network_check.view(),
            settings: settings.clone(),
            folders: self.folders.view(&settings.folders),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        self.state.send_if_modified(|old| {
            let changed = *old != state;
            *old = state;
            changed
        });
        if sound.is_none() {
            self.levels.send_replace(levels::levels(None));
        }
    }

    fn local(&self, picture: Option<&SourceStatus>, sound: Option<&AudioStatus>) -> LocalView {
        let stream = |stream: Option<&StreamStatus>| {
            stream.map_or(DeviceState::Off, |stream| translate::stream_state(stream.state))
        };
        let (input, output) = (sound.map(|sound| &sound.input), sound.map(|sound| &sound.output));
        LocalView {
            muted: self.mute.muted,
            talking: self.mute.talking,
            camera_on: self.sends_picture(),
            camera: picture.map_or(DeviceState::Off, |picture| translate::source_state(picture.state)),
            camera_name: picture.and_then(|picture| picture.name.clone()),
            video_size: picture
                .and_then(|picture| picture.resolution)
                .map(translate::size),
            microphone: stream(input),
            microphone_name: input.and_then(|input| input.name.clone()),
            speaker: stream(output),
            speaker_name: output.and_then(|output| output.name.clone()),
            speaker_test_playing: sound.is_some_and(|sound| sound.test_sound_playing),
            echo_test: translate::echo_test(sound.map(|sound| sound.echo_test).unwrap_or_default()),
        }
    }

    fn find_problems(
        &mut self,
        local: &LocalView,
        snapshot: Option<&CallSnapshot>,
        picture: Option<&SourceStatus>,
        sound: Option<&AudioStatus>,
    ) -> Vec<Problem> {
        let device = |state, name: &Option<String>, detail: Option<&String>| problems::Device {
            state,
            name: name.clone(),
            detail: detail.cloned(),
        };
        let detail = picture.and_then(|picture| picture.detail.as_ref());
        let situation = Situation {
            camera: device(local.camera, &local.camera_name, detail),
            microphone: device(
                local.microphone,
                &local.microphone_name,
                sound.and_then(|sound| sound.input.detail.as_ref()),
            ),
            speaker: device(
                local.speaker,
                &local.speaker_name,
                sound.and_then(|sound| sound.output.detail.as_ref()),
            ),
            no_signal: sound.is_some_and(|sound| sound.no_signal) && !local.muted,
            steady_signal: sound.is_some_and(|sound| sound.steady_signal),
            speaking_while_muted: sound.is_some_and(|sound| sound.speaking_while_muted)
                && self.phase == Phase::InCall,
            call: snapshot
                .filter(|_| self.phase != Phase::Ended)
                .map(call_situation),
            bad_link: self.bad_link.clone(),
            settings_reset: self.store.set_aside().cloned(),
            internal: self.internal.clone(),
        };
        self.problems.find(&situation)
    }

    fn call_view(&self, snapshot: Option<&CallSnapshot>) -> Option<CallView> {
        let facts = self.call.as_ref()?;
        if facts.link.is_none() && facts.ended.is_none() {
            return None;
        }
        let over = self.phase == Phase::Ended;
        let people = snapshot.map_or_else(Vec::new, |call| self.people(call));
        let listeners = snapshot.map_or_else(Vec::new, |call| self.listeners(call));
        Some(CallView {
            link: facts.link.as_ref().map(Link::to_string).unwrap_or_default(),
            deep_link: facts.link.as_ref().map(Link::deep_link).unwrap_or_default(),
            host: facts.host,
            served_here: facts.served_here,
            only_here: facts.only_here,
            state: snapshot
                .filter(|_| !over)
                .map_or(translate::call_state(CallPhase::Ended), |call| {
                    translate::call_state(call.phase)
                }),
            signaling: snapshot.map_or(translate::signaling_state(SignalingPhase::Connecting), |call| {
                translate::signaling_state(call.signaling)
            }),
            end_to_end: snapshot.is_some_and(group::is_end_to_end),
            me: snapshot.and_then(|call| call.me).map(|me| me.to_string()),
            part: self.listening.view(),
            people,
            listeners,
            hand_place: self.hands.place(None),
            spotlight: snapshot.filter(|_| !over).and_then(group::spotlight),
            group: snapshot.and_then(|call| call.group.as_ref()).map(group::view),
            connected_since_ms: snapshot.and_then(|call| call.connected_at).map(since_1970_ms),
            past: self.past_id(),
            door: self.door_view(snapshot.filter(|_| !over)),
            ended: facts.ended.clone(),
        })
    }

    fn people(&self, call: &CallSnapshot) -> Vec<PersonView> {
        let sizes = |stats: (ParticipantId, ReceiverStats)| (stats.0, stats.1.resolution);
        let pictures: BTreeMap<_, _> = self.endpoint.receiver_stats().map(sizes).collect();
        let screens: BTreeMap<_, _> = self.endpoint.screen_stats().map(sizes).collect();
        let person = |person: &PersonSnapshot| {
            let picture = pictures.get(&person.id).copied().flatten();
            let screen = screens.get(&person.id).copied().flatten();
            let comes = |kind, size: Option<_>| group::picture(call, person, kind, size.is_some());
            PersonView {
                hand_place: self.hands.place(Some(person.id)),
                picture: comes(TrackKind::Video, picture),
                video_size: picture.map(translate::size),
                screen: comes(TrackKind::Screen, screen),
                screen_size: screen.map(translate::size),
                volume_pct: self.volume_of(person),
                offences: group::offences(call, person.id),
                takes_files: super::files::takes_files(&call.people, person),
                ..translate::person(person, self.quality.of(person.id))
            }
        };
        let speakers = call.people.iter().filter(|person| !person.listens);
        speakers.map(person).collect()
    }

    /// In which order hands went up is known to nobody else.
    fn see_hands(&mut self, call: Option<&CallSnapshot>) {
        let people = call.map_or(&[][..], |call| call.people.as_slice());
        let raised = people.iter().filter(|person| person.hand_raised);
        let mut raised: Vec<_> = raised.map(|person| Some(person.id)).collect();
        if self.talk.is_hand_raised() {
            raised.push(None);
        }
        self.hands.see(&raised);
    }
}

fn call_situation(call: &CallSnapshot) -> problems::CallSituation {
    // Of many, one is always away; it shows in their tile.
    let away = match &call.people[..] {
        [other] => Some(other).filter(|person| person.away),
        _ => None,
    };
    problems::CallSituation {
        state: translate::call_state(call.phase),
        signaling: translate::signaling_state(call.signaling),
        signaling_fault: call.signaling_fault.map(|fault| fault.to_string()),
        entering: call.phase == CallPhase::Joining,
        away: away.map(|person| person.name.clone()),
    }
}

/// A moment of the monotonic clock as milliseconds of the wall clock.
#[expect(clippy::disallowed_methods, reason = "driver: translates between two clocks")]
pub(super) fn since_1970_ms(moment: Instant) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ago = Instant::now().saturating_duration_since(moment);
    u64::try_from(now.saturating_sub(ago).as_millis()).unwrap_or_default()
}

/// What the window is told before anything happened.
pub(super) fn empty_state(store: &SettingsStore, folders: &Folders) -> AppState {
    AppState {
        phase: Phase::Home,
        call: None,
        devices: DevicesView::default(),
        local: LocalView {
            camera_on: true,
            ..LocalView::default()
        },
        share: ShareView::default(),
        recording: RecordingView::default(),
        problems: Vec::new(),
        history: HistoryView::default(),
        desktop: DesktopView::default(),
        network: NetworkCheckView::default(),
        settings: store.get().clone(),
        folders: folders.view(&store.get().folders),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
