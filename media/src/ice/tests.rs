//! Two agents against each other, over a network that loses, and what strangers send them.

use super::*;
use crate::limits::{CHECKS_PER_SECOND, ICE_PAIRS, WAYS_WITHIN};
use router::Random;
use router::parameter::{IceCandidate, IceCredentials, IceParameters};
use router::time::{Duration, Instant};
use std::net::SocketAddr;
use stun::{Class, Message, Role, Usage, Writer};

fn at(number: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number], 4_000))
}

fn credentials(name: &str) -> IceCredentials {
    IceCredentials { fragment: name.to_owned(), password: format!("{name}-password-of-22-octets") }
}

fn parameters(own: &str, peer: &str, candidates: &[SocketAddr]) -> IceParameters {
    let candidate = |(index, address): (usize, &SocketAddr)| IceCandidate {
        component: 1,
        priority: 2_000_000_000 - index as u32,
        address: *address,
    };
    IceParameters {
        local: credentials(own),
        remote: credentials(peer),
        candidates: candidates.iter().enumerate().map(candidate).collect(),
        is_lite: false,
        is_remote_lite: false,
        is_controlling: false,
        nominates_once: true,
    }
}

/// Two agents, where each is, and what became of them. A datagram takes 20 ms.
struct Line {
    agents: [Agent; 2],
    places: [SocketAddr; 2],
    now: Instant,
    random: Random,
    loss_permille: u64,
    under_way: Vec<(Instant, usize, SocketAddr, Vec<u8>)>,
    came: [Vec<Came>; 2],
    sent: [usize; 2],
}

const DELAY: Duration = Duration::from_millis(20);

impl Line {
    fn new(parameters: [IceParameters; 2], seed: u64) -> Self {
        let (now, mut random) = (Instant::from_millis(1_000), Random::from_seed(seed));
        let agents = parameters.each_ref().map(|parameters| Agent::new(now, parameters, 1, None, &mut random));
        Self {
            agents,
            places: [at(1), at(2)],
            now,
            random,
            loss_permille: 0,
            under_way: Vec::new(),
            came: Default::default(),
            sent: [0, 0],
        }
    }

    fn restart(&mut self, parameters: [IceParameters; 2]) {
        for (agent, parameters) in self.agents.iter_mut().zip(parameters) {
            assert!(!agent.is_of(&parameters));
            *agent = Agent::new(self.now, &parameters, 1, agent.destination(), &mut self.random);
        }
    }

    fn send(&mut self, side: usize, to: SocketAddr, message: &Writer) {
        self.sent[side] += 1;
        let is_lost = self.random.below(1_000) < self.loss_permille;
        if !is_lost && to == self.places[1 - side] {
            self.under_way.push((self.now + DELAY, side, self.places[side], message.octets().to_vec()));
        }
    }

    fn run(&mut self, limit: Duration) {
        let end = self.now + limit;
        loop {
            while let Some(index) = self.under_way.iter().position(|(due, ..)| *due <= self.now) {
                let (_, from, source, octets) = self.under_way.remove(index);
                let message = Message::parse(&octets, Usage::ConnectivityCheck).unwrap();
                let handled = self.agents[1 - from].handle(self.now, source, &message, None, &mut self.random);
                let Some(Handled { answer, came }) = handled else { continue };
                self.came[1 - from].push(came);
                if let Some(answer) = answer {
                    self.send(1 - from, source, &answer);
                }
            }
            for side in [0, 1] {
                let came = self.agents[side].handle_timeout(self.now);
                self.came[side].push(came);
                while let Some(Check { to, message }) = self.agents[side].poll_transmit(self.now, &mut self.random) {
                    self.send(side, to, &message);
                }
            }
            if self.now >= end {
                return;
            }
            let due = self.agents.iter().filter_map(Agent::poll_timeout);
            let due = due.chain(self.under_way.iter().map(|(due, ..)| *due)).min();
            self.now = due.map_or(end, |due| due.clamp(self.now + Duration::from_millis(1), end));
        }
    }

    fn ways(&self) -> [Option<SocketAddr>; 2] {
        self.agents.each_ref().map(Agent::destination)
    }

    fn has(&self, side: usize, wanted: Came) -> bool {
        self.came[side].contains(&wanted)
    }
}

const FOUND: [Option<SocketAddr>; 2] = [
    Some(SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)), 4_000)),
    Some(SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 4_000)),
];

