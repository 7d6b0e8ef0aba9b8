//! Tickets and resume tokens: JWTs (RFC 7519, HS256) that carry the server's memory. Times come in as arguments.

use crate::access::{InvitationId, KeyId};
use crate::key::ServerKey;
use crate::time::Moment;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use parley_proto::limits::{RESUME_LIFETIME_S, TICKET_LIFETIME_S, TOKEN_BYTES_MAX};
use parley_proto::{ErrorCode, Participant, ParticipantId, Role, RoomId};
use serde::{Deserialize, Serialize};

const TICKET_AUDIENCE: &str = "parley/ticket";
const RESUME_AUDIENCE: &str = "parley/resume";
/// By so much the clock of an operator's backend may be ahead of ours.
const CLOCK_SKEW_S: u64 = 5;

/// The right to join a room once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ticket {
    aud: String,
    /// When it runs out, in seconds of the UNIX epoch.
    pub(crate) exp: u64,
    /// What makes it good for one join only.
    pub(crate) jti: String,
    pub(crate) room: RoomId,
    pub(crate) role: Role,
    /// The invitation it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) invitation: Option<InvitationId>,
    /// The operator's key that vouched for it, also once it was exchanged for one of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<KeyId>,
    /// Whoever used it could not simply ask for another: that it was used must outlive a restart.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) once: bool,
}

impl Ticket {
    /// One that a server makes itself; `nonce` must be random.
    pub(crate) fn new(now: Moment, room: RoomId, role: Role, nonce: [u8; 16]) -> Self {
        Self {
            aud: TICKET_AUDIENCE.to_owned(),
            exp: now.unix_s() + TICKET_LIFETIME_S,
            jti: URL_SAFE_NO_PAD.encode(nonce),
            room,
            role,
            invitation: None,
            key: None,
            once: false,
        }
    }
}

/// The claims of a ticket from an operator's own backend.
#[derive(Debug, Deserialize)]
struct ForeignTicket {
    exp: u64,
    jti: String,
    room: RoomId,
    #[serde(default = "guest")]
    role: Role,
}

const fn guest() -> Role {
    Role::Guest
}

/// The longest `jti` that is taken, in bytes.
const JTI_BYTES_MAX: usize = 128;

/// Reads a ticket that somebody else signed with the key of this name. `algorithm` is what that is for: what the token says of it is
/// not believed.
pub(crate) fn read_foreign_ticket(
    now: Moment,
    token: &str,
    id: KeyId,
    algorithm: Algorithm,
    key: &DecodingKey,
) -> Result<Ticket, ErrorCode> {
    let ticket: ForeignTicket =
        decode(token, key, algorithm, TICKET_AUDIENCE).ok_or(ErrorCode::TicketInvalid)?;
    let too_long = ticket.exp > now.unix_s() + TICKET_LIFETIME_S + CLOCK_SKEW_S;
    if too_long || ticket.jti.is_empty() || ticket.jti.len() > JTI_BYTES_MAX {
        return Err(ErrorCode::TicketInvalid);
    }
    if ticket.exp < now.unix_s() {
        return Err(ErrorCode::TicketExpired);
    }
    Ok(Ticket {
        aud: TICKET_AUDIENCE.to_owned(),
        exp: ticket.exp,
        // Never the same as one of ours, nor as one of another backend.
        jti: format!("foreign {id} {}", ticket.jti),
        room: ticket.room,
        role: ticket.role,
        invitation: None,
        key: Some(id),
        once: true,
    })
}

/// The right to come back as the same participant, with all a restarted server needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Resume {
    aud: String,
    pub(crate) exp: u64,
    /// Which life of the server made it.
    pub(crate) run: u64,
    pub(crate) room: RoomId,
    #[serde(rename = "sub")]
    pub(crate) id: ParticipantId,
    pub(crate) role: Role,
    pub(crate) order: u32,
    /// Host only because nobody else was there: good for this call, and for no later one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) lent: bool,
    /// Only listens in this call.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) listens: bool,
    /// Who else was in the room when the token was made.
    pub(crate) others: Vec<Participant>,
}

impl Resume {
    /// The same where nobody can be a listener any more.
    #[must_use]
    pub(crate) fn without_listeners(mut self) -> Self {
        self.listens = false;
        for other in &mut self.others {
            other.listens = false;
        }
        self
    }
}

/// Makes and reads both kinds.
pub(crate) struct Tokens {
    encode: EncodingKey,
    decode: DecodingKey,
}

impl Tokens {
    pub(crate) fn new(key: &ServerKey) -> Self {
        let secret = key.derive("tokens");
        Self {
            encode: EncodingKey::from_secret(&secret),
            decode: DecodingKey::from_secret(&secret),
        }
    }

    /// A ticket as text.
    pub(crate) fn ticket(&self, ticket: &Ticket) -> Option<String> {
        self.encode(ticket)
    }

    /// Reads a ticket. Whether it was used before is not known here.
    pub(crate) fn read_ticket(&self, now: Moment, token: &str) -> Result<Ticket, ErrorCode> {
        let ticket: Ticket = self
            .read(token, TICKET_AUDIENCE)
            .ok_or(ErrorCode::TicketInvalid)?;
        if ticket.exp < now.unix_s() {
            return Err(ErrorCode::TicketExpired);
        }
        Ok(ticket)
    }

