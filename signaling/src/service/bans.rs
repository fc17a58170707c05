//! Sources that are shut out, as an operator lists them, and lets them in again.

use super::Signaling;
use super::listing::selection;
use crate::limits::PAGE;
use router::parameter::{Ban, Failure, Parameter, Reason, Selection};
use router::{Packet, Parameters};
use std::net::IpAddr;

impl Signaling {
    pub(super) fn query_bans(&mut self, packet: &Packet) {
        let selection = selection(packet).unwrap_or_default();
        let limit = selection.limit.map_or(PAGE, |limit| limit.clamp(1, PAGE)) as usize;
        let after = selection.cursor.as_deref().and_then(network_in);
        let now = self.means.now;
        let mut bans = self.gate.admission.bans(now.instant, after);
        let more = bans.len() > limit;
        bans.truncate(limit);
        let cursor = bans.last().filter(|_| more).map(|last| shown(last.network));
        let ban = |ban: &crate::admission::Banned| Ban {
            network: shown(ban.network).into(),
            until: now.wall + ban.left,
            attempts: ban.attempts,
        };
        let mut page: Parameters = bans.iter().map(|one| Parameter::from(ban(one))).collect();
        page.push(Selection { cursor, ..selection }.into());
        self.means.outbox.done(packet, page);
    }

    pub(super) fn lift_ban(&mut self, packet: &Packet, ban: &Ban) {
        let Some(network) = network_in(ban.network.reveal()) else {
            let failure = Failure::new(Reason::Invalid).with_detail("a source is an IP address");
            return self.means.outbox.failed(packet, failure);
        };
        if !self.gate.admission.lift_ban(self.means.now.instant, network) {
            return self.means.outbox.failed(packet, Failure::new(Reason::NotFound));
        }
        tracing::info!(source = shown(network), "a source that was shut out is heard again: an operator wants it so");
        self.means.outbox.done(packet, Parameters::new());
    }
}

/// The source that a text names: an address, with the length of its network or without.
fn network_in(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text.strip_suffix("/64").or_else(|| text.strip_suffix("/32")).unwrap_or(text);
    address.parse().ok()
}

/// As it is told.
fn shown(network: IpAddr) -> String {
    match network {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(network) => format!("{network}/64"),
    }
}
