//! Drives every fuzz body on stable Rust: first the corpus as it is, then mutants of it for a while.
//!
//! `PARLEY_FUZZ_SECONDS` says for how long each (two by default), `PARLEY_FUZZ_SEED` where chance begins. A finding is
//! written to the corpus, so that it is tried ever after, and named in the failure.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a driver of tests: it has a clock, threads, and fails loudly"
)]

use parley_fuzz::{Body, TARGETS, mutate::mutant};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A body that works on one input for so long hangs.
const HANG: Duration = Duration::from_secs(30);

#[test]
fn no_input_breaks_a_promise() {
    let seconds = number("PARLEY_FUZZ_SECONDS").unwrap_or(2);
    let seed = number("PARLEY_FUZZ_SEED").unwrap_or(1);
    let findings: Vec<String> = TARGETS
        .iter()
        .filter_map(|(name, body)| search(name, *body, Duration::from_secs(seconds), seed).err())
        .collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn every_corpus_belongs_to_a_target() {
    let folders = fs::read_dir(corpus_folder("")).unwrap();
    for folder in folders {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(
            parley_fuzz::target(&name).is_some(),
            "corpus/{name} belongs to no target"
        );
    }
}

#[test]
fn a_broken_promise_is_found_and_kept() {
    let folder = std::env::temp_dir().join(format!("parley-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("seed"), b"planted fault").unwrap();
    let body = |data: &[u8]| assert!(data.len() < 8 || data[3] != b'n' + 1, "the planted fault");
    let finding = search_in("planted", body, Duration::from_secs(20), 1, &folder).unwrap_err();
    assert!(finding.contains("the planted fault"), "{finding}");
    let kept = fs::read_dir(&folder).unwrap().count();
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(kept, 2, "the seed and the finding");
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn corpus_folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name)
}

fn search(name: &str, body: Body, time: Duration, seed: u64) -> Result<(), String> {
    search_in(name, body, time, seed, &corpus_folder(name))
}

/// Runs `body` in a thread of its own and watches that it goes on.
fn search_in(name: &str, body: Body, time: Duration, seed: u64, folder: &Path) -> Result<(), String> {
    let corpus = read_corpus(folder);
    assert!(!corpus.is_empty(), "{} holds no seeds", folder.display());
    let current = Arc::new(Mutex::new(Vec::new()));
    let (progress, watched) = sync_channel(1);
    let tried = Arc::clone(&current);
    let runner = thread::spawn(move || run(body, &corpus, time, seed, &tried, &progress));
    loop {
        match watched.recv_timeout(HANG) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => {
                let input = current.lock().unwrap().clone();
                return Err(keep(folder, name, &input, "it works on this input without end"));
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    match runner.join().unwrap() {
        Ok(count) => {
            eprintln!("{name}: {count} inputs, seed {seed}");
            Ok(())
        }
        Err(why) => {
            let input = current.lock().unwrap().clone();
            Err(keep(folder, name, &input, &why))
        }
    }
}

fn run(
    body: Body,
    corpus: &[Vec<u8>],
    time: Duration,
    seed: u64,
    current: &Mutex<Vec<u8>>,
    progress: &SyncSender<()>,
) -> Result<u64, String> {
    let mut rng = StdRng::seed_from_u64(seed);
    let until = Instant::now() + time;
    let mut count = 0;
    let mut seeds = corpus.iter();
    loop {
        let input = match seeds.next() {
            Some(seed) => seed.clone(),
            None if Instant::now() >= until => return Ok(count),
            None => mutant(corpus, &mut rng),
        };
        current.lock().unwrap().clone_from(&input);
        catch_unwind(|| body(&input)).map_err(|panic| {
            panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .unwrap_or_else(|| "it panics".to_owned())
        })?;
        count += 1;
        // Full means that the watcher knows already.
        let _ = progress.try_send(());
    }
}

fn read_corpus(folder: &Path) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect();
    // The order of a folder is chance, the search is not.
    files.sort();
    files.into_iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Writes a finding down; the sentence that says so.
fn keep(folder: &Path, name: &str, input: &[u8], why: &str) -> String {
    // FNV-1a: a name that is the same for the same input.
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let file = folder.join(format!("finding-{hash:016x}"));
    fs::write(&file, input).unwrap();
    format!(
        "fuzz target `{name}` breaks a promise: {why}\n  The input ({} bytes) is kept in {}: mend the fault and commit the file.",
        input.len(),
        file.display()
    )
}
