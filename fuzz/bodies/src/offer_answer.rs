//! Offers and answers in any order, of a machine with a peer that says anything, and of two machines with each other.

use std::net::{IpAddr, SocketAddr};

use router::Random;
use router::parameter::{Codec, Direction, MediaDescription, MediaKind, MediaStream, MediaTransport};
use signaling::sdp::{AnswerKind, Ice, OfferAnswer, OfferAnswerState, Security, SessionDescription};
use signaling::{Connectivity, MediaSecurity};

use crate::sip_message::touch;
use crate::tape::Tape;

/// Operations of one input at most.
const OPERATIONS_MAX: usize = 200;

/// The input is operations on a dialog's two machines: of who has no keys and looks for no ways, of who may, and of who must.
pub fn offer_answer(data: &[u8]) {
    for (policy, connectivity) in [
        (MediaSecurity::Never, Connectivity::Never),
        (MediaSecurity::May, Connectivity::Offer),
        (MediaSecurity::Must, Connectivity::Must),
    ] {
        operations(Tape::new(data), policy, connectivity);
    }
}

fn operations(mut tape: Tape<'_>, policy: MediaSecurity, connectivity: Connectivity) {
    let address: IpAddr = "192.0.2.1".parse().expect("an address");
    let mut sides = [7, 9].map(|number| {
        let security = Security::new(policy, true, true, &mut Random::from_seed(number));
        let ice = Ice::new(connectivity, number == 7, &mut Random::from_seed(number));
        OfferAnswer::new(number, address).with_security(security).with_ice(ice)
    });
    for _ in 0..OPERATIONS_MAX {
        if !tape.is_left() {
            break;
        }
        operate(&mut tape, &mut sides);
        sides.iter().for_each(check);
    }
}

fn operate(tape: &mut Tape<'_>, sides: &mut [OfferAnswer; 2]) {
    let operation = tape.octet();
    let at = usize::from(operation & 1);
    let kind = if operation & 2 == 0 { AnswerKind::Final } else { AnswerKind::Early };
    let machine = &mut sides[at];
    match (operation >> 2) % 10 {
        0 => {
            let before = machine.state();
            let offered = machine.make_offer(&description(tape));
            after_offer(machine, before, offered.as_deref().ok());
        }
        1 => {
            let before = machine.state();
            let offered = machine.repeat_offer();
            after_offer(machine, before, offered.as_deref().ok());
        }
        2 => {
            let before = machine.state();
            let result = machine.receive_offer(tape.text());
            touch(
                result.as_ref().err().map(|error| (error.status(), error.warning(), error.blame(), error.to_string())),
            );
            assert_eq!(machine.state(), if result.is_ok() { OfferAnswerState::RemoteOfferPending } else { before });
        }
        3 => answer(machine, &description(tape)),
        // What the peer offered, as it is: what an echo answers.
        4 => {
            if let Some(offered) = machine.remote_offer().cloned() {
                answer(machine, &offered);
            }
        }
        5 => touch(machine.receive_answer(tape.text(), kind).map_err(|error| error.to_string())),
        6 => touch(machine.settle_early().map_err(|error| error.to_string())),
        7 => {
            let pending =
                matches!(machine.state(), OfferAnswerState::LocalOfferPending | OfferAnswerState::RemoteOfferPending);
            assert_eq!(machine.roll_back(), pending);
        }
        // What one side offered arrives at the other, and is answered with what it chooses.
        8 => exchange(tape, sides, at, kind),
        _ => {
            // A fork: the clone goes its own way and agrees with the original on the past.
            let clone = sides[at].clone();
            assert_eq!(clone.state(), sides[at].state());
            sides[1 - at] = clone;
        }
    }
}

fn after_offer(machine: &OfferAnswer, before: OfferAnswerState, offered: Option<&[u8]>) {
    match offered {
        Some(text) => {
            assert_eq!(machine.state(), OfferAnswerState::LocalOfferPending);
            let offered = machine.local_offer().expect("an offer is pending");
            assert_eq!(parsed(text).media.len(), offered.streams.len());
        }
        None => assert_eq!(machine.state(), before, "a refusal changes nothing"),
    }
}

fn answer(machine: &mut OfferAnswer, wanted: &MediaDescription) {
    let offered = machine.remote_offer().map(|offer| offer.streams.len());
    let before = machine.state();
    match machine.make_answer(wanted) {
        Ok(text) => {
            assert_eq!(machine.state(), OfferAnswerState::Established);
            assert_eq!(Some(parsed(&text).media.len()), offered, "an answer has the lines of its offer (RFC 3264 §6)");
        }
        Err(error) => {
            touch(error.to_string());
            assert_eq!(machine.state(), before, "a refusal changes nothing");
        }
    }
}

