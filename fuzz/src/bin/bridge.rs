//! `fuzz_bodies::bridge` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_bodies::bridge(data));
