//! REGISTER, bindings, keep-alives, accounts that change.

use super::harness::{ALICE, TRUNK, World, account, contact, header, sdp};
use super::peer::Peer;
use router::parameter::{
    Account, Binding, CauseKind, Parameter, Reason, Registration, RegistrationEvent, Selection, Status, TraceDirection,
    TraceEntry, TrunkStatus,
};
use router::time::{Duration, WallTime};
use router::{Address, Command, Instance, ModuleKind, Parameters, Service, one};
use signaling::message::{Header, Method, StatusCode};

fn module() -> Address {
    Address::local(ModuleKind::Signaling, 0)
}

fn registration(world: &mut World, account: &str) -> Result<Registration, Reason> {
    let asked = Registration { account: account.to_owned(), contacts: Vec::new() };
    world.ask(Instance(1), module(), Command::Query, asked);
    loop {
        match world.at_switch.pop_front().expect("an answer") {
            router::Received::Answer(_, packet) if packet.command == Command::Done => {
                if let Some(Parameter::Registration(registration)) = packet.first() {
                    return Ok((**registration).clone());
                }
            }
            router::Received::Answer(_, packet) => return Err(packet.failure().reason),
            router::Received::Packet(_) => {}
        }
    }
}

#[test]
fn contacts_are_added_refreshed_and_removed() {
    let mut world = World::new(1);
    let mut alice = Peer::new(ALICE, "alice", "alice");
    alice.register(&mut world, "Expires: 600\r\n");
    let response = alice.register(&mut world, "Contact: <sip:alice@203.0.113.9>;q=0.5;expires=120\r\n");
    assert_eq!(response.contacts().count(), 2);
    assert!(String::from_utf8_lossy(response.as_bytes()).contains("<sip:alice@203.0.113.9>;expires=120;q=0.500"));
    assert_eq!(registration(&mut world, "alice").unwrap().contacts.len(), 2);
    assert_eq!(registration(&mut world, "bob").unwrap().contacts.len(), 0);
    assert_eq!(registration(&mut world, "nobody"), Err(Reason::NotFound));
    world.run_ms(130_000);
    assert_eq!(registration(&mut world, "alice").unwrap().contacts.len(), 1);
    alice.register(&mut world, "Expires: 0\r\n");
    assert_eq!(registration(&mut world, "alice").unwrap().contacts.len(), 0);
    world.run_ms(1_000);
    assert!(world.bindings.is_empty());
    world.assert_idle();
}

#[test]
fn too_brief_wrong_and_foreign_registrations_are_refused() {
    let mut world = World::new(2);
    let mut alice = Peer::new(ALICE, "alice", "alice");
    alice.target = "sip:192.0.2.1".to_owned();
    alice.asks(&mut world, "REGISTER", "", "");
    let challenge = world.expect(alice.address, "SIP/2.0 401");
    assert_eq!(challenge.challenges(Header::WwwAuthenticate).count(), 2);
    assert_eq!(challenge.challenges(Header::WwwAuthenticate).next().unwrap().algorithm, Some("MD5"));
    let mut count = 0;
    let mut attempt = |world: &mut World, alice: &mut Peer, headers: &str, change: &dyn Fn(String) -> String| {
        count += 1;
        let authorization = alice.authorization(&challenge, "REGISTER", "sip:192.0.2.1", count);
        let text = change(alice.request("REGISTER", &format!("{headers}{authorization}"), ""));
        world.send(alice.address, &text);
        world.expect(alice.address, "SIP/2.0")
    };
    let same = |text: String| text;
    let brief = attempt(&mut world, &mut alice, "Expires: 10\r\n", &same);
    assert_eq!((brief.status(), header(&brief, Header::MinExpires).as_str()), (StatusCode::new(423), "60"));
    let other = |text: String| text.replace("To: <sip:alice@", "To: <sip:bob@");
    assert_eq!(attempt(&mut world, &mut alice, "", &other).status(), StatusCode::new(403));
    let wrong = |text: String| text.replace("response=\"", "response=\"0");
    assert_eq!(attempt(&mut world, &mut alice, "", &wrong).status(), StatusCode::new(403));
    let foreign = |text: String| text.replace("REGISTER sip:192.0.2.1", "REGISTER sip:example.org");
    assert_eq!(attempt(&mut world, &mut alice, "", &foreign).status(), StatusCode::new(404));
    assert_eq!(attempt(&mut world, &mut alice, "", &same).status(), StatusCode::new(200));
    world.run_ms(4_000_000);
    world.assert_idle();
}

