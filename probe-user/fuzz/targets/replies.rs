//! libFuzzer's way into `netsplit_fuzz::replies`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| netsplit_fuzz::replies::check(input));
