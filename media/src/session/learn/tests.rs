use super::*;
use crate::limits::CANDIDATE_MS;
use router::parameter::Network;

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

fn planned() -> Learning {
    let mut learning = Learning::default();
    learning.handle_plan(ms(0), Some(at(1)), None, 1);
    learning
}

/// At another host than [`at`].
fn elsewhere(number: u16) -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 66], 40_000 + number))
}

/// What a phone behind a NAT signals.
fn private() -> SocketAddr {
    SocketAddr::from(([192, 168, 1, 5], 4_000))
}

/// A private address is signalled, from the host of [`at`].
fn behind_nat() -> Learning {
    let mut learning = Learning::default();
    learning.handle_plan(ms(0), Some(private()), Some(at(0).ip()), 1);
    learning
}

fn ms(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

fn check(learning: &mut Learning, now: Instant, source: SocketAddr, ssrc: u32, sequence: u16, agreed: bool) -> Verdict {
    learning.check(now, &Heard { source, ssrc, sequence, agreed, keyed: false })
}

/// `source` sends packets `from..from + count`, 20 ms apart; the last verdict.
fn send(learning: &mut Learning, begin: u64, source: SocketAddr, from: u16, count: u16) -> Verdict {
    let packets = (0..count).map(|index| (ms(begin + 20 * u64::from(index)), from + index));
    packets.fold(Verdict::Stranger, |_, (now, sequence)| check(learning, now, source, 7, sequence, true))
}

#[test]
fn the_signalled_address_is_learned_at_once() {
    let mut learning = planned();
    assert_eq!(learning.destination(), Some(at(1)));
    assert_eq!(send(&mut learning, 0, at(1), 0, 1), Verdict::Settled);
    assert_eq!(send(&mut learning, 20, at(1), 1, 1), Verdict::Accept);
    assert_eq!(send(&mut learning, 40, at(2), 0, 50), Verdict::Stranger);
}

#[test]
fn a_source_behind_nat_is_learned_by_consistency_and_settles_later() {
    let mut learning = planned();
    assert_eq!(send(&mut learning, 0, at(2), 10, 2), Verdict::Stranger);
    assert_eq!(learning.destination(), Some(at(1)));
    assert_eq!(send(&mut learning, 40, at(2), 12, 1), Verdict::Accept);
    assert_eq!(learning.destination(), Some(at(2)));
    assert_eq!(send(&mut learning, 60, at(3), 0, 9), Verdict::Stranger, "who comes later is no candidate");
    assert_eq!(send(&mut learning, 2_039, at(2), 100, 1), Verdict::Accept);
    assert_eq!(send(&mut learning, 2_040, at(2), 101, 1), Verdict::Settled);
}

#[test]
fn the_signalled_address_takes_a_hijacker_s_place_within_two_seconds() {
    let mut learning = planned();
    send(&mut learning, 0, at(66), 0, 3);
    assert_eq!(learning.destination(), Some(at(66)));
    assert_eq!(send(&mut learning, 500, at(1), 0, 1), Verdict::Settled);
    assert_eq!(learning.destination(), Some(at(1)));
    assert_eq!(send(&mut learning, 520, at(66), 3, 50), Verdict::Stranger);
}

#[test]
fn inconsistent_sources_are_never_learned() {
    let mut learning = planned();
    for index in 0..100u16 {
        let now = ms(u64::from(index) * 20);
        assert_eq!(
            check(&mut learning, now, at(2), 7, index.wrapping_mul(1_000), true),
            Verdict::Stranger,
            "numbers jump"
        );
        assert_eq!(check(&mut learning, now, at(3), u32::from(index), index, true), Verdict::Stranger, "SSRCs change");
        assert_eq!(check(&mut learning, now, at(4), 7, 5, true), Verdict::Stranger, "always the same packet");
        assert_eq!(
            check(&mut learning, now, at(5), 7, index, false),
            Verdict::Stranger,
            "a format that was not agreed"
        );
    }
}

#[test]
fn strangers_hold_a_place_only_while_they_send() {
    let mut learning = planned();
    for stranger in 0..CANDIDATES as u16 {
        check(&mut learning, ms(0), at(1_000 + stranger), 9, 0, true);
    }
    assert_eq!(send(&mut learning, 20, at(2), 0, 4), Verdict::Stranger, "no place is free");
    assert_eq!(send(&mut learning, CANDIDATE_MS, at(2), 4, 3), Verdict::Accept);
}

#[test]
fn a_new_generation_unlearns_and_the_former_source_goes_on() {
    let mut learning = planned();
    send(&mut learning, 0, at(2), 0, 3);
    send(&mut learning, 3_000, at(2), 150, 1);
    assert!(learning.handle_plan(ms(3_000), Some(at(1)), None, 2));
    assert_eq!(learning.destination(), Some(at(2)), "same address signalled: nothing is interrupted");
    assert_eq!(send(&mut learning, 3_020, at(2), 151, 1), Verdict::Accept);
    assert!(learning.handle_plan(ms(3_040), Some(at(9)), None, 3));
    assert_eq!(learning.destination(), Some(at(9)), "it moved");
    assert_eq!(send(&mut learning, 3_060, at(2), 153, 1), Verdict::Stranger);
    assert_eq!(send(&mut learning, 3_080, at(9), 0, 1), Verdict::Settled);
    assert!(!learning.handle_plan(ms(3_080), Some(at(9)), None, 4), "it signals where it sends from");
    assert!(!learning.handle_plan(ms(3_080), Some(at(9)), None, 4), "nothing new");
    assert_eq!(send(&mut learning, 3_100, at(9), 1, 1), Verdict::Accept);
}

#[test]
fn the_old_way_to_hold_forgets_nothing() {
    let mut learning = planned();
    send(&mut learning, 0, at(2), 0, 3);
    assert!(!learning.handle_plan(ms(60), None, None, 2));
    assert!(learning.handle_plan(ms(60), Some(at(1)), None, 3));
    assert_eq!(learning.destination(), Some(at(2)));
    assert_eq!(send(&mut learning, 60, at(2), 3, 1), Verdict::Accept);
}

#[test]
fn silence_lets_a_new_binding_in_and_the_old_one_back() {
    let mut learning = planned();
    assert!(!learning.handle_silence(Some(7)));
    send(&mut learning, 0, at(1), 0, 1);
    assert!(learning.handle_silence(Some(7)));
    assert_eq!(learning.destination(), Some(at(1)));
    assert_eq!(send(&mut learning, 9_000, at(5), 50, 3), Verdict::Accept);
    assert_eq!(learning.destination(), Some(at(5)));
}

#[test]
fn without_a_signalled_address_the_first_consistent_source_settles() {
    let mut learning = Learning::default();
    learning.handle_plan(ms(0), None, None, 1);
    assert_eq!(learning.destination(), None);
    assert_eq!(send(&mut learning, 0, at(2), 0, 3), Verdict::Settled);
    assert!(learning.is_host(at(7).ip()));
    assert_eq!(learning.destination(), Some(at(2)));
}

#[test]
fn a_peer_of_several_addresses_is_heard_by_its_port_and_sent_to_where_it_said() {
    let mut learning = planned();
    let other = SocketAddr::from(([198, 51, 100, 7], at(1).port()));
    assert_eq!(send(&mut learning, 0, other, 0, 3), Verdict::Accept);
    assert_eq!((learning.source(), learning.destination()), (Some(other), Some(at(1))));
    assert_eq!(send(&mut learning, 2 * PROVISIONAL_MS, other, 3, 1), Verdict::Accept);
    assert_eq!(send(&mut learning, 2 * PROVISIONAL_MS + 20, elsewhere(1), 0, 10), Verdict::Stranger);
    // Behind a NAT that keeps ports the address that was signalled is reached by nobody.
    let mut learning = Learning::default();
    learning.handle_plan(ms(0), Some(private()), None, 1);
    let public = SocketAddr::from(([198, 51, 100, 7], private().port()));
    assert_eq!(send(&mut learning, 0, public, 0, 3), Verdict::Accept);
    assert_eq!(learning.destination(), Some(public));
}

/// Many phones have one port for ever, so that somebody may guess it.
#[test]
fn who_has_guessed_the_port_is_sent_nothing_and_makes_way_for_the_phone_at_any_time() {
    let guessed = elsewhere(1).ip();
    for phone in [at(1), at(2)] {
        let mut learning = planned();
        let stranger = SocketAddr::from((guessed, at(1).port()));
        for second in 0..10 {
            send(&mut learning, 1_000 * second, stranger, 50 * second as u16, 50);
            assert_eq!(learning.destination(), Some(at(1)), "second {second}");
        }
        let verdict = send(&mut learning, 10_000, phone, 0, 3);
        assert!(verdict != Verdict::Stranger && learning.source() == Some(phone), "{phone}: {verdict:?}");
        assert_eq!(learning.destination(), Some(phone));
        assert_eq!(send(&mut learning, 10_100, stranger, 500, 20), Verdict::Stranger);
        send(&mut learning, 10_100 + PROVISIONAL_MS, phone, 3, 1);
        assert!(matches!(learning.state, State::Settled { source } if source == phone));
    }
}

/// The media of a carrier come from gateways of its own that it signals nowhere.
#[test]
fn a_source_in_a_network_that_the_operator_named_is_learned_and_nobody_else() {
    let mut learning = planned();
    learning.believe(Networks::of(&[Network::parse("203.0.113.64/26").unwrap()]));
    let outside = SocketAddr::from(([203, 0, 113, 6], 40_000));
    assert_eq!(send(&mut learning, 0, outside, 0, 100), Verdict::Stranger);
    assert!(learning.is_host(elsewhere(1).ip()) && !learning.is_host(outside.ip()), "its reports");
    assert_eq!(send(&mut learning, 3_000, elsewhere(1), 0, 2), Verdict::Stranger);
    assert_eq!(send(&mut learning, 3_040, elsewhere(1), 2, 1), Verdict::Accept);
    assert_eq!(learning.destination(), Some(elsewhere(1)));
    assert_eq!(send(&mut learning, 6_000, elsewhere(1), 3, 1), Verdict::Settled);
    assert_eq!(send(&mut learning, 6_020, elsewhere(2), 0, 50), Verdict::Stranger, "one at a time");
    // Another gateway goes on after a silence; nobody from outside does.
    assert!(learning.handle_silence(Some(7)));
    assert_eq!(send(&mut learning, 20_000, outside, 4, 100), Verdict::Stranger);
    let other = SocketAddr::from(([203, 0, 113, 99], 30_000));
    assert_eq!(send(&mut learning, 30_000, other, 4, 3), Verdict::Accept);
    assert_eq!(learning.destination(), Some(other));
    assert_eq!(send(&mut learning, 40_000, other, 7, 1), Verdict::Settled);
}

#[test]
fn the_signalled_address_takes_the_place_of_a_source_that_the_operator_named() {
    let mut learning = planned();
    learning.believe(Networks::of(&[Network::host(elsewhere(1).ip())]));
    assert_eq!(send(&mut learning, 0, elsewhere(1), 0, 3), Verdict::Accept);
    assert_eq!(send(&mut learning, 100, at(1), 0, 1), Verdict::Settled);
    assert_eq!(send(&mut learning, 120, elsewhere(1), 3, 50), Verdict::Stranger);
}

#[test]
fn a_stranger_is_never_learned_where_the_signalled_address_is_reached() {
    let mut learning = planned();
    assert_eq!(send(&mut learning, 0, elsewhere(1), 0, 1_000), Verdict::Stranger, "before the first packet");
    assert_eq!(learning.destination(), Some(at(1)));
    assert_eq!(send(&mut learning, 20_000, at(1), 0, 1), Verdict::Settled);
    assert!(learning.handle_silence(Some(7)));
    assert_eq!(send(&mut learning, 30_000, elsewhere(1), 1_000, 1_000), Verdict::Stranger, "after a silence");
    assert_eq!(learning.destination(), Some(at(1)));
    assert!(learning.handle_plan(ms(50_000), Some(at(4)), None, 2));
    assert_eq!(send(&mut learning, 50_000, elsewhere(1), 2_000, 1_000), Verdict::Stranger, "after a re-INVITE");
    assert_eq!(send(&mut learning, 70_000, at(4), 1, 1), Verdict::Settled);
}

#[test]
fn a_phone_behind_nat_is_believed_at_the_host_that_its_signalling_comes_from() {
    let mut learning = behind_nat();
    assert_eq!(send(&mut learning, 0, elsewhere(1), 0, 3), Verdict::Stranger);
    assert_eq!(send(&mut learning, 60, at(2), 0, 3), Verdict::Accept);
    assert_eq!(send(&mut learning, 3_000, at(2), 150, 1), Verdict::Settled);
    assert!(learning.handle_silence(Some(7)));
    assert_eq!(send(&mut learning, 60_000, elsewhere(1), 3, 100), Verdict::Stranger, "nor after it was heard");
    assert!(learning.handle_plan(ms(70_000), Some(private()), Some(at(0).ip()), 2));
    assert_eq!(send(&mut learning, 80_000, elsewhere(1), 103, 100), Verdict::Stranger, "nor after a re-INVITE");
    assert_eq!(learning.destination(), Some(at(2)));
    assert_eq!(send(&mut learning, 90_000, at(3), 200, 3), Verdict::Accept, "its NAT has another binding");
}

#[test]
fn who_moves_is_believed_where_its_signalling_comes_from_then() {
    let mut learning = behind_nat();
    send(&mut learning, 0, at(2), 0, 3);
    send(&mut learning, 3_000, at(2), 150, 1);
    assert!(learning.handle_plan(ms(4_000), Some(private()), Some(elsewhere(0).ip()), 2));
    assert_eq!(learning.destination(), Some(at(2)), "nothing is interrupted");
    assert_eq!(send(&mut learning, 4_020, at(2), 151, 1), Verdict::Accept);
    assert_eq!(send(&mut learning, 4_040, elsewhere(1), 0, 3), Verdict::Accept);
    assert_eq!(learning.destination(), Some(elsewhere(1)));
    assert_eq!(send(&mut learning, 7_000, elsewhere(1), 4, 1), Verdict::Settled);
}

#[test]
fn where_no_address_is_reached_a_stranger_may_be_the_peer_until_that_comes() {
    let unnamed = ms(UNNAMED_MS);
    let mut learning = behind_nat();
    let early = UNNAMED_MS / 20;
    assert_eq!(send(&mut learning, 0, elsewhere(1), 0, early as u16), Verdict::Stranger);
    assert_eq!(check(&mut learning, unnamed, elsewhere(1), 7, 500, true), Verdict::Stranger);
    assert_eq!(send(&mut learning, UNNAMED_MS + 20, elsewhere(1), 501, 2), Verdict::Accept);
    assert_eq!(send(&mut learning, 60_000, elsewhere(1), 503, 100), Verdict::Accept, "never for good");
    assert!(learning.handle_silence(Some(7)));
    assert_eq!(send(&mut learning, 69_000, SocketAddr::from(([192, 0, 2, 99], 1)), 0, 100), Verdict::Stranger);
    assert_eq!(send(&mut learning, 70_000, elsewhere(1), 603, 200), Verdict::Accept);
    assert_eq!(send(&mut learning, 74_000, at(2), 0, 3), Verdict::Accept, "the named host");
    assert_eq!(send(&mut learning, 74_060, elsewhere(1), 803, 100), Verdict::Stranger);
    assert_eq!(send(&mut learning, 80_000, at(2), 3, 1), Verdict::Settled);
}

/// Somebody behind the same NAT comes in the phone's silence; it has not the phone's SSRC, which nobody else knows.
#[test]
fn who_was_heard_before_comes_back_at_any_time() {
    let mut learning = planned();
    send(&mut learning, 0, at(1), 0, 1);
    assert!(learning.handle_plan(ms(100), Some(at(100)), None, 2));
    send(&mut learning, 200, at(1), 1, 3);
    assert_eq!(send(&mut learning, 3_000, at(1), 4, 1), Verdict::Settled);
    assert!(learning.handle_silence(Some(7)));
    let other =
        |learning: &mut Learning, now: u64, sequence: u16| check(learning, ms(now), at(66), 0x66, sequence, true);
    for index in 0..1_000 {
        other(&mut learning, 10_000 + 20 * u64::from(index), index);
    }
    assert_eq!(learning.destination(), Some(at(66)));
    assert_eq!(send(&mut learning, 30_000, at(1), 5, 1), Verdict::Accept);
    assert_eq!(learning.destination(), Some(at(1)));
    assert_eq!(other(&mut learning, 30_010, 1_000), Verdict::Stranger);
    assert!(learning.handle_silence(Some(7)));
    for index in 0..3 {
        other(&mut learning, 40_000, index);
    }
    assert!(learning.handle_silence(Some(0x66)));
    assert_eq!(learning.destination(), Some(at(1)), "a burst is no proof");
}

#[test]
fn strangers_take_no_place_from_who_is_known() {
    for private_address in [false, true] {
        let mut learning = if private_address { behind_nat() } else { planned() };
        let begin = 10_000;
        for stranger in 0..20 {
            check(&mut learning, ms(begin), elsewhere(1_000 + stranger), 9, 0, true);
        }
        assert_eq!(send(&mut learning, begin, at(2), 0, 3), Verdict::Accept);
    }
}
