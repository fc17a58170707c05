//! Platforms in virtual time: meshes, ways through others, faults of every kind, each from a seed.

#![expect(clippy::unwrap_used, reason = "a test may unwrap")]

mod churn;
mod faults;
mod ghosts;
mod hostile;
mod mesh;
mod network;
mod node;
mod order;
mod raw;
mod storms;
mod versions;
