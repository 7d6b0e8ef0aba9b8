//! The load: clients who send at a pace, and a peer who sends everything back. One thread, which does nothing else.

use super::client;
use super::pace::{Pace, Shape};
use super::servers::{Relay, SECRET, Way};
use super::tally::Tally;
use super::wire::{Wire, udp_socket};
use crate::measure::cost::CpuMeter;
use anyhow::{Context as _, Result};
use parley_server::turn::TurnSecret;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};
use tokio_rustls::rustls::pki_types::CertificateDer;

/// Clients at once, each with a relay of its own.
const CLIENTS: usize = 16;
/// The peer's address: a relay's own is no peer that servers let one reach.
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// How long what is under way may take to arrive after the last packet was sent.
const DRAIN: Duration = Duration::from_millis(500);
/// Datagrams that the peer sends back before clients have their turn.
const ECHOES_MAX: usize = 64;
/// How long there is nothing to do before the next look: far below the time between packets.
const NAP: Duration = Duration::from_micros(30);
/// Room for what one read of a stream gives.
const BUFFER_BYTES: usize = 64 * 1024;

/// Clients of one relay, and their peer.
pub(super) struct Load {
    clients: Vec<Wire>,
    goodbyes: Vec<Vec<u8>>,
    peer: UdpSocket,
}

impl Load {
    /// Makes the clients, who each get a relay and a channel.
    ///
    /// # Errors
    /// When a server refuses one.
    pub(super) fn open(relay: &Relay, way: Way, authority: &CertificateDer<'static>) -> Result<Self> {
        let peer = udp_socket(PEER)?;
        peer.set_nonblocking(true)?;
        let at = peer.local_addr()?;
        let secret = TurnSecret::new(SECRET.as_bytes());
        let mut load = Self {
            clients: Vec::with_capacity(CLIENTS),
            goodbyes: Vec::with_capacity(CLIENTS),
            peer,
        };
        for number in 0..CLIENTS {
            let server = relay.address(way);
            let mut wire = match way {
                Way::Udp => Wire::udp(CLIENT, server),
                Way::Tcp => Wire::stream(server, None),
                Way::Tls => Wire::stream(server, Some(authority)),
            }
            .with_context(|| format!("{} is not reached at {server}", relay.who()))?;
            let goodbye = client::open(&mut wire, &secret, &format!("load-{number}"), at)
                .with_context(|| format!("{} gives client {number} no relay", relay.who()))?;
            wire.hurry()?;
            load.clients.push(wire);
            load.goodbyes.push(goodbye);
        }
        Ok(load)
    }

    /// Offers packets for so long, and counts what `server` (a process) makes of them.
    ///
    /// # Errors
    /// When a client loses its server.
    pub(super) fn run(&mut self, shape: Shape, time: Duration, server: u32) -> Result<Tally> {
        let packet = client::on_channel(shape.bytes);
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut pace = Pace::new(shape);
        let mut tally = Tally::default();
        let meter = CpuMeter::start(server, &[]);
        let (mut turn, mut looks) = (0, 0_usize);
        let begin = Instant::now();
        loop {
            let elapsed = begin.elapsed();
            if elapsed >= time + DRAIN {
                break;
            }
            let due = if elapsed < time { pace.due(elapsed) } else { 0 };
            for _ in 0..due {
                turn = (turn + 1) % self.clients.len();
                for _ in 0..shape.burst {
                    match self.clients[turn].send(&packet) {
                        true => tally.sent += 1,
                        false => tally.held_back += 1,
                    }
                }
            }
            let echoed = self.echo(&mut buffer, &mut tally);
            // Looking costs a system call for each client; what they got waits in their sockets meanwhile.
            looks += 1;
            let mut came = 0;
            if looks.is_multiple_of(8) || echoed == 0 {
                for client in &mut self.clients {
                    came += client.count(&mut buffer)?;
                }
                tally.back += came;
            }
            if due == 0 && echoed == 0 && came == 0 {
                std::thread::sleep(NAP);
            }
        }
        tally.cpu_s = meter.spent_s();
        Ok(tally)
    }

    /// The peer's part.
    fn echo(&self, buffer: &mut [u8], tally: &mut Tally) -> usize {
        for echoed in 0..ECHOES_MAX {
            let Ok((length, from)) = self.peer.recv_from(buffer) else {
                return echoed;
            };
            tally.at_peer += 1;
            let datagram = buffer.get(..length).unwrap_or_default();
            if self.peer.send_to(datagram, from).is_ok() {
                tally.returned += 1;
            }
        }
        ECHOES_MAX
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for (client, goodbye) in self.clients.iter_mut().zip(&self.goodbyes) {
            // A relay that nobody ends is gone after some minutes.
            client.send(goodbye);
        }
    }
}
