//! The decision, and the little that it remembers of each track so that nothing flaps.

use super::demand::{Amounts, Demand, Kind, Layer, Rid};
use crate::Bitrate;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

/// So many times what a paused picture needs, or a larger layer takes, must be there before it is taken up again, ...
pub const MARGIN: f64 = 1.2;
/// ... for so long.
pub const HOLD: Duration = Duration::from_secs(2);

/// What one track is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant<K> {
    /// Which track.
    pub track: K,
    /// Whether it is sent at all.
    pub paused: bool,
    /// How much, on the wire; nothing when paused.
    pub bitrate: Bitrate,
    /// Which of its layers, of a track in layers.
    pub layer: Option<Rid>,
}

/// What all of them are granted.
#[derive(Debug, Clone, PartialEq)]
pub struct Allocation<K> {
    /// In the order of the demands.
    pub grants: Vec<Grant<K>>,
    /// What nobody got.
    pub left: Bitrate,
    /// How much of what the pictures want they got, 0 to 1; 1 when none is wanted.
    pub picture_share: f64,
}

/// See the module. Remembers only tracks that the last question had.
#[derive(Debug, Clone)]
pub struct Allocator<K> {
    standings: BTreeMap<K, Standing>,
}

/// What is remembered of a track.
#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    /// There was no room for it.
    paused: bool,
    layer: Option<Rid>,
    /// Since when there would be clearly room for more than it has.
    ripe_since: Option<Duration>,
}

/// A track while it is decided on.
struct Place {
    kind: Kind,
    /// Least, good, most.
    bounds: [Bitrate; 3],
    layers: Vec<Layer>,
    standing: Standing,
    runs: bool,
    has: Bitrate,
}

