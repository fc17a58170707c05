//! Links that come and go: heartbeats, lists of platforms, who dials whom.

use super::LinkId;
use super::frame::FrameReader;
use super::identity::Identity;
use super::message::{
    Announced, Bye, ByeReason, Heartbeat, HeartbeatAnswer, LinkMessage, bounded, read_message, write_bye,
    write_heartbeat, write_heartbeat_answer, write_platforms,
};
use super::newcomers::{Newcomer, makes_way, network_of};
use super::outgoing::Full;
use super::peer::{Fault, Link, Phase};
use super::service::{Bridge, Output};
use super::table::Change;
use crate::address::PlatformId;
use crate::limits::{DIAL_SPREAD_MS, LASTED_MS, LINKS, SETTLED_MS, TELL_AFTER_MS};
use crate::parameter::{Failure, Reason};
use crate::time::{Duration, Instant, Now};
use std::net::{IpAddr, SocketAddr};

impl Bridge {
    /// Somebody connected from `remote`; the certificate, if there is one, names platform `identity`. Another one that has not said hello
    /// may make way for it. `None`: there are too many links, or this platform stops.
    pub fn handle_accepted(&mut self, now: Now, remote: String, identity: Option<Identity>) -> Option<LinkId> {
        if self.is_stopping {
            return None;
        }
        if let Some(other) = self.makes_way(newcomer(&remote, identity.as_ref())) {
            self.close(now, other, (ByeReason::TooMany, "it said no hello, and others came".to_owned()));
        }
        if self.links.len() >= LINKS {
            self.handle_turned_away(now, &remote, "there are too many links");
            return None;
        }
        let id = self.next_link();
        self.links.insert(id, Link::new(now.instant, id, None, remote));
        self.greet(now, id, identity);
        Some(id)
    }

    /// The link that makes way for a newcomer, among those that came in and have not said hello.
    fn makes_way(&self, of: Newcomer<Source>) -> Option<LinkId> {
        let waits = |link: &&Link| link.peer().is_none() && link.dialled.is_none();
        let waiting = self.links.values().filter(waits);
        let waiting: Vec<_> = waiting.map(|link| (link.id, newcomer(&link.remote, link.identity.as_ref()))).collect();
        makes_way(&waiting, of)
    }

    /// Somebody connected from `remote` and was refused before there was a link: no handshake, a certificate that is none here.
    pub fn handle_turned_away(&mut self, now: Now, remote: &str, error: &str) {
        self.counters.links_refused += 1;
        if let Some(before) = self.refusals.note(now.instant, remote) {
            tracing::warn!(remote, error, before, "a link was refused");
        }
    }

    /// The connection that [`Output::Connect`] asked for is there.
    pub fn handle_connected(&mut self, now: Now, link: LinkId, identity: Option<Identity>) {
        if self.links.get(&link).is_some_and(|link| matches!(link.phase, Phase::Connecting)) {
            self.greet(now, link, identity);
        }
    }

