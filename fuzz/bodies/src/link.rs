//! Any octets on a link, before and after its hello: they are messages or the link's end, and what is kept of them is bounded.

use router::bridge::message::{Hello, LinkMessage, read_message, write_hello};
use router::bridge::{Bridge, Config, Output};
use router::time::{Instant, Now};
use router::{Address, ModuleKind, PlatformId, Random};

/// The first octet says whether a hello went before, and how the rest is cut into pieces.
pub fn link(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else { return };
    if let Ok(LinkMessage::Packet(packet)) = read_message(rest) {
        drop(packet.packet());
    }
    let now = Now { instant: Instant::from_millis(1_000), ..Now::default() };
    let mut bridge = Bridge::new(Config::new(PlatformId(1), "one"), now, Random::from_seed(1));
    bridge.handle_modules([Address::local(ModuleKind::Store, 0)]);
    let link = bridge.handle_accepted(now, String::new(), None).expect("there is room");
    if first & 1 == 1 {
        let hello = Hello {
            version: 1,
            oldest: 1,
            platform: PlatformId(2),
            name: String::new(),
            epoch: 1,
            software: None,
            addresses: Vec::new(),
            modules: Vec::new(),
            heartbeat_ms: 1_000,
        };
        let mut octets = Vec::new();
        write_hello(&hello, &mut octets);
        bridge.handle_bytes(now, link, &octets);
    }
    for piece in rest.chunks(usize::from(first >> 1) + 1) {
        bridge.handle_bytes(now, link, piece);
        while let Some(packet) = bridge.poll_deliver() {
            assert_eq!(packet.destination.platform, PlatformId::HERE);
            assert!(packet.source.platform.is_identity() && packet.source.platform != PlatformId(1));
        }
        let mut is_closed = false;
        while let Some(output) = bridge.poll_output() {
            if let Output::Write(link, octets) | Output::Close(link, octets) = &output {
                bridge.handle_written(now, *link, octets.len(), 1);
            }
            is_closed |= matches!(output, Output::Close(..));
        }
        let (requests, octets) = bridge.waiting();
        assert!(requests == 0 && octets <= rest.len(), "{octets} octets are kept of {}", rest.len());
        if is_closed {
            assert_eq!(octets, 0);
            break;
        }
    }
}
