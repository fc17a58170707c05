//! Scripted peers: what they send is written out, what they get is looked at by the tests.

use super::harness::{CALL, PASSWORD, World};
use router::Command;
use router::parameter::{CauseKind, LegState};
use signaling::digest::{ClientCredentials, respond};
use signaling::message::{Header, Message, NameAddr};
use std::net::SocketAddr;

/// One end of one dialog.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) user: String,
    pub(crate) call_id: String,
    pub(crate) tag: String,
    pub(crate) remote: String,
    pub(crate) remote_tag: Option<String>,
    /// The Request-URI of its requests.
    pub(crate) target: String,
    pub(crate) cseq: u32,
    pub(crate) branches: u32,
    pub(crate) last_branch: String,
}

impl Peer {
    /// A phone or trunk that is about to call `remote`.
    pub(crate) fn new(address: &str, user: &str, remote: &str) -> Self {
        Self {
            address: address.parse().unwrap(),
            user: user.to_owned(),
            call_id: format!("{user}-{remote}-{address}"),
            tag: format!("tag-{user}"),
            remote: remote.to_owned(),
            remote_tag: None,
            target: format!("sip:{remote}@192.0.2.1"),
            cseq: 0,
            branches: 0,
            last_branch: String::new(),
        }
    }

    /// The peer that a request of ours was sent to: it answers with that tag.
    pub(crate) fn of_invite(address: SocketAddr, invite: &Message, tag: &str) -> Self {
        let contact = invite.contact().unwrap().unwrap().uri().as_str().to_owned();
        let from = invite.from().unwrap();
        Self {
            address,
            user: invite.to().unwrap().uri().user().unwrap_or_default().to_owned(),
            call_id: invite.call_id().unwrap().to_owned(),
            tag: tag.to_owned(),
            remote: from.uri().user().unwrap_or_default().to_owned(),
            remote_tag: from.tag().map(str::to_owned),
            target: contact,
            cseq: 0,
            branches: 0,
            last_branch: String::new(),
        }
    }

    /// The peer that a request of ours outside of dialogs was sent to.
    pub(crate) fn of_request(address: SocketAddr, request: &Message) -> Self {
        let user = request.to().unwrap().uri().user().unwrap_or_default().to_owned();
        Self { tag: "peer".to_owned(), ..Self::new(&address.to_string(), &user, "") }
    }

    /// A request: a new one with the next CSeq.
    pub(crate) fn request(&mut self, method: &str, headers: &str, body: &str) -> String {
        self.cseq += 1;
        self.branches += 1;
        self.last_branch = format!("z9hG4bK{}-{}-{}", self.tag, self.branches, self.address.port());
        self.write(method, self.cseq, headers, body)
    }

    /// An ACK to a 2xx (a new branch) or to a refusal (the INVITE's branch).
    pub(crate) fn ack(&mut self, to_2xx: bool, body: &str) -> String {
        if to_2xx {
            self.branches += 1;
            self.last_branch = format!("z9hG4bK{}-ack-{}", self.tag, self.branches);
        }
        self.write("ACK", self.cseq, "", body)
    }

    /// The CANCEL of the last request.
    pub(crate) fn cancel(&self, headers: &str) -> String {
        self.write("CANCEL", self.cseq, headers, "")
    }

