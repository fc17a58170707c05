//! Keep-alives to registered contacts: OPTIONS, which keeps NATs open, tells whether the phone is there, and how far. One that leaves them
//! unanswered is asked less and less often: nothing is to be kept open there, and a phone that comes back registers.

use super::contact::contact as own_contact;
use super::destination::{Hop, Whither};
use super::means::{ClientUse, Means};
use super::options::{ACCEPT, ALLOW};
use crate::limits::{KEEP_ALIVE_DOUBLINGS, MAX_FORWARDS_DEFAULT};
use crate::message::{Header, Method, RequestWriter};
use crate::registrar::Bindings;
use router::parameter::Contact;
use router::time::{Duration, Instant, TimerKey, TimerWheel};
use std::collections::HashMap;

/// A contact: account and key.
type Key = (String, String);

/// When each contact is asked next.
#[derive(Debug, Default)]
pub(crate) struct KeepAlives {
    due: TimerWheel<Key>,
    watched: HashMap<Key, Watched>,
}

/// A contact that is asked from time to time.
#[derive(Debug, Default)]
struct Watched {
    /// When it is asked next; `None`: its answer is awaited.
    timer: Option<TimerKey>,
    /// How many in a row it has left unanswered.
    unanswered: u32,
}

impl KeepAlives {
    /// Sees to it that every contact of an account is asked from time to time.
    pub(crate) fn watch(&mut self, means: &mut Means, bindings: &Bindings, account: &str) {
        let Some(interval) = means.config.keep_alive else { return };
        for contact in bindings.contacts(account) {
            let key = (account.to_owned(), contact.key().reveal().clone());
            match self.watched.get_mut(&key) {
                None => self.schedule(means, key, interval),
                // It was gone, and has just registered.
                Some(watched) if contact.reachable.is_none() && watched.unanswered > 0 => {
                    watched.unanswered = 0;
                    if watched.timer.is_some() {
                        self.schedule(means, key, interval);
                    }
                }
                Some(_) => {}
            }
        }
    }

    /// Asks who is due; true: some contact's state changed meanwhile.
    pub(crate) fn handle_timeout(&mut self, means: &mut Means, bindings: &mut Bindings) {
        while let Some(key) = self.due.poll(means.now.instant) {
            let known = bindings.contact_mut(&key.0, &key.1).map(|contact| contact.clone());
            match known {
                Some(contact) if means.config.keep_alive.is_some() => {
                    if let Some(watched) = self.watched.get_mut(&key) {
                        watched.timer = None;
                    }
                    if !ask(means, &key, &contact) {
                        self.reschedule(means, key, false);
                    }
                }
                // It is gone.
                _ => {
                    self.watched.remove(&key);
                }
            }
        }
    }

    /// A contact answered (after so long), or did not. The account, if its reachability changed.
    pub(crate) fn answered(
        &mut self,
        means: &mut Means,
        bindings: &mut Bindings,
        key: Key,
        latency: Option<Duration>,
    ) -> Option<String> {
        match latency {
            Some(_) => means.counters.keep_alives_answered += 1,
            None => means.counters.keep_alives_unanswered += 1,
        }
        let changed = bindings.contact_mut(&key.0, &key.1).is_some_and(|contact| {
            let before = contact.reachable.replace(latency.is_some());
            if let Some(latency) = latency {
                contact.latency_us = Some(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
            }
            before != contact.reachable
        });
        let account = key.0.clone();
        self.reschedule(means, key, latency.is_some());
        changed.then_some(account)
    }

    /// When the next contact is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due.next()
    }

    /// How many contacts are watched.
    pub(crate) fn len(&self) -> usize {
        self.watched.len()
    }

    fn reschedule(&mut self, means: &mut Means, key: Key, answered: bool) {
        match means.config.keep_alive {
            Some(interval) => {
                let watched = self.watched.entry(key.clone()).or_default();
                watched.unanswered = if answered { 0 } else { watched.unanswered.saturating_add(1) };
                // One may have been lost.
                let doublings = watched.unanswered.saturating_sub(1).min(KEEP_ALIVE_DOUBLINGS);
                self.schedule(means, key, interval * (1 << doublings));
            }
            None => {
                self.watched.remove(&key);
            }
        }
    }

    /// A tenth earlier or later at random, so that phones that registered together are not asked together for ever.
    fn schedule(&mut self, means: &mut Means, key: Key, interval: Duration) {
        let tenth_ms = u64::try_from(interval.as_millis() / 10).unwrap_or(u64::MAX);
        let after = interval * 9 / 10 + Duration::from_millis(means.random.below(2 * tenth_ms + 1));
        let timer = self.due.schedule(means.now.instant + after, key.clone());
        if let Some(former) = self.watched.entry(key).or_default().timer.replace(timer) {
            self.due.cancel(former);
        }
    }
}

/// Sends the OPTIONS. False: it cannot be sent.
fn ask(means: &mut Means, key: &Key, contact: &Contact) -> bool {
    let Ok(whither) = Whither::contact(means, contact) else { return false };
    let Hop::Addresses(addresses) = &whither.hop else { return false };
    let Some(destination) = addresses.front().copied() else { return false };
    let call_id = means.mint_call_id();
    let Some((id, listener)) = means.config.listeners.select(&destination) else { return false };
    let domain = means.config.domain(listener.advertised().host());
    let (request_uri, routes) = whither.routes.apply(whither.request_uri.as_str());
    let mut writer =
        RequestWriter::new(&Method::Options, request_uri).header(Header::MaxForwards, MAX_FORWARDS_DEFAULT);
    for route in routes {
        writer = writer.header(Header::Route, route);
    }
    let request = writer
        .header(Header::From, format_args!("<sip:{domain}>;tag={:016x}", means.random.next_u64()))
        .header(Header::To, format_args!("<{}>", whither.request_uri))
        .header(Header::CallId, call_id)
        .header(Header::CSeq, "1 OPTIONS")
        .header(Header::Contact, own_contact(listener, destination.local))
        .header(Header::Allow, ALLOW)
        .header(Header::Accept, ACCEPT)
        .header(Header::UserAgent, &means.config.agent)
        .finish();
    let (account, uri) = key.clone();
    let to = ClientUse::KeepAlive(Box::new((account, uri, means.now.instant)));
    means.send(destination.from_listener(id), request, to).is_some()
}
