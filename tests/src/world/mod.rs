//! Endpoints and the real server, over loopback and over emulated links.

#[cfg(target_os = "linux")]
mod address_change;
mod call_connects;
mod call_genuine;
mod call_party;
mod call_relayed;
mod call_survives;
#[cfg(target_os = "linux")]
mod camera;
#[cfg(target_os = "linux")]
mod devices;
#[cfg(target_os = "linux")]
mod endpoints;
#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod five;
mod group;
#[cfg(target_os = "linux")]
mod group_networks;
#[cfg(target_os = "linux")]
mod group_redundancy;
mod listeners;
#[cfg(target_os = "linux")]
mod nat_matrix;
#[cfg(target_os = "linux")]
mod quality;
#[cfg(target_os = "linux")]
mod recording;
#[cfg(target_os = "linux")]
mod secure;
mod sfu_peers;
mod sfu_streams;
#[cfg(target_os = "linux")]
mod share;
#[cfg(target_os = "linux")]
mod share_sound;
#[cfg(target_os = "linux")]
mod soak;
#[cfg(target_os = "linux")]
mod unreachable;
#[cfg(target_os = "linux")]
mod wayland;
