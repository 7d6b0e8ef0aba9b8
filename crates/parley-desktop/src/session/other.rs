//! macOS and Windows: kept awake by a library. Notifications are shown by the window toolkit there. Written, not tried:
//! there are no such machines here.

use super::{Clicked, Notice};
use keepawake::KeepAwake;

/// What keeps the system awake.
pub(super) struct Session {
    awake: Option<KeepAwake>,
}

impl Session {
    pub(super) const fn open() -> Self {
        Self { awake: None }
    }

    pub(super) fn stay_awake(&mut self, reason: Option<&str>) {
        self.awake = reason.and_then(|reason| {
            let awake = keepawake::Builder::default()
                .display(true)
                .idle(true)
                .reason(reason)
                .app_name("Parley")
                .app_reverse_domain("org.parley.Parley")
                .create();
            awake
                .inspect_err(|error| tracing::info!(%error, "the system may sleep"))
                .ok()
        });
    }

    #[expect(clippy::unused_self, reason = "as on Linux")]
    pub(super) const fn shows_tray(&self) -> bool {
        true
    }

    pub(super) fn notify(&mut self, _: &Notice, _: Clicked) {}
}
