//! Three phones in a conference: each hears the two others, and not itself.

use scenarios::peer::baresip::{PEAK, Setup};
use scenarios::peer::server::{PASSWORD, Settings};
use scenarios::peer::wait::until;
use scenarios::peer::{Baresip, Server, Site, tone};
use serde_json::Value;
use std::net::SocketAddr;

/// The tones in the microphones.
const CAROL: f64 = 500.0;
const DAVE: f64 = 900.0;
const ERIN: f64 = 1_300.0;

/// `500` is a room.
const ROOM: &str = "[media]\nworkers = [0, 1]\n[[route]]\nnumber = \"500\"\nto = [\"conference:sales\"]\n";

fn phone(site: &Site, user: &'static str, server: SocketAddr, hertz: f64, codecs: &'static str) -> Baresip {
    let answers = user == "dave";
    Baresip::start(site, &Setup { user, password: PASSWORD, server, transport: "udp", hertz, answers, codecs })
}

/// The share that a tone has of its full level, in the last second that a phone heard.
fn share(phone: &Baresip, hertz: f64) -> f64 {
    let heard = phone.heard();
    let last = heard.len().saturating_sub(8_000);
    tone::peak_at(&heard[last..], hertz) / PEAK
}

/// Waits until a phone hears these at their full level, and nothing of what it says itself.
fn hears_others(phone: &Baresip, own: f64, others: [f64; 2]) {
    until("a phone hears the two others and not itself", || {
        let whole = others.iter().all(|&hertz| (share(phone, hertz) - 1.0).abs() < 0.1);
        (whole && share(phone, own) < 0.03).then_some(())
    });
}

fn conferences(server: &Server<'_>) -> Vec<Value> {
    server.ctl_json(&["conferences"]).as_array().cloned().expect("a list of conferences")
}

#[test]
fn three_phones_in_a_room_hear_each_other() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::new(ROOM));
    server.add_accounts(&["carol", "dave", "erin"]);
    let mut carol = phone(&site, "carol", server.sip, CAROL, "PCMU");
    let mut dave = phone(&site, "dave", server.sip, DAVE, "PCMA");
    let mut erin = phone(&site, "erin", server.sip, ERIN, "PCMU,PCMA");
    for phone in [&mut carol, &mut dave, &mut erin] {
        phone.dial("500");
        phone.event("CALL_ESTABLISHED");
    }
    hears_others(&carol, CAROL, [DAVE, ERIN]);
    hears_others(&dave, DAVE, [CAROL, ERIN]);
    hears_others(&erin, ERIN, [CAROL, DAVE]);
    let told = conferences(&server);
    assert_eq!((told.len(), &told[0]["name"], &told[0]["members"]), (1, &"sales".into(), &3.into()), "{told:?}");
    let calls = server.ctl_json(&["calls"]);
    let peers = calls.as_array().into_iter().flatten().map(|call| &call["legs"][1]["peer"]);
    assert!(peers.clone().count() == 3 && peers.clone().all(|peer| peer == "conference:sales"), "{calls}");
    for phone in [&mut carol, &mut dave, &mut erin] {
        phone.hang_up();
    }
    assert!(conferences(&server).is_empty());
    server.is_idle();
    server.stop();
}

#[test]
fn the_operator_makes_a_conference_of_a_call_and_the_two_talk_on() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol", "dave"]);
    let mut carol = phone(&site, "carol", server.sip, CAROL, "PCMU");
    let mut dave = phone(&site, "dave", server.sip, DAVE, "PCMU");
    carol.dial("dave");
    carol.event("CALL_ESTABLISHED");
    carol.hears(DAVE, 2.0);
    dave.hears(CAROL, 2.0);
    let calls = server.ctl_json(&["calls"]);
    let call = calls[0]["call"].as_str().expect("a call").to_owned();
    let (status, name) = server.ctl(&["conference", &call]);
    assert!(status.success() && name.starts_with('~'), "{name}");
    // 60 ms of silence touch three windows of 50 ms at most.
    for (phone, hertz) in [(&carol, DAVE), (&dave, CAROL)] {
        let heard = phone.hears(hertz, 5.0);
        assert!(heard.gaps <= 3, "{heard:?}");
    }
    assert_eq!(conferences(&server)[0]["members"], 2);
    // Whoever is left alone is released.
    carol.hang_up();
    dave.event("CALL_CLOSED");
    server.is_idle();
    server.stop();
}
