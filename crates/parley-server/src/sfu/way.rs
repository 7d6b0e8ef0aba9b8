//! What is known of the way down to one subscriber, and what of the pictures goes over it.
//!
//! Owned by a peer. The estimate is the library's; here it is said when to look for more (how, in [`probing`](super::probing)) and who gets
//! what of it ([`allocation`](super::allocation)). The beginning is the delicate part: a look needs a picture that goes down, and a
//! picture needs an estimate that leaves room for it.

use super::allocation::{Allocator, Demand, MARGIN};
use super::down_track::{DownTrack, Feed};
use super::layer::enough;
use super::probing::Probing;
use super::up_track::UpTrack;
use parley_proto::Bitrate;
use std::time::{Duration, Instant};

/// What the way to a client is taken to carry before anything is known of it. The first probes go up to six times of it.
pub(super) const FIRST_ESTIMATE: Bitrate = Bitrate::from_kbps(500);
/// Kept for each voice that may come, with headers.
const VOICE: Bitrate = Bitrate::from_kbps(50);
/// A picture goes down for so long before the way is looked into: whoever has received none yet reports no arrivals.
const WARM: Duration = Duration::from_millis(100);
/// What is allocated of the estimate; the rest is for what retransmissions and headers take.
const SHARE: f64 = 0.92;
/// For so long after the first picture the shares of a way are given without waiting whether they last: what is known of it only grows
/// then, look by look.
const FIRST_LOOKS: Duration = Duration::from_secs(2);
/// Who has seen nobody for so long, though somebody could be seen, is sent one picture whatever is known of their way: where no look found
/// anything, that picture tells what the way carries.
const STARVED: Duration = Duration::from_secs(2);
/// What the sections of a subscriber could show.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    demands: Vec<Demand<usize>>,
    /// The layers that the demands are about, by their place in the track.
    choices: Vec<Vec<usize>>,
    /// Sections with a voice in them.
    voices: usize,
    /// Somebody is seen.
    seen: bool,
}

impl Wanted {
    /// What there is to be shown. `downs` are the subscriber's sections, `track` finds what one is fed with.
    pub(super) fn of<'a>(
        now: Instant,
        downs: &[DownTrack],
        track: impl Fn(Feed) -> Option<&'a UpTrack>,
    ) -> Self {
        let mut wanted = Self::default();
        for (at, down) in downs.iter().enumerate() {
            if down.kind.is_audio() {
                wanted.voices += usize::from(down.feed.is_some());
                continue;
            }
            wanted.seen |= down.forwarder.current().is_some();
            let Some(wish) = &down.wish else {
                continue;
            };
            let Some(track) = down.feed.and_then(&track).filter(|track| track.on) else {
                continue;
            };
            let last = enough(&track.layers, wish.width, wish.height);
            let fits: Vec<(usize, Bitrate)> = track
                .layers
                .iter()
                .enumerate()
                .take(last + 1)
                .filter(|(_, layer)| layer.is_there(now))
                .map(|(layer, known)| (layer, known.takes(now)))
                .collect();
            if fits.is_empty() {
                continue;
            }
            wanted.demands.push(Demand {
                key: at,
                priority: wish.priority,
                layers: fits.iter().map(|(_, takes)| *takes).collect(),
            });
            wanted
                .choices
                .push(fits.iter().map(|(layer, _)| *layer).collect());
        }
        wanted
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Way {
    /// The most of pictures that the client wants.
    pub(super) pictures_max: Option<Bitrate>,
    pub(super) estimate: Bitrate,
    /// Since when a picture goes down.
    seen_since: Option<Instant>,
    /// Since when nothing fits of what is wanted, and nothing was seen before.
    starved_since: Option<Instant>,
    probing: Probing,
    allocator: Allocator<usize>,
}

impl Default for Way {
    fn default() -> Self {
        Self {
            pictures_max: None,
            estimate: FIRST_ESTIMATE,
            seen_since: None,
            starved_since: None,
            probing: Probing::default(),
            allocator: Allocator::new(),
        }
    }
}

impl Way {
    /// The layer each section is to show, and what the library is to be told to look for, if anything.
    pub(super) fn grant(
        &mut self,
        now: Instant,
        wanted: &Wanted,
        sections: usize,
    ) -> (Vec<Option<usize>>, Option<Bitrate>) {
        let voices = Bitrate::from_bps(VOICE.bps().saturating_mul(wanted.voices as u64));
        let limit = self.pictures_max.unwrap_or(Bitrate::from_bps(u64::MAX));
        if wanted.seen {
            self.seen_since.get_or_insert(now);
        }
        // Voices alone say nothing of what a way carries.
        let estimate = match self.seen_since {
            Some(_) => self.estimate,
            None => self.estimate.max(FIRST_ESTIMATE),
        };
        let budget = estimate.scale(SHARE).saturating_sub(voices).min(limit);
        let hasty = self.seen_since.is_some_and(|since| now < since + FIRST_LOOKS);
        let mut grants = self.allocator.allocate(now, budget, &wanted.demands, hasty);
        let starves = !grants.is_empty() && grants.iter().all(Option::is_none);
        if starves && self.seen_since.is_none() {
            let since = *self.starved_since.get_or_insert(now);
            if let Some(first) = grants.first_mut()
                && now >= since + STARVED
            {
                *first = Some(0);
            }
        } else {
            self.starved_since = None;
        }
        let mut aims = vec![None; sections];
        let mut has = voices;
        let mut step: Option<Bitrate> = None;
        for ((demand, choice), grant) in wanted.demands.iter().zip(&wanted.choices).zip(grants) {
            let granted = grant
                .and_then(|at| demand.layers.get(at).copied())
                .unwrap_or_default();
            has = sum(has, granted);
            if let Some(next) = demand.layers.get(grant.map_or(0, |at| at + 1)) {
                let more = next.saturating_sub(granted);
                step = Some(step.map_or(more, |least| least.min(more)));
            }
            if let Some(aim) = aims.get_mut(demand.key) {
                *aim = grant.and_then(|at| choice.get(at).copied());
            }
        }
        let most = wanted
            .demands
            .iter()
            .filter_map(|demand| demand.layers.last())
            .fold(Bitrate::ZERO, |all, one| sum(all, *one));
        let needs = step.map(|step| sum(has, step));
        let lacks = needs.is_some_and(|needs| {
            // Its own limit is none of the way's.
            needs.saturating_sub(voices) <= limit && needs.scale(MARGIN / SHARE) > self.estimate
        });
        // Looks are made of pictures sent again, of which every client reports. Before there are any the library may send something
        // that not all of them know, and after looking in vain it does not look for a second: only where nothing fits is that better
        // than to wait.
        let may_look = starves || self.seen_since.is_some_and(|since| now >= since + WARM);
        let most = sum(voices, most.min(limit));
        let look = may_look.then(|| self.probing.look(now, self.estimate, most, lacks));
        (aims, look.flatten())
    }
}

fn sum(one: Bitrate, other: Bitrate) -> Bitrate {
    Bitrate::from_bps(one.bps().saturating_add(other.bps()))
}
