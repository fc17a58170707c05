//! What waits to be written to a link.

use crate::command::Class;
use crate::limits::{
    FRAME_BYTES, LINK_BYTES, LINK_CONTROL_BYTES, LINK_RELEASE_BYTES, LINK_REQUEST_BYTES, WRITE_AHEAD_BYTES, WRITE_BYTES,
};
use std::collections::VecDeque;

/// Why a frame was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Full {
    /// No room for this class.
    Room,
    /// The frame is longer than a frame may be.
    Long,
    /// No room even for answers: the peer asks and does not read.
    Unread,
}

/// What a piece has room for when it begins: a call's few packets, so that it seldom grows.
const PIECE_BYTES: usize = 1 << 10;

/// Frames behind each other.
#[derive(Debug)]
struct Piece {
    octets: Vec<u8>,
    packets: u64,
}

/// The bounded queue of a link: encoded once, in the order in which it is written. Hellos, heartbeats and lists overtake
/// packets, packets never overtake each other.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    control: Vec<u8>,
    pieces: VecDeque<Piece>,
    /// Octets and packets of the pieces.
    octets: usize,
    packets: u64,
    /// Octets that the shell has and has not written yet.
    ahead: usize,
    packets_out: u64,
    octets_out: u64,
    writes: u64,
}

impl Outgoing {
    /// Appends the frame that `write` appends to a buffer, if there is room for its class.
    pub(crate) fn push(&mut self, class: Class, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Full> {
        let bound = match class {
            Class::Request | Class::Notice => LINK_REQUEST_BYTES,
            Class::Release => LINK_RELEASE_BYTES,
            Class::Answer => LINK_BYTES,
        };
        if self.octets >= bound {
            return Err(if class == Class::Answer { Full::Unread } else { Full::Room });
        }
        if self.pieces.back().is_none_or(|piece| piece.octets.len() >= WRITE_BYTES) {
            self.pieces.push_back(Piece { octets: Vec::with_capacity(PIECE_BYTES), packets: 0 });
        }
        let Some(piece) = self.pieces.back_mut() else { return Err(Full::Room) };
        let begin = piece.octets.len();
        write(&mut piece.octets);
        let length = piece.octets.len() - begin;
        if length > 4 + FRAME_BYTES {
            piece.octets.truncate(begin);
            return Err(Full::Long);
        }
        piece.packets += 1;
        self.packets += 1;
        self.octets += length;
        Ok(())
    }

    /// Appends a frame that is no packet.
    pub(crate) fn push_control(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Full> {
        if self.control.len() >= LINK_CONTROL_BYTES {
            return Err(Full::Unread);
        }
        write(&mut self.control);
        Ok(())
    }

    /// The next octets to write, while the shell has not too many of them.
    pub(crate) fn poll_write(&mut self) -> Option<Vec<u8>> {
        if self.ahead >= WRITE_AHEAD_BYTES {
            return None;
        }
        let octets = if self.control.is_empty() {
            let piece = self.pieces.pop_front()?;
            self.octets -= piece.octets.len();
            self.packets -= piece.packets;
            self.packets_out += piece.packets;
            piece.octets
        } else {
            std::mem::take(&mut self.control)
        };
        self.ahead += octets.len();
        self.octets_out += octets.len() as u64;
        (!octets.is_empty()).then_some(octets)
    }

    /// The shell has written so many octets, by so many writes.
    pub(crate) fn handle_written(&mut self, octets: usize, writes: u64) {
        self.ahead = self.ahead.saturating_sub(octets);
        self.writes += writes;
    }

    /// Whether the shell has octets that it has not written yet.
    pub(crate) fn is_under_way(&self) -> bool {
        self.ahead > 0
    }

    /// Packets that wait.
    pub(crate) fn packets(&self) -> u64 {
        self.packets
    }

    /// Octets that wait.
    pub(crate) fn octets(&self) -> usize {
        self.octets + self.control.len()
    }

    /// Packets that were given to the shell.
    pub(crate) fn packets_out(&self) -> u64 {
        self.packets_out
    }

    /// Octets that were given to the shell.
    pub(crate) fn octets_out(&self) -> u64 {
        self.octets_out
    }

    /// Writes by which the shell has written them.
    pub(crate) fn writes(&self) -> u64 {
        self.writes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_its_room_and_control_overtakes() {
        let mut outgoing = Outgoing::default();
        let frame = |buffer: &mut Vec<u8>| buffer.extend_from_slice(&[1; 1 << 16]);
        let mut fill = |class| {
            let mut count = 0;
            loop {
                match outgoing.push(class, frame) {
                    Ok(()) => count += 1,
                    Err(full) => return (count << 16, full),
                }
            }
        };
        assert_eq!(fill(Class::Request), (LINK_REQUEST_BYTES, Full::Room));
        assert_eq!(fill(Class::Notice), (0, Full::Room));
        assert_eq!(fill(Class::Release), (LINK_RELEASE_BYTES - LINK_REQUEST_BYTES, Full::Room));
        assert_eq!(fill(Class::Answer), (LINK_BYTES - LINK_RELEASE_BYTES, Full::Unread));
        outgoing.push_control(|buffer| buffer.push(2)).unwrap();
        assert_eq!(outgoing.poll_write(), Some(vec![2]));
        let mut taken = 0;
        while let Some(octets) = outgoing.poll_write() {
            taken += octets.len();
        }
        assert!((WRITE_AHEAD_BYTES..2 * WRITE_AHEAD_BYTES).contains(&taken), "{taken}");
        outgoing.handle_written(1, 1);
        assert!(outgoing.poll_write().is_none() && outgoing.is_under_way());
        outgoing.handle_written(taken, 2);
        assert!(outgoing.poll_write().is_some());
        assert_eq!(outgoing.writes(), 3);
    }

    #[test]
    fn a_frame_that_is_too_long_leaves_nothing() {
        let mut outgoing = Outgoing::default();
        outgoing.push(Class::Request, |buffer| buffer.push(1)).unwrap();
        let long = |buffer: &mut Vec<u8>| buffer.resize(buffer.len() + FRAME_BYTES + 5, 0);
        assert_eq!(outgoing.push(Class::Answer, long), Err(Full::Long));
        assert_eq!((outgoing.packets(), outgoing.poll_write()), (1, Some(vec![1])));
        assert_eq!((outgoing.packets(), outgoing.octets(), outgoing.packets_out()), (0, 0, 1));
    }
}
