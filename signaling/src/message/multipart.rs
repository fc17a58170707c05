//! Bodies and their parts (RFC 2046 §5.1, RFC 5621): which of them is the one that a server looks for, and whether there is one
//! that it would have to understand and does not.
//!
//! ```text
//!  multipart/mixed         all of them: the first that is wanted            related     its first: the others are that one's
//!  multipart/alternative   one of them: the last that is understood         any other   as mixed (RFC 2046 §5.1.3)
//! ```

use memchr::memmem;

use super::Message;
use super::fault::Defect;
use super::grammar;
use super::header::Header;
use super::parameters::{Parameterized, unquote};
use crate::limits::{MULTIPART_DEPTH_MAX, PARTS_MAX};

/// Octets of a boundary (RFC 2046 §5.1.1).
const BOUNDARY_OCTETS_MAX: usize = 70;

/// A body, or one part of it, with what its header fields say.
#[derive(Clone, Copy, Debug)]
struct Entity<'a> {
    kind: Option<Parameterized<'a>>,
    disposition: Option<Parameterized<'a>>,
    /// Whether its octets are the content as it is.
    plain: bool,
    octets: &'a [u8],
}

impl Message {
    /// The body, or the part of it, that is of that type and says how the session is to be (RFC 3261 §20.11: `session`, which
    /// is also what no disposition means for it). `None`: there is none, or nothing that could be made out.
    pub fn session_part(&self, kind: &str) -> Option<&[u8]> {
        let entity = Entity::of_message(self).ok()?;
        if entity.octets.is_empty() {
            return None;
        }
        // A body without a type is what everybody sends.
        match entity.kind {
            None => entity.is_for_session().then_some(entity.octets),
            Some(_) => entity.find(kind, 0),
        }
    }

    /// Whether the body is one that a server understands which understands these types; `multipart/mixed` among them stands
    /// for every multipart. What is optional need not be understood (RFC 3261 §8.2.3, §20.11).
    ///
    /// # Errors
    /// [`Defect::ContentType`] or [`Defect::ContentEncoding`] where a part that must be understood is not;
    /// [`Defect::Multipart`] where the parts cannot be told, are too many or lie too deep.
    pub(super) fn check_parts(&self, known: &[&str]) -> Result<(), Defect> {
        let entity = Entity::of_message(self)?;
        if entity.octets.is_empty() || entity.is_optional() { Ok(()) } else { entity.check(known, 0) }
    }
}

impl<'a> Entity<'a> {
    fn of_message(message: &'a Message) -> Result<Self, Defect> {
        Ok(Self {
            kind: message.content_type()?,
            // An empty one says as much as none.
            disposition: match message.header(Header::ContentDisposition) {
                Some(value) if grammar::trim(value).is_empty() => None,
                _ => message.parameterized(Header::ContentDisposition)?,
            },
            plain: message.tokens(Header::ContentEncoding).all(|encoding| encoding.eq_ignore_ascii_case("identity")),
            octets: message.body_octets(),
        })
    }

    /// A part: header lines, an empty line, content. Without header lines it is plain text (RFC 2046 §5.1).
    fn of_part(part: &'a [u8]) -> Result<Self, Defect> {
        let mut entity = Self { kind: None, disposition: None, plain: true, octets: part };
        let mut rest = part;
        loop {
            let end = line_end(rest);
            let line = trim_line(&rest[..end]);
            if line.is_empty() {
                entity.octets = &rest[end..];
                break;
            }
            // A line that goes on in the next one (RFC 5322 §2.2.3).
            let mut end = end;
            while matches!(rest.get(end), Some(b' ' | b'\t')) {
                end += line_end(&rest[end..]);
            }
            entity.note(trim_line(&rest[..end]))?;
            rest = &rest[end..];
        }
        if entity.kind.is_none() {
            entity.kind = Parameterized::parse(b"text/plain");
        }
        Ok(entity)
    }

    fn note(&mut self, line: &'a [u8]) -> Result<(), Defect> {
        let colon = memchr::memchr(b':', line).ok_or(Defect::Multipart)?;
        let (name, value) = (grammar::trim(&line[..colon]), grammar::trim(&line[colon + 1..]));
        let parameterized = || Parameterized::parse(value).ok_or(Defect::Multipart).map(Some);
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
        if is("Content-Type") || is("c") {
            self.kind = parameterized()?;
        } else if is("Content-Disposition") && value.is_empty() {
            self.disposition = None;
        } else if is("Content-Disposition") {
            self.disposition = parameterized()?;
        } else if is("Content-Encoding") || is("e") {
            self.plain &= value.eq_ignore_ascii_case(b"identity");
        } else if is("Content-Transfer-Encoding") {
            self.plain &= [&b"binary"[..], b"8bit", b"7bit"].iter().any(|plain| value.eq_ignore_ascii_case(plain));
        }
        Ok(())
    }