fn two_full() -> [IceParameters; 2] {
    let one = IceParameters { is_controlling: true, ..parameters("a", "b", &[at(9), at(2), at(8)]) };
    [one, parameters("b", "a", &[at(1)])]
}

fn full_and_lite() -> [IceParameters; 2] {
    let [full, lite] = two_full();
    let full = IceParameters { is_remote_lite: true, ..full };
    [full, IceParameters { is_lite: true, candidates: Vec::new(), ..lite }]
}

#[test]
fn both_find_the_way_that_works() {
    for seed in 0..40 {
        let mut line = Line::new(two_full(), seed);
        line.loss_permille = [0, 100, 300][seed as usize % 3];
        line.run(Duration::from_secs(18));
        assert_eq!(line.ways(), FOUND, "seed {seed}");
        assert!(line.has(0, Came::Way(at(2))) && line.has(1, Came::Way(at(1))), "seed {seed}");
        assert!(!line.has(0, Came::Lost) && !line.has(1, Came::Lost), "seed {seed}");
    }
}

/// It takes some round trips and the pace of the checks, and nobody waits for what was answered.
#[test]
fn a_way_is_found_within_half_a_second() {
    let mut line = Line::new(two_full(), 1);
    line.run(Duration::from_millis(500));
    assert_eq!(line.ways(), FOUND);
    let mut line = Line::new(full_and_lite(), 1);
    line.run(Duration::from_millis(500));
    assert_eq!(line.ways(), FOUND);
}

/// Who is lite asks nothing, takes the way that it is told, and says now and then that it is there.
#[test]
fn who_is_lite_answers_alone() {
    for seed in 0..20 {
        let mut line = Line::new(full_and_lite(), seed);
        line.loss_permille = if seed % 2 == 0 { 0 } else { 300 };
        line.run(Duration::from_secs(14));
        assert_eq!(line.ways(), FOUND, "seed {seed}");
    }
    let mut line = Line::new(full_and_lite(), 1);
    line.run(Duration::from_secs(14));
    let answers = line.sent[1];
    line.loss_permille = 1_000;
    line.run(Duration::from_secs(32));
    assert_eq!(line.sent[1], answers + 3, "indications, of which nothing becomes");
    assert_eq!(line.ways()[1], Some(at(1)));
}

/// One whose candidates are not known comes from somewhere all the same.
#[test]
fn a_peer_that_names_nothing_is_found_by_its_checks() {
    let [mut one, other] = two_full();
    one.candidates.clear();
    let mut line = Line::new([one, other], 1);
    line.run(Duration::from_secs(5));
    assert_eq!(line.ways(), FOUND);
}

#[test]
fn where_both_play_the_same_part_one_gives_way() {
    for is_controlling in [false, true] {
        for seed in 0..20 {
            let parameters = two_full().map(|parameters| IceParameters { is_controlling, ..parameters });
            let mut line = Line::new(parameters, seed);
            line.loss_permille = if seed % 2 == 0 { 0 } else { 200 };
            line.run(Duration::from_secs(15));
            assert_eq!(line.ways(), FOUND, "{is_controlling} {seed}");
            assert!(line.agents.iter().all(|agent| agent.is_settled()), "{is_controlling} {seed}");
        }
    }
}

#[test]
fn who_does_not_know_the_password_is_not_answered() {
    let [mut one, mut other] = two_full();
    one.local.password = "another password, of more octets".to_owned();
    other.local.password = "another password, of as many octets".to_owned();
    let mut line = Line::new([one, other], 1);
    line.run(WAYS_WITHIN + Duration::from_secs(1));
    assert_eq!(line.ways(), [None, None]);
    assert!(line.has(0, Came::Lost) && line.has(1, Came::Lost), "it is given up");
    assert!(line.sent.iter().sum::<usize>() < 100, "{:?}", line.sent);
    assert!(!line.agents[1].knows(at(1)));
}

