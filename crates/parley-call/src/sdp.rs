//! The few things the session must know about a session description: which certificate it promises, and to which ICE
//! generation it belongs. Not a parser: what a description means is the library's business.

use parley_proto::limits::SDP_BYTES_MAX;

/// Bytes of a SHA-256 digest.
pub const FINGERPRINT_BYTES: usize = 32;

/// The digest of a DTLS certificate, as `a=fingerprint:sha-256` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; FINGERPRINT_BYTES]);

impl Fingerprint {
    /// Wraps a digest.
    #[must_use]
    pub const fn from_bytes(digest: [u8; FINGERPRINT_BYTES]) -> Self {
        Self(digest)
    }

    /// The digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; FINGERPRINT_BYTES] {
        &self.0
    }
}

/// Why a description is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Longer than the limit.
    #[error("the description is too long")]
    TooLong,
    /// No sha-256 fingerprint in it.
    #[error("the description has no sha-256 fingerprint")]
    NoFingerprint,
    /// Two different ones: nobody could say which one was proven.
    #[error("the description has more than one fingerprint")]
    ManyFingerprints,
    /// One of another hash function: the library would accept a certificate that matches that one, and the proof does not
    /// cover it.
    #[error("the description has a fingerprint that is not sha-256")]
    OtherHash,
    /// A line that looks like a fingerprint and cannot be read.
    #[error("the description has an unreadable fingerprint")]
    BadFingerprint,
}

/// The one sha-256 fingerprint of a description, over its session part and all its media sections.
///
/// Strict on purpose: another reader (the library that makes the DTLS connection) must not be able to find a fingerprint
/// here that this function did not see.
///
/// # Errors
/// See [`SdpError`].
pub fn fingerprint(sdp: &str) -> Result<Fingerprint, SdpError> {
    if sdp.len() > SDP_BYTES_MAX {
        return Err(SdpError::TooLong);
    }
    let mut found = None;
    for line in sdp.split(['\n', '\r']) {
        let Some(value) = line.strip_prefix("a=fingerprint:") else {
            if line.to_ascii_lowercase().contains("fingerprint:") {
                return Err(SdpError::BadFingerprint);
            }
            continue;
        };
        let (hash, digest) = value.split_once(' ').ok_or(SdpError::BadFingerprint)?;
        if !hash.eq_ignore_ascii_case("sha-256") {
            return Err(SdpError::OtherHash);
        }
        let digest = parse_digest(digest).ok_or(SdpError::BadFingerprint)?;
        if found.is_some_and(|other| other != digest) {
            return Err(SdpError::ManyFingerprints);
        }
        found = Some(digest);
    }
    found.map(Fingerprint).ok_or(SdpError::NoFingerprint)
}

/// `AB:CD:…`, 32 bytes.
fn parse_digest(text: &str) -> Option<[u8; FINGERPRINT_BYTES]> {
    let mut digest = [0; FINGERPRINT_BYTES];
    let mut parts = text.trim_end().split(':');
    for byte in &mut digest {
        let part = parts.next()?;
        if part.len() != 2 || !part.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(digest)
}

/// Who begins the handshake of DTLS (`a=setup`, RFC 8842, section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// Whose description says so.
    Active,
    /// The other side.
    Passive,
}

impl Setup {
    /// What the other side says.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Active => Self::Passive,
            Self::Passive => Self::Active,
        }
    }
}

/// What an answer says of it. An offer leaves it open.
#[must_use]
pub fn setup(sdp: &str) -> Option<Setup> {
    sdp.split(['\n', '\r'])
        .find_map(|line| match line.strip_prefix("a=setup:")?.trim_end() {
            "active" => Some(Setup::Active),
            "passive" => Some(Setup::Passive),
            _ => None,
        })
}

/// An answer that says this in all of its sections, where it says anything of it.
#[must_use]
pub fn with_setup(answer: &str, setup: Setup) -> String {
    let word = match setup {
        Setup::Active => "active",
        Setup::Passive => "passive",
    };
    answer
        .split_inclusive('\n')
        .map(|line| {
            let bare = line.trim_end_matches(['\r', '\n']);
            if bare.starts_with("a=setup:") {
                format!("a=setup:{word}{}", &line[bare.len()..])
            } else {
                line.to_owned()
            }
        })
        .collect()
}

