//! An allocation against a server, over a line that loses, and servers that do as they like.

use super::account::Credentials;
use super::client::{Came, Client, Fault};
use super::location::Location;
use super::servers::{Begun, RelayServer, Servers};
use crate::limits::{TURN_PATIENCE, TURN_PROBED_EVERY, TURN_TRANSMISSIONS};
use router::time::{Duration, Instant, Now, WallTime};
use router::{Private, Random};
use std::net::SocketAddr;
use std::sync::Arc;
use stun::{Message, Method, Usage};
use turn_server::{Manner, PASSWORD, TurnServer, USERNAME};

#[allow(dead_code, reason = "shared with the tests of the worker, which use more of it")]
#[path = "../../tests/relay/turn_server.rs"]
mod turn_server;

const DELAY: Duration = Duration::from_millis(20);

fn own() -> SocketAddr {
    "192.0.2.1:20000".parse().unwrap()
}

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Both clocks: the one of the wall began long before.
fn clocks(instant: Instant) -> Now {
    Now { instant, wall: WallTime::from_secs(1_700_000_000) + instant.since(Instant::default()) }
}

fn configured(address: SocketAddr, password: &str) -> Arc<RelayServer> {
    Arc::new(RelayServer::new(address, USERNAME, Private::new(password.to_owned())))
}

/// A client, its servers, and the line between them.
struct Line {
    servers: Vec<TurnServer>,
    known: Servers,
    client: Client,
    now: Instant,
    random: Random,
    loss_permille: u64,
    under_way: Vec<(Instant, SocketAddr, SocketAddr, Vec<u8>)>,
    came: Vec<Came>,
    sent: usize,
    /// What has come out of the relay.
    heard: Vec<(SocketAddr, Vec<u8>)>,
    /// What peers have got.
    delivered: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
}

impl Line {
    fn new(seed: u64, manner: Manner) -> Self {
        let mut server = TurnServer::new("203.0.113.9:3478");
        server.manner = manner;
        Self::with(seed, PASSWORD, vec![server])
    }

    fn with(seed: u64, password: &str, servers: Vec<TurnServer>) -> Self {
        let known = Servers::new(&[configured(servers[0].at, password)]);
        Self::of(seed, known, servers)
    }

    fn of(seed: u64, mut known: Servers, servers: Vec<TurnServer>) -> Self {
        let (now, mut random) = (Instant::from_millis(1_000), Random::from_seed(seed));
        let Begun { client, is_expected } = known.begin(clocks(now), false, None, &mut random).unwrap();
        assert!(is_expected);
        Self {
            servers,
            known,
            client,
            now,
            random,
            loss_permille: 0,
            under_way: Vec::new(),
            came: Vec::new(),
            sent: 0,
            heard: Vec::new(),
            delivered: Vec::new(),
        }
    }

    fn begin_anew(&mut self) {
        let begun = self.known.begin(clocks(self.now), false, None, &mut self.random).unwrap();
        self.client = begun.client;
        self.came.clear();
    }

    fn carry(&mut self, from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
        if self.random.below(1_000) >= self.loss_permille {
            self.under_way.push((self.now + DELAY, from, to, data));
        }
    }

    fn deliver(&mut self, from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
        if let Some(server) = self.servers.iter_mut().find(|server| server.has(to)) {
            for (from, to, data) in server.handle(self.now, from, to, &data) {
                self.carry(from, to, data);
            }
            return;
        }
        if to != own() {
            return self.delivered.push((from, to, data));
        }
        if from != self.client.at() {
            return;
        }
        if let Some((place, (begin, end))) = self.client.unwrap(self.now, &data) {
            return self.heard.push((place, data[begin..end].to_vec()));
        }
        if let Some(message) = Message::parse(&data, Usage::Relaying) {
            self.came.push(self.client.handle(self.now, &message, &mut self.random));
            self.known.observe(&mut self.client);
        }
    }

