//! A scripted SIP user agent of the tests' own: it registers, calls, answers, refuses, holds, transfers, speaks and hangs up,
//! with retransmissions as RFC 3261 asks for. It shares the reader of messages and of SDP with the server and nothing else.

mod behaviour;
mod call;
pub(crate) mod digest;
mod hearing;
mod incoming;
mod media;
mod outgoing;
mod registration;
mod reliable;
mod request;
mod secure;
mod session_timer;
mod sound;
mod texting;
mod transaction;
mod watching;
mod ways;

pub use behaviour::{Behaviour, Step, Then};
pub use call::{Call, CallIndex, CallState, Ending, Exchange, Referral};
pub use hearing::Hearing;
pub use media::{HoldStyle, Media};
pub use registration::Registration;
pub use secure::Secure;
pub(crate) use secure::certificate;
pub use session_timer::{SessionInterval, SessionTimers};
pub use watching::Watch;

use crate::network::{Arrival, LinkId, Side};
use bytes::Bytes;
use request::{Challenged, Request};
use router::parameter::Codec;
use router::time::{Duration, Instant};
use router::{Random, parameter};
use secure::Keys;
use signaling::message::{Message, Method, StatusCode, content_length, head_length};
pub use sound::Sound;
use std::collections::VecDeque;
use std::net::SocketAddr;
use transaction::{Client, PATIENCE, Purpose, Server, T1, T2};
use ways::Ways;

/// How a phone sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Carrier {
    /// Datagrams.
    Udp,
    /// A connection of its own to the server.
    Tcp,
    /// The same, as if over TLS.
    Tls,
    /// The same, as if it were a browser's WebSocket over TLS: its own address is nothing that anybody could find (RFC 7118 §5.1).
    Wss,
}

impl Carrier {
    /// Its name in a Via.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Wss => "WSS",
        }
    }

    /// What names it in a URI.
    const fn parameter(self) -> &'static str {
        match self {
            Self::Udp => "",
            Self::Tcp => ";transport=tcp",
            Self::Tls => ";transport=tls",
            Self::Wss => ";transport=ws",
        }
    }
}

/// A phone to be.
#[derive(Clone, Debug)]
pub struct PhoneConfig {
    /// User part and account.
    pub name: String,
    /// The account's password; `None`: it never answers a challenge.
    pub password: Option<String>,
    /// Where it receives SIP.
    pub address: SocketAddr,
    /// The server.
    pub server: SocketAddr,
    /// The domain in its addresses of record.
    pub domain: String,
    /// How it sends.
    pub carrier: Carrier,
    /// Whether it registers by itself at the start.
    pub registers: bool,
    /// For how long it registers, in seconds.
    pub expires: u32,
    /// What it speaks, best first.
    pub codecs: Vec<Codec>,
    /// Milliseconds of sound in a packet.
    pub packet_ms: u16,
    /// The domain name that its descriptions say instead of its address (RFC 8866 §5.7).
    pub media_name: Option<String>,
    /// Whether its answers number codecs as its own list does and not as the offer did (RFC 3264 §6.1 lets that pass).
    pub own_numbers: bool,
    /// One value that it says all the time, as a sample; `None`: stamps by which each packet is known. What is mixed is told by this alone.
    pub voice: Option<i16>,
    /// How it protects its media, if it does.
    pub secure: Option<Secure>,
    /// Whether it looks for ways to its peer's media (ICE), shares a port for RTCP, and sends on no other.
    pub seeks_ways: bool,
    /// Whether it asks how it is heard (RTCP XR).
    pub asks_for_metrics: bool,
    /// The frequency of a tone that it says, and says alone, in whatever it has agreed on; it listens to what it is sent. Where
    /// sound is transcoded, stamps do not come through.
    pub tone_hz: Option<f64>,
    /// What it does when it is called.
    pub behaviour: Behaviour,
    /// Whether it is there for every user part.
    pub any_user: bool,
    /// Whether it names others by `sips:` addresses: whom it calls, sends calls and texts to, and follows.
    pub calls_sips: bool,
    /// Whether it calls without an offer.
    pub late_offer: bool,
    /// Whether it takes and sends UPDATE.
    pub updates: bool,
    /// Whether it knows provisional responses that are acknowledged.
    pub reliable: bool,
    /// Its session timers, if it knows any.
    pub timers: Option<SessionTimers>,
    /// Whether it wants to be told how its transfers go; else its REFERs say `Refer-Sub: false`.
    pub wants_notifies: bool,
    /// Headers that it adds to its INVITEs.
    pub headers: Vec<(String, String)>,
    /// Max-Forwards of its requests.
    pub max_forwards: u8,
    /// As a server: user, password and realm that it asks INVITEs for.
    pub asks: Option<(String, String, String)>,
    /// The user part of its From, if not its name.
    pub caller: Option<String>,
    /// Who it is and which of its flows, where it registers as one of several (RFC 5626).
    pub flow: Option<(String, u32)>,
}

