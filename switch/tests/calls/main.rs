//! Calls through the switch in virtual time, against scripted signaling, voice and store modules at a real router.

#![expect(clippy::unwrap_used, reason = "what a test expects and does not find is its failure")]

mod attended;
mod basic;
mod branches;
mod conference;
mod connected;
mod early_media;
mod fork;
mod guards;
mod harness;
mod hold;
mod host;
mod keys;
mod lost_answers;
mod offerless;
mod operator;
mod originate;
mod overload;
mod pick_up;
mod platforms;
mod provisional;
mod random;
mod rates;
mod records;
mod redirects;
mod refusals;
mod relay;
mod relayed;
mod ringback;
mod timeouts;
mod transcoding;
mod transfer;
mod trunk_failover;
mod ways;
mod withdrawn;
