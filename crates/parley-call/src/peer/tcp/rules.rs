//! Which streams there may be. Sans-IO: times are arguments, [`Guard`](super::guard::Guard) asks.
//!
//! What the other side says is not believed: a candidate may name a printer, a database or the router's page. So only places
//! where media can be are connected to, few of them, once each, and not at all when the call stands without. The other side
//! is told nothing of what came of it.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// What datagrams have on streams: two round trips of 100 ms. A direct way that they can take is found by then.
pub(super) const HEAD_START: Duration = Duration::from_millis(200);
/// What the place that answered before has on all others, beyond the head start of datagrams: three round trips of 200 ms, to
/// connect, to check and to settle on it.
pub(super) const AGAIN_FIRST: Duration = Duration::from_millis(600);
/// Places of the other side that may wait to be connected to.
const WANTED_MAX: usize = 4;
/// Places that one generation of ICE ever connects to.
const TRIED_MAX: usize = 16;
/// Places that a call connects to at once, and how long until one more is allowed: whoever asks for connection after
/// connection gets no more.
const DIALS_MAX: u32 = 4;
const DIAL_EACH: Duration = Duration::from_secs(15);
/// Of our own generations of ICE, the present one and the one before.
const UFRAGS_MAX: usize = 2;
/// Below these, something else than media listens; the one exception is what firewalls let out.
const PORT_MIN: u16 = 1024;
const PORT_OF_FIREWALLS: u16 = 443;
/// What listens above: what browsers block (the Fetch standard, "bad port"), and services that are found in homes and offices
/// and take anything for a wish: printers, databases, caches.
const PORTS_OF_OTHERS: [u16; 27] = [
    1719, 1720, 1723, 2049, 2375, 3306, 3659, 4045, 4190, 5060, 5061, 5432, 6000, 6379, 6566, 6665, 6666,
    6667, 6668, 6669, 6679, 6697, 9100, 9200, 10080, 11211, 27017,
];

/// Why a place is not connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::peer) enum Refusal {
    /// Nobody has a call there.
    #[error("its port is not one for calls")]
    Port,
    /// Nobody can be called there.
    #[error("its address is not one for calls")]
    Address,
    /// This machine, which the other side may be on as well: datagrams pass there.
    #[error("it is on this machine")]
    Here,
    /// Known already, or one too many.
    #[error("it was tried, or there are too many")]
    TooMany,
}

/// How often a call may connect to somewhere, over all of its connections. The place that answered first the last time is not counted:
/// whoever is there has a call with us, and a connection that broke shall be back at once.
#[derive(Debug)]
pub(in crate::peer) struct Budget {
    left: u32,
    since: Option<Instant>,
    answered: Option<SocketAddr>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            left: DIALS_MAX,
            since: None,
            answered: None,
        }
    }
}

impl Budget {
    /// The place that answered first the last time.
    pub(super) const fn answered(&self) -> Option<SocketAddr> {
        self.answered
    }

    /// Takes one for this place, if there is one, or if it costs nothing.
    pub(super) fn spend(&mut self, now: Instant, at: SocketAddr) -> bool {
        self.answered == Some(at) || self.take(now)
    }

    fn take(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let more = now.saturating_duration_since(since).as_secs() / DIAL_EACH.as_secs();
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        if self.left.saturating_add(more) >= DIALS_MAX {
            (self.left, self.since) = (DIALS_MAX, Some(now));
        } else {
            self.left += more;
            self.since = Some(since + DIAL_EACH * more);
        }
        let some = self.left > 0;
        self.left -= u32::from(some);
        some
    }
}

/// The rules of one connection.
#[derive(Debug)]
pub(super) struct Rules {
    /// This machine's addresses.
    own: Vec<IpAddr>,
    /// There is nothing but loopback: then everybody is on this machine.
    only_loopback: bool,
    wanted: Vec<SocketAddr>,
    tried: Vec<SocketAddr>,
    ufrags: Vec<String>,
    /// The other side's generation of ICE.
    theirs: String,
    began: Option<Instant>,
    /// A place answered in this generation.
    was_answered: bool,
}

impl Rules {
    /// For a connection that binds `bound`, on a machine that has the addresses `beside` as well.
    pub(super) fn new(bound: &[IpAddr], beside: &[IpAddr]) -> Self {
        Self {
            own: bound.iter().chain(beside).map(IpAddr::to_canonical).collect(),
            only_loopback: bound.iter().all(IpAddr::is_loopback),
            wanted: Vec::new(),
            tried: Vec::new(),
            ufrags: Vec::new(),
            theirs: String::new(),
            began: None,
            was_answered: false,
        }
    }

    /// The other side says that it can be connected to there: it will be, when its time comes.
    pub(super) fn want(&mut self, at: SocketAddr) -> Result<(), Refusal> {
        if !is_for_calls(at.port()) {
            return Err(Refusal::Port);
        }
        self.is_elsewhere(at.ip().to_canonical())?;
        let known = self.wanted.contains(&at) || self.tried.contains(&at);
        if known || self.wanted.len() >= WANTED_MAX || self.tried.len() + self.wanted.len() >= TRIED_MAX {
            return Err(Refusal::TooMany);
        }
        self.wanted.push(at);
        Ok(())
    }

