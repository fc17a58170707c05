//! Random sequences over a bad network: peers and switch do whatever comes to their mind, and in the end nothing is left.

use super::harness::{CALL, TRUNK, Weather, World, offer, sdp, state, voice};
use bytes::Bytes;
use router::parameter::{
    Cause, CauseKind, Digits, Direction, Failure, LegPhase, LegState, MediaExchange, Parameter, Transfer,
};

use router::{Address, Command, Instance, ModuleKind, Packet, Parameters, Random, Received};
use signaling::digest::ClientCredentials;
use signaling::message::{Message, Method, StatusCode};
use signaling::transaction::{ClientKey, Event, ServerKey, Timers, Transactions};
use signaling::transport::{Destination, Flow, Listener, ListenerId, Listeners, Maddr, Transport};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A dialog at the peer's end.
struct Dialog {
    tag: String,
    call_id: String,
    local: String,
    remote: String,
    remote_tag: Option<String>,
    target: String,
    cseq: u32,
    /// An INVITE of ours (the peer's) that has no final response.
    inviting: Option<ClientKey>,
    /// One of theirs that we have not answered.
    invited: Option<(ServerKey, Message)>,
    /// A 2xx of ours without ACK, to be repeated.
    unacknowledged: Option<(ServerKey, Bytes)>,
    up: bool,
}

/// A peer with a transaction layer of its own and no plan.
struct Chaos {
    transactions: Transactions,
    address: SocketAddr,
    dialogs: BTreeMap<String, Dialog>,
    flow: Flow,
    random: Random,
    version: u32,
}

impl Chaos {
    fn new(random: Random) -> Self {
        let address: SocketAddr = TRUNK.parse().unwrap();
        let listeners = Listeners::new(vec![Listener::new(Transport::Udp, address, None)]);
        let mut random = random;
        let flow = Flow {
            transport: Transport::Udp,
            listener: ListenerId(0),
            local: address,
            remote: super::harness::SERVER.parse().unwrap(),
            connection: None,
        };
        let transactions = Transactions::new(Timers::default(), listeners, random.fork());
        Self { transactions, address, dialogs: BTreeMap::new(), flow, random, version: 1 }
    }

    fn destination(&self) -> Destination {
        Destination::address(Transport::Udp, self.flow.remote).exactly()
    }

    fn call(&mut self, world: &World) {
        let id = format!("{:x}", self.random.next_u64());
        let dialog = Dialog {
            tag: format!("t{id}"),
            call_id: id.clone(),
            local: "sip:100@198.51.100.10".to_owned(),
            remote: "sip:200@192.0.2.1".to_owned(),
            remote_tag: None,
            target: "sip:200@192.0.2.1".to_owned(),
            cseq: 0,
            inviting: None,
            invited: None,
            unacknowledged: None,
            up: false,
        };
        self.dialogs.insert(id.clone(), dialog);
        let body = if self.random.below(4) == 0 { String::new() } else { sdp(1, 4_000, "sendrecv") };
        let key = self.request(world, &id, "INVITE", "", &body);
        self.dialogs.get_mut(&id).unwrap().inviting = key;
    }

    fn request(&mut self, world: &World, id: &str, method: &str, headers: &str, body: &str) -> Option<ClientKey> {
        let dialog = self.dialogs.get_mut(id)?;
        dialog.cseq += 1;
        let text = write(dialog, self.address, method, dialog.cseq, headers, body);
        let destination = self.destination();
        self.transactions.request(world.now.instant, destination, Bytes::from(text)).ok()
    }

    fn description(&mut self) -> String {
        self.version += 1;
        let direction = ["sendrecv", "sendonly", "inactive"][self.random.below(3) as usize];
        sdp(self.version, 4_000 + 2 * self.random.below(4) as u16, direction)
    }

    fn respond(
        &mut self,
        world: &World,
        key: ServerKey,
        request: &Message,
        tag: &str,
        status: &str,
        body: &str,
    ) -> Bytes {
        self.respond_with(world, key, request, tag, status, "", body)
    }

