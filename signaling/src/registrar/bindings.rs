//! Where each account is reached.

use super::elsewhere::Elsewhere;
use super::register::{Refusal, Requested, RequestedContact, Wanted, same};
use super::temporary::{Keys, Secret};
use crate::limits::CONTACTS_PER_ACCOUNT_MAX;
use crate::transport::Transport;
use router::parameter::{Binding, Contact, ContactFlow, MovedBinding};
use router::time::{Duration, Instant, Now, TimerKey, TimerWheel};
use router::{OwnMap, Private, Random};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What became of an account's contacts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Changed {
    /// Contacts that are new.
    pub added: usize,
    /// Contacts that were there and last longer now.
    pub refreshed: usize,
    /// Contacts that are gone.
    pub removed: usize,
}

/// What the bindings have counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BindingsCounters {
    /// Bindings made.
    pub added: u64,
    /// Bindings refreshed.
    pub refreshed: u64,
    /// Bindings removed by their phones.
    pub removed: u64,
    /// Bindings that ended by themselves.
    pub expired: u64,
}

/// A remote address as a key: half as long as one, and a table has room for up to twice what it holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Remote([u8; 16], u16);

impl From<SocketAddr> for Remote {
    fn from(address: SocketAddr) -> Self {
        let octets = match address.ip() {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        };
        Self(octets, address.port())
    }
}

/// What a million of these take is a million times what the allocator has for one: blocks of 256 octets, and the next ones of 320.
const _: () = assert!(size_of::<Bound>() <= 256);

#[derive(Debug)]
struct Bound {
    /// What tells it apart from all that there have been.
    number: u64,
    contact: Contact,
    expiry: TimerKey,
}

/// The contacts of all accounts, their expiry, and what the store has yet to be told.
#[derive(Debug, Default)]
pub struct Bindings {
    by_account: OwnMap<Arc<str>, Vec<Bound>>,
    /// The same accounts in the order of their names, for who looks through all of them.
    in_order: BTreeSet<Arc<str>>,
    /// Whose temporary GRUUs have that id: the account, and which of its bindings.
    by_temporary: OwnMap<u64, (Arc<str>, u64)>,
    keys: Keys,
    /// How many bindings use a remote address: who sends from there is known.
    by_remote: HashMap<Remote, u32>,
    expiries: TimerWheel<(Arc<str>, u64)>,
    /// The last word on each binding that changed, by account and contact URI.
    unwritten: BTreeMap<(String, String), Binding>,
    /// What is at home on other shards.
    elsewhere: Elsewhere,
    contacts_max: usize,
    /// Those that are reached by another way than before, since they were last taken.
    moved: Vec<MovedBinding>,
    count: usize,
    /// The number of the next binding.
    next: u64,
    counters: BindingsCounters,
}

impl Bindings {
    /// None yet; an account may have `contacts_max` at once, within the bound of [`CONTACTS_PER_ACCOUNT_MAX`].
    pub fn new(contacts_max: usize) -> Self {
        let mut bindings = Self::default();
        bindings.set_contacts_max(contacts_max);
        bindings
    }

    /// Another bound from now on; contacts that are there stay until they end.
    pub fn set_contacts_max(&mut self, contacts_max: usize) {
        self.contacts_max = contacts_max.min(CONTACTS_PER_ACCOUNT_MAX);
    }

