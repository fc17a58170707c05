//! What one leg and we describe to each other: offers on their way, and the agreement in force.

use super::answer::answer;
use super::codec::{common, is_sound, same_codecs};
use super::offer::{flow, formats, refused, served, served_own, stream};
use super::payload_type::PayloadTypes;
use super::ways::{Ways, add};
use router::parameter::{
    Codec, Direction, GuestLeg, IceCandidate, KeyForm, MediaDescription, MediaExchange, MediaStream, MediaTransport,
    PortAddress, ServedAddresses, SrtpSuite,
};

/// What the far side of a leg lets it have: read from the other leg's agreement or offer, or our own.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// The formats, best first.
    pub(crate) codecs: Vec<Codec>,
    /// Which way the far side lets it flow, as the far side describes it.
    pub(crate) direction: Direction,
    /// Milliseconds in a packet that the far side wants.
    pub(crate) ptime_ms: Option<u16>,
    /// Most milliseconds in a packet that it takes.
    pub(crate) max_ptime_ms: Option<u16>,
    /// How it has keys, where that was said.
    pub(crate) keys: Option<KeyForm>,
}

impl Terms {
    /// Both ways, in these formats.
    pub(crate) fn of_codecs(codecs: Vec<Codec>) -> Self {
        Self { codecs, direction: Direction::SendReceive, ptime_ms: None, max_ptime_ms: None, keys: None }
    }

    /// What a peer described.
    pub(crate) fn of_stream(stream: &MediaStream) -> Self {
        Self {
            codecs: formats(stream).to_vec(),
            direction: flow(stream),
            ptime_ms: stream.ptime_ms,
            max_ptime_ms: stream.max_ptime_ms,
            keys: None,
        }
    }
}

/// An offer and its answer, in force between a leg and us.
#[derive(Clone, Debug)]
pub(crate) struct Agreement {
    /// What we described.
    pub(crate) local: MediaDescription,
    /// What the peer described.
    pub(crate) remote: MediaDescription,
    /// Which of the streams is served.
    pub(crate) served: usize,
    /// The formats agreed, with this leg's payload types, best first.
    pub(crate) codecs: Vec<Codec>,
    /// Whether the offer was the peer's.
    pub(crate) by_peer: bool,
    /// Which way the peer would like it to flow, as far as it has said so.
    wish: Direction,
    /// How the peer has keys, where that was said.
    keys: Option<KeyForm>,
}

/// Which way a peer would like it to flow that has just said `said`, by an offer or to our offer of `local`, after `former`. What our offer
/// kept it from it may like: to be held is no wish (RFC 6337 §5.3), and nor is it one to repeat what is in force, as a session refresh does.
fn wish(former: Option<&Agreement>, local: Direction, said: Direction, by_peer: bool) -> Direction {
    match former {
        Some(former) if by_peer && former.direction() == said => former.wish,
        _ if by_peer => said,
        _ => Direction::new(said.sends() || !local.receives(), said.receives() || !local.sends()),
    }
}

impl Agreement {
    /// Our served stream.
    pub(crate) fn local(&self) -> Option<&MediaStream> {
        self.local.streams.get(self.served)
    }

    /// The peer's served stream.
    pub(crate) fn remote(&self) -> Option<&MediaStream> {
        self.remote.streams.get(self.served)
    }

    /// Which way the peer lets it flow, as the peer describes it.
    pub(crate) fn direction(&self) -> Direction {
        self.remote().map_or(Direction::Inactive, flow)
    }

    /// Which way we let it flow, as we describe it.
    pub(crate) fn local_direction(&self) -> Direction {
        self.local().map_or(Direction::Inactive, |stream| stream.direction)
    }

    /// Whether it flows both ways.
    pub(crate) fn is_full(&self) -> bool {
        self.direction().and(self.local_direction().mirrored()) == Direction::SendReceive
    }

    /// The same for one that is connected to it anew, or asks anew: what the leg may like.
    pub(crate) fn terms_anew(&self) -> Terms {
        Terms { direction: self.wish, ..self.terms() }
    }

    /// What this leg lets the other one have.
    pub(crate) fn terms(&self) -> Terms {
        let (ptime_ms, max_ptime_ms) =
            self.remote().map_or((None, None), |stream| (stream.ptime_ms, stream.max_ptime_ms));
        Terms { codecs: self.codecs.clone(), direction: self.direction(), ptime_ms, max_ptime_ms, keys: self.keys }
    }
}

