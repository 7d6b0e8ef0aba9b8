//! Candidate lines of streams (RFC 6544, section 4.5): what is told of ours, and what is taken of theirs. Pure.
//!
//! Where a line is in the order is its priority (RFC 8445, 5.1.2.1), whose first byte is the type's preference. Section 4.2 of
//! RFC 6544 leaves it to whoever prefers datagrams to say so there, and the library says nothing: its streams would go before
//! what a STUN server saw.

use std::net::{IpAddr, SocketAddr};

/// The preference of a stream to the other one's own address: below what a STUN server saw (100), above a relay (0). It is
/// what browsers give it.
const TYPE_PREFERENCE: u32 = 90;
/// Words of a line, and where they stand.
const TRANSPORT: usize = 2;
const PRIORITY: usize = 3;
const ADDRESS: usize = 4;
const PORT: usize = 5;
const TYPE: usize = 7;

/// What a candidate of the other side is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::peer) enum Candidate {
    /// Datagrams.
    Udp,
    /// Somewhere to connect to; `line` says so with the priority that it has for us.
    Passive { at: SocketAddr, line: String },
    /// A stream of another kind: one that comes by itself, or one with a name instead of an address.
    OtherTcp,
    /// Neither.
    Unknown,
}

/// Reads a candidate line of the other side.
pub(in crate::peer) fn read(line: &str) -> Candidate {
    // As the library splits it.
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.get(TRANSPORT) {
        Some(transport) if transport.eq_ignore_ascii_case("udp") => Candidate::Udp,
        Some(transport) if transport.eq_ignore_ascii_case("tcp") => {
            passive(&words).unwrap_or(Candidate::OtherTcp)
        }
        _ => Candidate::Unknown,
    }
}

fn passive(words: &[&str]) -> Option<Candidate> {
    if !is_passive(words) {
        return None;
    }
    let ip: IpAddr = words.get(ADDRESS)?.parse().ok()?;
    let port = words.get(PORT)?.parse().ok()?;
    Some(Candidate::Passive {
        at: SocketAddr::new(ip, port),
        line: lowered(words)?,
    })
}

/// A line of ours as it is told; `None` for what nobody needs to know: our end of a stream that we open has no port yet.
pub(in crate::peer) fn told(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    if !words
        .get(TRANSPORT)
        .is_some_and(|transport| transport.eq_ignore_ascii_case("tcp"))
    {
        return Some(line.to_owned());
    }
    if is_passive(&words) { lowered(&words) } else { None }
}

/// A description of ours as it is told.
pub(in crate::peer) fn told_description(sdp: &str) -> String {
    map_candidates(sdp, told)
}

/// A description of theirs, without streams: those are taken one by one, with their bounds.
pub(in crate::peer) fn without_tcp(sdp: &str) -> String {
    map_candidates(sdp, |line| {
        matches!(read(line), Candidate::Udp | Candidate::Unknown).then(|| line.to_owned())
    })
}

/// The places to connect to in a description of the server's: it is told once for all, and its own candidates are in it.
pub(in crate::peer) fn places(sdp: &str) -> impl Iterator<Item = (SocketAddr, String)> {
    sdp.lines()
        .filter_map(|line| match read(line.trim_end().strip_prefix("a=")?) {
            Candidate::Passive { at, line } => Some((at, line)),
            Candidate::Udp | Candidate::OtherTcp | Candidate::Unknown => None,
        })
}

fn map_candidates(sdp: &str, map: impl Fn(&str) -> Option<String>) -> String {
    sdp.split_inclusive('\n')
        .filter_map(|line| {
            let bare = line.trim_end_matches(['\r', '\n']);
            let end = &line[bare.len()..];
            match bare.strip_prefix("a=candidate:") {
                Some(rest) => map(rest).map(|rest| format!("a=candidate:{rest}{end}")),
                None => Some(line.to_owned()),
            }
        })
        .collect()
}

/// Where the library looks for it: anything else it would not connect to.
fn is_passive(words: &[&str]) -> bool {
    words
        .get(TYPE..)
        .is_some_and(|rest| rest.starts_with(&["host", "tcptype", "passive"]))
}

