//! SUBSCRIBE (RFC 6665 §4.2.1).

use super::Signaling;
use crate::dialog::{Dialog, Reach, Unfit};
use crate::limits::{NOTIFY_INTERVAL_MAX, SUBSCRIPTIONS_MAX};
use crate::message::{Header, Message, Scheme, StatusCode, Tag, escape_user, unquote};
use crate::subscription::{
    ALLOW_EVENTS, CONFERENCE, Ending, Package, Subscription, Telling, Watching, interval_of_rate,
};
use crate::transaction::ServerKey;
use crate::transport::Flow;
use crate::user_agent::authentication::dismiss;
use crate::user_agent::contact::contact_for;
use router::parameter::{AccountState, ConferenceName};
use router::time::Duration;

/// What a subscriber is told to wait when there is no room.
const FULL_RETRY_S: u32 = 60;

/// What a SUBSCRIBE asks for.
struct Wanted {
    package: Package,
    event_id: Option<Box<str>>,
    /// Zero: to be told once (a first SUBSCRIBE), or no more (a later one).
    expires: Duration,
    interval: Duration,
    max_rate: Option<Box<str>>,
}

/// By what the one that a SUBSCRIBE names is known: an account's own name, or a conference's. `None`: no conference is called so.
fn followed(user: &str, package: Package) -> Option<String> {
    match package.is_of_account() {
        true => Some(user.to_owned()),
        false => ConferenceName::of(user).map(|name| format!("{CONFERENCE}{name}")),
    }
}

/// A refusal, and what goes with it.
pub(super) type Refusal = (StatusCode, Vec<(Header, String)>);

impl Signaling {
    /// A SUBSCRIBE that begins a subscription.
    pub(super) fn handle_subscribe(&mut self, key: ServerKey, message: &Message, flow: &Flow) {
        let Ok(uri) = message.request_uri() else { return };
        let refuse = |signaling: &mut Self, status: StatusCode| {
            dismiss(&mut signaling.means, key, message, flow, status, None, &[]);
        };
        // Trunks call; what goes on here is no matter of theirs.
        if self.means.trunk_of(flow).is_some() {
            return refuse(self, StatusCode::FORBIDDEN);
        }
        if !matches!(uri.scheme(), Scheme::Sip | Scheme::Sips) || !self.means.config.is_own_host(uri.host()) {
            return refuse(self, StatusCode::NOT_FOUND);
        }
        let gate = self.gate.authenticate(&mut self.means, &self.bindings, key, message, flow);
        let Some(watcher) = gate else { return };
        let wanted = match self.wanted(message) {
            Ok(wanted) => wanted,
            Err((status, headers)) => {
                return dismiss(&mut self.means, key, message, flow, status, None, &headers);
            }
        };
        // Some phones name the server alone and mean themselves.
        let user = uri.user_decoded().map_or_else(|| watcher.clone(), |user| user.into_owned());
        let Some(account) = followed(&user, wanted.package) else { return refuse(self, StatusCode::NOT_FOUND) };
        if let Some(status) = self.unwatchable(&watcher, &account, wanted.package) {
            return refuse(self, status);
        }
        let settings = &self.means.config.events;
        if self.notifier.count_of_watcher(&watcher) >= settings.per_account_max
            || self.notifier.len() >= SUBSCRIPTIONS_MAX
        {
            self.notifier.counters.refused += 1;
            let retry = [(Header::RetryAfter, FULL_RETRY_S.to_string())];
            return dismiss(&mut self.means, key, message, flow, StatusCode::SERVICE_UNAVAILABLE, None, &retry);
        }
        let bits = self.means.random.next_u64();
        let (tag, contact) = (Tag::of_random(bits), contact_for(self.means.contact_at(flow), uri));
        let Ok(dialog) = Dialog::of_request(message, tag, flow, Reach::Flow, &contact) else {
            return refuse(self, StatusCode::BAD_REQUEST);
        };
        let host = uri.host();
        let domain = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
        let now = self.means.now.instant;
        let subscription = Subscription {
            package: wanted.package,
            event_id: wanted.event_id,
            entity: format!("sip:{}@{domain}", escape_user(&user)).into(),
            domain: host.trim_matches(['[', ']']).into(),
            watcher: watcher.into(),
            account: account.as_str().into(),
            expires_at: now + wanted.expires,
            interval: wanted.interval,
            max_rate: wanted.max_rate,
            telling: Telling::Nothing,
            in_flight: false,
            last_sent: false,
            refused: false,
            sought: false,
            queued: false,
            not_before: now,
            version: 0,
            told: None,
            told_dialogs: Vec::new(),
            told_members: Vec::new(),
            expiry: None,
            waiting: None,
            dialog,
        };
        self.accept_subscribe(key, message, flow, &subscription, wanted.expires);
        let follows_calls = wanted.package.follows_calls();
        let first = self.notifier.insert(now, bits, subscription);
        self.seek_subscriber(bits, message);
        if !wanted.package.is_of_account() {
            // Nobody is asked what it is: its members are all there is to know.
            self.notifier.learn(&account, AccountState::of(&account));
        } else if first {
            self.follow_account(&account);
        }
        if follows_calls && self.notifier.calls.follow() {
            self.ask_switches();
        }
        self.ask_elsewhere();
        // RFC 6665 §4.2.1.2: the state is told at once. Of who wants no more than that (Expires: 0), nothing is kept behind it.
        let telling = if wanted.expires.is_zero() { Telling::Last(Ending::Timeout) } else { Telling::Asked };
        self.notifier.tell(now, bits, telling);
    }

