//! SUBSCRIBE, NOTIFY and PUBLISH, as phones see them.

use super::harness::{ALICE, SERVER, TRUNK, World, account, header};
use super::peer::Peer;
use router::parameter::{
    Account, Behalf, CallEvent, CallPhase, CallSummary, LegPhase, LegSummary, LegTags, MessageWaiting, Party, Reason,
    Selection,
};
use router::time::WallTime;
use router::{Address, Command, Instance, ModuleKind, Parameters, one};
use signaling::message::{Header, Message};
use signaling::subscription::Watching;

/// The phone of bob.
const BOB: &str = "198.51.100.8:5062";

/// Sends a request through the challenge; the final response.
pub(crate) fn ask(world: &mut World, peer: &mut Peer, method: &str, headers: &str, body: &str) -> Message {
    peer.asks(world, method, headers, body);
    let challenge = world.expect(peer.address, "SIP/2.0");
    if challenge.status().unwrap().code() != 401 {
        return challenge;
    }
    let authorization = peer.authorization(&challenge, method, &peer.target.clone(), 1);
    peer.asks(world, method, &format!("{headers}{authorization}"), body);
    world.expect(peer.address, "SIP/2.0")
}

/// Who follows that account.
pub(crate) fn watcher(user: &str, address: &str, account: &str) -> Peer {
    Peer::new(address, user, account)
}

impl Peer {
    /// The same phone in another dialog.
    pub(crate) fn anew(self, name: &str) -> Self {
        Self { call_id: name.to_owned(), tag: format!("tag-{name}"), ..self }
    }
}

/// Begins a subscription; its first NOTIFY, which is answered.
pub(crate) fn subscribe(world: &mut World, peer: &mut Peer, headers: &str) -> Message {
    let ok = ask(world, peer, "SUBSCRIBE", headers, "");
    assert_eq!(ok.status().unwrap().code(), 200, "{}", String::from_utf8_lossy(ok.as_bytes()));
    peer.learn(&ok);
    let at_switch = world.switch_subscribed();
    if at_switch {
        world.answer_listing(Vec::new());
    }
    told(world, peer)
}

/// The next NOTIFY, which is answered.
pub(crate) fn told(world: &mut World, peer: &Peer) -> Message {
    let notify = world.expect(peer.address, "NOTIFY");
    peer.respond(world, &notify, "200 OK", "", "");
    assert_eq!(notify.call_id().unwrap(), peer.call_id);
    assert_eq!(notify.from().unwrap().tag(), peer.remote_tag.as_deref());
    notify
}

pub(crate) fn body(message: &Message) -> String {
    String::from_utf8(message.body_octets().to_vec()).unwrap()
}

impl World {
    /// Whether the switch is subscribed to: it says so then.
    fn switch_subscribed(&mut self) -> bool {
        let end = self.now.instant + router::time::Duration::from_millis(5);
        while self.step(end) {}
        let mut subscribed = false;
        let waiting: Vec<_> = self.at_switch.drain(..).collect();
        for received in waiting {
            match received {
                router::Received::Packet(packet) if packet.command == Command::Subscribe => {
                    self.switch.outbox.done(&packet, Parameters::new());
                    subscribed = true;
                }
                other => self.at_switch.push_back(other),
            }
        }
        self.settle();
        subscribed
    }

    /// Lists these calls.
    fn answer_listing(&mut self, calls: Vec<CallSummary>) {
        let query = self.asked(Command::Query);
        let mut page: Parameters = calls.into_iter().map(router::Parameter::from).collect();
        page.push(Selection::default().into());
        self.switch.outbox.done(&query, page);
        self.settle();
    }

    /// A call is so now.
    pub(crate) fn call_event(&mut self, call: CallSummary) {
        let event = CallEvent { call, cause: None, at: self.now.wall, missed: false, pressed: None, quality: None };
        self.switch.outbox.notify(Instance(9), Address::local(ModuleKind::Signaling, 0), one(event));
        self.settle();
    }

    fn set_waiting(&mut self, account: &str, new: u32) {
        let waiting = MessageWaiting { account: account.to_owned(), new, old: 1, ..MessageWaiting::default() };
        self.ask(Instance(3), Address::local(ModuleKind::Signaling, 0), Command::Set, waiting);
    }
}

