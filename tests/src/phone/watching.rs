//! Events: what a phone follows and is told, what it publishes.

use super::Phone;
use super::request::Request;
use super::transaction::Purpose;
use router::time::{Duration, Instant};
use signaling::message::{Header, Message, Method};

/// A subscription of a phone's.
#[derive(Debug)]
pub struct Watch {
    /// Whom it follows.
    pub user: String,
    /// In which package.
    pub event: String,
    /// The last final response to SUBSCRIBE.
    pub status: Option<u16>,
    /// What it was told, as the bodies of the NOTIFYs that were not older than one before, and when.
    pub told: Vec<(Instant, String)>,
    /// The last Subscription-State.
    pub state: String,
    /// NOTIFYs that came, repetitions aside.
    pub notifies: u64,
    /// What its NOTIFYs are answered.
    pub answer: u16,
    call_id: String,
    local_tag: String,
    remote_tag: Option<String>,
    target: String,
    cseq: u32,
    /// Of the last NOTIFY that counted.
    remote_cseq: u32,
    expires: u32,
    pub(super) refresh: Option<Instant>,
}

impl Watch {
    /// The last body.
    pub fn last(&self) -> &str {
        self.told.last().map_or("", |(_, body)| body)
    }

    /// Whether it is told of changes.
    pub fn is_active(&self) -> bool {
        self.state.starts_with("active")
    }
}

impl Phone {
    /// Follows a user in a package, and refreshes that in time.
    pub fn watch(&mut self, event: &str, user: &str, expires: u32) -> usize {
        let watch = Watch {
            user: user.to_owned(),
            event: event.to_owned(),
            status: None,
            told: Vec::new(),
            state: String::new(),
            notifies: 0,
            answer: 200,
            call_id: self.token("w"),
            local_tag: self.token(""),
            remote_tag: None,
            target: format!("{}:{user}@{}", self.config.scheme(), self.config.domain),
            cseq: 0,
            remote_cseq: 0,
            expires,
            refresh: None,
        };
        self.watches.push(watch);
        self.subscribe(self.watches.len() - 1, expires);
        self.watches.len() - 1
    }

    /// Follows that no more.
    pub fn unwatch(&mut self, index: usize) {
        self.subscribe(index, 0);
    }

    /// Says what its NOTIFYs are answered from now on.
    pub fn answer_notifies(&mut self, index: usize, status: u16) {
        self.watches[index].answer = status;
    }

    /// What it follows.
    pub fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// Publishes a body of a package; the status of the answer comes with its [`responses`](Self::responses).
    pub fn publish(&mut self, event: &str, content_type: &'static str, body: &str) {
        let identity = format!("<sip:{}@{}>", self.config.name, self.config.domain);
        let (call_id, tag) = (self.token("p"), self.token(""));
        let mut request = Request {
            method: Method::Publish,
            uri: format!("sip:{}@{}", self.config.name, self.config.domain),
            from: format!("{identity};tag={tag}"),
            to: identity,
            call_id,
            cseq: 1,
            routes: Vec::new(),
            contact: None,
            contact_parameters: String::new(),
            max_forwards: self.config.max_forwards,
            headers: vec![("Event".to_owned(), event.to_owned()), ("Expires".to_owned(), "3600".to_owned())],
            body: Some((content_type, body.as_bytes().to_vec())),
            credentials: None,
        };
        self.authorize(&mut request);
        let server = self.config.server;
        self.request(request, server, Purpose::Standalone, 0);
    }

