//! Whose a packet is that came from the SFU: its one contributing source (CSRC) names a publication, whatever section carries it.
//! Sans-IO: packets, lists and moments in; tracks, packets in their channels and what happened to them out.
//!
//! Fed by the chains of all connections of one call ([`super::incoming`]), so that a stream goes on when a fresh connection takes over.
//! Everything is bounded, whatever a server sends: sections by what was negotiated, publications by their list, tracks by
//! [`TRACKS_MAX`], and what nobody has named yet by [`HELD_MAX`].

use super::numbering::Tenure;
use super::track::{Place, Track, kind_of};
use crate::key_frame::KeyFrameRequester;
use crate::peer::chain::deliver::starts_key_frame;
use crate::peer::chain::seen::Seen;
use crate::peer::meter::Drops;
use crate::port::TrackKind;
use crate::sfu_port::SfuEventKind;
use parley_media::audio::red::Copied;
use parley_media::packet::ReceivedPacket;
use parley_media::time::{ArrivalTime, RtpTime};
use parley_media::video::{NtpTime, SenderTimes};
use parley_proto::limits::{GROUP_PARTICIPANTS_MAX, PUBLICATIONS_MAX};
use parley_proto::{ParticipantId, Publication};
use rtc::rtp;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Publications that are known: all that a room can have.
const KNOWN_MAX: usize = GROUP_PARTICIPANTS_MAX * PUBLICATIONS_MAX;
/// Streams at once: more people than are seen and heard within some minutes. Beyond it the one ends that was quiet for longest.
const TRACKS_MAX: usize = 96;
/// Packets that wait for somebody to name their publication: a quarter of a second of sixteen pictures.
const HELD_MAX: usize = 256;
/// The list comes over another connection; one this late has other reasons.
const HELD_AGE_MAX: Duration = Duration::from_secs(2);
/// Stays in a section that late packets are still told apart by.
const TENURES_MAX: usize = 4;
/// So many packets in a row that fit nowhere mean that the section began anew.
const STRAYS_MAX: u16 = 64;
/// Sections at once: of two connections, more than either is offered.
const SECTIONS_MAX: usize = 128;
/// Two looks that are further apart are after a nap of our own: what came meanwhile is still to be read.
const NAP: Duration = Duration::from_millis(400);

/// A section that something comes in.
#[derive(Debug, Default)]
struct Section {
    seen: Seen,
    /// Whose it was lately, oldest first.
    tenures: VecDeque<Tenure>,
    highest: Option<u16>,
    strays: u16,
}

/// A publication, as it was named last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    participant: ParticipantId,
    kind: TrackKind,
    on: bool,
}

/// A packet whose publication nobody has named.
#[derive(Debug)]
struct Held {
    came: Instant,
    place: Place,
    number: u32,
    packet: rtp::Packet,
}

/// How a packet comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comes {
    ByItself,
    /// In a later one, when its time has long come.
    AsCopy,
}

/// Where a packet belongs in its section.
enum Belongs {
    /// To the stay that lasts.
    ToNewest(Tenure),
    /// To one before.
    Late(Tenure),
    /// Somebody begins with it.
    Begins,
    Nowhere,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Demultiplexer {
    sections: HashMap<Place, Section>,
    known: HashMap<u32, Known>,
    tracks: HashMap<u32, Track>,
    held: VecDeque<Held>,
    /// Wakes the driver for all tracks.
    key_frames: KeyFrameRequester,
    news: Vec<SfuEventKind>,
    looked_at: Option<Instant>,
}

impl Demultiplexer {
    /// A section's stream begins. Said again after each negotiation.
    pub(super) fn bind(&mut self, place: Place) {
        if self.sections.len() < SECTIONS_MAX {
            self.sections.entry(place).or_default();
        }
    }

    /// A connection is over, and its sections with it. What is published goes on.
    pub(super) fn forget(&mut self, connection: u32) {
        self.sections.retain(|place, _| place.connection != connection);
        self.held.retain(|held| held.place.connection != connection);
    }

