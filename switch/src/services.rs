//! What the media worker's own services speak: echo, tones, conferences.

use crate::negotiation::{share_sound, takes_first};
use router::parameter::Codec;

/// What they speak. By default G.711, which costs them a table; whatever else is here costs a coder for each leg, and what is mixed is telephone speech all the
/// same, so that it is for those who have nothing else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Services {
    /// Every format that they can read and make, best first.
    pub spoken: Vec<Codec>,
}

impl Default for Services {
    fn default() -> Self {
        Self { spoken: vec![Codec::new(8, "PCMA", 8_000), Codec::new(0, "PCMU", 8_000)] }
    }
}

impl Services {
    /// All of it: for an offer to somebody of whom nothing is known.
    pub(crate) fn all(&self) -> Vec<Codec> {
        self.spoken.clone()
    }

    /// What is said to somebody who has offered `offered`: G.711 in the order of the offer, as a service likes neither law better (RFC 3264 §6.1); of who has no G.711
    /// whatever else can be spoken, as it was offered.
    pub(crate) fn for_offer(&self, offered: &[Codec]) -> Vec<Codec> {
        let speaks = |codec: &&Codec| self.spoken.iter().any(|spoken| spoken.matches(codec));
        let others: Vec<Codec> = offered.iter().filter(speaks).cloned().collect();
        if !others.is_empty() && !others.iter().any(is_law) {
            return others;
        }
        let mut laws: Vec<Codec> = self.spoken.iter().filter(|codec| is_law(codec)).cloned().collect();
        laws.sort_by_key(|codec| offered.iter().position(|other| other.matches(codec)).unwrap_or(offered.len()));
        // What was offered may be sent, and explains that nothing else is.
        laws.extend(offered.iter().find(|codec| codec.is_comfort_noise() && codec.clock_rate_hz == 8_000).cloned());
        laws
    }

    /// Whether somebody who speaks these is heard.
    pub(crate) fn share(&self, codecs: &[Codec]) -> bool {
        share_sound(codecs, &self.spoken)
    }

    /// Whether they take what a speaker prefers.
    pub(crate) fn take_first(&self, spoken: &[Codec]) -> bool {
        takes_first(&self.spoken, spoken)
    }
}

fn is_law(codec: &Codec) -> bool {
    ["PCMA", "PCMU"].iter().any(|law| codec.name.eq_ignore_ascii_case(law)) && codec.clock_rate_hz == 8_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opus(payload_type: u8) -> Codec {
        Codec { channels: 2, parameters: Some("usedtx=1".into()), ..Codec::new(payload_type, "opus", 48_000) }
    }

    fn all() -> Services {
        let more = [Codec::new(9, "G722", 8_000), opus(96)];
        Services { spoken: Services::default().spoken.into_iter().chain(more).collect() }
    }

    #[test]
    fn a_service_keeps_to_the_order_of_the_offer_and_to_g_711_where_it_is_there() {
        let (pcma, pcmu) = (Codec::new(8, "PCMA", 8000), Codec::new(0, "pcmu", 8000));
        let g722 = Codec::new(9, "G722", 8000);
        let numbers = |services: &Services, offered: &[Codec]| -> Vec<u8> {
            services.for_offer(offered).iter().map(|codec| codec.payload_type).collect()
        };
        for services in [Services::default(), all()] {
            assert_eq!(numbers(&services, &[opus(111), g722.clone(), pcmu.clone(), pcma.clone()]), [0, 8]);
            assert_eq!(numbers(&services, &[pcma.clone(), pcmu.clone()]), [8, 0]);
            assert_eq!(numbers(&services, std::slice::from_ref(&pcmu)), [0, 8], "what was not offered comes last");
            assert_eq!(numbers(&services, &[]), [8, 0]);
            assert_eq!(numbers(&services, &[Codec::new(97, "speex", 8_000)]), [8, 0]);
            let noise = [Codec::new(98, "CN", 16_000), Codec::new(13, "CN", 8000)];
            assert_eq!(numbers(&services, &[std::slice::from_ref(&pcmu), &noise[..]].concat()), [0, 8, 13]);
        }
        assert_eq!(numbers(&Services::default(), &[opus(111)]), [8, 0]);
        assert_eq!(
            all().for_offer(&[Codec::new(97, "speex", 8_000), opus(111), g722]),
            [opus(111), Codec::new(9, "G722", 8_000)]
        );
    }

    #[test]
    fn what_comes_first_of_the_sound_decides_whether_a_listener_takes_it() {
        let (pcmu, gsm) = (Codec::new(0, "PCMU", 8000), Codec::new(3, "GSM", 8000));
        let (known, events) = (Services::default(), Codec::new(101, "telephone-event", 8000));
        assert!(known.take_first(&[events, pcmu.clone(), gsm.clone()]));
        assert!(!known.take_first(&[gsm, pcmu]) && !known.take_first(&[]));
        assert!(all().take_first(&[opus(111)]) && all().share(&[opus(111)]) && !known.share(&[opus(111)]));
    }
}