    fn run(&mut self, limit: Duration) {
        let end = self.now + limit;
        loop {
            while let Some(index) = self.under_way.iter().position(|(due, ..)| *due <= self.now) {
                let (_, from, to, data) = self.under_way.remove(index);
                self.deliver(from, to, data);
            }
            self.came.push(self.client.handle_timeout(self.now));
            let mut turn = 0;
            while let Some(outgoing) = self.client.poll_transmit(self.now, &mut self.random) {
                turn += 1;
                assert!(turn < 100, "what is due, and no more");
                self.sent += 1;
                self.carry(own(), outgoing.to, outgoing.message.octets().to_vec());
            }
            if let Some(due) = self.client.poll_timeout() {
                assert!(due > self.now, "nothing is due that was not done");
            }
            if self.now >= end {
                return;
            }
            let due = self.client.poll_timeout().into_iter();
            let due = due.chain(self.under_way.iter().map(|(due, ..)| *due)).min();
            self.now = due.map_or(end, |due| due.clamp(self.now + Duration::from_millis(1), end));
        }
    }

    fn has(&self, wanted: Came) -> bool {
        self.came.contains(&wanted)
    }

    /// Sends by the relay to a place.
    fn send(&mut self, place: SocketAddr, data: &[u8]) {
        let mut room = [data, &[0; 64]].concat();
        let length = self.client.wrap(place, &mut room, data.len()).unwrap();
        self.carry(own(), self.client.at(), room[..length].to_vec());
    }

    fn reachable(&self) -> Vec<SocketAddr> {
        self.client.reachable(self.now).map(|(place, _)| place).collect()
    }
}

#[test]
fn an_address_is_there_after_two_round_trips_and_with_a_known_nonce_after_one() {
    let mut line = Line::new(1, Manner::default());
    line.run(DELAY * 4);
    assert!(line.has(Came::Allocated));
    let allocated = line.client.allocated().unwrap();
    assert_eq!((allocated.relayed.ip(), allocated.reflexive), (at("203.0.113.9:1").ip(), Some(own())));
    line.client.release(line.now, &mut line.random);
    line.run(DELAY * 3);
    assert!(line.client.is_over() && line.servers[0].allocations.is_empty());
    line.begin_anew();
    line.run(DELAY * 2);
    assert!(line.has(Came::Allocated));
    line.servers[0].change_nonce();
    line.client.release(line.now, &mut line.random);
    line.run(DELAY * 5);
    assert!(line.client.is_over() && line.servers[0].allocations.is_empty(), "with another nonce, too");
}

#[test]
fn an_address_is_there_in_time_on_a_bad_line_and_stays_for_hours() {
    let mut in_time = 0;
    for seed in 0..100 {
        let mut line = Line::new(seed, Manner { lifetime_s: [None, Some(60)][seed as usize % 2], ..Manner::default() });
        line.loss_permille = 100;
        line.run(TURN_PATIENCE);
        in_time += usize::from(line.has(Came::Allocated));
        line.run(Duration::from_secs(10));
        assert!(line.has(Came::Allocated), "seed {seed}");
        for _ in 0..12 {
            line.run(Duration::from_secs(600));
            line.servers[0].change_nonce();
        }
        assert!(line.client.allocated().is_some() && !line.has(Came::Lost), "seed {seed}");
        assert_eq!(line.servers[0].allocations.len(), 1);
        line.client.release(line.now, &mut line.random);
        line.run(Duration::from_secs(20));
        assert!(line.client.is_over() && line.servers[0].allocations.is_empty(), "seed {seed}");
        assert_eq!(line.client.poll_timeout(), None);
    }
    // Two round trips without a loss are 66 %, and one loss is made up for.
    assert!(in_time >= 85, "{in_time}");
}

/// Each allocation keeps the account that it was made with; what begins later has another one, long before the first ends.
#[test]
fn accounts_of_a_secret_are_made_as_they_are_needed() {
    let mut server = TurnServer::new("203.0.113.9:3478");
    server.manner.secret = Some("north-of-the-river");
    let credentials = Credentials::Shared {
        secret: Private::new("north-of-the-river".to_owned()),
        name: USERNAME.to_owned(),
        lifetime: Duration::from_secs(3_600),
    };
    let known = Servers::new(&[Arc::new(RelayServer { location: Location::at(server.at), credentials })]);
    let mut line = Line::of(1, known, vec![server]);
    line.run(DELAY * 4);
    assert!(line.has(Came::Allocated));
    assert_eq!(line.servers[0].names, ["1700003601:tandem"]);
    // A nonce that is known is asked with.
    line.client.release(line.now, &mut line.random);
    line.run(DELAY * 3);
    line.begin_anew();
    line.run(DELAY * 2);
    assert!(line.has(Came::Allocated));
    line.run(Duration::from_secs(2_000));
    assert_eq!(line.servers[0].names.len(), 1, "refreshed with the same");
    line.servers[0].restart();
    line.begin_anew();
    line.run(DELAY * 4);
    assert!(line.has(Came::Allocated));
    let [first, second] = &line.servers[0].names[..] else { panic!("{:?}", line.servers[0].names) };
    assert!(second > first);
    line.client.release(line.now, &mut line.random);
    line.run(DELAY * 3);
    assert!(line.client.is_over() && line.servers[0].allocations.is_empty());
}

