//! Keys, each once whatever form it comes in and goes out in: told to the owner, made events, tones or nothing of.

use crate::network::*;
use crate::talk::*;
use codecs::dtmf::{Detector, Key, KeyChange, Press};
use codecs::telephone_event::{EventChange, EventSender};
use codecs::{Encoded, Law};
use media::rtp::Header;
use router::parameter::{Codec, Digits, KeyForm, MediaEventKind, MediaPlan, PortId, Reason};
use router::{Command, one};

/// What the owner was told of a port's keys since the last time: which, for how long, in which form.
fn told(world: &mut World, port: PortId) -> Vec<(char, u16, KeyForm)> {
    let events = std::mem::take(&mut world.events);
    let of_port = events.into_iter().filter(|(_, event)| event.port == port);
    let pressed = of_port.filter_map(|(_, event)| match event.kind {
        MediaEventKind::Pressed { key, duration_ms, form } => Some((key.reveal().chars().next()?, duration_ms, form)),
        _ => None,
    });
    pressed.collect()
}

fn keys_told(world: &mut World, port: PortId, form: KeyForm) -> String {
    let told = told(world, port);
    assert!(told.iter().all(|(.., of)| *of == form), "{told:?}");
    told.into_iter().map(|(key, ..)| key).collect()
}

/// The keys in a sound.
fn tones_in(samples: &[i16]) -> String {
    let (mut detector, mut keys) = (Detector::new(), String::new());
    detector.handle_samples(samples, |change| {
        if let KeyChange::Began(key) = change {
            keys.push(key.character());
        }
    });
    keys
}

/// The presses of a phone's events: which, for how many milliseconds.
fn events_of(person: &Person, clock_rate_hz: u32) -> Vec<(char, u32)> {
    let ended = person.events.iter().filter_map(|change| match change {
        EventChange::Ended { event, duration } => {
            Some((Key::of_event(*event)?.character(), duration / (clock_rate_hz / 1_000)))
        }
        EventChange::Began(_) => None,
    });
    ended.collect()
}

impl Talk {
    /// A presses a key for so long, as events of its clock; of which packets it says those that are lost.
    fn a_presses(&mut self, world: &mut World, key: char, ms: u32, lost: impl Fn(u32) -> bool) {
        let codec = self.plans[0].codecs.iter().find(|codec| codec.is_telephone_event()).cloned().unwrap();
        let step = codec.clock_rate_hz / 50;
        let event = Key::of_character(key).unwrap().event();
        let mut sender = EventSender::new(event, 10, self.a.timestamp);
        for packet in 0..ms / 20 + 2 {
            let event = if packet + 3 < ms / 20 + 2 { sender.hold(step) } else { sender.release(step) };
            let data = self.a.packet(codec.payload_type, event.timestamp, &event.event.octets());
            if !lost(packet) {
                self.deliver_a(world, &data);
            }
            self.a.timestamp = self.a.timestamp.wrapping_add(step);
            self.pass(world, 20);
        }
    }

    /// A presses a key for so long, in its sound, which a packet goes on with as it comes.
    fn a_sounds(&mut self, world: &mut World, key: char, ms: u32, lost: impl Fn(u32) -> bool) {
        let mut press = Press::new(Key::of_character(key).unwrap(), ms, self.a.rate_hz);
        for packet in 0..ms.div_ceil(20) {
            let mut sound = vec![0; self.a.codec.packet_samples(20, self.a.rate_hz)];
            press.fill(&mut sound);
            let mut payload = [0; 1_500];
            let Encoded::Payload(octets) = self.a.encoder.encode(&sound, &mut payload).unwrap() else {
                panic!("tones")
            };
            let data = self.a.packet(self.a.payload_type, self.a.timestamp, &payload[..octets]);
            self.a.timestamp = self.a.timestamp.wrapping_add(self.a.codec.ticks_of(sound.len(), self.a.rate_hz));
            if !lost(packet) {
                self.deliver_a(world, &data);
            }
            self.pass(world, 20);
        }
    }
}

