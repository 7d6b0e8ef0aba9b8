//! Short numbers for peers (RFC 8656, section 12).

use super::moment::Moment;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

/// RFC 8656, section 12: ten minutes.
const LIFETIME: Duration = Duration::from_secs(600);
/// Channels of one allocation.
pub(super) const CHANNELS_MAX: usize = 64;
/// RFC 8656 gives out 0x4000 to 0x4FFF, RFC 5766 all up to 0x7FFE, and clients of then are still about (coturn's own).
const NUMBERS: RangeInclusive<u16> = 0x4000..=0x7ffe;

/// The channels of one allocation.
#[derive(Debug, Default)]
pub(super) struct Channels(Vec<Channel>);

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Channel {
    number: u16,
    pub(super) peer: SocketAddr,
    /// The peer is on this machine: each datagram has to be asked about.
    pub(super) guarded: bool,
    expires_at: Moment,
}

/// Why a channel cannot be bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BindError {
    /// No channel has this number.
    Number,
    /// The number stands for another peer, or the peer has another number.
    Taken,
    /// There are too many.
    Full,
}

impl Channels {
    /// Whether [`Channels::bind`] would succeed.
    pub(super) fn check(&mut self, now: Moment, number: u16, peer: SocketAddr) -> Result<(), BindError> {
        if !NUMBERS.contains(&number) {
            return Err(BindError::Number);
        }
        self.0.retain(|channel| now < channel.expires_at);
        let mut same = self
            .0
            .iter()
            .filter(|channel| channel.number == number || channel.peer == peer);
        match same.next() {
            Some(channel) if channel.number == number && channel.peer == peer => Ok(()),
            Some(_) => Err(BindError::Taken),
            None if self.0.len() >= CHANNELS_MAX => Err(BindError::Full),
            None => Ok(()),
        }
    }

    /// Binds or refreshes what [`Channels::check`] found good.
    pub(super) fn bind(&mut self, now: Moment, number: u16, peer: SocketAddr, guarded: bool) {
        let expires_at = now + LIFETIME;
        match self.0.iter_mut().find(|channel| channel.number == number) {
            Some(channel) => channel.expires_at = expires_at,
            None => self.0.push(Channel {
                number,
                peer,
                guarded,
                expires_at,
            }),
        }
    }

    pub(super) fn by_number(&self, now: Moment, number: u16) -> Option<Channel> {
        let channel = self.0.iter().find(|channel| channel.number == number)?;
        (now < channel.expires_at).then_some(*channel)
    }

    pub(super) fn number_of(&self, now: Moment, peer: SocketAddr) -> Option<u16> {
        let channel = self.0.iter().find(|channel| channel.peer == peer)?;
        (now < channel.expires_at).then_some(channel.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_unix_ms(1_000_000);

    fn peer(port: u16) -> SocketAddr {
        SocketAddr::new("192.0.2.9".parse().unwrap(), port)
    }

    fn bind(channels: &mut Channels, now: Moment, number: u16, port: u16) -> Result<(), BindError> {
        channels.check(now, number, peer(port))?;
        channels.bind(now, number, peer(port), false);
        Ok(())
    }

    #[test]
    fn a_number_and_a_peer_belong_to_each_other_until_they_expire() {
        let mut channels = Channels::default();
        assert_eq!(bind(&mut channels, NOW, 0x4000, 1), Ok(()));
        assert_eq!(bind(&mut channels, NOW, 0x4000, 2), Err(BindError::Taken));
        assert_eq!(bind(&mut channels, NOW, 0x4001, 1), Err(BindError::Taken));
        let later = NOW + Duration::from_secs(500);
        assert_eq!(bind(&mut channels, later, 0x4000, 1), Ok(()), "a refresh");
        assert_eq!(
            channels
                .by_number(NOW + LIFETIME, 0x4000)
                .map(|channel| channel.peer),
            Some(peer(1))
        );
        assert_eq!(channels.number_of(later + LIFETIME, peer(1)), None);
        assert!(channels.by_number(later + LIFETIME, 0x4000).is_none());
        assert_eq!(bind(&mut channels, later + LIFETIME, 0x4000, 2), Ok(()));
    }

    #[test]
    fn numbers_are_those_of_both_rfcs() {
        let mut channels = Channels::default();
        for (number, expected) in [
            (0x3fff, Err(BindError::Number)),
            (0x4000, Ok(())),
            (0x4fff, Ok(())),
            (0x5000, Ok(())),
            (0x7ffe, Ok(())),
            (0x7fff, Err(BindError::Number)),
            (0x8000, Err(BindError::Number)),
        ] {
            assert_eq!(bind(&mut channels, NOW, number, number), expected, "{number:#x}");
        }
    }

    #[test]
    fn there_are_only_so_many_channels() {
        let mut channels = Channels::default();
        let bound = (0..1000)
            .filter(|n| bind(&mut channels, NOW, 0x4000 + n, 1000 + n).is_ok())
            .count();
        assert_eq!(bound, CHANNELS_MAX);
        assert_eq!(
            bind(&mut channels, NOW, 0x4000, 1000),
            Ok(()),
            "a refresh needs no room"
        );
        assert_eq!(bind(&mut channels, NOW, 0x7000, 1), Err(BindError::Full));
    }
}
