//! The nodes of cameras in `/dev`: whether one came, went or got other permissions. By inotify; elsewhere nothing is told.
//!
//! A value without a thread: whoever owns it asks now and then, or waits on its descriptor.

#[cfg(target_os = "linux")]
pub(crate) use linux::CameraNodes;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::CameraNodes;

#[cfg(target_os = "linux")]
mod linux {
    use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
    use std::mem::MaybeUninit;
    use std::path::Path;

    /// Room for some events; what does not fit is read in the next round.
    const BUFFER_BYTES: usize = 4096;

    /// The watch on a folder of device nodes.
    #[derive(Debug)]
    pub(crate) struct CameraNodes(OwnedFd);

    impl CameraNodes {
        /// Watches `/dev`; nothing where that cannot be.
        pub(crate) fn watch() -> Option<Self> {
            Self::watch_in(Path::new("/dev"))
        }

        fn watch_in(folder: &Path) -> Option<Self> {
            let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok()?;
            // Permissions come a moment after the node: until then it cannot be opened.
            let flags = WatchFlags::CREATE
                | WatchFlags::DELETE
                | WatchFlags::MOVED_TO
                | WatchFlags::MOVED_FROM
                | WatchFlags::ATTRIB;
            inotify::add_watch(&watch, folder, flags).ok()?;
            Some(Self(watch))
        }

        /// Whether something changed since this was asked last. Never waits.
        pub(crate) fn changed(&self) -> bool {
            let mut buffer = [MaybeUninit::uninit(); BUFFER_BYTES];
            let mut events = Reader::new(&self.0, &mut buffer);
            let mut changed = false;
            while let Ok(event) = events.next() {
                let camera = event
                    .file_name()
                    .is_some_and(|name| name.to_bytes().starts_with(b"video"));
                // So much happened that some of it was left out.
                changed |= camera || event.events().contains(ReadFlags::QUEUE_OVERFLOW);
            }
            changed
        }

        pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_what_happens_to_cameras_counts_and_only_once() {
            let folder = tempfile::tempdir().unwrap();
            let nodes = CameraNodes::watch_in(folder.path()).unwrap();
            let node = folder.path().join("video0");
            let check = |what: &str, expect: bool| assert_eq!(nodes.changed(), expect, "{what}");
            check("nothing", false);
            std::fs::write(folder.path().join("tty1"), "").unwrap();
            check("another device", false);
            std::fs::write(&node, "").unwrap();
            check("a camera came", true);
            check("told already", false);
            let mut permissions = std::fs::metadata(&node).unwrap().permissions();
            permissions.set_readonly(true);
            std::fs::set_permissions(&node, permissions).unwrap();
            check("it may be opened", true);
            std::fs::remove_file(&node).unwrap();
            check("it went", true);
            assert!(CameraNodes::watch_in(&folder.path().join("nowhere")).is_none());
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    /// Nothing is told here.
    #[derive(Debug)]
    pub(crate) struct CameraNodes;

    impl CameraNodes {
        pub(crate) const fn watch() -> Option<Self> {
            None
        }

        pub(crate) const fn changed(&self) -> bool {
            false
        }
    }
}
