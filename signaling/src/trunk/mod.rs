//! Trunks: peers that are known by their address, in and out.
//!
//! A request from an address and port that a trunk names belongs to it, the most specific first; what goes out to it carries
//! the identity of the caller when it is trusted, and answers its challenge when it has credentials.

mod source;
mod target;

pub use source::Source;
pub use target::{Target, TargetHost};

use crate::digest::ClientCredentials;
use crate::policy::CallPolicy;
use router::parameter::TrunkStatus;
use router::time::Duration;
use router::{Private, Shards, Tally};
use std::net::SocketAddr;

/// A trunk of the configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrunkConfig {
    /// Its name.
    pub name: String,
    /// Where requests to it go; `None`: it only calls us.
    pub target: Option<Target>,
    /// Where its requests come from.
    pub sources: Vec<Source>,
    /// What it knows us by, where it asks.
    pub credentials: Option<ClientCredentials>,
    /// Whether its P-Asserted-Identity is believed, and ours is sent to it (RFC 3325 §6: the trust domain).
    pub trusted: bool,
    /// Most calls at once, both ways together; `None`: only the platform's own bound.
    pub calls_max: Option<u32>,
    /// How long each of its addresses may leave an INVITE without any response, 100 among them.
    pub response_timeout: Duration,
    /// How calls are made with it; `None`: as with everybody.
    pub calls: Option<CallPolicy>,
}

/// A trunk and what it has done.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Its configuration.
    pub config: TrunkConfig,
    /// What it has done, on this shard.
    pub status: TrunkStatus,
    /// Its calls on all shards, and places that are kept for calls about to begin.
    calls: Tally,
    /// Places that this shard keeps.
    reserved: u32,
}

/// Which trunk, by its place in the table. It stays the trunk's place through a reload.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TrunkId(pub(crate) usize);

/// All trunks.
#[derive(Debug, Default)]
pub struct Trunks {
    shards: Shards,
    trunks: Vec<Trunk>,
    /// Sources, the most specific first.
    sources: Vec<(Source, TrunkId)>,
}

impl Trunks {
    /// The trunks of a configuration, on one of these shards.
    pub fn new(configs: Vec<TrunkConfig>, shards: Shards) -> Self {
        let mut trunks = Self { shards, ..Self::default() };
        trunks.reconfigure(configs);
        trunks
    }

    /// Takes another configuration: a trunk of the same name goes on with its calls and counts; one that is gone takes no
    /// new calls.
    pub fn reconfigure(&mut self, configs: Vec<TrunkConfig>) {
        for trunk in &mut self.trunks {
            trunk.config.sources.clear();
            trunk.config.target = None;
        }
        for config in configs {
            match self.trunks.iter_mut().find(|trunk| trunk.config.name == config.name) {
                Some(trunk) => trunk.config = config,
                None => {
                    let status = TrunkStatus { name: config.name.clone(), ..TrunkStatus::default() };
                    let calls = self.shards.tally(&format!("trunk {}", config.name));
                    self.trunks.push(Trunk { config, status, calls, reserved: 0 });
                }
            }
        }
        self.sources.clear();
        for (index, trunk) in self.trunks.iter_mut().enumerate() {
            let target = trunk.config.target.as_ref().map(ToString::to_string).unwrap_or_default();
            trunk.status.target = Private::new(target);
            self.sources.extend(trunk.config.sources.iter().map(|&source| (source, TrunkId(index))));
        }
        self.sources.sort_by_key(|(source, _)| std::cmp::Reverse(source.specificity()));
    }

    /// The trunk that an address belongs to.
    pub fn of_source(&self, remote: SocketAddr) -> Option<TrunkId> {
        self.sources.iter().find(|(source, _)| source.contains(remote)).map(|&(_, trunk)| trunk)
    }

    /// The trunk of that name, if it is configured still.
    pub fn by_name(&self, name: &str) -> Option<TrunkId> {
        let usable = |trunk: &Trunk| trunk.config.target.is_some() || !trunk.config.sources.is_empty();
        self.trunks.iter().position(|trunk| trunk.config.name == name && usable(trunk)).map(TrunkId)
    }

    /// The trunk.
    pub fn get(&self, id: TrunkId) -> &Trunk {
        &self.trunks[id.0]
    }

    /// The trunk, to count.
    pub fn get_mut(&mut self, id: TrunkId) -> &mut Trunk {
        &mut self.trunks[id.0]
    }

    /// All, in the order of the configuration; those that are gone while calls of theirs go on, too.
    pub fn iter(&self) -> impl Iterator<Item = &Trunk> {
        self.trunks.iter()
    }
}

