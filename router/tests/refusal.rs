//! Nothing is dropped in silence: each refusal comes back to its source as a reason of its own, and every outcome is counted.

mod module;

use module::{CONTROL, Module, STORE, VOICE, at, bridge_packet, filler};
use router::limits::{
    BATCH, GRANT, INBOX_RELEASE_RESERVE, INBOX_REQUESTS, PENDING, QUOTA_PER_SOURCE, RELEASE_RETRY_MS,
};
use router::outbox::Received;
use router::parameter::{MediaPort, PortId, Reason, Status};
use router::time::{Duration, Instant};
use router::{
    Address, Command, Endpoint, Instance, ModuleKind, Packet, Parameters, PlatformId, Router, Subscriptions,
    Transaction, one,
};

const SECOND: Duration = Duration::from_secs(1);

/// The reason with which a request of `module` fails in its next turn.
fn failed(module: &mut Module, now: u64) -> Option<Reason> {
    let mut reasons = module.turn(now).into_iter().filter_map(|received| match received {
        Received::Answer(_, answer) if answer.command == Command::Failed => Some(answer.failure().reason),
        _ => None,
    });
    let reason = reasons.next();
    assert!(reasons.next().is_none(), "one last answer");
    reason
}

#[test]
fn a_pair_that_is_not_served_is_unsupported() {
    let router = Router::new(PlatformId(1));
    let (mut control, mut store) = (Module::new(&router, CONTROL), Module::new(&router, STORE));
    control.outbox.request(Instant::ZERO, Instance(1), STORE, Command::Connect, one(Status::default()), SECOND);
    control.turn(0);
    for received in store.turn(0) {
        let Received::Packet(packet) = received else { panic!("a request") };
        store.outbox.unsupported(&packet);
    }
    store.turn(0);
    assert_eq!(failed(&mut control, 0), Some(Reason::Unsupported));
    assert_eq!(control.outbox.pending(), 0);
}

#[test]
fn modules_and_platforms_that_are_not_there_have_reasons_of_their_own() {
    let router = Router::new(PlatformId(1));
    let mut control = Module::new(&router, CONTROL);
    let elsewhere = Address { platform: PlatformId(2), ..STORE };
    let here_by_number = Address { platform: PlatformId(1), ..STORE };
    for (destination, reason) in [
        (STORE, Reason::UnknownDestination),
        (here_by_number, Reason::UnknownDestination),
        (Address::any(ModuleKind::Voice), Reason::UnknownDestination),
        (Address::local(ModuleKind::Control, 200), Reason::UnknownDestination),
        (elsewhere, Reason::PlatformAbsent),
    ] {
        for command in [Command::Query, Command::Close] {
            control.outbox.request(Instant::ZERO, Instance(1), destination, command, one(Status::default()), SECOND);
            assert_eq!(failed(&mut control, 0), Some(reason), "{destination}");
        }
    }
    let counters = router.counters();
    assert_eq!((counters.unknown_destinations, counters.absent_platforms), (8, 2));
    // With an inter-platform interface, what is for elsewhere goes there.
    let mut bridge = Module::new(&router, Address::local(ModuleKind::Bridge, 0));
    control.outbox.request(Instant::ZERO, Instance(1), elsewhere, Command::Query, one(Status::default()), SECOND);
    control.turn(0);
    assert_eq!(bridge.turn(0).len(), 1);
}

#[test]
fn a_source_with_its_quota_waiting_is_busy_and_others_are_not() {
    let router = Router::new(PlatformId(1));
    let (mut control, mut voice) = (Module::new(&router, CONTROL), Module::new(&router, VOICE));
    let store = Module::new(&router, STORE);
    for _ in 0..QUOTA_PER_SOURCE {
        control.outbox.request(Instant::ZERO, Instance(1), STORE, Command::Query, one(Status::default()), SECOND);
    }
    assert_eq!(failed(&mut control, 0), None);
    control.outbox.request(Instant::ZERO, Instance(1), STORE, Command::Query, one(Status::default()), SECOND);
    assert_eq!(failed(&mut control, 0), Some(Reason::Busy));
    assert_eq!(store.endpoint.counters().over_quota, 1);
    voice.outbox.request(Instant::ZERO, Instance(1), STORE, Command::Query, one(Status::default()), SECOND);
    assert_eq!(failed(&mut voice, 0), None);
    // One taken, one more may come.
    assert!(store.endpoint.receive().is_some());
    control.outbox.request(Instant::ZERO, Instance(1), STORE, Command::Query, one(Status::default()), SECOND);
    assert_eq!(failed(&mut control, 0), None);
}

