//! To tags of requests that are refused without a transaction as there are too many: the ACK that brings one back is known by it before anything is read.
//!
//! ```text
//!   ┌── 32 bits of the request ──┬── 32 bits of a keyed hash of these ──┐
//! ```
//! A request and its repetitions get the same one (RFC 3261 §8.2.7), and nobody makes one up.

use super::peek;
use crate::message::Tag;
use router::Random;
use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};

/// Makes them and knows them again.
#[derive(Debug)]
pub struct RefusalTags {
    key: u64,
    hasher: RandomState,
}

impl RefusalTags {
    /// With a secret of its own.
    pub fn new(random: &mut Random) -> Self {
        Self { key: random.next_u64(), hasher: RandomState::new() }
    }

    /// The tag for a request that these bits are of.
    pub fn tag(&self, bits: u64) -> Tag {
        let bits = bits >> 32;
        Tag::of_random(bits << 32 | u64::from(self.proof(bits as u32)))
    }

    /// Whether it is one of them.
    pub fn is_one(&self, tag: u64) -> bool {
        tag as u32 == self.proof((tag >> 32) as u32)
    }

    /// The tag of such a refusal that a message is the ACK to, or says that it is.
    pub fn acknowledged_by(&self, octets: &[u8]) -> Option<u64> {
        let tags = octets.starts_with(b"ACK ").then(|| peek::tags(octets));
        tags.into_iter().flatten().find(|&tag| self.is_one(tag))
    }

    fn proof(&self, bits: u32) -> u32 {
        let mut hasher: DefaultHasher = self.hasher.build_hasher();
        hasher.write_u64(self.key);
        hasher.write_u32(bits);
        hasher.finish() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ack_is_known_by_the_tag_that_it_brings_back_and_no_other_message_is() {
        let tags = RefusalTags::new(&mut Random::from_seed(1));
        let others = RefusalTags::new(&mut Random::from_seed(2));
        let (tag, other) = (tags.tag(0x1234_5678_9abc_def0), others.tag(0x1234_5678_9abc_def0));
        assert_eq!(tag, tags.tag(0x1234_5678_0000_0000), "of the request alone");
        let message = |method: &str, tag: &str| {
            format!(
                "{method} sip:b@h SIP/2.0\r\nFrom: <sip:a@h>;tag=00000000000000ff\r\nTo: <sip:b@h>;tag={tag}\r\n\r\n"
            )
        };
        let is_ack = |method, tag| tags.acknowledged_by(message(method, tag).as_bytes()).is_some();
        assert!(is_ack("ACK", tag.as_str()));
        assert!(!is_ack("BYE", tag.as_str()) && !is_ack("ACK", other.as_str()) && !is_ack("ACK", "x"));
    }
}
