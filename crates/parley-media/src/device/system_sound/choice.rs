//! Which of the sound server's streams are shared: those of other programs. Pure, but for the question whose child a process is.
//!
//! Left out are our own (a call must not come back to those who speak in it), by the process that plays them, and the web
//! view's, which has processes of its own. A program that we opened, as a browser for a link, is another's. Left out too are
//! streams that no program plays but the server itself, which is how effects and loops play on: they repeat what other
//! streams play, or a microphone.

use pulseaudio::protocol::{ClientInfo, Prop, Props, SinkInputInfo};

/// Programs that are heard at once at most.
pub(super) const PROGRAMS_MAX: usize = 32;

/// The indices of the streams to share.
pub(super) fn shared(
    inputs: &[SinkInputInfo],
    clients: &[ClientInfo],
    is_own: impl Fn(u32) -> bool,
) -> Vec<u32> {
    let is_shared = |input: &&SinkInputInfo| {
        let Some(client) = input
            .client_index
            .and_then(|index| clients.iter().find(|client| client.index == index))
        else {
            return false;
        };
        let own = [&input.props, &client.props]
            .into_iter()
            .filter_map(process)
            .any(&is_own);
        !own && !repeats(&input.props)
    };
    inputs
        .iter()
        .filter(is_shared)
        .map(|input| input.index)
        .take(PROGRAMS_MAX)
        .collect()
}

fn process(props: &Props) -> Option<u32> {
    word(props.get(Prop::ApplicationProcessId)?)?.parse().ok()
}

/// PipeWire's effects and loops have clients of their own, and say that they belong to a pair.
fn repeats(props: &Props) -> bool {
    props.get_bytes(c"node.link-group").is_some()
        || props
            .get_bytes(c"media.category")
            .and_then(word)
            .is_some_and(|category| category == "Filter")
}

/// Properties end with a zero.
fn word(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes.strip_suffix(&[0]).unwrap_or(bytes)).ok()
}

/// Whether a process is this one or our web view's.
pub(super) fn is_own(process: u32) -> bool {
    belongs(process, std::process::id(), look)
}

/// `WebKitWebProcess` and its like, of which the system keeps 15 characters.
const WEB_VIEW: &str = "WebKit";
/// Deeper than any family of processes.
const GENERATIONS_MAX: usize = 64;

/// Whether a process is `own`, or comes from it with none but the web view's between.
fn belongs(process: u32, own: u32, look: impl Fn(u32) -> Option<Process>) -> bool {
    let mut id = process;
    for _ in 0..GENERATIONS_MAX {
        if id == own {
            return true;
        }
        match look(id) {
            Some(process) if process.name.starts_with(WEB_VIEW) => id = process.parent,
            _ => return false,
        }
    }
    false
}

/// What is known of a process.
#[derive(Debug, PartialEq, Eq)]
struct Process {
    name: String,
    parent: u32,
}

fn look(process: u32) -> Option<Process> {
    read(&std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// proc(5): `PID (NAME) STATE PARENT ..`, where a name may have anything in it.
fn read(line: &str) -> Option<Process> {
    let (head, tail) = line.rsplit_once(')')?;
    Some(Process {
        name: head.split_once('(')?.1.to_owned(),
        parent: tail.split_ascii_whitespace().nth(1)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn props(words: &[(&str, &str)]) -> Props {
        let mut props = Props::new();
        for (name, value) in words {
            let bytes: Vec<u8> = value.bytes().chain([0]).collect();
            props.set_bytes(std::ffi::CString::new(*name).unwrap().as_c_str(), bytes);
        }
        props
    }

    fn client(index: u32, process: &str) -> ClientInfo {
        ClientInfo {
            index,
            props: props(&[("application.process.id", process)]),
            ..ClientInfo::default()
        }
    }

    fn input(index: u32, client_index: Option<u32>, words: &[(&str, &str)]) -> SinkInputInfo {
        SinkInputInfo {
            index,
            client_index,
            props: props(words),
            ..SinkInputInfo::default()
        }
    }

    #[test]
    fn other_programs_are_shared_and_nothing_of_ours_and_nothing_that_repeats() {
        let clients = [client(1, "100"), client(2, "200"), client(3, "?")];
        let inputs = [
            input(10, Some(1), &[]),
            input(11, Some(2), &[]),
            input(12, Some(3), &[("application.process.id", "200")]),
            input(13, Some(3), &[]),
            input(14, None, &[]),
            input(15, Some(9), &[]),
            input(16, Some(1), &[("node.link-group", "loopback-1")]),
            input(17, Some(1), &[("media.category", "Filter")]),
            input(18, Some(1), &[("media.category", "Playback")]),
        ];
        assert_eq!(shared(&inputs, &clients, |process| process == 200), [10, 13, 18]);
        let many: Vec<_> = (0..1_000).map(|n| input(n, Some(1), &[])).collect();
        assert_eq!(shared(&many, &clients, |_| false).len(), PROGRAMS_MAX);
    }

    #[test]
    fn the_web_views_processes_are_ours_and_a_browser_that_we_opened_is_not() {
        let look = |process: u32| {
            let (name, parent) = match process {
                10 => ("parley", 1),
                20 => ("WebKitWebProces", 10),
                21 => ("WebKitGPUProces", 20),
                30 => ("xdg-open", 10),
                31 => ("firefox", 30),
                // Another browser's, though we opened it.
                40 => ("epiphany", 10),
                41 => ("WebKitWebProces", 40),
                50 => ("firefox", 20),
                60 => ("WebKit circle", 60),
                _ => return None,
            };
            let name = name.to_owned();
            Some(Process { name, parent })
        };
        for process in [10, 20, 21] {
            assert!(belongs(process, 10, look), "{process}");
        }
        for process in [30, 31, 40, 41, 50, 60, 1, 0] {
            assert!(!belongs(process, 10, look), "{process}");
        }
    }

    #[test]
    fn a_process_is_told_by_the_system() {
        let odd = read("77 (a) b (c) S 5 77 77 0 -1").unwrap();
        assert_eq!((odd.name.as_str(), odd.parent), ("a) b (c", 5));
        assert_eq!(read("77 (a S 5"), None);
        assert!(is_own(std::process::id()) && !is_own(1));
        let mut child = std::process::Command::new("sleep").arg("9").spawn().unwrap();
        let known = look(child.id());
        let own = is_own(child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(known.unwrap().parent, std::process::id());
        assert!(!own);
    }
}
