//! What is known of the bindings that are at home on other shards: from where their phones send.

use router::parameter::Contact;
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

/// Remote addresses of the bindings of other shards, by account.
#[derive(Debug, Default)]
pub struct Elsewhere {
    by_account: BTreeMap<String, Known>,
    /// How many bindings use a remote address.
    by_remote: HashMap<SocketAddr, u32>,
    /// Whether everything that the store had is known.
    loaded: bool,
}

#[derive(Debug, Default)]
struct Known {
    places: Vec<Place>,
    /// Whether its home told it: then it is younger than what the store has.
    told: bool,
}

/// A binding. Of an account's few, a hash tells one from another.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Of its key.
    key: u32,
    /// Of its Contact and Path.
    way: u32,
    remote: SocketAddr,
}

impl Place {
    fn of(contact: &Contact) -> Option<Self> {
        // Its shard says by which connection, too.
        let remote = contact.flow.reveal().split(' ').nth(2)?.parse().ok()?;
        let path = contact.path.iter().map(|hop| hop.reveal().as_str());
        let way = hash(path.chain([contact.uri.reveal().as_str()]));
        Some(Self { key: hash([contact.key().reveal().as_str()].into_iter()), way, remote })
    }
}

fn hash<'a>(texts: impl Iterator<Item = &'a str>) -> u32 {
    let mut hasher = DefaultHasher::new();
    texts.for_each(|text| text.hash(&mut hasher));
    hasher.finish() as u32
}

/// What the word of a home changes.
#[derive(PartialEq, Eq, Debug, Default)]
pub struct News {
    /// From where a binding of the account was reached, where no other one is now, and the place among the told of the contact that it is now.
    pub moved: Vec<(SocketAddr, usize)>,
    /// Whether any is new, gone, or reached by another way than before.
    pub is_any: bool,
}

impl Elsewhere {
    /// The home of an account tells all that is known of it now.
    pub fn tell(&mut self, account: &str, contacts: &[Contact]) -> News {
        let before = self.forget(account);
        let told = contacts.iter().enumerate().filter_map(|(index, contact)| Some((index, Place::of(contact)?)));
        let told: Vec<(usize, Place)> = told.collect();
        let mut news = News { moved: Vec::new(), is_any: told.len() != before.len() };
        for &(index, place) in &told {
            *self.by_remote.entry(place.remote).or_default() += 1;
            let known = before.iter().find(|known| known.key == place.key);
            news.is_any |= known.is_none_or(|known| (known.way, known.remote) != (place.way, place.remote));
            if let Some(known) = known
                && told.iter().all(|(_, other)| other.remote != known.remote)
            {
                news.moved.push((known.remote, index));
            }
        }
        // Until the store has told everything, who is gone is remembered as gone.
        if !told.is_empty() || !self.loaded {
            let places = told.into_iter().map(|(_, place)| place).collect();
            self.by_account.insert(account.to_owned(), Known { places, told: true });
        }
        news
    }

    /// The store has a binding of an account; what its home told goes before.
    pub fn restore(&mut self, account: &str, contact: &Contact) {
        let Some(place) = Place::of(contact) else { return };
        let known = self.by_account.entry(account.to_owned()).or_default();
        if !known.told {
            known.places.push(place);
            *self.by_remote.entry(place.remote).or_default() += 1;
        }
    }

    /// The store has told everything.
    pub fn loaded(&mut self) {
        self.loaded = true;
        self.by_account.retain(|_, known| !known.places.is_empty());
    }

    /// How many bindings use a remote address.
    pub fn from_remote(&self, remote: SocketAddr) -> u32 {
        self.by_remote.get(&remote).copied().unwrap_or(0)
    }

    /// Whether an account has bindings there.
    pub fn has(&self, account: &str) -> bool {
        self.by_account.get(account).is_some_and(|known| !known.places.is_empty())
    }

    /// Whether one of them uses a remote address.
    pub fn has_from(&self, account: &str, remote: SocketAddr) -> bool {
        self.by_account.get(account).is_some_and(|known| known.places.iter().any(|place| place.remote == remote))
    }

