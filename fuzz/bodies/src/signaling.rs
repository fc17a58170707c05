//! A signalling module whose phones, trunks, strangers, switch, store and name service say anything, or nothing: it never
//! panics, what it sends is SIP, every request of the switch is answered once, and when all is told to end nothing is left: no
//! leg, no transaction, no timer, no request.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use router::encoding::read_packet;
use router::parameter::{
    Account, AccountCredential, CauseKind, Contact, Digits, Information, Leg, LegPhase, LegState, Parameter, Party,
    Selection, Status, Target, Transfer,
};
use router::time::{Duration, Instant, Now, WallTime};
use router::{Address, Command, Instance, ModuleKind, Packet, Parameters, Random, Service, Transaction, one};
use signaling::digest::{Algorithm, ClientCredentials, respond};
use signaling::message::{Header, Message};
use signaling::registrar::ExpiryLimits;
use signaling::transport::{
    ConnectionId, Flow, Listener, ListenerId, Listeners, Received, Resolution, Sought, Token, Transport,
    TransportFailure,
};
use signaling::trunk::{OwnAddress, Source, Target as TrunkTarget, TrunkConfig};
use signaling::{Config, Signaling};

use crate::calls::{exchange, failure, state};
use crate::due::next_due;
use crate::tape::Tape;

/// Operations of one input at most.
const OPERATIONS_MAX: usize = 150;
/// Messages, tokens and requests that are remembered.
const KEPT_MAX: usize = 64;
/// Legs that the switch starts in one input at most.
const LEGS_MAX: u64 = 16;
/// Deadlines that one step of time may see.
const STEPS_MAX: usize = 100_000;
/// How long everybody is silent and the switch behaves at the end: longer than bindings last, and than a leg waits for the switch
/// (an hour, for a call or a transfer that it never hears of).
const EVERYTHING_ENDS: Duration = Duration::from_secs(7_400);
/// The password of every account.
const PASSWORD: &str = "secret";
/// The phone, the trunk, the trunk's other address, a stranger.
const PEERS: [&str; 4] = ["198.51.100.7:5062", "198.51.100.10:5060", "198.51.100.99:5080", "203.0.113.5:9"];
/// Bodies that peers send.
const BODIES: [&str; 6] = [
    "",
    "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 101\r\n\
     a=rtpmap:101 telephone-event/8000\r\n",
    "v=0\r\no=- 1 2 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\na=sendonly\r\n",
    "v=0\r\no=- 1 3 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 4002 RTP/AVP 0\r\n\
     m=video 4004 RTP/AVP 96\r\n",
    "v=0\r\no=- 2 4 IN IP4 198.51.100.7\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 3\r\n",
    "v=1\r\n",
];

/// The input is operations on the module and on those around it.
pub fn signaling(data: &[u8]) {
    let mut bench = Bench::new();
    let mut tape = Tape::new(data);
    for _ in 0..OPERATIONS_MAX {
        if !tape.is_left() {
            break;
        }
        bench.operate(&mut tape);
        bench.drain();
    }
    bench.end();
}

struct Bench {
    signaling: Signaling,
    now: Now,
    next: u64,
    /// Requests of the module without a last answer.
    asked: Vec<Packet>,
    /// Requests to the module without a last answer.
    waiting: BTreeMap<Transaction, Packet>,
    /// Legs and their calls.
    legs: Vec<(Address, Address)>,
    /// What was sent last, and whither.
    wire: Vec<(SocketAddr, Message)>,
    tokens: Vec<Token>,
    sought: Vec<Sought>,
    /// The requests that peers sent last.
    requests: Vec<(SocketAddr, String)>,
    counter: u32,
}

