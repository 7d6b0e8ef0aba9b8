//! One conversation with the portal, over a connection of its own: what was opened in it ends with it, whatever happens.
//!
//! A question is a method call that gives a path; its answer comes later as a signal at that path. So there is one list of
//! signals heard, bounded, and whoever waits looks through it. One thread owns it and waits in it.

use gio::glib::variant::{ObjectPath, ToVariant};
use gio::glib::{self, MainContext, Variant, VariantDict, VariantTy};
use gio::prelude::*;
use gio::{
    BusType, Cancellable, DBusCallFlags, DBusConnection, DBusConnectionFlags, DBusMessage, DBusMessageType,
    DBusSendMessageFlags, DBusSignalFlags,
};
use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) const NAME: &str = "org.freedesktop.portal.Desktop";
pub(crate) const DESK: &str = "/org/freedesktop/portal/desktop";
pub(crate) const REQUEST: &str = "org.freedesktop.portal.Request";
pub(crate) const SESSION: &str = "org.freedesktop.portal.Session";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// How long the portal may take to take a question; the bus may have to start it first.
const ANSWER_MAX_MS: i32 = 15_000;
/// How long it may take to hear that something ended.
const FAREWELL_MAX_MS: i32 = 500;
/// Signals that wait to be looked at; the oldest makes room.
const HEARD_MAX: usize = 64;

/// Options of a question.
pub(crate) type Options = HashMap<&'static str, Variant>;
/// Waits a moment; false once nothing more is to be waited for.
pub type Pause<'a> = &'a dyn Fn() -> bool;

/// Why the portal gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortalFault {
    /// No session bus, or nobody on it who is a portal for this.
    #[error("this desktop has no portal for it ({0})")]
    Missing(String),
    /// The person closed the dialog.
    #[error("the dialog was closed")]
    Cancelled,
    /// The portal ended it without an answer, or would not.
    #[error("the portal refused ({0})")]
    Refused(String),
    /// We did not want to wait any longer.
    #[error("nobody waits for the answer any more")]
    Stopped,
}

/// A signal that came.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) path: String,
    pub(crate) member: String,
    pub(crate) body: Variant,
}

/// See the module.
#[derive(Debug)]
pub struct Portal {
    bus: DBusConnection,
    context: MainContext,
    /// Shared by lock: the library may drop its end on a thread of its own.
    heard: Arc<Mutex<VecDeque<Heard>>>,
    /// How many questions were asked: each needs a name of its own.
    asked: Cell<u32>,
    session: Option<String>,
}

