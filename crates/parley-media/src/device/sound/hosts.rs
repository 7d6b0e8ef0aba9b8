//! The system's sound: which host to ask, and which of its devices a person should see.
//!
//! On Linux the sound server first, plain ALSA where there is none. A connection to a server is kept until it breaks; a
//! list is asked for anew each time.

use super::trouble::{DeviceTrouble, TroubleKind};
use crate::device::Device;
use cpal::traits::{DeviceTrait, HostTrait};

/// Which way sound flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From a microphone.
    In,
    /// To a speaker.
    Out,
}

/// Devices that stand for no hardware of their own.
const PSEUDO: [&str; 14] = [
    "null",
    "auto_null",
    "pipewire",
    "pulse",
    "jack",
    "oss",
    "speex",
    "speexrate",
    "samplerate",
    "lavrate",
    "upmix",
    "vdownmix",
    "dmix",
    "dsnoop",
];

/// A connection to the system's sound.
pub(super) struct Hosts {
    host: Option<cpal::Host>,
}

/// A device with its face.
pub(super) struct Found {
    pub(super) device: cpal::Device,
    pub(super) face: Device,
}

impl Hosts {
    pub(super) const fn new() -> Self {
        Self { host: None }
    }

    /// The devices of one direction, the default one first. A broken connection is made anew once.
    pub(super) fn list(&mut self, direction: Direction) -> Result<Vec<Found>, DeviceTrouble> {
        if self.host.is_some() {
            if let Ok(found) = self.try_list(direction) {
                return Ok(found);
            }
            self.host = None;
        }
        self.host = Some(connect()?);
        let listed = self.try_list(direction);
        if listed.is_err() {
            self.host = None;
        }
        listed
    }

    /// After a stream broke nothing of the old connection is to be trusted.
    pub(super) fn reconnect(&mut self) {
        self.host = None;
    }

    /// Whether ALSA is all there is.
    pub(super) fn alsa_only(&self) -> bool {
        self.host
            .as_ref()
            .is_some_and(|host| host.id().to_string().eq_ignore_ascii_case("alsa"))
    }

    fn try_list(&self, direction: Direction) -> Result<Vec<Found>, DeviceTrouble> {
        let Some(host) = &self.host else {
            return Ok(Vec::new());
        };
        let default = match direction {
            Direction::In => host.default_input_device(),
            Direction::Out => host.default_output_device(),
        };
        let default_id = default
            .and_then(|device| device.id().ok())
            .map(|id| id.to_string());
        let mut found: Vec<Found> = host
            .devices()?
            .filter(|device| faces(device, direction))
            .filter_map(|device| face(device, default_id.as_deref()))
            .collect();
        found.sort_by_key(|found| !found.face.is_default);
        Ok(found)
    }
}

/// The devices of one direction, as a person should see them. Blocks for some milliseconds.
pub(super) fn list(direction: Direction) -> Vec<Device> {
    match Hosts::new().list(direction) {
        Ok(found) => found.into_iter().map(|found| found.face).collect(),
        Err(trouble) => {
            tracing::debug!(%trouble, ?direction, "no list of sound devices");
            Vec::new()
        }
    }
}

/// ALSA's own default device, for when the sound server cannot keep up.
pub(super) fn alsa_default(direction: Direction) -> Option<cpal::Device> {
    #[cfg(target_os = "linux")]
    {
        let host = alsa().ok()?;
        match direction {
            Direction::In => host.default_input_device(),
            Direction::Out => host.default_output_device(),
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = direction;
        None
    }
}

#[cfg(target_os = "linux")]
fn connect() -> Result<cpal::Host, DeviceTrouble> {
    cpal::host_from_id(cpal::HostId::PulseAudio).or_else(|_| alsa())
}

/// Without a card ALSA has nothing to offer but error messages on the standard error, so it is not even asked.
#[cfg(target_os = "linux")]
fn alsa() -> Result<cpal::Host, DeviceTrouble> {
    if !std::path::Path::new("/dev/snd").exists() {
        return Err(DeviceTrouble::new(
            TroubleKind::Missing,
            "no sound server runs, and there is no sound card",
        ));
    }
    Ok(cpal::host_from_id(cpal::HostId::Alsa)?)
}

#[cfg(not(target_os = "linux"))]
fn connect() -> Result<cpal::Host, DeviceTrouble> {
    let id = cpal::available_hosts()
        .first()
        .copied()
        .ok_or_else(|| DeviceTrouble::new(TroubleKind::Missing, "this system has no sound"))?;
    Ok(cpal::host_from_id(id)?)
}

fn faces(device: &cpal::Device, direction: Direction) -> bool {
    match direction {
        Direction::In => device.supports_input(),
        Direction::Out => device.supports_output(),
    }
}

fn face(device: cpal::Device, default_id: Option<&str>) -> Option<Found> {
    let id = device.id().ok()?;
    if is_pseudo(id.id()) {
        return None;
    }
    let id = id.to_string();
    let name = device.description().ok()?.name().trim().to_owned();
    let face = Device {
        is_default: default_id == Some(id.as_str()),
        name: if name.is_empty() { id.clone() } else { name },
        id,
    };
    Some(Found { device, face })
}

/// Monitors of speakers, plugins and per-channel splits of cards: nothing to choose for a call.
fn is_pseudo(id: &str) -> bool {
    let name = id.split([':', ',']).next().unwrap_or(id);
    let split_of_card = [
        "surround",
        "front",
        "rear",
        "center_lfe",
        "side",
        "iec958",
        "hdmi",
        "dmix",
        "dsnoop",
        "hw",
        "usbstream",
    ];
    id.ends_with(".monitor")
        || PSEUDO.contains(&name)
        || (id.contains(':') && split_of_card.iter().any(|split| name.starts_with(split)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_devices_worth_choosing_are_shown() {
        for real in [
            "alsa_input.pci-0000_00_1f.3.analog-stereo",
            "mic_src",
            "spk",
            "default",
            "plughw:CARD=PCH,DEV=0",
            "sysdefault:CARD=PCH",
            "bluez_output.AA_BB.1",
        ] {
            assert!(!is_pseudo(real), "{real}");
        }
        for pseudo in [
            "spk.monitor",
            "auto_null",
            "null",
            "pulse",
            "surround51:CARD=PCH,DEV=0",
            "dmix:CARD=PCH,DEV=0",
            "hw:CARD=PCH,DEV=0",
            "speexrate",
        ] {
            assert!(is_pseudo(pseudo), "{pseudo}");
        }
    }
}
