//! cargo-fuzz target `link`; what it checks stands in `src/properties`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| mm1gate_fuzz::check("link", octets));
