//! Frames of a stream: four octets of length, big-endian, then as many octets.

use crate::encoding::EncodingError;

/// Cuts a stream into frames, whatever pieces it arrives in. Keeps of it only the frame that is not complete.
#[derive(Debug)]
pub struct FrameReader {
    partial: Vec<u8>,
    bound: usize,
}

impl FrameReader {
    /// For frames of at most `bound` octets.
    pub fn new(bound: usize) -> Self {
        Self { partial: Vec::new(), bound }
    }

    /// Sets another bound, from the next frame on.
    pub fn set_bound(&mut self, bound: usize) {
        self.bound = bound;
    }

    /// The next frame's content, of what is kept and of the begin of `bytes`, which is moved on; `None` when more octets are
    /// needed: `bytes` is empty then. After each content, [`consumed`](Self::consumed) is to be called.
    pub fn next<'a, 'b: 'a>(&'a mut self, bytes: &mut &'b [u8]) -> Result<Option<&'a [u8]>, EncodingError> {
        if self.partial.is_empty() {
            let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
                self.partial.extend_from_slice(bytes);
                *bytes = &[];
                return Ok(None);
            };
            let length = self.length(*length)?;
            if let Some((content, rest)) = rest.split_at_checked(length) {
                *bytes = rest;
                return Ok(Some(content));
            }
            // Not more than has come is kept: a length alone takes no memory.
            self.partial.extend_from_slice(bytes);
            *bytes = &[];
            return Ok(None);
        }
        if !self.fill(4, bytes) {
            return Ok(None);
        }
        let mut length = [0; 4];
        length.copy_from_slice(&self.partial[..4]);
        let length = self.length(length)?;
        if !self.fill(4 + length, bytes) {
            return Ok(None);
        }
        Ok(Some(&self.partial[4..]))
    }

    /// After a frame that [`next`](Self::next) gave was dealt with.
    pub fn consumed(&mut self) {
        // A large frame's memory is not kept for small ones.
        if self.partial.capacity() > 1 << 16 {
            self.partial = Vec::new();
        }
        self.partial.clear();
    }

    /// How many octets wait for the rest of their frame.
    pub fn kept(&self) -> usize {
        self.partial.len()
    }

    /// Whether what is kept has `to` octets, after as many as are missing were taken from `bytes`.
    fn fill(&mut self, to: usize, bytes: &mut &[u8]) -> bool {
        let missing = to.saturating_sub(self.partial.len()).min(bytes.len());
        let (taken, rest) = bytes.split_at(missing);
        self.partial.extend_from_slice(taken);
        *bytes = rest;
        self.partial.len() >= to
    }

    fn length(&self, octets: [u8; 4]) -> Result<usize, EncodingError> {
        let length = u32::from_be_bytes(octets) as usize;
        if length > self.bound { Err(EncodingError::TooLong(length)) } else { Ok(length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(reader: &mut FrameReader, mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        while let Some(content) = reader.next(&mut bytes).unwrap() {
            found.push(content.to_vec());
            reader.consumed();
        }
        assert!(bytes.is_empty());
        found
    }

    #[test]
    fn a_stream_is_cut_into_the_same_frames_whatever_its_pieces() {
        let stream = [&[0, 0, 0, 3][..], b"abc", &[0; 4], &[0, 0, 0, 1], b"d", &[0, 0, 0, 2], b"ef"].concat();
        let expected = [&b"abc"[..], b"", b"d", b"ef"];
        for size in 1..=stream.len() {
            let mut reader = FrameReader::new(3);
            let found: Vec<_> = stream.chunks(size).flat_map(|piece| frames(&mut reader, piece)).collect();
            assert_eq!(found, expected, "in pieces of {size}");
            assert_eq!(reader.kept(), 0);
        }
    }

    #[test]
    fn a_length_beyond_the_bound_is_an_error_before_its_content() {
        for size in 1..=4 {
            let mut reader = FrameReader::new(3);
            let found = [0, 0, 0, 4].chunks(size).try_for_each(|mut piece| reader.next(&mut piece).map(drop));
            assert!(matches!(found, Err(EncodingError::TooLong(4))), "in pieces of {size}");
        }
    }
}