#[test]
fn keys_that_pass_as_they_are_are_told_once_each_with_their_length() {
    for loss in [0, 3, 2] {
        let mut world = World::new();
        let mut talk = Talk::begin(&mut world, &[pcmu(), keys(101, 8_000)], &[pcmu(), keys(96, 8_000)]);
        for (key, ms) in [('1', 100), ('1', 100), ('#', 2_000), ('D', 60), ('0', 9_000)] {
            talk.a_talks(&mut world, 60);
            talk.a_presses(&mut world, key, ms, |packet| loss > 0 && packet % loss == 1);
        }
        talk.pass(&mut world, 1_000);
        let told = told(&mut world, A);
        assert_eq!(told.iter().map(|(key, ..)| *key).collect::<String>(), "11#D0", "{loss}");
        for ((_, ms, form), wanted) in told.iter().zip([100, 100, 2_000, 60, 9_000]) {
            assert!(ms.abs_diff(wanted) <= 40 && *form == KeyForm::Events, "{loss}: {ms} of {wanted}");
        }
        assert_eq!(events_of(&talk.b, 8_000).len(), 5);
        assert_eq!(world.counter("media_packets_transcoded", None), 0, "it is relayed");
        assert_eq!(world.counter("media_keys_heard", None), 5);
        world.close(SESSION).unwrap();
        assert_eq!(world.voice.pending_timers(), 1);
    }
}

#[test]
fn a_key_whose_end_is_lost_is_told_all_the_same_and_once() {
    let mut world = World::new();
    let mut talk = Talk::begin(&mut world, &[pcmu(), keys(101, 8_000)], &[pcmu(), keys(96, 8_000)]);
    talk.a_presses(&mut world, '4', 200, |packet| packet >= 8);
    assert_eq!(told(&mut world, A), []);
    talk.pass(&mut world, 800);
    assert_eq!(keys_told(&mut world, A, KeyForm::Events), "4");
    // And where another one follows at once.
    talk.a_presses(&mut world, '5', 200, |packet| packet >= 8);
    talk.a_presses(&mut world, '5', 200, |_| false);
    assert_eq!(keys_told(&mut world, A, KeyForm::Events), "55");
    // What comes of the first after all is none.
    let late = EventSender::new(4, 10, 5).hold(100);
    let data = talk.a.packet(101, late.timestamp, &late.event.octets());
    talk.deliver_a(&mut world, &data);
    talk.pass(&mut world, 2_000);
    assert!(told(&mut world, A).len() <= 1);
    world.close(SESSION).unwrap();
    assert_eq!(world.voice.pending_timers(), 1);
}

#[test]
fn events_are_tones_where_the_other_leg_shares_the_codec_and_takes_none() {
    let mut world = World::new();
    let mut talk = Talk::begin(&mut world, &[pcmu(), keys(101, 8_000)], &[pcmu()]);
    // What is no key passes as it is.
    let packet = talk.a.say();
    world.deliver(talk.a.at, talk.ports[0].rtp, &packet);
    let sent = world.take_rtp();
    assert_eq!((sent.len(), &sent[0].data[12..]), (1, &packet[12..]));
    for (key, ms) in [('1', 100), ('1', 60), ('*', 2_000), ('7', 100)] {
        talk.a_talks(&mut world, 200);
        talk.a_presses(&mut world, key, ms, |packet| packet % 4 == 1);
    }
    talk.a_talks(&mut world, 400);
    assert_eq!(tones_in(&talk.b.heard), "11*7");
    assert_eq!(keys_told(&mut world, A, KeyForm::Events), "11*7");
    for pair in talk.b.headers.windows(2) {
        assert_eq!(pair[1].1.sequence, pair[0].1.sequence.wrapping_add(1), "{pair:?}");
        assert!((pair[1].1.timestamp.wrapping_sub(pair[0].1.timestamp) as i32) > 0);
    }
    let (first, last) = (talk.b.headers[0], talk.b.headers[talk.b.headers.len() - 1]);
    let (lasted, passed) =
        (last.1.timestamp.wrapping_sub(first.1.timestamp) / 8, last.0.since(first.0).as_millis() as u32);
    assert!(lasted.abs_diff(passed) < 400, "{lasted} of {passed} ms");
    assert_eq!(world.counter("media_packets_discarded", Some("format")), 0);
    // The other way it is listened to: who has no events may press keys in its sound.
    talk.b_talks(&mut world, 400);
    assert_eq!((talk.a.events.len(), told(&mut world, B).len()), (0, 0));
    assert!((talk.a.level(800) - -10.0).abs() < 1.0);
}

