//! How much of files is on its way at once, as SCTP's answers and the other side's receipts come.

use super::*;

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
fn what_sctp_brings_through_is_kept_up_until_a_queue_shows() {
    let start = Instant::now();
    let mut core = Transfers::new(start);
    let little = core.window();
    // A path of 50 ms that brings 1,000 bytes through in a millisecond, or 50,000 in a round trip.
    for ms in 0..1_000 {
        let now = start + MS * ms;
        core.on_gone(now, u64::from(ms + 1) * 1_000);
        core.on_answered(now, u64::from((ms + 1).saturating_sub(50)) * 1_000);
    }
    assert!(
        core.window() > 50_000 && little < 20_000,
        "{} after {little}",
        core.window()
    );
    for (ms, delay) in [(1_000, 20), (1_200, 45)] {
        core.pace.on_receipt(start + MS * ms, 1_000, delay);
    }
    assert!(core.window() < 20_000, "{}", core.window());
}
