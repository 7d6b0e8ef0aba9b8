//! What happens, told as it happens: words for people, or JSON lines for machines (`--events`). On standard error.

use parley_app::endpoint::{CallSnapshot, CallStats, ChatNews, Happened, TrackKind};
use parley_proto::ParticipantId;
use serde_json::json;
use std::io::{IsTerminal as _, Write as _};

/// Tells what happens.
#[derive(Debug)]
pub(crate) struct Teller {
    machines: bool,
    /// A terminal shows one line that changes; a file gets a line now and then.
    terminal: bool,
    last_phase: Option<String>,
    last_way: Option<String>,
    last_speakers: Vec<String>,
    lines: u32,
}

impl Teller {
    pub(crate) fn new(machines: bool) -> Self {
        Self {
            machines,
            terminal: std::io::stderr().is_terminal(),
            last_phase: None,
            last_way: None,
            last_speakers: Vec::new(),
            lines: 0,
        }
    }

    pub(crate) fn happened(&mut self, happened: &Happened) {
        let (event, what) = match happened {
            Happened::Ready(link) => ("ready", link.to_string()),
            Happened::SoundBegan(who) => ("sound_began", who.to_string()),
            Happened::PictureBegan(who) => ("picture_began", who.to_string()),
            Happened::ScreenBegan(who) => ("screen_began", who.to_string()),
            Happened::TrackEnded(who) => ("track_ended", who.to_string()),
            Happened::Chat(ChatNews::Came { from, text }) => {
                self.event(&json!({"event": "message", "what": text.text, "from": from.to_string()}));
                return;
            }
            Happened::Chat(ChatNews::Delivered(id)) => ("delivered", id.to_string()),
            Happened::Chat(ChatNews::Unanswered(id)) => ("unanswered", id.to_string()),
            Happened::Reaction { reaction, .. } => ("reaction", format!("{reaction:?}")),
            Happened::MuteAsked { by } => ("mute_asked", by.to_string()),
            Happened::Ended(reason) => ("ended", reason.to_string()),
            Happened::Call
            | Happened::Files
            | Happened::Stats
            | Happened::Picture
            | Happened::Sound
            | Happened::Share
            | Happened::Choice
            | Happened::Recording => return,
        };
        self.event(&json!({"event": event, "what": what}));
    }

    /// The call's state, when it is another one.
    pub(crate) fn call(&mut self, call: &CallSnapshot) {
        let phase = format!("{:?}", call.phase).to_lowercase();
        let signaling = format!("{:?}", call.signaling).to_lowercase();
        let people: Vec<_> = call
            .people
            .iter()
            .map(|person| {
                json!({
                    "id": person.id.to_string(), "name": person.name, "away": person.away, "proven": person.proven,
                    "microphone_on": person.media.microphone_on, "camera_on": person.media.camera_on,
                    "screen_on": person.media.screen_on, "recording": person.recording,
                    "stalled": person.stalled, "down": down(call, person.id, TrackKind::Video),
                    "screen_down": down(call, person.id, TrackKind::Screen),
                })
            })
            .collect();
        let group = call.group.as_ref();
        let state = json!({
            "event": "state", "phase": phase, "signaling": signaling, "people": people,
            "group": group.map(|group| json!({"up": group.up, "short": group.is_short()})),
        });
        let text = state.to_string();
        if self.last_phase.as_deref() != Some(&text) {
            self.last_phase = Some(text);
            self.event(&state);
        }
    }

    /// Who speaks in a call of three and more, when it is somebody else: ids, the dominant voice first.
    pub(crate) fn speakers(&mut self, call: &CallSnapshot) {
        let speakers = call.group.iter().flat_map(|group| &group.speakers);
        let speakers: Vec<String> = speakers.map(ToString::to_string).collect();
        if self.last_speakers != speakers {
            self.event(&json!({"event": "speakers", "what": speakers}));
            self.last_speakers = speakers;
        }
    }

    /// The way that media takes, when it is another one: how both ends were found, and how this side reaches its relay.
    pub(crate) fn way(&mut self, stats: &CallStats) {
        let Some(way) = way(stats) else { return };
        if self.last_way.as_ref() != Some(&way) {
            self.event(&json!({"event": "way", "what": way}));
            self.last_way = Some(way);
        }
    }

    /// What came of each of the others so far, once a second.
    pub(crate) fn people(&self, people: &serde_json::Value) {
        self.event(&json!({"event": "people", "people": people}));
    }

    /// A line about how it goes, once a second.
    pub(crate) fn progress(&mut self, line: &str) {
        if self.machines {
            return;
        }
        let mut out = std::io::stderr();
        if self.terminal {
            let _ = write!(out, "\r\x1b[2K{line}");
            let _ = out.flush();
        } else {
            if self.lines.is_multiple_of(5) {
                let _ = writeln!(out, "{line}");
            }
            self.lines += 1;
        }
    }

    /// Something that is worth a line of its own.
    pub(crate) fn say(&self, event: &str, line: &str) {
        if self.machines {
            self.event(&json!({"event": event, "what": line}));
        } else if self.terminal {
            let _ = writeln!(std::io::stderr(), "\r\x1b[2K{line}");
        } else {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    /// The line that changes is left behind.
    pub(crate) fn done(&self) {
        if self.terminal && !self.machines {
            let _ = writeln!(std::io::stderr());
        }
    }

    fn event(&self, event: &serde_json::Value) {
        if self.machines {
            let _ = writeln!(std::io::stderr(), "{event}");
        }
    }
}

/// How a picture comes that was asked of the server, and which layer: `flows h`. Nothing where none was asked for.
fn down(call: &CallSnapshot, who: ParticipantId, kind: TrackKind) -> Option<String> {
    let mut downs = call.group.iter().flat_map(|group| &group.downs);
    let down = downs.find(|down| down.participant == who && down.kind == kind)?;
    let state = format!("{:?}", down.state).to_lowercase();
    Some(match &down.rid {
        Some(rid) => format!("{state} {rid}"),
        None => state,
    })
}

/// In RFC 8839's words, such as `relay over tls - srflx`; `host over tcp - prflx` is a stream between the two.
fn way(stats: &CallStats) -> Option<String> {
    let (own, other) = stats.peer.pair_types?;
    let over = stats.peer.relay.map(|relay| relay.word());
    Some(match over.or(stats.peer.over_tcp.then_some("tcp")) {
        Some(over) => format!("{own} over {over} - {other}"),
        None => format!("{own} - {other}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_app::network::RelayTransport;

    #[test]
    fn a_way_is_told_in_words_for_tables() {
        let mut stats = CallStats::default();
        assert_eq!(way(&stats), None);
        stats.peer.pair_types = Some(("host", "srflx"));
        assert_eq!(way(&stats).as_deref(), Some("host - srflx"));
        stats.peer.over_tcp = true;
        assert_eq!(way(&stats).as_deref(), Some("host over tcp - srflx"));
        stats.peer.over_tcp = false;
        stats.peer.pair_types = Some(("relay", "host"));
        stats.peer.relay = Some(RelayTransport::Tls);
        assert_eq!(way(&stats).as_deref(), Some("relay over tls - host"));
    }
}