/// A call from the trunk to bob's phone.
fn call_to_bob(id: &str, phase: CallPhase, leg: LegPhase) -> CallSummary {
    call_to("bob", id, phase, leg)
}

/// A call from the trunk to an account's phone.
pub(crate) fn call_to(account: &str, id: &str, phase: CallPhase, leg: LegPhase) -> CallSummary {
    let bob = LegSummary {
        leg_id: format!("leg-{id}"),
        peer: account.to_owned(),
        phase: leg,
        incoming: false,
        platform: None,
        behalf: Some(Behalf::Account),
        tags: (leg < LegPhase::Answered).then(|| LegTags { local: "ours".into(), remote: "bobs".into() }),
        suite: None,
        quality: None,
    };
    CallSummary {
        id: id.to_owned(),
        caller: Party { display_name: Some("A \"&\" B".to_owned().into()), ..Party::new("+49 30", "carrier") },
        called: Party::new("bob", "tandem"),
        phase,
        started: WallTime::from_secs(1),
        answered: None,
        legs: vec![bob],
        codec: None,
        origin: None,
        anonymous: false,
        verdict: None,
    }
}

#[test]
fn a_lamp_follows_a_call_and_says_what_picks_it_up() {
    let mut world = World::new(1);
    let mut alice = watcher("alice", ALICE, "bob");
    let first = subscribe(
        &mut world,
        &mut alice,
        "Event: dialog;id=7\r\nExpires: 600\r\nAccept: application/dialog-info+xml\r\n",
    );
    assert_eq!(header(&first, Header::Event), "dialog;id=7");
    assert_eq!(header(&first, Header::SubscriptionState), "active;expires=600");
    assert!(body(&first).contains("version=\"0\" state=\"full\" entity=\"sip:bob@192.0.2.1\""), "{}", body(&first));
    assert!(!body(&first).contains("<dialog "), "{}", body(&first));
    world.run_ms(5_000);
    world.call_event(call_to_bob("one", CallPhase::Ringing, LegPhase::Ringing));
    let early = body(&told(&mut world, &alice));
    for piece in [
        "version=\"1\"",
        "call-id=\"leg-one\" local-tag=\"bobs\" remote-tag=\"ours\" direction=\"recipient\"><state>early</state>",
        "<local><identity>sip:bob@192.0.2.1</identity><target uri=\"sip:bob@192.0.2.1\"/></local>",
        "<remote><identity display=\"A &quot;&amp;&quot; B\">sip:+49%2030@192.0.2.1</identity>",
    ] {
        assert!(early.contains(piece), "{piece} in {early}");
    }
    world.run_ms(5_000);
    world.call_event(call_to_bob("one", CallPhase::Talking, LegPhase::Answered));
    assert!(body(&told(&mut world, &alice)).contains("<state>confirmed</state>"));
    world.run_ms(5_000);
    world.call_event(call_to_bob("one", CallPhase::Ended, LegPhase::Released));
    let ended = body(&told(&mut world, &alice));
    assert!(ended.contains("<dialog id=\"leg-one\"") && ended.contains("<state>terminated</state>"), "{ended}");
    world.run_ms(100_000);
    assert!(world.take(alice.address).is_empty(), "that it is gone is told once");
    world.run_ms(600_000);
    world.assert_idle();
}

#[test]
fn what_changes_often_is_told_at_the_end_of_the_interval_and_the_last_state_alone() {
    let mut world = World::new(2);
    let mut alice = watcher("alice", ALICE, "bob");
    subscribe(&mut world, &mut alice, "Event: dialog\r\n");
    world.run_ms(2_000);
    let mut told = Vec::new();
    for number in 0..100 {
        let (phase, leg) = match number % 2 {
            0 => (CallPhase::Ringing, LegPhase::Ringing),
            _ => (CallPhase::Ended, LegPhase::Released),
        };
        world.call_event(call_to_bob(&format!("call-{}", number / 2), phase, leg));
        for _ in 0..20 {
            for notify in world.take(alice.address) {
                alice.respond(&mut world, &notify, "200 OK", "", "");
                told.push(body(&notify));
            }
            world.run_ms(1);
        }
    }
    world.run_ms(5_000);
    told.extend(world.take(alice.address).iter().map(body));
    // At once, and at the end of each second; a call that rang and was gone in between has never been.
    assert!((2..=4).contains(&told.len()), "{told:?}");
    assert!(told[0].contains("leg-call-0"));
    assert!(!told.last().unwrap().contains("<state>early</state>"), "{told:?}");
}