    /// The accounts of which something is known, in the order of their names.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        self.by_account.keys().map(String::as_str)
    }

    /// Forgets an account.
    pub fn remove(&mut self, account: &str) {
        self.forget(account);
    }

    fn forget(&mut self, account: &str) -> Vec<Place> {
        let Some(known) = self.by_account.remove(account) else { return Vec::new() };
        for place in &known.places {
            if let Some(uses) = self.by_remote.get_mut(&place.remote) {
                *uses -= 1;
                if *uses == 0 {
                    self.by_remote.remove(&place.remote);
                }
            }
        }
        known.places
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::Private;
    use router::time::WallTime;
    use std::slice::from_ref;

    /// A contact of a phone, registered from an address by way of a proxy, if any.
    fn contact(phone: &str, from: &str, proxy: &str) -> Contact {
        Contact {
            uri: Private::new(format!("sip:{phone}@192.168.1.10")),
            path: Some(proxy)
                .filter(|proxy| !proxy.is_empty())
                .map(|proxy| Private::new(proxy.to_owned()))
                .into_iter()
                .collect(),
            flow: Private::new(format!("tcp 192.0.2.9:5060 {from} 0 1f")),
            q_thousandths: 1_000,
            expires: WallTime(0),
            call_id: String::new(),
            cseq: 1,
            user_agent: None,
            latency_us: None,
            reachable: None,
            apart: None,
            instance: None,
            reg_id: None,
            temporary: None,
            others: None,
        }
    }

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    #[test]
    fn what_a_home_tells_replaces_what_was_known() {
        let mut elsewhere = Elsewhere::default();
        elsewhere.loaded();
        elsewhere.tell("alice", &[contact("desk", "192.0.2.1:1", ""), contact("mobile", "192.0.2.1:2", "")]);
        elsewhere.tell("bob", &[contact("desk", "192.0.2.1:1", "")]);
        assert_eq!(elsewhere.from_remote(at("192.0.2.1:1")), 2);
        elsewhere.tell("alice", &[contact("mobile", "192.0.2.1:2", "")]);
        assert_eq!((elsewhere.from_remote(at("192.0.2.1:1")), elsewhere.from_remote(at("192.0.2.1:2"))), (1, 1));
        elsewhere.tell("alice", &[]);
        elsewhere.tell("bob", &[]);
        assert!(elsewhere.by_account.is_empty() && elsewhere.by_remote.is_empty());
    }

    #[test]
    fn a_binding_that_is_reached_elsewhere_has_moved_and_one_in_its_stead_has_not() {
        let mut elsewhere = Elsewhere::default();
        elsewhere.loaded();
        let (desk, mobile) = (contact("desk", "192.0.2.1:1", ""), contact("mobile", "192.0.2.1:2", ""));
        let news = |moved: &[(&str, usize)], is_any| News {
            moved: moved.iter().map(|&(from, to)| (at(from), to)).collect(),
            is_any,
        };
        assert_eq!(elsewhere.tell("alice", from_ref(&desk)), news(&[], true));
        assert_eq!(elsewhere.tell("alice", from_ref(&desk)), news(&[], false));
        // Another phone, for which the first one had to go.
        assert_eq!(elsewhere.tell("alice", from_ref(&mobile)), news(&[], true));
        elsewhere.tell("alice", &[desk.clone(), mobile.clone()]);
        let gone = contact("mobile", "192.0.2.7:9", "");
        assert_eq!(elsewhere.tell("alice", &[desk.clone(), gone.clone()]), news(&[("192.0.2.1:2", 1)], true));
        // Where it was is another one now.
        let (follows, further) = (contact("desk", "192.0.2.7:9", ""), contact("mobile", "192.0.2.7:10", ""));
        assert_eq!(elsewhere.tell("alice", &[further, follows]), news(&[("192.0.2.1:1", 1)], true));
    }

    #[test]
    fn another_path_is_another_way_to_the_same_place() {
        let mut elsewhere = Elsewhere::default();
        elsewhere.tell("alice", &[contact("desk", "192.0.2.1:1", "<sip:192.0.2.1;lr>")]);
        let news = elsewhere.tell("alice", &[contact("desk", "192.0.2.1:1", "<sip:flow@192.0.2.1;lr>")]);
        assert_eq!(news, News { moved: Vec::new(), is_any: true });
    }

    #[test]
    fn the_store_does_not_bring_back_what_a_home_has_seen_go() {
        let mut elsewhere = Elsewhere::default();
        elsewhere.tell("alice", &[]);
        elsewhere.restore("alice", &contact("desk", "192.0.2.1:1", ""));
        elsewhere.restore("bob", &contact("desk", "192.0.2.2:1", ""));
        elsewhere.restore("bob", &contact("mobile", "192.0.2.2:2", ""));
        elsewhere.loaded();
        assert_eq!(elsewhere.accounts().collect::<Vec<_>>(), ["bob"]);
        assert_eq!((elsewhere.from_remote(at("192.0.2.1:1")), elsewhere.from_remote(at("192.0.2.2:2"))), (0, 1));
        // What the store had is what may have moved since.
        let news = elsewhere.tell("bob", &[contact("desk", "192.0.2.2:3", "")]);
        assert_eq!(news, News { moved: vec![(at("192.0.2.2:1"), 0)], is_any: true });
    }
}
