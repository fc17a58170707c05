//! Messages cut from a stream by Content-Length (RFC 3261 §18.3), and keep-alives between them (RFC 5626 §4.4.1).

use bytes::{Buf, Bytes, BytesMut};

use crate::message::{Malformed, content_length, head_length};

/// What a stream carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message, head and body, without the line ends before it.
    Message(Bytes),
    /// A double line end: the peer asks for a [`PONG`].
    Ping,
}

/// What asks for a [`PONG`] (RFC 5626 §4.4.1).
pub const PING: &[u8] = b"\r\n\r\n";

/// The answer to a ping (RFC 5626 §4.4.1).
pub const PONG: &[u8] = b"\r\n";

/// Cuts a stream into messages.
///
/// It holds at most one message that is not whole, of at most [`MESSAGE_OCTETS_MAX`](crate::limits::MESSAGE_OCTETS_MAX)
/// octets, plus what was pushed with its end. After an error nothing in the stream can be delimited any more.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    /// Octets of the buffer that were searched for the end of the head in vain.
    searched: usize,
    /// Length of the message at the front, once its head is whole.
    length: Option<usize>,
}

impl Framer {
    /// At the start of a stream.
    pub fn new() -> Framer {
        Framer::default()
    }

    /// Takes what was read.
    pub fn push(&mut self, octets: &[u8]) {
        self.buffer.extend_from_slice(octets);
    }

    /// The buffer to read into, behind what it holds.
    pub fn buffer(&mut self, room: usize) -> &mut BytesMut {
        self.buffer.reserve(room);
        &mut self.buffer
    }

    /// Takes a single line end off the front, where one is there: for whom has sent a ping. A double one stays.
    pub fn take_pong(&mut self) -> bool {
        let found = self.length.is_none() && self.buffer.starts_with(PONG) && !self.buffer.starts_with(PING);
        if found {
            self.buffer.advance(PONG.len());
        }
        found
    }

    /// Whether a message has begun and is not whole.
    pub fn is_inside(&self) -> bool {
        self.buffer.iter().any(|octet| !matches!(octet, b'\r' | b'\n'))
    }

    /// Takes all that is held, after an error: nothing more comes out.
    pub fn take_rest(&mut self) -> Bytes {
        self.buffer.split().freeze()
    }

    /// Octets that are held.
    pub fn held(&self) -> usize {
        self.buffer.len()
    }

    /// The next message or ping; call until `None`.
    ///
    /// # Errors
    /// If what the stream holds is no SIP, is too long, or has a Content-Length that delimits nothing: the connection
    /// must be closed.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Malformed> {
        if self.length.is_none() {
            if let Some(ping) = self.skip_line_ends() {
                return Ok(Some(ping));
            }
            let Some(&first) = self.buffer.first() else {
                // An idle connection holds no buffer.
                self.buffer = BytesMut::new();
                return Ok(None);
            };
            if matches!(first, b'\r' | b'\n') {
                return Ok(None);
            }
            // A start line begins with a method or with "SIP": TLS, HTTP/2 and noise do not wait for an empty line.
            if !is_token_octet(first) {
                return Err(Malformed::StartLine);
            }
            let Some(head) = head_length(&self.buffer, self.searched)? else {
                self.searched = self.buffer.len();
                return Ok(None);
            };
            let octets = &self.buffer[..head];
            if !starts_like_sip(octets) {
                return Err(Malformed::StartLine);
            }
            self.length = Some(head + content_length(octets)?);
        }
        match self.length {
            Some(length) if self.buffer.len() >= length => {
                self.length = None;
                self.searched = 0;
                Ok(Some(Frame::Message(self.buffer.split_to(length).freeze())))
            }
            _ => Ok(None),
        }
    }

    /// Passes over line ends between messages; a double one is a ping. A single one may be the first half of it, and
    /// stays until more comes.
    fn skip_line_ends(&mut self) -> Option<Frame> {
        loop {
            match self.buffer.as_ref() {
                [b'\r', b'\n', b'\r', b'\n', ..] => {
                    self.buffer.advance(4);
                    return Some(Frame::Ping);
                }
                [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return None,
                [b'\r' | b'\n', ..] => self.buffer.advance(1),
                _ => return None,
            }
        }
    }
}

/// Whether the first line names the protocol: `… SIP/x.y`, or `SIP/x.y …`.
fn starts_like_sip(head: &[u8]) -> bool {
    let end = memchr::memchr2(b'\r', b'\n', head).unwrap_or(head.len());
    head[..end].windows(4).any(|window| window.eq_ignore_ascii_case(b"SIP/"))
}

