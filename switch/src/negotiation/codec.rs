//! Lists of formats compared and intersected.

use router::parameter::Codec;

/// Whether a format carries sound, rather than key presses or comfort noise beside it.
pub(super) fn is_sound(codec: &Codec) -> bool {
    !codec.is_telephone_event() && !codec.is_comfort_noise()
}

/// The entry of `list` that means `codec`: one with the same parameters (AMR offers several), else one with the same
/// payload type, else the first of that name, clock and channels.
pub(super) fn find<'a>(list: &'a [Codec], codec: &Codec) -> Option<&'a Codec> {
    let candidates = || list.iter().filter(|candidate| candidate.matches(codec));
    candidates()
        .find(|candidate| candidate.parameters == codec.parameters)
        .or_else(|| candidates().find(|candidate| candidate.payload_type == codec.payload_type))
        .or_else(|| candidates().next())
}

/// What both lists have, in the order and with the parameters of `chosen`, with the names and payload types of `ours`.
pub(super) fn common(ours: &[Codec], chosen: &[Codec]) -> Vec<Codec> {
    let mut common: Vec<Codec> = Vec::new();
    for codec in chosen {
        if let Some(own) = find(ours, codec)
            && !common.iter().any(|known| known.payload_type == own.payload_type)
        {
            common.push(Codec { parameters: codec.parameters.clone(), ..own.clone() });
        }
    }
    common
}

/// Whether both lists name the same formats, in whatever order and by whatever payload types.
pub(crate) fn same_codecs(a: &[Codec], b: &[Codec]) -> bool {
    let within = |a: &[Codec], b: &[Codec]| a.iter().all(|codec| b.iter().any(|other| other.matches(codec)));
    within(a, b) && within(b, a)
}

/// Whether both lists name a format in common that carries sound.
pub(crate) fn share_sound(a: &[Codec], b: &[Codec]) -> bool {
    a.iter().any(|codec| is_sound(codec) && b.iter().any(|other| other.matches(codec)))
}

/// What we offer of our own when there is no other leg yet to offer for, best first.
pub(crate) fn own_codecs() -> Vec<Codec> {
    vec![
        Codec::new(8, "PCMA", 8000),
        Codec::new(0, "PCMU", 8000),
        Codec::new(9, "G722", 8000),
        Codec { channels: 2, ..Codec::new(96, "opus", 48_000) },
        Codec { parameters: Some("0-16".into()), ..Codec::new(101, "telephone-event", 8000) },
    ]
}

/// Whether who knows these formats takes the one that a speaker prefers: the first of its own that carries sound.
pub(crate) fn takes_first(known: &[Codec], spoken: &[Codec]) -> bool {
    let first = spoken.iter().find(|codec| is_sound(codec));
    first.is_some_and(|first| known.iter().any(|known| known.matches(first)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(payload_type: u8, name: &str, parameters: &str) -> Codec {
        Codec { parameters: Some(parameters.into()), ..Codec::new(payload_type, name, 8000) }
    }

    #[test]
    fn what_is_common_has_our_numbers_and_their_order() {
        let ours =
            [Codec::new(0, "PCMU", 8000), Codec::new(97, "speex", 8000), Codec::new(101, "telephone-event", 8000)];
        let chosen = [with(96, "telephone-event", "0-15"), Codec::new(0, "pcmu", 8000), Codec::new(3, "GSM", 8000)];
        assert_eq!(common(&ours, &chosen), [with(101, "telephone-event", "0-15"), Codec::new(0, "PCMU", 8000)]);
    }

    #[test]
    fn of_two_with_one_name_the_parameters_tell_which() {
        let ours = [with(96, "AMR", "octet-align=0"), with(97, "AMR", "octet-align=1")];
        assert_eq!(find(&ours, &with(110, "AMR", "octet-align=1")).unwrap().payload_type, 97);
        assert_eq!(find(&ours, &with(97, "AMR", "octet-align=1; mode-set=7")).unwrap().payload_type, 97);
        assert_eq!(find(&ours, &Codec::new(110, "AMR", 8000)).unwrap().payload_type, 96);
    }

    #[test]
    fn the_same_formats_in_another_order() {
        let (a, b) = (Codec::new(0, "PCMU", 8000), Codec::new(8, "PCMA", 8000));
        assert!(same_codecs(&[a.clone(), b.clone()], &[b.clone(), a.clone()]));
        assert!(!same_codecs(&[a.clone(), b], std::slice::from_ref(&a)));
    }
}
