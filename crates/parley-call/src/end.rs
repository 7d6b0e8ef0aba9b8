//! Why a call is over, as code and as a sentence for the person in front of it.

use parley_proto::ErrorCode;

/// Why a call is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndReason {
    /// This side hung up.
    #[error("You left the call.")]
    HungUp,
    /// The other side hung up.
    #[error("The other person left the call.")]
    OtherLeft,
    /// The other side vanished and did not come back.
    #[error("The connection to the other person was lost, and they did not come back.")]
    OtherLost,
    /// Media could not be connected, or was lost for good.
    #[error(
        "Picture and sound could not find a way between you two. One of the networks may block them: try another network, then open the link again."
    )]
    ConnectionFailed,
    /// This machine gave no connection to try it with.
    #[error(
        "This computer did not let Parley open a connection for picture and sound. A firewall or another program may forbid it: check that, then open the link again."
    )]
    NoConnection,
    /// Only relays may be used, and the server has none.
    #[error(
        "Your address is to stay hidden, and this server has no relay to hide it behind. Let Parley connect directly (Settings, Network), or use a server with a relay."
    )]
    NoRelay,
    /// The other side is not who has the link, or somebody stands in the middle.
    #[error("{0}")]
    NotGenuine(ProofFault),
    /// The server could not be reached, or vanished for good.
    #[error("{0}")]
    ServerUnreachable(SignalingFault),
    /// What answered is no Parley server.
    #[error(
        "What answers at this address is not a Parley server. Check the address, or whether the whole link was copied."
    )]
    NotAParleyServer,
    /// The server said no.
    #[error("{}", .code.sentence())]
    Refused {
        /// Why.
        code: ErrorCode,
        /// The server's own words, for the log.
        message: String,
    },
    /// A fault in Parley.
    #[error("Something in Parley failed ({0}). Open the link again, and if it happens again, report it.")]
    Internal(&'static str),
}

/// What was wrong with the other side's proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// It does not fit this link and these two connections.
    #[error(
        "Somebody may be listening in: the other side could not prove that the connection is really theirs. The call was stopped before any picture or sound was sent. Send each other a fresh link by another way."
    )]
    Wrong,
    /// None came.
    #[error(
        "The other side did not prove that it has the link, so the call was stopped before any picture or sound was sent. Ask them to open the whole link with an up-to-date Parley."
    )]
    Missing,
}

/// What keeps the server out of reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignalingFault {
    /// The name of the server is not known.
    #[error("The server's name could not be found. Check its address and your connection to the internet.")]
    NameUnknown,
    /// Nothing answers there.
    #[error("The server does not answer. It may be down, or your connection to the internet is.")]
    Refused,
    /// It took too long.
    #[error("The server does not answer in time. It may be down, or your connection to the internet is.")]
    TimedOut,
    /// The encrypted connection could not be made.
    #[error(
        "The server's certificate is not good, so Parley does not talk to it. Tell whoever runs the server."
    )]
    Tls,
    /// It answered without encryption what was asked with it: nothing is wrong with its certificate, for it has none.
    #[error(
        "The address says https, but the server answers without encryption. If it is your own server on this network, write http:// instead; if not, tell whoever runs it."
    )]
    Unencrypted,
    /// It answered, but not as a Parley server does.
    #[error(
        "What answers at this address is not a Parley server. Check the address, or whether the whole link was copied."
    )]
    NotAParleyServer,
    /// It answers, and lets nobody in before somebody who lost the connection has come back or been given up.
    #[error("A place in this call is still kept for somebody whose connection broke.")]
    PlaceKept,
    /// The connection stood and broke.
    #[error("The connection to the server was lost.")]
    Lost,
}
