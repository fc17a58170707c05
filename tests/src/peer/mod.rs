//! Real peers on the loopback interface, in real time: the built server, SIPp, baresip, sipsak, sockets of our own.
//!
//! ```text
//!   Site ── a temporary folder and an address of 127.0.0.0/8 that nobody else has
//!    ├─ Server    the built `tandem`, its control socket, its command line
//!    ├─ Sipp      scenarios
//!    ├─ Baresip   a phone with a wave file for a microphone and one for a loudspeaker
//!    └─ Wire      datagrams and streams by hand
//! ```
//!
//! Everything ends by itself: each process has a bound of its own and is killed with what started it. Waiting is for something
//! that is looked at again and again, with time to spare for a slow machine. When a test fails, the site prints all logs.
//!
//! - [`site`], [`process`], [`wait`], [`ports`]: the ground.
//! - [`server`], [`control`], [`exposition`]: Tandem.
//! - [`sipp`], [`baresip`], [`kamailio`], [`sipsak`], [`coturn`], [`rtpengine`], [`wire`], [`streamer`], [`foreign`]: peers.
//! - [`name_server`]: names. [`relay`], [`namespace`]: bad networks between them. [`speaker`]: a platform by hand.
//! - [`tone`], [`wav`], [`voice`]: what is heard, and said for a SIPp that only signals.

pub mod baresip;
pub mod certificates;
pub mod control;
pub mod coturn;
pub mod exposition;
pub mod foreign;
pub mod kamailio;
pub mod name_server;
pub mod namespace;
pub mod openssl;
pub mod ports;
pub mod process;
pub mod relay;
pub mod rtpengine;
pub mod server;
pub mod sipp;
pub mod sipsak;
pub mod site;
pub mod speaker;
pub mod streamer;
pub mod tone;
pub mod voice;
pub mod wait;
pub mod wav;
pub mod websocket;
pub mod wire;

pub use baresip::Baresip;
pub use certificates::Authority;
pub use control::Control;
pub use foreign::Foreign;
pub use name_server::NameServer;
pub use namespace::Network;
pub use ports::Host;
pub use process::Process;
pub use relay::{Relay, UdpRelay};
pub use server::Server;
pub use sipp::Sipp;
pub use site::Site;
pub use speaker::{Said, Speaker};
pub use streamer::Streamer;
pub use voice::Voice;
pub use websocket::Browser;
pub use wire::Wire;
