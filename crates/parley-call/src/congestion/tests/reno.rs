//! A greedy TCP flow with Reno's window (RFC 5681), counted in packets.

/// A packet's bits on the wire.
pub(super) const BITS: f64 = 12_000.0;

/// See the module.
pub(super) struct Reno {
    window: f64,
    threshold: f64,
    next: u64,
    /// All before this arrived.
    acknowledged: u64,
    received: std::collections::BTreeSet<u64>,
    /// Until this is acknowledged, one loss counts.
    recovering: Option<u64>,
    progress_ms: f64,
    again: Vec<u64>,
}

impl Reno {
    pub(super) fn new() -> Self {
        Self {
            window: 10.0,
            threshold: f64::INFINITY,
            next: 0,
            acknowledged: 0,
            received: std::collections::BTreeSet::new(),
            recovering: None,
            progress_ms: 0.0,
            again: Vec::new(),
        }
    }

    /// Numbers to send now.
    pub(super) fn send(&mut self, now: f64) -> Vec<u64> {
        if now - self.progress_ms > 1000.0 {
            self.progress_ms = now;
            self.threshold = (self.window / 2.0).max(2.0);
            self.window = 2.0;
            self.recovering = None;
            self.next = self.acknowledged;
        }
        let mut out = std::mem::take(&mut self.again);
        let flying = |next: u64, received: usize| next.saturating_sub(self.acknowledged + received as u64);
        while (flying(self.next, self.received.len()) as f64) < self.window {
            if !self.received.contains(&self.next) {
                out.push(self.next);
            }
            self.next += 1;
        }
        out
    }

    /// The acknowledgement of `number` came.
    pub(super) fn acknowledge(&mut self, now: f64, number: u64) {
        if number < self.acknowledged {
            return;
        }
        self.received.insert(number);
        while self.received.remove(&self.acknowledged) {
            self.acknowledged += 1;
            self.progress_ms = now;
        }
        self.next = self.next.max(self.acknowledged);
        if self.recovering.is_some_and(|until| self.acknowledged >= until) {
            self.recovering = None;
        }
        let is_missing = self.received.len() >= 3;
        if is_missing && self.recovering.is_none() {
            self.threshold = (self.window / 2.0).max(2.0);
            self.window = self.threshold;
            self.recovering = Some(self.next);
            let newest = self.received.last().copied().unwrap_or(0);
            self.again = (self.acknowledged..newest)
                .filter(|number| !self.received.contains(number))
                .collect();
        } else if self.recovering.is_none() {
            self.window += if self.window < self.threshold {
                1.0
            } else {
                1.0 / self.window
            };
        }
    }
}