    #[expect(clippy::too_many_arguments, reason = "a response has as many parts")]
    fn respond_with(
        &mut self,
        world: &World,
        key: ServerKey,
        request: &Message,
        tag: &str,
        status: &str,
        headers: &str,
        body: &str,
    ) -> Bytes {
        let headers = format!("Allow: INVITE, UPDATE\r\n{headers}");
        let text = super::peer::response(request, tag, "x", self.address, status, &headers, body);
        let bytes = Bytes::from(text);
        self.transactions.respond(world.now.instant, key, bytes.clone());
        bytes
    }

    /// Somebody on the way asks who we are.
    fn challenge(&mut self) -> String {
        let (realm, nonce) = (self.random.below(6), self.random.below(1_000));
        let stale = ["", ", stale=true"][self.random.below(2) as usize];
        let algorithm = ["MD5", "SHA-256"][self.random.below(2) as usize];
        format!("Proxy-Authenticate: Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm={algorithm}{stale}\r\n")
    }

    /// Does something, or nothing.
    fn act(&mut self, world: &World) {
        let ids: Vec<String> = self.dialogs.keys().cloned().collect();
        for id in ids {
            let dice = self.random.below(24);
            let dialog = &self.dialogs[&id];
            if let Some((key, invite)) = &dialog.invited {
                let (key, invite, tag) = (*key, invite.clone(), dialog.tag.clone());
                match dice {
                    0..3 => drop(self.respond(world, key, &invite, &tag, "180 Ringing", "")),
                    3..5 => {
                        let body = self.description();
                        drop(self.respond(world, key, &invite, &tag, "183 Session Progress", &body));
                    }
                    5..9 => {
                        let body = if self.random.below(8) == 0 { String::new() } else { self.description() };
                        let ok = self.respond(world, key, &invite, &tag, "200 OK", &body);
                        let dialog = self.dialogs.get_mut(&id).unwrap();
                        (dialog.invited, dialog.up, dialog.unacknowledged) = (None, true, Some((key, ok)));
                    }
                    9 => {
                        self.respond(world, key, &invite, &tag, "486 Busy Here", "");
                        self.end_invited(&id);
                    }
                    10 => {
                        self.respond(world, key, &invite, &tag, "491 Request Pending", "");
                        self.end_invited(&id);
                    }
                    11 => {
                        let asks = self.challenge();
                        self.respond_with(world, key, &invite, &tag, "407 Who Is It", &asks, "");
                        self.end_invited(&id);
                    }
                    12 => {
                        let elsewhere = "Contact: <sip:1@h>;q=0.1, <tel:2>\r\n";
                        self.respond_with(world, key, &invite, &tag, "302 Moved", elsewhere, "");
                        self.end_invited(&id);
                    }
                    13 => {
                        let status =
                            ["181 On", "182 Queued", "183 Soon", "199 Not Here"][self.random.below(4) as usize];
                        self.respond(world, key, &invite, &tag, status, "");
                    }
                    _ => {}
                }
                continue;
            }
            if let Some((key, ok)) = dialog.unacknowledged.clone() {
                self.transactions.respond(world.now.instant, key, ok);
            }
            let dialog = &self.dialogs[&id];
            match (dialog.inviting, dialog.up, dice) {
                (Some(key), _, 0) => self.transactions.cancel(world.now.instant, key, None),
                (_, true, 0..2) => {
                    self.request(world, &id, "BYE", "", "");
                    self.dialogs.remove(&id);
                }
                (None, true, 2..4) => {
                    let body = if dice == 2 { String::new() } else { self.description() };
                    let key = self.request(world, &id, "INVITE", "", &body);
                    self.dialogs.get_mut(&id).unwrap().inviting = key;
                }
                (_, true, 4) => {
                    let body = self.description();
                    self.request(world, &id, "UPDATE", "", &body);
                }
                (_, true, 5) => {
                    self.request(world, &id, "INFO", "Content-Type: application/dtmf\r\n", "5");
                }
                (_, true, 6) => {
                    self.request(world, &id, "REFER", "Refer-To: <sip:300@192.0.2.1>\r\n", "");
                }
                _ => {}
            }
        }
    }

    fn end_invited(&mut self, id: &str) {
        let dialog = self.dialogs.get_mut(id).unwrap();
        dialog.invited = None;
        if !dialog.up {
            self.dialogs.remove(id);
        }
    }

