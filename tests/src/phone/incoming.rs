//! What a phone is asked, and what it answers.

use super::behaviour::{Step, Then};
use super::call::{Call, CallIndex, CallState, Ending, Exchange};
use super::request::{challenge, is_answered};
use super::transaction::{PATIENCE, Server, Success, T1, server_key};
use super::{Phone, status};
use router::time::Duration;
use signaling::message::{Header, Message, Method, ResponseWriter, Tag};
use std::collections::BTreeMap;
use std::net::SocketAddr;

impl Phone {
    pub(super) fn handle_request(&mut self, source: SocketAddr, message: Message) {
        let Some(method) = message.method().cloned() else { return };
        if method == Method::Ack {
            return self.acknowledged(&message);
        }
        let Some(key) = server_key(&message, &method) else { return };
        if let Some(server) = self.servers.iter().find(|server| server.key == key) {
            if let Some(response) = server.response.clone() {
                self.transmit(source, response);
            }
            return;
        }
        if self.is_deaf(&method, &message) {
            return;
        }
        self.servers.push(Server {
            key: key.clone(),
            request: message.clone(),
            to: source,
            response: None,
            status: 0,
            interval: T1,
            retransmit: None,
            deadline: None,
        });
        match method {
            Method::Invite if message.to_tag().is_none() => self.invited(&key, &message, source),
            Method::Invite | Method::Update => self.offered(&key, &message),
            Method::Cancel => self.cancelled(&key, &message),
            Method::Prack => self.acknowledged_early(&key, &message),
            Method::Bye => self.hung_up(&key, &message),
            Method::Info => match self.call_of(&message) {
                Some(index) => {
                    self.calls[index].information.push(message.body_octets().to_vec());
                    self.respond(&key, 200, None);
                }
                None => self.respond(&key, 481, None),
            },
            Method::Notify => self.notified(&key, &message),
            Method::Message => self.texted(&key, &message),
            Method::Options if message.to_tag().is_some() && self.call_of(&message).is_none() => {
                self.respond(&key, 481, None);
            }
            Method::Options => {
                self.requests.push((method.to_string(), 200));
                self.respond(&key, 200, None);
            }
            _ => {
                self.requests.push((method.to_string(), 405));
                self.respond(&key, 405, None);
            }
        }
    }

    /// Whether it acts as if it did not hear.
    fn is_deaf(&self, method: &Method, message: &Message) -> bool {
        self.config.behaviour.then == Then::Silence
            && message.to_tag().is_none()
            && matches!(method, Method::Invite | Method::Cancel)
    }

    pub(super) fn call_of(&self, message: &Message) -> Option<CallIndex> {
        let (call_id, tag) = (message.call_id().ok()?, message.to_tag()?);
        let from = message.from_tag()?;
        self.calls.iter().position(|call| {
            call.call_id == call_id
                && call.local_tag == tag.as_str()
                && call.remote_tag.as_deref() == Some(from.as_str())
                && call.is_live()
        })
    }

