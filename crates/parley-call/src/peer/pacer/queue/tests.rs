//! The queue in virtual time.

use super::*;

const MBIT: Bitrate = Bitrate::from_kbps(1000);

/// A queue whose head start is used up.
fn begun<T>(target: Bitrate) -> Queue<T> {
    Queue {
        head_start: 0,
        ..Queue::new(target)
    }
}

#[test]
fn the_first_pictures_have_a_head_start_once() {
    let start = Instant::now();
    let mut queue = Queue::new(MBIT);
    for later_s in [0, 60] {
        let now = start + Duration::from_secs(later_s);
        for n in 0..40 {
            queue.push(now, Class::Video, 1000, n);
        }
        let at_once = std::iter::from_fn(|| queue.pop(now)).count();
        assert_eq!(at_once > 14, later_s == 0, "{at_once}");
        assert!(at_once <= 14 + 3, "{at_once}");
        run(&mut queue, now, Duration::from_secs(5));
    }
}

/// Lets the queue run for `length` of virtual time and gives what left, with its time in milliseconds.
fn run<T>(queue: &mut Queue<T>, start: Instant, length: Duration) -> Vec<(f64, T)> {
    let mut left = Vec::new();
    let mut now = start;
    while now <= start + length {
        while let Some(item) = queue.pop(now) {
            left.push((now.duration_since(start).as_secs_f64() * 1000.0, item));
        }
        match queue.next_time() {
            Some(next) => {
                assert!(next > now, "no progress");
                now = next;
            }
            None => break,
        }
    }
    left
}

#[test]
fn a_key_frame_is_spread_over_time_at_two_and_a_half_times_the_target() {
    let start = Instant::now();
    let mut queue = begun(MBIT);
    for n in 0..100 {
        queue.push(start, Class::Video, 1000, n);
    }
    let left = run(&mut queue, start, Duration::from_secs(2));
    assert_eq!(left.len(), 100);
    // 100 kB at 2.5 Mbit/s are 320 ms.
    assert!((left[99].0 - 320.0).abs() < 10.0, "{}", left[99].0);
    assert!(left.windows(2).all(|pair| pair[0].1 < pair[1].1), "in order");
}

#[test]
fn over_a_way_with_a_queue_no_more_leaves_than_the_target_allows() {
    let start = Instant::now();
    let mut queue = begun(MBIT);
    queue.set_full(start, true);
    for n in 0..50 {
        queue.push(start, Class::Video, 1000, "picture");
        queue.push(start, Class::Retransmission(n), 1000, "again");
    }
    let left = run(&mut queue, start, Duration::from_millis(400));
    // A tenth more than 1 Mbit/s for 400 ms.
    assert!((54..=57).contains(&left.len()), "{}", left.len());
    let pictures = left.iter().filter(|(_, item)| *item == "picture").count();
    assert!(pictures <= 7, "what is sent again goes first: {pictures}");
    queue.set_full(start + Duration::from_millis(400), false);
    let rest = run(
        &mut queue,
        start + Duration::from_millis(400),
        Duration::from_millis(200),
    );
    assert_eq!(left.len() + rest.len(), 100);
}

#[test]
fn over_a_way_that_carries_no_more_than_the_target_a_large_picture_makes_no_long_queue_and_a_usual_one_does_not_wait()
 {
    let start = Instant::now();
    for (packets, least_ms, most_ms) in [
        (4, 8.0, 13.0),
        (12, 30.0, 50.0),
        (40, 250.0, 270.0),
        (100, 710.0, 730.0),
    ] {
        let mut queue = begun(MBIT);
        queue.set_narrow(start, true);
        for n in 0..packets {
            queue.push(start, Class::Video, 1000, n);
        }
        let left = run(&mut queue, start, Duration::from_secs(2));
        let last_ms = left[packets - 1].0;
        assert!((least_ms..most_ms).contains(&last_ms), "{packets}: {last_ms}");
        // Whatever left when: the way is that much behind at most.
        let behind_ms = left.iter().map(|(at, n)| (n + 1) as f64 * 8.0 - at);
        let behind_ms = behind_ms.fold(0.0, f64::max);
        assert!(behind_ms <= 85.0, "{packets}: {behind_ms}");
    }
}

#[test]
fn what_cannot_be_sent_again_in_time_is_given_up_with_the_pictures_behind_it_where_the_way_is_full() {
    let start = Instant::now();
    let mut queue = begun(MBIT);
    queue.push(start, Class::Video, 1000, 0);
    // A quarter of a second are 31 packets.
    for n in 0..40 {
        assert!(!queue.is_hopeless());
        queue.push(start, Class::Retransmission(n), 1000, n);
    }
    assert!(
        !queue.is_hopeless(),
        "the way has no queue: it is there in a tenth of a second"
    );
    queue.set_full(start, true);
    assert!(queue.is_hopeless());
    queue.push(start, Class::Audio, 100, 99);
    queue.give_up();
    assert!(!queue.is_hopeless());
    assert_eq!(queue.take_drops().late, 41);
    let left = run(&mut queue, start, Duration::from_secs(1));
    assert_eq!(left.len(), 1, "sound is never given up");
    queue.push(start, Class::Retransmission(7), 1000, 7);
    assert_eq!(queue.take_drops().repeated, 0);
}

