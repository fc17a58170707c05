//! UDP sockets as the core's [`Wire`].

use super::batch::Batch;
use super::stamps::Stamps;
use crate::limits::{DRAINED, RECEIVE_BUFFER_BYTES};
use crate::wire::{Carried, Channel, Destination, OpenFailure, PairIndex, Wire};
use mio::event::Source;
use mio::{Interest, Registry, Token};
use router::time::WallTime;
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::connect_unspec;
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;

/// A socket that is reported as long as something waits in it.
///
/// mio reports edges: a socket has to be read until it is empty, which costs a second system call for nearly every packet, as
/// there is nearly always just one. Registered by level in the same epoll instance, the kernel looks itself when it is polled
/// next; one datagram a report is then all there is to read, and a socket that is flooded gets its turn among the others
/// and no more.
struct ByLevel<'a>(&'a UdpSocket);

impl Source for ByLevel<'_> {
    fn register(&mut self, registry: &Registry, token: Token, _: Interest) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token.0 as u64);
        Ok(epoll::add(registry.as_fd(), self.0, data, epoll::EventFlags::IN)?)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, _: Interest) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token.0 as u64);
        Ok(epoll::modify(registry.as_fd(), self.0, data, epoll::EventFlags::IN)?)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        Ok(epoll::delete(registry.as_fd(), self.0)?)
    }
}

#[derive(Debug)]
struct Pair {
    rtp: UdpSocket,
    rtcp: UdpSocket,
}

impl Pair {
    fn socket(&self, channel: Channel) -> &UdpSocket {
        match channel {
            Channel::Rtp => &self.rtp,
            Channel::Rtcp => &self.rtcp,
        }
    }
}

/// A datagram that is to be sent.
#[derive(Clone, Copy, Debug)]
struct Departure {
    pair: PairIndex,
    channel: Channel,
    destination: Destination,
}

/// The sockets of a worker, by pair. They stay registered for as long as they are open.
///
/// What is sent waits until the worker [flushes](Self::flush) it, at the end of a turn at the latest; and no longer than the socket
/// stays what it is.
#[derive(Debug)]
pub struct Sockets {
    registry: Registry,
    dscp: u8,
    pairs: Vec<Option<Pair>>,
    departures: Batch<Departure>,
    refused: u64,
    stamps: Stamps,
}

impl Sockets {
    /// No sockets. `dscp` marks what they will send.
    pub fn new(registry: Registry, dscp: u8) -> Self {
        Self { registry, dscp, pairs: Vec::new(), departures: Batch::new(), refused: 0, stamps: Stamps::new() }
    }

    /// Which socket a readiness event is about.
    #[inline]
    pub fn of_token(token: Token) -> (PairIndex, Channel) {
        let channel = if token.0 & 1 == 0 { Channel::Rtp } else { Channel::Rtcp };
        (PairIndex((token.0 >> 1) as u32), channel)
    }

    fn token(pair: PairIndex, channel: Channel) -> Token {
        Token((pair.0 as usize) << 1 | usize::from(channel == Channel::Rtcp))
    }

    /// The next datagram of a socket and its sender. Errors that the network reported are taken off the socket and
    /// passed over: they say that an earlier datagram was refused.
    #[inline]
    pub fn receive(&mut self, pair: PairIndex, channel: Channel, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let socket = self.pairs.get(pair.0 as usize)?.as_ref()?.socket(channel);
        if self.stamps.is_due(pair, channel) {
            return self.stamps.receive(socket, buffer);
        }
        socket.recv_from(buffer).ok()
    }

    /// When the kernel received one of those that were received since the last call, if one of them is of the sample.
    #[inline]
    pub fn take_stamp(&mut self) -> Option<WallTime> {
        self.stamps.take()
    }

    /// Sends what waits.
    pub fn flush(&mut self) {
        for place in 0..self.departures.len() {
            let Some((Departure { pair, channel, destination }, datagram)) = self.departures.get_mut(place) else {
                break;
            };
            let sent = self.pairs.get(pair.0 as usize).and_then(Option::as_ref).is_some_and(|sockets| {
                let socket = sockets.socket(channel);
                let send = || match destination {
                    Destination::Connected => socket.send(datagram),
                    Destination::To(remote) => socket.send_to(datagram, remote),
                };
                match send() {
                    Ok(_) => true,
                    // An earlier datagram was refused by the peer's host; the error is told once and this one was not sent.
                    Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::Interrupted) => {
                        send().is_ok()
                    }
                    Err(_) => false,
                }
            });
            self.refused += u64::from(!sent);
        }
        self.departures.clear();
    }

    /// How many of those that were sent since the last call the system did not take.
    pub fn take_refused(&mut self) -> u64 {
        std::mem::take(&mut self.refused)
    }

    #[inline]
    fn pair(&self, pair: PairIndex) -> Option<&Pair> {
        self.pairs.get(pair.0 as usize)?.as_ref()
    }

    fn bind(&self, address: SocketAddr) -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
        let traffic_class = u32::from(self.dscp) << 2;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
            socket.set_tclass_v6(traffic_class)?;
        } else {
            socket.set_tos_v4(traffic_class)?;
        }
        socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
        socket.bind(&address.into())?;
        Ok(socket.into())
    }

    fn open_pair(&self, pair: PairIndex, rtp: SocketAddr) -> io::Result<Pair> {
        let above = rtp.port().checked_add(1).ok_or(ErrorKind::InvalidInput)?;
        let sockets = Pair { rtp: self.bind(rtp)?, rtcp: self.bind(SocketAddr::new(rtp.ip(), above))? };
        for channel in [Channel::Rtp, Channel::Rtcp] {
            let mut source = ByLevel(sockets.socket(channel));
            self.registry.register(&mut source, Self::token(pair, channel), Interest::READABLE)?;
        }
        Stamps::prepare(pair, &sockets.rtp, true);
        Ok(sockets)
    }
}