/// What tells a description from any other: SHA-256 of its text, in hexadecimal digits.
#[must_use]
pub fn digest(sdp: &str) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(sdp.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The streams (`a=ssrc`, RFC 5576) of a description's second section of pictures. Between two Parleys the first is the
/// camera and the second the screen; the order of sections never changes (RFC 8829, 5.2.2).
#[must_use]
pub fn screen_ssrcs(sdp: &str) -> Vec<u32> {
    second_ssrcs(sdp, "m=video ")
}

/// The same of a description's second section of sound: the first is the microphone, the second what the computer plays.
#[must_use]
pub fn screen_sound_ssrcs(sdp: &str) -> Vec<u32> {
    second_ssrcs(sdp, "m=audio ")
}

fn second_ssrcs(sdp: &str, kind: &str) -> Vec<u32> {
    let mut sections = 0;
    let mut in_kind = false;
    let mut ssrcs = Vec::new();
    for line in sdp.split(['\n', '\r']) {
        if line.starts_with("m=") {
            in_kind = line.starts_with(kind);
            sections += usize::from(in_kind);
        }
        let Some(value) = line.strip_prefix("a=ssrc:").filter(|_| in_kind && sections == 2) else {
            continue;
        };
        let ssrc = value
            .split_ascii_whitespace()
            .next()
            .and_then(|text| text.parse().ok());
        ssrcs.extend(ssrc.filter(|ssrc| !ssrcs.contains(ssrc)));
    }
    ssrcs
}

/// The payload types of redundant sound (RFC 2198).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedType {
    /// Of the packets that carry others, never 0.
    pub red: u8,
    /// Of the Opus packets inside.
    pub media: u8,
}

/// How redundant sound is offered by a description: `red/48000/2` with nothing but Opus of the same section inside
/// (`a=fmtp:63 111/111`). The first section that has it; within a bundle a payload type means the same in all of them (RFC 9143, 9.1).
#[must_use]
pub fn red_type(sdp: &str) -> Option<RedType> {
    sdp.split("m=audio ").skip(1).find_map(|from_here| {
        let section = from_here.split("\nm=").next()?;
        let attributes = |name| {
            let lines = section.split(['\n', '\r']);
            lines.filter_map(move |line| line.strip_prefix(name)?.split_once(' '))
        };
        let is_type = |number: &str, codec: &str| {
            attributes("a=rtpmap:").any(|(of, is)| of == number && is.trim_end().eq_ignore_ascii_case(codec))
        };
        let inside = |formats: &str| {
            let mut formats = formats.trim_end().split('/');
            let first = formats.next()?;
            let alike = is_type(first, "opus/48000/2") && formats.all(|other| other == first);
            alike.then(|| first.parse::<u8>().ok())?
        };
        attributes("a=fmtp:")
            .filter(|(number, _)| is_type(number, "red/48000/2"))
            .find_map(|(number, formats)| {
                let red = number.parse::<u8>().ok().filter(|red| (1..128).contains(red))?;
                let media = inside(formats).filter(|media| *media < 128)?;
                (red != media).then_some(RedType { red, media })
            })
    })
}

/// Whether the description has an ICE user fragment `ufrag` in any of its sections.
#[must_use]
pub fn has_ufrag(sdp: &str, ufrag: &str) -> bool {
    ufrags(sdp).any(|own| own == ufrag)
}

