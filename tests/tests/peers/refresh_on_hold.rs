//! Sessions that are on hold for longer than their interval (RFC 4028): the peer refreshes, or Tandem does; a phone is at the other
//! end, and what both hear is compared before and after.

use crate::scenario::{CALLEE_IS_REFRESHED_ON_HOLD, CALLER_REFRESHES_ON_HOLD, ours, trunk};
use scenarios::peer::baresip::Setup;
use scenarios::peer::server::{PASSWORD, Settings};
use scenarios::peer::wait::until;
use scenarios::peer::{Baresip, Server, Site, Voice};
use std::net::SocketAddr;

/// The tones of the phone and of the trunk.
const DAVE: f64 = 900.0;
const TRUNK: f64 = 500.0;

fn dave(server: SocketAddr, answers: bool) -> Setup<'static> {
    Setup { user: "dave", password: PASSWORD, server, transport: "udp", hertz: DAVE, answers, codecs: "PCMU" }
}

/// A trunk whose calls go to the phone, and the other way round.
fn settings(trunk_at: SocketAddr) -> Settings {
    Settings::new(format!(
        "{}[[route]]\nfrom = \"trunks\"\nto = [\"account:dave\"]\n\
         [[route]]\nfrom = \"accounts\"\nnumber = \"100\"\nto = [\"trunk:carrier\"]\n",
        trunk("carrier", Some(trunk_at.to_string()), trunk_at)
    ))
    // So that the test need not last for minutes.
    .sip("session_min_s = 4")
}

#[test]
fn a_carrier_that_refreshes_three_times_on_hold_is_heard_before_and_after() {
    let site = Site::new();
    let at = site.host.socket();
    let mut server = Server::start(&site, &settings(at));
    server.add_accounts(&["dave"]);
    let dave = Baresip::start(&site, &dave(server.sip, true));
    let voice = Voice::start(site.host.socket(), TRUNK, 1);
    let (port, told) = (voice.local.port().to_string(), site.file("told"));
    let replace = [("MEDIA", port.as_str()), ("TOLD", &told.to_string_lossy())];
    let calling = ours(&site, "carrier", CALLER_REFRESHES_ON_HOLD, &replace, at).arguments(&["-d", "4000"]);
    let calling = calling.service("dave").to(server.sip).calls(1, 1).start();
    voice.speak_to_told(server.sip, &told);
    dave.hears(TRUNK, 1.0);
    voice.hears(DAVE, 1.0);
    let state = |state: &str| {
        until(state, || (server.ctl_json(&["calls"])[0]["state"] == state).then_some(()));
    };
    state("held");
    // What was under way is over: from here on it is silence.
    until("the phone has stopped", || (dave.rates().0 == 0).then_some(()));
    voice.forget();
    state("talking");
    // Hears from the first packet after it on; had the session expired there would be none.
    let heard = voice.hears(DAVE, 1.5);
    assert!(heard.purity > 0.98 && heard.gaps == 0, "{heard:?}");
    calling.succeeds();
    server.is_idle();
    let record = server.records(1).remove(0);
    assert_eq!((&record["outcome"], &record["ended-by"]), (&"answered".into(), &"caller".into()), "{record}");
    server.stop();
}

#[test]
fn a_carrier_that_is_refreshed_three_times_on_hold_hears_the_phone_again() {
    let site = Site::new();
    let at = site.host.socket();
    let mut server = Server::start(&site, &settings(at));
    server.add_accounts(&["dave"]);
    let mut dave = Baresip::start(&site, &dave(server.sip, false));
    let voice = Voice::start(site.host.socket(), TRUNK, 1);
    let (port, told, refreshed) = (voice.local.port().to_string(), site.file("told"), site.file("refreshed"));
    let replace =
        [("MEDIA", port.as_str()), ("TOLD", &told.to_string_lossy()), ("REFRESHED", &refreshed.to_string_lossy())];
    let called = ours(&site, "carrier", CALLEE_IS_REFRESHED_ON_HOLD, &replace, at).calls(1, 1).start();
    dave.dial("100");
    dave.event("CALL_ESTABLISHED");
    voice.speak_to_told(server.sip, &told);
    dave.hears(TRUNK, 1.0);
    voice.hears(DAVE, 1.0);
    dave.command("hold", "");
    until("the phone has stopped", || (dave.rates() == (0, 0)).then_some(()));
    voice.forget();
    until("three refreshes", || {
        let text = std::fs::read_to_string(&refreshed).unwrap_or_default();
        (text.lines().count() >= 3).then_some(())
    });
    assert!(voice.heard().is_empty(), "nothing of the phone is heard while it holds");
    dave.command("resume", "");
    let heard = voice.hears(DAVE, 1.5);
    assert!(heard.purity > 0.98 && heard.gaps == 0, "{heard:?}");
    until("the carrier is heard again", || (dave.rates().1 > 60_000).then_some(()));
    dave.hang_up();
    called.succeeds();
    server.is_idle();
    server.stop();
}
