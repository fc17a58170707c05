//! When voice came, by the kernel's clock: of a sample of it, so that the worker can tell how long it keeps what it passes on.
//!
//! The kernel stamps what comes to a socket that asks for it, and gives the stamp to who reads with a message header (`recvmsg`). Both cost something,
//! so a share of the ports asks, and of what comes there a share is read with its stamp.

use crate::limits::{STAMPED_DATAGRAMS, STAMPED_PORTS};
use crate::wire::{Channel, PairIndex};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use router::time::WallTime;
use std::io::IoSliceMut;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

/// What takes the sample.
#[derive(Debug)]
pub(super) struct Stamps {
    /// Datagrams of such ports until the next is read with its stamp.
    until_next: u32,
    came: Option<WallTime>,
    control: Vec<u8>,
}

impl Stamps {
    pub(super) fn new() -> Self {
        Self { until_next: 0, came: None, control: nix::cmsg_space!(TimeSpec) }
    }

    /// Whether the RTP port of this pair has stamps.
    #[inline]
    fn are_at(pair: PairIndex) -> bool {
        pair.0.is_multiple_of(STAMPED_PORTS)
    }

    /// Asks for stamps at the RTP port of this pair, or for none: it may come from another worker.
    pub(super) fn prepare(pair: PairIndex, rtp: &UdpSocket, is_new: bool) {
        let wanted = Self::are_at(pair);
        if wanted || !is_new {
            // Without them the worker knows less of itself, and works all the same.
            if let Err(error) = setsockopt(rtp, sockopt::ReceiveTimestampns, &wanted) {
                tracing::debug!(%error, "a media port has no time stamps");
            }
        }
    }

    /// Whether what comes here next is to be read with its stamp.
    #[inline]
    pub(super) fn is_due(&mut self, pair: PairIndex, channel: Channel) -> bool {
        if !Self::are_at(pair) || channel != Channel::Rtp {
            return false;
        }
        if self.until_next > 0 {
            self.until_next -= 1;
            return false;
        }
        self.came.is_none()
    }

    /// The next datagram of a socket and its sender; its stamp stays here.
    #[cold]
    pub(super) fn receive(&mut self, socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let mut slices = [IoSliceMut::new(buffer)];
        let message = recvmsg::<SockaddrStorage>(
            socket.as_raw_fd(),
            &mut slices,
            Some(&mut self.control[..]),
            MsgFlags::MSG_DONTWAIT,
        );
        let message = message.ok()?;
        let source = address(message.address.as_ref()?)?;
        self.until_next = STAMPED_DATAGRAMS - 1;
        self.came = message.cmsgs().ok().into_iter().flatten().find_map(|control| match control {
            ControlMessageOwned::ScmTimestampns(at) => Some(wall(at)),
            _ => None,
        });
        Some((message.bytes, source))
    }

    /// When the datagram came that was read with its stamp since the last call.
    #[inline]
    pub(super) fn take(&mut self) -> Option<WallTime> {
        self.came.take()
    }
}

fn address(of: &SockaddrStorage) -> Option<SocketAddr> {
    let four = of.as_sockaddr_in().map(|address| SocketAddr::from(*address));
    four.or_else(|| of.as_sockaddr_in6().map(|address| SocketAddr::from(*address)))
}

fn wall(at: TimeSpec) -> WallTime {
    WallTime(at.tv_sec().saturating_mul(1_000_000).saturating_add(at.tv_nsec() / 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::Clock;

    #[test]
    fn one_of_many_is_read_with_its_stamp_in_either_family() {
        let clock = Clock::start();
        for local in ["127.0.0.1:0", "[::1]:0"] {
            let (ours, peer) = (UdpSocket::bind(local).unwrap(), UdpSocket::bind(local).unwrap());
            let pair = PairIndex(STAMPED_PORTS);
            Stamps::prepare(pair, &ours, true);
            let mut stamps = Stamps::new();
            let begin = clock.now().wall;
            for number in 0..2 * STAMPED_DATAGRAMS {
                peer.send_to(&[number as u8; 20], ours.local_addr().unwrap()).unwrap();
                let mut buffer = [0; 100];
                let due = stamps.is_due(pair, Channel::Rtp);
                assert_eq!(due, number % STAMPED_DATAGRAMS == 0, "{number}");
                if !due {
                    ours.recv_from(&mut buffer).unwrap();
                    continue;
                }
                ours.peek(&mut buffer).unwrap();
                let received = stamps.receive(&ours, &mut buffer);
                assert_eq!(received, Some((20, peer.local_addr().unwrap())));
                assert_eq!(buffer[..20], [number as u8; 20]);
                assert!(!stamps.is_due(pair, Channel::Rtp), "the last one was not taken yet");
                stamps.until_next = STAMPED_DATAGRAMS - 1;
                let came = stamps.take().unwrap();
                assert!((begin..=clock.now().wall).contains(&came), "{came:?}");
            }
            assert!(!stamps.is_due(PairIndex(STAMPED_PORTS + 1), Channel::Rtp));
            assert!(!stamps.is_due(pair, Channel::Rtcp));
        }
    }

    #[test]
    fn a_port_that_goes_to_another_place_has_what_that_place_has() {
        let (ours, peer) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let stamp = |pair| {
            Stamps::prepare(PairIndex(pair), &ours, false);
            peer.send_to(b"voice", ours.local_addr().unwrap()).unwrap();
            let mut stamps = Stamps::new();
            let mut buffer = [0; 100];
            ours.peek(&mut buffer).unwrap();
            stamps.receive(&ours, &mut buffer).unwrap();
            stamps.take()
        };
        assert!(stamp(0).is_some());
        assert_eq!(stamp(1), None);
    }
}
