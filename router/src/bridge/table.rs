//! Which platforms there are, and how each is reached: by a link of its own, or through one that announced it.

use super::LinkId;
use super::message::{Announced, Offered, Order};
use crate::address::{ModuleKind, PlatformId};
use crate::limits::{
    ANSWER_WITHIN_MS, AVOID_MS, CALLS_PER_SECOND, FORGET_S, HOPS, LISTINGS_PER_SECOND, PLATFORMS, UNMET_FORGET_S,
};
use crate::pacer::Pacer;
use crate::time::{Duration, Instant, Now, WallTime};
use std::collections::BTreeMap;

/// How a platform is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Route {
    /// The link that leads there.
    pub(crate) link: LinkId,
    /// The platform at its other end.
    pub(crate) via: PlatformId,
    /// How many links away: 1 is the link's own peer.
    pub(crate) distance: u8,
}

/// What a platform tells of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Description {
    pub(crate) name: String,
    pub(crate) epoch: u32,
    pub(crate) software: Option<String>,
    pub(crate) addresses: Vec<String>,
}

/// What has been counted of a platform's links that are gone, and of packets that found no way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) packets_in: u64,
    pub(crate) octets_in: u64,
    pub(crate) packets_out: u64,
    pub(crate) octets_out: u64,
    pub(crate) writes: u64,
    pub(crate) dropped: u64,
}

/// What a neighbour said of a platform.
#[derive(Clone, Debug)]
struct Hearsay {
    distance: u8,
    description: Description,
    modules: Vec<Offered>,
}

/// A platform other than this one.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) description: Description,
    pub(crate) modules: Vec<Offered>,
    /// Links to it that are up; the last one is used.
    pub(crate) links: Vec<LinkId>,
    /// Which linked platforms announce it.
    hearsay: BTreeMap<PlatformId, Hearsay>,
    pub(crate) route: Option<Route>,
    /// Since when it is reached so.
    pub(crate) since: WallTime,
    /// When its last route went.
    pub(crate) lost: Instant,
    pub(crate) last_error: Option<String>,
    pub(crate) traffic: Traffic,
    /// The place of the last packet that came over a link of its own.
    received: Order,
    /// The place of the last one that others passed on, who may have written it themselves.
    passed_on: Order,
    /// How often it was picked as "any" since it last told its load.
    picks: u64,
    avoided_until: Instant,
    /// Since when a request waits for the first sign of life.
    asked: Option<Instant>,
    /// Whether it ever had a link: others merely tell of it.
    pub(crate) is_met: bool,
    /// How often it asks for listings, and for calls.
    listings: Pacer,
    calls: Pacer,
}

/// What a change of routes did to a platform.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Change {
    pub(crate) platform: PlatformId,
    /// It was not reached before.
    pub(crate) is_new: bool,
    /// It is not reached any more, or is another one of that number: what was asked of it is lost.
    pub(crate) is_lost: bool,
}

/// The platforms, in the order of their numbers.
#[derive(Debug)]
pub(crate) struct Table {
    own: PlatformId,
    platforms: BTreeMap<PlatformId, Known>,
    /// Whose link leads to which platform.
    peers: BTreeMap<PlatformId, LinkId>,
}

impl Table {
    /// Of platform `own`.
    pub(crate) fn new(own: PlatformId) -> Self {
        Self { own, platforms: BTreeMap::new(), peers: BTreeMap::new() }
    }

    /// What is known of a platform.
    pub(crate) fn get(&self, platform: PlatformId) -> Option<&Known> {
        self.platforms.get(&platform)
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, platform: PlatformId) -> Option<&mut Known> {
        self.platforms.get_mut(&platform)
    }

