//! Keeps one stream alive for as long as it is wanted: opens it, watches it, opens it again with back-off.
//!
//! Runs in the device thread. What it has to decide is told by [`Watch`], which knows neither devices nor clocks.

use super::hosts::{self, Direction, Found, Hosts};
use super::ladder::{Ladder, STRAINS, WINDOW_S};
use super::stream::{self, OpenStream, RingEnd};
use super::trouble::{DeviceTrouble, TroubleKind};
use crate::device::{Device, Replaced};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// A device that calls back less often than this has stopped.
const SILENT_FOR: Duration = Duration::from_millis(500);
/// A device may take so long to call back for the first time.
const FIRST_CALLBACK: Duration = Duration::from_secs(2);
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_LAST: Duration = Duration::from_secs(4);

/// What a wished device came to.
#[derive(Debug)]
pub(super) enum KeeperNews {
    Opened {
        end: RingEnd,
        device: Device,
        detail: Option<String>,
        replaced: Option<Replaced>,
    },
    Lost(DeviceTrouble),
}

/// The keeper of one direction.
pub(super) struct Keeper {
    direction: Direction,
    wanted: Option<Wanted>,
    open: Option<Open>,
    ladder: Ladder,
    retry: Retry,
    wake: Thread,
    told: Option<DeviceTrouble>,
    /// What was open last for this wish.
    last: Option<Device>,
}

/// Which device is wanted: one by its id, or whatever is the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted(pub(super) Option<String>);

struct Open {
    stream: OpenStream,
    id: String,
    watch: Watch,
}

impl Keeper {
    pub(super) fn new(direction: Direction, wake: Thread) -> Self {
        Self {
            direction,
            wanted: None,
            open: None,
            ladder: Ladder::default(),
            retry: Retry::default(),
            wake,
            told: None,
            last: None,
        }
    }

    /// Another wish: what is open is closed.
    pub(super) fn wish(&mut self, wanted: Option<Wanted>) {
        self.open = None;
        self.wanted = wanted;
        self.retry = Retry::default();
        self.told = None;
        self.last = None;
    }

    /// Whether anything is wanted.
    pub(super) const fn is_wanted(&self) -> bool {
        self.wanted.is_some()
    }

    /// The system said that its devices changed: what could not be opened may be there now.
    pub(super) fn hear_of_change(&mut self) {
        self.retry = Retry::default();
    }

    /// Looks after the stream at `now`. `look`: compare with the system's devices too (that costs some milliseconds).
    pub(super) fn tend(&mut self, hosts: &mut Hosts, now: Instant, look: bool) -> Option<KeeperNews> {
        self.wanted.as_ref()?;
        if let Some(reason) = self.check(hosts, now, look) {
            tracing::info!(direction = ?self.direction, reason, "a sound device is opened again");
            self.open = None;
            self.retry = Retry::default();
        }
        if self.open.is_some() || !self.retry.is_due(now) {
            return None;
        }
        match self.try_open(hosts, now) {
            Ok(news) => {
                self.retry = Retry::default();
                self.told = None;
                Some(news)
            }
            Err(trouble) => {
                self.retry.failed(now);
                let news = self.told.as_ref() != Some(&trouble);
                self.told = Some(trouble.clone());
                news.then_some(KeeperNews::Lost(trouble))
            }
        }
    }

    /// Why what is open must be closed.
    fn check(&mut self, hosts: &mut Hosts, now: Instant, look: bool) -> Option<&'static str> {
        let open = self.open.as_mut()?;
        let health = &open.stream.health;
        if health.is_broken() {
            hosts.reconnect();
            return Some("it broke down");
        }
        match open.watch.look(now, health.callbacks(), health.strains()) {
            Verdict::Well => {}
            Verdict::Silent => {
                hosts.reconnect();
                return Some("it fell silent");
            }
            Verdict::Strained => {
                let id = open.id.clone();
                if self.ladder.step_up(&id) {
                    return Some("it could not keep up");
                }
            }
        }
        if !look {
            return None;
        }
        let found = hosts.list(self.direction).ok()?;
        let best = pick(&found, self.wanted.as_ref()?).map(|(found, _)| found.face.id.as_str());
        let open = self.open.as_ref()?;
        (best != Some(open.id.as_str())).then_some("another device is the right one now")
    }

    fn try_open(&mut self, hosts: &mut Hosts, now: Instant) -> Result<KeeperNews, DeviceTrouble> {
        let none = || DeviceTrouble::new(TroubleKind::Missing, "there is no such device");
        let wanted = self.wanted.clone().ok_or_else(none)?;
        let all = hosts.list(self.direction)?;
        let (found, detail) = pick(&all, &wanted).ok_or_else(none)?;
        let rung = self.ladder.rung(&found.face.id, hosts.alsa_only());
        let alsa = if rung.alsa && !hosts.alsa_only() {
            hosts::alsa_default(self.direction)
        } else {
            None
        };
        let device = alsa.as_ref().unwrap_or(&found.device);
        let (stream, end) = stream::open(device, self.direction, rung.frames, self.wake.clone())?;
        self.open = Some(Open {
            stream,
            id: found.face.id.clone(),
            watch: Watch::new(now),
        });
        let device = found.face.clone();
        let there = all.iter().map(|found| found.face.id.as_str());
        let replaced = replaced(self.last.replace(device.clone()), &device, there);
        Ok(KeeperNews::Opened {
            end,
            device,
            detail,
            replaced,
        })
    }
}

