//! User agents and the registrar from outside: what peers and the switch see.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod admission;
mod another_offer;
mod asymmetric;
mod bans;
mod basic;
mod bodies;
mod challenges;
mod conference;
mod emergency;
mod faults;
mod harness;
mod incoming;
mod interfaces;
mod lamps_storm;
mod log;
mod messages;
mod moved;
mod offers;
mod outbound;
mod outgoing;
mod peer;
mod phone_flows;
mod random;
mod refusals;
mod registering;
mod registrar;
mod reliable;
mod replaces;
mod session;
mod session_timers;
mod stun;
mod subscriptions;
mod torture;
mod transfer;
mod unheard;
