//! The door between a worker's core and its sockets. The worker implements it with UDP sockets, a test with a simulated
//! network; what arrives comes back by [`Voice::handle_datagram`](crate::Voice::handle_datagram).

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;

/// Names an open pair of ports within a worker. The core chooses it, small numbers first, and uses it again after
/// [`Wire::close`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PairIndex(pub u32);

/// Which port of a pair.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Channel {
    /// The even one: RTP, and RTCP where the peer shares the port.
    Rtp,
    /// The odd one: RTCP.
    Rtcp,
}

/// Where a datagram goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Destination {
    /// To the peer that the RTP socket is connected to.
    Connected,
    /// There.
    To(SocketAddr),
}

/// Why a pair was not opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenFailure {
    /// Somebody else holds one of its two ports.
    InUse,
    /// The process or the system has no more sockets.
    NoSockets,
    /// The machine has no such address.
    NoAddress,
    /// Anything else that the system said.
    System,
}

/// The sockets of a pair on their way to another worker's wire of the same kind: what it is made of is the wires' own.
pub struct Carried(pub Box<dyn Any + Send>);

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Carried")
    }
}

/// What a worker's core does to its sockets. Nothing here blocks.
pub trait Wire {
    /// Opens two sockets on `rtp` and on the port above, under the name `pair`. On failure neither stays open.
    fn open(&mut self, pair: PairIndex, rtp: SocketAddr) -> Result<(), OpenFailure>;

    /// Closes both; the name is free again.
    fn close(&mut self, pair: PairIndex);

    /// Throws away what waits in both sockets.
    fn drain(&mut self, pair: PairIndex);

    /// Lets the RTP socket send to and receive from `remote` alone. False if the system refused; the socket is then as
    /// before. What had arrived from others before may still be delivered.
    fn connect(&mut self, pair: PairIndex, remote: SocketAddr) -> bool;

    /// Lets the RTP socket receive from anybody again, on the same port. False if the system refused.
    fn disconnect(&mut self, pair: PairIndex) -> bool;

    /// Sends one datagram, at once or in a batch that leaves at the end of the turn at the latest, in the order of the calls. False
    /// if it was not taken; nobody is told, as the network itself would lose it in silence.
    fn send(&mut self, pair: PairIndex, channel: Channel, destination: Destination, datagram: &[u8]) -> bool;

    /// The same for a datagram that is finished in the room that it is sent from: `seal` gets that, with the datagram at its head, and the datagram's
    /// length, and gives the length of what is to be sent; `None`: nothing is.
    fn send_sealed<S>(
        &mut self,
        pair: PairIndex,
        channel: Channel,
        destination: Destination,
        datagram: &[u8],
        seal: S,
    ) -> bool
    where
        S: FnOnce(&mut [u8], usize) -> Option<usize>,
    {
        let mut room = vec![0; datagram.len() + crate::srtp::EXPANSION + stun::channel::EXPANSION];
        room[..datagram.len()].copy_from_slice(datagram);
        let sealed = seal(&mut room, datagram.len()).and_then(|length| room.get(..length));
        sealed.is_some_and(|sealed| self.send(pair, channel, destination, sealed))
    }

    /// Takes the sockets of a pair out, as they are, with what waits in them; the name is free again. `None`: there are none.
    fn take(&mut self, pair: PairIndex) -> Option<Carried>;

    /// Takes sockets in that another wire gave, under the name `pair`. False, and they are closed: they cannot be used here.
    fn put(&mut self, pair: PairIndex, sockets: Carried) -> bool;
}
