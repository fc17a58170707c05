//! What a phone asks, and what it makes of the answers.

use super::behaviour::Step;
use super::call::{Call, CallIndex, CallState, Ending, Exchange, Referral};
use super::request::{Challenged, Request};
use super::transaction::{Client, PATIENCE, Purpose};
use super::{Phone, method_of};
use bytes::Bytes;
use router::time::Duration;
use signaling::message::{Header, Message, Method, escape_header};
use std::collections::BTreeMap;
use std::net::SocketAddr;

impl Phone {
    pub(super) fn invite(&mut self, user: &str, give_up: Option<Duration>, script: Vec<(Duration, Step)>) {
        let media = self.new_media();
        let config = &self.config;
        let (caller, domain) = (config.caller.as_ref().unwrap_or(&config.name), &config.domain);
        let scheme = config.scheme();
        let (local_uri, remote_uri) = (format!("sip:{caller}@{domain}"), format!("{scheme}:{user}@{domain}"));
        let (server, late) = (config.server, config.late_offer);
        let (call_id, local_tag) = (self.token("c"), self.token(""));
        let mut call = Call {
            call_id,
            incoming: false,
            state: CallState::SettingUp,
            started: self.now,
            up: None,
            ended: None,
            ending: None,
            provisional: Vec::new(),
            media,
            shown: (String::new(), None),
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
            invite_headers: Vec::new(),
            local_tag,
            remote_tag: None,
            local_uri,
            target: remote_uri.clone(),
            remote_uri,
            next_hop: server,
            routes: Vec::new(),
            cseq: 0,
            remote_cseq: None,
            invite_key: None,
            ack: None,
            success: None,
            wants_down: false,
            without_offer: late,
            early_answer: None,
            held: false,
            due: BTreeMap::new(),
            steps: 0,
            script,
        };
        if let Some(after) = give_up {
            call.plan(self.now + after, Step::HangUp);
        }
        self.calls.push(call);
        self.send_invite(self.calls.len() - 1, !late);
    }

    /// INVITE, the first one or another.
    pub(super) fn send_invite(&mut self, index: CallIndex, with_offer: bool) {
        let body = with_offer.then(|| ("application/sdp", self.calls[index].media.offer()));
        self.calls[index].without_offer = !with_offer;
        let mut request = self.in_call(index, Method::Invite);
        request.body = body;
        request.headers.extend(self.config.headers.clone());
        request.headers.push(("Allow".to_owned(), self.allow()));
        request.headers.extend(self.session_headers(index));
        request.headers.extend(self.reliable_header());
        let purpose = match self.calls[index].state {
            CallState::SettingUp => Purpose::Invite(index),
            _ => Purpose::ReInvite(index),
        };
        self.send_in_call(index, request, purpose);
    }

    pub(super) fn allow(&self) -> String {
        let update = if self.config.updates { ", UPDATE" } else { "" };
        let prack = if self.config.reliable { ", PRACK" } else { "" };
        format!("INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, REFER, NOTIFY{update}{prack}")
    }

    /// A request of a call, its CSeq counted.
    pub(super) fn in_call(&mut self, index: CallIndex, method: Method) -> Request {
        let contact = self.contact();
        let max_forwards = self.config.max_forwards;
        let call = &mut self.calls[index];
        call.cseq += 1;
        let to = match &call.remote_tag {
            Some(tag) => format!("<{}>;tag={tag}", call.remote_uri),
            None => format!("<{}>", call.remote_uri),
        };
        Request {
            method,
            uri: call.target.clone(),
            from: format!("<{}>;tag={}", call.local_uri, call.local_tag),
            to,
            call_id: call.call_id.clone(),
            cseq: call.cseq,
            routes: call.routes.clone(),
            contact: Some(contact),
            contact_parameters: String::new(),
            max_forwards,
            headers: Vec::new(),
            body: None,
            credentials: None,
        }
    }

    pub(super) fn send_in_call(&mut self, index: CallIndex, mut request: Request, purpose: Purpose) {
        self.authorize(&mut request);
        let to = self.calls[index].next_hop;
        self.request(request, to, purpose, 0);
    }

