//! For the tests: a bus of its own (`parley-test-bus`), and a portal on it that answers as it is told to. The real one is
//! talked to in `shortcuts/tests/real.rs` and in `tests/src/world/wayland.rs`.

use crate::portal::{DESK, NAME, Portal, REQUEST, SESSION};
use gio::glib::variant::{ObjectPath, ToVariant as _};
use gio::glib::{MainContext, Variant, VariantDict};
use gio::prelude::*;
use gio::{BusNameOwnerFlags, DBusConnection, DBusMethodInvocation, DBusNodeInfo, UnixFDList};
use parley_test_bus::TestBus;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

const INTERFACES: &str = r#"<node>
<interface name="org.freedesktop.portal.ScreenCast">
  <method name="CreateSession"><arg type="a{sv}" direction="in"/><arg type="o" direction="out"/></method>
  <method name="SelectSources"><arg type="o" direction="in"/><arg type="a{sv}" direction="in"/><arg type="o" direction="out"/></method>
  <method name="Start">
    <arg type="o" direction="in"/><arg type="s" direction="in"/><arg type="a{sv}" direction="in"/><arg type="o" direction="out"/>
  </method>
  <method name="OpenPipeWireRemote">
    <arg type="o" direction="in"/><arg type="a{sv}" direction="in"/><arg type="h" direction="out"/>
  </method>
  <property name="AvailableSourceTypes" type="u" access="read"/>
  <property name="AvailableCursorModes" type="u" access="read"/>
  <property name="version" type="u" access="read"/>
</interface>
<interface name="org.freedesktop.portal.GlobalShortcuts">
  <method name="CreateSession"><arg type="a{sv}" direction="in"/><arg type="o" direction="out"/></method>
  <method name="BindShortcuts">
    <arg type="o" direction="in"/><arg type="a(sa{sv})" direction="in"/><arg type="s" direction="in"/>
    <arg type="a{sv}" direction="in"/><arg type="o" direction="out"/>
  </method>
  <signal name="Activated"><arg type="o"/><arg type="s"/><arg type="t"/><arg type="a{sv}"/></signal>
  <signal name="Deactivated"><arg type="o"/><arg type="s"/><arg type="t"/><arg type="a{sv}"/></signal>
  <property name="version" type="u" access="read"/>
</interface>
<interface name="org.freedesktop.portal.Session"><method name="Close"/></interface>
<interface name="org.freedesktop.portal.Request"><method name="Close"/></interface>
</node>"#;

/// How it answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manners {
    pub(crate) version: u32,
    /// The code of the last answer of a conversation; none: the person never answers.
    pub(crate) code: Option<u32>,
    /// The method whose answer makes no sense.
    pub(crate) lie: Option<&'static str>,
}

/// What it is told to do.
#[derive(Debug)]
enum Order {
    Emit(&'static str, &'static str, &'static str),
    CloseSession,
}

/// A bus with a portal, until it is dropped.
pub(crate) struct MadeUp {
    bus: TestBus,
    heard: Arc<Mutex<Vec<(String, Variant)>>>,
    orders: Option<mpsc::SyncSender<Order>>,
}

impl MadeUp {
    /// A bus on which nobody is.
    pub(crate) fn bus() -> Self {
        Self::on(TestBus::start().unwrap())
    }

    /// The bus of a session, with all programs of this computer that it can start.
    pub(crate) fn session() -> Self {
        let bus = TestBus::with_programs(|daemon, folder| {
            // What it starts has them too.
            daemon
                .env("XDG_DESKTOP_PORTAL_DIR", folder)
                .env("XDG_CURRENT_DESKTOP", "madeup")
                .env("XDG_RUNTIME_DIR", folder)
                .env("XDG_DATA_HOME", folder);
        });
        Self::on(bus.unwrap())
    }

    fn on(bus: TestBus) -> Self {
        Self {
            bus,
            heard: Arc::default(),
            orders: None,
        }
    }

    /// A bus with a portal.
    #[expect(
        clippy::disallowed_methods,
        reason = "test: a made-up portal has a thread of its own"
    )]
    pub(crate) fn portal(manners: Manners) -> Self {
        let mut made_up = Self::bus();
        let (orders, told) = mpsc::sync_channel(8);
        let (up, is_up) = mpsc::sync_channel(1);
        let (bus, heard) = (made_up.bus.connect().unwrap(), Arc::clone(&made_up.heard));
        std::thread::spawn(move || serve(&bus, manners, &heard, &up, &told));
        is_up.recv_timeout(Duration::from_secs(20)).unwrap();
        made_up.orders = Some(orders);
        made_up
    }

    /// A folder that goes with it.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.bus.folder()
    }

    /// Where the bus is.
    pub(crate) fn address(&self) -> &str {
        self.bus.address()
    }

    pub(crate) fn connect(&self) -> Portal {
        Portal::at(self.address()).unwrap()
    }

    /// The methods that were called.
    pub(crate) fn methods(&self) -> Vec<String> {
        self.heard
            .lock()
            .unwrap()
            .iter()
            .map(|(method, _)| method.clone())
            .collect()
    }

    /// What a method was called with.
    pub(crate) fn request(&self, method: &str) -> Variant {
        let heard = self.heard.lock().unwrap();
        let found = heard.iter().find(|(called, _)| called == method);
        found.unwrap_or_else(|| panic!("no {method}")).1.clone()
    }

    /// The options it was called with: always the last that there is.
    pub(crate) fn options(&self, method: &str) -> VariantDict {
        let request = self.request(method);
        VariantDict::new(Some(&request.child_value(request.n_children() - 1)))
    }

    pub(crate) fn stroke(&self, session: &'static str, id: &'static str, down: bool) {
        let member = if down { "Activated" } else { "Deactivated" };
        self.order(Order::Emit(session, member, id));
    }

    pub(crate) fn close_session(&self) {
        self.order(Order::CloseSession);
    }

    fn order(&self, order: Order) {
        self.orders.as_ref().unwrap().send(order).unwrap();
    }

    pub(crate) fn wait_for(&self, method: &str) {
        within(|| self.methods().iter().any(|called| called == method));
    }
}

