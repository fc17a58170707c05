//! The frames of WebSocket as a server reads and writes them (RFC 6455 §5).
//!
//! ```text
//!   0               1               2               3
//!  +-+-+-+-+-------+-+-------------+-------------------------------+
//!  |F|R|R|R| opcode|M| length (7)  |  length (16 or 64, as needed) |
//!  +-+-+-+-+-------+-+-------------+-------------------------------+
//!  | key that masks what a client sends (32)       | payload …     |
//!  +-----------------------------------------------+---------------+
//! ```

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::limits::MESSAGE_OCTETS_MAX;

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;

/// RFC 6455 §5.5: what a control frame carries at most, so that its length takes seven bits.
const CONTROL_OCTETS_MAX: usize = 125;

/// RFC 6455 §7.4.1: no status was given.
const NO_STATUS: u16 = 1_005;

/// RFC 6455 §7.4.1: what was to be done is done.
const NORMAL: u16 = 1_000;

/// What a client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// A message, its frames joined.
    Message(Bytes),
    /// It asks for a pong with these octets.
    Ping(Bytes),
    /// The answer to a ping.
    Pong,
    /// It ends the connection, with that status.
    Close(u16),
}

/// Why a client's frames cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// They break the protocol.
    Protocol,
    /// A message is longer than SIP's may be.
    TooLong,
}

impl FrameFault {
    /// What the client is told (RFC 6455 §7.4.1).
    pub const fn code(self) -> u16 {
        match self {
            FrameFault::Protocol => 1_002,
            FrameFault::TooLong => 1_009,
        }
    }
}

/// Reads frames of a client. It holds at most one message that is not whole, of at most
/// [`MESSAGE_OCTETS_MAX`] octets, plus what was pushed with its end. After a fault nothing more
/// can be read.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: BytesMut,
    /// What has come of a message in several frames.
    joined: Option<BytesMut>,
}

/// A frame's head.
struct Head {
    is_final: bool,
    opcode: u8,
    /// Octets of the head.
    octets: usize,
    mask: [u8; 4],
    /// Octets of the payload.
    length: usize,
}

impl Frames {
    /// Takes what was read.
    pub fn push(&mut self, octets: &[u8]) {
        self.buffer.extend_from_slice(octets);
    }

    /// Whether a frame or a message has begun and is not whole.
    pub fn is_inside(&self) -> bool {
        !self.buffer.is_empty() || self.joined.is_some()
    }

    /// Octets that are held.
    pub fn held(&self) -> usize {
        self.buffer.len() + self.joined.as_ref().map_or(0, BytesMut::len)
    }

    /// The next thing that is whole; call until `None`.
    ///
    /// # Errors
    /// If the client breaks the protocol: the connection must be closed.
    pub fn take(&mut self) -> Result<Option<Taken>, FrameFault> {
        loop {
            let Some(head) = self.head()? else {
                if self.buffer.is_empty() {
                    // An idle connection holds no buffer.
                    self.buffer = BytesMut::new();
                }
                return Ok(None);
            };
            if self.buffer.len() - head.octets < head.length {
                return Ok(None);
            }
            self.buffer.advance(head.octets);
            let mut payload = self.buffer.split_to(head.length);
            unmask(&mut payload, head.mask);
            match head.opcode {
                CLOSE => return Ok(Some(Taken::Close(status(&payload)?))),
                PING => return Ok(Some(Taken::Ping(payload.freeze()))),
                PONG => return Ok(Some(Taken::Pong)),
                _ if head.is_final && self.joined.is_none() => return Ok(Some(Taken::Message(payload.freeze()))),
                _ => {
                    let joined = self.joined.get_or_insert_default();
                    joined.extend_from_slice(&payload);
                    if head.is_final {
                        let whole = self.joined.take().unwrap_or_default();
                        return Ok(Some(Taken::Message(whole.freeze())));
                    }
                }
            }
        }
    }

