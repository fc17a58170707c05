//! To each receiver one continuous RTP timeline, whatever becomes of its source. The phones themselves compare every packet:
//! see `scenarios::phone::Hearing`.

use crate::{connect, ms, secs, with_phones};
use scenarios::{Conditions, Step};
use std::net::SocketAddr;

#[test]
fn a_source_that_begins_anew_is_joined_to_the_timeline() {
    for seed in 0..5 {
        let (mut simulation, [alice, bob]) = with_phones(seed, ["alice", "bob"]);
        connect(&mut simulation, alice, bob);
        for _ in 0..4 {
            simulation.run(ms(700));
            simulation.tell(alice).step(0, Step::NewSource);
        }
        simulation.run(secs(2));
        let hearing = &simulation.call(bob).media.hearing;
        assert!(hearing.packets > 200, "{}", hearing.packets);
        simulation.finish();
    }
}

#[test]
fn what_the_network_loses_and_reorders_stays_lost_and_reordered() {
    let (mut simulation, [alice, bob]) = with_phones(6, ["alice", "bob"]);
    connect(&mut simulation, alice, bob);
    // RFC 3550 A.3 counts what came twice as received: nothing is doubled here.
    simulation.set_line(alice, Conditions { duplicate_permille: 0, ..Conditions::rough(100) });
    simulation.run(secs(10));
    simulation.calm();
    simulation.run(secs(1));
    let heard = simulation.call(bob).media.hearing.packets;
    let sent = simulation.call(alice).media.sent;
    assert!((sent * 85 / 100..sent * 105 / 100).contains(&heard), "{heard} of {sent}");
    simulation.tell(alice).step(0, Step::HangUp);
    simulation.run(secs(1));
    let record = simulation.platform.records().pop().expect("a record");
    let lost = record.caller_quality.packets_lost;
    assert!((20..90).contains(&lost), "some 50 of 500 are lost: {lost}");
    assert_eq!(record.callee_quality.packets_lost, 0);
    simulation.finish();
}

#[test]
fn a_stranger_who_knows_the_port_is_not_heard() {
    let (mut simulation, [alice, bob]) = with_phones(7, ["alice", "bob"]);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(1));
    let port = simulation.call(alice).media.peer().and_then(|peer| peer.rtp).expect("a port");
    let stranger = SocketAddr::from(([100, 64, 0, 1], 4_000));
    simulation.network.attach(stranger.ip(), Conditions::LOCAL, Conditions::LOCAL);
    let before = simulation.call(bob).media.hearing.foreign;
    for number in 0..200u16 {
        let mut packet = vec![0x80, 0];
        packet.extend(number.to_be_bytes());
        packet.extend((u32::from(number) * 160).to_be_bytes());
        packet.extend(7u32.to_be_bytes());
        packet.extend([0xff; 160]);
        let now = simulation.now().instant;
        simulation.network.send(now, stranger, port, packet);
        simulation.run(ms(20));
    }
    assert_eq!(simulation.call(bob).media.hearing.foreign, before);
    assert!(simulation.call(alice).media.hearing.packets > 200, "and gets nothing of the call");
    simulation.finish();
}

#[test]
fn a_transfer_joins_the_new_party_to_the_timeline() {
    let (mut simulation, [alice, bob, carol]) = with_phones(8, ["alice", "bob", "carol"]);
    connect(&mut simulation, alice, bob);
    simulation.run(secs(1));
    simulation.tell(bob).step(0, Step::Transfer("carol".to_owned()));
    simulation.run(secs(4));
    let hearing = &simulation.call(alice).media.hearing;
    let speakers = [bob, carol].map(|phone| simulation.call(phone).media.speaker());
    assert!(speakers.iter().all(|speaker| hearing.speakers.get(speaker).is_some_and(|&packets| packets > 40)));
    simulation.finish();
}
