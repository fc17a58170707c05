//! A number that a domain of the name service is asked for (ENUM, RFC 6116): what it says is called before what stands behind it in the route.
//!
//! | it says | what is tried |
//! |---|---|
//! | `sip:+4930123@sbc.carrier.example` | the trunk whose host or domain that is, with the number that was called: whoever writes the rule chooses the way, and not what is paid for there. Of a host that is no trunk's, nothing: nobody is called whom the operator has not named |
//! | `sips:` of anything | nothing: by which transport a trunk is reached the operator says |
//! | `tel:+4930124` | that number, routed anew, with the caller's rights, before what else is said and what comes next: it was ported. In the public tree, where each number's owner writes what he likes, nothing: the caller would pay for it |
//! | the number itself, with `npdi` and `rn` behind it | what comes next, and trunks that take them are told where the number is now. In the public tree nothing is told: a switch that is goes by `rn`, and not by the number that guards have seen (RFC 4694) |
//! | nothing, or it does not answer within [`LOOKUP_WITHIN`] | the next of the route |

use super::call::Call;
use super::purpose::Purpose;
use super::search::Stage;
use super::turn::Turn;
use crate::limits::LOOKUP_WITHIN;
use crate::plan::{Lookup, Step};
use router::parameter::{Cause, CauseKind, NumberLookup, Parameter, Party, Reason};
use router::{Address, Command, ModuleKind, Packet, one};

/// The tree of all numbers, in which each one's owner writes (RFC 6116 §1).
const PUBLIC: &str = "e164.arpa";

impl Call {
    /// Asks for the number. False: nobody is asked.
    pub(super) fn try_lookup(&mut self, turn: &mut Turn<'_>, lookup: Lookup) -> bool {
        let Some(search) = &mut self.search else { return false };
        if !search.may_look_up() {
            return false;
        }
        let index = turn.outbox.address().module.index;
        let signaling = Address::local(ModuleKind::Signaling, index.unwrap_or(0));
        let asked = NumberLookup {
            number: lookup.number.clone().into(),
            domain: lookup.domain.clone(),
            ..NumberLookup::default()
        };
        self.request(turn, signaling, Command::Query, one(asked), LOOKUP_WITHIN, Purpose::Lookup(Box::new(lookup)));
        if let (Some(search), Some(&(asked, _))) = (&mut self.search, self.pending.last()) {
            search.stage = Stage::LookingUp(asked);
        }
        true
    }

    /// The name service has said where the number is, or nothing.
    pub(super) fn number_found(&mut self, turn: &mut Turn<'_>, lookup: &Lookup, packet: Packet) {
        let plan = &self.config.plan;
        let Some(search) = &mut self.search else { return };
        if !matches!(search.stage, Stage::LookingUp(asked) if asked == packet.transaction) {
            return;
        }
        let mut steps = Vec::new();
        match (packet.command, packet.parameters.into_iter().next()) {
            (Command::Done, Some(Parameter::NumberLookup(found))) => {
                let NumberLookup { places, passed, .. } = *found;
                let is_public = is_below(&lookup.domain, PUBLIC);
                if !is_public {
                    passed.into_iter().for_each(|said| search.carry(said));
                }
                let step = |place: Party| match place.domain.as_str() {
                    "" if is_public || place.user() == lookup.number => None,
                    "" => Some(Step::Route(place.user().to_owned(), search.origin().clone())),
                    _ if place.secure => None,
                    host => {
                        let trunk = plan.trunk_hosts.get(&*host.to_ascii_lowercase())?;
                        Some(plan.trunk_step(trunk, lookup.number.clone(), lookup.timeout, None))
                    }
                };
                steps.extend(places.into_iter().filter_map(step));
            }
            // The domain does not have it: what comes next says whether anybody has.
            (_, Some(Parameter::Failure(failure))) if matches!(failure.reason, Reason::NotFound | Reason::Invalid) => {}
            // Q.850 41: it may be there, and is not found for the moment.
            _ => search.note(Cause { q850: Some(41), ..Cause::new(CauseKind::Unreachable) }),
        }
        search.go_first(steps);
        self.search_on(turn);
    }
}

/// Whether a domain is another one or lies below it.
fn is_below(domain: &str, other: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    domain.strip_suffix(other).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_lies_below_another() {
        for (domain, below) in [
            ("e164.arpa", true),
            ("9.4.E164.ARPA", true),
            ("xe164.arpa", false),
            ("e164.arpa.carrier.example", false),
            ("arpa", false),
        ] {
            assert_eq!(is_below(domain, PUBLIC), below, "{domain}");
        }
    }
}
