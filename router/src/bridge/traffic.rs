//! Packets that leave, arrive, and pass through.

use super::LinkId;
use super::admission::{Admission, Trust, admission};
use super::message::{ByeReason, Forwarded, Header, Order, well_formed, write_forwarded, write_packet};
use super::outgoing::Full;
use super::peer::Link;
use super::requests::Request;
use super::service::{Bridge, HELD_FOR};
use super::table::Route;
use crate::address::{Address, ModuleKind, PlatformId};
use crate::command::{Class, Command};
use crate::limits::{CALL_BYTES, HELD_RELEASES, HOPS, SETTLED_MS};
use crate::packet::{Packet, Transaction};
use crate::parameter::{Failure, Parameter, Reason};
use crate::route::Refused;
use crate::time::{Duration, Now};
use std::collections::BTreeMap;

impl Bridge {
    /// A packet of a module of this platform for another one.
    pub fn handle_outbound(&mut self, now: Now, mut packet: Packet) {
        packet.source.platform = self.config.platform;
        let to = packet.destination;
        if to.platform == PlatformId::ANY {
            match self.table.pick(now.instant, to.module.kind, &[]) {
                Some(platform) => packet.destination.platform = platform,
                None => {
                    let reason = if self.loads.has(to.module.kind) { Reason::Busy } else { Reason::UnknownDestination };
                    return self.refuse_own(now, packet, reason);
                }
            }
        }
        let is_room = match packet.command {
            Command::Subscribe | Command::Unsubscribe => self.followed.asked(&packet),
            _ => true,
        };
        let sent = if is_room { self.send(now, &packet) } else { Err(Reason::Exhausted) };
        if let Err(reason) = sent {
            self.refuse_own(now, packet, reason);
        }
    }

    /// What the router refused of what was to be delivered here.
    pub fn handle_refused(&mut self, now: Now, refused: Refused) {
        let Refused { packet, reason } = refused;
        let is_awaited = Header::of(&packet).is_awaited();
        if packet.command.class() == Class::Release && reason == Reason::Busy && self.hold(now, &packet) {
            return;
        }
        if is_awaited {
            self.counters.failed += 1;
            self.answer(now, packet.failed(reason));
        } else {
            self.counters.dropped += 1;
        }
    }

    /// A packet came over a link, from `peer`.
    pub(super) fn handle_inbound(&mut self, now: Now, link: LinkId, peer: PlatformId, mut packet: Forwarded<'_>) {
        let source = &mut packet.header.source;
        if source.platform == PlatformId::HERE {
            source.platform = peer;
        }
        if source.platform == self.config.platform {
            let text = format!("it speaks for platform {}, which is this one", source.platform.0);
            return self.close(now, link, (ByeReason::Misbehaved, text));
        }
        if source.platform != peer {
            let mut header = packet.header;
            if header.destination.platform == PlatformId::HERE {
                header.destination.platform = self.config.platform;
            }
            // What was asked over this link is answered over it, if need be by the peer in the name of who was asked.
            if let Some(why) = self.doubts(now, link, header.source.platform)
                && !self.requests.went_over(&header, link)
            {
                return self.turn_away(now, link, peer, header, why);
            }
        }
        let Header { source, destination, .. } = &mut packet.header;
        if destination.platform == PlatformId::ANY {
            let kind = destination.module.kind;
            let found = match destination.module.index {
                Some(_) => None,
                None if self.loads.has(kind) => Some(self.config.platform),
                None => self.table.pick(now.instant, kind, &[source.platform, peer]),
            };
            match found {
                Some(platform) => destination.platform = platform,
                None => {
                    // Nobody was asked: the answer is this platform's own.
                    destination.platform = self.config.platform;
                    return self.turn_back(now, link, &packet.header, Reason::UnknownDestination);
                }
            }
        }
        if destination.platform == PlatformId::HERE || destination.platform == self.config.platform {
            destination.platform = self.config.platform;
            self.arrive(now, link, packet);
        } else {
            self.pass_on(now, link, packet);
        }
    }