    /// All, in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (PlatformId, &Known)> {
        self.platforms.iter().map(|(id, known)| (*id, known))
    }

    /// Whether it has a link of its own.
    pub(crate) fn is_linked(&self, platform: PlatformId) -> bool {
        self.peers.contains_key(&platform)
    }

    /// How a platform is reached.
    pub(crate) fn route(&self, platform: PlatformId) -> Option<Route> {
        self.platforms.get(&platform)?.route
    }

    /// What is known of a platform, if only that it exists. Where there is no room for one more, the one that is down for
    /// longest is forgotten, of those that never had a link first; `None` where none is.
    pub(crate) fn entry(&mut self, now: Now, platform: PlatformId) -> Option<&mut Known> {
        if self.platforms.len() >= PLATFORMS && !self.platforms.contains_key(&platform) {
            let oldest = self.down_for_longest(false).or_else(|| self.down_for_longest(true))?;
            self.platforms.remove(&oldest);
        }
        Some(self.platforms.entry(platform).or_insert_with(|| Known::new(now)))
    }

    /// Which platform makes way in a full table for one that `from` tells of: one that is down and never had a link; one of whoever answers for
    /// most; one that had a link and is down, unless those that a single one answers for fill half the room.
    fn makes_way(&self, from: PlatformId) -> Option<PlatformId> {
        if let Some(down) = self.down_for_longest(false) {
            return Some(down);
        }
        let answered = self.answered_for();
        let own = answered.get(&from).map_or(0, Vec::len);
        let most = answered.values().max_by_key(|told| told.len()).filter(|told| told.len() > own + 1);
        if let Some(last) = most.and_then(|told| told.last()) {
            return Some(*last);
        }
        let all: usize = answered.values().map(Vec::len).sum();
        if all < PLATFORMS / 2 { self.down_for_longest(true) } else { None }
    }

    /// The platform that is down for longest, of those that had a link or of those that never had.
    fn down_for_longest(&self, is_met: bool) -> Option<PlatformId> {
        let is_down = |known: &Known| known.route.is_none() && known.hearsay.is_empty() && known.is_met == is_met;
        let down = self.platforms.iter().filter(|(_, known)| is_down(known));
        down.min_by_key(|(_, known)| known.lost).map(|(id, _)| *id)
    }

    /// Platforms without a link, by whoever answers for them: the one that says that it is nearest. Where several are as near, nobody
    /// answers alone. What others merely heard of that one is its word, too.
    fn answered_for(&self) -> BTreeMap<PlatformId, Vec<PlatformId>> {
        let mut answered: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (&platform, known) in self.platforms.iter().filter(|(_, known)| known.links.is_empty()) {
            let Some(nearest) = known.hearsay.values().map(|hearsay| hearsay.distance).min() else { continue };
            let mut by = known.hearsay.iter().filter(|(_, hearsay)| hearsay.distance == nearest);
            if let (Some((by, _)), None) = (by.next(), by.next()) {
                answered.entry(*by).or_default().push(platform);
            }
        }
        answered
    }

    /// Nothing is known of it any more.
    pub(crate) fn remove(&mut self, platform: PlatformId) {
        self.platforms.remove(&platform);
    }

    /// Room for a platform that has said hello itself: who only hears of others does not keep it out. Of platforms without a link
    /// the one that is farthest away is forgotten where there is none, of those that never had one first: what that changes. `None` where
    /// all have links.
    pub(crate) fn entry_of_peer(&mut self, now: Now, platform: PlatformId) -> Option<Vec<Change>> {
        let mut changes = Vec::new();
        if self.platforms.len() >= PLATFORMS && !self.platforms.contains_key(&platform) {
            let told = self.platforms.iter().filter(|(_, known)| known.links.is_empty());
            let distance = |known: &Known| known.route.map_or(u8::MAX, |route| route.distance);
            let farthest = told.max_by_key(|(_, known)| (!known.is_met, distance(known)));
            let farthest = farthest.map(|(id, _)| *id)?;
            self.platforms.remove(&farthest);
            changes.push(Change { platform: farthest, is_new: false, is_lost: true });
        }
        self.entry(now, platform).map(|_| changes)
    }

    /// A link to a platform is up.
    pub(crate) fn link_up(
        &mut self,
        now: Now,
        platform: PlatformId,
        link: LinkId,
        description: Description,
        modules: Vec<Offered>,
    ) -> Vec<Change> {
        let Some(known) = self.entry(now, platform) else { return Vec::new() };
        let is_other = known.route.is_some() && known.description.epoch != description.epoch;
        known.is_met = true;
        known.description = description;
        known.modules = modules;
        known.links.push(link);
        self.peers.insert(platform, link);
        let mut changes = self.reroute(now);
        if is_other {
            changes.push(Change { platform, is_new: false, is_lost: true });
        }
        changes
    }

    /// A link to a platform is gone.
    pub(crate) fn link_down(&mut self, now: Now, platform: PlatformId, link: LinkId) -> Vec<Change> {
        let Some(known) = self.platforms.get_mut(&platform) else { return Vec::new() };
        known.links.retain(|other| *other != link);
        match known.links.last() {
            Some(other) => {
                self.peers.insert(platform, *other);
            }
            None => {
                self.peers.remove(&platform);
                for known in self.platforms.values_mut() {
                    known.hearsay.remove(&platform);
                }
            }
        }
        self.reroute(now)
    }

    /// A linked platform told which others it reaches: all of them, so that those that it does not name it does not reach.
    pub(crate) fn heard(&mut self, now: Now, from: PlatformId, announced: Vec<Announced>) -> Vec<Change> {
        for known in self.platforms.values_mut() {
            known.hearsay.remove(&from);
        }
        let mut new = Vec::new();
        for Announced { platform, name, epoch, software, addresses, modules, distance, via } in announced {
            // What is reached through this platform, or too far away, is no way for it.
            let is_of_use = via != self.own && (1..HOPS).contains(&distance) && platform != from;
            if platform == self.own || !platform.is_identity() || !is_of_use {
                continue;
            }
            let description = Description { name, epoch, software, addresses };
            let hearsay = Hearsay { distance, description, modules };
            let Some(known) = self.platforms.get_mut(&platform) else {
                new.push((platform, hearsay));
                continue;
            };
            known.hearsay.insert(from, hearsay);
        }
        let mut changes = self.reroute(now);
        if !new.is_empty() {
            // Those that it tells of no more make way first.
            for (platform, hearsay) in new {
                if self.platforms.len() >= PLATFORMS && !self.platforms.contains_key(&platform) {
                    let Some(gone) = self.makes_way(from) else { continue };
                    if self.platforms.remove(&gone).is_some_and(|known| known.route.is_some()) {
                        changes.push(Change { platform: gone, is_new: false, is_lost: true });
                    }
                }
                let known = self.platforms.entry(platform).or_insert_with(|| Known::new(now));
                known.hearsay.insert(from, hearsay);
            }
            changes.append(&mut self.reroute(now));
        }
        changes
    }

    /// The load that a linked platform tells of itself.
    pub(crate) fn loaded(&mut self, platform: PlatformId, modules: Vec<Offered>) {
        if let Some(known) = self.platforms.get_mut(&platform) {
            known.modules = modules;
            known.picks = 0;
        }
    }

    /// Removes what was not reached for long and is not to be kept, and sooner what never had a link: which.
    pub(crate) fn forget(&mut self, now: Instant, is_kept: impl Fn(PlatformId) -> bool) -> Vec<PlatformId> {
        let mut forgotten = Vec::new();
        self.platforms.retain(|id, known| {
            let age = Duration::from_secs(if known.is_met { FORGET_S } else { UNMET_FORGET_S });
            let is_old = known.route.is_none() && known.hearsay.is_empty() && now.since(known.lost) > age;
            let is_forgotten = is_old && !is_kept(*id);
            forgotten.extend(is_forgotten.then_some(*id));
            !is_forgotten
        });
        forgotten
    }

    /// What is told to a neighbour: every platform that is reached, and through whom, so that nobody sends back where it
    /// came from.
    pub(crate) fn announcement(&self, to: PlatformId) -> Vec<Announced> {
        let mut announced = Vec::new();
        for (&platform, known) in &self.platforms {
            let Some(route) = known.route.filter(|_| platform != to) else { continue };
            let Description { name, epoch, software, addresses } = known.description.clone();
            let modules = known.modules.clone();
            let Route { via, distance, .. } = route;
            announced.push(Announced { platform, name, epoch, software, addresses, modules, distance, via });
        }
        announced
    }

    /// The platform for "any module of this kind": the one whose modules of that kind report the least load on average, the
    /// nearer one of equals; one that does not answer only where no other is left.
    pub(crate) fn pick(&mut self, now: Instant, kind: ModuleKind, except: &[PlatformId]) -> Option<PlatformId> {
        let candidate = |(id, known): (&PlatformId, &Known)| {
            let route = known.route.filter(|_| !except.contains(id))?;
            let load = known.load(kind)?;
            Some((known.is_avoided(now), load + known.picks, route.distance, *id))
        };
        let (.., id) = self.platforms.iter().filter_map(candidate).min()?;
        if let Some(known) = self.platforms.get_mut(&id) {
            // Until it tells its load anew, each pick counts as a thousandth.
            known.picks += 1;
        }
        Some(id)
    }

    /// Chooses the routes anew: the own link, else the shortest way through a linked platform, the lowest number of equals.
    fn reroute(&mut self, now: Now) -> Vec<Change> {
        let mut changes = Vec::new();
        for (&platform, known) in &mut self.platforms {
            let direct = self.peers.get(&platform).map(|&link| Route { link, via: platform, distance: 1 });
            let through = || {
                let ways = known.hearsay.iter().filter_map(|(via, hearsay)| {
                    let link = *self.peers.get(via)?;
                    Some(Route { link, via: *via, distance: hearsay.distance + 1 })
                });
                ways.min_by_key(|route| (route.distance, route.via))
            };
            let route = direct.or_else(through);
            let former = known.route.map(|_| known.description.epoch);
            if let Some(route) = route.filter(|route| route.via != platform)
                && let Some(hearsay) = known.hearsay.get(&route.via)
            {
                let own = std::mem::take(&mut known.description.name);
                known.description.clone_from(&hearsay.description);
                if known.is_met && !own.is_empty() {
                    // It has said so itself.
                    known.description.name = own;
                }
                known.modules.clone_from(&hearsay.modules);
                known.picks = 0;
            }
            // Whoever is reached by that way has that number, too, and knows nothing of what was asked.
            let is_other = former.is_some_and(|epoch| epoch != known.description.epoch);
            if route == known.route && !is_other {
                continue;
            }
            let change = Change { platform, is_new: known.route.is_none(), is_lost: route.is_none() || is_other };
            if known.route.map(|route| (route.via, route.distance)) != route.map(|route| (route.via, route.distance)) {
                known.since = now.wall;
            }
            if route.is_none() {
                known.lost = now.instant;
                known.asked = None;
            }
            known.route = route;
            changes.push(change);
        }
        changes
    }
}

