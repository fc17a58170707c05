//! More than a table has room for as long as the RFC would have it remembered.

use super::*;

/// Calls of a peer, so many a second for so long, each answered, acknowledged and ended at once. How many were refused, and the most that the table
/// held.
fn served(bench: &mut Bench, via: &Flow, per_second: u64, seconds: u64) -> (u64, usize) {
    let mut most = 0;
    let refused = bench.layer.counters().refused;
    for number in 0..per_second * seconds {
        let branch = format!("{}-{number}", bench.now.as_nanos());
        for method in ["INVITE", "BYE"] {
            let request = incoming(method, &branch, ";tag=b1");
            bench.receive(via, &request);
            if let [Event::Request { key, .. }] = bench.events().as_slice() {
                bench.say(*key, &request, 200);
                if method == "INVITE" {
                    bench.layer.acknowledged(bench.now, *key);
                }
            }
            bench.transmits();
        }
        most = most.max(bench.layer.len().1);
        bench.pass(1_000 / per_second);
        bench.events();
    }
    (bench.layer.counters().refused - refused, most)
}

#[test]
fn what_comes_faster_than_there_is_room_for_is_served_for_as_long_as_it_comes() {
    let via = flow(Transport::Udp);
    let mut bench = Bench::bounded(1_000, 1_000);
    // 64·T1 of seven a second are some 450; of 30 they are 1,920.
    let (refused, most) = served(&mut bench, &via, 7, 60);
    assert!(refused == 0 && (440..500).contains(&most), "{refused} {most}");
    let (refused, most) = served(&mut bench, &via, 30, 120);
    assert!(refused == 0 && (500..875).contains(&most), "{refused} {most}");
    // What is left is forgotten in the end.
    bench.pass(32_001);
    assert!(bench.layer.is_empty());
}

#[test]
fn an_invite_whose_ack_has_not_come_is_remembered_for_as_long_as_its_answer_is_repeated() {
    let via = flow(Transport::Udp);
    let mut bench = Bench::bounded(200, 200);
    assert_eq!(served(&mut bench, &via, 4, 30).0, 0);
    let unacknowledged = incoming("INVITE", "first", "");
    bench.receive(&via, &unacknowledged);
    let key = bench.request_key();
    bench.say(key, &unacknowledged, 200);
    let (refused, _) = served(&mut bench, &via, 4, 30);
    assert_eq!(refused, 0);
    bench.transmits();
    bench.receive(&via, &unacknowledged);
    assert_eq!((bench.told(), bench.transmits().len()), (Vec::new(), 0), "a repetition, and no new call");
}