    /// The head at the front, once it is whole. What may not be there is refused before its payload is waited for.
    fn head(&self) -> Result<Option<Head>, FrameFault> {
        let [first, second, rest @ ..] = self.buffer.as_ref() else { return Ok(None) };
        let (is_final, opcode) = (first & FINAL != 0, first & 0x0f);
        // No extension is agreed on (RFC 6455 §5.2), and a client masks all that it sends (§5.1).
        if first & RESERVED != 0 || second & MASKED == 0 {
            return Err(FrameFault::Protocol);
        }
        let (extended, length) = match second & !MASKED {
            126 => match rest {
                [a, b, ..] => (2, u64::from(u16::from_be_bytes([*a, *b]))),
                _ => return Ok(None),
            },
            127 => match rest.first_chunk() {
                Some(octets) => (8, u64::from_be_bytes(*octets)),
                None => return Ok(None),
            },
            length => (0, u64::from(length)),
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        match opcode {
            CLOSE | PING | PONG if !is_final || length > CONTROL_OCTETS_MAX => return Err(FrameFault::Protocol),
            CLOSE | PING | PONG => {}
            CONTINUATION if self.joined.is_none() => return Err(FrameFault::Protocol),
            TEXT | BINARY if self.joined.is_some() => return Err(FrameFault::Protocol),
            CONTINUATION | TEXT | BINARY => {
                let held = self.joined.as_ref().map_or(0, BytesMut::len);
                if length > MESSAGE_OCTETS_MAX - held.min(MESSAGE_OCTETS_MAX) {
                    return Err(FrameFault::TooLong);
                }
                // One that brings nothing and ends nothing may be repeated for ever.
                if length == 0 && !is_final {
                    return Err(FrameFault::Protocol);
                }
            }
            _ => return Err(FrameFault::Protocol),
        }
        let Some(mask) = rest.get(extended..).and_then(<[u8]>::first_chunk) else { return Ok(None) };
        Ok(Some(Head { is_final, opcode, octets: 2 + extended + mask.len(), mask: *mask, length }))
    }
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    for chunk in payload.chunks_mut(mask.len()) {
        chunk.iter_mut().zip(mask).for_each(|(octet, key)| *octet ^= key);
    }
}

/// The status of a Close, as it is to be answered (RFC 6455 §5.5.1).
fn status(payload: &[u8]) -> Result<u16, FrameFault> {
    match payload {
        [] => Ok(NORMAL),
        [a, b, ..] => match u16::from_be_bytes([*a, *b]) {
            // Those that stand for what was not said, and those that there are not (§7.4.1, §7.4.2).
            code @ (1_000..=1_003 | 1_007..=1_014 | 3_000..=4_999) if code != NO_STATUS => Ok(code),
            _ => Err(FrameFault::Protocol),
        },
        [_] => Err(FrameFault::Protocol),
    }
}

/// What a server sends.
#[derive(Clone, Copy, Debug)]
pub enum Sent<'a> {
    /// A message that is text.
    Text(&'a [u8]),
    /// One that is not.
    Binary(&'a [u8]),
    /// Asks for a pong.
    Ping,
    /// The answer to a ping, with its octets.
    Pong(&'a [u8]),
    /// The end, with that status.
    Close(u16),
}

impl Sent<'_> {
    /// One frame, whole and unmasked (RFC 6455 §5.1).
    pub fn to_bytes(self) -> Bytes {
        let code;
        let (opcode, payload) = match self {
            Sent::Text(payload) => (TEXT, payload),
            Sent::Binary(payload) => (BINARY, payload),
            Sent::Ping => (PING, &[][..]),
            Sent::Pong(payload) => (PONG, payload),
            Sent::Close(status) => {
                code = status.to_be_bytes();
                (CLOSE, &code[..])
            }
        };
        let mut frame = BytesMut::with_capacity(10 + payload.len());
        frame.put_u8(FINAL | opcode);
        match payload.len() {
            length @ 0..=125 => frame.put_u8(length as u8),
            length @ 126..=0xffff => {
                frame.put_u8(126);
                frame.put_u16(length as u16);
            }
            length => {
                frame.put_u8(127);
                frame.put_u64(length as u64);
            }
        }
        frame.put_slice(payload);
        frame.freeze()
    }
}

/// A frame as a client sends it: its first octet, and its payload.
#[cfg(test)]
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(MASKED | length as u8),
        length @ 126..=0xffff => {
            frame.push(MASKED | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(MASKED | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    frame.extend(mask);
    let at = frame.len();
    frame.extend(payload);
    unmask(&mut frame[at..], mask);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(frames: &mut Frames) -> Result<Vec<Taken>, FrameFault> {
        let mut taken = Vec::new();
        while let Some(one) = frames.take()? {
            taken.push(one);
        }
        Ok(taken)
    }

    /// Whether that stream breaks the protocol, and how.
    fn fault(octets: &[u8]) -> Option<FrameFault> {
        let mut frames = Frames::default();
        frames.push(octets);
        all(&mut frames).err()
    }

    #[test]
    fn the_example_of_the_rfc_reads_hello() {
        let mut frames = Frames::default();
        frames.push(&[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
        assert_eq!(frames.take(), Ok(Some(Taken::Message(Bytes::from_static(b"Hello")))));
        assert_eq!((frames.take(), frames.is_inside(), frames.held()), (Ok(None), false, 0));
    }

    #[test]
    fn frames_are_joined_and_control_frames_come_between_them() {
        let long = vec![b'x'; 70];
        let mut stream = Vec::new();
        stream.extend(masked(TEXT, b"INVITE "));
        stream.extend(masked(FINAL | PING, b"?"));
        stream.extend(masked(CONTINUATION, &long));
        stream.extend(masked(FINAL | CONTINUATION, b""));
        stream.extend(masked(FINAL | BINARY, b"next"));
        for piece in [1, 2, 3, 7, stream.len()] {
            let (mut frames, mut taken) = (Frames::default(), Vec::new());
            for octets in stream.chunks(piece) {
                frames.push(octets);
                taken.extend(all(&mut frames).unwrap());
            }
            let joined = [b"INVITE ", &long[..]].concat();
            let expected = [
                Taken::Ping(Bytes::from_static(b"?")),
                Taken::Message(Bytes::from(joined)),
                Taken::Message(Bytes::from_static(b"next")),
            ];
            assert_eq!(taken, expected, "in pieces of {piece}");
            assert!(!frames.is_inside());
        }
    }

    #[test]
    fn lengths_of_every_form_read_back() {
        for length in [0, 125, 126, 65_534, MESSAGE_OCTETS_MAX] {
            let payload = vec![7; length];
            let mut frames = Frames::default();
            frames.push(&masked(FINAL | BINARY, &payload));
            assert_eq!(frames.take(), Ok(Some(Taken::Message(payload.clone().into()))));
            let sent = Sent::Binary(&payload).to_bytes();
            assert_eq!(sent.len(), length + [2, 4, 10][usize::from(length > 125) + usize::from(length > 0xffff)]);
        }
    }

    #[test]
    fn what_breaks_the_protocol_is_refused_before_its_payload() {
        let protocol = Some(FrameFault::Protocol);
        for (octets, why) in [
            (&[0x81, 0x01, b'x'][..], "not masked"),
            (&[0xc1, 0x81], "a reserved bit"),
            (&[0x83, 0x80], "a reserved opcode"),
            (&[0x80, 0x80], "nothing to continue"),
            (&[0x09, 0x80], "a control frame in pieces"),
            (&[0x89, 0xfe, 0, 126], "a long control frame"),
            (&[0x01, 0x80], "a piece of nothing"),
            (&masked(FINAL | CLOSE, b"x"), "half a status"),
            (&masked(FINAL | CLOSE, &1_005_u16.to_be_bytes()), "a status that nobody sends"),
        ] {
            assert_eq!(fault(octets), protocol, "{why}");
        }
        let interleaved = [masked(TEXT, b"a"), masked(FINAL | TEXT, b"b")].concat();
        assert_eq!(fault(&interleaved), protocol);
        let too_long = Some(FrameFault::TooLong);
        assert_eq!(fault(&[0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), too_long);
        let most = masked(BINARY, &vec![0; MESSAGE_OCTETS_MAX]);
        assert_eq!(fault(&[most.clone(), masked(FINAL | CONTINUATION, b"x")].concat()), too_long);
        assert_eq!(fault(&[most, masked(FINAL | CONTINUATION, b"")].concat()), None);
    }

    #[test]
    fn a_close_is_answered_by_its_own_status() {
        for (payload, code) in [(&b""[..], 1_000), (&[0x03, 0xe9], 1_001), (&[0x0f, 0xa0, b'x'], 4_000)] {
            let mut frames = Frames::default();
            frames.push(&masked(FINAL | CLOSE, payload));
            assert_eq!(frames.take(), Ok(Some(Taken::Close(code))));
        }
    }
}
