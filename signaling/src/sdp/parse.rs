//! Text to [`SessionDescription`]: total, bounded, and telling which line is at fault.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use bytes::Bytes;

use super::attribute::{Attribute, Attributes};
use super::limits::{
    SDP_BYTES_MAX, SDP_CONNECTIONS_MAX, SDP_FORMATS_MAX, SDP_LINES_MAX, SDP_MEDIA_MAX, USUAL_ATTRIBUTES,
};
use super::media::MediaSection;
use super::session::{Bandwidth, Connection, Origin, SessionDescription, Timing, UnknownLine};
use super::text::{Text, decimal, is_token, words};

/// Why a text is no session description, and in which line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ParseError {
    /// The line, counted from 1; the last one where something is missing.
    pub line: usize,
    /// The line's letter, where it has one.
    pub letter: Option<char>,
    /// What is wrong.
    pub fault: ParseFault,
}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.letter {
            Some(letter) => write!(formatter, "SDP line {} ({letter}=): {}", self.line, self.fault),
            None => write!(formatter, "SDP line {}: {}", self.line, self.fault),
        }
    }
}

/// What may be wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseFault {
    /// More bytes than [`SDP_BYTES_MAX`].
    #[error("the description is too long")]
    TooLong,
    /// More lines than [`SDP_LINES_MAX`].
    #[error("too many lines")]
    TooManyLines,
    /// More media sections than [`SDP_MEDIA_MAX`].
    #[error("too many media sections")]
    TooManyMedia,
    /// More formats than [`SDP_FORMATS_MAX`].
    #[error("too many formats")]
    TooManyFormats,
    /// More `c=` lines than [`SDP_CONNECTIONS_MAX`].
    #[error("too many connection lines")]
    TooManyConnections,
    /// No letter, or no `=` behind it.
    #[error("not a letter and an equals sign")]
    NotALine,
    /// A NUL or a CR within the line.
    #[error("a control byte within the line")]
    ControlByte,
    /// The first line is not `v=`.
    #[error("the version line is missing")]
    VersionMissing,
    /// The version is not 0.
    #[error("not version 0")]
    Version,
    /// There is no `o=`.
    #[error("the origin line is missing")]
    OriginMissing,
    /// A line that stands once is repeated.
    #[error("repeated")]
    Repeated,
    /// A line of the session level below an `m=`, or a line without the one that it belongs to.
    #[error("out of place")]
    Misplaced,
    /// Fewer words than the line has.
    #[error("too few words")]
    TooFewWords,
    /// More words than the line has.
    #[error("too many words")]
    TooManyWords,
    /// A figure is not one, or out of range.
    #[error("not a number in range")]
    Number,
    /// A word is no token.
    #[error("not a token")]
    Token,
    /// An address is not one of its type.
    #[error("not an address of its type")]
    Address,
    /// A port is not one.
    #[error("not a port")]
    Port,
}

impl SessionDescription {
    /// Reads a description.
    ///
    /// Tolerated, since it is sent: LF alone at line ends, empty lines, blanks at the end of a line, lines out of order
    /// within their level, no `s=` and no `t=`, an origin's user with blanks or none, letters that RFC 8866 lacks.
    ///
    /// # Errors
    /// The first line at fault. Attributes are never at fault: what one means is asked for later.
    pub fn parse(text: &[u8]) -> Result<SessionDescription, ParseError> {
        if text.len() > SDP_BYTES_MAX {
            return Err(ParseError { line: 1, letter: None, fault: ParseFault::TooLong });
        }
        // One copy, that everything shares: a description outlives the buffer that it came in.
        let whole = Text::unchecked(Bytes::copy_from_slice(text));
        let mut parser = Parser::default();
        let mut number = 0;
        for line in whole.as_bytes().split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            number += 1;
            if line.is_empty() {
                continue;
            }
            let letter = line.first().filter(|letter| letter.is_ascii_alphabetic()).map(|letter| char::from(*letter));
            parser.line(&whole, line, number).map_err(|fault| ParseError { line: number, letter, fault })?;
        }
        parser.finish().map_err(|fault| ParseError { line: number, letter: None, fault })
    }
}