    /// A resume token for `me`, naming the `others`.
    pub(crate) fn resume(
        &self,
        now: Moment,
        run: u64,
        room: RoomId,
        me: &Participant,
        lent: bool,
        others: Vec<Participant>,
    ) -> Option<String> {
        self.encode(&Resume {
            aud: RESUME_AUDIENCE.to_owned(),
            exp: now.unix_s() + RESUME_LIFETIME_S,
            run,
            room,
            id: me.id,
            role: me.role,
            order: me.order,
            lent,
            listens: me.listens,
            others,
        })
    }

    /// Reads a resume token.
    pub(crate) fn read_resume(&self, now: Moment, token: &str) -> Result<Resume, ErrorCode> {
        self.read::<Resume>(token, RESUME_AUDIENCE)
            .filter(|resume| resume.exp >= now.unix_s())
            .ok_or(ErrorCode::ResumeInvalid)
    }

    /// `None` would mean that plain claims do not fit JSON; callers answer `Unavailable` rather than trust that.
    fn encode<T: Serialize>(&self, claims: &T) -> Option<String> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.encode).ok()
    }

    fn read<T: for<'a> Deserialize<'a>>(&self, token: &str, audience: &str) -> Option<T> {
        decode(token, &self.decode, Algorithm::HS256, audience)
    }
}

fn decode<T: for<'a> Deserialize<'a>>(
    token: &str,
    key: &DecodingKey,
    algorithm: Algorithm,
    audience: &str,
) -> Option<T> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let mut validation = Validation::new(algorithm);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "aud"]);
    // The library would read the clock itself; callers compare `exp` with the time they were given.
    validation.validate_exp = false;
    jsonwebtoken::decode(token, key, &validation)
        .ok()
        .map(|data| data.claims)
}

/// Random bytes as they stand in links and tokens.
pub(crate) fn text_of(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_proto::id::ROOM_ID_BYTES;

    const NOW: Moment = Moment::from_unix_ms(1_800_000_000_000);

    fn room() -> RoomId {
        RoomId::from_bytes([5; ROOM_ID_BYTES])
    }

    fn me() -> Participant {
        Participant {
            id: ParticipantId::from_bytes([1; 16]),
            name: "Ada".to_owned(),
            role: Role::Host,
            order: 3,
            away: false,
            listens: false,
        }
    }

    #[test]
    fn a_ticket_is_good_for_ten_minutes_and_for_its_server() {
        let tokens = Tokens::new(&ServerKey::from_bytes([1; 32]));
        let ticket = tokens
            .ticket(&Ticket::new(NOW, room(), Role::Guest, [9; 16]))
            .unwrap();
        let later = |s| NOW + std::time::Duration::from_secs(s);
        assert_eq!(tokens.read_ticket(NOW, &ticket).unwrap().room, room());
        assert!(tokens.read_ticket(later(TICKET_LIFETIME_S), &ticket).is_ok());
        assert_eq!(
            tokens.read_ticket(later(TICKET_LIFETIME_S + 1), &ticket),
            Err(ErrorCode::TicketExpired)
        );
        let elsewhere = Tokens::new(&ServerKey::from_bytes([2; 32]));
        assert_eq!(elsewhere.read_ticket(NOW, &ticket), Err(ErrorCode::TicketInvalid));
    }

    #[test]
    fn one_kind_of_token_is_not_taken_for_the_other() {
        let tokens = Tokens::new(&ServerKey::from_bytes([1; 32]));
        let ticket = tokens
            .ticket(&Ticket::new(NOW, room(), Role::Guest, [9; 16]))
            .unwrap();
        let resume = tokens
            .resume(NOW, u64::MAX, room(), &me(), true, vec![me()])
            .unwrap();
        assert_eq!(tokens.read_resume(NOW, &ticket), Err(ErrorCode::ResumeInvalid));
        assert_eq!(tokens.read_ticket(NOW, &resume), Err(ErrorCode::TicketInvalid));
        assert_eq!(tokens.read_resume(NOW, &resume).unwrap().order, 3);
    }

    #[test]
    fn a_resume_token_fits_its_limit_with_the_longest_names() {
        let tokens = Tokens::new(&ServerKey::from_bytes([1; 32]));
        let mut other = me();
        other.name = "\u{10ffff}".repeat(parley_proto::limits::NAME_CHARS_MAX);
        let resume = tokens
            .resume(NOW, u64::MAX, room(), &me(), true, vec![other])
            .unwrap();
        assert!(resume.len() <= TOKEN_BYTES_MAX, "{}", resume.len());
    }

    #[test]
    fn garbage_and_the_none_algorithm_are_refused() {
        let tokens = Tokens::new(&ServerKey::from_bytes([1; 32]));
        let claims = URL_SAFE_NO_PAD.encode(
            serde_json::json!({"aud": TICKET_AUDIENCE, "exp": 9_999_999_999u64, "jti": "x", "room": room(), "role": "host"})
                .to_string(),
        );
        let unsigned = format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
        for token in ["", ".", "..", "a.b.c", &unsigned, &"A".repeat(100_000)] {
            assert_eq!(
                tokens.read_ticket(NOW, token),
                Err(ErrorCode::TicketInvalid),
                "{token:.40}"
            );
        }
    }
}