    fn take(&mut self, world: &World, message: Message) {
        self.transactions.handle_message(world.now.instant, &self.flow, message, Maddr::Followed);
        while let Some(event) = self.transactions.poll_event() {
            match event {
                Event::Request { key, message, .. } => self.requested(world, key, message),
                Event::Ack { message, .. } => {
                    if let Some(dialog) = self.dialogs.get_mut(message.call_id().unwrap()) {
                        dialog.unacknowledged = None;
                    }
                }
                Event::Cancelled { key, .. } => {
                    let found = self.dialogs.iter().find_map(|(id, dialog)| {
                        let (known, invite) = dialog.invited.as_ref()?;
                        (*known == key).then(|| (id.clone(), invite.clone(), dialog.tag.clone()))
                    });
                    if let Some((id, invite, tag)) = found {
                        self.respond(world, key, &invite, &tag, "487 Request Terminated", "");
                        self.end_invited(&id);
                    }
                }
                Event::Response { key, message, .. } => self.responded(world, key, &message),
                Event::TimedOut { key } | Event::Failed { key, .. } => {
                    self.dialogs.retain(|_, dialog| dialog.inviting != Some(key));
                }
                _ => {}
            }
        }
    }

    fn requested(&mut self, world: &World, key: ServerKey, message: Message) {
        let id = message.call_id().unwrap().to_owned();
        let method = message.method().unwrap().clone();
        if method == Method::Invite && message.to().unwrap().tag().is_none() {
            let from = message.from().unwrap();
            let dialog = Dialog {
                tag: format!("t{:x}", self.random.next_u64()),
                call_id: id.clone(),
                local: message.to().unwrap().uri().as_str().to_owned(),
                remote: from.uri().as_str().to_owned(),
                remote_tag: from.tag().map(str::to_owned),
                target: message.contact().unwrap().unwrap().uri().as_str().to_owned(),
                cseq: 0,
                inviting: None,
                invited: Some((key, message.clone())),
                unacknowledged: None,
                up: false,
            };
            self.dialogs.insert(id, dialog);
            return;
        }
        let Some(dialog) = self.dialogs.get_mut(&id) else {
            self.respond(world, key, &message, "gone", "481 Gone", "");
            return;
        };
        let tag = dialog.tag.clone();
        match method {
            Method::Invite if dialog.invited.is_none() && dialog.unacknowledged.is_none() => {
                dialog.invited = Some((key, message));
            }
            Method::Invite => drop(self.respond(world, key, &message, &tag, "491 Request Pending", "")),
            Method::Update => {
                let status = ["200 OK", "491 Request Pending", "501 Not Implemented"][self.random.below(3) as usize];
                let body = if status == "200 OK" { self.description() } else { String::new() };
                self.respond(world, key, &message, &tag, status, &body);
            }
            Method::Bye => {
                if let Some((key, invite)) = dialog.invited.take() {
                    self.respond(world, key, &invite, &tag, "487 Request Terminated", "");
                }
                self.respond(world, key, &message, &tag, "200 OK", "");
                self.dialogs.remove(&id);
            }
            Method::Notify if self.random.below(3) == 0 => {
                let status = ["481 Gone", "500 Not Now", "407 Who Is It"][self.random.below(3) as usize];
                let asks = self.challenge();
                self.respond_with(world, key, &message, &tag, status, &asks, "");
            }
            _ => drop(self.respond(world, key, &message, &tag, "200 OK", "")),
        }
    }

    fn responded(&mut self, world: &World, key: ClientKey, message: &Message) {
        let Some(id) = message.call_id().ok().filter(|id| self.dialogs.contains_key(*id)).map(str::to_owned) else {
            return;
        };
        let status = message.status().unwrap();
        let is_invite = message.cseq().unwrap().method == Method::Invite;
        if !status.is_final() || !is_invite {
            return;
        }
        let body = if self.random.below(8) == 0 { String::new() } else { self.description() };
        let destination = self.destination();
        let address = self.address;
        let dialog = self.dialogs.get_mut(&id).unwrap();
        if dialog.inviting == Some(key) {
            dialog.inviting = None;
        }
        if status.is_success() {
            dialog.remote_tag = message.to().unwrap().tag().map(str::to_owned);
            dialog.target = message.contact().unwrap().unwrap().uri().as_str().to_owned();
            dialog.up = true;
            let cseq = message.cseq().unwrap().number;
            let ack = write(dialog, address, "ACK", cseq, "", &body);
            self.transactions.acknowledge(destination, ack.as_bytes()).unwrap();
        } else if !dialog.up || status == StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST {
            self.dialogs.remove(&id);
        }
        let _ = world;
    }
}