    /// The library connects to there: gives whether it may. Each place once; one that was never wanted, never.
    pub(super) fn take(&mut self, at: SocketAddr) -> bool {
        let place = self.wanted.iter().position(|wanted| *wanted == at);
        if let Some(place) = place {
            self.tried.push(self.wanted.remove(place));
        }
        place.is_some()
    }

    /// Whether it is one of this generation's.
    pub(super) fn names(&self, at: SocketAddr) -> bool {
        self.wanted.contains(&at) || self.tried.contains(&at)
    }

    /// A place that was connected to answered as who has a call does. The first one of a generation is the one to come back to.
    pub(super) fn answers(&mut self, at: SocketAddr, budget: &mut Budget) {
        if !std::mem::replace(&mut self.was_answered, true) {
            budget.answered = Some(at);
        }
    }

    /// The user fragment that we told: checks of the other side say it (RFC 8445, 7.2.2).
    pub(super) fn announce(&mut self, ufrag: &str) {
        if !ufrag.is_empty() && !self.ufrags.iter().any(|known| known == ufrag) {
            self.ufrags.push(ufrag.to_owned());
            let old = self.ufrags.len().saturating_sub(UFRAGS_MAX);
            self.ufrags.drain(..old);
        }
    }

    /// Whether whoever says this was told it by us.
    pub(super) fn knows(&self, ufrag: &str) -> bool {
        self.ufrags.iter().any(|known| known == ufrag)
    }

    /// A description of the other side is set, with this user fragment. Gives whether checks begin by that, with datagrams: not in
    /// the middle of a generation. A new one may name the places of the last again; the budget stays.
    pub(super) fn begin(&mut self, theirs: &str, now: Instant) -> bool {
        let begins = self.theirs != theirs;
        if begins {
            theirs.clone_into(&mut self.theirs);
            self.began = Some(now);
            self.wanted.clear();
            self.tried.clear();
            self.was_answered = false;
        }
        begins
    }

    /// When a stream that came in is listened to, if nothing better was found by then.
    pub(super) fn due(&self, now: Instant) -> Instant {
        self.began.unwrap_or(now) + HEAD_START
    }

    fn is_elsewhere(&self, ip: IpAddr) -> Result<(), Refusal> {
        if ip.is_loopback() {
            return if self.only_loopback {
                Ok(())
            } else {
                Err(Refusal::Here)
            };
        }
        if self.own.contains(&ip) {
            return Err(Refusal::Here);
        }
        let special = match ip {
            IpAddr::V4(ip) => ip.octets()[0] == 0 || ip.is_link_local() || ip.is_broadcast(),
            IpAddr::V6(ip) => ip.is_unspecified() || (ip.segments()[0] & 0xffc0) == 0xfe80,
        };
        if special || ip.is_multicast() {
            return Err(Refusal::Address);
        }
        Ok(())
    }
}

