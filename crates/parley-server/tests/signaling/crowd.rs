//! A large room: hundreds of people come in at once, listen to one, are written to, and leave, each over a signaling connection of their
//! own and, for what they hear, over one to the SFU. The server is the program itself, so that what it costs is known.
//!
//! | file | what |
//! |---|---|
//! | `crowd/person` | one of them: a task that reads and counts |
//! | `crowd/house` | the server, what it took, and the room |

mod house;
mod person;

use house::House;
use std::time::Duration;

/// A message must reach everybody sooner.
const CHAT_MAX: Duration = Duration::from_secs(2);

/// Everything a large room does, with so many listeners, of whom so many hear: their side of that is one thread of a development build, and
/// what a server carries of sound alone is told by `parley-server load`.
fn hold(people: usize, hear: usize) {
    let mut house = House::open();
    house.host_comes();

    house.all_come(people);
    house.figure("joined", "the last one is in", house.since_last());
    house.everybody_knows_all();
    house.figure("known", "the last one knows everybody", house.since_last());
    house.costs("coming in");

    house.they_listen(hear);
    house.sound_reaches(1, Duration::from_secs(5));
    house.costs("connecting, and five seconds of one voice");

    for round in 0..3 {
        let (last, answered) = house.chat(people);
        house.figure("chat", "the last one has a message", last);
        house.figure("chat_answered", "its author has all answers", answered);
        assert!(last < CHAT_MAX, "message {round} took {last:?}");
    }
    house.costs("three messages to everybody, and all answers");

    let changed = house.one_is_let_speak();
    house.figure("let_speak", "the last one knows who may speak", changed);
    house.sound_reaches(2, Duration::from_secs(5));
    let changed = house.one_listens_again();
    house.figure("listens_again", "the last one knows who does no more", changed);
    house.sound_reaches(1, Duration::from_secs(3));
    house.costs("one speaks for a while");

    house.all_leave();
    house.figure("left", "the host knows that everybody left", house.since_last());
    house.costs("leaving");
    house.close();
}

#[test]
fn sixty_listen_to_one_and_are_written_to() {
    hold(60, 60);
}

#[test]
#[ignore = "hundreds of connections and their sound: in `test full`; with --nocapture it tells what the server took"]
fn hundreds_listen_to_one_and_are_written_to() {
    let people = std::env::var("PARLEY_CROWD")
        .ok()
        .and_then(|people| people.parse().ok());
    hold(people.unwrap_or(300), 100);
}