    fn send_simple(&mut self, index: CallIndex, method: Method, purpose: Purpose) {
        let request = self.in_call(index, method);
        self.send_in_call(index, request, purpose);
    }

    /// Does one thing in a call.
    pub(super) fn take_step(&mut self, index: CallIndex, step: Step) {
        let (now, up) = (self.now, self.calls[index].state == CallState::Up);
        match step {
            Step::Ring => self.ring(index),
            Step::Early => self.early(index),
            Step::Answer => self.accept(index),
            Step::Reject(code) => self.reject(index, code),
            Step::Forward(to) => self.forward(index, &to),
            Step::HangUp => self.hang_up(index),
            _ if !up => {}
            Step::Press(event) => self.calls[index].media.press(event),
            Step::NewSource => self.calls[index].media.restart(&mut self.random),
            Step::Info => {
                let mut request = self.in_call(index, Method::Info);
                request.body = Some(("text/plain", b"a body".to_vec()));
                self.send_in_call(index, request, Purpose::Info(index));
            }
            Step::InfoKey(key) => {
                let mut request = self.in_call(index, Method::Info);
                let body = format!("Signal={key}\r\nDuration=160\r\n");
                request.body = Some(("application/dtmf-relay", body.into_bytes()));
                self.send_in_call(index, request, Purpose::Info(index));
            }
            Step::Transfer(user) => {
                self.refer(index, &format!("{}:{user}@{}", self.config.scheme(), self.config.domain));
            }
            Step::TransferToJoin(user, join) => {
                let target = format!("sip:{user}@{}?Join={}", self.config.domain, escape_header(&join));
                self.refer(index, &target);
            }
            Step::TransferToOther => {
                let mut others = self.calls.iter().enumerate().rev();
                let Some((_, other)) = others.find(|(other, call)| *other != index && call.is_live()) else { return };
                // As phones do: the other dialog's remote target, and Replaces in its escapes (RFC 3891 §5).
                let replaces = other.replaces();
                let escaped = escape_header(&replaces);
                self.refer(index, &format!("{}?Replaces={escaped}", other.target));
            }
            Step::TransferInto(replaces) => {
                let target = format!("sip:{}?Replaces={}", self.config.domain, escape_header(&replaces));
                self.refer(index, &target);
            }
            Step::Forget => self.calls[index].end(now, Ending::Lost),
            Step::GoDeaf => {
                if let Some(ways) = &mut self.calls[index].media.ways {
                    ways.go_deaf();
                }
            }
            Step::Hold(_)
            | Step::Retrieve
            | Step::RetrieveWithoutOffer
            | Step::Refresh
            | Step::Rekey
            | Step::SeekAnew
            | Step::RefreshWithoutOffer
            | Step::RefreshAsItIs
            | Step::Update
            | Step::Renew => {
                if self.is_busy_with_offer(index) {
                    self.calls[index].plan(now + Duration::from_millis(300), step);
                    return;
                }
                let call = &mut self.calls[index];
                match &step {
                    Step::Hold(style) => {
                        call.media.wish(Some(*style));
                        call.held = true;
                    }
                    Step::SeekAnew => {
                        if let Some(ways) = &mut call.media.ways {
                            ways.renew();
                        }
                    }
                    Step::Rekey => {
                        if let Some(keys) = &mut call.media.keys {
                            keys.renew();
                        }
                    }
                    Step::Retrieve | Step::RetrieveWithoutOffer => {
                        call.media.wish(None);
                        call.held = false;
                    }
                    _ => {}
                }
                if step == Step::Update && self.config.updates {
                    let offer = self.calls[index].media.offer();
                    let mut request = self.in_call(index, Method::Update);
                    request.body = Some(("application/sdp", offer));
                    request.headers.extend(self.session_headers(index));
                    self.send_in_call(index, request, Purpose::ReInvite(index));
                } else if step == Step::Renew && self.config.updates {
                    let mut request = self.in_call(index, Method::Update);
                    request.headers.extend(self.session_headers(index));
                    self.send_in_call(index, request, Purpose::ReInvite(index));
                } else {
                    call.media.offers_as_it_is = step == Step::RefreshAsItIs;
                    let has_offer = !matches!(step, Step::RefreshWithoutOffer | Step::RetrieveWithoutOffer);
                    self.send_invite(index, has_offer);
                }
            }
        }
    }

