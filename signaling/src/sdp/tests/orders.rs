//! Two machines against each other: any order of offers, holds, retrieves, refusals and glare ends in agreement.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use router::parameter::{Codec, Direction, MediaDescription, MediaStream};

use super::super::{AnswerKind, OfferAnswer, OfferAnswerError, OfferAnswerState, Role, SessionDescription};
use super::{events, machine, opus, pcma, pcmu, refused, streams, voice};

/// What one does.
#[derive(Clone, Debug)]
enum Step {
    /// A side offers, if it may.
    Offer(usize, MediaDescription),
    /// A side offers what it said last.
    Repeat(usize),
    /// A side takes its next message, and answers an offer so, or refuses it.
    Take(usize, Option<MediaDescription>),
}

/// What is on its way.
#[derive(Clone, Debug)]
enum Message {
    Offer(Bytes),
    Early(Bytes),
    Answer(Bytes),
    Refusal,
}

fn codec() -> impl Strategy<Value = Codec> {
    prop_oneof![
        Just(pcmu()),
        Just(pcma()),
        Just(events()),
        (96_u8..100).prop_map(opus),
        (96_u8..100).prop_map(|number| Codec::new(number, "iLBC", 8_000)),
        (96_u8..100).prop_map(|number| Codec::new(number, "speex", 16_000)),
        (96_u8..100).prop_map(|number| Codec::new(number, "telephone-event", 48_000)),
        (96_u8..100, any::<bool>()).prop_map(|(number, aligned)| Codec {
            parameters: Some(format!("octet-align={}", u8::from(aligned)).into()),
            ..Codec::new(number, "AMR", 8_000)
        }),
    ]
}

fn stream() -> impl Strategy<Value = MediaStream> {
    let direction = prop_oneof![
        3 => Just(Direction::SendReceive),
        1 => Just(Direction::SendOnly),
        1 => Just(Direction::ReceiveOnly),
        1 => Just(Direction::Inactive),
    ];
    let codecs = proptest::collection::vec(codec(), 0..5);
    (1_000_u16..1_004, direction, codecs, any::<bool>(), 0..8_u8).prop_map(
        |(port, direction, mut codecs, rtcp_mux, off)| {
            codecs.push(pcmu());
            let stream = MediaStream { direction, rtcp_mux, ..voice(port, &codecs) };
            if off == 0 { refused(stream) } else { stream }
        },
    )
}

fn description() -> impl Strategy<Value = MediaDescription> {
    proptest::collection::vec(stream(), 1..4).prop_map(|list| streams(&list))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..2_usize, description()).prop_map(|(side, description)| Step::Offer(side, description)),
        1 => (0..2_usize).prop_map(Step::Repeat),
        6 => (0..2_usize, proptest::option::weighted(0.85, description())).prop_map(|(side, answer)| Step::Take(side, answer)),
    ]
}

/// Two sides, what is on its way to each, and what was seen of each.
struct Pair {
    sides: [OfferAnswer; 2],
    inboxes: [VecDeque<Message>; 2],
    seen: [Seen; 2],
    glares: usize,
}

/// What one side has said so far.
#[derive(Default)]
struct Seen {
    lines: usize,
    version: u64,
    body: Vec<u8>,
}

impl Pair {
    fn new() -> Pair {
        Pair { sides: [machine(1), machine(2)], inboxes: Default::default(), seen: Default::default(), glares: 0 }
    }

