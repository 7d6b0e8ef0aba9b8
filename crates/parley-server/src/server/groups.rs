//! The SFU of a server: its ports, and its way to the hub.

use crate::config::GroupConfig;
use crate::hub::Inbound;
use crate::sfu::driver::{BoundSfu, SfuDriver, StartSfuError};
use tokio::sync::mpsc;

/// Holds its ports. Without them calls are for two, as everywhere else: a server that starts without groups is better than none.
pub(super) fn bind(config: &GroupConfig) -> Option<BoundSfu> {
    SfuDriver::bind(&config.sockets)
        .inspect_err(|error| tracing::warn!("{error} Until then calls are for two."))
        .ok()
}

/// Starts its threads.
pub(super) fn run(bound: BoundSfu, hub: &mpsc::Sender<Inbound>) -> Result<SfuDriver, StartSfuError> {
    // Weak: a hub that held its own inbox open would never see that everybody is gone.
    let hub = hub.downgrade();
    bound.run(move |event| {
        hub.upgrade()
            .is_some_and(|hub| hub.try_send(Inbound::Sfu(event.clone())).is_ok())
    })
}