fn is_for_calls(port: u16) -> bool {
    port == PORT_OF_FIREWALLS || (port >= PORT_MIN && !PORTS_OF_OTHERS.contains(&port))
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    fn rules(bound: &[&str]) -> Rules {
        let bound: Vec<IpAddr> = bound.iter().map(|ip| ip.parse().unwrap()).collect();
        Rules::new(&bound, &["10.8.0.1".parse().unwrap()])
    }

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_other_machines_are_connected_to() {
        let check = |bound: &[&str], ip: &str, expect| {
            let place = SocketAddr::new(ip.parse().unwrap(), 40_000);
            assert_eq!(rules(bound).want(place), expect, "{ip} from {bound:?}");
        };
        let home = ["192.168.1.7", "2001:db8::7", "127.0.0.1"];
        for ip in ["192.168.1.8", "203.0.113.7", "10.8.0.2", "2001:db8::8", "fd00::1"] {
            check(&home, ip, Ok(()));
        }
        for ip in [
            "127.0.0.1",
            "127.1.2.3",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:192.168.1.7",
            "192.168.1.7",
            "2001:db8::7",
            // Though it is not bound.
            "10.8.0.1",
        ] {
            check(&home, ip, Err(Refusal::Here));
        }
        for ip in [
            // Where clouds keep their secrets, among others.
            "169.254.169.254",
            "fe80::1",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "224.0.0.251",
            "ff02::1",
            "255.255.255.255",
        ] {
            check(&home, ip, Err(Refusal::Address));
        }
        // Without any network, the other one is another window of this machine.
        check(&["127.0.0.1"], "127.0.0.1", Ok(()));
    }

    #[test]
    fn only_ports_of_calls_are_connected_to() {
        let mut open = 0_u32;
        for port in 0..=u16::MAX {
            let place = SocketAddr::new([203, 0, 113, 7].into(), port);
            open += u32::from(rules(&["192.168.1.7"]).want(place).is_ok());
        }
        assert_eq!(open, 65_536 - 1024 - 27 + 1);
        for port in [0, 21, 22, 25, 80, 110, 3306, 5060, 6000, 6667, 9100, 10080] {
            let place = SocketAddr::new([203, 0, 113, 7].into(), port);
            assert_eq!(rules(&["192.168.1.7"]).want(place), Err(Refusal::Port), "{port}");
        }
    }

    #[test]
    fn nothing_is_connected_to_twice_or_unasked() {
        let mut rules = rules(&["192.168.1.7"]);
        assert!(!rules.take(at("203.0.113.7:4000")));
        assert_eq!(rules.want(at("203.0.113.7:4000")), Ok(()));
        assert_eq!(rules.want(at("203.0.113.7:4000")), Err(Refusal::TooMany));
        assert!(rules.take(at("203.0.113.7:4000")));
        assert!(!rules.take(at("203.0.113.7:4000")));
        assert_eq!(rules.want(at("203.0.113.7:4000")), Err(Refusal::TooMany));
        rules.begin("restarted", Instant::now());
        assert!(!rules.take(at("203.0.113.7:4000")));
        assert_eq!(
            rules.want(at("203.0.113.7:4000")),
            Ok(()),
            "it may have kept its port"
        );
    }

    #[test]
    fn whoever_names_a_thousand_places_has_few_connected_to() {
        let mut waiting = rules(&["192.168.1.7"]);
        let named = (2_000..3_000).filter(|port| {
            waiting
                .want(SocketAddr::new([203, 0, 113, 7].into(), *port))
                .is_ok()
        });
        assert_eq!(named.count(), WANTED_MAX);
        let mut taken = rules(&["192.168.1.7"]);
        let connected = (2_000..3_000).filter(|port| {
            let place = SocketAddr::new([203, 0, 113, 7].into(), *port);
            taken.want(place).is_ok() && taken.take(place)
        });
        assert_eq!(connected.count(), TRIED_MAX);
    }

    #[test]
    fn a_call_that_is_made_to_connect_again_and_again_does_so_ever_more_slowly() {
        let start = Instant::now();
        let mut budget = Budget::default();
        let spent = |budget: &mut Budget, seconds: std::ops::Range<u64>| {
            seconds
                .flat_map(|second| [second; 10])
                .filter(|second| budget.spend(start + Duration::from_secs(*second), at("203.0.113.7:4000")))
                .count()
        };
        assert_eq!(spent(&mut budget, 0..1), 4);
        assert_eq!(spent(&mut budget, 1..15), 0);
        assert_eq!(spent(&mut budget, 15..16), 1);
        assert_eq!(spent(&mut budget, 16..16 + 600), 40);
        // After a long time there are no more than at the start.
        assert_eq!(spent(&mut budget, 100_000..100_001), 4);
        assert_eq!(spent(&mut budget, 100_001..100_002), 0);
    }

    #[test]
    fn the_place_that_answered_first_costs_nothing_until_another_one_answers_first() {
        let now = Instant::now();
        let (mut rules, mut budget) = (rules(&["192.168.1.7"]), Budget::default());
        let (good, other) = (at("203.0.113.7:443"), at("203.0.113.8:443"));
        assert!(rules.begin("one", now));
        rules.answers(good, &mut budget);
        rules.answers(other, &mut budget);
        assert_eq!(budget.answered(), Some(good));
        let spent = (0..10).filter(|_| budget.spend(now, other)).count();
        assert_eq!(spent, DIALS_MAX as usize);
        assert!((0..100).all(|_| budget.spend(now, good)));
        assert!(!budget.spend(now, other));
        // Each place is connected to once in a generation all the same.
        assert_eq!(rules.want(good), Ok(()));
        assert!(rules.take(good) && !rules.take(good));
        assert!(rules.begin("two", now));
        rules.answers(other, &mut budget);
        assert!(budget.spend(now, other) && !budget.spend(now, good));
    }

    #[test]
    fn who_comes_in_is_known_by_what_it_was_told_last() {
        let mut rules = rules(&["192.168.1.7"]);
        assert!(!rules.knows(""));
        for ufrag in ["one", "one", "two", "three", ""] {
            rules.announce(ufrag);
        }
        let known = ["", "one", "two", "three"].map(|ufrag| rules.knows(ufrag));
        assert_eq!(known, [false, false, true, true]);
    }

    #[test]
    fn datagrams_have_a_head_start() {
        let now = Instant::now();
        let mut rules = rules(&["192.168.1.7"]);
        assert_eq!(rules.due(now), now + HEAD_START, "before checks begin");
        assert!(rules.begin("one", now));
        let later = now + Duration::from_millis(150);
        assert!(!rules.begin("one", later), "the same again");
        assert_eq!(rules.due(later), now + HEAD_START);
        assert!(
            rules.due(now + Duration::from_secs(9)) < now + Duration::from_secs(9),
            "late ones wait no more"
        );
    }
}
