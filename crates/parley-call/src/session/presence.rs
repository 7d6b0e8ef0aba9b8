//! What microphone, camera and hand of both sides do: what this side's do and the other one was told of it, and what the other
//! one said. Sans-IO; owned by a [`super::peer_link::PeerLink`], outlives its connections.

use super::leg::ShareTracks;
use parley_proto::{ControlMessage, MediaState};

#[derive(Debug)]
pub(super) struct Presence {
    own_media: MediaState,
    told_media: Option<MediaState>,
    own_hand: bool,
    /// What they were told of it; nothing when they may have missed it.
    told_hand: Option<bool>,
    /// It was up at some time; before, there is nothing to tell.
    hand_used: bool,
    /// What the other side told, if it ever did.
    their_media: Option<MediaState>,
    their_hand: bool,
}

impl Presence {
    pub(super) const fn new(own_media: MediaState) -> Self {
        Self {
            own_media: with_what_it_takes(own_media),
            told_media: None,
            own_hand: false,
            told_hand: None,
            hand_used: false,
            their_media: None,
            their_hand: false,
        }
    }

    pub(super) const fn own_media(&self) -> MediaState {
        self.own_media
    }

    pub(super) const fn set_own_media(&mut self, media: MediaState) {
        self.own_media = with_what_it_takes(media);
    }

    pub(super) const fn set_own_hand(&mut self, raised: bool) {
        self.own_hand = raised;
        self.hand_used |= raised;
    }

    pub(super) const fn their_media(&self) -> Option<MediaState> {
        self.their_media
    }

    pub(super) const fn hear_media(&mut self, media: MediaState) {
        self.their_media = Some(media);
    }

    /// The tracks of what this side shares, as far as the other one can take them.
    pub(super) fn share_tracks(&self) -> ShareTracks {
        let own = self.own_media;
        self.their_media
            .map_or_else(ShareTracks::default, |their| ShareTracks {
                screen: own.screen_on && their.takes_screen,
                sound: own.screen_sound_on && their.takes_screen_sound,
            })
    }

    pub(super) const fn their_hand(&self) -> bool {
        self.their_hand
    }

    pub(super) const fn hear_hand(&mut self, raised: bool) {
        self.their_hand = raised;
    }

    /// Everything is told again: the other side may not have heard it.
    pub(super) const fn retell(&mut self) {
        self.told_media = None;
        self.told_hand = None;
    }

    /// The next thing that the other side must be told; it counts as told.
    pub(super) fn next_message(&mut self) -> Option<ControlMessage> {
        if self.told_media != Some(self.own_media) {
            self.told_media = Some(self.own_media);
            return Some(ControlMessage::MediaState(self.own_media));
        }
        if self.hand_used && self.told_hand != Some(self.own_hand) {
            self.told_hand = Some(self.own_hand);
            return Some(ControlMessage::Hand {
                raised: self.own_hand,
            });
        }
        None
    }
}

/// This client shows what others share, plays its sound, and speaks what deep redundancy tells.
pub(super) const fn with_what_it_takes(media: MediaState) -> MediaState {
    MediaState {
        takes_screen: true,
        takes_screen_sound: true,
        takes_deep_redundancy: true,
        ..media
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_told_once_and_all_of_it_again_where_it_may_be_missed() {
        let mut presence = Presence::new(MediaState::default());
        let told = |presence: &mut Presence| -> Vec<ControlMessage> {
            std::iter::from_fn(|| presence.next_message()).collect()
        };
        let media = ControlMessage::MediaState(presence.own_media());
        let hand = |raised| ControlMessage::Hand { raised };
        assert_eq!(
            told(&mut presence),
            std::slice::from_ref(&media),
            "a hand never raised is no news"
        );
        assert_eq!(told(&mut presence), []);
        presence.set_own_hand(true);
        assert_eq!(told(&mut presence), [hand(true)]);
        presence.set_own_hand(false);
        presence.retell();
        assert_eq!(told(&mut presence), [media, hand(false)]);
    }
}
