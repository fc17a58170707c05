//! How messages are cut from a stream and put on it: by Content-Length, or in frames of WebSocket.

use bytes::Bytes;

use super::framing::{Frame, Framer, PING, PONG};
use super::ws::{Frames, Sent, Taken};
use crate::message::Malformed;

/// The state of one connection.
#[derive(Debug)]
pub(super) enum Cutting {
    /// Content-Length says where a message ends (RFC 3261 §18.3).
    Octets(Framer),
    /// A message is a message of WebSocket (RFC 7118 §5.1).
    Frames(Frames),
}

/// What came out of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// A SIP message.
    Message(Bytes),
    /// The peer asks whether we live: this is the answer.
    Ping(Bytes),
    /// The answer to a ping of ours.
    Pong,
    /// The peer ends the connection in good order: this is the answer.
    End(Bytes),
}

/// Why nothing more comes out of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The end of this request cannot be told: it is refused, and the stream ends (RFC 4475 §3.1.2.3).
    Endless(Bytes),
    /// It is no SIP.
    Malformed(Malformed),
    /// It is no WebSocket for SIP: this is said, and the stream ends.
    Frames(Bytes),
}

impl Cutting {
    /// Takes what was read.
    pub(super) fn push(&mut self, octets: &[u8]) {
        match self {
            Cutting::Octets(framer) => framer.push(octets),
            Cutting::Frames(frames) => frames.push(octets),
        }
    }

    /// What comes out next; call until `None`.
    pub(super) fn cut(&mut self) -> Result<Option<Cut>, Broken> {
        match self {
            Cutting::Octets(framer) => match framer.next_frame() {
                Ok(Some(Frame::Message(bytes))) => Ok(Some(Cut::Message(bytes))),
                Ok(Some(Frame::Ping)) => Ok(Some(Cut::Ping(Bytes::from_static(PONG)))),
                Ok(None) => Ok(None),
                Err(Malformed::ContentLength | Malformed::TooLong) => Err(Broken::Endless(framer.take_rest())),
                Err(malformed) => Err(Broken::Malformed(malformed)),
            },
            Cutting::Frames(frames) => match frames.take() {
                // RFC 5626 §4.4.1 in a frame, as clients have it that cannot send pings of WebSocket.
                Ok(Some(Taken::Message(bytes))) if bytes == PING => Ok(Some(Cut::Ping(Sent::Text(PONG).to_bytes()))),
                Ok(Some(Taken::Message(bytes))) if bytes == PONG || bytes.is_empty() => Ok(Some(Cut::Pong)),
                Ok(Some(Taken::Message(bytes))) => Ok(Some(Cut::Message(bytes))),
                Ok(Some(Taken::Ping(octets))) => Ok(Some(Cut::Ping(Sent::Pong(&octets).to_bytes()))),
                Ok(Some(Taken::Pong)) => Ok(Some(Cut::Pong)),
                Ok(Some(Taken::Close(code))) => Ok(Some(Cut::End(Sent::Close(code).to_bytes()))),
                Ok(None) => Ok(None),
                Err(fault) => Err(Broken::Frames(Sent::Close(fault.code()).to_bytes())),
            },
        }
    }

    /// Whether what was read is the answer to a ping of ours, where that is no message of its own.
    pub(super) fn take_pong(&mut self) -> bool {
        match self {
            Cutting::Octets(framer) => framer.take_pong(),
            Cutting::Frames(_) => false,
        }
    }

    /// Whether something has begun and is not whole.
    pub(super) fn is_inside(&self) -> bool {
        match self {
            Cutting::Octets(framer) => framer.is_inside(),
            Cutting::Frames(frames) => frames.is_inside(),
        }
    }

    /// A message as it goes onto the stream.
    pub(super) fn message(&self, bytes: Bytes) -> Bytes {
        match self {
            Cutting::Octets(_) => bytes,
            // RFC 7118 §5.1: text, where it is text; a browser takes the other for octets.
            Cutting::Frames(_) => match std::str::from_utf8(&bytes) {
                Ok(_) => Sent::Text(&bytes).to_bytes(),
                Err(_) => Sent::Binary(&bytes).to_bytes(),
            },
        }
    }

    /// What asks the peer whether it lives.
    pub(super) fn ping(&self) -> Bytes {
        match self {
            Cutting::Octets(_) => Bytes::from_static(PING),
            Cutting::Frames(_) => Sent::Ping.to_bytes(),
        }
    }

    /// What is said before a stream ends in good order; may be empty.
    pub(super) fn farewell(&self) -> Bytes {
        match self {
            Cutting::Octets(_) => Bytes::new(),
            Cutting::Frames(_) => Sent::Close(GOING_AWAY).to_bytes(),
        }
    }
}

/// RFC 6455 §7.4.1: a server goes down.
const GOING_AWAY: u16 = 1_001;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::ws::masked;

    #[test]
    fn keep_alives_in_frames_are_no_messages() {
        let mut cutting = Cutting::Frames(Frames::default());
        for (opcode, payload) in [(0x1, PING), (0x9, b"abc"), (0x2, b"OPTIONS"), (0xa, b""), (0x1, PONG)] {
            cutting.push(&masked(0x80 | opcode, payload));
        }
        assert_eq!(cutting.cut(), Ok(Some(Cut::Ping(Bytes::from_static(b"\x81\x02\r\n")))));
        assert_eq!(cutting.cut(), Ok(Some(Cut::Ping(Bytes::from_static(b"\x8a\x03abc")))));
        assert_eq!(cutting.cut(), Ok(Some(Cut::Message(Bytes::from_static(b"OPTIONS")))));
        assert_eq!((cutting.cut(), cutting.cut(), cutting.cut()), (Ok(Some(Cut::Pong)), Ok(Some(Cut::Pong)), Ok(None)));
        cutting.push(&masked(0x88, &1_000_u16.to_be_bytes()));
        assert_eq!(cutting.cut(), Ok(Some(Cut::End(Bytes::from_static(b"\x88\x02\x03\xe8")))));
        assert_eq!(cutting.message(Bytes::from_static(b"x")), &b"\x81\x01x"[..]);
        assert_eq!(cutting.message(Bytes::from_static(b"\xff")), &b"\x82\x01\xff"[..]);
        cutting.push(b"\x81\x01x");
        assert_eq!(cutting.cut(), Err(Broken::Frames(Bytes::from_static(b"\x88\x02\x03\xea"))), "a client masks");
    }
}
