//! From octets to a [`Message`]: one pass over the head that finds the lines and names them.
//!
//! The pass is lenient and total: it reads past what it cannot understand, notes the first defect for
//! [`validate`](super::validate), and fails only where there is no start line. Values are read when somebody asks.

use bytes::Bytes;
use memchr::{memchr, memchr2, memmem};

use super::fault::{Defect, Malformed};
use super::grammar;
use super::header::Header;
use super::start_line::StartLine;
use super::{Known, Line, Message};
use crate::limits;

/// Lines of an ordinary message: the index is allocated once at this size.
const LINES_USUAL: usize = 24;

impl Message {
    /// Reads a datagram (RFC 3261 §18.3): without Content-Length the body reaches to its end, octets beyond the
    /// Content-Length are dropped, and a body shorter than Content-Length is a defect that
    /// [`validate`](Message::validate) reports.
    ///
    /// Empty lines before the start line are skipped (§7.5). A folded header line becomes one line: each line end in
    /// it turns into spaces (§7.3.1), so no value holds CR or LF. Lines that end in a bare LF are read.
    pub fn parse_datagram(bytes: Bytes) -> Result<Message, Malformed> {
        parse(bytes, false)
    }

    /// Reads a message that was cut from a stream with [`head_length`] and [`content_length`], or what there was of one whose end cannot be
    /// told.
    pub fn parse_framed(bytes: Bytes) -> Result<Message, Malformed> {
        parse(bytes, true)
    }
}

fn parse(bytes: Bytes, in_stream: bool) -> Result<Message, Malformed> {
    if bytes.len() > limits::MESSAGE_OCTETS_MAX {
        return Err(Malformed::TooLong);
    }
    let mut index = Index::default();
    let start = index.read(&bytes)?;
    let mut bytes = bytes;
    if !index.folds.is_empty() {
        let mut unfolded = bytes.to_vec();
        for &(start, end) in &index.folds {
            for octet in &mut unfolded[usize::from(start)..usize::from(end)] {
                if matches!(octet, b'\r' | b'\n') {
                    *octet = b' ';
                }
            }
        }
        bytes = Bytes::from(unfolded);
    }
    let mut message = Message {
        bytes,
        start,
        lines: index.lines,
        head: index.head as u16,
        body_end: 0,
        defect: index.defect,
        known: Known::default(),
    };
    let available = message.bytes.len() - index.head;
    let body = match message.content_length() {
        Ok(None) => available,
        Ok(Some(length)) if length <= available => length,
        Ok(Some(length)) => {
            // In a datagram the rest is missing, whatever is announced (RFC 3261 §18.3); in a stream it was not waited for.
            let is_beyond = in_stream && length > limits::MESSAGE_OCTETS_MAX - index.head;
            message.defect.get_or_insert(if is_beyond { Defect::BodyTooLong } else { Defect::BodyShort });
            available
        }
        Err(defect) => {
            message.defect.get_or_insert(defect);
            available
        }
    };
    message.body_end = (index.head + body) as u16;
    Ok(message)
}

/// What the pass over the head gathers.
#[derive(Default)]
struct Index {
    lines: Vec<Line>,
    /// Lines in which line ends must become spaces.
    folds: Vec<(u16, u16)>,
    /// Where the head ends and the body starts.
    head: usize,
    defect: Option<Defect>,
}

impl Index {
    fn read(&mut self, octets: &[u8]) -> Result<StartLine, Malformed> {
        let start = octets.iter().position(|octet| !matches!(octet, b'\r' | b'\n')).ok_or(Malformed::Empty)?;
        let first = self.line(octets, start, false);
        let start_line = StartLine::parse(&octets[start..first.end], start).ok_or(Malformed::StartLine)?;
        self.lines.reserve(LINES_USUAL);
        let mut at = first.next;
        let mut closed = false;
        while at < octets.len() {
            let line = self.line(octets, at, true);
            if line.end == at {
                at = line.next;
                closed = true;
                break;
            }
            self.keep(octets, at, line.end);
            at = line.next;
        }
        // What it names may stand behind what makes it so long, and is looked for all the same: it is to be answered.
        if at > limits::HEAD_OCTETS_MAX {
            self.defect = Some(Defect::HeadTooLong);
        } else if !closed {
            self.defect.get_or_insert(Defect::HeadOpen);
        }
        self.head = at;
        Ok(start_line)
    }