impl Portal {
    /// Connects to the session bus. Does not yet ask whether there is a portal.
    ///
    /// # Errors
    /// Without a session bus.
    pub fn connect() -> Result<Self, PortalFault> {
        // Without a bus, the library would start one of its own, that nobody listens on.
        let told = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some();
        let usual =
            std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|folder| Path::new(&folder).join("bus").exists());
        if !told && !usual {
            return Err(PortalFault::Missing("no session bus".into()));
        }
        let address = gio::dbus_address_get_for_bus_sync(BusType::Session, Cancellable::NONE);
        Self::at(&address.map_err(|error| PortalFault::Missing(error.to_string()))?)
    }

    /// Connects to the bus at this address.
    pub(crate) fn at(address: &str) -> Result<Self, PortalFault> {
        let flags = DBusConnectionFlags::AUTHENTICATION_CLIENT | DBusConnectionFlags::MESSAGE_BUS_CONNECTION;
        // Its end is heard, and wakes us, in the context that it was made in.
        let context = MainContext::new();
        let bus = context
            .with_thread_default(|| DBusConnection::for_address_sync(address, flags, None, Cancellable::NONE))
            .map_err(|error| PortalFault::Refused(error.to_string()))?
            .map_err(|error| PortalFault::Missing(error.to_string()))?;
        // The default is to end the whole process when the bus goes.
        bus.set_exit_on_close(false);
        let portal = Self {
            bus,
            context,
            heard: Arc::default(),
            asked: Cell::new(0),
            session: None,
        };
        portal.listen(REQUEST)?;
        portal.listen(SESSION)?;
        Ok(portal)
    }

    /// From now on signals of this interface are heard.
    pub(crate) fn listen(&self, interface: &str) -> Result<(), PortalFault> {
        let heard = Arc::clone(&self.heard);
        let subscribed = self.context.with_thread_default(|| {
            self.bus.signal_subscribe(
                Some(NAME),
                Some(interface),
                None,
                None,
                None,
                DBusSignalFlags::NONE,
                move |_, _, path, _, member, body| {
                    let mut heard = lock(&heard);
                    if heard.len() >= HEARD_MAX {
                        tracing::debug!(member, "a signal of the portal made room");
                        heard.pop_front();
                    }
                    heard.push_back(Heard {
                        path: path.to_owned(),
                        member: member.to_owned(),
                        body: body.clone(),
                    });
                },
            )
        });
        // It ends with the connection.
        subscribed
            .map(drop)
            .map_err(|error| PortalFault::Refused(error.to_string()))
    }

    /// The number in a property; nothing where there is no such interface.
    pub(crate) fn number(&self, interface: &str, property: &str) -> Result<u32, PortalFault> {
        let body = (interface, property).to_variant();
        let answer = self.call(PROPERTIES, "Get", &body)?;
        answer
            .get::<(Variant,)>()
            .and_then(|(value,)| value.get())
            .ok_or_else(|| PortalFault::Missing(format!("{property} is no number")))
    }

    fn call(&self, interface: &str, method: &str, body: &Variant) -> Result<Variant, PortalFault> {
        self.bus
            .call_sync(
                Some(NAME),
                DESK,
                interface,
                method,
                Some(body),
                None,
                DBusCallFlags::NONE,
                ANSWER_MAX_MS,
                Cancellable::NONE,
            )
            .map_err(|error| fault_of(&error))
    }

    /// A call that answers with a file descriptor.
    pub(crate) fn call_for_file(
        &self,
        interface: &str,
        method: &str,
        body: &Variant,
    ) -> Result<OwnedFd, PortalFault> {
        // The library's shorter way takes for granted that files came.
        let question = DBusMessage::new_method_call(Some(NAME), DESK, Some(interface), method);
        question.set_body(body);
        let (answer, _) = self
            .bus
            .send_message_with_reply_sync(
                &question,
                DBusSendMessageFlags::NONE,
                ANSWER_MAX_MS,
                Cancellable::NONE,
            )
            .map_err(|error| fault_of(&error))?;
        // The library's own way to the error fails in debug builds.
        if answer.message_type() == DBusMessageType::Error {
            let name = answer.error_name().unwrap_or_default();
            let told = answer.arg0().unwrap_or_default();
            let error = format!("{FROM_THE_BUS}{name}: {told}");
            return Err(fault_of(&glib::Error::new(gio::IOErrorEnum::DbusError, &error)));
        }
        let nothing = || PortalFault::Refused(format!("{method} gave no file"));
        let (body, files) = answer.body().zip(answer.unix_fd_list()).ok_or_else(nothing)?;
        let at = body.get::<(glib::variant::Handle,)>().ok_or_else(nothing)?.0.0;
        if !(0..files.length()).contains(&at) {
            return Err(nothing());
        }
        let file = files.get(at).map_err(|_| nothing())?;
        // SAFETY: the list gives a duplicate that is the caller's own.
        #[expect(unsafe_code, reason = "the list of files gives bare numbers")]
        let file = unsafe { OwnedFd::from_raw_fd(file) };
        Ok(file)
    }

    /// Asks, and waits for the answer for as long as `pause` says. `before` goes before the options.
    pub(crate) fn ask(
        &self,
        interface: &str,
        method: &str,
        before: Vec<Variant>,
        mut options: Options,
        pause: Pause<'_>,
    ) -> Result<VariantDict, PortalFault> {
        options.insert("handle_token", self.token().to_variant());
        let body = Variant::tuple_from_iter(before.into_iter().chain([options.to_variant()]));
        let answer = self.call(interface, method, &body)?;
        let path = answer
            .get::<(ObjectPath,)>()
            .map(|(path,)| path.as_str().to_owned());
        let path = path.ok_or_else(|| PortalFault::Refused(format!("{method} gave no path")))?;
        let answer = self.wait(pause, |heard| {
            (heard.path == path && heard.member == "Response").then(|| heard.body.clone())
        });
        if answer == Err(PortalFault::Stopped) {
            self.close(&path, REQUEST);
        }
        results_of(method, &answer?)
    }

    /// A name that no other question of this connection has.
    pub(crate) fn token(&self) -> String {
        self.asked.set(self.asked.get() + 1);
        format!("parley{}", self.asked.get())
    }

    /// Opens a session of this interface; it ends with this value.
    pub(crate) fn open_session(&mut self, interface: &str, pause: Pause<'_>) -> Result<(), PortalFault> {
        let options = Options::from([("session_handle_token", self.token().to_variant())]);
        let results = self.ask(interface, "CreateSession", Vec::new(), options, pause)?;
        // A string in every version so far, though it is a path.
        let handle = results.lookup_value("session_handle", None);
        let handle = handle.as_ref().and_then(Variant::str).map(str::to_owned);
        let handle = handle.filter(|handle| Variant::is_object_path(handle));
        self.session = Some(handle.ok_or_else(|| PortalFault::Refused("a session without a path".into()))?);
        Ok(())
    }

    /// The session as it stands before the options of a question.
    pub(crate) fn session(&self) -> Result<Variant, PortalFault> {
        self.session
            .clone()
            .and_then(|path| ObjectPath::try_from(path).ok())
            .map(|path| path.to_variant())
            .ok_or_else(|| PortalFault::Refused("there is no session".into()))
    }

    /// Whether this is a signal that ends the session.
    pub(crate) fn ends_session(&self, heard: &Heard) -> bool {
        heard.member == "Closed" && self.session.as_ref() == Some(&heard.path)
    }

    /// Waits until something is found among the signals that came, each looked at once.
    pub(crate) fn wait<T>(
        &self,
        pause: Pause<'_>,
        mut found: impl FnMut(&Heard) -> Option<T>,
    ) -> Result<T, PortalFault> {
        loop {
            while let Some(heard) = self.take() {
                if let Some(found) = found(&heard) {
                    return Ok(found);
                }
                if self.ends_session(&heard) {
                    return Err(PortalFault::Refused("the session was closed".into()));
                }
            }
            if self.bus.is_closed() {
                return Err(PortalFault::Missing("the session bus is gone".into()));
            }
            if !self.context.iteration(false) && !pause() {
                return Err(PortalFault::Stopped);
            }
        }
    }

    /// What came without waiting for it, oldest first.
    pub(crate) fn hear(&self) -> Vec<Heard> {
        while self.context.iteration(false) {}
        lock(&self.heard).drain(..).collect()
    }

    /// Sleeps until something came, or until the context is woken.
    pub(crate) fn sleep(&self) {
        self.context.iteration(true);
    }

    pub(crate) const fn context(&self) -> &MainContext {
        &self.context
    }

    /// Whether nothing can come any more.
    pub(crate) fn is_deaf(&self) -> bool {
        self.bus.is_closed()
    }

    fn take(&self) -> Option<Heard> {
        lock(&self.heard).pop_front()
    }

    fn close(&self, path: &str, interface: &str) {
        let closed = self.bus.call_sync(
            Some(NAME),
            path,
            interface,
            "Close",
            None,
            None,
            DBusCallFlags::NO_AUTO_START,
            FAREWELL_MAX_MS,
            Cancellable::NONE,
        );
        tracing::debug!(error = ?closed.err(), path, "closed");
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        if self.bus.is_closed() {
            return;
        }
        if let Some(session) = self.session.take() {
            self.close(&session, SESSION);
        }
        // Whoever hears it too has gone before us.
        let _ = self.bus.close_sync(Cancellable::NONE);
    }
}

