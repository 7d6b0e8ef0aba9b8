//! The messages of the signaling protocol, version 1: JSON text over a WebSocket at `/api/v1/signal`.
//!
//! A client asks for a ticket (which makes a room when it names none), joins with it, and then passes messages to the
//! other participants through the server, which never looks inside them. Unknown fields and unknown message types are
//! ignored by both sides, so that either may be newer. `docs/protocol.md` tells the same for people who write another
//! client.

use crate::{Door, ErrorCode, ParticipantId, RoomId, WaitingPerson};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The path of the WebSocket on the server.
pub const SIGNAL_PATH: &str = "/api/v1/signal";

/// From a client to the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Asks for a ticket to `room`, or for a new room when there is none. First message of a fresh client.
    RequestTicket {
        /// The protocol version of the client.
        version: u16,
        /// The room of the link; absent to make a new room.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomId>,
        /// What the link carries beside its secret: an invitation, or a ticket of an operator's own backend.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        invitation: Option<String>,
    },
    /// Enters the room the ticket is for.
    Join {
        /// The protocol version of the client.
        version: u16,
        /// What [`ServerMessage::Ticket`] gave.
        ticket: String,
        /// The name others see; cut to [`crate::limits::NAME_CHARS_MAX`].
        name: String,
        /// The password of the room, once it was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<String>,
        /// Whether this client can wait in a lobby ([`ServerMessage::Waiting`]). One that cannot is refused there.
        #[serde(default, skip_serializing_if = "is_false")]
        waits: bool,
    },
    /// Comes back after a lost connection (or a restarted server) as the same participant.
    Resume {
        /// The protocol version of the client.
        version: u16,
        /// What [`ServerMessage::Joined`] gave.
        token: String,
        /// The name others see.
        name: String,
    },
    /// Passes `payload` to one participant of the same room. The server does not read it.
    Signal {
        /// Who gets it.
        to: ParticipantId,
        /// A [`PeerMessage`] as JSON.
        payload: Value,
    },
    /// Lets somebody in who waits in the lobby. Hosts only, as everything down to [`ClientMessage::EndForAll`].
    Admit {
        /// Who ([`WaitingPerson::id`]).
        id: ParticipantId,
    },
    /// Sends somebody away who waits in the lobby.
    Refuse {
        /// Who ([`WaitingPerson::id`]).
        id: ParticipantId,
    },
    /// Locks or unlocks the room, or turns its lobby on or off; what is absent stays as it is.
    SetDoor {
        /// Whether nobody new comes in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        locked: Option<bool>,
        /// Whether whoever comes waits until a host lets them in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lobby: Option<bool>,
    },
    /// Asks everybody who comes for this password from now on, or for none.
    SetPassword {
        /// 1 to [`crate::limits::PASSWORD_CHARS_MAX`] characters; absent takes it away.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<String>,
    },
    /// Puts somebody out of the room, and keeps them out for a while.
    Remove {
        /// Who.
        id: ParticipantId,
    },
    /// Asks somebody, or everybody, to mute their microphone. Their client does it and says who asked.
    AskMute {
        /// Who; absent for everybody else.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<ParticipantId>,
    },
    /// Ends the call for everybody.
    EndForAll,
    /// Leaves the room, or the lobby, for good.
    Leave,
    /// Asks for a [`ServerMessage::Pong`] with the same number.
    Ping {
        /// Any number.
        nonce: u32,
    },
    /// A message of a newer client.
    #[serde(other)]
    Unknown,
}

