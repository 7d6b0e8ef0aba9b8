//! Global keys: they work while another program has the focus. Which, is decided in `parley_app::desktop`.
//!
//! Under Wayland a program hears no keys but those that the desktop's portal tells it; elsewhere they are taken from the system.

use parley_app::desktop::KeysWish;
use parley_app::engine::InOrder;
use parley_app::view::AppCommand;
#[cfg(target_os = "linux")]
use parley_portal::shortcuts::{News, Shortcuts, Stroke, Wish};
#[cfg(target_os = "linux")]
use std::sync::{Arc, Mutex, PoisonError};
use tauri::AppHandle;
use tauri_plugin_global_shortcut::{GlobalShortcutExt as _, ShortcutState};
use tokio::sync::watch;

/// What a key does, down and up.
type Deed = fn(bool) -> Option<AppCommand>;

/// Whether the key to talk is down; nothing once nobody listens to it any more.
#[cfg(target_os = "linux")]
type Talking = Arc<Mutex<Option<bool>>>;

/// The keys that the portal listens to.
#[cfg(target_os = "linux")]
struct OfPortal {
    _shortcuts: Shortcuts,
    /// Names and keys, without the words, which change with the language.
    keys: Vec<(String, String)>,
    talking: Talking,
    commands: InOrder,
}

#[cfg(target_os = "linux")]
impl Drop for OfPortal {
    fn drop(&mut self) {
        // Nobody would hear it come up any more.
        let mut talking = self.talking.lock().unwrap_or_else(PoisonError::into_inner);
        if talking.take() == Some(true) {
            self.commands.ask(AppCommand::Talk { down: false });
        }
    }
}

/// Listens to keys, and tells which could not be had.
pub(crate) struct Keys {
    refused: watch::Sender<Vec<String>>,
    #[cfg(target_os = "linux")]
    portal: Option<OfPortal>,
}

impl Keys {
    /// No keys yet.
    pub(crate) fn new() -> Self {
        Self {
            refused: watch::Sender::default(),
            #[cfg(target_os = "linux")]
            portal: None,
        }
    }

    /// Those that could not be had, now and at each change.
    pub(crate) fn refused(&self) -> watch::Receiver<Vec<String>> {
        self.refused.subscribe()
    }

    /// Listens to these keys and no others.
    pub(crate) fn listen(&mut self, app: &AppHandle, commands: &InOrder, wish: &KeysWish) {
        #[cfg(target_os = "linux")]
        if parley_media::device::screen::system_asks() {
            self.listen_to_the_portal(commands, wish);
            return;
        }
        self.refused.send_replace(take(app, commands, wish));
    }

    #[cfg(target_os = "linux")]
    fn listen_to_the_portal(&mut self, commands: &InOrder, wish: &KeysWish) {
        let wished = [
            ("mute", &wish.mute, &wish.mute_words),
            ("talk", &wish.talk, &wish.talk_words),
        ];
        let wishes: Vec<Wish> = wished
            .into_iter()
            .filter(|(_, key, _)| !key.is_empty())
            .map(|(id, key, words)| Wish {
                id: id.to_owned(),
                words: words.clone(),
                key: key.clone(),
            })
            .collect();
        let keys: Vec<_> = wishes
            .iter()
            .map(|wish| (wish.id.clone(), wish.key.clone()))
            .collect();
        // Other words alone are not worth another question. Keys that could not be had are asked for again.
        let same = self.portal.as_ref().is_some_and(|portal| portal.keys == keys);
        if same && self.refused.borrow().is_empty() {
            return;
        }
        self.portal = None;
        self.refused.send_replace(Vec::new());
        if wishes.is_empty() {
            return;
        }
        let talking: Talking = Arc::new(Mutex::new(Some(false)));
        let shortcuts = {
            let (commands, refused, talking) = (commands.clone(), self.refused.clone(), Arc::clone(&talking));
            let wished = wishes.clone();
            Shortcuts::listen(wishes, move |news| {
                let mut talking = talking.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(talks) = talking.as_mut() {
                    hear(news, talks, &commands, &wished, &refused);
                }
            })
        };
        self.portal = Some(OfPortal {
            _shortcuts: shortcuts,
            keys,
            talking,
            commands: commands.clone(),
        });
    }
}

/// What the portal tells while it is listened to.
#[cfg(target_os = "linux")]
fn hear(
    news: News,
    talks: &mut bool,
    commands: &InOrder,
    wished: &[Wish],
    refused: &watch::Sender<Vec<String>>,
) {
    let had = match news {
        News::Stroke(stroke) => {
            if let Some(command) = command_of(&stroke, talks) {
                commands.ask(command);
            }
            return;
        }
        News::Bound(had) => had,
        News::Deaf(fault) => {
            tracing::info!(%fault, "the desktop tells no keys");
            if std::mem::take(talks) {
                commands.ask(AppCommand::Talk { down: false });
            }
            Vec::new()
        }
    };
    let missing = wished.iter().filter(|wish| !had.contains(&wish.id));
    refused.send_replace(missing.map(|wish| wish.key.clone()).collect());
}

/// What a key of the portal does, and whether the one to talk is down then.
#[cfg(target_os = "linux")]
fn command_of(stroke: &Stroke, talks: &mut bool) -> Option<AppCommand> {
    match stroke.id.as_str() {
        "mute" => mute(stroke.down),
        "talk" => {
            *talks = stroke.down;
            talk(stroke.down)
        }
        _ => None,
    }
}

/// Takes the keys from the system. Gives those that could not be had.
fn take(app: &AppHandle, commands: &InOrder, wish: &KeysWish) -> Vec<String> {
    let keys = app.global_shortcut();
    if let Err(error) = keys.unregister_all() {
        tracing::debug!(%error, "keys are still listened to");
    }
    let mut refused = Vec::new();
    for (key, deed) in [(&wish.mute, mute as Deed), (&wish.talk, talk as Deed)] {
        if key.is_empty() {
            continue;
        }
        let commands = commands.clone();
        let told = keys.on_shortcut(key.as_str(), move |_, _, event| {
            if let Some(command) = deed(event.state == ShortcutState::Pressed) {
                commands.ask(command);
            }
        });
        if let Err(error) = told {
            tracing::info!(%error, key, "the key cannot be had");
            refused.push(key.clone());
        }
    }
    refused
}

fn mute(down: bool) -> Option<AppCommand> {
    down.then_some(AppCommand::ToggleMuted)
}

#[expect(clippy::unnecessary_wraps, reason = "as the other key's deed")]
fn talk(down: bool) -> Option<AppCommand> {
    Some(AppCommand::Talk { down })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_to_talk_changes_whether_it_is_down() {
        let mut talks = false;
        for (id, down, command, is_down) in [
            ("talk", true, Some(AppCommand::Talk { down: true }), true),
            ("mute", true, Some(AppCommand::ToggleMuted), true),
            ("mute", false, None, true),
            ("odd", false, None, true),
            ("talk", false, Some(AppCommand::Talk { down: false }), false),
        ] {
            let stroke = Stroke { id: id.into(), down };
            assert_eq!(command_of(&stroke, &mut talks), command, "{id} {down}");
            assert_eq!(talks, is_down, "{id} {down}");
        }
    }
}
