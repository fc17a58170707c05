//! A stream of SIP messages, in pieces: the pieces never matter, and what is held is bounded.

use signaling::limits::{HEAD_OCTETS_MAX, MESSAGE_OCTETS_MAX};
use signaling::message::{Malformed, Message};
use signaling::transport::{Frame, Framer};

use crate::tape::Tape;

/// The first two octets are the seed of the pieces' sizes, the rest is the stream.
pub fn sip_stream(data: &[u8]) {
    let mut tape = Tape::new(data);
    let sizes = [tape.octet(), tape.octet()].map(|size| usize::from(size).max(1));
    let stream = tape.remainder();
    let whole = frames(stream, [stream.len().max(1); 2]);
    assert_eq!(whole, frames(stream, sizes), "pieces do not matter");
    for frame in &whole.0 {
        if let Frame::Message(octets) = frame {
            assert!(octets.len() <= MESSAGE_OCTETS_MAX);
            if let Ok(message) = Message::parse_framed(octets.clone()) {
                assert!(message.body_octets().len() <= octets.len());
                let _ = message.validate();
            }
        }
    }
}

fn frames(stream: &[u8], sizes: [usize; 2]) -> (Vec<Frame>, Option<Malformed>) {
    let mut framer = Framer::new();
    let mut found = Vec::new();
    let mut rest = stream;
    for size in sizes.into_iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, left) = rest.split_at(size.min(rest.len()));
        rest = left;
        framer.push(piece);
        loop {
            match framer.next_frame() {
                Ok(Some(frame)) => found.push(frame),
                Ok(None) => break,
                Err(fault) => return (found, Some(fault)),
            }
        }
        assert!(framer.held() <= MESSAGE_OCTETS_MAX + HEAD_OCTETS_MAX + piece.len());
    }
    (found, None)
}