    /// Each text: as many lines as ever or more; a version that grows by one exactly when the rest changes.
    fn say(&mut self, side: usize, text: &Bytes) {
        let session = SessionDescription::parse(text).unwrap();
        let version: u64 = session.origin.session_version.as_str().unwrap().parse().unwrap();
        let body: Vec<u8> =
            text.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"o=")).collect::<Vec<_>>().concat();
        let seen = &mut self.seen[side];
        assert!(session.media.len() >= self.sides[side].agreement().map_or(0, |agreed| agreed.local().streams.len()));
        assert_eq!(version, if seen.version > 0 && body == seen.body { seen.version } else { seen.version + 1 });
        *seen = Seen { lines: session.media.len(), version, body };
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Offer(side, description) => {
                if let Ok(text) = self.sides[side].make_offer(&description) {
                    self.say(side, &text);
                    self.inboxes[1 - side].push_back(Message::Offer(text));
                }
            }
            Step::Repeat(side) => {
                if let Ok(text) = self.sides[side].repeat_offer() {
                    self.say(side, &text);
                    self.inboxes[1 - side].push_back(Message::Offer(text));
                }
            }
            Step::Take(side, answer) => {
                if let Some(message) = self.inboxes[side].pop_front() {
                    self.take(side, message, answer);
                }
            }
        }
    }

    fn take(&mut self, side: usize, message: Message, answer: Option<MediaDescription>) {
        let machine = &mut self.sides[side];
        match message {
            Message::Offer(text) => match machine.receive_offer(&text) {
                Ok(_) => {
                    // A description with fewer streams refuses the rest; one with more is cut.
                    let lines = machine.remote_offer().unwrap().streams.len();
                    let reply = answer.and_then(|mut answer| {
                        answer.streams.truncate(lines);
                        machine.make_answer(&answer).ok()
                    });
                    match reply {
                        Some(text) => {
                            self.say(side, &text);
                            self.inboxes[1 - side].push_back(Message::Early(text.clone()));
                            self.inboxes[1 - side].push_back(Message::Answer(text));
                        }
                        None => {
                            assert!(self.sides[side].roll_back());
                            self.inboxes[1 - side].push_back(Message::Refusal);
                        }
                    }
                }
                Err(OfferAnswerError::Glare) => {
                    self.glares += 1;
                    self.inboxes[1 - side].push_back(Message::Refusal);
                }
                Err(error) => panic!("{error}"),
            },
            Message::Early(text) => {
                machine.receive_answer(&text, AnswerKind::Early).unwrap();
            }
            Message::Answer(text) => {
                machine.receive_answer(&text, AnswerKind::Final).unwrap();
            }
            Message::Refusal => assert!(machine.roll_back()),
        }
    }

    /// Delivers what is left, each offer answered with plain voice.
    fn settle(&mut self) {
        let plain = streams(&[voice(1_000, &[pcmu()]), voice(1_002, &[pcmu()]), voice(1_002, &[pcmu()])]);
        while self.inboxes.iter().any(|inbox| !inbox.is_empty()) {
            for side in 0..2 {
                self.step(Step::Take(side, Some(plain.clone())));
            }
        }
    }

    /// Both agree on every stream.
    fn check(&self, meanings: &mut [BTreeMap<(usize, u8), Codec>; 2]) {
        let [one, other] = &self.sides;
        assert_eq!(one.state(), other.state());
        if one.state() != OfferAnswerState::Established {
            assert_eq!(one.state(), OfferAnswerState::Idle);
            return;
        }
        let (one, other) = (one.agreement().unwrap(), other.agreement().unwrap());
        for side in [one, other] {
            // What each says fits what the other said: an answer goes nowhere that its offer does not.
            for (local, remote) in side.local().streams.iter().zip(&side.remote().streams) {
                if side.role() == Role::Answerer && local.rtp.is_some() {
                    assert_eq!(local.direction, local.direction.and(remote.direction.mirrored()));
                    assert!(local.codecs.iter().all(|codec| remote.codecs.iter().any(|other| other.matches(codec))));
                    assert!(remote.rtcp_mux || !local.rtcp_mux);
                }
            }
        }
        let (ours, theirs) = (one.streams(), other.streams());
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours.index, theirs.index);
            assert_eq!(ours.direction, theirs.direction.mirrored());
            assert_eq!(Some(ours.local_rtp), theirs.remote_rtp);
            assert_eq!(Some(theirs.local_rtp), ours.remote_rtp);
            assert_eq!(ours.rtcp_mux, theirs.rtcp_mux);
            assert_eq!(ours.codecs.len(), theirs.codecs.len());
            for (mine, yours) in ours.codecs.iter().zip(&theirs.codecs) {
                assert_eq!(mine.send, yours.receive);
                assert_eq!(mine.receive, yours.send);
                assert!(mine.send.matches(&mine.receive));
            }
            for (side, stream) in [ours, theirs].into_iter().enumerate() {
                for codec in &stream.codecs {
                    // RFC 3264 §8.3.2.
                    let key = (stream.index, codec.receive.payload_type);
                    let meant = meanings[side].entry(key).or_insert_with(|| codec.receive.clone());
                    assert!(meant.matches(&codec.receive), "{key:?}: {meant:?} became {:?}", codec.receive);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, rng_seed: RngSeed::Fixed(3264), ..ProptestConfig::default() })]

    #[test]
    fn any_order_ends_in_agreement(steps in proptest::collection::vec(step(), 1..40)) {
        let mut pair = Pair::new();
        let mut meanings = Default::default();
        for step in steps {
            pair.step(step);
            let is_quiet = pair.inboxes.iter().all(VecDeque::is_empty);
            if is_quiet {
                pair.check(&mut meanings);
            }
        }
        pair.settle();
        pair.check(&mut meanings);
        // And the call can always be brought back to plain talk.
        let lines = pair.seen.iter().map(|seen| seen.lines).max().unwrap_or(0).max(1);
        let plain = streams(&vec![voice(1_000, &[pcmu()]); lines]);
        pair.step(Step::Offer(0, plain.clone()));
        pair.step(Step::Take(1, Some(plain)));
        pair.settle();
        pair.check(&mut meanings);
        let agreed = pair.sides[0].agreement().unwrap().streams();
        prop_assert_eq!(agreed.len(), lines);
        prop_assert!(agreed.iter().all(|stream| stream.direction == Direction::SendReceive));
    }
}

#[test]
fn offers_that_cross_are_both_refused() {
    let mut pair = Pair::new();
    let plain = streams(&[voice(1_000, &[pcmu()])]);
    pair.step(Step::Offer(0, plain.clone()));
    pair.step(Step::Offer(1, plain.clone()));
    pair.settle();
    assert_eq!(pair.glares, 2);
    pair.check(&mut Default::default());
    assert_eq!(pair.sides[0].state(), OfferAnswerState::Idle);
    pair.step(Step::Offer(1, plain));
    pair.settle();
    pair.check(&mut Default::default());
    assert_eq!(pair.sides[0].state(), OfferAnswerState::Established);
}
