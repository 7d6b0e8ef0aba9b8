//! What is known of the way down to one subscriber, and what of the pictures goes over it.
//!
//! Owned by a peer. The estimate is the library's; here it is said when to look for more (how, in [`probing`](super::probing)) and who gets
//! what of it ([`allocation`](super::allocation)). The beginning is the delicate part: a look needs a picture that goes down, and a
//! picture needs an estimate that leaves room for it.

use super::allocation::{Allocator, Demand, Grants, MARGIN};
use super::down_track::{DownTrack, Feed};
use super::forwarder::Aim;
use super::layer::{Layer, enough};
use super::probing::{Look, Probing};
use super::shield::Shield;
use super::trial::{Trial, dares};
use super::up_track::UpTrack;
use super::voices::Voices;
use parley_proto::{Bitrate, ParticipantId, Source};
use std::cmp::Reverse;
use std::time::{Duration, Instant};

/// What the way to a client is taken to carry before anything is known of it. The first probes go up to six times of it.
pub(super) const FIRST_ESTIMATE: Bitrate = Bitrate::from_kbps(500);
/// A picture goes down for so long before the way is looked into: whoever has received none yet reports no arrivals.
const WARM: Duration = Duration::from_millis(100);
/// What is allocated of the estimate; the rest is for what retransmissions and headers take.
const SHARE: f64 = 0.92;
/// For so long after the first picture the shares of a way are given without waiting whether they last: what is known of it only grows
/// then, look by look.
const FIRST_LOOKS: Duration = Duration::from_secs(2);
/// Nobody was to be seen for so long: what the way carries beside voices is unknown again.
const UNWATCHED: Duration = Duration::from_secs(30);

/// What the sections of a subscriber could show.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    demands: Vec<Demand<usize>>,
    /// What the layers of the demands mean to a section.
    choices: Vec<Vec<Aim>>,
    /// Whether they are of somebody's face, and not of a screen.
    faces: Vec<bool>,
    /// Sections with a voice in them.
    voices: usize,
    /// Somebody is seen.
    seen: bool,
}

impl Wanted {
    /// What there is to be shown. `downs` are the subscriber's sections, `floor` is whose camera is seen first where not all can be, and
    /// `track` finds what a section is fed with.
    pub(super) fn of<'a>(
        now: Instant,
        downs: &[DownTrack],
        floor: Option<ParticipantId>,
        track: impl Fn(Feed) -> Option<&'a UpTrack>,
    ) -> Self {
        let mut wanted = Self::default();
        let mut has_floor = None;
        let mut is_seen = None;
        for (at, down) in downs.iter().enumerate() {
            if down.kind.is_audio() {
                wanted.voices += usize::from(down.feed.is_some());
                continue;
            }
            let current = down.forwarder.current();
            wanted.seen |= current.is_some();
            let Some(wish) = &down.wish else {
                continue;
            };
            let Some(track) = down.feed.and_then(&track).filter(|track| track.on) else {
                continue;
            };
            let Some((choices, layers)) = levels(now, track, (wish.width, wish.height)) else {
                continue;
            };
            let place = wanted.demands.len();
            let is_face = wish.source == Source::Camera;
            if is_face && floor == Some(wish.participant) {
                has_floor = Some(place);
            }
            if is_face && current.is_some() {
                is_seen.get_or_insert(place);
            }
            wanted.demands.push(Demand {
                key: at,
                priority: wish.priority,
                layers,
                halved: choices.first().is_some_and(|aim| aim.halved),
                first: false,
            });
            wanted.choices.push(choices);
            wanted.faces.push(is_face);
        }
        // Whoever has the floor and is not to be seen here makes nobody else's picture go.
        if let Some(first) = has_floor.or(is_seen).and_then(|at| wanted.demands.get_mut(at)) {
            first.first = true;
        }
        wanted
    }

    /// The one to be tried beside what is granted, and whether it is granted already. It is the first one that `may` be, for what it takes at
    /// least, until the first face; where that is seen there is nothing to try, and where there is none, any picture will do.
    fn tried(&self, grants: &Grants, may: impl Fn(Bitrate) -> bool) -> Option<(usize, bool)> {
        let mut order: Vec<_> = self
            .demands
            .iter()
            .zip(grants)
            .zip(&self.faces)
            .enumerate()
            .collect();
        order.sort_by_key(|(_, ((demand, _), _))| Reverse((demand.priority, demand.first)));
        let (mut seen, mut first) = (None, None);
        for (at, ((demand, grant), is_face)) in order {
            let least = demand.layers.first().copied();
            if grant.is_some() {
                if *is_face {
                    return Some((at, true));
                }
                seen.get_or_insert(at);
            } else if least.is_some_and(&may) {
                first.get_or_insert(at);
                if *is_face {
                    return first.map(|at| (at, false));
                }
            }
        }
        let seen = seen.map(|at| (at, true));
        seen.or(first.map(|at| (at, false)))
    }

    /// What goes down of everything else but this one.
    fn beside(&self, grants: &Grants, this: usize) -> Bitrate {
        let places = self.demands.iter().zip(grants).enumerate();
        let granted = places
            .filter(|(at, _)| *at != this)
            .filter_map(|(_, (demand, grant))| demand.layers.get((*grant)?));
        granted.fold(Bitrate::ZERO, |all, one| sum(all, *one))
    }
}

