//! Request line and status line (RFC 3261 §7.1 and §7.2).

use super::grammar;
use super::method::Method;
use super::status::StatusCode;

/// The start line as it is kept: what was recognised, and where the rest lies in the message.
#[derive(Clone, Debug)]
pub(super) enum StartLine {
    /// `Method SP Request-URI SP SIP-Version`.
    Request {
        method: Method,
        /// Where the Request-URI lies.
        uri: (u16, u16),
        form: RequestForm,
    },
    /// `SIP-Version SP Status-Code SP Reason-Phrase`.
    Status {
        status: StatusCode,
        /// Where the reason phrase lies.
        reason: (u16, u16),
    },
}

/// How well-formed a request line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestForm {
    /// Of the grammar, SIP/2.0.
    Good,
    /// Of the grammar, another version.
    OtherVersion,
    /// Recognisable, with spaces too many or without a version.
    Loose,
}

impl StartLine {
    /// Reads the line that lies at `start` of the message. `None` if it is neither form.
    pub(super) fn parse(line: &[u8], start: usize) -> Option<StartLine> {
        if line.len() >= 4 && line[..4].eq_ignore_ascii_case(b"SIP/") {
            parse_status(line, start)
        } else {
            parse_request(line, start)
        }
    }
}

/// The reason phrase may be empty; even the space before it is missing from some senders.
fn parse_status(line: &[u8], start: usize) -> Option<StartLine> {
    let rest = line.get(..8).filter(|version| version.eq_ignore_ascii_case(b"SIP/2.0 ")).map(|_| &line[8..])?;
    let digits = rest.get(..3)?;
    if !matches!(rest.get(3), None | Some(b' ')) {
        return None;
    }
    let status = StatusCode::new(grammar::number(digits)?)?;
    let reason = 12.min(line.len());
    Some(StartLine::Status { status, reason: ((start + reason) as u16, (start + line.len()) as u16) })
}

fn parse_request(line: &[u8], start: usize) -> Option<StartLine> {
    let method_end = grammar::skip_token(line, 0);
    if method_end == 0 || !matches!(line.get(method_end), Some(b' ' | b'\t')) {
        return None;
    }
    let method = Method::parse(&line[..method_end])?;
    let trimmed = grammar::trim(line).len();
    let last_space = line[..trimmed].iter().rposition(|&octet| octet == b' ' || octet == b'\t')?;
    let version = &line[last_space + 1..trimmed];
    let is_version = version.len() >= 4 && version[..4].eq_ignore_ascii_case(b"SIP/");
    let uri_end = if is_version { last_space } else { trimmed };
    let uri_start = grammar::skip_space(line, method_end).min(uri_end.max(method_end + 1));
    let uri = line.get(uri_start..uri_end).unwrap_or_default();
    let strict = is_version
        && trimmed == line.len()
        && line[method_end] == b' '
        && uri_start == method_end + 1
        && !uri.is_empty()
        && !uri.iter().any(|octet| b" \t\r".contains(octet));
    let form = if !strict {
        RequestForm::Loose
    } else if version.eq_ignore_ascii_case(b"SIP/2.0") {
        RequestForm::Good
    } else {
        RequestForm::OtherVersion
    };
    let uri_end = uri_start + grammar::trim(uri).len();
    Some(StartLine::Request { method, uri: ((start + uri_start) as u16, (start + uri_end) as u16), form })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(line: &str) -> Option<RequestForm> {
        match StartLine::parse(line.as_bytes(), 0)? {
            StartLine::Request { form, .. } => Some(form),
            StartLine::Status { .. } => None,
        }
    }

    #[test]
    fn request_lines() {
        assert_eq!(form("INVITE sip:u@h SIP/2.0"), Some(RequestForm::Good));
        assert_eq!(form("OPTIONS sip:u@h SIP/7.0"), Some(RequestForm::OtherVersion));
        for loose in [
            "INVITE  sip:u@h  SIP/2.0",
            "INVITE sip:u@h SIP/2.0  ",
            "INVITE sip:u@h; lr SIP/2.0",
            "INVITE sip:u@h",
            "INVITE SIP/2.0",
            "INVITE  ",
            "INVITE\tsip:u@h SIP/2.0",
        ] {
            assert!(matches!(form(loose), None | Some(RequestForm::Loose)), "{loose}");
        }
        assert!(StartLine::parse(b"INVITE", 0).is_none());
        assert!(StartLine::parse(b"\"x\" sip:u@h SIP/2.0", 0).is_none());
    }

    #[test]
    fn status_lines() {
        for (line, code) in
            [("SIP/2.0 200 OK", 200), ("SIP/2.0 100 ", 100), ("SIP/2.0 486", 486), ("sip/2.0 699 x", 699)]
        {
            let read = StartLine::parse(line.as_bytes(), 0);
            assert!(matches!(read, Some(StartLine::Status { status, .. }) if status.code() == code), "{line}");
        }
        for bad in
            ["SIP/2.0 4294967301 x", "SIP/2.0 099 x", "SIP/2.0 700 x", "SIP/3.0 200 OK", "SIP/2.0  200 OK", "SIP/2.0"]
        {
            assert!(StartLine::parse(bad.as_bytes(), 0).is_none(), "{bad}");
        }
    }
}
