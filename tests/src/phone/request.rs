//! Requests as a phone keeps them, so that they can be sent again with credentials.

use super::digest::Inputs;
use bytes::Bytes;
use router::Random;
use signaling::message::{Header, Message, Method, RequestWriter};

/// A request without what changes when it is sent again: Via and credentials.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) uri: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) call_id: String,
    pub(crate) cseq: u32,
    pub(crate) routes: Vec<String>,
    pub(crate) contact: Option<String>,
    /// What stands behind it.
    pub(crate) contact_parameters: String,
    pub(crate) max_forwards: u8,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<(&'static str, Vec<u8>)>,
    /// The header and value that answer a challenge.
    pub(crate) credentials: Option<(Header, String)>,
}

impl Request {
    pub(crate) fn write(&self, transport: &str, sent_by: &str, branch: &str) -> Bytes {
        let mut writer = RequestWriter::new(&self.method, &self.uri)
            .header(Header::Via, format_args!("SIP/2.0/{transport} {sent_by};branch={branch};rport"))
            .header(Header::MaxForwards, self.max_forwards)
            .header(Header::From, &self.from)
            .header(Header::To, &self.to)
            .header(Header::CallId, &self.call_id)
            .header(Header::CSeq, format_args!("{} {}", self.cseq, self.method));
        for route in &self.routes {
            writer = writer.header(Header::Route, route);
        }
        if let Some(contact) = &self.contact {
            writer = writer.header(Header::Contact, format_args!("<{contact}>{}", self.contact_parameters));
        }
        if let Some((header, value)) = &self.credentials {
            writer = writer.header(*header, value);
        }
        for (name, value) in &self.headers {
            writer = writer.header(name.as_str(), value);
        }
        match &self.body {
            Some((content_type, body)) => writer.body(content_type, body),
            None => writer.finish(),
        }
    }
}

/// What a server said last about digests.
#[derive(Clone, Debug)]
pub(crate) struct Challenged {
    realm: String,
    nonce: String,
    algorithm: Option<String>,
    opaque: Option<String>,
    counts: bool,
    answer_in: Header,
    count: u32,
}

impl Challenged {
    /// The first challenge of a 401 or 407 that this phone understands.
    pub(crate) fn of(response: &Message) -> Option<Self> {
        let (asks, answer_in) = match response.status()?.code() {
            401 => (Header::WwwAuthenticate, Header::Authorization),
            407 => (Header::ProxyAuthenticate, Header::ProxyAuthorization),
            _ => return None,
        };
        let known = |name: &str| ["MD5", "SHA-256"].iter().any(|known| known.eq_ignore_ascii_case(name));
        let challenge = response.challenges(asks).find(|challenge| challenge.algorithm.is_none_or(known))?;
        Some(Self {
            realm: challenge.realm.to_owned(),
            nonce: challenge.nonce.to_owned(),
            algorithm: challenge.algorithm.map(str::to_owned),
            opaque: challenge.opaque.map(str::to_owned),
            counts: challenge.offers_qop("auth"),
            answer_in,
            count: 0,
        })
    }

    /// The header that answers it.
    pub(crate) fn answer(
        &mut self,
        user: &str,
        password: &str,
        method: &Method,
        uri: &str,
        random: &mut Random,
    ) -> (Header, String) {
        self.count += 1;
        let (count, client) = (format!("{:08x}", self.count), format!("{:016x}", random.next_u64()));
        let inputs = Inputs {
            algorithm: self.algorithm.as_deref().unwrap_or("MD5"),
            user,
            realm: &self.realm,
            password,
            method: method.as_str(),
            uri,
            nonce: &self.nonce,
            counted: self.counts.then_some((&count, &client)),
        };
        let response = inputs.response().unwrap_or_default();
        let mut value = format!(
            "Digest username=\"{user}\", realm=\"{}\", nonce=\"{}\", uri=\"{uri}\", response=\"{response}\"",
            self.realm, self.nonce
        );
        if let Some(algorithm) = &self.algorithm {
            value.push_str(&format!(", algorithm={algorithm}"));
        }
        if let Some(opaque) = &self.opaque {
            value.push_str(&format!(", opaque=\"{opaque}\""));
        }
        if self.counts {
            value.push_str(&format!(", qop=auth, nc={count}, cnonce=\"{client}\""));
        }
        (self.answer_in, value)
    }
}

/// Whether a request answers the challenge of [`challenge`] rightly.
pub(crate) fn is_answered(request: &Message, user: &str, password: &str, nonce: &str) -> bool {
    let Some(given) = request.credentials(Header::ProxyAuthorization).next() else { return false };
    let counted = given.nonce_count.zip(given.cnonce);
    let inputs = Inputs {
        algorithm: given.algorithm.unwrap_or("MD5"),
        user,
        realm: given.realm,
        password,
        method: request.method().map_or("", Method::as_str),
        uri: given.uri,
        nonce,
        counted,
    };
    given.username == user && given.nonce == nonce && inputs.response().as_deref() == Some(given.response)
}

/// The value of Proxy-Authenticate.
pub(crate) fn challenge(realm: &str, nonce: &str) -> String {
    format!("Digest realm=\"{realm}\", nonce=\"{nonce}\", qop=\"auth\", algorithm=MD5")
}