#[test]
fn a_subscription_is_refreshed_and_ends_by_itself_or_when_it_is_told_to() {
    let mut world = World::new(3);
    let mut alice = watcher("alice", ALICE, "alice");
    let first = subscribe(&mut world, &mut alice, "Event: message-summary\r\nExpires: 100\r\n");
    assert!(body(&first).starts_with("Messages-Waiting: no\r\n"));
    world.run_ms(60_000);
    alice.asks(&mut world, "SUBSCRIBE", "Event: message-summary\r\nExpires: 100\r\n", "");
    world.expect(alice.address, "SIP/2.0 200");
    let refreshed = told(&mut world, &alice);
    assert_eq!(header(&refreshed, Header::SubscriptionState), "active;expires=100");
    alice.asks(&mut world, "SUBSCRIBE", "Event: presence\r\nExpires: 100\r\n", "");
    world.expect(alice.address, "SIP/2.0 481");
    world.run_ms(60_000);
    world.set_waiting("alice", 3);
    let waits = body(&told(&mut world, &alice));
    assert_eq!(waits, "Messages-Waiting: yes\r\nMessage-Account: sip:alice@192.0.2.1\r\nVoice-Message: 3/1 (0/0)\r\n");
    world.run_ms(45_000);
    let last = told(&mut world, &alice);
    assert_eq!(header(&last, Header::SubscriptionState), "terminated;reason=timeout");
    alice.asks(&mut world, "SUBSCRIBE", "Event: message-summary\r\nExpires: 100\r\n", "");
    world.expect(alice.address, "SIP/2.0 481");

    let mut again = watcher("alice", ALICE, "alice").anew("again");
    subscribe(&mut world, &mut again, "Event: message-summary\r\n");
    again.asks(&mut world, "SUBSCRIBE", "Event: message-summary\r\nExpires: 0\r\n", "");
    assert_eq!(header(&world.expect(again.address, "SIP/2.0 200"), Header::Expires), "0");
    assert_eq!(header(&told(&mut world, &again), Header::SubscriptionState), "terminated;reason=timeout");
    world.set_waiting("alice", 4);
    world.run_ms(5_000);
    assert!(world.take(again.address).is_empty());
    world.assert_idle();
}

#[test]
fn a_fetch_is_told_once() {
    let mut world = World::new(4);
    let mut alice = watcher("alice", ALICE, "alice");
    let only = subscribe(&mut world, &mut alice, "Event: reg\r\nExpires: 0\r\n");
    assert_eq!(header(&only, Header::SubscriptionState), "terminated;reason=timeout");
    assert!(body(&only).contains("aor=\"sip:alice@192.0.2.1\" id=\"r\" state=\"terminated\""), "{}", body(&only));
    world.assert_idle();
}