impl PhoneConfig {
    /// A phone of an account, speaking PCMU and PCMA.
    pub fn new(name: &str, address: SocketAddr, server: SocketAddr) -> Self {
        let events = Codec { parameters: Some("0-16".into()), ..Codec::new(101, "telephone-event", 8000) };
        Self {
            name: name.to_owned(),
            password: None,
            address,
            server,
            domain: "tandem".to_owned(),
            carrier: Carrier::Udp,
            registers: true,
            expires: 3600,
            codecs: vec![Codec::new(0, "PCMU", 8000), Codec::new(8, "PCMA", 8000), events],
            packet_ms: 20,
            media_name: None,
            own_numbers: false,
            voice: None,
            secure: None,
            seeks_ways: false,
            asks_for_metrics: false,
            tone_hz: None,
            behaviour: Behaviour::default(),
            any_user: false,
            calls_sips: false,
            late_offer: false,
            updates: true,
            reliable: false,
            timers: None,
            wants_notifies: true,
            headers: Vec::new(),
            max_forwards: 70,
            asks: None,
            caller: None,
            flow: None,
        }
    }

    /// The scheme of the addresses by which it names others.
    pub fn scheme(&self) -> &'static str {
        if self.calls_sips { "sips" } else { "sip" }
    }
}

/// What a phone wants of the network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// A datagram from one of its ports.
    Datagram {
        /// From where.
        from: SocketAddr,
        /// Whither.
        to: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// A connection; [`Phone::connecting`] is to tell its name.
    Connect {
        /// From where.
        from: SocketAddr,
        /// Whither.
        to: SocketAddr,
    },
    /// Octets of a stream.
    Write {
        /// Which.
        link: LinkId,
        /// From which end.
        side: Side,
        /// What.
        bytes: Vec<u8>,
    },
}

/// What a phone is told to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Calls that user; gives up after a while if nobody answers; and once the call is up goes by the script.
    Dial(String, Option<Duration>, Vec<(Duration, Step)>),
    /// Registers, or refreshes.
    Register,
    /// Removes its binding.
    Unregister,
}

#[derive(Debug)]
enum Stream {
    Absent,
    Asked(VecDeque<Bytes>),
    Connecting(LinkId, VecDeque<Bytes>),
    Open(LinkId, Side),
}

/// The phone.
#[derive(Debug)]
pub struct Phone {
    /// What it is.
    pub config: PhoneConfig,
    /// Its registration.
    pub registration: Registration,
    /// What the server did wrong.
    pub faults: Vec<String>,
    /// Requests received outside of calls, and their answers.
    pub requests: Vec<(String, u16)>,
    /// Responses to requests of ours, in order: method and status.
    pub responses: Vec<(String, u16)>,
    /// Every SIP message that it received, raw.
    pub received: u64,
    now: Instant,
    random: Random,
    calls: Vec<Call>,
    watches: Vec<Watch>,
    /// Texts that came: from whom, and what.
    pub texts: Vec<(String, String)>,
    clients: Vec<Client>,
    servers: Vec<Server>,
    actions: Vec<(Instant, Action)>,
    challenged: Option<Challenged>,
    nonce: String,
    stream: Stream,
    unread: Vec<u8>,
    outputs: VecDeque<Output>,
    next_port: u16,
}

impl Phone {
    /// A phone that is switched on now.
    pub fn new(config: PhoneConfig, mut random: Random, now: Instant) -> Self {
        let nonce = format!("{:032x}", random.next_u64());
        let next_port = 30_000;
        let mut phone = Self {
            registration: Registration::new(&mut random),
            config,
            faults: Vec::new(),
            requests: Vec::new(),
            responses: Vec::new(),
            received: 0,
            now,
            random,
            calls: Vec::new(),
            watches: Vec::new(),
            texts: Vec::new(),
            clients: Vec::new(),
            servers: Vec::new(),
            actions: Vec::new(),
            challenged: None,
            nonce,
            stream: Stream::Absent,
            unread: Vec::new(),
            outputs: VecDeque::new(),
            next_port,
        };
        if phone.config.registers {
            phone.register();
        }
        phone
    }

