//! Writes down a call while it is on: begins when the two are first connected, counts its seconds, and gives what is to be
//! kept at the beginning, each minute and at the end, so that a crash loses a minute at most. No clock, no disk.

use crate::store::{CallId, PastCall, Seconds};
use crate::view::{EndCode, Quality};
use parley_call::CallPhase;

/// How often a call that goes on is written again, in seconds.
const AGAIN_S: u64 = 60;

/// What one second of a call was like.
#[derive(Debug, Clone)]
pub(super) struct Second {
    pub(super) phase: CallPhase,
    /// Milliseconds since 1970.
    pub(super) now_ms: u64,
    pub(super) connected_since_ms: Option<u64>,
    pub(super) quality: Quality,
    pub(super) people: Vec<String>,
    pub(super) host: bool,
}

/// The page of the call that is on.
#[derive(Debug, Default)]
pub(super) struct Diary {
    page: Option<PastCall>,
    closed: bool,
    broken: bool,
    written_s: u64,
}

impl Diary {
    /// The call being written down.
    pub(super) fn id(&self) -> Option<&CallId> {
        self.page.as_ref().map(|call| &call.id)
    }

    /// Nothing more is written of this call.
    pub(super) fn close(&mut self) {
        self.turn_page();
        self.closed = true;
    }

    /// A new call.
    pub(super) fn turn_page(&mut self) {
        *self = Self::default();
    }

    /// Another second; `random` names the call when this is its first. Gives what is to be kept now.
    pub(super) fn second(&mut self, second: Second, random: u64) -> Option<PastCall> {
        if self.closed {
            return None;
        }
        let first = self.page.is_none();
        let began_ms = second.connected_since_ms?;
        let page = self.page.get_or_insert_with(|| PastCall {
            id: CallId::new(random),
            began_ms,
            seconds: 0,
            people: Vec::new(),
            host: second.host,
            quality: Seconds::default(),
            interruptions: 0,
            end: None,
            stars: None,
            messages: 0,
        });
        page.seconds = second.now_ms.saturating_sub(began_ms) / 1000;
        for name in second.people {
            if !name.is_empty() && !page.people.contains(&name) {
                page.people.push(name);
            }
        }
        let broken = second.phase == CallPhase::Reconnecting;
        page.interruptions += u32::from(broken && !self.broken);
        self.broken = broken;
        match second.quality {
            _ if broken => page.quality.poor += 1,
            Quality::Good => page.quality.good += 1,
            Quality::Fair => page.quality.fair += 1,
            Quality::Poor => page.quality.poor += 1,
            Quality::Unknown => {}
        }
        if !first && page.seconds < self.written_s + AGAIN_S {
            return None;
        }
        self.written_s = page.seconds;
        Some(page.clone())
    }

    /// The call is over. Gives what is to be kept, once.
    pub(super) fn end(&mut self, end: EndCode, seconds: u64) -> Option<PastCall> {
        let page = self.page.as_mut().filter(|page| page.end.is_none())?;
        page.end = Some(end);
        page.seconds = seconds;
        Some(page.clone())
    }
}

/// A call in one word: bad when more than a quarter of it was, weak when more than a quarter was weak or bad.
pub(super) fn verdict(seconds: Seconds) -> Quality {
    let Seconds { good, fair, poor } = seconds;
    let all = u64::from(good) + u64::from(fair) + u64::from(poor);
    let quarter = |part: u32| u64::from(part) * 4 > all;
    match () {
        () if all == 0 => Quality::Unknown,
        () if quarter(poor) => Quality::Poor,
        () if quarter(fair.saturating_add(poor)) => Quality::Fair,
        () => Quality::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGAN_MS: u64 = 1_700_000_000_000;

    fn second(at_s: u64, phase: CallPhase, quality: Quality) -> Second {
        Second {
            phase,
            now_ms: BEGAN_MS + at_s * 1000,
            connected_since_ms: Some(BEGAN_MS),
            quality,
            people: vec!["Ben".into(), String::new()],
            host: true,
        }
    }

    #[test]
    fn a_call_is_written_at_its_beginning_each_minute_and_at_its_end() {
        let mut diary = Diary::default();
        let waiting = Second {
            connected_since_ms: None,
            ..second(0, CallPhase::Waiting, Quality::Unknown)
        };
        assert_eq!(diary.second(waiting, 7), None, "nobody came yet");
        let mut written = Vec::new();
        for at in 0..150 {
            written.extend(diary.second(second(at, CallPhase::Connected, Quality::Good), 7 + at));
        }
        let lengths: Vec<u64> = written.iter().map(|call| call.seconds).collect();
        assert_eq!(lengths, [0, 60, 120]);
        assert!(written.iter().all(|call| call.id == CallId::new(7)), "one name");
        let last = diary.end(EndCode::OtherLeft, 151).unwrap();
        assert_eq!((last.seconds, last.end), (151, Some(EndCode::OtherLeft)));
        assert_eq!(last.people, ["Ben"]);
        assert_eq!(diary.end(EndCode::HungUp, 152), None, "once");
    }

    #[test]
    fn interruptions_are_counted_and_their_seconds_are_bad() {
        let mut diary = Diary::default();
        let phases = [
            CallPhase::Connected,
            CallPhase::Reconnecting,
            CallPhase::Reconnecting,
            CallPhase::Connected,
            CallPhase::Reconnecting,
        ];
        for (at, phase) in phases.into_iter().enumerate() {
            diary.second(second(at as u64, phase, Quality::Good), 1);
        }
        let call = diary.end(EndCode::OtherLost, 5).unwrap();
        assert_eq!(call.interruptions, 2);
        assert_eq!((call.quality.good, call.quality.poor), (2, 3));
    }

    #[test]
    fn a_call_that_is_to_be_forgotten_while_it_is_on_is_not_written_again() {
        let mut diary = Diary::default();
        let at = |s| second(s, CallPhase::Connected, Quality::Good);
        assert!(diary.second(at(0), 1).is_some());
        diary.close();
        assert_eq!(diary.second(at(90), 2), None);
        assert_eq!(diary.end(EndCode::HungUp, 91), None);
        diary.turn_page();
        assert!(diary.second(at(200), 3).is_some(), "the next call is another");
    }

    #[test]
    fn most_of_a_call_decides_its_word() {
        for (good, fair, poor, expect) in [
            (0, 0, 0, Quality::Unknown),
            (100, 0, 0, Quality::Good),
            (80, 15, 5, Quality::Good),
            (70, 20, 10, Quality::Fair),
            (70, 0, 30, Quality::Poor),
            (0, 0, u32::MAX, Quality::Poor),
            (0, u32::MAX, u32::MAX, Quality::Poor),
        ] {
            assert_eq!(
                verdict(Seconds { good, fair, poor }),
                expect,
                "{good} {fair} {poor}"
            );
        }
    }
}
