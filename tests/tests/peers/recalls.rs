//! A phone that others wrote sends its caller to one that is busy, and hangs up: it is called back.

use scenarios::peer::baresip::Setup;
use scenarios::peer::server::{PASSWORD, Settings};
use scenarios::peer::{Baresip, Server, Site};
use std::net::SocketAddr;

/// The tones in the microphones.
const CAROL: f64 = 500.0;
const DAVE: f64 = 900.0;

fn setup(user: &'static str, server: SocketAddr, hertz: f64, answers: bool) -> Setup<'static> {
    Setup { user, password: PASSWORD, server, transport: "udp", hertz, answers, codecs: "PCMU" }
}

#[test]
fn who_was_sent_to_a_phone_that_is_busy_comes_back() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol", "dave", "erin"]);
    let mut erin = Baresip::start(&site, &setup("erin", server.sip, 1_300.0, false));
    let mut dave = Baresip::start(&site, &setup("dave", server.sip, DAVE, true));
    let mut carol = Baresip::start(&site, &setup("carol", server.sip, CAROL, false));
    carol.dial("dave");
    carol.event("CALL_ESTABLISHED");
    dave.event("CALL_ESTABLISHED");
    carol.hears(DAVE, 1.0);
    dave.command("transfer", &format!("sip:erin@{}", server.sip));
    erin.event("CALL_INCOMING");
    dave.hang_up();
    dave.forget();
    erin.command("hangup", "");
    // It answers by itself, as it answers any call.
    dave.event("CALL_ESTABLISHED");
    dave.hears(CAROL, 2.0);
    carol.hears(DAVE, 2.0);
    carol.forget();
    dave.hang_up();
    carol.event("CALL_CLOSED");
    server.is_idle();
    assert_eq!(server.counted("recalls"), 1);
    server.stop();
}
