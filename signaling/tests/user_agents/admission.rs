//! Floods of strangers, and garbage.

use super::harness::{ALICE, TRUNK, World, header, sdp};
use super::peer::Peer;
use router::Command;
use router::parameter::{CauseKind, Failure};
use signaling::message::Header;

#[test]
fn a_flood_of_strangers_takes_nothing_from_trunks_and_phones() {
    let mut world = World::new(1);
    let mut alice = Peer::new(ALICE, "alice", "alice");
    alice.register(&mut world, "Expires: 600\r\n");
    for number in 0..3_000u32 {
        let mut stranger = Peer::new(&format!("203.0.113.{}:{}", number % 250, 1_024 + number), "eve", "200");
        let text = stranger.request("INVITE", "", &sdp(1, 4_000, "sendrecv"));
        world.send(stranger.address, &text);
    }
    world.run_ms(5);
    let mut carrier = Peer::new(TRUNK, "100", "200");
    let text = carrier.request("INVITE", "", &sdp(1, 4_000, "sendrecv"));
    world.send(carrier.address, &text);
    let packet = world.asked(Command::Start);
    world.answer(&packet, Command::Failed, Failure::because(CauseKind::Busy.into()));
    world.expect(carrier.address, "SIP/2.0 486");
    let mut calling = Peer::new(ALICE, "alice", "200");
    calling.invite(&mut world, "", &sdp(1, 4_000, "sendrecv"));
    let packet = world.asked(Command::Start);
    world.answer(&packet, Command::Failed, Failure::because(CauseKind::Busy.into()));
    world.run_ms(700_000);
    world.assert_idle();
}

#[test]
fn a_host_that_is_not_ours_is_nobodys() {
    let mut world = World::new(2);
    let mut alice = Peer::new(ALICE, "alice", "200");
    alice.target = "sip:200@example.org".to_owned();
    let text = alice.request("INVITE", "", &sdp(1, 4_000, "sendrecv"));
    world.send(alice.address, &text);
    world.expect(alice.address, "SIP/2.0 404");
    world.assert_idle();
}

#[test]
fn other_methods_schemes_and_dialogs_are_refused() {
    let mut world = World::new(3);
    let mut carrier = Peer::new(TRUNK, "100", "200");
    for (method, headers, status) in [
        ("SUBSCRIBE", "Event: message-summary\r\n", "405"),
        ("FROBNICATE", "", "501"),
        ("BYE", "", "481"),
        ("REFER", "Refer-To: <sip:300@192.0.2.1>\r\n", "603"),
        ("OPTIONS", "", "200"),
    ] {
        let text = carrier.request(method, headers, "");
        world.send(carrier.address, &text);
        let response = world.expect(carrier.address, &format!("SIP/2.0 {status}"));
        if status == "405" {
            assert!(header(&response, Header::Allow).starts_with("INVITE, ACK"));
        }
    }
    carrier.target = "sips:200@192.0.2.1".to_owned();
    let text = carrier.request("INVITE", "", &sdp(1, 4_000, "sendrecv"));
    world.send(carrier.address, &text);
    world.expect(carrier.address, "SIP/2.0 416");
    world.assert_idle();
}

#[test]
fn garbage_is_survived() {
    let mut world = World::new(4);
    world.strict = false;
    let mut carrier = Peer::new(TRUNK, "100", "200");
    let text = carrier.request("INVITE", "", &sdp(1, 4_000, "sendrecv"));
    for _ in 0..3_000 {
        let mut octets = text.clone().into_bytes();
        for _ in 0..=world.chance.below(8) {
            if octets.len() < 2 {
                break;
            }
            let at = world.chance.below(octets.len() as u64) as usize;
            match world.chance.below(3) {
                0 => octets[at] = world.chance.next_u32() as u8,
                1 => drop(octets.remove(at)),
                _ => octets.truncate(at.max(1)),
            }
        }
        let garbled = String::from_utf8_lossy(&octets).into_owned();
        world.send(carrier.address, &garbled);
        world.run_ms(1);
        while let Some(received) = world.at_switch.pop_front() {
            if let router::Received::Packet(packet) = received
                && packet.command == Command::Start
            {
                world.answer(&packet, Command::Failed, Failure::because(CauseKind::Busy.into()));
            }
        }
    }
    world.assert_idle();
}