#[test]
fn keys_in_the_sound_are_events_where_the_other_leg_takes_them_once_each_and_not_heard_besides() {
    let wide = Codec::new(9, "G722", 8_000);
    for (one, other, to) in [
        (pcmu(), pcmu(), keys(101, 8_000)),
        (pcmu(), opus(), keys(110, 48_000)),
        (wide.clone(), wide, keys(101, 8_000)),
        (pcma(), pcmu(), keys(101, 8_000)),
    ] {
        for loss in [0, 9] {
            let what = format!("{} to {}, {loss}", one.name, other.name);
            let mut world = World::new();
            let sides = [vec![one.clone()], vec![other.clone(), to.clone()]];
            let mut talk = Talk::begin(&mut world, &sides[0], &sides[1]);
            talk.a_talks(&mut world, 400);
            for (key, ms) in [('1', 80), ('1', 80), ('#', 1_500), ('0', 100), ('D', 60)] {
                talk.a_sounds(&mut world, key, ms, |packet| loss > 0 && packet % loss == 4);
                talk.a_talks(&mut world, 200);
            }
            talk.pass(&mut world, 600);
            let told = told(&mut world, A);
            assert_eq!(told.iter().map(|(key, ..)| *key).collect::<String>(), "11#0D", "{what}");
            let events = events_of(&talk.b, to.clock_rate_hz);
            assert_eq!(events.iter().map(|(key, _)| *key).collect::<String>(), "11#0D", "{what}");
            for (((_, ms, form), (_, sent_ms)), wanted) in told.iter().zip(&events).zip([80u32, 80, 1_500, 100, 60]) {
                assert!(u32::from(*ms).abs_diff(wanted) <= 30 && *form == KeyForm::Tones, "{what}: {ms} of {wanted}");
                assert!(sent_ms.abs_diff(wanted) <= 40, "{what}: {sent_ms} of {wanted}");
            }
            if talk.b.rate_hz == 8_000 {
                assert_eq!(tones_in(&talk.b.heard), "", "{what}: what is left of the tones is no key");
            }
            for pair in talk.b.headers.windows(2) {
                assert_eq!(pair[1].1.sequence, pair[0].1.sequence.wrapping_add(1), "{what}");
            }
            // What else is said comes through.
            let count = talk.b.heard.len();
            talk.a_talks(&mut world, 400);
            assert!((talk.b.level(count + talk.b.rate_hz as usize / 10) - -10.0).abs() < 1.5, "{what}");
            world.close(SESSION).unwrap();
            assert_eq!(world.voice.pending_timers(), 1);
        }
    }
}

#[test]
fn nobody_listens_where_both_have_events_or_neither_has() {
    for codecs in [vec![pcmu(), keys(101, 8_000)], vec![pcmu()]] {
        let mut world = World::new();
        let mut talk = Talk::begin(&mut world, &codecs, &codecs);
        talk.a_sounds(&mut world, '5', 200, |_| false);
        assert_eq!(world.counter("media_packets_transcoded", None), 0);
        assert_eq!((told(&mut world, A).len(), tones_in(&talk.b.heard)), (0, "5".to_owned()));
    }
}

