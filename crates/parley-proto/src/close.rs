//! Why the server ends a WebSocket: the close codes (RFC 6455, section 7.4; 4000 and up are ours).

/// The reason a signaling connection was closed by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// The participant left.
    Left,
    /// The server stops; come back with the resume token.
    GoingAway,
    /// A message was far larger than the limit.
    TooLarge,
    /// Something fatal was refused; the error message before it says what.
    Refused,
    /// Too many messages that could not be read, or came too fast.
    Offences,
    /// The client did not read fast enough and its queue ran over; come back with the resume token. Reserved: a server cuts
    /// such a connection without a frame today, since none would get through.
    TooSlow,
    /// The client was silent for too long; come back with the resume token.
    Silent,
    /// The same participant came in from elsewhere.
    Replaced,
    /// The client had not joined a room for long, or gave way to others when no place was free; come again.
    Unjoined,
}

impl CloseCode {
    /// Every code there is.
    pub const ALL: [Self; 9] = [
        Self::Left,
        Self::GoingAway,
        Self::TooLarge,
        Self::Refused,
        Self::Offences,
        Self::TooSlow,
        Self::Silent,
        Self::Replaced,
        Self::Unjoined,
    ];

    /// The number in the close frame.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Left => 1000,
            Self::GoingAway => 1001,
            Self::TooLarge => 1009,
            Self::Refused => 4000,
            Self::Offences => 4001,
            Self::TooSlow => 4002,
            Self::Silent => 4003,
            Self::Replaced => 4004,
            Self::Unjoined => 4005,
        }
    }

    /// The meaning of a number from a close frame, if it is one of ours.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }

    /// Whether coming back with the resume token is expected to help.
    #[must_use]
    pub const fn may_resume(self) -> bool {
        matches!(self, Self::GoingAway | Self::TooSlow | Self::Silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_again_by_its_number() {
        for code in CloseCode::ALL {
            assert_eq!(CloseCode::from_number(code.number()), Some(code));
        }
        assert_eq!(CloseCode::from_number(1006), None);
    }
}