    /// The call goes another way from now on: all tracks end, without a word.
    pub(super) fn clear(&mut self) {
        *self = Self {
            key_frames: self.key_frames.clone(),
            ..Self::default()
        };
    }

    /// A packet came, retransmissions undone, and with it copies of some before it in its section, newest first.
    pub(super) fn packet(
        &mut self,
        now: Instant,
        place: Place,
        packet: rtp::Packet,
        copies: Vec<Copied>,
        drops: &Drops,
    ) {
        let Some(section) = self.sections.get_mut(&place) else {
            return drops.unexpected.one();
        };
        let is_empty = packet.payload.is_empty();
        let &[number] = packet.header.csrc.as_slice() else {
            if !is_empty {
                drops.unexpected.one();
            }
            return; // padding, or a keep-alive
        };
        // Among pictures that go on it fills a place: the server left that one out, and nobody is to wait for it.
        let is_picture = |track: &Track| !track.is_sound();
        if is_empty && !self.tracks.get(&number).is_some_and(is_picture) {
            return;
        }
        if !section.seen.first_time(packet.header.sequence_number) {
            return drops.duplicates.one();
        }
        if self.known.contains_key(&number) {
            let header = packet.header.clone();
            self.sort(now, place, number, packet, Comes::ByItself, drops);
            // The packet itself first, then what fills holes before it: most of the copies are of packets that came.
            for copy in copies {
                self.copy(now, place, number, &header, copy, drops);
            }
            return;
        }
        // Copies are not kept: what comes before anybody was named is heard late anyway.
        self.held.push_back(Held {
            came: now,
            place,
            number,
            packet,
        });
        self.drop_held(now, drops);
    }

    /// A copy of a packet before the one with this header.
    fn copy(
        &mut self,
        now: Instant,
        place: Place,
        number: u32,
        header: &rtp::header::Header,
        copy: Copied,
        drops: &Drops,
    ) {
        let sequence = header.sequence_number.wrapping_sub(copy.back);
        let Some(section) = self.sections.get_mut(&place) else {
            return;
        };
        // Of what was before somebody had the section there is nothing of theirs.
        let is_theirs = section
            .tenures
            .back()
            .is_some_and(|tenure| tenure.number == number && tenure.has(sequence));
        let is_sound = self.tracks.get(&number).is_some_and(Track::is_sound);
        if !is_theirs || !is_sound || !section.seen.first_time(sequence) {
            return;
        }
        let packet = rtp::Packet {
            header: rtp::header::Header {
                sequence_number: sequence,
                timestamp: header.timestamp.wrapping_sub(copy.earlier),
                marker: false,
                ..header.clone()
            },
            payload: copy.payload,
        };
        self.sort(now, place, number, packet, Comes::AsCopy, drops);
    }

    /// A sender report of a section.
    pub(super) fn report(&self, place: Place, ntp: u64, rtp_time: u32) {
        let tenure = self
            .sections
            .get(&place)
            .and_then(|section| section.tenures.back());
        if let Some(tenure) = tenure
            && let Some(track) = self.tracks.get(&tenure.number)
            && track.place == place
        {
            let time = RtpTime(tenure.time(rtp_time));
            track.times.report(track.lip(), NtpTime(ntp), time);
        }
    }

    /// What the others publish from now on, all of it.
    pub(super) fn publications(&mut self, now: Instant, list: &[Publication], drops: &Drops) {
        let known = list.iter().filter_map(|one| {
            let known = Known {
                participant: one.participant,
                kind: kind_of(one.source)?,
                on: one.on,
            };
            (one.number != 0).then_some((one.number, known))
        });
        self.known = known.take(KNOWN_MAX).collect();
        let is_gone = |number: &u32, track: &mut Track| {
            let known = self.known.get(number);
            known.is_none_or(|known| (known.participant, known.kind) != (track.participant, track.kind))
        };
        let gone = self.tracks.extract_if(is_gone);
        self.news.extend(gone.filter_map(|(_, track)| ended(&track)));
        self.drop_held(now, drops);
        for held in std::mem::take(&mut self.held) {
            if self.known.contains_key(&held.number) {
                let Held {
                    came, place, number, ..
                } = held;
                self.sort(came, place, number, held.packet, Comes::ByItself, drops);
            } else {
                self.held.push_back(held);
            }
        }
    }

