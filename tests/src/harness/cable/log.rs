//! What passed a cable, written down ten times a second: the bytes that came out in each direction, those of UDP (media) apart
//! from the rest (a TCP flow beside it), and how long each queue was. A line a moment:
//!
//! ```text
//! MICROSECONDS  UDP_AB UDP_BA  OTHER_AB OTHER_BA  QUEUE_AB_US QUEUE_BA_US
//! ```
//! Microseconds since the UNIX epoch at the end of that moment; bytes are those of IP packets.

use super::Direction;
use anyhow::{Context as _, Result};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a moment is.
pub const MOMENT: Duration = Duration::from_millis(100);

/// A tenth of a second of a cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// When it ended: microseconds since the UNIX epoch.
    pub end_us: u64,
    /// Bytes of UDP that came out, in each direction.
    pub udp_bytes: [u64; 2],
    /// Bytes of everything else.
    pub other_bytes: [u64; 2],
    /// How long the queues were at its end, in microseconds at the rate.
    pub queue_us: [u64; 2],
}

/// A log being written.
#[derive(Debug)]
pub(super) struct Log {
    file: BufWriter<File>,
    now: Moment,
    due: Option<Instant>,
}

impl Log {
    pub(super) fn begin(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self {
            file: BufWriter::new(file),
            now: Moment::default(),
            due: None,
        })
    }

    /// A packet came out.
    pub(super) fn passed(&mut self, direction: usize, bytes: usize, udp: bool) {
        let count = if udp {
            &mut self.now.udp_bytes
        } else {
            &mut self.now.other_bytes
        };
        count[direction] += bytes as u64;
    }

    /// Writes the moment down if it is over; gives the end of the one that runs.
    pub(super) fn look(&mut self, now: Instant, directions: &[Direction; 2]) -> Result<Instant> {
        let due = *self.due.get_or_insert(now + MOMENT);
        if now < due {
            return Ok(due);
        }
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.now.end_us = u64::try_from(wall.as_micros())?;
        for (place, direction) in self.now.queue_us.iter_mut().zip(directions) {
            *place = u64::try_from(direction.queued().as_micros())?;
        }
        writeln!(self.file, "{}", line(&self.now))?;
        self.now = Moment::default();
        // After a stall the moments go on from there.
        let next = (due + MOMENT).max(now);
        self.due = Some(next);
        Ok(next)
    }

    /// What still waits goes to the disk. The moment that ran is written too.
    pub(super) fn end(mut self) -> Result<()> {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.now.end_us = u64::try_from(wall.as_micros())?;
        writeln!(self.file, "{}", line(&self.now))?;
        Ok(self.file.flush()?)
    }
}

/// Reads a log.
///
/// # Errors
/// When there is none, or a line is not of the kind.
pub fn read(path: &Path) -> Result<Vec<Moment>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    text.lines()
        .map(|line| parse(line).with_context(|| format!("`{line}` is no line of a cable's log")))
        .collect()
}

fn line(moment: &Moment) -> String {
    let [udp, other, queue] = [moment.udp_bytes, moment.other_bytes, moment.queue_us]
        .map(|directions| format!("{} {}", directions[0], directions[1]));
    format!("{} {udp} {other} {queue}", moment.end_us)
}

fn parse(line: &str) -> Option<Moment> {
    let numbers: Vec<u64> = line
        .split_whitespace()
        .map(|word| word.parse().ok())
        .collect::<Option<_>>()?;
    let [end_us, udp_a, udp_b, other_a, other_b, queue_a, queue_b] = numbers[..] else {
        return None;
    };
    Some(Moment {
        end_us,
        udp_bytes: [udp_a, udp_b],
        other_bytes: [other_a, other_b],
        queue_us: [queue_a, queue_b],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let moment = Moment {
            end_us: 1_790_000_000_100_000,
            udp_bytes: [31_250, 40],
            other_bytes: [0, 52],
            queue_us: [180_000, 0],
        };
        assert_eq!(parse(&line(&moment)), Some(moment));
        for nonsense in ["", "1 2 3", "1 2 3 4 5 6 7 8", "1 2 3 4 5 6 x"] {
            assert_eq!(parse(nonsense), None, "{nonsense}");
        }
    }
}
