//! baresip with ICE (RFC 8445) beside a phone without: what was said is heard, both ways, whoever calls, and by the way that its checks have found.

use crate::talk::{Accounts, alice_calls, at_first_host, bob_calls};
use scenarios::peer::server::Settings;
use scenarios::peer::{Baresip, Network, Site};

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
        let mut server = at_first_host(&site, &network, &settings);
        server.launch();
        let accounts = Accounts::of(&server);
        let mut alice = Baresip::start_at(&site, &accounts.alice(), (&network, 2), encryption, true);
        let mut bob = Baresip::start_at(&site, &accounts.bob(), (&network, 3), None, false);
        alice_calls(&mut alice, &mut bob);
        bob_calls(&mut alice, &mut bob);
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
