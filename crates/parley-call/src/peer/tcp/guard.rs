//! The rules of one connection, where everybody can ask them: the driver tells it what was said, the library's tasks ask
//! whether they may. Also what was counted.

use super::rules::{Budget, HEAD_START, Refusal, Rules};
use crate::stun;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

/// Streams of one connection at a time, in and out.
const STREAMS_MAX: usize = 4;
/// Addresses that a port is opened on.
const LISTENERS_MAX: usize = 3;

/// What is counted of the streams of one connection.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Packets that found a stream too slow.
    pub(super) queue_full: AtomicU64,
    /// Places of the other side that are not connected to.
    pub(super) refused: AtomicU64,
    /// Streams of nobody we know, or one too many.
    pub(super) strangers: AtomicU64,
    /// Streams that could not be opened, or carried something else.
    pub(super) failures: AtomicU64,
}

/// See the module.
#[derive(Debug)]
pub(in crate::peer) struct Guard {
    rules: Mutex<Rules>,
    budget: Arc<Mutex<Budget>>,
    listened: Vec<IpAddr>,
    /// Others may connect to us.
    takes: bool,
    /// The call stands, so streams are not needed.
    stands: watch::Sender<bool>,
    /// The connection is closed.
    ended: watch::Sender<bool>,
    places: Arc<Semaphore>,
    counters: Counters,
}

impl Guard {
    /// For a connection that binds `bound`, on a machine that has the addresses `beside` as well.
    pub(in crate::peer) fn new(
        bound: &[SocketAddr],
        beside: &[IpAddr],
        budget: Arc<Mutex<Budget>>,
    ) -> Arc<Self> {
        let bound: Vec<IpAddr> = bound.iter().map(SocketAddr::ip).collect();
        Arc::new(Self::of(&bound, beside, budget))
    }

    /// The same for a connection to somebody who is only connected to, and never connects: a server. No port stays open.
    pub(in crate::peer) fn outward(
        bound: &[SocketAddr],
        beside: &[IpAddr],
        budget: Arc<Mutex<Budget>>,
    ) -> Arc<Self> {
        let bound: Vec<IpAddr> = bound.iter().map(SocketAddr::ip).collect();
        Arc::new(Self {
            takes: false,
            ..Self::of(&bound, beside, budget)
        })
    }

    fn of(bound: &[IpAddr], beside: &[IpAddr], budget: Arc<Mutex<Budget>>) -> Self {
        Self {
            rules: Mutex::new(Rules::new(bound, beside)),
            budget,
            listened: listened(bound),
            takes: true,
            stands: watch::Sender::new(false),
            ended: watch::Sender::new(false),
            places: Arc::new(Semaphore::new(STREAMS_MAX)),
            counters: Counters::default(),
        }
    }

    /// Where ports are opened, any port each.
    pub(in crate::peer) fn listened(&self) -> &[IpAddr] {
        &self.listened
    }

    /// Whether others may connect to us.
    pub(in crate::peer) const fn takes(&self) -> bool {
        self.takes
    }

    /// The other side can be connected to there.
    pub(in crate::peer) fn want(&self, at: SocketAddr) -> Result<(), Refusal> {
        let wanted = self.rules().want(at);
        // Two on one machine are nothing strange.
        if wanted.is_err_and(|refusal| refusal != Refusal::Here) {
            self.count(|counters| &counters.refused);
        }
        wanted
    }

    /// A description of ours told this user fragment.
    pub(in crate::peer) fn announce(&self, ufrag: &str) {
        self.rules().announce(ufrag);
    }

    /// A description of the other side is set. With a new generation of ICE nothing stands, whether the library said so yet or
    /// not.
    pub(in crate::peer) fn begin(&self, theirs: &str, now: Instant) {
        if self.rules().begin(theirs, now) {
            self.look_again();
        }
    }

    /// The call stands: streams that were not opened yet are not needed.
    pub(in crate::peer) fn rest(&self) {
        self.stands.send_replace(true);
    }

    /// It does not stand any more.
    pub(in crate::peer) fn look_again(&self) {
        self.stands.send_replace(false);
    }

    /// The connection is closed: nobody is reached out for any more.
    pub(in crate::peer) fn end(&self) {
        self.ended.send_replace(true);
    }

    /// Returns once that is so.
    pub(super) async fn ended(&self) {
        // The only error is a sender that is gone, and it is in here.
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }

