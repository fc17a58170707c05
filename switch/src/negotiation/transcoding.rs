//! Two legs without a format in common, between which sound is transcoded.

use super::codec::is_sound;
use super::medium::{Medium, Terms};
use super::offer::{formats, served};
use crate::limits::CODECS;
use crate::transcoding::Transcoding;
use router::parameter::{Codec, MediaDescription};

impl Terms {
    /// With these formats behind those that are there, and key presses at the clock of each (RFC 4733 §2.1: they share that of the sound).
    pub(crate) fn widened(mut self, beside: &[Codec]) -> Self {
        let mut add = |codec: Codec| {
            if self.codecs.len() < CODECS && !self.codecs.iter().any(|known| known.matches(&codec)) {
                self.codecs.push(codec);
            }
        };
        beside.iter().cloned().for_each(&mut add);
        for codec in beside {
            add(keys_at(codec.clock_rate_hz));
        }
        self
    }
}

/// Key presses as events, at a clock.
pub(super) fn keys_at(clock_rate_hz: u32) -> Codec {
    let payload_type = if clock_rate_hz == 8_000 { 101 } else { 110 };
    Codec { parameters: Some("0-16".into()), ..Codec::new(payload_type, "telephone-event", clock_rate_hz) }
}

impl Medium {
    /// Our answer to the peer's offer where it shares no sound with the far side: its own first format that can be coded, with the key
    /// presses and the comfort noise of the same clock. Its packing is its own. `None`: it has none, or the far side.
    pub(crate) fn answer_transcoded(&mut self, terms: &Terms, transcoding: &Transcoding) -> Option<MediaDescription> {
        let offer = self.asked()?;
        let offered = formats(offer.streams.get(served(offer)?)?);
        if !transcoding.joins(offered, &terms.codecs) {
            return None;
        }
        let sound = offered.iter().find(|codec| transcoding.serves(codec))?;
        let of_clock = |codec: &&Codec| codec.clock_rate_hz == sound.clock_rate_hz;
        let keys = || offered.iter().filter(|codec| codec.is_telephone_event());
        let keys = keys().find(of_clock).or_else(|| keys().next());
        // Who may be silent is heard as noise, but does not let silence tell that it is gone: so only where the other one may be, too.
        let may_be_silent = terms.codecs.iter().any(Codec::is_comfort_noise);
        let noise = offered.iter().filter(|codec| codec.is_comfort_noise() && may_be_silent).find(of_clock);
        let codecs = [Some(sound), noise, keys].into_iter().flatten().cloned().collect();
        self.answer(&Terms { codecs, direction: terms.direction, ptime_ms: None, max_ptime_ms: None, keys: terms.keys })
    }

    /// The peer has refused our offer: it has none of its formats. The offer is forgotten.
    pub(crate) fn offer_refused(&mut self) {
        let offered = self.offered_formats().to_vec();
        self.note_refused(&offered);
        self.forget_offered();
    }

    /// The peer has none of these formats.
    pub(crate) fn note_refused(&mut self, codecs: &[Codec]) {
        for codec in codecs.iter().filter(|codec| is_sound(codec)) {
            if self.refused.len() < 2 * CODECS && !self.refused.iter().any(|known| known.matches(codec)) {
                self.refused.push(codec.clone());
            }
        }
    }

