//! The dialog itself.

use super::next_hop::{NextHop, Reach, listens_at};
use super::place::{Place, Registered};
use super::route_set::RouteSet;
use crate::message::{
    CSeq, CallId, Defect, Header, Message, Method, NameAddr, RequestWriter, Scheme, Tag, Uri, UriRef, escape_user,
};
use crate::transport::{Destination, Flow, Transport};
use std::net::SocketAddr;

/// What tells dialogs apart (RFC 3261 §12): Call-ID and both tags. An old peer may have no tag (§12.1.1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DialogId {
    /// Call-ID.
    pub call_id: CallId,
    /// Our tag.
    pub local_tag: Tag,
    /// The peer's tag.
    pub remote_tag: Option<Tag>,
}

/// What From and To say of one end, without its tag: display name and URI as written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity(Box<str>);

impl Identity {
    /// As it stands in a From or To that came.
    pub fn of(address: &NameAddr<'_>) -> Self {
        let display = String::from_utf8_lossy(address.display_raw());
        let uri = address.uri();
        match display.as_ref() {
            "" => Self(["<", uri.as_str(), ">"].concat().into()),
            display => Self([display, " <", uri.as_str(), ">"].concat().into()),
        }
    }

    /// A URI with a name to show.
    pub fn new(display_name: Option<&str>, uri: &Uri) -> Self {
        match display_name {
            Some(name) if !name.is_empty() => {
                Self([&crate::message::quote(name), " <", uri.as_str(), ">"].concat().into())
            }
            _ => Self(["<", uri.as_str(), ">"].concat().into()),
        }
    }

    /// The header value without tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a request does not fit its dialog.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unfit {
    /// Its CSeq is not above the last one: 500 (RFC 3261 §12.2.2).
    OutOfOrder,
    /// A broken header.
    Defect,
}

/// One dialog.
#[derive(Clone, Debug)]
pub struct Dialog {
    id: DialogId,
    local: Identity,
    remote: Identity,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    routes: RouteSet,
    target: Uri,
    /// Where the registrar has who gives that target.
    registered: Option<Box<Registered>>,
    reach: Reach,
    /// The way on which the peer's messages come.
    flow: Flow,
    next_hop: NextHop,
    /// Whether it may listen elsewhere than it sends from: where its Contact says.
    listens: bool,
    /// What our Contact says.
    contact: Box<str>,
    confirmed: bool,
    allows_update: bool,
    allows_info: bool,
}

/// Where requests within a dialog are sent.
struct Way<'a> {
    target: &'a Uri,
    routes: &'a RouteSet,
    flow: &'a Flow,
    listens: bool,
}

impl Dialog {
    /// The dialog that a request makes with us (RFC 3261 §12.1.1). `contact` is the value of our Contact.
    pub fn of_request(
        message: &Message,
        local_tag: Tag,
        flow: &Flow,
        reach: Reach,
        contact: &str,
    ) -> Result<Self, Defect> {
        let (from, to) = (message.from()?, message.to()?);
        let target = match message.contact()? {
            Some(contact) => contact.uri().to_uri(),
            // A client of RFC 2543 need not say it: its From does (RFC 4475 §3.4.1).
            None if !message.via()?.has_magic_cookie() => from.uri().to_uri(),
            None => return Err(Defect::Missing(Header::Contact)),
        };
        let mut dialog = Self {
            id: DialogId { call_id: message.call_id_owned()?, local_tag, remote_tag: from.tag().and_then(Tag::new) },
            local: Identity::of(&to),
            remote: Identity::of(&from),
            local_cseq: 0,
            remote_cseq: Some(message.cseq()?.number),
            routes: RouteSet::of_request(message)?,
            target,
            registered: None,
            reach,
            flow: *flow,
            next_hop: NextHop::Address(Destination::flow(flow)),
            listens: Self::listens_at_its_contact(message, flow),
            contact: contact.into(),
            confirmed: false,
            allows_update: false,
            allows_info: true,
        };
        dialog.note_allow(message);
        dialog.settle_next_hop();
        Ok(dialog)
    }

