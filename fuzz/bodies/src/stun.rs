//! A datagram as a message of STUN, and what is written read again.

use ::stun::{Class, Message, Role, Usage, Writer, channel, is_stun};

use crate::tape::Tape;

/// Reads the input as a datagram, and writes messages of it.
pub fn stun(data: &[u8]) {
    let _ = channel::unwrap(data);
    for usage in [Usage::KeepAlive, Usage::ConnectivityCheck, Usage::Relaying] {
        let Some(read) = Message::parse(data, usage) else { continue };
        if let Some((begin, end)) = read.relaying.data {
            assert!(usage == Usage::Relaying && data.get(begin..end).is_some());
        }
        assert!(is_stun(data), "what is read is STUN");
        let _ = read.is_by(b"password");
        let answer =
            Writer::of(read.method, Class::Error, &read.transaction).error(420).unknown(&read.unknown).finish();
        let again = Message::parse(answer.octets(), usage).expect("what is written is read");
        assert_eq!((again.error, again.transaction), (Some(420), read.transaction));
        if let Some(mapped) = read.mapped {
            let answer = Writer::of(read.method, Class::Success, &read.transaction).mapped(mapped).finish();
            let again = Message::parse(answer.octets(), usage).and_then(|again| again.mapped);
            assert_eq!(again.map(|again| again.ip()), Some(mapped.ip().to_canonical()));
        }
    }
    written(data);
}

fn written(data: &[u8]) {
    let mut tape = Tape::new(data);
    let number = u64::from(tape.word()) << 16 | u64::from(tape.word());
    let transaction = std::array::from_fn(|_| tape.octet());
    let role = if number & 1 == 0 { Role::Controlling(number) } else { Role::Controlled(number) };
    let password: Vec<u8> = (0..tape.octet() % 32).map(|_| tape.octet()).collect();
    let name: String = String::from_utf8_lossy(tape.remainder()).chars().take(80).collect();
    let written = Writer::new(Class::Request, &transaction).username(&name, "own").priority(number as u32).role(role);
    let written = written.integrity(&password).finish();
    let read = Message::parse(written.octets(), Usage::ConnectivityCheck).expect("what is written is read");
    assert!(read.is_by(&password));
    assert_eq!((read.role, read.priority, read.transaction), (Some(role), Some(number as u32), transaction));
    assert_eq!(read.username, Some(format!("{name}:own").as_bytes()));
}