/// RFC 7675: the peer is asked on, and who does not answer for half a minute is sent nothing more; nor does it stay away for ever.
#[test]
fn consent_is_kept_while_the_peer_answers_and_ends_with_it() {
    let mut line = Line::new(two_full(), 1);
    line.loss_permille = 200;
    line.run(Duration::from_secs(600));
    assert_eq!(line.ways(), FOUND);
    assert!(!line.has(0, Came::Lost) && !line.has(1, Came::Lost));
    let before = line.sent;
    line.loss_permille = 0;
    line.run(Duration::from_secs(100));
    for side in [0, 1] {
        // Questions and answers, each every five seconds.
        assert!((38..44).contains(&(line.sent[side] - before[side])), "{before:?} {:?}", line.sent);
    }
    line.loss_permille = 1_000;
    line.run(Duration::from_secs(23));
    assert!(!line.has(0, Came::Lost));
    line.run(Duration::from_secs(12));
    assert_eq!(line.ways(), [None, None]);
    assert!(line.has(0, Came::Lost) && line.has(1, Came::Lost));
    line.run(Duration::from_secs(1));
    let quiet = line.sent;
    line.run(Duration::from_secs(100));
    assert_eq!(line.sent, quiet, "nothing more is sent");
}

/// Other credentials: the way is kept until there is another.
#[test]
fn a_search_begins_anew_with_other_credentials_and_what_was_found_goes_on_meanwhile() {
    let mut line = Line::new(two_full(), 1);
    line.run(Duration::from_secs(1));
    let [mut one, mut other] = two_full();
    (one.local, other.remote) = (credentials("c"), credentials("c"));
    (one.remote, other.local) = (credentials("d"), credentials("d"));
    one.candidates[1].address = at(5);
    line.restart([one, other]);
    line.places[1] = at(5);
    assert_eq!(line.ways(), FOUND);
    assert!(line.agents[0].knows(at(2)), "what is on its way from there is taken");
    line.run(Duration::from_secs(1));
    assert_eq!(line.ways(), [Some(at(5)), Some(at(1))]);
}

/// The peer's NAT has another binding: its next checks come from there, and those of it that go where it was are lost.
#[test]
fn a_peer_whose_nat_has_forgotten_it_is_found_again() {
    for parameters in [two_full(), full_and_lite()] {
        for loss_permille in [0, 200] {
            let mut line = Line::new(parameters.clone(), 3);
            line.run(Duration::from_secs(20));
            line.loss_permille = loss_permille;
            line.places[0] = at(100);
            line.run(Duration::from_secs(40));
            assert_eq!(line.ways(), [Some(at(2)), Some(at(100))]);
            assert!(line.has(1, Came::Way(at(100))) && !line.has(0, Came::Lost) && !line.has(1, Came::Lost));
        }
    }
}

/// What comes from where the peer was checked from, while it is silent elsewhere, is the peer's; and from nowhere else.
#[test]
fn media_from_another_proven_address_is_followed_after_a_second_of_silence() {
    let mut line = Line::new(full_and_lite(), 1);
    line.run(Duration::from_secs(2));
    line.places[0] = at(100);
    line.run(Duration::from_secs(6));
    let (now, agent) = (line.now, &mut line.agents[1]);
    let silent = |ms| Some(Instant::from_millis(now.as_nanos() / 1_000_000 - ms));
    assert_eq!(agent.handle_media(now, at(66), silent(5_000)), None, "a stranger");
    assert_eq!(agent.handle_media(now, at(100), silent(900)), Some(false));
    assert_eq!(agent.destination(), Some(at(1)));
    assert_eq!(agent.handle_media(now, at(100), silent(1_000)), Some(true));
    assert_eq!(agent.destination(), Some(at(100)));
}

fn check(agent: &IceParameters, number: u8, priority: u32, nominates: bool) -> Writer {
    let check = Writer::new(Class::Request, &[number; 12]);
    let check = check.username(&agent.local.fragment, &agent.remote.fragment).priority(priority);
    let check = check.role(Role::Controlling(7));
    let check = if nominates { check.nominate() } else { check };
    check.integrity(agent.local.password.as_bytes()).finish()
}

fn handle(agent: &mut Agent, now: Instant, source: SocketAddr, written: &Writer) -> Option<Handled> {
    let message = Message::parse(written.octets(), Usage::ConnectivityCheck).unwrap();
    agent.handle(now, source, &message, None, &mut Random::from_seed(1))
}

/// Of a peer that nominates all that work the best is taken; of one that nominates once the last; and a worse one once the better is forgotten.
#[test]
fn who_nominates_all_means_the_best() {
    for nominates_once in [false, true] {
        let [_, lite] = full_and_lite();
        let lite = IceParameters { nominates_once, ..lite };
        let mut now = Instant::from_millis(1_000);
        let mut agent = Agent::new(now, &lite, 1, None, &mut Random::from_seed(1));
        let best = handle(&mut agent, now, at(1), &check(&lite, 1, 200, true)).unwrap();
        assert_eq!(best.came, Came::Way(at(1)));
        let worse = handle(&mut agent, now, at(2), &check(&lite, 2, 100, true)).unwrap();
        assert!(worse.answer.is_some());
        assert_eq!(worse.came, if nominates_once { Came::Way(at(2)) } else { Came::Nothing });
        let better = handle(&mut agent, now, at(3), &check(&lite, 3, 300, true)).unwrap();
        assert_eq!(better.came, Came::Way(at(3)));
        now = now + Duration::from_secs(4);
        let last = handle(&mut agent, now, at(2), &check(&lite, 4, 100, true)).unwrap();
        assert_eq!(last.came, Came::Way(at(2)));
    }
}