    /// Does what a REGISTER over `flow` asks for, all of it or nothing (RFC 3261 §10.3 step 7).
    pub fn register(&mut self, now: Now, account: &str, requested: &Requested, flow: &str) -> Result<Changed, Refusal> {
        let bound = self.by_account.get(account).map_or(&[][..], Vec::as_slice);
        let in_order = |one: &Bound| one.contact.call_id != requested.call_id || requested.cseq > one.contact.cseq;
        let contacts = match &requested.wanted {
            Wanted::Query => return Ok(Changed::default()),
            Wanted::RemoveAll => {
                if !bound.iter().all(in_order) {
                    return Err(Refusal::OutOfOrder);
                }
                let keys: Vec<Private<String>> = bound.iter().map(|one| one.contact.key().clone()).collect();
                let removed = keys.len();
                keys.iter().for_each(|key| self.remove(account, key));
                self.counters.removed += removed as u64;
                return Ok(Changed { removed, ..Changed::default() });
            }
            Wanted::Update(contacts) => contacts,
        };
        let mut after = bound.len();
        for contact in contacts {
            let known = bound.iter().find(|one| requested.is_of(contact, &one.contact, flow));
            if !known.is_none_or(in_order) {
                return Err(Refusal::OutOfOrder);
            }
            after += usize::from(known.is_none() && !contact.expires.is_zero());
        }
        // What was registered under the same Call-ID (RFC 3261 §10.2), and is not named any more: its phone may have left that for a new Contact, as over
        // each connection it has a port of its own.
        let is_left = |one: &Contact| one.call_id == requested.call_id && !requested.keeps(one, flow);
        let left: Vec<ContactFlow> = match after > bound.len() {
            true => bound.iter().map(|one| &one.contact).filter(|one| is_left(one)).map(flow_of).collect(),
            false => Vec::new(),
        };
        let mut changed = Changed::default();
        if after > self.contacts_max && after > bound.len() {
            let beyond = after - self.contacts_max;
            let unanswered = unanswered(bound, |one| requested.names(one, flow));
            if unanswered.len() < beyond {
                return Err(Refusal::TooManyContacts);
            }
            for key in unanswered.iter().take(beyond) {
                self.remove(account, key);
                changed.removed += 1;
            }
        }
        for contact in contacts {
            if let Some(key) = self.update(now, account, requested, contact, flow, &mut changed) {
                let moved = |former: &ContactFlow| MovedBinding { key: key.clone(), former: former.clone() };
                self.moved.extend(left.iter().map(moved));
            }
        }
        self.counters.added += changed.added as u64;
        self.counters.refreshed += changed.refreshed as u64;
        self.counters.removed += changed.removed as u64;
        Ok(changed)
    }

    /// The bindings that a REGISTER has changed the way to, since the last call. Who takes a binding back from elsewhere has not moved there.
    pub fn take_moved(&mut self) -> Vec<MovedBinding> {
        std::mem::take(&mut self.moved)
    }

    /// Takes a binding from the store at the start.
    pub fn restore(&mut self, now: Now, binding: Binding) {
        if binding.removed || binding.contact.expires <= now.wall {
            return;
        }
        let key = (binding.account.clone(), binding.contact.key().reveal().clone());
        if self
            .by_account
            .get(key.0.as_str())
            .is_some_and(|bound| bound.iter().any(|one| one.contact.key() == binding.contact.key()))
        {
            return; // its phone was quicker than the store
        }
        self.insert(now, &binding.account, binding.contact);
        self.unwritten.remove(&key);
    }

    /// The contacts of an account, best first; empty if it is not registered.
    pub fn contacts(&self, account: &str) -> Vec<Contact> {
        let bound = self.by_account.get(account).map_or(&[][..], Vec::as_slice);
        let mut contacts: Vec<Contact> = bound.iter().map(|one| one.contact.clone()).collect();
        contacts.sort_by_key(|contact| (contact.reachable == Some(false), u16::MAX - contact.q_thousandths));
        contacts
    }

    /// One contact of an account, to note what a keep-alive found.
    pub fn contact_mut(&mut self, account: &str, key: &str) -> Option<&mut Contact> {
        let bound = self.by_account.get_mut(account)?;
        bound.iter_mut().map(|one| &mut one.contact).find(|contact| contact.key().reveal() == key)
    }

    /// A phone's temporary GRUUs are computed by a secret of its binding from now on, as long as it registers under the same Call-ID (RFC 5627 §5.2).
    pub(crate) fn begin_temporary(&mut self, account: &str, key: &str, random: &mut Random) {
        let Some((name, bound)) = self.by_account.get_key_value(account) else { return };
        let Some(one) = bound.iter().find(|one| one.contact.key().reveal() == key) else { return };
        if one.contact.temporary.is_some() {
            return;
        }
        let secret = self.keys.draw(random);
        self.by_temporary.insert(secret.id, (Arc::clone(name), one.number));
        let Some(contact) = self.contact_mut(account, key) else { return };
        contact.temporary = Some(vec![secret.text()]);
        let contact = contact.clone();
        self.write(account, contact, false);
    }

    /// The account and the instance that a temporary GRUU stands for.
    pub(crate) fn of_temporary(&self, user: &str) -> Option<(&str, &Private<String>)> {
        let (account, number) = self.by_temporary.get(&self.keys.open(user)?)?;
        let (account, bound) = self.by_account.get_key_value(account)?;
        Some((&**account, bound.iter().find(|one| one.number == *number)?.contact.instance.as_ref()?))
    }