/// The first address of a name that does not answer leaves its place to the next; a name without any is passed over.
#[test]
fn a_name_s_next_address_is_asked_where_the_first_is_silent() {
    let mut servers = ["203.0.113.9:3478", "203.0.113.10:3478"].map(TurnServer::new);
    servers[0].manner.is_silent = true;
    let credentials =
        Credentials::Account { username: USERNAME.to_owned(), password: Private::new(PASSWORD.to_owned()) };
    let location = Location::named("turn.example", 3_478);
    let known = Servers::new(&[Arc::new(RelayServer { location: location.clone(), credentials })]);
    let mut nobody = known;
    let (mut random, now) = (Random::from_seed(1), clocks(Instant::from_millis(1)));
    assert!(nobody.begin(now, false, None, &mut random).is_none(), "it has no address yet");
    location.set(servers.iter().map(|server| server.at));
    let mut line = Line::of(1, nobody, servers.into());
    assert_eq!(line.client.at(), at("203.0.113.9:3478"));
    line.run(Duration::from_secs(20));
    assert!(line.has(Came::Failed(Fault::Silent)));
    line.known.note_silence(line.now, 0);
    line.run(TURN_PROBED_EVERY);
    line.begin_anew();
    line.run(DELAY * 4);
    assert!(line.has(Came::Allocated));
    assert_eq!(line.client.at(), at("203.0.113.10:3478"));
}

#[test]
fn a_server_that_wants_longer_keys_has_them() {
    let mut line = Line::new(1, Manner { is_modern: true, ..Manner::default() });
    line.run(DELAY * 4);
    assert!(line.has(Came::Allocated));
}

#[test]
fn what_a_server_refuses_is_told_and_not_asked_for_again() {
    for (manner, fault) in [
        (Manner { refuses: Some(486), ..Manner::default() }, Fault::Refused(486)),
        (Manner { refuses: Some(508), ..Manner::default() }, Fault::Refused(508)),
        (Manner { refuses: Some(500), ..Manner::default() }, Fault::Refused(500)),
        (Manner { refuses: Some(437), ..Manner::default() }, Fault::Refused(437)),
        (Manner { refuses: Some(441), ..Manner::default() }, Fault::Credentials),
        (Manner { is_stale: true, ..Manner::default() }, Fault::Credentials),
        (Manner { names_nothing: true, ..Manner::default() }, Fault::Misbehaved),
        (Manner { lifetime_s: Some(0), ..Manner::default() }, Fault::Misbehaved),
        // What it gives is not believed, and stands in the way of what is asked for again.
        (Manner { is_forged: true, ..Manner::default() }, Fault::Refused(437)),
        (Manner { is_silent: true, ..Manner::default() }, Fault::Silent),
    ] {
        let mut line = Line::new(3, manner.clone());
        line.run(Duration::from_secs(60));
        assert!(line.has(Came::Failed(fault)), "{manner:?} {:?}", line.came);
        assert!(line.client.is_over() && line.client.poll_timeout().is_none());
        assert!(line.sent <= 2 * TURN_TRANSMISSIONS as usize, "{manner:?}: {}", line.sent);
    }
    // What its nonce says that it lists is missed at once (RFC 8489 §9.2.1).
    let mut line = Line::new(1, Manner { is_modern: true, is_stripped: true, ..Manner::default() });
    line.run(Duration::from_secs(5));
    assert!(line.has(Came::Failed(Fault::Credentials)) && line.sent == 1, "{}", line.sent);
    let mut line = Line::with(1, "another", vec![TurnServer::new("203.0.113.9:3478")]);
    line.run(Duration::from_secs(5));
    assert!(line.has(Came::Failed(Fault::Credentials)) && line.sent == 2, "{}", line.sent);
}

