//! The list of what can be shared with a small picture of each, renewed every second while somebody chooses.
//!
//! One thread; it ends when the value is dropped. Whoever made it gets every picture through a function of its own.

use super::{ScreenFault, ScreenSource};
use crate::video::VideoFrame;
use crate::video::halt::Halt;
use parley_proto::Resolution;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// How long between two rounds.
const INTERVAL: Duration = Duration::from_secs(1);
/// The most a small picture measures.
pub const PREVIEW_SIZE: Resolution = Resolution::new(480, 270);

/// What there is to choose from; nothing before the first round.
pub type Choice = Option<Result<Vec<ScreenSource>, ScreenFault>>;

/// See the module.
#[derive(Debug)]
pub struct ScreenPreviews {
    choice: watch::Receiver<Choice>,
    halt: Halt,
    thread: Option<JoinHandle<()>>,
}

impl ScreenPreviews {
    /// Starts the thread; `show` gets each source's id with its newest small picture.
    #[must_use]
    pub fn spawn(show: impl FnMut(&str, VideoFrame) + Send + 'static) -> Self {
        let (told, choice) = watch::channel(None);
        let halt = Halt::default();
        let spawned = std::thread::Builder::new().name("screen previews".into()).spawn({
            let halt = halt.clone();
            move || run(&halt, &told, show)
        });
        let thread = spawned
            .inspect_err(|error| tracing::error!(%error, "no thread for the previews"))
            .ok();
        Self { choice, halt, thread }
    }

    /// What there is to choose from, now and at each change.
    #[must_use]
    pub fn choice(&self) -> watch::Receiver<Choice> {
        self.choice.clone()
    }
}

impl Drop for ScreenPreviews {
    fn drop(&mut self) {
        self.halt.order();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

fn tell(told: &watch::Sender<Choice>, choice: Result<Vec<ScreenSource>, ScreenFault>) {
    told.send_if_modified(|before| {
        let changed = before.as_ref() != Some(&choice);
        *before = Some(choice);
        changed
    });
}

fn run(halt: &Halt, told: &watch::Sender<Choice>, mut show: impl FnMut(&str, VideoFrame)) {
    let mut thumbnails = None;
    loop {
        if let Err(fault) = round(halt, told, &mut thumbnails, &mut show) {
            thumbnails = None;
            tell(told, Err(fault));
        }
        if halt.wait(INTERVAL) {
            return;
        }
    }
}

fn round(
    halt: &Halt,
    told: &watch::Sender<Choice>,
    thumbnails: &mut Option<super::system::Thumbnails>,
    show: &mut impl FnMut(&str, VideoFrame),
) -> Result<(), ScreenFault> {
    let thumbnails = match thumbnails {
        Some(open) => open,
        None => thumbnails.insert(super::system::Thumbnails::open()?),
    };
    let sources = thumbnails.list()?;
    tell(told, Ok(sources.clone()));
    for source in &sources {
        if halt.is_ordered() {
            return Ok(());
        }
        match thumbnails.picture(&source.id, PREVIEW_SIZE) {
            Ok(Some(picture)) => show(&source.id, picture),
            Ok(None) => {}
            Err(fault @ ScreenFault::Lost(_)) => return Err(fault),
            // It went away meanwhile; the next list is without it.
            Err(fault) => tracing::debug!(%fault, "no small picture"),
        }
    }
    Ok(())
}
