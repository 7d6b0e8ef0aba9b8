//! The session in a virtual world: two of them, a server in memory, a path that breaks.

mod beside;
mod connecting;
mod doors;
mod fake_peer;
mod fake_server;
mod hostile;
mod inflow;
mod losses;
mod negotiations;
mod recording;
mod relays;
mod schedules;
mod world;
