//! Global keys: they work while another program has the focus. Which, is decided in `parley_app::desktop`.

use parley_app::desktop::KeysWish;
use parley_app::engine::InOrder;
use parley_app::view::AppCommand;
use tauri::AppHandle;
use tauri_plugin_global_shortcut::{GlobalShortcutExt as _, ShortcutState};

/// Listens to these keys and no others. Gives those that could not be had.
pub(crate) fn listen(app: &AppHandle, commands: &InOrder, wish: &KeysWish) -> Vec<String> {
    let keys = app.global_shortcut();
    if let Err(error) = keys.unregister_all() {
        tracing::debug!(%error, "keys are still listened to");
    }
    let deaf = std::env::var_os("WAYLAND_DISPLAY").is_some();
    let mut refused = Vec::new();
    for (key, deed) in [(&wish.mute, mute as Deed), (&wish.talk, talk as Deed)] {
        if key.is_empty() {
            continue;
        }
        let commands = commands.clone();
        let told = keys.on_shortcut(key.as_str(), move |_, _, event| {
            if let Some(command) = deed(event.state) {
                commands.ask(command);
            }
        });
        // On Wayland a key is granted and never heard.
        if let Some(error) = told
            .err()
            .map(|error| error.to_string())
            .or(deaf.then(String::new))
        {
            tracing::info!(%error, key, "the key cannot be had");
            refused.push(key.clone());
        }
    }
    refused
}

type Deed = fn(ShortcutState) -> Option<AppCommand>;

fn mute(state: ShortcutState) -> Option<AppCommand> {
    (state == ShortcutState::Pressed).then_some(AppCommand::ToggleMuted)
}

#[expect(clippy::unnecessary_wraps, reason = "as the other key's deed")]
fn talk(state: ShortcutState) -> Option<AppCommand> {
    let down = state == ShortcutState::Pressed;
    Some(AppCommand::Talk { down })
}
