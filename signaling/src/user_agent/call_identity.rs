//! What INVITEs say of who sent the call on: read where a trunk, or the accounts, are configured so, and written as each of them wants it.

use super::identity::{anonymous_uri, asks_for, uri_of};
use super::leg::Head;
use super::means::Means;
use super::remote_party;
use crate::identity::{DiversionForm, diversions, histories, write_diversion, write_history};
use crate::message::{Header, Message, RequestWriter, Uri};
use crate::trunk::TrunkId;
use router::parameter::{CallIdentity, Diversion};

/// Where a trunk, or an account, is told who sent a call on, and may say so itself.
fn form_of(means: &Means, trunk: Option<TrunkId>) -> DiversionForm {
    match trunk {
        Some(trunk) => means.trunks.get(trunk).config.identity.diversion,
        None => means.config.accounts_diversion,
    }
}

/// What an INVITE says of that. `None`: nothing, or nothing that is taken from who sent it.
pub(super) fn collect(means: &Means, trunk: Option<TrunkId>, invite: &Message) -> Option<Box<CallIdentity>> {
    if form_of(means, trunk) == DiversionForm::None {
        return None;
    }
    let diversions = told(invite);
    (!diversions.is_empty()).then(|| Box::new(CallIdentity { diversions, ..CallIdentity::default() }))
}

/// Of the two headers the one that tells more, since a network may know but one of them and pass the other on (RFC 7544 §3).
fn told(invite: &Message) -> Vec<Diversion> {
    let turns = |all: &[Diversion]| all.iter().map(|one| u32::from(one.count)).sum::<u32>();
    // RFC 7044 §10.1: the whole history.
    let private = asks_for(invite, &["history", "header"]);
    let (history, diversion) = (histories(invite, private), diversions(invite));
    if turns(&history) >= turns(&diversion) { history } else { diversion }
}

/// Whether a header field is written to that peer from what was understood, so that it does not pass as it came.
pub(super) fn writes(means: &Means, head: &Head, name: &str) -> bool {
    let is = |header: Header| header.as_str().eq_ignore_ascii_case(name);
    let of_diversions = is(Header::Diversion) || is(Header::HistoryInfo);
    (of_diversions && form_of(means, head.trunk()) != DiversionForm::None)
        || (is(Header::RemotePartyId) && remote_party::is_told(means, head))
}

/// Writes who sent the call on. `domain`: the one in which the peer sees numbers of ours; `target`: where it goes now.
pub(super) fn write(
    mut writer: RequestWriter,
    means: &Means,
    head: &Head,
    identity: &CallIdentity,
    domain: &str,
    target: Option<Uri>,
) -> RequestWriter {
    let form = form_of(means, head.trunk());
    if form == DiversionForm::None || identity.diversions.is_empty() {
        return writer;
    }
    let from_domain = head.trunk().and_then(|trunk| means.trunks.get(trunk).config.identity.from_domain.as_deref());
    let (domain, is_trusted) = (from_domain.unwrap_or(domain), head.is_trusted(means));
    // RFC 7044 §10.1.2: outside the trust domain nobody learns who asked not to be shown.
    let shown: Vec<(Diversion, Uri)> = identity
        .diversions
        .iter()
        .filter_map(|diversion| {
            let hidden = diversion.private && !is_trusted;
            let known = || uri_of(&diversion.by, domain).filter(|_| !hidden && !diversion.by.user().is_empty());
            let uri = known().or_else(|| Uri::parse(anonymous_uri()))?;
            let mut shown = diversion.clone();
            if hidden {
                shown.by.display_name = None;
            }
            Some((shown, uri))
        })
        .collect();
    if form.writes_diversion() {
        for (diversion, uri) in shown.iter().rev() {
            let name = diversion.by.display_name.as_ref().map(|name| name.reveal().as_str());
            writer = writer.header(Header::Diversion, write_diversion(diversion, uri.as_str(), name));
        }
    }
    if let Some(target) = target.filter(|_| form.writes_history()) {
        let (diversions, uris): (Vec<_>, Vec<_>) = shown.into_iter().unzip();
        for value in write_history(&diversions, &uris, &target) {
            writer = writer.header(Header::HistoryInfo, value);
        }
    }
    writer
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use router::parameter::DiversionCause;

    #[test]
    fn of_two_headers_the_one_that_tells_more_is_taken() {
        let invite = |headers: &str| {
            Message::parse_datagram(Bytes::from(format!("INVITE sip:b@h SIP/2.0\r\n{headers}\r\n\r\n"))).unwrap()
        };
        let history = "History-Info: <sip:1@h>;index=1,<sip:2@h;cause=486>;index=1.1;mp=1";
        let one = "Diversion: <sip:1@h>;reason=away";
        let two = "Diversion: <sip:2@h>;reason=no-answer,<sip:1@h>;reason=user-busy";
        let of = |headers: &str| told(&invite(headers));
        assert_eq!(of(&format!("{history}\r\n{one}"))[0].cause, DiversionCause::UserBusy);
        assert_eq!(of(&format!("{history}\r\n{two}")).len(), 2);
        assert!(of(&format!("{history}\r\nPrivacy: id; History"))[0].private);
        assert!(!of(&format!("{history}\r\nPrivacy: id"))[0].private);
        assert_eq!(of("Subject: x"), []);
    }
}
