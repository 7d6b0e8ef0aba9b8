//! What a track asks for.

use crate::Bitrate;

/// What a track is, most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Somebody speaks.
    Voice,
    /// What a computer plays beside a shared screen.
    SharedSound,
    /// A shared screen or window: it is there to be read.
    Screen,
    /// A camera.
    Camera,
    /// Files: they have time.
    Files,
}

impl Kind {
    /// Whether it goes on at its least when there is not enough. What is not kept is paused.
    #[must_use]
    pub const fn is_kept(self) -> bool {
        matches!(self, Self::Voice | Self::SharedSound | Self::Files)
    }
}

/// The name of a layer of simulcast, as it stands in descriptions and packets (RFC 8852), smallest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rid {
    /// `q`: a quarter of the picture's width.
    Quarter,
    /// `h`: half of it.
    Half,
    /// `f`: all of it.
    Full,
}

impl Rid {
    /// All of them, smallest first.
    pub const ALL: [Self; 3] = [Self::Quarter, Self::Half, Self::Full];

    /// As in descriptions.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quarter => "q",
            Self::Half => "h",
            Self::Full => "f",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rid| rid.as_str() == name)
    }
}

/// One encoding of a track that its sender makes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    /// Its name.
    pub rid: Rid,
    /// What it takes on the wire. One that takes nothing is not there.
    pub bitrate: Bitrate,
}

/// What can be granted to a track, on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amounts {
    /// An encoder that follows what it is told.
    Range {
        /// With less it is not worth sending.
        min: Bitrate,
        /// So much, before anybody gets more than their own.
        good: Bitrate,
        /// More is of no use.
        wanted: Bitrate,
    },
    /// One of several encodings, in any order.
    Layers(Vec<Layer>),
}

impl Amounts {
    /// Exactly so much.
    #[must_use]
    pub const fn fixed(bitrate: Bitrate) -> Self {
        Self::Range {
            min: bitrate,
            good: bitrate,
            wanted: bitrate,
        }
    }

    /// The least, the good and the most there is of it; `None` when there is nothing to send.
    pub(super) fn bounds(&self) -> Option<[Bitrate; 3]> {
        match self {
            Self::Range { min, good, wanted } => {
                let good = (*good).max(*min);
                let wanted = (*wanted).max(good);
                (wanted > Bitrate::ZERO).then_some([*min, good, wanted])
            }
            Self::Layers(_) => {
                let layers = self.layers();
                let (least, most) = (layers.first()?.bitrate, layers.last()?.bitrate);
                Some([least, least, most])
            }
        }
    }

    /// The layers that are there, smallest first; none for a range.
    pub(super) fn layers(&self) -> Vec<Layer> {
        let Self::Layers(layers) = self else {
            return Vec::new();
        };
        let is_there = |layer: &&Layer| layer.bitrate > Bitrate::ZERO;
        let mut layers: Vec<Layer> = layers.iter().filter(is_there).copied().collect();
        layers.sort_by_key(|layer| layer.bitrate);
        layers
    }
}

/// A track and what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand<K> {
    /// What tells it from others. Said twice in one question, both are granted and the second one's history is lost.
    pub track: K,
    /// What it is.
    pub kind: Kind,
    /// Among those of its kind the higher goes first: who speaks before who listens.
    pub priority: u8,
    /// Nobody wants it now. It is granted nothing, and comes back at once when wanted.
    pub paused: bool,
    /// What can be granted.
    pub amounts: Amounts,
}
