//! The connection to the SFU: when one is made, negotiated, made anew, and whether it stands. Sans-IO.
//!
//! The client always offers and the server answers; the next offer waits for the answer to the last. What goes wrong is followed by a fresh
//! connection under a larger number: at once the first time, then after 1, 2 and 4 s. The one before carries media until the
//! fresh one stands, so one is made whenever something may have been missed.

use crate::ice::IceServer;
use crate::port::ConnectionPhase;
use crate::session::context::Context;
use crate::session::leg::ShareTracks;
use crate::sfu_port::{ReceiveSection, SfuCommand, SfuEventKind};
use parley_proto::limits::SFU_SDP_BYTES_MAX;
use parley_proto::{Publish, SfuClosed};
use std::time::{Duration, Instant};

/// An offer that is not made, not answered, or whose answer is not set by then comes to nothing.
const STEP_MAX: Duration = Duration::from_secs(5);
/// A connection that does not stand so long after its answer never will.
const CONNECT_MAX: Duration = Duration::from_secs(8);
/// Nothing came for a while; it may come back by itself for so long.
const DISCONNECTED_MAX: Duration = Duration::from_secs(2);
/// A connection that stood for so long was a good one: the next is made at once again.
const GOOD_AFTER: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    /// None is being made, and none is there to be negotiated.
    Closed,
    /// The driver makes an offer.
    Making { until: Instant },
    /// It waits until the server can be told.
    Made { sdp: String, until: Instant },
    /// The server has it.
    Offered { until: Instant },
    /// The driver sets the answer.
    Answered { until: Instant },
    /// Negotiated. Until it stands, that is waited for.
    Stable { until: Option<Instant> },
}

/// See the module.
#[derive(Debug)]
pub(super) struct SfuConnection {
    stage: Stage,
    /// Of the newest one; counts up through the whole call.
    number: u32,
    /// The one that carries media.
    standing: Option<u32>,
    stands_since: Option<Instant>,
    /// Since when the newest, which stood, says nothing.
    silent_since: Option<Instant>,
    failures: u32,
    /// When the next is made.
    retry_at: Option<Instant>,
    /// Another offer is to be made, once the last is answered.
    again: bool,
    /// What is sent in which section, and what is received where: as offered last.
    publish: Vec<Publish>,
    receive: Vec<ReceiveSection>,
    /// The tracks of a share that were put on it.
    share: ShareTracks,
    /// Microphone and camera are sent over it.
    speaks: bool,
    opened: bool,
    /// The last offer had no answer in time.
    unanswered: bool,
}

impl SfuConnection {
    pub(super) const fn new() -> Self {
        Self {
            stage: Stage::Closed,
            number: 0,
            standing: None,
            stands_since: None,
            silent_since: None,
            failures: 0,
            retry_at: None,
            again: false,
            publish: Vec::new(),
            receive: Vec::new(),
            share: ShareTracks {
                screen: false,
                sound: false,
            },
            speaks: true,
            opened: false,
            unanswered: false,
        }
    }

    /// Whether an offer had no answer in time, once.
    pub(super) const fn take_unanswered(&mut self) -> bool {
        std::mem::replace(&mut self.unanswered, false)
    }

    /// Whether media can come over it.
    pub(super) const fn is_up(&self) -> bool {
        self.standing.is_some()
    }

    /// Whether there is one, or is to be one.
    pub(super) const fn is_wanted(&self) -> bool {
        self.opened || self.retry_at.is_some()
    }

    /// Whether the newest one is negotiated, so that lists are about its sections.
    pub(super) const fn is_negotiated(&self) -> bool {
        matches!(self.stage, Stage::Stable { .. })
    }

    pub(super) fn receive(&self) -> &[ReceiveSection] {
        &self.receive
    }

    pub(super) fn publish(&self) -> &[Publish] {
        &self.publish
    }

    /// One is wanted from now on.
    pub(super) fn want(&mut self, now: Instant) {
        if !self.is_wanted() {
            self.retry_at = Some(now);
        }
    }

    /// A fresh one is made now: something may have been missed. The one there is carries media meanwhile.
    pub(super) fn renew(&mut self, now: Instant) {
        self.stage = Stage::Closed;
        self.failures = 0;
        self.retry_at = Some(now);
    }

