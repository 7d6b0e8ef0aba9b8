//! The few calls to the kernel that Rust's standard library does not have. The only unsafe code of the test world.

#![expect(unsafe_code, reason = "system calls without a safe wrapper in std")]

use anyhow::{Context as _, Result, ensure};
use std::fs::{File, OpenOptions};
use std::io::Error;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Command;
use std::time::Duration;

/// Whether this process may make networks and mounts.
#[must_use]
pub fn is_root() -> bool {
    // SAFETY: takes nothing, cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// Does `work` inside a network namespace; what it opens stays there. This thread is back in its own after.
///
/// # Errors
/// When not root, without the namespace, or what `work` says.
pub fn inside<T>(namespace: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let home = File::open("/proc/self/ns/net")?;
    let there = File::open(format!("/var/run/netns/{namespace}"))
        .with_context(|| format!("there is no network namespace {namespace}"))?;
    enter(&there)?;
    let outcome = work();
    enter(&home)?;
    outcome
}

/// Does `work` on a thread whose mounts nobody else sees, nor the threads and programs it starts.
///
/// # Errors
/// When not root, or what `work` says.
pub fn with_own_mounts<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let apart = || {
        // SAFETY: takes a plain value and only changes this thread.
        let outcome = unsafe { libc::unshare(libc::CLONE_NEWNS) };
        ensure!(outcome == 0, "unshare: {}", Error::last_os_error());
        let status = Command::new("mount").args(["--make-rprivate", "/"]).status()?;
        ensure!(status.success(), "mount --make-rprivate / failed");
        work()
    };
    std::thread::scope(|scope| scope.spawn(apart).join())
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn enter(namespace: &File) -> Result<()> {
    // SAFETY: the descriptor is open for the whole call; the call only changes this thread.
    let outcome = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
    ensure!(outcome == 0, "setns: {}", Error::last_os_error());
    Ok(())
}

/// Makes a TUN device with an address, and up, in this thread's network.
///
/// # Errors
/// When not root or without `/dev/net/tun`.
pub fn open_tun(interface: &str, address: &str) -> Result<File> {
    let tun = make_tun(interface)?;
    ip(&["link", "set", interface, "txqueuelen", "2000", "up"])?;
    ip(&["addr", "add", address, "dev", interface])?;
    Ok(tun)
}

fn make_tun(interface: &str) -> Result<File> {
    let tun = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/net/tun")
        .context("there is no /dev/net/tun")?;
    ensure!(interface.len() < libc::IFNAMSIZ, "{interface} is too long a name");
    // SAFETY: `ifreq` is plain old data, for which all zeroes is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *place = byte as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one `ifreq`, which lives for the whole call.
    let outcome = unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETIFF as _, &raw mut request) };
    ensure!(outcome == 0, "TUNSETIFF: {}", Error::last_os_error());
    Ok(tun)
}

fn ip(arguments: &[&str]) -> Result<()> {
    let status = Command::new("ip").args(arguments).status()?;
    ensure!(status.success(), "ip {} failed", arguments.join(" "));
    Ok(())
}

