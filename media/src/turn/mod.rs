//! Addresses at a server that relays for us (TURN, RFC 8656), as a client: for ports that the world does not reach, or whose peer it does not. Pure: time and
//! chance are arguments, datagrams come and go by the port's own sockets.
//!
//! ```text
//!   port ══ our network, a NAT ══▶ server ── the relayed address ──▶ peer
//!
//!   Allocate ─▶ 401, realm, nonce ─▶ Allocate, sealed ─▶ the address      Refresh, Refresh, …, Refresh of 0 seconds
//!               300: another server                      CreatePermission for each host of the peer's that is to be checked
//!               437: what was left there is given back   ChannelBind for the address that its way leads to
//! ```
//! Each component of a port has an allocation of its own: the server tells them by the port's address. To the rest of the port, a peer that is reached by the server is at a
//! *place*, an address that no datagram ever comes from (`place`), so that ways, handshakes and what learns are what they are without. What is for a place is put into ChannelData
//! in the room that it is sent from, and what comes is taken out where it lies.
//!
//! | file | what |
//! |---|---|
//! | `account` | who we are at a server |
//! | `location` | where it is |
//! | `servers` | the servers of a worker: which one is asked next, what is known of each |
//! | `client` | one allocation |
//! | `peer` | one address of the peer's at it: its permission, its channel |
//! | `request` | a request, until its answer |
//! | `place` | where peers are that are reached by it |
//!
//! The messages are of the crate `stun`.

mod account;
mod client;
mod location;
mod peer;
mod place;
mod request;
mod servers;
#[cfg(test)]
mod tests;

pub use account::Credentials;
pub use client::{Allocated, Came, Client, Fault, Outgoing};
pub use location::{Location, is_server};
pub use place::{is_nowhere, is_place};
pub use servers::{Begun, RelayServer, Servers};