#[test]
fn another_server_is_asked_where_one_says_so_and_not_for_ever() {
    let second = at("203.0.113.10:3478");
    let mut first = TurnServer::new("203.0.113.9:3478");
    first.manner.alternate = Some(second);
    let mut line = Line::with(1, PASSWORD, vec![first, TurnServer::new("203.0.113.10:3478")]);
    line.run(DELAY * 8);
    assert!(line.has(Came::Allocated));
    assert_eq!((line.client.at(), line.servers[1].allocations.len()), (second, 1));
    // Each sends us to the other one; and one to itself, or to nobody.
    line.servers[1].restart();
    line.servers[1].manner.alternate = Some(at("203.0.113.9:3478"));
    line.begin_anew();
    line.run(Duration::from_secs(5));
    assert!(line.has(Came::Failed(Fault::Misbehaved)), "{:?}", line.came);
    for no_host in ["203.0.113.9:3478", "0.0.0.0:3478", "224.0.0.1:3478", "203.0.113.10:0", "[2001:db8::1]:3478"] {
        line.servers[0].manner.alternate = Some(at(no_host));
        line.begin_anew();
        line.run(Duration::from_secs(5));
        assert!(line.has(Came::Failed(Fault::Misbehaved)), "{no_host} {:?}", line.came);
    }
}

/// RFC 8656 §7.4: a former call's address, whose last word was lost, stands in the way of the next one from the same port.
#[test]
fn what_was_left_at_a_port_is_given_back_before_the_next_is_asked_for() {
    let mut line = Line::new(1, Manner::default());
    line.run(Duration::from_secs(1));
    let left = line.client.allocated().unwrap();
    line.begin_anew();
    line.run(Duration::from_secs(1));
    assert!(line.has(Came::Allocated));
    assert_eq!(line.servers[0].allocations.len(), 1);
    assert_ne!(line.client.allocated().unwrap().relayed, left.relayed);
}

#[test]
fn a_peer_that_is_let_in_is_heard_and_hears_at_first_in_indications_then_by_a_channel() {
    for (has_no_channels, loss_permille) in [(false, 0), (true, 0), (false, 100)] {
        let mut line = Line::new(4, Manner { has_no_channels, ..Manner::default() });
        line.loss_permille = loss_permille;
        line.run(Duration::from_secs(2));
        let (peer, beside) = (at("198.51.100.1:4000"), at("198.51.100.2:4000"));
        let relayed = line.client.allocated().unwrap().relayed;
        line.carry(peer, relayed, b"a stranger yet".to_vec());
        for (address, priority) in [(peer, 9), (beside, 8), (at("198.51.100.1:4001"), 7)] {
            line.client.reach(line.now, address, priority);
        }
        line.client.reach(line.now, at("[2001:db8::1]:4000"), 7);
        line.run(Duration::from_secs(4));
        assert!(line.has(Came::Reachable) && line.heard.is_empty());
        assert_eq!(line.reachable().len(), 3, "those of its family");
        if loss_permille == 0 {
            assert_eq!(line.servers[0].asked[&Method::CreatePermission], 2, "a host's, whichever the port");
        }
        line.loss_permille = 0;
        let place = line.reachable()[0];
        assert_eq!(line.client.address(place), Some(peer));
        line.carry(peer, relayed, b"hello".to_vec());
        // Its NAT gives it another port.
        line.carry(at("198.51.100.1:5555"), relayed, b"and from here".to_vec());
        line.send(place, b"odd");
        line.run(DELAY * 4);
        let heard = std::mem::take(&mut line.heard);
        assert_eq!(heard[0], (place, b"hello".to_vec()));
        assert_eq!(
            (line.client.address(heard[1].0), &heard[1].1[..]),
            (Some(at("198.51.100.1:5555")), &b"and from here"[..])
        );
        assert_eq!(line.delivered.pop(), Some((relayed, peer, b"odd".to_vec())));
        assert_eq!((line.servers[0].indications, line.servers[0].channel_data), (1, 0));
        line.loss_permille = loss_permille;
        line.client.keep(line.now, place);
        // Hours of voice: a permission lasts five minutes, a channel ten.
        for _ in 0..20 {
            line.run(Duration::from_secs(359));
            line.loss_permille = 0;
            line.carry(peer, relayed, b"still".to_vec());
            line.send(place, b"here");
            line.run(DELAY * 4);
            line.loss_permille = loss_permille;
            assert_eq!(line.heard.pop(), Some((place, b"still".to_vec())));
            assert_eq!(line.delivered.pop(), Some((relayed, peer, b"here".to_vec())));
        }
        assert_eq!(line.servers[0].channel_data, if has_no_channels { 0 } else { 20 });
        // What nobody needs any more is not kept.
        line.carry(beside, relayed, b"forgotten".to_vec());
        line.run(DELAY * 4);
        assert!(line.heard.is_empty());
    }
}

