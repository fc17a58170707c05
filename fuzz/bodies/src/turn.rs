//! What a server that relays (TURN) says to its client, by the book or not, and what anybody else sends: nothing panics, what is asked and kept is bounded, and what is over says
//! nothing more.

use ::stun::{Class, Key, Message, Method, TransactionId, Usage, Writer, channel};
use media::limits::{TURN_PEERS, TURN_TRANSMISSIONS};
use media::turn::{Begun, Came, RelayServer, Servers, is_place};
use router::time::{Duration, Instant, Now, WallTime};
use router::{Private, Random};
use std::net::SocketAddr;
use std::sync::Arc;

use crate::tape::Tape;

const REALM: &[u8] = b"realm";

/// Operations, each an octet and what it needs.
pub fn turn(data: &[u8]) {
    let mut tape = Tape::new(data);
    let at = SocketAddr::from(([203, 0, 113, 9], 3_478));
    let password = Private::new("password".to_owned());
    let server = Arc::new(RelayServer::new(at, "user", password));
    let (mut now, mut random) = (Instant::from_millis(1_000), Random::from_seed(u64::from(tape.octet())));
    let mut servers = Servers::new(&[server]);
    let begun = Now { instant: now, wall: WallTime::default() };
    let Some(Begun { mut client, .. }) = servers.begin(begun, false, None, &mut random) else { return };
    let key = Key::new("user", REALM, "password", None).expect("a key");
    let mut asked: Vec<(Method, TransactionId)> = Vec::new();
    let mut sent = 0_usize;
    let mut operations = 0_usize;
    while tape.is_left() {
        operations += 1;
        let (operation, octet) = (tape.octet(), tape.octet());
        match operation % 7 {
            // Anything from where the server is.
            0 => {
                let datagram = tape.octets(usize::from(octet));
                if let Some((place, (begin, end))) = client.unwrap(now, datagram) {
                    assert!(is_place(place) && datagram.get(begin..end).is_some());
                    assert!(client.address(place).is_some());
                } else if let Some(message) = Message::parse(datagram, Usage::Relaying) {
                    let was_up = client.allocated().is_some();
                    client.handle(now, &message, &mut random);
                    assert!(was_up || client.allocated().is_none(), "nobody guesses what was asked");
                }
            }
            // An answer to something that was asked.
            1 | 2 => {
                let Some((method, transaction)) = tape.pick(&asked) else { continue };
                let message = match octet % 4 {
                    0 => {
                        let code = [300, 400, 401, 403, 437, 438, 441, 486, 500, 508][usize::from(tape.octet()) % 10];
                        let nonce = [tape.octet() | 1; 3];
                        let error = Writer::of(method, Class::Error, &transaction).error(code);
                        let other = SocketAddr::from(([203, 0, 113, tape.octet()], 3_478));
                        error.challenge(REALM, &nonce[..usize::from(tape.octet()) % 4]).alternate(other)
                    }
                    1 => Writer::of(method, Class::Success, &transaction),
                    _ => Writer::of(method, Class::Success, &transaction)
                        .relayed(SocketAddr::from(([203, 0, 113, tape.octet()], tape.word())))
                        .mapped(at)
                        .lifetime(u32::from(tape.word())),
                };
                let message = if operation & 0x80 == 0 { key.seal(message) } else { message };
                let message = Message::parse(message.octets(), Usage::Relaying).expect("what is written is read");
                let came = client.handle(now, &message, &mut random);
                servers.observe(&mut client);
                assert_eq!(came == Came::Allocated, came == Came::Allocated && client.allocated().is_some());
            }
            3 => now = now + Duration::from_millis(u64::from(octet) << (operation >> 4)),
            4 => client.reach(now, SocketAddr::from(([198, 51, 100, octet], u16::from(operation) + 1)), octet.into()),
            5 => {
                let place = client.reachable(now).nth(usize::from(octet)).map(|(place, _)| place);
                if let Some(place) = place {
                    client.keep(now, place);
                    let mut room = [7; 200 + channel::EXPANSION];
                    let length = client.wrap(place, &mut room, usize::from(octet)).expect("there is room");
                    let is_channel = channel::unwrap(&room[..length]).is_some();
                    assert!(is_channel || Message::parse(&room[..length], Usage::Relaying).is_some());
                }
            }
            _ if octet == 0 => client.release(now, &mut random),
            _ => client.keep_none(),
        }
        client.handle_timeout(now);
        let mut turn = 0;
        while let Some(outgoing) = client.poll_transmit(now, &mut random) {
            turn += 1;
            assert!(turn <= TURN_PEERS + 1, "what is due, and no more");
            sent += 1;
            let message = Message::parse(outgoing.message.octets(), Usage::Relaying).expect("what is asked is read");
            assert!(message.class == Class::Request && message.unknown.is_empty());
            asked.push((message.method, message.transaction));
            asked.truncate(64);
        }
        assert!(client.poll_timeout().is_none_or(|due| due > now), "nothing is due that was not done");
        assert!(client.reachable(now).count() <= TURN_PEERS);
        assert!(!client.is_over() || client.poll_timeout().is_none());
    }
    assert!(sent <= (operations + 1) * (TURN_PEERS + 1) * TURN_TRANSMISSIONS as usize);
}
