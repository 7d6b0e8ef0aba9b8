//! The computer's sound beside a shared screen: what other programs play, as packets for the call. Its own thread.
//!
//! | what | where |
//! |---|---|
//! | what programs play, mixed | [`crate::device::system_sound`] |
//! | packets | [`packets`] |
//! | the thread, its clock and its end | here |
//!
//! It is nobody's microphone: no voice chain touches it and no mute. It ends with its value, which lives as long as
//! there is something to be seen of the share. Sound that is there before a server can be reached, or after it went, is silence; the server is looked for again.

#[cfg(target_os = "linux")]
mod packets;

use super::config::AudioTargets;
use crate::device::system_sound::SystemSoundFault;
use crate::packet::EncodedAudio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, watch};

/// What is known of it now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SharedSoundStatus {
    /// Programs that are recorded now.
    pub programs: usize,
    /// Why none can be.
    pub fault: Option<SystemSoundFault>,
    /// Packets made.
    pub packets: u64,
    /// Packets that found no room on their way to the network.
    pub packets_dropped: u64,
    /// Samples that came too fast and were thrown away.
    pub samples_dropped: u64,
}

/// The computer's sound, being shared. Dropping it ends that.
#[derive(Debug)]
pub struct SharedSound {
    stop: Arc<AtomicBool>,
    status: watch::Receiver<SharedSoundStatus>,
    thread: Option<JoinHandle<()>>,
}

impl SharedSound {
    /// Begins; `out` gets the packets. Where it cannot be, the status tells why.
    #[must_use]
    pub fn spawn(targets: watch::Receiver<AudioTargets>, out: mpsc::Sender<EncodedAudio>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (tell, status) = watch::channel(SharedSoundStatus::default());
        let stopped = Arc::clone(&stop);
        let spawned = std::thread::Builder::new()
            .name("shared sound".into())
            .spawn(move || run(&targets, &out, &tell, &stopped));
        let thread = spawned
            .inspect_err(|error| tracing::error!(%error, "no thread for the computer's sound"))
            .ok();
        Self { stop, status, thread }
    }

    /// No more is sent from now on. Does not wait for the thread, as dropping does.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// What is known of it, now and at each change.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<SharedSoundStatus> {
        self.status.clone()
    }
}

impl Drop for SharedSound {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn run(
    _: &watch::Receiver<AudioTargets>,
    _: &mpsc::Sender<EncodedAudio>,
    tell: &watch::Sender<SharedSoundStatus>,
    _: &AtomicBool,
) {
    tell.send_modify(|status| status.fault = Some(SystemSoundFault::Unsupported));
}

#[cfg(target_os = "linux")]
use linux::run;

#[cfg(target_os = "linux")]
mod linux {
    use super::packets::Packets;
    use super::{AudioTargets, EncodedAudio, SharedSoundStatus};
    use crate::device::sound::raise_this_thread;
    use crate::device::system_sound::{Applications, SystemSoundFault};
    use crate::time::CaptureTime;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};
    use tokio::sync::{mpsc, watch};

    const BLOCK_TIME: Duration = Duration::from_millis(10);
    /// How often a server is looked for.
    const SEEK_EVERY: Duration = Duration::from_secs(1);
    /// A thread that slept longer leaves out what it missed.
    const LATE_MAX: Duration = Duration::from_millis(100);

    /// The thread: until told to stop.
    #[expect(clippy::disallowed_methods, reason = "driver: the thread's clock")]
    pub(super) fn run(
        targets: &watch::Receiver<AudioTargets>,
        out: &mpsc::Sender<EncodedAudio>,
        tell: &watch::Sender<SharedSoundStatus>,
        stop: &AtomicBool,
    ) {
        raise_this_thread();
        let mut packets = match Packets::new(*targets.borrow()) {
            Ok(packets) => packets,
            Err(error) => {
                tracing::error!(%error, "no encoder for the computer's sound");
                let fault = SystemSoundFault::Lost(error.to_string());
                tell.send_modify(|status| status.fault = Some(fault));
                return;
            }
        };
        let mut began = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            let ended = Applications::open().and_then(|server| {
                packets.skip(blocks_in(began.elapsed()));
                Sharing {
                    server,
                    packets: &mut packets,
                    targets,
                    out,
                    tell,
                }
                .share(stop)
            });
            began = Instant::now();
            if let Err(fault) = ended {
                let news = tell.send_if_modified(|status| {
                    status.programs = 0;
                    status.fault.replace(fault.clone()).as_ref() != Some(&fault)
                });
                if news {
                    tracing::info!(%fault, "the computer's sound is not shared");
                }
                if !stop.load(Ordering::Relaxed) {
                    std::thread::park_timeout(SEEK_EVERY);
                }
            }
        }
    }

    /// Whole blocks in a time.
    fn blocks_in(time: Duration) -> u64 {
        (time.as_millis() / BLOCK_TIME.as_millis()) as u64
    }

    /// As long as one server is there.
    struct Sharing<'a> {
        server: Applications,
        packets: &'a mut Packets,
        targets: &'a watch::Receiver<AudioTargets>,
        out: &'a mpsc::Sender<EncodedAudio>,
        tell: &'a watch::Sender<SharedSoundStatus>,
    }

    impl Sharing<'_> {
        #[expect(clippy::disallowed_methods, reason = "driver: the thread's clock")]
        fn share(mut self, stop: &AtomicBool) -> Result<(), SystemSoundFault> {
            let mut due = Instant::now();
            while !stop.load(Ordering::Relaxed) {
                self.server.wait(due.saturating_duration_since(Instant::now()))?;
                let now = Instant::now();
                let late = now.saturating_duration_since(due);
                if late > LATE_MAX {
                    let missed = blocks_in(late);
                    self.packets.skip(missed);
                    due += BLOCK_TIME * u32::try_from(missed).unwrap_or(u32::MAX);
                }
                while due <= now {
                    self.put(due, stop);
                    due += BLOCK_TIME;
                }
            }
            Ok(())
        }

        fn put(&mut self, due: Instant, stop: &AtomicBool) {
            let block = self.server.block();
            self.packets.set_targets(*self.targets.borrow());
            // What is heard now was played a moment ago; the difference is below what lips show.
            let made = self.packets.put(&block, CaptureTime(due));
            // Looked at last of all: another may have begun to send.
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let sent = match made {
                Ok(packet) => packet.map(|packet| self.out.try_send(packet).is_ok()),
                Err(_) => Some(false),
            };
            let (programs, dropped) = (self.server.programs(), self.server.dropped());
            self.tell.send_if_modified(|status| {
                let changed = status.programs != programs || status.fault.is_some();
                status.programs = programs;
                status.fault = None;
                status.samples_dropped = dropped;
                status.packets += u64::from(sent.is_some());
                status.packets_dropped += u64::from(sent == Some(false));
                changed
            });
        }
    }
}