#[test]
fn registrations_are_their_own_account_s_to_follow() {
    let mut world = World::new(5);
    let mut alice = watcher("alice", ALICE, "alice");
    subscribe(&mut world, &mut alice, "Event: reg\r\n");
    world.run_ms(6_000);
    Peer::new(ALICE, "alice", "alice").register(&mut world, "Expires: 600\r\n");
    let active = body(&told(&mut world, &alice));
    assert!(active.contains("state=\"active\" event=\"registered\""), "{active}");
    assert!(active.contains(&format!("<uri>sip:alice@{ALICE}</uri>")), "{active}");
    world.run_ms(6_000);
    Peer { cseq: 10, branches: 10, ..Peer::new(ALICE, "alice", "alice") }.register(&mut world, "Expires: 600\r\n");
    world.run_ms(1_000);
    assert!(world.take(alice.address).is_empty(), "a refresh changes nothing");
    world.run_ms(700_000);
    world.expect(alice.address, "NOTIFY");
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let mut world = World::new(6);
    let refused = |world: &mut World, mut peer: Peer, headers: &str| {
        let response = ask(world, &mut peer, "SUBSCRIBE", headers, "");
        (response.status().unwrap().code(), response)
    };
    let to = |account: &str| watcher("alice", ALICE, account);
    for (number, (status, account, headers)) in [
        (489, "bob", ""),
        (489, "bob", "Event: refer\r\n"),
        (404, "not%20a%20room", "Event: conference\r\n"),
        (423, "bob", "Event: dialog\r\nExpires: 10\r\n"),
        (406, "bob", "Event: dialog\r\nAccept: application/pidf+xml\r\n"),
        (403, "bob", "Event: reg\r\n"),
        (403, "bob", "Event: message-summary\r\n"),
        (404, "nobody", "Event: presence\r\n"),
        (420, "bob", "Event: presence\r\nRequire: eventlist\r\n"),
        (400, "bob", "Event: dialog\r\nExpires: soon\r\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let (got, response) = refused(&mut world, to(account).anew(&number.to_string()), headers);
        assert_eq!(got, status, "{headers}");
        if status == 489 {
            assert_eq!(header(&response, Header::AllowEvents), "message-summary, presence, dialog, reg, conference");
        }
        if status == 423 {
            assert_eq!(header(&response, Header::MinExpires), "60");
        }
    }
    assert_eq!(refused(&mut world, Peer::new(TRUNK, "carrier", "bob"), "Event: dialog\r\n").0, 403);
    let mut stranger = Peer { remote_tag: Some("gone".to_owned()), ..to("bob") };
    stranger.asks(&mut world, "SUBSCRIBE", "Event: dialog\r\n", "");
    world.expect(stranger.address, "SIP/2.0 481");
    let mut barred = World::with(7, |config| {
        config.events.watching = Watching::Own;
        config.events.per_account_max = 1;
    });
    assert_eq!(refused(&mut barred, to("bob"), "Event: presence\r\n").0, 403);
    assert_eq!(
        refused(&mut barred, to("nobody").anew("nobody"), "Event: presence\r\n").0,
        403,
        "nor does it learn who exists"
    );
    subscribe(&mut barred, &mut to("alice").anew("first"), "Event: reg\r\n");
    let second = to("alice").anew("second");
    assert_eq!(refused(&mut barred, second, "Event: reg\r\n").0, 503);
}

#[test]
fn a_notify_that_is_refused_or_not_answered_ends_its_subscription() {
    for refusal in [Some("481 Subscription Does Not Exist"), Some("408 Request Timeout"), None] {
        let mut world = World::new(8);
        let mut alice = watcher("alice", ALICE, "alice");
        subscribe(&mut world, &mut alice, "Event: message-summary\r\n");
        world.run_ms(2_000);
        world.set_waiting("alice", 1);
        let notify = world.expect(alice.address, "NOTIFY");
        match refusal {
            Some(refusal) => alice.respond(&mut world, &notify, refusal, "", ""),
            None => world.run_ms(33_000),
        }
        world.run_ms(100);
        world.take(alice.address);
        world.set_waiting("alice", 2);
        world.run_ms(5_000);
        assert!(world.take(alice.address).is_empty(), "{refusal:?}");
        alice.asks(&mut world, "SUBSCRIBE", "Event: message-summary\r\n", "");
        world.expect(alice.address, "SIP/2.0 481");
        world.assert_idle();
    }
}

#[test]
fn a_notify_waits_for_the_answer_to_the_one_before_and_tells_what_is_so_then() {
    let mut world = World::new(9);
    let mut alice = watcher("alice", ALICE, "alice");
    subscribe(&mut world, &mut alice, "Event: message-summary\r\n");
    world.run_ms(2_000);
    world.set_waiting("alice", 1);
    let one = world.expect(alice.address, "NOTIFY");
    for new in 2..10 {
        world.set_waiting("alice", new);
        world.run_ms(400);
    }
    let others = world.take(alice.address);
    assert!(others.iter().all(|other| other.cseq().unwrap() == one.cseq().unwrap()), "only repetitions");
    alice.respond(&mut world, &one, "503 Later", "Retry-After: 4\r\n", "");
    world.run_ms(3_500);
    assert!(world.take(alice.address).is_empty(), "it asked not to be told for four seconds");
    world.run_ms(1_000);
    assert!(body(&told(&mut world, &alice)).contains("Voice-Message: 9/1"));
}

#[test]
fn a_rate_that_is_asked_for_is_kept() {
    let mut world = World::new(10);
    let mut alice = watcher("alice", ALICE, "alice");
    let first = subscribe(&mut world, &mut alice, "Event: message-summary;max-rate=0.1\r\nExpires: 600\r\n");
    assert_eq!(header(&first, Header::SubscriptionState), "active;expires=600;max-rate=0.1");
    world.set_waiting("alice", 1);
    world.run_ms(8_000);
    assert!(world.take(alice.address).is_empty());
    told(&mut world, &alice);
}

/// Alice publishes; the response.
fn publish(world: &mut World, headers: &str, body: &str) -> Message {
    let name = format!("publish-{}", world.now.instant.as_nanos());
    let mut alice = watcher("alice", ALICE, "alice").anew(&name);
    let kind = if body.is_empty() { "" } else { "Content-Type: application/pidf+xml\r\n" };
    ask(world, &mut alice, "PUBLISH", &format!("Event: presence\r\n{headers}{kind}"), body)
}

fn pidf(basic: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:alice@tandem\"><tuple id=\"t\">\
         <status><basic>{basic}</basic></status><note>{basic} it is</note></tuple></presence>"
    )
}

