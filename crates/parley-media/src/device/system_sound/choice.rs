//! Which of the sound server's streams are shared: those of other programs. Pure, but for the question whose child a process is.
//!
//! Left out are our own (a call must not come back to those who speak in it), by the process that plays them, children
//! included: the web process is one. So are streams that no program plays but the server itself, which is how
//! effects and loops play on: they repeat what other streams play, or a microphone.

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

/// Whether a process is this one or comes from it.
pub(super) fn is_own(process: u32) -> bool {
    descends(process, std::process::id(), parent)
}

fn descends(process: u32, from: u32, parent: impl Fn(u32) -> Option<u32>) -> bool {
    // Deeper than any family of processes.
    std::iter::successors(Some(process), |child| parent(*child).filter(|up| *up != 0))
        .take(64)
        .any(|process| process == from)
}

/// proc(5): `PID (NAME) STATE PARENT ..`, where a name may have anything in it.
fn parent(process: u32) -> Option<u32> {
    let line = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    line.rsplit_once(')')?
        .1
        .split_ascii_whitespace()
        .nth(1)?
        .parse()
        .ok()
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
    fn a_childs_child_is_ours_and_a_stranger_is_not() {
        let parent = |process: u32| (process > 1).then_some(process / 2);
        assert!(descends(40, 10, parent) && descends(10, 10, parent));
        assert!(!descends(40, 11, parent) && !descends(0, 11, parent));
        assert!(!descends(5, 11, Some), "a circle ends too");
        assert!(is_own(std::process::id()) && !is_own(1));
        let mut child = std::process::Command::new("sleep").arg("9").spawn().unwrap();
        assert!(is_own(child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