impl Known {
    fn new(now: Now) -> Self {
        Self {
            description: Description::default(),
            modules: Vec::new(),
            links: Vec::new(),
            hearsay: BTreeMap::new(),
            route: None,
            since: now.wall,
            lost: now.instant,
            last_error: None,
            traffic: Traffic::default(),
            received: Order::default(),
            passed_on: Order::default(),
            picks: 0,
            avoided_until: Instant::ZERO,
            asked: None,
            is_met: false,
            listings: Pacer::default(),
            calls: Pacer::default(),
        }
    }

    /// Whether it may ask for one more call now.
    pub(crate) fn may_call(&self, now: Instant) -> bool {
        self.calls.take(now, CALLS_PER_SECOND)
    }

    /// Whether it may ask for one more listing now.
    pub(crate) fn may_list(&self, now: Instant) -> bool {
        self.listings.take(now, LISTINGS_PER_SECOND)
    }

    /// Whether a packet that others passed on is in its order; false if a later one came before it, by whatever way.
    pub(crate) fn is_passed_on_in_order(&mut self, order: Order) -> bool {
        let is_later = order.follows(self.received) && order.follows(self.passed_on);
        if is_later && order.sequence != 0 {
            self.passed_on = order;
        }
        is_later
    }

    /// The same of a packet that came over a link of its own. `is_settled`: nothing of it can be on the way through others any more, so that what
    /// these said in its name says nothing of its order.
    pub(crate) fn is_in_order(&mut self, order: Order, is_settled: impl FnOnce(Option<Route>) -> bool) -> bool {
        let is_later = order.follows(self.received) && (order.follows(self.passed_on) || is_settled(self.route));
        if is_later && order.sequence != 0 {
            self.received = order;
        }
        is_later
    }