/// What a process has spent of the processors so far, with the threads of it that ended, in seconds; the kernel counts nanoseconds where
/// `/proc` tells hundredths. Nothing: there is no such process.
#[must_use]
pub fn cpu_s(pid: u32) -> Option<f64> {
    /// Of a clock that counts by the scheduler (`clock_getcpuclockid(3)`, which the `libc` crate does not have on Linux).
    const SCHEDULER: libc::clockid_t = 2;
    let pid = libc::pid_t::try_from(pid).ok()?;
    let clock = (!pid << 3) | SCHEDULER;
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call writes to a live local, and reads nothing but a plain value.
    let told = unsafe { libc::clock_gettime(clock, &raw mut time) == 0 };
    told.then(|| time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

/// Asks for timers without slack and a priority above everything else, as far as this process may.
pub fn be_punctual() {
    let priority = libc::sched_param { sched_priority: 10 };
    // SAFETY: both calls take plain values (the pointer is to a live local) and only change this process; a refusal is fine.
    unsafe {
        libc::prctl(libc::PR_SET_TIMERSLACK, 1_usize, 0, 0, 0);
        libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const priority);
    }
}

/// Makes reads of `file` return at once.
///
/// # Errors
/// When the kernel says no.
pub fn set_nonblocking(file: &File) -> Result<()> {
    // SAFETY: the descriptor is open; F_GETFL and F_SETFL take and give plain integers.
    let outcome = unsafe {
        let flags = libc::fcntl(file.as_raw_fd(), libc::F_GETFL);
        libc::fcntl(file.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK)
    };
    ensure!(outcome == 0, "fcntl: {}", Error::last_os_error());
    Ok(())
}

/// Waits until one of these files can be read, or the time is over; tells which can.
///
/// # Errors
/// When the kernel says no.
pub fn wait_readable(files: &[&File], limit: Duration) -> Result<Vec<bool>> {
    let asked = files.iter().map(|file| libc::pollfd {
        fd: file.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    });
    let mut polled: Vec<libc::pollfd> = asked.collect();
    let count = polled.len() as libc::nfds_t;
    let limit = libc::timespec {
        tv_sec: limit.as_secs() as libc::time_t,
        tv_nsec: libc::c_long::from(limit.subsec_nanos() as i32),
    };
    // SAFETY: so many live `pollfd`, a live `timespec`, no signal mask.
    let outcome = unsafe { libc::ppoll(polled.as_mut_ptr(), count, &raw const limit, std::ptr::null()) };
    let error = Error::last_os_error();
    ensure!(
        outcome >= 0 || error.kind() == std::io::ErrorKind::Interrupted,
        "ppoll: {error}"
    );
    Ok(polled.iter().map(|file| file.revents != 0).collect())
}

/// The numbers of the processors that this thread may run on.
#[must_use]
pub fn processors() -> Vec<usize> {
    // SAFETY: `cpu_set_t` is plain old data, for which all zeroes is a valid value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: writes one live set of the size given; 0 is this thread.
    let outcome = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) };
    if outcome != 0 {
        return Vec::new();
    }
    (0..libc::CPU_SETSIZE as usize)
        // SAFETY: reads a live set at a number below its size.
        .filter(|processor| unsafe { libc::CPU_ISSET(*processor, &set) })
        .collect()
}

/// Lets this thread, and those it starts from now on, run on these processors only.
///
/// # Errors
/// When there is none of these.
pub fn run_only_on(processors: &[usize]) -> Result<()> {
    // SAFETY: `cpu_set_t` is plain old data, for which all zeroes is a valid value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for processor in processors {
        ensure!(
            *processor < libc::CPU_SETSIZE as usize,
            "there is no processor {processor}"
        );
        // SAFETY: writes a live set at a number below its size.
        unsafe { libc::CPU_SET(*processor, &mut set) };
    }
    // SAFETY: reads one live set of the size given; 0 is this thread.
    let outcome = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
    ensure!(outcome == 0, "sched_setaffinity: {}", Error::last_os_error());
    Ok(())
}

/// Lets this process open as many files as it may; every connection is one.
///
/// # Errors
/// When the kernel says no.
pub fn allow_many_files() -> Result<()> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: writes one live `rlimit`.
    let outcome = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    ensure!(outcome == 0, "getrlimit: {}", Error::last_os_error());
    limit.rlim_cur = limit.rlim_max.min(1 << 20);
    // SAFETY: reads one live `rlimit`.
    let outcome = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    ensure!(outcome == 0, "setrlimit: {}", Error::last_os_error());
    Ok(())
}

/// Asks a process to end.
pub fn terminate(pid: u32) {
    // SAFETY: takes plain values; a process that is gone already is fine.
    unsafe {
        libc::kill(pid as libc::pid_t, libc::SIGTERM);
    }
}

/// The monotonic clock, as V4L2 stamps pictures with it.
#[must_use]
pub fn monotonic() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes one live `timespec`; this clock always exists.
    unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time);
    }
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Has a UDP socket given datagrams one by one, as a network card without that ability does: whoever sends many at once over loopback pays for
/// their being cut up, as everywhere else.
///
/// # Errors
/// When the kernel does not know of joined datagrams.
pub fn one_by_one(socket: &impl std::os::fd::AsRawFd) -> std::io::Result<()> {
    let off: libc::c_int = 0;
    let size = std::mem::size_of_val(&off) as libc::socklen_t;
    // SAFETY: the descriptor is open for the whole call, and the value is as long as is said.
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_UDP,
            libc::UDP_GRO,
            (&raw const off).cast(),
            size,
        )
    };
    if outcome == 0 {
        Ok(())
    } else {
        Err(Error::last_os_error())
    }
}
