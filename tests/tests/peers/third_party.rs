//! Third-party call control (RFC 3725 §4.1, flow I): a controller outside, SIPp's own, calls one side without an offer, calls the other
//! one with what that offered, and acknowledges the first with what the other has answered. Both calls go through Tandem.

use crate::scenario::{CALLEE_SPEAKS, ours, trunk};
use scenarios::peer::server::Settings;
use scenarios::peer::sipp::Run;
use scenarios::peer::{Server, Sipp, Site, Voice};
use std::net::SocketAddr;

/// The tones of the two sides.
const FIRST: f64 = 500.0;
const SECOND: f64 = 900.0;

/// Both halves of the controller, and the two sides: 100 and 200.
struct Places {
    controller: [SocketAddr; 2],
    sides: [SocketAddr; 2],
}

impl Places {
    fn new(site: &Site) -> Self {
        Self { controller: [(); 2].map(|()| site.host.socket()), sides: [(); 2].map(|()| site.host.socket()) }
    }

    fn settings(&self) -> Settings {
        let [a, b] = self.controller;
        let [first, second] = self.sides;
        let route = |number: &str, to: &str| {
            format!("[[route]]\nfrom = \"trunks\"\nnumber = \"{number}\"\nto = [\"trunk:{to}\"]\n")
        };
        Settings::new(format!(
            "{}{}{}{}{}{}",
            trunk("controller-a", None, a),
            trunk("controller-b", None, b),
            trunk("first", Some(first.to_string()), first),
            trunk("second", Some(second.to_string()), second),
            route("100", "first"),
            route("200", "second"),
        ))
    }

    /// Starts both halves of the controller.
    fn control(&self, site: &Site, server: &Server<'_>) -> [Run; 2] {
        let twin = site.host.socket().to_string();
        let half = |name: &str, scenario: &str, local: SocketAddr, number: &str| {
            let run = Sipp::builtin(site, name, scenario, local).arguments(&["-3pcc", &twin]);
            run.service(number).to(server.sip).calls(1, 1).start()
        };
        // This half is told by the other one what to do.
        let b = half("controller-b", "3pcc-C-B", self.controller[1], "200");
        let a = half("controller-a", "3pcc-C-A", self.controller[0], "100");
        [a, b]
    }
}

fn assert_answered(server: &mut Server<'_>) {
    server.is_idle();
    for record in server.records(2) {
        assert_eq!((&record["outcome"], &record["ended-by"]), (&"answered".into(), &"caller".into()), "{record}");
    }
    server.stop();
}

#[test]
fn an_outside_controller_joins_two_sides_as_sipp_has_them() {
    let site = Site::new();
    let places = Places::new(&site);
    let mut server = Server::start(&site, &places.settings());
    let sides = [("first", "3pcc-A", 0), ("second", "3pcc-B", 1)]
        .map(|(name, scenario, side)| Sipp::builtin(&site, name, scenario, places.sides[side]).calls(1, 1).start());
    for run in places.control(&site, &server).into_iter().chain(sides) {
        run.succeeds();
    }
    assert_answered(&mut server);
}

#[test]
fn the_two_sides_hear_each_other_though_neither_called() {
    let site = Site::new();
    let places = Places::new(&site);
    let mut server = Server::start(&site, &places.settings());
    let voices = [(FIRST, 1), (SECOND, 2)].map(|(hertz, ssrc)| Voice::start(site.host.socket(), hertz, ssrc));
    let sides = [("first", 0), ("second", 1)].map(|(name, side)| {
        let (port, told) = (voices[side].local.port().to_string(), site.file(name));
        let replace = [("MEDIA", port.as_str()), ("TOLD", &told.to_string_lossy())];
        ours(&site, name, CALLEE_SPEAKS, &replace, places.sides[side]).calls(1, 1).start()
    });
    let controller = places.control(&site, &server);
    // The second one was offered something, and begins; the first one answers to where it hears that.
    voices[1].speak_to_told(server.sip, &site.file("second"));
    for run in controller.into_iter().chain(sides) {
        run.succeeds();
    }
    for (voice, hertz) in voices.iter().zip([SECOND, FIRST]) {
        let heard = voice.hears(hertz, 0.3);
        assert!(heard.purity > 0.98, "{heard:?}");
    }
    assert_answered(&mut server);
}
