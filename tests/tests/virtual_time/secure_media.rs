//! Legs with keys of their own (SRTP), beside others and beside plain ones, through all that a call goes through.

use crate::{connect, ms, secs};
use router::parameter::{Outcome, Selection, SrtpSuite};
use router::{Command, ModuleKind, one};
use scenarios::phone::{BOTH_WAYS, Carrier, Secure};
use scenarios::platform::SECURE_PORT;
use scenarios::simulation::PhoneIndex;
use scenarios::{Behaviour, Conditions, Ending, HoldStyle, PhoneConfig, PlatformConfig, Simulation, Step};
use signaling::{Keying, MediaSecurity};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// A registered phone that protects its media so, on a line of that kind.
fn add(simulation: &mut Simulation, name: &str, secure: Option<Secure>, line: Conditions) -> PhoneIndex {
    let phone = simulation.add_registered(name);
    simulation.tell(phone).config.secure = secure;
    simulation.set_line(phone, line);
    phone
}

fn two(seed: u64, alice: Option<Secure>, bob: Option<Secure>) -> (Simulation, [PhoneIndex; 2]) {
    let mut simulation = Simulation::new(seed);
    let phones = [("alice", alice), ("bob", bob)];
    let phones = phones.map(|(name, secure)| add(&mut simulation, name, secure, Conditions::LOCAL));
    (simulation, phones)
}

/// How much each has heard of the other one.
fn heard(simulation: &Simulation, phones: [PhoneIndex; 2]) -> [u64; 2] {
    [(phones[0], phones[1]), (phones[1], phones[0])].map(|(own, other)| {
        let speaker = simulation.call(other).media.speaker();
        simulation.call(own).media.hearing.speakers.get(&speaker).copied().unwrap_or(0)
    })
}

/// Both hear each other now.
fn assert_talk(simulation: &mut Simulation, phones: [PhoneIndex; 2], when: &str) {
    let before = heard(simulation, phones);
    simulation.run(secs(1));
    let after = heard(simulation, phones);
    assert!((0..2).all(|side| after[side] > before[side] + 40), "{when}: {before:?} {after:?}");
}

const STYLES: [(Option<Secure>, Option<Secure>); 6] = [
    (Some(Secure::Only), None),
    (None, Some(Secure::Beside)),
    (Some(Secure::Beside), None),
    (Some(Secure::Only), Some(Secure::Beside)),
    (Some(Secure::Beside), Some(Secure::Only)),
    (Some(Secure::Only), Some(Secure::Only)),
];

/// Who calls with keys has a secure leg whatever the other one has. Where signalling is in the clear who only may is called without.
#[test]
fn a_secure_leg_and_any_other_hear_each_other_and_the_record_says_which_was_which() {
    for (seed, (of_alice, of_bob)) in STYLES.into_iter().enumerate() {
        let mut config = PlatformConfig::default();
        if of_bob == Some(Secure::Only) {
            config.signaling.accounts_secured.insert("bob".to_owned(), MediaSecurity::Must);
        }
        let mut simulation = Simulation::with(seed as u64, config);
        let phones = [("alice", of_alice), ("bob", of_bob)];
        let phones = phones.map(|(name, secure)| add(&mut simulation, name, secure, Conditions::LOCAL));
        connect(&mut simulation, phones[0], phones[1]);
        assert_talk(&mut simulation, phones, "at first");
        let secure = phones.map(|phone| simulation.call(phone).media.is_secure());
        assert_eq!(secure, [of_alice.is_some(), of_bob == Some(Secure::Only)]);
        for phone in phones {
            assert_eq!(simulation.call(phone).media.strange(), 0, "{of_alice:?} {of_bob:?}");
        }
        let asked = one(Selection::default());
        let answers = crate::ask_each(&mut simulation, ModuleKind::Switch, Command::Query, &asked);
        let summaries = answers.iter().flat_map(|answer| answer.parameters.iter()).filter_map(|told| match told {
            router::Parameter::CallSummary(summary) => Some(summary.legs.iter().map(|leg| leg.suite.is_some())),
            _ => None,
        });
        assert_eq!(summaries.flatten().collect::<Vec<_>>(), secure, "the call as it stands says so, too");
        simulation.tell(phones[0]).step(0, Step::HangUp);
        simulation.run(secs(1));
        let records = simulation.platform.records();
        let suites = [&records[0].caller_quality, &records[0].callee_quality].map(|quality| quality.suite);
        assert_eq!(suites, secure.map(|secure| secure.then_some(SrtpSuite::AesCm128HmacSha1_80)));
        simulation.finish();
    }
}

