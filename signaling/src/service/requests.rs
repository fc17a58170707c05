//! Requests: within a dialog to its leg, others by method.

use super::Signaling;
use crate::admission::Standing;
use crate::limits::{LEGS_MAX, MAX_FORWARDS_DEFAULT};
use crate::message::{Defect, Fault, Header, HeaderName, Message, Method, NameAddr, Scheme, StatusCode, UriRef};
use crate::transaction::ServerKey;
use crate::transport::Flow;
use crate::trunk::TrunkId;
use crate::user_agent::authentication::{Gate, dismiss};
use crate::user_agent::identity::{Caller, caller_of, party_of_uri};
use crate::user_agent::invite_server::Invitation;
use crate::user_agent::leg::{Leg, Peer};
use crate::user_agent::options::capabilities;
use crate::user_agent::{gruu, register};
use router::Instance;
use router::parameter::{Origin, Party};

/// What a caller is told to wait when there is no room.
const FULL_RETRY_S: u32 = 5;

/// For whom a request outside a dialog is made.
pub(super) enum Requester {
    Trunk(TrunkId),
    Account(String),
}

impl Signaling {
    /// A new request.
    pub(super) fn handle_request(&mut self, key: ServerKey, message: Message, flow: Flow) {
        let Some(method) = message.method().cloned() else { return };
        if flow.transport.is_secure() {
            self.means.note_alias(&message, &flow);
        }
        let in_dialog = method != Method::Register && message.to_tag_text().is_some();
        if in_dialog {
            if method == Method::Subscribe
                && let Some(tag) = self.subscription_of(&message)
            {
                if self.screened(key, &message, &flow, &method) {
                    self.handle_resubscribe(key, &message, &flow, tag);
                }
                return;
            }
            let leg = self.leg_of_tag(&message).filter(|leg| self.legs.contains(*leg));
            let Some(leg) = leg else {
                if method == Method::Prack && self.means.late_pracks.take(self.means.now.instant, &message) {
                    return self.means.refuse(key, &message, &flow, StatusCode::OK);
                }
                let gone = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
                return dismiss(&mut self.means, key, &message, &flow, gone, None, &[]);
            };
            if !self.screened(key, &message, &flow, &method) {
                return;
            }
            if method == Method::Refer && self.is_of_disabled(leg) {
                return self.means.refuse(key, &message, &flow, StatusCode::FORBIDDEN);
            }
            self.with_leg(leg, |leg, means| leg.handle_request(means, key, message, flow));
            return;
        }
        if !self.screened(key, &message, &flow, &method) {
            return self.unscreened(key, message, flow, &method);
        }
        match method {
            Method::Register => self.handle_register(key, &message, &flow),
            Method::Invite => self.handle_invite(key, message, flow),
            Method::Options => self.handle_options(key, message, flow),
            Method::Subscribe => self.handle_subscribe(key, &message, &flow),
            Method::Publish => self.handle_publish(key, &message, &flow),
            Method::Message => self.handle_message_request(key, message, flow),
            // A transfer belongs to a session; one without is declined (RFC 3515 §2.4.2).
            Method::Refer => dismiss(&mut self.means, key, &message, &flow, StatusCode::DECLINE, None, &[]),
            // BYE, INFO, UPDATE outside a dialog.
            _ => {
                let gone = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
                dismiss(&mut self.means, key, &message, &flow, gone, None, &[]);
            }
        }
    }

    /// Whether a leg is that of an account which may not call any more: a transfer would be another call of its. What it has stays.
    fn is_of_disabled(&self, leg: Instance) -> bool {
        let account = self.legs.get(leg).and_then(Leg::account);
        account.is_some_and(|account| self.gate.accounts.enabled(account).is_none())
    }

