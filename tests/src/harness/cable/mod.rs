//! A cable between two networks with a rate, a queue, delay, jitter, loss and worse, in userspace: no kernel emulation
//! (`netem`) is needed. `spec` says what the cable is like, `direction` decides (sans-IO), `wire` drives two TUN devices, `log` is what passed;
//! the program `link-cable` runs it in a process of its own, at real-time priority where it may.

mod direction;
pub mod log;
mod packet;
mod spec;
mod wire;

pub use direction::{Counters, Direction};
pub use spec::{CableSpec, ParseSpecError};
pub use wire::{Ends, Plan, run};

use super::namespaces::Namespace;
use super::programs::{Program, our};
use anyhow::{Context as _, Result, ensure};
use std::path::Path;
use std::time::Duration;

/// What not every cable has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extras<'a> {
    /// A file in which what passes is written down ([`log`]).
    pub log: Option<&'a Path>,
    /// The TCP port of a server to whose packets nothing happens but the delay: who looks at media alone has the server
    /// somewhere else.
    pub spared_port: Option<u16>,
}

/// A running cable. Unplugged when dropped.
#[derive(Debug)]
pub struct Cable {
    program: Program,
}

impl Cable {
    /// Connects two namespaces: `a` gets the first address of `subnet` (`10.99.0`), `b` the second, in a /30.
    ///
    /// # Errors
    /// When not root, or without `/dev/net/tun`.
    pub fn connect(a: &Namespace, b: &Namespace, subnet: &str, spec: &CableSpec) -> Result<Self> {
        Self::connect_with(a, b, subnet, [spec, spec], &Extras::default())
    }

    /// The same with directions of their own (from `a` to `b`, and back), and what else there is to it.
    ///
    /// # Errors
    /// As [`Cable::connect`].
    pub fn connect_with(
        a: &Namespace,
        b: &Namespace,
        subnet: &str,
        [forth, back]: [&CableSpec; 2],
        extras: &Extras<'_>,
    ) -> Result<Self> {
        let mut command = our("link-cable")?;
        command
            .args(["--a", &format!("{}:cable0:{subnet}.1/30", a.name())])
            .args(["--b", &format!("{}:cable0:{subnet}.2/30", b.name())])
            .args(["--ab", &forth.to_string()])
            .args(["--ba", &back.to_string()]);
        if let Some(log) = extras.log {
            command.arg("--log").arg(log);
        }
        if let Some(port) = extras.spared_port {
            command.args(["--spare", &port.to_string()]);
        }
        let program = Program::start("link-cable", &mut command)?;
        program
            .wait_for_line(Duration::from_secs(10), |line| line == "up")
            .context("the cable did not come up (it needs root and /dev/net/tun)")?;
        Ok(Self { program })
    }

    /// Changes the cable in both directions, now.
    ///
    /// # Errors
    /// When the cable is gone.
    pub fn change(&self, spec: &CableSpec) -> Result<()> {
        self.program.say(&format!("both {spec}"))
    }

    /// Changes each direction, now: from `a` to `b`, and back.
    ///
    /// # Errors
    /// When the cable is gone.
    pub fn change_each(&self, [forth, back]: [&CableSpec; 2]) -> Result<()> {
        self.program.say(&format!("ab {forth}"))?;
        self.program.say(&format!("ba {back}"))
    }

    /// Unplugs, and tells what passed: from `a` to `b`, and back.
    ///
    /// # Errors
    /// When the cable had died before.
    pub fn unplug(self) -> Result<(Counters, Counters)> {
        self.program.close_input();
        let line = self
            .program
            .wait_for_line(Duration::from_secs(5), |line| line.starts_with('['))?;
        let counters: Vec<Counters> = serde_json::from_str(&line)?;
        ensure!(counters.len() == 2, "the cable reported {line}");
        Ok((counters[0].clone(), counters[1].clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::time::Instant;

    #[test]
    fn a_datagram_takes_the_time_the_cable_says_until_it_is_down() {
        let (a, b) = (
            Namespace::create("cable-a").unwrap(),
            Namespace::create("cable-b").unwrap(),
        );
        let cable = Cable::connect(&a, &b, "10.98.1", &"delay=20".parse().unwrap()).unwrap();
        let bind = |at: &'static str| move || Ok(UdpSocket::bind(at)?);
        let here = a.inside(bind("10.98.1.1:4000")).unwrap();
        let there = b.inside(bind("10.98.1.2:4000")).unwrap();
        there.set_read_timeout(Some(Duration::from_millis(500))).unwrap();

        let mut shortest = Duration::MAX;
        for _ in 0..10 {
            let sent = Instant::now();
            here.send_to(b"hello", "10.98.1.2:4000").unwrap();
            there.recv(&mut [0; 16]).unwrap();
            shortest = shortest.min(sent.elapsed());
        }
        assert!((20..40).contains(&shortest.as_millis()), "{shortest:?}");

        cable.change(&"down=1".parse().unwrap()).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        here.send_to(b"hello", "10.98.1.2:4000").unwrap();
        assert!(there.recv(&mut [0; 16]).is_err());
        let (forth, _) = cable.unplug().unwrap();
        assert!(forth.delivered >= 10 && forth.lost >= 1, "{forth:?}");
    }

    #[test]
    fn directions_are_apart_and_what_passed_is_written_down() {
        let (a, b) = (
            Namespace::create("ways-a").unwrap(),
            Namespace::create("ways-b").unwrap(),
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passed");
        let (slow, quick) = ("delay=60".parse().unwrap(), "delay=5".parse().unwrap());
        let extras = Extras {
            log: Some(&file),
            spared_port: None,
        };
        let cable = Cable::connect_with(&a, &b, "10.98.2", [&slow, &quick], &extras).unwrap();
        let bind = |at: &'static str| move || Ok(UdpSocket::bind(at)?);
        let here = a.inside(bind("10.98.2.1:4000")).unwrap();
        let there = b.inside(bind("10.98.2.2:4000")).unwrap();
        let way = |from: &UdpSocket, to: &UdpSocket, address: &str| {
            to.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let sent = Instant::now();
            from.send_to(&[7; 972], address).unwrap();
            to.recv(&mut [0; 1500]).unwrap();
            sent.elapsed()
        };
        let shortest = |from, to, address| (0..5).map(|_| way(from, to, address)).min().unwrap();
        let forth = shortest(&here, &there, "10.98.2.2:4000");
        let back = shortest(&there, &here, "10.98.2.1:4000");
        assert!((60..90).contains(&forth.as_millis()), "{forth:?}");
        assert!((5..35).contains(&back.as_millis()), "{back:?}");

        cable.change_each([&quick, &slow]).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        let forth = shortest(&here, &there, "10.98.2.2:4000");
        assert!((5..35).contains(&forth.as_millis()), "{forth:?}");
        cable.unplug().unwrap();
        let passed = log::read(&file).unwrap();
        let udp = passed.iter().map(|moment| moment.udp_bytes);
        let sums = udp.fold([0, 0], |sums: [u64; 2], bytes| {
            [sums[0] + bytes[0], sums[1] + bytes[1]]
        });
        assert_eq!(sums, [10_000, 5_000], "with IP and UDP headers: {passed:?}");
    }
}
