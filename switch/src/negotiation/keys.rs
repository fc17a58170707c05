//! Keys in descriptions: who has them as events is offered events, whatever the other leg has, and who has them otherwise is not.

use super::codec::{is_sound, same_codecs};
use super::medium::{Medium, Terms};
use super::transcoding::keys_at;
use crate::limits::CODECS;
use router::parameter::{Codec, KeyForm};
use std::borrow::Cow;

/// Whether keys of who has them in that form are no events in its media, so that they are converted.
const fn is_converted(form: Option<KeyForm>) -> bool {
    matches!(form, Some(KeyForm::Tones | KeyForm::Signalled))
}

impl Medium {
    /// The same terms for this leg, by how its peer has keys and how the far side's has.
    pub(super) fn with_keys<'a>(&self, terms: &'a Terms) -> Cow<'a, Terms> {
        if is_converted(self.keys) {
            if !terms.codecs.iter().any(Codec::is_telephone_event) {
                return Cow::Borrowed(terms);
            }
            let mut without = terms.clone();
            without.codecs.retain(|codec| !codec.is_telephone_event());
            return Cow::Owned(without);
        }
        if self.keys != Some(KeyForm::Events) && !is_converted(terms.keys) {
            return Cow::Borrowed(terms);
        }
        let mut with = terms.clone();
        for codec in terms.codecs.iter().filter(|codec| is_sound(codec)) {
            let keys = keys_at(codec.clock_rate_hz);
            if with.codecs.len() < CODECS && !with.codecs.iter().any(|known| known.matches(&keys)) {
                with.codecs.push(keys);
            }
        }
        Cow::Owned(with)
    }

    /// Whether what is agreed is what these terms would have: where keys are converted, events are no part of that.
    pub(crate) fn agrees_with(&self, terms: &Terms) -> bool {
        let Some(agreement) = self.agreement() else { return false };
        if self.keys.is_none() && !is_converted(terms.keys) {
            return same_codecs(&agreement.codecs, &terms.codecs);
        }
        let without = |codecs: &[Codec]| -> Vec<Codec> {
            codecs.iter().filter(|codec| !codec.is_telephone_event()).cloned().collect()
        };
        same_codecs(&without(&agreement.codecs), &without(&terms.codecs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(terms: &Terms) -> Vec<String> {
        terms.codecs.iter().map(|codec| format!("{}/{}", codec.name, codec.clock_rate_hz)).collect()
    }

    #[test]
    fn events_are_offered_to_who_has_them_and_to_nobody_else() {
        let opus = Codec { channels: 2, ..Codec::new(111, "opus", 48_000) };
        let sound = vec![Codec::new(0, "PCMU", 8_000), opus];
        let plain = Terms::of_codecs(sound.clone());
        let keyed = Terms::of_codecs([sound, vec![keys_at(8_000)]].concat());
        let medium = |keys| {
            let mut medium = Medium::default();
            medium.keys = keys;
            medium
        };
        let both = ["PCMU/8000", "opus/48000", "telephone-event/8000", "telephone-event/48000"];
        // As the far side has it, where nothing is converted.
        for terms in [&plain, &keyed] {
            assert_eq!(names(&medium(None).with_keys(terms)), names(terms));
        }
        for form in [KeyForm::Tones, KeyForm::Signalled] {
            assert_eq!(names(&medium(Some(form)).with_keys(&keyed)), both[..2]);
            let of_far = Terms { keys: Some(form), ..plain.clone() };
            assert_eq!(names(&medium(None).with_keys(&of_far)), both);
            assert_eq!(names(&medium(Some(form)).with_keys(&of_far)), both[..2]);
        }
        assert_eq!(names(&medium(Some(KeyForm::Events)).with_keys(&plain)), both);
    }
}
