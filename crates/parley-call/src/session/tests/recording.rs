//! Who may record: asked, answered by a setting, taken back, told again over a fresh connection.

use super::world::World;
use crate::call::CallCommand;
use crate::snapshot::{RecordingConsent, RecordingRefusal};
use parley_proto::{ControlMessage, RecordingState};

/// Two people, of whom the second says whether she may be recorded, and what passed between them about it.
struct Pair {
    world: World,
    /// On which connection of each, and how many messages of it.
    carried: [(u32, usize); 2],
    /// The second one's client knows nothing of recordings.
    old_client: bool,
}

impl Pair {
    fn new(allowed: bool) -> Self {
        let mut world = World::connected_pair(70);
        world.command(1, CallCommand::AllowRecording(allowed));
        Self {
            world,
            carried: [(0, 0); 2],
            old_client: false,
        }
    }

    fn command(&mut self, party: usize, command: CallCommand) {
        self.world.command(party, command);
        self.carry();
    }

    fn run_s(&mut self, seconds: u64) {
        for _ in 0..seconds * 4 {
            self.world.run_ms(250);
            self.carry();
        }
    }

    /// The control channel: the fake connections only collect what is said on it.
    fn carry(&mut self) {
        while self.carry_from(0) | self.carry_from(1) {}
    }

    fn carry_from(&mut self, from: usize) -> bool {
        let peer = &self.world.parties[from].peer;
        let (generation, carried) = self.carried[from];
        // A fresh connection begins anew.
        let before = if peer.generation == generation { carried } else { 0 };
        let said = peer.control_out[before..].to_vec();
        self.carried[from] = (peer.generation, peer.control_out.len());
        for message in &said {
            let about = matches!(
                message,
                ControlMessage::Recording { .. } | ControlMessage::MayRecord { .. }
            );
            if about && !self.old_client {
                self.world.hears(1 - from, message.clone());
            }
        }
        !said.is_empty()
    }

    fn consent(&self) -> RecordingConsent {
        self.world.snapshot(0).recording
    }

    fn is_shown(&self) -> bool {
        self.world.snapshot(1).people[0].recording
    }
}

#[test]
fn whoever_says_yes_is_told_for_as_long_as_it_lasts() {
    let mut pair = Pair::new(true);
    assert_eq!(pair.consent(), RecordingConsent::Unasked);
    pair.command(0, CallCommand::Record(true));
    assert_eq!(
        (pair.consent(), pair.is_shown()),
        (RecordingConsent::Agreed, true)
    );
    pair.run_s(600);
    assert!(pair.is_shown());
    pair.command(0, CallCommand::Record(false));
    assert_eq!(
        (pair.consent(), pair.is_shown()),
        (RecordingConsent::Unasked, false)
    );
}

#[test]
fn whoever_says_no_is_not_recorded() {
    let mut pair = Pair::new(false);
    pair.command(0, CallCommand::Record(true));
    let no = RecordingConsent::Refused(RecordingRefusal::SaidNo);
    assert_eq!((pair.consent(), pair.is_shown()), (no, false));
    // A change of mind is heard when it is asked again.
    pair.command(1, CallCommand::AllowRecording(true));
    assert_eq!(pair.consent(), no);
    pair.command(0, CallCommand::Record(true));
    assert_eq!(pair.consent(), RecordingConsent::Agreed);
}

#[test]
fn a_yes_can_be_taken_back_and_ends_it() {
    let mut pair = Pair::new(true);
    pair.command(0, CallCommand::Record(true));
    pair.run_s(5);
    pair.command(1, CallCommand::AllowRecording(false));
    let no = RecordingConsent::Refused(RecordingRefusal::SaidNo);
    assert_eq!((pair.consent(), pair.is_shown()), (no, false));
}

#[test]
fn a_client_that_does_not_answer_counts_as_no() {
    let mut pair = Pair::new(true);
    pair.old_client = true;
    pair.command(0, CallCommand::Record(true));
    pair.run_s(3);
    assert_eq!(pair.consent(), RecordingConsent::Asking);
    pair.run_s(2);
    let silent = RecordingConsent::Refused(RecordingRefusal::NoAnswer);
    assert_eq!(pair.consent(), silent);
    let asking = ControlMessage::Recording {
        state: RecordingState::Asking,
    };
    let said = pair.world.parties[0].peer.control_out.iter();
    assert!(
        said.filter(|message| **message == asking).count() > 2,
        "asked again"
    );
    // What comes too late changes nothing.
    pair.world.hears(0, ControlMessage::MayRecord { allowed: true });
    assert_eq!(pair.consent(), silent);
}

#[test]
fn there_must_be_somebody_to_ask() {
    let mut world = World::new(71);
    world.arrive(None);
    world.run_ms(500);
    world.command(0, CallCommand::Enter);
    world.run_ms(500);
    let nobody = RecordingConsent::Refused(RecordingRefusal::NobodyThere);
    world.command(0, CallCommand::Record(true));
    assert_eq!(world.snapshot(0).recording, nobody);
    world.command(0, CallCommand::Record(false));
    assert_eq!(world.snapshot(0).recording, RecordingConsent::Unasked);
}

#[test]
fn an_answer_to_no_question_and_a_word_of_a_newer_client_mean_nothing() {
    let mut pair = Pair::new(true);
    pair.world.hears(0, ControlMessage::MayRecord { allowed: true });
    assert_eq!(pair.consent(), RecordingConsent::Unasked);
    pair.command(0, CallCommand::Record(true));
    let unknown = ControlMessage::Recording {
        state: RecordingState::Unknown,
    };
    pair.world.hears(1, unknown);
    assert!(pair.is_shown());
}

#[test]
fn a_fresh_connection_is_told_again_and_somebody_elses_consent_does_not_count() {
    let mut pair = Pair::new(true);
    pair.command(0, CallCommand::Record(true));
    let before = pair.world.parties[0].session.counters().connections_opened;
    pair.world.set_path(false);
    pair.run_s(20);
    pair.world.set_path(true);
    pair.run_s(10);
    pair.world.expect_media();
    assert!(pair.world.parties[0].session.counters().connections_opened > before);
    let on = ControlMessage::Recording {
        state: RecordingState::On,
    };
    assert!(pair.world.parties[0].peer.control_out.contains(&on));
    assert_eq!(
        (pair.consent(), pair.is_shown()),
        (RecordingConsent::Agreed, true)
    );

    pair.world.crash(1);
    pair.world.run_s(12);
    let newcomer = pair.world.arrive(Some([3; 16]));
    pair.world.command(newcomer, CallCommand::Enter);
    pair.world.run_s(30);
    let people = pair.world.snapshot(0).people;
    assert_eq!(
        people.first().map(|person| person.id),
        pair.world.snapshot(newcomer).me
    );
    assert_eq!(pair.consent(), RecordingConsent::Unasked);
}
