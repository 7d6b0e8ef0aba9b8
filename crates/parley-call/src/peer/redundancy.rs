//! Redundant sound (RFC 2198) of one connection: how it comes, as the other side's description says, and how much of it goes, as
//! loss asks for. Plain atomics: both are read for each packet of sound.

use crate::sdp::{self, RedType};
use parley_media::audio::protection::Shield;
use std::sync::atomic::{AtomicU32, Ordering};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Redundancy {
    /// Payload types: of redundant sound, and of what is inside. Zero: none was negotiated.
    comes: AtomicU32,
    /// Copies in each packet, and how far apart.
    goes: AtomicU32,
}

impl Redundancy {
    /// The other side's description is about to be set.
    pub(super) fn read(&self, sdp: &str) {
        let red = sdp::red_type(sdp).map_or(0, |red| pair(red.red, red.media));
        self.comes.store(red, Ordering::Release);
    }

    /// What is inside packets of this payload type, if they are redundant sound.
    pub(super) fn inside(&self, payload_type: u8) -> Option<u8> {
        let red = self.negotiated()?;
        (red.red == payload_type).then_some(red.media)
    }

    /// What was negotiated.
    pub(super) fn negotiated(&self) -> Option<RedType> {
        let (red, media) = parts(self.comes.load(Ordering::Acquire));
        (red != 0).then_some(RedType { red, media })
    }

    /// From now on so many copies go.
    pub(super) fn want(&self, shield: Shield) {
        self.goes
            .store(pair(shield.copies, shield.stride), Ordering::Relaxed);
    }

    /// Copies in each packet, and how far apart.
    pub(super) fn wanted(&self) -> (u8, u8) {
        parts(self.goes.load(Ordering::Relaxed))
    }
}

fn pair(a: u8, b: u8) -> u32 {
    u32::from(u16::from_be_bytes([a, b]))
}

fn parts(pair: u32) -> (u8, u8) {
    let [_, _, a, b] = pair.to_be_bytes();
    (a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_last_description_says_counts() {
        let redundancy = Redundancy::default();
        assert_eq!(redundancy.inside(63), None);
        let audio = "m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=rtpmap:111 opus/48000/2\r\n";
        redundancy.read(&format!(
            "{audio}a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n"
        ));
        assert_eq!(redundancy.inside(63), Some(111));
        assert_eq!(redundancy.inside(111), None);
        redundancy.read(audio);
        assert_eq!(redundancy.inside(63), None);
        assert_eq!(redundancy.inside(0), None);
    }

    #[test]
    fn copies_are_told_as_they_are_wanted() {
        let redundancy = Redundancy::default();
        assert_eq!(redundancy.wanted(), (0, 0));
        redundancy.want(Shield {
            bitrate: parley_proto::Bitrate::from_kbps(32),
            expected_loss_pct: 30,
            copies: 3,
            stride: 2,
            deep_ms: 0,
        });
        assert_eq!(redundancy.wanted(), (3, 2));
    }
}