/// The media of one leg.
#[derive(Clone, Debug, Default)]
pub(crate) struct Medium {
    /// Where its port receives, once it is open.
    pub(crate) address: Option<PortAddress>,
    /// Its addresses at a server that relays, and as that sees it.
    pub(crate) served: Option<Box<ServedAddresses>>,
    /// How the peer has keys, where that was said.
    pub(crate) keys: Option<KeyForm>,
    /// The peer's offer that waits for our answer.
    asked: Option<MediaDescription>,
    /// Our offer that waits for the peer's answer.
    offered: Option<MediaDescription>,
    /// What is in force.
    agreement: Option<Box<Agreement>>,
    /// What was in force before the peer's last offer, if we answered that: should the answer not come about.
    before: Option<Box<Agreement>>,
    /// Every format that the peer has said it can, for offers on its behalf.
    capabilities: Vec<Codec>,
    payload_types: PayloadTypes,
    /// Formats of sound that the peer has refused.
    pub(super) refused: Vec<Codec>,
    /// Whether it has named all that it can, by the offer that it came with.
    pub(super) has_told_all: bool,
    /// Whether it takes an offer before it is answered.
    takes_early_offer: bool,
    /// Counts the peer's descriptions in force.
    generation: u32,
    /// What its last association has come to.
    handshaken: Option<SrtpSuite>,
    /// The ways to its peer.
    pub(crate) ways: Ways,
}

impl Medium {
    /// What is in force.
    pub(crate) fn agreement(&self) -> Option<&Agreement> {
        self.agreement.as_deref()
    }

    /// What protects it; `None`: it is in the clear.
    pub(crate) fn suite(&self) -> Option<SrtpSuite> {
        let remote = self.agreement()?.remote()?;
        let handshaken = self.handshaken.filter(|_| remote.dtls.is_some());
        handshaken.or_else(|| remote.protection.as_ref().map(|protection| protection.suite))
    }

    /// The keys of its association have come about.
    pub(crate) fn handle_keys(&mut self, suite: SrtpSuite) {
        self.handshaken = Some(suite);
    }

    /// What was agreed with a leg that comes from another switch.
    pub(crate) fn restored(guest: &GuestLeg) -> Self {
        let mut payload_types = PayloadTypes::default();
        payload_types.note(&guest.codecs);
        let served = served_own(&guest.local).unwrap_or(0);
        let mut agreement = Agreement {
            local: guest.local.clone(),
            remote: guest.remote.clone(),
            served,
            codecs: guest.codecs.clone(),
            by_peer: guest.by_peer,
            wish: Direction::SendReceive,
            keys: None,
        };
        agreement.wish = wish(None, agreement.local_direction(), agreement.direction(), guest.by_peer);
        Self {
            agreement: Some(Box::new(agreement)),
            capabilities: guest.capabilities.clone(),
            payload_types,
            generation: guest.generation,
            ..Self::default()
        }
    }

    /// Of a caller that comes from another switch: its offer waits for our answer, if it made one.
    pub(crate) fn of_caller(guest: &GuestLeg) -> Self {
        let mut medium = Self::default();
        if !guest.remote.streams.is_empty() {
            medium.ask(guest.remote.clone());
        }
        medium
    }

    /// What the peer says of the served stream: in its offer that waits, or in what is in force.
    pub(crate) fn described(&self) -> Option<&MediaStream> {
        match &self.asked {
            Some(offer) => offer.streams.get(served(offer)?),
            None => self.agreement()?.remote(),
        }
    }

    /// The peer has said where else it may be reached, under the names of its last description. What was answered early is in force while the offer is still kept: both know
    /// it then. True: what is in force knows it now.
    pub(crate) fn add_candidates(&mut self, candidates: &[IceCandidate]) -> bool {
        let agreement = self.agreement.as_deref_mut();
        let in_force =
            agreement.and_then(|agreement| agreement.remote.streams.get_mut(agreement.served)?.ice.as_deref_mut());
        let Some(offer) = &mut self.asked else { return in_force.is_some_and(|ice| add(ice, candidates)) };
        let asked = served(offer).and_then(|index| offer.streams.get_mut(index)?.ice.as_deref_mut());
        let Some(asked) = asked else { return false };
        add(asked, candidates);
        in_force.filter(|ice| ice.remote == asked.remote).is_some_and(|ice| add(ice, candidates))
    }

