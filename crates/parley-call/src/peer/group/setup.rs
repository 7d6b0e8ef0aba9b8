//! How a connection to the SFU is put together: own tracks with the camera in its encodings, the chain of every connection, and on top of
//! it the demultiplexer in place of the library's queues.

use super::incoming::{Inbox, Incoming, ServerClock};
use crate::peer::chain::tap::Tap;
use crate::peer::chain::twins::Twins;
use crate::peer::chain::{DELIVER_SLOT, LIPS_SLOT, Linked, TAP_SLOT, TWINS_SLOT};
use crate::peer::estimate::Bounds;
use crate::peer::library::{Callbacks, LibraryEvents};
use crate::peer::meter::Meter;
use crate::peer::setup::{
    LocalTrack, Raised, Reach, Trunk, group_engine, layered_track, local_track, opus, pictures, raise,
};
use parley_media::time::{AUDIO_CLOCK_HZ, VIDEO_CLOCK_HZ};
use parley_media::video::KeyFrameFlag;
use rtc::interceptor::{Registry, Slot};
use std::sync::Arc;
use std::time::Instant;
use webrtc::error::Result;
use webrtc::peer_connection::{MediaEngine, PeerConnectionEventHandler};

/// What a connection is built from.
pub(super) struct Blueprint {
    /// The session's number of it.
    pub(super) number: u32,
    pub(super) reach: Reach,
    pub(super) bounds: Bounds,
    /// The camera's encodings, smallest first: each one's name, empty for the only one, and its encoder's flag.
    pub(super) camera: Vec<(&'static str, KeyFrameFlag)>,
    pub(super) screen_key_frames: KeyFrameFlag,
    /// With microphone and camera from the start.
    pub(super) speaks: bool,
    pub(super) inbox: Arc<Inbox>,
    pub(super) events: LibraryEvents,
}

/// The own tracks of a connection.
pub(super) struct Tracks {
    pub(super) microphone: LocalTrack,
    /// The encodings of one track, smallest first.
    pub(super) camera: Vec<LocalTrack>,
    pub(super) screen: LocalTrack,
    pub(super) screen_sound: LocalTrack,
}

/// A connection of the library with what belongs to it.
pub(super) struct Built {
    pub(super) raised: Raised,
    pub(super) tracks: Tracks,
    pub(super) trunk: Trunk,
}

/// Builds a connection, without tracks on it yet. `now` ties its clocks together.
pub(super) async fn build(blueprint: &Blueprint, now: Instant) -> Result<Built> {
    let rids: Vec<&str> = blueprint.camera.iter().map(|(rid, _)| *rid).collect();
    let camera = match rids.as_slice() {
        // Simulcast is of two encodings at least; the library sends a single one without a name.
        [] | [_] => vec![local_track("camera", pictures(), VIDEO_CLOCK_HZ)],
        rids => layered_track("camera", rids),
    };
    let tracks = Tracks {
        microphone: local_track("microphone", opus(), AUDIO_CLOCK_HZ),
        camera,
        screen: local_track("screen", pictures(), VIDEO_CLOCK_HZ),
        screen_sound: local_track("screen-sound", opus(), AUDIO_CLOCK_HZ),
    };
    let trunk = Trunk::new(blueprint.bounds, now);
    // There is no proof to wait for.
    trunk.meter.gate.open();
    let make = || -> Result<(MediaEngine, Registry)> {
        let mut engine = group_engine()?;
        let all = [&tracks.microphone, &tracks.screen, &tracks.screen_sound];
        let clocks = all
            .into_iter()
            .chain(&tracks.camera)
            .map(|track| (track.ssrc, Arc::clone(&track.clock)))
            .collect();
        let microphone = tracks.microphone.ssrc;
        let meter = || Arc::clone(&trunk.meter);
        let inbox = || Arc::clone(&blueprint.inbox);
        let number = blueprint.number;
        let registry = trunk
            .chain(&mut engine, clocks, microphone, microphone, now)?
            .with(
                Slot::from(TAP_SLOT),
                Linked::new(tap(blueprint, &tracks, meter())),
            )
            .with(Slot::from(TWINS_SLOT), Linked::new(Twins::new(meter())))
            .with(
                Slot::from(LIPS_SLOT),
                Linked::new(ServerClock::new(number, inbox())),
            )
            .with(
                Slot::from(DELIVER_SLOT),
                Linked::new(Incoming::new(number, inbox(), meter())),
            );
        Ok((engine, registry))
    };
    let handler: Arc<dyn PeerConnectionEventHandler> = Arc::new(Callbacks(blueprint.events.clone()));
    let raised = raise(&blueprint.reach, make, handler).await?;
    Ok(Built {
        raised,
        tracks,
        trunk,
    })
}

fn tap(blueprint: &Blueprint, tracks: &Tracks, meter: Arc<Meter>) -> Tap {
    let flags = blueprint.camera.iter().map(|(_, flag)| flag.clone());
    let ssrcs = tracks.camera.iter().map(|layer| layer.ssrc);
    Tap::new(
        meter,
        KeyFrameFlag::new(),
        (tracks.screen.ssrc, blueprint.screen_key_frames.clone()),
        tracks.screen_sound.ssrc,
    )
    .with_layers(ssrcs.zip(flags).collect())
}
