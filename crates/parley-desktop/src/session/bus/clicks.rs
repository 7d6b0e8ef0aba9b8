//! [T] Waits for clicks on notifications: whoever shows them tells of a click by the signal `ActionInvoked`, with the number
//! that the notification was given. The thread runs the loop that the bus library delivers signals on; it ends with [`Clicks`].

use super::{Clicked, NOTIFICATIONS};
use gio::glib::{MainContext, MainLoop, Variant};
use gio::{DBusConnection, DBusSignalFlags};
use std::collections::VecDeque;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The action of a click on the notification itself (Desktop Notifications Specification 1.2, "Basic Design").
pub(super) const DEFAULT: &str = "default";
/// Notifications whose click still does something; of more, the oldest do nothing.
const AWAITED_MAX: usize = 32;
/// A thread that just began is at work by then.
const UP_MAX: Duration = Duration::from_secs(2);

type Awaited = Arc<Mutex<VecDeque<(u32, Clicked)>>>;

/// Those who wait for their click.
pub(super) struct Clicks {
    awaited: Awaited,
    waiting: MainLoop,
}

impl Clicks {
    /// Begins to listen on this bus; comes back once it does.
    pub(super) fn listen(bus: DBusConnection) -> Option<Self> {
        let context = MainContext::new();
        let clicks = Self {
            awaited: Awaited::default(),
            waiting: MainLoop::new(Some(&context), false),
        };
        let (of_thread, awaited) = (clicks.waiting.clone(), Arc::clone(&clicks.awaited));
        let (up, is_up) = sync_channel(1);
        let thread = std::thread::Builder::new().name("clicks".into()).spawn(move || {
            let listened = context.with_thread_default(|| {
                let [name, path, interface] = NOTIFICATIONS;
                // Only from whoever has the name: another program of the session cannot click.
                let _listening = bus.signal_subscribe(
                    Some(name),
                    Some(interface),
                    Some("ActionInvoked"),
                    Some(path),
                    None,
                    DBusSignalFlags::NONE,
                    move |_, _, _, _, _, told| invoked(&awaited, told),
                );
                let _ = up.send(());
                of_thread.run();
            });
            if listened.is_err() {
                tracing::debug!("nobody hears clicks");
            }
        });
        (thread.is_ok() && is_up.recv_timeout(UP_MAX).is_ok()).then_some(clicks)
    }

    /// What a click on the notification with this number does.
    pub(super) fn await_one(&self, number: u32, clicked: Clicked) {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        if awaited.len() == AWAITED_MAX {
            awaited.pop_front();
        }
        awaited.push_back((number, clicked));
    }
}

impl Drop for Clicks {
    fn drop(&mut self) {
        self.waiting.quit();
    }
}

impl std::fmt::Debug for Clicks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clicks").finish_non_exhaustive()
    }
}

/// A signal came; what does not look like one of ours is somebody else's notification.
fn invoked(awaited: &Awaited, told: &Variant) {
    let Some((number, action)) = told.get::<(u32, String)>() else {
        return;
    };
    if action != DEFAULT {
        return;
    }
    let clicked = {
        let mut awaited = awaited.lock().unwrap_or_else(PoisonError::into_inner);
        let at = awaited.iter().position(|(of, _)| *of == number);
        at.and_then(|at| awaited.remove(at))
    };
    if let Some((_, clicked)) = clicked {
        clicked();
    }
}
