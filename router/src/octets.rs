//! Where values are encoded.

use minicbor::encode;
use std::convert::Infallible;

/// The end of a buffer. What CBOR appends is mostly an octet at a time, so appending is part of the encoder's code instead of a call for
/// each: half the instructions of a packet.
#[derive(Debug)]
pub struct Octets<'a>(pub &'a mut Vec<u8>);

impl encode::Write for Octets<'_> {
    type Error = Infallible;

    #[inline(always)]
    fn write_all(&mut self, octets: &[u8]) -> Result<(), Infallible> {
        match octets {
            [one] => self.0.push(*one),
            _ => self.0.extend_from_slice(octets),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_a_vector_would() {
        let value = (u64::MAX, "a text".to_owned(), vec![0u8, 24, 255], Option::<u8>::None);
        let mut octets = vec![7];
        encode(&value, Octets(&mut octets)).unwrap();
        assert_eq!(octets.split_off(1), minicbor::to_vec(&value).unwrap());
    }
}
