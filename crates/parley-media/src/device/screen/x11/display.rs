//! A connection to the X server with what it can do. One thread owns it; it ends with its value.

use super::super::{ScreenFault, system_asks};
use x11rb::connection::{Connection as _, RequestConnection as _};
use x11rb::errors::{ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::composite::{self, ConnectionExt as _};
use x11rb::protocol::damage::{self, ConnectionExt as _};
use x11rb::protocol::randr::{self, ConnectionExt as _};
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xfixes::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _, ImageOrder, Window};
use x11rb::rust_connection::RustConnection;

x11rb::atom_manager! {
    /// Names of window properties (EWMH 1.5).
    pub(super) Atoms: AtomsCookie {
        _NET_CLIENT_LIST,
        _NET_CLIENT_LIST_STACKING,
        _NET_WM_NAME,
        _NET_WM_PID,
        _NET_WM_WINDOW_TYPE,
        _NET_WM_WINDOW_TYPE_DESKTOP,
        _NET_WM_WINDOW_TYPE_DOCK,
        UTF8_STRING,
    }
}

/// What the server can do beyond the core protocol.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "five extensions, each there or not")]
pub(super) struct Extensions {
    /// Pictures through shared memory.
    pub(super) shm: bool,
    /// Monitors.
    pub(super) randr: bool,
    /// The pointer's picture.
    pub(super) xfixes: bool,
    /// What changed.
    pub(super) damage: bool,
    /// Windows that others cover.
    pub(super) composite: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Display {
    pub(super) connection: RustConnection,
    pub(super) root: Window,
    pub(super) atoms: Atoms,
    pub(super) has: Extensions,
}

impl Display {
    /// Connects to the server that `DISPLAY` names.
    pub(super) fn open() -> Result<Self, ScreenFault> {
        if system_asks() {
            return Err(ScreenFault::SystemAsks);
        }
        if std::env::var_os("DISPLAY").is_none() {
            return Err(ScreenFault::NoDisplay("DISPLAY is not set".into()));
        }
        let (connection, screen) =
            x11rb::connect(None).map_err(|error| ScreenFault::NoDisplay(error.to_string()))?;
        let setup = connection.setup();
        let root = setup
            .roots
            .get(screen)
            .ok_or_else(|| ScreenFault::NoDisplay("the server has no screen".into()))?;
        let (root, depth) = (root.root, root.root_depth);
        let in_four_bytes = setup
            .pixmap_formats
            .iter()
            .any(|format| format.depth == depth && format.bits_per_pixel == 32);
        if depth != 24 || !in_four_bytes || setup.image_byte_order != ImageOrder::LSB_FIRST {
            return Err(ScreenFault::Format(depth));
        }
        let atoms = Atoms::new(&connection).map_err(lost)?.reply().map_err(lost)?;
        let has = extensions(&connection).map_err(lost)?;
        tracing::debug!(?has, "the display server");
        Ok(Self {
            connection,
            root,
            atoms,
            has,
        })
    }

    /// Throws away what the server told unasked; gives whether there was anything.
    pub(super) fn skip_event(&self) -> Result<bool, ScreenFault> {
        Ok(self.connection.poll_for_event().map_err(lost)?.is_some())
    }

    /// A text property of a window; empty without one.
    pub(super) fn text(&self, window: Window, property: u32, kind: u32) -> Result<String, ReplyError> {
        let reply = self
            .connection
            .get_property(false, window, property, kind, 0, 256)?
            .reply()?;
        Ok(String::from_utf8_lossy(&reply.value).trim().to_owned())
    }

    /// A property made of 32-bit numbers; empty without one.
    pub(super) fn numbers(
        &self,
        window: Window,
        property: u32,
        kind: AtomEnum,
    ) -> Result<Vec<u32>, ReplyError> {
        let reply = self
            .connection
            .get_property(false, window, property, kind, 0, 1024)?
            .reply()?;
        Ok(reply.value32().map(Iterator::collect).unwrap_or_default())
    }
}

/// Asks for each extension. The server wants to be told which version is spoken before it answers anything else.
fn extensions(connection: &RustConnection) -> Result<Extensions, ReplyError> {
    let there = |name| -> Result<bool, ReplyError> { Ok(connection.extension_information(name)?.is_some()) };
    let mut has = Extensions::default();
    if there(shm::X11_EXTENSION_NAME)? {
        let version = connection.shm_query_version()?.reply()?;
        has.shm = (version.major_version, version.minor_version) >= (1, 2);
    }
    if there(randr::X11_EXTENSION_NAME)? {
        let version = connection.randr_query_version(1, 5)?.reply()?;
        has.randr = (version.major_version, version.minor_version) >= (1, 5);
    }
    if there(xfixes::X11_EXTENSION_NAME)? {
        has.xfixes = connection.xfixes_query_version(5, 0)?.reply()?.major_version >= 2;
    }
    // What changed is told as a region, and regions are XFixes'.
    if has.xfixes && there(damage::X11_EXTENSION_NAME)? {
        connection.damage_query_version(1, 1)?.reply()?;
        has.damage = true;
    }
    if there(composite::X11_EXTENSION_NAME)? {
        let version = connection.composite_query_version(0, 4)?.reply()?;
        has.composite = (version.major_version, version.minor_version) >= (0, 2);
    }
    Ok(has)
}

/// The connection broke, or refused what every server grants.
pub(super) fn lost(error: impl Into<ReplyError>) -> ScreenFault {
    ScreenFault::Lost(error.into().to_string())
}

/// The same, where a number was asked for too.
pub(super) fn lost_id(error: &ReplyOrIdError) -> ScreenFault {
    ScreenFault::Lost(error.to_string())
}

/// Whether the server answered that something is not there (any more), rather than the connection being broken.
pub(super) fn refused<T>(answer: Result<T, ReplyError>) -> Result<Option<T>, ConnectionError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(ReplyError::X11Error(error)) => {
            tracing::trace!(?error, "the display server refuses");
            Ok(None)
        }
        Err(ReplyError::ConnectionError(error)) => Err(error),
    }
}
