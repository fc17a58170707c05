//! Calls between phones of two platforms: real processes, linked over TCP.

use crate::talk::is_clean;
use scenarios::peer::baresip::Setup;
use scenarios::peer::server::{PASSWORD, Settings};
use scenarios::peer::wait::until;
use scenarios::peer::{Baresip, Relay, Server, Site, tone};
use serde_json::{Value, json};

/// The tones in the microphones.
pub(crate) const CAROL: f64 = 500.0;
pub(crate) const DAVE: f64 = 900.0;

/// A platform of a cluster without certificates.
pub(crate) fn settings(number: u32, name: &str, more: &str) -> Settings {
    let bridge = format!("platform = {number}\nname = \"{name}\"\nplain = true\n");
    Settings::new(format!("[bridge]\n{bridge}{more}"))
}

/// Waits until a server reaches the platform of that number in this way.
pub(crate) fn reaches(server: &Server<'_>, number: u32, state: &str) {
    until(&format!("platform {number} is {state}"), || {
        let listed = server.ctl_json(&["platforms"]);
        let mut platforms = listed.as_array()?.iter();
        platforms.find(|one| one["platform"] == number && one["state"] == state).map(drop)
    });
}

fn phone(site: &Site, user: &str, server: &Server<'_>, hertz: f64) -> Baresip {
    let setup =
        Setup { user, password: PASSWORD, server: server.sip, transport: "udp", hertz, answers: false, codecs: "PCMU" };
    Baresip::start(site, &setup)
}

pub(crate) fn answered(caller: &mut Baresip, callee: &mut Baresip, number: &str) {
    for phone in [&mut *caller, &mut *callee] {
        phone.forget();
    }
    caller.dial(number);
    callee.event("CALL_INCOMING");
    caller.event("CALL_RINGING");
    callee.command("accept", "");
    caller.event("CALL_ESTABLISHED");
    callee.event("CALL_ESTABLISHED");
}

/// The newest records of both: of the same call.
pub(crate) fn records(east: &Server<'_>, west: &Server<'_>, count: usize) -> [Value; 2] {
    let [east, west] = [east, west].map(|server| server.records(count).swap_remove(0));
    assert_eq!(east["call"], west["call"], "one call, one id\n{east}\n{west}");
    [east, west]
}

#[test]
fn phones_of_two_platforms_call_each_other_and_outlive_the_link() {
    let site = Site::new();
    let (at_west, line) = (site.host.socket(), site.host.socket());
    // The line is the only way between them.
    let mut east = Server::prepare(&site, "east", &settings(1, "east", &format!("peers = [\"{line}\"]\n")));
    let listen = format!("listen = \"{at_west}\"\nadvertise = \"{line}\"\n");
    let mut west = Server::prepare(&site, "west", &settings(2, "west", &listen));
    let relay = Relay::start(line, at_west);
    east.launch();
    west.launch();
    east.add_accounts(&["carol"]);
    west.add_accounts(&["dave"]);
    let (mut carol, mut dave) = (phone(&site, "carol", &east, CAROL), phone(&site, "dave", &west, DAVE));
    reaches(&east, 2, "linked");
    reaches(&west, 1, "linked");

    // No platform was told of the other's accounts.
    answered(&mut carol, &mut dave, "dave");
    is_clean(carol.hears(DAVE, 3.0));
    is_clean(dave.hears(CAROL, 3.0));
    let calls = east.ctl_json(&["calls"]);
    let leg = calls[0]["legs"].as_array().and_then(|legs| legs.iter().find(|leg| leg["peer"] == "dave")).cloned();
    assert_eq!(leg.expect("a leg")["platform"], "west", "{calls}");
    let (_, text) = west.ctl(&["calls"]);
    assert!(text.contains("east"), "{text}");
    carol.hang_up();
    dave.event("CALL_CLOSED");
    let [here, there] = records(&east, &west, 1);
    assert_eq!((&here["outcome"], &there["outcome"]), (&json!("answered"), &json!("answered")));
    assert_eq!(there["origin"], json!({ "kind": "account", "name": "carol", "platform": "east" }), "{there}");

    // The other way round; who was called hangs up.
    answered(&mut dave, &mut carol, "carol");
    is_clean(dave.hears(CAROL, 2.0));
    carol.hang_up();
    dave.event("CALL_CLOSED");
    let [here, _] = records(&east, &west, 2);
    assert_eq!(here["ended-by"], "called", "{here}");

    // Without the link audio goes on; who hangs up meanwhile is heard when it is back.
    answered(&mut carol, &mut dave, "dave");
    is_clean(carol.hears(DAVE, 1.0));
    relay.part();
    reaches(&east, 2, "down");
    let before = tone::find(&carol.heard(), DAVE).seconds;
    is_clean(carol.hears(DAVE, before + 3.0));
    is_clean(dave.hears(CAROL, before + 3.0));
    carol.hang_up();
    assert_eq!(west.ctl_json(&["calls"]).as_array().map(Vec::len), Some(1), "it cannot know");
    relay.resume();
    dave.event("CALL_CLOSED");
    let [here, there] = records(&east, &west, 3);
    assert_eq!((&here["ended-by"], &there["ended-by"]), (&json!("caller"), &json!("caller")));
    assert_eq!((&here["cause"]["kind"], &there["cause"]["kind"]), (&json!("normal"), &json!("normal")));

    // The operator ends a call at either platform.
    reaches(&west, 1, "linked");
    answered(&mut carol, &mut dave, "dave");
    let call = west.ctl_json(&["calls"])[0]["call"].as_str().expect("a call has an id").to_owned();
    let (status, text) = west.ctl(&["hangup", &call]);
    assert!(status.success(), "{text}");
    carol.event("CALL_CLOSED");
    dave.event("CALL_CLOSED");

    // A platform that dies leaves no call with the other.
    answered(&mut carol, &mut dave, "dave");
    west.kill();
    west.launch();
    carol.event("CALL_CLOSED");
    until("the call is over", || east.ctl_json(&["calls"]).as_array()?.is_empty().then_some(()));
    let record = east.records(5).swap_remove(0);
    assert_eq!((&record["outcome"], &record["cause"]["kind"]), (&json!("answered"), &json!("interrupted")), "{record}");
    east.is_idle();
    west.stop();
    east.stop();
}