#[test]
fn keys_hold_through_hold_refreshes_and_late_offers_from_either_side() {
    for (seed, who) in [0, 1].into_iter().enumerate() {
        let mut config = PlatformConfig::default();
        config.signaling.accounts_secured.insert("bob".to_owned(), MediaSecurity::Must);
        let mut simulation = Simulation::with(seed as u64, config);
        let phones = [("alice", Some(Secure::Only)), ("bob", Some(Secure::Only))];
        let phones = phones.map(|(name, secure)| add(&mut simulation, name, secure, Conditions::LOCAL));
        connect(&mut simulation, phones[0], phones[1]);
        let steps = [
            Step::Hold(HoldStyle::SendOnly),
            Step::Retrieve,
            Step::Hold(HoldStyle::ZeroAddress),
            Step::Retrieve,
            Step::Refresh,
            Step::RefreshWithoutOffer,
            Step::RefreshAsItIs,
            Step::Update,
            Step::Renew,
            Step::Rekey,
            Step::Hold(HoldStyle::Inactive),
            Step::Rekey,
            Step::RetrieveWithoutOffer,
        ];
        for step in steps {
            simulation.tell(phones[who]).step(0, step.clone());
            simulation.run(secs(1));
            if simulation.call(phones[who]).media.direction() == BOTH_WAYS {
                assert_talk(&mut simulation, phones, &format!("after {step:?} by {who}"));
            }
        }
        assert!(phones.iter().all(|&phone| simulation.call(phone).media.is_secure()));
        simulation.finish();
    }
}

#[test]
fn secure_calls_survive_bad_lines() {
    for seed in 0..3 {
        let mut simulation = Simulation::new(seed);
        let line = Conditions { loss_permille: 50, duplicate_permille: 20, reorder_permille: 30, ..Conditions::LOCAL };
        let alice = add(&mut simulation, "alice", Some(Secure::Only), line);
        let bob = add(&mut simulation, "bob", None, Conditions::LOCAL);
        simulation.tell(alice).dial("bob");
        let up = simulation.run_until(secs(40), |simulation| {
            [alice, bob].iter().all(|&phone| simulation.phone(phone).last_call().is_some_and(|call| call.is_up()))
        });
        assert!(up);
        simulation.run(secs(5));
        let heard = heard(&simulation, [alice, bob]);
        assert!(heard.iter().all(|&packets| packets > 180), "{heard:?}");
        assert_eq!(simulation.call(alice).media.strange(), 0);
    }
}

#[test]
fn whoever_is_transferred_keeps_its_own_keys() {
    for attended in [false, true] {
        let mut simulation = Simulation::new(u64::from(attended));
        let phones = [("alice", Some(Secure::Only)), ("bob", None), ("carol", None)];
        let [alice, bob, carol] = phones.map(|(name, secure)| add(&mut simulation, name, secure, Conditions::LOCAL));
        connect(&mut simulation, alice, bob);
        simulation.run(secs(1));
        if attended {
            connect(&mut simulation, bob, carol);
            simulation.run(secs(1));
            simulation.tell(bob).step(0, Step::TransferToOther);
        } else {
            simulation.tell(bob).step(0, Step::Transfer("carol".to_owned()));
        }
        simulation.run(secs(4));
        assert!(simulation.call(alice).is_up() && simulation.call(carol).is_up());
        assert_talk(&mut simulation, [alice, carol], "after the transfer");
        assert!(simulation.call(alice).media.is_secure());
        assert_eq!(simulation.call(alice).media.strange(), 0);
        simulation.finish();
    }
}

#[test]
fn a_secure_phone_here_talks_to_a_secure_one_there() {
    let mut simulation = Simulation::cluster(1, &[&["alice"], &["bob"]]);
    let phones = [simulation.add_registered_at(0, "alice"), simulation.add_registered_at(1, "bob")];
    simulation.tell(phones[0]).config.secure = Some(Secure::Only);
    connect(&mut simulation, phones[0], phones[1]);
    assert_talk(&mut simulation, phones, "across");
    simulation.tell(phones[1]).step(0, Step::Hold(HoldStyle::SendOnly));
    simulation.run(secs(1));
    simulation.tell(phones[1]).step(0, Step::Retrieve);
    simulation.run(secs(1));
    assert_talk(&mut simulation, phones, "after a hold there");
    assert!(simulation.call(phones[0]).media.is_secure());
    assert_eq!(simulation.call(phones[0]).media.strange(), 0);
    simulation.finish();
}

