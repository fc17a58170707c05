//! Typed, lazy access to what a [`Message`] holds.
//!
//! The required headers come as `Result`: absent and malformed are both a [`Defect`]. Optional ones come as
//! `Result<Option<_>>`. Lists iterate over several values on one line and over several lines alike
//! (RFC 3261 §7.3.1), and yield a `Result` for each value.

use bytes::Bytes;
use router::time::Duration;

use super::cseq::{CSeq, RAck};
use super::digest::{AuthFields, Challenge, Credentials};
use super::fault::Defect;
use super::grammar;
use super::header::{Header, HeaderName};
use super::identifier::{Branch, CallId, Tag};
use super::method::Method;
use super::name_addr::NameAddr;
use super::parameters::Parameterized;
use super::start_line::StartLine;
use super::status::StatusCode;
use super::uri::UriRef;
use super::via::Via;
use super::{Address, Line, Message, name_addr, via};

use crate::limits::RETRY_AFTER_MAX;

impl Message {
    /// Whether it is a request.
    pub fn is_request(&self) -> bool {
        matches!(self.start, StartLine::Request { .. })
    }

    /// Whether it is a response.
    pub fn is_response(&self) -> bool {
        !self.is_request()
    }

    /// The method of a request. For a response see [`cseq`](Message::cseq).
    pub fn method(&self) -> Option<&Method> {
        match &self.start {
            StartLine::Request { method, .. } => Some(method),
            StartLine::Status { .. } => None,
        }
    }

    /// Whether it is a request of that method.
    pub fn is(&self, method: &Method) -> bool {
        self.method() == Some(method)
    }

    /// The Request-URI as received.
    pub fn request_uri_raw(&self) -> Option<&[u8]> {
        match &self.start {
            StartLine::Request { uri, .. } => Some(self.slice(*uri)),
            StartLine::Status { .. } => None,
        }
    }

