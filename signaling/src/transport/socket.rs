//! A bound socket, by what it does.

use super::tcp::Tcp;
use super::udp::Udp;

#[derive(Debug)]
pub(super) enum Socket {
    Udp(Udp),
    Tcp(Tcp),
}
