//! coturn between Tandem and a phone that reach each other by it alone (TURN, RFC 8656): what was said is heard, both ways, whoever calls.

use scenarios::peer::baresip::{PEAK, Setup};
use scenarios::peer::coturn::{Coturn, PASSWORD, USERNAME};
use scenarios::peer::server::Settings;
use scenarios::peer::{Baresip, Network, Server, Site, tone, wait};
use std::net::SocketAddr;

const ALICE: f64 = 500.0;
const BOB: f64 = 900.0;

/// What was heard is what was sent.
fn is_clean(heard: tone::Heard) {
    let decibels = 20.0 * (heard.peak / PEAK).log10();
    assert!(decibels.abs() < 1.0, "{decibels:.2} dB off: {heard:?}");
    assert!(heard.purity > 0.98 && heard.gaps == 0, "{heard:?}");
}

fn talk(from: &mut Baresip, to: &mut Baresip, number: &str, (of_from, of_to): (f64, f64)) {
    from.dial(number);
    to.event("CALL_INCOMING");
    to.command("accept", "");
    from.event("CALL_ESTABLISHED");
    to.event("CALL_ESTABLISHED");
    is_clean(from.hears(of_to, 3.0));
    is_clean(to.hears(of_from, 3.0));
    from.hang_up();
    to.event("CALL_CLOSED");
}

/// Alice's media and Tandem's do not meet: each sends the other's packets nowhere. Signalling passes.
#[test]
fn a_phone_that_is_reached_by_a_server_alone_talks() {
    for encryption in [None, Some("dtls_srtp+mux")] {
        let site = Site::new();
        let network = Network::new(4);
        network.block(1, network.address(2), "sport 16384-32767");
        network.block(2, network.address(1), "dport 16384-32767");
        let coturn = Coturn::start(&site, (&network, 4), &[]);
        let mut more = "ice = \"must\"\nice_accounts = { bob = \"never\" }\nice_lite = false\n".to_owned();
        if encryption.is_some() {
            more.push_str("srtp_accounts = { alice = \"must\" }\nsrtp_keying_accounts = { alice = \"dtls\" }");
        }
        let settings = Settings::new(format!(
            "[[turn]]\nserver = \"{}\"\nusername = \"{USERNAME}\"\npassword = \"{PASSWORD}\"",
            coturn.address
        ));
        let settings = settings.sip(&more);
        let mut server = Server::prepare(&site, "tandem", &settings);
        server.within(network.host(1));
        server.sip = SocketAddr::new(network.address(1), 5_060);
        server.configure(&settings);
        server.keep_private();
        server.launch();
        let accounts = server.first_accounts();
        let setup = |index: usize, hertz| {
            let (user, password) = &accounts[index];
            Setup { user, password, server: server.sip, transport: "udp", hertz, answers: false, codecs: "PCMU" }
        };
        let mut alice = Baresip::start_at(&site, &setup(0, ALICE), (&network, 2), encryption, true);
        let mut bob = Baresip::start_at(&site, &setup(1, BOB), (&network, 3), None, false);
        talk(&mut alice, &mut bob, "bob", (ALICE, BOB));
        talk(&mut bob, &mut alice, "alice", (BOB, ALICE));
        server.is_idle();
        assert!(server.counted("media_relays") >= 2, "an address a call at least");
        let records = server.ctl_json(&["records"]);
        let call = records[0]["call"].as_str().expect("a record names its call").to_owned();
        let (_, trace) = server.ctl(&["trace", &call, "--full"]);
        assert!(trace.contains(" typ relay raddr "), "{trace}");
        // What was given is given back, and not left to its end.
        let log = wait::until("all addresses are given back", || {
            let log = coturn.log();
            let count = |what: &str| log.matches(what).count();
            let (given, back) = (count("ALLOCATE processed, success"), count("lifetime=0"));
            (given >= 2 && back >= given).then_some(log)
        });
        assert!(log.contains("CHANNEL_BIND processed, success"), "{log}");
        server.stop();
    }
}

/// A server that is not there costs a call half a second, and no more than its addresses.
#[test]
fn a_server_that_is_not_there_is_not_waited_for() {
    let site = Site::new();
    let network = Network::new(4);
    let settings = Settings::new(format!(
        "[[turn]]\nserver = \"{}:3478\"\nusername = \"{USERNAME}\"\npassword = \"{PASSWORD}\"",
        network.address(4)
    ));
    let settings = settings.sip("ice = \"must\"\nice_accounts = { bob = \"never\" }\nice_lite = false\n");
    let mut server = Server::prepare(&site, "tandem", &settings);
    server.within(network.host(1));
    server.sip = SocketAddr::new(network.address(1), 5_060);
    server.configure(&settings);
    server.keep_private();
    server.launch();
    let accounts = server.first_accounts();
    let setup = |index: usize, hertz| {
        let (user, password) = &accounts[index];
        Setup { user, password, server: server.sip, transport: "udp", hertz, answers: false, codecs: "PCMU" }
    };
    let mut alice = Baresip::start_at(&site, &setup(0, ALICE), (&network, 2), None, true);
    let mut bob = Baresip::start_at(&site, &setup(1, BOB), (&network, 3), None, false);
    talk(&mut alice, &mut bob, "bob", (ALICE, BOB));
    talk(&mut bob, &mut alice, "alice", (BOB, ALICE));
    server.is_idle();
    assert!(server.log().contains("a TURN server does not answer"), "{}", server.log());
    server.stop();
}
