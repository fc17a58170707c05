//! Calls through the switch in virtual time, against scripted signaling, voice and store modules at a real router.

mod basic;
mod harness;