    /// Whether the peer was told where its port is: one that was opened anew is not.
    pub(crate) fn is_told(&self) -> bool {
        let told = self.agreement().and_then(Agreement::local).and_then(|stream| stream.rtp);
        told == self.address.map(|address| address.rtp)
    }

    /// The peer's offer that waits for our answer.
    pub(crate) fn asked(&self) -> Option<&MediaDescription> {
        self.asked.as_ref()
    }

    /// It made no offer, and says whether it takes one before it is answered.
    pub(crate) fn without_offer(&mut self, takes_early_offer: bool) {
        self.takes_early_offer = takes_early_offer;
    }

    /// Whether it takes an offer before it is answered: once.
    pub(crate) fn takes_early_offer(&self) -> bool {
        self.takes_early_offer && self.agreement.is_none() && self.offered.is_none()
    }

    /// Whether an offer of ours waits for the peer's answer.
    pub(crate) fn has_offered(&self) -> bool {
        self.offered.is_some()
    }

    /// The formats of our offer that waits.
    pub(super) fn offered_formats(&self) -> &[Codec] {
        let stream = self.offered.as_ref().and_then(|offer| offer.streams.get(served(offer)?));
        stream.map_or(&[], formats)
    }

    /// What the peer was last told, in its role: for a request that is repeated.
    pub(crate) fn last_description(&self) -> Option<MediaExchange> {
        let answer = || self.agreement.as_ref().map(|agreement| MediaExchange::Answer(agreement.local.clone()));
        self.offered.clone().map(MediaExchange::Offer).or_else(answer)
    }

    /// How many descriptions of the peer have come into force.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// What this leg may like to have of one that asks anew: all formats that it has said it can, those in use first, and both ways
    /// unless it holds itself. `None`: nothing is agreed.
    pub(crate) fn terms_to_ask(&self) -> Option<Terms> {
        let mut terms = self.agreement()?.terms_anew();
        for codec in &self.capabilities {
            if !terms.codecs.iter().any(|known| known.matches(codec)) && terms.codecs.len() < crate::limits::CODECS {
                terms.codecs.push(codec.clone());
            }
        }
        Some(terms)
    }

    /// Every format that the peer has said it can.
    pub(crate) fn capabilities(&self) -> &[Codec] {
        &self.capabilities
    }

    /// Keeps the peer's offer until it is answered. False, and nothing kept: none of its streams can be served.
    pub(crate) fn ask(&mut self, offer: MediaDescription) -> bool {
        let Some(stream) = served(&offer).and_then(|index| offer.streams.get(index)) else { return false };
        let codecs = formats(stream).to_vec();
        self.payload_types.note(&codecs);
        self.note_capabilities(codecs);
        self.has_told_all |= self.agreement.is_none();
        self.asked = Some(offer);
        self.before = None;
        true
    }

    /// The peer's offer is not to be answered with a description.
    pub(crate) fn forget_asked(&mut self) {
        self.asked = None;
    }

    /// The terms of the peer's offer that waits.
    pub(crate) fn asked_terms(&self) -> Option<Terms> {
        let offer = self.asked.as_ref()?;
        let stream = offer.streams.get(served(offer)?)?;
        Some(Terms { keys: self.keys, ..Terms::of_stream(stream) })
    }

    /// An offer of ours by `terms`, in the frame of the dialog's streams. `None`: the port is not open.
    pub(crate) fn offer(&mut self, terms: &Terms) -> Option<MediaDescription> {
        let terms = &*self.with_keys(terms);
        let codecs = self.payload_types.assign(&terms.codecs);
        if !codecs.iter().any(is_sound) {
            return None;
        }
        self.payload_types.note(&codecs);
        let agreed = self.agreement.as_ref().and_then(|agreement| agreement.local());
        let own = MediaStream {
            // What the stream is carried by stays for the life of the dialog.
            transport: agreed.map_or(MediaTransport::RtpAvp, |stream| stream.transport.clone()),
            ptime_ms: terms.ptime_ms,
            max_ptime_ms: terms.max_ptime_ms,
            seeks_anew: self.ways.are_sought_anew(),
            chosen_ways: self.ways.chosen(),
            served: self.served.clone(),
            ..stream(self.address?, codecs, terms.direction)
        };
        // RFC 3264 §8: the streams of a dialog keep their number and order.
        let offer = match &self.agreement {
            Some(agreement) => MediaDescription {
                streams: agreement
                    .local
                    .streams
                    .iter()
                    .enumerate()
                    .map(|(index, other)| if index == agreement.served { own.clone() } else { refused(other) })
                    .collect(),
            },
            None => MediaDescription { streams: vec![own] },
        };
        self.offered = Some(offer.clone());
        Some(offer)
    }

