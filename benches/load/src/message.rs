//! SIP text as far as a load generator must read it (RFC 3261 §7, §19, §20). Everything borrows from the datagram.

use crate::limits::HEADERS_MAX;
use smallvec::SmallVec;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// A header's name and its compact form (RFC 3261 §7.3.3), empty where it has none.
#[derive(Debug, Clone, Copy)]
pub struct Name {
    long: &'static str,
    compact: &'static str,
}

/// Via.
pub const VIA: Name = Name { long: "Via", compact: "v" };
/// From.
pub const FROM: Name = Name { long: "From", compact: "f" };
/// To.
pub const TO: Name = Name { long: "To", compact: "t" };
/// Call-ID.
pub const CALL_ID: Name = Name { long: "Call-ID", compact: "i" };
/// CSeq.
pub const CSEQ: Name = Name { long: "CSeq", compact: "" };
/// Contact.
pub const CONTACT: Name = Name { long: "Contact", compact: "m" };
/// Record-Route.
pub const RECORD_ROUTE: Name = Name { long: "Record-Route", compact: "" };
/// Content-Length.
pub const CONTENT_LENGTH: Name = Name { long: "Content-Length", compact: "l" };
/// WWW-Authenticate.
pub const WWW_AUTHENTICATE: Name = Name { long: "WWW-Authenticate", compact: "" };
/// Proxy-Authenticate.
pub const PROXY_AUTHENTICATE: Name = Name { long: "Proxy-Authenticate", compact: "" };

/// The first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartLine<'a> {
    /// A request.
    Request {
        /// The method, case-sensitive.
        method: &'a str,
    },
    /// A response.
    Response {
        /// 100 to 699.
        status: u16,
    },
}

/// A message, its headers in order of arrival.
#[derive(Debug)]
pub struct Message<'a> {
    /// What it is.
    pub start: StartLine<'a>,
    headers: SmallVec<[(&'a str, &'a str); 24]>,
    /// What follows the empty line, as far as Content-Length says.
    pub body: &'a str,
}

impl<'a> Message<'a> {
    /// Reads a datagram. `None` where it is no SIP message, has too many headers, or is shorter than its Content-Length says.
    pub fn parse(text: &'a str) -> Option<Message<'a>> {
        let text = text.trim_start_matches(['\r', '\n']);
        let (head, body) = match text.find("\r\n\r\n") {
            Some(end) => (&text[..end], &text[end + 4..]),
            None => (text.trim_end_matches(['\r', '\n']), ""),
        };
        let (first, rest) = head.split_once("\r\n").unwrap_or((head, ""));
        let mut message = Message { start: start_line(first)?, headers: SmallVec::new(), body };
        let mut position = 0;
        while position < rest.len() {
            let mut end = line_end(rest, position);
            while rest[end..].starts_with("\r\n ") || rest[end..].starts_with("\r\n\t") {
                end = line_end(rest, end + 2); // a folded line belongs to the one before it
            }
            if let Some((name, value)) = rest[position..end].split_once(':') {
                if message.headers.len() == HEADERS_MAX {
                    return None;
                }
                message.headers.push((name.trim(), value.trim()));
            }
            position = end + 2;
        }
        if let Some(length) = message.header(CONTENT_LENGTH) {
            message.body = body.get(..length.parse::<usize>().ok()?)?;
        }
        Some(message)
    }

    /// The first header of a name.
    pub fn header(&self, name: Name) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Every header line of a name.
    pub fn all(&self, name: Name) -> impl Iterator<Item = &'a str> + '_ {
        self.headers.iter().filter_map(move |(n, value)| {
            let same =
                n.eq_ignore_ascii_case(name.long) || (!name.compact.is_empty() && n.eq_ignore_ascii_case(name.compact));
            same.then_some(*value)
        })
    }

    /// Every value of a list header, over all its lines.
    pub fn values(&self, name: Name) -> impl Iterator<Item = &'a str> + '_ {
        self.all(name).flat_map(list)
    }

    /// Number and method.
    pub fn cseq(&self) -> Option<(u32, &'a str)> {
        let (number, method) = self.header(CSEQ)?.split_once([' ', '\t'])?;
        Some((number.parse().ok()?, method.trim()))
    }

    /// The branch of the topmost Via.
    pub fn branch(&self) -> Option<&'a str> {
        parameter(self.values(VIA).next()?, "branch")
    }

    /// The tag of a From or To.
    pub fn tag(&self, name: Name) -> Option<&'a str> {
        parameter(self.header(name)?, "tag")
    }

    /// The URI of the first Contact.
    pub fn contact(&self) -> Option<&'a str> {
        self.values(CONTACT).next().map(uri)
    }
}

fn line_end(text: &str, from: usize) -> usize {
    text[from..].find("\r\n").map_or(text.len(), |found| from + found)
}

