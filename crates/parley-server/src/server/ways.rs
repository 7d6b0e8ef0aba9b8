//! What helps through NATs: relays of this server, which answer STUN too, relays of somebody else, or STUN alone; and what
//! clients are told of them.

use super::StartServerError;
use super::bound::refused;
use crate::config::ServerConfig;
use crate::front::CertificateSource;
use crate::net::{bind_udp, canonical};
use crate::relays::CREDENTIALS_LIFETIME;
use crate::rooms::Relays;
use crate::turn::{BoundTurn, StartTurnError};
use parley_proto::{IceServer, IceServerKind, IceTransport};
use std::net::SocketAddr;
use tokio::net::UdpSocket;

/// At most one of both, bound; nobody is heard yet.
pub(super) struct Ways {
    pub(super) turn: Option<BoundTurn>,
    pub(super) stun: Option<UdpSocket>,
}

impl Ways {
    /// Also where it is reached.
    pub(super) fn open(
        config: &ServerConfig,
        udp: &[SocketAddr],
        sfu: Vec<SocketAddr>,
    ) -> Result<(Self, Vec<SocketAddr>), StartServerError> {
        if let Some(relay) = &config.relay {
            let turn = relay.bind(&config.key, udp.to_vec(), sfu).map_err(turn_refused)?;
            let addresses = turn.udp().iter().copied().map(canonical).collect();
            let turn = Some(turn);
            return Ok((Self { turn, stun: None }, addresses));
        }
        let Some(address) = udp.first().copied() else {
            return Ok((
                Self {
                    turn: None,
                    stun: None,
                },
                Vec::new(),
            ));
        };
        let (bound, socket) = bind_udp(address)
            .and_then(|socket| Ok((canonical(socket.local_addr()?), socket)))
            .map_err(|source| refused(source, address, StartServerError::StunTaken { address }))?;
        let stun = Some(socket);
        Ok((Self { turn: None, stun }, vec![bound]))
    }

    /// What clients are told of relays. Those on loopback addresses are for clients on this machine: who came in through a
    /// proxy would look for them in vain.
    pub(super) fn relays(
        &self,
        config: &ServerConfig,
        udp: &[SocketAddr],
        plain: &[SocketAddr],
        tls: &[SocketAddr],
    ) -> Option<Relays> {
        let (Some(_), Some(relay)) = (&self.turn, &config.relay) else {
            return config.relays_elsewhere.clone();
        };
        let told = |address: &SocketAddr, transport| IceServer {
            transport: Some(transport),
            ..IceServer::new(IceServerKind::Turn, config.domain.clone(), address.port())
        };
        let all_loopback = udp.iter().chain(tls).all(|address| address.ip().is_loopback());
        let reached = |address: &&SocketAddr| all_loopback || !address.ip().is_loopback();
        let by_udp = udp.iter().map(|address| told(address, IceTransport::Udp));
        // Plain TCP is understood at the ports of TLS too.
        let by_tcp = plain
            .iter()
            .chain(tls)
            .filter(reached)
            .take(1)
            .map(|address| told(address, IceTransport::Tcp));
        // Of a certificate that the server made itself no client is convinced.
        let believed = config.domain.is_some()
            || config
                .tls
                .as_ref()
                .is_some_and(|tls| !matches!(tls.certificate, CertificateSource::Own { .. }));
        let by_tls = tls
            .iter()
            .filter(|_| believed)
            .take(1)
            .map(|address| told(address, IceTransport::Tls));
        Some(Relays {
            servers: by_udp.chain(by_tcp).chain(by_tls).collect(),
            secret: relay.secret(&config.key),
            lifetime: CREDENTIALS_LIFETIME,
        })
    }
}

/// STUN over UDP; every relay answers it too.
pub(super) fn stun_servers(config: &ServerConfig, udp: &[SocketAddr]) -> Vec<IceServer> {
    // A second port helps where the first is closed, and there it is TURN that is wanted.
    udp.iter()
        .take(1)
        .map(|address| IceServer::new(IceServerKind::Stun, config.domain.clone(), address.port()))
        .collect()
}

fn turn_refused(error: StartTurnError) -> StartServerError {
    match error {
        StartTurnError::Listen { address, source } => {
            refused(source, address, StartServerError::StunTaken { address })
        }
        error => StartServerError::Turn(error),
    }
}