#[test]
fn policy_decides_who_is_called_and_who_may_call() {
    let call = |policy: MediaSecurity, of_alice, of_bob, in_clear| {
        let mut config = PlatformConfig::default();
        config.signaling.calls.security = policy;
        config.signaling.keys_in_clear = in_clear;
        let mut simulation = Simulation::with(1, config);
        let phones = [("alice", of_alice), ("bob", of_bob)];
        let [alice, bob] = phones.map(|(name, secure)| add(&mut simulation, name, secure, Conditions::LOCAL));
        simulation.tell(alice).dial("bob");
        simulation.run(secs(5));
        let secure =
            [alice, bob].map(|phone| simulation.phone(phone).last_call().is_some_and(|call| call.media.is_secure()));
        (simulation.call(alice).ending, secure)
    };
    let (only, none) = (Some(Secure::Only), None);
    assert_eq!(call(MediaSecurity::Never, only, none, true).0, Some(Ending::Refused(488)));
    assert_eq!(call(MediaSecurity::Never, Some(Secure::Beside), none, true), (None, [false, false]));
    assert_eq!(call(MediaSecurity::Must, none, only, true).0, Some(Ending::Refused(488)));
    assert_eq!(call(MediaSecurity::Must, only, only, true), (None, [true, true]));
    assert_eq!(call(MediaSecurity::May, only, none, false).0, Some(Ending::Refused(488)), "keys in the clear");
    assert_eq!(call(MediaSecurity::May, Some(Secure::Beside), none, false), (None, [false, false]));
    let (ending, _) = call(MediaSecurity::Must, only, only, false);
    assert!(matches!(ending, Some(Ending::Refused(_))), "{ending:?}");
}

/// Over TLS who may is offered keys beside plain media, and takes them where it knows them.
#[test]
fn by_confidential_signalling_keys_are_offered() {
    for knows in [true, false] {
        let mut simulation = Simulation::with(1, PlatformConfig::default().secured());
        let alice = simulation.add_registered("alice");
        let config = simulation.phone_config("bob");
        let server = SocketAddr::new(config.server.ip(), SECURE_PORT);
        let secure = knows.then_some(Secure::Beside);
        let bob = simulation.add(PhoneConfig { carrier: Carrier::Tls, server, secure, ..config });
        assert!(simulation.run_until(secs(20), |simulation| simulation.phone(bob).is_registered()));
        connect(&mut simulation, alice, bob);
        assert_talk(&mut simulation, [alice, bob], "by TLS");
        assert_eq!(simulation.call(bob).media.is_secure(), knows);
        simulation.finish();
    }
}

/// Phones whose keys come about in their media, beside others and beside plain ones, over good lines and bad ones.
#[test]
fn phones_that_shake_hands_hear_every_other_one() {
    let line = Conditions { loss_permille: 100, duplicate_permille: 20, reorder_permille: 30, ..Conditions::LOCAL };
    let handshake = Some(Secure::Handshake);
    let others = [None, Some(Secure::Only), handshake];
    for (seed, (of_bob, line)) in
        others.into_iter().flat_map(|of_bob| [(of_bob, Conditions::LOCAL), (of_bob, line)]).enumerate()
    {
        let mut config = PlatformConfig::default();
        if of_bob.is_some() {
            config.signaling.accounts_secured.insert("bob".to_owned(), MediaSecurity::Must);
        }
        if of_bob == handshake {
            config.signaling.accounts_keyed.insert("bob".to_owned(), Keying::Dtls);
        }
        let mut simulation = Simulation::with(seed as u64, config);
        let alice = add(&mut simulation, "alice", handshake, line);
        let bob = add(&mut simulation, "bob", of_bob, line);
        let phones = [alice, bob];
        simulation.tell(alice).dial("bob");
        let up = simulation.run_until(secs(60), |simulation| {
            phones.iter().all(|&phone| simulation.phone(phone).last_call().is_some_and(|call| call.is_up()))
        });
        assert!(up);
        let talks =
            simulation.run_until(secs(20), |simulation| heard(simulation, phones).iter().all(|&heard| heard > 0));
        assert!(talks, "{of_bob:?} {seed}");
        simulation.run(secs(3));
        let heard = heard(&simulation, phones);
        assert!(heard.iter().all(|&packets| packets > 100), "{of_bob:?} {seed}: {heard:?}");
        if line.loss_permille == 0 {
            let asked = one(Selection::default());
            let answers = crate::ask_each(&mut simulation, ModuleKind::Switch, Command::Query, &asked);
            let suites: Vec<_> = answers
                .iter()
                .flat_map(|answer| answer.parameters.iter())
                .filter_map(|told| match told {
                    router::Parameter::CallSummary(summary) => Some(summary.legs.iter().map(|leg| leg.suite)),
                    _ => None,
                })
                .flatten()
                .collect();
            let of = |phone: Option<Secure>| match phone {
                None => None,
                Some(Secure::Handshake) => Some(SrtpSuite::AeadAes128Gcm),
                Some(_) => Some(SrtpSuite::AesCm128HmacSha1_80),
            };
            assert_eq!(suites, [of(handshake), of(of_bob)], "the call as it stands says so, too");
            for step in [Step::Hold(HoldStyle::SendOnly), Step::Retrieve, Step::Refresh, Step::RefreshWithoutOffer] {
                simulation.tell(alice).step(0, step);
                simulation.run(secs(1));
            }
            assert_talk(&mut simulation, phones, "after a hold");
            assert_eq!(simulation.call(alice).media.strange(), 0);
            simulation.tell(alice).step(0, Step::HangUp);
            simulation.run(secs(1));
            let records = simulation.platform.records();
            let recorded = [&records[0].caller_quality, &records[0].callee_quality].map(|quality| quality.suite);
            assert_eq!(recorded, [of(handshake), of(of_bob)]);
            simulation.finish();
        }
    }
}

