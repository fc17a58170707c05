//! Platforms in virtual time: meshes, ways through others, faults of every kind, each from a seed.

mod faults;
mod mesh;
mod network;
mod node;
mod storms;
