//! What a side that hides its address must not say: candidates other than relays, and the address behind a relay, which the
//! library writes beside it (RFC 8839, 5.1: `raddr` and `rport`). Pure.

/// A candidate line as it may be told; `None` for one that names this machine.
pub(super) fn candidate(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let follows = |word: &str, value: &str| words.windows(2).any(|pair| pair == [word, value]);
    if !follows("typ", "relay") {
        return None;
    }
    let mut before = "";
    let hidden = words.iter().map(|word| {
        let shown = match before {
            "raddr" if word.contains(':') => "::",
            "raddr" => "0.0.0.0",
            "rport" => "0",
            _ => *word,
        };
        before = *word;
        shown
    });
    Some(hidden.collect::<Vec<_>>().join(" "))
}

/// A description as it may be told.
pub(super) fn description(sdp: &str) -> String {
    sdp.split_inclusive('\n')
        .filter_map(|line| {
            let bare = line.trim_end_matches(['\r', '\n']);
            let end = &line[bare.len()..];
            match bare.strip_prefix("a=candidate:") {
                Some(rest) => candidate(rest).map(|rest| format!("a=candidate:{rest}{end}")),
                None => Some(line.to_owned()),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_relay_itself_is_told() {
        let relay = "candidate:1 1 udp 16777215 203.0.113.5 50000 typ relay raddr 192.168.1.7 rport 40000";
        assert_eq!(
            candidate(relay).as_deref(),
            Some("candidate:1 1 udp 16777215 203.0.113.5 50000 typ relay raddr 0.0.0.0 rport 0")
        );
        let v6 = "candidate:1 1 udp 1 2001:db8::5 50000 typ relay raddr fd00::7 rport 40000 ufrag x";
        assert_eq!(
            candidate(v6).as_deref(),
            Some("candidate:1 1 udp 1 2001:db8::5 50000 typ relay raddr :: rport 0 ufrag x")
        );
        for told in [
            "candidate:1 1 udp 1 192.168.1.7 40000 typ host",
            "candidate:1 1 udp 1 203.0.113.9 4 typ srflx raddr 192.168.1.7 rport 4",
            "candidate:relay 1 udp 1 192.168.1.7 40000 typ host",
            "",
        ] {
            assert_eq!(candidate(told), None, "{told}");
        }
    }

    #[test]
    fn a_description_keeps_everything_else() {
        let sdp = "v=0\r\nc=IN IP4 0.0.0.0\r\na=candidate:1 1 udp 1 192.168.1.7 4 typ host\r\n\
                   a=candidate:2 1 udp 1 203.0.113.5 5 typ relay raddr 192.168.1.7 rport 4\r\na=end-of-candidates\r\n";
        assert_eq!(
            description(sdp),
            "v=0\r\nc=IN IP4 0.0.0.0\r\na=candidate:2 1 udp 1 203.0.113.5 5 typ relay raddr 0.0.0.0 rport 0\r\n\
             a=end-of-candidates\r\n"
        );
        assert!(!description(sdp).contains("192.168"));
        assert_eq!(description("v=0\nno end"), "v=0\nno end");
    }
}
