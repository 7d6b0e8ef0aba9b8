use super::*;
use proptest::prelude::*;
use std::collections::{BTreeSet, HashMap};

/// Time begins whenever the test does; only differences are looked at.
#[expect(clippy::disallowed_methods, reason = "a start to count from")]
fn start() -> Instant {
    Instant::now()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn one_source_keeps_its_differences() {
    let now = start();
    let mut rewriter = Rewriter::new(90_000, 100);
    rewriter.begin(now, 7_000, 1_000_000);
    let first = rewriter.rewrite(now, 7_000, 1_000_000).unwrap();
    assert_eq!((first.seq, first.time), (100, 1_000_000));
    let third = rewriter.rewrite(now + ms(33), 7_002, 1_003_000).unwrap();
    assert_eq!(
        (third.seq, third.time),
        (102, 1_003_000),
        "the lost one keeps its place"
    );
    let second = rewriter.rewrite(now + ms(50), 7_001, 1_003_000).unwrap();
    assert_eq!(second.seq, 101, "and gets it when it is repaired");
}

#[test]
fn another_source_goes_on_where_the_last_one_was() {
    let now = start();
    let mut rewriter = Rewriter::new(90_000, 0);
    rewriter.begin(now, 10, 500);
    rewriter.rewrite(now, 10, 500).unwrap();
    let later = now + ms(100);
    rewriter.begin(later, 900, u32::MAX - 5);
    let first = rewriter.rewrite(later, 900, u32::MAX - 5).unwrap();
    assert_eq!((first.seq, first.time), (1, 500 + 9_000));
    let next = rewriter.rewrite(later + ms(33), 901, 2_994).unwrap();
    assert_eq!(
        (next.seq, next.time),
        (2, 500 + 9_000 + 3_000),
        "its clock wraps around, ours does not notice"
    );
    assert_eq!(rewriter.rewrite(later, 899, 0), None, "from before the key frame");
}

#[test]
fn a_change_in_the_same_moment_still_moves_the_clock() {
    let now = start();
    let mut rewriter = Rewriter::new(90_000, 0);
    rewriter.begin(now, 1, 77);
    rewriter.rewrite(now, 1, 77).unwrap();
    rewriter.begin(now, 1, 9_999);
    assert_eq!(rewriter.rewrite(now, 1, 9_999).unwrap().time, 78);
}

#[test]
fn what_is_left_out_leaves_no_gap_and_late_packets_find_their_place() {
    let now = start();
    let mut rewriter = Rewriter::new(48_000, 40_000);
    rewriter.begin(now, 0, 0);
    let mut seqs = Vec::new();
    for seq in [0, 1, 3, 4] {
        seqs.push(rewriter.rewrite(now, seq, 0).unwrap().seq);
    }
    rewriter.leave_out(5);
    rewriter.leave_out(6);
    seqs.push(rewriter.rewrite(now, 7, 0).unwrap().seq);
    seqs.push(rewriter.rewrite(now, 2, 0).unwrap().seq);
    assert_eq!(seqs, [40_000, 40_001, 40_003, 40_004, 40_005, 40_002]);
    assert_eq!(
        rewriter.rewrite(now, 6, 0),
        None,
        "what was left out has no number"
    );
    rewriter.leave_out(3);
    assert_eq!(
        rewriter.rewrite(now, 8, 0).unwrap().seq,
        40_006,
        "too late to move anything"
    );
}

#[test]
fn what_is_missing_before_something_left_out_keeps_its_place() {
    let now = start();
    let mut rewriter = Rewriter::new(90_000, 100);
    rewriter.begin(now, 10, 0);
    let number = |rewriter: &mut Rewriter, seq| rewriter.rewrite(now, seq, 0).map(|out| out.seq);
    assert_eq!(number(&mut rewriter, 10), Some(100));
    // 11 and 12 are lost.
    rewriter.leave_out(13);
    rewriter.leave_out(14);
    assert_eq!(number(&mut rewriter, 15), Some(103));
    assert_eq!(number(&mut rewriter, 12), Some(102));
    assert_eq!(number(&mut rewriter, 11), Some(101));
    assert_eq!(number(&mut rewriter, 13), None);
    assert!(rewriter.is_late(15) && !rewriter.is_late(16));
}

#[test]
fn a_rest_leaves_no_gap_in_the_sequence_and_one_in_time() {
    let now = start();
    let mut rewriter = Rewriter::new(48_000, 9);
    rewriter.begin(now, 50, 0);
    rewriter.rewrite(now, 50, 0).unwrap();
    rewriter.go_on(500);
    let after = rewriter.rewrite(now + ms(9_000), 500, 432_000).unwrap();
    assert_eq!((after.seq, after.time), (10, 432_000));
    assert_eq!(
        rewriter.rewrite(now, 51, 960),
        None,
        "a straggler from within the rest would take its place"
    );
}

/// What happens to a section.
#[derive(Debug, Clone)]
enum Step {
    /// The next packets of the source come, some of them lost (to be repaired later) and some out of order.
    Packets {
        count: u8,
        lost: u8,
        swap: bool,
    },
    LeaveOut,
    Change {
        seq: u64,
        time: u32,
        after_ms: u16,
    },
    Repair,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..20u8, any::<u8>(), any::<bool>()).prop_map(|(count, lost, swap)| Step::Packets { count, lost, swap }),
        1 => Just(Step::LeaveOut),
        2 => (0..1u64 << 40, any::<u32>(), 0..2_000u16).prop_map(|(seq, time, after_ms)| Step::Change { seq, time, after_ms }),
        1 => Just(Step::Repair),
    ]
}

