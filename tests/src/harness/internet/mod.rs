//! An internet of network namespaces: each reaches the others through a NAT or a firewall of its own, or through none, all in
//! userspace (no `iptables`, no kernel module). `packet` reads and rewrites, `nat` translates, `access` says what kinds of
//! network there are, `network` passes between them; all of those are sans-IO. `wire` drives one TUN device a network.
//!
//! Addresses are those for documentation (RFC 5737), which a server takes for public ones, and private ones behind NATs.

mod access;
mod nat;
mod network;
mod packet;
mod wire;

pub use access::Access;
pub use nat::{Behaviour, Dependence, Nat, NatCounters};
pub use network::{Network, Refused};
pub use packet::{Carried, Flow, Packet};

use super::cable::{CableSpec, Direction};
use super::namespaces::Namespace;
use super::system;
use anyhow::{Context as _, Result};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;
use wire::Plugged;

/// The last byte of the address that routes lead to; nobody has it, and a TUN device does not ask.
const ROUTER: u8 = 254;

/// An interface to be plugged into the internet.
#[derive(Debug, Clone, Copy)]
pub struct Plug<'a> {
    /// The computer that gets it.
    pub namespace: &'a Namespace,
    /// What it is called there.
    pub interface: &'a str,
    /// What stands behind it.
    pub access: Access,
    /// How others see it; without a NAT its own address.
    pub outer: Ipv4Addr,
    /// Its own address behind a NAT.
    pub inner: Ipv4Addr,
}

impl Plug<'_> {
    /// The address of the interface itself.
    #[must_use]
    pub const fn address(&self) -> Ipv4Addr {
        match self.access {
            Access::Open => self.outer,
            _ => self.inner,
        }
    }

    /// The same with the length of its subnet.
    fn address_in_subnet(&self) -> String {
        format!("{}/24", self.address())
    }

    /// Pulls it out: the interface is down and has no address any more.
    ///
    /// # Errors
    /// When it was never plugged in.
    pub fn pull(&self) -> Result<()> {
        self.namespace.take_down(self.interface)
    }

    /// Plugs it in again after it was pulled, as the way out.
    ///
    /// # Errors
    /// When it was never plugged in, or is not pulled.
    pub fn push(&self) -> Result<()> {
        self.namespace
            .bring_up(self.interface, &self.address_in_subnet())?;
        self.be_the_way_out()
    }

    /// What has this interface's address goes out by it from now on, even when another one is the way out. For one of a computer.
    ///
    /// # Errors
    /// When it is not plugged in, or down.
    pub fn keep_its_way(&self) -> Result<()> {
        let [address, router] = [self.address(), self.router()].map(|ip| ip.to_string());
        self.namespace.route_by_source(&address, &router, self.interface)
    }

    /// Where routes lead to.
    const fn router(&self) -> Ipv4Addr {
        let [a, b, c, _] = self.address().octets();
        Ipv4Addr::new(a, b, c, ROUTER)
    }

    /// Sends everything of its computer out by this interface from now on.
    ///
    /// # Errors
    /// When it is not plugged in, or down.
    pub fn be_the_way_out(&self) -> Result<()> {
        self.namespace.route_everything_to(&self.router().to_string())
    }
}

/// A running internet. Gone when dropped.
#[derive(Debug)]
pub struct Internet {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Refused>>>,
}

impl Internet {
    /// Plugs everybody in, the later interface of a computer as its way out. What goes to any of them travels as `line` says.
    ///
    /// # Errors
    /// When not root, or without `/dev/net/tun`.
    pub fn connect(plugs: &[Plug<'_>], line: &CableSpec) -> Result<Self> {
        let mut network = Network::default();
        let mut plugged = Vec::new();
        for (plug, seed) in plugs.iter().zip(1..) {
            network.add(plug.access, plug.outer);
            let address = plug.address_in_subnet();
            let device = plug
                .namespace
                .inside(|| system::open_tun(plug.interface, &address))
                .with_context(|| format!("cannot plug in {}", plug.namespace.name()))?;
            plug.be_the_way_out()?;
            let line = Direction::new(line.clone(), seed, Instant::now());
            plugged.push(Plugged { device, line });
        }
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let thread = std::thread::Builder::new()
            .name("internet".to_owned())
            .spawn(move || wire::run(network, plugged, &told))?;
        Ok(Self {
            over,
            thread: Some(thread),
        })
    }

    /// Ends it; tells what did not pass.
    ///
    /// # Errors
    /// When it had broken before.
    pub fn end(mut self) -> Result<Refused> {
        self.stop().context("it ended before")?
    }

    fn stop(&mut self) -> Option<Result<Refused>> {
        self.over.store(true, Ordering::Relaxed);
        let thread = self.thread.take()?;
        let ended = thread.join();
        Some(ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }
}

impl Drop for Internet {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::time::Duration;

    /// What a computer at `outer` is called, plugged in.
    fn plug(namespace: &Namespace, access: Access, last: u8) -> Plug<'_> {
        Plug {
            namespace,
            interface: "net0",
            access,
            outer: Ipv4Addr::new(198, 51, 100, last),
            inner: Ipv4Addr::new(192, 168, 1, last),
        }
    }

    #[test]
    fn the_kernels_datagrams_and_streams_pass_translated() {
        let (home, host) = (
            Namespace::create("inet-a").unwrap(),
            Namespace::create("inet-b").unwrap(),
        );
        let plugs = [
            plug(&home, Access::PortRestricted, 7),
            plug(&host, Access::Open, 1),
        ];
        let internet = Internet::connect(&plugs, &"delay=5".parse().unwrap()).unwrap();
        let there = host.inside(|| Ok(UdpSocket::bind("198.51.100.1:4000")?)).unwrap();
        let here = home.inside(|| Ok(UdpSocket::bind("192.168.1.7:4000")?)).unwrap();
        for socket in [&here, &there] {
            socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        }

        there.send_to(b"unasked", "198.51.100.7:4000").unwrap();
        let mut bytes = [0; 16];
        assert!(here.recv(&mut bytes).is_err());
        here.send_to(b"hello", "198.51.100.1:4000").unwrap();
        let (length, from) = there.recv_from(&mut bytes).unwrap();
        assert_eq!(&bytes[..length], b"hello");
        assert_eq!(from.ip().to_string(), "198.51.100.7");
        there.send_to(b"answer", from).unwrap();
        let (length, from) = here.recv_from(&mut bytes).unwrap();
        assert_eq!(
            (&bytes[..length], from.to_string().as_str()),
            (&b"answer"[..], "198.51.100.1:4000")
        );

        // More than a packet, so that the kernel's own segments and checksums are translated too.
        let listener = host
            .inside(|| Ok(TcpListener::bind("198.51.100.1:443")?))
            .unwrap();
        let mut client = home
            .inside(|| Ok(TcpStream::connect("198.51.100.1:443")?))
            .unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(&[7; 20_000]).unwrap();
        let mut came = vec![0; 20_000];
        server.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        server.read_exact(&mut came).unwrap();
        assert!(came.iter().all(|byte| *byte == 7));

        let refused = internet.end().unwrap();
        assert_eq!(refused.by_nats.unsolicited, 1, "{refused:?}");
    }
}