#[test]
fn what_a_module_was_granted_and_did_not_use_is_not_held_against_it() {
    let router = Router::new(PlatformId(1));
    let store = router.register(ModuleKind::Store, 0, || {});
    let ask = |endpoint: &Endpoint| {
        assert!(endpoint.send(bridge_packet(CONTROL, STORE)).is_ok());
        assert!(store.receive().is_some());
    };
    // As often as would use up its quota, if each time all that is granted beyond the one request were lost.
    let often = 2 * QUOTA_PER_SOURCE as usize / GRANT;
    for _ in 0..often {
        // A module that comes and goes.
        ask(&router.register(ModuleKind::Control, 0, || {}));
    }
    let control = router.register(ModuleKind::Control, 0, || {});
    for _ in 0..often {
        // Others come and go.
        ask(&control);
        router.unregister(router.register(ModuleKind::Voice, 0, || {}).address().module);
    }
    let room = (0..).take_while(|_| control.send(bridge_packet(CONTROL, STORE)).is_ok()).count();
    assert_eq!(room, QUOTA_PER_SOURCE as usize);
    assert_eq!(store.counters().over_quota, 1);
    // Another that takes its place starts anew, and gets nothing that was granted by the one before.
    let store = router.register(ModuleKind::Store, 0, || {});
    let room = (0..).take_while(|_| control.send(bridge_packet(CONTROL, STORE)).is_ok()).count();
    assert_eq!((room, store.waiting()), (QUOTA_PER_SOURCE as usize, QUOTA_PER_SOURCE as usize));
}

#[test]
fn a_source_has_one_quota_by_whatever_way_it_sends() {
    let router = Router::new(PlatformId(1));
    let store = router.register(ModuleKind::Store, 0, || {});
    let control = router.register(ModuleKind::Control, 0, || {});
    let bridge = router.register(ModuleKind::Bridge, 0, || {});
    let foreign = Address { platform: PlatformId(2), ..CONTROL };
    for (source, senders) in [(CONTROL, [&control, &bridge]), (foreign, [&bridge, &control])] {
        let mut sent = 0;
        loop {
            let before = sent;
            for sender in senders {
                sent += usize::from(sender.send(bridge_packet(source, STORE)).is_ok());
            }
            sent += usize::from(router.send(bridge_packet(source, STORE)).is_ok());
            if sent == before {
                break;
            }
        }
        assert_eq!(sent, QUOTA_PER_SOURCE as usize, "{source}");
    }
    assert_eq!(store.waiting(), 2 * QUOTA_PER_SOURCE as usize);
}

#[test]
fn anywhere_is_here_first_and_elsewhere_where_here_has_none_or_no_room() {
    let router = Router::new(PlatformId(1));
    let mut control = Module::new(&router, CONTROL);
    let mut send = |command| {
        let to = Address::anywhere(ModuleKind::Store);
        control.outbox.request(Instant::ZERO, Instance(1), to, command, one(Status::default()), SECOND);
        failed(&mut control, 0)
    };
    assert_eq!(send(Command::Query), Some(Reason::UnknownDestination), "nobody links this platform to others");
    let bridge = Module::new(&router, Address::local(ModuleKind::Bridge, 0));
    assert_eq!((send(Command::Query), bridge.endpoint.waiting()), (None, 1));
    let store = Module::new(&router, STORE);
    assert_eq!((send(Command::Query), store.endpoint.waiting(), bridge.endpoint.waiting()), (None, 1, 1));
    while router.send(filler(STORE)).is_ok() {}
    // What it was granted before the inbox was full goes there still.
    assert!((0..=GRANT).all(|_| send(Command::Query).is_none()));
    assert!(bridge.endpoint.waiting() > 1);
    let one_of_many = Address { platform: PlatformId::ANY, ..STORE };
    control.outbox.request(Instant::ZERO, Instance(1), one_of_many, Command::Query, one(Status::default()), SECOND);
    assert_eq!(failed(&mut control, 0), Some(Reason::UnknownDestination), "a number means nothing anywhere");
}

