//! What is kept between runs, and changes to it.

use super::{
    CameraSettings, DesktopSettings, FolderSettings, NetworkSettings, RecordingSettings, SavingSettings,
    ScreenSettings,
};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What is kept between runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct Settings {
    /// The version of this file's layout.
    pub version: u32,
    /// The name others see.
    pub name: String,
    /// The server to start calls on (`https://host[:port]`); empty: this computer.
    pub server: String,
    /// The chosen camera.
    pub camera: Option<String>,
    /// The chosen microphone.
    pub microphone: Option<String>,
    /// The chosen speaker.
    pub speaker: Option<String>,
    /// What the camera is asked for.
    pub picture: CameraSettings,
    /// The voice chain's switches.
    pub voice: VoiceSwitches,
    /// One's own picture is shown as in a mirror.
    pub mirror: bool,
    /// Dark, light, or as the system has it.
    pub appearance: Appearance,
    /// The desktop around the window.
    pub desktop: DesktopSettings,
    /// Calls are remembered on this computer: who, when, how long, how good.
    pub keep_history: bool,
    /// What is written in calls is kept with them.
    pub keep_chat: bool,
    /// The language of everything the app says.
    pub language: Language,
    /// Where files go.
    pub folders: FolderSettings,
    /// How a screen is shared.
    pub screen: ScreenSettings,
    /// Whether others may record.
    pub recording: RecordingSettings,
    /// How the network is used.
    pub network: NetworkSettings,
    /// How much calls may take of the network and of this computer.
    pub saving: SavingSettings,
    /// How loud people are played, by their names, where that was changed and calls are remembered; oldest first.
    pub volumes: Vec<PersonVolume>,
}

/// How loud somebody of this name is played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PersonVolume {
    /// As they called themselves.
    pub name: String,
    /// See [`super::PersonView::volume_pct`].
    pub percent: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: crate::settings::SETTINGS_VERSION,
            name: String::new(),
            server: String::new(),
            camera: None,
            microphone: None,
            speaker: None,
            picture: CameraSettings::default(),
            voice: VoiceSwitches::default(),
            mirror: true,
            appearance: Appearance::System,
            desktop: DesktopSettings::default(),
            keep_history: true,
            keep_chat: false,
            language: Language::System,
            folders: FolderSettings::default(),
            screen: ScreenSettings::default(),
            recording: RecordingSettings::default(),
            network: NetworkSettings::default(),
            saving: SavingSettings::default(),
            volumes: Vec::new(),
        }
    }
}

impl PersonVolume {
    /// Twice as loud, which the limiter keeps from being painful.
    pub const MOST_PCT: u16 = 200;
}

/// The voice chain's switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct VoiceSwitches {
    /// Takes the speaker's sound out of the microphone's.
    pub echo_cancellation: bool,
    /// Takes fans and keyboards out.
    pub noise_suppression: bool,
    /// Brings the voice to an even level (never touches the system's).
    pub gain_control: bool,
}

impl Default for VoiceSwitches {
    fn default() -> Self {
        Self {
            echo_cancellation: true,
            noise_suppression: true,
            gain_control: true,
        }
    }
}

/// Colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Appearance {
    /// As the system has it.
    System,
    /// Dark.
    Dark,
    /// Light.
    Light,
}

/// The languages Parley speaks; their words are in `ui/src/locales`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// The system's, where Parley speaks it, else English.
    System,
    /// English.
    En,
    /// German.
    De,
    /// Spanish.
    Es,
    /// French.
    Fr,
    /// Chinese (simplified).
    Zh,
}

/// A change of settings: only what is present changes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(optional_fields)]
pub struct SettingsPatch {
    /// See [`Settings::name`].
    pub name: Option<String>,
    /// See [`Settings::server`].
    pub server: Option<String>,
    /// See [`Settings::picture`].
    pub picture: Option<CameraSettings>,
    /// See [`Settings::voice`].
    pub voice: Option<VoiceSwitches>,
    /// See [`Settings::mirror`].
    pub mirror: Option<bool>,
    /// See [`Settings::appearance`].
    pub appearance: Option<Appearance>,
    /// See [`Settings::desktop`].
    pub desktop: Option<DesktopSettings>,
    /// See [`Settings::keep_history`].
    pub keep_history: Option<bool>,
    /// See [`Settings::keep_chat`].
    pub keep_chat: Option<bool>,
    /// See [`Settings::language`].
    pub language: Option<Language>,
    /// See [`Settings::folders`].
    pub folders: Option<FolderSettings>,
    /// See [`Settings::screen`].
    pub screen: Option<ScreenSettings>,
    /// See [`Settings::recording`].
    pub recording: Option<RecordingSettings>,
    /// See [`Settings::network`].
    pub network: Option<NetworkSettings>,
    /// See [`Settings::saving`].
    pub saving: Option<SavingSettings>,
}