/// Two machines of ours understand each other.
fn exchange(tape: &mut Tape<'_>, sides: &mut [OfferAnswer; 2], at: usize, kind: AnswerKind) {
    let wanted = description(tape);
    let Ok(offer) = sides[at].make_offer(&wanted) else { return };
    let (offerer, answerer) = match sides {
        [one, other] if at == 0 => (one, other),
        [one, other] => (other, one),
    };
    if answerer.receive_offer(&offer).is_err() {
        assert!(offerer.roll_back());
        return;
    }
    let Some(offered) = answerer.remote_offer().cloned() else { return };
    let wanted = if tape.flag() { offered } else { description(tape) };
    match answerer.make_answer(&wanted) {
        Ok(answer) => {
            let taken = offerer.receive_answer(&answer, kind);
            assert!(taken.is_ok(), "our own answer is taken: {taken:?}\n{}", String::from_utf8_lossy(&answer));
        }
        Err(_) => assert!(answerer.roll_back() && offerer.roll_back()),
    }
}

fn parsed(text: &[u8]) -> SessionDescription {
    SessionDescription::parse(text).expect("what we write is SDP")
}

fn check(machine: &OfferAnswer) {
    if let Some(agreement) = machine.agreement() {
        touch((agreement.role(), agreement.peer_holds()));
        let (local, remote) = (agreement.local(), agreement.remote());
        assert_eq!(local.streams.len(), remote.streams.len(), "stream i answers stream i");
        assert_eq!(parsed(agreement.local_text()).media.len(), local.streams.len());
        let streams = agreement.streams();
        assert!(streams.len() <= local.streams.len());
        touch((streams, agreement.remote_for_media()));
    }
    assert!(machine.local_text().is_none_or(|text| !text.is_empty()));
}

/// A description by chance, as a switch would make one: names and numbers of peers included.
pub(crate) fn description(tape: &mut Tape<'_>) -> MediaDescription {
    let streams = (0..tape.below(4)).map(|_| stream(tape)).collect();
    MediaDescription { streams }
}

fn stream(tape: &mut Tape<'_>) -> MediaStream {
    let kinds = [MediaKind::Audio, MediaKind::Video, MediaKind::Image, MediaKind::Other("x".to_owned())];
    let transports = [
        MediaTransport::RtpAvp,
        MediaTransport::RtpSavp,
        MediaTransport::Udptl,
        MediaTransport::UdpTlsRtpSavpf,
        MediaTransport::Other("A B".to_owned()),
    ];
    let addresses = ["192.0.2.1:40000", "0.0.0.0:40000", "[2001:db8::1]:40002", "[::]:0"];
    let address = |tape: &mut Tape<'_>| -> Option<SocketAddr> {
        tape.pick(&addresses).filter(|_| tape.below(4) != 3).and_then(|text| text.parse().ok())
    };
    let directions = [Direction::SendReceive, Direction::SendOnly, Direction::ReceiveOnly, Direction::Inactive];
    MediaStream {
        kind: if tape.below(4) == 3 { tape.pick(&kinds) } else { None }.unwrap_or(MediaKind::Audio),
        transport: if tape.below(4) == 3 { tape.pick(&transports) } else { None }.unwrap_or(MediaTransport::RtpAvp),
        rtp: address(tape),
        rtcp: address(tape),
        rtcp_mux: tape.flag(),
        direction: tape.pick(&directions).unwrap_or_default(),
        codecs: (0..tape.below(5)).map(|_| codec(tape)).collect(),
        ptime_ms: tape.flag().then(|| tape.word()),
        max_ptime_ms: tape.flag().then(|| tape.word()),
        protection: None,
        dtls: None,
        ice: None,
        voip_metrics: false,
        summary: Default::default(),
        seeks_anew: false,
        chosen_ways: Vec::new(),
        served: None,
    }
}

/// A codec by chance, mostly one that is known.
pub(crate) fn codec(tape: &mut Tape<'_>) -> Codec {
    let names = ["PCMU", "PCMA", "telephone-event", "opus", "CN", "G729", "", "a/b", "é", "L16"];
    let rates = [8_000, 48_000, 16_000, 0, u32::MAX];
    let number = tape.octet();
    Codec {
        channels: tape.pick(&[1, 2, 0, 255]).unwrap_or(1),
        parameters: tape.pick(&["0-16", "annexb=no", "a\r\nb", ""]).filter(|_| tape.flag()).map(Into::into),
        receive_payload_type: tape.flag().then(|| tape.octet()),
        ..Codec::new(number, tape.pick(&names).unwrap_or("PCMU"), tape.pick(&rates).unwrap_or(8_000))
    }
}
