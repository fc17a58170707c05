//! Who calls, as a carrier is told that knows all of us as one account (SIPconnect 1.1 §9.1, 3GPP TS 24.229 §5.1.2A.1.1).

use super::identity::{Shown, asserted, uri_of};
use super::means::Means;
use crate::dialog::Identity;
use crate::trunk::TrunkId;
use router::parameter::Party;

/// Who asks for whom.
pub(super) struct Parties<'a> {
    pub(super) caller: &'a Party,
    pub(super) anonymous: bool,
    pub(super) called: &'a Party,
    /// Whether the caller is asserted to the peer.
    pub(super) asserts: bool,
}

impl Shown {
    /// As a trunk, or a phone of ours, is shown it: by what the trunk is told of us, else in our domain. `None`: a name that no URI can
    /// hold.
    pub(super) fn at(
        means: &Means,
        trunk: Option<TrunkId>,
        parties: &Parties<'_>,
        domain: &str,
        to_host: &str,
    ) -> Option<Self> {
        let Parties { caller, anonymous, called, asserts } = *parties;
        let identity = trunk.map(|trunk| &means.trunks.get(trunk).config.identity);
        let from_domain = identity.and_then(|identity| identity.from_domain.as_deref()).unwrap_or(domain);
        let shown = Self::new(caller, anonymous, called, asserts, from_domain, to_host);
        match identity.and_then(|identity| identity.from_user.as_deref()) {
            Some(user) => shown.and_then(|shown| shown.with_account(user, caller, from_domain)),
            None => shown,
        }
    }

    /// The same with that account in From. The caller is what we would like to have asserted (RFC 3325 §9.2), unless it stands there as
    /// asserted already; one that is not to be shown is the account there, too, since the carrier has to know whom it serves.
    /// `None`: a name that no URI can hold.
    pub(super) fn with_account(self, user: &str, caller: &Party, domain: &str) -> Option<Self> {
        let account = Party::new(user, domain);
        let preferred = match (&self.asserted, self.private) {
            (Some(_), _) => None,
            (None, true) => asserted(&account, domain),
            (None, false) => asserted(caller, domain),
        };
        let from = match self.private {
            true => self.from,
            false => {
                let name = caller.display_name.as_ref().map(|name| name.reveal().as_str());
                Identity::new(name, &uri_of(&account, domain)?)
            }
        };
        Some(Self { from, preferred, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_in_from_and_the_caller_beside_it() {
        let (caller, called) = (Party::new("100", "h"), Party::new("200", ""));
        for (anonymous, asserts, from, asserted, preferred) in [
            (false, false, "<sip:acct@c.example>", None, Some("<sip:100@c.example>")),
            (false, true, "<sip:acct@c.example>", Some("<sip:100@c.example>"), None),
            (true, true, "\"Anonymous\" <sip:anonymous@anonymous.invalid>", Some("<sip:100@c.example>"), None),
            (true, false, "\"Anonymous\" <sip:anonymous@anonymous.invalid>", None, Some("<sip:acct@c.example>")),
        ] {
            let shown = Shown::new(&caller, anonymous, &called, asserts, "c.example", "c.example").unwrap();
            let shown = shown.with_account("acct", &caller, "c.example").unwrap();
            let told = (shown.from.as_str(), shown.asserted.as_deref(), shown.preferred.as_deref());
            assert_eq!(told, (from, asserted, preferred));
            assert_eq!(shown.private, anonymous);
        }
    }
}