    /// A SUBSCRIBE within the dialog of a subscription: it goes on for so long, or ends.
    pub(super) fn handle_resubscribe(&mut self, key: ServerKey, message: &Message, flow: &Flow, tag: u64) {
        let wanted = self.wanted(message);
        let now = self.means.now.instant;
        let Some(subscription) = self.notifier.get_mut(tag) else { return };
        let remote = subscription.dialog.id().remote_tag.clone();
        // A dialog has one subscription: another event of it is none that we know (RFC 6665 §4.2.1.1 with §4.4.1).
        let is_this =
            |wanted: &Wanted| wanted.package == subscription.package && wanted.event_id == subscription.event_id;
        let known = remote == message.from_tag() && wanted.as_ref().map_or(true, is_this);
        if !known || subscription.is_ending() {
            return self.means.refuse(key, message, flow, StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
        }
        match subscription.dialog.receive(message, flow) {
            Ok(()) => {}
            Err(Unfit::OutOfOrder) => return self.means.refuse(key, message, flow, StatusCode::SERVER_INTERNAL_ERROR),
            Err(Unfit::Defect) => return self.means.refuse(key, message, flow, StatusCode::BAD_REQUEST),
        }
        let wanted = match wanted {
            Ok(wanted) => wanted,
            Err((status, headers)) => {
                return dismiss(&mut self.means, key, message, flow, status, None, &headers);
            }
        };
        // RFC 6665 §4.4.1: it refreshes the target.
        subscription.dialog.refresh(message);
        (subscription.interval, subscription.max_rate) = (wanted.interval, wanted.max_rate);
        let (watcher, account, package) =
            (subscription.watcher.to_string(), subscription.account.to_string(), subscription.package);
        let telling = match self.unwatchable(&watcher, &account, package) {
            _ if wanted.expires.is_zero() => Telling::Last(Ending::Timeout),
            Some(_) => Telling::Last(Ending::Rejected),
            None => Telling::Asked,
        };
        self.seek_subscriber(tag, message);
        self.notifier.set_expiry(tag, now + wanted.expires);
        if let Some(subscription) = self.notifier.get(tag) {
            let response = self
                .means
                .response(message, flow, StatusCode::OK, &subscription.dialog.id().local_tag)
                .header(Header::Expires, wanted.expires.as_secs())
                .header(Header::Contact, subscription.dialog.contact())
                .header(Header::AllowEvents, ALLOW_EVENTS)
                .finish();
            self.means.respond(key, response);
        }
        // What has got lost on the way from the account's home is mended with each refresh.
        if package.is_of_account() {
            self.follow_account(&account);
        }
        if package.is_told_elsewhere() {
            self.notifier.elsewhere.ask_unknown(now, &account);
        }
        self.notifier.tell(now, tag, telling);
    }

    fn accept_subscribe(
        &mut self,
        key: ServerKey,
        message: &Message,
        flow: &Flow,
        subscription: &Subscription,
        expires: Duration,
    ) {
        let response = self
            .means
            .response(message, flow, StatusCode::OK, &subscription.dialog.id().local_tag)
            .header(Header::Expires, expires.as_secs())
            .header(Header::Contact, subscription.dialog.contact())
            .header(Header::AllowEvents, ALLOW_EVENTS)
            .finish();
        self.means.respond(key, response);
    }

    /// The subscription of ours that a request is within.
    pub(super) fn subscription_of(&self, message: &Message) -> Option<u64> {
        let to = message.to().ok()?;
        let bits = to.tag().filter(|tag| tag.len() == 16).and_then(|tag| u64::from_str_radix(tag, 16).ok())?;
        let subscription = self.notifier.get(bits)?;
        (message.call_id().ok()? == subscription.dialog.id().call_id.as_str()).then_some(bits)
    }

    /// Why an account may not follow another one, or itself, in a package.
    fn unwatchable(&self, watcher: &str, account: &str, package: Package) -> Option<StatusCode> {
        // What one may not know of others includes whether they exist.
        let allowed =
            watcher == account || (package.is_of_others() && self.means.config.events.watching == Watching::Accounts);
        if !allowed {
            return Some(StatusCode::FORBIDDEN);
        }
        let accounts = &self.gate.accounts;
        // Whether another platform has it is found out: who follows nobody's account is told so by the end of the subscription.
        let may_be_elsewhere = package.is_told_elsewhere() && self.notifier.elsewhere.is_in_cluster();
        let is_known = !package.is_of_account()
            || accounts.enabled(account).is_some()
            || (may_be_elsewhere && accounts.get(account).is_none());
        (!is_known).then_some(StatusCode::NOT_FOUND)
    }

    /// What a SUBSCRIBE asks for.
    fn wanted(&self, message: &Message) -> Result<Wanted, Refusal> {
        let bad_event = || (StatusCode::BAD_EVENT, vec![(Header::AllowEvents, ALLOW_EVENTS.to_owned())]);
        let bad = |_| (StatusCode::BAD_REQUEST, Vec::new());
        let event = message.event().map_err(bad)?.ok_or_else(bad_event)?;
        let package = Package::parse(event.value).ok_or_else(bad_event)?;
        if message.header(Header::Accept).is_some() {
            let own = package.content_type();
            let range = own.split_once('/').map_or("", |(kind, _)| kind);
            let accepts = |token: &str| {
                let media = token.split(';').next().unwrap_or_default().trim();
                media == "*/*"
                    || media.eq_ignore_ascii_case(own)
                    || media.strip_suffix("/*").is_some_and(|kind| kind.eq_ignore_ascii_case(range))
            };
            if !message.tokens(Header::Accept).any(accepts) {
                return Err((StatusCode::NOT_ACCEPTABLE, vec![(Header::Accept, own.to_owned())]));
            }
        }
        let settings = &self.means.config.events;
        let asked = message.expires().map_err(bad)?.map(|seconds| Duration::from_secs(seconds.into()));
        let expires = match asked {
            Some(asked) if asked < settings.expires_min && !asked.is_zero() => {
                let least = settings.expires_min.as_secs().to_string();
                return Err((StatusCode::INTERVAL_TOO_BRIEF, vec![(Header::MinExpires, least)]));
            }
            Some(asked) => asked.min(settings.expires_max),
            None => package.expires().clamp(settings.expires_min, settings.expires_max),
        };
        let rate = event.parameters.get("max-rate").map(|rate| unquote(rate).into_owned());
        let own = package.interval();
        let asked = rate.as_deref().and_then(|rate| interval_of_rate(rate, own, NOTIFY_INTERVAL_MAX));
        Ok(Wanted {
            package,
            event_id: event.parameters.get("id").map(Box::from),
            expires,
            interval: asked.unwrap_or(own),
            max_rate: rate.filter(|_| asked.is_some()).map(Box::from),
        })
    }
}
