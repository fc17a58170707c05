//! The intra-platform router: from an address to an inbox, without a lock.

use crate::address::{Address, Module, ModuleKind, PlatformId};
use crate::inbox::{Full, Grant, Inbox, InboxCounters, Place};
use crate::limits::MODULES_PER_KIND;
use crate::outbox::Outbox;
use crate::packet::Packet;
use crate::parameter::Reason;
use crate::time::Now;
use crate::wake::Wake;
use arc_swap::ArcSwap;
use crossbeam::utils::CachePadded;
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Which inbox serves which module. Immutable; a change makes a new one.
#[derive(Clone, Default)]
struct Table {
    kinds: [OfKind; ModuleKind::COUNT],
    /// How many changes made it.
    version: u64,
}

/// The modules of one kind.
#[derive(Clone, Default)]
struct OfKind {
    by_index: Vec<Option<Arc<Inbox>>>,
    /// The indices that are there: what "any of this kind" chooses from.
    present: Vec<u8>,
    /// The version of the table in which each came.
    lives: Vec<Life>,
}

impl OfKind {
    fn get(&self, index: u8) -> Option<&Arc<Inbox>> {
        self.by_index.get(usize::from(index))?.as_ref()
    }

    fn set(&mut self, index: u8, inbox: Option<Arc<Inbox>>, life: Life) {
        let place = usize::from(index);
        if self.by_index.len() <= place {
            self.by_index.resize(place + 1, None);
            self.lives.resize(place + 1, Life::default());
        }
        self.by_index[place] = inbox;
        self.lives[place] = life;
        self.present = (0..self.by_index.len() as u8).filter(|&index| self.get(index).is_some()).collect();
    }

    /// One after the other; the turn is taken only where there is a choice.
    fn any(&self, turn: &AtomicUsize) -> Option<u8> {
        match *self.present {
            [] => None,
            [only] => Some(only),
            ref several => Some(several[turn.fetch_add(1, Ordering::Relaxed) % several.len()]),
        }
    }

    fn iter(&self) -> impl Iterator<Item = (u8, &Arc<Inbox>)> {
        self.present.iter().filter_map(|&index| Some((index, self.get(index)?)))
    }
}

/// Tells a module from one that had its address before: what that one was asked, and who followed it, this one does not know.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Life(pub u64);

/// Whose turn it is among the modules of each kind. Each kind has its own: traffic to one must not move another's, or a rhythm
/// common to both (a media request and two to the store for each call) sends everything to one module.
type Turns = [AtomicUsize; ModuleKind::COUNT];

/// Where a packet goes: the one decision of the router.
enum Destination<'a> {
    Inbox(ModuleKind, u8, &'a Arc<Inbox>),
    Nowhere(Reason),
}

impl Table {
    /// What a change is made to.
    fn next(&self) -> Self {
        Self { version: self.version + 1, ..self.clone() }
    }

    /// Local inbox, or inter-platform interface, or nowhere and why. Anywhere is here first. `turns` spread "any of this kind" evenly.
    #[inline]
    fn destination(&self, own: PlatformId, address: &Address, turns: &Turns) -> Destination<'_> {
        if address.platform == PlatformId::HERE || address.platform == own {
            return self.local(address.module, turns);
        }
        self.elsewhere(address, turns)
    }

    /// Where a packet goes whose destination is not named to be here.
    fn elsewhere(&self, address: &Address, turns: &Turns) -> Destination<'_> {
        if address.platform == PlatformId::ANY {
            if address.module.index.is_some() {
                return Destination::Nowhere(Reason::UnknownDestination);
            }
            if let local @ Destination::Inbox(..) = self.local(address.module, turns) {
                return local;
            }
        }
        match self.bridge() {
            Some((index, bridge)) => Destination::Inbox(ModuleKind::Bridge, index, bridge),
            None if address.platform == PlatformId::ANY => Destination::Nowhere(Reason::UnknownDestination),
            None => Destination::Nowhere(Reason::PlatformAbsent),
        }
    }

    /// The inbox of the inter-platform interface.
    fn bridge(&self) -> Option<(u8, &Arc<Inbox>)> {
        self.kinds[ModuleKind::Bridge as usize].iter().next()
    }

    /// A module of this platform.
    #[inline]
    fn local(&self, Module { kind, index }: Module, turns: &Turns) -> Destination<'_> {
        let of_kind = &self.kinds[kind as usize];
        let index = index.or_else(|| of_kind.any(&turns[kind as usize]));
        match index.and_then(|index| Some((index, of_kind.get(index)?))) {
            Some((index, inbox)) => Destination::Inbox(kind, index, inbox),
            None => Destination::Nowhere(Reason::UnknownDestination),
        }
    }
}

struct Shared {
    platform: PlatformId,
    table: ArcSwap<Table>,
    /// How often the table was changed.
    changes: AtomicU64,
    /// Written by senders, so on lines apart from what all of them read.
    turns: CachePadded<Turns>,
    unknown_destinations: AtomicU64,
    absent_platforms: AtomicU64,
}

