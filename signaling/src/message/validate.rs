//! The verdict of RFC 3261 on a message (§8.1.3, §8.2, §16.3, §18.3), in two steps that transports and user agents
//! both use: [`Message::validate`] asks whether the message is well-formed, [`Message::screen`] whether this server
//! can do what it asks for.

use super::Message;
use super::fault::{Defect, Fault};
use super::header::{Header, HeaderName};
use super::method::Method;
use super::start_line::{RequestForm, StartLine};
use super::uri::Scheme;
use super::via::{self, Via};
use crate::limits;
use router::emergency::is_service;

/// Headers that stand at most once in a message (RFC 3261 §7.3.1 and §20), and whose repetition would leave open
/// which one holds.
const SINGLE: [Header; 10] = [
    Header::From,
    Header::To,
    Header::CallId,
    Header::CSeq,
    Header::MaxForwards,
    Header::ContentLength,
    Header::ContentType,
    Header::Expires,
    Header::Event,
    Header::RAck,
];

/// What a server can do, to [`Message::screen`] requests by.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities<'a> {
    /// The methods that are served.
    pub methods: &'a [Method],
    /// The schemes of a Request-URI that are served.
    pub schemes: &'a [Scheme],
    /// The option tags that a Require may name.
    pub extensions: &'a [&'a str],
    /// The types of body that are understood, such as `application/sdp`; `multipart/mixed` stands for every multipart.
    pub content_types: &'a [&'a str],
    /// The types of body that an answer to an INVITE can have.
    pub answers: &'a [&'a str],
}

impl Message {
    /// Whether the message is one that RFC 3261 lets be processed.
    ///
    /// A response with a fault is dropped, and so are an ACK, to which nothing may be answered, and a request whose
    /// topmost Via names no host, for which there is no way back.
    ///
    /// # Errors
    /// The first fault found, with what to do about it.
    pub fn validate(&self) -> Result<(), Fault> {
        self.check().map_err(|defect| self.fault(defect))
    }

    /// Whether the server can do what a valid request asks for (RFC 3261 §8.2.1 to §8.2.3): the method (501, 405), the
    /// scheme of the Request-URI (416), required extensions (420; not for ACK and CANCEL), the body's type and encoding
    /// (415) and what the peer accepts (406). A response always passes.
    ///
    /// # Errors
    /// The first of these that fails, in the order of §8.2.
    pub fn screen(&self, capabilities: &Capabilities<'_>) -> Result<(), Fault> {
        let Some(method) = self.method() else { return Ok(()) };
        self.check_capabilities(method, capabilities).map_err(|defect| self.fault(defect))
    }

    /// What is to be done about a defect of this message: reply, or drop what cannot be answered.
    pub fn fault(&self, defect: Defect) -> Fault {
        let has_way_back = self.header(Header::Via).is_some_and(Via::names_sender);
        let answerable = self.is_request() && !self.is(&Method::Ack) && has_way_back;
        if answerable { Fault::Reply { status: defect.status(), defect } } else { Fault::Drop(defect) }
    }

    fn check(&self) -> Result<(), Defect> {
        self.check_start_line()?;
        self.check_counts()?;
        self.defect.clone().map_or(Ok(()), Err)?;
        self.check_vias()?;
        self.check_parties()?;
        self.call_id()?;
        let cseq = self.cseq()?;
        if self.method().is_some_and(|method| *method != cseq.method) {
            return Err(Defect::MethodMismatch);
        }
        if self.is_request() {
            // A Request-URI has no headers (RFC 3261 §19.1.1 table 1); RFC 4475 §3.1.2.11 refuses one that does.
            if !self.request_uri()?.headers_text().is_empty() {
                return Err(Defect::RequestUri);
            }
            self.max_forwards()?;
        }
        self.check_addresses()?;
        self.content_type()?;
        Ok(())
    }

    fn check_start_line(&self) -> Result<(), Defect> {
        match &self.start {
            StartLine::Request { form: RequestForm::OtherVersion, .. } => Err(Defect::Version),
            StartLine::Request { form: RequestForm::Loose, .. } => Err(Defect::StartLine),
            // RFC 3261 §21.4.12; the same URI in To is not what is at fault.
            StartLine::Request { uri: (start, end), .. } if usize::from(end - start) > limits::URI_OCTETS_MAX => {
                Err(Defect::RequestUriTooLong)
            }
            StartLine::Request { .. } | StartLine::Status { .. } => Ok(()),
        }
    }

    fn check_counts(&self) -> Result<(), Defect> {
        let mut seen = [false; SINGLE.len()];
        for line in &self.lines {
            let Some(header) = line.header else { continue };
            if let Some(index) = SINGLE.iter().position(|single| *single == header) {
                if seen[index] {
                    return Err(Defect::Repeated(header));
                }
                seen[index] = true;
            }
        }
        Ok(())
    }

    fn check_vias(&self) -> Result<(), Defect> {
        self.via()?;
        let mut below = self.values(Header::Via).skip(1);
        for _ in 1..=limits::VIA_VALUES_MAX {
            match below.next() {
                None => return Ok(()),
                Some(value) if via::Layout::of(value).is_none() => return Err(Defect::Malformed(Header::Via)),
                Some(_) => {}
            }
        }
        Err(Defect::TooManyHops)
    }