impl Bench {
    fn new() -> Bench {
        let now = Now { instant: Instant::from_millis(1_000), wall: WallTime::from_secs(1_800_000_000) };
        let local: SocketAddr = "192.0.2.1:5060".parse().expect("an address");
        let listeners = [Transport::Udp, Transport::Tcp].map(|transport| Listener::new(transport, local, None));
        let trunk = |name: &str, target: &str, source: &str| TrunkConfig {
            name: name.to_owned(),
            target: TrunkTarget::parse(target),
            sources: Source::parse(source).into_iter().collect(),
            domain: None,
            credentials: Some(ClientCredentials { username: "us".to_owned(), password: PASSWORD.to_owned().into() }),
            trusted: true,
            calls_max: Some(8),
            response_timeout: signaling::limits::TRUNK_RESPONSE_TIMEOUT,
            calls: None,
            calls_per_s: None,
            options: None,
            register: OwnAddress::parse(name).into_iter().collect(),
            register_expires: signaling::limits::REGISTER_EXPIRES,
            outbound: false,
            headers: Default::default(),
            identity: Default::default(),
            media_fixed: false,
        };
        let config = Config {
            listeners: Listeners::new(listeners.to_vec()),
            trunks: vec![trunk("one", PEERS[1], "198.51.100.10"), trunk("named", "carrier.example", "198.51.100.11")],
            expiry: ExpiryLimits {
                min: Duration::from_secs(1),
                default: Duration::from_secs(60),
                max: Duration::from_secs(600),
            },
            trace_octets: 20_000,
            ..Config::default()
        };
        let mut bench = Bench {
            signaling: Signaling::new(0, config, now, Random::from_seed(1)),
            now,
            next: 1,
            asked: Vec::new(),
            waiting: BTreeMap::new(),
            legs: Vec::new(),
            wire: Vec::new(),
            tokens: Vec::new(),
            sought: Vec::new(),
            requests: Vec::new(),
            counter: 0,
        };
        bench.drain();
        bench
    }

    fn operate(&mut self, tape: &mut Tape<'_>) {
        match tape.below(20) {
            0 | 1 => self.peer_asks(tape),
            2 => self.peer_authenticates(tape),
            3..=5 => self.peer_answers(tape),
            6 | 7 => self.peer_goes_on(tape),
            8 => {
                // Octets of its own, or what was sent before, to whoever it likes.
                let text = tape.text().to_vec();
                let from = peer(tape);
                self.receive(tape, from, &text);
            }
            9 => {
                if let Some((_, message)) = tape.pick(&self.wire) {
                    let from = peer(tape);
                    self.receive(tape, from, message.as_bytes());
                }
            }
            10 | 11 => self.answer(tape),
            12 => self.behave(),
            13 => self.start_leg(tape),
            14 => self.call_asks(tape),
            15 => self.pass(Duration::from_millis(u64::from(tape.word())), false),
            16 => self.pass(Duration::from_secs(u64::from(tape.octet())), false),
            17 => {
                let failures = [TransportFailure::Refused, TransportFailure::Closed, TransportFailure::TimedOut];
                let failure = tape.pick(&failures).unwrap_or(TransportFailure::System);
                let token = tape.pick(&self.tokens);
                self.signaling.handle_transport_failed(self.now, token, failure);
            }
            18 => self.resolve(tape.below(3)),
            _ => self.anything(tape),
        }
    }

    /// A request outside a dialog.
    fn peer_asks(&mut self, tape: &mut Tape<'_>) {
        let methods = ["INVITE", "REGISTER", "OPTIONS", "BYE", "CANCEL", "ACK", "REFER", "SUBSCRIBE", "FOO"];
        let method = tape.pick(&methods).unwrap_or("INVITE");
        let from = peer(tape);
        self.counter += 1;
        let branch = if tape.below(4) == 3 { u32::from(tape.octet() & 3) } else { self.counter };
        let user = tape.pick(&["alice", "200", "%2b49", ""]).unwrap_or("alice");
        let headers = tape.pick(&[
            "",
            "Expires: 60\r\n",
            "Expires: 0\r\n",
            "Privacy: id\r\nP-Asserted-Identity: <sip:+49@h>\r\n",
            "Require: 100rel\r\n",
            "Max-Forwards: 0\r\n",
            "Record-Route: <sip:198.51.100.10;lr>, <sip:proxy.example;lr>\r\nSupported: timer\r\n",
            "Path: <sip:198.51.100.10;lr>\r\nAllow: INVITE, UPDATE\r\n",
        ]);
        let contact = match tape.below(6) {
            0 => "Contact: *\r\n".to_owned(),
            1 => "Contact: <sip:a@elsewhere.example;transport=tcp>\r\n".to_owned(),
            2 => String::new(),
            _ => format!("Contact: <sip:alice@{from}>\r\n"),
        };
        let body = tape.pick(&BODIES).unwrap_or("");
        let text = format!(
            "{method} sip:{user}@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{branch};rport\r\n\
             From: <sip:alice@tandem>;tag=f{branch}\r\nTo: <sip:alice@tandem>\r\nCall-ID: c{branch}\r\nCSeq: {branch} {method}\r\n\
             {contact}{}{}",
            headers.unwrap_or_default(),
            ending(body),
        );
        keep(&mut self.requests, (from, text.clone()));
        self.mutated(tape, from, text.into_bytes());
    }