    fn refer(&mut self, index: CallIndex, target: &str) {
        let mut request = self.in_call(index, Method::Refer);
        request.headers.push(("Refer-To".to_owned(), format!("<{target}>")));
        let own = format!("<sip:{}@{}>", self.config.name, self.config.domain);
        request.headers.push(("Referred-By".to_owned(), own));
        if !self.config.wants_notifies {
            request.headers.push(("Refer-Sub".to_owned(), "false".to_owned()));
        }
        self.calls[index].referral = Some(Referral::default());
        self.send_in_call(index, request, Purpose::Refer(index));
    }

    /// Whether an offer of either side, or an INVITE, is under way in that call.
    pub(super) fn is_busy_with_offer(&self, index: CallIndex) -> bool {
        let call = &self.calls[index];
        let asks = self.clients.iter().any(|client| {
            client.ack.is_none() && matches!(client.purpose, Purpose::ReInvite(of) | Purpose::Invite(of) if of == index)
        });
        asks || call.media.is_offering() || call.success.is_some()
    }

    pub(super) fn hang_up(&mut self, index: CallIndex) {
        let call = &mut self.calls[index];
        match (call.state, call.incoming) {
            // RFC 3261 §15: a callee waits for the ACK.
            (CallState::Up, _) if call.success.is_some() && call.incoming && call.ack.is_none() => {
                call.wants_down = true;
            }
            (CallState::Up, _) => self.end_with_bye(index, Ending::HungUp),
            (CallState::SettingUp, true) => self.reject(index, 480),
            (CallState::SettingUp, false) => {
                call.wants_down = true;
                self.cancel(index);
            }
            (CallState::Ended, _) => {}
        }
    }

    pub(super) fn end_with_bye(&mut self, index: CallIndex, ending: Ending) {
        if self.calls[index].state != CallState::Ended {
            self.send_simple(index, Method::Bye, Purpose::Bye(index));
            let now = self.now;
            self.calls[index].end(now, ending);
        }
    }

    /// CANCEL, once a provisional response has come (RFC 3261 §9.1).
    fn cancel(&mut self, index: CallIndex) {
        let Some(client) =
            self.clients.iter_mut().find(|client| client.purpose == Purpose::Invite(index) && client.ack.is_none())
        else {
            return;
        };
        if !client.provisional || client.deadline.is_some() {
            return;
        }
        // The INVITE's final response is not waited for without end (§9.1).
        client.deadline = Some(self.now + PATIENCE);
        let (branch, to) = (client.branch.clone(), client.to);
        let request = Request {
            method: Method::Cancel,
            routes: client.request.routes.clone(),
            contact: None,
            contact_parameters: String::new(),
            headers: Vec::new(),
            body: None,
            credentials: None,
            ..client.request.clone()
        };
        // A CANCEL has its INVITE's branch.
        let bytes = request.write(self.config.carrier.name(), &self.sent_by(), &branch);
        self.transmit(to, bytes.clone());
        let retransmit = (!self.is_reliable()).then_some(self.now + super::T1);
        self.clients.push(Client {
            branch,
            request,
            bytes,
            to,
            purpose: Purpose::Cancel,
            provisional: false,
            ack: None,
            interval: super::T1,
            retransmit,
            deadline: Some(self.now + PATIENCE),
            attempts: 0,
        });
    }