/// The layers of a track up to the one that is large enough for a tile, and what each takes; the smallest of them also at half its rate.
fn levels(now: Instant, track: &UpTrack, (width, height): (u16, u16)) -> Option<(Vec<Aim>, Vec<Bitrate>)> {
    let last = enough(&track.layers, width, height);
    let there = track.layers.iter().enumerate().take(last + 1);
    let there: Vec<_> = there.filter(|(_, layer)| layer.is_there(now)).collect();
    let (smallest, least) = there.first()?;
    let halved = least.takes_halved(now).map(|takes| {
        let aim = Aim {
            layer: *smallest,
            halved: true,
        };
        (aim, takes)
    });
    let whole = |(layer, known): &(usize, &Layer)| {
        let aim = Aim {
            layer: *layer,
            halved: false,
        };
        (aim, known.takes(now))
    };
    Some(halved.into_iter().chain(there.iter().map(whole)).unzip())
}

/// See the module.
#[derive(Debug)]
pub(super) struct Way {
    /// The most of pictures that the client wants.
    pub(super) pictures_max: Option<Bitrate>,
    pub(super) estimate: Bitrate,
    /// Since when a picture goes down.
    seen_since: Option<Instant>,
    /// Since when nobody is to be seen.
    unwatched_since: Option<Instant>,
    /// What voices take that go down.
    pub(super) voices: Voices,
    /// What the way loses of them; asked only where the client reads copies.
    pub(super) shield: Shield,
    /// How many copies go along with each packet of sound.
    pub(super) copies: u8,
    /// Whether a picture is tried that may not fit.
    tries: bool,
    /// Nothing is looked for on it, nor will be until more is granted.
    pub(super) is_quiet: bool,
    trial: Trial,
    probing: Probing,
    allocator: Allocator<usize>,
}

