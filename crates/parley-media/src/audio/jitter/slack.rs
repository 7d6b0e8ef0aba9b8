//! How much older than the wanted wait sound is when its packet is needed: the least of the last decodings. Owned by the buffer, which
//! stretches by it.

/// Slack is the least of so many decodings.
const SLACK_MEMORY: usize = 10;

/// The least slack of the last decodings.
#[derive(Debug, Default)]
pub(super) struct Slack {
    values: [i64; SLACK_MEMORY],
    count: usize,
    /// Between coming and being decoded of the last packet, with what waits to be played; samples.
    pub(super) last_delay: i64,
}

impl Slack {
    pub(super) fn note(&mut self, slack: i64, delay: i64) {
        self.values[self.count % SLACK_MEMORY] = slack;
        self.count += 1;
        self.last_delay = delay;
    }

    /// The least, once enough was seen; less when the newest packets come later than is waited for.
    pub(super) fn settled(&self, latest_over_target: i64) -> Option<i64> {
        let least = self.values.iter().min()?;
        (self.count >= SLACK_MEMORY).then(|| least - latest_over_target.max(0))
    }

    /// The sound got longer or shorter: the next change waits for new measurements.
    pub(super) fn forget(&mut self) {
        self.count = 0;
    }
}
