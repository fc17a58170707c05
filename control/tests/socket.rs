//! The protocol over real sockets, with modules that answer by themselves.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use control::limits::SESSIONS;
use control::listener::{Listener, Waker, serve};
use control::{Config, Control};
use router::parameter::{
    CallEvent, CallPhase, CallSummary, Cause, CauseKind, LegPhase, LegSummary, Parameter, Party, Selection, Status,
    TrunkStatus,
};
use router::time::{Instant, Now, WallTime};
use router::{
    Address, Command, Endpoint, ModuleKind, Outbox, Packet, Parameters, PlatformId, Private, Random, Received, Router,
    Service, one,
};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, Lines, ReadHalf, WriteHalf};
use tokio::sync::oneshot;

/// A switch that has one call, and a signaling module that has one trunk.
struct Fake {
    outbox: Outbox,
}

fn call(phase: CallPhase) -> CallSummary {
    CallSummary {
        id: "c1".to_owned(),
        caller: Party::new("alice", "example.org"),
        called: Party::new("bob", "example.org"),
        phase,
        started: WallTime::from_secs(1_700_000_000),
        answered: None,
        legs: vec![LegSummary {
            leg_id: "l1".to_owned(),
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

impl Fake {
    fn answer(&mut self, request: &Packet) {
        match (request.command, request.first()) {
            (Command::Query, Some(Parameter::Status(_))) => {
                let module = self.outbox.address().module.to_string();
                self.outbox.done(request, one(Status { module, ..Status::default() }));
            }
            (Command::Query, Some(Parameter::CallSummary(_))) => {
                let page: Parameters =
                    [call(CallPhase::Talking).into(), Selection::default().into()].into_iter().collect();
                self.outbox.done(request, page);
            }
            (Command::Query, Some(Parameter::TrunkStatus(_))) => {
                let name = "carrier".to_owned();
                self.outbox.done(request, one(TrunkStatus { name, offered: 3, ..TrunkStatus::default() }));
            }
            (Command::Start, Some(Parameter::Originate(_))) => {
                let progress = request.answer(Command::Progress, one(call(CallPhase::Ringing)));
                self.outbox.answer(progress);
                self.outbox.done(request, one(call(CallPhase::Talking)));
            }
            (Command::Subscribe, Some(Parameter::CallEvent(_))) => {
                self.outbox.done(request, Parameters::new());
                for (phase, cause) in [(CallPhase::Ringing, None), (CallPhase::Ended, Some(CauseKind::Busy))] {
                    let event = CallEvent {
                        call: call(phase),
                        cause: cause.map(Cause::new),
                        at: WallTime(0),
                        missed: false,
                        pressed: None,
                        quality: None,
                    };
                    self.outbox.notify(router::Instance::MODULE, request.source, one(event));
                }
            }
            _ => self.outbox.unsupported(request),
        }
    }
}

impl Service for Fake {
    fn handle_received(&mut self, _now: Now, received: Received) {
        if let Received::Packet(packet) = received {
            self.answer(&packet);
        }
    }

    fn handle_timeout(&mut self, _now: Now) {}

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}

/// Runs a fake module as long as the test.
fn spawn_fake(router: &Router, kind: ModuleKind) {
    let waker = Waker::default();
    let endpoint = router.register(kind, 0, waker.clone());
    let mut fake = Fake { outbox: Outbox::new(endpoint.address()) };
    let woken = waker.clone();
    tokio::spawn(async move {
        loop {
            let more = router::service::turn(&mut fake, &endpoint, Now::default());
            if more || !endpoint.may_sleep() {
                tokio::task::yield_now().await;
                continue;
            }
            woken.wait().await;
            endpoint.awake();
        }
    });
}

struct Platform {
    router: Router,
    folder: tempfile::TempDir,
    tcp: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Platform {
    fn start() -> Self {
        let router = Router::new(PlatformId(1));
        spawn_fake(&router, ModuleKind::Switch);
        spawn_fake(&router, ModuleKind::Signaling);
        let waker = Waker::default();
        let endpoint: Endpoint = router.register(ModuleKind::Control, 0, waker.clone());
        let config = Config { token: Some(Private::new("sesame".to_owned())) };
        let address = Address::local(ModuleKind::Control, 0);
        let control = Control::new(Now::default(), address, config, Random::from_seed(1));
        let folder = tempfile::tempdir().unwrap();
        let unix = Listener::unix(&folder.path().join("control.sock")).unwrap();
        let tcp = Listener::tcp(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let tcp_address = tcp.local_address().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(serve(control, endpoint, waker, Now::default, vec![unix, tcp], async {
            let _ = stopped.await;
        }));
        Self { router, folder, tcp: tcp_address, _stop: stop }
    }

    async fn unix(&self) -> Client<tokio::net::UnixStream> {
        let path = self.folder.path().join("control.sock");
        Client::new(tokio::net::UnixStream::connect(path).await.unwrap())
    }

    async fn tcp(&self) -> Client<tokio::net::TcpStream> {
        Client::new(tokio::net::TcpStream::connect(self.tcp).await.unwrap())
    }
}

struct Client<S> {
    lines: Lines<BufReader<ReadHalf<S>>>,
    writer: WriteHalf<S>,
}

impl<S: AsyncRead + AsyncWrite> Client<S> {
    fn new(stream: S) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self { lines: BufReader::new(reader).lines(), writer }
    }

    async fn send(&mut self, line: &str) {
        self.writer.write_all(line.as_bytes()).await.unwrap();
        self.writer.write_all(b"\n").await.unwrap();
    }

    async fn line(&mut self) -> Option<Value> {
        let line = self.lines.next_line().await.unwrap()?;
        Some(serde_json::from_str(&line).unwrap())
    }

    async fn ask(&mut self, request: Value) -> Value {
        self.send(&request.to_string()).await;
        self.line().await.unwrap()
    }
}

#[tokio::test]
async fn requests_replies_progress_and_events_over_the_unix_socket() {
    let platform = Platform::start();
    let mode = std::fs::metadata(platform.folder.path().join("control.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut client = platform.unix().await;

    let reply = client.ask(json!({ "topic": "calls", "message": "list", "request-id": "1" })).await;
    assert_eq!(
        (&reply["topic"], &reply["message"], &reply["kind"]),
        (&json!("calls"), &json!("list"), &json!("reply"))
    );
    assert_eq!((&reply["request-id"], &reply["sequence-id"], &reply["status"]), (&json!("1"), &json!(1), &json!("ok")));
    assert!(reply["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(reply["body"]["calls"][0]["call"], "c1");
    assert_eq!(reply["body"]["cursor"], Value::Null);

    let body = json!({ "from": "alice", "to": "bob" });
    let reply = client.ask(json!({ "topic": "calls", "message": "make", "request-id": 2, "body": body })).await;
    assert_eq!((&reply["status"], &reply["request-id"]), (&json!("in-progress"), &json!(2)));
    let progress = client.line().await.unwrap();
    assert_eq!((&progress["kind"], &progress["body"]["call"]["state"]), (&json!("progress"), &json!("ringing")));
    let completion = client.line().await.unwrap();
    assert_eq!((&completion["kind"], &completion["request-id"]), (&json!("completion"), &json!(2)));

    let reply = client.ask(json!({ "topic": "calls", "message": "subscribe" })).await;
    assert_eq!(reply["status"], "ok");
    assert_eq!(client.line().await.unwrap()["message"], "ringing");
    let ended = client.line().await.unwrap();
    assert_eq!((&ended["message"], &ended["body"]["cause"]["kind"]), (&json!("ended"), &json!("busy")));

    let reply = client.ask(json!({ "topic": "trunks", "message": "list" })).await;
    assert_eq!(reply["body"]["trunks"][0]["offered"], 3);
    let reply = client.ask(json!({ "topic": "accounts", "message": "list" })).await;
    assert_eq!(reply["error"]["code"], "unavailable", "this platform has no store");
    let reply = client.ask(json!({ "topic": "system", "message": "status" })).await;
    assert_eq!(reply["body"]["modules"].as_array().unwrap().len(), 3, "two fakes and the control module itself");
}

#[tokio::test]
async fn the_tcp_socket_asks_for_the_token() {
    let platform = Platform::start();
    let mut client = platform.tcp().await;
    assert_eq!(client.ask(json!({ "topic": "calls", "message": "list" })).await["error"]["code"], "login-required");
    let body = json!({ "token": "sesame" });
    let reply = client.ask(json!({ "topic": "session", "message": "login", "body": body })).await;
    assert_eq!(reply["status"], "ok");
    assert_eq!(client.ask(json!({ "topic": "calls", "message": "list" })).await["status"], "ok");

    let mut client = platform.tcp().await;
    let body = json!({ "token": "sesam" });
    let reply = client.ask(json!({ "topic": "session", "message": "login", "body": body })).await;
    assert_eq!(reply["error"]["code"], "refused");
    assert_eq!(client.line().await, None, "a wrong token costs the connection");
}

#[tokio::test]
async fn half_a_conversation_is_answered_and_an_endless_line_is_not() {
    let platform = Platform::start();
    let mut client = platform.unix().await;
    client.send(r#"{"topic":"session","message":"ping"}"#).await;
    client.writer.shutdown().await.unwrap();
    assert_eq!(client.line().await.unwrap()["status"], "ok");
    assert_eq!(client.line().await, None);

    let mut client = platform.unix().await;
    client.send(&"x".repeat(control::limits::LINE_BYTES + 1)).await;
    assert_eq!(client.line().await.unwrap()["error"]["code"], "malformed");
    assert_eq!(client.line().await, None);
}

#[tokio::test]
async fn a_second_server_does_not_take_the_socket_and_a_dead_ones_file_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    let first = Listener::unix(&path).unwrap();
    assert_eq!(Listener::unix(&path).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    drop(first);
    assert!(!path.exists());
    // What a killed server leaves: a socket that nobody listens on.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let second = Listener::unix(&path).unwrap();
    drop(second);
    std::fs::write(&path, "a file").unwrap();
    assert_eq!(Listener::unix(&path).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
}

/// A module that was started anew, after a panic say, has the address of the one before and knows none of its followers.
#[tokio::test]
async fn events_go_on_when_who_sends_them_was_started_anew() {
    let platform = Platform::start();
    let mut client = platform.unix().await;
    client.ask(json!({ "topic": "calls", "message": "subscribe" })).await;
    for message in ["ringing", "ended"] {
        assert_eq!(client.line().await.unwrap()["message"], message);
    }
    // Nothing is asked meanwhile: the module finds out by itself.
    spawn_fake(&platform.router, ModuleKind::Switch);
    let next = client.line().await.unwrap();
    assert_eq!((&next["message"], &next["missed"]), (&json!("ringing"), &json!(1)), "{next}");
    assert_eq!(client.line().await.unwrap()["message"], "ended");
}

#[tokio::test]
async fn what_is_no_request_is_answered_and_ends_no_session() {
    let platform = Platform::start();
    let mut client = platform.unix().await;
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000));
    let request = |body: &str| format!("{{\"topic\":\"calls\",\"message\":\"list\",\"body\":{body}}}");
    let mut lines: Vec<Vec<u8>> = [
        deep("[", "]"),
        deep("{\"a\":", "}"),
        request(&deep("[", "]")),
        request("{\"limit\":1e400}"),
        request("{\"limit\":-1}"),
        request("{\"state\":\"shouting\"}"),
        request("{\"limit\":18446744073709551616}"),
        request(&format!("{{\"party\":\"{}\"}}", "x".repeat(10_000))),
        request("{\"party\":\"\\ud800\"}"),
        request("{\"party\":\"a\\u0000b\"}"),
        request("{\"cursor\":\"999.x\"}"),
        request("[]"),
        request(&format!("{{\"{}\":1}}", "x".repeat(60_000))),
        request("null") + "x",
        "null".to_owned(),
        "\"".to_owned(),
        "[{}]".to_owned(),
        "{\"topic\":{},\"message\":[]}".to_owned(),
        format!("{{\"topic\":\"{}\",\"message\":\"list\"}}", "x".repeat(60_000)),
    ]
    .into_iter()
    .map(String::into_bytes)
    .collect();
    lines.push((0..=255).filter(|octet| *octet != b'\n').collect());
    lines.push(vec![0; 4_096]);
    lines.push(b"\xff\xfe{\x00}\x00".to_vec());
    for line in lines {
        let begin = String::from_utf8_lossy(&line[..line.len().min(60)]).into_owned();
        client.writer.write_all(&line).await.unwrap();
        client.writer.write_all(b"\n").await.unwrap();
        let reply = client.line().await.unwrap_or_else(|| panic!("closed after {begin}"));
        assert_eq!((&reply["kind"], &reply["status"]), (&json!("reply"), &json!("error")), "{begin}: {reply}");
        assert!(reply.to_string().len() < 2_000, "what was sent comes not back whole: {begin}");
    }
    assert_eq!(client.ask(json!({ "topic": "session", "message": "ping" })).await["status"], "ok");
}

#[tokio::test]
async fn too_many_connections_keep_nobody_out_for_longer_than_they_last() {
    let platform = Platform::start();
    let path = platform.folder.path().join("control.sock");
    let mut first = platform.unix().await;
    assert_eq!(first.ask(json!({ "topic": "session", "message": "ping" })).await["status"], "ok");
    let mut held = Vec::new();
    for _ in 0..SESSIONS + 50 {
        held.push(tokio::net::UnixStream::connect(&path).await.unwrap());
    }
    // Strangers have a bound of their own, so that the rest is left to who knows the token.
    let mut strangers = Vec::new();
    for _ in 0..100 {
        strangers.push(tokio::net::TcpStream::connect(platform.tcp).await.unwrap());
    }
    assert_eq!(first.ask(json!({ "topic": "calls", "message": "list" })).await["status"], "ok", "who is in is served");
    let mut late = platform.unix().await;
    late.writer.write_all(b"{\"topic\":\"session\",\"message\":\"ping\"}\n").await.ok();
    // Told why, or closed where too many are told at once.
    if let Ok(Some(line)) = late.lines.next_line().await {
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&line["message"], &line["error"]["code"]), (&json!("closing"), &json!("busy")));
    }
    drop((held, strangers));
    // As soon as they have gone there is room.
    loop {
        let mut next = platform.unix().await;
        next.writer.write_all(b"{\"topic\":\"session\",\"message\":\"ping\"}\n").await.ok();
        match next.lines.next_line().await {
            Ok(Some(line)) if line.contains("\"ok\"") => break,
            _ => tokio::task::yield_now().await,
        }
    }
}
