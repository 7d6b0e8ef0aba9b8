//! Asks the system to run the calling thread before ordinary ones: sound that comes late is worse than sound that costs.
//!
//! Best effort. Without the right to it (Linux: root, or a `nice` limit) everything stays as it was.

/// As far ahead of ordinary threads as browsers put their audio threads.
#[cfg(target_os = "linux")]
const NICE: libc::c_int = -10;

/// Raises the calling thread.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the standard library cannot set a thread's priority")]
pub(crate) fn raise_this_thread() {
    // SAFETY: setpriority reads nothing but its three numbers. With PRIO_PROCESS and 0 Linux takes the calling thread alone.
    let refused = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) } != 0;
    if refused {
        tracing::debug!("the audio thread runs with ordinary priority");
    }
}

/// Raises the calling thread: not done on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) const fn raise_this_thread() {}
