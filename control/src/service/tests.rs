//! The module against modules that answer by hand, in virtual time.

use super::*;
use crate::limits::{IDLE, LOGIN_WITHIN, MAKE_WITHIN, REQUESTS_PER_SESSION, RESUBSCRIBE, STALL, SWEEP};
use crate::session::Access;
use router::parameter::{
    Account, AccountCredential, CallEvent, Cause, CauseKind, Failure, KeyForm, LegPhase, LegSummary, Party, Pressed,
    Reason, RegistrationEvent, Selection, TrunkStatus,
};
use router::time::Duration;
use router::{ModuleKind, Packet, Parameters};
use serde_json::{Value, json};

/// The module with its client, and the packets it sent.
struct Bench {
    control: Control,
    now: Now,
}

const CLIENT: SessionId = SessionId(1);

fn module(kind: ModuleKind, index: u8) -> Address {
    Address::local(kind, index)
}

/// Modules in their first life.
fn alive(modules: impl IntoIterator<Item = Address>) -> Vec<(Address, Life)> {
    modules.into_iter().map(|address| (address, Life(1))).collect()
}

impl Bench {
    fn new() -> Self {
        let now = Now { instant: Instant::ZERO, wall: WallTime::from_secs(1_700_000_000) };
        let config = Config { token: Some(Private::new("open sesame".to_owned())) };
        let mut control = Control::new(now, module(ModuleKind::Control, 0), config, Random::from_seed(1));
        let modules = [
            module(ModuleKind::Signaling, 0),
            module(ModuleKind::Signaling, 1),
            module(ModuleKind::Switch, 0),
            module(ModuleKind::Switch, 1),
            module(ModuleKind::Store, 0),
        ];
        control.handle_modules(now, alive(modules));
        Self { control, now }
    }

    fn local() -> Self {
        let mut bench = Self::new();
        bench.control.handle_open(bench.now, CLIENT, Access::Local).unwrap();
        bench
    }

    fn line(&mut self, line: &str) {
        self.control.handle_line(self.now, CLIENT, line);
    }

    /// What was written to the client, all of it acknowledged.
    fn told(&mut self) -> Vec<Value> {
        let mut told = Vec::new();
        while let Some(output) = self.control.poll_output() {
            match output {
                Output::Write(id, line) => {
                    self.control.handle_written(self.now, id);
                    told.push(serde_json::from_str(&line).unwrap());
                }
                Output::Close(id) => told.push(json!({ "closed": id.0 })),
            }
        }
        told
    }

    fn sent(&mut self) -> Vec<Packet> {
        std::iter::from_fn(|| self.control.outbox().poll_transmit()).collect()
    }

    fn receive(&mut self, packet: Packet) {
        if let Some(received) = self.control.outbox().handle_packet(packet) {
            self.control.handle_received(self.now, received);
        }
    }

    fn answer(&mut self, request: &Packet, command: Command, parameters: impl Into<Parameters>) {
        let answer = request.answer(command, parameters);
        self.receive(answer);
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.later(time);
        let now = self.now;
        self.control.outbox().handle_timeout(now.instant);
        while let Some(received) = self.control.outbox().poll_received() {
            self.control.handle_received(now, received);
        }
        self.control.handle_timeout(now);
    }
}

fn call(id: &str, phase: CallPhase) -> router::parameter::CallSummary {
    router::parameter::CallSummary {
        id: id.to_owned(),
        caller: Party::new("alice", "example.org"),
        called: Party::new("bob", "example.org"),
        phase,
        started: WallTime::from_secs(1_700_000_000),
        answered: None,
        legs: vec![LegSummary {
            leg_id: "leg".to_owned(),
            peer: "alice".to_owned(),
            phase: LegPhase::Answered,
            incoming: true,
            platform: None,
            behalf: None,
            tags: None,
            suite: None,
            quality: None,
        }],
        codec: Some("PCMU".to_owned()),
        origin: Some(router::parameter::Origin::Account("alice".into())),
        anonymous: false,
        verdict: None,
    }
}

