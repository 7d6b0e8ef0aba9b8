//! Whose pictures are watched, each by an onlooker of its own, and how large they are asked for. The first one's are those that
//! are recorded and that the figures of the call are about.

use crate::arguments::Wish;
use crate::watch::{Film, Onlooker, Seen};
use anyhow::Result;
use parley_app::endpoint::{CallSnapshot, Endpoint, SCREEN_TILE_OF, Sight};
use parley_media::slot::Slot;
use parley_media::video::VideoFrame;
use parley_proto::{ParticipantId, Resolution};
use std::collections::BTreeMap;

/// The most people that are watched: as many as a page of the window holds.
const PEOPLE_MAX: usize = 49;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    first: Option<(ParticipantId, Onlooker)>,
    others: BTreeMap<ParticipantId, Onlooker>,
    /// Who was asked for.
    asked: Vec<ParticipantId>,
}

/// What was seen of everybody.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// Of the first one.
    pub(crate) first: Option<Seen>,
    /// Of each.
    pub(crate) people: BTreeMap<ParticipantId, Seen>,
}

impl Looks {
    /// Asks for the pictures of those who are watched, as far as the command line says how.
    pub(crate) fn ask(&mut self, wish: &Wish, endpoint: &mut Endpoint, call: &CallSnapshot) {
        if wish.look.is_none() && wish.look_size.is_none() {
            return;
        }
        let people: Vec<ParticipantId> = call
            .people
            .iter()
            .map(|person| person.id)
            .take(most(wish))
            .collect();
        if people == self.asked && !people.is_empty() {
            return;
        }
        let size = wish
            .look_size
            .map_or_else(|| usual_size(people.len()), |size| size.0);
        let sight = |who: &ParticipantId| Sight {
            tile: match wish.watch_screen {
                true => format!("{SCREEN_TILE_OF}{who}"),
                false => who.to_string(),
            },
            size,
            priority: 1,
        };
        endpoint.look(people.iter().map(sight).collect());
        self.asked = people;
    }

    /// Somebody's picture begins, or comes from somewhere else: it is watched from now on, unless enough others are.
    pub(crate) fn turn_to(
        &mut self,
        wish: &Wish,
        who: ParticipantId,
        frames: Slot<VideoFrame>,
        call: Option<&CallSnapshot>,
    ) -> Result<()> {
        let is_there = |who| call.is_some_and(|call| call.people.iter().any(|person| person.id == who));
        match &mut self.first {
            // Whoever comes after the first one left takes their place.
            Some((first, look))
                if *first == who || (!is_there(*first) && !self.others.contains_key(&who)) =>
            {
                *first = who;
                look.turn_to(frames);
            }
            Some(_) => {
                if let Some(look) = self.others.get(&who) {
                    look.turn_to(frames);
                } else if self.others.len() + 1 < most(wish) {
                    let look = Onlooker::new(None, None)?;
                    look.turn_to(frames);
                    self.others.insert(who, look);
                }
            }
            None if most(wish) > 0 => {
                let look = Onlooker::new(film(wish), wish.picture.clone())?;
                look.turn_to(frames);
                self.first = Some((who, look));
            }
            None => {}
        }
        Ok(())
    }

    /// What was seen of the first one so far.
    pub(crate) fn so_far(&self) -> Seen {
        let first = self.first.as_ref();
        first.map_or_else(Seen::default, |(_, look)| look.so_far())
    }

    /// Pictures of everybody so far.
    pub(crate) fn shown(&self) -> u64 {
        self.each().values().sum()
    }

    /// Pictures of each so far.
    pub(crate) fn each(&self) -> BTreeMap<ParticipantId, u64> {
        let first = self.first.as_ref().map(|(who, look)| (who, look));
        let all = first.into_iter().chain(&self.others);
        all.map(|(who, look)| (*who, look.so_far().figures.shown))
            .collect()
    }

    pub(crate) fn finish(self) -> Looked {
        let mut looked = Looked::default();
        if let Some((who, look)) = self.first {
            let seen = look.finish();
            looked.people.insert(who, seen.clone());
            looked.first = Some(seen);
        }
        let others = self.others.into_iter().map(|(who, look)| (who, look.finish()));
        looked.people.extend(others);
        looked
    }
}

fn most(wish: &Wish) -> usize {
    wish.look.map_or(PEOPLE_MAX, |many| many as usize)
}

/// As the window's grid has them.
const fn usual_size(people: usize) -> Resolution {
    match people {
        0..=1 => Resolution::new(1280, 720),
        2..=4 => Resolution::new(640, 360),
        _ => Resolution::new(320, 180),
    }
}

/// How what comes is recorded.
fn film(wish: &Wish) -> Option<Film> {
    Some(Film {
        folder: wish.record.clone()?,
        every: wish.record_every,
    })
}
