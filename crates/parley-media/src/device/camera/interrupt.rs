//! Wakes a thread that waits inside a system call: the library waits for a camera's picture without a limit, and a stalled camera
//! would keep it, its thread and the device for ever.
//!
//! On Unix by a signal whose handler does nothing: the call then returns "interrupted". Elsewhere nothing is done.
#![allow(unsafe_code, reason = "signals")]

use std::thread::JoinHandle;

/// Interrupts what the thread waits for. It may come between two waits: repeat it until the thread has ended.
#[cfg(unix)]
pub(super) fn interrupt<T>(thread: &JoinHandle<T>) {
    use std::os::unix::thread::JoinHandleExt;
    static READY: std::sync::Once = std::sync::Once::new();
    READY.call_once(install_handler);
    // SAFETY: the handle is neither joined nor detached here, so the id names this thread, ended or not. The signal has a
    // handler, or is one that is ignored by default.
    unsafe {
        libc::pthread_kill(thread.as_pthread_t(), SIGNAL);
    }
}

/// Ignored by default, and not used by anything in this process: without a handler nothing happens at all.
#[cfg(unix)]
const SIGNAL: libc::c_int = libc::SIGURG;

#[cfg(unix)]
extern "C" fn do_nothing(_signal: libc::c_int) {}

/// Gives the signal a handler, unless somebody else did: any handler makes a waiting call return.
#[cfg(unix)]
fn install_handler() {
    // SAFETY: both structures are plain data, valid when zeroed, and live past the calls; the handler touches nothing.
    unsafe {
        let mut present: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(SIGNAL, std::ptr::null(), &raw mut present) != 0 {
            return;
        }
        if present.sa_sigaction != libc::SIG_DFL && present.sa_sigaction != libc::SIG_IGN {
            return;
        }
        let mut ours: libc::sigaction = std::mem::zeroed();
        ours.sa_sigaction = do_nothing as extern "C" fn(libc::c_int) as usize;
        libc::sigemptyset(&raw mut ours.sa_mask);
        libc::sigaction(SIGNAL, &raw const ours, std::ptr::null_mut());
    }
}

/// Interrupts what the thread waits for. It may come between two waits: repeat it until the thread has ended.
#[cfg(not(unix))]
pub(super) fn interrupt<T>(_thread: &JoinHandle<T>) {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "test: the thread to be woken")]
    fn a_thread_that_waits_for_ever_is_woken() {
        let (mut silent, _other_end) = UnixStream::pair().unwrap();
        // A read is taken up again after a signal by the standard library; a poll is not.
        silent.set_nonblocking(true).unwrap();
        let waiting = std::thread::spawn(move || {
            let mut slots = [libc::pollfd {
                fd: std::os::fd::AsRawFd::as_raw_fd(&silent),
                events: libc::POLLIN,
                revents: 0,
            }];
            // SAFETY: one slot, which lives past the call.
            let outcome = unsafe { libc::poll(slots.as_mut_ptr(), 1, -1) };
            let error = std::io::Error::last_os_error();
            let _ = silent.read(&mut []);
            (outcome, error.kind())
        });
        let patience = crate::video::halt::Halt::default();
        for _ in 0..200 {
            if waiting.is_finished() {
                break;
            }
            patience.wait(Duration::from_millis(25));
            interrupt(&waiting);
        }
        assert_eq!(waiting.join().unwrap(), (-1, std::io::ErrorKind::Interrupted));
    }
}