    /// Our offer was refused, or its answer will not come.
    pub(crate) fn forget_offered(&mut self) {
        self.offered = None;
    }

    /// The peer's answer to our offer. False: it has nothing that we offered, and what was in force stays. The offer stays
    /// open for another answer (early media, then the answer proper) until [`forget_offered`](Self::forget_offered).
    pub(crate) fn accept(&mut self, remote: &MediaDescription) -> bool {
        let Some(local) = self.offered.clone() else { return false };
        let index = match served_own(&local) {
            Some(index) if remote.streams.len() == local.streams.len() => index,
            _ => return false,
        };
        let (Some(own), Some(stream)) = (local.streams.get(index), remote.streams.get(index)) else { return false };
        if stream.rtp.is_none() || served(remote) != Some(index) {
            return false;
        }
        // The peer's own payload types, and behind them ours where they differ: a peer may send by either.
        let mut codecs = common(formats(stream), formats(stream));
        codecs.retain(|codec| own.codecs.iter().any(|offered| offered.matches(codec)));
        if !codecs.iter().any(is_sound) {
            return false;
        }
        for codec in common(&own.codecs, &codecs) {
            if !codecs.iter().any(|known| known.payload_type == codec.payload_type) {
                codecs.push(codec);
            }
        }
        self.payload_types.note(&codecs);
        self.note_capabilities(codecs.clone());
        self.before = None;
        let wish = wish(self.agreement(), own.direction, flow(stream), false);
        let (remote, keys) = (remote.clone(), self.keys);
        self.agree(Agreement { local, remote, served: index, codecs, by_peer: false, wish, keys });
        true
    }

    /// Our answer to the peer's offer, by what the far side gives. `None`: they have no sound in common, and what was in
    /// force stays. The offer stays until [`forget_asked`](Self::forget_asked): an early answer is repeated at the end.
    pub(crate) fn answer(&mut self, terms: &Terms) -> Option<MediaDescription> {
        let offer = self.asked.clone()?;
        let index = served(&offer)?;
        let (mut local, codecs) = answer(&offer, index, &self.with_keys(terms), self.address?)?;
        if let Some(own) = local.streams.get_mut(index) {
            own.served.clone_from(&self.served);
        }
        if self.before.is_none() {
            self.before.clone_from(&self.agreement);
        }
        let said = offer.streams.get(index).map_or(Direction::Inactive, flow);
        let wish = wish(self.agreement(), Direction::SendReceive, said, true);
        let keys = self.keys;
        self.agree(Agreement { local: local.clone(), remote: offer, served: index, codecs, by_peer: true, wish, keys });
        Some(local)
    }

    /// Our answer to the peer's last offer did not come about: what was agreed before is in force again (RFC 3264 §8). False:
    /// nothing was.
    pub(crate) fn roll_back(&mut self) -> bool {
        self.asked = None;
        match self.before.take() {
            Some(before) => {
                self.agree(*before);
                true
            }
            None => false,
        }
    }

    /// Whether this offer asks for other formats than those that the leg has described and agreed before.
    pub(crate) fn changes_codecs(&self, offer: &MediaStream) -> bool {
        let Some(agreement) = &self.agreement else { return true };
        let before = agreement.remote().map_or(&[][..], formats);
        !same_codecs(formats(offer), before) && !same_codecs(formats(offer), &agreement.codecs)
    }

    fn agree(&mut self, agreement: Agreement) {
        let same = self.agreement.as_ref().is_some_and(|before| before.remote == agreement.remote);
        if !same {
            self.generation += 1;
        }
        self.ways.handle_agreement(self.agreement.as_deref().and_then(Agreement::remote), agreement.remote());
        self.agreement = Some(Box::new(agreement));
    }

