//! What is kept between runs: one small JSON file, read once and written whole after every change, by a thread of its own
//! ([`keeper`]).
//!
//! Owned by the engine's task. A file of an older layout is brought to this build's at once, and stays beside it as it was
//! (`settings.json.layout-1`); of one that is newer, what is not understood is kept ([`layout`]). A file that cannot be read is set aside (`settings.json.bad-1`, `-2`, ...), never deleted
//! and never in the way: the app starts with defaults and says so. What the fields mean is told in [`crate::view`].

mod keeper;
mod layout;

use crate::view::{CameraSettings, PersonVolume, SavingSettings, Settings, SettingsPatch};
use keeper::Keeper;
pub use layout::SETTINGS_VERSION;
use layout::Unknown;
use parley_proto::limits::NAME_CHARS_MAX;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tokio::sync::watch;

const FILE_NAME: &str = "settings.json";
/// A larger file was not written by Parley.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// A key with everything that can be held with it is shorter.
const KEY_CHARS_MAX: usize = 64;
/// Files set aside are kept up to this many; then the last is written over.
const BAD_FILES_MAX: u32 = 100;

/// The settings and the file they live in. Dropping it waits until the last change is written.
#[derive(Debug)]
pub struct SettingsStore {
    keeper: Keeper,
    settings: Settings,
    unknown: Unknown,
    set_aside: Option<SetAside>,
}

/// A settings file that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is now; absent when it could not even be moved.
    pub path: Option<PathBuf>,
    /// What was wrong with it.
    pub reason: String,
}

#[derive(Debug, thiserror::Error)]
enum ReadFault {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("larger than {FILE_BYTES_MAX} bytes")]
    TooLarge,
}

/// Where settings belong on this system; nothing without a home folder.
#[must_use]
pub fn usual_folder() -> Option<PathBuf> {
    directories::ProjectDirs::from("org", "parley", "Parley").map(|folders| folders.config_dir().to_owned())
}

impl SettingsStore {
    /// Reads the settings in `folder`, or begins with defaults. Never fails: what could not be read was set aside.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        let path = folder.join(FILE_NAME);
        let (read, set_aside) = match read(&path) {
            Ok(read) => (read, None),
            Err(fault) => (None, Some(put_aside(&path, &fault))),
        };
        let older = read.as_ref().and_then(|read| read.older);
        let (settings, unknown) = read.map_or_else(Default::default, |read| (read.settings, read.unknown));
        if let Some(older) = older {
            keep_older(&path, older);
        }
        let store = Self {
            keeper: Keeper::of(path),
            settings: sane(settings),
            unknown,
            set_aside,
        };
        if older.is_some() {
            store.keep();
        }
        store
    }

    /// The settings as they are.
    #[must_use]
    pub const fn get(&self) -> &Settings {
        &self.settings
    }

    /// The file that was not understood when this was opened.
    #[must_use]
    pub const fn set_aside(&self) -> Option<&SetAside> {
        self.set_aside.as_ref()
    }

    /// Why the last change could not be written, if so; it counts all the same until the app ends.
    #[must_use]
    pub fn fault(&self) -> watch::Receiver<Option<String>> {
        self.keeper.fault()
    }

    /// Changes what the patch names, and keeps it.
    pub fn apply(&mut self, patch: SettingsPatch) {
        self.change(|settings| {
            let SettingsPatch {
                name,
                server,
                picture,
                voice,
                mirror,
                appearance,
                desktop,
                keep_history,
                keep_chat,
                language,
                folders,
                screen,
                recording,
                network,
                saving,
            } = patch;
            set(&mut settings.name, name);
            set(&mut settings.server, server);
            set(&mut settings.picture, picture);
            set(&mut settings.voice, voice);
            set(&mut settings.mirror, mirror);
            set(&mut settings.appearance, appearance);
            set(&mut settings.desktop, desktop);
            set(&mut settings.keep_history, keep_history);
            set(&mut settings.keep_chat, keep_chat);
            set(&mut settings.language, language);
            set(&mut settings.folders, folders);
            set(&mut settings.screen, screen);
            set(&mut settings.recording, recording);
            set(&mut settings.network, network);
            set(&mut settings.saving, saving);
        });
    }

    /// Changes anything, and keeps it.
    pub fn change(&mut self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.settings.clone();
        change(&mut settings);
        let settings = sane(settings);
        if settings != self.settings {
            self.settings = settings;
            self.keep();
        }
    }

    fn keep(&self) {
        self.keeper.keep(self.unknown.with(&self.settings));
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// What no field may be, whoever wrote the file.
fn sane(mut settings: Settings) -> Settings {
    settings.version = SETTINGS_VERSION;
    if settings.name.chars().count() > NAME_CHARS_MAX {
        settings.name = settings.name.chars().take(NAME_CHARS_MAX).collect();
    }
    settings.server = settings.server.trim().to_owned();
    settings.network.proxy = settings.network.proxy.trim().to_owned();
    for key in [&mut settings.desktop.mute_key, &mut settings.desktop.talk_key] {
        if key.chars().count() > KEY_CHARS_MAX {
            key.clear();
        }
    }
    if !CameraSettings::FRAME_RATES.contains(&settings.picture.frame_rate) {
        settings.picture.frame_rate = CameraSettings::default().frame_rate;
    }
    settings.saving.kbps_max = settings
        .saving
        .kbps_max
        .map(|kbps| kbps.clamp(*SavingSettings::KBPS.start(), *SavingSettings::KBPS.end()));
    settings.volumes.retain(|known| {
        known.percent <= PersonVolume::MOST_PCT && known.name.chars().count() <= NAME_CHARS_MAX
    });
    settings
}

fn read(path: &Path) -> Result<Option<layout::Read>, ReadFault> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX => return Err(ReadFault::TooLarge),
        Ok(_) => {}
    }
    Ok(Some(layout::read(&fs::read(path)?)?))
}