    /// The answer to a challenge: the request once more, with what proves the password.
    fn peer_authenticates(&mut self, tape: &mut Tape<'_>) {
        let Some((from, text)) = self.requests.last().cloned() else { return };
        let challenge = self.wire.iter().rev().find_map(|(to, message)| {
            (*to == from).then(|| message.challenges(Header::WwwAuthenticate).next()).flatten()
        });
        let method = text.split(' ').next().unwrap_or_default();
        let uri = text.split(' ').nth(1).unwrap_or_default();
        let credentials = ClientCredentials { username: "alice".to_owned(), password: PASSWORD.to_owned().into() };
        let count = 1 + u32::from(tape.octet() & 1);
        let Some(value) =
            challenge.and_then(|challenge| respond(&challenge, &credentials, method, uri, count, "c0ffee"))
        else {
            return;
        };
        self.counter += 1;
        let anew = format!("branch=z9hG4bKa{}", self.counter);
        let text = text.replacen("branch=z9hG4bK", &format!("{anew}-"), 1);
        let text = text.replacen("Content-Length", &format!("Authorization: {value}\r\nContent-Length"), 1);
        self.mutated(tape, from, text.into_bytes());
    }

    /// A response to a request that was sent.
    fn peer_answers(&mut self, tape: &mut Tape<'_>) {
        let Some((to, request)) = tape.pick(&self.wire) else { return };
        if !request.is_request() {
            return;
        }
        let statuses = [
            "200 OK",
            "180 Ringing",
            "183 Progress",
            "100 Trying",
            "486 Busy",
            "401 Unauthorized",
            "407 Proxy",
            "491 Pending",
            "503 Unavailable",
            "302 Moved",
            "481 Gone",
            "200 OK",
            "408 Timeout",
            "699 No",
        ];
        let status = tape.pick(&statuses).unwrap_or("200 OK");
        let copied = |name: Header| -> String {
            let line = |line: &[u8]| format!("{name}: {}\r\n", String::from_utf8_lossy(line));
            request.lines(name).map(line).collect()
        };
        let to_line = copied(Header::To);
        let tag = if to_line.contains(";tag=") { String::new() } else { format!(";tag=b{}", tape.octet() & 3) };
        let asks = match status.starts_with("40") {
            true => {
                "WWW-Authenticate: Digest realm=\"r\",nonce=\"n\",qop=\"auth\"\r\nProxy-Authenticate: Digest realm=\"r\",nonce=\"n\"\r\n"
            }
            false => "",
        };
        let body = tape.pick(&BODIES).unwrap_or("");
        let text = format!(
            "SIP/2.0 {status}\r\n{}{}{}{tag}\r\n{}{}Contact: <sip:b@{to}>\r\n{asks}{}",
            copied(Header::Via),
            copied(Header::From),
            to_line.trim_end(),
            copied(Header::CallId),
            copied(Header::CSeq),
            ending(body),
        );
        let from = if tape.below(8) == 7 { peer(tape) } else { to };
        self.mutated(tape, from, text.into_bytes());
    }