    /// Octets came over a link.
    pub fn handle_bytes(&mut self, now: Now, id: LinkId, mut bytes: &[u8]) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if matches!(link.phase, Phase::Connecting) {
            return;
        }
        link.received(now.instant, bytes.len());
        let mut reader = std::mem::replace(&mut link.reader, FrameReader::new(0));
        loop {
            // Gone, because of what it said.
            let Some(link) = self.links.get(&id) else { return };
            reader.set_bound(link.frame_bound());
            match reader.next(&mut bytes) {
                Ok(Some(content)) => match read_message(content) {
                    Ok(message) => self.handle_message(now, id, message),
                    Err(error) => self.close(now, id, (ByeReason::Malformed, error.to_string())),
                },
                Ok(None) => break,
                Err(error) => self.close(now, id, (ByeReason::Malformed, error.to_string())),
            }
            reader.consumed();
        }
        if let Some(link) = self.links.get_mut(&id) {
            link.reader = reader;
        }
    }

    /// The shell has written so many octets of a link, by so many writes.
    pub fn handle_written(&mut self, now: Now, id: LinkId, octets: usize, writes: u64) {
        if let Some(link) = self.links.get_mut(&id) {
            link.written(now.instant, octets, writes);
            self.make_ready(now.instant, id);
        }
    }

    /// A link's connection did not come about, or ended: closed by the peer (`None`) or for a reason.
    pub fn handle_closed(&mut self, now: Now, id: LinkId, error: Option<String>) {
        let what = error.unwrap_or_else(|| "the peer closed the connection".to_owned());
        self.lose(now, id, Failed::Because(what));
    }

    /// The platform stops: every peer is told, no link is opened any more.
    pub fn handle_stop(&mut self, now: Now) {
        self.is_stopping = true;
        let links: Vec<_> = self.links.keys().copied().collect();
        for id in links {
            self.part(now, id, Bye { reason: ByeReason::Stopping as u8, text: None }, Failed::Silently);
        }
    }

    /// Ends a link because of what the peer did, and tells it.
    pub(super) fn close(&mut self, now: Now, id: LinkId, (reason, text): Fault) {
        if let Some(link) = self.links.get(&id)
            && reason != ByeReason::Duplicate
        {
            self.counters.links_refused += 1;
            if link.dialled.is_none()
                && link.peer().is_none()
                && let Some(before) = self.refusals.note(now.instant, &link.remote)
            {
                tracing::warn!(remote = link.remote, reason = reason.name(), text, before, "a link was refused");
            }
        }
        let failed = match reason {
            ByeReason::Duplicate => Failed::Silently,
            _ => Failed::Because(format!("{}: {text}", reason.name())),
        };
        self.part(now, id, Bye { reason: reason as u8, text: Some(text) }, failed);
    }

    /// Something can perhaps be written to a link.
    pub(super) fn make_ready(&mut self, now: Instant, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id)
            && !link.is_ready
        {
            link.will_write(now);
            link.is_ready = true;
            self.ready.push_back(id);
        }
    }

    /// Gives up links that are silent, that do not read, that did not say hello.
    pub(super) fn check_links(&mut self, now: Now) {
        let own = self.config.heartbeat;
        let faults: Vec<_> = self
            .links
            .values()
            .filter_map(|link| link.check(now.instant, own).err().map(|fault| (link.id, fault)))
            .collect();
        for (id, fault) in faults {
            self.close(now, id, fault);
        }
    }

    /// Tells each peer that this platform lives, and its load.
    pub(super) fn send_heartbeats(&mut self, now: Now) {
        let modules = self.loads.offered();
        let links: Vec<_> = self.links.keys().copied().collect();
        for id in links {
            let Some(peer) = self.links.get_mut(&id).and_then(Link::peer_mut) else { continue };
            let heartbeat = Heartbeat { number: peer.heartbeat(now.instant), modules: modules.clone() };
            self.push_control(now, id, |buffer| write_heartbeat(&heartbeat, buffer));
        }
    }

    /// Tells each peer which platforms are reached from here.
    pub(super) fn announce(&mut self, now: Now) {
        self.tell_at = None;
        self.told = now.instant;
        let links: Vec<_> = self.links.keys().copied().collect();
        for id in links {
            self.announce_to(now, id);
        }
    }

    /// Tells one peer.
    pub(super) fn announce_to(&mut self, now: Now, id: LinkId) {
        let Some(peer) = self.links.get_mut(&id).and_then(Link::peer_mut) else { return };
        let announced = self.table.announcement(peer.platform);
        peer.was_told(announced.iter().map(|announced| announced.platform));
        self.push_control(now, id, |buffer| write_platforms(&announced, buffer));
    }

    /// Looks at the lists that came too soon behind others of their peers.
    pub(super) fn hear_lists(&mut self, now: Now) {
        let due = |link: &Link| link.peer()?.list_due().filter(|due| *due <= now.instant).map(|_| link.id);
        let links: Vec<_> = self.links.values().filter_map(due).collect();
        for id in links {
            let Some(peer) = self.links.get_mut(&id).and_then(Link::peer_mut) else { continue };
            let from = peer.platform;
            if let Some(announced) = peer.take_list(now.instant) {
                self.hear(now, from, announced);
            }
        }
    }

    /// Dials what is due.
    pub(super) fn dial(&mut self, now: Instant) {
        while !self.is_stopping && self.links.len() < LINKS {
            let Some(address) = self.targets.poll(now, |platform| self.table.is_linked(platform)) else { break };
            let id = self.next_link();
            self.targets.dialled(&address, id);
            self.links.insert(id, Link::new(now, id, Some(address.clone()), address.clone()));
            self.outputs.push_back(Output::Connect(id, address));
        }
    }

    /// Forgets platforms that have been down for too long and that no configuration names.
    pub(super) fn forget_platforms(&mut self, now: Instant) {
        self.targets.age(now, |platform| self.table.is_linked(platform));
        let forgotten = self.table.forget(now, |platform| self.targets.is_configured(platform));
        self.changed.extend(forgotten);
    }

    /// Forgets one, as the operator wishes: what is known of it, and its addresses. Why not: it is there.
    pub(super) fn forget(&mut self, platform: PlatformId) -> Result<(), String> {
        match self.table.route(platform) {
            Some(route) if route.distance == 1 => return Err("it is linked".to_owned()),
            Some(route) => return Err(format!("platform {} tells of it", route.via.0)),
            None => {}
        }
        self.table.remove(platform);
        self.changed.insert(platform);
        self.targets.forget(platform);
        self.unreached.forget(&platform.0.to_string());
        Ok(())
    }

    fn next_link(&mut self) -> LinkId {
        let id = LinkId(self.next_link);
        self.next_link += 1;
        id
    }

    fn handle_message(&mut self, now: Now, id: LinkId, message: LinkMessage<'_>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(peer) = link.peer().map(|peer| peer.platform) else {
            return match message {
                LinkMessage::Hello(hello) => self.handle_hello(now, id, *hello),
                LinkMessage::Bye(bye) => self.lose(now, id, Failed::Because(format!("it said: {}", bye.describe()))),
                _ => self.close(now, id, (ByeReason::Malformed, "the first message is no hello".to_owned())),
            };
        };
        match message {
            LinkMessage::Packet(packet) => {
                link.packets_in += 1;
                self.handle_inbound(now, id, peer, packet);
            }
            LinkMessage::Heartbeat(Heartbeat { number, modules }) => {
                self.table.loaded(peer, modules);
                self.push_control(now, id, |buffer| write_heartbeat_answer(HeartbeatAnswer { number }, buffer));
            }
            LinkMessage::HeartbeatAnswer(HeartbeatAnswer { number }) => {
                if let Some(peer) = link.peer_mut() {
                    peer.heartbeat_answered(now.instant, number);
                }
            }
            LinkMessage::Platforms(announced) => self.handle_platforms(now, id, announced),
            LinkMessage::Bye(bye) if bye.reason == ByeReason::Duplicate as u8 => self.lose(now, id, Failed::Silently),
            LinkMessage::Bye(bye) => self.lose(now, id, Failed::Because(format!("it said: {}", bye.describe()))),
            LinkMessage::Hello(hello) => {
                let fault = link.check_hello(&hello).err();
                self.close(now, id, fault.unwrap_or((ByeReason::Misbehaved, String::new())));
            }
            LinkMessage::Unknown => {
                link.packets_in += 1;
                self.counters.unreadable += 1;
                self.counters.dropped += 1;
            }
        }
    }

    /// A peer told which platforms it reaches.
    fn handle_platforms(&mut self, now: Now, id: LinkId, announced: Vec<Announced>) {
        let Some(peer) = self.links.get_mut(&id).and_then(Link::peer_mut) else { return };
        peer.announced(now.instant, announced);
        if let Some(due) = peer.list_due() {
            self.is_due_at(due);
        }
        self.hear_lists(now);
    }

    /// What follows from a list.
    fn hear(&mut self, now: Now, from: PlatformId, announced: Vec<Announced>) {
        for Announced { platform, addresses, epoch, distance, .. } in &announced {
            let own = self.config.platform;
            let of_link = self.table.get(*platform).filter(|known| !known.links.is_empty());
            let is_linked = of_link.is_some();
            let conflicts = of_link.is_some_and(|known| known.description.epoch != *epoch && *distance == 1);
            if conflicts && let Some(known) = self.table.get_mut(*platform) {
                let text = format!("platform {} is linked to another platform of this number", from.0);
                // Told once, however often it is said.
                if known.last_error.as_ref() != Some(&text) {
                    known.last_error = Some(text);
                    self.changed.insert(*platform);
                }
            } else if *platform != own && platform.is_identity() && !is_linked {
                self.learn(now.instant, *platform, (from, *distance), addresses);
            }
        }
        let changes = self.table.heard(now, from, announced);
        self.apply(now, changes);
    }

    /// Addresses at which a platform is to be dialled, soon, as another one told so many links away from it.
    fn learn(&mut self, now: Instant, platform: PlatformId, by: (PlatformId, u8), addresses: &[String]) {
        for address in addresses.iter().filter(|address| !self.config.addresses.contains(address)) {
            let due = now + Duration::from_millis(self.random.below(DIAL_SPREAD_MS));
            self.targets.tell(now, address, platform, by, due);
            self.due = self.due.min(due);
        }
    }

    /// What follows from changed routes: what was asked of who is lost fails, peers and subscribers hear of it.
    pub(super) fn apply(&mut self, now: Now, changes: Vec<Change>) {
        let mut is_new = false;
        for Change { platform, is_new: is_new_one, is_lost } in &changes {
            self.changed.insert(*platform);
            is_new |= is_new_one;
            if *is_lost {
                self.followed.lost(*platform);
                for request in self.requests.take_of_destination(*platform) {
                    self.fail_request(now, &request, Failure::new(Reason::PlatformAbsent));
                }
                // What it asked, nobody waits for any more.
                self.requests.take_of_source(*platform);
            }
        }
        let soon = Duration::from_millis(TELL_AFTER_MS);
        if is_new && now.instant >= self.told + soon {
            // At once: nothing that it sends is passed on before.
            self.announce(now);
        } else if !changes.is_empty() && self.tell_at.is_none() {
            let at = now.instant + soon;
            self.tell_at = Some(at);
            self.is_due_at(at);
        }
    }

    pub(super) fn push_control(&mut self, now: Now, id: LinkId, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(link) = self.links.get_mut(&id) else { return };
        match link.outgoing.push_control(write) {
            Ok(()) => self.make_ready(now.instant, id),
            Err(Full::Room | Full::Long | Full::Unread) => {
                self.close(now, id, (ByeReason::Unread, "it reads nothing".to_owned()));
            }
        }
    }

    /// Says bye and ends a link.
    fn part(&mut self, now: Now, id: LinkId, bye: Bye, failed: Failed) {
        if let Some(link) = self.links.get(&id) {
            let mut last = Vec::new();
            if !matches!(link.phase, Phase::Connecting) {
                // A hello that was not written yet goes first.
                let is_said = link.outgoing.octets_out() > 0;
                if !is_said && let Some(link) = self.links.get_mut(&id) {
                    last = link.outgoing.poll_write().unwrap_or_default();
                }
                write_bye(&bye, &mut last);
            }
            self.lose(now, id, failed);
            self.outputs.push_back(Output::Close(id, last));
        }
    }

    /// A link is gone: what was in flight over it fails, what waited for it is lost, routes change.
    fn lose(&mut self, now: Now, id: LinkId, failed: Failed) {
        let Some(link) = self.links.remove(&id) else { return };
        let error = match failed {
            Failed::Because(error) => Some(bounded(&error)),
            Failed::Silently => None,
        };
        let lasted = link.peer().map(|peer| now.instant.since(peer.since));
        let was_settled = lasted.is_some_and(|lasted| lasted >= Duration::from_millis(SETTLED_MS));
        if let Some(address) = &link.dialled {
            if lasted.is_some_and(|lasted| lasted >= Duration::from_millis(LASTED_MS)) {
                self.targets.settled(address);
            }
            let platform = self.targets.failed(now.instant, address, error.clone(), &mut self.random);
            if link.peer().is_none()
                && let Some(error) = &error
            {
                let whom = platform.map_or_else(|| address.clone(), |platform| platform.0.to_string());
                if let Some(before) = self.unreached.note(now.instant, &whom, error) {
                    tracing::info!(platform = platform.map(|platform| platform.0), address, error, before, "no link");
                }
            }
        }
        if let Some(peer) = link.peer() {
            let platform = peer.platform;
            match &error {
                Some(error) => tracing::warn!(platform = platform.0, error, "link down"),
                None => tracing::info!(platform = platform.0, "link down"),
            }
            if let Some(known) = self.table.get_mut(platform) {
                if was_settled {
                    known.was_linked();
                }
                known.traffic.packets_in += link.packets_in;
                known.traffic.octets_in += link.octets_in;
                known.traffic.packets_out += link.outgoing.packets_out();
                known.traffic.octets_out += link.outgoing.octets_out();
                known.traffic.writes += link.outgoing.writes();
                known.traffic.dropped += link.outgoing.packets();
                if error.is_some() {
                    known.last_error = error;
                }
            }
            let lost = self.requests.take_of_link(id);
            let changes = self.table.link_down(now, platform, id);
            self.changed.insert(platform);
            for request in lost {
                let failure = Failure::new(Reason::PlatformAbsent).with_detail("the link was lost");
                self.fail_request(now, &request, failure);
            }
            self.apply(now, changes);
        }
        // It is to be dialled anew.
        self.is_due_at(now.instant);
    }
}

/// Whom a link without hello counts for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    /// Who has shown a certificate of the cluster.
    Platform(PlatformId),
    /// Who has not.
    Network(Option<IpAddr>),
}

fn newcomer(remote: &str, identity: Option<&Identity>) -> Newcomer<Source> {
    let network = || remote.parse().ok().map(|remote: SocketAddr| network_of(remote.ip()));
    Newcomer {
        source: identity.map_or_else(|| Source::Network(network()), |of| Source::Platform(of.platform)),
        is_known: identity.is_some(),
    }
}

/// What the loss of a link means for its platform and address.
enum Failed {
    /// Nothing went wrong.
    Silently,
    /// Something did.
    Because(String),
}