#[test]
fn only_the_platform_that_was_asked_answers() {
    let router = Router::new(PlatformId(1));
    let mut control = Module::new(&router, CONTROL);
    let mut bridge = Module::new(&router, Address::local(ModuleKind::Bridge, 0));
    let there = |platform| Address { platform: PlatformId(platform), ..STORE };
    for (to, from, is_answer) in [
        (there(2), there(2), true),
        (there(2), there(3), false),
        (STORE, there(2), false),
        (Address::anywhere(ModuleKind::Store), there(3), true),
    ] {
        let transaction =
            control.outbox.request(Instant::ZERO, Instance(1), to, Command::Query, one(Status::default()), SECOND);
        let done =
            Packet { command: Command::Done, source: from, destination: CONTROL, transaction, ..filler(CONTROL) };
        control.turn(0);
        bridge.turn(0);
        router.send(done).unwrap();
        let answered = control
            .turn(0)
            .iter()
            .any(|received| matches!(received, Received::Answer(_, answer) if answer.command == Command::Done));
        assert_eq!(answered, is_answer, "{to} answered by {from}");
    }
}

#[test]
fn a_full_inbox_is_busy_for_requests_before_it_is_for_releases_and_never_for_answers() {
    let router = Router::new(PlatformId(1));
    let mut control = Module::new(&router, CONTROL);
    let store = Module::new(&router, STORE);
    // Notices fill the room for requests, all but the last eighth.
    for _ in 0..INBOX_REQUESTS - INBOX_RELEASE_RESERVE {
        router.send(filler(STORE)).unwrap();
    }
    control.outbox.request(Instant::ZERO, Instance(1), STORE, Command::Query, one(Status::default()), SECOND);
    assert_eq!(failed(&mut control, 0), Some(Reason::Busy));
    assert_eq!(store.endpoint.counters().refused, 1);
    // Releases have the last eighth.
    for _ in 0..INBOX_RELEASE_RESERVE {
        router.send(Packet { command: Command::Close, ..filler(STORE) }).unwrap();
    }
    let refused = router.send(Packet { command: Command::Close, ..filler(STORE) }).unwrap_err();
    assert_eq!(refused.reason, Reason::Busy);
    assert!(router.send(filler(STORE)).is_err());
    assert_eq!((store.endpoint.counters().refused, store.endpoint.counters().dropped_notices), (2, 1));
    // Answers have what was reserved for them.
    for _ in 0..PENDING {
        router.send(Packet { command: Command::Done, ..filler(STORE) }).unwrap();
    }
    assert_eq!(store.endpoint.counters().lost_answers, 0);
}

#[test]
fn a_request_whose_deadline_passes_expires_at_its_sender() {
    let router = Router::new(PlatformId(1));
    let mut control = Module::new(&router, CONTROL);
    let mut store = Module::new(&router, STORE);
    control.outbox.request(Instant::ZERO, Instance(1), STORE, Command::Query, one(Status::default()), SECOND);
    assert_eq!(failed(&mut control, 999), None);
    assert_eq!(failed(&mut control, 1000), Some(Reason::Expired));
    assert_eq!(control.outbox.counters().expired, 1);
    // The answer that comes then is passed over, and counted.
    let requests = store.turn(1000);
    let [Received::Packet(request)] = &requests[..] else { panic!("a request") };
    store.outbox.done(request, one(Status::default()));
    store.turn(1000);
    assert!(control.turn(1001).is_empty());
    assert_eq!(control.outbox.counters().late, 1);
    assert_eq!(store.turn(1001).len(), 0, "nothing is given back for a query");
}