    fn invited(&mut self, key: &str, message: &Message, source: SocketAddr) {
        let user = message.request_uri().ok().and_then(|uri| uri.user_decoded().map(|user| user.into_owned()));
        if !self.config.any_user && user.as_deref() != Some(&self.config.name) {
            return self.respond(key, 404, None);
        }
        if let Some((user, password, realm)) = self.config.asks.clone()
            && !is_answered(message, &user, &password, &self.nonce)
        {
            let asked = challenge(&realm, &self.nonce);
            return self.respond_with(key, 407, None, &[("Proxy-Authenticate".to_owned(), asked)]);
        }
        if let Some(timers) = self.config.timers
            && let Some(asked) = message.parameterized(Header::SessionExpires).ok().flatten()
            && asked.value.parse::<u32>().is_ok_and(|asked| asked < timers.min_s)
        {
            return self.respond_with(key, 422, None, &[("Min-SE".to_owned(), timers.min_s.to_string())]);
        }
        let mut media = self.new_media();
        let has_offer = !message.body_octets().is_empty();
        let usable = !has_offer || media.take_offer(message.body_octets());
        let text = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
        let headers = message.headers().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
        let contact = message.contact().ok().flatten();
        let target = contact.map(|contact| contact.uri().as_str().to_owned()).unwrap_or_default();
        let routes: Vec<String> = message.record_routes().flatten().map(|route| text(route.raw())).collect();
        let (Ok(from), Ok(to)) = (message.from(), message.to()) else { return };
        let behaviour = self.config.behaviour.clone();
        let mut call = Call {
            call_id: message.call_id().unwrap_or_default().to_owned(),
            incoming: true,
            state: CallState::SettingUp,
            started: self.now,
            up: None,
            ended: None,
            ending: None,
            provisional: Vec::new(),
            media,
            shown: (
                text(from.raw()),
                message.asserted_identities().flatten().next().map(|identity| text(identity.raw())),
            ),
            other_end: None,
            reason: None,
            information: Vec::new(),
            referral: None,
            talks_to_focus: false,
            offers: Vec::new(),
            peer_offers: 0,
            exchanges: Vec::new(),
            places: Vec::new(),
            rseq: None,
            session: None,
            session_least_s: 0,
            invite_headers: headers,
            local_tag: self.token(""),
            remote_tag: message.from_tag().map(|tag| tag.as_str().to_owned()),
            local_uri: to.uri().as_str().to_owned(),
            remote_uri: from.uri().as_str().to_owned(),
            target,
            next_hop: source,
            routes,
            cseq: 0,
            remote_cseq: message.cseq().ok().map(|cseq| cseq.number),
            invite_key: Some(key.to_owned()),
            ack: None,
            success: None,
            wants_down: false,
            without_offer: !has_offer,
            early_answer: None,
            held: false,
            due: BTreeMap::new(),
            steps: 0,
            script: behaviour.script,
        };
        let now = self.now;
        if !usable {
            call.plan(now, Step::Reject(488));
        } else {
            if let Some(after) = behaviour.ring {
                call.plan(now + after, Step::Ring);
            }
            if let Some(after) = behaviour.early_media {
                call.plan(now + after, Step::Early);
            }
            match behaviour.then {
                Then::Answer(after) => call.plan(now + after, Step::Answer),
                Then::Reject(after, code) => call.plan(now + after, Step::Reject(code)),
                Then::Forward(after, to) => call.plan(now + after, Step::Forward(to)),
                Then::Ring | Then::Silence => {}
            }
        }
        self.calls.push(call);
        self.respond(key, 100, None);
    }

    pub(super) fn ring(&mut self, index: CallIndex) {
        if self.calls[index].state == CallState::SettingUp
            && let Some(key) = self.calls[index].invite_key.clone()
        {
            let Some(headers) = self.reliably(index, &key, false) else {
                return self.calls[index].plan(self.now + Duration::from_millis(100), Step::Ring);
            };
            self.calls[index].provisional.push(180);
            self.respond_with(&key, 180, None, &headers);
            self.repeat_reliably(&key, &headers);
        }
    }

    pub(super) fn early(&mut self, index: CallIndex) {
        let now = self.now;
        if self.calls[index].state == CallState::SettingUp
            && self.calls[index].early_answer.is_none()
            && let Some(key) = self.calls[index].invite_key.clone()
        {
            let Some(headers) = self.reliably(index, &key, true) else {
                return self.calls[index].plan(now + Duration::from_millis(100), Step::Early);
            };
            let body = match self.calls[index].without_offer {
                false => self.early_answer(index, now),
                true => (!headers.is_empty()).then(|| self.calls[index].media.offer()),
            };
            let Some(body) = body else { return };
            self.calls[index].provisional.push(183);
            self.respond_with(&key, 183, Some(body), &headers);
            self.repeat_reliably(&key, &headers);
        }
    }

    fn early_answer(&mut self, index: CallIndex, now: router::time::Instant) -> Option<Vec<u8>> {
        let body = self.calls[index].media.answer(now)?;
        self.calls[index].early_answer = Some(body.clone());
        Some(body)
    }

    pub(super) fn accept(&mut self, index: CallIndex) {
        let now = self.now;
        if self.calls[index].state != CallState::SettingUp {
            return;
        }
        let Some(key) = self.calls[index].invite_key.clone() else { return };
        // RFC 3262 §3: not before what brought our description is acknowledged.
        let waits = self.servers.iter().any(|server| server.key == key && server.retransmit.is_some());
        if waits && (self.calls[index].early_answer.is_some() || self.calls[index].media.is_offering()) {
            return self.calls[index].plan(self.now + Duration::from_millis(100), Step::Answer);
        }
        let early = self.calls[index].early_answer.take();
        let body = match (self.calls[index].without_offer, early) {
            (true, None) => Some(self.calls[index].media.offer()),
            (true, Some(_)) => None,
            (false, early) => early.or_else(|| self.calls[index].media.answer(now)),
        };
        self.calls[index].come_up(now);
        let request = self.servers.iter().find(|server| server.key == key).map(|server| server.request.clone());
        let headers = request.map(|request| self.session_granted(index, &request).unwrap_or_default());
        self.respond_with(&key, 200, body, &headers.unwrap_or_default());
        self.await_ack(index, &key);
    }

