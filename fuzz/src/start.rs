//! The instant all fuzzed clocks begin at: an instant cannot be made from bytes.

use std::sync::LazyLock;
use std::time::Instant;

#[expect(
    clippy::disallowed_methods,
    reason = "driver: an instant cannot be made otherwise"
)]
pub(crate) static START: LazyLock<Instant> = LazyLock::new(Instant::now);
