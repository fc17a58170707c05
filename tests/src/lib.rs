//! The virtual-time harness: a platform, its phones and the network between them, in one thread, from one seed.
//!
//! ```text
//!   Simulation ── one clock, one seed, one thread
//!     ├─ Platform   Router, Signaling and Switch (one shard), Voice workers, Store: the cores of a server, no shell
//!     ├─ Network    delay, jitter, loss, doubling, reordering; streams in pieces; NAT boxes
//!     └─ Phone…     scripted user agents of the tests' own: phones, trunks
//! ```
//!
//! A scenario tells phones what to do, lets virtual time pass, asserts what they saw, and calls [`Simulation::finish`], which
//! checks what must hold after every scenario: [`invariants`].

pub mod hand;
pub mod invariants;
pub mod network;
pub mod peer;
pub mod phone;
pub mod platform;
pub mod simulation;
pub mod trunk;
pub mod zone;

pub use hand::Hand;
pub use network::Conditions;
pub use phone::{Action, Behaviour, Ending, HoldStyle, PhoneConfig, Step, Then};
pub use platform::PlatformConfig;
pub use simulation::Simulation;
pub use zone::Zone;
