//! Bad networks and bad peers between platforms, for real: built servers, and what stands between them.

use crate::cluster::{invite, platform, reaches, settings, works};
use crate::hardship::ends_with_the_test;
use crate::scenario::trunk;
use router::bridge::frame::FrameReader;
use router::bridge::message::{Heartbeat, HeartbeatAnswer, LinkMessage, read_message, write_heartbeat_answer};
use router::limits::{FRAME_BYTES, REFUSAL_EVERY_S};
use router::parameter::Reason;
use router::{Address, Command, ModuleKind, PlatformId};
use rustix::process::Signal;
use scenarios::peer::relay::{Impairment, Way};
use scenarios::peer::server::Settings;
use scenarios::peer::wait::{PATIENCE, now, pause, until};
use scenarios::peer::{Network, Relay, Said, Server, Site, Speaker, Streamer, UdpRelay, Wire};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Heartbeats where silence is to be noticed: a test waits for seconds.
const QUICK_MS: u64 = 500;

/// Heartbeats where it is not: who has no time for a while, here or at a platform, is no peer that has gone.
const CALM_MS: u64 = 5_000;

/// Megabytes that a server may take to deal with whatever one peer does: twice what may wait for a link, and its messages.
const GROWTH: u64 = 80 << 20;

const STORE: Address = Address::local(ModuleKind::Store, 0);

fn on(number: u32, address: Address) -> Address {
    Address { platform: PlatformId(number), ..address }
}

/// A platform without TLS.
fn plain(number: u32, listen: SocketAddr, peers: &[SocketAddr], heartbeat_ms: u64) -> Settings {
    let mut settings = settings(number, &format!("platform-{number}"), listen, peers);
    settings.more.push_str(&format!("plain = true\nheartbeat_ms = {heartbeat_ms}\n"));
    settings
}

/// Platforms 1 and 2, all of whose links lead through a relay.
struct Relayed<'a> {
    a: Server<'a>,
    b: Server<'a>,
    at_a: SocketAddr,
    relay: Relay,
}

impl<'a> Relayed<'a> {
    fn start(site: &'a Site, heartbeat_ms: u64) -> Self {
        let (at_a, at_relay) = (site.host.socket(), site.host.socket());
        let relay = Relay::start(at_relay, at_a);
        let mut first = plain(1, at_a, &[], heartbeat_ms);
        first.more.push_str(&format!("advertise = \"{at_relay}\"\n"));
        let mut second = plain(2, at_a, &[at_relay], heartbeat_ms);
        // Nobody dials it.
        second.more = second.more.replace(&format!("listen = \"{at_a}\"\n"), "");
        let mut a = Server::prepare(site, "a", &first);
        let mut b = Server::prepare(site, "b", &second);
        a.launch();
        b.launch();
        reaches(&a, 2, "linked");
        reaches(&b, 1, "linked");
        Self { a, b, at_a, relay }
    }

    /// It heals by itself.
    fn is_whole(&self) {
        reaches(&self.a, 2, "linked");
        reaches(&self.b, 1, "linked");
    }

    fn stop(mut self) {
        self.b.stop();
        self.a.stop();
    }
}

/// The last answers to requests 1 to `count`: how many of each kind. Each has exactly one.
fn answers(speaker: &mut Speaker, count: u64, mut each: impl FnMut()) -> BTreeMap<Option<Reason>, u64> {
    let mut kinds = BTreeMap::new();
    let mut seen = vec![0u32; count as usize + 1];
    while seen.iter().skip(1).any(|times| *times == 0) {
        match speaker.next(PATIENCE) {
            Some(Said::Packet(packet)) if packet.command.is_final() => {
                seen[packet.transaction.0 as usize] += 1;
                let reason = (packet.command == Command::Failed).then(|| packet.failure().reason);
                *kinds.entry(reason).or_default() += 1;
                each();
            }
            Some(Said::Packet(_)) => {}
            other => panic!("{other:?}; {kinds:?}"),
        }
    }
    // And no second one.
    while let Some(said) = speaker.next(Duration::from_millis(200)) {
        assert!(!matches!(&said, Said::Packet(packet) if packet.command.is_final()), "{said:?}");
    }
    assert!(seen.iter().all(|times| *times <= 1));
    kinds
}

