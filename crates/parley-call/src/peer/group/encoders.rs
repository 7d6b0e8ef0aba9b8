//! The encoders as this driver sees them: what it wants of each, and the way to the SFU by which what they make goes.

use super::ways;
use crate::peer::half::Half;
use crate::peer::route::Route;
use parley_media::audio::AudioTargets;
use parley_media::video::{EncoderTargets, KeyFrameFlag};
use std::sync::Arc;
use tokio::sync::watch;

/// Where a pump finds its way to the SFU.
pub(in crate::peer) type RouteSender = watch::Sender<Option<Arc<Route>>>;

/// One encoder of pictures, as this driver sees it.
pub(in crate::peer) struct Encoding {
    /// Its name; empty where there is one.
    pub(in crate::peer) rid: &'static str,
    pub(in crate::peer) targets: Half<EncoderTargets>,
    pub(in crate::peer) key_frames: KeyFrameFlag,
    pub(in crate::peer) route: RouteSender,
    /// Somebody watches it.
    pub(in crate::peer) wanted: bool,
}

/// One encoder of sound.
pub(in crate::peer) struct Voice {
    pub(in crate::peer) targets: Half<AudioTargets>,
    pub(in crate::peer) route: RouteSender,
}

impl Encoding {
    /// What its encoder must produce for the SFU, and whether that goes there.
    pub(super) fn follow(&self, route: Option<&Arc<Route>>, targets: EncoderTargets, sends: bool) {
        let takes = sends && self.wanted && route.is_some();
        let route = route.filter(|_| takes && !targets.paused);
        // What is encoded has a way from its first picture on, and until its last one.
        if route.is_some() {
            ways::open(&self.route, route);
        }
        // Without room here the pictures of a direct way that stands beside this one go on.
        self.targets.say(targets, route.is_some());
        if route.is_none() {
            ways::open(&self.route, None);
        }
    }
}

impl Voice {
    pub(super) fn follow(&self, route: Option<&Arc<Route>>, targets: Option<AudioTargets>, sends: bool) {
        match targets.filter(|_| sends && route.is_some()) {
            Some(targets) => self.targets.say(targets, true),
            None => self.targets.end(),
        }
        ways::open(&self.route, route.filter(|_| sends));
    }
}
