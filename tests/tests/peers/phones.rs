//! Two phones that know the README's page: they register, call, hear each other, hold, transfer.

use crate::talk::is_clean;
use scenarios::peer::baresip::Setup;
use scenarios::peer::server::{PASSWORD, Settings};
use scenarios::peer::wait::until;
use scenarios::peer::{Baresip, Server, Site, tone};
use serde_json::json;
use std::net::SocketAddr;

/// The tones in the microphones.
const CAROL: f64 = 500.0;
const DAVE: f64 = 900.0;
const ERIN: f64 = 1_300.0;

fn setup(user: &'static str, server: SocketAddr, hertz: f64, answers: bool) -> Setup<'static> {
    Setup { user, password: PASSWORD, server, transport: "udp", hertz, answers, codecs: "PCMU" }
}

#[test]
fn two_phones_call_and_hear_each_other() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default().sip("keep_alive_s = 5"));
    // The first accounts, as the file of the first start has them.
    let accounts = server.first_accounts();
    assert_eq!(accounts.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["alice", "bob"]);
    let phone = |index: usize, hertz, answers| {
        let (user, password) = &accounts[index];
        let setup = Setup { user, password, server: server.sip, transport: "udp", hertz, answers, codecs: "PCMU" };
        Baresip::start(&site, &setup)
    };
    let (mut alice, mut bob) = (phone(0, CAROL, false), phone(1, DAVE, false));

    alice.dial("bob");
    bob.event("CALL_INCOMING");
    alice.event("CALL_RINGING");
    bob.command("accept", "");
    alice.event("CALL_ESTABLISHED");
    bob.event("CALL_ESTABLISHED");
    is_clean(alice.hears(DAVE, 3.0));
    is_clean(bob.hears(CAROL, 3.0));
    alice.hang_up();
    bob.event("CALL_CLOSED");
    until("the phones answer when they are asked whether they are there", || {
        let contacts = [server.registered("alice", 1), server.registered("bob", 1)];
        contacts
            .iter()
            .all(|contacts| contacts[0]["reachable"] == true && contacts[0]["latency-ms"].is_number())
            .then_some(())
    });

    // And the other way round; who was called hangs up.
    bob.dial("alice");
    alice.event("CALL_INCOMING");
    alice.command("accept", "");
    bob.event("CALL_ESTABLISHED");
    is_clean(bob.hears(CAROL, 2.0));
    alice.hang_up();
    bob.event("CALL_CLOSED");

    server.is_idle();
    let records = server.ctl_json(&["records"]);
    let records = records.as_array().expect("a list of records");
    assert_eq!(records.len(), 2, "{records:?}");
    let (second, first) = (&records[0], &records[1]);
    assert_eq!((&first["caller"]["user"], &first["called"]["user"]), (&"alice".into(), &"bob".into()), "{first}");
    assert_eq!((&first["ended-by"], &second["ended-by"]), (&"caller".into(), &"called".into()), "{second}");
    for record in records {
        assert_eq!(record["outcome"], "answered", "{record}");
        for leg in ["caller-quality", "called-quality"] {
            let quality = &record[leg];
            assert_eq!(quality["codec"], "PCMU", "{record}");
            assert_eq!(quality["packets-lost"], 0, "{record}");
            assert!(
                quality["packets-received"].as_u64() > Some(50) && quality["packets-sent"].as_u64() > Some(50),
                "{record}"
            );
        }
    }
    let call = first["call"].as_str().expect("a record names its call");
    let (_, ladder) = server.ctl(&["trace", call]);
    for label in ["INVITE (SDP)", "401 Unauthorized", "180 Ringing", "200 OK (SDP)", "BYE"] {
        assert!(ladder.contains(label), "the ladder lacks {label}:\n{ladder}");
    }
    reads_well(&server.log());
    server.stop();
}

/// The log at `info`: a line for each thing that happens to a call, and no number, name or password.
fn reads_well(log: &str) {
    for line in ["ready", "call call=", "ringing call=", "answered call=", "ended call="] {
        assert!(log.contains(line), "the log lacks `{line}`:\n{log}");
    }
    for private in ["from=\"alice\"", "to=\"bob\"", "sip:alice", "sip:bob", PASSWORD, "response="] {
        assert!(!log.contains(private), "the log shows `{private}`:\n{log}");
    }
    for level in [" ERROR ", " WARN "] {
        assert!(!log.contains(level), "the log of a good call has{level}:\n{log}");
    }
}