#[test]
fn who_has_keys_in_signalling_is_sent_none_in_its_media_and_the_owner_is_told() {
    // Events, and tones.
    for (codecs, form) in [(vec![pcmu(), keys(101, 8_000)], KeyForm::Events), (vec![pcmu()], KeyForm::Tones)] {
        let mut world = World::new();
        let mut talk = Talk::begin(&mut world, &codecs, &[pcmu()]);
        talk.plans[1].keys = Some(KeyForm::Signalled);
        world.set(SESSION, &talk.plans[1..]);
        talk.a_talks(&mut world, 200);
        for key in ['2', '2', '9'] {
            match form {
                KeyForm::Events => talk.a_presses(&mut world, key, 100, |_| false),
                _ => talk.a_sounds(&mut world, key, 100, |_| false),
            }
            talk.a_talks(&mut world, 200);
        }
        assert_eq!(keys_told(&mut world, A, form), "229");
        assert_eq!(tones_in(&talk.b.heard), "");
        assert!(talk.b.headers.iter().all(|(_, header)| header.payload_type == 0));
        let numbers = talk.b.headers.windows(2).all(|pair| pair[1].1.sequence == pair[0].1.sequence.wrapping_add(1));
        assert!(numbers);
        assert_eq!(world.close(SESSION).unwrap()[0].packets_discarded, 0);
    }
}

fn dial(world: &mut World, port: PortId, digits: &str, duration_ms: u16) -> Result<(), Reason> {
    let digits = Digits { digits: digits.to_owned().into(), duration_ms, port: Some(port) };
    world.ask(SESSION, Command::Send, one(digits)).map(|_| ()).map_err(|failure| failure.reason)
}

#[test]
fn keys_that_the_owner_has_are_events_or_tones_for_a_ports_peer() {
    for (codecs, clock) in [
        (vec![pcmu(), keys(101, 8_000)], 8_000),
        (vec![opus(), keys(110, 48_000)], 48_000),
        (vec![pcmu()], 0),
        (vec![Codec::new(9, "G722", 8_000)], 0),
    ] {
        let mut world = World::new();
        let mut talk = Talk::begin(&mut world, &codecs, &codecs);
        talk.a_talks(&mut world, 200);
        dial(&mut world, B, "1#", 160).unwrap();
        talk.a_talks(&mut world, 300);
        dial(&mut world, B, "1", 2_000).unwrap();
        talk.a_talks(&mut world, 3_000);
        if clock > 0 {
            let events = events_of(&talk.b, clock);
            assert_eq!(events.iter().map(|(key, _)| *key).collect::<String>(), "1#1");
            for ((_, ms), wanted) in events.iter().zip([160u32, 160, 2_000]) {
                assert!(ms.abs_diff(wanted) <= 20, "{ms} of {wanted}");
            }
        } else if talk.b.rate_hz == 8_000 {
            assert_eq!(tones_in(&talk.b.heard), "1#1");
        }
        // Whoever talks is heard again, in one stream.
        let last = talk.b.heard.len();
        assert!((talk.b.level(last - talk.b.rate_hz as usize / 5) - -10.0).abs() < 1.0);
        for pair in talk.b.headers.windows(2) {
            assert_eq!(pair[1].1.sequence, pair[0].1.sequence.wrapping_add(1));
            assert!((pair[1].1.timestamp.wrapping_sub(pair[0].1.timestamp) as i32) >= 0 || clock > 0);
            assert_eq!(pair[1].1.ssrc, pair[0].1.ssrc);
        }
        world.close(SESSION).unwrap();
        assert_eq!(world.voice.pending_timers(), 1);
    }
}

