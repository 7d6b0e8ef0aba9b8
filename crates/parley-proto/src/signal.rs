//! The messages of the signaling protocol, version 1: JSON text over a WebSocket at `/api/v1/signal`.
//!
//! A client asks for a ticket (which makes a room when it names none), joins with it, and then passes messages to the
//! other participants through the server, which never looks inside them (they are in `peer`). Unknown fields and unknown
//! message types are ignored by both sides, so that either may be newer. `docs/protocol.md` tells the same for people who
//! write another client.

use crate::{
    ComesToListen, Door, Down, ErrorCode, IceServer, OffenceCount, ParticipantId, Publication, Publish,
    RoomId, SfuClosed, Source, TopologyMode, WaitingPerson, Wish,
};
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
    /// Locks or unlocks the room, turns its lobby on or off, or says who comes as a listener; what is absent stays as it is.
    SetDoor {
        /// Whether nobody new comes in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        locked: Option<bool>,
        /// Whether whoever comes waits until a host lets them in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lobby: Option<bool>,
        /// From so many people on whoever comes listens ([`Door::listen_from`]).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        listen_from: Option<u16>,
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
    /// Makes somebody a listener, or lets them speak. Only in a room whose clients can all take part in a group.
    SetListens {
        /// Who; the host too.
        id: ParticipantId,
        /// Listens from now on.
        listens: bool,
    },
    /// Ends the call for everybody.
    EndForAll,
    /// This client can take part in rooms of more than two. Said first on a connection; one that does not say it stays among two.
    Groups(Abilities),
    /// Everything that flows directly comes through the new topology too: others may end the old way to this client.
    TopologyReady {
        /// Of [`ServerMessage::Topology`].
        number: u32,
    },
    /// Offers a connection to the SFU, or a change of one. The client always offers, the server always answers.
    SfuOffer {
        /// Counts the client's connections to the SFU upwards; a larger one replaces the one before once it stands.
        connection: u32,
        /// The SDP text.
        sdp: String,
        /// What it sends, and in which sections.
        #[serde(default)]
        publish: Vec<Publish>,
    },
    /// What it sends now: the whole list.
    Publish {
        /// Tracks in sections that were offered.
        publish: Vec<Publish>,
    },
    /// What it wants to see: the whole list.
    Subscribe {
        /// For each section at most one.
        downs: Vec<Wish>,
        /// The most of pictures it wants, in kbit/s; absent for what the way carries.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kbps_max: Option<u32>,
    },
    /// Passes `payload` to one participant of a group, or to everybody. The server does not read it.
    Tell {
        /// Sealed by the client.
        payload: Value,
        /// Who gets it; absent for everybody else.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<ParticipantId>,
    },
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

/// What a client of groups knows, and how its person comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Abilities {
    /// It knows what a listener is ([`Participant::listens`]) and sends nothing as one. What comes from a listener who did not say so
    /// is left out all the same, and held against nobody.
    #[serde(default, skip_serializing_if = "is_false")]
    pub listens: bool,
    /// It takes several messages in one ([`ServerMessage::Several`]).
    #[serde(default, skip_serializing_if = "is_false")]
    pub several: bool,
    /// Its person wants only to listen where they come in, if that can be.
    #[serde(default, skip_serializing_if = "is_false")]
    pub only_listens: bool,
}