/// What was read so far of the session level, and the media sections.
#[derive(Default)]
struct Parser {
    lines: usize,
    version: bool,
    origin: Option<Origin>,
    name: Option<Text>,
    information: Option<Text>,
    uri: Option<Text>,
    emails: Vec<Text>,
    phones: Vec<Text>,
    connection: Option<Connection>,
    bandwidths: Vec<Bandwidth>,
    timings: Vec<Timing>,
    key: Option<Text>,
    unknown: Vec<UnknownLine>,
    attributes: Attributes,
    media: Vec<MediaSection>,
}

impl Parser {
    /// Takes one line, which is part of `whole`.
    fn line(&mut self, whole: &Text, line: &[u8], number: usize) -> Result<(), ParseFault> {
        self.lines += 1;
        if self.lines > SDP_LINES_MAX || number > SDP_LINES_MAX * 2 {
            return Err(ParseFault::TooManyLines);
        }
        let (letter, value) = match line {
            [letter, b'=', value @ ..] if letter.is_ascii_alphabetic() => (*letter, value),
            _ => return Err(ParseFault::NotALine),
        };
        if value.iter().any(|byte| matches!(byte, 0 | b'\r')) {
            return Err(ParseFault::ControlByte);
        }
        if !self.version && letter != b'v' {
            return Err(ParseFault::VersionMissing);
        }
        let value = Value { whole, bytes: value };
        if letter == b'm' {
            if self.media.len() == SDP_MEDIA_MAX {
                return Err(ParseFault::TooManyMedia);
            }
            // Most have one: four are not made room for.
            if self.media.is_empty() {
                self.media.reserve_exact(1);
            }
            self.media.push(value.media()?);
            return Ok(());
        }
        match self.media.last_mut() {
            Some(section) => media_line(section, letter, value),
            None => self.session_line(letter, value),
        }
    }

    fn session_line(&mut self, letter: u8, value: Value<'_>) -> Result<(), ParseFault> {
        match letter {
            b'v' => {
                if std::mem::replace(&mut self.version, true) {
                    return Err(ParseFault::Repeated);
                }
                if value.bytes.trim_ascii() != b"0" {
                    return Err(ParseFault::Version);
                }
            }
            b'o' => once(&mut self.origin, value.origin()?)?,
            b's' => once(&mut self.name, value.text())?,
            b'i' => once(&mut self.information, value.text())?,
            b'u' => once(&mut self.uri, value.text())?,
            b'e' => self.emails.push(value.text()),
            b'p' => self.phones.push(value.text()),
            b'c' => once(&mut self.connection, value.connection()?)?,
            b'b' => self.bandwidths.push(value.bandwidth()?),
            b't' => {
                if self.timings.is_empty() {
                    self.timings.reserve_exact(1);
                }
                self.timings.push(value.timing()?);
            }
            b'r' => self.timings.last_mut().ok_or(ParseFault::Misplaced)?.repeats.push(value.text()),
            b'z' => once(&mut self.timings.last_mut().ok_or(ParseFault::Misplaced)?.zone, value.text())?,
            b'k' => once(&mut self.key, value.text())?,
            b'a' => self.attributes.push(value.attribute()?),
            letter => self.unknown.push(UnknownLine { letter, value: value.text() }),
        }
        Ok(())
    }

    fn finish(self) -> Result<SessionDescription, ParseFault> {
        if !self.version {
            return Err(ParseFault::VersionMissing);
        }
        // What is written in the stead of missing lines counts, so that what was read can be read again.
        if self.lines + usize::from(self.name.is_none()) + usize::from(self.timings.is_empty()) > SDP_LINES_MAX {
            return Err(ParseFault::TooManyLines);
        }
        let timings = if self.timings.is_empty() { vec![Timing::PERMANENT] } else { self.timings };
        Ok(SessionDescription {
            origin: self.origin.ok_or(ParseFault::OriginMissing)?,
            name: self.name.unwrap_or(Text::literal("-")),
            information: self.information,
            uri: self.uri,
            emails: self.emails,
            phones: self.phones,
            connection: self.connection,
            bandwidths: self.bandwidths,
            timings,
            key: self.key,
            unknown: self.unknown,
            attributes: self.attributes,
            media: self.media,
        })
    }
}