impl Shared {
    #[cold]
    fn undeliverable(&self, packet: Packet, reason: Reason) -> Refused {
        let counter = match reason {
            Reason::PlatformAbsent => &self.absent_platforms,
            _ => &self.unknown_destinations,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        Refused { packet, reason }
    }
}

/// What the router has counted since the start, beside what each inbox counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RouterCounters {
    /// Packets to a module that this platform does not have.
    pub unknown_destinations: u64,
    /// Packets to a platform that is not linked.
    pub absent_platforms: u64,
}

/// A full inbox refuses. What any module of the kind may serve goes to another one of them then, each tried once; what may go
/// anywhere to another platform, if there is a way to one.
#[cold]
fn busy(table: &Table, own: PlatformId, from: &Arc<Inbox>, mut packet: Packet, mut full: Full) -> Result<(), Refused> {
    let Address { platform, module, .. } = packet.destination;
    if module.index.is_none() && (platform == PlatformId::HERE || platform == own || platform == PlatformId::ANY) {
        for (_, inbox) in table.kinds[module.kind as usize].iter() {
            if Arc::ptr_eq(inbox, from) {
                continue;
            }
            match inbox.push(packet) {
                Ok(()) => return Ok(()),
                Err(refused) => (packet, full) = refused,
            }
        }
    }
    let refused = |(packet, Full::Room | Full::Quota)| Refused { packet, reason: Reason::Busy };
    match table.bridge() {
        Some((_, bridge)) if platform == PlatformId::ANY => bridge.push(packet).map_err(refused),
        _ => Err(refused((packet, full))),
    }
}

/// The router of a platform: a handle, cheap to clone, used by any thread.
#[derive(Clone)]
pub struct Router(Arc<Shared>);

/// A packet that was not delivered, and why.
#[derive(Debug)]
pub struct Refused {
    /// The packet.
    pub packet: Packet,
    /// Why.
    pub reason: Reason,
}

impl Router {
    /// The router of platform `platform`.
    pub fn new(platform: PlatformId) -> Self {
        Self(Arc::new(Shared {
            platform,
            table: ArcSwap::from_pointee(Table::default()),
            changes: AtomicU64::new(0),
            turns: CachePadded::default(),
            unknown_destinations: AtomicU64::new(0),
            absent_platforms: AtomicU64::new(0),
        }))
    }

    /// The platform's own identity.
    pub fn platform(&self) -> PlatformId {
        self.0.platform
    }

    /// Makes the inbox of the `index`th module of `kind` and puts it into the table. A former one of that address gets no
    /// more packets.
    pub fn register(&self, kind: ModuleKind, index: u8, waker: impl Wake + 'static) -> Endpoint {
        assert!(usize::from(index) < MODULES_PER_KIND, "modules of one kind are at most {MODULES_PER_KIND}");
        let inbox = Arc::new(Inbox::new(waker));
        self.change(|table| {
            let life = Life(table.version);
            table.kinds[kind as usize].set(index, Some(Arc::clone(&inbox)), life);
        });
        let address = Address::local(kind, index);
        Endpoint { address, inbox, router: self.clone(), sending: RefCell::new(Sending::new(address, &self.0)) }
    }

    /// Takes a module out of the table.
    pub fn unregister(&self, module: Module) {
        self.change(|table| {
            let life = Life(table.version);
            let of_kind = &mut table.kinds[module.kind as usize];
            if let Some(index) = module.index.filter(|&index| of_kind.get(index).is_some()) {
                of_kind.set(index, None, life);
            }
        });
    }

    fn change(&self, change: impl Fn(&mut Table)) {
        self.0.table.rcu(|table| {
            let mut table = table.next();
            change(&mut table);
            table
        });
        self.0.changes.fetch_add(1, Ordering::Release);
    }

    /// Delivers a packet to the inbox that its destination names, or hands it back with the reason. Never blocks.
    pub fn send(&self, packet: Packet) -> Result<(), Refused> {
        let table = self.0.table.load();
        match table.destination(self.0.platform, &packet.destination, &self.0.turns) {
            Destination::Inbox(.., inbox) => {
                inbox.push(packet).or_else(|(packet, full)| busy(&table, self.0.platform, inbox, packet, full))
            }
            Destination::Nowhere(reason) => Err(self.0.undeliverable(packet, reason)),
        }
    }

    /// The modules of the platform, in the order of their addresses, with what their inboxes counted.
    pub fn modules(&self) -> Vec<(Address, InboxCounters)> {
        let table = self.0.table.load();
        let mut modules = Vec::new();
        for kind in ModuleKind::ALL {
            for (index, inbox) in table.kinds[kind as usize].iter() {
                modules.push((Address::local(kind, index), inbox.counters()));
            }
        }
        modules
    }

    /// How often modules came or went: who follows them need look at [`lives`](Self::lives) only when it has changed.
    pub fn version(&self) -> u64 {
        self.0.table.load().version
    }

