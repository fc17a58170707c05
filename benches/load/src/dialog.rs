//! A dialog (RFC 3261 §12): its requests, and the service of what the other side asks within it. Both ends use the same.

use crate::answer::{self, Answer};
use crate::limits::ROUTES_MAX;
use crate::message::{FROM, Message, RECORD_ROUTE, TO, address_of, uri};
use crate::outbox::{MediaOrder, Outbox};
use crate::party::{Leg, Party};
use crate::sdp::{Audio, LocalSession};
use crate::statistics::Signalling;
use crate::transaction::Retransmission;
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

/// A 2xx to an INVITE of the other side's, sent again until its ACK.
#[derive(Debug)]
pub struct Unacknowledged {
    /// The number of its INVITE.
    pub cseq: u32,
    /// The response.
    pub text: String,
    /// Where it goes.
    pub to: SocketAddr,
    /// When it goes again.
    pub retransmission: Retransmission,
}

/// A dialog.
#[derive(Debug)]
pub struct Dialog {
    /// Call-ID.
    pub call_id: String,
    /// Our From in requests, with our tag.
    pub local: String,
    /// Our To in requests, with the other side's tag once it is known.
    pub remote: String,
    /// The other side's Contact.
    pub target: String,
    /// The route set, nearest first.
    pub routes: Vec<String>,
    /// The number of our last request.
    pub local_cseq: u32,
    /// The number of the other side's last one.
    pub remote_cseq: Option<u32>,
    /// Where requests go that name no usable address themselves.
    pub fallback: SocketAddr,
    /// Our media.
    pub session: LocalSession,
    /// The leg that plays it.
    pub leg: Leg,
    /// What waits for an ACK.
    pub unacknowledged: Option<Unacknowledged>,
}

/// What a request of the other side's did to the dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// Nothing that its owner must know.
    Done,
    /// A 2xx waits for its ACK.
    AwaitsAck,
    /// The ACK came.
    Acknowledged,
    /// BYE.
    Ended,
}

impl Dialog {
    /// Takes route set, target and tag from the response that makes the dialog (§12.1.2).
    pub fn establish_from_response(&mut self, response: &Message<'_>) {
        self.remote = response.header(TO).unwrap_or("").to_owned();
        self.routes = response.values(RECORD_ROUTE).take(ROUTES_MAX).map(str::to_owned).collect();
        self.routes.reverse();
        self.refresh_target(response);
    }

    /// Takes them from the request that makes it (§12.1.1).
    pub fn establish_from_request(&mut self, request: &Message<'_>) {
        self.remote = request.header(FROM).unwrap_or("").to_owned();
        self.routes = request.values(RECORD_ROUTE).take(ROUTES_MAX).map(str::to_owned).collect();
        self.remote_cseq = request.cseq().map(|(number, _)| number);
        self.refresh_target(request);
    }

    fn refresh_target(&mut self, message: &Message<'_>) {
        if let Some(contact) = message.contact() {
            contact.clone_into(&mut self.target);
        }
    }

    /// Writes a request within the dialog (§12.2.1.1) with a number of its own, or an ACK with `cseq`, and says where it goes.
    pub fn write_request(
        &mut self,
        out: &mut String,
        party: &Party,
        method: &str,
        branch: &str,
        ack_of: Option<u32>,
    ) -> SocketAddr {
        let cseq = ack_of.unwrap_or_else(|| {
            self.local_cseq += 1;
            self.local_cseq
        });
        let first = self.routes.first().map(|route| uri(route));
        let strict = first.filter(|route| !is_loose(route));
        let request_uri = strict.unwrap_or(&self.target);
        let _ =
            write!(out, "{method} {request_uri} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch={branch};rport\r\n", party.local);
        out.push_str("Max-Forwards: 70\r\n");
        for route in self.routes.iter().skip(usize::from(strict.is_some())) {
            let _ = write!(out, "Route: {route}\r\n");
        }
        if strict.is_some() {
            let _ = write!(out, "Route: <{}>\r\n", self.target);
        }
        let _ = write!(
            out,
            "From: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
            self.local, self.remote, self.call_id
        );
        let next = first.map_or_else(|| address_of(&self.target), address_of);
        next.filter(|address| party.permitted.allows(address.ip())).unwrap_or(self.fallback)
    }