#[test]
fn known_and_unknown_users_are_challenged_and_refused_alike() {
    let mut world = World::new(3);
    let mut answers = Vec::new();
    for user in ["alice", "nobody"] {
        let mut peer = Peer::new(ALICE, user, user);
        peer.target = "sip:192.0.2.1".to_owned();
        peer.asks(&mut world, "REGISTER", "", "");
        let challenge = world.expect(peer.address, "SIP/2.0 401");
        let authorization =
            peer.authorization(&challenge, "REGISTER", "sip:192.0.2.1", 1).replace("response=\"", "response=\"0");
        peer.asks(&mut world, "REGISTER", &authorization, "");
        let refusal = world.expect(peer.address, "SIP/2.0 403");
        answers.push((challenge.headers().count(), refusal.headers().count()));
    }
    assert_eq!(answers[0], answers[1]);
    world.assert_idle();
}

#[test]
fn a_client_that_gives_up_on_other_algorithms_is_offered_md5_alone() {
    let mut world = World::new(4);
    let mut alice = Peer::new(ALICE, "alice", "200");
    let text = alice.request("INVITE", "User-Agent: baresip v1.0.0 (x86_64/linux)\r\n", "");
    world.send(alice.address, &text);
    let challenge = world.expect(alice.address, "SIP/2.0 401");
    assert_eq!(challenge.challenges(Header::WwwAuthenticate).count(), 1);
    // Its repetition gets the same tag, and is no second transaction.
    world.send(alice.address, &text);
    let again = world.expect(alice.address, "SIP/2.0 401");
    assert_eq!(challenge.to_tag(), again.to_tag());
    assert!(world.signaling.is_idle(), "a challenge keeps nothing");
}

#[test]
fn a_replay_proves_nothing() {
    let mut world = World::new(5);
    let mut alice = Peer::new(ALICE, "alice", "200");
    alice.asks(&mut world, "OPTIONS", "", "");
    let challenge = world.expect(alice.address, "SIP/2.0 401");
    let authorization = alice.authorization(&challenge, "OPTIONS", "sip:200@192.0.2.1", 1);
    for status in ["SIP/2.0 200", "SIP/2.0 401"] {
        alice.asks(&mut world, "OPTIONS", &authorization, "");
        world.expect(alice.address, status);
    }
    world.assert_idle();
}

#[test]
fn before_the_accounts_are_loaded_trunks_alone_are_served() {
    let mut world = World::without_store(6);
    world.accounts.push(account("carol"));
    let mut carol = Peer::new(ALICE, "carol", "carol");
    carol.asks(&mut world, "REGISTER", "", "");
    let refusal = world.expect(carol.address, "SIP/2.0 503");
    assert!(!header(&refusal, Header::RetryAfter).is_empty());
    let mut carrier = Peer::new(TRUNK, "100", "200");
    carrier.asks(&mut world, "INVITE", "", &sdp(1, 4_000, "sendrecv"));
    let packet = world.asked(Command::Start);
    world.refuse(&packet, CauseKind::Busy);
    world.store_answers = true;
    world.run_ms(2_000);
    carol.register(&mut world, "");
    assert_eq!(registration(&mut world, "carol").unwrap().contacts.len(), 1);
}