    fn is(&self, kind: &str) -> bool {
        self.kind.is_some_and(|own| is_type(own.value, kind))
    }

    fn is_multipart(&self) -> bool {
        self.kind.is_some_and(|kind| {
            kind.value.split_once('/').is_some_and(|(family, _)| family.trim().eq_ignore_ascii_case("multipart"))
        })
    }

    fn is_for_session(&self) -> bool {
        self.plain && self.disposition.is_none_or(|disposition| disposition.is("session"))
    }

    /// Whether it says that it may be passed over.
    fn is_optional(&self) -> bool {
        let handling = self.disposition.and_then(|disposition| disposition.parameters.get("handling"));
        handling.is_some_and(|handling| handling.eq_ignore_ascii_case("optional"))
    }

    fn find(&self, kind: &str, depth: usize) -> Option<&'a [u8]> {
        if !self.is_multipart() {
            return (self.is(kind) && self.is_for_session()).then_some(self.octets);
        }
        let mut parts = self.parts(depth).ok()?.into_iter().filter_map(|part| Entity::of_part(part).ok());
        if self.is("multipart/alternative") {
            return parts.filter_map(|part| part.find(kind, depth + 1)).next_back();
        }
        if self.is("multipart/related") {
            return parts.next()?.find(kind, depth + 1);
        }
        parts.find_map(|part| part.find(kind, depth + 1))
    }

    fn check(&self, known: &[&str], depth: usize) -> Result<(), Defect> {
        let understands = |wanted: &str| known.iter().any(|known| is_type(wanted, known));
        if !self.is_multipart() || !understands("multipart/mixed") {
            return match self.kind {
                Some(kind) if !understands(kind.value) => Err(Defect::ContentType),
                _ if !self.plain => Err(Defect::ContentEncoding),
                _ => Ok(()),
            };
        }
        let mut parts = self.parts(depth)?.into_iter().map(Entity::of_part);
        if self.is("multipart/alternative") {
            let mut verdict = Err(Defect::ContentType);
            for part in parts {
                let part = part?;
                if verdict.is_err() {
                    verdict = part.check(known, depth + 1);
                }
            }
            return verdict;
        }
        if self.is("multipart/related") {
            return parts.next().ok_or(Defect::Multipart)??.check(known, depth + 1);
        }
        let mut verdict = Ok(());
        let mut any = false;
        for part in parts {
            let part = part?;
            let checked = if part.is_optional() { Ok(()) } else { part.check(known, depth + 1) };
            // A part that states no disposition is passed over where it is not understood beside others, although RFC 3261
            // §20.11 would have it required: where callers are comes so (RFC 6442 §4.1), and a call is not refused for it.
            if part.disposition.is_some() {
                checked.clone()?;
            }
            any |= checked.is_ok();
            verdict = checked;
        }
        if any { Ok(()) } else { verdict }
    }

    /// The parts of a multipart body as they stand between its boundaries (RFC 2046 §5.1.1). The last one may lack its
    /// closing boundary.
    fn parts(&self, depth: usize) -> Result<Vec<&'a [u8]>, Defect> {
        let boundary = self.kind.and_then(|kind| kind.parameters.get("boundary")).map(unquote);
        let boundary = boundary.filter(|text| (1..=BOUNDARY_OCTETS_MAX).contains(&text.len()));
        let (Some(boundary), true) = (boundary, depth < MULTIPART_DEPTH_MAX) else { return Err(Defect::Multipart) };
        let delimiter = format!("--{boundary}");
        let mut parts = Vec::new();
        let mut open: Option<usize> = None;
        for at in memmem::find_iter(self.octets, delimiter.as_bytes()) {
            if at > 0 && self.octets[at - 1] != b'\n' {
                continue;
            }
            let after = at + delimiter.len();
            let line = &self.octets[after..after + line_end(&self.octets[after..])];
            let (closes, padding) = match line.strip_prefix(b"--") {
                Some(padding) => (true, padding),
                None => (false, line),
            };
            if !padding.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            if let Some(begin) = open.take() {
                // The line end before a boundary is the boundary's.
                let part = self.octets.get(begin..at).unwrap_or_default();
                let part = part.strip_suffix(b"\n").unwrap_or(part);
                parts.push(part.strip_suffix(b"\r").unwrap_or(part));
            }
            if closes {
                break;
            }
            if parts.len() == PARTS_MAX {
                return Err(Defect::Multipart);
            }
            open = Some(after + line.len());
        }
        parts.extend(open.map(|begin| &self.octets[begin..]));
        if parts.is_empty() { Err(Defect::Multipart) } else { Ok(parts) }
    }
}