#[test]
fn one_phone_alone_is_tested_by_the_services() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol"]);
    let setup = Setup { codecs: "PCMA", transport: "tcp", ..setup("carol", server.sip, CAROL, false) };
    let mut carol = Baresip::start(&site, &setup);

    carol.dial("echo");
    carol.event("CALL_ESTABLISHED");
    is_clean(carol.hears(CAROL, 3.0));
    carol.hang_up();

    // The digital milliwatt of ITU-T G.711: a sine of 1 kHz, nominally, at 0 dBm0.
    carol.dial("milliwatt");
    carol.event("CALL_ESTABLISHED");
    let heard = carol.hears(1_000.0, 3.0);
    // 0 dBm0 is 3.17 dB (µ-law) or 3.14 dB (A-law) below full scale: a peak of 22,750 of 32,767.
    let decibels = 20.0 * (heard.peak / 22_750.0).log10();
    assert!(decibels.abs() < 0.5, "{decibels:.2} dB off 0 dBm0: {heard:?}");
    assert!(heard.purity > 0.98 && heard.gaps == 0, "{heard:?}");
    carol.hang_up();

    carol.dial("silence");
    carol.event("CALL_ESTABLISHED");
    until("a second of silence", || (carol.heard().len() > 8_000).then_some(()));
    let heard = carol.heard();
    assert!(tone::rms(&heard) < 30.0, "silence is {}", tone::rms(&heard));
    carol.hang_up();

    server.is_idle();
    let destinations: Vec<_> = server.records(3).iter().map(|record| record["destination"].clone()).collect();
    assert_eq!(destinations, ["silence", "milliwatt", "echo"]);
    server.stop();
}

#[test]
fn codecs_that_nobody_reads_here_are_heard_all_the_same() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol", "dave", "erin", "frank"]);
    let rounds = [("G722", "G722/16000", "carol", "dave"), ("opus", "opus/48000/2", "erin", "frank")];
    for (round, (codec, codecs, caller, callee)) in rounds.into_iter().enumerate() {
        let phone =
            |user, hertz, answers| Baresip::start(&site, &Setup { codecs, ..setup(user, server.sip, hertz, answers) });
        let (mut called, mut calling) = (phone(callee, DAVE, true), phone(caller, CAROL, false));
        calling.dial(callee);
        calling.event("CALL_ESTABLISHED");
        for heard in [calling.hears(DAVE, 2.0), called.hears(CAROL, 2.0)] {
            // A codec with losses, and between rates; but a tone without interruption.
            assert!(heard.purity > 0.9 && heard.gaps == 0, "{codec}: {heard:?}");
        }
        calling.hang_up();
        called.event("CALL_CLOSED");
        let record = server.records(round + 1)[0].clone();
        for leg in ["caller-quality", "called-quality"] {
            assert_eq!((&record[leg]["codec"], &record[leg]["packets-lost"]), (&codec.into(), &0.into()), "{record}");
        }
    }
    server.is_idle();
    server.stop();
}

#[test]
fn hold_stops_the_voice_and_retrieve_brings_it_back() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol", "dave"]);
    let mut dave = Baresip::start(&site, &setup("dave", server.sip, DAVE, true));
    let mut carol = Baresip::start(&site, &setup("carol", server.sip, CAROL, false));
    carol.dial("dave");
    carol.event("CALL_ESTABLISHED");
    carol.hears(DAVE, 1.0);
    dave.hears(CAROL, 1.0);

    carol.command("hold", "");
    let held = |state: &str| {
        until(state, || {
            let calls = server.ctl_json(&["calls"]);
            (calls[0]["state"] == state).then_some(())
        });
    };
    held("held");
    until("no voice is sent or received", || (carol.rates() == (0, 0) && dave.rates() == (0, 0)).then_some(()));

    carol.command("resume", "");
    held("talking");
    // 64 kbit/s are 50 packets of 20 ms a second.
    until("both send and receive again", || {
        [carol.rates(), dave.rates()].iter().all(|&(sent, received)| sent > 60_000 && received > 60_000).then_some(())
    });
    dave.forget();
    carol.hang_up();
    dave.event("CALL_CLOSED");
    server.is_idle();
    server.stop();
}

#[test]
fn a_phone_sends_its_caller_to_a_third() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol", "dave", "erin"]);
    let mut erin = Baresip::start(&site, &setup("erin", server.sip, ERIN, true));
    let mut dave = Baresip::start(&site, &setup("dave", server.sip, DAVE, true));
    let mut carol = Baresip::start(&site, &setup("carol", server.sip, CAROL, false));
    carol.dial("dave");
    carol.event("CALL_ESTABLISHED");
    dave.event("CALL_ESTABLISHED");
    carol.hears(DAVE, 1.0);

    dave.command("transfer", &format!("sip:erin@{}", server.sip));
    erin.event("CALL_ESTABLISHED");
    dave.event("CALL_CLOSED");
    carol.hears(ERIN, 2.0);
    erin.hears(CAROL, 2.0);
    carol.hang_up();
    erin.event("CALL_CLOSED");
    server.is_idle();
    server.stop();
}

#[test]
fn a_phone_sends_its_peer_to_the_echo() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol", "dave"]);
    // He is called over the connection that he registered on.
    let mut dave = Baresip::start(&site, &Setup { transport: "tcp", ..setup("dave", server.sip, DAVE, true) });
    let mut carol = Baresip::start(&site, &setup("carol", server.sip, CAROL, false));
    carol.dial("dave");
    carol.event("CALL_ESTABLISHED");
    dave.hears(CAROL, 1.0);
    carol.command("transfer", &format!("sip:echo@{}", server.sip));
    carol.event("CALL_CLOSED");
    dave.hears(DAVE, 2.0);
    dave.hang_up();
    server.is_idle();
    server.stop();
}

