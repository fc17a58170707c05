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
use super::{Line, Message};
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
        parse(bytes)
    }

    /// Reads a message that was cut from a stream with [`head_length`] and [`content_length`].
    pub fn parse_framed(bytes: Bytes) -> Result<Message, Malformed> {
        parse(bytes)
    }
}

fn parse(bytes: Bytes) -> Result<Message, Malformed> {
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
    let mut message =
        Message { bytes, start, lines: index.lines, head: index.head as u16, body_end: 0, defect: index.defect };
    let available = message.bytes.len() - index.head;
    let body = match message.content_length() {
        Ok(None) => available,
        Ok(Some(length)) if length <= available => length,
        Ok(Some(_)) => {
            message.defect.get_or_insert(Defect::BodyShort);
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
            if at > limits::HEAD_OCTETS_MAX {
                return Err(Malformed::TooLong);
            }
            let line = self.line(octets, at, true);
            if line.end == at {
                at = line.next;
                closed = true;
                break;
            }
            self.keep(octets, at, line.end);
            at = line.next;
        }
        if !closed {
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
