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

/// What the built-in services speak.
pub(crate) fn builtin_codecs() -> Vec<Codec> {
    vec![Codec::new(8, "PCMA", 8000), Codec::new(0, "PCMU", 8000)]
}

/// The same for who has offered `offered`: in the order of the offer, as a service likes none better (RFC 3264 §6.1).
pub(crate) fn builtin_codecs_for(offered: &[Codec]) -> Vec<Codec> {
    let mut codecs = builtin_codecs();
    codecs.sort_by_key(|codec| offered.iter().position(|other| other.matches(codec)).unwrap_or(offered.len()));
    // What was offered may be sent, and explains that nothing else is.
    codecs.extend(offered.iter().find(|codec| codec.is_comfort_noise() && codec.clock_rate_hz == 8_000).cloned());
    codecs
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
    fn a_service_keeps_to_the_order_of_the_offer() {
        let (pcma, pcmu) = (Codec::new(8, "PCMA", 8000), Codec::new(0, "pcmu", 8000));
        let numbers = |offered: &[Codec]| -> Vec<u8> {
            builtin_codecs_for(offered).iter().map(|codec| codec.payload_type).collect()
        };
        assert_eq!(numbers(&[Codec::new(9, "G722", 8000), pcmu.clone(), pcma.clone()]), [0, 8]);
        assert_eq!(numbers(&[pcma, pcmu.clone()]), [8, 0]);
        assert_eq!(numbers(&[pcmu]), [0, 8], "what was not offered comes last");
        assert_eq!(numbers(&[]), [8, 0]);
        let noise = Codec::new(13, "CN", 8000);
        assert_eq!(numbers(&[Codec::new(0, "PCMU", 8000), Codec::new(98, "CN", 16_000), noise]), [0, 8, 13]);
    }

    #[test]
    fn what_comes_first_of_the_sound_decides_whether_a_listener_takes_it() {
        let (pcmu, gsm) = (Codec::new(0, "PCMU", 8000), Codec::new(3, "GSM", 8000));
        let known = builtin_codecs();
        assert!(takes_first(&known, &[Codec::new(101, "telephone-event", 8000), pcmu.clone(), gsm.clone()]));
        assert!(!takes_first(&known, &[gsm, pcmu]) && !takes_first(&known, &[]));
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