/// Waits until it is so.
#[expect(clippy::disallowed_methods, reason = "test: waits for another program")]
pub(crate) fn within(so: impl Fn() -> bool) {
    for _ in 0..2000 {
        if so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it never came to be");
}

/// For tests in which the answer comes.
#[expect(clippy::disallowed_methods, reason = "test: waits for another program")]
pub(crate) fn patience() -> bool {
    std::thread::sleep(Duration::from_millis(5));
    true
}

/// The session that it opens.
pub(crate) const OURS: &str = "/org/freedesktop/portal/desktop/session/1_1/ours";

#[expect(
    clippy::disallowed_methods,
    reason = "test: it looks for signals and orders in turn"
)]
fn serve(
    bus: &DBusConnection,
    manners: Manners,
    heard: &Arc<Mutex<Vec<(String, Variant)>>>,
    up: &mpsc::SyncSender<()>,
    told: &mpsc::Receiver<Order>,
) {
    let context = MainContext::new();
    let serving = context.with_thread_default(|| {
        let node = DBusNodeInfo::for_xml(INTERFACES).unwrap();
        for (path, name) in [
            (DESK, "org.freedesktop.portal.ScreenCast"),
            (DESK, "org.freedesktop.portal.GlobalShortcuts"),
            (OURS, SESSION),
            ("/request", REQUEST),
        ] {
            let noted = Arc::clone(heard);
            bus.register_object(
                path,
                &node.lookup_interface(name).unwrap(),
                move |bus, sender, _, _, method, request, asked| {
                    noted.lock().unwrap().push((method.to_owned(), request));
                    answer(&bus, sender, method, manners, asked);
                },
                move |_, _, _, _, property| match property {
                    "version" => manners.version.to_variant(),
                    _ => 3_u32.to_variant(),
                },
                |_, _, _, _, _, _| false,
            )
            .unwrap();
        }
        let up = up.clone();
        gio::bus_own_name_on_connection(
            bus,
            NAME,
            BusNameOwnerFlags::NONE,
            move |_, _| {
                let _ = up.send(());
            },
            |_, _| {},
        );
        loop {
            match told.try_recv() {
                Ok(Order::CloseSession) => {
                    let nothing = HashMap::<String, Variant>::new();
                    bus.emit_signal(None, OURS, SESSION, "Closed", Some(&(nothing,).to_variant()))
                        .unwrap();
                }
                Ok(Order::Emit(session, member, id)) => {
                    let session = ObjectPath::try_from(session.to_owned()).unwrap();
                    let body = (session, id, 7_u64, HashMap::<String, Variant>::new()).to_variant();
                    bus.emit_signal(
                        None,
                        DESK,
                        "org.freedesktop.portal.GlobalShortcuts",
                        member,
                        Some(&body),
                    )
                    .unwrap();
                }
                Err(mpsc::TryRecvError::Empty) => {}
                Err(mpsc::TryRecvError::Disconnected) => return,
            }
            if !context.iteration(false) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    });
    serving.unwrap();
}

fn answer(bus: &DBusConnection, sender: &str, method: &str, manners: Manners, asked: DBusMethodInvocation) {
    let lies = manners.lie == Some(method);
    let results: HashMap<&str, Variant> = match method {
        "Close" => return asked.return_value(None),
        "OpenPipeWireRemote" => {
            let first = (gio::glib::variant::Handle(0),).to_variant();
            if lies {
                return asked.return_value(Some(&first));
            }
            let files = UnixFDList::new();
            files.append(std::io::stdin()).unwrap();
            return asked.return_value_with_unix_fd_list(Some(&first), Some(&files));
        }
        "CreateSession" => HashMap::from([("session_handle", OURS.to_variant())]),
        "Start" => {
            let about = HashMap::from([("source_type", 2_u32.to_variant())]);
            HashMap::from([
                ("streams", vec![(42_u32, about)].to_variant()),
                ("restore_token", "again".to_variant()),
            ])
        }
        "BindShortcuts" => {
            let bound: Vec<(&str, HashMap<&str, Variant>)> = vec![("talk", HashMap::new())];
            HashMap::from([("shortcuts", bound.to_variant())])
        }
        _ => HashMap::new(),
    };
    let path = ObjectPath::try_from("/request".to_owned()).unwrap();
    asked.return_value(Some(&(path,).to_variant()));
    let last = matches!(method, "Start" | "BindShortcuts");
    if let Some(code) = if last { manners.code } else { Some(0) } {
        let body = if lies {
            (code, "no dictionary").to_variant()
        } else {
            (code, results).to_variant()
        };
        bus.emit_signal(Some(sender), "/request", REQUEST, "Response", Some(&body))
            .unwrap();
    }
}
