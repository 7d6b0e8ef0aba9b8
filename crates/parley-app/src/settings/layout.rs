//! The layouts that the settings file had, and the way from each to the next: pure steps on the JSON, applied in their order
//! before anything reads it.
//!
//! A new key with a default is no new layout: files without it are read by the default. A key that moves, or means something
//! else, is one: add a step at the end of [`STEPS`] and a file of the old layout to `layouts/`.
//!
//! A file of a **newer** layout is read as far as this build understands it, and nothing in it is destroyed: a person who
//! goes back to an older Parley for a day finds everything again. What this build does not know is kept as it stands
//! ([`Unknown`]), and so is the number of the layout, so that the newer Parley takes no step twice.

use crate::view::Settings;
use serde_json::{Map, Value, json};

type Document = Map<String, Value>;
type Step = fn(&mut Document);

/// From layout 1 to 2, from 2 to 3, and so on.
const STEPS: &[Step] = &[folders_together];

/// The layout that this build writes.
pub const SETTINGS_VERSION: u32 = STEPS.len() as u32 + 1;

/// What was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) settings: Settings,
    pub(super) unknown: Unknown,
    /// The layout it was, where that is an older one.
    pub(super) older: Option<u32>,
}

/// What a file says that this build does not understand. It goes back into the file with every change.
#[derive(Debug, Clone, Default)]
pub(super) struct Unknown {
    /// The file as it was, in this build's layout or a newer one.
    file: Document,
    /// What was made of a newer one. Where that is still so, nobody changed anything, and the file keeps its own word.
    made_of_newer: Option<Document>,
}

/// Understands a file.
pub(super) fn read(text: &[u8]) -> Result<Read, serde_json::Error> {
    let mut file: Document = serde_json::from_slice(text)?;
    let version = match file.get("version") {
        // The very first had none.
        None => 1,
        Some(version) => serde_json::from_value::<u32>(version.clone())?.max(1),
    };
    for step in STEPS.iter().skip(version as usize - 1) {
        step(&mut file);
    }
    let older = (version < SETTINGS_VERSION).then_some(version);
    if version <= SETTINGS_VERSION {
        file.insert("version".into(), json!(SETTINGS_VERSION));
        let settings = serde_json::from_value(Value::Object(file.clone()))?;
        let unknown = Unknown {
            file,
            ..Unknown::default()
        };
        return Ok(Read {
            settings,
            unknown,
            older,
        });
    }
    Ok(read_newer(file))
}

/// Takes what can be understood, and the usual value in the place of what cannot.
fn read_newer(file: Document) -> Read {
    let usual = Value::Object(document(&Settings::default()));
    let is_readable = |candidate: &Value| serde_json::from_value::<Settings>(candidate.clone()).is_ok();
    let understood = understood(&usual, &Value::Object(file.clone()), &is_readable);
    let settings = super::sane(serde_json::from_value(understood).unwrap_or_default());
    let unknown = Unknown {
        file,
        made_of_newer: Some(document(&settings)),
    };
    Read {
        settings,
        unknown,
        older: None,
    }
}

/// A value in the place of the usual one, objects key by key; a list is one value.
fn understood(usual: &Value, value: &Value, is_readable: &dyn Fn(&Value) -> bool) -> Value {
    let (Value::Object(usual), Value::Object(found)) = (usual, value) else {
        let taken = if is_readable(value) { value } else { usual };
        return taken.clone();
    };
    let mut taken = usual.clone();
    for (key, inner) in found {
        let Some(usual_inner) = usual.get(key) else {
            continue;
        };
        let is_readable_here = |candidate: &Value| {
            let mut with = usual.clone();
            with.insert(key.clone(), candidate.clone());
            is_readable(&Value::Object(with))
        };
        taken.insert(key.clone(), understood(usual_inner, inner, &is_readable_here));
    }
    Value::Object(taken)
}

impl Unknown {
    /// The file with these settings: what was not understood stands where it stood.
    pub(super) fn with(&self, settings: &Settings) -> Value {
        let mut written = Value::Object(self.file.clone());
        let mut known = document(settings);
        if let Some(made) = &self.made_of_newer {
            known.remove("version");
            leave_changes(&mut known, made, &self.file);
        }
        overlay(&mut written, &Value::Object(known));
        written
    }
}