    /// Whether the peer is known to have no sound among these formats, so that it need not be asked: it has refused them, or has left
    /// them out of the offer that it came with.
    pub(crate) fn lacks(&self, codecs: &[Codec]) -> bool {
        let named = |list: &[Codec], codec: &Codec| list.iter().any(|known| known.matches(codec));
        let lacked =
            |codec: &Codec| !named(self.capabilities(), codec) && (self.has_told_all || named(&self.refused, codec));
        codecs.iter().filter(|codec| is_sound(codec)).all(lacked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::parameter::{Direction, MediaKind, MediaStream, MediaTransport, PortAddress};

    fn opus() -> Codec {
        Codec { channels: 2, ..Codec::new(111, "opus", 48_000) }
    }

    fn pcmu() -> Codec {
        Codec::new(0, "PCMU", 8_000)
    }

    fn transcoding() -> Transcoding {
        let served = vec![pcmu(), Codec::new(8, "PCMA", 8_000), opus()];
        Transcoding { offered: served.clone(), served, ..Transcoding::default() }
    }

    fn asked(codecs: &[Codec]) -> Medium {
        let rtp = ([192, 0, 2, 1], 5_000).into();
        let mut medium = Medium::default();
        medium.address = Some(PortAddress { rtp, rtcp: ([192, 0, 2, 1], 5_001).into() });
        let stream = MediaStream {
            kind: MediaKind::Audio,
            transport: MediaTransport::RtpAvp,
            rtp: Some(rtp),
            rtcp: None,
            rtcp_mux: false,
            direction: Direction::SendReceive,
            codecs: codecs.to_vec(),
            ptime_ms: Some(30),
            max_ptime_ms: None,
            protection: None,
            dtls: None,
            ice: None,
            voip_metrics: false,
            summary: Default::default(),
            seeks_anew: false,
            chosen_ways: Vec::new(),
            served: None,
        };
        assert!(medium.ask(MediaDescription { streams: vec![stream] }));
        medium
    }

    fn names(codecs: &[Codec]) -> Vec<String> {
        codecs.iter().map(|codec| format!("{}/{}", codec.name, codec.clock_rate_hz)).collect()
    }

    #[test]
    fn an_offer_is_widened_behind_what_is_there_and_with_keys_at_each_clock() {
        let terms =
            Terms::of_codecs(vec![Codec::new(9, "G722", 8_000), keys_at(8_000)]).widened(&transcoding().offered);
        let all =
            ["G722/8000", "telephone-event/8000", "PCMU/8000", "PCMA/8000", "opus/48000", "telephone-event/48000"];
        assert_eq!(names(&terms.codecs), all);
    }

    #[test]
    fn who_is_transcoded_is_answered_one_format_and_what_goes_with_it() {
        let noise = Codec::new(13, "CN", 8_000);
        let speex = Codec::new(97, "speex", 8_000);
        let offered = [speex.clone(), pcmu(), Codec::new(8, "PCMA", 8_000), noise, keys_at(48_000), keys_at(8_000)];
        let mut medium = asked(&offered);
        let terms = Terms::of_codecs(vec![opus(), keys_at(48_000)]);
        assert!(medium.answer(&terms).is_none(), "keys are no sound");
        let answer = medium.answer_transcoded(&terms, &transcoding()).unwrap();
        assert_eq!(names(&answer.streams[0].codecs), ["PCMU/8000", "telephone-event/8000"]);
        assert_eq!(answer.streams[0].ptime_ms, None);
        let silent = Terms::of_codecs(vec![opus(), Codec::new(13, "CN", 8_000)]);
        let answer = medium.answer_transcoded(&silent, &transcoding()).unwrap();
        assert_eq!(names(&answer.streams[0].codecs), ["PCMU/8000", "CN/8000", "telephone-event/8000"]);
        assert!(asked(std::slice::from_ref(&speex)).answer_transcoded(&terms, &transcoding()).is_none());
        let foreign = Terms::of_codecs(vec![speex]);
        assert!(asked(&[pcmu()]).answer_transcoded(&foreign, &transcoding()).is_none());
        assert!(asked(&[pcmu()]).answer_transcoded(&terms, &Transcoding::default()).is_none());
    }

    #[test]
    fn what_a_peer_lacks_is_known_by_its_first_offer_or_its_refusal() {
        let caller = asked(&[pcmu(), keys_at(8_000)]);
        assert!(caller.lacks(&[opus(), keys_at(8_000)]) && !caller.lacks(&[pcmu(), opus()]));
        let mut callee = Medium::default();
        callee.address = caller.address;
        assert!(!callee.lacks(&[pcmu()]), "it was not asked");
        callee.offer(&Terms::of_codecs(vec![pcmu(), keys_at(8_000)])).unwrap();
        callee.offer_refused();
        assert!(callee.lacks(&[pcmu()]) && !callee.lacks(&[opus()]) && !callee.has_offered());
    }
}
