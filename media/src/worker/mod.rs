//! The shell of a worker: one thread, one poll loop, the sockets.

mod batch;
mod clock;
mod load;
mod run;
mod sockets;
mod stamps;

pub use clock::Clock;
pub use run::{Ended, Stop, Worker};
pub use sockets::Sockets;
