//! Trunks are asked by OPTIONS whether they are there (RFC 3261 §11): each on the shard that is its home. What it finds is told to the
//! switches, which pass over a trunk that is not there while another one can be tried.

use super::contact::contact;
use super::destination::in_order;
use super::means::{ClientUse, Means};
use super::options::{ACCEPT, ALLOW};
use crate::limits::{MAX_FORWARDS_DEFAULT, PROBE_AGAIN, PROBES_UNANSWERED};
use crate::message::{Header, Method, RequestWriter, Scheme, StatusCode, Uri};
use crate::transaction::ClientKey;
use crate::transport::{Destination, Resolution, Sought};
use crate::trunk::TrunkId;
use router::Instance;
use router::time::{Duration, Instant};
use std::collections::VecDeque;

/// The trunks that are asked.
#[derive(Debug, Default)]
pub(crate) struct Probing {
    all: Vec<Probed>,
}

/// A trunk that is asked.
#[derive(Debug)]
struct Probed {
    /// By which answers of the name service find it.
    instance: Instance,
    trunk: TrunkId,
    interval: Duration,
    /// When it is asked next, or what it was asked has waited long enough.
    due: Option<Instant>,
    sought: Option<Sought>,
    further: VecDeque<Destination>,
    key: Option<ClientKey>,
    unanswered: u32,
}

impl Probing {
    /// The configuration has changed.
    pub(crate) fn reconfigure(&mut self, means: &mut Means) {
        let mut wanted: Vec<(TrunkId, Duration)> = Vec::new();
        for (id, trunk) in means.trunks.with_ids() {
            if let (Some(interval), Some(_)) = (trunk.config.options, &trunk.config.target)
                && means.is_home(&trunk.config.name)
            {
                wanted.push((id, interval));
            }
        }
        self.all.retain(|one| wanted.contains(&(one.trunk, one.interval)));
        for (trunk, interval) in wanted {
            if self.all.iter().any(|one| one.trunk == trunk) {
                continue;
            }
            // Not all at once.
            let after = means.random.below(u64::try_from(interval.as_millis() / 4).unwrap_or(u64::MAX) + 1);
            self.all.push(Probed {
                instance: means.instances.mint(),
                trunk,
                interval,
                due: Some(means.now.instant + Duration::from_millis(after)),
                sought: None,
                further: VecDeque::new(),
                key: None,
                unanswered: 0,
            });
        }
    }

    /// When the next one is asked.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.all.iter().filter_map(|one| one.due).min()
    }

    /// Asks those that are due, and goes on where no answer has come; the trunks of which something is to be told.
    pub(crate) fn handle_timeout(&mut self, means: &mut Means) -> Vec<TrunkId> {
        let now = means.now.instant;
        let due = self.all.iter_mut().filter(|one| one.due.is_some_and(|due| due <= now));
        due.filter_map(|one| match one.key.take() {
            // What still repeats itself is nobody's: the trunk has had the time that a call would give it.
            Some(key) => {
                means.clients.insert(key, ClientUse::Nobody);
                one.try_next(means)
            }
            None => one.begin(means),
        })
        .collect()
    }

    /// A trunk's host is found, or not to be found.
    pub(crate) fn handle_resolved(
        &mut self,
        means: &mut Means,
        by: Instance,
        sought: &Sought,
        found: &Resolution,
    ) -> Option<TrunkId> {
        let waits = |one: &&mut Probed| one.instance == by && one.sought.as_ref() == Some(sought);
        let one = self.all.iter_mut().find(waits)?;
        one.sought = None;
        if let Resolution::Known(places) = found {
            one.further = in_order(means, places);
        }
        one.try_next(means)
    }

    /// A trunk answered, whatever it said; or did not.
    pub(crate) fn handle_answered(
        &mut self,
        means: &mut Means,
        key: ClientKey,
        status: Option<StatusCode>,
    ) -> Option<TrunkId> {
        let one = self.all.iter_mut().find(|one| one.key == Some(key))?;
        one.key = None;
        match status {
            // 503: it is there and serves nobody (RFC 3261 §21.5.4).
            Some(status) if status != StatusCode::SERVICE_UNAVAILABLE => one.found(means, true),
            _ => one.try_next(means),
        }
    }
}

impl Probed {
    fn begin(&mut self, means: &mut Means) -> Option<TrunkId> {
        self.due = None;
        let sought = means.trunks.get(self.trunk).config.target.as_ref()?.sought();
        if let Some(destination) = sought.address() {
            self.further = VecDeque::from([destination]);
            return self.try_next(means);
        }
        match means.resolving.ask(&sought, self.instance) {
            true => {
                self.sought = Some(sought);
                None
            }
            false => self.found(means, false),
        }
    }

    fn try_next(&mut self, means: &mut Means) -> Option<TrunkId> {
        while let Some(destination) = self.further.pop_front() {
            self.key = self.ask(means, destination);
            if self.key.is_some() {
                self.due = Some(means.now.instant + means.trunks.get(self.trunk).config.response_timeout);
                return None;
            }
        }
        self.found(means, false)
    }

    /// Sends the OPTIONS. `None`: it cannot be sent there.
    fn ask(&self, means: &mut Means, destination: Destination) -> Option<ClientKey> {
        let destination = destination.of_trunk(Some(self.trunk));
        let (id, listener) = means.config.listeners.select(&destination)?;
        let host = means.trunks.get(self.trunk).config.target.as_ref()?.host();
        let uri = Uri::sip(Scheme::Sip, None, &host, None)?;
        let domain = means.config.domain(listener.advertised().host());
        let request = RequestWriter::new(&Method::Options, &uri)
            .header(Header::MaxForwards, MAX_FORWARDS_DEFAULT)
            .header(Header::From, format_args!("<sip:{domain}>;tag={:016x}", means.random.next_u64()))
            .header(Header::To, format_args!("<{uri}>"));
        let own = contact(listener, destination.local);
        let request = request
            .header(Header::CallId, means.mint_call_id())
            .header(Header::CSeq, "1 OPTIONS")
            .header(Header::Contact, own)
            .header(Header::Allow, ALLOW)
            .header(Header::Accept, ACCEPT)
            .header(Header::UserAgent, &means.config.agent)
            .finish();
        means.send(destination.from_listener(id), request, ClientUse::Probe)
    }

    /// What a round found; the trunk, if that is to be told: a change, and that it is not there each time, so that a switch that
    /// missed it learns of it.
    fn found(&mut self, means: &mut Means, responds: bool) -> Option<TrunkId> {
        self.unanswered = if responds { 0 } else { self.unanswered.saturating_add(1) };
        let again = if responds || self.unanswered >= PROBES_UNANSWERED { self.interval } else { PROBE_AGAIN };
        self.due = Some(means.now.instant + again.min(self.interval));
        if !responds && self.unanswered < PROBES_UNANSWERED {
            return None;
        }
        let known = &mut means.trunks.get_mut(self.trunk).status.responds;
        let before = known.replace(responds);
        (before != Some(responds) || !responds).then_some(self.trunk)
    }
}
