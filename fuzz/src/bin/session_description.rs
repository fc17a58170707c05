//! `fuzz_bodies::session_description` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_bodies::session_description(data));
