//! Changes bytes at random, the way parsers dislike: flips, edges of number ranges, cuts, copies, and parts of other inputs.

use rand::rngs::StdRng;
use rand::{RngExt as _, seq::IndexedRandom as _};

/// No mutant grows beyond this.
const BYTES_MAX: usize = 16 * 1024;
/// Numbers at which something tips over.
const EDGES: [u32; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    u32::MAX,
];

/// A mutant of one of `corpus`, which must not be empty; up to eight changes.
pub fn mutant(corpus: &[Vec<u8>], rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = corpus.choose(rng).cloned().unwrap_or_default();
    for _ in 0..rng.random_range(1..=8) {
        change(&mut bytes, corpus, rng);
    }
    bytes.truncate(BYTES_MAX);
    bytes
}

fn change(bytes: &mut Vec<u8>, corpus: &[Vec<u8>], rng: &mut StdRng) {
    let (from, to) = range(bytes.len(), rng);
    match rng.random_range(0..10) {
        0 if from < bytes.len() => bytes[from] ^= 1 << rng.random_range(0..8),
        1 if from < bytes.len() => bytes[from] = rng.random(),
        2 if from < bytes.len() => {
            bytes[from] = bytes[from].wrapping_add(rng.random_range(0..3)).wrapping_sub(1);
        }
        3 => drop(bytes.drain(from..to)),
        4 => bytes.truncate(from),
        5 => {
            let copy = bytes[from..to].to_vec();
            bytes.splice(to..to, copy);
        }
        6 => {
            let edge = EDGES.choose(rng).copied().unwrap_or_default().to_be_bytes();
            let width = [1, 2, 4]
                .choose(rng)
                .copied()
                .unwrap_or(1)
                .min(bytes.len() - from);
            bytes[from..from + width].copy_from_slice(&edge[4 - width..]);
        }
        7 => {
            let byte = rng.random();
            bytes.insert(from, byte);
        }
        8 => {
            let other = corpus.choose(rng).map(Vec::as_slice).unwrap_or_default();
            let (start, end) = range(other.len(), rng);
            bytes.splice(from..to, other[start..end].iter().copied());
        }
        _ => {
            let other = corpus.choose(rng).map(Vec::as_slice).unwrap_or_default();
            let (start, end) = range(other.len(), rng);
            bytes.splice(from..from, other[start..end].iter().copied());
        }
    }
}

/// A range within `0..length`; short ones are more likely.
fn range(length: usize, rng: &mut StdRng) -> (usize, usize) {
    let from = rng.random_range(0..=length);
    let reach = (length - from).min(1 << rng.random_range(0..12));
    (from, from + rng.random_range(0..=reach))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    #[test]
    fn mutants_differ_stay_small_and_come_again_with_the_same_seed() {
        let corpus = [b"one".to_vec(), Vec::new(), vec![7; 1000]];
        let breed = |seed| {
            let mut rng = StdRng::seed_from_u64(seed);
            (0..2000).map(|_| mutant(&corpus, &mut rng)).collect::<Vec<_>>()
        };
        let mutants = breed(1);
        assert_eq!(mutants, breed(1));
        assert_ne!(mutants, breed(2));
        assert!(mutants.iter().all(|mutant| mutant.len() <= BYTES_MAX));
        let distinct: std::collections::HashSet<_> = mutants.iter().collect();
        assert!(distinct.len() > 1000, "{}", distinct.len());
    }
}
