//! How tasks wake a thread: once, however many of them want it. While the thread is awake or on its way, ringing costs no
//! system call.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// One thread's bell.
#[derive(Debug)]
pub(crate) struct Bell {
    waker: mio::Waker,
    rung: AtomicBool,
}

impl Bell {
    /// Wakes whoever polls `registry`, with `token`.
    pub(crate) fn new(registry: &mio::Registry, token: mio::Token) -> io::Result<Self> {
        Ok(Self {
            waker: mio::Waker::new(registry, token)?,
            rung: AtomicBool::new(false),
        })
    }

    /// To be rung after something was put where the thread looks.
    pub(crate) fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            // A thread that cannot be woken looks by itself every second.
            let _ = self.waker.wake();
        }
    }

    /// To be called before the thread looks: what is put there afterwards rings again.
    pub(crate) fn heard(&self) {
        self.rung.swap(false, Ordering::AcqRel);
    }
}
