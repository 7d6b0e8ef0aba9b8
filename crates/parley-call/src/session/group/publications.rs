//! What everybody else publishes, as the server says.

use super::source::kind_of;
use crate::port::TrackKind;
use parley_proto::limits::{GROUP_PARTICIPANTS_MAX, LAYERS_MAX, PUBLICATIONS_MAX};
use parley_proto::{MediaState, ParticipantId, Publication, Source};

/// Publications that are known at once.
const MOST: usize = GROUP_PARTICIPANTS_MAX * PUBLICATIONS_MAX;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Publications {
    list: Vec<Publication>,
    told: bool,
}

impl Publications {
    /// The server tells all of them. Gives whether that is news.
    pub(super) fn take(&mut self, mut list: Vec<Publication>, me: Option<ParticipantId>) -> bool {
        list.retain(|one| {
            one.number != 0
                && Some(one.participant) != me
                && one.source != Source::Unknown
                && one.layers.len() <= LAYERS_MAX
        });
        list.truncate(MOST);
        let news = !self.told || self.list != list;
        self.list = list;
        self.told = true;
        news
    }

    /// They are about to be told anew.
    pub(super) const fn expect(&mut self) {
        self.told = false;
    }

    /// There is no connection whose server would tell changes.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether the server told them.
    pub(super) const fn were_told(&self) -> bool {
        self.told
    }

    pub(super) fn all(&self) -> &[Publication] {
        &self.list
    }

    /// What somebody sends now.
    pub(super) fn kinds_on(&self, participant: ParticipantId) -> impl Iterator<Item = TrackKind> + '_ {
        let of_them = self
            .list
            .iter()
            .filter(move |one| one.participant == participant && one.on);
        of_them.filter_map(|one| kind_of(one.source))
    }

    /// Whether somebody publishes this, on or off.
    pub(super) fn has(&self, participant: ParticipantId, source: Source) -> bool {
        self.list
            .iter()
            .any(|one| one.participant == participant && one.source == source)
    }

    /// What a layer takes, in kbit/s; without a name, the least of what is published.
    pub(super) fn kbps(&self, participant: ParticipantId, source: Source, rid: Option<&str>) -> u32 {
        let mut list = self.list.iter();
        let one = list.find(|one| one.participant == participant && one.source == source);
        let layers = one.into_iter().flat_map(|one| &one.layers);
        let wanted = layers.filter(|layer| rid.is_none_or(|rid| layer.rid == rid));
        wanted.map(|layer| layer.kbps).min().unwrap_or(0)
    }

    /// What that says of their microphone and the rest, of somebody who did not say it.
    pub(super) fn media_of(&self, participant: ParticipantId) -> MediaState {
        let mut media = MediaState::default();
        for kind in self.kinds_on(participant) {
            match kind {
                TrackKind::Audio => media.microphone_on = true,
                TrackKind::Video => media.camera_on = true,
                TrackKind::Screen => media.screen_on = true,
                TrackKind::ScreenSound => media.screen_sound_on = true,
            }
        }
        media
    }
}
