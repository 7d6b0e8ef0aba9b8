//! Files through connections that are lost and made anew at any moment, each side noticing in its own time: lives from seeds.

use super::*;

/// Lives that are lived.
const LIVES: u64 = 80;
/// What a file needs at most once nothing breaks any more.
const HEALED_MS: u64 = 8_000;

struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// One side's end of the connection there is.
#[derive(Default)]
struct End {
    /// Which connection its lanes are of.
    connection: u32,
    up: bool,
    /// When it notices that there is another one.
    notices_at: Option<Instant>,
    /// When the lanes of that one are there.
    up_at: Option<Instant>,
    /// What is on its way here, over which connection.
    coming: VecDeque<(Instant, u32, Input)>,
}

struct Life {
    two: Two,
    ends: [End; 2],
    dice: Dice,
    connection: u32,
}

impl Life {
    fn new(seed: u64) -> Self {
        Self {
            two: Two::new(),
            ends: Default::default(),
            dice: Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            connection: 0,
        }
    }

    /// The connection is gone, and another one will be there.
    fn cut(&mut self) {
        self.connection += 1;
        for who in 0..2 {
            let notices_at = self.two.now + MS * self.dice.below(60) as u32;
            let up_at = notices_at + MS * self.dice.below(60) as u32;
            self.ends[who].notices_at = Some(notices_at);
            self.ends[who].up_at = Some(up_at);
        }
    }

    fn tell(&mut self, who: usize, input: Input) {
        let now = self.two.now;
        self.two.sides[who].core.handle(now, input);
        while let Some(output) = self.two.sides[who].core.poll_output() {
            let input = match output {
                Output::Frame(frame) => Input::Frame(serde_json::to_vec(&frame).unwrap().into()),
                Output::Word(frame) => panic!("nobody takes words: {frame:?}"),
                Output::Chunk(chunk) => Input::Chunk(chunk.write().freeze()),
                Output::Disk(command) => {
                    if let Some(answer) = self.two.sides[who].disk.carry_out(0, command) {
                        self.two.sides[who].core.handle(now, Input::Disk(answer));
                    }
                    continue;
                }
            };
            let connection = self.ends[who].connection;
            assert!(self.ends[who].up, "something is said without a lane");
            self.ends[1 - who]
                .coming
                .push_back((now + 10 * MS, connection, input));
        }
    }

    fn step(&mut self) {
        self.two.now += MS;
        let now = self.two.now;
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        for who in 0..2 {
            if due(self.ends[who].notices_at) {
                self.ends[who].notices_at = None;
                if std::mem::take(&mut self.ends[who].up) {
                    self.tell(who, Input::Down);
                }
            }
            if due(self.ends[who].up_at) && self.ends[who].notices_at.is_none() {
                let end = &mut self.ends[who];
                (end.up_at, end.up, end.connection) = (None, true, self.connection);
                let other = ParticipantId::from_bytes([2 - who as u8; 16]);
                self.tell(who, Input::Up(other));
            }
            while self.ends[who].coming.front().is_some_and(|(at, ..)| *at <= now) {
                let end = &self.ends[who];
                let over = end.coming.front().map_or(0, |(_, connection, _)| *connection);
                let alive = over == self.connection;
                if alive && !(end.up && end.connection == over) {
                    // It waits in the lane until this side has both.
                    break;
                }
                let Some((.., input)) = self.ends[who].coming.pop_front() else {
                    break;
                };
                if alive {
                    self.tell(who, input);
                }
            }
        }
    }

    /// Somebody does something, or the connection breaks.
    fn whim(&mut self, ids: &[TransferId], may_cancel: bool) {
        if self.dice.once_in(70) {
            self.cut();
        }
        if self.dice.once_in(40) {
            let who = self.dice.below(2) as usize;
            let id = ids[self.dice.below(ids.len() as u64) as usize];
            let input = match self.dice.below(5) {
                0 | 1 => Input::Pause(id),
                4 if may_cancel => Input::Cancel(id),
                _ => Input::Resume(id),
            };
            self.tell(who, input);
        }
        for one in self.two.list(1) {
            if one.state == TransferState::Asking && self.dice.once_in(30) {
                self.tell(1, Input::Accept(one.id));
            }
        }
    }

    fn live(seed: u64, may_cancel: bool) -> (Self, Vec<PathBuf>) {
        let mut life = Self::new(seed);
        life.cut();
        let files = 1 + life.dice.below(3);
        let paths: Vec<_> = (0..files)
            .map(|n| {
                let bytes = life.dice.below(500_000) as usize;
                life.two.file(0, &format!("{n}.bin"), bytes)
            })
            .collect();
        let ids: Vec<_> = (1..=files as u8)
            .map(|n| TransferId::from_bytes([n; 16]))
            .collect();
        for (id, path) in ids.iter().zip(&paths) {
            life.tell(
                0,
                Input::Offer {
                    id: *id,
                    path: path.clone(),
                },
            );
        }
        for _ in 0..600 {
            life.step();
            life.whim(&ids, may_cancel);
        }
        for _ in 0..HEALED_MS {
            life.step();
            for one in life.two.list(1) {
                match one.state {
                    TransferState::Asking => life.tell(1, Input::Accept(one.id)),
                    TransferState::Paused { .. } => {
                        (0..2).for_each(|who| life.tell(who, Input::Resume(one.id)));
                    }
                    _ => {}
                }
            }
            let over = |state| matches!(state, TransferState::Done | TransferState::Ended(_));
            if (0..2).all(|who| life.two.list(who).iter().all(|one| over(one.state))) {
                break;
            }
        }
        (life, paths)
    }
}

#[test]
fn every_file_arrives_whatever_breaks_and_whenever_it_is_noticed() {
    for seed in 1..=LIVES {
        let (life, paths) = Life::live(seed, false);
        for who in 0..2 {
            let list = life.two.list(who);
            assert_eq!(list.len(), paths.len(), "seed {seed}");
            for one in &list {
                assert_eq!(
                    one.state,
                    TransferState::Done,
                    "seed {seed}, side {who}: {one:#?}"
                );
            }
        }
        for (path, one) in paths.iter().zip(life.two.list(1)) {
            let received = one.path.unwrap();
            assert!(
                fs::read(path).unwrap() == fs::read(received).unwrap(),
                "seed {seed}"
            );
        }
    }
}

#[test]
fn whoever_gives_up_at_whatever_moment_the_other_side_hears_of_it() {
    for seed in 1..=LIVES {
        let (life, _) = Life::live(seed, true);
        let ends = [0, 1].map(|who| life.two.list(who));
        // One that was given up before the other side heard of it is on one list only.
        for one in ends[0].iter().chain(&ends[1]) {
            let over = matches!(one.state, TransferState::Done | TransferState::Ended(_));
            assert!(over, "seed {seed}: {one:#?}");
        }
        for one in life.two.list(1) {
            let there = ends[0]
                .iter()
                .find(|other| other.id == one.id)
                .map(|other| other.state);
            let done = there == Some(TransferState::Done);
            assert!(!done || one.state == TransferState::Done, "seed {seed}: {one:#?}");
        }
    }
}
