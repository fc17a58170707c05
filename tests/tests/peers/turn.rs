//! coturn between Tandem and a phone that reach each other by it alone (TURN, RFC 8656): what was said is heard, both ways, whoever calls.

use crate::talk::{Accounts, alice_calls, at_first_host, bob_calls};
use scenarios::peer::coturn::{Coturn, PASSWORD, USERNAME};
use scenarios::peer::name_server::{Data, NameServer};
use scenarios::peer::server::Settings;
use scenarios::peer::{Baresip, Network, Site, wait};
use std::net::SocketAddr;

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
        let mut server = at_first_host(&site, &network, &settings);
        server.keep_private();
        server.launch();
        let accounts = Accounts::of(&server);
        let mut alice = Baresip::start_at(&site, &accounts.alice(), (&network, 2), encryption, true);
        let mut bob = Baresip::start_at(&site, &accounts.bob(), (&network, 3), None, false);
        alice_calls(&mut alice, &mut bob);
        bob_calls(&mut alice, &mut bob);
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

/// The server is found by its name and asked with an account that is made of the secret which it shares.
#[test]
fn a_server_with_a_name_and_a_secret_relays() {
    const SECRET: &str = "north-of-the-river";
    let site = Site::new();
    let network = Network::new(4);
    network.block(1, network.address(2), "sport 16384-32767");
    network.block(2, network.address(1), "dport 16384-32767");
    let coturn = Coturn::start(&site, (&network, 4), &["--use-auth-secret", &format!("--static-auth-secret={SECRET}")]);
    let names = network.at(4, || NameServer::start(SocketAddr::new(network.address(4), 53), 600));
    names.add("turn.example", Data::Address(coturn.address.ip()));
    let settings = Settings::new(format!(
        "[[turn]]\nserver = \"turn.example:3478\"\nusername = \"{USERNAME}\"\npassword = \"{SECRET}\"\nvalid_s = 3600"
    ));
    let more = "ice = \"must\"\nice_accounts = { bob = \"never\" }\nice_lite = false";
    let settings = settings.sip(&format!("{more}\nname_servers = [\"{}\"]", names.address));
    let mut server = at_first_host(&site, &network, &settings);
    server.keep_private();
    server.launch();
    wait::until("the name is found", || server.log().contains("a TURN server is found by its name").then_some(()));
    let accounts = Accounts::of(&server);
    let mut alice = Baresip::start_at(&site, &accounts.alice(), (&network, 2), None, true);
    let mut bob = Baresip::start_at(&site, &accounts.bob(), (&network, 3), None, false);
    bob_calls(&mut alice, &mut bob);
    server.is_idle();
    assert!(server.counted("media_relays") >= 1);
    let log = coturn.log();
    assert!(log.contains("ALLOCATE processed, success") && log.contains(&format!(":{USERNAME}>")), "{log}");
    server.stop();
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
    let mut server = at_first_host(&site, &network, &settings);
    server.keep_private();
    server.launch();
    let accounts = Accounts::of(&server);
    let mut alice = Baresip::start_at(&site, &accounts.alice(), (&network, 2), None, true);
    let mut bob = Baresip::start_at(&site, &accounts.bob(), (&network, 3), None, false);
    alice_calls(&mut alice, &mut bob);
    bob_calls(&mut alice, &mut bob);
    server.is_idle();
    assert!(server.log().contains("a TURN server does not answer"), "{}", server.log());
    server.stop();
}