impl<K> Default for Allocator<K> {
    fn default() -> Self {
        Self {
            standings: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone> Allocator<K> {
    /// Splits `budget`. `now` counts from any moment and never goes back. Together the grants are no more than the budget, unless what
    /// is never paused (sounds, a trickle of files) needs more than that by itself.
    pub fn allocate(&mut self, now: Duration, budget: Bitrate, demands: &[Demand<K>]) -> Allocation<K> {
        let mut places: Vec<Option<Place>> = demands.iter().map(|demand| self.place(demand)).collect();
        let mut order: Vec<usize> = (0..demands.len()).collect();
        order.sort_by_key(|at| {
            demands
                .get(*at)
                .map(|demand| (demand.kind, Reverse(demand.priority)))
        });
        let mut left = budget;
        // The least, first of what is kept.
        for at in &order {
            if let Some(Some(place)) = places.get_mut(*at)
                && place.kind.is_kept()
            {
                place.runs = true;
                place.raise(place.least(), &mut left);
                place.has = place.least();
            }
        }
        for at in &order {
            if let Some(Some(place)) = places.get_mut(*at)
                && !place.kind.is_kept()
            {
                place.run_if_fits(now, &mut left);
            }
        }
        // What is good, what is wanted, and what is left over for files.
        let stages = [(1, false), (2, false), (2, true)];
        for (level, files) in stages {
            for at in &order {
                if let Some(Some(place)) = places.get_mut(*at)
                    && place.runs
                    && (place.kind == Kind::Files) == files
                {
                    place.grow(now, level, &mut left);
                }
            }
        }
        self.remember(demands, &places);
        Allocation {
            grants: demands.iter().zip(&places).map(grant).collect(),
            left,
            picture_share: picture_share(&places),
        }
    }

    fn place(&self, demand: &Demand<K>) -> Option<Place> {
        if demand.paused {
            return None;
        }
        Some(Place {
            kind: demand.kind,
            bounds: demand.amounts.bounds()?,
            layers: demand.amounts.layers(),
            standing: self.standings.get(&demand.track).copied().unwrap_or_default(),
            runs: false,
            has: Bitrate::ZERO,
        })
    }

    fn remember(&mut self, demands: &[Demand<K>], places: &[Option<Place>]) {
        self.standings = demands
            .iter()
            .zip(places)
            .filter_map(|(demand, place)| Some((demand.track.clone(), place.as_ref()?.standing)))
            .collect();
    }
}

impl Place {
    const fn least(&self) -> Bitrate {
        self.bounds[0]
    }

    /// Gives it as much of what is left as it lacks of `to`.
    fn raise(&mut self, to: Bitrate, left: &mut Bitrate) {
        let more = to.saturating_sub(self.has).min(*left);
        self.has = Bitrate::from_bps(self.has.bps() + more.bps());
        *left = left.saturating_sub(more);
    }

    /// A picture goes on, comes back, or is paused.
    fn run_if_fits(&mut self, now: Duration, left: &mut Bitrate) {
        let was_paused = self.standing.paused;
        self.runs = if was_paused {
            let clearly = *left >= self.least().scale(MARGIN);
            self.standing.is_ripe(now, clearly)
        } else {
            *left >= self.least()
        };
        if !self.runs {
            self.standing.paused = true;
            self.standing.layer = None;
            if !was_paused {
                self.standing.ripe_since = None;
            }
            return;
        }
        if was_paused {
            // With the smallest layer; the next is waited for again.
            self.standing = Standing {
                layer: self.layers.first().map(|layer| layer.rid),
                ..Standing::default()
            };
        }
        self.raise(self.least(), left);
    }

    fn grow(&mut self, now: Duration, level: usize, left: &mut Bitrate) {
        if self.layers.is_empty() {
            let to = self.bounds.get(level).copied().unwrap_or(self.has);
            self.raise(to, left);
        } else if level == self.bounds.len() - 1
            && let Some(layer) = self.choose(now, *left)
        {
            self.standing.layer = Some(layer.rid);
            self.raise(layer.bitrate, left);
        }
    }

    /// The layer for what it has and what is left.
    fn choose(&mut self, now: Duration, left: Bitrate) -> Option<Layer> {
        let room = Bitrate::from_bps(self.has.bps().saturating_add(left.bps()));
        let fits = self.layers.iter().rposition(|layer| layer.bitrate <= room);
        // What is kept has its least, whatever there is.
        let fits = fits.unwrap_or(0);
        let had = self.standing.layer;
        let had = had.and_then(|rid| self.layers.iter().position(|layer| layer.rid == rid));
        let chosen = match had {
            Some(had) if fits > had => {
                let next = self.layers.get(had + 1)?;
                let clearly = room >= next.bitrate.scale(MARGIN);
                if self.standing.is_ripe(now, clearly) {
                    self.standing.ripe_since = None;
                    had + 1
                } else {
                    had
                }
            }
            _ => {
                self.standing.ripe_since = None;
                fits
            }
        };
        self.layers.get(chosen).copied()
    }
}

impl Standing {
    /// Whether there has been clearly room for more for long enough.
    fn is_ripe(&mut self, now: Duration, clearly: bool) -> bool {
        if !clearly {
            self.ripe_since = None;
            return false;
        }
        let since = *self.ripe_since.get_or_insert(now);
        now.saturating_sub(since) >= HOLD
    }
}

fn grant<K: Clone>((demand, place): (&Demand<K>, &Option<Place>)) -> Grant<K> {
    let place = place.as_ref().filter(|place| place.runs);
    Grant {
        track: demand.track.clone(),
        paused: place.is_none(),
        bitrate: place.map_or(Bitrate::ZERO, |place| place.has),
        layer: place.and_then(|place| match demand.amounts {
            Amounts::Layers(_) => place.standing.layer,
            Amounts::Range { .. } => None,
        }),
    }
}

fn picture_share(places: &[Option<Place>]) -> f64 {
    let pictures = places.iter().flatten().filter(|place| !place.kind.is_kept());
    let (has, wanted) = pictures.fold((0, 0), |(has, wanted): (u64, u64), place| {
        let most = place.bounds.last().map_or(0, |most| most.bps());
        (has.saturating_add(place.has.bps()), wanted.saturating_add(most))
    });
    if wanted == 0 {
        return 1.0;
    }
    has as f64 / wanted as f64
}
