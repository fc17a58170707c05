//! PUBLISH (RFC 3903): an account tells of itself, at its home shard.

use super::Signaling;
use super::subscribe::Refusal;
use crate::message::{Header, Message, StatusCode, UriRef};
use crate::subscription::{ALLOW_EVENTS, Package, Precondition, Published, message_summary, pidf};
use crate::transaction::ServerKey;
use crate::transport::Flow;
use crate::user_agent::authentication::dismiss;
use router::time::Duration;

impl Signaling {
    /// A PUBLISH.
    pub(super) fn handle_publish(&mut self, key: ServerKey, message: &Message, flow: &Flow) {
        let refuse = |signaling: &mut Self, status: StatusCode, headers: &[(Header, String)]| {
            dismiss(&mut signaling.means, key, message, flow, status, None, headers);
        };
        let (Ok(uri), Ok(to)) = (message.request_uri(), message.to()) else { return };
        if self.means.trunk_of(flow).is_some() {
            return refuse(self, StatusCode::FORBIDDEN, &[]);
        }
        let ours = |uri: UriRef<'_>| uri.scheme().is_sip() && self.means.config.is_own_host(uri.host());
        if !ours(uri) || !ours(to.uri()) {
            return refuse(self, StatusCode::NOT_FOUND, &[]);
        }
        let gate = self.gate.authenticate(&mut self.means, &self.bindings, key, message, flow);
        let Some(account) = gate else { return };
        // An account speaks for itself alone; and by To its home was found.
        let names = |uri: UriRef<'_>| uri.user_decoded().is_some_and(|user| *user == *account);
        if !names(uri) || !names(to.uri()) {
            return refuse(self, StatusCode::FORBIDDEN, &[]);
        }
        match self.published(message, &account) {
            Ok((expires, tag)) => {
                let tag_of_response = self.means.mint_tag();
                let response = self
                    .means
                    .response(message, flow, StatusCode::OK, &tag_of_response)
                    .header(Header::Expires, expires.as_secs())
                    .header(Header::SipEtag, format_args!("{tag:016x}"))
                    .finish();
                self.means.respond(key, response);
            }
            Err((status, headers)) => refuse(self, status, &headers),
        }
    }

    /// Takes what is published; for how long, and under which entity tag.
    fn published(&mut self, message: &Message, account: &str) -> Result<(Duration, u64), Refusal> {
        let bad = |_| (StatusCode::BAD_REQUEST, Vec::new());
        let bad_event = || (StatusCode::BAD_EVENT, vec![(Header::AllowEvents, ALLOW_EVENTS.to_owned())]);
        let event = message.event().map_err(bad)?.ok_or_else(bad_event)?;
        let package = Package::parse(event.value)
            .filter(|package| matches!(package, Package::Presence | Package::MessageSummary))
            .ok_or_else(bad_event)?;
        let precondition = match message.text(Header::SipIfMatch) {
            Some(tag) => Precondition::Match(tag.trim().to_owned()),
            None => Precondition::Initial,
        };
        let settings = &self.means.config.events;
        let expires = match message.expires().map_err(bad)? {
            Some(seconds) => Duration::from_secs(seconds.into()).min(settings.expires_max),
            None => package.expires().clamp(settings.expires_min, settings.expires_max),
        };
        if !expires.is_zero() && expires < settings.expires_min {
            let least = settings.expires_min.as_secs().to_string();
            return Err((StatusCode::INTERVAL_TOO_BRIEF, vec![(Header::MinExpires, least)]));
        }
        let octets = message.body_octets();
        let body = match octets.is_empty() {
            true => None,
            false => Some(read_body(message, package, octets)?),
        };
        let now = self.means.now.instant;
        let tag = self.means.random.next_u64();
        let hosted = self.notifier.hosted.entry(account.to_owned()).or_default();
        let former = hosted.publications.next();
        let served = hosted.publications.publish(now, package, &precondition, body, expires, tag);
        self.note_ends(account, former);
        let changed = served.map_err(|status| (status, Vec::new()))?;
        self.notifier.counters.published += 1;
        if changed {
            self.account_state_changed(account);
        }
        Ok((expires, tag))
    }
}

/// The body of a PUBLISH of a package.
fn read_body(message: &Message, package: Package, octets: &[u8]) -> Result<Published, Refusal> {
    let is_type = message.content_type().ok().flatten().is_some_and(|kind| kind.is(package.content_type()));
    if !is_type {
        let accept = vec![(Header::Accept, package.content_type().to_owned())];
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, accept));
    }
    let bad = || (StatusCode::BAD_REQUEST, Vec::new());
    match package {
        Package::MessageSummary => message_summary::read(octets).map(Published::MessageSummary).ok_or_else(bad),
        _ => match pidf::read(octets) {
            Ok(tuples) => Ok(Published::Presence(tuples)),
            Err(pidf::Unreadable::TooLong) => Err((StatusCode::REQUEST_ENTITY_TOO_LARGE, Vec::new())),
            Err(_) => Err(bad()),
        },
    }
}