    /// Serves a request of the other side's within the dialog; INVITEs that make dialogs are the callee's.
    pub fn serve(
        &mut self,
        request: &Message<'_>,
        method: &str,
        from: SocketAddr,
        context: &mut Service<'_>,
    ) -> Served {
        let Some((cseq, _)) = request.cseq() else {
            context.statistics.malformed += 1;
            return Served::Done;
        };
        if method == "ACK" {
            if self.unacknowledged.as_ref().is_some_and(|waiting| waiting.cseq == cseq) {
                self.unacknowledged = None;
                return Served::Acknowledged;
            }
            return Served::Done;
        }
        if self.remote_cseq.is_some_and(|last| cseq < last) {
            context.answer(request, from, Answer::plain(500, "Server Internal Error", ""));
            return Served::Done;
        }
        if self.remote_cseq == Some(cseq) && method != "CANCEL" {
            context.statistics.retransmissions_received += 1;
            if let Some(waiting) = self.unacknowledged.as_ref().filter(|_| method == "INVITE") {
                context.outbox.send(waiting.to, &waiting.text);
                return Served::Done;
            }
        }
        self.remote_cseq = Some(cseq);
        match method {
            "BYE" => {
                context.answer(request, from, Answer::plain(200, "OK", ""));
                Served::Ended
            }
            "INVITE" | "UPDATE" => self.serve_offer(request, method, cseq, from, context),
            "OPTIONS" | "INFO" | "NOTIFY" | "MESSAGE" | "CANCEL" => {
                context.statistics.served_requests += 1;
                context.answer(request, from, Answer::plain(200, "OK", ""));
                Served::Done
            }
            _ => {
                context.answer(request, from, Answer::plain(405, "Method Not Allowed", ""));
                Served::Done
            }
        }
    }

    fn serve_offer(
        &mut self,
        request: &Message<'_>,
        method: &str,
        cseq: u32,
        from: SocketAddr,
        context: &mut Service<'_>,
    ) -> Served {
        context.statistics.served_requests += 1;
        let offer = Audio::parse(request.body);
        let usable = offer.as_ref().is_none_or(|audio| {
            audio.formats.contains(&self.session.codec.payload_type())
                && audio.agrees(&self.session)
                && (audio.address.ip().is_unspecified() || context.party.permitted.allows(audio.address.ip()))
        });
        if !usable || (offer.is_none() && !request.body.is_empty()) {
            context.answer(request, from, Answer::plain(488, "Not Acceptable Here", ""));
            return Served::Done;
        }
        self.refresh_target(request);
        if let Some(audio) = &offer {
            self.session.answer(audio.direction);
            context.order_media(self.leg, &self.session, audio);
        }
        let (contact, body) = (context.party.contact(), self.session.text());
        let mut text = String::with_capacity(1024);
        let with_body = offer.is_some() || method == "INVITE"; // an INVITE without an offer gets ours in its 200
        let answer = Answer {
            contact: Some(&contact),
            body: with_body.then_some(body.as_str()),
            ..Answer::plain(200, "OK", "")
        };
        answer::write(&mut text, request, from, answer);
        let to = answer::return_address(request, from);
        context.outbox.send(to, &text);
        if method == "UPDATE" {
            return Served::Done;
        }
        let retransmission = Retransmission::other(context.now);
        self.unacknowledged = Some(Unacknowledged { cseq, text, to, retransmission });
        Served::AwaitsAck
    }
}

/// What the service of a request needs.
#[derive(Debug)]
pub struct Service<'a> {
    /// Who serves.
    pub party: &'a Party,
    /// When.
    pub now: Duration,
    /// Where answers go.
    pub outbox: &'a mut Outbox,
    /// What counts.
    pub statistics: &'a mut Signalling,
}

impl Service<'_> {
    /// Answers a request.
    pub fn answer(&mut self, request: &Message<'_>, from: SocketAddr, answer: Answer<'_>) {
        self.outbox.compose(answer::return_address(request, from), |out| answer::write(out, request, from, answer));
    }

    /// Serves a request that belongs to no dialog: keep-alives, and what there is no transaction for (§12.2.2).
    pub fn answer_outside(&mut self, request: &Message<'_>, method: &str, from: SocketAddr) {
        match method {
            "ACK" => self.statistics.stray += 1,
            "OPTIONS" if request.tag(TO).is_none() => self.answer(request, from, Answer::plain(200, "OK", "load")),
            "NOTIFY" | "MESSAGE" if request.tag(TO).is_none() => {
                self.answer(request, from, Answer::plain(200, "OK", "load"));
            }
            _ => {
                self.statistics.stray += 1;
                let gone = Answer::plain(481, "Call/Transaction Does Not Exist", "load");
                self.answer(request, from, gone);
            }
        }
    }

    /// Sends a leg's stream to where a description says, or pauses it.
    pub fn order_media(&mut self, leg: Leg, session: &LocalSession, audio: &Audio) {
        if let Some(id) = leg.id {
            if let (Some(ours), Some(theirs)) = (session.master, audio.master) {
                self.outbox.order(MediaOrder::Secure(id, [ours, theirs]));
            }
            self.outbox.order(match audio.target() {
                Some(target) => MediaOrder::Send(id, target),
                None => MediaOrder::Pause(id),
            });
        }
    }
}

/// RFC 3261 §19.1.1: the `lr` parameter of a route's URI.
fn is_loose(uri: &str) -> bool {
    uri.split(';').skip(1).any(|part| part.split('=').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("lr")))
}
