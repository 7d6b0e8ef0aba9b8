//! Where files go that a person looks for afterwards: what others sent, recordings, reports. The system's own folders where it
//! has them, else one that is seen in the home folder; never one that the file manager hides.
//!
//! The system is asked once, at the start: people do not move these folders while the app runs.

use crate::view::{FolderSettings, FoldersView};
use std::path::{Component, Path, PathBuf};

/// The folder in the home folder, where the system has none that fits.
const OURS: &str = "Parley";

/// What there is to choose from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Folders {
    home: Option<PathBuf>,
    downloads: Option<PathBuf>,
    videos: Option<PathBuf>,
    /// Where the settings are, when the person named another place for everything.
    apart: Option<PathBuf>,
}

impl Folders {
    /// Asks the system, for an app whose settings are in this folder.
    pub(crate) fn find(settings: &Path) -> Self {
        let people = directories::UserDirs::new();
        let of = |which: fn(&directories::UserDirs) -> Option<&Path>| {
            people.as_ref().and_then(which).map(Path::to_owned)
        };
        let usual = crate::settings::usual_folder();
        Self {
            home: directories::BaseDirs::new().map(|folders| folders.home_dir().to_owned()),
            downloads: of(directories::UserDirs::download_dir),
            videos: of(directories::UserDirs::video_dir),
            apart: (usual.as_deref() != Some(settings)).then(|| settings.to_owned()),
        }
    }

    /// Where files go that come.
    pub(crate) fn received(&self, chosen: &FolderSettings) -> PathBuf {
        let usual = || match (&self.downloads, &self.apart) {
            (None, Some(apart)) => apart.join("received"),
            (downloads, _) => self.seen(downloads.as_deref()),
        };
        self.chosen(chosen.received.as_deref()).unwrap_or_else(usual)
    }

    /// Where recordings go.
    pub(crate) fn recordings(&self, chosen: &FolderSettings) -> PathBuf {
        let usual = || match &self.apart {
            Some(apart) => apart.join("recordings"),
            None => self.seen(self.videos.as_deref()),
        };
        self.chosen(chosen.recordings.as_deref()).unwrap_or_else(usual)
    }

    /// Where reports on calls go.
    pub(crate) fn reports(&self) -> PathBuf {
        match &self.apart {
            Some(apart) => apart.join("reports"),
            None => self.seen(self.downloads.as_deref()),
        }
    }

    /// Both, for the window.
    pub(crate) fn view(&self, chosen: &FolderSettings) -> FoldersView {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        FoldersView {
            received: text(self.received(chosen)),
            recordings: text(self.recordings(chosen)),
        }
    }

    /// The system's folder, unless it is hidden or the whole home folder, which is nobody's place for files.
    fn seen(&self, system: Option<&Path>) -> PathBuf {
        let home = self.home.as_deref();
        let fits = |folder: &&Path| Some(*folder) != home && !is_hidden(folder, home);
        match (system.filter(fits), home) {
            (Some(folder), _) => folder.to_owned(),
            (None, Some(home)) => home.join(OURS),
            // Without a home there is no file manager that looks there either.
            (None, None) => PathBuf::from(OURS),
        }
    }

    /// The folder that somebody chose, or typed when that was the way; nothing for an empty word. `~` is the home folder,
    /// and what is not whole begins there: the folder that the app was started in is nobody's choice.
    fn chosen(&self, words: Option<&str>) -> Option<PathBuf> {
        let words = words?.trim();
        let separators = ['/', '\\'];
        let within = match words.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with(separators) => {
                rest.trim_start_matches(separators)
            }
            _ => words,
        };
        match &self.home {
            _ if words.is_empty() => None,
            Some(home) => Some(home.join(within)),
            None => Some(within.into()),
        }
    }
}

/// Whether a file manager shows it only when it is asked to. What lies above the home folder is no choice of the person's.
fn is_hidden(folder: &Path, home: Option<&Path>) -> bool {
    let below = home
        .and_then(|home| folder.strip_prefix(home).ok())
        .unwrap_or(folder);
    below
        .components()
        .any(|part| matches!(part, Component::Normal(name) if name.to_string_lossy().starts_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(downloads: Option<&str>, videos: Option<&str>) -> Folders {
        Folders {
            home: Some("/home/ada".into()),
            downloads: downloads.map(Into::into),
            videos: videos.map(Into::into),
            apart: None,
        }
    }

    fn choice(folder: &str) -> FolderSettings {
        FolderSettings {
            received: Some(folder.to_owned()),
            recordings: Some(folder.to_owned()),
        }
    }

    #[test]
    fn files_go_where_the_system_has_a_place_for_them_or_where_they_are_seen() {
        let usual = FolderSettings::default();
        for (videos, expect) in [
            (Some("/home/ada/Videos"), "/home/ada/Videos"),
            (Some("/mnt/films"), "/mnt/films"),
            (None, "/home/ada/Parley"),
            // As xdg-user-dirs writes "no such folder".
            (Some("/home/ada"), "/home/ada/Parley"),
            (Some("/home/ada/.videos"), "/home/ada/Parley"),
            (Some("/home/ada/.config/parley"), "/home/ada/Parley"),
        ] {
            let found = folders(videos, videos);
            let (recordings, received, reports) =
                (found.recordings(&usual), found.received(&usual), found.reports());
            assert_eq!(recordings, Path::new(expect), "{videos:?}");
            assert_eq!((&received, &reports), (&recordings, &recordings), "{videos:?}");
        }
        let hidden_home = Folders {
            home: Some("/srv/.homes/ada".into()),
            videos: Some("/srv/.homes/ada/Videos".into()),
            ..Folders::default()
        };
        assert_eq!(
            hidden_home.recordings(&usual),
            Path::new("/srv/.homes/ada/Videos")
        );
    }

    #[test]
    fn what_is_chosen_counts_and_what_is_not_whole_begins_at_home() {
        let found = folders(None, Some("/home/ada/Videos"));
        for (chosen, expect) in [
            ("", "/home/ada/Videos"),
            ("  ", "/home/ada/Videos"),
            ("~", "/home/ada"),
            ("~/Videos/Calls", "/home/ada/Videos/Calls"),
            (" Calls ", "/home/ada/Calls"),
            ("~backup", "/home/ada/~backup"),
            ("/srv/calls", "/srv/calls"),
            ("/home/ada/.calls", "/home/ada/.calls"),
        ] {
            assert_eq!(found.recordings(&choice(chosen)), Path::new(expect), "{chosen:?}");
        }
        let view = found.view(&choice("/srv/calls"));
        assert_eq!(
            (view.received.as_str(), view.recordings.as_str()),
            ("/srv/calls", "/srv/calls")
        );
    }

    #[test]
    fn with_settings_in_a_place_of_their_own_everything_stays_there() {
        let folder = tempfile::tempdir().unwrap();
        let found = Folders::find(folder.path());
        let usual = FolderSettings::default();
        assert_eq!(found.recordings(&usual), folder.path().join("recordings"));
        assert_eq!(found.reports(), folder.path().join("reports"));
    }
}