#[test]
fn a_phone_that_changes_nothing_but_its_key_hears_on() {
    let (mut simulation, phones) = two(4, Some(Secure::Only), None);
    connect(&mut simulation, phones[0], phones[1]);
    simulation.run(secs(2));
    for _ in 0..5 {
        simulation.tell(phones[0]).step(0, Step::Rekey);
        simulation.run(ms(700));
    }
    assert_talk(&mut simulation, phones, "after five keys");
    simulation.tell(phones[1]).step(0, Step::HangUp);
    simulation.run(secs(1));
    let records = simulation.platform.records();
    assert_eq!(records[0].outcome, Outcome::Answered);
    assert_eq!(records[0].caller_quality.packets_lost, 0, "nothing was lost meanwhile");
    simulation.finish();
}

#[test]
fn early_media_is_secure_too() {
    let (mut simulation, phones) = two(5, Some(Secure::Only), None);
    let bob = Behaviour { early_media: Some(ms(100)), ..Behaviour::answers(secs(3)) };
    simulation.tell(phones[1]).config.behaviour = bob;
    simulation.tell(phones[0]).dial("bob");
    simulation.run(secs(2));
    assert!(!simulation.call(phones[0]).is_up());
    assert!(heard(&simulation, phones)[0] > 40, "what is said before the answer");
    simulation.run(secs(3));
    assert_talk(&mut simulation, phones, "after the answer");
    assert_eq!(simulation.call(phones[0]).media.strange(), 0);
    simulation.finish();
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().map_err(|_| std::io::ErrorKind::Other)?.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn keys_show_neither_in_any_log_nor_in_the_trace() {
    let captured = Captured::default();
    let writer = captured.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let (mut simulation, phones) = two(6, Some(Secure::Only), None);
        connect(&mut simulation, phones[0], phones[1]);
        simulation.tell(phones[0]).step(0, Step::Rekey);
        simulation.run(secs(1));
        let asked = one(Selection::default());
        let answers = crate::ask_each(&mut simulation, ModuleKind::Signaling, Command::Query, &trace_of(asked));
        let mut lines = 0;
        for parameter in answers.iter().flat_map(|answer| answer.parameters.iter()) {
            let router::Parameter::TraceEntry(entry) = parameter else { continue };
            let text = String::from_utf8_lossy(&entry.message).into_owned();
            for line in text.lines().filter(|line| line.contains("AES_CM_128_HMAC_SHA1_80")) {
                lines += 1;
                assert!(line.ends_with(&format!("inline:{}", "*".repeat(40))), "{line}");
            }
        }
        assert!(lines >= 4, "offers and answers are there: {lines}");
        simulation.finish();
    });
    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(!log.contains("inline:"), "no description is logged");
}

/// The question for what was sent and received.
fn trace_of(selection: router::Parameters) -> router::Parameters {
    use router::parameter::{TraceDirection, TraceEntry};
    let asked = TraceEntry {
        at: router::time::WallTime(0),
        direction: TraceDirection::Sent,
        transport: String::new(),
        local: String::new(),
        remote: String::new().into(),
        leg_id: String::new(),
        message: Vec::new(),
        truncated: false,
    };
    let mut parameters = one(asked);
    parameters.extend(selection);
    parameters
}
