//! The server of a large room as a program of its own, the people in it, and what it took. Real time; one thread for what is heard.

use super::person::{Heard, Person};
use parley_proto::{ClientMessage, ParticipantId, RoomId};
use parley_server::load::{Crowd, Part};
use parley_server::sfu::Certificate;
use serde_json::json;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Nothing takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(90);
/// Of the packets of a voice that each should get, so many must come: the machine may be busy with something else.
const SOUND_MIN: f64 = 0.9;
/// Packets of one voice, a second.
const VOICE_PER_S: f64 = 50.0;
/// People offer connections so far apart: each costs both sides a key exchange.
const OFFER_EVERY: Duration = Duration::from_millis(4);

/// See the module.
pub(super) struct House {
    server: Child,
    address: SocketAddr,
    _folder: TempDir,
    runtime: Runtime,
    crowd: Crowd,
    /// The host first.
    people: Vec<Person>,
    /// So many of those after the host have a connection to the SFU.
    hear: usize,
    began: Instant,
    spent_s: f64,
    frames: u64,
    bytes: u64,
}

impl House {
    pub(super) fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let settings = folder.path().join("settings.toml");
        let text = format!(
            "listen = [\"127.0.0.1:0\"]\ndrain_seconds = 0\n[stun]\nlisten = [\"127.0.0.1:0\"]\n\
             [sfu]\nenabled = true\nport = {port}\nlisteners = 1000\nlisten_from = 1\n"
        );
        std::fs::write(&settings, text).unwrap();
        let mut server = Command::new(env!("CARGO_BIN_EXE_parley-server"))
            .arg("--config")
            .arg(&settings)
            .arg("--data-dir")
            .arg(folder.path())
            .env("RUST_LOG", "info,stun_types=off")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(server.stderr.take().unwrap());
        let mut lines = said.lines().map(Result::unwrap);
        let address = lines.find_map(|line| address_in(&line)).unwrap();
        // What it says from now on is not waited for by anybody.
        std::thread::spawn(move || lines.for_each(drop));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        Self {
            server,
            address,
            _folder: folder,
            runtime,
            crowd: Crowd::new(Ipv4Addr::LOCALHOST.into(), Certificate::generate().unwrap()).unwrap(),
            people: Vec::new(),
            hear: 0,
            began: Instant::now(),
            spent_s: 0.0,
            frames: 0,
            bytes: 0,
        }
    }

    pub(super) fn host_comes(&mut self) {
        self.people.push(Person::come(&self.runtime, self.address, None));
        self.wait("the host is in", |people| {
            people[0].is(|heard| heard.me.is_some())
        });
        self.costs("nobody yet");
    }

    /// All of them at once, by the link.
    pub(super) fn all_come(&mut self, people: usize) {
        self.began = Instant::now();
        let room = Some(self.room());
        for _ in 0..people {
            self.people.push(Person::come(&self.runtime, self.address, room));
        }
        self.wait("everybody is in", |people| {
            people.iter().all(|one| one.is(|heard| heard.me.is_some()))
        });
    }

    pub(super) fn everybody_knows_all(&mut self) {
        let all = self.people.len();
        self.wait("everybody knows all", |people| {
            people.iter().all(|one| one.is(|heard| heard.people.len() == all))
        });
        for one in &self.people[1..] {
            let heard = one.now();
            assert!(
                heard.me.is_some_and(|me| heard.people[&me]),
                "all but the host listen"
            );
        }
    }

    /// The host speaks, and the first so many hear.
    pub(super) fn they_listen(&mut self, hear: usize) {
        self.hear = hear;
        self.began = Instant::now();
        self.connect(0, true, 1);
        for at in 1..=hear {
            self.connect(at, false, 1);
            let until = Instant::now() + OFFER_EVERY;
            while Instant::now() < until {
                self.crowd.turn(until).unwrap();
            }
        }
        self.all_connect();
        self.figure("heard", "the last one has a way for sound", self.since_last());
    }

    /// Each of the listeners gets so many voices.
    pub(super) fn sound_reaches(&mut self, voices: usize, time: Duration) {
        // A voice has to be noticed, and one that is gone to be over.
        self.listen_for(Duration::from_secs(1));
        self.crowd.count();
        self.listen_for(time);
        let report = self.crowd.report();
        // Whoever speaks does not hear themselves, and the host hears the other one.
        let due = (self.hear * voices) as f64 * VOICE_PER_S;
        eprintln!(
            "{:<42} {:.0} packets a second of {due:.0}, {:.2} % lost, late p50 {:?} p99 {:?} ms",
            format!("sound of {voices}"),
            report.packets_per_s,
            report.loss_pct,
            report.forward_ms_p50,
            report.forward_ms_p99,
        );
        assert!(report.packets_per_s > due * SOUND_MIN, "{report}");
        assert!(report.packets_per_s < due * 1.2, "{report}");
    }

    /// Somebody writes; until the last one has it, and until everybody's answer is there.
    pub(super) fn chat(&mut self, people: usize) -> (Duration, Duration) {
        let before = self.people[0].now().words;
        let author = self.people[0].now().me.unwrap();
        let word = json!({"sealed": "x".repeat(400), "number": before});
        let said = Instant::now();
        let tell = |payload, to| ClientMessage::Tell { payload, to };
        self.people[0].say(tell(word.clone(), None));
        self.wait("everybody has the message", |people| {
            people[1..]
                .iter()
                .all(|one| one.is(|heard| heard.told.as_ref() == Some(&word)))
        });
        let last = said.elapsed();
        for one in &self.people[1..] {
            one.say(tell(json!({"sealed": "y".repeat(120)}), Some(author)));
        }
        self.wait("the author has all answers", |all| {
            all[0].is(|heard| heard.words == before + people)
        });
        (last, said.elapsed())
    }

    /// The host lets one speak who hears, who does.
    pub(super) fn one_is_let_speak(&mut self) -> Duration {
        let took = self.set_listens(false);
        self.connect(self.hear, true, 2);
        let began = Instant::now();
        self.all_connect();
        self.figure("speaks", "who may speak has a way for sound", began.elapsed());
        self.wait("the second voice is published", |people| {
            people[0].is(|heard| heard.publications == 1)
        });
        took
    }

    pub(super) fn one_listens_again(&mut self) -> Duration {
        let took = self.set_listens(true);
        self.people[self.hear].say(ClientMessage::Publish { publish: Vec::new() });
        took
    }

    fn set_listens(&mut self, listens: bool) -> Duration {
        let id = self.id(self.hear);
        let said = Instant::now();
        self.people[0].say(ClientMessage::SetListens { id, listens });
        self.wait("everybody knows who listens", |people| {
            people
                .iter()
                .all(|one| one.is(|heard| heard.people.get(&id) == Some(&listens)))
        });
        said.elapsed()
    }

    /// All but the host, at once.
    pub(super) fn all_leave(&mut self) {
        self.began = Instant::now();
        for one in &self.people[1..] {
            one.say(ClientMessage::Leave);
        }
        self.wait("the host is alone", |people| {
            people[0].is(|heard| heard.people.len() == 1)
        });
    }

    /// Nobody was refused anything, or cut off who did not leave.
    pub(super) fn close(mut self) {
        for one in &self.people {
            assert_eq!(one.now().refused, Vec::<String>::new());
        }
        assert!(!self.people[0].now().closed);
        assert_eq!(self.server.try_wait().unwrap(), None, "the server runs");
    }

    pub(super) fn since_last(&self) -> Duration {
        self.began.elapsed()
    }

    #[expect(clippy::unused_self, reason = "as all that is told")]
    pub(super) fn figure(&self, name: &str, what: &str, took: Duration) {
        eprintln!("{:<42} {what} after {:.0} ms", name, took.as_secs_f64() * 1000.0);
    }

    /// What the server took since this was asked last.
    pub(super) fn costs(&mut self, what: &str) {
        let spent = cpu_s(self.server.id());
        let (frames, bytes) = self.people.iter().fold((0, 0), |(frames, bytes), one| {
            let heard = one.heard.borrow();
            (frames + heard.frames, bytes + heard.bytes)
        });
        let each = self.people.len() as u64;
        eprintln!(
            "{what:<42} {:.2} s of processor, {} messages and {} kB to each, {} MB of memory ({} at most)",
            spent - self.spent_s,
            (frames - self.frames) / each,
            (bytes - self.bytes) / each / 1000,
            memory_mb(self.server.id(), "VmRSS:"),
            memory_mb(self.server.id(), "VmHWM:"),
        );
        (self.spent_s, self.frames, self.bytes) = (spent, frames, bytes);
    }

    /// Somebody offers a connection to the SFU, in which they hear, and speak or not.
    fn connect(&mut self, at: usize, speaks: bool, connection: u32) {
        let part = Part {
            speaks,
            hears: 2,
            ..Part::default()
        };
        let place = self.crowd.add(part).unwrap();
        let (sdp, publish) = self.crowd.client(place).unwrap().offer();
        self.people[at].say(ClientMessage::SfuOffer {
            connection,
            sdp,
            publish,
        });
        self.wait("the SFU answers", |people| {
            people[at].is(|heard| {
                heard
                    .answer
                    .as_ref()
                    .is_some_and(|(number, _)| *number == connection)
            })
        });
        let (_, answer) = self.people[at].now().answer.unwrap();
        assert!(self.crowd.client(place).unwrap().answer(&answer), "{answer}");
    }

    fn all_connect(&mut self) {
        let until = Instant::now() + PATIENCE;
        while !self.crowd.is_connected() {
            let report = self.crowd.report();
            assert!(Instant::now() < until, "not everybody hears: {report}");
            self.crowd.turn(until).unwrap();
        }
    }

    fn listen_for(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.crowd.turn(until).unwrap();
        }
    }

    /// Until it is so; what is heard goes on meanwhile.
    fn wait(&mut self, what: &str, so: impl Fn(&[Person]) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !so(&self.people) {
            let cut = self
                .people
                .iter()
                .filter(|one| one.is(|heard| heard.closed))
                .count();
            assert!(
                Instant::now() < until,
                "waited in vain: {what}; {cut} were cut off"
            );
            let soon = Instant::now() + Duration::from_millis(1);
            self.crowd.turn(soon).unwrap();
        }
    }

    fn room(&self) -> RoomId {
        self.people[0].now().room.unwrap()
    }

    fn id(&self, at: usize) -> ParticipantId {
        let Heard { me, .. } = self.people[at].now();
        me.unwrap()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let rest = line.split("http://").nth(1)?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':')
        .unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

/// All that the program's threads spent, in seconds (proc(5), `stat`, in hundredths).
fn cpu_s(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let rest = stat.rsplit(") ").next().unwrap();
    let ticks: u64 = rest
        .split(' ')
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().unwrap())
        .sum();
    ticks as f64 / 100.0
}

fn memory_mb(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1000
}
