//! baresip with ICE (RFC 8445) beside a phone without: what was said is heard, both ways, whoever calls, and by the way that its checks have found.

use scenarios::peer::baresip::{PEAK, Setup};
use scenarios::peer::server::Settings;
use scenarios::peer::{Baresip, Network, Server, Site, tone};
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

/// Lite and full, with RTCP at a port of its own and at the same, in the clear and with keys by a handshake.
#[test]
fn a_phone_with_ways_and_one_without_hear_each_other() {
    for (ice_lite, encryption) in
        [(true, None), (false, None), (true, Some("dtls_srtp+mux")), (false, Some("dtls_srtp"))]
    {
        let site = Site::new();
        let network = Network::new(3);
        let mut more = format!("ice = \"must\"\nice_accounts = {{ bob = \"never\" }}\nice_lite = {ice_lite}\n");
        if encryption.is_some() {
            more.push_str("srtp_accounts = { alice = \"must\" }\nsrtp_keying_accounts = { alice = \"dtls\" }");
        }
        let settings = Settings::default().sip(&more);
        let mut server = Server::prepare(&site, "tandem", &settings);
        server.within(network.host(1));
        server.sip = SocketAddr::new(network.address(1), 5_060);
        server.configure(&settings);
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
        let ways = server.counted("media_ways");
        assert!(ways >= 2, "one a call at least, {ice_lite} {encryption:?}: {ways}");
        let records = server.ctl_json(&["records"]);
        let call = records[0]["call"].as_str().expect("a record names its call").to_owned();
        let (_, trace) = server.ctl(&["trace", &call, "--full"]);
        let shown = |name: &str| trace.lines().filter(|line| line.contains(name)).count();
        assert!(shown("a=candidate:") >= 2, "{trace}");
        assert_eq!((shown("a=ice-lite") > 0, shown("a=ice-mismatch")), (ice_lite, 0), "{trace}");
        let passwords: Vec<&str> = trace.lines().filter(|line| line.contains("a=ice-pwd:")).collect();
        assert!(passwords.len() >= 2 && passwords.iter().all(|line| line.contains("a=ice-pwd:***")), "{passwords:?}");
        server.stop();
    }
}