#[test]
fn a_late_done_to_an_open_is_answered_with_close() {
    let router = Router::new(PlatformId(1));
    let mut control = Module::new(&router, CONTROL);
    let mut voice = Module::new(&router, VOICE);
    let port = MediaPort::new(PortId(1), "127.0.0.1".parse().unwrap());
    let session = VOICE.at(Instance(77));
    control.outbox.request(Instant::ZERO, Instance(5), session, Command::Open, one(port), SECOND);
    control.turn(0);
    assert_eq!(failed(&mut control, 1000), Some(Reason::Expired));
    let opens = voice.turn(1000);
    let [Received::Packet(open)] = &opens[..] else { panic!("an open") };
    voice.outbox.done(open, one(port));
    voice.turn(1000);
    assert!(control.turn(1001).is_empty());
    let closes = voice.turn(1001);
    let [Received::Packet(close)] = &closes[..] else { panic!("a close: {closes:?}") };
    assert_eq!((close.command, close.destination, close.source), (Command::Close, session, CONTROL.at(Instance(5))));
    assert_eq!(close.first(), Some(&port.into()), "of what it opened");
}

#[test]
fn a_release_that_found_no_room_is_repeated_until_it_does() {
    let router = Router::new(PlatformId(1));
    let mut control = Module::new(&router, CONTROL);
    let mut store = Module::new(&router, STORE);
    while router.send(filler(STORE)).is_ok() {}
    control.outbox.request(Instant::ZERO, Instance(1), STORE, Command::Stop, Parameters::new(), SECOND);
    assert_eq!(failed(&mut control, 0), None, "its sender hears nothing of it");
    assert_eq!(failed(&mut control, RELEASE_RETRY_MS), None);
    assert_eq!(control.outbox.counters().repeated, 2);
    while store.endpoint.receive().is_some() {}
    control.turn(2 * RELEASE_RETRY_MS);
    let stops = store.turn(2 * RELEASE_RETRY_MS);
    let [Received::Packet(stop)] = &stops[..] else { panic!("once: {stops:?}") };
    store.outbox.done(stop, Parameters::new());
    store.turn(2 * RELEASE_RETRY_MS);
    assert!(matches!(&control.turn(120)[..], [Received::Answer(_, done)] if done.command == Command::Done));
    // One that finds no room until its deadline expires, and is not repeated any more.
    while router.send(filler(STORE)).is_ok() {}
    control.outbox.request(at(200), Instance(1), STORE, Command::Stop, Parameters::new(), SECOND);
    control.turn(200);
    assert_eq!(failed(&mut control, 1200), Some(Reason::Expired));
    while store.endpoint.receive().is_some() {}
    control.turn(2000);
    assert!(store.turn(2000).is_empty());
}

#[test]
fn requests_beyond_the_reserved_room_fail_at_their_sender() {
    let router = Router::new(PlatformId(1));
    let mut control = Module::new(&router, CONTROL);
    let mut store = Module::new(&router, STORE);
    for _ in 0..PENDING {
        control.outbox.request(Instant::ZERO, Instance(1), STORE, Command::Query, Parameters::new(), SECOND);
        control.turn(0);
        // Taken, and not answered yet.
        store.turn(0);
    }
    control.outbox.request(Instant::ZERO, Instance(1), STORE, Command::Query, Parameters::new(), SECOND);
    assert_eq!(failed(&mut control, 0), Some(Reason::Busy));
    assert_eq!((control.outbox.counters().over_bound, control.outbox.pending()), (1, PENDING));
}

#[test]
fn a_subscriber_that_missed_notices_is_told_once() {
    let router = Router::new(PlatformId(1));
    let control = Module::new(&router, CONTROL);
    let mut store = Module::new(&router, STORE);
    let mut subscriptions = Subscriptions::default();
    let client = CONTROL.at(Instance(3));
    assert!(subscriptions.subscribe(client));
    let notify = |store: &mut Module, subscriptions: &mut Subscriptions| {
        let told: Vec<_> = subscriptions.take().collect();
        for &(subscriber, _) in &told {
            store.outbox.notify(Instance::MODULE, subscriber, one(Status::default()));
        }
        store.turn(0);
        while let Some(subscriber) = store.outbox.poll_missed() {
            subscriptions.missed(subscriber);
        }
        told
    };
    while router.send(filler(CONTROL)).is_ok() {}
    assert_eq!(notify(&mut store, &mut subscriptions), [(client, false)]);
    assert_eq!(store.outbox.counters().undelivered, 1);
    assert_eq!(control.endpoint.counters().dropped_notices, 2, "the filler's last one, and the store's");
    while control.endpoint.receive().is_some() {}
    assert_eq!(notify(&mut store, &mut subscriptions), [(client, true)], "told");
    assert_eq!(notify(&mut store, &mut subscriptions), [(client, false)], "once");
}

