//! What two participants tell each other through the server, which passes it on unread.

use serde::{Deserialize, Serialize};

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

/// What two of a group tell each other about a connection between the two of them that is for files alone. It is made while their
/// media goes through the SFU, and is kept apart from the direct way of a call of two, whose words are a bare [`PeerEnvelope`]:
/// a client that does not know it takes it for a message of a newer one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PairMessage {
    /// About that connection, in the words of any other.
    Files {
        /// What is said.
        about: PeerEnvelope,
    },
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_newer_side_says_is_tolerated() {
        assert_eq!(
            serde_json::from_str::<PeerMessage>(r#"{"kind":"wave"}"#).unwrap(),
            PeerMessage::Unknown
        );
    }

    #[test]
    fn words_about_a_connection_for_files_are_unknown_to_who_has_none() {
        let about = PeerEnvelope {
            message: PeerMessage::Restart,
            connection: Some(2),
            to_connection: None,
        };
        let said = serde_json::to_value(PairMessage::Files { about: about.clone() }).unwrap();
        assert_eq!(
            serde_json::from_value::<PeerEnvelope>(said.clone())
                .unwrap()
                .message,
            PeerMessage::Unknown
        );
        assert_eq!(
            serde_json::from_value::<PairMessage>(said).unwrap(),
            PairMessage::Files { about }
        );
        let bare = serde_json::json!({ "kind": "restart" });
        assert!(serde_json::from_value::<PairMessage>(bare).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_but_never_a_panic(text in ".{0,400}") {
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