    /// None is wanted any more.
    pub(super) fn close(&mut self, cx: &mut Context<'_>) {
        if self.opened {
            cx.out.sfu(SfuCommand::Close);
        }
        *self = Self {
            number: self.number,
            ..Self::new()
        };
    }

    /// Whether a fresh one is due.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.retry_at.is_some_and(|at| now >= at)
    }

    /// Makes a fresh one, with these tracks of a share on it; or with nothing to send.
    pub(super) fn open(
        &mut self,
        ice_servers: Vec<IceServer>,
        speaks: bool,
        share: ShareTracks,
        cx: &mut Context<'_>,
    ) {
        self.number = self.number.wrapping_add(1);
        self.retry_at = None;
        self.again = false;
        self.silent_since = None;
        self.opened = true;
        cx.counters.sfu_connections_opened += 1;
        cx.out.sfu(SfuCommand::Open {
            connection: self.number,
            ice_servers,
            speaks,
        });
        self.speaks = speaks;
        self.share = ShareTracks::default();
        self.add_share(share, cx);
        self.make_offer(cx);
    }

    /// Whoever only listens from now on sends nothing, at once; who may speak again has microphone and camera put on the newest one, if they
    /// are not on it yet.
    pub(super) fn set_speaks(&mut self, speaks: bool, cx: &mut Context<'_>) {
        let may_be_told = self.opened && (!speaks || self.is_negotiated());
        if self.speaks != speaks && may_be_told {
            self.speaks = speaks;
            cx.out.sfu(SfuCommand::Speak(speaks));
        }
    }

    /// Puts the tracks of a share on the newest one that are not on it yet.
    pub(super) fn add_share(&mut self, wanted: ShareTracks, cx: &mut Context<'_>) {
        let wanted = ShareTracks {
            screen: wanted.screen || wanted.sound,
            ..wanted
        };
        if wanted.screen && !self.share.have(wanted) {
            self.share.screen = true;
            self.share.sound |= wanted.sound;
            cx.out.sfu(SfuCommand::AddScreen {
                sound: self.share.sound,
            });
        }
    }

    /// The offer that is to be sent now: its number and its SDP.
    pub(super) fn take_offer(&mut self, now: Instant) -> Option<(u32, String)> {
        let Stage::Made { sdp, .. } = &mut self.stage else {
            return None;
        };
        let sdp = std::mem::take(sdp);
        self.stage = Stage::Offered {
            until: now + STEP_MAX,
        };
        Some((self.number, sdp))
    }

    /// The server answered. Gives whether that was asked for.
    pub(super) fn on_answer(&mut self, connection: u32, sdp: String, cx: &mut Context<'_>) -> bool {
        let asked = connection == self.number && matches!(self.stage, Stage::Offered { .. });
        if !asked || sdp.len() > SFU_SDP_BYTES_MAX {
            return false;
        }
        self.stage = Stage::Answered {
            until: cx.now + STEP_MAX,
        };
        cx.out.sfu(SfuCommand::SetAnswer { sdp });
        true
    }

    /// The server says that a connection is over.
    pub(super) fn on_closed(&mut self, now: Instant, connection: u32, reason: SfuClosed) {
        if self.standing == Some(connection) {
            self.fall();
        }
        if connection == self.number && self.stage != Stage::Closed {
            // Whoever was refused is not let in a moment later.
            if reason != SfuClosed::Lost {
                self.failures = self.failures.max(1);
            }
            self.fail(now);
        }
    }

    /// The server has no SFU for this side now.
    pub(super) fn on_unavailable(&mut self, now: Instant) {
        if matches!(self.stage, Stage::Offered { .. }) {
            self.failures = self.failures.max(1);
            self.fail(now);
        }
    }

    /// Something happened to the connection of that number.
    pub(super) fn on_event(&mut self, connection: u32, kind: SfuEventKind, cx: &mut Context<'_>) {
        if let SfuEventKind::Connection(phase) = kind {
            return self.on_phase(cx.now, connection, phase);
        }
        if connection != self.number {
            return;
        }
        match kind {
            SfuEventKind::LocalOffer {
                sdp,
                publish,
                receive,
            } if matches!(self.stage, Stage::Making { .. }) => {
                self.publish = publish;
                self.receive = receive;
                self.stage = Stage::Made {
                    sdp,
                    until: cx.now + STEP_MAX,
                };
            }
            SfuEventKind::AnswerSet if matches!(self.stage, Stage::Answered { .. }) => {
                let waits = self.standing != Some(self.number);
                self.stage = Stage::Stable {
                    until: waits.then(|| cx.now + CONNECT_MAX),
                };
                if std::mem::take(&mut self.again) {
                    self.make_offer(cx);
                }
            }
            SfuEventKind::NegotiationNeeded => match self.stage {
                Stage::Stable { .. } => self.make_offer(cx),
                // The offer that is being made has it.
                Stage::Making { .. } | Stage::Closed => {}
                _ => self.again = true,
            },
            SfuEventKind::CommandFailed { command, detail } => {
                cx.counters.peer_failures += 1;
                tracing::warn!(command, detail, "the driver of the SFU could not do that");
                if ["open", "make_offer", "set_answer"].contains(&command) && self.stage != Stage::Closed {
                    self.failures = self.failures.max(1);
                    self.fail(cx.now);
                }
            }
            _ => cx.counters.stale += 1,
        }
    }

    pub(super) fn on_timeout(&mut self, now: Instant) {
        if let Stage::Offered { until } = self.stage {
            self.unanswered |= now >= until;
        }
        if self.step_until().is_some_and(|until| now >= until)
            || self.silent_until().is_some_and(|until| now >= until)
        {
            self.fail(now);
        }
        if self.good_at().is_some_and(|at| now >= at) {
            self.failures = 0;
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let parts = [self.step_until(), self.silent_until(), self.good_at()];
        parts.into_iter().flatten().min()
    }

    /// When the next is made.
    pub(super) const fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    fn make_offer(&mut self, cx: &mut Context<'_>) {
        self.stage = Stage::Making {
            until: cx.now + STEP_MAX,
        };
        cx.out.sfu(SfuCommand::MakeOffer { ice_restart: false });
    }

    fn on_phase(&mut self, now: Instant, connection: u32, phase: ConnectionPhase) {
        tracing::debug!(?phase, connection, "connection to the SFU");
        let newest = connection == self.number && self.stage != Stage::Closed;
        match phase {
            ConnectionPhase::Connecting => {}
            ConnectionPhase::Connected => {
                if newest {
                    self.silent_since = None;
                    if let Stage::Stable { until } = &mut self.stage {
                        *until = None;
                    }
                }
                if newest || self.standing.is_none() && connection <= self.number {
                    self.standing = Some(connection);
                    self.stands_since = Some(now);
                }
            }
            ConnectionPhase::Disconnected | ConnectionPhase::Failed => {
                let stood = self.standing == Some(connection);
                if stood {
                    self.fall();
                }
                if newest && phase == ConnectionPhase::Failed {
                    self.fail(now);
                } else if newest && stood {
                    self.silent_since = Some(now);
                }
            }
        }
    }

    /// Nothing comes any more over the one that carried media.
    const fn fall(&mut self) {
        self.standing = None;
        self.stands_since = None;
    }

    /// The newest comes to nothing: the next one is made, the later the more came to nothing before.
    fn fail(&mut self, now: Instant) {
        let wait = match self.failures {
            0 => Duration::ZERO,
            many => Duration::from_secs(1 << (many - 1).min(2)),
        };
        self.failures = self.failures.saturating_add(1);
        self.stage = Stage::Closed;
        self.silent_since = None;
        self.retry_at = Some(now + wait);
    }

    fn step_until(&self) -> Option<Instant> {
        match self.stage {
            Stage::Closed => None,
            Stage::Making { until }
            | Stage::Made { until, .. }
            | Stage::Offered { until }
            | Stage::Answered { until } => Some(until),
            Stage::Stable { until } => until,
        }
    }

    fn silent_until(&self) -> Option<Instant> {
        Some(self.silent_since? + DISCONNECTED_MAX)
    }

    fn good_at(&self) -> Option<Instant> {
        self.stands_since
            .filter(|_| self.failures > 0)
            .map(|since| since + GOOD_AFTER)
    }
}
