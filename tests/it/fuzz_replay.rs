//! The fuzz targets' properties without a fuzzer: over their corpora, over every hand-made vector,
//! and over seeded mutations of both.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rand::rngs::SysRng;
use rand::{RngExt, SeedableRng, TryRng};
use rand_chacha::ChaCha8Rng;

use crate::fuzz_inputs::{Input, corpus, vectors};
use crate::fuzz_properties::{TARGETS, Target};

/// Mutations a target; a fuzzer does as many in a second.
const MUTATIONS: usize = 1500;

/// Longest mutated input, octets.
const MAX_OCTETS: usize = 2048;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The hand-made vectors of all kinds: what is meant for one decoder is good noise for another.
fn all_vectors() -> Vec<Input> {
    let folders = std::fs::read_dir(project().join("tests/vectors")).expect("the vectors");
    let mut kinds: Vec<String> =
        folders.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    kinds.sort();
    vectors(project(), &kinds.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Runs the check and says for which octets it failed.
fn check(&(target, property): &Target, name: &str, octets: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| property(octets))).is_err() {
        panic!("target {target} fails for {name}: {}", hex::encode(octets));
    }
}

#[test]
fn every_target_has_a_corpus_that_passes() {
    for target in TARGETS {
        let inputs = corpus(project(), target.0);
        assert!(!inputs.is_empty(), "{} has no corpus", target.0);
        for input in inputs {
            check(target, &input.name, &input.octets);
        }
    }
}

#[test]
fn every_vector_passes_every_target() {
    let vectors = all_vectors();
    assert!(vectors.len() > 100, "only {} vectors", vectors.len());
    for target in TARGETS {
        for input in &vectors {
            check(target, &input.name, &input.octets);
        }
    }
}

#[test]
fn every_corpus_and_program_belongs_to_a_target() {
    let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    for (folder, suffix) in [("corpus", ""), ("fuzz_targets", ".rs")] {
        let folder = project().join("tests/fuzz").join(folder);
        let mut found: Vec<String> = std::fs::read_dir(&folder)
            .expect("a folder")
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .map(|name| name.trim_end_matches(suffix).to_owned())
            .collect();
        found.sort();
        assert_eq!(found, names, "{}", folder.display());
    }
}

#[test]
fn corpora_stay_small() {
    let mut total = 0;
    for target in TARGETS {
        let inputs = corpus(project(), target.0);
        assert!(inputs.len() <= 160, "{}: {} files", target.0, inputs.len());
        total += inputs.iter().map(|input| input.octets.len()).sum::<usize>();
    }
    assert!(total <= 512 * 1024, "{total} octets");
}

#[test]
fn mutations_of_corpora_and_vectors_pass() {
    // Another one each time; `MM1GATE_FUZZ_SEED` repeats one.
    let seed = std::env::var("MM1GATE_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| SysRng.try_next_u64().expect("randomness"));
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let vectors = all_vectors();
    let mut counts = BTreeMap::new();
    for target in TARGETS {
        let corpus = corpus(project(), target.0);
        for number in 0..MUTATIONS {
            let bases = if random.random_ratio(1, 4) { &vectors } else { &corpus };
            let octets = mutated(bases, &mut random);
            check(target, &format!("mutation {number} of MM1GATE_FUZZ_SEED={seed}"), &octets);
            *counts.entry(target.0).or_insert(0) += 1;
        }
    }
    assert!(counts.values().all(|&count| count == MUTATIONS), "{counts:?}");
}

/// Octets that mean something in one of the formats: lengths, quotes, flags, limits of integers.
const TELLING: &[u8] =
    &[0x00, 0x01, 0x1E, 0x1F, 0x20, 0x22, 0x7D, 0x7E, 0x7F, 0x80, 0x81, 0x84, 0x8C, 0xEA, 0xFF];

fn mutated(bases: &[Input], random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut octets = bases[random.random_range(0..bases.len())].octets.clone();
    for _ in 0..random.random_range(1..=6) {
        let at = random.random_range(0..=octets.len());
        let end = random.random_range(at..=octets.len());
        match random.random_range(0..9) {
            0 => octets.truncate(at),
            1 => drop(octets.drain(at..end)),
            2 => octets.insert(at, TELLING[random.random_range(0..TELLING.len())]),
            3 => octets.insert(at, random.random()),
            4 => {
                let again = octets[at..end].to_vec();
                octets.splice(at..at, again);
            }
            5 => {
                let other = &bases[random.random_range(0..bases.len())].octets;
                let from = random.random_range(0..=other.len());
                octets.splice(at..end, other[from..].iter().copied());
            }
            kind => {
                if let Some(octet) = octets.get_mut(at) {
                    *octet = match kind {
                        6 => *octet ^ (1 << random.random_range(0..8)),
                        7 => TELLING[random.random_range(0..TELLING.len())],
                        _ => octet.wrapping_add(random.random_range(0..3)).wrapping_sub(1),
                    };
                }
            }
        }
    }
    octets.truncate(MAX_OCTETS);
    octets
}
