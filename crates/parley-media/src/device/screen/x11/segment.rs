//! Memory shared with the X server, into which it writes pictures (MIT-SHM 1.2).
//!
//! An anonymous file, sealed against shrinking, mapped here and handed to the server. A server that is not on this machine
//! cannot have it; then there is no segment.
#![allow(unsafe_code, reason = "the standard library cannot map memory")]

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::ptr::NonNull;
use x11rb::connection::Connection as _;
use x11rb::protocol::shm::{ConnectionExt as _, Seg};
use x11rb::rust_connection::RustConnection;

/// Why there is no segment.
#[derive(Debug, thiserror::Error)]
pub(super) enum SegmentError {
    /// The system gave none.
    #[error("no memory to share: {0}")]
    System(#[from] io::Error),
    /// The server did not take it.
    #[error("the display server shares no memory: {0}")]
    Server(String),
}

/// A mapped segment that the server knows as [`Segment::id`]. The server forgets it with the connection.
#[derive(Debug)]
pub(super) struct Segment {
    id: Seg,
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to this value alone and is reached only through `&self` and `&mut self`; which thread does so
// makes no difference to it.
unsafe impl Send for Segment {}

impl Segment {
    /// A segment of `len` bytes, `len` > 0.
    pub(super) fn new(connection: &RustConnection, len: usize) -> Result<Self, SegmentError> {
        let file = anonymous_file(len)?;
        let base = map(&file, len)?;
        let server = |error: &dyn std::fmt::Display| SegmentError::Server(error.to_string());
        let id = connection.generate_id().map_err(|error| server(&error))?;
        // From here on dropping it unmaps.
        let segment = Self { id, base, len };
        connection
            .shm_attach_fd(id, file, false)
            .map_err(|error| server(&error))?
            .check()
            .map_err(|error| server(&error))?;
        Ok(segment)
    }

    /// What the server knows it by.
    pub(super) const fn id(&self) -> Seg {
        self.id
    }

    /// How many bytes it has.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The bytes. The server writes only while one of our requests is open; the caller has its answer first.
    pub(super) fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: `base` is a mapping of `len` readable and writable bytes that lives as long as `self`, cannot shrink
        // (sealed), and is borrowed here exclusively. The server writes only inside a request, and none is open: the
        // connection is used by this thread alone, which waited for the answer.
        unsafe { std::slice::from_raw_parts_mut(self.base.as_ptr(), self.len) }
    }

    /// Tells the server that it is not used any more.
    pub(super) fn detach(self, connection: &RustConnection) {
        if let Err(error) = connection.shm_detach(self.id) {
            tracing::debug!(%error, "a segment stays with the server");
        }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: `base` and `len` are what `mmap` gave; nothing borrows the bytes any more, since `self` ends.
        let code = unsafe { libc::munmap(self.base.as_ptr().cast(), self.len) };
        debug_assert_eq!(code, 0, "a mapping of ours cannot be refused");
    }
}

fn anonymous_file(len: usize) -> io::Result<OwnedFd> {
    // SAFETY: the name is a literal with its ending zero; the flags are those of memfd_create(2).
    let file = unsafe {
        libc::memfd_create(
            c"parley-screen".as_ptr(),
            libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING,
        )
    };
    if file < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just gave this descriptor to us, and nobody else has it.
    let file = unsafe { OwnedFd::from_raw_fd(file) };
    let length = libc::off_t::try_from(len).map_err(io::Error::other)?;
    // SAFETY: plain system calls on a descriptor that is open.
    let sized = unsafe {
        libc::ftruncate(file.as_raw_fd(), length) == 0
            && libc::fcntl(
                file.as_raw_fd(),
                libc::F_ADD_SEALS,
                libc::F_SEAL_SHRINK | libc::F_SEAL_GROW,
            ) == 0
    };
    if sized {
        Ok(file)
    } else {
        Err(io::Error::last_os_error())
    }
}

fn map(file: &OwnedFd, len: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: the address is the kernel's choice, `file` is open and `len` bytes long; the result is checked below.
    let base = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            len,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        )
    };
    if base == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(base.cast()).ok_or_else(|| io::Error::other("mapped at nothing"))
}