fn start_line(line: &str) -> Option<StartLine<'_>> {
    if let Some(rest) = line.strip_prefix("SIP/2.0 ") {
        let status = rest.get(..3)?.parse().ok().filter(|status| (100..700).contains(status))?;
        return Some(StartLine::Response { status });
    }
    let mut words = line.split(' ');
    let (method, _uri, version) = (words.next()?, words.next()?, words.next()?);
    (version == "SIP/2.0" && !method.is_empty()).then_some(StartLine::Request { method })
}

/// Splits a header's value at the commas that stand outside quotation marks and angle brackets.
pub fn list(value: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped, mut bracketed) = (false, false, false);
    value
        .split(move |c: char| {
            if escaped {
                escaped = false;
                return false;
            }
            match c {
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                '<' if !quoted => bracketed = true,
                '>' if !quoted => bracketed = false,
                ',' => return !quoted && !bracketed,
                _ => {}
            }
            false
        })
        .map(str::trim)
        .filter(|element| !element.is_empty())
}

/// The URI of a name-addr or addr-spec.
pub fn uri(value: &str) -> &str {
    match (value.find('<'), value.find('>')) {
        (Some(open), Some(close)) if open < close => &value[open + 1..close],
        _ => value.split(';').next().unwrap_or(value).trim(),
    }
}

/// A parameter of the header (not of a URI in angle brackets); empty for one without a value.
pub fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let after = value.rfind('>').map_or(value, |close| &value[close + 1..]);
    after.split(';').skip(1).find_map(|part| {
        let (n, v) = part.split_once('=').unwrap_or((part, ""));
        n.trim().eq_ignore_ascii_case(name).then_some(v.trim())
    })
}

/// The address of a SIP URI whose host is an IP literal, 5060 by default.
pub fn address_of(uri: &str) -> Option<SocketAddr> {
    let rest = uri.split_once(':')?.1;
    let rest = rest.split(['?', ';']).next()?;
    host_port(rest.rsplit_once('@').map_or(rest, |(_, host)| host), 5060)
}

/// `host[:port]` where the host is an IP literal.
pub fn host_port(text: &str, default_port: u16) -> Option<SocketAddr> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        let port = port.strip_prefix(':').map_or(Some(default_port), |p| p.parse().ok())?;
        return Some(SocketAddr::new(IpAddr::V6(host.parse::<Ipv6Addr>().ok()?), port));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (text, default_port),
    };
    Some(SocketAddr::new(host.parse().ok()?, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &str = "SIP/2.0 200 OK\r\nv: SIP/2.0/UDP 127.0.0.1:15060;branch=z9hG4bK-1;rport=15060, SIP/2.0/UDP b\r\n\
        Record-Route: <sip:127.0.0.1;lr>,\r\n <sip:10.0.0.1:5070;lr>\r\nf: \"A, <b>\" <sip:a@b>;tag=x\r\nT: <sip:c@d;tag=no>;Tag=y\r\n\
        Call-ID: 1@x\r\nCSeq: 7  BYE\r\nContact: <sip:u@[::1]:5062;x=1>;expires=5\r\nContent-Length: 2\r\n\r\nabcd";

    #[test]
    fn reads_compact_folded_and_listed_headers() {
        let message = Message::parse(OK).unwrap();
        assert_eq!(message.start, StartLine::Response { status: 200 });
        assert_eq!(message.branch(), Some("z9hG4bK-1"));
        assert_eq!(message.values(VIA).count(), 2);
        assert_eq!(message.tag(FROM), Some("x"));
        assert_eq!(message.tag(TO), Some("y"));
        assert_eq!(message.cseq(), Some((7, "BYE")));
        assert_eq!(message.body, "ab");
        let routes: Vec<_> = message.values(RECORD_ROUTE).map(uri).map(address_of).collect();
        assert_eq!(routes, ["127.0.0.1:5060".parse().ok(), "10.0.0.1:5070".parse().ok()]);
        assert_eq!(message.contact().and_then(address_of), "[::1]:5062".parse().ok());
    }

    #[test]
    fn refuses_what_is_no_message() {
        for text in
            ["", "\r\n\r\n", "INVITE sip:a@b\r\n\r\n", "SIP/2.0 99 X\r\n\r\n", "SIP/2.0 2\r\n\r\n", "SIP/2.0 é0 x"]
        {
            assert!(Message::parse(text).is_none(), "{text:?}");
        }
        assert!(Message::parse("OPTIONS sip:a SIP/2.0\r\nl: 18446744073709551615\r\n\r\n").is_none());
        assert!(Message::parse("OPTIONS sip:a SIP/2.0\r\nl: 3\r\n\r\nab").is_none());
        let many = format!("OPTIONS sip:a SIP/2.0\r\n{}\r\n", "X: y\r\n".repeat(HEADERS_MAX + 1));
        assert!(Message::parse(&many).is_none());
    }

    #[test]
    fn an_escaped_quotation_mark_does_not_end_the_quotation() {
        let parts: Vec<_> = list(r#""a\", b" <sip:x>, <sip:y,z>"#).collect();
        assert_eq!(parts, [r#""a\", b" <sip:x>"#, "<sip:y,z>"]);
    }
}