#[test]
fn a_link_that_is_cut_in_a_burst_answers_each_request_once_and_comes_back() {
    const BURST: u64 = 600;
    let site = Site::new();
    let relayed = Relayed::start(&site, CALM_MS);
    relayed.relay.delay(Duration::from_millis(20));
    let mut speaker = Speaker::connect(relayed.at_a, 9, &[]);
    // In three parts, so that the cut is in the middle of one.
    let mut parts = [1..=BURST / 3, BURST / 3 + 1..=BURST / 3 * 2, BURST / 3 * 2 + 1..=BURST].map(|transactions| {
        let mut part = Vec::new();
        for transaction in transactions {
            let request = speaker.packet(on(2, STORE), transaction, Command::Query);
            speaker.append(&request, &mut part);
        }
        part
    });
    let [first, rest @ ..] = &mut parts;
    speaker.write_octets(first);
    let mut answered = 0;
    let mut stream = speaker.stream();
    let kinds = answers(&mut speaker, BURST, || {
        answered += 1;
        if answered == 1 {
            // No answer to these comes any more.
            relayed.relay.stall(Way::There);
            for part in rest.iter() {
                stream.write_all(part).expect("it is read");
            }
            until("they are on their way", || {
                (platform(&relayed.a, 2)?["in-flight"].as_u64() >= Some(BURST / 2)).then_some(())
            });
            relayed.relay.cut();
            relayed.relay.resume();
        }
    });
    let of = |reason| kinds.get(&reason).copied().unwrap_or(0);
    assert!(of(None) > 0 && of(Some(Reason::PlatformAbsent)) > 0, "{kinds:?}");
    assert_eq!(of(None) + of(Some(Reason::PlatformAbsent)) + of(Some(Reason::Busy)), BURST, "{kinds:?}");
    relayed.is_whole();
    let asked = speaker.ask_as(BURST + 1, on(2, STORE));
    assert_eq!(speaker.answer(asked).command, Command::Done);
    relayed.stop();
}

#[test]
fn a_link_that_is_half_closed_or_stalls_is_given_up_and_comes_back() {
    let site = Site::new();
    let relayed = Relayed::start(&site, QUICK_MS);
    let mut accepted = relayed.relay.accepted();
    for way in [Way::There, Way::Back] {
        relayed.relay.half_close(way);
        until("it dials anew", || (relayed.relay.accepted() > accepted).then_some(()));
        relayed.is_whole();
        accepted = relayed.relay.accepted();
    }
    for way in [Way::There, Way::Back] {
        relayed.relay.stall(way);
        reaches(&relayed.a, 2, "down");
        reaches(&relayed.b, 1, "down");
        relayed.relay.resume();
        relayed.is_whole();
    }
    // So, too, when the network is gone for a while, and slow when it comes back.
    relayed.relay.part();
    reaches(&relayed.a, 2, "down");
    relayed.relay.delay(Duration::from_millis(100));
    relayed.relay.resume();
    relayed.is_whole();
    let round_trip = until("heartbeats are answered", || platform(&relayed.a, 2)?["round-trip-ms"].as_f64());
    assert!(round_trip >= 200.0, "{round_trip} ms");
    relayed.stop();
}

