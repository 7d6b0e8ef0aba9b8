//! A desktop's panel: a session bus with somebody on it who shows trays (StatusNotifierItem) and notifications, and who can be
//! told to choose from a tray's menu (`com.canonical.dbusmenu`) or click a notification as a person would with the mouse. The bus knows no programs that it could
//! start, so nothing of the machine's own desktop gets in.

use anyhow::{Context as _, Result, bail};
use gio::glib::variant::ToVariant as _;
use gio::glib::{MainContext, Variant, VariantDict};
use gio::{BusNameOwnerFlags, Cancellable, DBusCallFlags, DBusConnection, DBusNodeInfo};
use parley_test_bus::TestBus;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The keeper of all trays, as far as programs ask for it.
const KEEPER: &str = r#"<node><interface name="org.kde.StatusNotifierWatcher">
  <method name="RegisterStatusNotifierItem"><arg direction="in" type="s"/></method>
  <property name="IsStatusNotifierHostRegistered" type="b" access="read"/>
  <property name="ProtocolVersion" type="i" access="read"/>
</interface></node>"#;
const KEEPER_NAME: &str = "org.kde.StatusNotifierWatcher";
/// Who shows notifications.
const NOTICES: &str = r#"<node><interface name="org.freedesktop.Notifications">
  <method name="Notify">
    <arg direction="in" type="s"/><arg direction="in" type="u"/><arg direction="in" type="s"/><arg direction="in" type="s"/>
    <arg direction="in" type="s"/><arg direction="in" type="as"/><arg direction="in" type="a{sv}"/><arg direction="in" type="i"/>
    <arg direction="out" type="u"/>
  </method>
  <signal name="ActionInvoked"><arg type="u"/><arg type="s"/></signal>
</interface></node>"#;
const NOTICES_NAME: &str = "org.freedesktop.Notifications";
const NOTICES_PATH: &str = "/org/freedesktop/Notifications";
const ITEM: &str = "org.kde.StatusNotifierItem";
const MENU: &str = "com.canonical.dbusmenu";

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(15);
const PATIENCE_MS: i32 = 15_000;

/// A tray: whose, and where.
#[derive(Debug, Clone)]
struct Tray {
    owner: String,
    path: String,
}

/// A panel on a bus of its own. Gone when dropped.
#[derive(Debug)]
pub struct Panel {
    // Dropped from top to bottom: first who serves, then the bus.
    serving: Option<(SyncSender<()>, JoinHandle<()>)>,
    connection: DBusConnection,
    /// The one that has the names.
    keeper: DBusConnection,
    trays: Arc<Mutex<Vec<Tray>>>,
    /// The titles of notifications; the number of one is its place, counted from one.
    notices: Arc<Mutex<Vec<String>>>,
    bus: TestBus,
}

