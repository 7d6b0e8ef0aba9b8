//! What comes of one publication: one stream, in one channel, from whatever section carries it now. Sans-IO, but for the channel.

use super::numbering::Numbering;
use crate::key_frame::KeyFrameRequester;
use crate::peer::chain::deliver::{AUDIO_PACKETS_MAX, VIDEO_PACKETS_MAX};
use crate::peer::meter::Drops;
use crate::port::TrackKind;
use crate::sfu_port::GroupTrack;
use parley_media::packet::ReceivedPacket;
use parley_media::time::{AUDIO_CLOCK_HZ, VIDEO_CLOCK_HZ};
use parley_media::video::{Lip, SenderTimes};
use parley_proto::{ParticipantId, Source};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// A track whose taker is gone is told again, but no more often than this.
const TELL_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// A key frame whose first packet was lost is waited for so long before another one is asked for: its repair takes a round trip or two.
const REPAIR_MAX: Duration = Duration::from_millis(200);
/// Packets of a camera that did not come for so long have stopped.
const QUIET_MAX: Duration = Duration::from_secs(1);

/// What a publication is to the session; nothing for one that is not known here.
pub(super) const fn kind_of(source: Source) -> Option<TrackKind> {
    Some(match source {
        Source::Microphone => TrackKind::Audio,
        Source::Camera => TrackKind::Video,
        Source::Screen => TrackKind::Screen,
        Source::ScreenSound => TrackKind::ScreenSound,
        Source::Unknown => return None,
    })
}

/// Where a stream comes now: in a connection's section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) connection: u32,
    pub(super) ssrc: u32,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) participant: ParticipantId,
    pub(super) kind: TrackKind,
    pub(super) numbering: Numbering,
    /// Where its newest stay is.
    pub(super) place: Place,
    pub(super) came: Instant,
    pub(super) key_frames: KeyFrameRequester,
    pub(super) times: SenderTimes,
    sender: Option<SyncSender<ReceivedPacket>>,
    /// The other end of it, until it is told, and since when there is one.
    untold: Option<(Receiver<ReceivedPacket>, Instant)>,
    told: Option<Instant>,
    /// What was last told of its flow.
    flows: bool,
}

impl Track {
    pub(super) fn new(
        now: Instant,
        (participant, kind): (ParticipantId, TrackKind),
        place: Place,
        key_frames: KeyFrameRequester,
        times: SenderTimes,
    ) -> Self {
        Self {
            participant,
            kind,
            numbering: Numbering::default(),
            place,
            came: now,
            key_frames,
            times,
            sender: None,
            untold: None,
            told: None,
            flows: true,
        }
    }

    pub(super) const fn is_sound(&self) -> bool {
        matches!(self.kind, TrackKind::Audio | TrackKind::ScreenSound)
    }

    pub(super) const fn lip(&self) -> Lip {
        if self.is_sound() { Lip::Sound } else { Lip::Picture }
    }

    pub(super) const fn clock_hz(&self) -> u32 {
        if self.is_sound() {
            AUDIO_CLOCK_HZ
        } else {
            VIDEO_CLOCK_HZ
        }
    }

    /// Whether the session knows of it.
    pub(super) const fn is_told(&self) -> bool {
        self.told.is_some()
    }

    /// Hands a packet on; gives what to tell when it is one to begin with. `begins`: it is the first one of a key frame.
    pub(super) fn hand_on(
        &mut self,
        now: Instant,
        received: ReceivedPacket,
        begins: bool,
        drops: &Drops,
    ) -> Option<GroupTrack> {
        self.came = now;
        if self.sender.is_none() {
            if self.told.is_some_and(|told| now < told + TELL_AGAIN_AFTER) {
                drops.media_full.one();
                return None;
            }
            let (sender, packets) = sync_channel(if self.is_sound() {
                AUDIO_PACKETS_MAX
            } else {
                VIDEO_PACKETS_MAX
            });
            self.sender = Some(sender);
            self.untold = Some((packets, now));
        }
        match self.sender.as_ref().map(|sender| sender.try_send(received)) {
            None | Some(Ok(())) => {}
            Some(Err(TrySendError::Full(_))) => drops.media_full.one(),
            Some(Err(TrySendError::Disconnected(_))) => {
                // Whoever took them is gone: told again, or this track would be silent for good.
                drops.media_full.one();
                self.sender = None;
            }
        }
        let (packets, since) = self.untold.take()?;
        if !self.is_sound() && !begins {
            if now >= since + REPAIR_MAX {
                self.key_frames.request();
            }
            self.untold = Some((packets, since));
            return None;
        }
        self.told = Some(now);
        Some(GroupTrack {
            participant: self.participant,
            kind: self.kind,
            packets,
            key_frames: self.key_frames.clone(),
            times: self.times.clone(),
        })
    }

    /// Whether its packets come, if that changed. Only of a camera that is on: silence is not sent, and a screen may stand still.
    pub(super) fn look(&mut self, now: Instant, is_on: bool) -> Option<bool> {
        if self.kind != TrackKind::Video || !self.is_told() {
            return None;
        }
        let flows = !is_on || now.saturating_duration_since(self.came) < QUIET_MAX;
        (std::mem::replace(&mut self.flows, flows) != flows).then_some(flows)
    }
}