#[test]
fn a_subscriber_that_missed_changes_of_accounts_asks_for_all_again() {
    let mut world = World::new(6);
    world.accounts.push(account("carol"));
    world.accounts.retain(|account| account.name != "bob");
    world.notify_account(Account { name: String::new(), ..account("x") });
    assert_eq!(registration(&mut world, "carol").unwrap().contacts.len(), 0);
    assert_eq!(registration(&mut world, "bob"), Err(Reason::NotFound));
}

#[test]
fn bindings_survive_a_restart_and_a_removed_account_loses_its_own() {
    let mut world = World::without_store(7);
    let binding = Binding {
        account: "bob".to_owned(),
        contact: contact("sip:bob@203.0.113.5", "udp 192.0.2.1:5060 203.0.113.5:5060"),
        removed: false,
    };
    world.bindings.insert(("bob".to_owned(), "sip:bob@203.0.113.5".to_owned()), binding);
    world.store_answers = true;
    world.run_ms(2_000);
    assert_eq!(registration(&mut world, "bob").unwrap().contacts.len(), 1);
    world.notify_account(Account { removed: true, ..account("bob") });
    assert_eq!(registration(&mut world, "bob"), Err(Reason::NotFound));
    world.run_ms(1_000);
    assert!(world.bindings.is_empty());
    let mut bob = Peer::new(ALICE, "bob", "bob");
    bob.target = "sip:192.0.2.1".to_owned();
    bob.asks(&mut world, "REGISTER", "", "");
    let challenge = world.expect(bob.address, "SIP/2.0 401");
    let authorization = bob.authorization(&challenge, "REGISTER", "sip:192.0.2.1", 1);
    bob.asks(&mut world, "REGISTER", &authorization, "");
    world.expect(bob.address, "SIP/2.0 403");
}

#[test]
fn contacts_are_asked_whether_they_are_there() {
    let mut world = World::with(9, |config| config.keep_alive = Some(Duration::from_secs(30)));
    let mut alice = Peer::new(ALICE, "alice", "alice");
    alice.register(&mut world, "");
    world.switch.outbox.request(
        world.now.instant,
        Instance(3),
        module(),
        Command::Subscribe,
        one(RegistrationEvent {
            registration: Registration { account: String::new(), contacts: Vec::new() },
            at: WallTime::default(),
            missed: false,
            moved: None,
        }),
        Duration::from_secs(1),
    );
    world.run_ms(34_000);
    let options = world.expect(alice.address, "OPTIONS sip:alice@198.51.100.7:5062");
    world.run_ms(20);
    alice.respond(&mut world, &options, "404 Whatever", "", "");
    world.run_ms(5);
    let found = registration(&mut world, "alice").unwrap();
    assert_eq!(found.contacts[0].reachable, Some(true));
    assert!(found.contacts[0].latency_us.unwrap() >= 20_000);
    // The next one is not answered.
    world.run_ms(34_000 + 33_000);
    assert_eq!(registration(&mut world, "alice").unwrap().contacts[0].reachable, Some(false));
    world.run_ms(7_200_000);
    world.take(alice.address);
    world.assert_idle();
}

/// How many questions come within so many seconds; a repetition is the same one.
fn asked_within(world: &mut World, phone: &Peer, seconds: u64) -> usize {
    world.take(phone.address);
    let mut branches = std::collections::BTreeSet::new();
    for _ in 0..seconds {
        world.run_ms(1_000);
        let asked = world.take(phone.address).into_iter().filter(|message| message.is(&Method::Options));
        branches.extend(asked.map(|message| header(&message, Header::Via)));
    }
    branches.len()
}