    /// The 2xx is repeated until its ACK comes.
    fn await_ack(&mut self, index: CallIndex, key: &str) {
        let Some(server) = self.servers.iter().find(|server| server.key == *key) else { return };
        let Some(bytes) = server.response.clone() else { return };
        let cseq = server.request.cseq().map_or(0, |cseq| cseq.number);
        let (now, to) = (self.now, server.to);
        self.calls[index].success =
            Some(Success { bytes, to, cseq, interval: T1, retransmit: now + T1, deadline: now + PATIENCE });
    }

    pub(super) fn reject(&mut self, index: CallIndex, code: u16) {
        self.reject_with(index, code, &[]);
    }

    pub(super) fn forward(&mut self, index: CallIndex, to: &str) {
        let (scheme, domain) = (self.config.scheme(), &self.config.domain);
        let place = |to: &str| {
            let (number, parameters) = to.split_at(to.find(';').unwrap_or(to.len()));
            ("Contact".to_owned(), format!("<{scheme}:{number}@{domain}>{parameters}"))
        };
        let contacts: Vec<_> = to.split(',').map(place).collect();
        self.reject_with(index, 302, &contacts);
    }

    fn reject_with(&mut self, index: CallIndex, code: u16, headers: &[(String, String)]) {
        if self.calls[index].state == CallState::SettingUp
            && let Some(key) = self.calls[index].invite_key.clone()
        {
            self.respond_with(&key, code, None, headers);
            let now = self.now;
            self.calls[index].end(now, Ending::Rejected(code));
        }
    }

    /// A re-INVITE or UPDATE.
    fn offered(&mut self, key: &str, message: &Message) {
        let Some(index) = self.call_of(message) else { return self.respond(key, 481, None) };
        if let Some(asserted) = message.text(Header::PAssertedIdentity) {
            self.calls[index].other_end = Some(asserted.to_owned());
        }
        self.answer_offer(index, key, message);
        let status = self.servers.iter().find(|server| server.key == key).map_or(0, |server| server.status);
        let now = self.now;
        self.calls[index].exchanges.push(Exchange { at: now, ours: false, status });
    }

    fn answer_offer(&mut self, index: CallIndex, key: &str, message: &Message) {
        let (now, is_invite) = (self.now, message.is(&Method::Invite));
        if let (Ok(cseq), Some(last)) = (message.cseq(), self.calls[index].remote_cseq) {
            if cseq.number <= last {
                self.faults.push(format!("CSeq {} after {last}", cseq.number));
                return self.respond(key, 500, None);
            }
            self.calls[index].remote_cseq = Some(cseq.number);
        }
        self.calls[index].peer_offers += 1;
        let asks = self.is_asking(index);
        let has_offer = !message.body_octets().is_empty();
        if (is_invite || has_offer) && asks {
            return self.respond(key, 491, None);
        }
        if self.calls[index].success.is_some() && is_invite {
            return self.respond_with(key, 500, None, &[("Retry-After".to_owned(), "1".to_owned())]);
        }
        if let Ok(Some(contact)) = message.contact() {
            self.calls[index].target = contact.uri().as_str().to_owned();
        }
        let headers = match self.session_granted(index, message) {
            Ok(headers) => headers,
            Err(least) => return self.respond_with(key, 422, None, &least),
        };
        let body = if has_offer {
            if !self.calls[index].media.take_offer(message.body_octets()) {
                return self.respond(key, 488, None);
            }
            self.calls[index].media.answer(now)
        } else if is_invite {
            Some(self.calls[index].media.offer())
        } else {
            None
        };
        self.respond_with(key, 200, body, &headers);
        if is_invite {
            self.await_ack(index, key);
        }
    }

    /// Whether an offer of ours is unanswered.
    fn is_asking(&self, index: CallIndex) -> bool {
        let call = &self.calls[index];
        call.media.is_offering()
            || self.clients.iter().any(|client| {
                use super::transaction::Purpose;
                client.ack.is_none() && client.purpose == Purpose::ReInvite(index)
            })
    }

    fn cancelled(&mut self, key: &str, message: &Message) {
        let Some(invite) = server_key(message, &Method::Invite) else { return };
        let open = self.servers.iter().find(|server| server.key == invite).map(Server::is_final);
        match open {
            None => self.respond(key, 481, None),
            Some(true) => self.respond(key, 200, None),
            Some(false) => {
                self.respond(key, 200, None);
                let reason = message.text(Header::Reason).map(str::to_owned);
                let called = self.calls.iter().position(|call| call.invite_key.as_deref() == Some(&invite));
                self.respond(&invite, 487, None);
                if let Some(index) = called {
                    let now = self.now;
                    self.calls[index].reason = reason;
                    self.calls[index].end(now, Ending::Cancelled);
                }
            }
        }
    }