    pub(crate) fn write(&self, method: &str, cseq: u32, headers: &str, body: &str) -> String {
        let Self { address, user, call_id, tag, remote, target, last_branch, .. } = self;
        let to_tag = self.remote_tag.as_ref().map(|tag| format!(";tag={tag}")).unwrap_or_default();
        let kind =
            if body.is_empty() || headers.contains("Content-Type") { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {address};rport;branch={last_branch}\r\nMax-Forwards: 70\r\n\
             From: <sip:{user}@192.0.2.1>;tag={tag}\r\nTo: <sip:{remote}@192.0.2.1>{to_tag}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\nContact: <sip:{user}@{address}>\r\n{headers}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// Keeps the other end's tag and target.
    pub(crate) fn learn(&mut self, response: &Message) {
        self.remote_tag = response.to().unwrap().tag().map(str::to_owned);
        if let Ok(Some(contact)) = response.contact() {
            self.target = contact.uri().as_str().to_owned();
        }
    }

    /// Answers a request.
    pub(crate) fn respond(&self, world: &mut World, request: &Message, status: &str, headers: &str, body: &str) {
        let text = response(request, &self.tag, &self.user, self.address, status, headers, body);
        world.send(self.address, &text);
    }

    /// The Authorization that answers a 401 to `method`.
    pub(crate) fn authorization(&self, challenge: &Message, method: &str, uri: &str, count: u32) -> String {
        let challenge = challenge.challenges(Header::WwwAuthenticate).next().expect("a challenge");
        let credentials = ClientCredentials { username: self.user.clone(), password: PASSWORD.to_owned().into() };
        let value = respond(&challenge, &credentials, method, uri, count, "c0ffee").unwrap();
        format!("Authorization: {value}\r\n")
    }

    /// Sends a request: a new one with the next CSeq.
    pub(crate) fn asks(&mut self, world: &mut World, method: &str, headers: &str, body: &str) {
        let text = self.request(method, headers, body);
        world.send(self.address, &text);
    }

    /// Acknowledges a 2xx.
    pub(crate) fn acknowledges(&mut self, world: &mut World, body: &str) {
        let text = self.ack(true, body);
        world.send(self.address, &text);
    }

    /// Acknowledges a refusal of its last INVITE.
    pub(crate) fn acknowledges_refusal(&mut self, world: &mut World, refusal: &Message) {
        self.learn(refusal);
        let text = self.ack(false, "");
        world.send(self.address, &text);
    }

    /// The switch ends the leg: the peer gets a BYE and answers it.
    pub(crate) fn is_hung_up(&self, world: &mut World, leg: router::Address) {
        world.ask(CALL, leg, Command::Stop, LegState::released(CauseKind::Normal));
        let bye = world.expect(self.address, "BYE");
        self.respond(world, &bye, "200 OK", "", "");
    }

    /// Registers; the 200.
    pub(crate) fn register(&mut self, world: &mut World, headers: &str) -> Message {
        let target = std::mem::replace(&mut self.target, "sip:192.0.2.1".to_owned());
        let remote = std::mem::replace(&mut self.remote, self.user.clone());
        let text = self.request("REGISTER", headers, "");
        world.send(self.address, &text);
        let challenge = world.expect(self.address, "SIP/2.0 401");
        let authorization = self.authorization(&challenge, "REGISTER", "sip:192.0.2.1", 1);
        let text = self.request("REGISTER", &format!("{headers}{authorization}"), "");
        world.send(self.address, &text);
        let response = world.expect(self.address, "SIP/2.0 200");
        (self.target, self.remote) = (target, remote);
        response
    }

    /// Sends an INVITE through the challenge: what comes next is the call's.
    pub(crate) fn invite(&mut self, world: &mut World, headers: &str, body: &str) {
        let text = self.request("INVITE", headers, body);
        world.send(self.address, &text);
        let challenge = world.expect(self.address, "SIP/2.0 401");
        self.clone().acknowledges_refusal(world, &challenge);
        let authorization = self.authorization(&challenge, "INVITE", &self.target.clone(), 1);
        let text = self.request("INVITE", &format!("{headers}{authorization}"), body);
        world.send(self.address, &text);
    }
}

/// A response as a peer writes it.
pub(crate) fn response(
    request: &Message,
    tag: &str,
    user: &str,
    address: SocketAddr,
    status: &str,
    headers: &str,
    body: &str,
) -> String {
    let copy = |name: Header| -> String {
        request.lines(name).map(|line| format!("{name}: {}\r\n", String::from_utf8_lossy(line))).collect()
    };
    let to = String::from_utf8_lossy(request.header(Header::To).unwrap()).into_owned();
    let has_tag = NameAddr::parse(to.as_bytes()).unwrap().tag().is_some();
    let to = if has_tag || status.starts_with("100") { to } else { format!("{to};tag={tag}") };
    let kind =
        if body.is_empty() || headers.contains("Content-Type") { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "SIP/2.0 {status}\r\n{}{}To: {to}\r\n{}{}{}Contact: <sip:{user}@{address}>\r\n{headers}{kind}Content-Length: {}\r\n\r\n{body}",
        copy(Header::Via),
        copy(Header::From),
        copy(Header::CallId),
        copy(Header::CSeq),
        copy(Header::RecordRoute),
        body.len()
    )
}