    pub(super) fn handle_response(&mut self, response: Message) {
        let (Some(status), Some(method), Some(branch)) =
            (response.status().map(|status| status.code()), method_of(&response), response.branch())
        else {
            return self.faults.push("a response without CSeq or branch".to_owned());
        };
        let found =
            self.clients.iter().position(|client| client.branch == branch.as_str() && client.request.method == method);
        let Some(found) = found else {
            // A 2xx that is repeated, since its ACK was lost.
            if method == Method::Invite && (200..300).contains(&status) {
                self.repeat_ack(&response);
            }
            return;
        };
        if status < 200 && self.clients[found].ack.is_some() {
            return; // overtaken by the final one
        }
        if status < 200 {
            self.clients[found].proceed();
            let purpose = self.clients[found].purpose;
            return self.provisional(purpose, &response, status);
        }
        if let Some(ack) = &self.clients[found].ack {
            let (to, ack) = (self.clients[found].to, ack.clone());
            return self.transmit(to, ack);
        }
        let mut client = self.clients.remove(found);
        if client.is_invite() && status >= 300 {
            self.acknowledge_refusal(&mut client, &response);
        }
        self.responses.push((method.to_string(), status));
        if matches!(status, 401 | 407) && self.retry_with_credentials(&client, &response) {
            return;
        }
        self.answered(client, &response, status);
    }

    /// ACK to a final response that is no success: same branch, To of the response (RFC 3261 §17.1.1.3).
    fn acknowledge_refusal(&mut self, client: &mut Client, response: &Message) {
        let to = response.text(Header::To).unwrap_or_default().to_owned();
        let request = Request {
            method: Method::Ack,
            to,
            contact: None,
            contact_parameters: String::new(),
            headers: Vec::new(),
            body: None,
            credentials: None,
            ..client.request.clone()
        };
        let bytes = request.write(self.config.carrier.name(), &self.sent_by(), &client.branch);
        self.transmit(client.to, bytes.clone());
        if !self.is_reliable() {
            self.clients.push(Client {
                branch: client.branch.clone(),
                request: client.request.clone(),
                bytes: client.bytes.clone(),
                to: client.to,
                purpose: Purpose::Other,
                provisional: true,
                ack: Some(bytes),
                interval: client.interval,
                retransmit: None,
                deadline: Some(self.now + PATIENCE),
                attempts: client.attempts,
            });
        }
    }

    /// Sends a request again with an answer to its challenge. False: it has none.
    fn retry_with_credentials(&mut self, client: &Client, response: &Message) -> bool {
        if client.attempts >= 2 || self.config.password.is_none() {
            return false;
        }
        if matches!(client.purpose, Purpose::Invite(index) if self.calls[index].wants_down) {
            return false;
        }
        let Some(challenged) = Challenged::of(response) else { return false };
        self.challenged = Some(challenged);
        let mut request = client.request.clone();
        request.cseq = match client.purpose {
            Purpose::Register => self.next_register_cseq(),
            Purpose::Invite(index)
            | Purpose::ReInvite(index)
            | Purpose::Bye(index)
            | Purpose::Refer(index)
            | Purpose::Info(index) => {
                self.calls[index].cseq += 1;
                self.calls[index].cseq
            }
            Purpose::Subscribe(index) => self.next_subscribe_cseq(index),
            Purpose::Standalone => client.request.cseq + 1,
            Purpose::Cancel | Purpose::Other => return false,
        };
        self.authorize(&mut request);
        self.request(request, client.to, client.purpose, client.attempts + 1);
        true
    }

    fn provisional(&mut self, purpose: Purpose, response: &Message, status: u16) {
        let Purpose::Invite(index) = purpose else { return };
        if self.calls[index].wants_down {
            self.cancel(index);
        }
        if status == 100 {
            return;
        }
        if response.to_tag().is_none() {
            return self.faults.push(format!("a {status} without a tag"));
        }
        self.enter_dialog(index, response);
        if !self.acknowledges(index, response) {
            return;
        }
        self.calls[index].provisional.push(status);
        let now = self.now;
        let media = &mut self.calls[index].media;
        if !response.body_octets().is_empty() && media.is_offering() {
            media.take_answer(now, response.body_octets());
        }
    }