    /// The dialog that a response to our request makes (RFC 3261 §12.1.2).
    pub fn of_response(
        response: &Message,
        local_tag: Tag,
        cseq: u32,
        flow: &Flow,
        reach: Reach,
        contact: &str,
    ) -> Result<Self, Defect> {
        let (from, to) = (response.from()?, response.to()?);
        let target = match response.contact()? {
            Some(address) => address.uri().to_uri(),
            // Not allowed for a 2xx, and seen: whoever sent it is the best guess, or with proxies on the way whom we called.
            None if response.header(Header::RecordRoute).is_none() => target_at(&to, flow),
            None => to.uri().to_uri(),
        };
        let mut dialog = Self {
            id: DialogId { call_id: response.call_id_owned()?, local_tag, remote_tag: to.tag().and_then(Tag::new) },
            local: Identity::of(&from),
            remote: Identity::of(&to),
            local_cseq: cseq,
            remote_cseq: None,
            routes: RouteSet::of_response(response)?,
            target,
            registered: None,
            reach,
            flow: *flow,
            next_hop: NextHop::Address(Destination::flow(flow)),
            listens: false,
            contact: contact.into(),
            confirmed: response.status().is_some_and(|status| status.is_success()),
            allows_update: false,
            allows_info: true,
        };
        dialog.note_allow(response);
        dialog.settle_next_hop();
        Ok(dialog)
    }

    /// Whether who sends that request may listen elsewhere than it sends from: it asks for no `rport` (RFC 3581 §3).
    pub fn listens_at_its_contact(request: &Message, flow: &Flow) -> bool {
        flow.transport == Transport::Udp && request.via().is_ok_and(|via| via.rport().is_none())
    }

    /// The peer was reached there: where that is what its Contact says, it listens there, wherever it answers from.
    pub fn was_reached_at(&mut self, remote: SocketAddr) {
        if self.flow.transport == Transport::Udp && listens_at(self.target.borrow(), self.flow.remote) == Some(remote) {
            self.listens = true;
            self.settle_next_hop();
        }
    }

    /// What tells it apart.
    pub fn id(&self) -> &DialogId {
        &self.id
    }

    /// Whether a 2xx made it, or has confirmed it.
    pub fn is_confirmed(&self) -> bool {
        self.confirmed
    }

    /// A 2xx was sent or came: it outlives its INVITE. A 2xx that came brings the final route set and target
    /// (RFC 3261 §13.2.2.4).
    pub fn confirm(&mut self, response: Option<&Message>) {
        if let Some(response) = response.filter(|_| !self.confirmed) {
            if let Ok(routes) = RouteSet::of_response(response) {
                self.routes = routes;
            }
            self.refresh(response);
        }
        self.confirmed = true;
    }

    /// Whether the peer takes UPDATE (RFC 3311 §4).
    pub fn allows_update(&self) -> bool {
        self.allows_update
    }

    /// Whether the peer takes INFO; one that says nothing may.
    pub fn allows_info(&self) -> bool {
        self.allows_info
    }

