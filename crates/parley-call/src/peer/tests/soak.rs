//! Opening and closing leaves nothing behind. On Linux, which tells what is open.

use super::pair::{PATIENCE, Pair};
use std::time::{Duration, Instant};

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Own runtime, so that only this test's tasks are counted. Other tests open files meanwhile, hence the generous bound: a
/// leak of one socket a connection would be sixty.
#[test]
fn thirty_connections_leave_no_task_and_no_socket_behind() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let (files_before, tasks_before) = (open_files(), tasks());
        let mut pair = Pair::spawn();
        for _ in 0..30 {
            pair.connect().await;
        }
        let in_call = tasks();
        assert!(
            in_call <= tasks_before + 14,
            "{in_call} tasks while two peers are connected"
        );
        pair.close().await;
        let end = Instant::now() + PATIENCE;
        while tasks() > tasks_before {
            assert!(Instant::now() < end, "{} tasks are left", tasks());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let left = open_files().saturating_sub(files_before);
        assert!(left < 30, "{left} files are left");
    });
}
