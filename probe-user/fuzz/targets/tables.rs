//! libFuzzer's way into `netsplit_fuzz::tables`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| netsplit_fuzz::tables::check(input));
