//! Trunks: peers that are known by their address, in and out.
//!
//! A request from an address and port that a trunk names belongs to it, the most specific first; what goes out to it carries
//! the identity of the caller when it is trusted, and answers its challenge when it has credentials.

mod source;
mod target;

pub use source::Source;
pub use target::{Target, TargetHost};

use crate::digest::ClientCredentials;
use router::Private;
use router::parameter::TrunkStatus;
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
}

/// A trunk and what it has done.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Its configuration.
    pub config: TrunkConfig,
    /// What it has done.
    pub status: TrunkStatus,
}

/// Which trunk, by its place in the table. It stays the trunk's place through a reload.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TrunkId(usize);

/// All trunks.
#[derive(Debug, Default)]
pub struct Trunks {
    trunks: Vec<Trunk>,
    /// Sources, the most specific first.
    sources: Vec<(Source, TrunkId)>,
}

impl Trunks {
    /// The trunks of a configuration.
    pub fn new(configs: Vec<TrunkConfig>) -> Self {
        let mut trunks = Self::default();
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
                    self.trunks.push(Trunk { config, status });
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
    /// Whether one more call fits.
    pub fn has_room(&self) -> bool {
        let calls = self.status.calls_in + self.status.calls_out;
        self.config.calls_max.is_none_or(|most| calls < most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk(name: &str, sources: &[&str]) -> TrunkConfig {
        TrunkConfig {
            name: name.to_owned(),
            target: Target::parse("192.0.2.9:5070"),
            sources: sources.iter().map(|source| Source::parse(source).unwrap()).collect(),
            credentials: None,
            trusted: false,
            calls_max: Some(1),
        }
    }

    #[test]
    fn the_most_specific_source_wins() {
        let trunks = Trunks::new(vec![
            trunk("net", &["198.51.100.0/24"]),
            trunk("host", &["198.51.100.7"]),
            trunk("port", &["198.51.100.7:5062", "[2001:db8::1]:5060"]),
        ]);
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
        let mut trunks = Trunks::new(vec![trunk("a", &["192.0.2.1"]), trunk("b", &["192.0.2.2"])]);
        let a = trunks.by_name("a").unwrap();
        trunks.get_mut(a).status.calls_in = 1;
        assert!(!trunks.get(a).has_room());
        trunks.reconfigure(vec![trunk("c", &["192.0.2.3"]), TrunkConfig { calls_max: None, ..trunk("a", &[]) }]);
        assert_eq!(trunks.by_name("a"), Some(a));
        assert_eq!(trunks.get(a).status.calls_in, 1);
        assert!(trunks.get(a).has_room());
        assert_eq!(trunks.by_name("b"), None);
        assert_eq!(trunks.of_source("192.0.2.2:5060".parse().unwrap()), None);
    }
}