fn lock(heard: &Mutex<VecDeque<Heard>>) -> MutexGuard<'_, VecDeque<Heard>> {
    // A panic elsewhere cannot leave a half-written list behind.
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The results in an answer's body, which is whatever its sender put there.
fn results_of(method: &str, answer: &Variant) -> Result<VariantDict, PortalFault> {
    let code = answer.try_child_value(0).and_then(|code| code.get::<u32>());
    match (code, answer.try_child_value(1).as_ref().and_then(dictionary)) {
        (Some(0), Some(results)) => Ok(results),
        (Some(1), _) => Err(PortalFault::Cancelled),
        (code, _) => Err(PortalFault::Refused(format!("{method}: {code:?}"))),
    }
}

/// The library ends the thread over a value that is none.
pub(crate) fn dictionary(value: &Variant) -> Option<VariantDict> {
    value
        .is_type(VariantTy::VARDICT)
        .then(|| VariantDict::new(Some(value)))
}

/// What an error's message begins with when it came over the bus; its name follows.
const FROM_THE_BUS: &str = "GDBus.Error:";
/// Names of errors that say that nobody there can answer, with what comes before the last part cut off. The last is what an
/// unknown interface's property is called by some.
const NOBODY: &[&str] = &[
    "ServiceUnknown",
    "NameHasNoOwner",
    "UnknownMethod",
    "UnknownInterface",
    "UnknownObject",
    "UnknownProperty",
    "Spawn.ServiceNotFound",
    "Spawn.ExecFailed",
    "Spawn.ChildExited",
    "Spawn.Failed",
    "Disconnected",
    "InvalidArgs",
];