    /// Finds the end of the line at `start`, its folded continuations included.
    fn line(&mut self, octets: &[u8], start: usize, may_fold: bool) -> Extent {
        let mut at = start;
        let mut dirty = false;
        let (end, next) = loop {
            let Some(found) = memchr2(b'\r', b'\n', &octets[at..]) else { break (octets.len(), octets.len()) };
            let end = at + found;
            let next = match octets[end] {
                b'\n' => end + 1,
                _ if octets.get(end + 1) == Some(&b'\n') => end + 2,
                _ => {
                    dirty = true;
                    at = end + 1;
                    continue;
                }
            };
            if may_fold && end > start && matches!(octets.get(next), Some(b' ' | b'\t')) {
                dirty = true;
                at = next;
                continue;
            }
            break (end, next);
        };
        if dirty {
            self.folds.push((start as u16, end as u16));
        }
        Extent { end, next }
    }

    /// Notes the header line between `start` and `end`.
    fn keep(&mut self, octets: &[u8], start: usize, end: usize) {
        if self.lines.len() == limits::HEADER_LINES_MAX {
            self.defect.get_or_insert(Defect::TooManyHeaders);
            return;
        }
        let line = &octets[start..end];
        let Some(colon) = memchr(b':', line) else {
            self.defect.get_or_insert(Defect::HeaderLine);
            return;
        };
        let mut name_end = colon;
        while name_end > 0 && matches!(line[name_end - 1], b' ' | b'\t') {
            name_end -= 1;
        }
        let name = &line[..name_end];
        let header = Header::parse(name);
        if header.is_none() && grammar::token(name).is_none() {
            self.defect.get_or_insert(Defect::HeaderLine);
            return;
        }
        if line.len() > limits::HEADER_LINE_OCTETS_MAX {
            self.defect.get_or_insert(Defect::HeaderTooLong(header));
        }
        let value_start = grammar::skip_space(line, colon + 1);
        let value_end = value_start + grammar::trim(&line[value_start..]).len();
        self.lines.push(Line {
            header,
            name: (start as u16, (start + name_end) as u16),
            value: ((start + value_start) as u16, (start + value_end) as u16),
        });
    }
}

/// Where a line ends, and where the next one starts.
struct Extent {
    end: usize,
    next: usize,
}

/// The length of the head at the start of a stream's buffer, with its empty line; `None` while that has not arrived.
///
/// The buffer must start with a start line: skip line ends first (keep-alives of RFC 5626 §3.5.1). `searched` says how
/// many octets an earlier call looked at in vain, so that a slow sender costs linear time; pass 0 the first time.
///
/// # Errors
/// [`Malformed::TooLong`] once [`limits::HEAD_OCTETS_MAX`] octets hold no empty line.
pub fn head_length(buffer: &[u8], searched: usize) -> Result<Option<usize>, Malformed> {
    let from = searched.saturating_sub(3).min(buffer.len());
    match memmem::find(&buffer[from..], b"\r\n\r\n") {
        Some(at) if from + at + 4 <= limits::HEAD_OCTETS_MAX => Ok(Some(from + at + 4)),
        None if buffer.len() <= limits::HEAD_OCTETS_MAX => Ok(None),
        _ => Err(Malformed::TooLong),
    }
}

