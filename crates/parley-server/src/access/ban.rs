//! Who is kept out, and from where.

use crate::turn::source_prefix;
use parley_proto::{ParticipantId, RoomId};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Where somebody comes from: an IPv4 address or an IPv6 /56, what one household gets. None for one's own machine: behind a reverse
/// proxy everybody comes from there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source(IpAddr);

impl Source {
    /// Of an address.
    #[must_use]
    pub fn of(ip: IpAddr) -> Option<Self> {
        // Of `::1` nothing but zeros is left, which is unspecified.
        let source = source_prefix(ip);
        (!source.is_loopback() && !source.is_unspecified()).then_some(Self(source))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(ip) => write!(f, "{ip}"),
            IpAddr::V6(ip) => write!(f, "{ip}/56"),
        }
    }
}

// Addresses are of people: a log gets none.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source(…)")
    }
}

impl FromStr for Source {
    type Err = std::net::AddrParseError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ip: IpAddr = text.strip_suffix("/56").unwrap_or(text).parse()?;
        // An address that never bans anybody is as good as none.
        Self::of(ip).map_or_else(|| "".parse::<IpAddr>().map(Self), Ok)
    }
}

/// Whom a ban is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Banned {
    /// Whoever comes from there, on the whole server.
    Everywhere(Source),
    /// Whoever comes from there, in one room.
    FromRoom(RoomId, Source),
    /// One who was put out: neither resumes.
    Participant(RoomId, ParticipantId),
}

impl fmt::Display for Banned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everywhere(source) => write!(f, "source {source}"),
            Self::FromRoom(room, source) => write!(f, "room {room} {source}"),
            Self::Participant(room, id) => write!(f, "participant {room} {id}"),
        }
    }
}

impl Banned {
    /// What [`fmt::Display`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let found = match (words.next()?, words.next()?, words.next()) {
            ("source", source, None) => Self::Everywhere(source.parse().ok()?),
            ("room", room, Some(source)) => Self::FromRoom(room.parse().ok()?, source.parse().ok()?),
            ("participant", room, Some(id)) => Self::Participant(room.parse().ok()?, id.parse().ok()?),
            _ => return None,
        };
        words.next().is_none().then_some(found)
    }
}
