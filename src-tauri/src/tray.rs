//! The tray: an icon with the few things one wants without the window. What it shows is decided in `parley_app::desktop`.

use crate::citizen::show;
use parley_app::desktop::TrayView;
use parley_app::engine::EngineHandle;
use parley_app::view::AppCommand;
use tauri::menu::{Menu, MenuBuilder, MenuEvent};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager as _};

/// The icon. Without one, nothing is shown: a desktop may have no place for it.
#[derive(Default)]
pub(crate) struct Tray(Option<TrayIcon>);

/// Managed while there is a tray to come back from.
pub(crate) struct TrayMark;

impl Tray {
    /// Shows this, from now on.
    pub(crate) fn show(&mut self, app: &AppHandle, view: &TrayView) {
        if let Err(error) = self.try_show(app, view) {
            tracing::info!(%error, "no tray");
        }
    }

    fn try_show(&mut self, app: &AppHandle, view: &TrayView) -> tauri::Result<()> {
        if !parley_desktop::tray::is_possible() {
            return Ok(());
        }
        let menu = menu(app, view)?;
        if let Some(icon) = &self.0 {
            icon.set_tooltip(Some(&view.tooltip))?;
            return icon.set_menu(Some(menu));
        }
        let mut icon = TrayIconBuilder::with_id("parley")
            .tooltip(&view.tooltip)
            .menu(&menu)
            .on_menu_event(chosen);
        if let Some(image) = app.default_window_icon() {
            icon = icon.icon(image.clone());
        }
        self.0 = Some(icon.build(app)?);
        app.manage(TrayMark);
        Ok(())
    }
}

fn menu(app: &AppHandle, view: &TrayView) -> tauri::Result<Menu<tauri::Wry>> {
    let mut menu = MenuBuilder::new(app).text("show", &view.show);
    if let Some(mute) = &view.mute {
        menu = menu.text("mute", mute);
    }
    if let Some(leave) = &view.leave {
        menu = menu.text("leave", leave);
    }
    menu.separator().text("quit", &view.quit).build()
}

#[expect(clippy::needless_pass_by_value, reason = "as Tauri calls it")]
fn chosen(app: &AppHandle, event: MenuEvent) {
    let command = match event.id().as_ref() {
        "show" => return show(app),
        "quit" => return app.exit(0),
        "mute" => AppCommand::ToggleMuted,
        "leave" => AppCommand::Leave,
        _ => return,
    };
    let engine = app.state::<EngineHandle>().inner().clone();
    drop(tauri::async_runtime::spawn(async move {
        engine.command(command).await
    }));
}