#[test]
fn what_is_published_is_told_to_who_follows_until_it_ends() {
    let mut world = World::new(11);
    let mut bob = watcher("bob", BOB, "alice");
    let first = body(&subscribe(&mut world, &mut bob, "Event: presence\r\nExpires: 3600\r\n"));
    assert!(first.contains("<basic>closed</basic>") && first.contains("<note>Offline</note>"), "{first}");
    world.run_ms(6_000);
    Peer::new(ALICE, "alice", "alice").register(&mut world, "Expires: 3600\r\n");
    assert!(body(&told(&mut world, &bob)).contains("<note>Online</note>"));
    world.run_ms(6_000);
    let made = publish(&mut world, "Expires: 120\r\n", &pidf("closed"));
    assert_eq!((made.status().unwrap().code(), header(&made, Header::Expires).as_str()), (200, "120"));
    let tag = header(&made, Header::SipEtag);
    let told_of = body(&told(&mut world, &bob));
    assert!(told_of.contains("<note>closed it is</note>"), "{told_of}");
    assert!(told_of.find("closed") < told_of.find("<basic>open</basic>"), "what is published stands first: {told_of}");
    world.run_ms(6_000);
    let refreshed = publish(&mut world, &format!("SIP-If-Match: {tag}\r\nExpires: 120\r\n"), "");
    let second = header(&refreshed, Header::SipEtag);
    assert!(refreshed.status().unwrap().is_success() && second != tag);
    let stale = publish(&mut world, &format!("SIP-If-Match: {tag}\r\nExpires: 120\r\n"), "");
    assert_eq!(stale.status().unwrap().code(), 412);
    publish(&mut world, &format!("SIP-If-Match: {second}\r\nExpires: 120\r\n"), &pidf("open"));
    assert!(body(&told(&mut world, &bob)).contains("<note>open it is</note>"));
    world.run_ms(121_000);
    let ended = body(&told(&mut world, &bob));
    assert!(!ended.contains("open it is"), "{ended}");
}

#[test]
fn what_cannot_be_published_is_refused() {
    let mut world = World::new(12);
    for (status, headers, body) in [
        (400, "", ""),
        (400, "", "<presence"),
        (400, "", "<!DOCTYPE x [<!ENTITY a \"b\">]><presence>&a;</presence>"),
        (423, "Expires: 5\r\n", "<presence/>"),
        (412, "SIP-If-Match: 0123456789abcdef\r\n", ""),
    ] {
        assert_eq!(publish(&mut world, headers, body).status().unwrap().code(), status, "{headers}{body}");
    }
    assert_eq!(publish(&mut world, "", &" ".repeat(20_000)).status().unwrap().code(), 413);
    let mut alice = watcher("alice", ALICE, "bob");
    let other = ask(
        &mut world,
        &mut alice,
        "PUBLISH",
        "Event: presence\r\nContent-Type: application/pidf+xml\r\n",
        "<presence/>",
    );
    assert_eq!(other.status().unwrap().code(), 403, "for another account");
    let mut alice = watcher("alice", ALICE, "alice").anew("x");
    let other = ask(&mut world, &mut alice, "PUBLISH", "Event: dialog\r\n", "x");
    assert_eq!(other.status().unwrap().code(), 489);
    let mut alice = watcher("alice", ALICE, "alice").anew("y");
    let other = ask(&mut world, &mut alice, "PUBLISH", "Event: presence\r\nContent-Type: text/plain\r\n", "x");
    assert_eq!(
        (other.status().unwrap().code(), header(&other, Header::Accept).as_str()),
        (415, "application/pidf+xml")
    );
    assert!(world.signaling.is_loaded());
}