    /// Takes tag, target and route set of a response (RFC 3261 §12.1.2).
    fn enter_dialog(&mut self, index: CallIndex, response: &Message) {
        let call = &mut self.calls[index];
        call.remote_tag = response.to_tag().map(|tag| tag.as_str().to_owned());
        let text = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
        call.routes = response.record_routes().flatten().map(|route| text(route.raw())).collect();
        call.routes.reverse();
        call.shown.1 = response.asserted_identities().flatten().next().map(|identity| text(identity.raw()));
        match response.contact() {
            Ok(Some(contact)) => {
                call.target = contact.uri().as_str().to_owned();
                call.talks_to_focus = response.text(Header::Contact).is_some_and(|text| text.contains(";isfocus"));
                let first = response.record_routes().flatten().last();
                let next = first.map_or(contact.uri(), |route| route.uri());
                match next.address() {
                    Some(address) => call.next_hop = SocketAddr::new(address, next.port_or_default()),
                    None => self.faults.push("a Contact that is not an address".to_owned()),
                }
            }
            _ => self.faults.push("a dialog without Contact".to_owned()),
        }
    }

    fn answered(&mut self, client: Client, response: &Message, status: u16) {
        let now = self.now;
        match client.purpose {
            Purpose::Register => self.registered(response, status),
            Purpose::Invite(index) if status < 300 => {
                self.enter_dialog(index, response);
                self.calls[index].come_up(now);
                self.session_accepted(index, response);
                self.complete_offer(index, client.request.cseq, response);
                if std::mem::take(&mut self.calls[index].wants_down) {
                    self.hang_up(index);
                }
            }
            Purpose::Invite(index) if status == 422 && self.calls[index].session_least_s == 0 => {
                let least = response.parameterized(Header::MinSe).ok().flatten();
                match least.and_then(|least| least.value.parse().ok()) {
                    Some(least) => self.calls[index].session_least_s = least,
                    None => self.faults.push("a 422 without Min-SE".to_owned()),
                }
                let with_offer = !self.calls[index].without_offer;
                self.send_invite(index, with_offer);
            }
            Purpose::Invite(index) => {
                let call = &mut self.calls[index];
                if (300..400).contains(&status) {
                    let text = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
                    call.places = response.lines(Header::Contact).map(text).collect();
                }
                call.reason = response.text(Header::Reason).map(str::to_owned);
                call.end(now, Ending::Refused(status));
            }
            Purpose::ReInvite(index) => self.offer_answered(index, &client, response, status),
            Purpose::Refer(index) => {
                let referral = self.calls[index].referral.get_or_insert_default();
                referral.response = Some(status);
                referral.terminated |= status >= 300;
            }
            Purpose::Info(index) => {
                if matches!(status, 408 | 481) {
                    self.end_with_bye(index, Ending::Lost);
                }
            }
            Purpose::Subscribe(index) => self.subscribed(index, response, status),
            Purpose::Bye(_) | Purpose::Cancel | Purpose::Standalone | Purpose::Other => {}
        }
    }

    fn offer_answered(&mut self, index: CallIndex, client: &Client, response: &Message, status: u16) {
        let (now, is_invite) = (self.now, client.is_invite());
        self.calls[index].offers.push(status);
        self.calls[index].exchanges.push(Exchange { at: now, ours: true, status });
        if (200..300).contains(&status) {
            self.session_accepted(index, response);
        }
        let renews = !is_invite && client.request.body.is_none();
        match status {
            200..300 if renews => {}
            491 | 500 if renews => {
                let wait = Duration::from_millis(self.random.below(2_000));
                self.calls[index].plan(now + wait, Step::Renew);
            }
            200..300 if is_invite => {
                if let Ok(Some(contact)) = response.contact() {
                    self.calls[index].target = contact.uri().as_str().to_owned();
                }
                self.complete_offer(index, client.request.cseq, response);
            }
            200..300 => self.calls[index].media.take_answer(now, response.body_octets()),
            408 | 481 => {
                self.calls[index].media.withdraw();
                self.end_with_bye(index, Ending::Lost);
            }
            491 | 500 => {
                // RFC 3261 §14.1: who began the call waits longer.
                self.calls[index].media.withdraw();
                let (least, more) = if self.calls[index].incoming { (0, 2_000) } else { (2_100, 1_900) };
                let wait = least + self.random.below(more);
                let step = if client.request.body.is_some() { Step::Refresh } else { Step::RefreshWithoutOffer };
                self.calls[index].plan(now + Duration::from_millis(wait), step);
            }
            _ => self.calls[index].media.withdraw(),
        }
    }

