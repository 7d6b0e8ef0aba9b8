//! What a cable is like, as text: `rate=5m,delay=20,jitter=2,loss=1`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// One direction of a cable. The default is perfect.
#[derive(Debug, Clone, PartialEq)]
pub struct CableSpec {
    /// Bits per second; 0 means without limit (`rate=5m`, `rate=300k`).
    pub rate_bps: f64,
    /// How long a packet travels, in milliseconds (`delay`).
    pub delay_ms: f64,
    /// Standard deviation of the travel time, in milliseconds; packets stay in order (`jitter`).
    pub jitter_ms: f64,
    /// Packets lost at random, in percent (`loss`).
    pub loss_pct: f64,
    /// Chance per packet that a burst of loss begins, in percent (`burst`), and that it ends (`unburst`): the two-state model
    /// of Gilbert (1960).
    pub burst_pct: f64,
    /// See `burst_pct`.
    pub unburst_pct: f64,
    /// Packets lost within a burst, in percent (`bad`). All of them is Gilbert's model; fewer, with `loss` outside of bursts, is
    /// Elliott's (1963).
    pub bad_pct: f64,
    /// How long the queue may become before packets are dropped at its tail, in milliseconds at the rate (`queue`).
    pub queue_ms: f64,
    /// Packets that arrive late, after ones sent later, in percent (`reorder`).
    pub reorder_pct: f64,
    /// How late those are, in milliseconds (`late`).
    pub late_ms: f64,
    /// Packets that arrive twice, in percent (`twice`).
    pub twice_pct: f64,
    /// Nothing passes (`down=1`).
    pub down: bool,
}

impl Default for CableSpec {
    fn default() -> Self {
        Self {
            rate_bps: 0.0,
            delay_ms: 0.0,
            jitter_ms: 0.0,
            loss_pct: 0.0,
            burst_pct: 0.0,
            unburst_pct: 100.0,
            bad_pct: 100.0,
            queue_ms: 200.0,
            reorder_pct: 0.0,
            late_ms: 10.0,
            twice_pct: 0.0,
            down: false,
        }
    }
}

/// Text that says nothing about a cable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` says nothing about a cable; write `rate=5m,delay=20,loss=1`")]
pub struct ParseSpecError(String);

impl CableSpec {
    /// How long `bytes` take onto the wire.
    #[must_use]
    pub fn serialisation(&self, bytes: usize) -> Duration {
        if self.rate_bps > 0.0 {
            Duration::from_secs_f64(bytes as f64 * 8.0 / self.rate_bps)
        } else {
            Duration::ZERO
        }
    }

    /// How much of everything is lost in the long run, in percent.
    #[must_use]
    pub fn lost_pct(&self) -> f64 {
        if self.down {
            return 100.0;
        }
        let in_burst = if self.burst_pct > 0.0 {
            self.burst_pct / (self.burst_pct + self.unburst_pct)
        } else {
            0.0
        };
        in_burst * self.bad_pct + (1.0 - in_burst) * self.loss_pct
    }

    fn set(&mut self, key: &str, value: f64) -> bool {
        let place = match key {
            "rate" => &mut self.rate_bps,
            "delay" => &mut self.delay_ms,
            "jitter" => &mut self.jitter_ms,
            "loss" => &mut self.loss_pct,
            "burst" => &mut self.burst_pct,
            "unburst" => &mut self.unburst_pct,
            "bad" => &mut self.bad_pct,
            "queue" => &mut self.queue_ms,
            "reorder" => &mut self.reorder_pct,
            "late" => &mut self.late_ms,
            "twice" => &mut self.twice_pct,
            "down" => {
                self.down = value != 0.0;
                return true;
            }
            _ => return false,
        };
        *place = value;
        true
    }
}

impl FromStr for CableSpec {
    type Err = ParseSpecError;

    fn from_str(text: &str) -> Result<Self, ParseSpecError> {
        let mut spec = Self::default();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let wrong = || ParseSpecError(pair.to_owned());
            let (key, value) = pair.split_once('=').ok_or_else(wrong)?;
            let (digits, factor) = match value.as_bytes().last() {
                Some(b'k') => (&value[..value.len() - 1], 1e3),
                Some(b'm') => (&value[..value.len() - 1], 1e6),
                _ => (value, 1.0),
            };
            let number: f64 = digits.parse().map_err(|_| wrong())?;
            let sensible = number.is_finite() && number >= 0.0;
            if !sensible || !spec.set(key, number * factor) {
                return Err(wrong());
            }
        }
        Ok(spec)
    }
}

impl fmt::Display for CableSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "rate={},delay={},jitter={},loss={},burst={},unburst={},bad={},queue={},reorder={},late={},twice={},down={}",
            self.rate_bps,
            self.delay_ms,
            self.jitter_ms,
            self.loss_pct,
            self.burst_pct,
            self.unburst_pct,
            self.bad_pct,
            self.queue_ms,
            self.reorder_pct,
            self.late_ms,
            self.twice_pct,
            u8::from(self.down)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cable_is_described_by_a_line() {
        let spec: CableSpec = "rate=5m, delay=20,loss=1.5,down=1".parse().unwrap();
        assert_eq!(
            spec,
            CableSpec {
                rate_bps: 5e6,
                delay_ms: 20.0,
                loss_pct: 1.5,
                down: true,
                ..CableSpec::default()
            }
        );
        assert_eq!(spec.to_string().parse(), Ok(spec));
        assert_eq!("".parse(), Ok(CableSpec::default()));
    }

    #[test]
    fn what_is_lost_in_the_long_run_is_known() {
        for (text, expect) in [
            ("", 0.0),
            ("loss=5", 5.0),
            ("burst=5,unburst=45", 10.0),
            ("burst=10,unburst=10,bad=60,loss=2", 31.0),
            ("loss=5,down=1", 100.0),
        ] {
            let lost_pct = text.parse::<CableSpec>().unwrap().lost_pct();
            assert!((lost_pct - expect).abs() < 1e-9, "{text}: {lost_pct}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "rate",
            "rate=",
            "rate=-1",
            "rate=fast",
            "colour=3",
            "delay=NaN",
            "delay=inf",
        ] {
            assert!(text.parse::<CableSpec>().is_err(), "{text}");
        }
    }
}
