//! The driver of the internet: a TUN device in each network namespace, one thread, one `poll`.

use super::network::{Network, Refused};
use crate::harness::cable::Direction;
use crate::harness::system;
use anyhow::{Context as _, Result};
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Packets taken from one device before the others get a turn.
const BATCH: usize = 64;
/// How long nothing may happen before it is looked whether all is over.
const NAP_MAX: Duration = Duration::from_millis(50);

/// A device, and the line from the internet to it.
#[derive(Debug)]
pub(super) struct Plugged {
    pub(super) device: File,
    pub(super) line: Direction,
}

/// Passes packets until `over`. The devices stand in the order of the network's numbers.
pub(super) fn run(mut network: Network, mut plugs: Vec<Plugged>, over: &AtomicBool) -> Result<Refused> {
    system::be_punctual();
    let mut buffer = vec![0; 65_536];
    while !over.load(Ordering::Relaxed) {
        let wake = pass_on(&mut plugs, Instant::now());
        let wait = wake.saturating_duration_since(Instant::now());
        let readable = {
            let devices: Vec<&File> = plugs.iter().map(|plug| &plug.device).collect();
            system::wait_readable(&devices, wait)?
        };
        for (number, readable) in readable.into_iter().enumerate() {
            if readable {
                take_in(number, &mut network, &mut plugs, &mut buffer)?;
            }
        }
    }
    Ok(network.refused())
}

/// Delivers what is due; tells when to look again.
fn pass_on(plugs: &mut [Plugged], now: Instant) -> Instant {
    let mut wake = now + NAP_MAX;
    for plug in plugs {
        while let Some(packet) = plug.line.deliver(now) {
            // A device that is down, or takes no packet right now, is a network that lost one.
            let _ = plug.device.write(&packet);
        }
        wake = plug.line.next_event().map_or(wake, |event| event.min(wake));
    }
    wake
}

fn take_in(number: usize, network: &mut Network, plugs: &mut [Plugged], buffer: &mut [u8]) -> Result<()> {
    for _ in 0..BATCH {
        match plugs[number].device.read(buffer) {
            Ok(length) => {
                let now = Instant::now();
                if let Some((into, packet)) = network.pass(now, number, buffer[..length].to_vec()) {
                    plugs[into].line.arrive(now, packet);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error).context("a device of the internet broke"),
        }
    }
    Ok(())
}
