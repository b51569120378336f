//! libFuzzer's way into `netsplit_fuzz::decoder`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| netsplit_fuzz::decoder::check(input));