    /// The Request-URI of a request.
    ///
    /// # Errors
    /// [`Defect::RequestUri`] if it is no URI; [`Defect::StartLine`] if the message is a response.
    pub fn request_uri(&self) -> Result<UriRef<'_>, Defect> {
        UriRef::parse(self.request_uri_raw().ok_or(Defect::StartLine)?).ok_or(Defect::RequestUri)
    }

    /// The status of a response.
    pub fn status(&self) -> Option<StatusCode> {
        match &self.start {
            StartLine::Status { status, .. } => Some(*status),
            StartLine::Request { .. } => None,
        }
    }

    /// The reason phrase of a response; octets that are not UTF-8 are replaced.
    pub fn reason(&self) -> Option<std::borrow::Cow<'_, str>> {
        match &self.start {
            StartLine::Status { reason, .. } => Some(String::from_utf8_lossy(self.slice(*reason))),
            StartLine::Request { .. } => None,
        }
    }

    /// All header lines in order, unknown ones included: name and value, the value without surrounding white space
    /// and with folds undone, otherwise as received.
    pub fn headers(&self) -> Headers<'_> {
        Headers { message: self, lines: self.lines.iter() }
    }

    /// The values of all lines of that header, in order, each line as it is.
    pub fn lines<'a>(&'a self, name: impl Into<HeaderName<'a>>) -> impl Iterator<Item = &'a [u8]> + 'a {
        let name = name.into();
        self.lines.iter().filter(move |line| self.line_is(line, name)).map(|line| self.slice(line.value))
    }

    /// The value of the first line of that header.
    pub fn header<'a>(&'a self, name: impl Into<HeaderName<'a>>) -> Option<&'a [u8]> {
        self.lines(name).next()
    }

    /// The value of the first line of that header, if it is UTF-8.
    pub fn text<'a>(&'a self, name: impl Into<HeaderName<'a>>) -> Option<&'a str> {
        std::str::from_utf8(self.header(name)?).ok()
    }

    /// The comma-separated values of all lines of that header. Not for headers that hold commas of their own: Date and
    /// the four of authentication (RFC 3261 §7.3.1).
    pub fn values(&self, header: Header) -> Values<'_> {
        Values { message: self, header, lines: self.lines.iter(), rest: None }
    }

    /// Whether any of the comma-separated values of that header is this token, without case.
    pub fn has_token(&self, header: Header, token: &str) -> bool {
        self.values(header).any(|value| value.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// All Via values, the topmost first.
    pub fn vias(&self) -> Vias<'_> {
        Vias { values: self.values(Header::Via) }
    }

    /// The topmost Via.
    ///
    /// # Errors
    /// If it is absent or malformed.
    pub fn via(&self) -> Result<Via<'_>, Defect> {
        let malformed = Defect::Malformed(Header::Via);
        if let Some((value, layout)) = self.known.via.get() {
            return layout.read(self.slice(value)).ok_or(malformed);
        }
        let value = self.values(Header::Via).next().ok_or(Defect::Missing(Header::Via))?;
        let Some(layout) = via::Layout::of(value) else { return Err(malformed) };
        self.known.via.set(self.place(value).map(|place| (place, layout)));
        layout.read(value).ok_or(malformed)
    }

    /// The branch of the topmost Via as an owned value; `None` if there is none that can be kept.
    pub fn branch(&self) -> Option<Branch> {
        Branch::new(self.via().ok()?.branch()?)
    }

    /// From.
    ///
    /// # Errors
    /// If it is absent or malformed.
    pub fn from(&self) -> Result<NameAddr<'_>, Defect> {
        self.known_address(Header::From).and_then(|address| self.read(address, Header::From))
    }

    /// To.
    ///
    /// # Errors
    /// If it is absent or malformed.
    pub fn to(&self) -> Result<NameAddr<'_>, Defect> {
        self.known_address(Header::To).and_then(|address| self.read(address, Header::To))
    }

    /// The tag of From, as [`NameAddr::tag`] of it, without the rest of the address.
    pub fn from_tag_text(&self) -> Option<&str> {
        self.tag_text(Header::From)
    }

    /// The tag of To, as [`NameAddr::tag`] of it, without the rest of the address: present in every message inside a dialog.
    pub fn to_tag_text(&self) -> Option<&str> {
        self.tag_text(Header::To)
    }

    /// The tag of From as an owned value.
    pub fn from_tag(&self) -> Option<Tag> {
        Tag::new(self.from_tag_text()?)
    }

    /// The tag of To as an owned value: present in every message inside a dialog.
    pub fn to_tag(&self) -> Option<Tag> {
        Tag::new(self.to_tag_text()?)
    }

    /// Whether From and To can be read.
    pub(super) fn check_parties(&self) -> Result<(), Defect> {
        self.known_address(Header::From).and(self.known_address(Header::To)).map(|_| ())
    }

    fn tag_text(&self, header: Header) -> Option<&str> {
        let tag = self.known_address(header).ok()?.tag?;
        std::str::from_utf8(self.slice(tag)).ok()
    }

    /// From or To, read once.
    fn known_address(&self, header: Header) -> Result<Address, Defect> {
        let known = if header == Header::From { &self.known.from } else { &self.known.to };
        if let Some(address) = known.get() {
            return Ok(address);
        }
        let line = self.lines.iter().find(|line| line.header == Some(header)).ok_or(Defect::Missing(header))?;
        let value = self.slice(line.value);
        let read = || {
            let layout = name_addr::Layout::of(value)?;
            layout.read(value)?;
            let tag = layout.tag().map(|(start, end)| (line.value.0 + start, line.value.0 + end));
            Some(Address { value: line.value, layout, tag })
        };
        let address = read().ok_or(Defect::Malformed(header))?;
        known.set(Some(address));
        Ok(address)
    }

    fn read(&self, address: Address, header: Header) -> Result<NameAddr<'_>, Defect> {
        address.layout.read(self.slice(address.value)).ok_or(Defect::Malformed(header))
    }

    /// Where a part of the message lies in it.
    fn place(&self, part: &[u8]) -> Option<(u16, u16)> {
        let start = (part.as_ptr() as usize).checked_sub(self.bytes.as_ptr() as usize)?;
        let end = start + part.len();
        (end <= self.bytes.len()).then_some((u16::try_from(start).ok()?, u16::try_from(end).ok()?))
    }

    /// Call-ID.
    ///
    /// # Errors
    /// If it is absent, malformed, or longer than [`IDENTIFIER_OCTETS_MAX`](crate::limits::IDENTIFIER_OCTETS_MAX).
    pub fn call_id(&self) -> Result<&str, Defect> {
        let value = self.header(Header::CallId).ok_or(Defect::Missing(Header::CallId))?;
        Some(value)
            .filter(|value| value.len() <= crate::limits::IDENTIFIER_OCTETS_MAX && grammar::is_call_id(value))
            .and_then(|value| std::str::from_utf8(value).ok())
            .ok_or(Defect::Malformed(Header::CallId))
    }

    /// Call-ID as an owned value.
    ///
    /// # Errors
    /// As [`call_id`](Message::call_id).
    pub fn call_id_owned(&self) -> Result<CallId, Defect> {
        CallId::new(self.call_id()?).ok_or(Defect::Malformed(Header::CallId))
    }

    /// CSeq.
    ///
    /// # Errors
    /// If it is absent or malformed.
    pub fn cseq(&self) -> Result<CSeq, Defect> {
        let value = self.header(Header::CSeq).ok_or(Defect::Missing(Header::CSeq))?;
        CSeq::parse(value).ok_or(Defect::Malformed(Header::CSeq))
    }

    /// Max-Forwards.
    ///
    /// # Errors
    /// If it is not 0 to 255 (RFC 3261 §20.22).
    pub fn max_forwards(&self) -> Result<Option<u8>, Defect> {
        self.number(Header::MaxForwards)
    }

    /// The addresses of Contact. A lone `*` yields nothing: see [`contact_is_star`](Message::contact_is_star).
    pub fn contacts(&self) -> Addresses<'_> {
        let mut addresses = self.addresses(Header::Contact);
        if self.contact_is_star() {
            addresses.values.lines = [].iter();
        }
        addresses
    }

    /// The first Contact. In a response one that cannot be read is as none.
    ///
    /// # Errors
    /// If it is malformed, in a request.
    pub fn contact(&self) -> Result<Option<NameAddr<'_>>, Defect> {
        match self.contacts().next() {
            Some(Err(_)) if !self.is_request() => Ok(None),
            first => first.transpose(),
        }
    }

    /// Whether Contact is `*`: all bindings of a REGISTER (RFC 3261 §10.2.2).
    pub fn contact_is_star(&self) -> bool {
        self.header(Header::Contact) == Some(b"*")
    }

    /// The Route set, the next hop first.
    pub fn routes(&self) -> Addresses<'_> {
        self.addresses(Header::Route)
    }

    /// The Record-Route set as it stands, the topmost first.
    pub fn record_routes(&self) -> Addresses<'_> {
        self.addresses(Header::RecordRoute)
    }

    /// The Path of a REGISTER (RFC 3327).
    pub fn paths(&self) -> Addresses<'_> {
        self.addresses(Header::Path)
    }

    /// P-Asserted-Identity (RFC 3325).
    pub fn asserted_identities(&self) -> Addresses<'_> {
        self.addresses(Header::PAssertedIdentity)
    }

    /// Refer-To (RFC 3515).
    ///
    /// # Errors
    /// If it is malformed.
    pub fn refer_to(&self) -> Result<Option<NameAddr<'_>>, Defect> {
        self.header(Header::ReferTo).map(|_| self.address(Header::ReferTo)).transpose()
    }

    /// The addresses of any header that is a list of them.
    pub fn addresses(&self, header: Header) -> Addresses<'_> {
        Addresses { values: self.values(header) }
    }

    /// The address of any header that holds exactly one.
    ///
    /// # Errors
    /// If it is absent or malformed.
    pub fn address(&self, header: Header) -> Result<NameAddr<'_>, Defect> {
        NameAddr::parse(self.header(header).ok_or(Defect::Missing(header))?).ok_or(Defect::Malformed(header))
    }

    /// Expires in seconds.
    ///
    /// # Errors
    /// If it is no number below 2^32.
    pub fn expires(&self) -> Result<Option<u32>, Defect> {
        self.number(Header::Expires)
    }

    /// For how long its sender serves nobody, as far as that is heeded (RFC 3261 §20.33); what follows the number is for people.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after_within(RETRY_AFTER_MAX)
    }

    /// The same, heeded for as long as `most`.
    pub fn retry_after_within(&self, most: Duration) -> Option<Duration> {
        let text = self.text(Header::RetryAfter)?.trim_start();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        // A number that is too long to be read is longer than anything that is heeded.
        let seconds = (digits > 0).then(|| text[..digits].parse().unwrap_or(u64::MAX))?;
        Some(Duration::from_secs(seconds.min(most.as_secs())))
    }

    /// A header that is one decimal number: Max-Forwards, Expires, Min-Expires, RSeq, Content-Length.
    ///
    /// # Errors
    /// If it is no number or does not fit `N`.
    pub fn number<N: TryFrom<u64>>(&self, header: Header) -> Result<Option<N>, Defect> {
        match self.header(header) {
            None => Ok(None),
            Some(value) => grammar::number(value).map(Some).ok_or(Defect::Malformed(header)),
        }
    }

    /// Content-Length.
    ///
    /// # Errors
    /// If it is malformed, or stands more than once (RFC 4475 §3.3.9).
    pub fn content_length(&self) -> Result<Option<usize>, Defect> {
        if self.lines(Header::ContentLength).nth(1).is_some() {
            return Err(Defect::Repeated(Header::ContentLength));
        }
        self.number(Header::ContentLength)
    }

    /// A header of one token (or media type, or number) with parameters: Content-Type, Event, Subscription-State,
    /// Session-Expires, Min-SE, Retry-After, Replaces.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn parameterized(&self, header: Header) -> Result<Option<Parameterized<'_>>, Defect> {
        match self.header(header) {
            None => Ok(None),
            Some(value) => Parameterized::parse(value).map(Some).ok_or(Defect::Malformed(header)),
        }
    }

    /// Content-Type.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn content_type(&self) -> Result<Option<Parameterized<'_>>, Defect> {
        self.parameterized(Header::ContentType)
    }

    /// Event (RFC 6665 §8.2.1).
    ///
    /// # Errors
    /// If it is malformed.
    pub fn event(&self) -> Result<Option<Parameterized<'_>>, Defect> {
        self.parameterized(Header::Event)
    }

    /// RAck of a PRACK (RFC 3262 §7.2).
    ///
    /// # Errors
    /// If it is malformed.
    pub fn rack(&self) -> Result<Option<RAck>, Defect> {
        match self.header(Header::RAck) {
            None => Ok(None),
            Some(value) => RAck::parse(value).map(Some).ok_or(Defect::Malformed(Header::RAck)),
        }
    }

    /// RSeq of a reliable provisional response (RFC 3262 §7.1).
    ///
    /// # Errors
    /// If it is no number below 2^32.
    pub fn rseq(&self) -> Result<Option<u32>, Defect> {
        self.number(Header::RSeq)
    }

    /// The option tags of a header: Require, Proxy-Require, Supported, Unsupported, Allow, Allow-Events, Accept, …;
    /// values that are not UTF-8 are passed over.
    pub fn tokens(&self, header: Header) -> impl Iterator<Item = &str> {
        self.values(header).filter_map(|value| std::str::from_utf8(value).ok()).filter(|value| !value.is_empty())
    }

    /// The option tags of Require.
    pub fn require(&self) -> impl Iterator<Item = &str> {
        self.tokens(Header::Require)
    }

    /// The option tags of Supported.
    pub fn supported(&self) -> impl Iterator<Item = &str> {
        self.tokens(Header::Supported)
    }

    /// Whether the peer supports or requires that option tag.
    pub fn supports(&self, option: &str) -> bool {
        self.has_token(Header::Supported, option) || self.has_token(Header::Require, option)
    }

    /// The methods of Allow.
    pub fn allow(&self) -> impl Iterator<Item = Method> {
        self.values(Header::Allow).filter_map(Method::parse)
    }

    /// The Digest credentials of Authorization or Proxy-Authorization; those that are malformed or of another scheme
    /// are passed over, so such a request counts as one without.
    pub fn credentials(&self, header: Header) -> impl Iterator<Item = Credentials<'_>> {
        self.lines(header).filter_map(Credentials::parse)
    }

    /// The first Digest credentials of Authorization.
    pub fn authorization(&self) -> Option<Credentials<'_>> {
        self.credentials(Header::Authorization).next()
    }

    /// The Digest challenges of WWW-Authenticate or Proxy-Authenticate, in the order of the server's preference.
    pub fn challenges(&self, header: Header) -> impl Iterator<Item = Challenge<'_>> {
        self.lines(header).filter_map(Challenge::parse)
    }

    /// The fields of a header of authentication whatever its scheme, Authentication-Info excepted, which has none.
    pub fn auth_fields(&self, header: Header) -> impl Iterator<Item = AuthFields<'_>> {
        self.lines(header).filter_map(AuthFields::parse)
    }

    /// The body, possibly empty. Shares the message's buffer.
    pub fn body(&self) -> Bytes {
        self.bytes.slice(usize::from(self.head)..usize::from(self.body_end))
    }

    /// The body, borrowed.
    pub fn body_octets(&self) -> &[u8] {
        self.slice((self.head, self.body_end))
    }

    /// The message as it was read, head and body, folds undone and without what followed the body.
    pub fn as_bytes(&self) -> &[u8] {
        self.slice((0, self.body_end))
    }

    pub(super) fn slice(&self, (start, end): (u16, u16)) -> &[u8] {
        self.bytes.get(usize::from(start)..usize::from(end)).unwrap_or_default()
    }

    fn line_is(&self, line: &Line, name: HeaderName<'_>) -> bool {
        match name {
            HeaderName::Known(header) => line.header == Some(header),
            HeaderName::Other(name) => {
                line.header.is_none() && self.slice(line.name).eq_ignore_ascii_case(name.as_bytes())
            }
        }
    }
}