/// What `now` took the place of, of those that are `there`.
fn replaced<'a>(
    last: Option<Device>,
    now: &Device,
    mut there: impl Iterator<Item = &'a str>,
) -> Option<Replaced> {
    let last = last.filter(|last| last.id != now.id)?;
    Some(Replaced {
        gone: !there.any(|id| id == last.id),
        name: last.name,
    })
}

/// The device that is right now: the wanted one; while it is away the default one, with a word about it.
fn pick<'a>(found: &'a [Found], wanted: &Wanted) -> Option<(&'a Found, Option<String>)> {
    let default = found
        .iter()
        .find(|found| found.face.is_default)
        .or_else(|| found.first());
    let Some(id) = &wanted.0 else {
        return default.map(|found| (found, None));
    };
    if let Some(found) = found.iter().find(|found| &found.face.id == id) {
        return Some((found, None));
    }
    default.map(|found| {
        (
            found,
            Some("the chosen device is not there; this one stands in".to_owned()),
        )
    })
}

/// Judges a stream by its callbacks.
#[derive(Debug)]
struct Watch {
    callbacks: u64,
    heard: Instant,
    began: Instant,
    window_began: Instant,
    strains: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Well,
    Silent,
    Strained,
}

impl Watch {
    fn new(now: Instant) -> Self {
        Self {
            callbacks: 0,
            heard: now,
            began: now,
            window_began: now,
            strains: 0,
        }
    }

    fn look(&mut self, now: Instant, callbacks: u64, strains: u64) -> Verdict {
        if callbacks != self.callbacks {
            self.callbacks = callbacks;
            self.heard = now;
        }
        let patience = if callbacks == 0 {
            FIRST_CALLBACK
        } else {
            SILENT_FOR
        };
        if now.saturating_duration_since(self.heard) > patience {
            return Verdict::Silent;
        }
        if now.saturating_duration_since(self.window_began) >= Duration::from_secs(WINDOW_S) {
            // Opening strains every device for a moment.
            let settled = now.saturating_duration_since(self.began) >= Duration::from_secs(2 * WINDOW_S);
            let strained = settled && strains - self.strains >= STRAINS;
            (self.window_began, self.strains) = (now, strains);
            if strained {
                return Verdict::Strained;
            }
        }
        Verdict::Well
    }
}

/// When to try again.
#[derive(Debug, Default)]
struct Retry {
    after: Duration,
    due: Option<Instant>,
}

impl Retry {
    fn is_due(&self, now: Instant) -> bool {
        self.due.is_none_or(|due| now >= due)
    }

    fn failed(&mut self, now: Instant) {
        self.after = (self.after * 2).clamp(RETRY_FIRST, RETRY_LAST);
        self.due = Some(now + self.after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_stops_calling_is_noticed_within_half_a_second_or_so() {
        let start = crate::device::sound::test_now();
        let mut watch = Watch::new(start);
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(watch.look(at(1_900), 0, 0), Verdict::Well);
        assert_eq!(watch.look(at(1_950), 1, 0), Verdict::Well);
        assert_eq!(watch.look(at(2_400), 1, 0), Verdict::Well);
        assert_eq!(watch.look(at(2_500), 1, 0), Verdict::Silent);
    }

    #[test]
    fn repeated_strain_is_noticed_and_a_single_hiccup_is_not() {
        let start = crate::device::sound::test_now();
        let mut watch = Watch::new(start);
        let mut verdicts = Vec::new();
        for tick in 1..=200u64 {
            let strains = if tick < 100 { 3 } else { 3 + (tick - 100) };
            verdicts.push(watch.look(start + Duration::from_millis(100 * tick), tick * 10, strains));
        }
        assert!(verdicts[..100].iter().all(|verdict| *verdict == Verdict::Well));
        assert!(verdicts[100..].contains(&Verdict::Strained));
    }

    #[test]
    fn a_device_that_took_anothers_place_is_told_from_one_that_came_back() {
        let device = |id: &str| Device {
            id: id.into(),
            name: id.to_uppercase(),
            is_default: false,
        };
        let check = |last: Option<&str>, there: &[&str], expect: Option<(&str, bool)>| {
            let found = replaced(last.map(device), &device("b"), there.iter().copied());
            let expect = expect.map(|(name, gone)| Replaced {
                name: name.into(),
                gone,
            });
            assert_eq!(found, expect, "{last:?} {there:?}");
        };
        check(None, &["b"], None);
        check(Some("b"), &["b"], None);
        check(Some("a"), &["b"], Some(("A", true)));
        check(Some("a"), &["a", "b"], Some(("A", false)));
    }

    #[test]
    fn retries_come_ever_later_up_to_a_limit() {
        let start = crate::device::sound::test_now();
        let mut retry = Retry::default();
        assert!(retry.is_due(start));
        let mut waits = Vec::new();
        for _ in 0..7 {
            retry.failed(start);
            waits.push(retry.after.as_millis());
        }
        assert_eq!(waits, [250, 500, 1_000, 2_000, 4_000, 4_000, 4_000]);
        assert!(!retry.is_due(start + Duration::from_secs(3)));
    }
}
