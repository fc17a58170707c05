//! Which payload type means which format on one leg, for the life of its dialog.

use super::codec::find;
use crate::limits::CODECS;
use router::parameter::Codec;

/// The first payload type that is free for any format (RFC 3551 §6).
const FIRST_DYNAMIC: u8 = 96;

/// The payload types that a leg has used: within a session one never comes to mean another format (RFC 3264 §8.3.2).
#[derive(Clone, Debug, Default)]
pub(crate) struct PayloadTypes(Vec<Codec>);

impl PayloadTypes {
    /// Remembers what the peer or we have described.
    pub(crate) fn note(&mut self, codecs: &[Codec]) {
        for codec in codecs {
            if self.0.len() < 4 * CODECS && !self.0.contains(codec) {
                self.0.push(codec.clone());
            }
        }
    }

    /// The formats as this leg is to be offered them: the payload type that it knows for each, else the one given if it
    /// means nothing else here, else a free one. A format for which none is free is left out.
    pub(crate) fn assign(&self, codecs: &[Codec]) -> Vec<Codec> {
        let mut assigned: Vec<Codec> = Vec::with_capacity(codecs.len());
        for codec in codecs {
            let taken = |number: u8| assigned.iter().any(|other: &Codec| other.payload_type == number);
            let means_other =
                |number: u8| self.0.iter().any(|known| known.payload_type == number && !known.matches(codec));
            let known = find(&self.0, codec).map(|known| known.payload_type);
            let number = known
                .into_iter()
                .chain([codec.payload_type])
                .chain(FIRST_DYNAMIC..=127)
                .find(|&number| !taken(number) && (Some(number) == known || !means_other(number)));
            if let Some(payload_type) = number {
                assigned.push(Codec { payload_type, ..codec.clone() });
            }
        }
        assigned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_type_keeps_its_meaning() {
        let mut types = PayloadTypes::default();
        types.note(&[Codec::new(96, "opus", 48_000), Codec::new(101, "telephone-event", 8000)]);
        let offer = [Codec::new(96, "G726-32", 8000), Codec::new(97, "opus", 48_000), Codec::new(8, "PCMA", 8000)];
        let assigned: Vec<_> = types.assign(&offer).iter().map(|codec| codec.payload_type).collect();
        assert_eq!(assigned, [97, 96, 8], "opus keeps 96; what came as 96 takes the next that is free");
    }

    #[test]
    fn a_new_leg_is_offered_the_numbers_as_they_are() {
        let offer = [Codec::new(111, "opus", 48_000), Codec::new(0, "PCMU", 8000)];
        assert_eq!(PayloadTypes::default().assign(&offer), offer);
    }
}