    /// The addresses that requests are routed by. Those that only inform, such as P-Asserted-Identity, are for their
    /// reader to judge.
    fn check_addresses(&self) -> Result<(), Defect> {
        for header in [Header::Route, Header::RecordRoute, Header::Path] {
            // A response is not dropped for a proxy's scrawl: the call is up, and what can be read is the way there.
            if header == Header::RecordRoute && !self.is_request() {
                continue;
            }
            self.addresses(header).try_for_each(|address| address.map(|_| ()))?;
        }
        // `*` is for a registrar alone (RFC 3261 §10.2.2).
        if self.contact_is_star() && self.is_request() && !self.is(&Method::Register) {
            return Err(Defect::Malformed(Header::Contact));
        }
        // Nor for its author's: whoever has answered is acknowledged, and may be hung up.
        if !self.is_request() {
            return Ok(());
        }
        self.contacts().try_for_each(|contact| contact.map(|_| ()))
    }

    fn check_capabilities(&self, method: &Method, capabilities: &Capabilities<'_>) -> Result<(), Defect> {
        if !capabilities.methods.contains(method) {
            return Err(if method.is_registered() { Defect::MethodNotAllowed } else { Defect::MethodUnknown });
        }
        let uri = self.request_uri()?;
        // RFC 5031: who serves calls serves these, whatever else it may be called by.
        let is_emergency = *method == Method::Invite && is_service(uri.as_str());
        if !capabilities.schemes.contains(&uri.scheme()) && !is_emergency {
            return Err(Defect::Scheme);
        }
        // RFC 3261 §10.2: the address of record is a SIP or SIPS URI (RFC 4475 §3.3.4).
        if *method == Method::Register && !self.to()?.uri().scheme().is_sip() {
            return Err(Defect::Malformed(Header::To));
        }
        if !matches!(method, Method::Ack | Method::Cancel) {
            self.check_extensions(capabilities)?;
        }
        self.check_parts(capabilities.content_types)?;
        if *method == Method::Invite && self.header(Header::Accept).is_some() {
            let accepted = |answer: &&str| self.tokens(Header::Accept).any(|range| accepts(range, answer));
            if !capabilities.answers.iter().any(accepted) {
                return Err(Defect::NotAcceptable);
            }
        }
        Ok(())
    }

    /// RFC 3261 §8.2.2.3.
    fn check_extensions(&self, capabilities: &Capabilities<'_>) -> Result<(), Defect> {
        let mut unsupported = String::new();
        for option in self.require() {
            if !capabilities.extensions.iter().any(|known| known.eq_ignore_ascii_case(option)) {
                if !unsupported.is_empty() {
                    unsupported.push_str(", ");
                }
                unsupported.push_str(option);
            }
        }
        if unsupported.is_empty() { Ok(()) } else { Err(Defect::Extensions(unsupported)) }
    }

    /// Whether a response came back to whoever sent the request: the topmost Via's sent-by must be ours
    /// (RFC 3261 §18.1.2), and no other Via may be left, since here every request starts or ends (§8.1.3.3). `sent_by`
    /// says which host and port is ours.
    ///
    /// # Errors
    /// [`Fault::Drop`].
    pub fn screen_response(&self, sent_by: impl Fn(&Via<'_>) -> bool) -> Result<(), Fault> {
        let via = self.via().map_err(Fault::Drop)?;
        match self.values(Header::Via).nth(1) {
            None if sent_by(&via) => Ok(()),
            None => Err(Fault::Drop(Defect::Malformed(Header::Via))),
            Some(_) => Err(Fault::Drop(Defect::Repeated(Header::Via))),
        }
    }
}

impl Capabilities<'_> {
    /// The header that tells the peer what would have been accepted (RFC 3261 §8.2.1 to §8.2.3 and §21.4): Allow with
    /// 405, Unsupported with 420, Accept and Accept-Encoding with 415. `None` where none is asked for.
    pub fn explain(&self, defect: &Defect) -> Option<(HeaderName<'static>, String)> {
        match defect {
            Defect::MethodUnknown | Defect::MethodNotAllowed => Some((Header::Allow.into(), self.allow())),
            Defect::Extensions(unsupported) => Some((Header::Unsupported.into(), unsupported.clone())),
            Defect::ContentType => Some((Header::Accept.into(), self.content_types.join(", "))),
            Defect::ContentEncoding => Some((Header::AcceptEncoding.into(), "identity".to_owned())),
            _ => None,
        }
    }

    /// The value of Allow.
    pub fn allow(&self) -> String {
        self.methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// A media type without white space about its slash (`text / plain` is one, RFC 3261 §25.1).
fn media_type(text: &str) -> String {
    text.chars().filter(|character| !character.is_ascii_whitespace()).collect()
}

/// Whether an Accept value (`*/*`, `application/*`, `application/sdp;q=0.5`) covers a media type. `q=0` refuses it
/// (RFC 9110 §12.4.2).
fn accepts(range: &str, kind: &str) -> bool {
    let (range, parameters) = range.split_once(';').unwrap_or((range, ""));
    let refused = parameters
        .split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .any(|(name, q)| name.trim().eq_ignore_ascii_case("q") && super::name_addr::parse_q(q.trim()) == Some(0));
    let range = media_type(range);
    let covers = match range.strip_suffix("/*") {
        Some("*") => true,
        Some(family) => kind.split_once('/').is_some_and(|(kind, _)| kind.eq_ignore_ascii_case(family)),
        None => range.eq_ignore_ascii_case(kind),
    };
    covers && !refused
}
