//! libFuzzer's way into `netsplit_fuzz::resolver`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| netsplit_fuzz::resolver::check(input));
