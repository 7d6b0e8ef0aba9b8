//! What is known of one packet that was sent, once the other side reported on it.

use std::time::Duration;

/// More than any packet has; what claims more is counted as this.
pub(super) const BYTES_MAX: usize = 65_535;

/// One packet of ours and its fate. Times are durations since moments of their own: `sent` on our clock, `arrived` on the other
/// side's, which may begin anywhere, run a little off, and be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PacketResult {
    /// When it left the pacer.
    pub(super) sent: Duration,
    /// Its size.
    pub(super) bytes: usize,
    /// When it arrived; `None` if it was lost.
    pub(super) arrived: Option<Duration>,
    /// The probe it belongs to.
    pub(super) probe: Option<u32>,
}

impl PacketResult {
    pub(super) fn bits(&self) -> f64 {
        self.bytes.min(BYTES_MAX) as f64 * 8.0
    }

    pub(super) fn sent_ms(&self) -> f64 {
        self.sent.as_secs_f64() * 1000.0
    }

    pub(super) fn arrived_ms(&self) -> Option<f64> {
        self.arrived.map(|at| at.as_secs_f64() * 1000.0)
    }
}
