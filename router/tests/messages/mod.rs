//! A frame of every message of a link: with everything, and with nothing that may be left out.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]

use router::bridge::message::{
    Announced, Bye, ByeReason, Heartbeat, HeartbeatAnswer, Hello, Offered, Order, write_bye, write_heartbeat,
    write_heartbeat_answer, write_hello, write_packet, write_platforms,
};
use router::parameter::Status;
use router::{Address, Command, Instance, ModuleKind, Packet, PlatformId, Transaction, one};

fn frame(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut buffer = Vec::new();
    write(&mut buffer);
    buffer
}

pub fn hello() -> Hello {
    Hello {
        version: 1,
        oldest: 1,
        platform: PlatformId(2),
        name: "b".to_owned(),
        epoch: 0xdead_beef,
        software: Some("0.1.0".to_owned()),
        addresses: vec!["192.0.2.2:5070".to_owned(), "[2001:db8::2]:5070".to_owned()],
        modules: vec![
            Offered { kind: ModuleKind::Voice as u8, index: 1, load_thousandths: 1_000 },
            Offered { kind: 200, index: 0, load_thousandths: 0 },
        ],
        heartbeat_ms: 1_000,
    }
}

pub fn packet() -> Packet {
    let at = |platform, kind| Address { platform: PlatformId(platform), ..Address::local(kind, 0) };
    Packet {
        source: at(2, ModuleKind::Control).at(Instance(0x2a)),
        destination: at(1, ModuleKind::Store),
        transaction: Transaction(7),
        command: Command::Query,
        parameters: one(Status::default()),
    }
}

/// Each by a name.
pub fn messages() -> Vec<(String, Vec<u8>)> {
    let Hello { platform, name, epoch, software, addresses, modules, .. } = hello();
    let bare = Hello { software: None, addresses: Vec::new(), modules: Vec::new(), ..hello() };
    let heartbeat = Heartbeat { number: 3, modules: modules.clone() };
    let via = PlatformId(3);
    let announced = Announced { platform, name, epoch, software, addresses, modules, distance: 2, via };
    let plain = Announced { software: None, addresses: Vec::new(), modules: Vec::new(), ..announced.clone() };
    let order = Order { epoch: 0xdead_beef, sequence: u64::from(u32::MAX) + 1 };
    let mut messages = vec![
        ("hello".to_owned(), frame(|buffer| write_hello(&hello(), buffer))),
        ("hello-bare".to_owned(), frame(|buffer| write_hello(&bare, buffer))),
        ("heartbeat".to_owned(), frame(|buffer| write_heartbeat(&heartbeat, buffer))),
        ("heartbeat-answer".to_owned(), frame(|buffer| write_heartbeat_answer(HeartbeatAnswer { number: 3 }, buffer))),
        ("packet".to_owned(), frame(|buffer| write_packet(4, order, &packet(), buffer))),
        ("platforms".to_owned(), frame(|buffer| write_platforms(&[announced, plain], buffer))),
        ("platforms-none".to_owned(), frame(|buffer| write_platforms(&[], buffer))),
    ];
    for reason in ByeReason::ALL {
        let text = (reason != ByeReason::Stopping).then(|| reason.name().to_owned());
        let bye = Bye { reason: reason as u8, text };
        messages.push((format!("bye-{}", reason.name()), frame(|buffer| write_bye(&bye, buffer))));
    }
    messages
}