    /// The modules of the platform, in the order of their addresses, each with what tells it from its predecessor.
    pub fn lives(&self) -> Vec<(Address, Life)> {
        let table = self.0.table.load();
        let mut lives = Vec::new();
        for kind in ModuleKind::ALL {
            let of_kind = &table.kinds[kind as usize];
            lives.extend(of_kind.iter().map(|(index, _)| {
                let life = of_kind.lives.get(usize::from(index)).copied().unwrap_or_default();
                (Address::local(kind, index), life)
            }));
        }
        lives
    }

    /// One more than the highest index that a module of `kind` has ever had here: each of them has a smaller one.
    pub fn indices(&self, kind: ModuleKind) -> u8 {
        self.0.table.load().kinds[kind as usize].by_index.len() as u8
    }

    /// What the router itself counted.
    pub fn counters(&self) -> RouterCounters {
        RouterCounters {
            unknown_destinations: self.0.unknown_destinations.load(Ordering::Relaxed),
            absent_platforms: self.0.absent_platforms.load(Ordering::Relaxed),
        }
    }
}

impl std::fmt::Debug for Router {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Router").field("platform", &self.0.platform).field("modules", &self.modules()).finish()
    }
}

/// A module's place at the router: its address and its inbox. Owned by the thread that runs the module.
pub struct Endpoint {
    address: Address,
    inbox: Arc<Inbox>,
    router: Router,
    sending: RefCell<Sending>,
}

/// What a module needs to send packets without asking anybody.
struct Sending {
    /// The router's table as it was last seen, and after how many changes.
    table: Arc<Table>,
    changes: u64,
    /// The module's own place among the sources of an inbox.
    place: Place,
    /// What the module was granted by each of the others.
    grants: [[Grant; MODULES_PER_KIND]; ModuleKind::COUNT],
}

impl Sending {
    fn new(own: Address, router: &Shared) -> Self {
        let changes = router.changes.load(Ordering::Acquire);
        let grants = [[Grant::default(); MODULES_PER_KIND]; ModuleKind::COUNT];
        Self { table: router.table.load_full(), changes, place: Place::of(own), grants }
    }

    /// The table has changed: what inboxes of the former one granted goes back to them.
    #[cold]
    fn renew(&mut self, router: &Shared) {
        self.give_back();
        // In this order: a change in between is seen as one the next time.
        self.changes = router.changes.load(Ordering::Acquire);
        self.table = router.table.load_full();
    }

    fn give_back(&mut self) {
        for (of_kind, grants) in self.table.kinds.iter().zip(&mut self.grants) {
            for (index, inbox) in of_kind.iter() {
                inbox.give_back(self.place, std::mem::take(&mut grants[usize::from(index)]));
            }
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl Endpoint {
    /// The module's address.
    pub fn address(&self) -> Address {
        self.address
    }

    /// The router, for modules that look at others.
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// Sends a packet as [`Router::send`] does, at less cost.
    #[inline]
    pub fn send(&self, packet: Packet) -> Result<(), Refused> {
        let router = &*self.router.0;
        let mut sending = self.sending.borrow_mut();
        if sending.changes != router.changes.load(Ordering::Acquire) {
            sending.renew(router);
        }
        let Sending { table, grants, place, .. } = &mut *sending;
        match table.destination(router.platform, &packet.destination, &router.turns) {
            Destination::Inbox(kind, index, inbox) => {
                let is_own = packet.source.platform == PlatformId::HERE && packet.source.module == self.address.module;
                let pushed = if is_own {
                    inbox.push_granted(packet, *place, &mut grants[kind as usize][usize::from(index)])
                } else {
                    // What the interface passes on for modules of other platforms.
                    inbox.push(packet)
                };
                pushed.or_else(|(packet, full)| busy(table, router.platform, inbox, packet, full))
            }
            Destination::Nowhere(reason) => Err(router.undeliverable(packet, reason)),
        }
    }

    /// The next packet of the inbox.
    #[inline]
    pub fn receive(&self) -> Option<Packet> {
        self.inbox.pop()
    }

    /// Sends what the outbox holds; what the router refuses goes back to it.
    pub fn transmit(&self, now: Now, outbox: &mut Outbox) {
        while let Some(packet) = outbox.poll_transmit() {
            if let Err(refused) = self.send(packet) {
                outbox.handle_refused(now.instant, refused);
            }
        }
    }

    /// Whether no packet waits.
    pub fn is_empty(&self) -> bool {
        self.inbox.is_empty()
    }

    /// How many packets wait.
    pub fn waiting(&self) -> usize {
        self.inbox.waiting()
    }

    /// Before the module sleeps: false if packets wait.
    pub fn may_sleep(&self) -> bool {
        self.inbox.may_sleep()
    }

    /// After the module woke.
    pub fn awake(&self) {
        self.inbox.awake();
    }

    /// What its inbox counted.
    pub fn counters(&self) -> InboxCounters {
        self.inbox.counters()
    }
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("address", &self.address).field("inbox", &self.inbox).finish_non_exhaustive()
    }
}
