//! The device thread: owns every open stream, so that opening, watching and closing never hold up the audio thread.

use super::hosts::{Direction, Hosts};
use super::keeper::{Keeper, KeeperNews, Wanted};
use super::ring::{MicrophoneRing, SpeakerRing};
use super::stream::RingEnd;
use super::trouble::DeviceTrouble;
use crate::device::changes::{Changed, DeviceChanges};
use crate::device::{Device, Replaced};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

/// Wishes that may wait.
const WISHES_MAX: usize = 64;
/// News that may wait for the audio thread, which reads them each tick.
const NEWS_MAX: usize = 64;
/// How often streams are looked after.
const TEND_EVERY: Duration = Duration::from_millis(150);
/// How often they are compared with the system's devices where the system tells nothing by itself.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The same where it does: it may have forgotten to.
const LOOK_ALSO_EVERY: Duration = Duration::from_secs(10);

/// The handle of the device thread. Dropping it closes all streams.
#[derive(Debug)]
pub struct SoundDevices {
    wishes: Option<Arc<SyncSender<Message>>>,
    news: Receiver<SoundNews>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread waits for.
#[derive(Debug)]
enum Message {
    Wish(Wish),
    /// The system's devices changed.
    Changed,
}

#[derive(Debug)]
struct Wish {
    direction: Direction,
    generation: u32,
    wanted: Option<Wanted>,
}

/// What became of a wish. `generation` is the wish's.
#[derive(Debug)]
pub struct SoundNews {
    /// Which stream.
    pub direction: Direction,
    /// Which wish.
    pub generation: u32,
    /// What happened.
    pub event: SoundEvent,
}

/// What happened to a stream.
#[derive(Debug)]
pub enum SoundEvent {
    /// A microphone is open; again after it was lost, or when another one became the right one.
    Microphone {
        /// Its sound.
        ring: MicrophoneRing,
        /// What it is.
        device: Device,
        /// A word about it, such as that it stands in for another.
        detail: Option<String>,
        /// What it took the place of.
        replaced: Option<Replaced>,
    },
    /// A speaker is open.
    Speaker {
        /// Where its sound goes.
        ring: SpeakerRing,
        /// Samples at 48 kHz that it takes at once.
        period: usize,
        /// What it is.
        device: Device,
        /// A word about it.
        detail: Option<String>,
        /// What it took the place of.
        replaced: Option<Replaced>,
    },
    /// It is gone, or could not be opened. It is tried again with back-off.
    Lost(DeviceTrouble),
}

impl SoundDevices {
    /// Starts the thread. Callbacks wake the thread `wake`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(wake: Thread) -> Result<Self, std::io::Error> {
        let (wishes, wishes_out) = sync_channel(WISHES_MAX);
        let (news_in, news) = sync_channel(NEWS_MAX);
        let wishes = Arc::new(wishes);
        // Who only tells of changes does not keep the thread going.
        let changes = Arc::downgrade(&wishes);
        let thread = std::thread::Builder::new()
            .name("audio devices".into())
            .spawn(move || run(&wishes_out, &news_in, &wake, changes))?;
        Ok(Self {
            wishes: Some(wishes),
            news,
            thread: Some(thread),
        })
    }

    /// Wants a device (by id, or the default one) or none. Never waits; false when too many wishes wait.
    pub fn wish(&self, direction: Direction, generation: u32, device: Option<Option<String>>) -> bool {
        let wish = Message::Wish(Wish {
            direction,
            generation,
            wanted: device.map(Wanted),
        });
        self.wishes
            .as_ref()
            .is_some_and(|wishes| wishes.try_send(wish).is_ok())
    }

    /// The next piece of news, if there is one.
    #[must_use]
    pub fn news(&self) -> Option<SoundNews> {
        self.news.try_recv().ok()
    }
}

impl Drop for SoundDevices {
    fn drop(&mut self) {
        self.wishes = None;
        if let Some(thread) = self.thread.take() {
            // A driver that hangs must not hang the program: the thread is left to itself then.
            for _ in 0..50 {
                if thread.is_finished() {
                    let _ = thread.join();
                    return;
                }
                std::thread::park_timeout(Duration::from_millis(10));
            }
            tracing::warn!("a sound device does not let go");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "driver: the device thread's clock")]
fn run(
    wishes: &Receiver<Message>,
    news: &SyncSender<SoundNews>,
    wake: &Thread,
    changes: Weak<SyncSender<Message>>,
) {
    let changes = DeviceChanges::listen(&[Changed::Sound], move |_| {
        if let Some(changes) = changes.upgrade() {
            // Full: so much waits that the thread is awake anyway, and it looks again soon.
            let _ = changes.try_send(Message::Changed);
        }
    });
    let mut hosts = Hosts::new();
    let mut keepers = [
        (Keeper::new(Direction::In, wake.clone()), Direction::In, 0),
        (Keeper::new(Direction::Out, wake.clone()), Direction::Out, 0),
    ];
    let mut look_at = Instant::now() + LOOK_EVERY;
    loop {
        // With nothing to look after there is nothing to wake up for.
        let idle = !keepers.iter().any(|(keeper, ..)| keeper.is_wanted());
        let wait = if idle {
            Duration::from_secs(3_600)
        } else {
            TEND_EVERY
        };
        let mut changed = false;
        match wishes.recv_timeout(wait) {
            Ok(Message::Changed) => changed = true,
            Ok(Message::Wish(wish)) => {
                let [microphone, speaker] = &mut keepers;
                let (keeper, _, generation) = if wish.direction == Direction::In {
                    microphone
                } else {
                    speaker
                };
                keeper.wish(wish.wanted);
                *generation = wish.generation;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        let look = changed || now >= look_at;
        if look {
            let every = if changes.tells(Changed::Sound) {
                LOOK_ALSO_EVERY
            } else {
                LOOK_EVERY
            };
            look_at = now + every;
        }
        for (keeper, direction, generation) in &mut keepers {
            if changed {
                keeper.hear_of_change();
            }
            let Some(event) = keeper.tend(&mut hosts, now, look).map(SoundEvent::from) else {
                continue;
            };
            let (direction, generation) = (*direction, *generation);
            if news
                .send(SoundNews {
                    direction,
                    generation,
                    event,
                })
                .is_err()
            {
                return;
            }
            wake.unpark();
        }
    }
}

impl From<KeeperNews> for SoundEvent {
    fn from(news: KeeperNews) -> Self {
        match news {
            KeeperNews::Opened {
                end: RingEnd::Microphone(ring),
                device,
                detail,
                replaced,
            } => Self::Microphone {
                ring,
                device,
                detail,
                replaced,
            },
            KeeperNews::Opened {
                end: RingEnd::Speaker(ring, period),
                device,
                detail,
                replaced,
            } => Self::Speaker {
                ring,
                period,
                device,
                detail,
                replaced,
            },
            KeeperNews::Lost(trouble) => Self::Lost(trouble),
        }
    }
}