#[test]
fn presence_tells_of_calls() {
    let mut world = World::new(13);
    let mut alice = watcher("alice", ALICE, "bob");
    subscribe(&mut world, &mut alice, "Event: presence\r\n");
    world.run_ms(6_000);
    world.call_event(call_to_bob("one", CallPhase::Ringing, LegPhase::Ringing));
    assert!(body(&told(&mut world, &alice)).contains("<rpid:busy/>"));
    world.run_ms(6_000);
    world.call_event(call_to_bob("one", CallPhase::Talking, LegPhase::Answered));
    assert!(body(&told(&mut world, &alice)).contains("<rpid:on-the-phone/>"));
}

#[test]
fn a_mailbox_lamp_is_set_for_accounts_alone_and_told_unasked_where_that_is_wanted() {
    let mut world = World::with(14, |config| config.events.unsolicited = true);
    world.set_waiting("nobody", 1);
    assert_eq!(world.told(Command::Failed).failure().reason, Reason::NotFound);
    world.set_waiting("alice", 2);
    Peer::new(ALICE, "alice", "alice").register(&mut world, "Expires: 600\r\n");
    let alice = ALICE.parse().unwrap();
    let notify = world.expect(alice, &format!("NOTIFY sip:alice@{ALICE}"));
    assert_eq!(header(&notify, Header::Event), "message-summary");
    assert!(body(&notify).contains("Voice-Message: 2/1"));
    let phone = watcher("alice", ALICE, "alice");
    phone.respond(&mut world, &notify, "200 OK", "", "");
    world.set_waiting("alice", 0);
    let notify = world.expect(alice, "NOTIFY");
    assert!(body(&notify).contains("Messages-Waiting: no"));
    phone.respond(&mut world, &notify, "481 No", "", "");
    assert_eq!(SERVER, "192.0.2.1:5060");
}

#[test]
fn an_account_that_is_gone_is_followed_no_more_and_follows_nobody() {
    let mut world = World::new(15);
    let mut alice = watcher("alice", ALICE, "bob");
    subscribe(&mut world, &mut alice, "Event: presence\r\n");
    let mut bob = watcher("bob", BOB, "alice");
    subscribe(&mut world, &mut bob, "Event: dialog\r\n");
    world.notify_account(Account { removed: true, ..account("bob") });
    let to_alice = told(&mut world, &alice);
    assert_eq!(header(&to_alice, Header::SubscriptionState), "terminated;reason=noresource");
    let to_bob = told(&mut world, &bob);
    assert_eq!(header(&to_bob, Header::SubscriptionState), "terminated;reason=rejected");
    world.run_ms(1_000);
    world.call_event(call_to_bob("one", CallPhase::Ringing, LegPhase::Ringing));
    assert!(world.take(alice.address).is_empty());
    world.assert_idle();
}

