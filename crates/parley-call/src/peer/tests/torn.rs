//! When a key frame is asked of one's own encoder: as soon as there is a way out, and after a picture that went out in part only,
//! on which nothing can be built.

use super::pair::frame;
use crate::peer::chain::sender_report::CaptureClock;
use crate::peer::meter::{Counter, Meter};
use crate::peer::pacer::room::Room;
use crate::peer::route::Route;
use crate::peer::send_video::{self, no_routes};
use parley_media::time::VIDEO_CLOCK_HZ;
use parley_media::video::KeyFrameFlag;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;

/// A way out on which the library takes nothing, as when its connection is gone and nobody has said so yet.
fn dead_route(meter: &Arc<Meter>) -> Arc<Route> {
    let name = String::from("camera");
    let track = MediaStreamTrack::new(name.clone(), name.clone(), name, RtpCodecKind::Video, Vec::new());
    Arc::new(Route {
        generation: 1,
        is_screen: false,
        smaller: 0,
        track: Arc::new(TrackLocalStaticRTP::new(track)),
        ssrc: 7,
        payload_type: 125,
        red_type: None,
        mid: None,
        rid: None,
        audio_level_id: None,
        clock: Arc::new(CaptureClock::new(VIDEO_CLOCK_HZ)),
        room: Arc::new(Room::default()),
        meter: Arc::clone(meter),
    })
}

#[tokio::test]
async fn after_a_torn_picture_only_a_key_frame_is_sent_and_it_is_asked_for() {
    let meter = Arc::new(Meter::default());
    let (_routes, route) = watch::channel(Some(dead_route(&meter)));
    let (frames, out) = mpsc::channel(1);
    let (flag, unsent) = (KeyFrameFlag::new(), Arc::new(Counter::default()));
    let counts = Arc::clone(&unsent);
    let ways = [route, no_routes()];
    let pump = tokio::spawn(send_video::run(out, ways, flag.clone(), move || counts.one()));
    for (key_frame, tried, left_out) in [(true, 1, 0), (false, 1, 1), (false, 1, 2), (true, 2, 2)] {
        frames.send(frame(key_frame, 4000)).await.unwrap();
        let done = async {
            while (meter.drops.send_failed.get(), unsent.get()) != (tried, left_out) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(5), done).await;
        assert!(
            in_time.is_ok(),
            "{:?}",
            (meter.drops.send_failed.get(), unsent.get())
        );
        assert!(flag.take(), "asked for again, for as long as it takes");
    }
    drop(frames);
    pump.await.unwrap();
}

#[tokio::test]
async fn a_way_that_opens_asks_for_a_key_frame_at_once_and_what_was_under_way_does_not_ask_again() {
    let meter = Arc::new(Meter::default());
    let (routes, route) = watch::channel(None);
    let (frames, out) = mpsc::channel(1);
    let (flag, unsent) = (KeyFrameFlag::new(), Arc::new(Counter::default()));
    let counts = Arc::clone(&unsent);
    let ways = [route, no_routes()];
    let pump = tokio::spawn(send_video::run(out, ways, flag.clone(), move || counts.one()));
    routes.send(Some(dead_route(&meter))).unwrap();
    let asked = async {
        while !flag.take() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(5), asked).await;
    assert!(in_time.is_ok(), "asked without a picture");
    for (left_out, asks_again) in [(1, false), (2, false), (3, true), (4, true)] {
        frames.send(frame(false, 4000)).await.unwrap();
        let done = async {
            while unsent.get() != left_out {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(5), done).await;
        assert!(in_time.is_ok(), "{}", unsent.get());
        assert_eq!(flag.take(), asks_again, "after {left_out}");
    }
    assert_eq!(meter.drops.send_failed.get(), 0, "none of them was sent");
    drop(frames);
    pump.await.unwrap();
}

#[tokio::test]
async fn a_picture_goes_every_way_that_is_open_and_is_left_out_only_where_none_is() {
    let meters = [Arc::new(Meter::default()), Arc::new(Meter::default())];
    let (direct, one) = watch::channel(None);
    let (group, other) = watch::channel(None);
    let (frames, out) = mpsc::channel(1);
    let (flag, unsent) = (KeyFrameFlag::new(), Arc::new(Counter::default()));
    let counts = Arc::clone(&unsent);
    let pump = tokio::spawn(send_video::run(out, [one, other], flag.clone(), move || {
        counts.one();
    }));
    for (ways, tried) in [
        ([false, true], [0, 1, 0]),
        ([true, true], [1, 2, 0]),
        ([true, false], [2, 2, 0]),
        ([false, false], [2, 2, 1]),
        ([true, true], [3, 3, 1]),
    ] {
        for ((route, meter), open) in [&direct, &group].into_iter().zip(&meters).zip(ways) {
            route.send(open.then(|| dead_route(meter))).unwrap();
        }
        // A way that opens is begun before the next picture, which is there already.
        tokio::time::sleep(Duration::from_millis(20)).await;
        frames.send(frame(true, 4000)).await.unwrap();
        let counted = || {
            let [direct, group] = meters.each_ref().map(|meter| meter.drops.send_failed.get());
            [direct, group, unsent.get()]
        };
        let done = async {
            while counted() != tried {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(5), done).await;
        assert!(in_time.is_ok(), "{:?} instead of {tried:?}", counted());
    }
    drop(frames);
    pump.await.unwrap();
}
