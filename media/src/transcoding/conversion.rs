//! What becomes of the keys that one port's peer presses, for the peer of another.
//!
//! | from \ to | events | tones | signalled |
//! |---|---|---|---|
//! | events | as they are, or of another clock | [`Tones`](super::Tones) | told to the owner |
//! | tones | [`Listening`](super::Listening) | as they are | told to the owner, and silenced |
//! | signalled | the owner asks for them ([`Dialling`](crate::session::Dialling)) | the same | – |

use super::coded;
use crate::session::{FormatKind, Formats};
use router::parameter::{self, KeyForm};

/// One side: what was agreed there, and how its peer has keys where that was said.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// Its formats, mapped to the other side's.
    pub formats: &'a Formats,
    /// See `MediaPlan::keys`.
    pub keys: Option<KeyForm>,
}

impl Side<'_> {
    /// Whether its peer sends keys as events.
    pub fn sends_events(&self) -> bool {
        self.keys != Some(KeyForm::Tones) && self.events().next().is_some()
    }

    /// Whether its peer is sent them as events.
    pub fn takes_events(&self) -> bool {
        self.keys.is_none_or(|form| form == KeyForm::Events) && self.events().next().is_some()
    }

    fn events(&self) -> impl Iterator<Item = &parameter::Codec> {
        self.formats.codecs().filter(|codec| codec.is_telephone_event())
    }

    fn sound(&self) -> impl Iterator<Item = &parameter::Codec> {
        self.formats.codecs().filter(|codec| !codec.is_telephone_event() && !codec.is_comfort_noise())
    }
}

/// What is to be done on the way from one to the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Conversion {
    /// Keys are heard in the sound.
    pub listens: bool,
    /// They go on in another way, so that they are taken out of it.
    pub silences: bool,
    /// Events become tones.
    pub sounds: bool,
    /// Events become others, of another clock or payload type, since the sender's have no counterpart.
    pub retimes: bool,
}

impl Conversion {
    /// Between these two.
    pub fn between(from: &Side<'_>, to: &Side<'_>) -> Self {
        let goes_on = to.takes_events() || to.keys == Some(KeyForm::Signalled);
        let listens = match from.keys {
            Some(KeyForm::Tones) => true,
            Some(KeyForm::Events | KeyForm::Signalled) => false,
            // Who has said nothing of events may press keys that are heard, where the codec lets them through as they are.
            None => goes_on && from.events().next().is_none() && from.sound().all(carries_tones),
        } && from.sound().all(|codec| coded(codec).is_some());
        let has_counterpart = from
            .events()
            .filter_map(|codec| from.formats.of(codec.receive_payload_type.unwrap_or(codec.payload_type)))
            .any(|format| format.kind == FormatKind::Event && format.mapped.is_some());
        Self {
            listens,
            silences: listens && goes_on,
            sounds: from.sends_events() && !to.takes_events() && to.keys.is_none_or(|form| form == KeyForm::Tones),
            retimes: from.sends_events() && to.takes_events() && !has_counterpart,
        }
    }

    /// Whether there is anything to be done that formats with counterparts do not do by themselves.
    pub const fn is_needed(&self) -> bool {
        self.listens || self.sounds || self.retimes
    }
}

/// Whether a codec keeps the form of its sound, so that tones in it are tones still: those that model a voice do not.
fn carries_tones(codec: &parameter::Codec) -> bool {
    use codecs::Codec as Coded;
    matches!(coded(codec), Some(Coded::G711(_) | Coded::L16(_) | Coded::G722 | Coded::G726(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::parameter::Codec;

    fn formats(events: &[u32], sound: &[&str]) -> Formats {
        let sound = sound.iter().enumerate().map(|(index, name)| match *name {
            "opus" => Codec { channels: 2, ..Codec::new(111, name, 48_000) },
            name => Codec::new(index as u8, name, 8_000),
        });
        let events =
            events.iter().map(|&clock| Codec::new(if clock == 8_000 { 101 } else { 110 }, "telephone-event", clock));
        Formats::new(&sound.chain(events).collect::<Vec<_>>()).unwrap()
    }

    fn between(from: (&[u32], &str, Option<KeyForm>), to: (&[u32], &str, Option<KeyForm>)) -> (bool, bool, bool, bool) {
        let (mut one, other) = (formats(from.0, &[from.1]), formats(to.0, &[to.1]));
        one.map_to(&other);
        let (from, to) = (Side { formats: &one, keys: from.2 }, Side { formats: &other, keys: to.2 });
        let Conversion { listens, silences, sounds, retimes } = Conversion::between(&from, &to);
        (listens, silences, sounds, retimes)
    }

    #[test]
    fn every_pair_of_forms_has_its_conversion_and_equal_ones_none() {
        const NONE: (bool, bool, bool, bool) = (false, false, false, false);
        let (at_8, at_48, no): (&[u32], &[u32], &[u32]) = (&[8_000], &[48_000], &[]);
        let (events, tones, signalled) = (Some(KeyForm::Events), Some(KeyForm::Tones), Some(KeyForm::Signalled));
        for (from, to, expected) in [
            ((at_8, "PCMU", None), (at_8, "PCMU", None), NONE),
            ((no, "PCMU", None), (no, "PCMU", None), NONE),
            ((at_8, "PCMU", None), (no, "PCMU", None), (false, false, true, false)),
            ((no, "PCMU", None), (at_8, "PCMU", None), (true, true, false, false)),
            ((no, "opus", None), (at_8, "opus", None), NONE),
            ((no, "opus", tones), (at_8, "opus", None), (true, true, false, false)),
            ((at_48, "opus", None), (at_8, "opus", None), (false, false, false, true)),
            ((at_8, "PCMU", None), (no, "PCMU", signalled), NONE),
            ((no, "PCMU", None), (no, "PCMU", signalled), (true, true, false, false)),
            ((no, "PCMU", signalled), (at_8, "PCMU", None), NONE),
            ((no, "PCMU", events), (at_8, "PCMU", None), NONE),
            ((no, "PCMU", tones), (no, "PCMU", tones), (true, false, false, false)),
            ((at_8, "PCMU", None), (no, "PCMU", events), NONE),
            ((no, "AMR", tones), (at_8, "AMR", None), NONE),
        ] {
            assert_eq!(between(from, to), expected, "{from:?} to {to:?}");
        }
    }
}