#[test]
fn sound_never_waits_whatever_else_is_queued() {
    let start = Instant::now();
    let mut queue = begun(MBIT);
    for _ in 0..1000 {
        queue.push(start, Class::Video, 1200, "picture");
    }
    run(&mut queue, start, Duration::from_millis(100));
    let now = start + Duration::from_millis(101);
    for _ in 0..5 {
        queue.push(now, Class::Audio, 200, "sound");
    }
    for _ in 0..5 {
        assert_eq!(queue.pop(now), Some("sound"));
    }
}

#[test]
fn retransmissions_pass_pictures_and_use_the_same_budget() {
    let start = Instant::now();
    let mut queue = begun(MBIT);
    for _ in 0..50 {
        queue.push(start, Class::Video, 1000, "picture");
    }
    for n in 0..50 {
        queue.push(start, Class::Retransmission(n), 1000, "again");
    }
    let left = run(&mut queue, start, Duration::from_secs(1));
    assert!(left[..50].iter().all(|(_, item)| *item == "again"));
    assert!((left[99].0 - 320.0).abs() < 10.0);
}

#[test]
fn retransmissions_that_waited_too_long_are_dropped_and_counted() {
    let start = Instant::now();
    let mut queue = begun(Bitrate::from_kbps(100));
    for n in 0..40 {
        queue.push(start, Class::Retransmission(n), 1000, ());
    }
    let left = run(&mut queue, start, Duration::from_secs(3)).len() as u64;
    let drops = queue.take_drops();
    assert_eq!((drops.full, left + drops.late), (0, 40));
    assert!(drops.late > 0);
}

#[test]
fn the_queue_is_long_when_its_pictures_need_a_quarter_second() {
    let now = Instant::now();
    let mut queue = begun(MBIT);
    // 2.5 Mbit/s make 78 kB in 250 ms.
    for _ in 0..78 {
        queue.push(now, Class::Video, 1000, ());
    }
    assert!(!queue.is_long());
    queue.push(now, Class::Video, 1000, ());
    assert!(queue.is_long());
    queue.set_target(Bitrate::from_kbps(2000));
    assert!(!queue.is_long(), "a higher target makes the same queue shorter");
}

#[test]
fn the_queue_is_bounded_even_if_nobody_listens() {
    let now = Instant::now();
    let mut queue = begun(MBIT);
    for _ in 0..PACKETS_MAX + 10 {
        queue.push(now, Class::Video, 1000, ());
    }
    assert_eq!(queue.take_drops().full, 10);
}

#[test]
fn a_probe_leaves_at_its_own_rate_and_is_filled_up() {
    let start = Instant::now();
    let mut queue = begun(MBIT);
    queue.push(start, Class::Video, 1000, "picture");
    queue.begin_probe(start, 7, 4e6, 6000);
    let (mut now, mut left) = (start, Vec::new());
    while let Some(id) = queue.probe() {
        assert_eq!(id, 7);
        if queue.pop(now).is_some() {
            left.push("picture");
        } else if queue.wants_padding() {
            queue.padded(1000);
            left.push("padding");
        } else {
            let next = queue.next_time().unwrap();
            assert!(next > now, "no progress");
            now = next;
        }
    }
    assert_eq!(left.len(), 6);
    assert_eq!(left[0], "picture", "what is there goes first");
    // The last of six packets leaves after five intervals of 2 ms.
    let took_ms = now.duration_since(start).as_secs_f64() * 1000.0;
    assert!((took_ms - 10.0).abs() < 0.5, "{took_ms}");
    assert_eq!(queue.next_time(), None, "and it is over");
}

#[test]
fn an_idle_queue_asks_for_no_time_and_saves_up_only_a_small_burst() {
    let start = Instant::now();
    let mut queue = begun(MBIT);
    assert_eq!(queue.next_time(), None);
    queue.push(start, Class::Video, 1000, 0);
    run(&mut queue, start, Duration::from_secs(1));
    assert_eq!(queue.next_time(), None);
    let later = start + Duration::from_secs(10);
    for n in 0..100 {
        queue.push(later, Class::Video, 1000, n);
    }
    let at_once = std::iter::from_fn(|| queue.pop(later)).count();
    assert!(at_once <= 3, "{at_once} left at once");
}

#[test]
fn a_retransmission_asked_for_again_while_it_waits_goes_once() {
    let start = Instant::now();
    let mut queue = begun(MBIT);
    for number in [7, 8, 7, 7] {
        queue.push(start, Class::Retransmission(number), 3000, number);
    }
    let numbers: Vec<_> = run(&mut queue, start, Duration::from_secs(1))
        .into_iter()
        .map(|(_, n)| n)
        .collect();
    assert_eq!(numbers, [7, 8]);
    assert_eq!(queue.take_drops().repeated, 2);
}

#[test]
fn a_flood_of_requests_is_looked_up_and_never_searched_through() {
    let start = Instant::now();
    let mut queue = begun(MBIT);
    let most = PACKETS_MAX as u64;
    // Every packet that can wait, asked for a hundred times: going through the queue each time would look at 800 million.
    for _ in 0..100 {
        for number in 0..most - 1 {
            queue.push(start, Class::Retransmission(number), 1200, number);
        }
    }
    assert_eq!(queue.asked.len(), queue.retransmissions.len());
    let drops = queue.take_drops();
    assert_eq!((drops.repeated, drops.full), (99 * (most - 1), 0));
    // What left or was given up may be asked for again.
    let left = run(&mut queue, start, Duration::from_secs(2)).len() as u64;
    assert_eq!(left + queue.take_drops().late, most - 1);
    assert!(queue.asked.is_empty());
    queue.push(start + Duration::from_secs(2), Class::Retransmission(1), 1200, 1);
    assert_eq!(queue.take_drops().repeated, 0);
}
