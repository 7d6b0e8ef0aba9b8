//! The FUSE side of the camera, and the thread that fills its buffers at the camera's pace.
//!
//! Mapped buffers are the one hard part: with FUSE passthrough the kernel maps our backing file itself; without it each
//! picture is stored into the kernel's page cache, which is slower but works everywhere.

use super::Mode;
use super::device::{BUFFER_BYTES, BUFFERS_MAX, Device};
use super::picture::Pictures;
use crate::harness::system;
use anyhow::{Context as _, Result, ensure};
use fuser::{
    BackingId, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    InitFlags, IoctlFlags, KernelConfig, LockOwner, MountOption, Notifier, OpenFlags, PollEvents, PollFlags,
    PollNotifier, ReplyAttr, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyIoctl, ReplyOpen,
    ReplyPoll, Request, Session, SessionACL,
};
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, UNIX_EPOCH};

/// The only file's inode.
const VIDEO: INodeNo = INodeNo(2);
/// How long the kernel may remember what a name or an attribute is.
const REMEMBER: Duration = Duration::from_secs(1);
/// Pieces in which a picture is stored into the page cache.
const STORE_BYTES: usize = 1 << 17;

/// A camera as its FUSE threads and its capture thread share it.
#[derive(Debug, Clone)]
struct Camera {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    device: Mutex<Device>,
    waiting: Mutex<Vec<PollNotifier>>,
    backing: File,
    backing_id: Mutex<Option<BackingId>>,
    passthrough: AtomicBool,
    unplugged: AtomicBool,
    files: AtomicU64,
}

impl Camera {
    fn device(&self) -> MutexGuard<'_, Device> {
        self.shared.device.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_gone(&self) -> bool {
        self.shared.unplugged.load(Ordering::Relaxed)
    }

    /// Wakes every program that waits for a picture.
    fn wake(&self) {
        let waiting =
            std::mem::take(&mut *self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        for program in waiting {
            let _ = program.notify();
        }
    }

    fn set_unplugged(&self, unplugged: bool) {
        self.shared.unplugged.store(unplugged, Ordering::Relaxed);
        if unplugged {
            self.device().release(None);
        }
        self.wake();
    }
}

/// Serves a camera at `folder/video` until `commands` ends; its lines are `unplug`, `plug` and `stall`.
///
/// # Errors
/// When FUSE is not there or says no.
pub fn run(
    folder: &Path,
    name: &str,
    modes: Vec<Mode>,
    jpegs: Option<&Path>,
    commands: impl Iterator<Item = String>,
    ready: impl FnOnce(),
) -> Result<()> {
    let pictures = Pictures::new(jpegs)?;
    let backing = tempfile::tempfile_in("/dev/shm")?;
    backing.set_len(BUFFER_BYTES * BUFFERS_MAX as u64)?;
    let camera = Camera {
        shared: Arc::new(Shared {
            device: Mutex::new(Device::new(name, modes)),
            waiting: Mutex::new(Vec::new()),
            backing,
            backing_id: Mutex::new(None),
            passthrough: AtomicBool::new(false),
            unplugged: AtomicBool::new(false),
            files: AtomicU64::new(0),
        }),
    };
    let mut config = Config::default();
    config
        .mount_options
        .push(MountOption::FSName("parley-camera".into()));
    config.acl = SessionACL::All;
    config.n_threads = Some(1);
    let session =
        Session::new(camera.clone(), folder, &config).context("cannot mount the camera's file (FUSE)")?;
    let session = session.spawn()?;
    let notifier = session.notifier();
    let capturing = camera.clone();
    std::thread::spawn(move || capture(&capturing, pictures, &notifier));
    ready();
    for command in commands {
        match command.as_str() {
            "unplug" => camera.set_unplugged(true),
            "plug" => camera.set_unplugged(false),
            "stall" => camera.device().stall(),
            other => eprintln!("`{other}` is no command; `unplug`, `plug` and `stall` are"),
        }
    }
    // A program that still has the camera open must not keep the mount alive.
    camera.set_unplugged(true);
    let unmounted = Command::new("umount").arg("--lazy").arg(folder).status()?;
    ensure!(unmounted.success(), "cannot unmount the camera's file");
    // Never joined: a program in a mount namespace of its own may hold the mount for longer. The end of this process ends it.
    std::mem::forget(session);
    Ok(())
}

/// Fills buffers at the camera's pace, for as long as the process lives.
fn capture(camera: &Camera, mut pictures: Pictures, notifier: &Notifier) {
    let mut next = Instant::now();
    loop {
        let mode = camera.device().mode().clone();
        next += Duration::from_secs(1) / mode.frame_rate;
        let now = Instant::now();
        if next > now {
            std::thread::sleep(next - now);
        } else {
            next = now;
        }
        let Some(buffer) = camera.device().take_buffer() else {
            continue;
        };
        let captured = system::monotonic();
        let filled = pictures
            .next(&mode)
            .and_then(|picture| store(camera, notifier, buffer, &picture).map(|()| picture.len()));
        match filled {
            Ok(bytes) => camera.device().fill(buffer, bytes as u32, captured),
            Err(error) => eprintln!("no picture: {error:#}"),
        }
        camera.wake();
    }
}

fn store(camera: &Camera, notifier: &Notifier, buffer: u32, picture: &[u8]) -> Result<()> {
    let at = u64::from(buffer) * BUFFER_BYTES;
    camera.shared.backing.write_all_at(picture, at)?;
    if !camera.shared.passthrough.load(Ordering::Relaxed) {
        for (index, piece) in picture.chunks(STORE_BYTES).enumerate() {
            notifier.store(VIDEO, at + (index * STORE_BYTES) as u64, piece)?;
        }
    }
    Ok(())
}

fn attributes(inode: INodeNo) -> FileAttr {
    let file = inode == VIDEO;
    FileAttr {
        ino: inode,
        size: if file {
            BUFFER_BYTES * BUFFERS_MAX as u64
        } else {
            0
        },
        blocks: 0,
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: if file {
            FileType::RegularFile
        } else {
            FileType::Directory
        },
        perm: if file { 0o666 } else { 0o755 },
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        flags: 0,
        blksize: 4096,
    }
}

impl Filesystem for Camera {
    fn init(&mut self, _request: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        let passthrough = config.add_capabilities(InitFlags::FUSE_PASSTHROUGH).is_ok()
            && config.set_max_stack_depth(2).is_ok();
        // Not every kernel knows it; mapping works without it where passthrough does.
        let _ = config.add_capabilities(InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP);
        self.shared.passthrough.store(passthrough, Ordering::Relaxed);
        Ok(())
    }