#[test]
fn a_check_that_somebody_repeats_from_elsewhere_is_not_the_peers() {
    let [_, lite] = full_and_lite();
    let now = Instant::from_millis(1_000);
    let mut agent = Agent::new(now, &lite, 1, None, &mut Random::from_seed(1));
    let overheard = check(&lite, 1, 200, true);
    assert!(handle(&mut agent, now, at(1), &overheard).is_some());
    assert!(handle(&mut agent, now, at(66), &overheard).is_none());
    assert!(handle(&mut agent, now, at(1), &overheard).is_some(), "by the peer itself");
    assert_eq!((agent.destination(), agent.knows(at(66))), (Some(at(1)), false));
}

#[test]
fn conflicts_and_what_is_not_understood_are_told() {
    let [_, lite] = full_and_lite();
    let now = Instant::from_millis(1_000);
    let mut agent = Agent::new(now, &lite, 1, None, &mut Random::from_seed(1));
    let name = (&*lite.local.fragment, &*lite.remote.fragment);
    let begun = |number: u8| Writer::new(Class::Request, &[number; 12]).username(name.0, name.1).priority(1);
    let sealed = |writer: Writer| writer.integrity(lite.local.password.as_bytes()).finish();
    let error = |handled: Option<Handled>| {
        let answer = handled.unwrap().answer.unwrap();
        let message = Message::parse(answer.octets(), Usage::ConnectivityCheck).unwrap();
        assert!(message.is_by(lite.local.password.as_bytes()));
        message.error
    };
    assert_eq!(error(handle(&mut agent, now, at(1), &sealed(begun(1).role(Role::Controlled(1))))), Some(487));
    assert_eq!(error(handle(&mut agent, now, at(1), &sealed(begun(2).role(Role::Controlled(u64::MAX))))), Some(487));
    assert_eq!(agent.destination(), None, "nothing is learned of it");
    assert_eq!(error(handle(&mut agent, now, at(1), &sealed(begun(3).role(Role::Controlling(1))))), None);
    for (writer, what) in [
        (begun(4).finish(), "without a password"),
        (begun(4).integrity(b"another").finish(), "by another one"),
        (
            Writer::new(Class::Request, &[4; 12]).priority(1).integrity(lite.local.password.as_bytes()).finish(),
            "no name",
        ),
        (
            Writer::new(Class::Request, &[4; 12])
                .username(name.1, name.0)
                .integrity(lite.local.password.as_bytes())
                .finish(),
            "the names exchanged",
        ),
    ] {
        assert!(handle(&mut agent, now, at(9), &writer).is_none(), "{what}");
    }
    assert!(!agent.knows(at(9)));
}

#[test]
fn a_flood_of_checks_is_answered_in_part_and_addresses_without_end_are_bounded() {
    let [full, lite] = full_and_lite();
    let now = Instant::from_millis(1_000);
    let mut agent = Agent::new(now, &lite, 1, None, &mut Random::from_seed(1));
    let written = check(&lite, 1, 1, false);
    let answered = (0..10_000).filter(|_| handle(&mut agent, now, at(2), &written).is_some()).count();
    assert_eq!(answered, CHECKS_PER_SECOND as usize);
    let full = IceParameters { is_controlling: false, ..full };
    let mut agent = Agent::new(now, &full, 1, None, &mut Random::from_seed(1));
    let mut sent = 0;
    for number in 0..200_u8 {
        let now = now + Duration::from_millis(20 * u64::from(number));
        let source = SocketAddr::from(([198, 51, 100, number], 1));
        handle(&mut agent, now, source, &check(&full, number, 1, true));
        while agent.poll_transmit(now, &mut Random::from_seed(u64::from(number))).is_some() {
            sent += 1;
        }
    }
    assert!(sent < 200 * 20 / 50 + ICE_PAIRS * 6, "{sent}");
}
