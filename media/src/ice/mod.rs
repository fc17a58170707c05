//! Ways to the peer (ICE, RFC 8445): which of the addresses that it has, or comes from, is reached and reaches us, and that it goes on to want what it
//! is sent (RFC 7675). Pure: time and chance are arguments, datagrams come and go by the port.
//!
//! ```text
//!   lite:  answers what the peer asks; where it asks from is where it is, and the pair that it nominates is the way
//!   full:  asks, too:   waiting ──▶ in progress ──▶ succeeded ──▶ nominated: the way, asked again every few seconds
//!                          ▲             └──▶ failed ──┐
//!                          └── the peer asks (triggered)
//! ```
//! Our side of every pair is the port itself, so that a pair is an address of the peer's; or the port's address at a server that relays (`turn`), where the peer has a place of
//! its own. Pairs of different foundations are all there is to such a list, so none is frozen (RFC 8445 §6.1.2.6). Each component (RTP, and RTCP where that has a port of its own) has an agent.
//!
//! | file | what |
//! |---|---|
//! | `agent` | one component: what is answered, which way is taken |
//! | `checks` | what an agent that is not lite asks: its list of pairs, its pace, nomination |
//! | `pair` | one address of the peer's, and the check that is on its way to it |
//! | `consent` | that the peer still wants what it is sent |
//!
//! The messages are of the crate `stun`.

mod agent;
mod checks;
mod consent;
mod pair;
#[cfg(test)]
mod tests;

pub use agent::{Agent, Came, Check, Handled, Source};
