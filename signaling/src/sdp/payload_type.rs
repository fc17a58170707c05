//! The payload types of one media section over the life of its dialog.

use router::parameter::Codec;

use super::codec::{self, StaticFormat};

/// What each payload type of a section has come to mean.
///
/// RFC 3264 §8.3.2: the mapping from a dynamic payload type to a codec does not change while the session lasts, not
/// even when the codec was dropped from it. So what either side has ever said is kept, and [`PayloadTypes::allocate`]
/// passes around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PayloadTypes {
    /// One codec a payload type, in the order in which they came.
    bound: Vec<Codec>,
}

impl PayloadTypes {
    /// Keeps what an offer of the peer's, or our answer to it, says. The offerer's word counts even where it breaks the
    /// rule.
    pub(super) fn bind(&mut self, codecs: &[Codec]) {
        for codec in codecs {
            match self.bound.iter_mut().find(|bound| bound.payload_type == codec.payload_type) {
                Some(bound) => *bound = codec.clone(),
                None => self.bound.push(codec.clone()),
            }
        }
    }

    /// Keeps what the peer's answer says of payload types that we have not used: it may number codecs its own way (RFC
    /// 3264 §6.1).
    pub(super) fn reserve(&mut self, codecs: &[Codec]) {
        for codec in codecs {
            if !self.is_bound(codec.payload_type) {
                self.bound.push(codec.clone());
            }
        }
    }

    /// Numbers the codecs of an offer of ours, in their order: each as before, or else as RFC 3551 assigns, or else as
    /// it suggests itself, or else by the lowest free dynamic number. A codec that is repeated, or for which no number
    /// is free, is left out.
    pub(super) fn allocate(&mut self, wanted: &[Codec]) -> Vec<Codec> {
        let mut wanted_once: Vec<&Codec> = Vec::with_capacity(wanted.len());
        for codec in wanted {
            let is_repeated = |other: &&Codec| other.matches(codec) && other.parameters == codec.parameters;
            if !wanted_once.iter().any(is_repeated) {
                wanted_once.push(codec);
            }
        }
        let mut numbers: Vec<Option<u8>> = vec![None; wanted_once.len()];
        let rules: [Rule; 5] = [Self::same, Self::similar, Self::assigned, Self::suggested, Self::lowest];
        let mut taken = 0_u128;
        for rule in rules {
            for (number, codec) in numbers.iter_mut().zip(&wanted_once) {
                if number.is_none()
                    && let Some(found) = rule(self, codec, taken)
                {
                    taken |= 1 << found;
                    *number = Some(found);
                }
            }
        }
        let numbered = wanted_once.into_iter().zip(numbers);
        let codecs: Vec<Codec> = numbered
            .filter_map(|(codec, number)| number.map(|payload_type| Codec { payload_type, ..codec.clone() }))
            .collect();
        self.bind(&codecs);
        codecs
    }

    fn is_bound(&self, payload_type: u8) -> bool {
        self.bound.iter().any(|bound| bound.payload_type == payload_type)
    }

    fn is_free(&self, payload_type: u8, taken: u128) -> bool {
        taken & (1 << payload_type) == 0 && !self.is_bound(payload_type)
    }

    /// The number that this codec had with these parameters.
    fn same(&self, codec: &Codec, taken: u128) -> Option<u8> {
        let found = |bound: &&Codec| {
            taken & (1 << bound.payload_type) == 0 && bound.matches(codec) && bound.parameters == codec.parameters
        };
        self.bound.iter().find(found).map(|bound| bound.payload_type)
    }

    /// The number that this codec had with other parameters that go with these.
    fn similar(&self, codec: &Codec, taken: u128) -> Option<u8> {
        let found = |bound: &&Codec| taken & (1 << bound.payload_type) == 0 && codec::is_compatible(bound, codec);
        self.bound.iter().find(found).map(|bound| bound.payload_type)
    }

    /// The number that RFC 3551 gives to this codec.
    fn assigned(&self, codec: &Codec, taken: u128) -> Option<u8> {
        StaticFormat::find(&codec.name, codec.clock_rate_hz, codec.channels)
            .map(|assigned| assigned.payload_type)
            .filter(|number| self.is_free(*number, taken))
    }

    /// The number that the codec came with, such as the other leg's: the relay then need not map it.
    fn suggested(&self, codec: &Codec, taken: u128) -> Option<u8> {
        let number = codec.payload_type;
        (dynamic().any(|dynamic| dynamic == number) && self.is_free(number, taken)).then_some(number)
    }

