//! What of DTLS is let through to the handshake: what is well-formed, within bounds, and not from somebody who just wants to end it.
//!
//! ```text
//!   record     type │ version │ epoch │ sequence │ length │ fragment            13 octets, and the fragment (RFC 6347 §4.1)
//!   handshake  type │ length │ message_seq │ fragment_offset │ fragment_length  12 octets, and the fragment (§4.2.2)
//! ```

use crate::limits::{HANDSHAKE_FRAGMENT_BYTES_MIN, HANDSHAKE_FRAGMENTS, HANDSHAKE_MESSAGE_BYTES, HANDSHAKE_OCTETS};

const RECORD_BYTES: usize = 13;
const HANDSHAKE_BYTES: usize = 12;
/// The client's random, behind its version, as long as both are.
const RANDOM: std::ops::Range<usize> = HANDSHAKE_BYTES + 2..HANDSHAKE_BYTES + 34;
/// Messages of a handshake: a client sends six, a server seven.
const MESSAGES: u16 = 16;

/// Content types (RFC 5246 §6.2.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
/// `client_hello` (RFC 5246 §7.4).
const CLIENT_HELLO: u8 = 1;

/// What one handshake has been sent.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    octets: usize,
    fragments: usize,
}

/// What is in a datagram that may pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// It begins a handshake (`message_seq` 0): the random that names it.
    pub hello: Option<[u8; 32]>,
}

impl Gate {
    /// Looks at a datagram. `None`: it is malformed, too much, or nothing of a handshake, and is dropped as a whole.
    ///
    /// Alerts in the clear are nothing: anybody can write one (RFC 6347 §4.1.2.7), and who means it falls silent. Application data has no place here.
    pub fn look(datagram: &[u8]) -> Option<Seen> {
        let mut counted = Self::default();
        counted.count(datagram)
    }

    /// The same, and counts it. `None` also: the handshake was sent as much as any may be.
    pub fn pass(&mut self, datagram: &[u8]) -> Option<Seen> {
        let mut counted = self.clone();
        let seen = counted.count(datagram)?;
        *self = counted;
        Some(seen)
    }

    fn count(&mut self, datagram: &[u8]) -> Option<Seen> {
        self.octets += datagram.len();
        let mut seen = Seen::default();
        let mut rest = datagram;
        while !rest.is_empty() {
            let (header, behind) = rest.split_at_checked(RECORD_BYTES)?;
            let epoch = u16::from_be_bytes([header[3], header[4]]);
            let length = usize::from(u16::from_be_bytes([header[11], header[12]]));
            let (fragment, next) = behind.split_at_checked(length)?;
            // Each record is kept for itself.
            self.fragments += 1;
            match (header[0], epoch) {
                _ if header[1] != 0xfe || fragment.is_empty() => return None,
                (HANDSHAKE, 0) => self.count_messages(fragment, &mut seen)?,
                // What is encrypted shows nothing of what it is; it is authenticated before anything is done with it.
                (CHANGE_CIPHER_SPEC, 0) | (CHANGE_CIPHER_SPEC | ALERT | HANDSHAKE, 1) => {}
                _ => return None,
            }
            rest = next;
        }
        let fits = self.octets <= HANDSHAKE_OCTETS && self.fragments <= HANDSHAKE_FRAGMENTS;
        fits.then_some(seen)
    }

    fn count_messages(&mut self, record: &[u8], seen: &mut Seen) -> Option<()> {
        let mut rest = record;
        while !rest.is_empty() {
            let header = rest.get(..HANDSHAKE_BYTES)?;
            let number = |octets: &[u8]| octets.iter().fold(0, |number, octet| number << 8 | usize::from(*octet));
            let (length, offset, here) = (number(&header[1..4]), number(&header[6..9]), number(&header[9..12]));
            let sequence = u16::from_be_bytes([header[4], header[5]]);
            let end = offset.checked_add(here)?;
            let is_whole_or_last = end == length;
            let is_sensible = here >= HANDSHAKE_FRAGMENT_BYTES_MIN || is_whole_or_last;
            if length > HANDSHAKE_MESSAGE_BYTES || end > length || !is_sensible || sequence >= MESSAGES {
                return None;
            }
            if here == 0 && length != 0 {
                return None;
            }
            let (message, next) = rest.split_at_checked(HANDSHAKE_BYTES + here)?;
            if header[0] == CLIENT_HELLO && sequence == 0 && offset == 0 {
                seen.hello = message.get(RANDOM).and_then(|random| random.try_into().ok());
            }
            self.fragments += 1;
            rest = next;
        }
        Some(())
    }
}
