//! One address after another: the INVITE to each, and the time that it has for a first response.

use super::{ABANDON_AFTER, Attempt, Outgoing};
use crate::limits::AVOIDED_FOR;
use crate::message::{Header, Method, RequestWriter};
use crate::messaging::write_date;
use crate::policy::Reliability;
use crate::sdp::{OfferAnswer, TRICKLE_PACKAGE};
use crate::transport::Destination;
use crate::user_agent::account_identity::Parties;
use crate::user_agent::body::{SDP, origin_address};
use crate::user_agent::call_identity;
use crate::user_agent::cause;
use crate::user_agent::connectivity::Connecting;
use crate::user_agent::contact::{contact, contact_for};
use crate::user_agent::fork::P_EARLY_MEDIA;
use crate::user_agent::header_policy;
use crate::user_agent::identity::{self, Shown, uri_of};
use crate::user_agent::invite_server::RELIABLE;
use crate::user_agent::leg::{Head, State, Timer};
use crate::user_agent::means::{ClientUse, Means};
use crate::user_agent::options::{ALLOW, supported_in_invite};
use crate::user_agent::remote_party;
use crate::user_agent::securing::Securing;
use crate::user_agent::signing;
use crate::user_agent::trickle::RECV_INFO;
use router::parameter::{Cause, CauseKind};
use router::time::Duration;
use smallvec::SmallVec;
use std::net::{IpAddr, SocketAddr};

impl Outgoing {
    /// Tries the next address; none is left: fails with `cause`.
    pub(super) fn try_next(mut self: Box<Self>, head: &mut Head, means: &mut Means, cause: Cause) -> State {
        loop {
            while let Some(destination) = self.further.pop_front() {
                if let Some(interface) = self.other_family(head, means, &destination) {
                    return self.fail_at(head, means, interface);
                }
                self.forks.clear();
                self.forget_early_offer(means);
                self.authorization = None;
                if self.invite(head, means, destination) {
                    return State::Outgoing(self);
                }
            }
            match self.whither.by_another_flow(means) {
                Some(addresses) => self.further = addresses,
                None => break,
            }
        }
        let cause = match head.trunk() {
            // RFC 3261 §8.1.3.1: as if it had said 503. What is not there is no subscriber but a network.
            Some(_) if cause.kind == CauseKind::Unreachable && cause.code.is_none() => CauseKind::PeerFailure.into(),
            _ => cause,
        };
        self.fail(head, means, cause)
    }

