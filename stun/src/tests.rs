//! The vectors of RFC 5769, what is written read again, and what is broken.

use super::*;
use crate::attribute::{FINGERPRINT, MESSAGE_INTEGRITY};
use crate::limits::{READ_OCTETS_MAX, UNKNOWN_MAX};
use Usage::{ConnectivityCheck, KeepAlive};
use std::net::SocketAddr;

/// RFC 5769 §2.1.
const REQUEST: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
    \x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\
    \x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20\
    \x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\
    \x80\x28\x00\x04\xe5\x7a\x3b\xcf";
/// RFC 5769 §2.2.
const RESPONSE: &[u8] = b"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
    \x80\x22\x00\x0btest vector\x20\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\
    \x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\
    \x80\x28\x00\x04\xc0\x7d\x4c\x96";
/// RFC 5769 §2.3.
const RESPONSE_6: &[u8] = b"\x01\x01\x00\x48\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
    \x80\x22\x00\x0btest vector\x20\
    \x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9\
    \x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3\xed\x41\
    \x80\x28\x00\x04\xc8\xfb\x0b\x4c";
const PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";

#[test]
fn the_vectors_of_rfc_5769_are_read() {
    let request = Message::parse(REQUEST, ConnectivityCheck).unwrap();
    assert_eq!((request.class, request.username), (Class::Request, Some(&b"evtj:h6vY"[..])));
    assert_eq!((request.priority, request.nominates), (Some(0x6e00_01ff), false));
    assert_eq!(request.role, Some(Role::Controlled(0x932f_f9b1_5126_3b36)));
    assert!(request.is_by(PASSWORD) && !request.is_by(b"another") && request.has_fingerprint);
    for (octets, address) in
        [(RESPONSE, "192.0.2.1:32853"), (RESPONSE_6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")]
    {
        for usage in [ConnectivityCheck, KeepAlive] {
            let response = Message::parse(octets, usage).unwrap();
            assert_eq!((response.class, response.mapped), (Class::Success, address.parse().ok()));
            assert!(response.is_by(PASSWORD));
        }
    }
}

#[test]
fn what_is_written_is_read() {
    let transaction = [7; 12];
    for role in [Role::Controlling(5), Role::Controlled(u64::MAX)] {
        let written = Writer::new(Class::Request, &transaction).username("theirs", "ours").priority(99);
        let written = written.role(role).nominate().integrity(b"password").finish();
        let read = Message::parse(written.octets(), ConnectivityCheck).unwrap();
        assert_eq!((read.username, read.priority), (Some(&b"theirs:ours"[..]), Some(99)));
        assert_eq!((read.nominates, read.role, read.transaction), (true, Some(role), transaction));
        assert!(read.is_by(b"password") && !read.is_by(b"passwore"));
    }
    for (address, shown) in [
        ("192.0.2.1:1", "192.0.2.1:1"),
        ("[2001:db8::1]:65535", "[2001:db8::1]:65535"),
        ("[::ffff:1.2.3.4]:5", "1.2.3.4:5"),
    ] {
        let address: SocketAddr = address.parse().unwrap();
        let written = Writer::new(Class::Success, &transaction).mapped(address).integrity(b"p").finish();
        assert_eq!(Message::parse(written.octets(), ConnectivityCheck).unwrap().mapped, shown.parse().ok());
    }
    for code in [400, 401, 420, 487, 500, 699] {
        let refused = Writer::new(Class::Error, &transaction).error(code).finish();
        assert_eq!(Message::parse(refused.octets(), KeepAlive).unwrap().error, Some(code));
    }
}

#[test]
fn what_has_to_be_understood_and_is_not_is_named_once_each() {
    // Checks know the priority of a candidate, a keep-alive has none.
    assert!(Message::parse(REQUEST, ConnectivityCheck).unwrap().unknown.is_empty());
    let read = Message::parse(REQUEST, KeepAlive).unwrap();
    assert_eq!(read.unknown.kinds(), [0x0024]);
    let answer = Writer::new(Class::Error, &read.transaction).error(420).unknown(&read.unknown).finish();
    assert!(answer.octets().windows(8).any(|window| window == [0x00, 0x0a, 0, 2, 0x00, 0x24, 0, 0]));
    assert_eq!(Message::parse(answer.octets(), KeepAlive).unwrap().error, Some(420));
    let mut many = Writer::new(Class::Request, &[1; 12]);
    for kind in 0..40 {
        many = many.put(0x4000 + kind / 2, &[]).put(0xc000 + kind, b"x");
    }
    let unknown = Message::parse(many.octets(), KeepAlive).unwrap().unknown;
    assert_eq!(unknown.kinds(), Vec::from_iter(0x4000..0x4000 + UNKNOWN_MAX as u16));
    let answer = Writer::new(Class::Error, &[1; 12]).error(420).unknown(&unknown).finish();
    assert!(answer.octets().len() <= 20 + 28 + 4 + 2 * UNKNOWN_MAX + 8, "bounded, whatever is asked");
    // What stands behind an integrity counts for nothing (§14.5).
    let late = Writer::new(Class::Request, &[1; 12]).integrity(b"p").put(0x4001, &[]).nominate().finish();
    let late = Message::parse(late.octets(), ConnectivityCheck).unwrap();
    assert!(late.unknown.is_empty() && !late.nominates);
}

#[test]
fn nothing_that_was_touched_is_taken() {
    for octet in 0..REQUEST.len() {
        for bit in 0..8 {
            let mut touched = REQUEST.to_vec();
            touched[octet] ^= 1 << bit;
            assert!(Message::parse(&touched, ConnectivityCheck).is_none(), "{octet}.{bit}");
        }
    }
    for length in 0..REQUEST.len() {
        assert!(Message::parse(&REQUEST[..length], KeepAlive).is_none());
    }
    for usage in [KeepAlive, ConnectivityCheck] {
        assert!(Message::parse(&[REQUEST, &[0; 4]].concat(), usage).is_none());
        assert!(Message::parse(&vec![0; 2_000], usage).is_none());
        // The header's length, an attribute's, one without its value, and one behind the fingerprint.
        let with = |attributes: &[u8], length: u16| {
            let mut octets = Writer::new(Class::Request, &[1; 12]).octets().to_vec();
            octets[2..4].copy_from_slice(&length.to_be_bytes());
            octets.extend(attributes);
            Message::parse(&octets, usage).is_none()
        };
        assert!(with(&[0x80, 0x22, 0, 5, 1, 2, 3, 4], 8) && with(&[0x80, 0x22, 0, 1], 4) && with(&[0x80, 0x22], 2));
        assert!(with(&[0x80, 0x22, 0, 0], 8) && with(&[0x80, 0x22, 0, 0], 0));
        assert!(with(&vec![0x80; READ_OCTETS_MAX], READ_OCTETS_MAX as u16));
        let twice = Writer::new(Class::Request, &[1; 12]).finish().finish();
        assert!(Message::parse(twice.octets(), usage).is_none());
        let short = Writer::new(Class::Request, &[1; 12]).put(MESSAGE_INTEGRITY, &[0; 19]).finish();
        assert!(Message::parse(short.octets(), usage).is_none());
        let wrong = Writer::new(Class::Request, &[1; 12]).put(FINGERPRINT, &[0; 4]);
        assert!(Message::parse(wrong.octets(), usage).is_none());
        let nowhere = Writer::new(Class::Success, &[1; 12]).put(0x0020, &[0, 3, 0, 0, 1, 2, 3, 4]).finish();
        assert!(Message::parse(nowhere.octets(), usage).is_none());
        let code = Writer::new(Class::Error, &[1; 12]).put(0x0009, &[0, 0, 7, 0]).finish();
        assert!(Message::parse(code.octets(), usage).is_none());
    }
    // A check has a fingerprint, and is by nobody without integrity.
    let bare = Writer::new(Class::Request, &[1; 12]).integrity(b"p");
    assert!(Message::parse(bare.octets(), ConnectivityCheck).is_none());
    assert!(Message::parse(bare.octets(), KeepAlive).is_some_and(|read| !read.has_fingerprint));
    let open = Writer::new(Class::Request, &[1; 12]).finish();
    assert!(!Message::parse(open.octets(), ConnectivityCheck).unwrap().is_by(b"p"));
}

#[test]
fn stun_is_told_from_sip_and_from_other_keep_alives() {
    assert!(is_stun(REQUEST) && is_stun(RESPONSE));
    for other in
        [&b"OPTIONS sip:h SIP/2.0"[..], b"\r\n\r\n", &[0; 8], &[], &[0x16; 40], &[0, 1, 0, 0, 0x21, 0x12, 0xa4]]
    {
        assert!(!is_stun(other), "{other:?}");
    }
}

#[test]
fn what_has_no_room_is_left_out_and_the_message_stays_whole() {
    let name = "n".repeat(400);
    let long = Writer::new(Class::Request, &[1; 12]).username(&name, &name).username(&name, "o").username(&name, "o");
    let long = long.integrity(b"p").finish();
    let read = Message::parse(long.octets(), ConnectivityCheck).unwrap();
    assert!(read.is_by(b"p") && read.username.is_some_and(|name| name.len() == 402));
}
