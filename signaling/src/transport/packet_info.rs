//! What the kernel says of a datagram beside its octets, and is told: the address of ours that it came to or leaves from
//! (ip(7) IP_PKTINFO, RFC 3542 §6), and what a socket has lost for want of room.
//!
//! A socket that is bound to every address would otherwise answer from the one that the route to the peer suggests, which on a
//! host with several is not the one that was asked.

#![expect(
    unsafe_code,
    reason = "recvmsg(2) with packet information and SO_MEMINFO have no safe wrapper among the dependencies"
)]

use std::io::{self, IoSlice};
use std::mem::size_of;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};

use socket2::{MsgHdr, SockAddr, SockRef};

/// Room for one control message with the longest of the structures below, in words, so that it is aligned as its header has to
/// be.
const CONTROL_WORDS: usize = 8;

/// Header of a control message: its length with this header, its level, its type (cmsg(3)).
const HEADER_OCTETS: usize = size_of::<usize>() + 2 * size_of::<i32>();

/// `in_pktinfo`: the interface's index, our address, the address in the header.
const IPV4_OCTETS: usize = 12;

/// `in6_pktinfo`: the address, the interface's index.
const IPV6_OCTETS: usize = 20;

/// Values of SO_MEMINFO as of Linux 4.12, and the place of the dropped ones among them.
const MEMORY_VALUES: usize = 9;
const MEMORY_DROPS: usize = 8;

/// Asks the kernel to say with each datagram to which address it came.
pub(super) fn enable(socket: &impl AsRawFd, ipv4: bool) -> io::Result<()> {
    let (level, name) = match ipv4 {
        true => (libc::IPPROTO_IP, libc::IP_PKTINFO),
        false => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
    };
    let on: libc::c_int = 1;
    // SAFETY: the pointer is to a live value of the length that is given, which the call only reads.
    let result = unsafe {
        let length = size_of::<libc::c_int>() as libc::socklen_t;
        libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const on).cast(), length)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Takes a datagram: its length, who sent it, and the address of ours that it came to.
pub(super) fn receive(socket: RawFd, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr, Option<IpAddr>)> {
    let mut control = [0u64; CONTROL_WORDS];
    let mut vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut taken = (0, 0);
    // SAFETY: the header is zeroed, which is valid for it, and then points to the buffer, the control words and the address's
    // storage with their lengths; all outlive the call. The kernel writes a whole address of the length that it reports.
    let ((), source) = unsafe {
        SockAddr::try_init(|storage, length| {
            let mut header: libc::msghdr = std::mem::zeroed();
            header.msg_name = storage.cast();
            header.msg_namelen = *length;
            header.msg_iov = &raw mut vector;
            header.msg_iovlen = 1;
            header.msg_control = control.as_mut_ptr().cast();
            header.msg_controllen = size_of_val(&control) as _;
            let received = libc::recvmsg(socket, &raw mut header, 0);
            if received < 0 {
                return Err(io::Error::last_os_error());
            }
            *length = header.msg_namelen;
            taken = (received as usize, header.msg_controllen as usize);
            Ok(())
        })?
    };
    let source = source.as_socket().ok_or(io::ErrorKind::InvalidData)?;
    let mut octets = [0; CONTROL_WORDS * size_of::<u64>()];
    for (to, word) in octets.chunks_exact_mut(size_of::<u64>()).zip(control) {
        to.copy_from_slice(&word.to_ne_bytes());
    }
    Ok((taken.0, source, octets.get(..taken.1).and_then(local_of)))
}

/// Sends a datagram from that address of ours.
pub(super) fn send(socket: SockRef<'_>, bytes: &[u8], remote: SocketAddr, local: IpAddr) -> io::Result<()> {
    let (octets, length) = control_of(local);
    let remote = SockAddr::from(remote);
    let buffers = [IoSlice::new(bytes)];
    let message = MsgHdr::new().with_addr(&remote).with_buffers(&buffers).with_control(&octets[..length]);
    socket.sendmsg(&message, 0).map(|_| ())
}

/// How many datagrams the socket has dropped since it was opened, modulo 2³²: nearly all as its receive buffer was full.
pub(super) fn dropped(socket: &impl AsRawFd) -> Option<u32> {
    let mut values = [0u32; MEMORY_VALUES];
    let mut length = size_of_val(&values) as libc::socklen_t;
    // SAFETY: the pointers are to live values; the kernel writes no more than the length that it is given.
    let result = unsafe {
        let values = values.as_mut_ptr().cast();
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_MEMINFO, values, &raw mut length)
    };
    (result == 0 && length as usize == size_of_val(&values)).then_some(values[MEMORY_DROPS])
}

/// The address of ours in a control message. The kernel sends no other than the one that was asked for.
fn local_of(octets: &[u8]) -> Option<IpAddr> {
    let (header, data) = octets.split_at_checked(HEADER_OCTETS)?;
    let (_, kind) = header.split_at_checked(size_of::<usize>())?;
    let (level, kind) = kind.split_first_chunk::<4>()?;
    let kind = kind.first_chunk::<4>()?;
    let address = match (i32::from_ne_bytes(*level), i32::from_ne_bytes(*kind)) {
        // The address that an answer leaves from, not the one in the header: that may be a broadcast's.
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => IpAddr::from(*data.get(4..)?.first_chunk::<4>()?),
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => IpAddr::from(*data.first_chunk::<16>()?),
        _ => return None,
    };
    (!address.is_unspecified() && !address.is_multicast()).then_some(address)
}

/// The control message that asks for that address, and its length with its padding.
fn control_of(local: IpAddr) -> ([u8; CONTROL_WORDS * size_of::<u64>()], usize) {
    let mut octets = [0; CONTROL_WORDS * size_of::<u64>()];
    let data = match local {
        IpAddr::V4(_) => IPV4_OCTETS,
        IpAddr::V6(_) => IPV6_OCTETS,
    };
    let (length, rest) = octets.split_at_mut(size_of::<usize>());
    length.copy_from_slice(&(HEADER_OCTETS + data).to_ne_bytes());
    let (level, rest) = rest.split_at_mut(size_of::<i32>());
    let (kind, rest) = rest.split_at_mut(size_of::<i32>());
    let names = match local {
        IpAddr::V4(address) => {
            rest[4..8].copy_from_slice(&address.octets());
            (libc::IPPROTO_IP, libc::IP_PKTINFO)
        }
        IpAddr::V6(address) => {
            rest[..16].copy_from_slice(&address.octets());
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO)
        }
    };
    level.copy_from_slice(&names.0.to_ne_bytes());
    kind.copy_from_slice(&names.1.to_ne_bytes());
    (octets, (HEADER_OCTETS + data).next_multiple_of(size_of::<usize>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_reads_back() {
        for address in ["192.0.2.1", "2001:db8::1"] {
            let address: IpAddr = address.parse().unwrap();
            let (octets, length) = control_of(address);
            assert_eq!(local_of(&octets[..length]), Some(address));
            for cut in 0..HEADER_OCTETS + 8 {
                assert_eq!(local_of(&octets[..cut]), None);
            }
        }
    }

    #[test]
    fn no_answer_leaves_from_an_address_of_many() {
        for address in ["0.0.0.0", "::", "224.0.1.75", "ff02::1"] {
            let (octets, length) = control_of(address.parse().unwrap());
            assert_eq!(local_of(&octets[..length]), None, "{address}");
        }
    }
}
