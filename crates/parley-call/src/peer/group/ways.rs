//! The routes of one connection's encodings, as they were agreed on. Which of them are open now is the driver's to say: a route that is
//! there only while its layer is wanted makes the pump begin it with a key frame.

use super::connection::{Connection, Sending};
use crate::peer::route::{self, Route};
use crate::peer::setup::LocalTrack;
use bytes::Bytes;
use parley_proto::Source;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS};
use std::sync::Arc;
use tokio::sync::watch;

/// See the module. Nothing where nothing was agreed on yet.
#[derive(Debug, Default)]
pub(super) struct Ways {
    pub(super) microphone: Option<Arc<Route>>,
    /// Smallest first.
    pub(super) camera: Vec<Arc<Route>>,
    pub(super) screen: Option<Arc<Route>>,
    pub(super) screen_sound: Option<Arc<Route>>,
}

impl Ways {
    /// What was agreed on for a connection. `rids` are the names of the camera's encodings.
    pub(super) async fn of(connection: &Connection, rids: &[&'static str]) -> Self {
        let mut ways = Self::default();
        for sending in &connection.sending {
            let routes = routes(connection, sending, rids).await;
            let first = || routes.first().cloned();
            match sending.source {
                Source::Microphone => ways.microphone = first(),
                Source::Camera => ways.camera = routes,
                Source::Screen => ways.screen = first(),
                Source::ScreenSound => ways.screen_sound = first(),
                Source::Unknown => {}
            }
        }
        ways
    }
}

/// The routes of one track's encodings, smallest first; none before it was agreed on.
async fn routes(connection: &Connection, sending: &Sending, rids: &[&'static str]) -> Vec<Arc<Route>> {
    let mime_type = if sending.source.is_sound() {
        MIME_TYPE_OPUS
    } else {
        MIME_TYPE_H264
    };
    let Some(agreed) = route::agreed(connection.peer.as_ref(), &sending.sender, mime_type).await else {
        return Vec::new();
    };
    let has_names = sending.encodings.len() > 1;
    let count = sending.encodings.len();
    let route = |(at, encoding): (usize, &LocalTrack)| {
        let rid = rids.get(at).filter(|_| has_names);
        Arc::new(Route {
            generation: connection.number,
            is_screen: matches!(sending.source, Source::Screen | Source::ScreenSound),
            smaller: count - 1 - at,
            track: Arc::clone(&encoding.track),
            ssrc: encoding.ssrc,
            payload_type: agreed.payload_type,
            red_type: red_type(connection, sending.source, agreed.payload_type),
            mid: agreed.mid.clone(),
            rid: agreed
                .rid_id
                .zip(rid)
                .map(|(id, rid)| (id, Bytes::from_static(rid.as_bytes()))),
            audio_level_id: agreed.audio_level_id,
            clock: Arc::clone(&encoding.clock),
            room: Arc::clone(&connection.room),
            meter: Arc::clone(&connection.meter),
        })
    };
    sending.encodings.iter().enumerate().map(route).collect()
}

/// The payload type for a voice with copies inside, if the server's answer has that with our Opus.
fn red_type(connection: &Connection, source: Source, opus: u8) -> Option<u8> {
    let red = connection.meter.redundancy.negotiated()?;
    (source == Source::Microphone && red.media == opus).then_some(red.red)
}

/// Opens the way for a pump, or shuts it. A pump that waits for room is woken only by a change.
pub(super) fn open(route: &watch::Sender<Option<Arc<Route>>>, to: Option<&Arc<Route>>) {
    route.send_if_modified(|now| {
        let is_same = match (&*now, to) {
            (Some(now), Some(to)) => Arc::ptr_eq(now, to),
            (None, None) => true,
            _ => false,
        };
        if !is_same {
            *now = to.cloned();
        }
        !is_same
    });
}
