//! What every connection speaks, and what no description may have more of.

use super::certificate::Certificate;
use super::peer::Refusal;
use parley_proto::limits::{AUDIO_DOWNS_MAX, PUBLICATIONS_MAX, SFU_SDP_BYTES_MAX, VIDEO_DOWNS_MAX};
use std::sync::{Arc, LazyLock};
use str0m::RtcConfig;
use str0m::crypto::{CryptoProvider, from_feature_flags};
use str0m::rtp::{Extension, ExtensionMap};

/// What every connection speaks, on the server's side and on that of the client that loads it: Opus, H.264 as all of Parley sends it,
/// and the extensions that the SFU looks at.
pub(crate) fn config(certificate: &Certificate) -> RtcConfig {
    let mut config = RtcConfig::new()
        .set_crypto_provider(ciphers())
        .set_dtls_cert(certificate.for_dtls())
        .clear_codecs()
        .enable_opus(true, false)
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
