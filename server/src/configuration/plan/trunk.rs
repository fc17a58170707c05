//! The trunks, as the plan needs to know them.

use super::replaced;
use crate::configuration::model::{self, Configuration};
use crate::configuration::value::{self, Redirects};
use crate::configuration::{numbers, sip};
use router::parameter::{Attestation, Network};
use router::time::Duration;
use signaling::trunk::TargetHost;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use switch::plan::{Rewrite, Trunk, TrunkGroup, TrunkMedia, TrunkMember};

/// A trunk. The local address of its media: as configured, or else that of the first listener of its family, which its signalling
/// leaves from; unspecified where there is none.
pub(super) fn trunk(configuration: &Configuration, trunk: &model::Trunk) -> Trunk {
    let target = trunk.address.as_deref().and_then(sip::target);
    let six = match target.map(|target| target.host) {
        Some(TargetHost::Address(address)) => address.is_ipv6(),
        _ => false,
    };
    let own = configuration.sip.listen.iter().map(|listen| listen.address.ip()).find(|own| own.is_ipv6() == six);
    let unspecified = if six { IpAddr::from(Ipv6Addr::UNSPECIFIED) } else { IpAddr::from(Ipv4Addr::UNSPECIFIED) };
    Trunk {
        name: trunk.name.clone(),
        numbers: numbers::form(trunk.numbers),
        attested: attestation(trunk.attestation),
        interface: trunk.interface.or(own).unwrap_or(unspecified),
        redirects: redirects(trunk.redirects),
        caller: caller(&trunk.caller).ok().flatten(),
        answered_min: trunk.answered_min_percent,
        delay_max: trunk.post_dial_delay_max_s.map(|seconds| Duration::from_secs(seconds.into())),
        early_offer: trunk.early_offer,
    }
}

/// The hosts and domains of trunks, in small letters: what a rule for a number names of them is called over that trunk. Of two of the same host the first.
pub(super) fn trunk_hosts(configuration: &Configuration) -> BTreeMap<String, String> {
    let mut hosts = BTreeMap::new();
    for trunk in &configuration.trunk {
        // One that has no address only calls us.
        let Some(target) = trunk.address.as_deref().and_then(sip::target) else { continue };
        for host in std::iter::once(target.host()).chain(trunk.domain.clone()) {
            hosts.entry(host.to_ascii_lowercase()).or_insert_with(|| trunk.name.clone());
        }
    }
    hosts
}

/// How far calls are answered for.
pub(super) const fn attestation(value: value::Attestation) -> Attestation {
    match value {
        value::Attestation::A => Attestation::Full,
        value::Attestation::B => Attestation::Partial,
        value::Attestation::C => Attestation::Gateway,
    }
}

/// Where a trunk's media come from, where it does not say so itself.
pub(super) fn trunk_media(trunk: &model::Trunk) -> Option<TrunkMedia> {
    let networks: Vec<Network> = trunk.media_from.iter().filter_map(|text| Network::parse(text)).collect();
    (!networks.is_empty()).then(|| TrunkMedia { trunk: trunk.name.clone(), networks })
}

/// How a trunk is shown the caller's number.
pub fn caller(texts: &[String]) -> Result<Option<Rewrite>, String> {
    match texts {
        [] => Ok(None),
        [pattern, text] => Ok(Some(Rewrite { replace: Some(replaced(pattern, text)?), ..Rewrite::NONE })),
        _ => Err("two texts: a pattern, and what its match becomes".to_owned()),
    }
}

/// A group of trunks.
pub(super) fn trunk_group(group: &model::TrunkGroup) -> TrunkGroup {
    let member = |member: &model::TrunkMember| TrunkMember {
        trunk: member.trunk.clone(),
        priority: member.priority,
        weight: member.weight,
    };
    TrunkGroup { name: group.name.clone(), members: group.members.iter().map(member).collect() }
}

/// What is done with redirections.
pub fn redirects(value: Redirects) -> switch::plan::Redirects {
    match value {
        Redirects::Follow => switch::plan::Redirects::Follow,
        Redirects::Refuse => switch::plan::Redirects::Refuse,
        Redirects::Pass => switch::plan::Redirects::Pass,
    }
}