    /// Whether we can do what the request asks for (RFC 3261 §8.2); if not, it is refused.
    fn screened(&mut self, key: ServerKey, message: &Message, flow: &Flow, method: &Method) -> bool {
        let Err(fault) = message.screen(capabilities(flow)) else { return true };
        let Fault::Reply { status, defect } = fault else { return false };
        // Only an offer has to be understood: the body of an INFO is for the other side, that of a BYE for nobody, and phones
        // send their registrars what others understand. An OPTIONS is answered as an INVITE would be (RFC 3261 §11.2).
        let offers = matches!(method, Method::Invite | Method::Update | Method::Options);
        if !offers && matches!(defect, Defect::ContentType | Defect::ContentEncoding | Defect::Multipart) {
            return true;
        }
        let explanation = capabilities(flow).explain(&defect);
        // To whom may have forged its source no more is said than has to be (RFC 3261 §21.5.2 wants no Allow).
        let may_be_forged = !flow.transport.is_reliable()
            && Gate::standing(&self.means, &self.bindings, flow) == Standing::Unknown
            && defect == Defect::MethodUnknown;
        let explanation = explanation.filter(|_| !may_be_forged);
        let headers: Vec<(Header, String)> = explanation
            .into_iter()
            .filter_map(|(name, value)| match name {
                HeaderName::Known(header) => Some((header, value)),
                HeaderName::Other(_) => None,
            })
            .collect();
        dismiss(&mut self.means, key, message, flow, status, Some(&defect.to_string()), &headers);
        false
    }

    /// What a trunk asked for, and was refused as we cannot do it.
    fn unscreened(&mut self, key: ServerKey, message: Message, flow: Flow, method: &Method) {
        let trunk = self.trunk_of(&message, &flow).filter(|_| *method == Method::Invite);
        let (Some(trunk), Err(Fault::Reply { status, defect })) = (trunk, message.screen(capabilities(&flow))) else {
            return;
        };
        if let Some(invitation) = self.invitation(key, message, flow, Requester::Trunk(trunk)) {
            invitation.tell_refused(&mut self.means, status, &defect.to_string());
        }
    }

    fn handle_register(&mut self, key: ServerKey, message: &Message, flow: &Flow) {
        let served = register::serve(&mut self.means, &mut self.gate, &mut self.bindings, key, message, flow);
        let Some((account, changed)) = served else { return };
        let moved = self.bindings.take_moved();
        if changed.added + changed.removed + moved.len() > 0 {
            self.follow_at_home(&account, &moved);
        }
        if changed.added + changed.refreshed > 0 {
            self.keep_alives.watch(&mut self.means, &self.bindings, &account);
        }
        if changed.added + changed.removed > 0 {
            let contacts = self.bindings.contacts(&account);
            let left = contacts.iter().map(|contact| contact.expires.since(self.means.now.wall).as_secs()).max();
            let from = flow.remote.to_string();
            tracing::info!(
                account = self.means.shown(&account),
                contacts = contacts.len(),
                expires_s = left.unwrap_or(0),
                transport = flow.transport.parameter(),
                from = self.means.shown(&from),
                "{}",
                if changed.added > 0 { "registered" } else { "unregistered" }
            );
        }
        if changed.added + changed.refreshed + changed.removed > 0 {
            self.tell_registration(&account, &moved);
        }
        if changed.added > 0 {
            self.tell_waiting(&account);
        }
        if changed.added + changed.refreshed > 0 {
            self.deliver_kept(&account);
        }
        self.writing.wake(self.means.now.instant, &self.bindings);
    }

    fn handle_invite(&mut self, key: ServerKey, message: Message, flow: Flow) {
        let Some(requester) = self.requester(key, &message, &flow) else { return };
        let Some(invitation) = self.invitation(key, message, flow, requester) else { return };
        let Some(invitation) = self.goes_on(invitation) else { return };
        let full = self.legs.len() >= LEGS_MAX
            || matches!(invitation.peer, Peer::Trunk(trunk) if !self.means.trunks.get_mut(trunk).reserve());
        if full && !self.means.config.emergency.is_emergency(invitation.called.user()) {
            self.means.counters.legs_refused += 1;
            return invitation.refuse(&mut self.means, StatusCode::SERVICE_UNAVAILABLE, Some(FULL_RETRY_S));
        }
        let trunk = match invitation.peer {
            Peer::Trunk(trunk) => Some(trunk),
            Peer::Account => None,
        };
        match (Leg::incoming(&mut self.means, invitation), trunk) {
            (Some(leg), _) => self.keep_leg(leg),
            (None, Some(trunk)) => self.means.trunks.get_mut(trunk).release(),
            (None, None) => {}
        }
    }