/// Carol has called Dave, and he Erin: the ids of both calls.
fn two_calls_of_dave(server: &Server, carol: &mut Baresip, dave: &mut Baresip, erin: &mut Baresip) -> [String; 2] {
    carol.dial("dave");
    carol.event("CALL_ESTABLISHED");
    dave.event("CALL_ESTABLISHED");
    carol.hears(DAVE, 1.0);
    dave.dial("erin");
    erin.event("CALL_ESTABLISHED");
    dave.event("CALL_ESTABLISHED");
    erin.hears(DAVE, 1.0);
    ["carol", "erin"].map(|party| {
        let calls = server.ctl_json(&["calls", "--party", party]);
        calls[0]["call"].as_str().expect("a call").to_owned()
    })
}

/// The two who stay hear each other, Dave is free, and the records say so.
fn assert_joined(server: &mut Server, carol: &mut Baresip, dave: &mut Baresip, erin: &mut Baresip) {
    for _ in 0..2 {
        dave.event("CALL_CLOSED");
    }
    // baresip 1.0 takes its recorder away at a hold: one of the two may have recorded nothing since.
    let hears = |phone: &Baresip, hertz: f64| {
        until("the other one's tone", || (phone.rates().1 > 60_000 && phone.rates().0 > 60_000).then_some(hertz))
    };
    hears(carol, ERIN);
    hears(erin, CAROL);
    erin.hears(CAROL, 2.0);
    carol.forget();
    erin.hang_up();
    carol.event("CALL_CLOSED");
    let records = server.records(3);
    let joined = records.iter().find(|record| !record["joined-from"].is_null()).expect("a record of the two");
    assert_eq!((&joined["caller"]["user"], &joined["called"]["user"]), (&json!("carol"), &json!("erin")), "{joined}");
    server.is_idle();
}

#[test]
fn a_phone_asks_a_third_one_first_and_then_sends_its_caller_there() {
    let site = Site::new();
    // Two workers: the calls are at one each.
    let mut server = Server::start(&site, &Settings::new("[media]\nworkers = [0, 1]\n"));
    server.add_accounts(&["carol", "dave", "erin"]);
    let mut erin = Baresip::start(&site, &setup("erin", server.sip, ERIN, true));
    let mut dave = Baresip::start(&site, &setup("dave", server.sip, DAVE, true));
    let mut carol = Baresip::start(&site, &setup("carol", server.sip, CAROL, false));
    let [first, second] = two_calls_of_dave(&server, &mut carol, &mut dave, &mut erin);
    // What baresip 1.0 has no command for: the other call's dialog, as the ladder shows it.
    let dialog = |call: &str| {
        let messages = server.ctl_json(&["trace", call, "--full"]);
        let accepted = messages.as_array().into_iter().flatten().find_map(|message| {
            let text = message["message"].as_str()?;
            let of_dave = text.starts_with("SIP/2.0 200") && text.contains("\nFrom: <sip:dave@");
            (message["direction"] == "sent" && of_dave).then(|| text.to_owned())
        });
        let accepted = accepted.expect("a 200 to Dave's INVITE");
        let line = |name: &str| {
            let value = accepted.lines().find_map(|line| line.strip_prefix(name)).expect("a header line");
            value.trim().to_owned()
        };
        let tag = |name: &str| line(name).rsplit("tag=").next().expect("a tag").to_owned();
        let escaped = line("Call-ID:").replace('@', "%40");
        format!("{escaped}%3Bto-tag%3D{}%3Bfrom-tag%3D{}", tag("To:"), tag("From:"))
    };
    let replaces = dialog(&second);
    // The call with Carol is the current one again.
    let _ = first;
    dave.command("line", "1");
    dave.command("transfer", &format!("sip:erin@{}?Replaces={replaces}", server.sip));
    assert_joined(&mut server, &mut carol, &mut dave, &mut erin);
    server.stop();
}

#[test]
fn the_operator_joins_the_two_calls_of_a_phone() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol", "dave", "erin"]);
    let mut erin = Baresip::start(&site, &setup("erin", server.sip, ERIN, true));
    let mut dave = Baresip::start(&site, &setup("dave", server.sip, DAVE, true));
    let mut carol = Baresip::start(&site, &setup("carol", server.sip, CAROL, false));
    let [first, second] = two_calls_of_dave(&server, &mut carol, &mut dave, &mut erin);
    let (status, text) = server.ctl(&["transfer", &first, &second, "--join"]);
    assert!(status.success() && text.contains("transferred"), "{text}");
    assert_joined(&mut server, &mut carol, &mut dave, &mut erin);
    server.stop();
}
