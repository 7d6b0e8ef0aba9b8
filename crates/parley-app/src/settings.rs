//! What is kept between runs: one small JSON file, read once and written whole after every change, by a thread of its own
//! ([`keeper`]).
//!
//! Owned by the engine's task. A file that cannot be read is set aside (`settings.json.bad-1`, `-2`, ...), never deleted
//! and never in the way: the app starts with defaults and says so. What the fields mean is told in [`crate::view`].

mod keeper;

use crate::view::{CameraSettings, PersonVolume, Settings, SettingsPatch};
use keeper::Keeper;
use parley_proto::limits::NAME_CHARS_MAX;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tokio::sync::watch;

/// The layout that this build writes.
pub const SETTINGS_VERSION: u32 = 1;
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
    #[error("written by a newer Parley (layout {0})")]
    Newer(u32),
}

/// Where settings belong on this system; nothing without a home folder.
#[must_use]
pub fn usual_folder() -> Option<PathBuf> {
    directories::ProjectDirs::from("org", "parley", "Parley").map(|folders| folders.config_dir().to_owned())
}

/// The folder that somebody typed; nothing for an empty word. `~` is the home folder, and what is not whole begins there:
/// the folder that the app was started in is nobody's choice.
pub(crate) fn typed_folder(typed: &str, home: Option<&Path>) -> Option<PathBuf> {
    let typed = typed.trim();
    let separators = ['/', '\\'];
    let within = match typed.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with(separators) => rest.trim_start_matches(separators),
        _ => typed,
    };
    match home {
        _ if typed.is_empty() => None,
        Some(home) => Some(home.join(within)),
        None => Some(within.into()),
    }
}

/// The person's home folder.
pub(crate) fn home_folder() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|folders| folders.home_dir().to_owned())
}

impl SettingsStore {
    /// Reads the settings in `folder`, or begins with defaults. Never fails: what could not be read was set aside.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        let path = folder.join(FILE_NAME);
        let (settings, set_aside) = match read(&path) {
            Ok(settings) => (settings.unwrap_or_default(), None),
            Err(fault) => (Settings::default(), Some(put_aside(&path, &fault))),
        };
        Self {
            keeper: Keeper::of(path),
            settings: sane(settings),
            set_aside,
        }
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
                download_folder,
                screen,
                recording,
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
            set(&mut settings.download_folder, download_folder);
            set(&mut settings.screen, screen);
            set(&mut settings.recording, recording);
        });
    }

    /// Changes anything, and keeps it.
    pub fn change(&mut self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.settings.clone();
        change(&mut settings);
        let settings = sane(settings);
        if settings != self.settings {
            self.settings = settings;
            self.keeper.keep(&self.settings);
        }
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
    for key in [&mut settings.desktop.mute_key, &mut settings.desktop.talk_key] {
        if key.chars().count() > KEY_CHARS_MAX {
            key.clear();
        }
    }
    if !CameraSettings::FRAME_RATES.contains(&settings.picture.frame_rate) {
        settings.picture.frame_rate = CameraSettings::default().frame_rate;
    }
    settings.volumes.retain(|known| {
        known.percent <= PersonVolume::MOST_PCT && known.name.chars().count() <= NAME_CHARS_MAX
    });
    settings
}

fn read(path: &Path) -> Result<Option<Settings>, ReadFault> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX => return Err(ReadFault::TooLarge),
        Ok(_) => {}
    }
    let settings: Settings = serde_json::from_slice(&fs::read(path)?)?;
    if settings.version > SETTINGS_VERSION {
        return Err(ReadFault::Newer(settings.version));
    }
    Ok(Some(settings))
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
        let newer = format!(r#"{{"version": {}}}"#, SETTINGS_VERSION + 1);
        for (number, text) in [
            (1, "not json"),
            (2, r#"{"mirror": 7}"#),
            (3, newer.as_str()),
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
    }

    /// What the first published layout looked like on disk, whole.
    const FIRST_LAYOUT: &str = r#"{"version": 1, "name": "Ada", "server": "https://call.example.org", "camera": "v4l:1",
        "microphone": null, "speaker": null, "voice": {"echo_cancellation": false, "noise_suppression": true,
        "gain_control": true}, "mirror": false, "appearance": "dark"}"#;

    #[test]
    fn a_file_of_the_first_layout_keeps_all_it_says_and_gets_defaults_for_the_rest() {
        let folder = folder();
        fs::write(folder.path().join(FILE_NAME), FIRST_LAYOUT).unwrap();
        let mut store = SettingsStore::open(folder.path());
        assert_eq!(store.set_aside(), None);
        let expect = Settings {
            name: "Ada".into(),
            server: "https://call.example.org".into(),
            camera: Some("v4l:1".into()),
            voice: crate::view::VoiceSwitches {
                echo_cancellation: false,
                ..crate::view::VoiceSwitches::default()
            },
            mirror: false,
            appearance: Appearance::Dark,
            ..Settings::default()
        };
        assert_eq!(store.get(), &expect);
        // Written back, nothing of it is lost either.
        store.change(|settings| settings.desktop.talk_key = "F9".into());
        drop(store);
        let mut again = SettingsStore::open(folder.path());
        assert_eq!(again.get().desktop.talk_key, "F9");
        assert_eq!(again.get().camera.as_deref(), Some("v4l:1"));
        let endless = "x".repeat(KEY_CHARS_MAX + 1);
        again.change(|settings| settings.desktop.talk_key = endless);
        assert_eq!(again.get().desktop.talk_key, "", "no key is called that");
    }

    #[test]
    fn what_no_window_can_choose_is_not_taken_from_a_file_either() {
        let folder = folder();
        let file = r#"{"picture": {"resolution": "p1080", "frame_rate": 7},
            "volumes": [{"name": "Bo", "percent": 150}, {"name": "Eve", "percent": 60000}]}"#;
        fs::write(folder.path().join(FILE_NAME), file).unwrap();
        let store = SettingsStore::open(folder.path());
        assert_eq!(store.set_aside(), None);
        assert_eq!(store.get().picture.frame_rate, 30);
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
    fn a_typed_folder_begins_at_home_unless_it_is_whole() {
        let home = Path::new("/home/ada");
        for (typed, expect) in [
            ("", None),
            ("  ", None),
            ("~", Some("/home/ada")),
            ("~/Videos/Calls", Some("/home/ada/Videos/Calls")),
            (" Calls ", Some("/home/ada/Calls")),
            ("~backup", Some("/home/ada/~backup")),
            ("/srv/calls", Some("/srv/calls")),
        ] {
            let folder = typed_folder(typed, Some(home));
            assert_eq!(folder.as_deref(), expect.map(Path::new), "{typed:?}");
        }
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
