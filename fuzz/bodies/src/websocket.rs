//! The stream of a WebSocket: the request that opens it, then frames. Their pieces never matter, and what is held is bounded.

use signaling::limits::MESSAGE_OCTETS_MAX;
use signaling::transport::limits::UPGRADE_OCTETS_MAX;
use signaling::transport::ws::{FrameFault, Frames, Sent, Taken, Verdict, judge};

use crate::tape::Tape;

/// Octets of a frame's head at most (RFC 6455 §5.2).
const HEAD_OCTETS: usize = 14;

/// The first two octets are the seed of the pieces' sizes, the third says whether frames come without a request before them, the
/// rest is the stream.
pub fn websocket(data: &[u8]) {
    let mut tape = Tape::new(data);
    let sizes = [tape.octet(), tape.octet()].map(|size| usize::from(size).max(1));
    let bare = tape.octet() & 1 == 1;
    let stream = tape.remainder();
    let frames = match bare {
        true => stream,
        false => match opened(stream) {
            Some(rest) => rest,
            None => return,
        },
    };
    let whole = taken(frames, [frames.len().max(1); 2]);
    assert_eq!(whole, taken(frames, sizes), "pieces do not matter");
    for one in &whole.0 {
        match one {
            Taken::Message(octets) => {
                assert!(octets.len() <= MESSAGE_OCTETS_MAX);
                let sent = Sent::Binary(octets).to_bytes();
                assert!(sent.ends_with(octets) && sent.len() <= octets.len() + HEAD_OCTETS);
            }
            Taken::Ping(octets) => assert!(octets.len() <= 125, "a control frame"),
            Taken::Close(code) => assert!((1_000..5_000).contains(code)),
            Taken::Pong => {}
        }
    }
}

/// What follows a request that opens a WebSocket.
fn opened(stream: &[u8]) -> Option<&[u8]> {
    let origins = ["https://phone.example".into()];
    for origins in [&[][..], &origins] {
        match judge(stream, origins) {
            Verdict::Incomplete => assert!(stream.len() < UPGRADE_OCTETS_MAX, "it would be waited for without end"),
            Verdict::Open(length, answer) => {
                assert!(length <= stream.len() && length <= UPGRADE_OCTETS_MAX + 4);
                assert!(stream[..length].ends_with(b"\r\n\r\n"), "frames begin behind the request");
                assert!(answer.starts_with("HTTP/1.1 101 ") && answer.ends_with("\r\n\r\n"));
                assert_eq!(answer.matches("\r\n\r\n").count(), 1, "nothing of the request ends the answer");
                // What was judged so is judged so whatever comes behind it, and not before it is whole.
                assert_eq!(judge(&stream[..length], origins), Verdict::Open(length, answer));
                assert_eq!(judge(&stream[..length - 1], origins), Verdict::Incomplete);
                if origins.is_empty() {
                    return Some(&stream[length..]);
                }
            }
            Verdict::Refused(answer) => assert!(answer.starts_with("HTTP/1.1 4")),
        }
    }
    None
}

fn taken(stream: &[u8], sizes: [usize; 2]) -> (Vec<Taken>, Option<FrameFault>) {
    let mut frames = Frames::default();
    let mut found = Vec::new();
    let mut rest = stream;
    for size in sizes.into_iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, left) = rest.split_at(size.min(rest.len()));
        rest = left;
        frames.push(piece);
        loop {
            match frames.take() {
                Ok(Some(one)) => found.push(one),
                Ok(None) => break,
                Err(fault) => return (found, Some(fault)),
            }
        }
        // A message in pieces, and behind it a frame that is not whole.
        assert!(frames.held() <= 2 * MESSAGE_OCTETS_MAX + HEAD_OCTETS + piece.len());
    }
    (found, None)
}
