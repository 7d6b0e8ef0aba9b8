//! What the desktop around a window offers: one running instance and a way to talk to it, links of our scheme, start at
//! login, no sleep during a call, notifications, what opens links and folders, what
//! draws, where the window was, and memory given back.
//!
//! Knows no window toolkit, no call and no settings: the shell asks, and `parley_app::desktop` decided. Everything here is
//! a comfort: where the system does not offer it, that is said to the log and nothing else suffers.

pub mod autostart;
pub mod entry;
pub mod graphics;
pub mod instance;
pub mod links;
pub mod looks;
pub mod memory;
pub mod open;
pub mod place;
pub mod session;
pub mod tray;