    /// For whom a request outside a dialog is made. `None`: it is refused, or challenged.
    pub(super) fn requester(&mut self, key: ServerKey, message: &Message, flow: &Flow) -> Option<Requester> {
        let uri = message.request_uri().ok()?;
        if let Some(trunk) = self.trunk_of(message, flow) {
            return Some(Requester::Trunk(trunk));
        }
        // RFC 3261 §8.2.2.1. A trunk writes whatever host it knows us by.
        if !matches!(uri.scheme(), Scheme::Tel | Scheme::Other) && !self.means.config.is_own_host(uri.host()) {
            dismiss(&mut self.means, key, message, flow, StatusCode::NOT_FOUND, None, &[]);
            return None;
        }
        self.gate.authenticate(&mut self.means, &self.bindings, key, message, flow).map(Requester::Account)
    }

    /// The trunk that a request comes from: that where the Contact is registered which it was sent to, or by its address.
    pub(super) fn trunk_of(&self, message: &Message, flow: &Flow) -> Option<TrunkId> {
        let of_contact = || {
            let user = message.request_uri().ok()?.user()?;
            self.means.trunks.of_request(self.means.now.instant, user, flow, &self.means.proven)
        };
        let registered = self.means.trunks.has_contacts().then(of_contact).flatten();
        registered.or_else(|| self.means.trunk_of(flow))
    }

    /// Who is called: by the Request-URI. A registrar puts our Contact there; then it is whom the caller meant (P-Called-Party-ID,
    /// RFC 7315 §4.2, or To), or else the address that the Contact stands for.
    pub(super) fn called(&self, message: &Message) -> Option<Party> {
        let uri = message.request_uri().ok()?;
        let party = self.meant(message, uri)?;
        // RFC 3261 §26.2.2: all of the way is to be secure.
        Some(Party { secure: uri.scheme() == Scheme::Sips, ..party })
    }

    fn meant(&self, message: &Message, uri: UriRef<'_>) -> Option<Party> {
        let Some((_, own)) = uri.user().and_then(|user| self.means.trunks.of_contact(user)) else {
            let party = party_of_uri(uri);
            return match gruu::called(uri).filter(|_| self.means.config.is_own_host(uri.host())) {
                Some(user) => Some(Party { user: user.into(), ..party }),
                None => Some(party),
            };
        };
        let named = message.header(HeaderName::Other("P-Called-Party-ID")).and_then(NameAddr::parse);
        let meant =
            named.map(|named| party_of_uri(named.uri())).or_else(|| Some(party_of_uri(message.to().ok()?.uri())));
        let meant = meant.filter(|party| !party.user().is_empty() && Some(party.user()) != uri.user());
        Some(meant.unwrap_or_else(|| Party::new(own.user.as_str(), own.domain(uri.host()))))
    }

    /// What a known caller asks for.
    fn invitation(&self, key: ServerKey, message: Message, flow: Flow, requester: Requester) -> Option<Invitation> {
        let called = self.called(&message)?;
        // With 0 it goes no further, and may be served here all the same (§16.3): whoever sends it on is the one to refuse.
        let hops = message.max_forwards().ok().flatten().unwrap_or(MAX_FORWARDS_DEFAULT);
        Some(match requester {
            Requester::Trunk(trunk) => {
                let config = &self.means.trunks.get(trunk).config;
                let caller = caller_of(&message, config.trusted);
                let caller = match config.trusted && config.identity.remote_party_id {
                    true => caller.or_remote_party(&message),
                    false => caller,
                };
                let Caller { party: caller, asserted: verified, anonymous } = caller;
                let origin = Origin::Trunk(config.name.as_str().into());
                let peer = Peer::Trunk(trunk);
                Invitation { key, message, flow, peer, origin, caller, verified, anonymous, called, hops }
            }
            Requester::Account(account) => {
                let Caller { party: stated, anonymous, .. } = caller_of(&message, false);
                let known = self.gate.accounts.get(&account).and_then(|account| account.display_name.clone());
                let listener = self.means.config.listeners.get(flow.listener);
                let host = listener.map_or("", |listener| listener.advertised().host());
                let domain = self.means.config.domain(host).to_owned();
                // An account calls as itself, whatever its From says.
                let display_name = known.map(|name| name.into_inner().into()).or(stated.display_name);
                let caller = Party { display_name, ..Party::new(account.as_str(), domain) };
                let (origin, peer) = (Origin::Account(account.into()), Peer::Account);
                // Its digest was right, so it is that account.
                let verified = true;
                Invitation { key, message, flow, peer, origin, caller, verified, anonymous, called, hops }
            }
        })
    }
}
