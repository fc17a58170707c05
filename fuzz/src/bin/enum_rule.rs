//! `fuzz_bodies::enum_rule` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_bodies::enum_rule(data));