/// Takes away what is still as it was made of the file. A group that is none in the file stays whole.
fn leave_changes(known: &mut Document, made: &Document, file: &Document) {
    known.retain(|key, now| {
        let Some(was) = made.get(key) else { return true };
        if let (Value::Object(now), Value::Object(was), Some(Value::Object(own))) =
            (&mut *now, was, file.get(key))
        {
            leave_changes(now, was, own);
            return !now.is_empty();
        }
        *now != *was
    });
}

/// Puts one over the other, objects key by key.
fn overlay(below: &mut Value, above: &Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                overlay(below.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above.clone(),
    }
}

fn document(settings: &Settings) -> Document {
    match serde_json::to_value(settings) {
        Ok(Value::Object(document)) => document,
        _ => Document::new(),
    }
}

/// 1 to 2: the folders were words beside other things, empty for the system's own. Now they stand together, and what was not
/// chosen is nothing.
fn folders_together(file: &mut Document) {
    let received = file.remove("download_folder");
    let recordings = file
        .get_mut("recording")
        .and_then(Value::as_object_mut)
        .and_then(|recording| recording.remove("folder"));
    let chosen = |folder: Option<Value>| {
        let folder = folder?.as_str()?.trim().to_owned();
        (!folder.is_empty()).then_some(folder)
    };
    file.insert(
        "folders".into(),
        json!({ "received": chosen(received), "recordings": chosen(recordings) }),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{Appearance, CameraSettings, ShareMode};
    use proptest::prelude::*;

    /// Written by a Parley of layout 1, as it lay on the disk of somebody who had changed most of it.
    const LAYOUT_1: &[u8] = include_bytes!("layouts/1.json");

    fn of(value: &Value) -> Read {
        read(value.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_file_of_layout_1_keeps_all_it_says() {
        let Read {
            settings,
            older,
            unknown,
        } = read(LAYOUT_1).unwrap();
        assert_eq!(older, Some(1));
        assert_eq!(settings.version, SETTINGS_VERSION);
        assert_eq!(settings.folders.received.as_deref(), Some("/home/ada/From calls"));
        assert_eq!(settings.folders.recordings.as_deref(), Some("~/Videos/Calls"));
        assert!(!settings.recording.allowed);
        assert_eq!(
            (settings.name.as_str(), settings.appearance),
            ("Ada Lovelace", Appearance::Dark)
        );
        assert_eq!(
            (settings.screen.mode, settings.volumes.len()),
            (ShareMode::Motion, 2)
        );
        let written = unknown.with(&settings);
        assert_eq!(written.get("download_folder"), None);
        assert_eq!(of(&written).settings, settings);
        assert_eq!(of(&written).older, None, "no step is taken twice");
    }

    #[test]
    fn folders_that_nobody_chose_are_nothing() {
        let expect = json!({ "received": null, "recordings": null });
        for file in [
            json!({}),
            json!({ "version": 1, "download_folder": "", "recording": { "folder": " ", "allowed": true } }),
            json!({ "version": 1, "download_folder": 7, "recording": [] }),
        ] {
            let mut stepped = file.as_object().unwrap().clone();
            folders_together(&mut stepped);
            assert_eq!(stepped.get("folders"), Some(&expect), "{file}");
        }
    }

    #[test]
    fn a_file_from_the_future_is_read_as_far_as_it_is_understood_and_loses_nothing() {
        let file = json!({
            "version": SETTINGS_VERSION + 3,
            "name": "Ada",
            "appearance": "sepia",
            "desktop": { "autostart": true, "hologram": { "on": true } },
            "telepathy": [1, 2, 3],
        });
        let Read {
            mut settings,
            unknown,
            older,
        } = of(&file);
        assert_eq!(older, None);
        assert_eq!(
            (settings.name.as_str(), settings.appearance),
            ("Ada", Appearance::System)
        );
        assert!(settings.desktop.autostart && settings.desktop.notifications);
        settings.version = SETTINGS_VERSION;

        settings.name = "Ada L.".into();
        settings.desktop.autostart = false;
        let written = unknown.with(&settings);
        assert_eq!(
            written["version"],
            json!(SETTINGS_VERSION + 3),
            "it is taken no step twice"
        );
        assert_eq!(written["appearance"], "sepia");
        assert_eq!(written["telepathy"], json!([1, 2, 3]));
        assert_eq!(written["desktop"]["hologram"], json!({ "on": true }));
        assert_eq!(
            (&written["name"], &written["desktop"]["autostart"]),
            (&json!("Ada L."), &json!(false))
        );

        settings.appearance = Appearance::Light;
        assert_eq!(
            unknown.with(&settings)["appearance"],
            "light",
            "what the person changes counts"
        );
    }

    #[test]
    fn a_change_beside_what_is_not_understood_changes_nothing_else() {
        let file = json!({
            "version": SETTINGS_VERSION + 1,
            "desktop": 7,
            "picture": { "resolution": "p8640", "frame_rate": 240 },
            "screen": { "mode": "presentation", "cursor": false, "lens": { "on": true } },
            "screen/mode": "motion",
        });
        let Read {
            mut settings,
            unknown,
            ..
        } = of(&file);
        assert_eq!(
            (settings.screen.mode, settings.screen.cursor),
            (ShareMode::Text, false),
            "one word from the future does not hide its neighbours"
        );
        assert_eq!(settings.picture, CameraSettings::default());
        assert_eq!(unknown.with(&settings), file, "nobody changed anything");

        settings.screen.frame_rate_max = 15;
        let mut expect = file;
        expect["screen"]["frame_rate_max"] = json!(15);
        assert_eq!(unknown.with(&settings), expect);

        settings.screen.mode = ShareMode::Motion;
        expect["screen"]["mode"] = json!("motion");
        assert_eq!(unknown.with(&settings), expect, "what the person changes counts");

        settings.desktop.autostart = true;
        expect["desktop"] = json!(settings.desktop);
        assert_eq!(
            unknown.with(&settings),
            expect,
            "a group that was none becomes one"
        );
    }

    #[test]
    fn a_group_written_as_a_list_loses_nothing_by_a_change() {
        let file = json!({ "version": SETTINGS_VERSION + 1, "folders": ["/a", "/b"] });
        let Read {
            mut settings,
            unknown,
            ..
        } = of(&file);
        assert_eq!(unknown.with(&settings), file);
        settings.folders.received = Some("/c".into());
        assert_eq!(of(&unknown.with(&settings)).settings, settings);
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-z~/ ]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z_]{1,10}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// Files with keys that are ours, and others.
    fn file() -> impl Strategy<Value = Value> {
        let key = prop_oneof![
            Just("download_folder".to_owned()),
            Just("recording".to_owned()),
            Just("folders".to_owned()),
            Just("name".to_owned()),
            Just("mirror".to_owned()),
            Just("desktop".to_owned()),
            "zz_[a-z]{1,6}",
        ];
        (
            prop::collection::btree_map(key, json_value(), 0..8),
            0..SETTINGS_VERSION + 3,
        )
            .prop_map(|(map, version)| {
                let mut map: Document = map.into_iter().collect();
                map.insert("version".into(), json!(version));
                Value::Object(map)
            })
    }

    proptest! {
        #[test]
        fn whatever_a_file_says_it_is_read_or_refused_and_what_is_unknown_stays(file in file()) {
            let Ok(first) = read(file.to_string().as_bytes()) else {
                // Only what this build should understand can be wrong.
                prop_assert!(file["version"].as_u64() <= Some(u64::from(SETTINGS_VERSION)));
                return Ok(());
            };
            let written = first.unknown.with(&first.settings);
            for (key, value) in file.as_object().unwrap() {
                if key.starts_with("zz_") {
                    prop_assert_eq!(written.get(key), Some(value));
                }
            }
            let second = of(&written);
            prop_assert_eq!(&second.settings, &first.settings);
            prop_assert_eq!(second.older, None);
            prop_assert_eq!(second.unknown.with(&second.settings), written);
        }
    }
}