/// One that is let in, where the way leads, and the address that it sends to.
fn kept(line: &mut Line, peer: SocketAddr) -> (SocketAddr, SocketAddr) {
    line.run(Duration::from_secs(1));
    line.client.reach(line.now, peer, 9);
    line.run(Duration::from_secs(1));
    let place = line.reachable()[0];
    line.client.keep(line.now, place);
    line.run(Duration::from_secs(1));
    (place, line.client.allocated().unwrap().relayed)
}

impl Line {
    /// The peer and we are heard by each other.
    #[track_caller]
    fn talk(&mut self, peer: SocketAddr, place: SocketAddr) {
        let relayed = self.client.allocated().unwrap().relayed;
        (self.heard, self.delivered) = (Vec::new(), Vec::new());
        self.carry(peer, relayed, b"hello".to_vec());
        self.send(place, b"here");
        self.run(DELAY * 4);
        assert_eq!(self.heard.pop(), Some((place, b"hello".to_vec())), "at {:?}", self.now);
        assert_eq!(self.delivered.pop(), Some((relayed, peer, b"here".to_vec())), "at {:?}", self.now);
    }
}

/// RFC 8656 §9, §12: a permission lasts five minutes and a channel ten, whatever becomes of their renewal.
#[test]
fn a_renewal_that_is_not_answered_takes_nothing_and_is_asked_for_again() {
    let peer = at("198.51.100.1:4000");
    for has_no_channels in [false, true] {
        let mut line = Line::new(5, Manner { has_no_channels, ..Manner::default() });
        let (place, _) = kept(&mut line, peer);
        line.talk(peer, place);
        line.run(Duration::from_secs(230));
        line.talk(peer, place);
        // All transmissions of the renewal are lost.
        line.servers[0].manner.is_silent = true;
        line.run(Duration::from_secs(20));
        line.servers[0].manner.is_silent = false;
        line.talk(peer, place);
        for _ in 0..4 {
            line.run(Duration::from_secs(150));
            line.talk(peer, place);
        }
        assert_eq!(line.servers[0].channel_data > 4, !has_no_channels);
    }
}

/// Its server has done what it was asked, and all of its answers are lost.
#[test]
fn what_comes_by_a_channel_that_we_were_not_told_of_is_heard() {
    let peer = at("198.51.100.1:4000");
    let mut line = Line::new(5, Manner::default());
    line.run(Duration::from_secs(1));
    line.client.reach(line.now, peer, 9);
    line.run(Duration::from_secs(1));
    let place = line.reachable()[0];
    line.servers[0].manner.is_mute = true;
    line.client.keep(line.now, place);
    line.run(Duration::from_secs(12));
    line.talk(peer, place);
    line.servers[0].manner.is_mute = false;
    line.run(Duration::from_secs(20));
    line.talk(peer, place);
    assert_eq!((line.servers[0].indications, line.servers[0].channel_data), (1, 1), "it is asked for again");
}

/// A way is often chosen late: its permission is older than it is.
#[test]
fn a_permission_is_renewed_by_its_own_age_where_there_is_no_channel() {
    let peer = at("198.51.100.1:4000");
    let mut line = Line::new(5, Manner { has_no_channels: true, ..Manner::default() });
    line.run(Duration::from_secs(1));
    line.client.reach(line.now, peer, 9);
    line.run(Duration::from_secs(100));
    let place = line.reachable()[0];
    line.client.keep(line.now, place);
    for _ in 0..8 {
        line.run(Duration::from_secs(110));
        line.talk(peer, place);
    }
}