    /// The target.
    pub fn target(&self) -> UriRef<'_> {
        self.target.borrow()
    }

    /// Whether proxies have recorded themselves.
    pub fn has_routes(&self) -> bool {
        !self.routes.is_empty()
    }

    /// Who gives this target is registered there, and reached by that way from now on: a proxy on the recorded one would send back to us what is
    /// for an address of ours.
    pub fn registered_at(&mut self, place: Place) {
        if !self.accepts(&place) {
            return;
        }
        self.registered = Some(Box::new(Registered { target: self.target.clone(), place }));
        self.settle_next_hop();
    }

    /// Whether its requests may go there.
    pub fn accepts(&self, place: &Place) -> bool {
        !self.is_secure() || place.is_secure()
    }

    /// Where that is, if it is known.
    pub fn registered(&self) -> Option<&Place> {
        self.registered
            .as_ref()
            .filter(|registered| registered.target == self.target)
            .map(|registered| &registered.place)
    }

    fn way(&self) -> Way<'_> {
        let Self { target, routes, flow, listens, .. } = self;
        match self.registered() {
            Some(Place { contact, routes, flow: Some(flow), listens, .. }) => {
                Way { target: contact, routes, flow, listens: *listens }
            }
            Some(place) => Way { target: &place.contact, routes: &place.routes, flow, listens: *listens },
            None => Way { target, routes, flow, listens: *listens },
        }
    }

    /// How the peer's messages come.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// The value of our Contact.
    pub fn contact(&self) -> &str {
        &self.contact
    }

    /// We are the focus of a conference of that name: our Contact says so from now on, and is where it is followed (RFC 4579 §5.1).
    pub fn become_focus(&mut self, conference: &str) {
        let user = escape_user(conference);
        let named = ["<sip:", "<sips:"].into_iter().find_map(|scheme| {
            let rest = self.contact.strip_prefix(scheme).filter(|rest| !rest.contains('@'))?;
            Some(format!("{scheme}{user}@{rest}"))
        });
        self.contact = format!("{};isfocus", named.as_deref().unwrap_or(&self.contact)).into();
    }

    /// Where in-dialog requests go.
    pub fn next_hop(&self) -> &NextHop {
        &self.next_hop
    }

    /// The Request-URI of requests within the dialog: the target, or a strict router in front of it.
    pub fn request_uri(&self) -> &str {
        let Way { target, routes, .. } = self.way();
        routes.apply(target.as_str()).0
    }

    /// The name in the next hop was resolved.
    pub fn resolved(&mut self, destination: Destination) {
        self.next_hop = NextHop::Address(destination);
    }

    /// A request within the dialog (RFC 3261 §12.2.1.1), with the next CSeq: start line, Max-Forwards, Route, From, To,
    /// Call-ID and CSeq are written; where it is to go.
    pub fn request(&mut self, method: &Method, hops: u8) -> (RequestWriter, Destination, u32) {
        self.local_cseq += 1;
        let cseq = self.local_cseq;
        (self.write(method, cseq, hops), *self.next_hop.now(), cseq)
    }

    /// The ACK to a 2xx to the INVITE with that CSeq (RFC 3261 §13.2.2.4).
    pub fn ack(&self, cseq: u32, hops: u8) -> (RequestWriter, Destination) {
        (self.write(&Method::Ack, cseq, hops), *self.next_hop.now())
    }

    /// Takes a request of the peer's: its CSeq is checked, its flow and, where it may change it, its Contact noted
    /// (RFC 3261 §12.2.2).
    pub fn receive(&mut self, request: &Message, flow: &Flow) -> Result<(), Unfit> {
        let CSeq { number, method } = request.cseq().map_err(|_| Unfit::Defect)?;
        if self.remote_cseq.is_some_and(|last| number <= last) {
            return Err(Unfit::OutOfOrder);
        }
        self.remote_cseq = Some(number);
        self.listens |= Self::listens_at_its_contact(request, flow);
        self.note_flow(flow);
        if matches!(method, Method::Invite | Method::Update) {
            self.refresh(request);
        }
        Ok(())
    }

    /// The peer's requests in the early dialog came as far as this CSeq: later ones are above it (RFC 3261 §12.2.2).
    pub fn resume(&mut self, remote_cseq: Option<u32>) {
        self.remote_cseq = self.remote_cseq.max(remote_cseq);
    }

    /// Whether it was begun by a `sips:` URI, so that nothing of it goes in clear (RFC 3261 §12.1.1, §26.2.2): our Contact says so.
    fn is_secure(&self) -> bool {
        self.contact.starts_with("<sips:")
    }

    /// A message of the peer's came on this way.
    pub fn note_flow(&mut self, flow: &Flow) {
        if self.flow == *flow || (self.is_secure() && !flow.transport.is_secure()) {
            return;
        }
        if flow.transport == self.flow.transport || self.flow.connection.is_some() {
            self.go_over(flow); // a NAT may have given the phone another port, a phone a new connection
        }
    }

    /// Its phone, whose messages came by that flow, is registered over this one now: they are expected here. `listens`: where its Contact says, for all
    /// that it sends from here. What proxies have recorded, and where the registrar has it, stays the way.
    pub fn follow(&mut self, flow: &Flow, listens: bool) {
        let stays = self.reach != Reach::Flow || !self.routes.is_empty() || self.registered().is_some();
        if !stays && (flow.transport.is_secure() || !self.is_secure()) {
            self.listens = listens;
            self.go_over(flow);
        }
    }

    fn go_over(&mut self, flow: &Flow) {
        self.flow = *flow;
        if self.reach == Reach::Flow {
            self.settle_next_hop();
        }
    }

    /// Takes the target that a response to a re-INVITE or UPDATE of ours brings (RFC 3261 §12.2.1.2).
    pub fn refresh(&mut self, message: &Message) {
        if let Ok(Some(contact)) = message.contact() {
            self.target = contact.uri().to_uri();
        }
        self.note_allow(message);
        self.settle_next_hop();
    }

    fn write(&self, method: &Method, cseq: u32, hops: u8) -> RequestWriter {
        let DialogId { call_id, local_tag, remote_tag } = &self.id;
        let Way { target, routes, .. } = self.way();
        let (request_uri, routes) = routes.apply(target.as_str());
        let mut writer = RequestWriter::new(method, request_uri).header(Header::MaxForwards, hops);
        for route in routes {
            writer = writer.header(Header::Route, route);
        }
        writer = writer.header(Header::From, (self.local.as_str(), ";tag=", local_tag));
        writer = match remote_tag {
            Some(tag) => writer.header(Header::To, (self.remote.as_str(), ";tag=", tag)),
            None => writer.header(Header::To, self.remote.as_str()),
        };
        writer.header(Header::CallId, call_id).header(Header::CSeq, (cseq, " ", method))
    }

    fn note_allow(&mut self, message: &Message) {
        if message.header(Header::Allow).is_some() {
            self.allows_update = message.allow().any(|method| method == Method::Update);
            self.allows_info = message.allow().any(|method| method == Method::Info);
        }
    }

    fn settle_next_hop(&mut self) {
        let Way { target, routes, flow, listens } = self.way();
        self.next_hop = match (self.reach, routes.first()) {
            (Reach::Flow, None) => {
                let mut back = Destination::flow(flow);
                if let (true, Some(remote)) = (listens, listens_at(target.borrow(), flow.remote)) {
                    back.remote = remote;
                }
                NextHop::Address(back)
            }
            // Proxies before it sent what it sent: the recorded route says at which port they listen, never another host, which anybody who
            // may call would else have us send to. A name is that of who sent.
            (Reach::Flow, Some(proxy)) => match NextHop::of_uri(proxy, flow, None) {
                NextHop::Address(to)
                    if to.remote.ip().to_canonical() == flow.remote.ip().to_canonical()
                        && (to.transport.is_secure() || !self.is_secure()) =>
                {
                    NextHop::Address(to)
                }
                _ => NextHop::Address(Destination::flow(flow)),
            },
            (Reach::Uri(trunk), proxy) => {
                let (uri, secure) = (proxy.unwrap_or(target.borrow()), self.is_secure());
                NextHop::of_uri_as(uri, flow, Some(trunk), secure || target.borrow().scheme() == Scheme::Sips)
            }
        };
    }
}