impl Trunk {
    /// Keeps a place for a call that is about to [begin](Self::begin), if one more fits. A place that nobody took is kept for
    /// the next one.
    pub fn reserve(&mut self) -> bool {
        if self.reserved == 0 && self.calls.take_below(self.config.calls_max.unwrap_or(u32::MAX)) {
            self.reserved = 1;
        }
        self.reserved > 0
    }

    /// Gives a place back in which no call has begun.
    pub fn release(&mut self) {
        if self.reserved > 0 {
            self.reserved -= 1;
            self.calls.give_back();
        }
    }

    /// A call of the trunk (to us or by us) begins, in the place that was kept for it.
    pub fn begin(&mut self, incoming: bool) {
        match self.reserved {
            0 => self.calls.take(),
            _ => self.reserved -= 1,
        }
        *(if incoming { &mut self.status.calls_in } else { &mut self.status.calls_out }) += 1;
    }

    /// A call has ended.
    pub fn end(&mut self, incoming: bool) {
        let count = if incoming { &mut self.status.calls_in } else { &mut self.status.calls_out };
        *count = count.saturating_sub(1);
        self.calls.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::TRUNK_RESPONSE_TIMEOUT;

    fn trunk(name: &str, sources: &[&str]) -> TrunkConfig {
        TrunkConfig {
            name: name.to_owned(),
            target: Target::parse("192.0.2.9:5070"),
            sources: sources.iter().map(|source| Source::parse(source).unwrap()).collect(),
            credentials: None,
            trusted: false,
            calls_max: Some(1),
            response_timeout: TRUNK_RESPONSE_TIMEOUT,
            calls: None,
        }
    }

    #[test]
    fn the_most_specific_source_wins() {
        let configs = vec![
            trunk("net", &["198.51.100.0/24"]),
            trunk("host", &["198.51.100.7"]),
            trunk("port", &["198.51.100.7:5062", "[2001:db8::1]:5060"]),
        ];
        let trunks = Trunks::new(configs, Shards::default());
        let name = |remote: &str| {
            trunks.of_source(remote.parse().unwrap()).map(|trunk| trunks.get(trunk).config.name.as_str())
        };
        assert_eq!(name("198.51.100.7:5062"), Some("port"));
        assert_eq!(name("198.51.100.7:9"), Some("host"));
        assert_eq!(name("198.51.100.8:9"), Some("net"));
        assert_eq!(name("[2001:db8::1]:5060"), Some("port"));
        assert_eq!(name("[::ffff:198.51.100.7]:5062"), Some("port"), "a mapped address is the same host");
        assert_eq!(name("203.0.113.1:5060"), None);
    }

    #[test]
    fn a_reload_keeps_what_a_trunk_has_done() {
        let configs = vec![trunk("a", &["192.0.2.1"]), trunk("b", &["192.0.2.2"])];
        let mut trunks = Trunks::new(configs, Shards::default());
        let a = trunks.by_name("a").unwrap();
        assert!(trunks.get_mut(a).reserve());
        trunks.get_mut(a).begin(true);
        assert!(!trunks.get_mut(a).reserve());
        trunks.reconfigure(vec![trunk("c", &["192.0.2.3"]), TrunkConfig { calls_max: None, ..trunk("a", &[]) }]);
        assert_eq!(trunks.by_name("a"), Some(a));
        assert_eq!(trunks.get(a).status.calls_in, 1);
        assert!(trunks.get_mut(a).reserve());
        assert_eq!(trunks.by_name("b"), None);
        assert_eq!(trunks.of_source("192.0.2.2:5060".parse().unwrap()), None);
    }

    #[test]
    fn a_bound_holds_for_all_shards_together_and_places_that_nobody_took_are_free_again() {
        let shards = Shards::new(2, &mut router::Random::from_seed(1));
        let mut each = [(); 2].map(|()| Trunks::new(vec![trunk("a", &["192.0.2.1"])], shards.clone()));
        let a = each[0].by_name("a").unwrap();
        assert!(each[0].get_mut(a).reserve());
        assert!(each[0].get_mut(a).reserve(), "the place that is kept already");
        assert!(!each[1].get_mut(a).reserve());
        each[0].get_mut(a).release();
        assert!(each[1].get_mut(a).reserve());
        each[1].get_mut(a).begin(false);
        assert!(!each[0].get_mut(a).reserve());
        assert_eq!(each[0].get(a).status.calls_out, 0, "what a shard has done is told by it");
        each[1].get_mut(a).end(false);
        assert!(each[0].get_mut(a).reserve());
    }
}
