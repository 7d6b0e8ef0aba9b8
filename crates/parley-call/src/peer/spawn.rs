//! How the drivers come to life: their channels, their tasks, and the pumps between the encoders and both.

use super::asking::Asking;
use super::chain::lips::RemoteTimes;
use super::driver::Driver;
use super::group::driver::{GroupDriver, GroupSetup};
use super::group::encoders::{Encoding, RouteSender, Voice};
use super::half::Half;
use super::ladder::Ladder;
use super::meter::Counter;
use super::send_video::{Routes, no_routes};
use super::shared_sound::{SharedSound, SharedSoundPump};
use super::shares::Shares;
use super::{COMMANDS_MAX, EVENTS_MAX, PeerHandle, PeerSetup, send_audio, send_video};
use crate::key_frame::KeyFrameRequester;
use crate::port::PeerStats;
use parley_proto::allocation::Rid;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

/// Starts the drivers and their pumps.
#[expect(
    clippy::disallowed_methods,
    reason = "driver: some tasks a call, ended with it"
)]
pub(super) fn spawn(setup: PeerSetup) -> PeerHandle {
    let PeerSetup { media, network } = setup;
    let (commands, command_queue) = mpsc::channel(COMMANDS_MAX);
    let (event_queue, events) = mpsc::channel(EVENTS_MAX);
    let (sfu, sfu_command_queue) = mpsc::channel(COMMANDS_MAX);
    let (sfu_event_queue, sfu_events) = mpsc::channel(EVENTS_MAX);
    let (stats_sender, stats) = watch::channel(PeerStats::default());
    let [own_stats, group_stats] = Half::two(stats_sender);
    let (key_frames, screen_key_frames) = (KeyFrameRequester::new(), KeyFrameRequester::new());
    let remote_times = RemoteTimes::default();
    let unsent = Arc::new(Unsent::default());
    let screen = media.screen;
    let mut pumps = JoinSet::new();

    let count = |counter: fn(&Unsent) -> &Counter| {
        let unsent = Arc::clone(&unsent);
        move || counter(&unsent).one()
    };
    let (video_route, group_video_route, ways) = two_ways();
    let flag = media.key_frames.clone();
    pumps.spawn(send_video::run(
        media.video,
        ways,
        flag,
        count(|unsent| &unsent.frames),
    ));
    let (screen_route, group_screen_route, ways) = two_ways();
    let flag = screen.key_frames.clone();
    pumps.spawn(send_video::run(
        screen.frames,
        ways,
        flag,
        count(|unsent| &unsent.screen_frames),
    ));
    let (audio_route, group_audio_route, ways) = two_ways();
    pumps.spawn(send_audio::run(media.audio, ways, count(|unsent| &unsent.audio)));
    let (screen_sound_route, group_sound_route, ways) = two_ways();
    let shared_sound = SharedSound::new(SharedSoundPump::new(screen.sound, ways, Arc::clone(&unsent)));

    let has_layers = !media.layers.is_empty();
    let mut camera = Vec::new();
    for layer in media.layers {
        let (route, routes) = watch::channel(None);
        // The other side gets the largest alone.
        let [_, targets] = Half::two(layer.targets);
        let encoding = Encoding {
            rid: layer.rid,
            targets,
            key_frames: layer.key_frames.clone(),
            route,
            wanted: false,
        };
        encoding.targets.end();
        camera.push(encoding);
        let ways = [no_routes(), routes];
        let count = count(|unsent| &unsent.layer_frames);
        pumps.spawn(send_video::run(layer.frames, ways, layer.key_frames, count));
    }
    let [video_targets, group_video_targets] = Half::two(media.video_targets);
    let [screen_targets, group_screen_targets] = Half::two(screen.targets);
    let [audio_targets, group_audio_targets] = Half::two(media.audio_targets);
    let [screen_sound_targets, group_sound_targets] = Half::two(screen.sound_targets);
    camera.push(Encoding {
        rid: if has_layers { Rid::Full.as_str() } else { "" },
        targets: group_video_targets,
        key_frames: media.key_frames.clone(),
        route: group_video_route,
        wanted: false,
    });
    let group = GroupDriver::new(GroupSetup {
        commands: sfu_command_queue,
        events: sfu_event_queue,
        stats: group_stats,
        limits: media.limits,
        network: network.clone(),
        microphone: Voice {
            targets: group_audio_targets,
            route: group_audio_route,
        },
        camera,
        screen: Encoding {
            rid: "",
            targets: group_screen_targets,
            key_frames: screen.key_frames.clone(),
            route: group_screen_route,
            wanted: false,
        },
        screen_sound: Voice {
            targets: group_sound_targets,
            route: group_sound_route,
        },
        shared_sound: shared_sound.clone(),
        unsent: Arc::clone(&unsent),
    });
    let driver = Driver {
        commands: command_queue,
        events: event_queue,
        stats: own_stats,
        wanted: key_frames.clone(),
        screen_wanted: screen_key_frames.clone(),
        remote_times: remote_times.clone(),
        video_targets,
        audio_targets,
        own_key_frames: media.key_frames,
        screen_targets,
        own_screen_key_frames: screen.key_frames,
        screen_sound_targets,
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
        let (running, over) = oneshot::channel();
        let group = tokio::spawn(group.run(over));
        driver.run().await;
        drop(running);
        if let Err(error) = group.await {
            tracing::error!(%error, "the driver of the connection to the SFU failed");
        }
        drop(pumps);
    });
    PeerHandle {
        commands,
        events,
        sfu,
        sfu_events,
        stats,
        key_frames,
        screen_key_frames,
        times: remote_times.camera,
        screen_times: remote_times.screen,
    }
}

/// The ends by which the two drivers open the ways of one pump, and the pump's.
fn two_ways() -> (RouteSender, RouteSender, [Routes; 2]) {
    let (direct, direct_routes) = watch::channel(None);
    let (group, group_routes) = watch::channel(None);
    (direct, group, [direct_routes, group_routes])
}

/// What the pumps threw away while nothing could be sent.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    pub(super) frames: Counter,
    pub(super) screen_frames: Counter,
    /// Of the camera's smaller encodings.
    pub(super) layer_frames: Counter,
    pub(super) audio: Counter,
    pub(super) screen_sound: Counter,
}