/// Somebody where its messages come from.
fn target_at(address: &NameAddr<'_>, flow: &Flow) -> Uri {
    let (user, remote) = (address.uri().user_decoded(), flow.remote);
    let host = remote.ip().to_canonical().to_string();
    Uri::sip(Scheme::Sip, user.as_deref(), &host, Some(remote.port())).unwrap_or_else(|| address.uri().to_uri())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{ConnectionId, ListenerId};
    use crate::trunk::TrunkId;
    use bytes::Bytes;

    fn flow(transport: Transport, connection: u64) -> Flow {
        Flow {
            transport,
            listener: ListenerId(1),
            local: "192.0.2.1:5061".parse().unwrap(),
            remote: "198.51.100.7:41234".parse().unwrap(),
            connection: Some(ConnectionId(connection)),
        }
    }

    fn message(method: &str, cseq: u32, headers: &str) -> Message {
        Message::parse_datagram(Bytes::from(format!(
            "{method} sips:b@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TLS 198.51.100.7;branch=z9hG4bK{cseq}\r\nFrom: <sip:a@h>;tag=1\r\n\
             To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: {cseq} {method}\r\nContact: <sips:a@198.51.100.7>\r\n{headers}\r\n"
        )))
        .unwrap()
    }

    #[test]
    fn a_dialog_that_was_begun_by_sips_goes_by_nothing_in_clear() {
        let tls = flow(Transport::Tls, 1);
        let dialog = |reach, contact: &str, route: &str| {
            let headers = if route.is_empty() { String::new() } else { format!("Record-Route: <{route};lr>\r\n") };
            Dialog::of_request(&message("INVITE", 1, &headers), Tag::of_random(1), &tls, reach, contact).unwrap()
        };
        for (contact, moved) in [("<sips:192.0.2.1>", false), ("<sip:192.0.2.1:5061;transport=tls>", true)] {
            let mut dialog = dialog(Reach::Flow, contact, "");
            dialog.receive(&message("UPDATE", 2, ""), &flow(Transport::Tcp, 2)).unwrap();
            assert_eq!(dialog.flow().transport == Transport::Tcp, moved, "{contact}");
            dialog.receive(&message("UPDATE", 3, ""), &flow(Transport::Tls, 3)).unwrap();
            assert_eq!(dialog.flow(), &flow(Transport::Tls, 3), "another connection by TLS is as good");
        }
        for (reach, route, next) in [
            (Reach::Flow, "sip:198.51.100.7:5070;transport=tcp", "tls 198.51.100.7:41234"),
            (Reach::Flow, "sips:198.51.100.7:5071", "tls 198.51.100.7:5071"),
            (Reach::Uri(TrunkId(0)), "sip:198.51.100.9:5070;transport=tcp", "tls 198.51.100.9:5070"),
            (Reach::Uri(TrunkId(0)), "", "tls 198.51.100.7:5061"),
        ] {
            let dialog = dialog(reach, "<sips:192.0.2.1>", route);
            let to = dialog.next_hop().now();
            assert_eq!(format!("{} {}", to.transport.parameter(), to.remote), next, "{route}");
        }
    }
}