/// All header lines of a message, in order.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    message: &'a Message,
    lines: std::slice::Iter<'a, Line>,
}

impl<'a> Iterator for Headers<'a> {
    type Item = (HeaderName<'a>, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.lines.next()?;
        let name = match line.header {
            Some(header) => HeaderName::Known(header),
            // The parser keeps lines whose name is a token, which is ASCII.
            None => HeaderName::Other(std::str::from_utf8(self.message.slice(line.name)).unwrap_or_default()),
        };
        Some((name, self.message.slice(line.value)))
    }
}

/// The comma-separated values of a header, over all of its lines, trimmed, empty ones included.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    message: &'a Message,
    header: Header,
    lines: std::slice::Iter<'a, Line>,
    /// What is left of the line at hand.
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let text = match self.rest.take() {
            Some(rest) => rest,
            None => {
                let header = Some(self.header);
                let line = self.lines.find(|line| line.header == header)?;
                self.message.slice(line.value)
            }
        };
        let (item, rest) = grammar::next_item(text);
        self.rest = rest;
        Some(item)
    }
}

/// Via values, the topmost first.
#[derive(Clone, Debug)]
pub struct Vias<'a> {
    values: Values<'a>,
}

impl<'a> Iterator for Vias<'a> {
    type Item = Result<Via<'a>, Defect>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(Via::parse(self.values.next()?).ok_or(Defect::Malformed(Header::Via)))
    }
}

/// The addresses of a header that lists them.
#[derive(Clone, Debug)]
pub struct Addresses<'a> {
    values: Values<'a>,
}

impl<'a> Iterator for Addresses<'a> {
    type Item = Result<NameAddr<'a>, Defect>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(NameAddr::parse(self.values.next()?).ok_or(Defect::Malformed(self.values.header)))
    }
}
