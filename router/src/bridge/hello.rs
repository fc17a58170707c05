//! How two platforms introduce themselves, and which of several links between them stays.

use super::LinkId;
use super::identity::Identity;
use super::message::{ByeReason, Heartbeat, Hello, VERSION, VERSION_OLDEST, bounded, write_heartbeat, write_hello};
use super::peer::{Fault, Link};
use super::service::Bridge;
use super::table::{Description, Known};
use crate::address::PlatformId;
use crate::limits::{ACCEPTED_OF_PLATFORM, ADDRESSES, DIAL_SPREAD_MS, NAME_BYTES};
use crate::time::{Duration, Now};

impl Bridge {
    /// Says hello on a new connection.
    pub(super) fn greet(&mut self, now: Now, id: LinkId, identity: Option<Identity>) {
        if let Some(link) = self.links.get_mut(&id) {
            link.connected(now.instant, identity);
            let due = link.next_check(now.instant, self.config.heartbeat);
            self.is_due_at(due);
        }
        let name = |text: &str| bounded(text);
        let addresses = self.config.addresses.iter().filter(|address| address.len() <= NAME_BYTES);
        let hello = Hello {
            version: VERSION,
            oldest: VERSION_OLDEST,
            platform: self.config.platform,
            name: name(&self.config.name),
            epoch: self.epoch,
            software: Some(name(&self.config.version)),
            addresses: addresses.take(ADDRESSES).cloned().collect(),
            modules: self.loads.offered(),
            heartbeat_ms: u32::try_from(self.config.heartbeat.as_millis()).unwrap_or(u32::MAX),
        };
        self.push_control(now, id, |buffer| write_hello(&hello, buffer));
    }

