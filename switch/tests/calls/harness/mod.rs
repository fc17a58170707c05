//! A platform with one switch, and everything around it scripted.

mod acts;
mod bridge;
mod client;
mod description;
mod place;
mod seen;
mod signaling;
mod store;
mod voice;
mod world;

pub(crate) use acts::dialog;
pub(crate) use bridge::{WEST, west};
pub(crate) use description::*;
pub(crate) use place::Fault;
pub(crate) use world::World;