/// The ICE user fragments of a description: its ICE generation (RFC 8839, 5.4).
pub fn ufrags(sdp: &str) -> impl Iterator<Item = &str> {
    sdp.split(['\n', '\r'])
        .filter_map(|line| line.strip_prefix("a=ice-ufrag:"))
        .map(str::trim_end)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A description that has what the session looks at.
    pub(crate) fn description(digest_byte: u8, ufrag: &str) -> String {
        let digest = vec![format!("{digest_byte:02X}"); FINGERPRINT_BYTES].join(":");
        format!(
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n\
             a=ice-ufrag:{ufrag}\r\na=fingerprint:sha-256 {digest}\r\n"
        )
    }

    #[test]
    fn an_answer_says_again_who_began_the_handshake_and_an_offer_leaves_it_open() {
        let with = |word: &str| {
            format!("v=0\r\nm=audio 9\r\na=setup:{word}\r\na=mid:0\r\nm=video 9\r\na=setup:{word}\r\n")
        };
        assert_eq!(setup(&with("actpass")), None);
        assert_eq!(setup("v=0\r\n"), None);
        assert_eq!(setup(&with("active")), Some(Setup::Active));
        assert_eq!(setup(&with("passive")).map(Setup::other), Some(Setup::Active));
        assert_eq!(with_setup(&with("active"), Setup::Passive), with("passive"));
        assert_eq!(with_setup(&with("active"), Setup::Active), with("active"));
    }

    #[test]
    fn one_fingerprint_repeated_in_all_sections_is_fine() {
        let one = description(0xab, "x");
        let twice = format!(
            "{one}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n{}",
            &one[one.find("a=").unwrap()..]
        );
        assert_eq!(fingerprint(&twice), Ok(Fingerprint([0xab; 32])));
        assert_eq!(
            fingerprint(&twice.to_lowercase()),
            Ok(Fingerprint([0xab; 32])),
            "hexadecimal digits in either case"
        );
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let one = description(0xab, "x");
        let check =
            |added: &str, expect| assert_eq!(fingerprint(&format!("{one}{added}\r\n")), expect, "{added}");
        check("a=fingerprint:sha-1 AB", Err(SdpError::OtherHash));
        check("a=fingerprint:sha-512 AB", Err(SdpError::OtherHash));
        check("a=fingerprint:sha-256 AB", Err(SdpError::BadFingerprint));
        check("a=fingerprint:sha-256", Err(SdpError::BadFingerprint));
        check("a=Fingerprint:sha-256 AB", Err(SdpError::BadFingerprint));
        check(" a=fingerprint:sha-256 AB", Err(SdpError::BadFingerprint));
        check(description(0xcd, "x").trim_end(), Err(SdpError::ManyFingerprints));
        assert_eq!(fingerprint("v=0\r\n"), Err(SdpError::NoFingerprint));
        assert_eq!(
            fingerprint(&"a".repeat(SDP_BYTES_MAX + 1)),
            Err(SdpError::TooLong)
        );
    }

    #[test]
    fn a_digest_is_of_the_text_and_nothing_else() {
        // The vector of FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest("abc"), abc);
        assert_ne!(digest("abd"), abc);
    }

    #[test]
    fn the_second_sections_of_pictures_and_sound_are_the_screen_and_its_sound() {
        let section = |kind: &str, ssrc: u32| {
            format!("m={kind} 9 UDP/TLS/RTP/SAVPF 96\r\na=ssrc:{ssrc} cname:x\r\na=ssrc:{ssrc} msid:a b\r\n")
        };
        let camera = section("audio", 1) + &section("video", 2);
        let both = camera.clone() + &section("application", 3) + &section("video", 4);
        assert!(screen_ssrcs(&camera).is_empty());
        assert_eq!(screen_ssrcs(&both), [4]);
        assert!(screen_sound_ssrcs(&both).is_empty());
        let all = both + &section("audio", 6) + &section("video", 5) + "a=ssrc:x\r\n";
        assert_eq!(screen_ssrcs(&all), [4]);
        assert_eq!(screen_sound_ssrcs(&all), [6]);
    }

    #[test]
    fn redundant_sound_is_taken_only_with_opus_inside() {
        let audio = |rest: &str| {
            red_type(&format!(
                "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=rtpmap:111 opus/48000/2\r\n{rest}\r\n\
                 m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:112 opus/48000/2\r\na=fmtp:63 111/111\r\n"
            ))
        };
        let red = "a=rtpmap:63 red/48000/2\r\na=fmtp:";
        let negotiated = Some(RedType { red: 63, media: 111 });
        // As Chromium writes it, and with another number of copies.
        assert_eq!(audio(&format!("{red}63 111/111")), negotiated);
        assert_eq!(audio(&format!("{red}63 111")), negotiated);
        assert_eq!(
            audio("a=rtpmap:63 RED/48000/2\na=fmtp:63 111/111/111/111"),
            negotiated
        );
        for rest in [
            "",
            "a=rtpmap:63 red/48000/2",
            "a=rtpmap:63 red/90000\r\na=fmtp:63 111/111",
            &format!("{red}63 111/0"),
            &format!("{red}63 112/112"),
            &format!("{red}64 111/111"),
            &format!("{red}111 111/111"),
            &format!("{red}63 x/x"),
            "a=rtpmap:300 red/48000/2\r\na=fmtp:300 111/111",
            "a=rtpmap:0 red/48000/2\r\na=fmtp:0 111/111",
        ] {
            assert_eq!(audio(rest), None, "{rest}");
        }
    }

    #[test]
    fn the_ice_generation_is_found_in_any_section() {
        let two = format!("{}{}", description(1, "first"), description(1, "second"));
        assert!(has_ufrag(&two, "first") && has_ufrag(&two, "second") && !has_ufrag(&two, "third"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_but_never_a_panic(text in "(a=fingerprint:|sha-256|[A-F0-9:]{0,9}|\\PC|\r|\n| ){0,60}") {
            let _ = fingerprint(&text);
            let _ = has_ufrag(&text, "x");
            let _ = red_type(&format!("m=audio 9 {text}"));
            let _ = screen_ssrcs(&text);
            let _ = screen_sound_ssrcs(&text);
        }
    }
}
