//! libFuzzer's way into `netsplit_fuzz::policy`.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| netsplit_fuzz::policy::check(input));
