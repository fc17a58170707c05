//! Registering.

use super::Phone;
use super::request::Request;
use super::transaction::Purpose;
use router::Random;
use router::time::{Duration, Instant};
use signaling::message::{Message, Method};

/// A phone's registration.
#[derive(Debug)]
pub struct Registration {
    /// Until when it is registered, as the server said.
    pub until: Option<Instant>,
    /// The last answer to REGISTER.
    pub status: Option<u16>,
    /// How many contacts the server has, as it said.
    pub contacts: usize,
    /// How often the server said 200.
    pub successes: u32,
    /// What a network that loses explains.
    pub losses: Vec<String>,
    pub(super) refresh: Option<Instant>,
    call_id: String,
    tag: String,
    cseq: u32,
    /// What the last REGISTER asked for, seconds.
    asked: u32,
}

impl Registration {
    pub(super) fn new(random: &mut Random) -> Self {
        Self {
            until: None,
            status: None,
            contacts: 0,
            successes: 0,
            losses: Vec::new(),
            refresh: None,
            call_id: format!("r{:016x}", random.next_u64()),
            tag: format!("{:08x}", random.next_u32()),
            cseq: 0,
            asked: 0,
        }
    }
}

impl Phone {
    /// Registers, or refreshes.
    pub fn register(&mut self) {
        let expires = self.config.expires;
        self.send_register(expires);
    }

    /// Neither registers nor refreshes by itself any more.
    pub fn rest(&mut self) {
        self.config.registers = false;
        self.registration.refresh = None;
        self.rest_watches();
    }

    /// Removes the binding.
    pub fn unregister(&mut self) {
        self.send_register(0);
    }

    fn send_register(&mut self, expires: u32) {
        self.registration.refresh = None;
        self.registration.cseq += 1;
        self.registration.asked = expires;
        let config = &self.config;
        let identity = format!("<sip:{}@{}>", config.name, config.domain);
        let mut request = Request {
            method: Method::Register,
            uri: format!("sip:{}", config.domain),
            from: format!("{identity};tag={}", self.registration.tag),
            to: identity,
            call_id: self.registration.call_id.clone(),
            cseq: self.registration.cseq,
            routes: Vec::new(),
            contact: Some(self.contact()),
            contact_parameters: String::new(),
            max_forwards: config.max_forwards,
            headers: vec![("Expires".to_owned(), expires.to_string())],
            body: None,
            credentials: None,
        };
        if let Some((instance, number)) = &self.config.flow {
            request.headers.push(("Supported".to_owned(), "path, outbound".to_owned()));
            request.contact_parameters = format!(";+sip.instance=\"<{instance}>\";reg-id={number}");
        }
        self.authorize(&mut request);
        let server = self.config.server;
        self.request(request, server, Purpose::Register, 0);
    }

    /// Adds credentials for the challenge that was last answered.
    pub(super) fn authorize(&mut self, request: &mut Request) {
        let (Some(challenged), Some(password)) = (&mut self.challenged, &self.config.password) else { return };
        let (name, method, uri) = (&self.config.name, &request.method, &request.uri);
        request.credentials = Some(challenged.answer(name, password, method, uri, &mut self.random));
    }

    /// CSeq of the next REGISTER: one more than of the last.
    pub(super) fn next_register_cseq(&mut self) -> u32 {
        self.registration.cseq += 1;
        self.registration.cseq
    }

    pub(super) fn registered(&mut self, response: &Message, status: u16) {
        let now = self.now;
        self.registration.status = Some(status);
        if status != 200 {
            self.registration.refresh = self.config.registers.then_some(now + Duration::from_secs(5));
            return;
        }
        self.registration.successes += 1;
        self.registration.contacts = response.contacts().count();
        if self.registration.asked == 0 {
            self.registration.until = None;
            return;
        }
        let own = self.contact();
        let granted = response.contacts().flatten().find_map(|contact| {
            let same = contact.uri().as_str() == own;
            same.then(|| contact.parameter("expires")?.parse::<u64>().ok()).flatten()
        });
        match granted {
            Some(seconds) => {
                let life = Duration::from_secs(seconds);
                self.registration.until = Some(now + life);
                self.registration.refresh = self.config.registers.then_some(now + life / 2);
            }
            None => self.faults.push("a 200 to REGISTER without our contact and its expiry".to_owned()),
        }
    }

    pub(super) fn register_failed(&mut self) {
        self.faults_allowed_by_loss("a REGISTER was never answered");
        self.registration.status = None;
        self.registration.refresh = self.config.registers.then_some(self.now + Duration::from_secs(5));
    }

    /// Whether the server said that it is registered, and that is not over.
    pub fn is_registered(&self) -> bool {
        self.registration.until.is_some_and(|until| until > self.now)
    }
}