    /// A request within a dialog that something that was sent belongs to; or its ACK or CANCEL.
    fn peer_goes_on(&mut self, tape: &mut Tape<'_>) {
        let Some((to, message)) = tape.pick(&self.wire) else { return };
        let field = |name: Header| message.text(name).unwrap_or_default().to_owned();
        let (mut from, mut other) = (field(Header::From), field(Header::To));
        if message.is_request() {
            (from, other) = (other, from);
            if !from.contains(";tag=") {
                from = format!("{from};tag=b{}", tape.octet() & 3);
            }
        }
        let methods = ["ACK", "BYE", "INVITE", "UPDATE", "INFO", "REFER", "CANCEL", "OPTIONS", "PRACK"];
        let method = tape.pick(&methods).unwrap_or("BYE");
        let old = message.cseq().map_or(1, |cseq| cseq.number);
        let number = if matches!(method, "ACK" | "CANCEL") { old } else { old + u32::from(tape.octet()) };
        self.counter += 1;
        let via = match message.is_response() && tape.flag() {
            true => field(Header::Via),
            false => format!("SIP/2.0/UDP {to};branch=z9hG4bKd{};rport", self.counter),
        };
        let headers = tape.pick(&[
            "",
            "Refer-To: <sip:300@192.0.2.1>\r\nReferred-By: <sip:x@h>\r\n",
            "Refer-To: <sip:300@192.0.2.1?Replaces=a%3Bto-tag%3Db>\r\n",
            "Contact: <sip:moved@198.51.100.99:5080>\r\n",
            "Contact: <sip:moved@carrier.example>\r\n",
            "Content-Type: application/dtmf-relay\r\n",
        ]);
        let body = tape.pick(&BODIES).unwrap_or("");
        let text = format!(
            "{method} sip:192.0.2.1 SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: {from}\r\nTo: {other}\r\nCall-ID: {}\r\n\
             CSeq: {number} {method}\r\n{}{}",
            field(Header::CallId),
            headers.unwrap_or_default(),
            ending(body),
        );
        let source = if tape.below(4) == 3 { peer(tape) } else { to };
        self.mutated(tape, source, text.into_bytes());
    }

    /// Sends octets as they are, mostly, or with some of them changed.
    fn mutated(&mut self, tape: &mut Tape<'_>, from: SocketAddr, mut octets: Vec<u8>) {
        if tape.below(4) == 3 {
            for _ in 0..=tape.below(4) {
                let at = usize::from(tape.word()) % octets.len().max(1);
                match tape.below(4) {
                    0 => octets.truncate(at),
                    1 => octets.insert(at.min(octets.len()), tape.octet()),
                    2 if at < octets.len() => drop(octets.remove(at)),
                    _ => octets.iter_mut().skip(at).take(1).for_each(|octet| *octet = tape.octet()),
                }
            }
        }
        self.receive(tape, from, &octets);
    }

    fn receive(&mut self, tape: &mut Tape<'_>, remote: SocketAddr, octets: &[u8]) {
        let tcp = tape.below(4) == 3;
        let flow = Flow {
            transport: if tcp { Transport::Tcp } else { Transport::Udp },
            listener: ListenerId(u16::from(tcp)),
            local: "192.0.2.1:5060".parse().expect("an address"),
            remote,
            connection: tcp.then_some(ConnectionId(3)),
        };
        self.signaling.handle_message(self.now, Received { flow, bytes: Bytes::copy_from_slice(octets) });
        self.drain();
        if tcp && tape.below(8) == 7 {
            self.signaling.handle_closed(self.now, &flow);
            self.drain();
        }
    }

    fn request(&mut self, source: Address, destination: Address, command: Command, parameters: Parameters) {
        let transaction = Transaction(self.next);
        self.next += 1;
        let packet = Packet { source, destination, transaction, command, parameters };
        self.waiting.insert(transaction, packet.clone());
        self.packet(packet);
    }

    fn packet(&mut self, packet: Packet) {
        if let Some(received) = self.signaling.outbox().handle_packet(packet) {
            self.signaling.handle_received(self.now, received);
        }
        self.drain();
    }

    /// The switch starts a leg.
    fn start_leg(&mut self, tape: &mut Tape<'_>) {
        if self.next > LEGS_MAX {
            return;
        }
        let contact = |uri: &str, flow: &str| Contact {
            uri: uri.to_owned().into(),
            path: Vec::new(),
            flow: flow.to_owned().into(),
            q_thousandths: 1000,
            expires: WallTime(i64::MAX),
            call_id: "r".into(),
            cseq: 1,
            user_agent: None,
            latency_us: None,
            reachable: None,
            apart: None,
            instance: None,
            reg_id: None,
            temporary: None,
            others: None,
        };
        let trunk = |name: &str| Target::Trunk { name: name.to_owned(), number: "+4930".to_owned().into() };
        let flow = "udp 192.0.2.1:5060 198.51.100.7:5062";
        let target = match tape.below(6) {
            0 => Target::Contact(contact("sip:alice@10.0.0.1:5062", flow)),
            1 => Target::Contact(contact("sip:alice@phone.example;transport=tcp", "tcp nonsense")),
            2 => trunk("named"),
            3 => Target::Uri("sip:x@y".to_owned().into()),
            _ => trunk("one"),
        };
        let wanted = Leg {
            call_id: format!("call{}", self.next),
            target,
            caller: Party::new("alice", "tandem"),
            anonymous: tape.flag(),
            called: Party::new("+4930", ""),
            media: exchange(tape),
            hops: tape.octet(),
            verified: tape.flag(),
            referred_by: None,
            passed: None,
            secure: false,
            urgent: false,
            identity: None,
            account: None,
        };
        let leg = Address::local(ModuleKind::Signaling, 0).at(Instance(0x1_0000 + self.next));
        let call = Address::local(ModuleKind::Switch, 0).at(Instance(0x2_0000 + self.next));
        keep(&mut self.legs, (leg, call));
        self.request(call, leg, Command::Start, one(wanted));
    }

