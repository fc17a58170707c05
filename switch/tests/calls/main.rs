//! Calls through the switch in virtual time, against scripted signaling, voice and store modules at a real router.

#![expect(clippy::unwrap_used, reason = "what a test expects and does not find is its failure")]

mod basic;
mod branches;
mod early_media;
mod fork;
mod harness;
mod hold;
mod lost_answers;
mod offerless;
mod originate;
mod random;
mod records;
mod relay;
mod timeouts;
mod transfer;
mod trunk_failover;
