//! One connection to the SFU: the library's object with our tracks in sendonly sections, the pool of recvonly ones, and its counters.
//! Made by `Open`, replaced by the next one once that stands. Decides nothing.

use super::setup::{Blueprint, Built, Tracks, build};
use super::{PICTURE_SECTIONS, SOUND_SECTIONS};
use crate::peer::connection::CommandError;
use crate::peer::estimate::{Ceiling, Congestion};
use crate::peer::meter::Meter;
use crate::peer::pacer::room::Room;
use crate::peer::rounds::Rounds;
use crate::peer::runtime::LiveTasks;
use crate::peer::setup::{LocalTrack, Trunk};
use crate::peer::stats::Pair;
use crate::peer::tcp::guard::Guard;
use crate::peer::tcp::lines;
use crate::peer::tcp::rules::Refusal;
use crate::peer::way::{self, Selected};
use crate::relay::relays::Relays;
use crate::sdp::ufrags;
use crate::sfu_port::ReceiveSection;
use parley_proto::limits::SFU_SDP_BYTES_MAX;
use parley_proto::{Bitrate, Publish, PublishedLayer, Source};
use rtc::peer_connection::configuration::RTCOfferOptions;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::transport::DtlsTransport;
use webrtc::peer_connection::{PeerConnection, RTCIceCandidateInit, RTCSessionDescription};
use webrtc::rtp_transceiver::{RtpSender, RtpTransceiver};

/// How long closing may take before the connection is left to itself.
const CLOSE_MAX: Duration = Duration::from_secs(1);

type Result<T> = std::result::Result<T, CommandError>;

/// One of our tracks in its section.
pub(super) struct Sending {
    pub(super) source: Source,
    /// The encodings, smallest first.
    pub(super) encodings: Vec<LocalTrack>,
    pub(super) sender: Arc<dyn RtpSender>,
    transceiver: Arc<dyn RtpTransceiver>,
}

/// See the module.
pub(super) struct Connection {
    pub(super) number: u32,
    pub(super) meter: Arc<Meter>,
    pub(super) congestion: Congestion,
    pub(super) estimate: watch::Receiver<Bitrate>,
    pub(super) ceiling: Ceiling,
    pub(super) room: Arc<Room>,
    pub(super) tasks: Arc<LiveTasks>,
    pub(super) rounds: Arc<Rounds>,
    /// What streams there may be; none without.
    pub(super) tcp: Option<Arc<Guard>>,
    pub(super) peer: Arc<dyn PeerConnection>,
    pub(super) sending: Vec<Sending>,
    receiving: Vec<(bool, Arc<dyn RtpTransceiver>)>,
    /// Microphone and camera, while their owner only listens.
    spare_own: Option<(LocalTrack, Vec<LocalTrack>)>,
    spare_screen: Option<LocalTrack>,
    spare_screen_sound: Option<LocalTrack>,
    /// Any stream of the server: the library writes requests by one.
    remote: Option<Arc<dyn TrackRemote>>,
    /// What requests go under.
    ssrc: u32,
}

impl Connection {
    /// Makes one. Nothing is sent before the answer is set.
    pub(super) async fn open(blueprint: Blueprint, now: Instant) -> Result<Self> {
        let Built {
            raised: (peer, rounds, tasks),
            tracks,
            trunk,
        } = build(&blueprint, now).await?;
        let Tracks {
            microphone,
            camera,
            screen,
            screen_sound,
        } = tracks;
        let Trunk {
            meter,
            room,
            congestion,
            estimate,
            ceiling,
        } = trunk;
        let ssrc = microphone.ssrc;
        let mut connection = Self {
            number: blueprint.number,
            meter,
            congestion,
            estimate,
            ceiling,
            room,
            tasks,
            rounds,
            tcp: blueprint.reach.tcp.clone(),
            peer,
            sending: Vec::new(),
            receiving: Vec::new(),
            spare_own: Some((microphone, camera)),
            spare_screen: Some(screen),
            spare_screen_sound: Some(screen_sound),
            remote: None,
            ssrc,
        };
        if blueprint.speaks {
            connection.add_own().await?;
        }
        for (is_sound, count) in [(true, SOUND_SECTIONS), (false, PICTURE_SECTIONS)] {
            for _ in 0..count {
                connection.receive(is_sound).await?;
            }
        }
        Ok(connection)
    }

