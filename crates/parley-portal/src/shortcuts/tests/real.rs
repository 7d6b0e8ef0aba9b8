//! Against the real xdg-desktop-portal, which knows the published interface; only the desktop's half behind it is made up, for
//! no desktop that runs without a graphics card has one.

use super::{LONG, listen, stroke};
use crate::made_up::MadeUp;
use crate::shortcuts::News;
use gio::glib::variant::{ObjectPath, ToVariant as _};
use gio::glib::{MainContext, Variant};
use gio::{BusNameOwnerFlags, Cancellable, DBusConnection, DBusConnectionFlags, DBusNodeInfo};
use std::collections::HashMap;
use std::fs;
use std::sync::mpsc;
use std::time::Duration;

const BACKEND: &str = "org.freedesktop.impl.portal.desktop.madeup";
const INTERFACE: &str = "org.freedesktop.impl.portal.GlobalShortcuts";
const DESCRIBED: &str = r#"<node><interface name="org.freedesktop.impl.portal.GlobalShortcuts">
  <method name="CreateSession">
    <arg type="o" direction="in"/><arg type="o" direction="in"/><arg type="s" direction="in"/><arg type="a{sv}" direction="in"/>
    <arg type="u" direction="out"/><arg type="a{sv}" direction="out"/>
  </method>
  <method name="BindShortcuts">
    <arg type="o" direction="in"/><arg type="o" direction="in"/><arg type="a(sa{sv})" direction="in"/><arg type="s" direction="in"/>
    <arg type="a{sv}" direction="in"/><arg type="u" direction="out"/><arg type="a{sv}" direction="out"/>
  </method>
  <signal name="Activated"><arg type="o"/><arg type="s"/><arg type="t"/><arg type="a{sv}"/></signal>
  <signal name="Deactivated"><arg type="o"/><arg type="s"/><arg type="t"/><arg type="a{sv}"/></signal>
  <property name="version" type="u" access="read"/>
</interface></node>"#;

/// Lets the real portal, which the bus starts when it is asked for, know of our half of a desktop.
fn describe(bus: &MadeUp) {
    let described = format!("[portal]\nDBusName={BACKEND}\nInterfaces={INTERFACE};\nUseIn=madeup\n");
    fs::write(bus.folder().join("madeup.portal"), described).unwrap();
}

/// The desktop's half: binds whatever it is asked for, then presses each key and lets it go. Until the sender is dropped.
#[expect(
    clippy::disallowed_methods,
    reason = "test: a made-up desktop has a thread of its own"
)]
fn desktop(bus: &MadeUp) -> mpsc::SyncSender<()> {
    let (stop, stopped) = mpsc::sync_channel::<()>(1);
    let (up, is_up) = mpsc::sync_channel(1);
    let address = bus.address().to_owned();
    std::thread::spawn(move || {
        let context = MainContext::new();
        let serving = context.with_thread_default(|| {
            let flags =
                DBusConnectionFlags::AUTHENTICATION_CLIENT | DBusConnectionFlags::MESSAGE_BUS_CONNECTION;
            let bus = DBusConnection::for_address_sync(&address, flags, None, Cancellable::NONE).unwrap();
            bus.set_exit_on_close(false);
            let node = DBusNodeInfo::for_xml(DESCRIBED).unwrap();
            let (bound, to_press) = mpsc::sync_channel::<Variant>(1);
            bus.register_object(
                "/org/freedesktop/portal/desktop",
                &node.lookup_interface(INTERFACE).unwrap(),
                move |_, _, _, _, method, request, asked| {
                    let mut results = HashMap::<&str, Variant>::new();
                    if method == "BindShortcuts" {
                        results.insert("shortcuts", request.child_value(2));
                        bound.send(request).unwrap();
                    }
                    asked.return_value(Some(&(0_u32, results).to_variant()));
                },
                |_, _, _, _, _| 1_u32.to_variant(),
                |_, _, _, _, _, _| false,
            )
            .unwrap();
            gio::bus_own_name_on_connection(
                &bus,
                BACKEND,
                BusNameOwnerFlags::NONE,
                move |_, _| {
                    let _ = up.send(());
                },
                |_, _| {},
            );
            while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                if let Ok(request) = to_press.try_recv() {
                    // What is pressed before the answer reached anybody is nobody's.
                    std::thread::sleep(Duration::from_millis(500));
                    press(&bus, &request);
                }
                if !context.iteration(false) {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        });
        serving.unwrap();
    });
    is_up.recv_timeout(LONG).unwrap();
    stop
}

fn press(bus: &DBusConnection, request: &Variant) {
    let session = ObjectPath::try_from(request.child_value(1).str().unwrap().to_owned()).unwrap();
    for shortcut in request.child_value(2).iter() {
        let id = shortcut.child_value(0).str().unwrap().to_owned();
        for member in ["Activated", "Deactivated"] {
            let nothing = HashMap::<String, Variant>::new();
            let body = (session.clone(), &id, 7_u64, nothing).to_variant();
            bus.emit_signal(
                None,
                "/org/freedesktop/portal/desktop",
                INTERFACE,
                member,
                Some(&body),
            )
            .unwrap();
        }
    }
}

#[test]
#[ignore = "rare: the real portal, of a package that only the full tests install"]
fn the_real_portal_passes_keys_on() {
    let bus = MadeUp::session();
    let _stop = desktop(&bus);
    describe(&bus);
    let (_shortcuts, told) = listen(&bus);
    let bound = ["mute", "talk"].map(str::to_owned).into();
    assert_eq!(told.recv_timeout(LONG), Ok(News::Bound(bound)));
    for id in ["mute", "talk"] {
        assert_eq!(told.recv_timeout(LONG), Ok(stroke(id, true)));
        assert_eq!(told.recv_timeout(LONG), Ok(stroke(id, false)));
    }
}
