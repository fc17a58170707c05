//! The input as a tape of choices: what an operation sequence is read from.

/// Octets that are taken from the front; past the end there are only zeros, so that every input is a whole sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tape<'a> {
    rest: &'a [u8],
}

impl<'a> Tape<'a> {
    /// At the start of `data`.
    pub(crate) fn new(data: &'a [u8]) -> Tape<'a> {
        Tape { rest: data }
    }

    /// Whether something is left.
    pub(crate) fn is_left(&self) -> bool {
        !self.rest.is_empty()
    }

    /// The next octet.
    pub(crate) fn octet(&mut self) -> u8 {
        let Some((&first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        first
    }

    /// Two octets, big-endian.
    pub(crate) fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.octet(), self.octet()])
    }

    /// One of `bound` choices, at most 256; 0 of none.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.octet()) % bound.max(1)
    }

    /// One of these.
    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        let at = self.below(of.len());
        of.get(at).cloned()
    }

    /// Yes or no.
    pub(crate) fn flag(&mut self) -> bool {
        self.octet() & 1 == 1
    }

    /// At most `length` octets, as many as are left.
    pub(crate) fn octets(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// All that is left up to the next NUL, which is passed over: one text of several.
    pub(crate) fn text(&mut self) -> &'a [u8] {
        let end = self.rest.iter().position(|&octet| octet == 0);
        let taken = self.octets(end.unwrap_or(self.rest.len()));
        if end.is_some() {
            self.octet();
        }
        taken
    }

    /// All that is left.
    pub(crate) fn remainder(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }
}