#[test]
fn what_a_source_sends_arrives_in_its_order_whatever_else_does() {
    const SOURCES: u8 = 4;
    const PACKETS: u64 = 20_000;
    let router = Router::new(PlatformId(1));
    let receivers = [router.register(ModuleKind::Voice, 0, || {}), router.register(ModuleKind::Voice, 1, || {})];
    std::thread::scope(|scope| {
        for source in 0..SOURCES {
            let endpoint = router.register(ModuleKind::Switch, source, || {});
            scope.spawn(move || {
                for number in 1..=PACKETS {
                    for worker in 0..2 {
                        // Requests and releases keep their order among each other, too.
                        let command = if number % 2 == 0 { Command::Connect } else { Command::Disconnect };
                        let mut packet = bridge_packet(endpoint.address(), Address::local(ModuleKind::Voice, worker));
                        (packet.transaction, packet.command) = (Transaction(number), command);
                        while let Err(refused) = endpoint.send(packet) {
                            packet = refused.packet;
                            std::thread::yield_now();
                        }
                    }
                }
            });
        }
        for receiver in receivers {
            scope.spawn(move || {
                let mut last = [0; SOURCES as usize];
                while last != [PACKETS; SOURCES as usize] {
                    let Some(packet) = receiver.receive() else {
                        std::thread::yield_now();
                        continue;
                    };
                    let last = &mut last[usize::from(packet.source.module.index.unwrap())];
                    assert_eq!(packet.transaction.0, *last + 1);
                    *last += 1;
                }
                let counters = receiver.counters();
                assert_eq!((counters.depth, counters.delivered), (0, u64::from(SOURCES) * PACKETS));
            });
        }
    });
}

#[test]
fn requesters_that_flood_do_not_keep_another_from_its_answers() {
    let router = Router::new(PlatformId(1));
    let mut store = Module::new(&router, STORE);
    let mut victim = Module::new(&router, CONTROL);
    let floods: Vec<_> = (0..6).map(|index| router.register(ModuleKind::Switch, index, || {})).collect();
    let flood = || {
        for endpoint in &floods {
            // Until it is refused: its quota waits, always.
            while endpoint.send(bridge_packet(endpoint.address(), STORE)).is_ok() {}
        }
    };
    // What waits before it, batch by batch, and a turn for the answer.
    let bound = (floods.len() * QUOTA_PER_SOURCE as usize).div_ceil(BATCH) + 2;
    for round in 0..20 {
        flood();
        victim.outbox.request(at(round), Instance(1), STORE, Command::Query, one(Status::default()), SECOND);
        let mut turns = 0;
        loop {
            let answers = victim.turn(round);
            if let Some(Received::Answer(_, answer)) = answers.first() {
                assert_eq!(answer.command, Command::Done);
                break;
            }
            turns += 1;
            assert!(turns <= bound, "no answer after {turns} turns");
            for received in store.turn(round) {
                if let Received::Packet(request) = received {
                    store.outbox.done(&request, Parameters::new());
                }
            }
            store.turn_out(round);
            floods.iter().for_each(|endpoint| while endpoint.receive().is_some() {});
            flood();
        }
    }
    assert!(store.endpoint.counters().over_quota > 0);
}

