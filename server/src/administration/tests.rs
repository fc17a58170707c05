//! The module against modules that answer by hand, in virtual time.

use super::*;
use router::Private;

struct Bench {
    core: Administration,
    router: Router,
    others: Vec<router::Endpoint>,
    now: Now,
}

impl Bench {
    fn new() -> Self {
        let router = Router::new(router::PlatformId(1));
        let others = vec![router.register(ModuleKind::Switch, 0, || {}), router.register(ModuleKind::Store, 0, || {})];
        let address = Address::local(ModuleKind::Server, 0);
        let now = Now::default();
        let core = Administration::new(now, address, router.clone(), Process::default(), &mut Random::from_seed(1));
        Self { core, router, others, now }
    }

    /// Delivers what was sent; returns what module `index` got.
    fn received(&mut self, index: usize) -> Vec<Packet> {
        while let Some(packet) = self.core.outbox().poll_transmit() {
            self.router.send(packet).unwrap();
        }
        std::iter::from_fn(|| self.others[index].receive()).collect()
    }

    fn answer(&mut self, request: &Packet, command: Command, parameters: impl Into<Parameters>) {
        let answer = request.answer(command, parameters);
        if let Some(received) = self.core.outbox().handle_packet(answer) {
            self.core.handle_received(self.now, received);
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.later(time);
        self.core.outbox().handle_timeout(self.now.instant);
        while let Some(received) = self.core.outbox().poll_received() {
            self.core.handle_received(self.now, received);
        }
        self.core.handle_timeout(self.now);
    }

    fn calls(&mut self, request: &Packet, calls: u64) {
        let resource = Resource {
            kind: ResourceKind::Calls,
            name: "calls".into(),
            state: ResourceState::Ready,
            used: calls,
            total: None,
            detail: None,
        };
        let status = Status { module: "switch/0".into(), resources: vec![resource], ..Status::default() };
        self.answer(request, Command::Done, one(status));
    }
}

#[test]
fn a_scrape_tells_who_is_silent() {
    let mut bench = Bench::new();
    assert!(bench.core.handle_scrape(bench.now, 7));
    let request = bench.received(0).remove(0);
    bench.calls(&request, 3);
    assert_eq!(bench.core.poll_output(), None);
    bench.pass(SCRAPE_WITHIN + Duration::from_millis(1));
    let Some(Output::Scraped(7, scrape)) = bench.core.poll_output() else { panic!("no scrape") };
    assert_eq!(scrape.used(ResourceKind::Calls), 3);
    assert_eq!(scrape.silent, [Address::local(ModuleKind::Store, 0)]);
    assert_eq!(scrape.state(), ResourceState::Failed);
    assert_eq!(
        scrape.statuses.iter().map(|status| status.module.as_str()).collect::<Vec<_>>(),
        ["server/0", "switch/0"]
    );
    for ticket in 0..SCRAPES as u64 {
        assert!(bench.core.handle_scrape(bench.now, ticket));
    }
    assert!(!bench.core.handle_scrape(bench.now, 99));
}

#[test]
fn draining_waits_for_calls_up_to_its_bound() {
    let mut bench = Bench::new();
    bench.core.handle_drain(bench.now, Duration::from_secs(60));
    for calls in [2, 1, 0] {
        let request = bench.received(0).remove(0);
        let other = bench.received(1).remove(0);
        bench.calls(&request, calls);
        bench.answer(&other, Command::Done, one(Status::default()));
        if calls > 0 {
            assert_eq!(bench.core.poll_output(), None);
            bench.pass(DRAIN_POLL);
        }
    }
    assert_eq!(bench.core.poll_output(), Some(Output::Drained(0)));

    let mut bench = Bench::new();
    bench.core.handle_drain(bench.now, Duration::from_secs(1));
    let mut drained = None;
    for _ in 0..20 {
        let (requests, others) = (bench.received(0), bench.received(1));
        for request in requests {
            bench.calls(&request, 5);
        }
        for other in others {
            bench.answer(&other, Command::Done, one(Status::default()));
        }
        bench.pass(DRAIN_POLL);
        drained = drained.or(bench.core.poll_output());
    }
    assert_eq!(drained, Some(Output::Drained(5)));
}

#[test]
fn accounts_are_made_only_where_there_is_none() {
    let mut bench = Bench::new();
    bench.core.handle_start(bench.now);
    let query = bench.received(1).remove(0);
    let found = account(bench.now, "carol".into(), AccountCredential::Withheld);
    bench.answer(&query, Command::Done, one(found));
    assert_eq!(bench.core.poll_output(), Some(Output::AccountsThere));

    bench.core.handle_start(bench.now);
    let query = bench.received(1).remove(0);
    bench.answer(&query, Command::Done, one(Selection::default()));
    assert_eq!(bench.core.poll_output(), Some(Output::NoAccounts));
    let first = |name: &str| FirstAccount { name: name.into(), password: Private::new("secret".into()) };
    bench.core.handle_accounts(bench.now, &[first("alice"), first("bob")]);
    let sets = bench.received(1);
    assert_eq!(sets.len(), 2);
    bench.answer(&sets[0], Command::Done, Parameters::new());
    assert_eq!(bench.core.poll_output(), None);
    bench.answer(&sets[1], Command::Done, Parameters::new());
    assert_eq!(bench.core.poll_output(), Some(Output::AccountsMade));
}

#[test]
fn a_reload_is_asked_for_by_packet_and_answered_with_its_report() {
    let mut bench = Bench::new();
    let request = Packet {
        source: Address::local(ModuleKind::Switch, 0),
        destination: Address::any(ModuleKind::Server),
        transaction: router::Transaction(5),
        command: Command::Set,
        parameters: one(Extension { name: CONFIGURATION.into(), bytes: Vec::new() }),
    };
    bench.core.handle_received(bench.now, Received::Packet(request.clone()));
    assert_eq!(bench.core.poll_output(), Some(Output::Reload(request.clone())));
    bench.core.handle_reloaded(Some(&request), Err("line 3".into()));
    let failure = bench.received(0).remove(0).failure();
    assert_eq!((failure.reason, failure.detail.as_deref()), (Reason::Invalid, Some("line 3")));
    bench.core.handle_reloaded(Some(&request), Ok(b"{}".to_vec()));
    let commands: Vec<Command> = bench.received(0).iter().map(|packet| packet.command).collect();
    assert_eq!(
        commands,
        [Command::Notify, Command::Done],
        "a module is told what is in force, and who asked that it is"
    );
    // A signal asks by no packet; what it does is counted all the same.
    bench.core.handle_reloaded(None, Err("line 4".into()));
    bench.core.handle_reloaded(None, Ok(b"{}".to_vec()));
    assert_eq!(bench.received(0).len(), 1);
    let reloads =
        bench.core.status(bench.now.wall).counters.into_iter().find(|counter| counter.name == "configuration_reloads");
    assert_eq!(reloads.map(|counter| counter.value), Some(2));
}

#[test]
fn a_scrape_has_all_platforms_page_by_page_and_waits_for_them() {
    let mut bench = Bench::new();
    bench.others.push(bench.router.register(ModuleKind::Bridge, 0, || {}));
    assert!(bench.core.handle_scrape(bench.now, 1));
    let (switch, store) = (bench.received(0).remove(0), bench.received(1).remove(0));
    bench.calls(&switch, 0);
    bench.answer(&store, Command::Done, one(Status::default()));
    let [status, platforms] = <[Packet; 2]>::try_from(bench.received(2)).unwrap();
    bench.answer(&status, Command::Done, one(Status::default()));
    let page = |number: u32, cursor: Option<&str>| -> Parameters {
        let platform = Platform { id: router::PlatformId(number), ..Platform::default() };
        let selection = Selection { cursor: cursor.map(str::to_owned), ..Selection::default() };
        [Parameter::from(platform), selection.into()].into_iter().collect()
    };
    bench.answer(&platforms, Command::Done, page(1, Some("1")));
    assert_eq!(bench.core.poll_output(), None);
    let more = bench.received(2).remove(0);
    bench.answer(&more, Command::Done, page(2, None));
    let Some(Output::Scraped(1, scrape)) = bench.core.poll_output() else { panic!("no scrape") };
    assert_eq!(scrape.platforms.iter().map(|platform| platform.id.0).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(scrape.silent, []);

    // An interface that answers neither question is silent once.
    assert!(bench.core.handle_scrape(bench.now, 2));
    bench.pass(SCRAPE_WITHIN + Duration::from_millis(1));
    let Some(Output::Scraped(2, scrape)) = bench.core.poll_output() else { panic!("no scrape") };
    assert_eq!(scrape.silent.iter().filter(|address| address.module.kind == ModuleKind::Bridge).count(), 1);
}

#[test]
fn a_certificate_near_its_end_shows_and_does_not_fail_the_server() {
    let end = WallTime::from_secs(100 * 86_400);
    let of = |of| Certificate { of, name: "platform".to_owned(), end };
    let at = |days: i64| certificate(&of(CertificateUse::Link), WallTime::from_secs(days * 86_400));
    let sip = |days: i64| certificate(&of(CertificateUse::Sip), WallTime::from_secs(days * 86_400)).state;
    assert_eq!((sip(86), sip(87)), (ResourceState::Ready, ResourceState::Degraded), "14 days before");
    assert_eq!((at(60).state, at(60).used), (ResourceState::Ready, 40));
    assert_eq!((at(71).state, at(71).used), (ResourceState::Degraded, 29));
    assert_eq!((at(101).state, at(101).used), (ResourceState::Degraded, 0));
    assert!(at(101).detail.unwrap().contains("expired"));
}

#[test]
fn a_platform_is_loaded_when_every_sip_module_says_so() {
    let bindings = |state| Status {
        resources: vec![Resource {
            kind: ResourceKind::Bindings,
            name: "bindings".to_owned(),
            state,
            used: 0,
            total: None,
            detail: None,
        }],
        ..Status::default()
    };
    let (ready, loading) = (bindings(ResourceState::Ready), bindings(ResourceState::Degraded));
    let scrape =
        |statuses: Vec<Status>, silent: Vec<Address>| Scrape { statuses, silent, ..Scrape::default() }.is_loaded();
    assert!(!scrape(Vec::new(), Vec::new()), "nobody has said so");
    assert!(!scrape(vec![ready.clone(), loading], Vec::new()));
    assert!(!scrape(vec![ready.clone()], vec![Address::local(ModuleKind::Signaling, 1)]));
    assert!(scrape(vec![ready.clone(), ready], vec![Address::local(ModuleKind::Voice, 0)]));
}