/// The body length that a head of [`head_length`] announces. In a stream a message without Content-Length has no body
/// (RFC 3261 §20.14 requires it there).
///
/// # Errors
/// [`Malformed::ContentLength`] if it is no number, stands twice with different values, or reaches beyond
/// [`limits::MESSAGE_OCTETS_MAX`] with the head: nothing after it can be delimited.
pub fn content_length(head: &[u8]) -> Result<usize, Malformed> {
    let mut found = None;
    let mut rest = head;
    while let Some(end) = memchr(b'\n', rest) {
        let line = &rest[..end];
        rest = &rest[end + 1..];
        if !matches!(line.first(), Some(b'c' | b'C' | b'l' | b'L')) {
            continue;
        }
        let Some(colon) = memchr(b':', line) else { continue };
        if Header::parse(grammar::trim(&line[..colon])) != Some(Header::ContentLength) {
            continue;
        }
        let mut value = line[colon + 1..].to_vec();
        while let Some(b' ' | b'\t') = rest.first() {
            let end = memchr(b'\n', rest).unwrap_or(rest.len() - 1);
            value.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
        }
        let length = grammar::number::<usize>(grammar::trim(&value)).ok_or(Malformed::ContentLength)?;
        if found.is_some_and(|earlier| earlier != length) {
            return Err(Malformed::ContentLength);
        }
        found = Some(length);
    }
    match found.unwrap_or(0) {
        length if length <= limits::MESSAGE_OCTETS_MAX.saturating_sub(head.len()) => Ok(length),
        _ => Err(Malformed::ContentLength),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Fault;

    const HEAD: &str = "OPTIONS sip:u@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
        To: <sip:u@h>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n";

    fn read(text: impl AsRef<[u8]>) -> Message {
        Message::parse_datagram(Bytes::copy_from_slice(text.as_ref())).unwrap()
    }

    #[test]
    fn without_content_length_the_body_reaches_to_the_end() {
        let message = read(format!("{HEAD}\r\nabc\r\n"));
        assert_eq!(message.body_octets(), b"abc\r\n");
        assert_eq!(message.validate(), Ok(()));
    }

    #[test]
    fn content_lengths_that_are_none() {
        for (length, valid) in
            [("3", true), ("0003", true), ("18446744073709551615", false), ("-1", false), ("3 3", false), ("", false)]
        {
            let message = read(format!("{HEAD}Content-Length: {length}\r\n\r\nabc"));
            assert_eq!(message.validate().is_ok(), valid, "{length}");
            let head = format!("{HEAD}Content-Length: {length}\r\n\r\n");
            assert_eq!(content_length(head.as_bytes()).is_ok(), valid, "{length}");
        }
        assert_eq!(content_length(b"X\r\nl: 7\r\nContent-Length:\r\n 7\r\n\r\n"), Ok(7));
        assert_eq!(content_length(b"X\r\nl: 7\r\nL: 8\r\n\r\n"), Err(Malformed::ContentLength));
        assert_eq!(content_length(b"X\r\n\r\n"), Ok(0));
        assert_eq!(content_length(b"X\r\nl: 65536\r\n\r\n"), Err(Malformed::ContentLength));
    }

    #[test]
    fn a_line_that_is_no_text_does_not_hide_the_ones_after_it() {
        let mut octets = b"OPTIONS sip:u@h SIP/2.0\r\nX-Bad: \xff\xfe\r\nSubject: \xe9\r\n".to_vec();
        octets.extend_from_slice(&HEAD.as_bytes()[25..]);
        octets.extend_from_slice(b"\r\n");
        let message = read(octets);
        assert_eq!(message.validate(), Ok(()));
        assert_eq!(message.header("X-Bad"), Some(&b"\xff\xfe"[..]));
        assert_eq!(message.text(Header::Subject), None);
    }

    #[test]
    fn line_ends_and_folds() {
        let message = read(format!("\r\n\r\n{HEAD}X: a\r\n\tb\r\n \r\nY: c\rd\r\n\r\n"));
        assert_eq!(message.validate(), Ok(()));
        assert_eq!(message.header("X"), Some(&b"a  \tb"[..]));
        assert_eq!(message.header("Y"), Some(&b"c d"[..]));
        let bare = read(format!("{HEAD}\r\nbody\n").replace("\r\n", "\n"));
        assert_eq!((bare.validate(), bare.body_octets()), (Ok(()), &b"body\n"[..]));
        assert_eq!(Message::parse_datagram(Bytes::from_static(b"\r\n\r\n")).err(), Some(Malformed::Empty));
        assert_eq!(Message::parse_datagram(Bytes::new()).err(), Some(Malformed::Empty));
    }

    #[test]
    fn defects_of_structure_are_answered() {
        for (text, status) in [
            (format!("{HEAD}junk\r\n\r\n"), 400),
            (format!("{HEAD}: x\r\n\r\n"), 400),
            (HEAD.to_owned(), 400),
            (format!("{HEAD}{}\r\n", "X: y\r\n".repeat(limits::HEADER_LINES_MAX)), 513),
            (format!("{HEAD}X: {}\r\n\r\n", "y".repeat(limits::HEADER_LINE_OCTETS_MAX)), 513),
            (format!("{HEAD}{}\r\n", "v: SIP/2.0/UDP h\r\n".repeat(limits::VIA_VALUES_MAX)), 483),
            (format!("{HEAD}X: {}\r\n\r\n", "y".repeat(60_000)), 513),
            (HEAD.replace("\r\n", &format!("\r\nX: {}\r\n", "y".repeat(6_000))) + "\r\n", 513),
            (format!("{HEAD}{}", "X: y\r\n".repeat(10_000)), 513),
            (HEAD.replace("sip:u@h", &format!("sip:{}@h", "a".repeat(30_000))) + "\r\n", 414),
            (format!("{HEAD}l: 4294967295\r\n\r\n"), 400),
        ] {
            let fault = read(&text).validate().unwrap_err();
            assert_eq!(fault.status().map(|status| status.code()), Some(status), "{fault}");
        }
    }

    #[test]
    fn a_body_that_a_stream_may_not_have_is_too_large_and_one_that_was_cut_off_is_short() {
        for (length, status) in
            [("65535", 413), ("4294967295", 413), ("65000", 400), ("18446744073709551616", 400), ("-1", 400)]
        {
            let message = Message::parse_framed(Bytes::from(format!("{HEAD}l: {length}\r\n\r\nbody"))).unwrap();
            let fault = message.validate().unwrap_err();
            assert_eq!(fault.status().map(|status| status.code()), Some(status), "{length}: {fault}");
        }
    }

    #[test]
    fn an_ack_and_a_request_without_via_are_never_answered() {
        let ack = read(HEAD.replace("OPTIONS", "ACK"));
        assert!(matches!(ack.validate(), Err(Fault::Drop(_))));
        let lost = read(HEAD.replace("Via", "X") + "\r\n");
        assert_eq!(lost.validate(), Err(Fault::Drop(Defect::Missing(Header::Via))));
    }

    #[test]
    fn bounds_of_the_whole() {
        let long = Bytes::from(vec![b'x'; limits::MESSAGE_OCTETS_MAX + 1]);
        assert_eq!(Message::parse_datagram(long).err(), Some(Malformed::TooLong));
    }

    #[test]
    fn a_stream_is_searched_once() {
        let text = format!("{HEAD}l: 0\r\n\r\nOPTIONS");
        let end = text.len() - 7;
        let mut searched = 0;
        for length in 0..end {
            assert_eq!(head_length(&text.as_bytes()[..length], searched), Ok(None), "{length}");
            searched = length;
        }
        assert_eq!(head_length(text.as_bytes(), searched), Ok(Some(end)));
        assert_eq!(head_length(&[b'x'; limits::HEAD_OCTETS_MAX + 1], 0), Err(Malformed::TooLong));
    }

    #[test]
    fn compact_names_and_several_values_make_one_list() {
        let lists = "m: <sip:a@h>, \"x,y\" <sip:b,c@h>\r\nk: timer , path\r\nSupported: 100rel\r\nM: sip:d@h\r\n";
        let message = read(format!("{HEAD}{lists}\r\n"));
        assert_eq!(message.validate(), Ok(()));
        let contacts: Vec<_> = message.contacts().map(|contact| contact.unwrap().uri().as_str()).collect();
        assert_eq!(contacts, ["sip:a@h", "sip:b,c@h", "sip:d@h"]);
        assert_eq!(message.supported().collect::<Vec<_>>(), ["timer", "path", "100rel"]);
        assert!(message.supports("100REL") && !message.supports("outbound"));
        let star = |head: &str| read(format!("{head}Contact: *\r\n\r\n"));
        let all = star(&HEAD.replace("OPTIONS", "REGISTER"));
        assert!(all.contact_is_star() && all.contacts().next().is_none() && all.validate().is_ok());
        let malformed = Defect::Malformed(Header::Contact);
        assert_eq!(star(HEAD).validate().unwrap_err().defect(), &malformed, "for a registrar alone");
    }
}
