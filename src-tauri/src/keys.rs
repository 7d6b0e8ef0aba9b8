//! Global keys: they work while another program has the focus. Which, is decided in `parley_app::desktop`.
//!
//! Under Wayland a program hears no keys but those that the desktop's portal tells it; elsewhere they are taken from the system.

use parley_app::desktop::KeysWish;
#[cfg(target_os = "linux")]
use parley_app::desktop::{GlobalKey, Strokes};
use parley_app::engine::InOrder;
#[cfg(target_os = "linux")]
use parley_portal::shortcuts::{News, Shortcuts, Wish};
#[cfg(target_os = "linux")]
use std::sync::{Arc, Mutex, PoisonError};
use tauri::AppHandle;
use tauri_plugin_global_shortcut::{GlobalShortcutExt as _, ShortcutState};
use tokio::sync::watch;

/// What was struck so far; nothing once nobody listens any more.
#[cfg(target_os = "linux")]
type Heard = Arc<Mutex<Option<Strokes>>>;

/// The keys that the portal listens to.
#[cfg(target_os = "linux")]
struct OfPortal {
    _shortcuts: Shortcuts,
    /// Names and keys, without the words, which change with the language.
    keys: Vec<(String, String)>,
    heard: Heard,
    commands: InOrder,
}

#[cfg(target_os = "linux")]
impl Drop for OfPortal {
    fn drop(&mut self) {
        // Nobody would hear it come up any more.
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(command) = heard.take().and_then(|mut strokes| strokes.end()) {
            self.commands.ask(command);
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
        let wished = |(which, key, words): (GlobalKey, &str, &str)| Wish {
            id: which.name().to_owned(),
            words: words.to_owned(),
            key: key.to_owned(),
        };
        let wishes: Vec<Wish> = wish.wished().map(wished).collect();
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
        let heard: Heard = Arc::new(Mutex::new(Some(Strokes::default())));
        let shortcuts = {
            let (commands, refused, heard) = (commands.clone(), self.refused.clone(), Arc::clone(&heard));
            let wished = wishes.clone();
            Shortcuts::listen(wishes, move |news| {
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(strokes) = heard.as_mut() {
                    hear(news, strokes, &commands, &wished, &refused);
                }
            })
        };
        self.portal = Some(OfPortal {
            _shortcuts: shortcuts,
            keys,
            heard,
            commands: commands.clone(),
        });
    }
}

/// What the portal tells while it is listened to.
#[cfg(target_os = "linux")]
fn hear(
    news: News,
    strokes: &mut Strokes,
    commands: &InOrder,
    wished: &[Wish],
    refused: &watch::Sender<Vec<String>>,
) {
    let had = match news {
        News::Stroke(stroke) => {
            if let Some(command) = strokes.hear(&stroke.id, stroke.down) {
                commands.ask(command);
            }
            return;
        }
        News::Bound(had) => had,
        News::Deaf(fault) => {
            tracing::info!(%fault, "the desktop tells no keys");
            if let Some(command) = strokes.end() {
                commands.ask(command);
            }
            Vec::new()
        }
    };
    let missing = wished.iter().filter(|wish| !had.contains(&wish.id));
    refused.send_replace(missing.map(|wish| wish.key.clone()).collect());
}

/// Takes the keys from the system. Gives those that could not be had.
fn take(app: &AppHandle, commands: &InOrder, wish: &KeysWish) -> Vec<String> {
    let keys = app.global_shortcut();
    if let Err(error) = keys.unregister_all() {
        tracing::debug!(%error, "keys are still listened to");
    }
    let mut refused = Vec::new();
    for (which, key, _) in wish.wished() {
        let commands = commands.clone();
        let told = keys.on_shortcut(key, move |_, _, event| {
            if let Some(command) = which.command(event.state == ShortcutState::Pressed) {
                commands.ask(command);
            }
        });
        if let Err(error) = told {
            tracing::info!(%error, key, "the key cannot be had");
            refused.push(key.to_owned());
        }
    }
    refused
}
