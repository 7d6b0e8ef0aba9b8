//! How a driver comes to life: its channels, its task, and the pumps beside it.

use super::asking::Asking;
use super::chain::lips::RemoteTimes;
use super::driver::Driver;
use super::ladder::Ladder;
use super::meter::Counter;
use super::shared_sound::SharedSoundPump;
use super::shares::Shares;
use super::{COMMANDS_MAX, EVENTS_MAX, PeerHandle, PeerSetup, send_audio, send_video};
use crate::key_frame::KeyFrameRequester;
use crate::port::PeerStats;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Starts the driver and its pumps.
#[expect(
    clippy::disallowed_methods,
    reason = "driver: four tasks a call, ended with it"
)]
pub(super) fn spawn(setup: PeerSetup) -> PeerHandle {
    let PeerSetup { media, network } = setup;
    let (commands, command_queue) = mpsc::channel(COMMANDS_MAX);
    let (event_queue, events) = mpsc::channel(EVENTS_MAX);
    let (stats_sender, stats) = watch::channel(PeerStats::default());
    let (key_frames, screen_key_frames) = (KeyFrameRequester::new(), KeyFrameRequester::new());
    let remote_times = RemoteTimes::default();
    let unsent = Arc::new(Unsent::default());
    let (video_route, video_routes) = watch::channel(None);
    let (audio_route, audio_routes) = watch::channel(None);
    let (screen_route, screen_routes) = watch::channel(None);
    let (screen_sound_route, screen_sound_routes) = watch::channel(None);
    let screen = media.screen;
    let pumps = [
        tokio::spawn({
            let unsent = Arc::clone(&unsent);
            let own_key_frames = media.key_frames.clone();
            send_video::run(media.video, video_routes, own_key_frames, move || {
                unsent.frames.one();
            })
        }),
        tokio::spawn({
            let unsent = Arc::clone(&unsent);
            let own_key_frames = screen.key_frames.clone();
            send_video::run(screen.frames, screen_routes, own_key_frames, move || {
                unsent.screen_frames.one();
            })
        }),
        tokio::spawn({
            let unsent = Arc::clone(&unsent);
            send_audio::run(media.audio, audio_routes, move || {
                unsent.audio.one();
            })
        }),
    ];
    let shared_sound = SharedSoundPump::new(screen.sound, screen_sound_routes, Arc::clone(&unsent));
    let driver = Driver {
        commands: command_queue,
        events: event_queue,
        stats: stats_sender,
        wanted: key_frames.clone(),
        screen_wanted: screen_key_frames.clone(),
        remote_times: remote_times.clone(),
        video_targets: media.video_targets,
        audio_targets: media.audio_targets,
        own_key_frames: media.key_frames,
        screen_targets: screen.targets,
        own_screen_key_frames: screen.key_frames,
        screen_sound_targets: screen.sound_targets,
        limits: media.limits,
        network,
        tcp_dials: Arc::default(),
        unsent,
        video_route,
        audio_route,
        screen_route,
        screen_sound_route,
        shared_sound,
        shares: Shares::default(),
        ladder: Ladder::new(media.limits),
        open: None,
        beside: None,
        told: None,
        takes_kbps: None,
        takes_deep: false,
        asking: Asking::default(),
        screen_asking: Asking::default(),
    };
    tokio::spawn(async move {
        driver.run().await;
        for pump in pumps {
            pump.abort();
        }
    });
    PeerHandle {
        commands,
        events,
        stats,
        key_frames,
        screen_key_frames,
        times: remote_times.camera,
        screen_times: remote_times.screen,
    }
}

/// What the pumps threw away while nothing could be sent.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    pub(super) frames: Counter,
    pub(super) screen_frames: Counter,
    pub(super) audio: Counter,
    pub(super) screen_sound: Counter,
}