    /// The registered accounts after `after`, in the order of their names.
    pub fn accounts_after(&self, after: Option<&str>) -> impl Iterator<Item = &str> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        self.in_order.range::<str, _>((from, Unbounded)).map(|account| &**account)
    }

    /// How many bindings, of any shard, came over flows from this remote address. Asked of every stranger's datagram.
    pub fn from_remote(&self, remote: SocketAddr) -> u32 {
        self.by_remote.get(&remote.into()).copied().unwrap_or(0) + self.elsewhere.from_remote(remote)
    }

    /// Whether an account has a contact, at whichever shard.
    pub fn is_bound(&self, account: &str) -> bool {
        self.by_account.get(account).is_some_and(|bound| !bound.is_empty()) || self.elsewhere.has(account)
    }

    /// Whether an account has a contact that came from this remote address.
    pub fn is_bound_from(&self, account: &str, remote: SocketAddr) -> bool {
        let bound = self.by_account.get(account).map_or(&[][..], Vec::as_slice);
        bound.iter().any(|one| address_of(one.contact.flow.reveal()) == Some(remote))
            || self.elsewhere.has_from(account, remote)
    }

    /// What is known of the bindings of other shards.
    pub fn elsewhere_mut(&mut self) -> &mut Elsewhere {
        &mut self.elsewhere
    }

    /// Takes a binding of another shard from the store at the start.
    pub fn restore_elsewhere(&mut self, now: Now, binding: &Binding) {
        if binding.removed || binding.contact.expires <= now.wall {
            return;
        }
        if let Some(remote) = remote_of(binding.contact.flow.reveal()) {
            self.elsewhere.restore(&binding.account, remote);
        }
    }

    /// Removes an account's contacts: it was removed or disabled. True if it had any.
    pub fn forget(&mut self, account: &str) -> bool {
        let keys: Vec<Private<String>> =
            self.by_account.get(account).into_iter().flatten().map(|one| one.contact.key().clone()).collect();
        keys.iter().for_each(|key| self.remove(account, key));
        !keys.is_empty()
    }

    /// Removes what has ended; returns the accounts that changed.
    pub fn handle_timeout(&mut self, now: Now) -> Vec<String> {
        let mut changed = Vec::new();
        while let Some((account, number)) = self.expiries.poll(now.instant) {
            self.remove_where(&account, |one| one.number == number);
            self.counters.expired += 1;
            changed.push(account.to_string());
        }
        changed
    }

    /// When the next binding ends.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.expiries.next()
    }

    /// What the store has yet to be told.
    pub fn take_unwritten(&mut self, at_most: usize) -> Vec<Binding> {
        let mut taken = Vec::with_capacity(self.unwritten.len().min(at_most));
        while taken.len() < at_most {
            let Some((_, binding)) = self.unwritten.pop_first() else { break };
            taken.push(binding);
        }
        taken
    }

    /// Whether the store has yet to be told something.
    pub fn has_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// The store did not take these: they are written again, unless a newer word waits.
    pub fn put_back(&mut self, bindings: Vec<Binding>) {
        for binding in bindings {
            let key = (binding.account.clone(), binding.contact.key().reveal().clone());
            self.unwritten.entry(key).or_insert(binding);
        }
    }

    /// How many bindings there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What they have counted.
    pub fn counters(&self) -> BindingsCounters {
        self.counters
    }

    /// Does what one contact asks for. The key of its binding, if that is new.
    fn update(
        &mut self,
        now: Now,
        account: &str,
        requested: &Requested,
        wanted: &RequestedContact,
        flow: &str,
        changed: &mut Changed,
    ) -> Option<Private<String>> {
        let bound = self.by_account.get(account).map_or(&[][..], Vec::as_slice);
        let known = bound.iter().map(|one| &one.contact).find(|one| requested.is_of(wanted, one, flow)).cloned();
        let taken = |key: &Private<String>| bound.iter().any(|one| one.contact.key() == key);
        let apart = match (requested.key_of(wanted), &known) {
            (Some(key), _) => Some(key),
            (None, Some(known)) if known.reg_id.is_none() && known.apart.is_some() => known.apart.clone(),
            (None, None) if taken(&wanted.uri) => Some(requested.key_apart(wanted)),
            _ => None,
        };
        if let Some(known) = &known {
            self.remove(account, known.key());
        }
        if wanted.expires.is_zero() {
            changed.removed += usize::from(known.is_some());
            return None;
        }
        if known.is_some() {
            changed.refreshed += 1;
        } else {
            changed.added += 1;
        }
        let contact = Contact {
            uri: wanted.uri.clone(),
            path: requested.path.clone(),
            flow: Private::new(flow.to_owned()),
            q_thousandths: wanted.q_thousandths,
            expires: now.wall + wanted.expires,
            call_id: requested.call_id.clone(),
            cseq: requested.cseq,
            user_agent: requested.user_agent.clone(),
            latency_us: known.as_ref().and_then(|known| known.latency_us),
            // A phone that has just registered is there.
            reachable: known.as_ref().and_then(|known| known.reachable).filter(|&reachable| reachable),
            apart,
            instance: wanted.instance.clone(),
            reg_id: wanted.reg_id.filter(|_| requested.outbound),
            // RFC 5627 §5.2: those of another Call-ID hold no more.
            temporary: known
                .as_ref()
                .filter(|known| known.call_id == requested.call_id)
                .and_then(|known| known.temporary.clone()),
            others: None,
        };
        let key = contact.key().clone();
        let is_new = known.is_none();
        if let Some(known) = known.filter(|known| is_another_way(known, &contact)) {
            self.moved.push(MovedBinding { key: key.clone(), former: flow_of(&known) });
        }
        self.insert(now, account, contact);
        is_new.then_some(key)
    }

    fn insert(&mut self, now: Now, account: &str, contact: Contact) {
        let left: Duration = contact.expires.since(now.wall);
        let name =
            self.by_account.get_key_value(account).map_or_else(|| Arc::from(account), |(name, _)| Arc::clone(name));
        let number = self.next;
        self.next += 1;
        let expiry = self.expiries.schedule(now.instant + left, (Arc::clone(&name), number));
        if let Some(secret) = secret_of(&contact)
            && self.keys.know(secret)
        {
            self.by_temporary.insert(secret.id, (Arc::clone(&name), number));
        }
        if let Some(remote) = address_of(contact.flow.reveal()) {
            *self.by_remote.entry(remote.into()).or_default() += 1;
        }
        self.write(account, contact.clone(), false);
        let bound = self.by_account.entry(name).or_insert_with_key(|name| {
            self.in_order.insert(Arc::clone(name));
            Vec::new()
        });
        // Most have one for ever: room for more is made for those who have more.
        bound.reserve_exact(1);
        bound.push(Bound { number, contact, expiry });
        self.count += 1;
    }

    fn remove(&mut self, account: &str, key: &Private<String>) {
        self.remove_where(account, |one| one.contact.key() == key);
    }

    fn remove_where(&mut self, account: &str, is: impl Fn(&Bound) -> bool) {
        let Some(bound) = self.by_account.get_mut(account) else { return };
        let Some(at) = bound.iter().position(is) else { return };
        let Bound { contact, expiry, .. } = bound.remove(at);
        if bound.is_empty() {
            self.by_account.remove(account);
            self.in_order.remove(account);
        }
        self.expiries.cancel(expiry);
        self.count -= 1;
        if let Some(secret) = secret_of(&contact) {
            self.by_temporary.remove(&secret.id);
        }
        if let Some(remote) = address_of(contact.flow.reveal()).map(Remote::from)
            && let Some(uses) = self.by_remote.get_mut(&remote)
        {
            *uses -= 1;
            if *uses == 0 {
                self.by_remote.remove(&remote);
            }
        }
        self.write(account, contact, true);
    }

    fn write(&mut self, account: &str, contact: Contact, removed: bool) {
        let key = (account.to_owned(), contact.key().reveal().clone());
        self.unwritten.insert(key, Binding { account: account.to_owned(), contact, removed });
    }
}

