//! Against a bus of its own, with a made-up desktop on the other end.

use super::*;
use gio::glib::MainContext;
use gio::{BusNameOwnerFlags, DBusNodeInfo};
use parley_test_bus::TestBus;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

const DESKTOP: &str = r#"<node>
<interface name="org.freedesktop.ScreenSaver">
  <method name="Inhibit"><arg direction="in" type="s"/><arg direction="in" type="s"/><arg direction="out" type="u"/></method>
  <method name="UnInhibit"><arg direction="in" type="u"/></method>
</interface>
<interface name="org.freedesktop.Notifications">
  <method name="Notify">
    <arg direction="in" type="s"/><arg direction="in" type="u"/><arg direction="in" type="s"/><arg direction="in" type="s"/>
    <arg direction="in" type="s"/><arg direction="in" type="as"/><arg direction="in" type="a{sv}"/><arg direction="in" type="i"/>
    <arg direction="out" type="u"/>
  </method>
  <signal name="ActionInvoked"><arg type="u"/><arg type="s"/></signal>
</interface>
<interface name="org.kde.StatusNotifierWatcher">
  <property name="IsStatusNotifierHostRegistered" type="b" access="read"/>
</interface></node>"#;

/// What the made-up desktop is on the bus, and where.
const PROGRAMS: [[&str; 2]; 3] = [
    ["org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver"],
    ["org.freedesktop.Notifications", "/org/freedesktop/Notifications"],
    ["org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher"],
];

type Heard = Arc<Mutex<Vec<(String, Variant)>>>;

/// Somebody who answers on the bus until dropped.
struct Desktop {
    heard: Heard,
    connection: DBusConnection,
    _stop: mpsc::SyncSender<()>,
}

impl Desktop {
    /// A person does this with a notification.
    fn invoke(&self, number: u32, action: &str) {
        emit(&self.connection, number, action);
    }
}

fn emit(connection: &DBusConnection, number: u32, action: &str) {
    let [_, path, interface] = NOTIFICATIONS;
    let told = (number, action).to_variant();
    connection
        .emit_signal(None, path, interface, "ActionInvoked", Some(&told))
        .unwrap();
    connection.flush_sync(Cancellable::NONE).unwrap();
}

fn notice(title: &str, body: &str) -> Notice {
    Notice {
        title: title.into(),
        body: body.into(),
        action: "Show Parley".into(),
    }
}

fn nothing() -> Clicked {
    Box::new(|| {})
}

