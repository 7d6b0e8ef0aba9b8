//! The servers that a participant is told of, with credentials made for this one and this moment.

use crate::time::Moment;
use crate::turn::{self, TurnSecret};
use parley_proto::{IceCredentials, IceServer};
use std::time::Duration;

/// Relays, and what credentials for them are made with.
#[derive(Debug, Clone)]
pub struct Relays {
    /// Where they are; without credentials.
    pub servers: Vec<IceServer>,
    /// What this server and the relays have in common.
    pub secret: TurnSecret,
    /// How long a new relay can be had with what was given.
    pub lifetime: Duration,
}

/// All ways out of a network that this server knows.
#[derive(Debug)]
pub(super) struct Ways {
    pub(super) open_to_all: Vec<IceServer>,
    pub(super) relays: Option<Relays>,
}

impl Ways {
    /// For `user`: one name for one person, since the relays count by it.
    pub(super) fn for_user(&self, now: Moment, user: &str) -> Vec<IceServer> {
        let mut servers = self.open_to_all.clone();
        if let Some(relays) = &self.relays {
            let minted = relays.secret.mint(
                turn::Moment::from_unix_ms(now.unix_s() * 1000),
                relays.lifetime,
                user,
            );
            let credentials = IceCredentials {
                username: minted.username,
                credential: minted.password,
                expires_in_s: relays.lifetime.as_secs(),
            };
            servers.extend(relays.servers.iter().cloned().map(|server| IceServer {
                credentials: Some(credentials.clone()),
                ..server
            }));
        }
        servers
    }
}