    /// Time has come to `now`.
    pub(super) fn look(&mut self, now: Instant, drops: &Drops) {
        self.drop_held(now, drops);
        let napped = self
            .looked_at
            .replace(now)
            .is_none_or(|before| now.saturating_duration_since(before) > NAP);
        if napped {
            return;
        }
        for (number, track) in &mut self.tracks {
            let is_on = self.known.get(number).is_some_and(|known| known.on);
            if let Some(comes) = track.look(now, is_on) {
                self.news.push(SfuEventKind::Flow {
                    participant: track.participant,
                    kind: track.kind,
                    comes,
                });
            }
        }
    }

    /// What happened since the last time.
    pub(super) fn take_news(&mut self) -> Vec<SfuEventKind> {
        std::mem::take(&mut self.news)
    }

    /// Whether there is any.
    pub(super) const fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// By this a decoder of any track wakes the driver.
    pub(super) fn key_frames(&self) -> KeyFrameRequester {
        self.key_frames.clone()
    }

    /// The publications whose decoders wished for a key frame since the last time.
    pub(super) fn take_wishes(&self) -> Vec<u32> {
        let wished = self.tracks.iter().filter(|(_, track)| track.key_frames.taken());
        wished.map(|(number, _)| *number).collect()
    }

    /// Where a publication comes now.
    pub(super) fn place(&self, number: u32) -> Option<Place> {
        self.tracks.get(&number).map(|track| track.place)
    }

    /// Gives a packet of a known publication to its track.
    fn sort(
        &mut self,
        now: Instant,
        place: Place,
        number: u32,
        packet: rtp::Packet,
        comes: Comes,
        drops: &Drops,
    ) {
        let Some(section) = self.sections.get_mut(&place) else {
            return;
        };
        let at = (packet.header.sequence_number, packet.header.timestamp);
        let belongs = section.belongs(number, at.0);
        let is_begun = self.tracks.contains_key(&number);
        if packet.payload.is_empty() && !matches!(belongs, Belongs::ToNewest(_) | Belongs::Late(_)) {
            return; // nobody begins with nothing
        }
        let is_stray = match belongs {
            Belongs::ToNewest(_) | Belongs::Begins => false,
            Belongs::Late(_) => !is_begun,
            Belongs::Nowhere => true,
        };
        if is_stray {
            section.stray();
            return drops.unexpected.one();
        }
        let is_ahead = section.came(at.0);
        if !is_begun {
            self.begin(now, number, place);
        }
        let (Some(track), Some(section)) = (self.tracks.get_mut(&number), self.sections.get_mut(&place))
        else {
            return;
        };
        let begins = starts_key_frame(&packet.payload);
        let is_first = begins || track.is_sound();
        let tenure = match belongs {
            Belongs::Late(tenure) => tenure,
            // Back in a section that nobody had meanwhile; what is only late of the stay before belongs to that one.
            Belongs::ToNewest(tenure) if is_begun && (track.place == place || !is_ahead || !is_first) => {
                tenure
            }
            _ => {
                let tenure = track.numbering.begin(now, number, at, track.clock_hz(), is_first);
                track.times.begin(track.lip());
                track.place = place;
                section.push(tenure);
                tenure
            }
        };
        section.goes_on(number, at.0);
        let at = tenure.place(at.0, at.1);
        track.numbering.gave(now, at);
        if track.is_sound() && comes == Comes::ByItself {
            track.times.sound_arrived(ArrivalTime(now), RtpTime(at.1));
        }
        let received = ReceivedPacket {
            sequence: at.0,
            rtp_time: RtpTime(at.1),
            marker: packet.header.marker,
            payload: packet.payload,
            arrived: ArrivalTime(now),
            redundant: comes == Comes::AsCopy,
        };
        let told = track.hand_on(now, received, begins, drops);
        self.news.extend(told.map(SfuEventKind::Track));
    }