#[test]
fn keys_that_cannot_be_sent_are_refused_and_many_are_bounded() {
    let mut world = World::new();
    let mut talk = Talk::begin(&mut world, &[pcmu(), keys(101, 8_000)], &[pcmu()]);
    assert_eq!(dial(&mut world, B, "1x", 100), Err(Reason::Invalid));
    assert_eq!(dial(&mut world, PortId(9), "1", 100), Err(Reason::NotFound));
    let nowhere = Digits { digits: "1".to_owned().into(), duration_ms: 100, port: None };
    assert_eq!(world.ask(SESSION, Command::Send, one(nowhere)).map_err(|failure| failure.reason), Err(Reason::Invalid));
    assert_eq!(dial(&mut world, A, &"5".repeat(65), 100), Err(Reason::Busy));
    assert_eq!(dial(&mut world, A, &"5".repeat(64), 100), Ok(()));
    assert_eq!(dial(&mut world, A, "55", 100), Err(Reason::Busy));
    talk.plans[1].keys = Some(KeyForm::Events);
    world.set(SESSION, &talk.plans[1..]);
    assert_eq!(
        dial(&mut world, B, "1", 100),
        Err(Reason::Unsupported),
        "it takes events alone, and has agreed to none"
    );
    // Other formats in the middle of it: what was begun for the former ones ends.
    talk.plans[0].codecs = vec![pcma()];
    world.set(SESSION, &talk.plans[..1]);
    talk.pass(&mut world, 5_000);
    assert_eq!(events_of(&talk.a, 8_000).len(), 0);
    world.close(SESSION).unwrap();
    assert_eq!(world.voice.pending_timers(), 1);
}

#[test]
fn a_voice_is_no_key() {
    // Vowels of a glide, over a line that listens: what is silenced is told, and nothing is.
    let mut world = World::new();
    let mut talk = Talk::begin(&mut world, &[pcmu()], &[pcmu(), keys(101, 8_000)]);
    let mut phase = 0.0f64;
    for index in 0..1_000u32 {
        let payload: Vec<u8> = (0..160)
            .map(|sample| {
                let time = f64::from(index * 160 + sample) / 8_000.0;
                phase += std::f64::consts::TAU * (130.0 + 40.0 * (time * 3.0).sin()) / 8_000.0;
                let sum: f64 = (1..=20).map(|harmonic| (phase * f64::from(harmonic)).sin() / f64::from(harmonic)).sum();
                Law::Mu.encode((4_000.0 * sum) as i16)
            })
            .collect();
        let data = talk.a.packet(0, talk.a.timestamp, &payload);
        talk.a.timestamp = talk.a.timestamp.wrapping_add(160);
        talk.deliver_a(&mut world, &data);
        talk.pass(&mut world, 20);
    }
    assert_eq!(told(&mut world, A), []);
    assert_eq!(talk.b.events, []);
    let silent = talk.b.heard.chunks(40).filter(|part| part.iter().all(|sample| *sample == 0)).count();
    assert!(silent < 8, "{silent} stretches of 5 ms were silenced");
    let header: &Header = &talk.b.headers[0].1;
    assert_eq!(header.payload_type, 0);
}

#[test]
fn who_is_said_to_press_keys_in_the_sound_is_listened_to_in_any_codec() {
    let mut world = World::new();
    let mut talk = Talk::begin(&mut world, &[opus()], &[opus(), keys(110, 48_000)]);
    let plan = MediaPlan { keys: Some(KeyForm::Tones), ..talk.plans[0].clone() };
    world.set(SESSION, &[plan]);
    talk.a_talks(&mut world, 400);
    for key in ['3', '8'] {
        talk.a_sounds(&mut world, key, 120, |_| false);
        talk.a_talks(&mut world, 200);
    }
    talk.pass(&mut world, 600);
    assert_eq!(keys_told(&mut world, A, KeyForm::Tones), "38");
    assert_eq!(events_of(&talk.b, 48_000).len(), 2);
}