/// Whether a media type is that one: without case, and without white space about its slash (`text / plain` is one, RFC 3261
/// §25.1).
fn is_type(text: &str, kind: &str) -> bool {
    let octets = text.bytes().filter(|octet| !octet.is_ascii_whitespace());
    octets.map(|octet| octet.to_ascii_lowercase()).eq(kind.bytes().map(|octet| octet.to_ascii_lowercase()))
}

/// Where the line that begins here ends, its line end included.
fn line_end(octets: &[u8]) -> usize {
    memchr::memchr(b'\n', octets).map_or(octets.len(), |at| at + 1)
}

fn trim_line(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const KNOWN: &[&str] = &["application/sdp", "multipart/mixed"];
    const SDP: &str = "application/sdp";

    fn message(headers: &str, body: &str) -> Message {
        let length = body.len();
        let text = format!("INVITE sip:a@b SIP/2.0\r\n{headers}\r\nContent-Length: {length}\r\n\r\n{body}");
        Message::parse_datagram(Bytes::from(text)).unwrap()
    }

    /// A multipart body of parts, each with its header lines.
    fn multipart(kind: &str, parts: &[(&str, &str)]) -> (String, String) {
        let body: String =
            parts.iter().map(|(headers, content)| format!("--b\r\n{headers}\r\n\r\n{content}\r\n")).collect();
        (format!("Content-Type: multipart/{kind};boundary=b"), format!("preamble\r\n{body}--b--\r\nepilogue"))
    }

    /// The session description in it, and the verdict on the whole.
    fn judge(kind: &str, parts: &[(&str, &str)]) -> (Option<String>, Result<(), Defect>) {
        let (header, body) = multipart(kind, parts);
        let message = message(&header, &body);
        let found = message.session_part(SDP).map(|found| String::from_utf8_lossy(found).into_owned());
        (found, message.check_parts(KNOWN))
    }

    #[test]
    fn the_session_description_is_found_among_the_parts() {
        let sdp = ("Content-Type: application/sdp", "v=0\r\n");
        let isup =
            ("Content-Type: application/isup;version=x\r\nContent-Disposition: signal;handling=optional", "\u{1}\u{2}");
        let location = ("Content-Type: application/pidf+xml\r\nContent-ID: <a@b>", "<presence/>");
        for parts in [&[sdp, isup][..], &[isup, location, sdp], &[sdp]] {
            assert_eq!(judge("mixed", parts), (Some("v=0\r\n".to_owned()), Ok(())));
            assert_eq!(judge("unheard-of", parts), (Some("v=0\r\n".to_owned()), Ok(())), "as mixed");
        }
        let folded =
            ("content-type:\r\n application/sdp\r\nContent-Disposition: session;\r\n\thandling=required", "v=1");
        assert_eq!(judge("mixed", &[location, folded, sdp]).0.as_deref(), Some("v=1"), "the first");
        assert_eq!(judge("mixed", &[location]), (None, Err(Defect::ContentType)), "nothing is understood");
        assert_eq!(judge("mixed", &[isup]), (None, Ok(())), "nothing has to be");
    }

    #[test]
    fn what_must_be_understood_and_is_not_is_refused() {
        fn with(headers: &str) -> Result<(), Defect> {
            judge("mixed", &[("Content-Type: application/sdp", "v=0"), (headers, "x")]).1
        }
        assert_eq!(
            with("Content-Type: application/isup\r\nContent-Disposition: signal;handling=required"),
            Err(Defect::ContentType)
        );
        assert_eq!(with("Content-Type: application/isup\r\nContent-Disposition: signal"), Err(Defect::ContentType));
        assert_eq!(with("Content-Disposition: render;handling=required"), Err(Defect::ContentType), "plain text");
        assert_eq!(with("Content-Type: application/isup\r\nContent-Disposition: signal;handling=OPTIONAL"), Ok(()));
        let packed = "Content-Type: application/sdp\r\nContent-Disposition: session\r\n";
        assert_eq!(with(&format!("{packed}Content-Encoding: gzip")), Err(Defect::ContentEncoding));
        assert_eq!(with(&format!("{packed}Content-Transfer-Encoding: base64")), Err(Defect::ContentEncoding));
        assert_eq!(with(&format!("{packed}Content-Transfer-Encoding: 8bit")), Ok(()));
        // Encoded, or for something else, it is no description of this session.
        for headers in ["Content-Transfer-Encoding: base64", "Content-Disposition: early-session;handling=optional"] {
            assert_eq!(judge("mixed", &[(&format!("Content-Type: application/sdp\r\n{headers}"), "v=0")]).0, None);
        }
    }

    #[test]
    fn alternatives_and_relations_are_told_apart() {
        let sdp = |content| ("Content-Type: application/sdp", content);
        let html = ("Content-Type: text/html", "x");
        assert_eq!(judge("alternative", &[sdp("1"), sdp("2"), html]), (Some("2".to_owned()), Ok(())), "the last");
        assert_eq!(judge("alternative", &[html, html]), (None, Err(Defect::ContentType)));
        assert_eq!(judge("related", &[sdp("1"), html]), (Some("1".to_owned()), Ok(())));
        assert_eq!(judge("related", &[html, sdp("1")]), (None, Err(Defect::ContentType)), "its root is text");
        let inner = "--c\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--c--";
        let nested = ("Content-Type: multipart/alternative; boundary=\"c\"", inner);
        assert_eq!(judge("mixed", &[html, nested]), (Some("v=0".to_owned()), Ok(())));
    }

    #[test]
    fn parts_that_cannot_be_told_are_a_defect() {
        let verdict = |headers: &str, body: &str| {
            let message = message(headers, body);
            assert_eq!(message.session_part(SDP), None);
            message.check_parts(KNOWN)
        };
        let long = "b".repeat(71);
        for (parameter, body) in [
            ("", "--b\r\n\r\n"),
            (";boundary=", "--b\r\n\r\n"),
            (";boundary=b", "no boundary at all"),
            (";boundary=b", "--bc\r\n\r\nanother one\r\n--b--"),
            (";boundary=b", "--b\r\nno colon\r\n\r\nx\r\n--b--"),
            (&format!(";boundary={long}"), &format!("--{long}\r\n\r\nx\r\n--{long}--")),
            (";boundary=b", &"--b\r\n\r\nx\r\n".repeat(PARTS_MAX + 1)),
        ] {
            assert_eq!(verdict(&format!("Content-Type: multipart/mixed{parameter}"), body), Err(Defect::Multipart));
        }
        assert_eq!(verdict("Content-Type: multipart/mixed", "x"), Err(Defect::Multipart));
        let optional = "Content-Type: multipart/mixed\r\nContent-Disposition: session;handling=optional";
        assert_eq!(verdict(optional, "x"), Ok(()));
    }

    #[test]
    fn nesting_has_a_bound() {
        let nested = |depth: usize| {
            let mut body = "Content-Type: application/sdp\r\nContent-Disposition: session\r\n\r\nv=0".to_owned();
            for level in (1..depth).rev() {
                body = format!(
                    "Content-Type: multipart/mixed;boundary=b{level}\r\nContent-Disposition: session\r\n\r\n--b{level}\r\n{body}\r\n--b{level}--"
                );
            }
            message("Content-Type: multipart/mixed;boundary=b0", &format!("--b0\r\n{body}\r\n--b0--"))
        };
        let deepest = nested(MULTIPART_DEPTH_MAX);
        assert_eq!((deepest.session_part(SDP), deepest.check_parts(KNOWN)), (Some(&b"v=0"[..]), Ok(())));
        let deeper = nested(MULTIPART_DEPTH_MAX + 1);
        assert_eq!((deeper.session_part(SDP), deeper.check_parts(KNOWN)), (None, Err(Defect::Multipart)));
    }

    #[test]
    fn a_body_that_is_no_multipart_is_looked_at_as_before() {
        for (headers, found) in [
            ("Content-Type: application/sdp", true),
            ("Content-Type: Application / SDP", true),
            ("Subject: none", true),
            ("Content-Type: application/sdp\r\nContent-Disposition: session", true),
            ("Content-Type: application/sdp\r\nContent-Disposition: render", false),
            ("Content-Type: text/plain", false),
        ] {
            assert_eq!(message(headers, "v=0").session_part(SDP).is_some(), found, "{headers}");
        }
        assert_eq!(message("Content-Type: application/sdp", "").session_part(SDP), None);
        let alone = message("Content-Type: multipart/mixed;boundary=b", "--b\r\n\r\n");
        assert_eq!(alone.check_parts(&["application/sdp"]), Err(Defect::ContentType), "where none is understood");
    }
}
