//! The session in a virtual world: two of them, a server in memory, a path that breaks.

mod beside;
mod connecting;
mod doors;
mod fake_groups;
mod fake_peer;
mod fake_server;
mod fake_sfu;
mod groups;
mod hostile;
mod inflow;
mod large;
mod listeners;
mod losses;
mod negotiations;
mod pairs;
mod recording;
mod relays;
mod schedules;
mod world;