/// The file as it was stays, for whoever goes back to an older Parley, or finds that something got lost on the way.
fn keep_older(path: &Path, version: u32) {
    let beside = path.with_file_name(format!("{FILE_NAME}.layout-{version}"));
    match fs::copy(path, &beside) {
        Ok(_) => tracing::info!(version, kept = %beside.display(), "settings of an older layout"),
        Err(error) => tracing::warn!(%error, version, "settings of an older layout are not kept"),
    }
}

fn put_aside(path: &Path, fault: &ReadFault) -> SetAside {
    let place = (1..=BAD_FILES_MAX)
        .map(|number| path.with_file_name(format!("{FILE_NAME}.bad-{number}")))
        .find(|place| !place.exists())
        .unwrap_or_else(|| path.with_file_name(format!("{FILE_NAME}.bad-{BAD_FILES_MAX}")));
    let moved = fs::rename(path, &place);
    tracing::warn!(%fault, moved = moved.is_ok(), "settings set aside");
    SetAside {
        path: moved.is_ok().then_some(place),
        reason: fault.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Appearance;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn a_change_is_there_after_a_restart() {
        let folder = folder();
        let mut store = SettingsStore::open(folder.path());
        assert_eq!(store.get(), &Settings::default());
        let patch = SettingsPatch {
            name: Some("Ada".into()),
            appearance: Some(Appearance::Dark),
            ..SettingsPatch::default()
        };
        store.apply(patch);
        drop(store);
        let again = SettingsStore::open(folder.path());
        assert_eq!(again.get().name, "Ada");
        assert_eq!(again.get().appearance, Appearance::Dark);
        assert!(again.get().mirror, "what the patch did not name stays");
        assert_eq!(again.set_aside(), None);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing else is left lying"
        );
    }

    #[test]
    fn a_file_that_is_not_understood_is_set_aside_each_time() {
        let folder = folder();
        let path = folder.path().join(FILE_NAME);
        for (number, text) in [
            (1, "not json"),
            (2, r#"{"mirror": 7}"#),
            (3, r#"{"version": "two"}"#),
            (4, "\u{0}\u{0}"),
        ] {
            fs::write(&path, text).unwrap();
            let store = SettingsStore::open(folder.path());
            let bad = folder.path().join(format!("{FILE_NAME}.bad-{number}"));
            assert_eq!(store.get(), &Settings::default(), "{text}");
            assert_eq!(
                store.set_aside().unwrap().path.as_deref(),
                Some(bad.as_path()),
                "{text}"
            );
            assert_eq!(fs::read_to_string(bad).unwrap(), text);
        }
    }

    #[test]
    fn an_older_file_with_fewer_and_other_fields_is_read() {
        let folder = folder();
        fs::write(
            folder.path().join(FILE_NAME),
            r#"{"name": "Bo", "colour": "red"}"#,
        )
        .unwrap();
        let store = SettingsStore::open(folder.path());
        assert_eq!(store.get().name, "Bo");
        assert_eq!(store.set_aside(), None);
        drop(store);
        let written = fs::read_to_string(folder.path().join(FILE_NAME)).unwrap();
        assert!(
            written.contains("\"colour\": \"red\""),
            "what is not known stays: {written}"
        );
    }

    #[test]
    fn a_file_of_an_older_layout_is_brought_up_to_date_once_and_stays_beside() {
        let folder = folder();
        let (path, beside) = (
            folder.path().join(FILE_NAME),
            folder.path().join(format!("{FILE_NAME}.layout-1")),
        );
        let old = include_str!("settings/layouts/1.json");
        fs::write(&path, old).unwrap();
        let store = SettingsStore::open(folder.path());
        assert_eq!(store.set_aside(), None);
        let settings = store.get().clone();
        assert_eq!(settings.folders.received.as_deref(), Some("/home/ada/From calls"));
        drop(store);
        assert_eq!(fs::read_to_string(&beside).unwrap(), old);
        let written: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(written["version"], SETTINGS_VERSION);
        assert_eq!(written.get("download_folder"), None);

        fs::remove_file(&beside).unwrap();
        let mut again = SettingsStore::open(folder.path());
        assert_eq!(again.get(), &settings);
        let endless = "x".repeat(KEY_CHARS_MAX + 1);
        again.change(|settings| settings.desktop.talk_key = endless);
        assert_eq!(again.get().desktop.talk_key, "", "no key is called that");
        drop(again);
        assert!(!beside.exists(), "it is no older file any more");
    }

    #[test]
    fn a_file_from_the_future_is_used_and_not_destroyed() {
        let folder = folder();
        let path = folder.path().join(FILE_NAME);
        let version = SETTINGS_VERSION + 1;
        let file = serde_json::json!({ "version": version, "name": "Ada", "mirror": "sometimes", "smell": { "on": true } });
        fs::write(&path, file.to_string()).unwrap();
        let mut store = SettingsStore::open(folder.path());
        assert_eq!(store.set_aside(), None);
        assert_eq!((store.get().name.as_str(), store.get().mirror), ("Ada", true));
        store.change(|settings| settings.name = "Ada L.".into());
        drop(store);
        let written: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(
            (&written["version"], &written["mirror"]),
            (&file["version"], &file["mirror"])
        );
        assert_eq!(
            (&written["smell"], &written["name"]),
            (&file["smell"], &"Ada L.".into())
        );
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing was set aside"
        );
    }

    #[test]
    fn what_no_window_can_choose_is_not_taken_from_a_file_either() {
        let folder = folder();
        let file = r#"{"picture": {"resolution": "p1080", "frame_rate": 7}, "saving": {"kbps_max": 3},
            "volumes": [{"name": "Bo", "percent": 150}, {"name": "Eve", "percent": 60000}]}"#;
        fs::write(folder.path().join(FILE_NAME), file).unwrap();
        let store = SettingsStore::open(folder.path());
        assert_eq!(store.set_aside(), None);
        assert_eq!(store.get().picture.frame_rate, 30);
        assert_eq!(store.get().saving.kbps_max, Some(100));
        assert_eq!(
            store.get().picture.resolution,
            crate::view::CameraResolution::P1080
        );
        let names: Vec<&str> = store
            .get()
            .volumes
            .iter()
            .map(|known| known.name.as_str())
            .collect();
        assert_eq!(names, ["Bo"]);
    }

    #[test]
    fn a_name_longer_than_the_protocol_takes_is_cut() {
        let folder = folder();
        let mut store = SettingsStore::open(folder.path());
        let name = "ä".repeat(NAME_CHARS_MAX + 9);
        store.change(|settings| settings.name = name);
        assert_eq!(store.get().name.chars().count(), NAME_CHARS_MAX);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error_and_no_panic() {
        let folder = folder();
        let in_the_way = folder.path().join("file");
        fs::write(&in_the_way, "").unwrap();
        let mut store = SettingsStore::open(&in_the_way);
        let fault = store.fault();
        store.change(|settings| settings.mirror = false);
        assert!(!store.get().mirror, "it counts for this run");
        drop(store);
        let said = fault.borrow().clone().unwrap();
        assert!(said.contains(&in_the_way.display().to_string()), "{said}");
    }

    #[test]
    fn of_many_changes_the_last_is_kept() {
        let folder = folder();
        let mut store = SettingsStore::open(folder.path());
        for number in 0..500 {
            store.change(|settings| settings.name = format!("Ada {number}"));
        }
        drop(store);
        assert_eq!(SettingsStore::open(folder.path()).get().name, "Ada 499");
    }
}
