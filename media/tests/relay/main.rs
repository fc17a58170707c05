//! A worker's core in virtual time, through its service face and a simulated network.

mod builtins;
mod continuity;
mod network;
mod ports;
mod reports;
mod robustness;
mod sources;