    /// Sends the INVITE. False: it cannot be sent there.
    pub(super) fn invite(&mut self, head: &mut Head, means: &mut Means, destination: Destination) -> bool {
        let destination = destination.of_trunk(head.trunk());
        let Some((id, listener)) = means.config.listeners.select(&destination) else { return false };
        let domain = means.config.domain(listener.advertised().host());
        let to_host = if self.whither.to_host.is_empty() { domain } else { &self.whither.to_host };
        // RFC 3325 §5: only what was verified is asserted, and only to whom is trusted.
        let asserts = self.verified && head.is_trusted(means);
        let parties = Parties { caller: &self.caller, anonymous: self.anonymous, called: &self.called, asserts };
        let Some(shown) = Shown::at(means, head.trunk(), &parties, domain, to_host) else { return false };
        let own = contact_for(contact(listener, destination.local), self.whither.request_uri.borrow());
        let own = head.contact_by_flow(means, own);
        let (media, body) = match self.attempt.take() {
            // A further attempt makes the same offer.
            Some(attempt) if attempt.destination.listener == Some(id) => (attempt.media, attempt.body),
            _ => {
                let mut address = origin_address(Some(listener), destination.local);
                if address.is_unspecified() {
                    address = self.offered_address().unwrap_or(address);
                }
                let session_id = means.random.next_u64();
                let securing = Securing::of(means, &head.peer, self.account.as_deref(), destination.transport);
                let security = securing.begin(&mut means.random);
                let connecting = Connecting::of(means, &head.peer, self.account.as_deref());
                let ice = connecting.begin(&mut means.random);
                let media = OfferAnswer::new(session_id, address).with_security(security).with_ice(ice);
                let mut media = media.with_metrics(means.config.voip_metrics);
                match self.offer.as_ref().map(|offer| media.make_offer(offer.description())).transpose() {
                    Ok(body) => (media, body),
                    Err(error) => {
                        tracing::debug!(leg = %head.instance, %error, "an offer that cannot be made");
                        return false;
                    }
                }
            }
        };
        self.interface = Some(destination.local.unwrap_or(listener.local().ip()));
        self.cseq += 1;
        let calls = head.policy(means);
        let (request_uri, routes) = self.whither.routes.apply(self.whither.request_uri.as_str());
        let mut writer = RequestWriter::new(&Method::Invite, request_uri).header(Header::MaxForwards, self.hops);
        for route in routes {
            writer = writer.header(Header::Route, route);
        }
        writer = writer
            .header(Header::From, (shown.from.as_str(), ";tag=", &head.tag))
            .header(Header::To, shown.to.as_str())
            .header(Header::CallId, &head.call_id)
            .header(Header::CSeq, (self.cseq, " INVITE"))
            .header(Header::Contact, &own);
        let policy = head.trunk().map(|trunk| &means.trunks.get(trunk).config.headers);
        let policy = policy.filter(|policy| !policy.is_empty());
        let removes = |header: Header| policy.is_some_and(|policy| policy.removes(header.as_str()));
        let supported = supported_in_invite(calls.reliable != Reliability::Never, head.is_by_flow(means));
        let own_fields: [(Header, &str); 3] =
            [(Header::Allow, ALLOW), (Header::Supported, supported), (Header::UserAgent, &means.config.agent)];
        for (header, value) in own_fields {
            if !removes(header) {
                writer = writer.header(header, value);
            }
        }
        if media.takes_candidates() {
            writer = writer.header(RECV_INFO, TRICKLE_PACKAGE).header(Header::Supported, TRICKLE_PACKAGE);
        }
        if let Some(asserted) = shown.asserted.as_ref().filter(|_| !removes(Header::PAssertedIdentity)) {
            writer = writer.header(Header::PAssertedIdentity, asserted);
        }
        if let Some(asserted) = shown.asserted.as_ref().filter(|_| remote_party::is_told(means, head)) {
            writer = writer.header(Header::RemotePartyId, remote_party::value(asserted, true, shown.private));
        }
        if let Some(preferred) = shown.preferred.as_ref().filter(|_| !removes(Header::PPreferredIdentity)) {
            writer = writer.header(Header::PPreferredIdentity, preferred);
        }
        if shown.private {
            writer = writer.header(Header::Privacy, "id");
        }
        if let Some(referred_by) = self.referred_by.as_ref().filter(|_| !removes(Header::ReferredBy)) {
            writer = writer.header(Header::ReferredBy, identity::referred_by_at(means, referred_by.reveal(), domain));
        }
        if let Some(identity) = &self.identity {
            let target = uri_of(&self.called, to_host);
            writer = call_identity::write(writer, means, head, identity, domain, target);
            let is_hidden = self.anonymous && shown.asserted.is_none();
            let passed = self.passed.as_deref().unwrap_or_default();
            let said = signing::Said { caller: &self.caller, called: &self.called, is_hidden, passed };
            let signatures = signing::sign(means, head, identity, &said);
            if !signatures.is_empty() {
                // RFC 8224 §4.1: who verifies it looks at the Date, too.
                writer = writer.header(Header::Date, write_date(means.now.wall));
            }
            for signature in signatures {
                writer = writer.header(Header::Identity, signature);
            }
        }
        let passed = self.passed.as_deref().unwrap_or_default();
        // A trunk without a policy lets nothing pass.
        if policy.is_some() || (head.trunk().is_none() && !passed.is_empty()) {
            writer = header_policy::write(writer, policy, passed, |name| call_identity::writes(means, head, name));
        }
        if calls.reliable == Reliability::Required {
            writer = writer.header(Header::Require, RELIABLE);
        }
        // RFC 5009 §5: who is trusted may say whether it sends media early.
        if head.is_trusted(means) {
            writer = writer.header(P_EARLY_MEDIA, "supported");
        }
        if let Some((expires, least)) = self.timer.request(&calls) {
            writer = writer.header(Header::SessionExpires, expires);
            if let Some(least) = least {
                writer = writer.header(Header::MinSe, least);
            }
        }
        let proofs = self.authorization.as_ref().and_then(|authorization| authorization.proofs());
        for (header, value) in proofs.iter().flat_map(|proofs| proofs.iter()) {
            writer = writer.header(*header, value);
        }
        let invite = match &body {
            Some(text) => writer.body(SDP, text),
            None => writer.finish(),
        };
        let to = ClientUse::Invite {
            leg: head.instance,
            reach: head.reach(),
            dialog: None,
            offered: body.is_some(),
            proofs,
            acknowledged: SmallVec::new(),
        };
        let destination = destination.from_listener(id);
        let Some(key) = means.send(destination, invite, to) else { return false };
        self.attempt = Some(Attempt { key, destination, contact: own, media, body });
        (self.heard, self.by_tcp) = (false, false);
        head.set_timer(means, Timer::Response, self.whither.response);
        true
    }