    /// Its calls, in the order in which they began.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// One of them.
    pub fn call(&self, index: CallIndex) -> &Call {
        &self.calls[index]
    }

    /// The last one that began.
    pub fn last_call(&self) -> Option<&Call> {
        self.calls.last()
    }

    /// The last one that is not over.
    pub fn live_call(&self) -> Option<CallIndex> {
        self.calls.iter().rposition(Call::is_live)
    }

    /// Whether it has no call and waits for nothing.
    pub fn is_idle(&self) -> bool {
        !self.calls.iter().any(Call::is_live) && self.clients.is_empty() && self.actions.is_empty()
    }

    /// The requests that it waits for an answer to, as a person reads them.
    pub fn waits_for(&self) -> String {
        let requests = self.clients.iter().map(|client| {
            let Request { method, cseq, call_id, .. } = &client.request;
            format!("{cseq} {method} of {call_id} until {:?}", client.deadline)
        });
        requests.collect::<Vec<_>>().join(", ")
    }

    /// Its connection to the server, if one is open.
    pub fn link(&self) -> Option<LinkId> {
        match self.stream {
            Stream::Open(link, _) => Some(link),
            _ => None,
        }
    }

    /// Tells it the time, before something is asked of it directly.
    pub fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    /// Does something later.
    pub fn schedule(&mut self, after: Duration, action: Action) {
        self.actions.push((self.now + after, action));
    }

    /// Does something in a call now.
    pub fn step(&mut self, call: CallIndex, step: Step) {
        let now = self.now;
        self.calls[call].plan(now, step);
    }

    /// Calls a user.
    pub fn dial(&mut self, user: &str) -> CallIndex {
        self.invite(user, None, Vec::new());
        self.calls.len() - 1
    }

    /// Calls a user; gives up after a while; goes by a script once the call is up.
    pub fn dial_with(&mut self, user: &str, give_up: Option<Duration>, script: Vec<(Duration, Step)>) -> CallIndex {
        self.invite(user, give_up, script);
        self.calls.len() - 1
    }

    /// What it wants of the network.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The connection that it asked for has this name.
    pub fn connecting(&mut self, link: LinkId) {
        if let Stream::Asked(waiting) = &mut self.stream {
            self.stream = Stream::Connecting(link, std::mem::take(waiting));
        }
    }

    /// Something arrived.
    pub fn handle(&mut self, now: Instant, arrival: Arrival) {
        self.now = now;
        match arrival {
            Arrival::Datagram { local, remote, bytes } if local == self.config.address => {
                self.handle_message(remote, Bytes::from(bytes));
            }
            Arrival::Datagram { local, remote, bytes } => {
                let media = self.calls.iter_mut().filter(|call| call.is_live()).map(|call| &mut call.media);
                let mut media = media.into_iter();
                let of_control = |rtp: SocketAddr| (rtp.ip(), rtp.port() + 1) == (local.ip(), local.port());
                match media.find(|media| media.local() == local || of_control(media.local())) {
                    Some(media) if media.local() == local => media.handle_packet(now, remote, &bytes),
                    Some(media) => media.handle_control(&bytes),
                    None => {}
                }
            }
            Arrival::Accepted { link, .. } => self.stream = Stream::Open(link, Side::Server),
            Arrival::Connected { link } => {
                if let Stream::Connecting(own, waiting) = &mut self.stream
                    && *own == link
                {
                    let waiting = std::mem::take(waiting);
                    self.stream = Stream::Open(link, Side::Client);
                    waiting.into_iter().for_each(|bytes| self.transmit(self.config.server, bytes));
                }
            }
            Arrival::Data { bytes, .. } => {
                self.unread.extend(bytes);
                self.read_stream();
            }
            Arrival::Refused { link } | Arrival::Closed { link, .. } => self.stream_ended(link),
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        let due: Vec<_> = self.actions.extract_if(.., |(at, _)| *at <= now).collect();
        for (_, action) in due {
            match action {
                Action::Dial(user, give_up, script) => self.invite(&user, give_up, script),
                Action::Register => self.register(),
                Action::Unregister => self.unregister(),
            }
        }
        self.expire_clients();
        self.expire_servers();
        for call in 0..self.calls.len() {
            self.expire_call(call);
        }
        if self.registration.refresh.is_some_and(|at| at <= now) {
            self.register();
        }
        self.refresh_watches();
    }

    /// When it wants to be called again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let clients = self.clients.iter().filter_map(Client::next);
        let servers = self.servers.iter().filter_map(Server::next);
        let calls = self.calls.iter().filter_map(Call::next);
        let actions = self.actions.iter().map(|(at, _)| *at);
        let watches = self.watches.iter().filter_map(|watch| watch.refresh);
        clients.chain(servers).chain(calls).chain(actions).chain(watches).chain(self.registration.refresh).min()
    }