proptest! {
    /// Whatever the source does: no number is given out twice, in order there is no gap but for what was lost, what is repaired
    /// fills exactly its gap, and the newest timestamp never steps back.
    #[test]
    fn a_receiver_sees_one_unbroken_stream(first in any::<u16>(), steps in proptest::collection::vec(step(), 1..60)) {
        let mut now = start();
        let mut rewriter = Rewriter::new(90_000, first);
        let (mut seq, mut time) = (5u64, 17u32);
        rewriter.begin(now, seq, time);
        let mut given = BTreeSet::new();
        let mut missing: HashMap<u64, u32> = HashMap::new();
        let mut newest_time: Option<u32> = None;
        let mut gaps = 0usize;
        for step in steps {
            match step {
                Step::Packets { count, lost, swap } => {
                    let mut order: Vec<u64> = (0..u64::from(count)).map(|at| seq + at).collect();
                    if swap && order.len() > 1 {
                        order.swap(0, 1);
                    }
                    let highest = seq + u64::from(count) - 1;
                    for at in order {
                        now += ms(3);
                        let stamp = time.wrapping_add(u32::try_from(at - seq).unwrap() * 270);
                        // The last one always comes: without it nothing tells that the others are lost.
                        if at != highest && (at ^ u64::from(lost)) % 5 == 0 {
                            missing.insert(at, stamp);
                            gaps += 1;
                            continue;
                        }
                        let out = rewriter.rewrite(now, at, stamp).unwrap();
                        prop_assert!(given.insert(out.seq), "{} twice", out.seq);
                        if newest_time.is_none_or(|newest| (out.time.wrapping_sub(newest) as i32) > 0) {
                            newest_time = Some(out.time);
                        }
                    }
                    seq = highest + 1;
                    time = time.wrapping_add(u32::from(count) * 270);
                }
                Step::LeaveOut => {
                    rewriter.leave_out(seq);
                    seq += 1;
                    time = time.wrapping_add(270);
                }
                Step::Change { seq: other_seq, time: other_time, after_ms } => {
                    now += ms(u64::from(after_ms));
                    (seq, time) = (other_seq, other_time);
                    rewriter.begin(now, seq, time);
                    missing.clear();
                    let out = rewriter.rewrite(now, seq, time).unwrap();
                    prop_assert!(given.insert(out.seq), "{} twice", out.seq);
                    if let Some(newest) = newest_time {
                        prop_assert!((out.time.wrapping_sub(newest) as i32) > 0, "time steps back at a change");
                    }
                    newest_time = Some(out.time);
                    seq += 1;
                    time = time.wrapping_add(270);
                }
                Step::Repair => {
                    let repaired: Vec<(u64, u32)> = missing.drain().collect();
                    for (at, stamp) in repaired {
                        // More changes of numbering may have come since than are remembered.
                        if let Some(out) = rewriter.rewrite(now, at, stamp) {
                            prop_assert!(given.insert(out.seq), "a repaired packet takes another's place");
                            gaps -= 1;
                        }
                    }
                }
            }
        }
        if let (Some(low), Some(high)) = (given.first(), given.last()) {
            prop_assert!(*low >= u64::from(first));
            let holes = usize::try_from(high - low + 1).unwrap() - given.len();
            prop_assert!(holes <= gaps, "{holes} gaps where {gaps} packets were lost");
        }
    }
}
