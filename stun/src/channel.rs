//! What a server relays (RFC 8656 §12.4, §11): the datagram of a peer as ChannelData, or in a Send or Data indication. Put around a datagram and taken off it where
//! it lies.
//!
//! ```text
//!   | channel number, 16 bits | length, 16 bits | datagram |
//! ```

use crate::message::{Class, Method, TransactionId};
use crate::{COOKIE, HEADER_OCTETS, address, attribute};
use std::net::SocketAddr;

/// The numbers of channels (RFC 8656 §12).
pub const FIRST: u16 = 0x4000;
/// The last one.
pub const LAST: u16 = 0x4fff;

/// Octets that a datagram grows by at most: an indication with a peer's address of IPv6, and what pads it.
pub const EXPANSION: usize = HEADER_OCTETS + 4 + address::OCTETS_MAX + 4 + 3;

const CHANNEL_HEADER_OCTETS: usize = 4;

/// Whether it begins as ChannelData does, by which it is told from STUN, RTP and DTLS (RFC 7983 §7).
pub fn is_channel_data(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(0x40..=0x4f))
}

/// The channel of ChannelData, and where what was relayed begins and ends in it. `None`: it is none, or is cut.
pub fn unwrap(datagram: &[u8]) -> Option<(u16, (usize, usize))> {
    let [a, b, c, d, rest @ ..] = datagram else { return None };
    let channel = u16::from_be_bytes([*a, *b]);
    let length = usize::from(u16::from_be_bytes([*c, *d]));
    // Over UDP it may be padded, and need not be (§12.5).
    let is_whole = (FIRST..=LAST).contains(&channel) && length <= rest.len();
    is_whole.then_some((channel, (CHANNEL_HEADER_OCTETS, CHANNEL_HEADER_OCTETS + length)))
}

/// Makes ChannelData of the datagram of `length` octets at the head of `room`; the length of that. `None`: there is no room.
pub fn wrap(room: &mut [u8], length: usize, channel: u16) -> Option<usize> {
    let octets = u16::try_from(length).ok()?;
    let end = CHANNEL_HEADER_OCTETS + length;
    room.get_mut(..end)?.copy_within(..length, CHANNEL_HEADER_OCTETS);
    room[..2].copy_from_slice(&channel.to_be_bytes());
    room[2..4].copy_from_slice(&octets.to_be_bytes());
    Some(end)
}

/// Makes a Send indication (§11.1) of the datagram of `length` octets at the head of `room`, for a peer; the length of that. `None`: there is no room.
pub fn indicate(room: &mut [u8], length: usize, peer: SocketAddr, transaction: &TransactionId) -> Option<usize> {
    let (value, address) = address::masked(peer, transaction);
    let at = HEADER_OCTETS + 4 + address + 4;
    let end = at + length.next_multiple_of(4);
    let octets = u16::try_from(length).ok()?;
    let whole = u16::try_from(end - HEADER_OCTETS).ok()?;
    room.get_mut(..end)?.copy_within(..length, at);
    room[at + length..end].fill(0);
    room[..2].copy_from_slice(&Class::Indication.kind(Method::Send).to_be_bytes());
    room[2..4].copy_from_slice(&whole.to_be_bytes());
    room[4..8].copy_from_slice(&COOKIE.to_be_bytes());
    room[8..HEADER_OCTETS].copy_from_slice(transaction);
    let (head, data) = room[HEADER_OCTETS..at].split_at_mut(4 + address);
    head[..2].copy_from_slice(&attribute::XOR_PEER_ADDRESS.to_be_bytes());
    head[2..4].copy_from_slice(&(address as u16).to_be_bytes());
    head[4..].copy_from_slice(&value[..address]);
    data[..2].copy_from_slice(&attribute::DATA.to_be_bytes());
    data[2..].copy_from_slice(&octets.to_be_bytes());
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, Usage};

    #[test]
    fn what_is_wrapped_is_unwrapped() {
        for length in [0, 1, 2, 3, 4, 171, 172, 1_200] {
            let datagram: Vec<u8> = (0..length).map(|octet| octet as u8).collect();
            let mut room = [datagram.clone(), vec![0xaa; EXPANSION]].concat();
            let end = wrap(&mut room, length, 0x4001).unwrap();
            assert_eq!(end, length + 4);
            assert!(is_channel_data(&room));
            let (channel, (from, to)) = unwrap(&room[..end]).unwrap();
            assert_eq!((channel, &room[from..to]), (0x4001, &datagram[..]));
            assert_eq!(unwrap(&room[..end - 1]), None);
            for peer in ["192.0.2.1:4000", "[2001:db8::1]:65535"] {
                let peer: SocketAddr = peer.parse().unwrap();
                let mut room = [datagram.clone(), vec![0xaa; EXPANSION]].concat();
                let end = indicate(&mut room, length, peer, &[3; 12]).unwrap();
                let read = Message::parse(&room[..end], Usage::Relaying).unwrap();
                assert_eq!((read.class, read.method), (Class::Indication, Method::Send));
                let (from, to) = read.relaying.data.unwrap();
                assert_eq!((read.relaying.peer, &room[from..to]), (Some(peer), &datagram[..]));
                assert!(read.unknown.is_empty());
                let mut small = room[..length + 8].to_vec();
                assert_eq!(indicate(&mut small, length, peer, &[3; 12]), None);
            }
            assert_eq!(wrap(&mut datagram.clone(), length, 0x4001), None);
        }
        for not in [&[][..], &[0x40, 0, 0], &[0x50, 0, 0, 0], &[0x3f, 0xff, 0, 0], &[0x40, 0, 0, 1]] {
            assert_eq!(unwrap(not), None, "{not:?}");
        }
    }
}