#[test]
fn calls_are_followed_anew_after_a_gap_and_no_more_when_nobody_wants_to_know() {
    let mut world = World::new(16);
    let mut alice = watcher("alice", ALICE, "bob");
    subscribe(&mut world, &mut alice, "Event: dialog\r\nExpires: 300\r\n");
    world.run_ms(2_000);
    world.call_event(call_to_bob("zero", CallPhase::Ringing, LegPhase::Ringing));
    assert!(body(&told(&mut world, &alice)).contains("leg-zero"));
    world.run_ms(2_000);
    let one_rings = call_to_bob("one", CallPhase::Ringing, LegPhase::Ringing);
    let missed = CallEvent {
        call: one_rings.clone(),
        cause: None,
        at: world.now.wall,
        missed: true,
        pressed: None,
        quality: None,
    };
    world.switch.outbox.notify(Instance(9), Address::local(ModuleKind::Signaling, 0), one(missed));
    world.settle();
    world.answer_listing(vec![one_rings, call_to_bob("two", CallPhase::Talking, LegPhase::Answered)]);
    let mut last = body(&told(&mut world, &alice));
    while !last.contains("leg-two") {
        last = body(&told(&mut world, &alice));
    }
    assert!(last.contains("leg-one"), "{last}");
    assert!(
        last.contains("<dialog id=\"leg-zero\"") && last.contains("terminated"),
        "what is not listed is gone: {last}"
    );
    world.run_ms(400_000);
    world.asked(Command::Unsubscribe);
}

/// RFC 6665 §4.1.2.3, §4.2.2: the end that is asked for and a change cross. There is one NOTIFY at a time, the last one tells the end, and nothing of the subscription is
/// known any more, whatever comes to it.
#[test]
fn a_notify_and_the_end_of_its_subscription_cross() {
    for answer in ["200 OK", "481 Subscription Does Not Exist", "500 Later"] {
        let mut world = World::new(40);
        let mut alice = watcher("alice", ALICE, "alice");
        subscribe(&mut world, &mut alice, "Event: message-summary\r\n");
        world.run_ms(2_000);
        let mut late = alice.clone();
        alice.asks(&mut world, "SUBSCRIBE", "Event: message-summary\r\nExpires: 600\r\n", "");
        told(&mut world, &alice);
        // One that was overtaken.
        late.branches += 50;
        late.asks(&mut world, "SUBSCRIBE", "Event: message-summary\r\nExpires: 0\r\n", "");
        world.expect(alice.address, "SIP/2.0 500");
        world.run_ms(2_000);
        world.set_waiting("alice", 1);
        let changed = world.expect(alice.address, "NOTIFY");
        alice.asks(&mut world, "SUBSCRIBE", "Event: message-summary\r\nExpires: 0\r\n", "");
        world.expect(alice.address, "SIP/2.0 200");
        world.run_ms(400);
        let repeated = world.take(alice.address);
        assert!(repeated.iter().all(|one| one.cseq().unwrap() == changed.cseq().unwrap()), "only repetitions");
        alice.respond(&mut world, &changed, "200 OK", "", "");
        let last = world.expect(alice.address, "NOTIFY");
        assert_eq!(header(&last, Header::SubscriptionState), "terminated;reason=timeout");
        alice.asks(&mut world, "SUBSCRIBE", "Event: message-summary\r\nExpires: 600\r\n", "");
        world.expect(alice.address, "SIP/2.0 481");
        alice.respond(&mut world, &last, answer, "Retry-After: 1\r\n", "");
        world.set_waiting("alice", 2);
        world.run_ms(10_000);
        assert!(world.take(alice.address).is_empty(), "{answer}");
        world.assert_idle();
    }
}

/// What a phone did not take it does not know, and a lamp that it was not told of would be wrong until its next change.
#[test]
fn a_notify_that_is_refused_without_a_word_is_made_once_more() {
    let mut world = World::new(41);
    let mut alice = watcher("alice", ALICE, "alice");
    subscribe(&mut world, &mut alice, "Event: message-summary\r\n");
    world.run_ms(2_000);
    world.set_waiting("alice", 1);
    for _ in 0..2 {
        let refused = world.expect(alice.address, "NOTIFY");
        assert!(body(&refused).contains("Voice-Message: 1/1"), "{}", body(&refused));
        alice.respond(&mut world, &refused, "500 Server Internal Error", "", "");
        world.run_ms(4_000);
        assert!(world.take(alice.address).is_empty());
    }
    world.run_ms(30_000);
    assert!(world.take(alice.address).is_empty(), "who refuses for good is told of changes alone");
    for new in 2..4 {
        world.set_waiting("alice", new);
        assert!(body(&told(&mut world, &alice)).contains(&format!("Voice-Message: {new}/1")));
        world.run_ms(2_000);
    }
}