impl Wire for Sockets {
    fn take(&mut self, pair: PairIndex) -> Option<Carried> {
        self.flush();
        let sockets = self.pairs.get_mut(pair.0 as usize)?.take()?;
        for channel in [Channel::Rtp, Channel::Rtcp] {
            let _ = self.registry.deregister(&mut ByLevel(sockets.socket(channel)));
        }
        Some(Carried(Box::new(sockets)))
    }

    fn put(&mut self, pair: PairIndex, sockets: Carried) -> bool {
        let Ok(sockets) = sockets.0.downcast::<Pair>() else { return false };
        for channel in [Channel::Rtp, Channel::Rtcp] {
            let mut source = ByLevel(sockets.socket(channel));
            if let Err(error) = self.registry.register(&mut source, Self::token(pair, channel), Interest::READABLE) {
                tracing::warn!(%error, "a media port of another worker could not be taken in");
                return false;
            }
        }
        Stamps::prepare(pair, &sockets.rtp, false);
        let place = pair.0 as usize;
        if self.pairs.len() <= place {
            self.pairs.resize_with(place + 1, || None);
        }
        self.pairs[place] = Some(*sockets);
        true
    }

    fn open(&mut self, pair: PairIndex, rtp: SocketAddr) -> Result<(), OpenFailure> {
        let sockets = self.open_pair(pair, rtp).map_err(|error| {
            let failure = failure_of(&error);
            if failure != OpenFailure::InUse {
                tracing::warn!(%error, "a pair of media ports could not be opened");
            }
            failure
        })?;
        let place = pair.0 as usize;
        if self.pairs.len() <= place {
            self.pairs.resize_with(place + 1, || None);
        }
        self.pairs[place] = Some(sockets);
        Ok(())
    }

    fn close(&mut self, pair: PairIndex) {
        self.flush();
        let Some(sockets) = self.pairs.get_mut(pair.0 as usize).and_then(Option::take) else { return };
        for channel in [Channel::Rtp, Channel::Rtcp] {
            // Closing takes it out of the poll in any case.
            let _ = self.registry.deregister(&mut ByLevel(sockets.socket(channel)));
        }
    }

    fn drain(&mut self, pair: PairIndex) {
        let Some(sockets) = self.pair(pair) else { return };
        for channel in [Channel::Rtp, Channel::Rtcp] {
            let mut octet = [0];
            for _ in 0..DRAINED {
                match sockets.socket(channel).recv(&mut octet) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    // A datagram, or an error that the network reported.
                    _ => {}
                }
            }
        }
    }

    fn connect(&mut self, pair: PairIndex, remote: SocketAddr) -> bool {
        self.flush();
        self.pair(pair).is_some_and(|sockets| sockets.rtp.connect(remote).is_ok())
    }

    fn disconnect(&mut self, pair: PairIndex) -> bool {
        self.flush();
        // AF_UNSPEC dissolves the association and keeps the port, as it was bound explicitly.
        self.pair(pair).is_some_and(|sockets| connect_unspec(&sockets.rtp).is_ok())
    }

    #[inline]
    fn send(&mut self, pair: PairIndex, channel: Channel, destination: Destination, datagram: &[u8]) -> bool {
        if self.departures.room().is_none() {
            self.flush();
        }
        let Some(room) = self.departures.room().and_then(|room| room.get_mut(..datagram.len())) else { return false };
        room.copy_from_slice(datagram);
        self.departures.add(Departure { pair, channel, destination }, datagram.len());
        true
    }

    #[inline]
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
        if self.departures.room().is_none() {
            self.flush();
        }
        let Some(room) = self.departures.room() else { return false };
        let Some(place) = room.get_mut(..datagram.len()) else { return false };
        place.copy_from_slice(datagram);
        let Some(length) = seal(room, datagram.len()) else { return false };
        self.departures.add(Departure { pair, channel, destination }, length);
        true
    }
}

fn failure_of(error: &io::Error) -> OpenFailure {
    match error.kind() {
        ErrorKind::AddrInUse => return OpenFailure::InUse,
        ErrorKind::AddrNotAvailable => return OpenFailure::NoAddress,
        _ => {}
    }
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM | Errno::NOSPC) => OpenFailure::NoSockets,
        _ => OpenFailure::System,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::SockRef;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn what_is_sent_is_marked_in_either_family() {
        let poll = mio::Poll::new().unwrap();
        let sockets = Sockets::new(poll.registry().try_clone().unwrap(), 46);
        let four = sockets.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        assert_eq!(SockRef::from(&four).tos_v4().unwrap(), 46 << 2);
        let six = sockets.bind((Ipv6Addr::LOCALHOST, 0).into()).unwrap();
        assert_eq!(SockRef::from(&six).tclass_v6().unwrap(), 46 << 2);
    }
}
