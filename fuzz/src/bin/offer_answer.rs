//! `fuzz_bodies::offer_answer` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz_bodies::offer_answer(data));
