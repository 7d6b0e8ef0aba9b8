//! Gives back the memory of what only starting up, or a call, had needed of the program and of its libraries.
//!
//! Every page of code that was ever run, with the fifteen around it, counts as this program's until the system is short of
//! memory: 13 MB of its own once the window stands, of which waiting for a click uses a tenth of one, and as much of what draws the
//! window. Pages that come from a file and cannot be written are taken back without loss: what is needed again is mapped again, as
//! a rule without reading the disk.

use std::time::Duration;

/// How long after everything is there, or over, nothing of it is needed any more.
pub const REST: Duration = Duration::from_secs(3);

/// Gives back what can be had again; bytes that are mapped anew when they are needed. Nothing on other systems than Linux, where
/// the system does it by itself when a window rests.
#[cfg(target_os = "linux")]
pub fn give_back() -> usize {
    let (Ok(maps), Ok(program)) = (std::fs::read("/proc/self/smaps"), std::env::current_exe()) else {
        return 0;
    };
    let maps = String::from_utf8_lossy(&maps);
    resting(&maps, &program.to_string_lossy())
        .filter(|range| drop_pages(range.clone()))
        .map(|range| range.len())
        .sum()
}

/// Gives back what can be had again: not done on this system.
#[cfg(not(target_os = "linux"))]
pub const fn give_back() -> usize {
    0
}

/// What of the program's own file and of the libraries is read or run only, by the system's list of what is mapped where
/// (`/proc/self/smaps`, proc(5)). Tables that were written when they were loaded, and are only read since, look like any other data
/// that cannot be written, but for pages of their own (`Anonymous`): where there is a single one, nothing is taken.
#[cfg(target_os = "linux")]
fn resting<'a>(maps: &'a str, program: &'a str) -> impl Iterator<Item = std::ops::Range<usize>> + 'a {
    let mut of: Option<std::ops::Range<usize>> = None;
    maps.lines().filter_map(move |line| {
        if let Some(anonymous) = line.strip_prefix("Anonymous:") {
            return of.take().filter(|_| anonymous.trim() == "0 kB");
        }
        // Those of a mapping's own lines have a colon before the first space.
        if !line.split(' ').next().is_some_and(|word| word.ends_with(':')) {
            of = read_only(line, program);
        }
        None
    })
}

/// Where it lies, if it is a file of code and cannot be written.
#[cfg(target_os = "linux")]
fn read_only(line: &str, program: &str) -> Option<std::ops::Range<usize>> {
    let mut words = line.split_ascii_whitespace();
    let (from, to) = words.next()?.split_once('-')?;
    let read_only = matches!(words.next()?, "r-xp" | "r--p");
    // After offset, device and inode.
    let file = line.find('/').and_then(|at| line.get(at..))?;
    let library = !file.ends_with("(deleted)") && (file.ends_with(".so") || file.contains(".so."));
    let [from, to] = [from, to].map(|number| usize::from_str_radix(number, 16));
    (read_only && (file == program || library)).then_some(from.ok()?..to.ok()?)
}

/// Takes the pages of a range out of memory; whether the system did.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the standard library cannot advise on memory")]
fn drop_pages(range: std::ops::Range<usize>) -> bool {
    let begin = std::ptr::with_exposed_provenance_mut(range.start);
    // SAFETY: the range is one private mapping of a file of code, not writable and without a page of its own, as the system told just
    // now. What is dropped of it is read from the same file again by whoever comes to it. Should a library have been unloaded in
    // between and something else put in its place, that could only be another thread's loading of code, which nothing here does.
    unsafe { libc::madvise(begin, range.len(), libc::MADV_DONTNEED) == 0 }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// A mapping as the system lists it, with so many kilobytes that are not the file's.
    fn mapping(range: &str, rights: &str, file: &str, anonymous: u32) -> String {
        format!(
            "{range} {rights} 00800000 fe:00 7655587                    {file}\nRss:                  12 kB\nAnonymous:            {anonymous} kB\nVmFlags: rd ex mr\n"
        )
    }

    #[test]
    fn only_what_cannot_be_written_and_never_was_is_taken() {
        let maps = [
            mapping("1000-2000", "r--p", "/usr/bin/parley", 0),
            mapping("2000-5000", "r-xp", "/usr/bin/parley", 0),
            mapping("5000-6000", "r--p", "/usr/bin/parley", 4),
            mapping("6000-7000", "rw-p", "/usr/bin/parley", 0),
            mapping("7000-8000", "r-xp", "/opt/usr/bin/parley", 0),
            mapping("8000-9000", "r-xp", "/usr/lib/libc.so.6", 0),
            mapping("9000-a000", "r--p", "/usr/share/icons/icon-theme.cache", 0),
            mapping("a000-b000", "r-xp", "/memfd:code.so (deleted)", 0),
            mapping("b000-c000", "r--s", "/usr/lib/shared.so", 0),
            mapping("c000-d000", "r--p", "", 0),
        ]
        .concat();
        let found: Vec<_> = resting(&maps, "/usr/bin/parley").collect();
        assert_eq!(found, [0x1000..0x2000, 0x2000..0x5000, 0x8000..0x9000]);
        for nonsense in [
            "nonsense\n/usr/bin/parley\n-\n",
            "Anonymous: 0 kB\n",
            "1-2 r-xp\nAnonymous:",
        ] {
            assert_eq!(resting(nonsense, "/usr/bin/parley").count(), 0);
        }
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
