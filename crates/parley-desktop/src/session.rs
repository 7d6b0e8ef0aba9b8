//! What is asked of the desktop session: not to sleep while a call is on, and to show a notification, which a person may click.
//!
//! [T] one thread, because asking may wait for another program (on Linux a second one, once there is a notification to be
//! clicked). Requests come over a bounded channel; when it is full the
//! request is left out and logged. On Linux this is the session bus; elsewhere the system's own calls keep it awake, and
//! notifications are shown by the window toolkit.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

#[cfg(target_os = "linux")]
mod bus;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
use bus::Session;
#[cfg(not(target_os = "linux"))]
use other::Session;

/// Requests that may wait. A person cannot be notified faster.
const REQUESTS_MAX: usize = 8;

enum Request {
    StayAwake(Option<String>),
    Notify(Notice, Clicked),
}

/// What a click on a notification does. On a thread of the session's own.
pub(crate) type Clicked = Box<dyn FnOnce() + Send>;

/// A notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What happened.
    pub title: String,
    /// More of it, or nothing.
    pub body: String,
    /// What a click on it does, in words: some desktops show that.
    pub action: String,
}

/// The way to the desktop session. Dropped, the system may sleep again.
#[derive(Debug)]
pub struct DesktopSession {
    requests: SyncSender<Request>,
}

impl DesktopSession {
    /// Starts the thread; without one, nothing is asked.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "driver: the thread that may wait for the bus"
    )]
    pub fn start() -> Self {
        let (requests, asked) = sync_channel(REQUESTS_MAX);
        drop(thread::spawn(move || carry_out(&asked, &mut Session::open())));
        Self { requests }
    }

    /// The system shall not sleep, for this reason (shown to people by some systems); `None`: it may again.
    pub fn stay_awake(&self, reason: Option<&str>) {
        self.ask(Request::StayAwake(reason.map(str::to_owned)));
    }

    /// Shows a notification. A click on it is told of where the desktop tells of it (Linux).
    pub fn notify(&self, notice: Notice, clicked: impl FnOnce() + Send + 'static) {
        self.ask(Request::Notify(notice, Box::new(clicked)));
    }

    fn ask(&self, request: Request) {
        if self.requests.try_send(request).is_err() {
            tracing::debug!("the desktop is not asked: it has not answered what was asked before");
        }
    }
}

/// Whether somebody shows trays. Waits for the bus, half a second at the most.
pub(crate) fn shows_tray() -> bool {
    Session::open().shows_tray()
}

fn carry_out(asked: &Receiver<Request>, session: &mut Session) {
    while let Ok(request) = asked.recv() {
        match request {
            Request::StayAwake(reason) => session.stay_awake(reason.as_deref()),
            Request::Notify(notice, clicked) => session.notify(&notice, clicked),
        }
    }
}