impl Default for Way {
    fn default() -> Self {
        Self {
            pictures_max: None,
            estimate: FIRST_ESTIMATE,
            seen_since: None,
            unwatched_since: None,
            voices: Voices::default(),
            shield: Shield::default(),
            copies: 0,
            tries: false,
            is_quiet: false,
            trial: Trial::default(),
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
    ) -> (Vec<Option<Aim>>, Option<Look>) {
        let limit = self.pictures_max.unwrap_or(Bitrate::from_bps(u64::MAX));
        self.note_seen(now, wanted);
        // Voices alone say nothing of what a way carries.
        let estimate = match self.seen_since {
            Some(_) => self.estimate,
            None => self.estimate.max(FIRST_ESTIMATE),
        };
        self.shield.look(now, estimate);
        let room = |copies| self.voices.room(now, wanted.voices, copies);
        self.copies = if self.tries {
            0
        } else {
            self.shield.copies(now, estimate, room)
        };
        let voices = self.voices.room(now, wanted.voices, self.copies);
        let budget = estimate.scale(SHARE).saturating_sub(voices).min(limit);
        let hasty = self.seen_since.is_some_and(|since| now < since + FIRST_LOOKS);
        let mut grants = self.allocator.allocate(now, budget, &wanted.demands, hasty);
        let starves = !grants.is_empty() && grants.iter().all(Option::is_none);
        self.tries = self.tries(now, wanted, limit, &mut grants);
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
        // What is tried shows by itself what the way carries.
        let lacks = !self.tries
            && needs.is_some_and(|needs| {
                // Its own limit is none of the way's.
                needs.saturating_sub(voices) <= limit && needs.scale(MARGIN / SHARE) > self.estimate
            });
        // Looks are made of pictures sent again, of which every client reports. Before there are any the library may send something
        // that not all of them know, and after looking in vain it does not look for a second: only where nothing fits is that better
        // than to wait.
        let may_look = starves || self.seen_since.is_some_and(|since| now >= since + WARM);
        let most = sum(voices, most.min(limit));
        let look = if may_look {
            self.probing.look(now, self.estimate, most, lacks)
        } else {
            self.probing.stop(now)
        };
        self.is_quiet = self.probing.is_quiet(now);
        (aims, look)
    }

    /// Whether one more picture is sent to see whether it fits: it is granted then, too.
    fn tries(&mut self, now: Instant, wanted: &Wanted, limit: Bitrate, grants: &mut Grants) -> bool {
        let unknown = self.seen_since.is_none();
        let (estimate, voices) = (self.estimate, self.voices.take(now, self.copies));
        let all = wanted.beside(grants, usize::MAX);
        let may = |least| {
            let with = sum(all, least);
            with <= limit && dares(estimate, sum(voices, with), unknown)
        };
        let tried = wanted.tried(grants, may);
        let takes = tried.and_then(|(at, _)| {
            let least = wanted.demands.get(at)?.layers.first()?;
            Some(sum(voices, sum(wanted.beside(grants, at), *least)))
        });
        let fits = tried.is_some_and(|(_, fits)| fits);
        let tries = self.trial.runs(now, estimate, takes, fits, unknown);
        if let Some(grant) = tried.filter(|_| tries).and_then(|(at, _)| grants.get_mut(at)) {
            *grant = Some(0);
        }
        tries
    }

    fn note_seen(&mut self, now: Instant, wanted: &Wanted) {
        if wanted.seen {
            self.seen_since.get_or_insert(now);
        }
        if !wanted.demands.is_empty() {
            self.unwatched_since = None;
        } else if now >= *self.unwatched_since.get_or_insert(now) + UNWATCHED {
            // The estimate came down to what voices take meanwhile.
            self.seen_since = None;
        }
    }
}

fn sum(one: Bitrate, other: Bitrate) -> Bitrate {
    Bitrate::from_bps(one.bps().saturating_add(other.bps()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What one picture is, and takes.
    struct Picture {
        is_face: bool,
        priority: u8,
        first: bool,
        kbps: &'static [u64],
    }

    fn face(priority: u8, first: bool, kbps: &'static [u64]) -> Picture {
        Picture {
            is_face: true,
            priority,
            first,
            kbps,
        }
    }

    fn screen(priority: u8, kbps: &'static [u64]) -> Picture {
        Picture {
            is_face: false,
            priority,
            first: false,
            kbps,
        }
    }

    fn wanted(pictures: &[Picture]) -> Wanted {
        let mut wanted = Wanted {
            voices: 2,
            seen: true,
            ..Wanted::default()
        };
        for (key, picture) in pictures.iter().enumerate() {
            let aims = (0..picture.kbps.len()).map(|layer| Aim { layer, halved: false });
            wanted.choices.push(aims.collect());
            wanted.faces.push(picture.is_face);
            wanted.demands.push(Demand {
                key,
                priority: picture.priority,
                layers: picture
                    .kbps
                    .iter()
                    .map(|kbps| Bitrate::from_kbps(*kbps))
                    .collect(),
                halved: false,
                first: picture.first,
            });
        }
        wanted
    }

    /// Which of them were ever sent in ten seconds, over a way that is taken to carry so much the whole time.
    fn sent(estimate: u64, limit: Option<u64>, pictures: &[Picture]) -> Vec<bool> {
        #[expect(clippy::disallowed_methods, reason = "a start to count from")]
        let start = Instant::now();
        let wanted = wanted(pictures);
        let mut way = Way {
            estimate: Bitrate::from_kbps(estimate),
            pictures_max: limit.map(Bitrate::from_kbps),
            ..Way::default()
        };
        let mut sent = vec![false; pictures.len()];
        for tenths in 0..100 {
            let now = start + Duration::from_millis(100 * tenths);
            let (aims, _) = way.grant(now, &wanted, pictures.len());
            for (sent, aim) in sent.iter_mut().zip(aims) {
                *sent |= aim.is_some();
            }
        }
        sent
    }

    #[test]
    fn whoever_speaks_is_tried_beside_a_picture_that_takes_hardly_anything() {
        let speaks = || face(1, true, &[100, 150]);
        assert_eq!(sent(160, None, &[face(1, false, &[10]), speaks()]), [true, true]);
        assert_eq!(sent(160, None, &[screen(3, &[20]), speaks()]), [true, true]);
        // Where they are not more than anybody else, that one is enough.
        let others = || face(1, false, &[100, 150]);
        assert_eq!(sent(160, None, &[face(1, false, &[10]), others()]), [true, false]);
        // Nor is more tried than the client wants.
        let limit = Some(105);
        assert_eq!(sent(160, limit, &[screen(3, &[20]), speaks()]), [true, false]);
    }

    #[test]
    fn where_a_screen_is_far_too_much_a_face_is_tried() {
        let faces = || [face(1, false, &[100, 150]), face(1, true, &[100, 150])];
        let [one, other] = faces();
        assert_eq!(
            sent(160, None, &[screen(3, &[1_500]), one, other]),
            [false, false, true]
        );
        // One that may fit comes first.
        let [one, other] = faces();
        assert_eq!(
            sent(160, None, &[screen(3, &[200]), one, other]),
            [true, false, false]
        );
        // So it is with a face that somebody put large.
        let [one, other] = faces();
        assert_eq!(
            sent(160, None, &[face(3, false, &[900]), one, other]),
            [false, false, true]
        );
        let [one, other] = faces();
        let limit = Some(120);
        assert_eq!(
            sent(160, limit, &[screen(3, &[200]), one, other]),
            [false, false, true]
        );
    }
}
