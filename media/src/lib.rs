//! Voice: RTP and RTCP, port pairs, sessions that relay between them, and the pinned worker.
//!
//! ```text
//!        packets (router)                         datagrams (phones, trunks)
//!              │                                            │
//!      ┌───────▼────────┐   Open, Connect, Set, Close  ┌────▼─────┐
//!      │    service     ├─────────────────────────────▶│ session  │  port ─ learn ─ receive ─ relay ─▶ port
//!      │ Voice<W: Wire> │                              │          │  builtin: echo, tones, silence
//!      └───────┬────────┘                              └────┬─────┘
//!              │ takes, gives back                          │ send, connect
//!         ┌────▼─────┐            ┌─────────┐          ┌────▼─────┐
//!         │   pool   │            │  rtcp   │          │   Wire   │ the worker's sockets, or a test's network
//!         └──────────┘            └─────────┘          └──────────┘
//! ```
//!
//! - [`service`]: packets to machines; the pure core of a worker, generic over [`Wire`].
//! - [`session`]: what a call has here: ports, their plans, the learning of sources, the rewriting of packets, built-ins.
//! - [`conference`]: everybody hears everybody else: jitter, mixing, seats.
//! - [`transcoding`]: a way through between two legs that share no format: order, gaps, keys.
//! - [`rtp`]: the header view and the sequence machine (RFC 3550, RFC 3551).
//! - [`srtp`]: what is sent and received under keys (RFC 3711), sealed and opened in place.
//! - [`dtls`]: where their keys come about in the media itself (RFC 5763).
//! - [`ice`]: which way leads to a peer, where it offers to have that checked (RFC 8445).
//! - [`turn`]: addresses at a server that relays for us, where the world does not reach a port (RFC 8656).
//! - [`rtcp`]: the packet view, reception statistics, reports and their interval (RFC 3550 §6, RFC 5761).
//! - [`quality`]: how a leg sounds: bursts of loss, ratings of the E-model.
//! - [`pool`]: pairs of ports, first in first out, with a quarantine.
//! - [`Passages`]: ports that go from one worker to another.
//! - [`worker`]: the shell: a thread, an mio loop, sockets.
//! - [`status`]: what a worker counts.
//!
//! RFCs: 3550, 3551, 3711, 4733 (relayed), 4961 (symmetric RTP), 5761 (RTP and RTCP on one port), 5763, 5764, 6188, 7160 (changing clocks), 7675, 7714, 7983, 8445, 8489, 8656.

pub mod conference;
pub mod config;
pub mod dtls;
pub mod ice;
pub mod limits;
mod passage;
pub mod pool;
pub mod quality;
pub mod rtcp;
pub mod rtp;
pub mod service;
pub mod session;
pub mod srtp;
pub mod status;
pub mod transcoding;
pub mod turn;
pub mod wire;
pub mod worker;

pub use config::{Config, ConfigError, Interface, PortRange};
pub use dtls::Identity;
pub use passage::Passages;
pub use service::Voice;
pub use transcoding::{served_codecs, spoken_codecs};
pub use turn::RelayServer;
pub use wire::{Carried, Channel, Destination, OpenFailure, PairIndex, Wire};
pub use worker::{Ended, Stop, Worker};
