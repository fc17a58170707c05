//! What is known of the bindings that are at home on other shards: from where their phones send.

use std::collections::{BTreeMap, HashMap};
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
    remotes: Vec<SocketAddr>,
    /// Whether its home told it: then it is younger than what the store has.
    told: bool,
}

impl Elsewhere {
    /// The home of an account tells all that is known of it now.
    pub fn tell<'a>(&mut self, account: &str, remotes: impl Iterator<Item = &'a str>) {
        self.forget(account);
        let remotes: Vec<SocketAddr> = remotes.filter_map(|remote| remote.parse().ok()).collect();
        for &remote in &remotes {
            *self.by_remote.entry(remote).or_default() += 1;
        }
        // Until the store has told everything, who is gone is remembered as gone.
        if !remotes.is_empty() || !self.loaded {
            self.by_account.insert(account.to_owned(), Known { remotes, told: true });
        }
    }

    /// The store has a binding of an account; what its home told goes before.
    pub fn restore(&mut self, account: &str, remote: &str) {
        let Ok(remote) = remote.parse() else { return };
        let known = self.by_account.entry(account.to_owned()).or_default();
        if !known.told {
            known.remotes.push(remote);
            *self.by_remote.entry(remote).or_default() += 1;
        }
    }

    /// The store has told everything.
    pub fn loaded(&mut self) {
        self.loaded = true;
        self.by_account.retain(|_, known| !known.remotes.is_empty());
    }

    /// How many bindings use a remote address.
    pub fn from_remote(&self, remote: SocketAddr) -> u32 {
        self.by_remote.get(&remote).copied().unwrap_or(0)
    }

    /// Whether an account has bindings there.
    pub fn has(&self, account: &str) -> bool {
        self.by_account.get(account).is_some_and(|known| !known.remotes.is_empty())
    }

    /// Whether one of them uses a remote address.
    pub fn has_from(&self, account: &str, remote: SocketAddr) -> bool {
        self.by_account.get(account).is_some_and(|known| known.remotes.contains(&remote))
    }

    /// The accounts of which something is known, in the order of their names.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        self.by_account.keys().map(String::as_str)
    }

    /// Forgets an account.
    pub fn forget(&mut self, account: &str) {
        let Some(known) = self.by_account.remove(account) else { return };
        for remote in known.remotes {
            if let Some(uses) = self.by_remote.get_mut(&remote) {
                *uses -= 1;
                if *uses == 0 {
                    self.by_remote.remove(&remote);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_home_tells_replaces_what_was_known() {
        let mut elsewhere = Elsewhere::default();
        elsewhere.loaded();
        elsewhere.tell("alice", ["192.0.2.1:1", "192.0.2.1:2"].into_iter());
        elsewhere.tell("bob", ["192.0.2.1:1"].into_iter());
        assert_eq!(elsewhere.from_remote("192.0.2.1:1".parse().unwrap()), 2);
        elsewhere.tell("alice", ["192.0.2.1:2"].into_iter());
        assert_eq!(
            (
                elsewhere.from_remote("192.0.2.1:1".parse().unwrap()),
                elsewhere.from_remote("192.0.2.1:2".parse().unwrap())
            ),
            (1, 1)
        );
        elsewhere.tell("alice", [].into_iter());
        elsewhere.tell("bob", [].into_iter());
        assert!(elsewhere.by_account.is_empty() && elsewhere.by_remote.is_empty());
    }

    #[test]
    fn the_store_does_not_bring_back_what_a_home_has_seen_go() {
        let mut elsewhere = Elsewhere::default();
        elsewhere.tell("alice", [].into_iter());
        elsewhere.restore("alice", "192.0.2.1:1");
        elsewhere.restore("bob", "192.0.2.2:1");
        elsewhere.restore("bob", "192.0.2.2:2");
        elsewhere.loaded();
        assert_eq!(elsewhere.accounts().collect::<Vec<_>>(), ["bob"]);
        assert_eq!(
            (
                elsewhere.from_remote("192.0.2.1:1".parse().unwrap()),
                elsewhere.from_remote("192.0.2.2:2".parse().unwrap())
            ),
            (0, 1)
        );
    }
}
