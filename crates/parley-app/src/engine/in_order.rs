//! Commands of keys, carried out in the order in which the keys moved: a release that overtook its press would leave the
//! microphone open.
//!
//! [T] one task, one command at a time. The queue is bounded and its second half takes releases alone, so whatever is left
//! out of a full queue, the last that waits in it is a release.

use crate::engine::EngineHandle;
use crate::view::AppCommand;
use std::future::Future;
use tokio::sync::mpsc;

/// Commands that may wait. A hand is never that far ahead of an engine that still answers.
const WAITING_MAX: usize = 16;

/// The way into the queue, for callbacks that may not wait.
#[derive(Debug, Clone)]
pub struct InOrder {
    waiting: mpsc::Sender<AppCommand>,
}

impl EngineHandle {
    /// Starts a queue whose commands are given to this engine one after the other. Inside a tokio runtime; it ends with the
    /// last clone.
    #[must_use]
    pub fn in_order(&self) -> InOrder {
        let engine = self.clone();
        InOrder::start(move |command| {
            let engine = engine.clone();
            async move {
                if let Err(error) = engine.command(command).await {
                    tracing::debug!(?error, "a key did nothing");
                }
            }
        })
    }
}

impl InOrder {
    #[expect(clippy::disallowed_methods, reason = "driver: the queue's one task")]
    fn start<F>(mut carry_out: impl FnMut(AppCommand) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send,
    {
        let (waiting, mut asked) = mpsc::channel(WAITING_MAX);
        tokio::spawn(async move {
            while let Some(command) = asked.recv().await {
                carry_out(command).await;
            }
        });
        Self { waiting }
    }

    /// Puts a command behind those that wait, without waiting itself. Left out, and logged, when there is no room for it.
    pub fn ask(&self, command: AppCommand) {
        let release = matches!(command, AppCommand::Talk { down: false });
        if !release && self.waiting.capacity() <= WAITING_MAX / 2 {
            tracing::info!("the engine does not keep up; a key is left out");
        } else if let Err(error) = self.waiting.try_send(command) {
            tracing::info!(%error, "the engine does not keep up; a release is left out behind another");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::Receiver;
    use tokio::task::yield_now;

    /// An engine that takes longer for a press than for a release, and tells what it did.
    fn slow_to_press() -> (InOrder, Receiver<AppCommand>) {
        let (tell, done) = mpsc::channel(WAITING_MAX);
        let keys = InOrder::start(move |command| {
            let tell = tell.clone();
            async move {
                let press = command == AppCommand::Talk { down: true };
                for _ in 0..if press { 20 } else { 1 } {
                    yield_now().await;
                }
                let _ = tell.send(command).await;
            }
        });
        (keys, done)
    }

    async fn all(mut done: Receiver<AppCommand>) -> Vec<AppCommand> {
        let mut all = Vec::new();
        while let Some(command) = done.recv().await {
            all.push(command);
        }
        all
    }

    #[tokio::test]
    async fn a_release_does_not_overtake_its_press() {
        let (keys, done) = slow_to_press();
        let asked = [true, false, true, false].map(|down| AppCommand::Talk { down });
        for command in asked.clone() {
            keys.ask(command);
        }
        drop(keys);
        assert_eq!(all(done).await, asked);
    }

    #[tokio::test]
    async fn however_many_keys_are_left_out_the_last_is_a_release() {
        let (keys, done) = slow_to_press();
        for turn in 0..1000 {
            let down = turn % 2 == 0;
            keys.ask(AppCommand::Talk { down });
        }
        drop(keys);
        let done = all(done).await;
        assert_eq!(done.len(), WAITING_MAX, "the rest was left out");
        assert_eq!(done.last(), Some(&AppCommand::Talk { down: false }));
    }
}