#[test]
fn garbage_ends_its_own_link_alone() {
    let site = Site::new();
    let relayed = Relayed::start(&site, CALM_MS);
    let begin = now();
    let mut bystander = Speaker::connect(relayed.at_a, 9, &[]);
    let garbage: Vec<u8> = (0..4_096u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let oversized = [&(1u32 << 31).to_be_bytes()[..], &[0; 64]].concat();
    let long_hello = [&(1u32 << 17).to_be_bytes()[..], &[0; 64]].concat();
    for octets in [&garbage[..], &oversized, &long_hello, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", &[0, 0, 0, 0], &[]] {
        for _ in 0..5 {
            let mut stream = TcpStream::connect(relayed.at_a).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(octets).unwrap();
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut said = Vec::new();
            // Its hello, a bye perhaps, and the end.
            let _ = stream.read_to_end(&mut said);
        }
    }
    // In the middle of a link, too.
    for octets in [&garbage[..], &oversized] {
        let accepted = relayed.relay.accepted();
        relayed.relay.inject(Way::There, octets);
        until("it dials anew", || (relayed.relay.accepted() > accepted).then_some(()));
        relayed.is_whole();
    }
    let asked = bystander.ask(on(1, STORE));
    assert_eq!(bystander.answer(asked).command, Command::Done);
    let lines = relayed.a.log().matches("a link was refused").count();
    let most = 2 + (now() - begin).as_secs() / REFUSAL_EVERY_S;
    assert!((1..=most).contains(&(lines as u64)), "{lines} lines of some thirty refusals");
    let (_, metrics) = relayed.a.get("/metrics");
    let is_bare =
        |line: &&str| line.contains("bridge_") && line.ends_with("Counted by the module that the label names.");
    assert_eq!(metrics.lines().find(is_bare), None, "a counter without a help text");
    relayed.stop();
}

#[test]
fn a_peer_that_never_reads_is_let_go_and_holds_up_nobody() {
    let site = Site::new();
    let at = site.host.socket();
    let mut a = Server::start(&site, &plain(1, at, &[], CALM_MS));
    let mut bystander = Speaker::connect(at, 8, &[]);
    let before = a.used("memory");
    let mut mute = Speaker::connect(at, 9, &[]);
    let mut burst = Vec::new();
    for transaction in 1..=500 {
        let request = mute.packet(on(1, STORE), transaction, Command::Query);
        mute.append(&request, &mut burst);
    }
    let end = now() + PATIENCE;
    while mute.write_octets(&burst) {
        assert!(now() < end, "it asks and does not read, and is not let go");
        let asked = bystander.ask(on(1, STORE));
        assert_eq!(bystander.answer(asked).command, Command::Done);
    }
    reaches(&a, 9, "down");
    let error = platform(&a, 9).expect("it was known")["last-error"].clone();
    assert!(error.as_str().is_some_and(|error| error.contains("unread")), "{error}");
    let grown = a.used("memory").saturating_sub(before);
    assert!(grown < GROWTH, "{grown} octets more");
    a.stop();
}

/// `TANDEM_FLOOD_PACKETS=10000000 cargo test -p scenarios --test peers flood` makes it long.
#[test]
fn a_flood_of_one_peer_takes_bounded_memory_and_others_are_served() {
    let packets: u64 =
        std::env::var("TANDEM_FLOOD_PACKETS").ok().and_then(|count| count.parse().ok()).unwrap_or(60_000);
    let site = Site::new();
    let at = site.host.socket();
    let mut a = Server::start(&site, &plain(1, at, &[], CALM_MS));
    let mut bystander = Speaker::connect(at, 8, &[]);
    let before = a.used("memory");
    let mut flooder = Speaker::connect(at, 9, &[]);
    let (mut writing, mut reading) = (flooder.stream(), flooder.stream());
    let (is_written, is_over) = (&AtomicBool::new(false), &AtomicBool::new(false));
    // The heartbeat that is to be answered; 0 is none.
    let heartbeat = &AtomicU64::new(0);
    let mut most = 0;
    thread::scope(|scope| {
        let answer_heartbeat = |octets: &mut Vec<u8>| {
            let number = heartbeat.swap(0, Ordering::SeqCst);
            if number > 0 {
                write_heartbeat_answer(HeartbeatAnswer { number }, octets);
            }
        };
        // Requests, notices, and what nobody serves, as fast as they are taken.
        scope.spawn(move || {
            for burst in 0..packets / 1_000 {
                let mut octets = Vec::new();
                answer_heartbeat(&mut octets);
                for number in 0..1_000 {
                    let (to, command) = match number % 4 {
                        0 => (on(1, Address::local(ModuleKind::Switch, 0)), Command::Notify),
                        1 => (on(1, Address::local(ModuleKind::Signaling, 0)), Command::Start),
                        2 => (on(1, Address::local(ModuleKind::Voice, 60)), Command::Query),
                        _ => (on(1, STORE), Command::Query),
                    };
                    let packet = flooder.packet(to, burst * 1_000 + number + 1, command);
                    flooder.append(&packet, &mut octets);
                }
                writing.write_all(&octets).expect("it is read");
            }
            is_written.store(true, Ordering::SeqCst);
            while !is_over.load(Ordering::SeqCst) {
                let mut octets = Vec::new();
                answer_heartbeat(&mut octets);
                writing.write_all(&octets).expect("it is read");
                pause(Duration::from_millis(100));
            }
        });
        scope.spawn(move || {
            // It reads its answers until all is counted, so that it is not let go for that, and closes with nothing unread: the
            // kernel would answer that by a reset, which takes along what the platform has not read.
            reading.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            let mut frames = FrameReader::new(FRAME_BYTES);
            let mut buffer = vec![0; 1 << 16];
            while !is_over.load(Ordering::SeqCst) {
                let mut octets = match reading.read(&mut buffer) {
                    Ok(0) => return,
                    Ok(length) => &buffer[..length],
                    Err(_) => continue,
                };
                while let Some(content) = frames.next(&mut octets).expect("a peer's frames are frames") {
                    if let Ok(LinkMessage::Heartbeat(Heartbeat { number, .. })) = read_message(content) {
                        // The oldest that is not answered is the one that counts.
                        let _ = heartbeat.compare_exchange(0, number, Ordering::SeqCst, Ordering::SeqCst);
                    }
                    frames.consumed();
                }
            }
        });
        let over = ends_with_the_test(is_over);
        let mut served = 0;
        while !is_written.load(Ordering::SeqCst) || served < 20 {
            let asked = bystander.ask(on(1, STORE));
            let answer = bystander.answer(asked);
            assert_eq!(answer.command, Command::Done, "{:?}", answer.failure());
            served += 1;
            most = most.max(a.used("memory").saturating_sub(before));
        }
        let end = now() + PATIENCE;
        let seen = loop {
            let seen = platform(&a, 9).expect("it is known");
            if seen["packets-in"].as_u64() == Some(packets / 1_000 * 1_000) || now() > end {
                break seen;
            }
        };
        drop(over);
        assert_eq!(seen["packets-in"].as_u64(), Some(packets / 1_000 * 1_000), "{seen}");
    });
    assert!(most < GROWTH, "{most} octets more");
    a.control().ask("session", "ping", json!({}));
    a.stop();
}

#[test]
fn any_of_a_kind_is_here_first_then_where_the_least_load_is_and_never_who_is_silent() {
    const KIND: ModuleKind = ModuleKind::Bridge;
    let site = Site::new();
    let at = site.host.socket();
    let mut a = Server::start(&site, &plain(1, at, &[], CALM_MS));
    // No platform offers this kind to others of its own accord, so these two are all there are.
    let mut easy = Speaker::connect(at, 11, &[(KIND, 100)]);
    let mut busy = Speaker::connect(at, 12, &[(KIND, 900)]);
    let mut asker = Speaker::connect(at, 10, &[]);
    for number in [10, 11, 12] {
        reaches(&a, number, "linked");
    }
    let asked = asker.ask(Address::anywhere(ModuleKind::Store));
    assert_eq!(asker.answer(asked).source.platform, PlatformId(1), "here first");
    let request = |speaker: &mut Speaker| {
        until("it is asked", || match speaker.next(Duration::from_millis(50)) {
            Some(Said::Packet(packet)) if packet.command == Command::Query => Some(packet),
            _ => None,
        })
    };
    for _ in 0..3 {
        let asked = asker.ask(Address::anywhere(KIND));
        let packet = request(&mut easy);
        easy.done(&packet);
        assert_eq!(asker.answer(asked).source.platform, PlatformId(11), "the least load");
    }
    easy.beat(&[(KIND, 950)]);
    until("the new load is known", || {
        let modules = platform(&a, 11)?["modules"].clone();
        (modules[0]["load"].as_f64() == Some(0.95)).then_some(())
    });
    let asked = asker.ask(Address::anywhere(KIND));
    let packet = request(&mut busy);
    busy.done(&packet);
    assert_eq!(asker.answer(asked).source.platform, PlatformId(12), "by what was told last");
    // Who does not answer is asked no more; once it does, it is again.
    easy.beat(&[(KIND, 0)]);
    until("the new load is known", || (platform(&a, 11)?["modules"][0]["load"].as_f64() == Some(0.0)).then_some(()));
    asker.ask(Address::anywhere(KIND));
    let unanswered = request(&mut easy);
    // It lives, and so do the others, one after the other.
    for _ in 0..router::limits::ANSWER_WITHIN_MS / 50 {
        for speaker in [&mut easy, &mut busy, &mut asker] {
            speaker.live(Duration::from_millis(20));
        }
    }
    let asked = asker.ask(Address::anywhere(KIND));
    let packet = request(&mut busy);
    busy.done(&packet);
    assert_eq!(asker.answer(asked).source.platform, PlatformId(12), "not who is silent");
    easy.done(&unanswered);
    until("who has answered is asked again", || {
        let asked = asker.ask(Address::anywhere(KIND));
        if let Some(Said::Packet(packet)) = easy.next(Duration::from_millis(200)) {
            easy.done(&packet);
            return Some(());
        }
        let packet = request(&mut busy);
        busy.done(&packet);
        asker.answer(asked);
        None
    });
    a.stop();
}

#[test]
fn what_is_asked_of_a_platform_that_falls_silent_fails_when_its_heartbeats_do() {
    let site = Site::new();
    let (at_a, at_b) = (site.host.socket(), site.host.socket());
    let mut a = Server::start(&site, &plain(1, at_a, &[], QUICK_MS));
    let mut b = Server::prepare(&site, "b", &plain(2, at_b, &[at_a], QUICK_MS));
    b.launch();
    reaches(&a, 2, "linked");
    let mut asker = Speaker::connect(at_a, 9, &[]);
    // Its kernel takes what is sent to it, and nobody is there.
    b.process().halt();
    let asked = asker.ask(on(2, STORE));
    let begin = now();
    let answer = asker.answer(asked);
    assert_eq!((answer.command, answer.failure().reason), (Command::Failed, Reason::PlatformAbsent));
    assert!(now() - begin < PATIENCE / 2);
    let absent = asker.ask(on(2, STORE));
    assert_eq!(asker.answer(absent).failure().reason, Reason::PlatformAbsent, "at once");
    // Who asks lives on meanwhile.
    let mut becomes = |state: &str| {
        until(&format!("platform 2 is {state}"), || {
            asker.live(Duration::from_millis(20));
            (platform(&a, 2)?["state"] == state).then_some(())
        });
    };
    becomes("down");
    b.process().signal(Signal::CONT);
    becomes("linked");
    let asked = asker.ask(on(2, STORE));
    assert_eq!(asker.answer(asked).command, Command::Done);
    b.stop();
    a.stop();
}

/// Audio over a link of 100 ms that loses 2 %: what is lost is counted, and nothing else happens.
#[test]
fn a_call_over_a_bad_network_goes_on_and_its_record_says_what_was_lost() {
    const PACKETS: u16 = 200;
    let site = Site::new();
    let sip = site.host.socket();
    let mut server = Server::start(&site, &Settings::new(trunk("in", None, sip)));
    let rtp = UdpSocket::bind(site.host.socket()).unwrap();
    let how = Impairment { delay: Duration::from_millis(100), loss_per_mille: 20, seed: 3 };
    let relay = UdpRelay::start(site.host.socket(), site.host.socket(), how);
    let mut caller = Streamer::call(Wire::new(sip, server.sip), rtp, relay.second, "echo", server.sip);
    relay.meet_second(caller.media);
    caller.stream(relay.first, PACKETS, || relay.lost());
    let echoed = caller.heard;
    caller.hang_up();
    let record = &server.records(1)[0];
    assert_eq!((&record["outcome"], &record["ended-by"]), (&json!("answered"), &json!("caller")), "{record}");
    let quality = &record["caller-quality"];
    let count = |key: &str| quality[key].as_u64().unwrap_or(u64::MAX);
    let (lost, received) = (count("packets-lost"), count("packets-received"));
    assert!((1..=12).contains(&lost) && received + lost >= u64::from(PACKETS) - 2, "{quality}");
    // What was lost on the way there, and what on the way back, is all that is missing.
    assert_eq!(u64::from(PACKETS) - echoed, relay.lost(), "{quality}");
    assert!(echoed >= u64::from(PACKETS) * 9 / 10, "{echoed} came back");
    server.stop();
}

#[test]
fn three_hosts_that_part_into_two_and_one_are_one_again() {
    let site = Site::new();
    let network = Network::new(3);
    let at = |host: u8| SocketAddr::new(network.address(host), 5_065);
    let mut hosts: Vec<Server<'_>> = (1..=3)
        .map(|host| {
            let name = format!("host-{host}");
            let peers = if host == 1 { vec![] } else { vec![at(1)] };
            let mut settings = settings(host.into(), &name, at(host), &peers);
            settings.more.push_str(&format!("heartbeat_ms = {QUICK_MS}\n"));
            let mut server = Server::prepare(&site, &name, &settings);
            server.within(network.host(host));
            server
        })
        .collect();
    works(&hosts[0], "bridge init --platform 1 --name host-1");
    invite(&hosts[0], &hosts[1], 2, "host-2");
    invite(&hosts[0], &hosts[2], 3, "host-3");
    hosts.iter_mut().for_each(Server::launch);
    let are = |states: [(usize, u32, &str); 6]| {
        for (host, other, state) in states {
            reaches(&hosts[host], other, state);
        }
    };
    let whole = [(0, 2), (0, 3), (1, 1), (1, 3), (2, 1), (2, 2)].map(|(host, other)| (host, other, "linked"));
    are(whole);
    for alone in [3, 2] {
        network.part(alone);
        let state = |host: usize, other: u32| {
            let is_apart = other == u32::from(alone) || host + 1 == usize::from(alone);
            (host, other, if is_apart { "down" } else { "linked" })
        };
        are(whole.map(|(host, other, _)| state(host, other)));
        network.join(alone);
        are(whole);
    }
    hosts.iter_mut().for_each(Server::stop);
}
