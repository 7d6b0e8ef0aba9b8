//! The driver of the connection to the SFU in memory: strict where the real one is (an answer only to an offer, events in order).

use crate::port::{ConnectionPhase, TrackKind};
use crate::sfu_port::{GroupTrack, ReceiveSection, SfuCommand, SfuEvent, SfuEventKind};
use crate::{KeyFrameRequester, VideoLimits};
use parley_media::packet::ReceivedPacket;
use parley_media::video::SenderTimes;
use parley_proto::{ParticipantId, Publication, Publish, PublishedLayer, Source};

/// Sections in which pictures, and sound, are received.
const PICTURES: usize = 4;
const SOUNDS: usize = 3;

#[derive(Debug, Default)]
pub(super) struct FakeSfu {
    /// The newest one.
    pub(super) connection: u32,
    /// The one that stands.
    pub(super) stands: Option<u32>,
    offer_set: bool,
    answered: bool,
    screen: bool,
    /// Whether anything may be sent, once microphone and camera are on the newest one.
    pub(super) own: Option<bool>,
    /// Tracks that the session was told of; dropped with them.
    tracks: Vec<(
        ParticipantId,
        TrackKind,
        std::sync::mpsc::SyncSender<ReceivedPacket>,
    )>,
    pub(super) publications: Vec<Publication>,
    pub(super) layers_wanted: Vec<(Source, Vec<String>)>,
    pub(super) limits: Option<VideoLimits>,
    pub(super) commands: u32,
    pub(super) closed: u32,
    pub(super) screens: Vec<bool>,
    pub(super) failures: Vec<&'static str>,
}

impl FakeSfu {
    /// Carries a command out; gives what happens then.
    pub(super) fn command(&mut self, command: SfuCommand) -> Vec<SfuEvent> {
        self.commands += 1;
        let kinds = match command {
            SfuCommand::Open {
                connection, speaks, ..
            } => {
                assert!(connection > self.connection, "numbers count up");
                self.connection = connection;
                self.own = speaks.then_some(true);
                (self.offer_set, self.answered, self.screen) = (false, false, false);
                Vec::new()
            }
            SfuCommand::Speak(speaks) => {
                let is_more = speaks && self.own.is_none();
                self.own = (speaks || self.own.is_some()).then_some(speaks);
                let news = is_more.then_some(SfuEventKind::NegotiationNeeded);
                news.into_iter().collect()
            }
            SfuCommand::MakeOffer { .. } if self.offer_set && !self.answered => self.fail("make_offer"),
            SfuCommand::MakeOffer { .. } => {
                (self.offer_set, self.answered) = (true, false);
                vec![self.offer()]
            }
            SfuCommand::SetAnswer { .. } if !self.offer_set || self.answered => self.fail("set_answer"),
            SfuCommand::SetAnswer { .. } => {
                self.answered = true;
                vec![SfuEventKind::AnswerSet]
            }
            SfuCommand::AddScreen { sound } => {
                self.screen = true;
                self.screens.push(sound);
                vec![SfuEventKind::NegotiationNeeded]
            }
            SfuCommand::Publications(list) => {
                self.publications = list;
                Vec::new()
            }
            SfuCommand::LayersWanted { source, rids } => {
                self.layers_wanted.push((source, rids));
                Vec::new()
            }
            SfuCommand::Limit(limits) => {
                self.limits = Some(limits);
                Vec::new()
            }
            SfuCommand::Close => {
                self.closed += 1;
                self.stands = None;
                (self.offer_set, self.answered) = (false, false);
                self.tracks.clear();
                Vec::new()
            }
        };
        let connection = self.connection;
        kinds
            .into_iter()
            .map(|kind| SfuEvent { connection, kind })
            .collect()
    }

    fn fail(&mut self, command: &'static str) -> Vec<SfuEventKind> {
        self.failures.push(command);
        vec![SfuEventKind::CommandFailed {
            command,
            detail: String::new(),
        }]
    }

    fn offer(&self) -> SfuEventKind {
        let publish = |mid: &str, source, layers| Publish {
            mid: mid.into(),
            source,
            on: false,
            layers,
        };
        let layer = PublishedLayer {
            rid: "f".into(),
            width: 1280,
            height: 720,
            kbps: 1500,
        };
        let mut sent = Vec::new();
        if self.own.is_some() {
            sent.push(publish("0", Source::Microphone, Vec::new()));
            sent.push(publish("1", Source::Camera, vec![layer.clone()]));
        }
        if self.screen {
            sent.push(publish("2", Source::Screen, vec![layer]));
        }
        let section = |sound: bool, n: usize| ReceiveSection {
            mid: format!("{}{n}", if sound { "s" } else { "p" }),
            sound,
        };
        let sounds = (0..SOUNDS).map(|n| section(true, n));
        SfuEventKind::LocalOffer {
            sdp: format!("offer {}", self.connection),
            publish: sent,
            receive: sounds.chain((0..PICTURES).map(|n| section(false, n))).collect(),
        }
    }

    /// Whether the newest one can come to stand.
    pub(super) fn may_stand(&self) -> bool {
        self.answered && self.stands != Some(self.connection)
    }

    fn event(&self, kind: SfuEventKind) -> SfuEvent {
        SfuEvent {
            connection: self.connection,
            kind,
        }
    }

    pub(super) fn stand(&mut self) -> SfuEvent {
        self.stands = Some(self.connection);
        self.event(SfuEventKind::Connection(ConnectionPhase::Connected))
    }

    /// Nothing comes over it any more.
    pub(super) fn fall(&mut self) -> Option<SfuEvent> {
        let connection = self.stands.take()?;
        self.tracks.clear();
        Some(SfuEvent {
            connection,
            kind: SfuEventKind::Connection(ConnectionPhase::Failed),
        })
    }

    /// These come now; gives what begins and what ended.
    pub(super) fn carry(&mut self, coming: &[(ParticipantId, TrackKind)]) -> Vec<SfuEvent> {
        let mut kinds = Vec::new();
        self.tracks.retain(|(participant, kind, _)| {
            let goes_on = coming.contains(&(*participant, *kind));
            if !goes_on {
                kinds.push(SfuEventKind::TrackEnded {
                    participant: *participant,
                    kind: *kind,
                });
            }
            goes_on
        });
        for (participant, kind) in coming {
            if self
                .tracks
                .iter()
                .any(|(who, what, _)| (who, what) == (participant, kind))
            {
                continue;
            }
            let (sender, packets) = std::sync::mpsc::sync_channel(1);
            self.tracks.push((*participant, *kind, sender));
            kinds.push(SfuEventKind::Track(GroupTrack {
                participant: *participant,
                kind: *kind,
                packets,
                key_frames: KeyFrameRequester::new(),
                times: SenderTimes::default(),
            }));
        }
        kinds.into_iter().map(|kind| self.event(kind)).collect()
    }
}
