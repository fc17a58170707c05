//! Conferences: where they are, what they count, and how a call becomes one.
//!
//! ```text
//!  switch ── Start × Builtin (conference NAME) ──▶ voice, the worker that the name says     Done: the port has its seat
//!  switch#call ── Start × Conversion ──▶ switch#call      Done × Conversion (name): the call has become that conference
//!  anybody ── Query × Conference ──▶ voice/n              Done × Conference…: those of that worker, by name
//! ```

use super::party::Origin;
use crate::address::Address;
use crate::time::WallTime;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use std::fmt;

/// Octets of a conference's name at most: a number of any plan, or a word that a person can say.
pub const CONFERENCE_NAME_BYTES: usize = 32;

/// What the names of conferences begin with that calls were turned into: no room's does.
const OF_CALLS: u8 = b'~';

/// The name of a conference: letters, digits and `-_.+*#`, so that it can stand in a URI's user part, a log and a plan. A conference that a call
/// was turned into has `~` before it.
///
/// It lies in itself, without an allocation, and is copied like a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConferenceName {
    octets: [u8; CONFERENCE_NAME_BYTES],
    length: u8,
}

impl ConferenceName {
    /// A room of the plan; `None`: it cannot be called so.
    pub fn room(text: &str) -> Option<Self> {
        Self::of(text).filter(|name| !name.is_of_calls())
    }

    /// A conference that a call is turned into: drawn until it is at that one of so many workers, as many draws as workers on average.
    pub fn of_call(worker: u8, workers: u8, mut draw: impl FnMut() -> u64) -> Self {
        let fits = |name: &Self| workers <= 1 || worker >= workers || name.worker(workers) == worker;
        loop {
            if let Some(name) = Self::of(&format!("~{:016x}", draw())).filter(fits) {
                return name;
            }
        }
    }

    /// Either.
    pub fn of(text: &str) -> Option<Self> {
        let plain = text.strip_prefix(char::from(OF_CALLS)).unwrap_or(text);
        let legal = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.+*#".contains(&octet);
        if plain.is_empty() || text.len() > CONFERENCE_NAME_BYTES || !plain.bytes().all(legal) {
            return None;
        }
        let mut octets = [0; CONFERENCE_NAME_BYTES];
        octets[..text.len()].copy_from_slice(text.as_bytes());
        Some(Self { octets, length: text.len() as u8 })
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        // Nothing but ASCII is ever put in.
        std::str::from_utf8(&self.octets[..usize::from(self.length)]).unwrap_or_default()
    }

    /// Whether a call was turned into it.
    pub fn is_of_calls(&self) -> bool {
        self.octets[0] == OF_CALLS
    }

    /// At which of so many media workers it is: everybody who knows the name knows it (FNV-1a, 64 bits, mixed once more, as
    /// names of one length differ in few of its bits).
    pub fn worker(&self, workers: u8) -> u8 {
        let add = |hash: u64, octet: &u8| (hash ^ u64::from(*octet)).wrapping_mul(0x0000_0100_0000_01b3);
        let hash = self.octets[..usize::from(self.length)].iter().fold(0xcbf2_9ce4_8422_2325, add);
        let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        ((mixed >> 33) % u64::from(workers.max(1))) as u8
    }
}

impl fmt::Display for ConferenceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ConferenceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl<C> Encode<C> for ConferenceName {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.str(self.as_str())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ConferenceName {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::of(d.str()?).ok_or_else(|| decode::Error::message("no conference can have that name"))
    }
}

/// `Query × Conference, Selection` to a media worker: one conference as it stands.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Conference {
    /// Its name; in the question anything.
    #[n(0)]
    pub name: ConferenceName,
    /// How many have a seat.
    #[n(1)]
    pub members: u16,
    /// Since when.
    #[n(2)]
    pub since: WallTime,
    /// Packets of members that came after their time, and were left out.
    #[n(3)]
    pub packets_late: u64,
    /// Frames that the mixer has made.
    #[n(4)]
    pub frames: u64,
}

/// `Start × Conversion` to a call, from another one of the platform or from an operator: it is to become a conference, in which its parties go on
/// talking. `Done × Conversion` names that one. A call that is in a conference already names it.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Conversion {
    /// The leg of the call whose dialog was named (SIP: Join, RFC 3911); `None`: an operator names the call.
    #[n(0)]
    pub leg: Option<Address>,
    /// On whose behalf.
    #[n(1)]
    pub origin: Origin,
    /// In the answer, and where an operator says into which: the conference.
    #[n(2)]
    pub name: Option<ConferenceName>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_word() {
        let longest = "x".repeat(CONFERENCE_NAME_BYTES);
        for good in ["sales", "3000", "+49-30.1_2", "*98#", &longest] {
            assert_eq!(ConferenceName::room(good).unwrap().as_str(), good);
        }
        let too_long = "x".repeat(CONFERENCE_NAME_BYTES + 1);
        for bad in ["", "~", "~room", "a b", "ä", "a@b", "<", &too_long] {
            assert_eq!(ConferenceName::room(bad), None, "{bad}");
        }
        assert!(ConferenceName::of("~a").unwrap().is_of_calls());
        assert_eq!(ConferenceName::of("~~a"), None);
    }

    #[test]
    fn a_conference_of_calls_is_where_their_ports_are() {
        let mut draws = 0_u64;
        for workers in 1..=16 {
            for worker in 0..workers {
                let name = ConferenceName::of_call(worker, workers, || {
                    draws += 1;
                    draws.wrapping_mul(0x9e37_79b9_7f4a_7c15)
                });
                assert_eq!(name.worker(workers), worker);
                assert!(name.is_of_calls());
            }
        }
        assert!(draws < 136 * 40, "{draws} draws for 136 names");
    }

    #[test]
    fn rooms_are_spread_over_workers() {
        let mut at = [0; 4];
        for room in 3_000..3_400 {
            at[usize::from(ConferenceName::room(&room.to_string()).unwrap().worker(4))] += 1;
        }
        assert!(at.iter().all(|rooms| (60..=140).contains(rooms)), "{at:?}");
    }
}