#[test]
fn however_many_flood_an_inbox_one_more_finds_as_much_room() {
    let router = Router::new(PlatformId(1));
    let store = Module::new(&router, STORE);
    let kinds = [(ModuleKind::Switch, 8), (ModuleKind::Signaling, 8), (ModuleKind::Voice, 16), (ModuleKind::Server, 1)];
    let own = kinds.into_iter().flat_map(|(kind, count)| (0..count).map(move |index| Address::local(kind, index)));
    let foreign =
        (2..40).map(|platform| Address { platform: PlatformId(platform), ..Address::local(ModuleKind::Switch, 0) });
    let floods: Vec<_> = own.chain(foreign).collect();
    let accepted =
        |source, most: usize| (0..most).take_while(|_| router.send(bridge_packet(source, STORE)).is_ok()).count();
    // Each as often as the others, until none gets any further.
    while floods.iter().map(|&flood| accepted(flood, 1)).sum::<usize>() > 0 {}
    let waiting = store.endpoint.waiting();
    assert!(waiting < INBOX_REQUESTS - INBOX_RELEASE_RESERVE);
    let fair = waiting / floods.len();
    let victim = accepted(CONTROL, INBOX_REQUESTS);
    assert!(victim >= fair / 2 && victim > 0, "{victim} where each flood has {fair}");
}

#[test]
fn any_of_a_kind_is_each_in_turn_whatever_else_is_sent() {
    for count in [1, 2, 3, 4, 6] {
        let router = Router::new(PlatformId(1));
        let voices: Vec<_> = (0..count).map(|index| router.register(ModuleKind::Voice, index, || {})).collect();
        let stores: Vec<_> = (0..2).map(|index| router.register(ModuleKind::Store, index, || {})).collect();
        let send = |kind| router.send(Packet { destination: Address::any(kind), ..filler(STORE) }).unwrap();
        for call in 0..600 {
            // What an answered call sends, and now and then somebody else.
            send(ModuleKind::Store);
            send(ModuleKind::Voice);
            send(ModuleKind::Store);
            if call % 7 == 0 {
                send(ModuleKind::Store);
            }
        }
        for voice in &voices {
            assert_eq!(voice.waiting(), 600 / usize::from(count), "of {count}");
        }
        assert!(stores[0].waiting().abs_diff(stores[1].waiting()) <= 1);
    }
}

#[test]
fn a_module_that_has_left_is_nobodys_turn() {
    let router = Router::new(PlatformId(1));
    let voices: Vec<_> = (0..3).map(|index| router.register(ModuleKind::Voice, index, || {})).collect();
    router.unregister(voices[0].address().module);
    for _ in 0..100 {
        router.send(filler(Address::any(ModuleKind::Voice))).unwrap();
    }
    assert_eq!(voices.iter().map(|voice| voice.waiting()).collect::<Vec<_>>(), [0, 50, 50]);
}

#[test]
fn a_module_is_told_from_its_predecessor() {
    let router = Router::new(PlatformId(1));
    let first = router.register(ModuleKind::Bridge, 0, || {});
    let other = router.register(ModuleKind::Voice, 1, || {});
    let (version, lives) = (router.version(), router.lives());
    let mut addresses = lives.iter().map(|(address, _)| *address).collect::<Vec<_>>();
    addresses.sort_unstable();
    let mut expected = [first.address(), other.address()];
    expected.sort_unstable();
    assert_eq!(addresses, expected);
    assert_eq!((router.version(), router.lives()), (version, lives.clone()), "nobody came or went");

    let again = router.register(ModuleKind::Bridge, 0, || {});
    assert_eq!(again.address(), first.address());
    assert_ne!(router.version(), version);
    let of = |lives: &[(Address, _)], address| lives.iter().find(|(known, _)| *known == address).copied();
    assert_ne!(of(&router.lives(), first.address()), of(&lives, first.address()));
    assert_eq!(of(&router.lives(), other.address()), of(&lives, other.address()));

    router.unregister(other.address().module);
    assert_eq!(of(&router.lives(), other.address()), None);
}

#[test]
fn what_finds_one_of_a_kind_full_goes_to_another() {
    let router = Router::new(PlatformId(1));
    let voices: Vec<_> = (0..2).map(|index| router.register(ModuleKind::Voice, index, || {})).collect();
    while router.send(filler(VOICE)).is_ok() {}
    let before = voices[1].waiting();
    for _ in 0..100 {
        router.send(bridge_packet(CONTROL, Address::any(ModuleKind::Voice))).unwrap();
    }
    assert_eq!(voices[1].waiting() - before, 100);
    assert!(router.send(bridge_packet(CONTROL, VOICE)).is_err(), "one that is named is that one");
}