    fn handle_message(&mut self, source: SocketAddr, bytes: Bytes) {
        if bytes.iter().all(|octet| matches!(octet, b'\r' | b'\n' | 0)) {
            return; // a keep-alive
        }
        self.received += 1;
        let message = match Message::parse_datagram(bytes) {
            Ok(message) => message,
            Err(fault) => return self.faults.push(format!("a message that cannot be read: {fault:?}")),
        };
        if let Err(fault) = message.validate() {
            return self.faults.push(format!("a message that is not valid: {fault:?}"));
        }
        if message.is_request() {
            self.handle_request(source, message);
        } else {
            self.handle_response(message);
        }
    }

    fn read_stream(&mut self) {
        loop {
            let blank = self.unread.iter().take_while(|octet| matches!(octet, b'\r' | b'\n')).count();
            self.unread.drain(..blank);
            let Ok(Some(head)) = head_length(&self.unread, 0) else { return };
            let Ok(body) = content_length(&self.unread[..head]) else {
                return self.faults.push("a stream that cannot be cut into messages".to_owned());
            };
            if self.unread.len() < head + body {
                return;
            }
            let rest = self.unread.split_off(head + body);
            let message = std::mem::replace(&mut self.unread, rest);
            self.handle_message(self.config.server, Bytes::from(message));
        }
    }

    /// The connection is gone: what was sent over it and not answered has failed (RFC 3261 §18.4).
    fn stream_ended(&mut self, link: LinkId) {
        let mine = match self.stream {
            Stream::Open(own, _) | Stream::Connecting(own, _) => own == link,
            _ => false,
        };
        if !mine {
            return;
        }
        self.stream = Stream::Absent;
        self.unread.clear();
        for client in std::mem::take(&mut self.clients) {
            if client.ack.is_none() {
                self.client_failed(&client);
            }
        }
        if self.config.registers {
            self.registration.refresh = Some(self.now + Duration::from_secs(1));
        }
    }

    fn is_reliable(&self) -> bool {
        self.config.carrier != Carrier::Udp
    }

    fn transmit(&mut self, to: SocketAddr, bytes: Bytes) {
        if self.config.carrier == Carrier::Udp {
            let from = self.config.address;
            return self.outputs.push_back(Output::Datagram { from, to, bytes: bytes.to_vec() });
        }
        match &mut self.stream {
            Stream::Open(link, side) => {
                let output = Output::Write { link: *link, side: *side, bytes: bytes.to_vec() };
                self.outputs.push_back(output);
            }
            Stream::Asked(waiting) | Stream::Connecting(_, waiting) => waiting.push_back(bytes),
            Stream::Absent => {
                self.stream = Stream::Asked(VecDeque::from([bytes]));
                self.next_port += 1;
                let from = SocketAddr::new(self.config.address.ip(), 50_000 + self.next_port % 10_000);
                self.outputs.push_back(Output::Connect { from, to: self.config.server });
            }
        }
    }

    fn contact(&self) -> String {
        format!("sip:{}@{}{}", self.config.name, self.sent_by(), self.config.carrier.parameter())
    }

    /// Host and port as they stand in Via and Contact.
    fn sent_by(&self) -> String {
        match self.config.carrier {
            Carrier::Wss => format!("{}.invalid", self.config.name),
            Carrier::Udp | Carrier::Tcp | Carrier::Tls => self.config.address.to_string(),
        }
    }

    fn token(&mut self, prefix: &str) -> String {
        format!("{prefix}{:016x}", self.random.next_u64())
    }