    /// A 2xx to INVITE: takes its answer, or answers its offer, and acknowledges.
    fn complete_offer(&mut self, index: CallIndex, cseq: u32, response: &Message) {
        let (now, body) = (self.now, response.body_octets());
        let call = &mut self.calls[index];
        let mut answer = None;
        if call.without_offer {
            if call.media.take_offer(body) {
                answer = call.media.answer(now);
            } else {
                self.faults.push("a 200 without a usable offer to an INVITE without one".to_owned());
            }
        } else if call.media.is_offering() {
            if body.is_empty() {
                self.faults.push("a 200 without an answer".to_owned());
            } else {
                call.media.take_answer(now, body);
            }
        }
        let call = &mut self.calls[index];
        let number = std::mem::replace(&mut call.cseq, cseq - 1);
        let mut request = self.in_call(index, Method::Ack);
        self.calls[index].cseq = number;
        request.contact = None;
        request.body = answer.map(|answer| ("application/sdp", answer));
        let branch = self.token("z9hG4bK");
        let bytes = request.write(self.config.carrier.name(), &self.sent_by(), &branch);
        self.calls[index].ack = Some((cseq, bytes.clone()));
        let to = self.calls[index].next_hop;
        self.transmit(to, bytes);
    }

    fn repeat_ack(&mut self, response: &Message) {
        let Ok(cseq) = response.cseq() else { return };
        let call_id = response.call_id().unwrap_or_default();
        let Some(call) = self.calls.iter().find(|call| call.call_id == call_id) else { return };
        if response.to_tag().is_some_and(|tag| call.remote_tag.as_deref() != Some(tag.as_str())) {
            return self.faults.push("a second answer, of another dialog".to_owned());
        }
        let ack: Option<Bytes> = call.ack.as_ref().filter(|(of, _)| *of == cseq.number).map(|(_, ack)| ack.clone());
        let to = call.next_hop;
        match ack {
            Some(ack) => self.transmit(to, ack),
            // An answer to an INVITE that we have given up (RFC 3261 §9.1, §13.2.2.4): take it and hang up.
            None if !call.incoming && call.state == CallState::Ended && call.up.is_none() => {
                let index = self.calls.iter().position(|call| call.call_id == call_id).unwrap_or_default();
                self.enter_dialog(index, response);
                self.complete_offer(index, cseq.number, response);
                self.send_simple(index, Method::Bye, Purpose::Bye(index));
            }
            None => {}
        }
    }

    /// No final response came, or the connection ended.
    pub(super) fn client_failed(&mut self, client: &Client) {
        let now = self.now;
        match client.purpose {
            Purpose::Register => self.register_failed(),
            Purpose::Invite(index) => {
                self.faults_allowed_by_loss("an INVITE was never answered");
                self.calls[index].end(now, Ending::NoResponse);
            }
            Purpose::ReInvite(index) | Purpose::Refer(index) | Purpose::Info(index) => {
                self.faults_allowed_by_loss("a request in a call was never answered");
                self.calls[index].media.withdraw();
                self.end_with_bye(index, Ending::Lost);
            }
            Purpose::Bye(_) => self.faults_allowed_by_loss("a BYE was never answered"),
            Purpose::Subscribe(index) => {
                self.faults_allowed_by_loss("a SUBSCRIBE was never answered");
                self.watch_anew(index);
            }
            Purpose::Standalone => self.faults_allowed_by_loss("a request was never answered"),
            Purpose::Cancel | Purpose::Other => {}
        }
    }
}
