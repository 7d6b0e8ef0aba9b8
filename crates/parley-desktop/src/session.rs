//! What is asked of the desktop session: not to sleep while a call is on, and to show a notification.
//!
//! [T] one thread, because asking may wait for another program. Requests come over a bounded channel; when it is full the
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

#[derive(Debug, PartialEq, Eq)]
enum Request {
    StayAwake(Option<String>),
    Notify { title: String, body: String },
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

    /// Shows a notification.
    pub fn notify(&self, title: &str, body: &str) {
        self.ask(Request::Notify {
            title: title.to_owned(),
            body: body.to_owned(),
        });
    }

    fn ask(&self, request: Request) {
        if let Err(error) = self.requests.try_send(request) {
            tracing::debug!(%error, "the desktop is not asked");
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
            Request::Notify { title, body } => session.notify(&title, &body),
        }
    }
}