impl Abilities {
    /// Those of a client that takes one message at a time, and whose person comes as everybody does.
    #[must_use]
    pub const fn plain(listens: bool) -> Self {
        Self {
            listens,
            several: false,
            only_listens: false,
        }
    }
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
        /// Whoever came in with it now would only listen, and why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        listens: Option<ComesToListen>,
    },
    /// The client is in the room (answer to `join` and `resume`).
    Joined {
        /// The client's own id.
        you: ParticipantId,
        /// The room.
        room: RoomId,
        /// Opaque; lets the client come back with [`ClientMessage::Resume`].
        resume_token: String,
        /// Everyone in the room, the client included; of very many only some, of whom the client is one: the others follow in
        /// [`ServerMessage::Participants`].
        participants: Vec<Participant>,
        /// Where to ask for one's own address, and for a relay. Every answer has fresh credentials.
        #[serde(default)]
        ice_servers: Vec<IceServer>,
        /// Whether this is a return with the same id.
        #[serde(default)]
        resumed: bool,
    },
    /// More of those who are in the room already; right after [`ServerMessage::Joined`].
    Participants {
        /// At most [`crate::limits::PEOPLE_TOLD_AT_ONCE`].
        list: Vec<Participant>,
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
    /// Somebody only listens from now on, or may speak.
    ListensChanged {
        /// Who.
        id: ParticipantId,
        /// Only listens.
        listens: bool,
    },
    /// A host asks this client to mute its microphone.
    MuteAsked {
        /// Who asks.
        by: ParticipantId,
    },
    /// How media flows in this room from now on. After `joined` where it is not direct, and on every change.
    Topology {
        /// How.
        mode: TopologyMode,
        /// Grows with every change; only the largest counts.
        number: u32,
        /// Who said that they are ready for this one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ready: Vec<ParticipantId>,
    },
    /// Somebody hears and sees everybody in the new topology.
    ParticipantReady {
        /// Who.
        id: ParticipantId,
        /// Of [`ServerMessage::Topology`].
        number: u32,
    },
    /// The answer to [`ClientMessage::SfuOffer`].
    SfuAnswer {
        /// The client's number of the connection.
        connection: u32,
        /// The SDP text, with the fingerprint and the candidates of the server.
        sdp: String,
    },
    /// A connection to the SFU is over.
    SfuClosed {
        /// Which.
        connection: u32,
        /// Why.
        reason: SfuClosed,
    },
    /// What everybody else publishes: the whole list, on every change.
    Publications {
        /// All of them.
        list: Vec<Publication>,
    },
    /// The layers of one of the client's own tracks that somebody watches; others need not be sent.
    LayersWanted {
        /// Which track.
        source: Source,
        /// By name; nobody watches when it is empty.
        rids: Vec<String>,
    },
    /// How the client's wishes stand: the whole list, on every change.
    Downs {
        /// One for each wish.
        list: Vec<Down>,
    },
    /// Who speaks now, the dominant one first.
    Speakers {
        /// At most [`crate::limits::SPEAKERS_MAX`].
        list: Vec<ParticipantId>,
    },
    /// What somebody's client did that no good one does. For the other hosts of a group: of each person at most once in
    /// [`crate::limits::OFFENCES_TOLD_S`] while it goes on, and at once when their connection to the SFU was ended for it.
    Offences {
        /// Who.
        id: ParticipantId,
        /// What happened, each kind once.
        list: Vec<OffenceCount>,
        /// How often they were kicked for it: their connection to the SFU was ended, if they had one. One is forgotten after ten minutes
        /// without any. With [`crate::limits::KICKS_MAX`] they are put out of the room.
        #[serde(default)]
        kicks: u32,
    },
    /// What another participant said to this one or to everybody. The server vouches for `from`.
    Told {
        /// Who.
        from: ParticipantId,
        /// As it was said.
        payload: Value,
    },
    /// The answer to [`ClientMessage::Ping`].
    Pong {
        /// The number of the ping.
        nonce: u32,
    },
    /// The server goes down; come back with the resume token in a moment.
    GoingAway,
    /// Several of these, in order, to a client that said that it takes them so ([`ClientMessage::Groups`]): where much happens at once, one
    /// message carries what came within a moment.
    Several {
        /// None of them is of this kind. One that this side cannot read is [`ServerMessage::Unknown`].
        #[serde(deserialize_with = "those_that_can_be_read")]
        list: Vec<ServerMessage>,
    },
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
    /// Only hears, sees, writes and raises a hand: the server takes no sound and no picture of them. Absent: may speak.
    #[serde(default, skip_serializing_if = "is_false")]
    pub listens: bool,
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
    /// A host, or the server for their offences, put them out: what still comes from them is nobody's any more.
    Removed,
    /// Their connection was lost and they did not come back in time.
    #[serde(other)]
    Lost,
}

const fn is_false(value: &bool) -> bool {
    !*value
}

/// Each by itself: one that makes no sense costs no other.
fn those_that_can_be_read<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<ServerMessage>, D::Error> {
    let list = Vec::<Value>::deserialize(deserializer)?;
    let read = |one: Value| match one.get("type").and_then(Value::as_str) {
        None | Some("several") => ServerMessage::Unknown,
        Some(_) => serde_json::from_value(one).unwrap_or(ServerMessage::Unknown),
    };
    Ok(list.into_iter().map(read).collect())
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

    #[test]
    fn of_several_messages_one_that_makes_no_sense_costs_no_other_and_none_hides_more() {
        let pong = r#"{"type":"pong","nonce":1}"#;
        let more = format!(r#"{{"type":"several","list":[{pong}]}}"#);
        let odd = r#"{"type":"participant_left","id":7}"#;
        let text =
            format!(r#"{{"type":"several","list":[{pong},{odd},7,{more},{{"type":"newer"}},{pong}]}}"#);
        let ServerMessage::Several { list } = serde_json::from_str(&text).unwrap() else {
            panic!("{text}");
        };
        let (pong, unknown) = (ServerMessage::Pong { nonce: 1 }, ServerMessage::Unknown);
        let expect = [&pong, &unknown, &unknown, &unknown, &unknown, &pong];
        assert_eq!(list.iter().collect::<Vec<_>>(), expect);
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
        check("From a client to the server", 18, reads_as::<ClientMessage>);
        check("From the server to a client", 20, reads_as::<ServerMessage>);
        check("Between participants", 11, |example| {
            reads_as::<crate::PeerEnvelope>(example) || reads_as::<crate::ControlMessage>(example)
        });
        check("Groups", 18, |example| {
            reads_as::<ClientMessage>(example) || reads_as::<ServerMessage>(example)
        });
        check("Files in a group", 1, |example| {
            reads_as::<ClientMessage>(example) && reads_as::<crate::PairMessage>(&example["payload"])
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
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_but_never_a_panic(text in ".{0,400}") {
            let _ = serde_json::from_str::<ClientMessage>(&text);
            let _ = serde_json::from_str::<ServerMessage>(&text);
        }
    }
}
