//! The engine behind a window: one task that owns everything ([`actor`]), and the handle by which windows reach it.
//!
//! A window sends [`AppCommand`]s and watches [`AppState`], [`Levels`] and [`StatsSample`]; pictures are taken from slots by
//! the name of their tile. Nothing here draws, and nothing here knows of a network protocol.

mod actor;
mod cost;
mod device_news;
mod devices;
mod diary;
mod door;
mod files;
mod group;
mod hands;
mod in_order;
mod inspect;
mod levels;
mod listening;
mod mute;
mod names;
mod network_check;
mod obey;
mod quality;
mod rates;
mod recording;
mod remember;
mod share;
mod stats;
mod talk;
mod tell;
mod translate;
mod unfinished;
mod volume;

use crate::endpoint::Tiles;
use crate::sources::Sources;
use crate::view::{
    AppCommand, AppState, CommandError, CommandErrorCode, InspectionView, InspectorView, Levels, StatsSample,
    TalkView,
};
use actor::Actor;
pub use in_order::InOrder;
use parley_media::slot::Slot;
use parley_media::video::VideoFrame;
use parley_proto::Bitrate;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot, watch};

/// Commands that may wait; more than that, and the one who gives them waits.
const COMMANDS_MAX: usize = 32;

/// How an engine is started. Not `Debug`, for the link is a secret.
#[derive(Clone)]
pub struct EngineConfig {
    /// Where settings and the embedded server's key are kept.
    pub folder: PathBuf,
    /// Where picture and sound come from.
    pub sources: Sources,
    /// A link to open at once, from the command line or the system.
    pub link: Option<String>,
    /// The most picture to send, where it must be less than usual.
    pub bitrate_max: Option<Bitrate>,
}

/// The engine.
#[derive(Debug)]
pub struct Engine;

/// A window's end of the engine. Clones are the same engine; it ends with [`EngineHandle::hang_up`], or when the last one is
/// dropped.
#[derive(Debug, Clone)]
pub struct EngineHandle {
    commands: mpsc::Sender<Request>,
    state: watch::Receiver<AppState>,
    levels: watch::Receiver<Levels>,
    stats: watch::Receiver<StatsSample>,
    talk: watch::Receiver<TalkView>,
    inspector: watch::Receiver<InspectorView>,
    tiles: Tiles,
    ending: Arc<Notify>,
}

/// What is asked of the engine's task, and where the answer goes.
#[derive(Debug)]
enum Request {
    Obey {
        command: Box<AppCommand>,
        answer: oneshot::Sender<Result<(), CommandError>>,
    },
    Inspect {
        answer: oneshot::Sender<InspectionView>,
    },
}

impl Engine {
    /// Starts the engine's task. Inside a tokio runtime. Reads the settings, which blocks for the reading of one small file.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "driver: the engine's one task")]
    pub fn start(config: EngineConfig) -> EngineHandle {
        let (commands, requests) = mpsc::channel(COMMANDS_MAX);
        let (actor, outlets) = Actor::new(config);
        let handle = EngineHandle {
            commands,
            state: outlets.state,
            levels: outlets.levels,
            stats: outlets.stats,
            talk: outlets.talk,
            inspector: outlets.inspector,
            tiles: outlets.tiles,
            ending: Arc::new(Notify::new()),
        };
        tokio::spawn(actor.run(requests, Arc::clone(&handle.ending)));
        handle
    }
}

impl EngineHandle {
    /// Asks something of the engine. What follows from it shows in the state.
    ///
    /// # Errors
    /// When it makes no sense now or is no use; the message is for people.
    pub async fn command(&self, command: AppCommand) -> Result<(), CommandError> {
        let (answer, answered) = oneshot::channel();
        let request = Request::Obey {
            command: Box::new(command),
            answer,
        };
        let gone = || CommandError {
            code: CommandErrorCode::Failed,
            message: "Parley is closing.".to_owned(),
        };
        self.commands.send(request).await.map_err(|_| gone())?;
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    /// The whole state, at most 20 times a second.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<AppState> {
        self.state.clone()
    }

    /// Meters.
    #[must_use]
    pub fn levels(&self) -> watch::Receiver<Levels> {
        self.levels.clone()
    }

    /// Figures, one sample a second while in a call.
    #[must_use]
    pub fn stats(&self) -> watch::Receiver<StatsSample> {
        self.stats.clone()
    }

    /// What is wrong with the call and what happened in it, when that changes.
    #[must_use]
    pub fn inspector(&self) -> watch::Receiver<InspectorView> {
        self.inspector.clone()
    }

    /// What somebody needs who looks at the call only from now on: the last minutes, and what was found in them. Nothing
    /// once the engine is gone.
    pub async fn inspected(&self) -> InspectionView {
        let (answer, answered) = oneshot::channel();
        if self.commands.send(Request::Inspect { answer }).await.is_err() {
            return InspectionView::default();
        }
        answered.await.unwrap_or_default()
    }

    /// What is written and shown beside picture and sound.
    #[must_use]
    pub fn talk(&self) -> watch::Receiver<TalkView> {
        self.talk.clone()
    }

    /// The folder a file came into, once it is whole.
    #[must_use]
    pub fn received_into(&self, id: &str) -> Option<PathBuf> {
        let talk = self.talk.borrow();
        let file = talk.transfers.iter().find(|one| one.id == id && !one.sending)?;
        PathBuf::from(file.path.as_ref()?).parent().map(PathBuf::from)
    }

    /// The folder of the last recording, once it is whole.
    #[must_use]
    pub fn recorded_into(&self) -> Option<PathBuf> {
        let state = self.state.borrow();
        let path = state.recording.ended.as_ref()?.path.as_ref()?;
        PathBuf::from(path).parent().map(PathBuf::from)
    }

    /// The pictures of a tile: `self`, or the id of a person. Every taker gets a slot of its own, and counts as watching
    /// while it holds it: pictures that nobody has watched for a second are not decoded.
    #[must_use]
    pub fn frames(&self, tile: &str) -> Option<Slot<VideoFrame>> {
        self.tiles.get(tile)
    }

    /// Ends the engine, whoever else holds a handle, and waits (at most so long) until it has hung up, closed its devices
    /// and stopped its server. Commands fail from now on.
    pub async fn hang_up(&self, wait_max: Duration) {
        let mut state = self.state.clone();
        self.ending.notify_one();
        let ended = async { while state.changed().await.is_ok() {} };
        if tokio::time::timeout(wait_max, ended).await.is_err() {
            tracing::warn!("the engine did not end in time");
        }
    }
}

#[cfg(test)]
mod tests;