    /// The lowest free dynamic number.
    fn lowest(&self, _: &Codec, taken: u128) -> Option<u8> {
        dynamic().find(|number| self.is_free(*number, taken))
    }
}

/// How a number is found for a codec beside those that are taken, a bit each.
type Rule = fn(&PayloadTypes, &Codec, u128) -> Option<u8>;

/// The dynamic numbers (RFC 3551 §3): 96 to 127 first, then the unassigned below 64. 64 to 95 would collide with RTCP
/// on a shared port (RFC 5761 §4).
fn dynamic() -> impl Iterator<Item = u8> {
    (96..=127).chain(35..=63)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(codecs: &[Codec]) -> Vec<u8> {
        codecs.iter().map(|codec| codec.payload_type).collect()
    }

    #[test]
    fn static_codecs_have_their_numbers_and_suggestions_are_followed() {
        let mut types = PayloadTypes::default();
        let codecs = types.allocate(&[
            Codec::new(97, "opus", 48_000),
            Codec::new(111, "PCMA", 8_000),
            Codec::new(0, "iLBC", 8_000),
            Codec::new(101, "telephone-event", 8_000),
            Codec::new(101, "telephone-event", 48_000),
        ]);
        assert_eq!(numbers(&codecs), [97, 8, 96, 101, 98]);
    }

    #[test]
    fn a_dynamic_number_keeps_its_meaning_after_its_codec_was_dropped() {
        let mut types = PayloadTypes::default();
        assert_eq!(numbers(&types.allocate(&[Codec::new(96, "opus", 48_000)])), [96]);
        assert_eq!(numbers(&types.allocate(&[Codec::new(96, "iLBC", 8_000)])), [97]);
        assert_eq!(
            numbers(&types.allocate(&[Codec::new(97, "OPUS", 48_000), Codec::new(96, "iLBC", 8_000)])),
            [96, 97]
        );
    }

    #[test]
    fn the_peers_numbers_are_passed_around() {
        let mut types = PayloadTypes::default();
        types.bind(&[Codec::new(96, "AMR-WB", 16_000)]);
        types.reserve(&[Codec::new(97, "EVS", 16_000)]);
        assert_eq!(
            numbers(&types.allocate(&[Codec::new(96, "opus", 48_000), Codec::new(5, "amr-wb", 16_000)])),
            [98, 96]
        );
    }

    #[test]
    fn parameters_tell_twins_apart() {
        let with = |number, parameters: &str| Codec {
            parameters: Some(parameters.into()),
            ..Codec::new(number, "AMR", 8_000)
        };
        let mut types = PayloadTypes::default();
        let first = types.allocate(&[with(96, "octet-align=1"), with(97, "octet-align=0")]);
        assert_eq!(numbers(&first), [96, 97]);
        let second = types.allocate(&[with(0, "octet-align=0; mode-set=7"), with(0, "octet-align=1")]);
        assert_eq!(numbers(&second), [97, 96]);
        assert_eq!(numbers(&types.allocate(&[with(0, "octet-align=1"), with(0, "octet-align=1")])), [96]);
    }

    #[test]
    fn the_same_parameters_find_their_number_before_similar_ones_do() {
        let with = |number, parameters: &str| Codec {
            parameters: Some(parameters.into()),
            ..Codec::new(number, "speex", 8_000)
        };
        let mut types = PayloadTypes::default();
        assert_eq!(numbers(&types.allocate(&[with(96, "mode=1"), with(97, "mode=2")])), [96, 97]);
        assert_eq!(numbers(&types.allocate(&[with(0, "mode=2")])), [97]);
        assert_eq!(numbers(&types.allocate(&[with(0, "mode=3"), with(0, "mode=1")])), [97, 96]);
    }

    #[test]
    fn what_has_no_number_left_is_left_out() {
        let wanted: Vec<Codec> = (0..100).map(|index| Codec::new(0, &format!("codec-{index}"), 8_000)).collect();
        let mut types = PayloadTypes::default();
        let codecs = types.allocate(&wanted);
        assert_eq!(codecs.len(), 32 + 29);
        assert!(codecs.iter().all(|codec| !(64..96).contains(&codec.payload_type)));
        assert!(types.allocate(&[Codec::new(96, "late", 8_000)]).is_empty());
    }
}