fn event(id: &str, phase: CallPhase, missed: bool) -> Parameters {
    let cause = (phase == CallPhase::Ended).then(|| Cause::new(CauseKind::Normal));
    one(CallEvent {
        call: call(id, phase),
        cause,
        at: WallTime::from_secs(1_700_000_001),
        missed,
        pressed: None,
        quality: None,
    })
}

fn notify(parameters: Parameters) -> Packet {
    Packet {
        source: module(ModuleKind::Switch, 0),
        destination: module(ModuleKind::Control, 0),
        transaction: router::Transaction::NONE,
        command: Command::Notify,
        parameters,
    }
}

#[test]
fn a_listing_walks_from_module_to_module_and_its_cursor_goes_on_there() {
    let mut bench = Bench::local();
    bench.line(r#"{"topic":"calls","message":"list","request-id":1,"body":{"limit":2}}"#);
    let sent = bench.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].destination, module(ModuleKind::Switch, 0));
    bench.answer(&sent[0], Command::Done, one(call("a", CallPhase::Talking)));
    let sent = bench.sent();
    assert_eq!(sent[0].destination, module(ModuleKind::Switch, 1));
    let Some(Parameter::Selection(selection)) = sent[0].parameters.last() else { panic!("no selection") };
    assert_eq!(selection.limit, Some(1), "what is left of the page");
    let more = Selection { cursor: Some("x7".to_owned()), ..Selection::default() };
    let page: Parameters = [call("b", CallPhase::Held).into(), more.into()].into_iter().collect();
    bench.answer(&sent[0], Command::Done, page);
    let told = bench.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["status"], "ok");
    assert_eq!(told[0]["request-id"], 1);
    let cursor = told[0]["body"]["cursor"].as_str().unwrap();
    assert_eq!(cursor, "1.x7");
    assert_eq!(told[0]["body"]["calls"][1]["state"], "held");
    bench.line(&json!({"topic":"calls","message":"list","body":{"cursor":cursor}}).to_string());
    let sent = bench.sent();
    assert_eq!(sent[0].destination, module(ModuleKind::Switch, 1));
    let Some(Parameter::Selection(selection)) = sent[0].parameters.last() else { panic!("no selection") };
    assert_eq!(selection.cursor.as_deref(), Some("x7"));
}