    /// The latest description first, then what was known before.
    fn note_capabilities(&mut self, mut codecs: Vec<Codec>) {
        for known in std::mem::take(&mut self.capabilities) {
            if !codecs.iter().any(|codec| codec.matches(&known)) && codecs.len() < crate::limits::CODECS {
                codecs.push(known);
            }
        }
        self.capabilities = codecs;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::parameter::MediaKind;

    fn address(port: u16) -> PortAddress {
        PortAddress { rtp: ([192, 0, 2, 1], port).into(), rtcp: ([192, 0, 2, 1], port + 1).into() }
    }

    fn peer(port: u16, codecs: &[Codec]) -> MediaStream {
        let at = PortAddress { rtp: ([198, 51, 100, 1], port).into(), rtcp: ([198, 51, 100, 1], port + 1).into() };
        MediaStream { rtcp_mux: false, ..stream(at, codecs.to_vec(), Direction::SendReceive) }
    }

    fn pcmu() -> Codec {
        Codec::new(0, "PCMU", 8000)
    }

    fn opus(payload_type: u8) -> Codec {
        Codec { channels: 2, ..Codec::new(payload_type, "opus", 48_000) }
    }

    #[test]
    fn a_call_is_negotiated_with_each_peers_payload_types() {
        let (mut a, mut b) = (Medium::default(), Medium::default());
        (a.address, b.address) = (Some(address(5000)), Some(address(5002)));
        let video = MediaStream { kind: MediaKind::Video, ..peer(7000, &[Codec::new(99, "VP8", 90_000)]) };
        assert!(a.ask(MediaDescription { streams: vec![video, peer(7002, &[opus(111), pcmu()])] }));
        let to_b = b.offer(&a.asked_terms().unwrap()).unwrap();
        assert_eq!(to_b.streams.len(), 1, "what is not served is not offered on");
        assert_eq!(to_b.streams[0].rtp, Some(address(5002).rtp));
        assert_eq!(to_b.streams[0].codecs, [opus(111), pcmu()]);
        // B prefers PCMU and calls opus 96.
        assert!(b.accept(&MediaDescription { streams: vec![peer(8000, &[pcmu(), opus(96)])] }));
        let numbers: Vec<_> = b.agreement().unwrap().codecs.iter().map(|codec| codec.payload_type).collect();
        assert_eq!(numbers, [0, 96, 111]);
        let to_a = a.answer(&b.agreement().unwrap().terms()).unwrap();
        assert_eq!(to_a.streams.len(), 2);
        assert_eq!(to_a.streams[0].rtp, None, "video is refused in its place");
        assert_eq!(to_a.streams[1].codecs, [pcmu(), opus(111)]);
        assert!(!to_a.streams[1].rtcp_mux, "not answered where it was not offered");
        assert_eq!((a.generation(), b.generation()), (1, 1));
        assert!(b.accept(&MediaDescription { streams: vec![peer(8000, &[pcmu(), opus(96)])] }));
        assert_eq!(b.generation(), 1, "the same answer again is none");
    }

    #[test]
    fn a_profile_with_feedback_is_answered_as_such_and_offered_on_without() {
        let (mut a, mut b) = (Medium::default(), Medium::default());
        (a.address, b.address) = (Some(address(5000)), Some(address(5002)));
        let feedback = MediaStream { transport: MediaTransport::RtpAvpf, ..peer(7000, &[pcmu()]) };
        assert!(a.ask(MediaDescription { streams: vec![feedback] }));
        let to_b = b.offer(&a.asked_terms().unwrap()).unwrap();
        assert_eq!(to_b.streams[0].transport, MediaTransport::RtpAvp);
        assert!(b.accept(&MediaDescription { streams: vec![peer(8000, &[pcmu()])] }));
        let to_a = a.answer(&b.agreement().unwrap().terms()).unwrap();
        assert_eq!(to_a.streams[0].transport, MediaTransport::RtpAvpf);
        a.forget_asked();
        let again = a.offer(&Terms::of_codecs(vec![pcmu()])).unwrap();
        assert_eq!(again.streams[0].transport, MediaTransport::RtpAvpf, "the same stream of the same dialog");
    }

    #[test]
    fn an_answer_that_is_none_changes_nothing() {
        let mut b = Medium { address: Some(address(5000)), ..Medium::default() };
        assert!(!b.accept(&MediaDescription { streams: vec![peer(8000, &[pcmu()])] }), "nothing was offered");
        b.offer(&Terms::of_codecs(vec![pcmu()])).unwrap();
        assert!(!b.accept(&MediaDescription::default()));
        assert!(!b.accept(&MediaDescription { streams: vec![peer(8000, &[opus(96)])] }));
        assert!(!b.accept(&MediaDescription { streams: vec![MediaStream { rtp: None, ..peer(8000, &[pcmu()]) }] }));
        assert!(b.agreement().is_none());
    }

    #[test]
    fn hold_is_answered_within_what_the_offer_permits() {
        let mut a = Medium { address: Some(address(5000)), ..Medium::default() };
        let hold = MediaStream { direction: Direction::SendOnly, ..peer(7000, &[pcmu()]) };
        a.ask(MediaDescription { streams: vec![hold] });
        let answer = a.answer(&Terms::of_codecs(vec![pcmu()])).unwrap();
        assert_eq!(answer.streams[0].direction, Direction::ReceiveOnly);
        assert!(!a.agreement().unwrap().is_full());
    }

    #[test]
    fn who_is_asked_anew_is_offered_all_that_the_other_one_can_and_both_ways_where_that_one_does_not_hold() {
        use Direction::{Inactive, ReceiveOnly, SendOnly, SendReceive};
        let mut leg = Medium { address: Some(address(5000)), ..Medium::default() };
        assert!(leg.terms_to_ask().is_none());
        let offers = |leg: &mut Medium, direction| {
            leg.ask(MediaDescription { streams: vec![MediaStream { direction, ..peer(7000, &[opus(96), pcmu()]) }] });
            leg.answer(&Terms::of_codecs(vec![pcmu()])).unwrap();
            leg.forget_asked();
        };
        let answers = |leg: &mut Medium, ours, said| {
            leg.offer(&Terms { direction: ours, ..Terms::of_codecs(vec![pcmu()]) }).unwrap();
            let answer = MediaStream { direction: said, ..peer(7000, &[pcmu()]) };
            assert!(leg.accept(&MediaDescription { streams: vec![answer] }));
            leg.forget_offered();
        };
        offers(&mut leg, SendReceive);
        let terms = leg.terms_to_ask().unwrap();
        assert_eq!(terms.codecs, [pcmu(), opus(96)], "what is in use first");
        let wish = |leg: &mut Medium, ours: Option<Direction>, said| {
            match ours {
                Some(ours) => answers(leg, ours, said),
                None => offers(leg, said),
            }
            leg.terms_to_ask().unwrap().direction
        };
        assert_eq!(wish(&mut leg, Some(Inactive), Inactive), SendReceive, "it is held, which is no wish");
        assert_eq!(wish(&mut leg, None, Inactive), SendReceive, "a refresh says what is in force");
        assert_eq!(wish(&mut leg, None, SendOnly), SendOnly, "it holds");
        assert_eq!(wish(&mut leg, Some(ReceiveOnly), SendOnly), SendReceive, "nobody has asked whether it holds still");
        assert_eq!(wish(&mut leg, Some(SendReceive), SendReceive), SendReceive, "it has retrieved");
        assert_eq!(wish(&mut leg, None, Inactive), Inactive);
        assert_eq!(wish(&mut leg, Some(SendOnly), ReceiveOnly), SendReceive, "it has retrieved as far as it was asked");
        assert_eq!(wish(&mut leg, Some(SendOnly), Inactive), SendOnly, "it does not want to hear who holds it");
    }

    #[test]
    fn a_session_refresh_changes_no_codecs() {
        let mut b = Medium { address: Some(address(5000)), ..Medium::default() };
        b.offer(&Terms::of_codecs(vec![pcmu()])).unwrap();
        b.accept(&MediaDescription { streams: vec![peer(8000, &[pcmu()])] });
        assert!(!b.changes_codecs(&peer(9000, &[pcmu()])));
        assert!(b.changes_codecs(&peer(9000, &[opus(96)])));
    }

    #[test]
    fn an_offer_in_mid_dialog_keeps_its_streams() {
        let mut a = Medium { address: Some(address(5000)), ..Medium::default() };
        let video = MediaStream { kind: MediaKind::Video, ..peer(7000, &[Codec::new(99, "VP8", 90_000)]) };
        a.ask(MediaDescription { streams: vec![video, peer(7002, &[pcmu()])] });
        a.answer(&Terms::of_codecs(vec![pcmu()])).unwrap();
        let offer = a.offer(&Terms::of_codecs(vec![opus(99), pcmu()])).unwrap();
        assert_eq!(offer.streams.len(), 2);
        assert_eq!(offer.streams[0].rtp, None);
        assert_eq!(offer.streams[1].codecs.len(), 2);
    }
}