/// From the server to a client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The answer to [`ClientMessage::RequestTicket`].
    Ticket {
        /// The room the ticket is for.
        room: RoomId,
        /// Opaque; good for one join.
        ticket: String,
        /// For how long, in seconds.
        expires_in_s: u64,
        /// The same as in [`ServerMessage::Joined`], so that somebody who still looks at the camera can try the ways.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ice_servers: Vec<IceServer>,
    },
    /// The client is in the room (answer to `join` and `resume`).
    Joined {
        /// The client's own id.
        you: ParticipantId,
        /// The room.
        room: RoomId,
        /// Opaque; lets the client come back with [`ClientMessage::Resume`].
        resume_token: String,
        /// Everyone in the room, the client included.
        participants: Vec<Participant>,
        /// Where to ask for one's own address, and for a relay. Every answer has fresh credentials.
        #[serde(default)]
        ice_servers: Vec<IceServer>,
        /// Whether this is a return with the same id.
        #[serde(default)]
        resumed: bool,
    },
    /// Someone came in.
    ParticipantJoined {
        /// Who.
        participant: Participant,
    },
    /// Someone is gone for good.
    ParticipantLeft {
        /// Who.
        id: ParticipantId,
        /// How.
        reason: LeaveReason,
    },
    /// Someone's connection to the server broke; media may well go on.
    ParticipantAway {
        /// Who.
        id: ParticipantId,
    },
    /// That someone is back, perhaps with a new name. What was sent to them while they were away is lost: send it again.
    ParticipantBack {
        /// Who.
        id: ParticipantId,
    },
    /// A message of another participant.
    Signal {
        /// Who sent it: the server vouches for the connection it came from.
        from: ParticipantId,
        /// A [`PeerMessage`] as JSON.
        payload: Value,
    },
    /// Something was refused.
    Error {
        /// What, for code.
        code: ErrorCode,
        /// What, for people.
        message: String,
        /// Whether the server closes the connection after this.
        #[serde(default)]
        fatal: bool,
    },
    /// A fresh resume token that replaces the last one, sent whenever the people of the room change: a token also names
    /// the others, so that after a restart of the server nobody is told "left" who just has not come back yet.
    ResumeToken {
        /// Opaque, as in [`ServerMessage::Joined`].
        resume_token: String,
    },
    /// The client waits in the lobby until a host lets it in ([`ServerMessage::Joined`]) or does not.
    Waiting,
    /// Who waits in the lobby now, longest first. For hosts, after every change; an empty list means nobody any more.
    AtTheDoor {
        /// Everybody who waits.
        people: Vec<WaitingPerson>,
    },
    /// How the room's door stands; after `joined` where it is not simply open, and after every change.
    Door(Door),
    /// Somebody else is host now, or nobody special any more.
    RoleChanged {
        /// Who.
        id: ParticipantId,
        /// What they are now.
        role: Role,
    },
    /// A host asks this client to mute its microphone.
    MuteAsked {
        /// Who asks.
        by: ParticipantId,
    },
    /// The answer to [`ClientMessage::Ping`].
    Pong {
        /// The number of the ping.
        nonce: u32,
    },
    /// The server goes down; come back with the resume token in a moment.
    GoingAway,
    /// A message of a newer server.
    #[serde(other)]
    Unknown,
}

/// One member of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// The id, stable through reconnects.
    pub id: ParticipantId,
    /// The name to show.
    pub name: String,
    /// Who made the room is its host.
    pub role: Role,
    /// The order of arrival: grows with every arrival in a room, never repeats in it, need not start at 0 nor be gapless.
    /// In a negotiation the one with the smaller order (who came first) is the impolite side.
    pub order: u32,
    /// Whether the server has lost this participant's connection and keeps the place for them.
    #[serde(default)]
    pub away: bool,
}

/// What a participant may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Made the room.
    Host,
    /// Came by the link.
    #[serde(other)]
    Guest,
}

/// Why someone is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaveReason {
    /// They left.
    Left,
    /// A host put them out: what still comes from them is nobody's any more.
    Removed,
    /// Their connection was lost and they did not come back in time.
    #[serde(other)]
    Lost,
}

/// A server that helps to find a way through NATs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceServer {
    /// What it speaks.
    pub kind: IceServerKind,
    /// Its host; absent means "the host you reached me at".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its port.
    pub port: u16,
    /// How it is reached; absent means UDP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<IceTransport>,
    /// What a relay asks for; STUN asks for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<IceCredentials>,
}

impl IceServer {
    /// One that answers over UDP and asks for nothing.
    #[must_use]
    pub const fn new(kind: IceServerKind, host: Option<String>, port: u16) -> Self {
        Self {
            kind,
            host,
            port,
            transport: None,
            credentials: None,
        }
    }

    /// As WebRTC writes it (RFC 7064, RFC 7065): `turns:call.example.org:443?transport=tcp`. `reached_at` is the host by which
    /// the server was reached, an IPv6 address in brackets. `None` for what this build does not know.
    #[must_use]
    pub fn url(&self, reached_at: &str) -> Option<String> {
        let host = self.host.as_deref().unwrap_or(reached_at);
        let (scheme, transport) = match (self.kind, self.transport.unwrap_or(IceTransport::Udp)) {
            (IceServerKind::Stun, IceTransport::Udp) => ("stun", ""),
            (IceServerKind::Turn, IceTransport::Udp) => ("turn", "?transport=udp"),
            (IceServerKind::Turn, IceTransport::Tcp) => ("turn", "?transport=tcp"),
            (IceServerKind::Turn, IceTransport::Tls) => ("turns", "?transport=tcp"),
            _ => return None,
        };
        Some(format!("{scheme}:{host}:{}{transport}", self.port))
    }
}

