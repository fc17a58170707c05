//! A store at a router, driven in virtual time, and the packets that its tests send.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test uses a part; a test may unwrap"
)]

use router::parameter::{
    Account, AccountCredential, Binding, CallRecord, Cause, CauseKind, Contact, LegQuality, Origin, Outcome, Party,
    Selection,
};
use router::service::{drain, turn};
use router::time::{Duration, Now, WallTime};
use router::{
    Address, Command, Endpoint, Instance, ModuleKind, Packet, Parameter, Parameters, PlatformId, Private, Random,
    Router, Transaction,
};
use std::path::Path;
use store::backend::{Opened, Settings, Sqlite};
use store::{Backend, Config, Store};

pub const BEGIN: WallTime = WallTime::from_secs(1_800_000_000);

/// A store and two clients of it: `signaling/0`, who may see credentials, and `control/0`, who may not.
pub struct Platform<B> {
    pub now: Now,
    pub store: Store<B>,
    pub router: Router,
    store_endpoint: Endpoint,
    signaling: Endpoint,
    control: Endpoint,
    transaction: u64,
}

impl<B: Backend> Platform<B> {
    pub fn new(backend: B, config: Config) -> Self {
        let router = Router::new(PlatformId(1));
        let now = Now { wall: BEGIN, ..Now::default() };
        let store_endpoint = router.register(ModuleKind::Store, 0, || {});
        let store = Store::new(backend, store_endpoint.address(), config, now);
        let signaling = router.register(ModuleKind::Signaling, 0, || {});
        let control = router.register(ModuleKind::Control, 0, || {});
        Self { now, store, router, store_endpoint, signaling, control, transaction: 0 }
    }

    pub fn endpoint(&self, kind: ModuleKind) -> &Endpoint {
        if kind == ModuleKind::Signaling { &self.signaling } else { &self.control }
    }

    pub fn send(&mut self, from: ModuleKind, command: Command, parameters: impl Into<Parameters>) -> Transaction {
        self.transaction += 1;
        let transaction = Transaction(self.transaction);
        let packet = Packet {
            source: Address::local(from, 0).at(Instance(9)),
            destination: Address::any(ModuleKind::Store),
            transaction,
            command,
            parameters: parameters.into(),
        };
        self.router.send(packet).unwrap();
        transaction
    }

    /// Lets the store work, `after` later.
    pub fn run(&mut self, after: Duration) {
        self.now = self.now.later(after);
        while turn(&mut self.store, &self.store_endpoint, self.now) {}
        drain(&mut self.store, &self.store_endpoint, self.now);
    }

    pub fn received(&mut self, at: ModuleKind) -> Vec<Packet> {
        let endpoint = self.endpoint(at);
        std::iter::from_fn(|| endpoint.receive()).collect()
    }

    /// Sends, waits as long as a commit may take, and gives the one answer.
    pub fn ask(&mut self, from: ModuleKind, command: Command, parameters: impl Into<Parameters>) -> Packet {
        let transaction = self.send(from, command, parameters);
        self.run(Duration::ZERO);
        self.run(Duration::from_millis(100));
        let mut answers = self.received(from);
        answers.retain(|answer| answer.transaction == transaction);
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers.remove(0)
    }

    /// All records of a selection, page by page.
    pub fn records(&mut self, selection: Selection) -> Vec<CallRecord> {
        let (mut records, mut cursor) = (Vec::new(), None);
        loop {
            let asked = Selection { cursor, ..selection.clone() };
            let answer = self.ask(ModuleKind::Control, Command::Query, list([record("", 0).into(), asked.into()]));
            assert_eq!(answer.command, Command::Done, "{:?}", answer.failure());
            let mut parameters: Vec<_> = answer.parameters.into_iter().collect();
            let Some(Parameter::Selection(rest)) = parameters.pop() else { panic!("no selection") };
            records.extend(parameters.into_iter().map(|parameter| match parameter {
                Parameter::CallRecord(record) => CallRecord::clone(&record),
                other => panic!("{other:?}"),
            }));
            match rest.cursor {
                Some(next) => cursor = Some(next),
                None => return records,
            }
        }
    }
}

pub fn list<const N: usize>(parameters: [Parameter; N]) -> Parameters {
    parameters.into_iter().collect()
}

pub fn open(path: &Path) -> (Sqlite, Opened) {
    let settings = Settings { path: path.to_owned(), realm: "example.org".to_owned(), pages_max: None };
    Sqlite::open(&settings, &mut Random::from_seed(1)).unwrap()
}

pub fn account(name: &str, password: Option<&str>) -> Account {
    Account {
        name: name.to_owned(),
        display_name: None,
        credential: password.map_or(AccountCredential::Withheld, |password| {
            AccountCredential::Password(Private::new(password.to_owned()))
        }),
        enabled: true,
        created: WallTime(0),
        removed: false,
    }
}

pub fn binding(account: &str, uri: &str, expires_s: i64) -> Binding {
    Binding {
        account: account.to_owned(),
        contact: Contact {
            uri: Private::new(uri.to_owned()),
            path: vec![],
            flow: Private::new("udp 127.0.0.1:5060 127.0.0.1:40000".to_owned()),
            q_thousandths: 1000,
            expires: BEGIN + Duration::from_secs(expires_s as u64),
            call_id: "a@b".to_owned(),
            cseq: 1,
            user_agent: None,
            latency_us: None,
            reachable: None,
            apart: None,
            instance: None,
            reg_id: None,
            temporary: None,
            others: None,
        },
        removed: false,
    }
}

/// An open record of a call that began so many milliseconds after the begin.
pub fn record(id: &str, millis: u64) -> CallRecord {
    CallRecord {
        id: id.to_owned(),
        origin: Origin::Account("alice".into()),
        caller: Party::new("alice", "example.org"),
        called: Party::new("100", "example.org"),
        destination: None,
        started: BEGIN + Duration::from_millis(millis),
        ringing: None,
        answered: None,
        ended: None,
        outcome: Outcome::Open,
        cause: None,
        ended_by_caller: None,
        caller_quality: LegQuality::default(),
        callee_quality: LegQuality::default(),
        transferred_from: None,
        transferred_to: None,
        transferred_as: None,
        joined_from: None,
        verdict: None,
    }
}

/// The same call's complete record.
pub fn complete(record: &CallRecord) -> CallRecord {
    let quality = LegQuality { codec: Some("PCMA".into()), packets_received: 1500, ..LegQuality::default() };
    CallRecord {
        destination: Some("bob".into()),
        answered: Some(record.started + Duration::from_secs(3)),
        ended: Some(record.started + Duration::from_secs(33)),
        outcome: Outcome::Answered,
        cause: Some(Cause::new(CauseKind::Normal)),
        ended_by_caller: Some(true),
        caller_quality: quality.clone(),
        callee_quality: quality,
        ..record.clone()
    }
}
