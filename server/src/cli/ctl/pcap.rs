//! Messages as a capture file: for Wireshark, sngrep and whatever else reads pcap.
//!
//! Each message is a datagram of UDP between the addresses that it went between, whatever its transport was: what went by TCP or TLS is readable so.

use serde_json::Value;
use std::net::{IpAddr, SocketAddr};

/// Raw IP, version 4 or 6 (LINKTYPE_RAW).
const LINK_RAW: u32 = 101;

/// The longest packet that is written: a message of 64 KiB less what a datagram has room for is cut.
const PACKET_OCTETS: usize = 65_535;

const UDP_OCTETS: usize = 8;
const IPV4_OCTETS: usize = 20;
const IPV6_OCTETS: usize = 40;
const UDP: u8 = 17;

/// A capture of these messages, as `ctl trace --json` has them. Those whose addresses or times are none are left out.
pub(super) fn capture(messages: &[Value]) -> Vec<u8> {
    let mut file = Vec::new();
    // The magic number of times in microseconds; version 2.4; no zone, no accuracy.
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend(2_u16.to_le_bytes());
    file.extend(4_u16.to_le_bytes());
    file.extend([0; 8]);
    file.extend((PACKET_OCTETS as u32).to_le_bytes());
    file.extend(LINK_RAW.to_le_bytes());
    for (micros, packet) in messages.iter().filter_map(packet) {
        let (seconds, rest) = ((micros / 1_000_000) as u32, (micros % 1_000_000) as u32);
        let length = packet.len() as u32;
        for word in [seconds, rest, length, length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}

/// When a message went, and the packet that it was, or would have been.
fn packet(message: &Value) -> Option<(u64, Vec<u8>)> {
    let micros = micros(message["at"].as_str()?)?;
    let local: SocketAddr = message["local"].as_str()?.parse().ok()?;
    let remote: SocketAddr = message["remote"].as_str()?.parse().ok()?;
    let text = message["message"].as_str()?.as_bytes();
    let (from, to) = if message["direction"] == "received" { (remote, local) } else { (local, remote) };
    Some((micros, datagram(from, to, text)))
}

fn datagram(from: SocketAddr, to: SocketAddr, text: &[u8]) -> Vec<u8> {
    let (source, destination) = (from.ip().to_canonical(), to.ip().to_canonical());
    let header = if source.is_ipv4() && destination.is_ipv4() { IPV4_OCTETS } else { IPV6_OCTETS };
    let text = &text[..text.len().min(PACKET_OCTETS - header - UDP_OCTETS)];
    let length = (UDP_OCTETS + text.len()) as u16;
    let mut udp = Vec::with_capacity(usize::from(length));
    for word in [from.port(), to.port(), length, 0] {
        udp.extend(word.to_be_bytes());
    }
    udp.extend(text);
    let mut packet = Vec::with_capacity(header + udp.len());
    let octets = |address: IpAddr| match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    };
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            packet.extend([0x45, 0]);
            packet.extend((IPV4_OCTETS as u16 + length).to_be_bytes());
            packet.extend([0, 0, 0x40, 0, 64, UDP, 0, 0]);
            packet.extend(source.octets());
            packet.extend(destination.octets());
            let sum = checksum(&packet);
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
            // RFC 768: none is computed.
        }
        (source, destination) => {
            packet.extend([0x60, 0, 0, 0]);
            packet.extend(length.to_be_bytes());
            packet.extend([UDP, 64]);
            packet.extend(octets(source));
            packet.extend(octets(destination));
            // RFC 8200 §8.1: here it has to be, with a header of its own before.
            let mut summed = packet[8..].to_vec();
            summed.extend(u32::from(length).to_be_bytes());
            summed.extend([0, 0, 0, UDP]);
            summed.extend(&udp);
            let sum = match checksum(&summed) {
                0 => 0xffff,
                sum => sum,
            };
            udp[6..8].copy_from_slice(&sum.to_be_bytes());
        }
    }
    packet.extend(udp);
    packet
}

/// The checksum of RFC 1071.
fn checksum(octets: &[u8]) -> u16 {
    let words = octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Microseconds since the epoch of a time as it is told (RFC 3339, in UTC).
fn micros(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let fraction = text.get(19..)?.strip_suffix('Z')?.strip_prefix('.').unwrap_or("0");
    let micros = format!("{fraction:0<6}").get(..6)?.parse::<u64>().ok()?;
    // Years begin in March: a leap day is the last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day.checked_sub(1)?;
    let seconds = days.checked_sub(719_468)? * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000_000 + micros)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_those_of_the_epoch() {
        for (text, expected) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600_000_000),
            ("2026-11-30T09:05:11.402Z", 1_796_029_511_402_000),
        ] {
            assert_eq!(micros(text), Some(expected), "{text}");
        }
        for text in ["", "now", "1970-01-01", "1969-12-31T23:59:59Z", "2026-11-30T09:05:11", "ää-ää"] {
            assert_eq!(micros(text), None, "{text}");
        }
    }

    #[test]
    fn a_message_is_a_datagram_with_its_addresses_and_sums() {
        let message = |local: &str, remote: &str, direction: &str| {
            json!({ "at": "2026-11-30T09:05:11.402Z", "direction": direction, "transport": "tls", "local": local,
                "remote": remote, "message": "OPTIONS sip:a SIP/2.0\r\n\r\n" })
        };
        let file = capture(&[message("192.0.2.1:5060", "198.51.100.7:5070", "received")]);
        assert_eq!((file.len(), &file[..4]), (24 + 16 + 28 + 25, &[0xd4, 0xc3, 0xb2, 0xa1][..]));
        let packet = &file[40..];
        assert_eq!(checksum(&packet[..20]), 0, "a header with its sum sums up to nothing");
        assert_eq!((&packet[12..16], &packet[16..20]), (&[198, 51, 100, 7][..], &[192, 0, 2, 1][..]));
        assert_eq!((&packet[20..22], &packet[22..24]), (&5_070_u16.to_be_bytes()[..], &5_060_u16.to_be_bytes()[..]));
        assert!(packet.ends_with(b"SIP/2.0\r\n\r\n"));
        let file = capture(&[message("[2001:db8::1]:5060", "[2001:db8::2]:5070", "sent")]);
        let packet = &file[40..];
        let mut summed = packet[8..40].to_vec();
        summed.extend([0, 0, 0, (packet.len() - 40) as u8, 0, 0, 0, UDP]);
        summed.extend(&packet[40..]);
        assert_eq!((packet[0] >> 4, checksum(&summed), packet[23]), (6, 0, 1));
        assert_eq!(capture(&[message("nowhere", "192.0.2.1:1", "sent")]).len(), 24);
    }
}