    /// A publication's first packet came.
    fn begin(&mut self, now: Instant, number: u32, place: Place) {
        let Some(known) = self.known.get(&number).copied() else {
            return;
        };
        if self.tracks.len() >= TRACKS_MAX {
            let quietest = self.tracks.iter().min_by_key(|(_, track)| track.came);
            let quietest = quietest.map(|(number, _)| *number);
            let gone = quietest.and_then(|number| self.tracks.remove(&number));
            self.news.extend(gone.as_ref().and_then(ended));
        }
        let times = self.times_of(known);
        let key_frames = self.key_frames.sibling();
        let whose = (known.participant, known.kind);
        self.tracks
            .insert(number, Track::new(now, whose, place, key_frames, times));
    }

    /// The clocks of somebody's camera and microphone, or of their screen and its sound: the same for both of the two.
    fn times_of(&self, known: Known) -> SenderTimes {
        let of_screen = |kind| matches!(kind, TrackKind::Screen | TrackKind::ScreenSound);
        self.tracks
            .values()
            .find(|track| {
                track.participant == known.participant && of_screen(track.kind) == of_screen(known.kind)
            })
            .map(|track| track.times.clone())
            .unwrap_or_default()
    }

    fn drop_held(&mut self, now: Instant, drops: &Drops) {
        let is_old = |held: &Held| now.saturating_duration_since(held.came) > HELD_AGE_MAX;
        while self.held.len() > HELD_MAX || self.held.front().is_some_and(is_old) {
            self.held.pop_front();
            drops.unexpected.one();
        }
    }
}

impl Section {
    fn belongs(&self, number: u32, sequence: u16) -> Belongs {
        let Some(newest) = self.tenures.back() else {
            return Belongs::Begins;
        };
        if newest.number == number && newest.has(sequence) {
            return Belongs::ToNewest(*newest);
        }
        if newest.is_ahead(sequence) {
            return Belongs::Begins;
        }
        let mut older = self.tenures.iter().rev().skip(1);
        match older.find(|tenure| tenure.number == number && tenure.has(sequence)) {
            Some(tenure) => Belongs::Late(*tenure),
            None => Belongs::Nowhere,
        }
    }

    /// A packet came that fits; gives whether it is the newest of the section.
    fn came(&mut self, sequence: u16) -> bool {
        self.strays = 0;
        let is_ahead = self
            .highest
            .is_none_or(|highest| (1..0x8000).contains(&sequence.wrapping_sub(highest)));
        if is_ahead {
            self.highest = Some(sequence);
        }
        is_ahead
    }

    fn push(&mut self, tenure: Tenure) {
        self.tenures.push_back(tenure);
        if self.tenures.len() > TENURES_MAX {
            self.tenures.pop_front();
        }
    }

    fn goes_on(&mut self, number: u32, sequence: u16) {
        let older = self.tenures.len().saturating_sub(1);
        if let Some(newest) = self.tenures.back_mut()
            && newest.number == number
            && newest.goes_on(sequence)
        {
            self.tenures.drain(..older);
        }
    }

    fn stray(&mut self) {
        self.strays += 1;
        if self.strays >= STRAYS_MAX {
            (self.strays, self.highest) = (0, None);
            self.tenures.clear();
        }
    }
}

/// What to tell of a track that is over, if it was told.
fn ended(track: &Track) -> Option<SfuEventKind> {
    track.is_told().then_some(SfuEventKind::TrackEnded {
        participant: track.participant,
        kind: track.kind,
    })
}

#[cfg(test)]
mod tests;