    /// A call asks a leg for something.
    fn call_asks(&mut self, tape: &mut Tape<'_>) {
        let Some((leg, call)) = tape.pick(&self.legs) else { return };
        let (command, parameter): (Command, Parameter) = match tape.below(5) {
            0 | 1 => (Command::Set, state(tape).into()),
            2 => (Command::Stop, LegState::released(CauseKind::Normal).into()),
            3 => (Command::Send, Digits { digits: "1".to_owned().into(), duration_ms: tape.word(), port: None }.into()),
            _ => {
                let content_type = tape.flag().then(|| "application/x".to_owned());
                let information =
                    Information { content_type, body: tape.octets(3).to_vec(), package: None, is_text: false };
                (Command::Send, information.into())
            }
        };
        self.request(call, leg, command, one(parameter));
    }

    /// One request of the module is answered, well or not; or under way; or never.
    fn answer(&mut self, tape: &mut Tape<'_>) {
        if self.asked.is_empty() {
            return;
        }
        let at = tape.below(self.asked.len());
        let packet = self.asked[at].clone();
        let (command, parameters) = match tape.below(8) {
            0 => (Command::Failed, one(failure(tape))),
            1 => (Command::Progress, one(state(tape))),
            2 | 3 => (Command::Done, one(state(tape))),
            4 => (Command::Done, Parameters::new()),
            5 => {
                let transfer =
                    Transfer { target: Party::default(), phase: LegPhase::Ringing, cause: None, referred_by: None };
                (Command::Progress, one(transfer))
            }
            6 => {
                self.asked.remove(at);
                return;
            }
            _ => return self.well(at),
        };
        if command.is_final() {
            self.asked.remove(at);
        }
        self.packet(packet.answer(command, parameters));
    }

    /// One request of the module is answered as it should be.
    fn well(&mut self, at: usize) {
        let packet = self.asked.remove(at);
        let parameters = match (packet.command, packet.first()) {
            (Command::Query, Some(Parameter::Account(_))) => {
                let secret = |algorithm: Algorithm| algorithm.secret("alice", "tandem", PASSWORD);
                let (md5, sha256) = (secret(Algorithm::Md5), secret(Algorithm::Sha256));
                let account = Account {
                    name: "alice".to_owned(),
                    display_name: None,
                    credential: AccountCredential::Hashes {
                        md5: md5.as_bytes().try_into().expect("16 octets"),
                        sha256: sha256.as_bytes().try_into().expect("32 octets"),
                    },
                    enabled: true,
                    created: WallTime::default(),
                    removed: false,
                };
                Parameters::from_iter([Parameter::from(account), Selection::default().into()])
            }
            (Command::Query, Some(Parameter::Binding(_) | Parameter::TextMessage(_))) => one(Selection::default()),
            _ => Parameters::new(),
        };
        self.packet(packet.answer(Command::Done, parameters));
    }

    fn behave(&mut self) {
        let mut left = 10_000;
        while !self.asked.is_empty() {
            self.well(0);
            left -= 1;
            assert!(left > 0, "requests without end: {:?}", self.asked);
        }
    }

    fn resolve(&mut self, how: usize) {
        let Some(sought) = self.sought.pop() else { return };
        let known = |text: &str| Resolution::at(Transport::Udp, &[text.parse().expect("an address")]);
        let resolution = match how {
            0 => Resolution::Unknown,
            1 => known("198.51.100.10:5060"),
            _ => known("[2001:db8::7]:5060"),
        };
        self.signaling.handle_resolved(self.now, &sought, &resolution);
        self.drain();
    }