    fn subscribe(&mut self, index: usize, expires: u32) {
        let contact = self.contact();
        let config = &self.config;
        let watch = &mut self.watches[index];
        watch.cseq += 1;
        watch.refresh = None;
        let to = format!("<sip:{}@{}>", watch.user, config.domain);
        let mut request = Request {
            method: Method::Subscribe,
            uri: watch.target.clone(),
            from: format!("<sip:{}@{}>;tag={}", config.name, config.domain, watch.local_tag),
            to: match &watch.remote_tag {
                Some(tag) => format!("{to};tag={tag}"),
                None => to,
            },
            call_id: watch.call_id.clone(),
            cseq: watch.cseq,
            routes: Vec::new(),
            contact: Some(contact),
            contact_parameters: String::new(),
            max_forwards: config.max_forwards,
            headers: vec![("Event".to_owned(), watch.event.clone()), ("Expires".to_owned(), expires.to_string())],
            body: None,
            credentials: None,
        };
        self.authorize(&mut request);
        let server = self.config.server;
        self.request(request, server, Purpose::Subscribe(index), 0);
    }

    /// The CSeq of a SUBSCRIBE that is sent anew.
    pub(super) fn next_subscribe_cseq(&mut self, index: usize) -> u32 {
        self.watches[index].cseq += 1;
        self.watches[index].cseq
    }

    /// The final response to a SUBSCRIBE.
    pub(super) fn subscribed(&mut self, index: usize, response: &Message, status: u16) {
        let now = self.now;
        let watch = &mut self.watches[index];
        watch.status = Some(status);
        if status == 200 {
            watch.remote_tag = response.to_tag().map(|tag| tag.as_str().to_owned());
            if let Ok(Some(contact)) = response.contact() {
                watch.target = contact.uri().as_str().to_owned();
            }
            let granted = u64::from(response.expires().ok().flatten().unwrap_or(0));
            watch.refresh = (granted > 0).then(|| now + Duration::from_secs(granted) / 2);
        } else if status == 481 || status == 408 {
            self.watch_anew(index);
        }
    }

    /// The server knows a subscription no more, or does not answer: it is begun anew.
    pub(super) fn watch_anew(&mut self, index: usize) {
        let (call_id, tag) = (self.token("w"), self.token(""));
        let target = format!("{}:{}@{}", self.config.scheme(), self.watches[index].user, self.config.domain);
        let again = self.now + Duration::from_secs(5);
        let watch = &mut self.watches[index];
        (watch.call_id, watch.local_tag, watch.target) = (call_id, tag, target);
        (watch.remote_tag, watch.cseq, watch.remote_cseq, watch.refresh) = (None, 0, 0, Some(again));
    }

    /// Refreshes nothing by itself any more.
    pub(super) fn rest_watches(&mut self) {
        self.watches.iter_mut().for_each(|watch| watch.refresh = None);
    }

    /// What is due.
    pub(super) fn refresh_watches(&mut self) {
        for index in 0..self.watches.len() {
            if self.watches[index].refresh.is_some_and(|at| at <= self.now) {
                let expires = self.watches[index].expires;
                self.subscribe(index, expires);
            }
        }
    }

    /// A NOTIFY outside of calls. It may come before the response to its SUBSCRIBE (RFC 6665 §4.4.1). False: it is of no
    /// subscription.
    pub(super) fn watched(&mut self, key: &str, message: &Message) -> bool {
        let call_id = message.call_id().unwrap_or_default();
        let tag = message.to_tag();
        let known = self.watches.iter().position(|watch| {
            watch.call_id == call_id && tag.as_ref().is_some_and(|tag| tag.as_str() == watch.local_tag)
        });
        let Some(index) = known else { return false };
        let now = self.now;
        let watch = &mut self.watches[index];
        let cseq = message.cseq().map_or(0, |cseq| cseq.number);
        if cseq <= watch.remote_cseq {
            self.faults.push(format!("a NOTIFY of {} behind a later one", self.watches[index].event));
            self.respond(key, 500, None);
            return true;
        }
        watch.remote_cseq = cseq;
        watch.notifies += 1;
        watch.state = message.text(Header::SubscriptionState).unwrap_or_default().to_owned();
        watch.told.push((now, String::from_utf8_lossy(message.body_octets()).into_owned()));
        let answer = watch.answer;
        self.respond(key, answer, None);
        true
    }
}