#[test]
fn what_a_server_does_not_renew_lasts_to_its_end() {
    let peer = at("198.51.100.1:4000");
    // It has no more channels, and goes on sending by the one that it has given.
    let mut line = Line::new(5, Manner::default());
    let (place, _) = kept(&mut line, peer);
    line.servers[0].manner.has_no_channels = true;
    for _ in 0..20 {
        line.run(Duration::from_secs(45));
        line.talk(peer, place);
    }
    // It lets the peer in no more, from the end of what it has granted on.
    let mut line = Line::new(5, Manner::default());
    let (place, relayed) = kept(&mut line, peer);
    line.servers[0].manner.forbids = Some(peer.ip());
    line.run(Duration::from_secs(280));
    line.talk(peer, place);
    let sent = line.sent;
    line.run(Duration::from_secs(200));
    assert!(line.sent - sent <= 6, "it is asked until then: {}", line.sent - sent);
    line.heard.clear();
    line.carry(peer, relayed, b"hello".to_vec());
    line.run(DELAY * 4);
    assert!(line.heard.is_empty() && line.reachable().is_empty());
}

#[test]
fn a_peer_that_is_forbidden_is_not_reached_and_the_others_are() {
    let peer = at("198.51.100.1:4000");
    let mut line = Line::new(1, Manner { forbids: Some(peer.ip()), ..Manner::default() });
    line.run(Duration::from_secs(1));
    line.client.reach(line.now, peer, 9);
    line.client.reach(line.now, at("198.51.100.2:4000"), 8);
    line.run(Duration::from_secs(1));
    let reachable = line.reachable();
    assert_eq!(
        reachable.iter().map(|place| line.client.address(*place)).collect::<Vec<_>>(),
        [Some(at("198.51.100.2:4000"))]
    );
}

/// All permissions of a while ago meet a nonce that is stale at once.
#[test]
fn a_stale_nonce_costs_a_round_trip_whoever_meets_it() {
    let mut line = Line::new(1, Manner::default());
    line.run(Duration::from_secs(1));
    line.servers[0].change_nonce();
    for host in 1..=20 {
        line.client.reach(line.now, SocketAddr::from(([198, 51, 100, host], 4_000)), 9);
    }
    line.run(Duration::from_secs(1));
    assert_eq!(line.reachable().len(), 20);
}

#[test]
fn an_address_that_a_server_has_forgotten_is_told_as_lost() {
    let mut line = Line::new(1, Manner::default());
    line.run(Duration::from_secs(1));
    line.servers[0].restart();
    line.run(Duration::from_secs(600));
    assert!(line.has(Came::Lost) && line.client.is_over());
    let mut line = Line::new(1, Manner::default());
    line.run(Duration::from_secs(1));
    line.servers[0].manner.is_silent = true;
    line.run(Duration::from_secs(610));
    assert!(line.has(Came::Lost) && line.client.poll_timeout().is_none());
}

/// Nobody waits for it any more; should it come all the same, it goes back.
#[test]
fn an_address_that_comes_too_late_is_given_back() {
    let mut line = Line::new(1, Manner::default());
    line.run(DELAY * 3);
    line.client.release(line.now, &mut line.random);
    assert!(!line.client.is_pending());
    line.run(Duration::from_secs(2));
    assert!(line.client.is_over() && line.servers[0].allocations.is_empty());
    assert_eq!(line.servers[0].asked[&Method::Allocate], 2);
    // Nor is it asked for once more, with credentials.
    let mut line = Line::new(1, Manner::default());
    line.run(DELAY);
    line.client.release(line.now, &mut line.random);
    line.run(Duration::from_secs(2));
    assert!(line.client.is_over() && line.has(Came::Over));
    assert_eq!(line.servers[0].asked[&Method::Allocate], 1);
}

/// RFC 8489 §9.2.5: who is not the server takes nothing that it has given.
#[test]
fn a_refusal_that_is_not_the_servers_own_takes_nothing() {
    for code in [403, 437, 441, 500] {
        let mut line = Line::new(6, Manner::default());
        let peer = at("198.51.100.1:4000");
        let (place, _) = kept(&mut line, peer);
        line.servers[0].manner.forged = Some(code);
        for _ in 0..8 {
            line.run(Duration::from_secs(250));
            line.talk(peer, place);
        }
        assert!(!line.has(Came::Lost));
        assert_eq!((line.servers[0].channel_data, line.servers[0].indications), (8, 0));
    }
}