/// Answers on the bus; with a panel that shows trays, or without.
#[expect(
    clippy::disallowed_methods,
    reason = "test: a made-up desktop has a thread of its own"
)]
fn desktop(bus: &TestBus, with_panel: bool) -> Desktop {
    let connection = bus.connect().unwrap();
    let of_desktop = connection.clone();
    let heard = Heard::default();
    let noted = Arc::clone(&heard);
    let (up, is_up) = mpsc::sync_channel(4);
    let (stop, stopped) = mpsc::sync_channel::<()>(1);
    std::thread::spawn(move || {
        let context = MainContext::new();
        let serving = context.with_thread_default(|| {
            let node = DBusNodeInfo::for_xml(DESKTOP).unwrap();
            for [name, path] in PROGRAMS {
                let noted = Arc::clone(&noted);
                connection
                    .register_object(
                        path,
                        &node.lookup_interface(name).unwrap(),
                        move |_, _, _, _, method, request, asked| {
                            noted.lock().unwrap().push((method.to_owned(), request));
                            let answer = (method != "UnInhibit").then(|| (41_u32,).to_variant());
                            asked.return_value(answer.as_ref());
                        },
                        move |_, _, _, _, _| with_panel.to_variant(),
                        |_, _, _, _, _, _| false,
                    )
                    .unwrap();
                let up = up.clone();
                gio::bus_own_name_on_connection(
                    &connection,
                    name,
                    BusNameOwnerFlags::NONE,
                    move |_, _| {
                        let _ = up.send(());
                    },
                    |_, _| {},
                );
            }
            while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                if !context.iteration(false) {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        });
        serving.unwrap();
    });
    for _ in PROGRAMS {
        is_up.recv_timeout(Duration::from_secs(10)).unwrap();
    }
    Desktop {
        heard,
        connection: of_desktop,
        _stop: stop,
    }
}

#[test]
fn the_desktop_is_told_what_to_show_and_when_not_to_sleep() {
    let bus = TestBus::start().unwrap();
    let desktop = desktop(&bus, true);
    let mut session = Session::on(Some(bus.connect().unwrap()));
    session.stay_awake(Some("In a call"));
    session.stay_awake(Some("In a call"));
    session.notify(&notice("Ada joined", "<b> & co"), nothing());
    session.stay_awake(None);
    session.stay_awake(None);
    let heard = desktop.heard.lock().unwrap();
    let methods: Vec<_> = heard.iter().map(|(method, _)| method.as_str()).collect();
    assert_eq!(methods, ["Inhibit", "Notify", "UnInhibit"], "each once");
    assert_eq!(heard[0].1, ("Parley", "In a call").to_variant());
    assert_eq!(heard[1].1.child_value(3).str(), Some("Ada joined"));
    assert_eq!(heard[1].1.child_value(4).str(), Some("&lt;b> &amp; co"));
    assert_eq!(heard[2].1, (41_u32,).to_variant(), "by the number that was given");
}

#[test]
fn a_click_on_a_notification_is_told_once_and_only_by_who_shows_it() {
    const NUMBER: u32 = 41;
    let bus = TestBus::start().unwrap();
    let desktop = desktop(&bus, true);
    let mut session = Session::on(Some(bus.connect().unwrap()));
    let (click, clicks) = mpsc::sync_channel(4);
    session.notify(
        &notice("Ada wrote", "Hello"),
        Box::new(move || click.send("Ada").unwrap()),
    );
    let actions = desktop.heard.lock().unwrap()[0].1.child_value(5);
    assert_eq!(actions, vec!["default", "Show Parley"].to_variant());

    emit(&bus.connect().unwrap(), NUMBER, "default");
    desktop.invoke(NUMBER + 1, "default");
    desktop.invoke(NUMBER, "settings");
    assert_eq!(
        clicks.recv_timeout(Duration::from_millis(300)),
        Err(mpsc::RecvTimeoutError::Timeout),
        "of somebody else, of another one, another action"
    );
    desktop.invoke(NUMBER, "default");
    assert_eq!(clicks.recv_timeout(Duration::from_secs(10)), Ok("Ada"));
    desktop.invoke(NUMBER, "default");
    assert_eq!(
        clicks.recv_timeout(Duration::from_secs(10)),
        Err(mpsc::RecvTimeoutError::Disconnected),
        "what it does is done"
    );
}

#[test]
fn a_tray_is_shown_where_a_panel_says_so() {
    for with_panel in [true, false] {
        let bus = TestBus::start().unwrap();
        let _desktop = desktop(&bus, with_panel);
        assert_eq!(Session::on(Some(bus.connect().unwrap())).shows_tray(), with_panel);
    }
}

#[test]
fn a_bus_without_a_desktop_and_no_bus_at_all_are_borne() {
    let bus = TestBus::start().unwrap();
    for connection in [Some(bus.connect().unwrap()), None] {
        let mut session = Session::on(connection);
        session.stay_awake(Some("In a call"));
        session.notify(&notice("title", "body"), nothing());
        session.stay_awake(None);
        assert_eq!(session.awake, None);
        assert!(!session.shows_tray());
    }
}

#[test]
fn the_bus_of_a_test_starts_no_program_of_this_computer() {
    const BUS_ITSELF: Place = [
        "org.freedesktop.DBus",
        "/org/freedesktop/DBus",
        "org.freedesktop.DBus",
    ];
    let bus = TestBus::start().unwrap();
    let session = Session::on(Some(bus.connect().unwrap()));
    let names = session.call(BUS_ITSELF, "ListActivatableNames", &().to_variant());
    assert_eq!(
        names,
        Some((vec!["org.freedesktop.DBus".to_owned()],).to_variant())
    );
}