impl Panel {
    /// Starts the bus and the panel on it.
    ///
    /// # Errors
    /// When dbus-daemon is missing or does not come up.
    pub fn switch_on() -> Result<Self> {
        let bus = TestBus::start()?;
        let (trays, notices) = (Arc::default(), Arc::default());
        let (stop, stopped) = sync_channel(1);
        let (up, is_up) = sync_channel(2);
        let keeper = bus.connect()?;
        let (of_keeper, noted, shown) = (keeper.clone(), Arc::clone(&trays), Arc::clone(&notices));
        let serving = std::thread::spawn(move || {
            let context = MainContext::new();
            let _ = context.with_thread_default(|| {
                let kept = keep(&of_keeper, &noted, &up).and_then(|()| notify(&of_keeper, &shown, &up));
                while kept.is_ok() && stopped.try_recv() == Err(TryRecvError::Empty) {
                    if !context.iteration(false) {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                }
            });
        });
        let panel = Self {
            serving: Some((stop, serving)),
            connection: bus.connect()?,
            keeper,
            trays,
            notices,
            bus,
        };
        for _ in [KEEPER_NAME, NOTICES_NAME] {
            wait_for(&is_up)?;
        }
        Ok(panel)
    }

    /// Where the bus is, as in `DBUS_SESSION_BUS_ADDRESS`.
    #[must_use]
    pub fn address(&self) -> &str {
        self.bus.address()
    }

    /// What the newest tray's menu offers now.
    ///
    /// # Errors
    /// When no program showed a tray, or it does not tell.
    pub fn offers(&self) -> Result<Vec<String>> {
        let (tray, menu) = self.menu()?;
        Ok(self
            .entries(&tray, &menu)?
            .into_iter()
            .map(|(_, label)| label)
            .collect())
    }

    /// Chooses this from the menu, as soon as it is offered.
    ///
    /// # Errors
    /// When it is not offered within some seconds.
    pub fn choose(&self, wanted: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (tray, menu) = self.menu()?;
            let entries = self.entries(&tray, &menu)?;
            if let Some((id, _)) = entries.iter().find(|(_, label)| label == wanted) {
                let event = (*id, "clicked", 0_i32.to_variant(), 0_u32).to_variant();
                return self.call(&tray.owner, &menu, [MENU, "Event"], &event).map(drop);
            }
            if Instant::now() > deadline {
                bail!("the tray does not offer {wanted:?} but {entries:?}");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Clicks the newest notification with this title, as soon as it is shown.
    ///
    /// # Errors
    /// When it does not come within some seconds.
    pub fn click(&self, title: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shown = self
                .notices
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            if let Some(at) = shown.iter().rposition(|one| one == title) {
                let told = (u32::try_from(at + 1)?, "default").to_variant();
                return Ok(self.keeper.emit_signal(
                    None,
                    NOTICES_PATH,
                    NOTICES_NAME,
                    "ActionInvoked",
                    Some(&told),
                )?);
            }
            if Instant::now() > deadline {
                bail!("no notification {title:?} but {shown:?}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn menu(&self) -> Result<(Tray, String)> {
        let deadline = Instant::now() + PATIENCE;
        let tray = loop {
            let newest = self
                .trays
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .last()
                .cloned();
            match newest {
                Some(tray) => break tray,
                None if Instant::now() > deadline => bail!("no program showed a tray"),
                None => std::thread::sleep(Duration::from_millis(50)),
            }
        };
        let asked = (ITEM, "Menu").to_variant();
        let get = ["org.freedesktop.DBus.Properties", "Get"];
        let answer = self.call(&tray.owner, &tray.path, get, &asked)?;
        let (menu,) = answer.get::<(Variant,)>().context("no menu")?;
        let menu = menu.str().context("the menu has no place")?.to_owned();
        Ok((tray, menu))
    }

    /// Entries with words, and the number of each.
    fn entries(&self, tray: &Tray, menu: &str) -> Result<Vec<(i32, String)>> {
        let everything = (0_i32, -1_i32, Vec::<String>::new()).to_variant();
        let layout = self.call(&tray.owner, menu, [MENU, "GetLayout"], &everything)?;
        // `(u(ia{sv}av))`: the revision, and the root with its entries, each of the same form.
        let entries = layout.child_value(1).child_value(2);
        let entry = |at: usize| {
            let entry = entries.child_value(at).as_variant()?;
            let label = VariantDict::new(Some(&entry.child_value(1))).lookup_value("label", None)?;
            Some((entry.child_value(0).get::<i32>()?, label.str()?.to_owned()))
        };
        Ok((0..entries.n_children()).filter_map(entry).collect())
    }

    fn call(
        &self,
        owner: &str,
        path: &str,
        [interface, method]: [&str; 2],
        request: &Variant,
    ) -> Result<Variant> {
        self.connection
            .call_sync(
                Some(owner),
                path,
                interface,
                method,
                Some(request),
                None,
                DBusCallFlags::NONE,
                PATIENCE_MS,
                Cancellable::NONE,
            )
            .with_context(|| format!("{method} at {path}"))
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        if let Some((stop, serving)) = self.serving.take() {
            drop(stop);
            let _ = serving.join();
        }
    }
}

/// Answers programs that show a tray, on this thread's context; says so once it has the name.
fn keep(connection: &DBusConnection, trays: &Arc<Mutex<Vec<Tray>>>, up: &SyncSender<()>) -> Result<()> {
    let noted = Arc::clone(trays);
    let interface = DBusNodeInfo::for_xml(KEEPER)?
        .lookup_interface(KEEPER_NAME)
        .context("the interface")?;
    connection.register_object(
        "/StatusNotifierWatcher",
        &interface,
        move |_, sender, _, _, _, request, asked| {
            // Some name a place on the bus, some an object of their own.
            let named = request.child_value(0).str().unwrap_or_default().to_owned();
            let tray = if named.starts_with('/') {
                Tray {
                    owner: sender.to_owned(),
                    path: named,
                }
            } else {
                Tray {
                    owner: named,
                    path: "/StatusNotifierItem".into(),
                }
            };
            noted.lock().unwrap_or_else(PoisonError::into_inner).push(tray);
            asked.return_value(None);
        },
        |_, _, _, _, property| match property {
            "ProtocolVersion" => 0_i32.to_variant(),
            _ => true.to_variant(),
        },
        |_, _, _, _, _, _| false,
    )?;
    let up = up.clone();
    gio::bus_own_name_on_connection(
        connection,
        KEEPER_NAME,
        BusNameOwnerFlags::NONE,
        move |_, _| {
            let _ = up.try_send(());
        },
        |_, _| {},
    );
    Ok(())
}

/// Shows notifications: takes note of their titles.
fn notify(connection: &DBusConnection, notices: &Arc<Mutex<Vec<String>>>, up: &SyncSender<()>) -> Result<()> {
    let noted = Arc::clone(notices);
    let interface = DBusNodeInfo::for_xml(NOTICES)?
        .lookup_interface(NOTICES_NAME)
        .context("the interface")?;
    connection.register_object(
        NOTICES_PATH,
        &interface,
        move |_, _, _, _, _, request, asked| {
            let title = request.child_value(3).str().unwrap_or_default().to_owned();
            let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
            noted.push(title);
            let number = u32::try_from(noted.len()).unwrap_or(u32::MAX);
            asked.return_value(Some(&(number,).to_variant()));
        },
        |_, _, _, _, _| ().to_variant(),
        |_, _, _, _, _, _| false,
    )?;
    let up = up.clone();
    gio::bus_own_name_on_connection(
        connection,
        NOTICES_NAME,
        BusNameOwnerFlags::NONE,
        move |_, _| {
            let _ = up.try_send(());
        },
        |_, _| {},
    );
    Ok(())
}

fn wait_for(is_up: &Receiver<()>) -> Result<()> {
    is_up.recv_timeout(PATIENCE).context("the panel did not come up")
}