fn is_token_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&octet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{HEAD_OCTETS_MAX, MESSAGE_OCTETS_MAX};

    const INVITE: &[u8] = b"INVITE sip:u@h SIP/2.0\r\nContent-Length: 4\r\n\r\nv=0\n";
    const BYE: &[u8] = b"BYE sip:u@h SIP/2.0\r\nl : 0\r\n\r\n";
    const OK: &[u8] = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP h\r\n\r\n";

    fn frames(framer: &mut Framer) -> Vec<Frame> {
        std::iter::from_fn(|| framer.next_frame().unwrap()).collect()
    }

    #[test]
    fn pieces_of_every_size_make_the_same_frames() {
        let stream = [b"\r\n\r\n", INVITE, b"\r\n", BYE, b"\r\n\r\n\r\n\r\n\r\n", OK, b"\r\n\r\n"].concat();
        let message = |octets: &'static [u8]| Frame::Message(Bytes::from_static(octets));
        let expected =
            vec![Frame::Ping, message(INVITE), message(BYE), Frame::Ping, Frame::Ping, message(OK), Frame::Ping];
        for size in 1..=stream.len() {
            let mut framer = Framer::new();
            let mut found = Vec::new();
            for piece in stream.chunks(size) {
                framer.push(piece);
                found.extend(frames(&mut framer));
            }
            assert_eq!(found, expected, "pieces of {size}");
            assert_eq!(framer.held(), 0);
            assert!(!framer.is_inside());
        }
    }

    #[test]
    fn a_pong_is_told_from_a_ping() {
        for (stream, pong, rest) in [
            (&b"\r\n"[..], true, 0),
            (b"\r\nSIP/2.0 200 OK", true, 14),
            (b"\r\n\r\n", false, 4),
            (b"\r", false, 1),
            (b"", false, 0),
            (b"SIP", false, 3),
        ] {
            let mut framer = Framer::new();
            framer.push(stream);
            assert_eq!((framer.take_pong(), framer.held()), (pong, rest), "{stream:?}");
        }
        let mut framer = Framer::new();
        framer.push(&INVITE[..INVITE.len() - 4]);
        assert_eq!(framer.next_frame(), Ok(None));
        assert!(!framer.take_pong(), "within a message");
    }

    #[test]
    fn a_message_that_is_not_whole_is_waited_for() {
        let mut framer = Framer::new();
        framer.push(&INVITE[..INVITE.len() - 1]);
        assert_eq!(framer.next_frame(), Ok(None));
        assert!(framer.is_inside());
        framer.push(&INVITE[INVITE.len() - 1..]);
        assert_eq!(framer.next_frame(), Ok(Some(Frame::Message(Bytes::from_static(INVITE)))));
    }

    #[test]
    fn lengths_that_delimit_nothing_end_the_stream() {
        for length in
            ["-1", "18446744073709551615", "18446744073709551616", "65536", "4x", "", "1\r\nl: 2", "0x10", "+4", "4 4"]
        {
            let mut framer = Framer::new();
            framer.push(format!("BYE sip:u@h SIP/2.0\r\nContent-Length: {length}\r\n\r\n").as_bytes());
            assert_eq!(framer.next_frame(), Err(Malformed::ContentLength), "{length}");
        }
    }

    #[test]
    fn what_is_no_sip_ends_the_stream() {
        for garbage in [
            &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
            b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\0",
            b" leading",
        ] {
            let mut framer = Framer::new();
            framer.push(garbage);
            assert_eq!(framer.next_frame(), Err(Malformed::StartLine), "{garbage:?}");
        }
    }

    #[test]
    fn a_head_without_end_is_cut_off() {
        let mut framer = Framer::new();
        framer.push(b"INVITE sip:u@h SIP/2.0\r\n");
        let mut pushed = 0;
        let verdict = loop {
            framer.push(b"X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
            pushed += 1;
            match framer.next_frame() {
                Ok(None) => assert!(pushed < HEAD_OCTETS_MAX),
                other => break other,
            }
        };
        assert_eq!(verdict, Err(Malformed::TooLong));
        assert!(framer.held() <= HEAD_OCTETS_MAX + 64);
    }

    #[test]
    fn the_longest_message_passes() {
        let head_of = |length: usize| format!("MESSAGE sip:u@h SIP/2.0\r\nContent-Length: {length}\r\n\r\n");
        let length = MESSAGE_OCTETS_MAX - head_of(10_000).len();
        let mut framer = Framer::new();
        framer.push(head_of(length).as_bytes());
        framer.push(&vec![b'x'; length]);
        assert!(
            matches!(framer.next_frame(), Ok(Some(Frame::Message(message))) if message.len() == MESSAGE_OCTETS_MAX)
        );
    }

    #[test]
    fn line_ends_alone_hold_almost_nothing() {
        let mut framer = Framer::new();
        for _ in 0..10_000 {
            framer.push(b"\n\r\n\r");
            while framer.next_frame().unwrap().is_some() {}
            assert!(framer.held() <= 4);
        }
        assert!(!framer.is_inside());
    }
}
