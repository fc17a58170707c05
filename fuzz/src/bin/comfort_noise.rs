//! `fuzz_bodies::comfort_noise` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_bodies::comfort_noise(data));
