//! How fast the codecs are: criterion's figures for this machine, and a table of the ratios that
//! matter, each measured inside one run (see `benches/README.md`).

#[path = "codec/inputs.rs"]
mod inputs;
#[path = "codec/paired.rs"]
mod paired;
#[path = "codec/plain.rs"]
mod plain;
#[path = "codec/ratios.rs"]
mod ratios;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use mm1gate::codec::{mms, ppp, smil};

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .sample_size(40)
        .configure_from_args();
    pdus(&mut criterion);
    lines(&mut criterion);
    presentations(&mut criterion);
    criterion.final_summary();
    // `cargo test --benches` only wants to know that everything runs.
    let trial = std::env::args().any(|argument| argument == "--test");
    if !trial {
        ratios::print();
    }
}

fn pdus(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("m-retrieve.conf");
    for size in inputs::SIZES {
        let octets = inputs::retrieve_conf(size);
        group.throughput(Throughput::Bytes(octets.len() as u64));
        group.bench_with_input(BenchmarkId::new("decode", size), &octets, |bench, octets| {
            bench.iter(|| mms::decode(black_box(octets)));
        });
        group.bench_with_input(BenchmarkId::new("Vec::from", size), &octets, |bench, octets| {
            bench.iter(|| Vec::from(black_box(&octets[..])));
        });
        let pdu = mms::decode(&octets).expect("a PDU made by hand").value;
        group.bench_with_input(BenchmarkId::new("encode", size), &pdu, |bench, pdu| {
            bench.iter(|| black_box(pdu).encode());
        });
    }
    group.finish();
    let octets = inputs::notification_ind();
    criterion.bench_function("m-notification.ind/decode", |bench| {
        bench.iter(|| mms::decode(black_box(&octets)));
    });
}

fn lines(criterion: &mut Criterion) {
    let packets = inputs::packets();
    let mut group = criterion.benchmark_group("hdlc");
    group.throughput(Throughput::Bytes(inputs::FRAME as u64));
    group.bench_function("fcs", |bench| bench.iter(|| ppp::fcs16(0xFFFF, black_box(&packets[0]))));
    for (name, accm) in inputs::ACCMS {
        let format = ppp::FrameFormat { accm, acfc: false, pfc: false };
        let mut line = Vec::new();
        let mut turn = packets.iter().cycle();
        group.bench_function(BenchmarkId::new("frame", name), |bench| {
            bench.iter(|| {
                line.clear();
                if let Some(packet) = turn.next() {
                    format.encode(inputs::IP, black_box(packet), &mut line);
                }
            });
        });
        let lines = inputs::lines(accm, &packets);
        let mut turn = lines.iter().cycle();
        let mut deframer = ppp::Deframer::new(inputs::LIMIT);
        group.bench_function(BenchmarkId::new("deframe", name), |bench| {
            bench.iter(|| {
                if let Some(line) = turn.next() {
                    deframer.feed(black_box(line), |one| {
                        black_box(&one);
                    });
                }
            });
        });
    }
    group.finish();
}

fn presentations(criterion: &mut Criterion) {
    let document = inputs::presentation(20);
    let mut group = criterion.benchmark_group("smil");
    group.throughput(Throughput::Bytes(document.len() as u64));
    group.bench_function("decode", |bench| {
        bench.iter(|| smil::decode(black_box(document.as_bytes()), None));
    });
    group.finish();
}