    fn lookup(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        if parent == INodeNo::ROOT && name == "video" {
            reply.entry(&REMEMBER, &attributes(VIDEO), Generation(0));
        } else {
            reply.error(Errno::ENOENT);
        }
    }

    fn getattr(&self, _request: &Request, inode: INodeNo, _file: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&REMEMBER, &attributes(inode));
    }

    fn readdir(
        &self,
        _request: &Request,
        _inode: INodeNo,
        _file: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        if offset == 0 {
            let _ = reply.add(VIDEO, 1, FileType::RegularFile, "video");
        }
        reply.ok();
    }

    fn open(&self, _request: &Request, _inode: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        if self.is_gone() {
            return reply.error(Errno::from_i32(libc::ENODEV));
        }
        let file = FileHandle(self.shared.files.fetch_add(1, Ordering::Relaxed) + 1);
        if self.shared.passthrough.load(Ordering::Relaxed) {
            let mut backing = self
                .shared
                .backing_id
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if backing.is_none() {
                *backing = reply.open_backing(&self.shared.backing).ok();
            }
            match &*backing {
                Some(backing) => return reply.opened_passthrough(file, FopenFlags::empty(), backing),
                None => self.shared.passthrough.store(false, Ordering::Relaxed),
            }
        }
        reply.opened(file, FopenFlags::FOPEN_KEEP_CACHE);
    }

    fn release(
        &self,
        _request: &Request,
        _inode: INodeNo,
        file: FileHandle,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        self.device().release(Some(file.0));
        reply.ok();
    }

    fn read(
        &self,
        _request: &Request,
        _inode: INodeNo,
        _file: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let mut bytes = vec![0; size as usize];
        let length = self.shared.backing.read_at(&mut bytes, offset).unwrap_or(0);
        reply.data(&bytes[..length]);
    }

    fn ioctl(
        &self,
        _request: &Request,
        _inode: INodeNo,
        file: FileHandle,
        _flags: IoctlFlags,
        command: u32,
        input: &[u8],
        output_bytes: u32,
        reply: ReplyIoctl,
    ) {
        if self.is_gone() {
            return reply.error(Errno::from_i32(libc::ENODEV));
        }
        // `_IOC`: number in the low byte, type above, size in 14 bits from bit 16.
        if (command >> 8) & 0xff != u32::from(b'V') {
            return reply.error(Errno::ENOTTY);
        }
        let size = (command >> 16) as usize & 0x3fff;
        let mut bytes = input.to_vec();
        bytes.resize(size.max(output_bytes as usize), 0);
        match self.device().ioctl(file.0, command & 0xff, &mut bytes[..size]) {
            Ok(()) => reply.ioctl(0, &bytes[..output_bytes as usize]),
            Err(errno) => reply.error(Errno::from_i32(errno)),
        }
    }

    fn poll(
        &self,
        _request: &Request,
        _inode: INodeNo,
        _file: FileHandle,
        notifier: PollNotifier,
        _events: PollEvents,
        flags: PollFlags,
        reply: ReplyPoll,
    ) {
        if self.is_gone() {
            return reply.poll(PollEvents::POLLERR | PollEvents::POLLHUP);
        }
        if flags.contains(PollFlags::FUSE_POLL_SCHEDULE_NOTIFY) {
            self.shared
                .waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(notifier);
        }
        let device = self.device();
        reply.poll(match (device.is_streaming(), device.has_picture()) {
            (false, _) => PollEvents::POLLERR,
            (true, false) => PollEvents::empty(),
            (true, true) => PollEvents::POLLIN | PollEvents::POLLRDNORM,
        });
    }
}
