//! One invitation: to which room, in which role, until when, how often.

use crate::time::Moment;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parley_proto::{Role, RoomId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The longest an invitation may last.
const LIFETIME_MAX: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// What an invitation is called in the book and in the API: half of its token's hash, so that it lets nobody in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InvitationId([u8; 16]);

impl InvitationId {
    /// The id of the invitation with this token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        let hash = Sha256::new()
            .chain_update(b"parley invitation\0")
            .chain_update(token.as_bytes())
            .finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&hash[..16]);
        Self(id)
    }
}

impl fmt::Display for InvitationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for InvitationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InvitationId({self})")
    }
}

impl FromStr for InvitationId {
    type Err = parley_proto::id::ParseIdError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > 64 {
            return Err(parley_proto::id::ParseIdError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let id = bytes.and_then(|bytes| bytes.try_into().ok());
        id.map(Self).ok_or(parley_proto::id::ParseIdError)
    }
}

impl TryFrom<String> for InvitationId {
    type Error = parley_proto::id::ParseIdError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<InvitationId> for String {
    fn from(id: InvitationId) -> Self {
        id.to_string()
    }
}

/// What an invitation is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// What who comes by it may do.
    pub role: Role,
    /// When it runs out.
    pub until: Moment,
    /// How many may come in by it; `None` for any number.
    pub uses: Option<u32>,
}

impl Terms {
    pub(super) fn is_possible(&self, now: Moment) -> bool {
        !self.until.is_past(now) && self.until.is_past(now + LIFETIME_MAX) && self.uses != Some(0)
    }
}

/// One invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// What it is called.
    pub id: InvitationId,
    /// Where it leads.
    pub room: RoomId,
    /// What it is good for.
    pub terms: Terms,
    /// When it was made.
    pub made: Moment,
    /// How many came in by it.
    pub used: u32,
}

impl Invitation {
    pub(super) fn new(now: Moment, room: RoomId, token: &str, terms: Terms) -> Self {
        Self {
            id: InvitationId::of(token),
            room,
            terms,
            made: now,
            used: 0,
        }
    }

    /// Whether somebody may come in by it now.
    #[must_use]
    pub fn is_good(&self, now: Moment) -> bool {
        !self.is_over(now) && self.terms.uses.is_none_or(|uses| self.used < uses)
    }

    /// Whether its time is over.
    #[must_use]
    pub fn is_over(&self, now: Moment) -> bool {
        self.terms.until.is_past(now)
    }

    /// Counts a use; whether that is worth writing down at once.
    pub(super) fn use_once(&mut self) -> bool {
        self.used = self.used.saturating_add(1);
        self.terms.uses.is_some()
    }
}