/// Nobody there who could answer, or somebody who would not.
fn fault_of(error: &glib::Error) -> PortalFault {
    let message = error.message();
    let (name, told) = message
        .strip_prefix(FROM_THE_BUS)
        .and_then(|named| named.split_once(": "))
        .unwrap_or(("", message));
    let nobody = error.matches(gio::IOErrorEnum::Closed)
        || NOBODY
            .iter()
            .any(|nobody| name.strip_prefix("org.freedesktop.DBus.Error.") == Some(*nobody));
    if nobody {
        PortalFault::Missing(told.to_owned())
    } else {
        PortalFault::Refused(told.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_makes_no_sense_is_a_refusal() {
        let nothing = Options::new();
        assert!(results_of("Start", &(0_u32, &nothing).to_variant()).is_ok());
        let closed = results_of("Start", &(1_u32, &nothing).to_variant());
        assert_eq!(closed.err(), Some(PortalFault::Cancelled));
        for odd in [
            (2_u32, &nothing).to_variant(),
            (0_i32, &nothing).to_variant(),
            (0_u32, "no dictionary").to_variant(),
            (0_u32, HashMap::from([("key", "no variant")])).to_variant(),
            (0_u32, Vec::<Variant>::new()).to_variant(),
            (0_u32,).to_variant(),
            ().to_variant(),
            0_u32.to_variant(),
        ] {
            let fault = results_of("Start", &odd).err();
            assert!(matches!(fault, Some(PortalFault::Refused(_))), "{odd}: {fault:?}");
        }
    }

    #[test]
    fn nobody_there_is_told_from_somebody_who_would_not() {
        let fault = |message: &str| fault_of(&glib::Error::new(gio::IOErrorEnum::DbusError, message));
        let missing = fault("GDBus.Error:org.freedesktop.DBus.Error.ServiceUnknown: no such name");
        assert_eq!(missing, PortalFault::Missing("no such name".into()));
        let refused = fault("GDBus.Error:org.freedesktop.portal.Error.NotAllowed: not you: no");
        assert_eq!(refused, PortalFault::Refused("not you: no".into()));
        assert_eq!(fault("odd"), PortalFault::Refused("odd".into()));
        let closed = glib::Error::new(gio::IOErrorEnum::Closed, "gone");
        assert_eq!(fault_of(&closed), PortalFault::Missing("gone".into()));
    }
}
