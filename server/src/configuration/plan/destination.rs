//! Where a route leads to.

use super::Builder;
use crate::configuration::model::Route;
use crate::configuration::value::is_host_name;
use router::parameter::{BuiltinKind, CauseKind, ConferenceName};
use router::time::Duration;
use signaling::transport::limits::ENUM_DOMAIN_OCTETS;
use switch::plan::{Destination, Rewrite, TrunkStep, Way};

impl Builder<'_> {
    pub(super) fn destination(
        &mut self,
        path: &str,
        texts: &[String],
        route: &Route,
        rewrite: &Rewrite,
    ) -> Option<Destination> {
        if !texts.is_empty() && texts.iter().all(|text| is_way(text)) {
            let timeout = route.ring_s.map(|seconds| Duration::from_secs(seconds.into()));
            let steps = texts.iter().filter_map(|text| {
                let trunk = self.way(path, text)?;
                Some(TrunkStep { trunk, rewrite: rewrite.clone(), timeout })
            });
            return Some(Destination::Trunks(steps.collect()));
        }
        let [text] = texts else {
            if !texts.is_empty() {
                self.fault(path.to_owned(), "several destinations are trunks or platforms, all of them");
            }
            return None;
        };
        let destination = match text.split_once(':') {
            None if text == "rewrite" => Some(Destination::Number(rewrite.clone())),
            None if text == "pickup" => Some(Destination::PickUp(rewrite.clone())),
            None if text == "conference" => Some(Destination::Conference(rewrite.clone())),
            Some(("conference", name)) => {
                ConferenceName::room(name).map(|name| Destination::Service(BuiltinKind::Conference(name)))
            }
            Some(("account", name)) if !name.is_empty() => Some(Destination::Account(name.to_owned())),
            Some(("number", number)) if !number.is_empty() => Some(Destination::Number(Rewrite::fixed(number))),
            Some(("group", name)) => {
                if !self.configuration.group.iter().any(|group| group.name == name) {
                    self.fault(path.to_owned(), format!("there is no group `{name}`"));
                }
                Some(Destination::Group(name.to_owned()))
            }
            Some(("rates", name)) => {
                if !self.configuration.rates.iter().any(|rates| rates.name == name) {
                    self.fault(path.to_owned(), format!("there is no rates `{name}`"));
                }
                let timeout = route.ring_s.map(|seconds| Duration::from_secs(seconds.into()));
                Some(Destination::Rates { table: name.to_owned(), rewrite: rewrite.clone(), timeout })
            }
            Some(("service", name)) => service(name).map(Destination::Service),
            Some(("refuse", cause)) => refusal(cause).map(Destination::Refuse),
            _ => None,
        };
        if destination.is_none() {
            self.fault(path.to_owned(), format!("`{text}` is no destination"));
        }
        destination
    }

    /// A trunk here or on another platform, or that platform's plan.
    fn way(&mut self, path: &str, text: &str) -> Option<Way> {
        let way = way_of(text)?;
        match &way {
            Way::Platform(platform) => self.known_platform(path, platform),
            Way::Enum(domain) if domain.len() > ENUM_DOMAIN_OCTETS || !is_host_name(domain) => {
                self.fault(path.to_owned(), format!("`{text}` names no domain, such as enum:e164.arpa"));
            }
            // Whether a trunk that it leads to is there, each call finds out.
            Way::Enum(_) => {}
            Way::Group(name) => {
                if !self.configuration.trunk_group.iter().any(|group| group.name == *name) {
                    self.fault(path.to_owned(), format!("there is no trunk_group `{name}`"));
                }
            }
            Way::TrunkOf { trunk, platform } => {
                if trunk.is_empty() {
                    self.fault(path.to_owned(), format!("`{text}` names no trunk"));
                }
                self.known_platform(path, platform);
            }
            Way::Trunk(name) => self.known_trunk(path, name),
        }
        Some(way)
    }

    /// Which others there are, is known once they are linked.
    pub(super) fn known_platform(&mut self, path: &str, name: &str) {
        self.has_platforms(path);
        let bridge = &self.configuration.bridge;
        if name.is_empty() {
            self.fault(path.to_owned(), "a platform has a name");
        } else if bridge.platform.is_some() && (name == bridge.name() || name.parse().ok() == bridge.platform) {
            self.fault(path.to_owned(), format!("`{name}` is this very platform"));
        }
    }

    pub(super) fn has_platforms(&mut self, path: &str) {
        if self.configuration.bridge.platform.is_none() {
            self.fault(path.to_owned(), "bridge.platform is not set: there are no other platforms");
        }
    }

    pub(super) fn known_trunk(&mut self, path: &str, name: &str) {
        if !self.configuration.trunk.iter().any(|trunk| trunk.name == name) {
            self.fault(path.to_owned(), format!("there is no trunk `{name}`"));
        }
    }
}

/// What `trunk:NAME`, `trunk:NAME@PLATFORM`, `trunks:GROUP`, `platform:NAME` and `enum:DOMAIN` stand for; a name alone is a trunk's.
pub fn way_of(text: &str) -> Option<Way> {
    match text.split_once(':') {
        Some(("platform", platform)) => Some(Way::Platform(platform.to_owned())),
        Some(("trunks", name)) => Some(Way::Group(name.to_owned())),
        Some(("enum", domain)) => Some(Way::Enum(domain.trim_matches('.').to_ascii_lowercase())),
        Some(("trunk", name)) => match name.split_once('@') {
            Some((trunk, platform)) => Some(Way::TrunkOf { trunk: trunk.to_owned(), platform: platform.to_owned() }),
            None => Some(Way::from(name)),
        },
        Some(_) => None,
        None => Some(Way::from(text)),
    }
}

/// Whether a destination is one of those that are tried in turn.
pub(super) fn is_way(text: &str) -> bool {
    ["trunk:", "trunks:", "platform:", "enum:"].iter().any(|form| text.starts_with(form))
}

fn service(name: &str) -> Option<BuiltinKind> {
    match name {
        "echo" => Some(BuiltinKind::Echo),
        "milliwatt" => Some(BuiltinKind::Milliwatt),
        "silence" => Some(BuiltinKind::Silence),
        _ => None,
    }
}

fn refusal(cause: &str) -> Option<CauseKind> {
    match cause {
        "busy" => Some(CauseKind::Busy),
        "declined" => Some(CauseKind::Declined),
        "forbidden" => Some(CauseKind::Forbidden),
        "unknown" => Some(CauseKind::UnknownNumber),
        "congestion" => Some(CauseKind::Congestion),
        "unreachable" => Some(CauseKind::Unreachable),
        _ => None,
    }
}