    /// What was thrown away, refused or failed, by name.
    pub(in crate::peer) fn counted(&self) -> Vec<(&'static str, u64)> {
        let Counters {
            queue_full,
            refused,
            strangers,
            failures,
        } = &self.counters;
        [
            ("tcp_queue_full", queue_full),
            ("tcp_refused", refused),
            ("tcp_strangers", strangers),
            ("tcp_failures", failures),
        ]
        .into_iter()
        .map(|(name, counter)| (name, counter.load(Ordering::Relaxed)))
        .filter(|(_, count)| *count > 0)
        .collect()
    }

    pub(super) fn count(&self, of: fn(&Counters) -> &AtomicU64) {
        of(&self.counters).fetch_add(1, Ordering::Relaxed);
    }

    /// The library connects to there: gives whether it may.
    pub(super) fn take(&self, at: SocketAddr) -> bool {
        self.rules().take(at)
    }

    /// Whether there is one more left to open.
    pub(super) fn spend(&self, now: Instant) -> bool {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        budget.spend(now)
    }

    /// A place for one more stream; free again when dropped.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Whether this is a check of whom we told how to make one.
    pub(super) fn knows(&self, packet: &[u8]) -> bool {
        stun::asked_of(packet).is_some_and(|ufrag| self.rules().knows(ufrag))
    }

    /// Gives datagrams their head start, counted from now; gives whether a stream is needed then.
    pub(super) async fn head_start(&self) -> bool {
        self.still_needed_after(HEAD_START).await
    }

    /// The same, counted from when checks began.
    pub(super) async fn rest_of_head_start(&self, now: Instant) -> bool {
        let due = self.rules().due(now);
        self.still_needed_after(due.saturating_duration_since(now)).await
    }

    async fn still_needed_after(&self, wait: Duration) -> bool {
        let mut stands = self.stands.subscribe();
        timeout(wait, stands.wait_for(|stands| *stands)).await.is_err()
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The best few of what is bound. Loopback only where there is nothing else: there, datagrams always pass.
fn listened(bound: &[IpAddr]) -> Vec<IpAddr> {
    let only_loopback = bound.iter().all(IpAddr::is_loopback);
    bound
        .iter()
        .filter(|ip| only_loopback || !ip.is_loopback())
        .take(LISTENERS_MAX)
        .copied()
        .collect()
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "test: an arbitrary moment to count from"
)]
mod tests {
    use super::*;

    fn guard(bound: &[&str]) -> Arc<Guard> {
        let bound: Vec<SocketAddr> = bound
            .iter()
            .map(|ip| SocketAddr::new(ip.parse().unwrap(), 0))
            .collect();
        Guard::new(&bound, &[], Arc::default())
    }

    #[test]
    fn ports_are_opened_on_the_few_best_addresses_and_hardly_ever_on_loopback() {
        let check = |bound: &[&str], expect: &[&str]| {
            let listened: Vec<String> = guard(bound).listened().iter().map(ToString::to_string).collect();
            assert_eq!(listened, expect);
        };
        check(&["192.168.1.7", "127.0.0.1"], &["192.168.1.7"]);
        check(&["127.0.0.1"], &["127.0.0.1"]);
        check(
            &["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "127.0.0.1"],
            &["10.0.0.1", "10.0.0.2", "10.0.0.3"],
        );
    }

    #[tokio::test]
    async fn a_stream_is_needed_only_while_nothing_better_was_found() {
        let guard = guard(&["192.168.1.7"]);
        let before = Instant::now();
        assert!(guard.head_start().await);
        assert!(before.elapsed() >= HEAD_START);
        let found = async {
            tokio::time::sleep(HEAD_START / 2).await;
            guard.rest();
        };
        let (needed, ()) = tokio::join!(guard.head_start(), found);
        assert!(!needed);
        assert!(!guard.head_start().await, "nor later");
        guard.look_again();
        assert!(guard.head_start().await);
    }

    #[test]
    fn what_is_refused_is_counted() {
        let guard = guard(&["192.168.1.7"]);
        assert!(guard.counted().is_empty());
        assert_eq!(guard.want("203.0.113.7:22".parse().unwrap()), Err(Refusal::Port));
        assert_eq!(
            guard.want("192.168.1.7:4000".parse().unwrap()),
            Err(Refusal::Here)
        );
        assert_eq!(guard.counted(), [("tcp_refused", 1)]);
    }

    #[test]
    fn there_are_only_so_many_streams_at_a_time() {
        let guard = guard(&["192.168.1.7"]);
        let mut places: Vec<_> = std::iter::from_fn(|| guard.place()).collect();
        assert_eq!(places.len(), STREAMS_MAX);
        places.pop();
        assert!(guard.place().is_some());
    }
}