    async fn send(&mut self, source: Source, encodings: Vec<LocalTrack>) -> Result<()> {
        let Some(first) = encodings.first() else {
            return Ok(());
        };
        let track: Arc<dyn TrackLocal> = first.track.clone();
        let init = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Sendonly,
            ..Default::default()
        };
        let transceiver = self.peer.add_transceiver_from_track(track, Some(init)).await?;
        let sender = transceiver.sender().await?.ok_or(CommandError::NotOpen)?;
        self.sending.push(Sending {
            source,
            encodings,
            sender,
            transceiver,
        });
        Ok(())
    }

    async fn receive(&mut self, is_sound: bool) -> Result<()> {
        let kind = if is_sound {
            RtpCodecKind::Audio
        } else {
            RtpCodecKind::Video
        };
        let init = RTCRtpTransceiverInit {
            direction: RTCRtpTransceiverDirection::Recvonly,
            ..Default::default()
        };
        let transceiver = self.peer.add_transceiver_from_kind(kind, Some(init)).await?;
        self.receiving.push((is_sound, transceiver));
        Ok(())
    }

    /// Puts microphone and camera on the connection, once; gives whether there is more to negotiate.
    pub(super) async fn add_own(&mut self) -> Result<bool> {
        let Some((microphone, camera)) = self.spare_own.take() else {
            return Ok(false);
        };
        self.send(Source::Microphone, vec![microphone]).await?;
        self.send(Source::Camera, camera).await?;
        Ok(true)
    }

    /// Puts the screen's track on the connection, and that of its sound, each once; gives whether there is more to negotiate.
    pub(super) async fn add_screen(&mut self, with_sound: bool) -> Result<bool> {
        let screen = self.spare_screen.take();
        let sound = self.spare_screen_sound.take_if(|_| with_sound);
        let is_more = screen.is_some() || sound.is_some();
        for (source, track) in [(Source::Screen, screen), (Source::ScreenSound, sound)] {
            if let Some(track) = track {
                self.send(source, vec![track]).await?;
            }
        }
        Ok(is_more)
    }

    /// Creates and sets an offer; gives its SDP.
    pub(super) async fn make_offer(&self, ice_restart: bool) -> Result<String> {
        let options = ice_restart.then_some(RTCOfferOptions { ice_restart });
        let offer = self.peer.create_offer(options).await?;
        // Nobody connects to us, and the server need not know from where we do.
        let sdp = lines::without_tcp(&offer.sdp);
        self.peer.set_local_description(offer).await?;
        Ok(sdp)
    }

    /// What is sent in which section of the offer that was made last, the camera in these encodings.
    pub(super) async fn published(&self, camera: &[PublishedLayer]) -> Result<Vec<Publish>> {
        let mut published = Vec::new();
        for sending in &self.sending {
            let Some(mid) = sending.transceiver.mid().await? else {
                continue;
            };
            // One encoding needs no name, and a screen's size is not known.
            let layers = if sending.source == Source::Camera {
                camera.to_vec()
            } else {
                Vec::new()
            };
            published.push(Publish {
                mid,
                source: sending.source,
                on: true,
                layers,
            });
        }
        Ok(published)
    }

    /// The sections of it that something can be received in.
    pub(super) async fn sections(&self) -> Result<Vec<ReceiveSection>> {
        let mut sections = Vec::new();
        for (sound, transceiver) in &self.receiving {
            let sound = *sound;
            if let Some(mid) = transceiver.mid().await? {
                sections.push(ReceiveSection { mid, sound });
            }
        }
        Ok(sections)
    }

    /// Sets the server's answer; checks begin.
    pub(super) async fn set_answer(&self, sdp: &str, now: Instant) -> Result<()> {
        if sdp.len() > SFU_SDP_BYTES_MAX {
            return Err(CommandError::TooLarge("the description"));
        }
        let answer = RTCSessionDescription::answer(lines::without_tcp(sdp))?;
        self.meter.redundancy.read(sdp);
        if let Some(tcp) = &self.tcp {
            tcp.begin(ufrags(sdp).next().unwrap_or_default(), now);
        }
        self.peer.set_remote_description(answer).await?;
        if let Some(tcp) = &self.tcp {
            self.want_streams(tcp, sdp).await;
        }
        Ok(())
    }

    /// The server's places for streams: connected to when datagrams did not get there, as far as the guard lets.
    async fn want_streams(&self, tcp: &Guard, sdp: &str) {
        for (at, candidate) in lines::places(sdp) {
            match tcp.want(at) {
                Ok(()) => {}
                // A server on this machine, or one that was named before.
                Err(Refusal::Here | Refusal::TooMany) => continue,
                Err(refusal) => {
                    tracing::debug!(%at, %refusal, "the server is not reached by a stream there");
                    continue;
                }
            }
            let init = RTCIceCandidateInit {
                candidate,
                sdp_mline_index: Some(0),
                ..Default::default()
            };
            if let Err(error) = self.peer.add_ice_candidate(init).await {
                tracing::debug!(%at, %error, "the server is not reached by a stream there");
            }
        }
    }

    /// A stream of the server can be spoken to.
    pub(super) fn on_remote_track(&mut self, track: Arc<dyn TrackRemote>) {
        self.remote = Some(track);
    }

    /// Asks the server for a key frame of what comes in a section; gives whether that could be asked.
    pub(super) async fn request_key_frame(&self, media_ssrc: u32) -> bool {
        let Some(remote) = &self.remote else {
            return false;
        };
        let request = PictureLossIndication {
            sender_ssrc: self.ssrc,
            media_ssrc,
        };
        match remote.write_rtcp(vec![Box::new(request)]).await {
            Ok(()) => self.meter.key_frame_requests_sent.one(),
            Err(error) => tracing::debug!(%error, "a key frame cannot be asked for"),
        }
        true
    }

    /// The pair of addresses in use, with its round trip.
    pub(super) async fn pair(&self, now: Instant, relays: &Relays) -> Option<Pair> {
        let transport = self.transport().await?;
        way::pair(self.peer.as_ref(), transport.as_ref(), now, relays).await
    }

    /// The addresses that packets go between now, if ICE has chosen.
    pub(super) async fn selected(&self) -> Option<Selected> {
        way::selected(self.transport().await?.as_ref()).await
    }

    /// What everything goes over; a listener has no sender to ask.
    async fn transport(&self) -> Option<Arc<dyn DtlsTransport>> {
        if let Some(sending) = self.sending.first() {
            return sending.sender.transport().await.ok()?;
        }
        let (_, transceiver) = self.receiving.first()?;
        let receiver = transceiver.receiver().await.ok()??;
        receiver.transport().await.ok()?
    }

    /// Ends it and everything that belongs to it.
    pub(super) async fn close(self) {
        if let Some(tcp) = &self.tcp {
            tcp.end();
        }
        match tokio::time::timeout(CLOSE_MAX, self.peer.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "closing"),
            Err(_) => tracing::warn!("a connection does not close"),
        }
    }
}