/// A line below an `m=`.
fn media_line(section: &mut MediaSection, letter: u8, value: Value<'_>) -> Result<(), ParseFault> {
    match letter {
        b'i' => once(&mut section.information, value.text())?,
        b'c' if section.connections.len() == SDP_CONNECTIONS_MAX => return Err(ParseFault::TooManyConnections),
        b'c' => section.connections.push(value.connection()?),
        b'b' => section.bandwidths.push(value.bandwidth()?),
        b'k' => once(&mut section.key, value.text())?,
        b'a' => {
            if section.attributes.is_empty() {
                section.attributes.reserve(USUAL_ATTRIBUTES);
            }
            section.attributes.push(value.attribute()?);
        }
        b'v' | b'o' | b's' | b'u' | b'e' | b'p' | b't' | b'r' | b'z' => return Err(ParseFault::Misplaced),
        letter => section.unknown.push(UnknownLine { letter, value: value.text() }),
    }
    Ok(())
}

/// Fills what may be there once.
fn once<T>(place: &mut Option<T>, value: T) -> Result<(), ParseFault> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(ParseFault::Repeated),
    }
}

/// What stands behind the `=` of one line, free of NUL, CR and LF.
#[derive(Clone, Copy)]
struct Value<'a> {
    whole: &'a Text,
    bytes: &'a [u8],
}

impl<'a> Value<'a> {
    fn text(self) -> Text {
        self.part(self.bytes)
    }

    /// A part of this line, sharing its bytes.
    fn part(self, bytes: &[u8]) -> Text {
        self.whole.slice(bytes)
    }

    /// A word that has to be a token.
    fn token(self, word: &[u8]) -> Result<Text, ParseFault> {
        if is_token(word) { Ok(self.part(word)) } else { Err(ParseFault::Token) }
    }