/// How an [`IceServer`] is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IceTransport {
    /// UDP.
    Udp,
    /// TCP (RFC 8656, section 3.1).
    Tcp,
    /// TLS over TCP.
    Tls,
    /// Something newer.
    #[serde(other)]
    Unknown,
}

/// What a relay asks for (RFC 8489, section 9.2).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IceCredentials {
    /// The user name.
    pub username: String,
    /// The password. Secret: whoever has it can use the relay in this one's name.
    pub credential: String,
    /// For how long a relay can be had with them, in seconds. One that is there already is kept beyond that.
    pub expires_in_s: u64,
}

impl std::fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IceCredentials(…)")
    }
}

/// Protocols of [`IceServer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IceServerKind {
    /// STUN over UDP (RFC 8489).
    Stun,
    /// TURN (RFC 8656).
    Turn,
    /// Something newer.
    #[serde(other)]
    Unknown,
}

/// What two participants tell each other through the server (inside `signal`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PeerMessage {
    /// A session description (RFC 9429, JSEP).
    Description {
        /// Offer or answer.
        sdp_type: SdpType,
        /// The SDP text.
        sdp: String,
    },
    /// An ICE candidate found since (RFC 8838, trickle).
    Candidate(Candidate),
    /// Proof that the sender knows the link's secret and sees the same two DTLS fingerprints
    /// (`docs/protocol.md`, "Fingerprints").
    Proof {
        /// HMAC-SHA256, 32 bytes in URL-safe base64.
        mac: String,
    },
    /// The sender ended its peer connection and wants a fresh one (it lost its state, or its own attempt failed).
    Restart,
    /// A message of a newer client.
    #[serde(other)]
    Unknown,
}

/// A [`PeerMessage`] with the numbers of the peer connections it is about: the whole `payload` of a `signal`.
///
/// Each side numbers its peer connections to one participant upwards. Whoever starts a fresh one is thereby understood at
/// once, and what was meant for the one before is not mistaken. A client that never replaces its connection may leave both
/// out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerEnvelope {
    /// What is said.
    #[serde(flatten)]
    pub message: PeerMessage,
    /// The sender's connection it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<u32>,
    /// The receiver's connection it is meant for, once the sender has seen a description of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_connection: Option<u32>,
}

/// Which half of a negotiation a description is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SdpType {
    /// The first half.
    Offer,
    /// The second half.
    Answer,
}

/// An ICE candidate as browsers give it (`RTCIceCandidateInit`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// The candidate line without `a=`; empty for the end of candidates.
    pub candidate: String,
    /// The media section it belongs to, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdp_mid: Option<String>,
    /// The media section it belongs to, by number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdp_mline_index: Option<u16>,
    /// The ICE generation it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<String>,
}

const fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_look_as_documented() {
        let check = |message: ClientMessage, json: &str| {
            assert_eq!(serde_json::to_string(&message).unwrap(), json);
            assert_eq!(serde_json::from_str::<ClientMessage>(json).unwrap(), message);
        };
        check(
            ClientMessage::RequestTicket {
                version: 1,
                room: None,
                invitation: None,
            },
            r#"{"type":"request_ticket","version":1}"#,
        );
        check(ClientMessage::Leave, r#"{"type":"leave"}"#);
        check(ClientMessage::Ping { nonce: 7 }, r#"{"type":"ping","nonce":7}"#);
    }

    /// The JSON examples of one section of the protocol's page.
    fn examples(section: &str) -> Vec<Value> {
        let page = include_str!("../../../docs/protocol.md");
        let start = page.find(&format!("\n## {section}\n")).expect(section) + 4;
        let length = page[start..].find("\n## ").unwrap_or(page.len() - start);
        let blocks = page[start..start + length].split("```json").skip(1);
        blocks
            .map(|block| serde_json::from_str(block.split("```").next().unwrap()).expect(block))
            .collect()
    }

    /// The example means a message that is written just like it.
    fn reads_as<T: Serialize + serde::de::DeserializeOwned>(example: &Value) -> bool {
        serde_json::from_value::<T>(example.clone())
            .is_ok_and(|message| serde_json::to_value(message).unwrap() == *example)
    }

    #[test]
    fn the_page_about_the_protocol_tells_the_truth() {
        let check = |section: &str, count: usize, reads: fn(&Value) -> bool| {
            let examples = examples(section);
            assert_eq!(examples.len(), count, "examples in {section}");
            for example in examples {
                assert!(reads(&example), "{section}: {example}");
            }
        };
        check("From a client to the server", 16, reads_as::<ClientMessage>);
        check("From the server to a client", 16, reads_as::<ServerMessage>);
        check("Between participants", 11, |example| {
            reads_as::<PeerEnvelope>(example) || reads_as::<crate::ControlMessage>(example)
        });
        check("Lanes", 11, |example| {
            reads_as::<crate::ChatFrame>(example) || reads_as::<crate::FileFrame>(example)
        });
    }

    #[test]
    fn the_page_names_every_error_and_close_code() {
        let page = include_str!("../../../docs/protocol.md");
        for code in ErrorCode::ALL {
            let name = serde_json::to_value(code).unwrap();
            assert!(
                page.contains(&format!("| `{}` |", name.as_str().unwrap())),
                "{name}"
            );
        }
        for code in crate::CloseCode::ALL {
            assert!(page.contains(&format!("| {} |", code.number())), "{code:?}");
        }
    }

    #[test]
    fn servers_are_written_as_webrtc_wants_them() {
        let check = |json: &str, expect: Option<&str>| {
            let server: IceServer = serde_json::from_str(json).unwrap();
            assert_eq!(server.url("[fd00::1]").as_deref(), expect, "{json}");
        };
        check(r#"{"kind":"stun","port":3478}"#, Some("stun:[fd00::1]:3478"));
        check(
            r#"{"kind":"turn","host":"a.example","port":443,"transport":"udp"}"#,
            Some("turn:a.example:443?transport=udp"),
        );
        check(
            r#"{"kind":"turn","port":443,"transport":"tcp"}"#,
            Some("turn:[fd00::1]:443?transport=tcp"),
        );
        check(
            r#"{"kind":"turn","host":"a.example","port":443,"transport":"tls"}"#,
            Some("turns:a.example:443?transport=tcp"),
        );
        check(r#"{"kind":"turn","port":443,"transport":"pigeon"}"#, None);
        check(r#"{"kind":"oracle","port":443}"#, None);
        let server: IceServer = serde_json::from_str(
            r#"{"kind":"turn","port":1,"credentials":{"username":"u","credential":"secret","expires_in_s":1}}"#,
        )
        .unwrap();
        assert!(
            !format!("{server:?}").contains("secret"),
            "a log gives no relay away"
        );
    }

    #[test]
    fn what_a_newer_side_adds_is_tolerated() {
        let with_field = r#"{"type":"ping","nonce":7,"color":"blue"}"#;
        assert_eq!(
            serde_json::from_str::<ClientMessage>(with_field).unwrap(),
            ClientMessage::Ping { nonce: 7 }
        );
        assert_eq!(
            serde_json::from_str::<ClientMessage>(r#"{"type":"sing","song":1}"#).unwrap(),
            ClientMessage::Unknown
        );
        assert_eq!(
            serde_json::from_str::<ServerMessage>(r#"{"type":"sing","song":1}"#).unwrap(),
            ServerMessage::Unknown
        );
        assert_eq!(
            serde_json::from_str::<ErrorCode>(r#""out_of_cheese""#).unwrap(),
            ErrorCode::Unknown
        );
        assert_eq!(
            serde_json::from_str::<PeerMessage>(r#"{"kind":"wave"}"#).unwrap(),
            PeerMessage::Unknown
        );
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_but_never_a_panic(text in ".{0,400}") {
            let _ = serde_json::from_str::<ClientMessage>(&text);
            let _ = serde_json::from_str::<ServerMessage>(&text);
            let _ = serde_json::from_str::<PeerMessage>(&text);
        }

        #[test]
        fn descriptions_and_candidates_survive_the_trip(sdp in ".{0,200}", mid in proptest::option::of("[a-z0-9]{1,8}"), line in proptest::option::of(0u16..9)) {
            for message in [
                PeerMessage::Description { sdp_type: SdpType::Offer, sdp: sdp.clone() },
                PeerMessage::Candidate(Candidate { candidate: sdp.clone(), sdp_mid: mid, sdp_mline_index: line, username_fragment: None }),
                PeerMessage::Proof { mac: sdp },
            ] {
                let json = serde_json::to_value(&message).unwrap();
                prop_assert_eq!(&serde_json::from_value::<PeerMessage>(json).unwrap(), &message);
                for (connection, to_connection) in [(None, None), (Some(3), None), (Some(u32::MAX), Some(1))] {
                    let envelope = PeerEnvelope { message: message.clone(), connection, to_connection };
                    let json = serde_json::to_value(&envelope).unwrap();
                    prop_assert_eq!(&serde_json::from_value::<PeerMessage>(json.clone()).unwrap(), &message);
                    prop_assert_eq!(serde_json::from_value::<PeerEnvelope>(json).unwrap(), envelope);
                }
            }
        }
    }
}
