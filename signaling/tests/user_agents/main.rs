//! User agents and the registrar from outside: what peers and the switch see.

mod basic;
mod harness;
mod peer;