#[test]
fn a_phone_that_is_gone_is_asked_less_and_less_often_until_it_registers() {
    let mut world = World::with(90, |config| config.keep_alive = Some(Duration::from_secs(30)));
    let mut alice = Peer::new(ALICE, "alice", "alice");
    alice.register(&mut world, "Expires: 7200\r\n");
    let rounds: Vec<usize> = (0..5).map(|_| asked_within(&mut world, &alice, 600)).collect();
    // Each question takes 32 seconds to be given up; then half a minute, and up to four.
    assert!((4..=6).contains(&rounds[0]) && rounds[2..].iter().all(|asked| (2..=3).contains(asked)), "{rounds:?}");
    alice.register(&mut world, "Expires: 7200\r\n");
    assert_eq!(asked_within(&mut world, &alice, 60), 1, "it is there again");
    world.run_ms(7_300_000);
    world.take(alice.address);
    world.assert_idle();
}

#[test]
fn the_module_tells_of_itself_its_trunks_and_its_messages() {
    let mut world = World::new(10);
    let (mut alice, packet) = super::harness::alice_talks(&mut world);
    let Some(Parameter::Call(call)) = packet.first() else { panic!() };
    let id = call.id.clone();
    world.ask(Instance(1), module(), Command::Query, Status::default());
    let told = world.told(Command::Done);
    let Some(Parameter::Status(status)) = told.first() else { panic!() };
    let counter = |name: &str, label: &str| {
        let found = status.counters.iter().find(|one| one.name == name && one.labels.iter().any(|(_, of)| of == label));
        found.map_or(0, |one| one.value)
    };
    assert_eq!(counter("sip_requests_received", "INVITE"), 2);
    assert_eq!(counter("sip_responses_sent", "200"), 1);
    world.ask(Instance(1), module(), Command::Query, TrunkStatus::default());
    let told = world.told(Command::Done);
    assert!(matches!(told.first(), Some(Parameter::TrunkStatus(trunk)) if trunk.name == "carrier"));
    let nothing = TraceEntry {
        at: WallTime::default(),
        direction: TraceDirection::Sent,
        transport: String::new(),
        local: String::new(),
        remote: Default::default(),
        leg_id: String::new(),
        message: Vec::new(),
        truncated: false,
    };
    let selection = Selection { name: Some(id), ..Selection::default() };
    let parameters: Parameters = [Parameter::from(nothing), selection.into()].into_iter().collect();
    let now = world.now.instant;
    world.switch.outbox.request(now, Instance(1), module(), Command::Query, parameters, Duration::from_secs(1));
    let told = world.told(Command::Done);
    let lines: Vec<String> = told
        .parameters
        .iter()
        .filter_map(|parameter| match parameter {
            Parameter::TraceEntry(entry) => Some(String::from_utf8_lossy(&entry.message).lines().next()?.to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(lines.len(), 6, "{lines:?}");
    assert_eq!((lines[4].as_str(), lines[5].starts_with("ACK")), ("SIP/2.0 200 OK", true));
    alice.asks(&mut world, "BYE", "", "");
    world.assert_idle();
    assert_eq!(world.signaling.outbox().counters().undelivered, 0);
}

#[test]
fn an_expiry_that_is_no_number_is_an_hour() {
    let mut world = World::new(70);
    let mut alice = Peer::new(ALICE, "alice", "alice");
    for (headers, seconds) in
        [("Expires: abc\r\n", 3_600), ("Expires: 99999999999\r\n", 7_200), ("Expires: 600\r\nX: y\r\n", 600)]
    {
        let response = alice.register(&mut world, headers);
        assert_eq!(response.contacts().next().unwrap().unwrap().expires(), Some(seconds), "{headers}");
        assert_eq!(header(&response, Header::Supported), "path, outbound, gruu");
        // RFC 3261 §10.3 step 8: phones without a clock of their own set theirs by it.
        assert!(header(&response, Header::Date).ends_with(" GMT"));
    }
    let own = format!("<sip:alice@{ALICE}>");
    for (expires, seconds) in [("soon", 3_600), ("5000000000", 7_200)] {
        let response = alice.register(&mut world, &format!("Contact: {own};expires={expires}\r\n"));
        assert_eq!(response.contacts().next().unwrap().unwrap().expires(), Some(seconds), "{expires}");
    }
}