fn write(dialog: &Dialog, address: SocketAddr, method: &str, cseq: u32, headers: &str, body: &str) -> String {
    let Dialog { tag, call_id, local, remote, remote_tag, target, .. } = dialog;
    let to_tag = remote_tag.as_ref().map(|tag| format!(";tag={tag}")).unwrap_or_default();
    let kind =
        if body.is_empty() || headers.contains("Content-Type") { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{method} {target} SIP/2.0\r\nMax-Forwards: 70\r\nFrom: <{local}>;tag={tag}\r\nTo: <{remote}>{to_tag}\r\n\
         Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\nContact: <sip:x@{address}>\r\nAllow: INVITE, UPDATE\r\n{headers}{kind}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The switch without a plan: the requests that it owes an answer, and its own legs.
#[derive(Default)]
struct Caprice {
    owed: Vec<Packet>,
    legs: Vec<(Instance, Address)>,
    next: u64,
}

impl Caprice {
    fn hear(&mut self, world: &mut World) {
        while let Some(received) = world.at_switch.pop_front() {
            match received {
                Received::Packet(packet) if packet.command == Command::Stop => {
                    self.legs.retain(|(_, leg)| *leg != packet.source);
                }
                Received::Packet(packet) if packet.command.is_request() => {
                    if matches!(packet.first(), Some(Parameter::Call(_))) {
                        self.legs.push((packet.destination.instance, packet.source));
                    }
                    self.owed.push(packet);
                }
                _ => {}
            }
        }
    }

    fn media(world: &mut World) -> Option<MediaExchange> {
        let direction =
            [Direction::SendReceive, Direction::SendOnly, Direction::Inactive][world.chance.below(3) as usize];
        let description = voice(20_000, direction);
        Some(match world.chance.below(8) {
            0..5 => MediaExchange::Answer(description),
            5..7 => MediaExchange::Offer(description),
            _ => return None,
        })
    }

    fn act(&mut self, world: &mut World) {
        for at in (0..self.owed.len()).rev() {
            let packet = self.owed[at].clone();
            match (packet.first(), world.chance.below(12)) {
                (Some(Parameter::Call(_)), 0..3) => {
                    let phase = if world.chance.below(2) == 0 { LegPhase::Ringing } else { LegPhase::Early };
                    let media = Self::media(world);
                    let code = [None, Some(181), Some(183), Some(486)][world.chance.below(4) as usize];
                    let cause = code.map(|code| Cause { code: Some(code), ..Cause::new(CauseKind::Normal) });
                    world.answer(&packet, Command::Progress, LegState { cause, ..state(phase, media) });
                }
                (Some(Parameter::Call(_)), 3..6) => {
                    self.owed.swap_remove(at);
                    let media = Self::media(world);
                    world.answer(&packet, Command::Done, state(LegPhase::Answered, media));
                }
                (Some(Parameter::Transfer(transfer)), 0..3) => {
                    let phase = [LegPhase::Trying, LegPhase::Ringing, LegPhase::Early][world.chance.below(3) as usize];
                    let transfer = Transfer { phase, ..(**transfer).clone() };
                    world.answer(&packet, Command::Progress, transfer);
                }
                (Some(Parameter::Transfer(transfer)), 3..5) => {
                    self.owed.swap_remove(at);
                    let transfer = (**transfer).clone();
                    world.answer(&packet, Command::Done, transfer);
                }
                (Some(Parameter::LegState(_)), 0..6) => {
                    self.owed.swap_remove(at);
                    let media = Self::media(world);
                    world.answer(&packet, Command::Done, state(LegPhase::Answered, media));
                }
                (Some(Parameter::Digits(_) | Parameter::Information(_)), 0..6) => {
                    self.owed.swap_remove(at);
                    world.switch.outbox.answer(packet.answer(Command::Done, Parameters::new()));
                }
                (_, 11) => {
                    self.owed.swap_remove(at);
                    world.answer(&packet, Command::Failed, Failure::because(CauseKind::Busy.into()));
                }
                _ => {}
            }
        }
        for (call, leg) in self.legs.clone() {
            match world.chance.below(40) {
                0 => world.ask(call, leg, Command::Stop, LegState::released(CauseKind::Normal)),
                1..4 => {
                    let media = Self::media(world);
                    world.ask(call, leg, Command::Set, state(LegPhase::Answered, media));
                }
                4 => world.ask(
                    call,
                    leg,
                    Command::Send,
                    Digits { digits: "12".to_owned().into(), duration_ms: 100, port: None },
                ),
                _ => {}
            }
        }
        if world.chance.below(6) == 0 && self.legs.len() < 8 {
            self.next += 1;
            let leg = Address::local(ModuleKind::Signaling, 0).at(Instance(1_000 + self.next));
            let media = if world.chance.below(4) == 0 { None } else { offer(20_000) };
            let wanted = router::parameter::Leg {
                call_id: format!("call-{}", self.next),
                target: router::parameter::Target::Trunk { name: "carrier".to_owned(), number: "1".to_owned().into() },
                caller: router::parameter::Party::new("a", "b"),
                anonymous: false,
                called: router::parameter::Party::new("1", ""),
                media,
                hops: 20,
                verified: true,
                referred_by: None,
                passed: None,
                secure: false,
                urgent: false,
                identity: None,
                account: None,
            };
            world.ask(CALL, leg, Command::Start, wanted);
            self.legs.push((CALL, leg));
        }
    }
}

fn pump(world: &mut World, chaos: &mut Chaos) {
    for message in world.take(chaos.address) {
        chaos.take(world, message);
    }
    if chaos.transactions.poll_timeout().is_some_and(|at| at <= world.now.instant) {
        chaos.transactions.handle_timeout(world.now.instant);
    }
    while let Some(transmit) = chaos.transactions.poll_transmit() {
        let text = String::from_utf8_lossy(&transmit.bytes).into_owned();
        world.send(chaos.address, &text);
    }
}

fn run(seed: u64, weather: Weather) {
    let mut world = World::with(seed, |config| {
        let password = "pw".to_owned().into();
        config.trunks[0].credentials = Some(ClientCredentials { username: "us".to_owned(), password });
    });
    world.weather = weather;
    let mut chaos = Chaos::new(Random::from_seed(seed ^ 0xc4a05));
    let mut caprice = Caprice::default();
    for tick in 0..3_000 {
        if tick % 10 == 0 && tick < 2_000 {
            if chaos.dialogs.len() < 8 && chaos.random.below(4) == 0 {
                chaos.call(&world);
            }
            chaos.act(&world);
            caprice.act(&mut world);
        }
        pump(&mut world, &mut chaos);
        world.run_ms(20);
        caprice.hear(&mut world);
    }
    // The end: the platform hangs up, the switch answers all that it owes, peers answer what they are asked.
    let now = world.now;
    world.signaling.hang_up_all(now);
    for packet in std::mem::take(&mut caprice.owed) {
        world.answer(&packet, Command::Failed, Failure::because(CauseKind::Administrative.into()));
    }
    for _ in 0..15_000 {
        for dialog in chaos.dialogs.values_mut() {
            dialog.unacknowledged = None;
        }
        let open: Vec<String> = chaos.dialogs.keys().cloned().collect();
        for id in open {
            if let Some((key, invite)) = chaos.dialogs.get_mut(&id).unwrap().invited.take() {
                let tag = chaos.dialogs[&id].tag.clone();
                chaos.respond(&world, key, &invite, &tag, "486 Busy", "");
            }
        }
        pump(&mut world, &mut chaos);
        world.run_ms(20);
        caprice.hear(&mut world);
        for packet in std::mem::take(&mut caprice.owed) {
            world.answer(&packet, Command::Failed, Failure::because(CauseKind::Administrative.into()));
        }
    }
    assert!(world.signaling.is_idle(), "seed {seed}: {:#?}", world.signaling);
}

#[test]
fn whatever_happens_nothing_is_left() {
    for seed in 0..10 {
        run(seed, Weather::default());
    }
}

#[test]
fn whatever_happens_on_a_bad_network_nothing_is_left() {
    for seed in (100..110).chain([1110]) {
        run(seed, Weather { loss: 15, repeat: 10, jitter_ms: 300 });
    }
}
