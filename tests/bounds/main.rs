//! Memory and work of the decoders: what any octets make them allocate, and how it grows.
//!
//! Every allocation of the measured thread is counted. Over corpora, vectors, random octets and
//! inputs made to hurt, no decoder and no outline may hold, or ask for in all, more than the named
//! multiples of `mm1gate::codec`; and four times the input may not cost much more than four times
//! the allocations.
//!
//! A decoder that copies its input again and again shows there. One that only reads it again shows
//! in the instructions it takes, which people can count for any pair and two sizes:
//!
//!     MM1GATE_BOUNDS=smil/smil-brackets/20000 \
//!         valgrind --tool=callgrind --callgrind-out-file=/dev/null \
//!         target/debug/deps/bounds-<hash> one_for_counting_instructions

mod adversarial;
mod bearer;
mod decoders;
#[path = "../fuzz/src/inputs.rs"]
mod inputs;

use std::path::Path;

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use mm1gate::codec::{MAX_ALLOCATED, MAX_ALLOCATED_PER_OCTET, MAX_MEMORY, MAX_MEMORY_PER_OCTET};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use adversarial::GENERATORS;
use decoders::{DECODERS, Decoder};

/// Octets of the adversarial inputs; four times as many besides.
const OCTETS: usize = 20_000;

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn cost(decoder: &Decoder, input: &Bytes) -> AllocationInfo {
    measure(|| (decoder.run)(input))
}

/// Fails when the decoder needs more for this input than is named.
fn check(decoder: &Decoder, name: &str, input: &Bytes) {
    let cost = cost(decoder, input);
    let held = usize::try_from(cost.bytes_max).expect("a size");
    let asked = usize::try_from(cost.bytes_total).expect("a size");
    assert!(
        held <= MAX_MEMORY + MAX_MEMORY_PER_OCTET * input.len(),
        "{} holds {held} octets for {} of {name}",
        decoder.name,
        input.len()
    );
    assert!(
        asked <= MAX_ALLOCATED + MAX_ALLOCATED_PER_OCTET * input.len(),
        "{} asks for {asked} octets in all for {} of {name}",
        decoder.name,
        input.len()
    );
}

#[test]
fn vectors_and_corpora_stay_within_the_bounds() {
    let mut all = Vec::new();
    for folder in ["tests/vectors", "tests/fuzz/corpus"] {
        for entry in std::fs::read_dir(project().join(folder)).expect("a folder").flatten() {
            let kind = entry.file_name().into_string().expect("a plain name");
            if folder == "tests/vectors" {
                all.extend(inputs::vectors(project(), &[&kind]));
            } else {
                all.extend(inputs::corpus(project(), &kind));
            }
        }
    }
    assert!(all.len() > 300, "only {} inputs", all.len());
    for input in all {
        let octets = Bytes::from(input.octets);
        for decoder in DECODERS {
            check(decoder, &input.name, &octets);
        }
    }
}

#[test]
fn random_octets_stay_within_the_bounds() {
    for seed in 0..60 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut octets = vec![0; random.random_range(1..6000)];
        random.fill_bytes(&mut octets);
        // Half of them with the octets that formats are made of.
        if seed % 2 == 0 {
            for octet in &mut octets {
                *octet = b"\x00\x01\x02\x1F\x7E\x7F\x80\x83\x84\x8C\xA3<=\"&\r\n+,"
                    [usize::from(*octet) % 19];
            }
        }
        let octets = Bytes::from(octets);
        for decoder in DECODERS {
            check(decoder, &format!("random octets of seed {seed}"), &octets);
        }
    }
}

#[test]
fn inputs_made_to_hurt_stay_within_the_bounds() {
    for generator in GENERATORS {
        for octets in [64, OCTETS / 10, OCTETS] {
            let input = Bytes::from((generator.make)(octets));
            for decoder in DECODERS {
                check(decoder, generator.name, &input);
            }
        }
    }
}

#[test]
fn allocations_grow_no_faster_than_the_input() {
    for generator in GENERATORS {
        for decoder in DECODERS {
            let total = |octets| {
                let input = Bytes::from((generator.make)(octets));
                cost(decoder, &input).bytes_total
            };
            let (once, four) = (total(OCTETS), total(4 * OCTETS));
            // Linear is four times as much, quadratic would be sixteen times. The room is for lists
            // that double their capacity at another place; a few copies of the input are little.
            let little = 10 * u64::try_from(4 * OCTETS).expect("a size");
            assert!(
                four <= 6 * once || four <= little,
                "{} over {}: {once} octets, then {four}",
                decoder.name,
                generator.name
            );
        }
    }
}

/// The decoder that the generator is meant for does look at the input: otherwise the other tests
/// would say nothing.
#[test]
fn every_generator_reaches_a_decoder() {
    for generator in GENERATORS {
        let reaches = |decoder: &&Decoder| {
            let cost = |octets| cost(decoder, &Bytes::from((generator.make)(octets)));
            cost(4000).count_total > 2 * cost(40).count_total.max(8)
        };
        let reached: Vec<&str> =
            DECODERS.iter().filter(reaches).map(|decoder| decoder.name).collect();
        assert!(!reached.is_empty(), "{} hurts nobody", generator.name);
    }
}

/// One decoder over one input, for counting instructions from outside:
/// `MM1GATE_BOUNDS=decoder/generator/octets`. Without it there is nothing to run.
#[test]
fn one_for_counting_instructions() {
    let Ok(what) = std::env::var("MM1GATE_BOUNDS") else { return };
    let [decoder, generator, octets] = what.split('/').collect::<Vec<_>>()[..] else {
        panic!("decoder/generator/octets");
    };
    let decoder = DECODERS.iter().find(|known| known.name == decoder).expect("a decoder");
    let generator = GENERATORS.iter().find(|known| known.name == generator).expect("a generator");
    let input = Bytes::from((generator.make)(octets.parse().expect("a number")));
    (decoder.run)(&input);
}