    /// A packet that somebody else made, or a client's question.
    fn anything(&mut self, tape: &mut Tape<'_>) {
        let client = Address::local(ModuleKind::Control, 0).at(Instance(9));
        let module = Address::local(ModuleKind::Signaling, 0);
        if tape.flag() {
            return self.request(client, module, Command::Query, one(Status::default()));
        }
        let choice = tape.octet();
        let leg = tape.pick(&self.legs).map_or(module.at(Instance(u64::from(choice))), |(leg, _)| leg);
        let destination = if choice & 1 == 0 { module } else { leg };
        let Ok(packet) = read_packet(tape.text()) else { return };
        if packet.command.is_request() {
            self.request(client, destination, packet.command, packet.parameters);
        } else {
            let transaction = Transaction(u64::from(choice));
            if packet.command.is_final() {
                self.asked.retain(|asked| asked.transaction != transaction);
            }
            self.packet(Packet { transaction, destination, ..packet });
        }
    }

    fn drain(&mut self) {
        loop {
            while let Some(packet) = self.signaling.outbox().poll_transmit() {
                self.sent(packet);
            }
            let Some(received) = self.signaling.outbox().poll_received() else { break };
            self.signaling.handle_received(self.now, received);
        }
        while self.signaling.outbox().poll_missed().is_some() {}
        while let Some(sought) = self.signaling.poll_resolve() {
            keep(&mut self.sought, sought);
        }
        while let Some(transmit) = self.signaling.poll_transmit() {
            let message = Message::parse_datagram(transmit.bytes).expect("what is sent is SIP");
            assert!(
                message.is_response() || message.validate().is_ok(),
                "{}",
                String::from_utf8_lossy(message.as_bytes())
            );
            keep(&mut self.wire, (transmit.destination.remote, message));
            if let Some(token) = transmit.token {
                keep(&mut self.tokens, token);
            }
        }
    }

    fn sent(&mut self, packet: Packet) {
        if packet.command.is_final() {
            assert!(self.waiting.remove(&packet.transaction).is_some(), "a second last answer: {packet:?}");
            return;
        }
        if !packet.command.is_request() {
            assert!(packet.command == Command::Notify || self.waiting.contains_key(&packet.transaction), "{packet:?}");
            return;
        }
        if matches!(packet.first(), Some(Parameter::Call(_))) {
            keep(&mut self.legs, (packet.source, packet.destination));
        }
        if packet.transaction != Transaction::NONE {
            // Repeated, it is the same request.
            self.asked.retain(|asked| asked.transaction != packet.transaction);
            keep(&mut self.asked, packet);
        }
    }

    fn pass(&mut self, time: Duration, behaving: bool) {
        let end = self.now.later(time);
        let mut steps = 0;
        loop {
            if behaving {
                self.behave();
                while !self.sought.is_empty() {
                    self.resolve(0);
                }
            }
            let Some(now) = next_due(&mut self.signaling, self.now, end.instant) else { break };
            self.now = now;
            self.drain();
            steps += 1;
            assert!(steps < STEPS_MAX, "deadlines without end");
        }
        self.now = self.now.later(end.instant.since(self.now.instant));
    }

    /// The platform ends: all legs are hung up, registrations at trunks taken back, the switch and the store behave, and the peers
    /// say nothing, until nothing is left.
    fn end(&mut self) {
        self.behave();
        self.signaling.drain(self.now);
        self.signaling.hang_up_all(self.now);
        self.drain();
        self.pass(EVERYTHING_ENDS, true);
        assert!(self.signaling.is_idle(), "{:?}", self.signaling);
        assert_eq!(self.signaling.outbox().pending(), 0);
        assert!(self.waiting.is_empty(), "requests that were never answered: {:?}", self.waiting);
    }
}

/// The end of a message with that body.
fn ending(body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!("{kind}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn peer(tape: &mut Tape<'_>) -> SocketAddr {
    tape.pick(&PEERS).unwrap_or(PEERS[0]).parse().expect("an address")
}

/// Keeps the newest.
fn keep<T>(kept: &mut Vec<T>, value: T) {
    if kept.len() == KEPT_MAX {
        kept.remove(0);
    }
    kept.push(value);
}