/// What a contact's temporary GRUUs are computed by.
pub(crate) fn secret_of(contact: &Contact) -> Option<Secret> {
    Secret::read(contact.temporary.iter().flatten().next()?.reveal())
}

fn flow_of(contact: &Contact) -> ContactFlow {
    let Contact { uri, path, flow, reachable, .. } = contact;
    ContactFlow { uri: uri.clone(), path: path.clone(), flow: flow.clone(), reachable: *reachable }
}

/// Whether a binding is reached by another way now. From the same port it may be another connection.
fn is_another_way(former: &Contact, now: &Contact) -> bool {
    let is_datagrams = now.flow.reveal().starts_with(Transport::Udp.parameter());
    former.flow != now.flow || former.path != now.path || !same(former.uri.reveal(), now.uri.reveal()) || !is_datagrams
}

/// The remote address of a flow's text.
pub(super) fn remote_of(flow: &str) -> Option<&str> {
    flow.rsplit(' ').next().filter(|remote| !remote.is_empty())
}

/// The same, read.
pub(super) fn address_of(flow: &str) -> Option<SocketAddr> {
    remote_of(flow)?.parse().ok()
}

/// The contacts that leave our keep-alives unanswered, those that end first before the others: a phone that has restarted at
/// other ports does not keep itself out. What the REGISTER names is no part of them.
fn unanswered(bound: &[Bound], is_named: impl Fn(&Contact) -> bool) -> Vec<Private<String>> {
    let mut found: Vec<&Contact> = bound
        .iter()
        .map(|one| &one.contact)
        .filter(|contact| contact.reachable == Some(false) && !is_named(contact))
        .collect();
    found.sort_by_key(|contact| contact.expires);
    found.into_iter().map(|contact| contact.key().clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{PATH_OCTETS_MAX, ROUTES_MAX};
    use crate::message::Message;
    use crate::registrar::ExpiryLimits;
    use router::time::WallTime;

    const FLOW: &str = "udp 192.0.2.1:5060 198.51.100.7:41234";

    fn now(seconds: u64) -> Now {
        Now { instant: Instant::from_millis(seconds * 1000), wall: WallTime::from_secs(1_000_000 + seconds as i64) }
    }

    fn read(call_id: &str, cseq: u32, contacts: &str) -> Result<Requested, Refusal> {
        let text = format!(
            "REGISTER sip:tandem SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1\r\nFrom: <sip:alice@tandem>;tag=1\r\n\
             To: <sip:alice@tandem>\r\nCall-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\n{contacts}Content-Length: 0\r\n\r\n"
        );
        let message = Message::parse_datagram(bytes::Bytes::from(text)).unwrap();
        Requested::of(&message, &ExpiryLimits::default())
    }

    fn register(bindings: &mut Bindings, at: u64, id: &str, cseq: u32, contacts: &str) -> Result<Changed, Refusal> {
        bindings.register(now(at), "alice", &read(id, cseq, contacts)?, FLOW)
    }

    fn uris(bindings: &Bindings) -> Vec<String> {
        bindings.contacts("alice").iter().map(|contact| contact.uri.reveal().clone()).collect()
    }

    #[test]
    fn contacts_are_added_refreshed_ordered_and_removed() {
        let mut bindings = Bindings::new(CONTACTS_PER_ACCOUNT_MAX);
        let two = "Contact: <sip:a@198.51.100.7>;q=0.2, <sip:b@198.51.100.7>;expires=120\r\nExpires: 600\r\n";
        assert_eq!(register(&mut bindings, 0, "1", 1, two), Ok(Changed { added: 2, ..Changed::default() }));
        assert_eq!(uris(&bindings), ["sip:b@198.51.100.7", "sip:a@198.51.100.7"]);
        assert_eq!(bindings.from_remote("198.51.100.7:41234".parse().unwrap()), 2);
        let again = "Contact: <sip:A@198.51.100.7>, <sip:a@198.51.100.7:5060;x=1>\r\n";
        // RFC 3261 §19.1.4: users differ by case; a port that is said differs from one that is not.
        assert_eq!(register(&mut bindings, 1, "1", 2, again).map(|changed| changed.added), Ok(2));
        let gone = "Contact: <sip:a@198.51.100.7>;expires=0\r\n";
        assert_eq!(register(&mut bindings, 2, "1", 3, gone), Ok(Changed { removed: 1, ..Changed::default() }));
        assert_eq!(bindings.len(), 3);
        assert_eq!(register(&mut bindings, 3, "9", 1, "Contact: *\r\nExpires: 0\r\n").map(|all| all.removed), Ok(3));
        assert!(bindings.is_empty() && bindings.from_remote("198.51.100.7:41234".parse().unwrap()) == 0);
    }

    #[test]
    fn a_binding_ends_when_its_time_is_over() {
        let mut bindings = Bindings::new(CONTACTS_PER_ACCOUNT_MAX);
        register(&mut bindings, 0, "1", 1, "Contact: <sip:a@198.51.100.7>;expires=60\r\n").unwrap();
        register(&mut bindings, 30, "1", 2, "Contact: <sip:a@198.51.100.7>;expires=60\r\n").unwrap();
        assert!(bindings.handle_timeout(now(61)).is_empty(), "it was refreshed");
        assert!(bindings.poll_timeout().is_some_and(|at| at <= now(90).instant));
        assert_eq!(bindings.handle_timeout(now(90)), ["alice"]);
        assert!(bindings.is_empty());
        assert_eq!(bindings.counters().expired, 1);
    }

    #[test]
    fn a_register_is_done_as_a_whole_or_not_at_all() {
        let mut bindings = Bindings::new(CONTACTS_PER_ACCOUNT_MAX);
        register(&mut bindings, 0, "1", 5, "Contact: <sip:a@198.51.100.7>\r\n").unwrap();
        let old = "Contact: <sip:b@198.51.100.7>, <sip:a@198.51.100.7>\r\n";
        assert_eq!(register(&mut bindings, 1, "1", 5, old), Err(Refusal::OutOfOrder));
        assert_eq!(register(&mut bindings, 1, "1", 4, "Contact: *\r\nExpires: 0\r\n"), Err(Refusal::OutOfOrder));
        assert_eq!(uris(&bindings), ["sip:a@198.51.100.7"]);
        assert_eq!(register(&mut bindings, 1, "other", 1, old).map(|changed| changed.refreshed), Ok(1));
    }

    const INSTANCE: &str = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>\"";

    fn over(bindings: &mut Bindings, at: u64, id: &str, contacts: &str, flow: &str) -> Changed {
        let requested = read(id, at as u32 + 1, contacts).unwrap();
        bindings.register(now(at), "alice", &requested, flow).unwrap()
    }

    #[test]
    fn phones_behind_different_nats_with_one_private_address_do_not_displace_each_other() {
        let mut bindings = Bindings::new(CONTACTS_PER_ACCOUNT_MAX);
        let private = "Contact: <sip:alice@192.168.1.10:5060>\r\n";
        let [home, office] = ["udp 192.0.2.1:5060 198.51.100.7:1024", "udp 192.0.2.1:5060 203.0.113.9:1024"];
        over(&mut bindings, 0, "home", private, home);
        assert_eq!(over(&mut bindings, 1, "office", private, office).added, 1);
        assert_eq!(bindings.len(), 2);
        // A refresh by another port of its NAT, and a phone that has restarted, are the same phones.
        let rebound = "udp 192.0.2.1:5060 203.0.113.9:2048";
        assert_eq!(over(&mut bindings, 2, "office", private, rebound).refreshed, 1);
        assert_eq!(over(&mut bindings, 3, "restarted", private, home).refreshed, 1);
        let flows: Vec<String> = bindings.contacts("alice").iter().map(|one| one.flow.reveal().clone()).collect();
        assert_eq!(flows, [rebound, home]);
        // The store keeps both apart, too.
        let mut again = Bindings::new(CONTACTS_PER_ACCOUNT_MAX);
        bindings.take_unwritten(10).into_iter().for_each(|one| again.restore(now(4), one));
        assert_eq!(again.len(), 2);
        let gone = "Contact: <sip:alice@192.168.1.10:5060>;expires=0\r\n";
        assert_eq!(over(&mut again, 5, "office", gone, rebound).removed, 1);
        assert_eq!(again.contacts("alice")[0].flow.reveal(), home);
        // An address of the whole network is one phone's, wherever it comes from.
        let public = "Contact: <sip:alice@198.51.100.7:5060>\r\n";
        over(&mut again, 6, "p", public, home);
        assert_eq!(over(&mut again, 7, "q", public, office).refreshed, 1);
    }

    #[test]
    fn nor_do_they_behind_an_edge_proxy_which_all_come_from() {
        let mut bindings = Bindings::new(CONTACTS_PER_ACCOUNT_MAX);
        let contact = |more: &str| format!("Path: <sip:edge;lr>\r\nContact: <sip:alice@192.168.1.10:5060>{more}\r\n");
        over(&mut bindings, 0, "home", &contact(""), FLOW);
        assert_eq!(over(&mut bindings, 1, "office", &contact(""), FLOW).added, 1);
        for (at, id) in [(2, "home"), (3, "office"), (4, "home")] {
            assert_eq!(over(&mut bindings, at, id, &contact(""), FLOW), Changed { refreshed: 1, ..Changed::default() });
        }
        assert_eq!(bindings.len(), 2);
        // One that says which instance it is, is known by that when it has restarted.
        let instance = contact(&format!(";{INSTANCE}"));
        assert_eq!(over(&mut bindings, 5, "travels", &instance, FLOW).added, 1);
        assert_eq!(over(&mut bindings, 6, "restarted", &instance, FLOW).refreshed, 1);
        assert_eq!(bindings.len(), 3);
    }

    #[test]
    fn flows_of_an_instance_are_told_apart_by_reg_id_and_not_by_their_uri() {
        let mut bindings = Bindings::new(CONTACTS_PER_ACCOUNT_MAX);
        let contact =
            |uri: &str, reg_id: u32| format!("Supported: outbound\r\nContact: <{uri}>;{INSTANCE};reg-id={reg_id}\r\n");
        over(&mut bindings, 0, "1", &contact("sip:a@192.168.1.10:5060", 1), FLOW);
        over(&mut bindings, 1, "2", &contact("sip:a@192.168.1.10:5060", 2), FLOW);
        assert_eq!(bindings.len(), 2);
        let moved = over(&mut bindings, 2, "3", &contact("sip:a@10.0.0.9:7777", 1), FLOW);
        assert_eq!(moved, Changed { refreshed: 1, ..Changed::default() });
        assert_eq!(uris(&bindings), ["sip:a@192.168.1.10:5060", "sip:a@10.0.0.9:7777"]);
        assert_eq!(bindings.contacts("alice")[1].reg_id, Some(1));
    }

    #[test]
    fn temporary_addresses_hold_for_as_long_as_the_registration_over_restarts_too() {
        let mut bindings = Bindings::new(CONTACTS_PER_ACCOUNT_MAX);
        let contact = format!("Supported: outbound\r\nContact: <sip:a@192.168.1.10:5060>;{INSTANCE};reg-id=1\r\n");
        let mut users = Vec::new();
        let refresh = |bindings: &mut Bindings, users: &mut Vec<String>, at: u64, id: &str| {
            over(bindings, at, id, &contact, FLOW);
            let key = bindings.contacts("alice")[0].key().reveal().clone();
            bindings.begin_temporary("alice", &key, &mut Random::from_seed(at));
            users.push(secret_of(&bindings.contacts("alice")[0]).unwrap().seal(at));
        };
        let lead = |bindings: &Bindings, users: &[String]| {
            users
                .iter()
                .filter(|user| bindings.of_temporary(user).is_some_and(|(account, _)| account == "alice"))
                .count()
        };
        (0..500).for_each(|minute| refresh(&mut bindings, &mut users, 60 * minute, "1"));
        assert_eq!((lead(&bindings, &users), bindings.by_temporary.len()), (500, 1), "each, and no table of them");
        let mut restarted = Bindings::new(CONTACTS_PER_ACCOUNT_MAX);
        bindings.take_unwritten(10).into_iter().for_each(|one| restarted.restore(now(30_000), one));
        assert_eq!(lead(&restarted, &users), 500);
        // The phone has restarted.
        refresh(&mut restarted, &mut users, 30_001, "2");
        assert_eq!((lead(&restarted, &users), lead(&restarted, &users[500..])), (1, 1));
        restarted.forget("alice");
        assert!(lead(&restarted, &users) == 0 && restarted.by_temporary.is_empty());
    }

    #[test]
    fn what_outbound_asks_for_is_checked() {
        let outbound =
            |more: &str, contacts: &str| read("1", 1, &format!("Supported: outbound, path\r\n{more}{contacts}"));
        let contact = format!("Contact: <sip:a@h>;{INSTANCE};reg-id=1\r\n");
        assert!(outbound("", &contact).unwrap().outbound);
        assert!(!read("1", 1, &contact).unwrap().outbound, "who does not support it has a reg-id for nothing");
        let via = "Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bK2\r\n";
        let refused = outbound(via, &contact).unwrap_err();
        assert_eq!(refused.status().0.code(), 439, "the proxy between does not know it");
        assert_eq!(outbound(&format!("{via}Path: <sip:edge;lr>\r\n"), &contact).unwrap_err(), refused);
        assert!(outbound(&format!("{via}Path: <sip:core;lr>, <sip:edge;lr;ob>\r\n"), &contact).unwrap().outbound);
        let two = format!("Contact: <sip:a@h>;{INSTANCE};reg-id=1, <sip:b@h>\r\n");
        assert_eq!(outbound("", &two).unwrap_err().status().0.code(), 400);
        let zero = format!("Contact: <sip:a@h>;{INSTANCE};reg-id=0\r\n");
        assert_eq!(outbound("", &zero).unwrap_err().status().0.code(), 400);
    }

    #[test]
    fn what_cannot_be_served_is_refused() {
        let brief = read("1", 1, "Contact: <sip:a@198.51.100.7>;expires=5\r\n");
        assert_eq!(brief, Err(Refusal::TooBrief(Duration::from_secs(60))));
        assert_eq!(read("1", 1, "Contact: *\r\nExpires: 60\r\n"), Err(Refusal::Wildcard));
        assert_eq!(read("1", 1, "Contact: *\r\n"), Err(Refusal::Wildcard));
        let not_alone = read("1", 1, "Contact: *, <sip:a@b>\r\nExpires: 0\r\n");
        assert_eq!(not_alone.unwrap_err().status().0.code(), 400);
        assert_eq!(read("1", 1, "Contact: <mailto:a@b.example>\r\n"), Err(Refusal::UnsupportedContact));
        assert_eq!(read("1", 1, "").map(|requested| requested.wanted), Ok(Wanted::Query));
        let path = |hop: &str, hops: usize| {
            let path = vec![hop; hops].join(", ");
            read("1", 1, &format!("Path: {path}\r\nContact: <sip:a@198.51.100.7>\r\n"))
                .map(|requested| requested.path.len())
        };
        assert_eq!(path("<sip:edge;lr>", ROUTES_MAX), Ok(ROUTES_MAX));
        assert_eq!(path("<sip:edge;lr>", ROUTES_MAX + 1), Err(Refusal::LongPath), "nobody could be called by it");
        let long = format!("<sip:{}@edge;lr>", "t".repeat(PATH_OCTETS_MAX / 2 - 14));
        assert_eq!((path(&long, 2), path(&long, 3)), (Ok(2), Err(Refusal::LongPath)));
        let mut bindings = Bindings::new(CONTACTS_PER_ACCOUNT_MAX);
        for number in 0..CONTACTS_PER_ACCOUNT_MAX {
            let contact = format!("Contact: <sip:{number}@198.51.100.7>\r\n");
            register(&mut bindings, 0, "1", 1 + number as u32, &contact).unwrap();
        }
        let more = register(&mut bindings, 0, "1", 99, "Contact: <sip:more@198.51.100.7>\r\n");
        assert_eq!(more, Err(Refusal::TooManyContacts));
    }

    #[test]
    fn a_phone_that_restarts_again_and_again_does_not_keep_itself_out() {
        let mut bindings = Bindings::new(2);
        for (number, expires) in [(1, 300), (2, 200)] {
            let contact = format!("Contact: <sip:a@198.51.100.7:{number}>;expires={expires}\r\n");
            register(&mut bindings, 0, "1", number, &contact).unwrap();
        }
        let restarted = "Contact: <sip:a@198.51.100.7:3>;expires=400\r\n";
        assert_eq!(register(&mut bindings, 1, "2", 1, restarted), Err(Refusal::TooManyContacts));
        for number in [1, 2] {
            let uri = format!("sip:a@198.51.100.7:{number}");
            bindings.contact_mut("alice", &uri).unwrap().reachable = Some(false);
        }
        let made = register(&mut bindings, 2, "2", 2, restarted);
        assert_eq!(made, Ok(Changed { added: 1, removed: 1, ..Changed::default() }));
        assert_eq!(uris(&bindings), ["sip:a@198.51.100.7:3", "sip:a@198.51.100.7:1"], "what ends first has gone");
        // All of it or nothing: one of these has no room, and a contact that is named is not the one to go.
        let three = "Contact: <sip:a@198.51.100.7:1>, <sip:b@198.51.100.7>, <sip:c@198.51.100.7>\r\n";
        assert_eq!(register(&mut bindings, 3, "3", 1, three), Err(Refusal::TooManyContacts));
        assert_eq!(uris(&bindings).len(), 2);
        // The store forgets it too.
        let written = bindings.take_unwritten(10);
        assert_eq!(written.iter().filter(|one| one.removed).count(), 1);
    }

    #[test]
    fn the_store_is_told_the_last_word_on_each_binding() {
        let mut bindings = Bindings::new(CONTACTS_PER_ACCOUNT_MAX);
        register(&mut bindings, 0, "1", 1, "Contact: <sip:a@198.51.100.7>, <sip:b@198.51.100.7>\r\n").unwrap();
        register(&mut bindings, 0, "1", 2, "Contact: <sip:a@198.51.100.7>;expires=0\r\n").unwrap();
        let written = bindings.take_unwritten(10);
        assert_eq!(written.iter().map(|one| one.removed).collect::<Vec<_>>(), [true, false]);
        assert!(!bindings.has_unwritten());
        register(&mut bindings, 1, "1", 3, "Contact: <sip:b@198.51.100.7>;expires=0\r\n").unwrap();
        bindings.put_back(written.clone());
        let again = bindings.take_unwritten(1);
        assert_eq!(again.len(), 1);
        assert!(bindings.take_unwritten(10).iter().all(|one| one.removed), "what is newer is not overwritten");
        let mut restarted = Bindings::new(CONTACTS_PER_ACCOUNT_MAX);
        written.into_iter().for_each(|one| restarted.restore(now(2), one));
        assert_eq!(uris(&restarted), ["sip:b@198.51.100.7"]);
        assert!(!restarted.has_unwritten(), "what came from the store is not written back");
    }
}