/// Behind the address of a NAT are many who may write from there.
#[test]
fn a_host_with_many_ports_leaves_room_for_what_the_peer_names() {
    let mut line = Line::new(1, Manner::default());
    let (_, relayed) = kept(&mut line, at("198.51.100.1:4000"));
    for port in 5_000..5_100 {
        line.carry(SocketAddr::from(([198, 51, 100, 1], port)), relayed, b"hello".to_vec());
    }
    line.run(Duration::from_secs(1));
    assert_eq!(line.heard.len(), crate::limits::TURN_PEERS_UNNAMED);
    for host in 2..=12 {
        line.client.reach(line.now, SocketAddr::from(([198, 51, 100, host], 4_000)), 9);
    }
    line.run(Duration::from_secs(1));
    assert_eq!(line.reachable().len(), 12);
}

#[test]
fn a_silent_server_is_asked_now_and_then_and_the_next_one_meanwhile() {
    let first = configured(at("203.0.113.9:3478"), PASSWORD);
    let second = configured(at("203.0.113.10:3478"), PASSWORD);
    let six = configured(at("[2001:db8::9]:3478"), PASSWORD);
    let mut random = Random::from_seed(1);
    let mut now = Instant::from_millis(1_000);
    let mut servers = Servers::new(&[six, first, second]);
    assert!(!servers.is_empty() && Servers::default().is_empty());
    let mut begin = |servers: &mut Servers, now, is_ipv6, after| {
        let begun = servers.begin(clocks(now), is_ipv6, after, &mut random)?;
        Some((begun.client.server(), begun.is_expected))
    };
    assert_eq!(begin(&mut servers, now, false, None), Some((1, true)));
    assert_eq!(begin(&mut servers, now, true, None), Some((0, true)));
    assert_eq!(begin(&mut servers, now, false, Some(1)), Some((2, true)));
    assert_eq!(begin(&mut servers, now, false, Some(2)), None);
    servers.note_silence(now, 1);
    assert_eq!(begin(&mut servers, now, false, None), Some((2, true)));
    servers.note_silence(now, 2);
    assert_eq!(begin(&mut servers, now, false, None), None, "all are silent: nobody waits, and nobody is asked");
    now = now + TURN_PROBED_EVERY;
    assert_eq!(begin(&mut servers, now, false, None), Some((1, false)));
    assert_eq!(begin(&mut servers, now, false, None), Some((2, false)));
    assert_eq!(begin(&mut servers, now, false, None), None);
    // Beside one that gives addresses those before it are asked, and no others.
    let mut random = Random::from_seed(2);
    let mut probe = |servers: &mut Servers, now, giving| {
        let probe = servers.probe(clocks(now), false, giving, &mut random)?;
        assert!(!probe.is_pending());
        Some(probe.server())
    };
    assert_eq!(probe(&mut servers, now, 2), None, "it was asked a moment ago");
    now = now + TURN_PROBED_EVERY;
    assert_eq!((probe(&mut servers, now, 1), probe(&mut servers, now, 2)), (None, Some(1)));
    assert_eq!(probe(&mut servers, now, 2), None);
}

/// Whatever comes: nothing panics, and what is kept is bounded.
#[test]
fn addresses_without_end_are_bounded() {
    let mut line = Line::new(1, Manner::default());
    line.run(Duration::from_secs(1));
    for port in 1..2_000 {
        line.client.reach(line.now, SocketAddr::from(([198, 51, 100, (port % 200) as u8], port)), 9);
    }
    line.run(Duration::from_secs(1));
    assert_eq!(line.reachable().len(), crate::limits::TURN_PEERS);
    let hostile = [&[0x4f, 0xff, 0, 1, 1][..], &[0x40, 0x40, 0, 0], &[0x40], &[0, 1, 0, 0]];
    for datagram in hostile {
        assert_eq!(line.client.unwrap(line.now, datagram), None);
    }
    // A quarter of an hour later others may have their places.
    line.run(Duration::from_secs(1_300));
    line.client.reach(line.now, at("203.0.113.200:4000"), 9);
    line.run(Duration::from_secs(1));
    assert_eq!(line.reachable().len(), 1);
}
