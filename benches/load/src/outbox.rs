//! What a machine asks the shell to do: datagrams and orders to the media, in order.

use crate::media::LegId;
use crate::srtp::Master;
use std::net::SocketAddr;
use std::ops::Range;

/// An order to the media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaOrder {
    /// The leg sends to this address from now on.
    Send(LegId, SocketAddr),
    /// What the leg sends is sealed by the first of these, and what comes to it is opened by the second.
    Secure(LegId, [Master; 2]),
    /// The leg sends nothing, but stays open (it is held).
    Pause(LegId),
    /// The leg's call is over.
    Close(LegId),
}

/// Reused from turn to turn, so that it allocates no more once it has grown.
#[derive(Debug, Default)]
pub struct Outbox {
    text: String,
    datagrams: Vec<(Range<usize>, SocketAddr)>,
    orders: Vec<MediaOrder>,
}

impl Outbox {
    /// Queues a datagram whose text is there.
    pub fn send(&mut self, to: SocketAddr, text: &str) {
        self.compose(to, |out| out.push_str(text));
    }

    /// Queues a datagram and writes its text.
    pub fn compose(&mut self, to: SocketAddr, write: impl FnOnce(&mut String)) {
        let start = self.text.len();
        write(&mut self.text);
        self.datagrams.push((start..self.text.len(), to));
    }

    /// Queues an order to the media.
    pub fn order(&mut self, order: MediaOrder) {
        self.orders.push(order);
    }

    /// The datagrams, oldest first.
    pub fn datagrams(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        self.datagrams.iter().map(|(range, to)| (&self.text[range.clone()], *to))
    }

    /// The orders, oldest first.
    pub fn orders(&self) -> &[MediaOrder] {
        &self.orders
    }

    /// Forgets what was queued.
    pub fn clear(&mut self) {
        self.text.clear();
        self.datagrams.clear();
        self.orders.clear();
    }
}