    /// The time to the first response is over. Who has given none is left for the next address, trunk or branch. Nothing
    /// can be cancelled before a provisional response (RFC 3261 §9.1): the transaction goes on by itself, CANCELs when one
    /// comes after all, and a 2xx finds nobody and is hung up.
    pub(in crate::user_agent) fn unheard(mut self: Box<Self>, head: &mut Head, means: &mut Means) -> State {
        if let Some(cause) = self.no_other_offer() {
            return self.fail(head, means, cause);
        }
        let Some(attempt) = self.attempt.as_ref().filter(|_| !self.heard && !self.stopped) else {
            head.set_timer(means, Timer::Abandon, ABANDON_AFTER);
            return State::Outgoing(self);
        };
        // By TCP for its length: it goes by UDP after all where that says nothing (RFC 3261 §18.1.1), and has its time there.
        let at = means.transactions.destination(attempt.key);
        let by_tcp = at.is_some_and(|at| at.transport != attempt.destination.transport);
        if by_tcp || self.by_tcp {
            self.by_tcp = by_tcp;
            head.set_timer(means, Timer::Response, self.whither.response);
            return State::Outgoing(self);
        }
        let (remote, key) = (attempt.destination.remote, attempt.key);
        self.avoid(means, remote, AVOIDED_FOR);
        let reason = cause::reason_header(&CauseKind::Timeout.into(), false);
        means.transactions.cancel(means.now.instant, key, reason.as_deref());
        // A phone that says nothing is not there.
        let kind = if head.trunk().is_some() { CauseKind::Timeout } else { CauseKind::Unreachable };
        self.try_next(head, means, kind.into())
    }

    /// An address of several is tried last for that long.
    pub(super) fn avoid(&self, means: &mut Means, remote: SocketAddr, time: Duration) {
        if self.several {
            means.avoided.note(means.now.instant, remote, time);
        }
    }

    /// The address of ours that a trunk's host is reached from, where that is of another family than the offer: it could not send there. `None`: it
    /// is not, or the operator has said where the media of that trunk is.
    fn other_family(&self, head: &Head, means: &Means, destination: &Destination) -> Option<IpAddr> {
        let trunk = head.trunk()?;
        let (offered, remote) = (self.offered_address()?, destination.remote.ip().to_canonical());
        if offered.is_ipv4() == remote.is_ipv4() || means.trunks.get(trunk).config.media_fixed {
            return None;
        }
        let (_, listener) = means.config.listeners.select(destination)?;
        Some(destination.local.unwrap_or(listener.local().ip()))
    }

    /// Where the offer's first stream is received.
    fn offered_address(&self) -> Option<IpAddr> {
        let stream = self.offer.as_ref()?.description().streams.iter().find_map(|stream| stream.rtp)?;
        Some(stream.ip())
    }
}