#[test]
fn a_call_that_one_switch_has_is_found_whatever_the_others_say() {
    let mut bench = Bench::local();
    bench.line(r#"{"topic":"calls","message":"get","body":{"call":"a"}}"#);
    let sent = bench.sent();
    assert_eq!(sent.len(), 2);
    bench.answer(&sent[0], Command::Failed, one(Failure::new(Reason::NotFound)));
    assert!(bench.told().is_empty());
    bench.answer(&sent[1], Command::Done, one(call("a", CallPhase::Ringing)));
    let told = bench.told();
    assert_eq!(told[0]["body"]["call"]["call"], "a");
    assert_eq!(told[0]["body"]["call"]["actions"], json!(["hangup"]));
    bench.line(r#"{"topic":"calls","message":"hangup","body":{"call":"b"}}"#);
    for packet in bench.sent() {
        bench.answer(&packet, Command::Failed, one(Failure::new(Reason::NotFound)));
    }
    assert_eq!(bench.told()[0]["error"]["code"], "not-found");
}

#[test]
fn a_party_is_sent_on_by_a_number_or_to_another_call() {
    let mut bench = Bench::local();
    for (body, second) in [(r#"{"call":"a","to":"carol","by":"bob"}"#, None), (r#"{"call":"a","with":"b"}"#, Some("b"))]
    {
        bench.line(&format!(r#"{{"topic":"calls","message":"transfer","request-id":"t","body":{body}}}"#));
        let told = bench.told();
        assert_eq!(told[0]["status"], "in-progress");
        let sent = bench.sent();
        assert_eq!(sent.len(), 2, "each switch: one of them has the call");
        let [Parameter::Transfer(transfer), Parameter::Selection(named), rest @ ..] = &sent[0].parameters[..] else {
            panic!("{:?}", sent[0])
        };
        assert_eq!((sent[0].command, named.name.as_deref()), (Command::Start, Some("a")));
        match rest {
            [] => assert_eq!((transfer.target.user(), named.party.as_deref()), ("carol", Some("bob"))),
            [Parameter::Selection(other)] => assert_eq!((transfer.target.user(), other.name.as_deref()), ("", second)),
            _ => panic!("{rest:?}"),
        }
        bench.answer(&sent[0], Command::Failed, one(Failure::new(Reason::NotFound)));
        bench.answer(&sent[1], Command::Progress, one((**transfer).clone()));
        bench.answer(&sent[1], Command::Done, one((**transfer).clone()));
        let told = bench.told();
        assert_eq!((told.len(), &told[0]["body"]), (1, &json!({})));
    }
    for body in [r#"{"call":"a"}"#, r#"{"call":"a","to":"x","with":"b"}"#] {
        bench.line(&format!(r#"{{"topic":"calls","message":"transfer","body":{body}}}"#));
        assert_eq!(bench.told()[0]["error"]["code"], "invalid");
    }
    bench.line(r#"{"topic":"calls","message":"transfer","body":{"call":"a","to":"x"}}"#);
    for packet in bench.sent() {
        bench.answer(&packet, Command::Failed, one(Failure::new(Reason::NotFound)));
    }
    assert_eq!(bench.told()[1]["error"]["code"], "not-found");
}

#[test]
fn a_call_is_made_in_progress_first_and_completed_under_the_same_identifier() {
    let mut bench = Bench::local();
    bench.line(r#"{"topic":"calls","message":"make","request-id":"m","body":{"from":"alice","to":"bob"}}"#);
    let told = bench.told();
    assert_eq!((&told[0]["kind"], &told[0]["status"]), (&json!("reply"), &json!("in-progress")));
    let sent = bench.sent();
    assert_ne!(sent[0].destination.instance, Instance::MODULE, "the requester names the call");
    bench.answer(&sent[0], Command::Progress, one(call("a", CallPhase::Ringing)));
    bench.answer(&sent[0], Command::Done, one(call("a", CallPhase::Talking)));
    let told = bench.told();
    assert_eq!((&told[0]["kind"], &told[0]["body"]["call"]["state"]), (&json!("progress"), &json!("ringing")));
    assert_eq!((&told[1]["kind"], &told[1]["status"]), (&json!("completion"), &json!("ok")));
    assert!(told.iter().all(|line| line["request-id"] == "m"));
}

#[test]
fn a_refused_call_tells_its_cause() {
    let mut bench = Bench::local();
    bench.line(r#"{"topic":"calls","message":"make","body":{"from":"alice","to":"bob"}}"#);
    let sent = bench.sent();
    bench.answer(&sent[0], Command::Failed, one(Failure::because(CauseKind::Busy.into())));
    let told = bench.told();
    assert_eq!(told[1]["error"]["code"], "peer");
    assert_eq!(told[1]["error"]["cause"]["kind"], "busy");
}

#[test]
fn a_module_that_never_answers_is_a_timeout() {
    let mut bench = Bench::local();
    bench.line(r#"{"topic":"calls","message":"make","body":{"from":"alice","to":"bob"}}"#);
    bench.told();
    bench.pass(MAKE_WITHIN + Duration::from_millis(2));
    assert_eq!(bench.told()[0]["error"]["code"], "timeout");
    assert!(bench.control.asked.is_empty());
}

#[test]
fn call_events_reach_who_follows_and_are_named_by_the_change() {
    let mut bench = Bench::local();
    bench.line(r#"{"topic":"calls","message":"subscribe","body":{"party":"bob"}}"#);
    let subscriptions = bench.sent();
    assert_eq!(subscriptions.len(), 2, "one per switch");
    assert!(subscriptions.iter().all(|packet| packet.command == Command::Subscribe));
    for packet in &subscriptions {
        bench.answer(packet, Command::Done, Parameters::new());
    }
    bench.told();
    for phase in [CallPhase::Routing, CallPhase::Ringing, CallPhase::Talking, CallPhase::Held, CallPhase::Talking] {
        bench.receive(notify(event("a", phase, false)));
    }
    bench.receive(notify(event("a", CallPhase::Ended, true)));
    let told = bench.told();
    let names: Vec<_> = told.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert_eq!(names, ["started", "ringing", "answered", "held", "retrieved", "ended"]);
    assert_eq!(told[5]["body"]["cause"]["kind"], "normal");
    assert_eq!(told[5]["body"]["actions"], json!([]));
    assert_eq!(told[5]["missed"], 1, "the switch says that something was lost");
    assert!(told[4].get("missed").is_none());
    bench.line(r#"{"topic":"calls","message":"unsubscribe"}"#);
    assert!(bench.sent().iter().all(|packet| packet.command == Command::Unsubscribe));
    bench.told();
    bench.receive(notify(event("b", CallPhase::Routing, false)));
    assert!(bench.told().is_empty());
}

#[test]
fn a_key_is_an_event_of_its_own() {
    let mut bench = Bench::local();
    bench.line(r#"{"topic":"calls","message":"subscribe"}"#);
    for packet in bench.sent() {
        bench.answer(&packet, Command::Done, Parameters::new());
    }
    bench.told();
    let pressed = Pressed { key: "5".to_owned().into(), duration_ms: 120, by_caller: false, form: KeyForm::Tones };
    let (call, at) = (call("a", CallPhase::Talking), WallTime::from_secs(1_700_000_001));
    let pressed = CallEvent { call, cause: None, at, missed: false, pressed: Some(Box::new(pressed)), quality: None };
    bench.receive(notify(one(pressed)));
    let told = bench.told();
    assert_eq!((told.len(), &told[0]["message"]), (1, &json!("key")));
    let body = &told[0]["body"];
    let said = [&body["key"], &body["by"], &body["form"], &body["duration-ms"]];
    assert_eq!(said, [&json!("5"), &json!("called"), &json!("inband"), &json!(120)]);
}

#[test]
fn a_refused_subscription_is_tried_again_and_the_gap_is_told() {
    let mut bench = Bench::local();
    bench.line(r#"{"topic":"registrations","message":"subscribe"}"#);
    bench.told();
    let sent = bench.sent();
    bench.answer(&sent[0], Command::Failed, one(Failure::new(Reason::Exhausted)));
    bench.answer(&sent[1], Command::Done, Parameters::new());
    bench.pass(RESUBSCRIBE + SWEEP);
    let again = bench.sent();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].destination, sent[0].destination);
    bench.answer(&again[0], Command::Done, Parameters::new());
    let registration = router::parameter::Registration { account: "alice".into(), contacts: Vec::new() };
    bench.receive(notify(one(RegistrationEvent { registration, at: WallTime(0), missed: false, moved: None })));
    let told = bench.told();
    assert_eq!(told[0]["message"], "unregistered");
    assert_eq!(told[0]["missed"], 1);
}

#[test]
fn strangers_log_in_first_and_only_with_the_token() {
    let mut bench = Bench::new();
    bench.control.handle_open(bench.now, CLIENT, Access::Remote).unwrap();
    bench.line(r#"{"topic":"calls","message":"list"}"#);
    assert_eq!(bench.told()[0]["error"]["code"], "login-required");
    bench.line(r#"{"topic":"session","message":"login","body":{"token":"open sesame"}}"#);
    assert_eq!(bench.told()[0]["status"], "ok");
    bench.line(r#"{"topic":"calls","message":"list"}"#);
    assert_eq!(bench.sent().len(), 1);

    let mut bench = Bench::new();
    bench.control.handle_open(bench.now, CLIENT, Access::Remote).unwrap();
    bench.line(r#"{"topic":"session","message":"login","body":{"token":"open sesamf"}}"#);
    let told = bench.told();
    assert_eq!(told[0]["error"]["code"], "refused");
    assert_eq!(told[1]["closed"], 1);
}

#[test]
fn a_wrong_token_is_told_to_who_is_logged_in_already() {
    let wrong = r#"{"topic":"session","message":"login","body":{"token":"open sesamf"}}"#;
    let right = r#"{"topic":"session","message":"login","body":{"token":"open sesame"}}"#;
    let mut remote = Bench::new();
    remote.control.handle_open(remote.now, CLIENT, Access::Remote).unwrap();
    remote.line(right);
    assert_eq!(remote.told()[0]["status"], "ok");
    for mut bench in [remote, Bench::local()] {
        bench.line(wrong);
        assert_eq!(bench.told()[0]["error"]["code"], "refused");
        bench.line(right);
        assert_eq!(bench.told()[0]["status"], "ok", "its session goes on");
        bench.line(r#"{"topic":"calls","message":"list"}"#);
        assert_eq!(bench.sent().len(), 1);
    }
}

#[test]
fn who_does_not_log_in_and_who_is_idle_is_closed() {
    let mut bench = Bench::new();
    bench.control.handle_open(bench.now, CLIENT, Access::Remote).unwrap();
    bench.pass(LOGIN_WITHIN);
    assert_eq!(bench.told()[0]["error"]["code"], "login-required");
    let mut bench = Bench::local();
    bench.pass(IDLE);
    let told = bench.told();
    assert_eq!((&told[0]["message"], &told[1]["closed"]), (&json!("closing"), &json!(1)));
    let mut bench = Bench::local();
    bench.line(r#"{"topic":"calls","message":"subscribe"}"#);
    bench.told();
    bench.pass(IDLE);
    assert!(bench.told().is_empty(), "who follows is not idle");
}

#[test]
fn who_does_not_read_is_closed() {
    let mut bench = Bench::local();
    bench.line(r#"{"topic":"session","message":"ping"}"#);
    assert!(matches!(bench.control.poll_output(), Some(Output::Write(..))));
    bench.pass(STALL);
    assert_eq!(bench.control.poll_output(), Some(Output::Close(CLIENT)));
    assert_eq!(bench.control.sessions(), 0);
}

#[test]
fn sessions_and_requests_are_bounded() {
    let mut bench = Bench::local();
    for _ in 0..=REQUESTS_PER_SESSION {
        bench.line(r#"{"topic":"trunks","message":"list"}"#);
    }
    let told = bench.told();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["error"]["code"], "busy");
    for id in 2..=SESSIONS as u64 {
        bench.control.handle_open(bench.now, SessionId(id), Access::Local).unwrap();
    }
    let mut turned_away = |after: Duration| {
        let now = Now { instant: bench.now.instant + after, ..bench.now };
        bench.control.handle_open(now, SessionId(9_999), Access::Local).unwrap_err()
    };
    let first = turned_away(Duration::ZERO);
    let line: Value = serde_json::from_str(&first.line).unwrap();
    assert_eq!((&line["message"], &line["error"]["code"]), (&json!("closing"), &json!("busy")));
    assert_eq!(first.log, Some(1));
    assert_eq!(turned_away(Duration::from_secs(1)).log, None);
    assert_eq!(
        turned_away(Duration::from_secs(10)).log,
        Some(2),
        "a line of the log stands for those since the last one"
    );
}

#[test]
fn a_client_that_ends_its_input_still_gets_its_answers() {
    let mut bench = Bench::local();
    bench.line(r#"{"topic":"trunks","message":"list"}"#);
    bench.control.handle_end(bench.now, CLIENT);
    assert!(bench.told().is_empty());
    for packet in bench.sent() {
        bench.answer(&packet, Command::Done, Parameters::new());
    }
    let told = bench.told();
    assert_eq!(told[0]["body"]["trunks"], json!([]));
    assert_eq!(told[1]["closed"], 1);
}

#[test]
fn a_trunk_that_does_not_respond_is_told_with_its_state() {
    let mut bench = Bench::local();
    bench.line(r#"{"topic":"trunks","message":"list"}"#);
    let trunk = |name: &str| TrunkStatus { name: name.to_owned(), ..TrunkStatus::default() };
    for packet in bench.sent() {
        let trunks: Parameters = ["a", "b", "c"].into_iter().map(|name| trunk(name).into()).collect();
        bench.answer(&packet, Command::Done, trunks);
    }
    assert!(bench.told().is_empty(), "the switch is asked too");
    for packet in bench.sent() {
        let silent = TrunkStatus { silent: Some(1), ..trunk("b") };
        let passed_over = TrunkStatus { silent: Some(3), passed_over_s: Some(20), ..trunk("c") };
        let told: Parameters = [silent.into(), passed_over.into(), trunk("gone").into()].into_iter().collect();
        bench.answer(&packet, Command::Done, told);
    }
    let told = bench.told();
    let trunks = told[0]["body"]["trunks"].as_array().unwrap();
    let states: Vec<_> =
        trunks.iter().map(|trunk| (&trunk["state"], &trunk["silent"], &trunk["passed-over-s"])).collect();
    let expected = [json!(["in-use", 0, null]), json!(["silent", 1, null]), json!(["passed-over", 3, 20])];
    let expected: Vec<_> = expected.iter().map(|one| (&one[0], &one[1], &one[2])).collect();
    assert_eq!(states, expected);
}

#[test]
fn an_account_is_added_only_where_there_is_none() {
    let account = |name: &str| Account {
        name: name.to_owned(),
        display_name: Some(Private::new("Alice".to_owned())),
        credential: AccountCredential::Withheld,
        enabled: true,
        created: WallTime(7),
        removed: false,
    };
    let mut bench = Bench::local();
    bench.line(r#"{"topic":"accounts","message":"add","body":{"name":"alice"}}"#);
    let query = bench.sent().remove(0);
    bench.answer(&query, Command::Failed, one(Failure::new(Reason::NotFound)));
    let set = bench.sent().remove(0);
    assert_eq!(set.command, Command::Set);
    let Some(Parameter::Account(written)) = set.first() else { panic!("no account") };
    let AccountCredential::Password(password) = &written.credential else { panic!("no password") };
    let password = password.reveal().clone();
    bench.answer(&set, Command::Done, Parameters::new());
    assert_eq!(bench.told()[0]["body"]["password"], password);

    bench.line(r#"{"topic":"accounts","message":"add","body":{"name":"alice"}}"#);
    let query = bench.sent().remove(0);
    bench.answer(&query, Command::Done, one(account("alice")));
    assert_eq!(bench.told()[0]["error"]["code"], "exists");

    bench.line(r#"{"topic":"accounts","message":"disable","body":{"name":"alice"}}"#);
    let query = bench.sent().remove(0);
    bench.answer(&query, Command::Done, one(account("alice")));
    let set = bench.sent().remove(0);
    let Some(Parameter::Account(written)) = set.first() else { panic!("no account") };
    assert_eq!(**written, Account { enabled: false, ..account("alice") }, "the rest stays, the credential too");
}

#[test]
fn the_status_of_a_platform_names_who_is_silent() {
    let mut bench = Bench::local();
    bench.line(r#"{"topic":"system","message":"status"}"#);
    let sent = bench.sent();
    assert_eq!(sent.len(), 5);
    for packet in &sent[1..] {
        let status = Status { module: packet.destination.module.to_string(), ..Status::default() };
        bench.answer(packet, Command::Done, one(status));
    }
    assert!(bench.told().is_empty());
    bench.pass(Duration::from_secs(6));
    let told = bench.told();
    assert_eq!(told[0]["body"]["state"], "failed");
    assert_eq!(told[0]["body"]["silent"][0], json!({ "module": "signaling/0", "error": "timeout" }));
    assert_eq!(told[0]["body"]["modules"].as_array().unwrap().len(), 4);
}

#[test]
fn what_the_module_does_not_serve_is_told_so() {
    let mut bench = Bench::new();
    let request = Packet {
        command: Command::Open,
        transaction: router::Transaction(3),
        ..notify(event("a", CallPhase::Held, false))
    };
    bench.receive(request);
    let sent = bench.sent();
    assert_eq!(sent[0].failure().reason, Reason::Unsupported);
}

proptest::proptest! {
    /// Whatever a client sends, in whatever order its connection reports, the module keeps its bounds.
    #[test]
    fn no_sequence_of_inputs_panics(inputs in proptest::collection::vec((0u8..8, 0usize..12), 0..60)) {
        let lines = [
            r#"{"topic":"calls","message":"list"}"#, r#"{"topic":"calls","message":"subscribe"}"#, "{",
            r#"{"topic":"calls","message":"make","body":{"from":"a","to":"b"}}"#,
            r#"{"topic":"session","message":"logout"}"#, r#"{"topic":"records","message":"search"}"#,
            r#"{"topic":"accounts","message":"enable","body":{"name":"a"}}"#,
            r#"{"topic":"system","message":"reload"}"#, r#"{"topic":"trace","message":"get"}"#,
            r#"{"topic":"session","message":"login","body":{"token":"open sesame"}}"#,
            r#"{"topic":"calls","message":"list","body":{"cursor":"9.x"}}"#, r#"{"topic":"nothing","message":""}"#,
        ];
        let mut bench = Bench::new();
        let mut sent = Vec::new();
        for (verb, choice) in inputs {
            let id = SessionId(choice as u64 % 3);
            match verb {
                0 => { bench.control.handle_close(bench.now, id); let _ = bench.control.handle_open(bench.now, id, Access::Local); }
                1 => { bench.control.handle_close(bench.now, id); let _ = bench.control.handle_open(bench.now, id, Access::Remote); }
                2 | 3 => bench.control.handle_line(bench.now, id, lines[choice]),
                4 => bench.control.handle_end(bench.now, id),
                5 => bench.pass(Duration::from_secs(choice as u64)),
                6 => bench.receive(notify(event("a", CallPhase::Talking, choice == 0))),
                _ => if let Some(packet) = sent.pop() {
                    let command = if choice % 2 == 0 { Command::Done } else { Command::Failed };
                    bench.answer(&packet, command, Parameters::new());
                },
            }
            sent.extend(bench.sent());
            bench.told();
        }
        bench.pass(MAKE_WITHIN * 2);
        bench.told();
        proptest::prop_assert!(bench.control.asked.is_empty());
    }
}

#[test]
fn platforms_are_listed_and_followed() {
    use router::PlatformId;
    use router::parameter::{Platform, PlatformState};
    let other =
        Platform { id: PlatformId(2), name: "b".to_owned(), state: PlatformState::Linked, ..Platform::default() };
    let mut bench = Bench::local();
    bench.control.handle_modules(bench.now, alive([module(ModuleKind::Bridge, 0)]));
    bench.line(r#"{"topic":"platforms","message":"list","request-id":1}"#);
    let sent = bench.sent();
    assert_eq!((sent[0].destination, sent[0].command), (module(ModuleKind::Bridge, 0), Command::Query));
    bench.answer(&sent[0], Command::Done, one(other.clone()));
    let told = bench.told();
    assert_eq!(told[0]["body"]["platforms"][0]["name"], "b");
    bench.line(r#"{"topic":"platforms","message":"subscribe","request-id":2}"#);
    let sent = bench.sent();
    assert_eq!((sent.len(), sent[0].command), (1, Command::Subscribe));
    bench.answer(&sent[0], Command::Done, Parameters::new());
    bench.told();
    let gone = Platform { state: PlatformState::Down, missed: true, ..other };
    bench.receive(Packet { source: module(ModuleKind::Bridge, 0), ..notify(one(gone)) });
    let told = bench.told();
    assert_eq!((&told[0]["topic"], &told[0]["message"]), (&json!("platforms"), &json!("down")));
    assert_eq!((&told[0]["body"]["platform"], &told[0]["missed"]), (&json!(2), &json!(1)));
    bench.line(r#"{"topic":"platforms","message":"unsubscribe"}"#);
    assert_eq!(bench.sent()[0].command, Command::Unsubscribe);
}

#[test]
fn a_platform_is_forgotten_by_its_number_or_its_name() {
    use router::PlatformId;
    use router::parameter::Platform;
    for (asked, platform) in [
        ("1007", Platform { id: PlatformId(1_007), ..Platform::default() }),
        ("west", Platform { name: "west".to_owned(), ..Platform::default() }),
    ] {
        let mut bench = Bench::local();
        bench.control.handle_modules(bench.now, alive([module(ModuleKind::Bridge, 0)]));
        for (answer, told) in [
            (None, ("body", json!({}))),
            (Some(Failure::new(Reason::Invalid).with_detail("it is linked")), ("error", json!("it is linked"))),
            (Some(Failure::new(Reason::NotFound)), ("error", json!("there is no platform of that number, or name"))),
        ] {
            bench
                .line(&json!({ "topic": "platforms", "message": "forget", "body": { "platform": asked } }).to_string());
            let sent = bench.sent();
            assert_eq!((sent[0].destination, sent[0].command), (module(ModuleKind::Bridge, 0), Command::Close));
            assert_eq!(sent[0].parameters, one(platform.clone()));
            match answer {
                None => bench.answer(&sent[0], Command::Done, Parameters::new()),
                Some(failure) => bench.answer(&sent[0], Command::Failed, one(failure)),
            }
            let reply = bench.told().remove(0);
            let said = if told.0 == "body" { &reply["body"] } else { &reply["error"]["text"] };
            assert_eq!(*said, told.1, "{reply}");
        }
    }
}

#[test]
fn a_trace_of_no_call_is_an_error_and_one_of_all_is_not() {
    for (line, code) in [
        (r#"{"topic":"trace","message":"get","body":{"call":"zzz"}}"#, json!("not-found")),
        (r#"{"topic":"trace","message":"get","body":{"call":""}}"#, json!("invalid")),
        (r#"{"topic":"trace","message":"get"}"#, Value::Null),
    ] {
        let mut bench = Bench::local();
        bench.line(line);
        for packet in bench.sent() {
            bench.answer(&packet, Command::Done, Parameters::new());
        }
        assert_eq!(bench.told()[0]["error"]["code"], code, "{line}");
    }
}

#[test]
fn who_was_started_anew_is_followed_again_and_the_gap_is_told() {
    for (topic, publisher) in [
        ("calls", module(ModuleKind::Switch, 1)),
        ("registrations", module(ModuleKind::Signaling, 1)),
        ("platforms", module(ModuleKind::Bridge, 0)),
    ] {
        let mut bench = Bench::local();
        let mut modules = bench.control.modules.clone();
        modules.push((module(ModuleKind::Bridge, 0), Life(1)));
        bench.control.handle_modules(bench.now, modules.clone());
        bench.line(&json!({ "topic": topic, "message": "subscribe" }).to_string());
        for packet in bench.sent() {
            bench.answer(&packet, Command::Done, Parameters::new());
        }
        bench.told();
        // What it was asked in its former life comes to nothing.
        for (address, life) in &mut modules {
            if *address == publisher {
                *life = Life(7);
            }
        }
        bench.control.handle_modules(bench.now, modules.clone());
        let again = bench.sent();
        assert_eq!(again.len(), 1, "{topic}: the others know of it still");
        assert_eq!((again[0].destination, again[0].command), (publisher, Command::Subscribe));
        bench.answer(&again[0], Command::Done, Parameters::new());
        let news = match topic {
            "calls" => event("a", CallPhase::Routing, false),
            "registrations" => {
                let registration = router::parameter::Registration { account: "alice".into(), contacts: Vec::new() };
                one(RegistrationEvent { registration, at: WallTime(0), missed: false, moved: None })
            }
            _ => one(router::parameter::Platform::default()),
        };
        bench.receive(Packet { source: publisher, ..notify(news.clone()) });
        bench.receive(Packet { source: publisher, ..notify(news) });
        let told = bench.told();
        assert_eq!(told[0]["missed"], 1, "{topic}: {}", told[0]);
        assert!(told[1].get("missed").is_none(), "{topic}: {}", told[1]);

        // It leaves, and comes back: nothing is asked of who is not there.
        modules.retain(|(address, _)| *address != publisher);
        bench.control.handle_modules(bench.now, modules.clone());
        assert!(bench.sent().is_empty());
        modules.push((publisher, Life(9)));
        bench.control.handle_modules(bench.now, modules);
        assert_eq!(bench.sent().len(), 1, "{topic}");
    }
}
