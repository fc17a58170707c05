//! A worker's core in virtual time, through its service face and a simulated network.

#![expect(clippy::unwrap_used, reason = "a test may unwrap, and so may what it is made of")]

mod builtins;
mod conference;
mod continuity;
mod handshakes;
mod keys;
mod moving;
mod network;
mod ports;
mod reports;
mod robustness;
mod secure;
mod sources;
mod talk;
mod transcoding;
mod turn;
mod turn_server;
mod ways;
