//! What the tests and the measurements stand on: programs, networks, cameras, sound cards, screens. Each is a value that
//! cleans up after itself when dropped, and stops nothing that it did not start.

pub mod authority;
pub mod cable;
pub mod chromium_window;
pub mod cli;
pub mod cores;
pub mod coturn;
pub mod fake_camera;
pub mod idle_time;
pub mod intelligibility;
pub mod internet;
pub mod keyboard;
pub mod meeting;
pub mod namespaces;
pub mod page;
pub mod panel;
pub mod participant;
pub mod peers;
pub mod programs;
pub mod python;
pub mod recorded;
pub mod roll_call;
pub mod server;
pub mod sound;
pub mod sound_card;
pub mod system;
pub mod text_window;
pub mod tls_front;
pub mod update_server;
#[cfg(target_os = "linux")]
pub mod wayland;
pub mod webdriver;
pub mod window;
pub mod xvfb;
