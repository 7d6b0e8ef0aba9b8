//! RTP payloads of H.264.

use crate::bytes::Plan;
use bytes::Bytes;
use parley_media::video::h264::{Depacketizer, nal_units, packetize, picture_start};

/// Any payloads give pictures or errors; a picture that was put together survives being cut and put together again.
pub(crate) fn depacketiser(data: &[u8]) {
    let mut plan = Plan(data);
    let mut depacketizer = Depacketizer::new();
    while !plan.is_over() {
        let length = plan.u16();
        if length == u16::MAX {
            if let Ok(unit) = depacketizer.finish() {
                check(unit.data, usize::from(plan.byte()) * 8);
            }
            continue;
        }
        let payload = plan.take(usize::from(length));
        let _ = picture_start(payload);
        let _ = depacketizer.push(payload);
    }
    if let Ok(unit) = depacketizer.finish() {
        check(unit.data, 1200);
    }
    let _ = packetize(&Bytes::copy_from_slice(data), 100);
}

fn check(annex_b: Vec<u8>, mtu: usize) {
    let annex_b = Bytes::from(annex_b);
    let units: Vec<&[u8]> = nal_units(&annex_b).collect();
    let mut depacketizer = Depacketizer::new();
    for payload in packetize(&annex_b, mtu) {
        assert!(payload.len() <= mtu.max(64), "{} bytes in {mtu}", payload.len());
        assert_eq!(depacketizer.push(&payload), Ok(()));
    }
    let again = depacketizer.finish();
    assert!(again.is_ok(), "{again:?}");
    if let Ok(again) = again {
        let sendable = |unit: &&[u8]| (1..=23).contains(&(unit[0] & 0x1f));
        assert_eq!(
            nal_units(&again.data).collect::<Vec<_>>(),
            units.into_iter().filter(sendable).collect::<Vec<_>>()
        );
    }
}