    /// It has had a link of its own for so long that what others said of its order before is of no use any more.
    pub(crate) fn was_linked(&mut self) {
        self.passed_on = Order::default();
    }

    /// A request was sent to it.
    pub(crate) fn was_asked(&mut self, now: Instant) {
        self.asked.get_or_insert(now);
    }

    /// It answered something; whether it failed the request for a reason of its own.
    pub(crate) fn has_answered(&mut self, now: Instant, is_refusal: bool) {
        self.asked = None;
        if is_refusal {
            self.avoided_until = now + Duration::from_millis(AVOID_MS);
        }
    }

    fn is_avoided(&self, now: Instant) -> bool {
        let waits = self.asked.is_some_and(|since| now.since(since) > Duration::from_millis(ANSWER_WITHIN_MS));
        waits || now < self.avoided_until
    }

    /// The load of its modules of a kind, on average, since its router spreads evenly; `None` if it has none.
    fn load(&self, kind: ModuleKind) -> Option<u64> {
        let of_kind = || self.modules.iter().filter(|module| module.kind == kind as u8);
        let count = of_kind().count() as u64;
        let sum: u64 = of_kind().map(|module| u64::from(module.load_thousandths)).sum();
        sum.checked_div(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: PlatformId = PlatformId(1);

    fn offered(load: u16) -> Vec<Offered> {
        vec![Offered { kind: ModuleKind::Voice as u8, index: 0, load_thousandths: load }]
    }

    fn announced(platform: u32, via: u32, distance: u8) -> Announced {
        Announced {
            platform: PlatformId(platform),
            name: String::new(),
            epoch: 7,
            software: None,
            addresses: Vec::new(),
            modules: offered(100),
            distance,
            via: PlatformId(via),
        }
    }

    fn table(links: &[(u32, u16)]) -> Table {
        let mut table = Table::new(OWN);
        for &(platform, load) in links {
            let link = LinkId(u64::from(platform));
            table.link_up(Now::default(), PlatformId(platform), link, Description::default(), offered(load));
        }
        table
    }

    #[test]
    fn a_link_is_nearer_than_any_way_and_the_shortest_way_is_taken() {
        let mut table = table(&[(2, 0), (3, 0)]);
        let now = Now::default();
        let changes = table.heard(now, PlatformId(3), vec![announced(4, 4, 1)]);
        assert_eq!(changes, [Change { platform: PlatformId(4), is_new: true, is_lost: false }]);
        table.heard(now, PlatformId(2), vec![announced(4, 5, 2), announced(3, 3, 1)]);
        let via =
            |table: &Table, platform| table.route(PlatformId(platform)).map(|route| (route.via.0, route.distance));
        assert_eq!((via(&table, 4), via(&table, 3)), (Some((3, 2)), Some((3, 1))));
        table.link_down(now, PlatformId(3), LinkId(3));
        assert_eq!((via(&table, 4), via(&table, 3)), (Some((2, 3)), Some((2, 2))));
        let changes = table.link_down(now, PlatformId(2), LinkId(2));
        assert_eq!(changes.iter().filter(|change| change.is_lost).count(), 3);
    }

    #[test]
    fn who_is_reached_by_another_way_under_another_epoch_is_another_one() {
        let mut table = table(&[(2, 0), (3, 0)]);
        let now = Now::default();
        let of_epoch = |epoch| Announced { epoch, ..announced(2, 2, 1) };
        let lost =
            |changes: &[Change]| changes.iter().filter(|change| change.is_lost).map(|of| of.platform.0).collect();
        // Its next life is heard of while the link of the former one is still there.
        let changes: Vec<u32> = lost(&table.heard(now, PlatformId(3), vec![of_epoch(8)]));
        assert_eq!(changes, []);
        let changes = table.link_down(now, PlatformId(2), LinkId(2));
        assert_eq!(changes, [Change { platform: PlatformId(2), is_new: false, is_lost: true }]);
        assert_eq!(table.route(PlatformId(2)).map(|route| route.via.0), Some(3));
        // The same where the way stays.
        assert_eq!(table.heard(now, PlatformId(3), vec![of_epoch(8)]), []);
        let changes: Vec<u32> = lost(&table.heard(now, PlatformId(3), vec![of_epoch(9)]));
        assert_eq!(changes, [2]);
    }

    #[test]
    fn a_way_that_leads_back_or_too_far_is_none() {
        let mut table = table(&[(2, 0)]);
        table.heard(Now::default(), PlatformId(2), vec![announced(3, 1, 2), announced(4, 5, HOPS), announced(1, 1, 1)]);
        assert!(table.route(PlatformId(3)).is_none() && table.route(PlatformId(4)).is_none());
        assert!(table.get(OWN).is_none());
    }

    #[test]
    fn a_full_table_forgets_who_is_down_for_longest() {
        let mut table = Table::new(OWN);
        let at = |second: u64| Now::default().later(Duration::from_secs(second));
        for id in 2..2 + PLATFORMS as u32 {
            let link = LinkId(u64::from(id));
            table.link_up(at(0), PlatformId(id), link, Description::default(), Vec::new());
        }
        let newcomer = PlatformId(1_000);
        assert!(table.entry(at(1), newcomer).is_none(), "all are there");
        table.link_down(at(3), PlatformId(5), LinkId(5));
        table.link_down(at(2), PlatformId(7), LinkId(7));
        assert!(table.entry(at(4), newcomer).is_some());
        assert!(table.get(PlatformId(7)).is_none() && table.get(PlatformId(5)).is_some());
        assert_eq!(table.iter().count(), PLATFORMS);
    }

    #[test]
    fn who_tells_of_many_alone_makes_way_for_what_others_tell() {
        let mut table = table(&[(2, 0), (3, 0)]);
        let now = Now::default();
        // One that had a link is down.
        table.link_up(now, PlatformId(9), LinkId(9), Description::default(), Vec::new());
        table.link_down(now, PlatformId(9), LinkId(9));
        let crowd = |first: u32| (first..first + PLATFORMS as u32).map(|number| announced(number, number, 1)).collect();
        table.heard(now, PlatformId(2), crowd(1_000));
        assert_eq!(table.iter().count(), PLATFORMS);
        assert!(table.get(PlatformId(9)).is_some(), "no crowd makes it forgotten");
        // What another one tells has room, up to as much.
        let changes = table.heard(now, PlatformId(3), crowd(5_000));
        let told =
            |table: &Table, first: u32| table.iter().filter(|(id, _)| (first..first + 1_000).contains(&id.0)).count();
        assert!(
            told(&table, 1_000).abs_diff(told(&table, 5_000)) <= 2,
            "{} {}",
            told(&table, 1_000),
            told(&table, 5_000)
        );
        let lost =
            changes.iter().filter(|change| change.is_lost && (1_000..2_000).contains(&change.platform.0)).count();
        assert_eq!(told(&table, 1_000) + lost, PLATFORMS - 3, "who makes way is told to be gone");
        assert!(table.get(PlatformId(9)).is_some());
        // What is said again changes nothing.
        assert_eq!(table.heard(now, PlatformId(2), crowd(1_000)).len(), 0);
        assert_eq!(table.iter().count(), PLATFORMS);
        // What others merely heard of it is its word, too.
        let heard = |number| Announced { distance: 2, ..announced(number, 2, 2) };
        let mut list: Vec<_> = (1_000..1_200).map(heard).collect();
        list.push(announced(77, 77, 1));
        let gone = table.entry_of_peer(now, PlatformId(4)).unwrap();
        let is_gone = |change: &Change| change.is_lost && table.get(change.platform).is_none();
        assert!(gone.len() == 1 && gone.iter().all(is_gone), "who makes way for it is told to be gone: {gone:?}");
        table.link_up(now, PlatformId(4), LinkId(4), Description::default(), Vec::new());
        table.heard(now, PlatformId(4), list);
        assert!(table.get(PlatformId(77)).is_some() && table.get(PlatformId(9)).is_some());
    }

    #[test]
    fn who_was_never_met_is_forgotten_soon() {
        let mut table = table(&[(2, 0), (3, 0)]);
        let at = |second: u64| Now::default().later(Duration::from_secs(second));
        table.heard(at(0), PlatformId(2), vec![announced(4, 4, 1)]);
        table.heard(at(1), PlatformId(2), vec![]);
        table.link_down(at(1), PlatformId(3), LinkId(3));
        let left = |table: &Table| table.iter().map(|(id, _)| id.0).collect::<Vec<_>>();
        assert_eq!(table.forget(at(1 + UNMET_FORGET_S).instant, |_| false), []);
        assert_eq!(left(&table), [2, 3, 4]);
        assert_eq!(table.forget(at(2 + UNMET_FORGET_S).instant, |id| id.0 == 4), []);
        assert_eq!(left(&table), [2, 3, 4], "the configuration names it");
        assert_eq!(table.forget(at(2 + UNMET_FORGET_S).instant, |_| false), [PlatformId(4)]);
        assert_eq!(left(&table), [2, 3]);
        assert_eq!(table.forget(at(2 + FORGET_S).instant, |_| false), [PlatformId(3)]);
        assert_eq!(left(&table), [2]);
    }

    #[test]
    fn any_is_the_least_loaded_that_answers() {
        let mut table = table(&[(2, 300), (3, 200), (4, 900)]);
        let now = Instant::from_millis(1_000);
        let pick = |table: &mut Table, now| table.pick(now, ModuleKind::Voice, &[]).map(|id| id.0);
        assert_eq!(pick(&mut table, now), Some(3));
        // Each pick counts until the load is told anew.
        assert_eq!((0..200).filter(|_| pick(&mut table, now) == Some(2)).count(), 51);
        table.loaded(PlatformId(3), offered(200));
        assert_eq!(pick(&mut table, now), Some(3));
        table.get_mut(PlatformId(3)).unwrap().was_asked(now);
        let later = now + Duration::from_millis(ANSWER_WITHIN_MS + 1);
        assert_eq!(pick(&mut table, later), Some(2));
        table.get_mut(PlatformId(2)).unwrap().has_answered(later, true);
        assert_eq!(pick(&mut table, later), Some(4));
        table.get_mut(PlatformId(3)).unwrap().has_answered(later, false);
        assert_eq!(pick(&mut table, later), Some(3));
        assert_eq!(table.pick(later, ModuleKind::Store, &[]), None);
        let all_but_two = [PlatformId(3), PlatformId(4)];
        assert_eq!(table.pick(later, ModuleKind::Voice, &all_but_two), Some(PlatformId(2)), "better than none");
    }
}