    /// Sends a request in a transaction of its own.
    fn request(&mut self, request: Request, to: SocketAddr, purpose: Purpose, attempts: u8) {
        let branch = self.token("z9hG4bK");
        let bytes = request.write(self.config.carrier.name(), &self.sent_by(), &branch);
        self.transmit(to, bytes.clone());
        let retransmit = (!self.is_reliable()).then_some(self.now + T1);
        self.clients.push(Client {
            branch,
            request,
            bytes,
            to,
            purpose,
            provisional: false,
            ack: None,
            interval: T1,
            retransmit,
            deadline: Some(self.now + PATIENCE),
            attempts,
        });
    }

    fn expire_clients(&mut self) {
        let now = self.now;
        let mut sent = Vec::new();
        for client in &mut self.clients {
            if let Some(bytes) = client.retransmission(now) {
                sent.push((client.to, bytes));
            }
        }
        sent.into_iter().for_each(|(to, bytes)| self.transmit(to, bytes));
        let over: Vec<_> = self.clients.extract_if(.., |client| client.deadline.is_some_and(|at| at <= now)).collect();
        for client in over {
            if client.ack.is_none() {
                self.client_failed(&client);
            }
        }
    }

    fn expire_servers(&mut self) {
        let now = self.now;
        let mut sent = Vec::new();
        for server in &mut self.servers {
            if server.retransmit.is_some_and(|at| at <= now)
                && let Some(bytes) = &server.response
            {
                sent.push((server.to, bytes.clone()));
                server.interval = (server.interval * 2).min(T2);
                server.retransmit = Some(now + server.interval);
            }
        }
        sent.into_iter().for_each(|(to, bytes)| self.transmit(to, bytes));
        self.servers.retain(|server| server.deadline.is_none_or(|at| at > now));
    }

    fn expire_call(&mut self, index: CallIndex) {
        let now = self.now;
        if let Some(success) = &mut self.calls[index].success {
            if success.deadline <= now {
                self.calls[index].success = None;
                self.faults_allowed_by_loss("an answer was never acknowledged");
                self.end_with_bye(index, Ending::NoAck);
            } else if success.retransmit <= now {
                success.interval = (success.interval * 2).min(T2);
                success.retransmit = now + success.interval;
                let (to, bytes) = (success.to, success.bytes.clone());
                self.transmit(to, bytes);
            }
        }
        self.session_due(index);
        while let Some(step) = self.calls[index].take_due(now) {
            self.take_step(index, step);
        }
        while let Some((to, bytes)) = self.calls[index].media.poll(now) {
            let from = self.calls[index].media.local();
            self.outputs.push_back(Output::Datagram { from, to, bytes });
        }
        if self.calls[index].state == CallState::Ended {
            self.calls[index].media.stop();
            // Nobody waits for ever for the end of a re-INVITE in a call that is over.
            let patience = now + PATIENCE;
            for client in self.clients.iter_mut().filter(|client| client.purpose == Purpose::ReInvite(index)) {
                client.deadline.get_or_insert(patience);
            }
        }
    }

    /// Something that only a network which loses may bring about.
    fn faults_allowed_by_loss(&mut self, what: &str) {
        self.registration.losses.push(what.to_owned());
    }

    fn new_media(&mut self) -> Media {
        self.next_port += 2;
        let local = SocketAddr::new(self.config.address.ip(), self.next_port);
        let mut media = Media::new(local, &self.config.codecs, self.config.packet_ms, &mut self.random);
        media.own_numbers = self.config.own_numbers;
        media.voice = self.config.voice;
        media.keys = self.config.secure.map(|style| Keys::new(style, &mut self.random));
        media.asks_for_metrics = self.config.asks_for_metrics;
        media.ways = self.config.seeks_ways.then(|| Ways::new(&mut self.random));
        media.sound = self.config.tone_hz.map(Sound::new);
        media.host_name.clone_from(&self.config.media_name);
        media
    }
}

fn status(code: u16) -> StatusCode {
    StatusCode::new(code).unwrap_or(StatusCode::SERVER_INTERNAL_ERROR)
}

fn method_of(response: &Message) -> Option<Method> {
    response.cseq().ok().map(|cseq| cseq.method)
}

/// The media direction that both ends of a call have when neither holds.
pub const BOTH_WAYS: parameter::Direction = parameter::Direction::SendReceive;