    /// Why nobody believes what comes over a link in the name of a platform other than its peer.
    fn doubts(&self, now: Now, link: LinkId, platform: PlatformId) -> Option<&'static str> {
        let is_announced = self.links.get(&link).and_then(Link::peer).is_some_and(|peer| peer.speaks_for(platform));
        if !is_announced {
            return Some("which it does not announce");
        }
        self.speaks_for_itself(now, platform).then_some("which has a link of its own")
    }

    /// Whether a platform has had a link of its own for so long that nothing of it can be on the way through others, but for answers to
    /// what was asked through them.
    fn speaks_for_itself(&self, now: Now, platform: PlatformId) -> bool {
        is_settled(&self.links, now, self.table.route(platform))
    }

    /// `peer` speaks in the name of a platform that it does not announce, or that can do so itself: nobody believes it. Where it means well,
    /// the way through it is out of date, and a request may be repeated.
    fn turn_away(&mut self, now: Now, link: LinkId, peer: PlatformId, header: Header, why: &str) {
        let source = header.source.platform;
        self.complain(peer, || format!("it speaks for platform {}, {why}", source.0));
        let destination = match header.destination.platform {
            PlatformId::ANY => Address { platform: self.config.platform, ..header.destination },
            _ => header.destination,
        };
        self.turn_back(now, link, &Header { destination, ..header }, Reason::PlatformAbsent);
    }

    /// A platform did what is not for it to do: counted, and told of the first time.
    fn complain(&mut self, platform: PlatformId, what: impl FnOnce() -> String) {
        self.counters.refused += 1;
        if let Some(known) = self.table.get_mut(platform)
            && known.last_error.is_none()
        {
            let what = what();
            tracing::warn!(platform = platform.0, what, "packets of another platform are refused");
            known.last_error = Some(what);
        }
    }

    /// Why a packet of another platform is not for the module here that it names; `Ok`: it is. What it may do so often is on the account of
    /// who has the link: that one may speak for others, and for as many as it likes.
    fn admit(&mut self, now: Now, link: LinkId, packet: &Packet) -> Result<(), Failure> {
        if self.config.trust == Trust::Everything {
            return Ok(());
        }
        let admission = match packet.command {
            Command::Progress | Command::Done | Command::Failed => return Ok(()),
            Command::Notify if self.followed.is_news(packet) => return Ok(()),
            Command::Notify => Admission::Refused,
            _ => admission(packet),
        };
        let from = packet.source.platform;
        match admission {
            Admission::Served => Ok(()),
            Admission::Listing | Admission::Call => {
                let peer = self.links.get(&link).and_then(Link::peer).map(|peer| peer.platform);
                let known = peer.and_then(|peer| self.table.get(peer));
                let may = known.is_none_or(|known| match admission {
                    Admission::Call => known.may_call(now.instant),
                    _ => known.may_list(now.instant),
                });
                let busy = || Failure { retry_after_s: Some(1), ..Failure::new(Reason::Busy) };
                may.then_some(()).ok_or_else(busy)
            }
            Admission::Refused => {
                let what = packet.first().map_or("nothing", Parameter::name);
                let (command, to) = (packet.command, packet.destination.module);
                self.complain(from, || {
                    format!("it sent {command:?} × {what} to {to}, which is not for other platforms")
                });
                Err(Failure::new(Reason::Refused).with_detail("not for other platforms"))
            }
        }
    }

    /// A packet for a module of this platform.
    fn arrive(&mut self, now: Now, link: LinkId, packet: Forwarded<'_>) {
        let header = packet.header;
        let class = header.command.class();
        let is_own = self.links.get(&link).and_then(Link::peer).is_some_and(|of| of.platform == header.source.platform);
        let links = &self.links;
        let is_in_order = self.table.get_mut(header.source.platform).is_none_or(|origin| match is_own {
            true => origin.is_in_order(packet.order, |route| is_settled(links, now, route)),
            false => origin.is_passed_on_in_order(packet.order),
        });
        if !is_in_order {
            self.counters.overtaken += 1;
            if header.is_awaited() {
                let failure = Failure::new(Reason::PlatformAbsent).with_detail("overtaken while routes changed");
                self.counters.failed += 1;
                return self.answer(now, header.failed(failure));
            }
            // A last answer is matched by its transaction alone; whatever else is news of the past.
            if class != Class::Answer {
                self.counters.dropped += 1;
                return;
            }
        }
        let is_call = matches!(header.destination.module.kind, ModuleKind::Switch | ModuleKind::Signaling);
        let is_too_long = is_call && packet.parameters.len() > CALL_BYTES && self.config.trust == Trust::Listed;
        let read = match packet.packet() {
            Ok(read) => read,
            Err(error) => return self.close(now, link, (ByeReason::Malformed, error.to_string())),
        };
        if read.is_none() {
            self.counters.unreadable += 1;
        }
        let is_answer = matches!(header.command, Command::Progress | Command::Done | Command::Failed);
        if is_answer && self.requests.answered(&header).is_none() {
            self.counters.late += 1;
            return self.give_back(now, read);
        }
        let taken = match read {
            Some(_) if is_too_long => Err(Failure::new(Reason::Invalid).with_detail("longer than a call has to say")),
            Some(packet) => self.admit(now, link, &packet).map(|()| packet),
            None => Err(Failure::new(Reason::Unsupported).with_detail("written by a later version")),
        };
        let packet = match taken {
            Ok(packet) => packet,
            Err(failure) if header.is_awaited() => {
                self.counters.failed += 1;
                return self.answer(now, header.failed(failure));
            }
            // Its request must have an answer.
            Err(failure) if class == Class::Answer => {
                Header { command: Command::Failed, ..header }.with(crate::packet::one(failure))
            }
            Err(_) => {
                self.counters.dropped += 1;
                return;
            }
        };
        if is_answer && let Some(known) = self.table.get_mut(header.source.platform) {
            known.has_answered(now.instant, is_refusal(&packet));
        }
        self.hand_over(packet);
    }

    /// Gives a packet to a module of this platform.
    pub(super) fn hand_over(&mut self, mut packet: Packet) {
        packet.destination.platform = PlatformId::HERE;
        self.deliver.push_back(packet);
    }

    /// A packet on its way to another platform.
    fn pass_on(&mut self, now: Now, from: LinkId, packet: Forwarded<'_>) {
        let header = packet.header;
        if let Err(error) = well_formed(packet.parameters) {
            return self.close(now, from, (ByeReason::Malformed, error.to_string()));
        }
        // Who has not heard of the source takes nothing in its name: it hears of it soon.
        let knows =
            |link| self.links.get(&link).and_then(Link::peer).is_some_and(|of| of.knows(header.source.platform));
        let route = self.table.route(header.destination.platform);
        let route = route.filter(|route| route.link != from && knows(route.link));
        let Some((route, hops)) = route.zip(packet.hops.checked_sub(1)) else {
            return self.turn_back(now, from, &header, Reason::PlatformAbsent);
        };
        let is_answer = matches!(header.command, Command::Progress | Command::Done | Command::Failed);
        let is_awaited = is_answer && self.requests.answered(&header).is_some();
        if is_awaited && let Some(known) = self.table.get_mut(header.source.platform) {
            let read = || packet.packet().ok().flatten();
            let is_refusal = header.command == Command::Failed && read().as_ref().is_some_and(is_refusal);
            known.has_answered(now.instant, is_refusal);
        }
        // An answer to no request that passed here has no room reserved.
        let class = match header.command.class() {
            Class::Answer if !is_awaited => Class::Notice,
            class => class,
        };
        let forwarded = Forwarded { hops, ..packet };
        match self.transmit(now, route, header, class, |buffer| write_forwarded(&forwarded, buffer)) {
            Ok(()) => self.counters.forwarded += 1,
            Err(reason) => self.turn_back(now, from, &header, reason),
        }
    }

    /// A packet that came over `link` does not go on: its sender hears of it, if it waits.
    fn turn_back(&mut self, now: Now, link: LinkId, header: &Header, reason: Reason) {
        if header.is_awaited() {
            self.counters.failed += 1;
            let failed = header.failed(Failure::new(reason));
            self.answer_over(now, link, &failed);
        } else {
            self.drop_packet(header.destination.platform);
        }
    }

    /// Sends a packet of this platform.
    fn send(&mut self, now: Now, packet: &Packet) -> Result<(), Reason> {
        let route = self.table.route(packet.destination.platform).ok_or(Reason::PlatformAbsent)?;
        // One count for all: who is forgotten and met again is told no place that it had before.
        self.sequence += 1;
        let order = Order { epoch: self.epoch, sequence: self.sequence };
        let write = |buffer: &mut Vec<u8>| write_packet(HOPS, order, packet, buffer);
        self.transmit(now, route, Header::of(packet), packet.command.class(), write)?;
        self.counters.sent += 1;
        Ok(())
    }

    /// Puts a packet on a link, if there is room for its class; a request is remembered until it is answered.
    fn transmit(
        &mut self,
        now: Now,
        route: Route,
        header: Header,
        class: Class,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Reason> {
        if header.is_awaited() && !self.requests.has_room(header.source, route.link) {
            return Err(Reason::Busy);
        }
        self.push(now, route.link, class, write)?;
        if header.is_awaited() {
            self.requests.insert(now.instant, header, route.link);
            if let Some(known) = self.table.get_mut(header.destination.platform) {
                known.was_asked(now.instant);
            }
        }
        Ok(())
    }

    fn push(&mut self, now: Now, id: LinkId, class: Class, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Reason> {
        let Some(link) = self.links.get_mut(&id) else { return Err(Reason::PlatformAbsent) };
        match link.outgoing.push(class, write) {
            Ok(()) => {
                self.make_ready(now.instant, id);
                Ok(())
            }
            Err(Full::Room) => Err(Reason::Busy),
            Err(Full::Long) => Err(Reason::Invalid),
            Err(Full::Unread) => {
                self.close(now, id, (ByeReason::Unread, "it asks and does not read the answers".to_owned()));
                Err(Reason::PlatformAbsent)
            }
        }
    }

    /// An answer of this platform's own, in its order.
    fn answer(&mut self, now: Now, answer: Packet) {
        let answer = Packet { source: Address { platform: self.config.platform, ..answer.source }, ..answer };
        if self.send(now, &answer).is_err() {
            self.drop_packet(answer.destination.platform);
        }
    }

    /// An answer in the name of another platform, over the link that its request came from.
    fn answer_over(&mut self, now: Now, link: LinkId, answer: &Packet) {
        let write = |buffer: &mut Vec<u8>| write_packet(HOPS, Order::default(), answer, buffer);
        if self.push(now, link, Class::Answer, write).is_err() {
            self.drop_packet(answer.destination.platform);
        }
    }

    /// A request is lost with its link, or too old: whoever sent it hears of it.
    pub(super) fn fail_request(&mut self, now: Now, request: &Request, failure: Failure) {
        self.counters.failed += 1;
        let failed = request.header.failed(failure);
        let to = failed.destination.platform;
        if to == self.config.platform {
            self.hand_over(failed);
        } else if let Some(route) = self.table.route(to) {
            self.answer_over(now, route.link, &failed);
        } else {
            self.drop_packet(to);
        }
    }

    /// A packet of this platform finds no way: its sender hears of it, a release without room is repeated.
    fn refuse_own(&mut self, now: Now, packet: Packet, reason: Reason) {
        if packet.command.class() == Class::Release && reason == Reason::Busy && self.hold(now, &packet) {
            return;
        }
        if Header::of(&packet).is_awaited() {
            self.counters.failed += 1;
            self.hand_over(packet.failed(reason));
        } else {
            self.drop_packet(packet.destination.platform);
        }
    }

    fn drop_packet(&mut self, destination: PlatformId) {
        self.counters.dropped += 1;
        if let Some(known) = self.table.get_mut(destination) {
            known.traffic.dropped += 1;
        }
    }

    /// Keeps a release to repeat it; false if too many are kept.
    fn hold(&mut self, now: Now, packet: &Packet) -> bool {
        if self.held.len() >= HELD_RELEASES {
            return false;
        }
        self.held.push_back(packet.clone());
        if self.held_until.is_none() {
            self.held_until = Some(now.instant + HELD_FOR);
            self.is_due_at(now.instant + HELD_FOR);
        }
        true
    }

    /// Repeats the releases that found no room.
    pub(super) fn repeat_held(&mut self, now: Now) {
        for packet in std::mem::take(&mut self.held) {
            if packet.destination.platform == PlatformId::HERE {
                self.deliver.push_back(packet);
            } else {
                self.handle_outbound(now, packet);
            }
        }
    }

    /// A late `Done` to an `Open` is answered with `Close`: what it opened has no owner, as `Outbox` does for its module.
    fn give_back(&mut self, now: Now, late: Option<Packet>) {
        let Some(packet) = late else { return };
        if packet.command == Command::Done && matches!(packet.first(), Some(Parameter::MediaPort(_))) {
            let close = Packet {
                source: packet.destination,
                destination: packet.source,
                transaction: Transaction::NONE,
                command: Command::Close,
                parameters: packet.parameters,
            };
            self.handle_outbound(now, close);
        }
    }
}

/// Whether a route is a platform's own link, and as old as that.
fn is_settled(links: &BTreeMap<LinkId, Link>, now: Now, route: Option<Route>) -> bool {
    let link = route.filter(|route| route.distance == 1).map(|route| route.link);
    let since = link.and_then(|link| links.get(&link)?.peer()).map(|peer| peer.since);
    since.is_some_and(|since| now.instant.since(since) >= Duration::from_millis(SETTLED_MS))
}

/// Whether a platform failed a request in a way that another might not.
fn is_refusal(answer: &Packet) -> bool {
    let elsewhere = [Reason::Busy, Reason::UnknownDestination, Reason::PlatformAbsent, Reason::Exhausted];
    answer.command == Command::Failed && elsewhere.contains(&answer.failure().reason)
}
