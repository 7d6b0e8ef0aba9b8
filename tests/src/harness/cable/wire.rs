//! The driver of a cable: two TUN devices in two network namespaces, one thread, one `poll`.

use super::log::Log;
use super::packet::{is_tcp_of, is_udp};
use super::{CableSpec, Counters, Direction};
use crate::harness::system;
use anyhow::{Context as _, Result, bail};
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Packets taken from one device before the other gets a turn.
const BATCH: usize = 64;

/// Where an end of the cable is plugged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends {
    /// The network namespace.
    pub namespace: String,
    /// The interface to make there.
    pub interface: String,
    /// Its address with the length of the subnet.
    pub address: String,
}

impl Ends {
    /// Reads `NAMESPACE:INTERFACE:ADDRESS/LENGTH`.
    ///
    /// # Errors
    /// When a part is missing.
    pub fn parse(text: &str) -> Result<Self> {
        let mut parts = text.splitn(3, ':').map(str::to_owned);
        let (Some(namespace), Some(interface), Some(address)) = (parts.next(), parts.next(), parts.next())
        else {
            bail!("`{text}` is not NAMESPACE:INTERFACE:ADDRESS/LENGTH");
        };
        Ok(Self {
            namespace,
            interface,
            address,
        })
    }
}

/// A cable that is about to be plugged in.
#[derive(Debug)]
pub struct Plan {
    /// Its two ends.
    pub ends: [Ends; 2],
    /// What each direction is like: from the first end to the second, and back.
    pub specs: [CableSpec; 2],
    /// What its accidents follow from.
    pub seed: u64,
    /// The TCP port of a server to whose packets nothing happens but the delay, for who looks at media alone.
    pub spared_port: Option<u16>,
    /// Where to write down what passes ([`super::log`]).
    pub log: Option<PathBuf>,
}

/// Passes packets until `commands` ends (end of file on standard input, for the program). Calls `ready` once both ends are
/// plugged in. Commands are lines `ab|ba|both SPEC`.
///
/// # Errors
/// When a device or the log cannot be made, or a command makes no sense.
pub fn run(plan: &Plan, commands: &mut File, ready: impl FnOnce()) -> Result<[Counters; 2]> {
    let mut ends = [plug(&plan.ends[0])?, plug(&plan.ends[1])?];
    let mut log = plan.log.as_deref().map(Log::begin).transpose()?;
    system::be_punctual();
    system::set_nonblocking(commands)?;
    let now = Instant::now();
    let mut directions = [
        Direction::new(plan.specs[0].clone(), plan.seed, now),
        Direction::new(plan.specs[1].clone(), plan.seed + 1, now),
    ];
    ready();
    let mut unread = String::new();
    let mut buffer = vec![0; 65_536];
    loop {
        let now = Instant::now();
        let mut wake = pass_on(&mut directions, &mut ends, log.as_mut(), now);
        if let Some(log) = &mut log {
            wake = wake.min(log.look(now, &directions)?);
        }
        let wait = wake.saturating_duration_since(Instant::now());
        let readable = system::wait_readable(&[&ends[0], &ends[1], &*commands], wait)?;
        for side in 0..2 {
            if readable[side] {
                take_in(
                    &mut ends[side],
                    &mut directions[side],
                    plan.spared_port,
                    &mut buffer,
                )?;
            }
        }
        if readable[2] && !obey(commands, &mut unread, &mut directions)? {
            if let Some(log) = log {
                log.end()?;
            }
            return Ok([directions[0].counters(), directions[1].counters()]);
        }
    }
}

fn plug(end: &Ends) -> Result<File> {
    system::inside(&end.namespace, || system::open_tun(&end.interface, &end.address))
        .with_context(|| format!("cannot plug the cable into {}", end.namespace))
}

/// Delivers what is due; tells when to look again.
fn pass_on(
    directions: &mut [Direction; 2],
    ends: &mut [File; 2],
    mut log: Option<&mut Log>,
    now: Instant,
) -> Instant {
    let mut wake = now + Duration::from_millis(200);
    for (index, direction) in directions.iter_mut().enumerate() {
        while let Some(packet) = direction.deliver(now) {
            if let Some(log) = &mut log {
                log.passed(index, packet.len(), is_udp(&packet));
            }
            // A device that takes no packet right now is a network that lost one.
            let _ = ends[1 - index].write(&packet);
        }
        wake = direction.next_event().map_or(wake, |event| event.min(wake));
    }
    wake
}

fn take_in(
    end: &mut File,
    direction: &mut Direction,
    spared_port: Option<u16>,
    buffer: &mut [u8],
) -> Result<()> {
    for _ in 0..BATCH {
        match end.read(buffer) {
            Ok(length) => {
                let (now, packet) = (Instant::now(), buffer[..length].to_vec());
                if spared_port.is_some_and(|port| is_tcp_of(&packet, port)) {
                    direction.pass_by(now, packet);
                } else {
                    direction.arrive(now, packet);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error).context("the cable's end broke"),
        }
    }
    Ok(())
}

/// Carries out the lines that came; false at the end of commands.
fn obey(commands: &mut File, unread: &mut String, directions: &mut [Direction; 2]) -> Result<bool> {
    let mut bytes = [0; 1024];
    match commands.read(&mut bytes) {
        Ok(0) => return Ok(false),
        Ok(length) => unread.push_str(&String::from_utf8_lossy(&bytes[..length])),
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
        Err(error) => return Err(error).context("no more commands"),
    }
    while let Some(end) = unread.find('\n') {
        let line: String = unread.drain(..=end).collect();
        let (which, spec) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let spec: CableSpec = spec.parse()?;
        let affected: &[usize] = match which {
            "ab" => &[0],
            "ba" => &[1],
            "both" => &[0, 1],
            other => bail!("`{other}` is no direction"),
        };
        for index in affected {
            directions[*index].change(spec.clone());
        }
    }
    Ok(true)
}
