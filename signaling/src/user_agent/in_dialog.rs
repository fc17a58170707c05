//! Our requests within a dialog (RFC 3261 §12.2.1).

use super::credentials::{self, Answered, Authorization};
use super::leg::Head;
use super::means::{ClientUse, Means};
use super::options::{ALLOW, SUPPORTED_IN_CALLS};
use crate::dialog::Dialog;
use crate::limits::MAX_FORWARDS_DEFAULT;
use crate::message::{Header, Message, Method};
use crate::transaction::ClientKey;
use bytes::Bytes;
use router::Asked;
use router::parameter::MediaDescription;
use smallvec::SmallVec;

/// A request within a dialog, so that it can be sent once more.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    /// Header lines beside those of every request.
    pub(super) headers: SmallVec<[(&'static str, String); 2]>,
    pub(super) body: Option<(Box<str>, Bytes)>,
}

impl Request {
    /// A method and nothing more.
    pub(super) fn new(method: Method) -> Self {
        Self { method, headers: SmallVec::new(), body: None }
    }

    /// With a body.
    pub(super) fn with_body(self, content_type: &str, octets: Bytes) -> Self {
        Self { body: Some((content_type.into(), octets)), ..self }
    }

    /// With a header line.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What a request of ours is for.
#[derive(Debug)]
pub(super) enum Aim {
    /// An offer.
    Offer(Box<OurOffer>),
    /// To refresh the session; by an INVITE that offers what we said last.
    Refresh { by_invite: bool },
    /// To tell who is at the other end.
    Introduce,
    /// To find out whether the peer is there.
    Supervise { asked: Asked },
    /// To acknowledge a provisional response.
    Prack,
    /// What the other leg's peer sent; `rest`: the digits that follow.
    Inform { asked: Asked, rest: String, duration_ms: u16 },
    /// How far a transfer is; the number of its REFER.
    Notify { id: u32 },
    /// The end.
    Bye,
}

/// An offer of the switch's on its way to the peer.
#[derive(Debug)]
pub(super) struct OurOffer {
    pub(super) asked: Asked,
    pub(super) description: MediaDescription,
    /// How often it met an offer of the peer's.
    pub(super) glares: u8,
    /// By INVITE, although the peer said that it takes UPDATE.
    pub(super) by_invite: bool,
}

/// A request of ours that has no final response.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) key: ClientKey,
    request: Request,
    authorization: Option<Box<Authorization>>,
    pub(super) aim: Aim,
}

impl Sent {
    /// Its method.
    pub(super) fn method(&self) -> &Method {
        &self.request.method
    }
}

/// A dialog and what we have asked in it.
#[derive(Debug)]
pub(super) struct Requester {
    pub(super) dialog: Dialog,
    sent: SmallVec<[Sent; 1]>,
    answered: Answered,
}

impl Requester {
    /// Nothing is asked yet.
    pub(super) fn new(dialog: Dialog, answered: Answered) -> Self {
        Self { dialog, sent: SmallVec::new(), answered }
    }

    /// The early dialog is confirmed by that 2xx, which makes `dialog`: it goes on with the numbers of its requests.
    pub(super) fn confirmed(mut self, response: &Message, dialog: &Dialog, remote_cseq: Option<u32>) -> Self {
        self.dialog.note_flow(dialog.flow());
        self.dialog.resume(remote_cseq);
        self.dialog.confirm(Some(response));
        self
    }

    /// Sends a request. Not sent: its aim comes back.
    pub(super) fn send(&mut self, means: &mut Means, head: &Head, request: Request, aim: Aim) -> Result<(), Aim> {
        self.transmit(means, head, request, None, aim)
    }

    /// Sends a challenged request again with credentials, unless it had them.
    pub(super) fn send_authorized(
        &mut self,
        means: &mut Means,
        head: &Head,
        sent: Sent,
        response: &Message,
    ) -> Result<(), Aim> {
        let Sent { request, authorization, aim, .. } = sent;
        let (uri, answered) = (self.dialog.request_uri(), &mut self.answered);
        match credentials::answer(means, head.trunk(), authorization, answered, response, &request.method, uri) {
            Some(authorization) => self.transmit(means, head, request, Some(authorization), aim),
            None => Err(aim),
        }
    }

    /// The request with that key, unless its final response has come.
    pub(super) fn take(&mut self, key: ClientKey) -> Option<Sent> {
        let index = self.sent.iter().position(|sent| sent.key == key)?;
        Some(self.sent.swap_remove(index))
    }

    /// Whether a request with that key waits.
    pub(super) fn waits_for(&self, key: ClientKey) -> bool {
        self.sent.iter().any(|sent| sent.key == key)
    }

    /// The requests that wait.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Sent> {
        self.sent.iter()
    }

    /// All that wait and that are of no use once the session is over: what the switch waits for. An INVITE among them is
    /// cancelled, as a peer may take as long as it likes to answer one.
    pub(super) fn abandon(&mut self, means: &mut Means) -> Vec<Aim> {
        self.cancel_invite(means);
        let mut abandoned = Vec::new();
        let mut at = 0;
        while at < self.sent.len() {
            if matches!(
                self.sent[at].aim,
                Aim::Offer(_) | Aim::Refresh { .. } | Aim::Inform { .. } | Aim::Supervise { .. }
            ) {
                abandoned.push(self.sent.swap_remove(at).aim);
            } else {
                at += 1;
            }
        }
        abandoned
    }

    /// Cancels our INVITE that waits, if there is one.
    pub(super) fn cancel_invite(&mut self, means: &mut Means) {
        for sent in self.sent.iter().filter(|sent| sent.request.method == Method::Invite) {
            means.transactions.cancel(means.now.instant, sent.key, None);
        }
    }

    fn transmit(
        &mut self,
        means: &mut Means,
        head: &Head,
        request: Request,
        authorization: Option<Box<Authorization>>,
        aim: Aim,
    ) -> Result<(), Aim> {
        let (mut writer, destination, _) = self.dialog.request(&request.method, MAX_FORWARDS_DEFAULT);
        // RFC 3261 §12.2.1.1, RFC 3515 §2.2, RFC 6665 §4.4.1: what may refresh the target says where we are.
        if matches!(request.method, Method::Invite | Method::Update | Method::Notify) {
            writer = writer.header(Header::Contact, self.dialog.contact());
        }
        if matches!(request.method, Method::Invite | Method::Update) {
            writer = writer.header(Header::Allow, ALLOW).header(Header::Supported, SUPPORTED_IN_CALLS);
        }
        for (name, value) in &request.headers {
            writer = writer.header(*name, value);
        }
        let proofs = authorization.as_ref().and_then(|authorization| authorization.proofs());
        for (header, value) in proofs.iter().flat_map(|proofs| proofs.iter()) {
            writer = writer.header(*header, value);
        }
        writer = writer.header(Header::UserAgent, &means.config.agent);
        let bytes = match &request.body {
            Some((content_type, octets)) => writer.body(content_type, octets),
            None => writer.finish(),
        };
        let to = match request.method {
            Method::Invite => ClientUse::Invite {
                leg: head.instance,
                reach: head.reach(),
                dialog: self.dialog.id().remote_tag.clone(),
                offered: request.body.is_some(),
                proofs,
                acknowledged: SmallVec::new(),
            },
            _ => ClientUse::Request(head.instance),
        };
        match means.send(destination, bytes, to) {
            Some(key) => {
                self.sent.push(Sent { key, request, authorization, aim });
                Ok(())
            }
            None => Err(aim),
        }
    }
}
