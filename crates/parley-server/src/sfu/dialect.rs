//! What every connection speaks, and what no description may have more of.

use super::certificate::Certificate;
use super::peer::Refusal;
use parley_proto::limits::{AUDIO_DOWNS_MAX, PUBLICATIONS_MAX, SFU_SDP_BYTES_MAX, VIDEO_DOWNS_MAX};
use std::sync::{Arc, LazyLock};
use str0m::RtcConfig;
use str0m::crypto::{CryptoProvider, from_feature_flags};
use str0m::media::Pt;
use str0m::rtp::{Extension, ExtensionMap};

/// What every connection speaks, on the server's side and on that of the client that loads it: Opus, with copies inside where somebody
/// needs them (RFC 2198), H.264 as all of Parley sends it, and the extensions that the SFU looks at.
pub(crate) fn config(certificate: &Certificate) -> RtcConfig {
    let mut config = RtcConfig::new()
        .set_crypto_provider(ciphers())
        .set_dtls_cert(certificate.for_dtls())
        .clear_codecs()
        .enable_opus(true, true)
        .set_rtp_mode(true)
        .set_extension_map(extensions())
        .set_stats_interval(None);
    config
        .codec_config()
        .add_h264(102.into(), Some(103.into()), true, 0x42_e0_1f);
    config
}

/// The library's own, shared by all connections.
fn ciphers() -> Arc<CryptoProvider> {
    static CIPHERS: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(from_feature_flags()));
    Arc::clone(&CIPHERS)
}

fn extensions() -> ExtensionMap {
    let mut map = ExtensionMap::empty();
    map.set(1, Extension::AudioLevel);
    map.set(3, Extension::TransportSequenceNumber);
    map.set(4, Extension::RtpMid);
    map.set(10, Extension::RtpStreamId);
    map.set(11, Extension::RepairedRtpStreamId);
    map
}

/// An answer that names Opus before what has copies of it inside (`red`): a browser sends what comes first, and whoever sends decides when
/// copies are worth their bits.
pub(super) fn opus_first(answer: &str, red: Option<Pt>, opus: Option<Pt>) -> String {
    let (Some(red), Some(opus)) = (red, opus) else {
        return answer.to_owned();
    };
    let (listed, turned) = (format!(" {red} {opus}"), format!(" {opus} {red}"));
    answer
        .split_inclusive('\n')
        .map(|line| {
            let at = line.starts_with("m=audio ").then(|| line.find(&listed)).flatten();
            let rest = at.and_then(|at| Some((line.get(..at)?, line.get(at + listed.len()..)?)));
            // The two may be the beginning of longer numbers.
            match rest.filter(|(_, rest)| rest.starts_with([' ', '\r', '\n'])) {
                Some((before, rest)) => format!("{before}{turned}{rest}"),
                None => line.to_owned(),
            }
        })
        .collect()
}

/// Whether whoever offers this speaks Opus with copies inside: only then it is of use to ask what their way loses.
pub(super) fn reads_copies(offer: &str) -> bool {
    let codecs = offer.lines().filter_map(|line| line.strip_prefix("a=rtpmap:"));
    let mut names = codecs.filter_map(|codec| codec.split_once(' '));
    names.any(|(_, name)| {
        name.get(..9)
            .is_some_and(|name| name.eq_ignore_ascii_case("red/48000"))
    })
}

/// What no description may have more of.
pub(super) fn check(sdp: &str) -> Result<(), Refusal> {
    const SECTIONS_MAX: usize = PUBLICATIONS_MAX + VIDEO_DOWNS_MAX + AUDIO_DOWNS_MAX + 1;
    if sdp.len() > SFU_SDP_BYTES_MAX {
        return Err("it is too long");
    }
    if sdp.lines().filter(|line| line.starts_with("m=")).count() > SECTIONS_MAX {
        return Err("it has too many sections");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opus_is_named_before_what_has_copies_of_it_inside() {
        let answer = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\na=rtpmap:63 red/48000/2\r\nm=video 9 X 63 111\r\nm=audio 9 X 63 111 0\r\nm=audio 9 X 63 1110\r\nm=audio 9 X 111\r\n";
        let turned = opus_first(answer, Some(63.into()), Some(111.into()));
        let lines: Vec<&str> = turned.lines().filter(|line| line.starts_with("m=")).collect();
        assert_eq!(
            lines,
            [
                "m=audio 9 UDP/TLS/RTP/SAVPF 111 63",
                "m=video 9 X 63 111",
                "m=audio 9 X 111 63 0",
                "m=audio 9 X 63 1110",
                "m=audio 9 X 111"
            ]
        );
        assert_eq!(turned.len(), answer.len());
        assert_eq!(opus_first(answer, None, Some(111.into())), answer);
    }

    #[test]
    fn who_offers_copies_of_sound_reads_them() {
        let offer = |codec| {
            format!("v=0\r\nm=audio 9 X 111 63\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:63 {codec}\r\n")
        };
        assert!(reads_copies(&offer("red/48000/2")) && reads_copies(&offer("RED/48000/2")));
        // Of pictures it is something else.
        assert!(!reads_copies(&offer("red/90000")) && !reads_copies(&offer("PCMU/8000")));
        assert!(!reads_copies("a=rtpmap:63\r\na=rtpmap:63 \r\n"));
    }
}