    /// `o=user id version IN IP4 address`. Read from its end: what stands in front of the last five words is the user.
    fn origin(self) -> Result<Origin, ParseFault> {
        let mut words = words(self.bytes);
        let mut last = || words.next_back().ok_or(ParseFault::TooFewWords);
        let (address, address_type, net_type) = (last()?, last()?, last()?);
        let (version, id) = (last()?, last()?);
        // Some print 64 bits as a signed number; nothing is reckoned with either.
        let unsigned = |number: &'a [u8]| number.strip_prefix(b"-").unwrap_or(number);
        if ![id, version].map(unsigned).iter().all(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
        {
            return Err(ParseFault::Number);
        }
        // `id` is a slice of the line, so what stands in front of it is found by its place.
        let before = id.as_ptr() as usize - self.bytes.as_ptr() as usize;
        let username = self.bytes[..before].trim_ascii();
        Ok(Origin {
            username: if username.is_empty() { Text::literal("-") } else { self.part(username) },
            session_id: self.part(id),
            session_version: self.part(version),
            net_type: self.token(net_type)?,
            address_type: self.token(address_type)?,
            address: self.part(address),
        })
    }

    /// `c=IN IP4 address[/ttl][/count]`, `c=IN IP6 address[/count]`.
    fn connection(self) -> Result<Connection, ParseFault> {
        let mut words = words(self.bytes);
        let mut next = || words.next().ok_or(ParseFault::TooFewWords);
        let (net_type, address_type, address) = (next()?, next()?, next()?);
        if words.next().is_some() {
            return Err(ParseFault::TooManyWords);
        }
        let (is_v4, is_v6) = (address_type.eq_ignore_ascii_case(b"IP4"), address_type.eq_ignore_ascii_case(b"IP6"));
        if !net_type.eq_ignore_ascii_case(b"IN") || !(is_v4 || is_v6) {
            return Ok(Connection::Other {
                net_type: self.token(net_type)?,
                address_type: self.token(address_type)?,
                address: self.part(address),
            });
        }
        let mut parts = address.split(|byte| *byte == b'/');
        let host = parts.next().and_then(|host| std::str::from_utf8(host).ok()).ok_or(ParseFault::Address)?;
        let (first, second) = (parts.next(), parts.next());
        if parts.next().is_some() {
            return Err(ParseFault::Address);
        }
        let literal = if is_v4 {
            host.parse::<Ipv4Addr>().map(Into::into).ok()
        } else {
            host.parse::<Ipv6Addr>().map(Into::into).ok()
        };
        let Some(address) = literal else {
            if first.is_some() || !is_domain_name(host) {
                return Err(ParseFault::Address);
            }
            return Ok(Connection::Name { address_type: self.part(address_type), name: self.part(host.as_bytes()) });
        };
        let (ttl, count) = if is_v4 { (first, second) } else { (None, first) };
        if is_v6 && second.is_some() {
            return Err(ParseFault::Address);
        }
        let ttl = ttl.map(|ttl| decimal::<u8>(ttl).ok_or(ParseFault::Number)).transpose()?;
        let count = count.map(|count| decimal::<u32>(count).filter(|count| *count > 0).ok_or(ParseFault::Number));
        Ok(Connection::Address { address, ttl, count: count.transpose()? })
    }

    /// `b=AS:64`.
    fn bandwidth(self) -> Result<Bandwidth, ParseFault> {
        let colon = self.bytes.iter().position(|byte| *byte == b':').ok_or(ParseFault::TooFewWords)?;
        Ok(Bandwidth {
            kind: self.token(self.bytes[..colon].trim_ascii())?,
            value: decimal(self.bytes[colon + 1..].trim_ascii()).ok_or(ParseFault::Number)?,
        })
    }

    /// `t=0 0`.
    fn timing(self) -> Result<Timing, ParseFault> {
        let mut words = words(self.bytes);
        let mut next = || decimal::<u64>(words.next().ok_or(ParseFault::TooFewWords)?).ok_or(ParseFault::Number);
        let (start, stop) = (next()?, next()?);
        if words.next().is_some() {
            return Err(ParseFault::TooManyWords);
        }
        Ok(Timing { start, stop, repeats: Vec::new(), zone: None })
    }

    /// `a=name` or `a=name:value`.
    fn attribute(self) -> Result<Attribute, ParseFault> {
        match self.bytes.iter().position(|byte| *byte == b':') {
            Some(0) => Err(ParseFault::Token),
            Some(colon) => Ok(Attribute::value(self.part(&self.bytes[..colon]), self.part(&self.bytes[colon + 1..]))),
            None => {
                // A property has no value that blanks could belong to.
                let name = self.bytes.trim_ascii_end();
                if name.is_empty() { Err(ParseFault::Token) } else { Ok(Attribute::property(self.part(name))) }
            }
        }
    }

    /// `m=audio 49170[/2] RTP/AVP 0 8 101`.
    fn media(self) -> Result<MediaSection, ParseFault> {
        let mut words = words(self.bytes);
        let mut next = || words.next().ok_or(ParseFault::TooFewWords);
        let (media, port, protocol) = (next()?, next()?, next()?);
        let mut parts = port.splitn(2, |byte| *byte == b'/');
        let port = parts.next().and_then(decimal::<u16>).ok_or(ParseFault::Port)?;
        let port_count = match parts.next() {
            None => 1,
            Some(count) => decimal::<u16>(count).filter(|count| *count > 0).ok_or(ParseFault::Port)?,
        };
        if !protocol.split(|byte| *byte == b'/').all(is_token) {
            return Err(ParseFault::Token);
        }
        let mut formats = Vec::new();
        for word in words {
            if formats.len() == SDP_FORMATS_MAX {
                return Err(ParseFault::TooManyFormats);
            }
            formats.push(self.part(word));
        }
        // The grammar wants a format; a rejected stream without any harms nobody.
        if formats.is_empty() && port != 0 {
            return Err(ParseFault::TooFewWords);
        }
        let mut section = MediaSection::new(self.token(media)?, port, self.part(protocol), formats);
        section.port_count = port_count;
        Ok(section)
    }
}

/// Letters, digits, `-` and `_` in labels parted by dots, the last label not a number (that would be a mistyped IPv4
/// address).
fn is_domain_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    host.len() <= 253
        && host.split('.').all(label)
        && host.rsplit('.').next().is_some_and(|last| !last.bytes().all(|byte| byte.is_ascii_digit()))
}
