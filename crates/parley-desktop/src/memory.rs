//! Gives back the memory of what only starting up, or a call, had needed of the program itself.
//!
//! Every page of its code that was ever run, with the fifteen around it, counts as this program's until the system is short of
//! memory: 12 MB once the window stands, of which waiting for a click uses a tenth of one. Pages that come from a file and
//! cannot be written are taken back without loss: what is needed again is mapped again, as a rule without reading the disk.

use std::time::Duration;

/// How long after everything is there, or over, nothing of it is needed any more.
pub const REST: Duration = Duration::from_secs(3);

/// Gives back what can be had again; bytes that are mapped anew when they are needed. Nothing on other systems than Linux, where
/// the system does it by itself when a window rests.
#[cfg(target_os = "linux")]
pub fn give_back() -> usize {
    use std::os::unix::ffi::OsStrExt as _;
    let (Ok(maps), Ok(program)) = (std::fs::read("/proc/self/maps"), std::env::current_exe()) else {
        return 0;
    };
    code_of(&maps, program.as_os_str().as_bytes())
        .filter(|range| drop_pages(range.clone()))
        .map(|range| range.len())
        .sum()
}

/// Gives back what can be had again: not done on this system.
#[cfg(not(target_os = "linux"))]
pub const fn give_back() -> usize {
    0
}

/// Where the program's own code lies, by the system's list of what is mapped where (proc_pid_maps(5)). Tables that were written
/// when it was loaded, and are only read since, look like any other data that cannot be written: only what can be run is taken.
#[cfg(target_os = "linux")]
fn code_of<'a>(maps: &'a [u8], program: &'a [u8]) -> impl Iterator<Item = std::ops::Range<usize>> + 'a {
    maps.split(|byte| *byte == b'\n')
        .filter(move |line| line.ends_with(program))
        .filter_map(move |line| {
            let line = std::str::from_utf8(line.strip_suffix(program)?).ok()?;
            let mut words = line.split_ascii_whitespace();
            let (from, to) = words.next()?.split_once('-')?;
            let runs = words.next()? == "r-xp";
            // Offset, device and inode: without more words the whole rest of the line was the program's name.
            let is_whole = words.count() == 3;
            let [from, to] = [from, to].map(|number| usize::from_str_radix(number, 16));
            (runs && is_whole).then_some(from.ok()?..to.ok()?)
        })
}

/// Takes the pages of a range out of memory; whether the system did.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the standard library cannot advise on memory")]
fn drop_pages(range: std::ops::Range<usize>) -> bool {
    let begin = std::ptr::with_exposed_provenance_mut(range.start);
    // SAFETY: the range is one mapping of the program's own file, private and never writable, as the system told just now; its
    // code is never unmapped. What is dropped of it is read from the same file again by whoever comes to it.
    unsafe { libc::madvise(begin, range.len(), libc::MADV_DONTNEED) == 0 }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    const MAPS: &str = "\
55e0a0000000-55e0a0800000 r--p 00000000 fe:00 7655587                    /usr/bin/parley
55e0a0800000-55e0a1b00000 r-xp 00800000 fe:00 7655587                    /usr/bin/parley
55e0a1b00000-55e0a1c00000 r--p 01b00000 fe:00 7655587                    /usr/bin/parley
55e0a1c00000-55e0a1c10000 rw-p 01c00000 fe:00 7655587                    /usr/bin/parley
7f0000000000-7f0000100000 r-xp 00000000 fe:00 99                         /opt/usr/bin/parley
7f0000200000-7f0000300000 r-xp 00000000 fe:00 98                         /usr/lib/libc.so.6
7ffd00000000-7ffd00020000 rw-p 00000000 00:00 0                          [stack]
";

    #[test]
    fn only_what_can_be_run_of_the_program_itself_is_taken() {
        let mut found = code_of(MAPS.as_bytes(), b"/usr/bin/parley");
        assert_eq!(found.next(), Some(0x55e0_a080_0000..0x55e0_a1b0_0000));
        assert_eq!(found.next(), None);
        assert_eq!(
            code_of(b"nonsense\n/usr/bin/parley\n-\n", b"/usr/bin/parley").count(),
            0
        );
    }

    #[test]
    fn what_was_given_back_is_there_again_when_it_is_called() {
        let given = give_back();
        assert!(given > 0);
        // Other tests run beside this one and need their code.
        let shrinks = || {
            let before = resident_code();
            assert_eq!(give_back(), given, "all of this still runs");
            resident_code() < before
        };
        assert!((0..50).any(|_| shrinks()), "{} kB of code", resident_code());
    }

    /// Kilobytes of our own code in memory.
    fn resident_code() -> usize {
        let program = std::env::current_exe().unwrap();
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut lines = smaps.lines();
        let mut sum = 0;
        while let Some(line) = lines.next() {
            if line.contains(" r-xp ") && line.ends_with(program.to_str().unwrap()) {
                let rss = lines.find_map(|line| line.strip_prefix("Rss:")).unwrap();
                sum += rss.trim().trim_end_matches(" kB").parse::<usize>().unwrap();
            }
        }
        sum
    }
}
