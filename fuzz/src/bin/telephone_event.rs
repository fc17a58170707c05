//! `fuzz_bodies::telephone_event` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_bodies::telephone_event(data));