/// The line with a preference that is not higher than that of a stream.
fn lowered(words: &[&str]) -> Option<String> {
    let said: u32 = words.get(PRIORITY)?.parse().ok()?;
    let preference = (said >> 24).min(TYPE_PREFERENCE);
    let priority = ((said & 0x00ff_ffff) | (preference << 24)).to_string();
    let mut words = words.to_vec();
    words[PRIORITY] = &priority;
    Some(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As the library makes it: its preference is that of a host over UDP.
    const PASSIVE: &str = "candidate:1 1 tcp 2124414975 192.168.1.7 40000 typ host tcptype passive";
    const ACTIVE: &str = "candidate:1 1 tcp 2128609279 192.168.1.7 9 typ host tcptype active";
    /// What a STUN server saw, as the library ranks it.
    const SRFLX: u32 = 1_694_498_815;

    fn priority(line: &str) -> u32 {
        line.split(' ').nth(PRIORITY).unwrap().parse().unwrap()
    }

    #[test]
    fn a_stream_comes_after_what_a_stun_server_saw_and_before_a_relay() {
        assert!(priority(PASSIVE) > SRFLX);
        let ours = told(PASSIVE).unwrap();
        let Candidate::Passive { at, line } = read(PASSIVE) else {
            panic!("it is one");
        };
        assert_eq!(at.to_string(), "192.168.1.7:40000");
        assert_eq!(ours, line);
        assert!((1 << 24..SRFLX).contains(&priority(&line)), "{}", priority(&line));
        assert_eq!(line.replace(&priority(&line).to_string(), "2124414975"), PASSIVE);
        // Whoever ranks it lower still is believed.
        let low = PASSIVE.replace("2124414975", "77");
        assert_eq!(told(&low).as_deref(), Some(&low[..]));
    }

    #[test]
    fn only_what_can_be_connected_to_is_a_place() {
        let udp = "candidate:1 1 udp 1 10.0.0.1 5 typ host";
        for (line, expect) in [
            (udp.to_owned(), Candidate::Udp),
            (udp.replace("udp", "UDP"), Candidate::Udp),
            (ACTIVE.to_owned(), Candidate::OtherTcp),
            (PASSIVE.replace("passive", "so"), Candidate::OtherTcp),
            (
                PASSIVE.replace("host", "srflx raddr 10.0.0.1 rport 9"),
                Candidate::OtherTcp,
            ),
            (PASSIVE.replace("tcptype passive", ""), Candidate::OtherTcp),
            (PASSIVE.replace("192.168.1.7", "a-b-c.local"), Candidate::OtherTcp),
            (PASSIVE.replace("40000", "70000"), Candidate::OtherTcp),
            (PASSIVE.replace("tcp ", "sctp "), Candidate::Unknown),
            (String::new(), Candidate::Unknown),
        ] {
            assert_eq!(read(&line), expect, "{line}");
        }
    }

    #[test]
    fn descriptions_tell_ours_lowered_and_theirs_not_at_all() {
        let udp = "a=candidate:1 1 udp 1 10.0.0.1 5 typ host\r\n";
        let sdp = format!("v=0\r\na={PASSIVE}\r\n{udp}a={ACTIVE}\r\na=end-of-candidates\r\n");
        let without = format!("v=0\r\n{udp}a=end-of-candidates\r\n");
        assert_eq!(without_tcp(&sdp), without);
        let ours = format!(
            "v=0\r\na={}\r\n{udp}a=end-of-candidates\r\n",
            told(PASSIVE).unwrap()
        );
        assert_eq!(told_description(&sdp), ours);
        assert_eq!(told_description(&without), without);
    }

    #[test]
    fn the_places_in_a_description_are_taken_with_the_preference_of_a_stream() {
        let sdp = format!(
            "v=0\r\na={PASSIVE}\r\na=candidate:1 1 udp 1 10.0.0.1 5 typ host\r\na={ACTIVE}\r\na={}\r\n",
            PASSIVE.replace("192.168.1.7", "2001:db8::7")
        );
        let found: Vec<_> = places(&sdp).collect();
        let at: Vec<_> = found.iter().map(|(at, _)| at.to_string()).collect();
        assert_eq!(at, ["192.168.1.7:40000", "[2001:db8::7]:40000"]);
        assert!(
            found
                .iter()
                .all(|(_, line)| line.starts_with("candidate:") && priority(line) < SRFLX)
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(candidate:|tcp|udp|tcptype|passive|[0-9.]{0,12}|\\PC| |\r|\n|a=candidate:){0,40}") {
            let _ = read(&text);
            let _ = told(&text);
            let left = without_tcp(&text);
            let candidates = left.split('\n').filter_map(|line| line.strip_prefix("a=candidate:"));
            for line in candidates {
                prop_assert!(matches!(read(line), Candidate::Udp | Candidate::Unknown), "{}", line);
            }
        }
    }
}
