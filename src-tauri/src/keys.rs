//! Global keys: they work while another program has the focus. Which, is decided in `parley_app::desktop`.
//!
//! Under Wayland a program hears no keys but those that the desktop's portal tells it; elsewhere they are taken from the system.

use parley_app::desktop::KeysWish;
use parley_app::engine::InOrder;
use parley_app::view::AppCommand;
#[cfg(target_os = "linux")]
use parley_portal::shortcuts::{News, Shortcuts, Wish};
use tauri::AppHandle;
use tauri_plugin_global_shortcut::{GlobalShortcutExt as _, ShortcutState};
use tokio::sync::watch;

/// What a key does, down and up.
type Deed = fn(bool) -> Option<AppCommand>;

/// Listens to keys, and tells which could not be had.
pub(crate) struct Keys {
    refused: watch::Sender<Vec<String>>,
    #[cfg(target_os = "linux")]
    portal: Option<Shortcuts>,
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
        self.portal = None;
        self.refused.send_replace(Vec::new());
        if wishes.is_empty() {
            return;
        }
        let (commands, refused, wished) = (commands.clone(), self.refused.clone(), wishes.clone());
        let mut talks = false;
        self.portal = Some(Shortcuts::listen(wishes, move |news| {
            let had = match news {
                News::Stroke(stroke) => {
                    talks = stroke.down && stroke.id == "talk";
                    let deed = if stroke.id == "mute" { mute } else { talk };
                    if let Some(command) = deed(stroke.down) {
                        commands.ask(command);
                    }
                    return;
                }
                News::Bound(had) => had,
                News::Deaf(fault) => {
                    tracing::info!(%fault, "the desktop tells no keys");
                    if std::mem::take(&mut talks) {
                        commands.ask(AppCommand::Talk { down: false });
                    }
                    Vec::new()
                }
            };
            let missing = wished.iter().filter(|wish| !had.contains(&wish.id));
            refused.send_replace(missing.map(|wish| wish.key.clone()).collect());
        }));
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