    /// The peer introduces itself.
    pub(super) fn handle_hello(&mut self, now: Now, id: LinkId, hello: Hello) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if let Err(fault) = link.check_hello(&hello) {
            return self.close(now, id, fault);
        }
        let platform = hello.platform;
        let dialled = link.dialled.clone();
        if platform == self.config.platform {
            let is_own = hello.epoch == self.epoch;
            if let Some(target) = dialled.as_ref().and_then(|address| self.targets.get_mut(address)) {
                target.is_own = is_own;
            }
            let fault = match is_own {
                true => (ByeReason::Duplicate, "it is this very platform".to_owned()),
                false => (ByeReason::IdentityTaken, format!("this platform is {}, too", platform.0)),
            };
            return self.close(now, id, fault);
        }
        if let Some(fault) = self.namesake(id, &hello) {
            return self.close(now, id, fault);
        }
        if let Some(address) = &dialled {
            self.targets.met(now.instant, address, platform);
            self.unreached.forget(address);
        }
        let Some(made_way) = self.table.entry_of_peer(now, platform) else {
            return self.close(now, id, (ByeReason::TooMany, "there is no room for one more platform".to_owned()));
        };
        self.apply(now, made_way);
        let Some((lost, is_kept)) = self.settle_duplicates(now, id, &hello) else { return };
        if let Some(link) = self.links.get_mut(&id) {
            link.up(now.instant, &hello);
        }
        let Hello { version, name, epoch, software, addresses, modules, .. } = hello;
        tracing::info!(platform = platform.0, name, version = version.min(VERSION), "link up");
        self.unreached.forget(&platform.0.to_string());
        self.introduced(now, platform, &addresses);
        let description = Description { name, epoch, software, addresses };
        self.counters.links_up += 1;
        let changes = self.table.link_up(now, platform, id, description, modules);
        if let Some(known) = self.table.get_mut(platform)
            && is_kept
        {
            known.last_error = None;
        }
        self.changed.insert(platform);
        self.apply(now, changes);
        for (other, fault) in lost {
            self.close(now, other, fault);
        }
        if !is_kept {
            return self.close(now, id, (ByeReason::Duplicate, "another link is kept".to_owned()));
        }
        self.announce_to(now, id);
        self.start_heartbeat(now, id);
    }

    /// Why a platform is refused whose certificate gives it a name that is this one's, or one's that is linked and has proved it, too.
    fn namesake(&self, id: LinkId, hello: &Hello) -> Option<Fault> {
        self.links.get(&id)?.identity.as_ref()?;
        let bears = |link: &&Link| {
            let of = link.peer().and_then(|peer| self.table.get(peer.platform).map(|known| (peer.platform, known)));
            let is_other = |(platform, known): (PlatformId, &Known)| {
                platform != hello.platform && known.description.name == hello.name
            };
            link.identity.is_some() && of.is_some_and(is_other)
        };
        let other = match !hello.name.is_empty() && hello.name == self.config.name {
            true => self.config.platform,
            false => self.links.values().find(bears).filter(|_| !hello.name.is_empty())?.peer()?.platform,
        };
        Some((ByeReason::IdentityTaken, format!("`{}` is the name of platform {}", hello.name, other.0)))
    }

    /// A platform told of itself where it is reached.
    fn introduced(&mut self, now: Now, platform: PlatformId, addresses: &[String]) {
        let others: Vec<_> =
            addresses.iter().filter(|address| !self.config.addresses.contains(address)).cloned().collect();
        let due = now.instant + Duration::from_millis(self.random.below(DIAL_SPREAD_MS));
        self.targets.introduce(now.instant, platform, &others, due);
    }

    /// The first heartbeat follows the hello, so that a round trip is known at once.
    fn start_heartbeat(&mut self, now: Now, id: LinkId) {
        let modules = self.loads.offered();
        let Some(peer) = self.links.get_mut(&id).and_then(Link::peer_mut) else { return };
        let heartbeat = Heartbeat { number: peer.heartbeat(now.instant), modules };
        self.push_control(now, id, |buffer| write_heartbeat(&heartbeat, buffer));
        self.is_due_at(now.instant + self.config.heartbeat);
    }

    /// Of several links to one platform: which others end, and whether the new one stays. `None`: it was refused.
    ///
    /// - Another epoch is another life, or another platform of that number: while the former is heard, the new one is
    ///   refused; when it is not, the former has died.
    /// - Both dialled each other: the link that the lower number dialled stays, at either end.
    /// - One end dialled twice: that end keeps its older one. The other end keeps the newest two, so that nobody has all the links there are.
    fn settle_duplicates(&mut self, now: Now, id: LinkId, hello: &Hello) -> Option<(Vec<(LinkId, Fault)>, bool)> {
        let links = self.table.get(hello.platform).map(|known| known.links.clone()).unwrap_or_default();
        let is_dialled = self.links.get(&id).is_some_and(|link| link.dialled.is_some());
        let mut lost = Vec::new();
        let mut is_kept = true;
        let mut accepted = Vec::new();
        for other in links {
            let Some(link) = self.links.get(&other) else { continue };
            let is_other_life = link.peer().is_some_and(|peer| peer.epoch != hello.epoch);
            if is_other_life && link.is_alive(now.instant) {
                let text = format!("another living platform is {}", hello.platform.0);
                if let Some(known) = self.table.get_mut(hello.platform) {
                    known.last_error = Some(format!("{}: {text}", ByeReason::IdentityTaken.name()));
                }
                self.changed.insert(hello.platform);
                self.close(now, id, (ByeReason::IdentityTaken, text));
                return None;
            }
            if is_other_life {
                lost.push((other, (ByeReason::Silent, "its next life said hello".to_owned())));
                continue;
            }
            let keeps_dialled = self.config.platform < hello.platform;
            match (link.dialled.is_some(), is_dialled) {
                (true, true) => is_kept = false,
                // The end that dialled decides; a link that it lost without a word falls silent here.
                (false, false) => accepted.push(other),
                (_, is_new_dialled) if is_new_dialled == keeps_dialled => {
                    lost.push((other, (ByeReason::Duplicate, "another link is kept".to_owned())));
                }
                _ => is_kept = false,
            }
        }
        let surplus = (accepted.len() + 1).saturating_sub(ACCEPTED_OF_PLATFORM);
        let newer = || (ByeReason::Duplicate, "it has made newer ones".to_owned());
        lost.extend(accepted.into_iter().take(surplus).map(|older| (older, newer())));
        Some((lost, is_kept))
    }
}
