//! Header fields that pass from an INVITE to that of the other leg.

use super::identity::asks_for;
use super::means::Means;
use super::number_parameters;
use crate::limits::{PASSED_MAX, PASSED_OCTETS_MAX};
use crate::message::{Header, HeaderName, Message, RequestWriter};
use crate::trunk::{HeaderPolicy, TrunkId};
use router::parameter::Passed;

/// What an INVITE says for the other leg: of a trunk what passes between it and others, of an account what passes between accounts, and
/// what passes to any trunk. `None`: nothing.
pub(super) fn collect(means: &Means, trunk: Option<TrunkId>, invite: &Message) -> Option<Vec<Passed>> {
    let (names, of_accounts): (&[String], &[String]) = match trunk {
        Some(trunk) => (&means.trunks.get(trunk).config.headers.pass, &[]),
        None => (means.trunks.passed(), &means.config.accounts_pass),
    };
    let is_of_accounts = |name: &String| of_accounts.iter().any(|one| one.eq_ignore_ascii_case(name));
    let for_trunks = names.iter().filter(|name| !is_of_accounts(name)).map(|name| (name, trunk.is_none()));
    let mut found: Vec<Passed> = Vec::new();
    let hides = if names.is_empty() && of_accounts.is_empty() { &[] } else { private_names(invite) };
    for (name, trunks_alone) in of_accounts.iter().map(|name| (name, false)).chain(for_trunks) {
        if hides.iter().any(|hidden| hidden.as_str().eq_ignore_ascii_case(name)) {
            continue;
        }
        let values = invite.lines(HeaderName::from(name.as_str())).filter_map(|value| std::str::from_utf8(value).ok());
        let values = values.filter(|value| value.len() <= PASSED_OCTETS_MAX).take(PASSED_MAX - found.len());
        let passed = |value: &str| Passed { name: name.clone(), value: value.trim().to_owned().into(), trunks_alone };
        found.extend(values.map(passed));
    }
    if let Some(config) =
        trunk.map(|trunk| &means.trunks.get(trunk).config).filter(|config| !config.headers.numbers.is_empty())
    {
        number_parameters::collect(&config.headers.numbers, invite, config.trusted, &mut found);
    }
    (!found.is_empty()).then_some(found)
}

/// What a caller says of itself beside its name, and does not want to be passed where it asks for privacy of the user (RFC 3323 §5.3).
fn private_names(invite: &Message) -> &'static [Header] {
    const PERSONAL: [Header; 5] =
        [Header::CallInfo, Header::InReplyTo, Header::Organization, Header::ReplyTo, Header::Subject];
    if asks_for(invite, &["user"]) { &PERSONAL } else { &[] }
}

/// Writes what passed, and what a trunk is told beside. To accounts passes what a trunk that called lets pass, or an account may say to them. `writes`: names of those
/// that are written from what was understood, and do not pass as they came.
pub(super) fn write(
    mut writer: RequestWriter,
    policy: Option<&HeaderPolicy>,
    passed: &[Passed],
    writes: impl Fn(&str) -> bool,
) -> RequestWriter {
    // What comes by another platform is as much as that one likes.
    let is_short = |one: &&Passed| one.name.len().max(one.value.reveal().len()) <= PASSED_OCTETS_MAX;
    for one in passed.iter().filter(is_short).take(PASSED_MAX) {
        let (name, value) = (one.name.as_str(), one.value.reveal());
        if !crate::trunk::may_pass(name) || writes(name) {
            continue;
        }
        writer = match policy {
            None if one.trunks_alone => writer,
            None => writer.header(name, value),
            Some(policy) if policy.passes(name) => writer.header(name, policy.rewritten(name, value)),
            Some(_) => writer,
        };
    }
    for (name, value) in policy.iter().flat_map(|policy| &policy.add) {
        writer = writer.header(name.as_str(), value);
    }
    writer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Method;

    #[test]
    fn what_passes_to_the_other_leg_is_bounded_wherever_it_comes_from() {
        let field = |name: String, value: String| Passed { name, value: value.into(), trunks_alone: false };
        let long = field("X-Long".to_owned(), "v".repeat(PASSED_OCTETS_MAX + 1));
        let named = field(format!("X-{}", "n".repeat(PASSED_OCTETS_MAX)), String::new());
        let many = (0..1_000).map(|number| field(format!("X-F{number}"), "v".repeat(50)));
        let passed: Vec<_> = [long, named].into_iter().chain(many).collect();
        let writer = write(RequestWriter::new(&Method::Invite, "sip:carol@192.0.2.9"), None, &passed, |_| false);
        let written = writer.finish();
        let text = String::from_utf8_lossy(&written);
        assert_eq!(text.matches("\r\nX-F").count(), PASSED_MAX, "{text}");
        assert!(!text.contains("X-Long") && !text.contains("nnnn"), "{text}");
    }
}
