//! The session bus: `org.freedesktop.Notifications` (Desktop Notifications Specification 1.2) and
//! `org.freedesktop.ScreenSaver` (Idle Inhibition Service), `org.kde.StatusNotifierWatcher` (StatusNotifierItem).

mod clicks;

use super::{Clicked, Notice};
use clicks::Clicks;
use gio::glib::{Variant, variant::ToVariant as _};
use gio::{BusType, Cancellable, DBusCallFlags, DBusConnection};
use std::collections::HashMap;
use std::path::Path;

const APP: &str = "Parley";
/// How long another program may take to answer.
const ANSWER_MAX_MS: i32 = 3000;
/// The same while a window waits to be closed.
const TRAY_ANSWER_MAX_MS: i32 = 500;
/// The default time a notification is shown.
const SHOWN_AS_USUAL: i32 = -1;

/// A program on the bus: its name, its object's path and interface.
type Place = [&'static str; 3];

const NOTIFICATIONS: Place = [
    "org.freedesktop.Notifications",
    "/org/freedesktop/Notifications",
    "org.freedesktop.Notifications",
];
/// Knows whether a panel shows trays; a desktop without one, as GNOME comes, has nobody by this name.
const TRAYS: Place = [
    "org.kde.StatusNotifierWatcher",
    "/StatusNotifierWatcher",
    "org.freedesktop.DBus.Properties",
];
/// Those who can keep the session from idling, and so from sleeping; the first who answers is enough.
const INHIBITORS: &[Place] = &[
    [
        "org.freedesktop.ScreenSaver",
        "/org/freedesktop/ScreenSaver",
        "org.freedesktop.ScreenSaver",
    ],
    [
        "org.freedesktop.PowerManagement",
        "/org/freedesktop/PowerManagement/Inhibit",
        "org.freedesktop.PowerManagement.Inhibit",
    ],
];

/// The bus, and what was asked of it.
#[derive(Debug)]
pub(super) struct Session {
    bus: Option<DBusConnection>,
    /// Who keeps us awake, and the number by which to end that.
    awake: Option<(Place, u32)>,
    /// Once there was a notification to click.
    clicks: Option<Clicks>,
}

impl Session {
    pub(super) fn open() -> Self {
        // Without a bus, the library would start one of its own, that nobody listens on.
        let told = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some();
        let usual =
            std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|folder| Path::new(&folder).join("bus").exists());
        let bus = (told || usual).then(|| gio::bus_get_sync(BusType::Session, Cancellable::NONE));
        Self::on(match bus {
            Some(Ok(bus)) => Some(bus),
            Some(Err(error)) => {
                tracing::info!(%error, "no session bus: no notifications, and the system may sleep");
                None
            }
            None => None,
        })
    }

    fn on(bus: Option<DBusConnection>) -> Self {
        if let Some(bus) = &bus {
            // The default is to end the whole process when the bus goes.
            bus.set_exit_on_close(false);
        }
        Self {
            bus,
            awake: None,
            clicks: None,
        }
    }

    pub(super) fn stay_awake(&mut self, reason: Option<&str>) {
        match (reason, self.awake) {
            (Some(reason), None) => {
                self.awake = INHIBITORS.iter().find_map(|service| {
                    let answer = self.call(*service, "Inhibit", &(APP, reason).to_variant())?;
                    Some((*service, answer.get::<(u32,)>()?.0))
                });
                tracing::debug!(kept = self.awake.is_some(), "asked not to sleep");
            }
            (None, Some((service, cookie))) => {
                self.awake = None;
                self.call(service, "UnInhibit", &(cookie,).to_variant());
            }
            _ => {}
        }
    }

    pub(super) fn notify(&mut self, notice: &Notice, clicked: Clicked) {
        // Listens before there is anything to click.
        if self.clicks.is_none() {
            self.clicks = self.bus.clone().and_then(Clicks::listen);
        }
        let Notice { title, body, action } = notice;
        let actions = [clicks::DEFAULT, action.as_str()].map(str::to_owned).to_vec();
        let hints = HashMap::from([("desktop-entry".to_owned(), "parley".to_variant())]);
        // Servers that show markup would take a name's `<b>` for one.
        let body = body.replace('&', "&amp;").replace('<', "&lt;");
        let request = (
            APP,
            0_u32,
            "parley",
            title.as_str(),
            body,
            actions,
            hints,
            SHOWN_AS_USUAL,
        )
            .to_variant();
        let answer = self.call(NOTIFICATIONS, "Notify", &request);
        match (answer.and_then(|answer| answer.get::<(u32,)>()), &self.clicks) {
            (Some((number,)), Some(clicks)) => clicks.await_one(number, clicked),
            (Some(_), None) => {}
            (None, _) => tracing::debug!("no notification was shown"),
        }
    }

    pub(super) fn shows_tray(&self) -> bool {
        let what = (TRAYS[0], "IsStatusNotifierHostRegistered").to_variant();
        let answer = self.call_within(TRAY_ANSWER_MAX_MS, TRAYS, "Get", &what);
        let told = answer.and_then(|answer| answer.get::<(Variant,)>());
        told.is_some_and(|(shown,)| shown.get() == Some(true))
    }

    fn call(&self, service: Place, method: &str, request: &Variant) -> Option<Variant> {
        self.call_within(ANSWER_MAX_MS, service, method, request)
    }

    fn call_within(
        &self,
        max_ms: i32,
        [name, path, interface]: Place,
        method: &str,
        request: &Variant,
    ) -> Option<Variant> {
        let answer = self.bus.as_ref()?.call_sync(
            Some(name),
            path,
            interface,
            method,
            Some(request),
            None,
            DBusCallFlags::NONE,
            max_ms,
            Cancellable::NONE,
        );
        answer
            .inspect_err(|error| tracing::debug!(%error, name, method, "the bus said no"))
            .ok()
    }
}

#[cfg(test)]
mod tests;