    fn hung_up(&mut self, key: &str, message: &Message) {
        let Some(index) = self.call_of(message) else { return self.respond(key, 481, None) };
        self.respond(key, 200, None);
        let now = self.now;
        let setting_up = self.calls[index].state == CallState::SettingUp;
        let invite = self.calls[index].invite_key.clone();
        self.calls[index].reason = message.text(Header::Reason).map(str::to_owned);
        self.calls[index].success = None;
        self.calls[index].end(now, Ending::PeerHungUp);
        if setting_up && let Some(invite) = invite {
            self.respond(&invite, 487, None);
        }
    }

    fn notified(&mut self, key: &str, message: &Message) {
        // A subscription may outlive its call for a moment.
        let call_id = message.call_id().unwrap_or_default();
        let found = self.calls.iter().position(|call| call.call_id == call_id && call.referral.is_some());
        let Some(index) = found else {
            if !self.watched(key, message) {
                self.respond(key, 481, None);
            }
            return;
        };
        self.respond(key, 200, None);
        let body = String::from_utf8_lossy(message.body_octets()).into_owned();
        let code = body.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let terminated = message
            .text(Header::SubscriptionState)
            .is_some_and(|state| state.to_ascii_lowercase().starts_with("terminated"));
        let now = self.now;
        let call = &mut self.calls[index];
        let referral = call.referral.get_or_insert_default();
        referral.status = code.or(referral.status);
        referral.terminated |= terminated;
        if terminated
            && referral.status.is_some_and(|status| (200..300).contains(&status))
            && call.is_up()
            && !call.talks_to_focus
        {
            call.plan(now + Duration::from_millis(100), Step::HangUp);
        }
    }

    fn acknowledged(&mut self, message: &Message) {
        // To a refusal: of the INVITE's own transaction.
        if let Some(key) = server_key(message, &Method::Invite)
            && let Some(server) = self.servers.iter_mut().find(|server| server.key == key && server.status >= 300)
        {
            server.retransmit = None;
            return;
        }
        let Some(index) = self.call_of(message) else { return };
        let number = message.cseq().map_or(0, |cseq| cseq.number);
        let (now, call) = (self.now, &mut self.calls[index]);
        if call.success.as_ref().is_none_or(|success| success.cseq != number) {
            return;
        }
        call.success = None;
        if call.media.is_offering() {
            if message.body_octets().is_empty() {
                self.faults.push("an ACK without the answer to our offer".to_owned());
                self.calls[index].media.withdraw();
            } else {
                call.media.take_answer(now, message.body_octets());
            }
        }
        if std::mem::take(&mut self.calls[index].wants_down) {
            self.hang_up(index);
        }
    }

    pub(super) fn respond(&mut self, key: &str, code: u16, body: Option<Vec<u8>>) {
        self.respond_with(key, code, body, &[]);
    }

    fn respond_with(&mut self, key: &str, code: u16, body: Option<Vec<u8>>, headers: &[(String, String)]) {
        let (now, reliable) = (self.now, self.is_reliable());
        let (contact, allow) = (self.contact(), self.allow());
        let fallback = self.token("");
        let Some(server) = self.servers.iter_mut().find(|server| server.key == *key) else { return };
        if server.is_final() {
            return;
        }
        let own = self.calls.iter().find(|call| call.invite_key.as_deref() == Some(key));
        let tag = Tag::new(own.map_or(&fallback, |call| &call.local_tag));
        let mut writer = ResponseWriter::to(&server.request, status(code)).source(server.to);
        if code > 100
            && let Some(tag) = &tag
        {
            writer = writer.to_tag(tag);
        }
        if code > 100 && code < 300 {
            writer = writer.header(Header::Contact, format_args!("<{contact}>")).header(Header::Allow, allow);
        }
        for (name, value) in headers {
            writer = writer.header(name.as_str(), value);
        }
        let bytes = match body {
            Some(body) => writer.body("application/sdp", &body),
            None => writer.finish(),
        };
        server.status = code;
        server.response = Some(bytes.clone());
        server.retransmit = None;
        if code >= 200 {
            server.deadline = Some(now + PATIENCE);
            if server.is_invite() && code >= 300 && !reliable {
                server.retransmit = Some(now + T1);
            }
        }
        let to = server.to;
        self.transmit(to, bytes);
    }
}
