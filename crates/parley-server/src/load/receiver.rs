//! What came to one client: how long each packet took, and which are missing.

use super::client::Received;
use std::collections::HashMap;

/// What one section got.
#[derive(Debug, Clone, Copy)]
struct Section {
    first: u64,
    last: u64,
    packets: u64,
}

/// What one client got, from a moment on.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    sections: HashMap<String, Section>,
    /// In microseconds, one for each packet.
    pub(super) delays_us: Vec<u32>,
    pub(super) bytes: u64,
}

impl Receiver {
    /// A packet came, so many microseconds after the run began.
    pub(super) fn take(&mut self, now_us: u64, received: &Received) {
        let section = self.sections.entry(received.mid.clone()).or_insert(Section {
            first: received.seq,
            last: received.seq,
            packets: 0,
        });
        section.first = section.first.min(received.seq);
        section.last = section.last.max(received.seq);
        section.packets += 1;
        self.bytes += received.bytes as u64;
        if let Some(stamp) = received.stamp {
            let delay = now_us.saturating_sub(stamp.sent_us);
            self.delays_us.push(u32::try_from(delay).unwrap_or(u32::MAX));
        }
    }

    /// Packets that came, and those that should have.
    pub(super) fn counts(&self) -> (u64, u64) {
        self.sections.values().fold((0, 0), |(came, due), section| {
            (came + section.packets, due + section.last - section.first + 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Stamp;

    #[test]
    fn what_is_missing_within_a_section_is_counted() {
        let mut receiver = Receiver::default();
        for (mid, seq) in [("1", 5), ("1", 9), ("1", 6), ("2", 70_000), ("2", 70_001)] {
            let one = Received {
                mid: mid.to_owned(),
                number: 1,
                seq,
                time: 0,
                marker: false,
                begins: false,
                stamp: Some(Stamp {
                    sent_us: 100,
                    layer: 0,
                }),
                bytes: 10,
                copies: Vec::new(),
            };
            receiver.take(350, &one);
        }
        assert_eq!(receiver.counts(), (5, 7));
        assert_eq!((receiver.delays_us, receiver.bytes), (vec![250; 5], 50));
    }
}
