//! The sockets of a server, bound before anything else happens, so that it starts wholly or not at all.

use super::{StartServerError, place};
use crate::config::ServerConfig;
use crate::net::{bind_udp, canonical, is_taken, listen_tcp};
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Each listener with the address that it really has.
pub(super) struct Bound {
    pub(super) plain: Vec<(SocketAddr, TcpListener)>,
    pub(super) tls: Vec<(SocketAddr, TcpListener)>,
    pub(super) redirect: Option<(SocketAddr, TcpListener)>,
    /// Not bound yet: relays have threads of their own for these.
    pub(super) udp: Vec<SocketAddr>,
}

impl Bound {
    pub(super) fn new(config: &ServerConfig) -> Result<Self, StartServerError> {
        let listen = |address: &SocketAddr| {
            let taken = StartServerError::Taken { address: *address };
            listen_tcp(*address)
                .and_then(|listener| Ok((canonical(listener.local_addr()?), listener)))
                .map_err(|source| refused(source, *address, taken))
        };
        let tls = config.tls.iter().flat_map(|tls| &tls.listen);
        let plain: Vec<_> = config.listen.iter().map(listen).collect::<Result<_, _>>()?;
        let tls: Vec<_> = tls.map(listen).collect::<Result<_, _>>()?;
        if plain.is_empty() && tls.is_empty() {
            return Err(StartServerError::NoAddress);
        }
        let redirect = config.redirect.as_ref().and_then(|address| {
            listen(address)
                .inspect_err(|error| {
                    tracing::warn!("{error} Browsers that ask without https are not sent there.");
                })
                .ok()
        });
        let mut udp: Vec<SocketAddr> = config.stun.into_iter().collect();
        for address in &config.stun_more {
            match bind_udp(*address) {
                Ok(_free) => udp.push(*address),
                Err(error) => tracing::warn!(
                    "UDP {} cannot be used ({error}): networks that let only that port through are not helped.",
                    place(address)
                ),
            }
        }
        Ok(Self {
            plain,
            tls,
            redirect,
            udp,
        })
    }
}

pub(super) fn addresses(listeners: &[(SocketAddr, TcpListener)]) -> Vec<SocketAddr> {
    listeners.iter().map(|(address, _)| *address).collect()
}

/// Somebody else has it, or it cannot be had at all.
pub(super) fn refused(source: io::Error, address: SocketAddr, taken: StartServerError) -> StartServerError {
    if is_taken(&source) {
        taken
    } else {
        StartServerError::Listen { address, source }
    }
}
