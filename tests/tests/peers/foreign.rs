//! The specification is enough: a platform that was written from `docs/packets.md` alone, in another language, is one of the cluster.

use crate::cluster::{invite, platform, reaches, settings, works};
use crate::scenario::{CALLEE, ours, trunk};
use scenarios::peer::baresip::Setup;
use scenarios::peer::server::{PASSWORD, Settings};
use scenarios::peer::wait::until;
use scenarios::peer::{Baresip, Foreign, Server, Site};
use serde_json::{Value, json};

/// The foreign platform's number.
const NUMBER: u32 = 9;

/// A phone of the platform is called, and then a trunk's line for it.
#[test]
fn a_platform_from_the_document_alone_joins_is_asked_and_places_a_call() {
    let site = Site::new();
    let (at, trunk_at) = (site.host.socket(), site.host.socket());
    let more = format!(
        "{}[[route]]\nprefix = \"7\"\nto = [\"trunk:out\"]\n",
        trunk("out", Some(trunk_at.to_string()), trunk_at)
    );
    let mut with_trunk = settings(1, "east", at, &[]);
    with_trunk.more.push_str(&more);
    let mut a = Server::prepare(&site, "a", &with_trunk);
    works(&a, "bridge init --platform 1 --name east");
    // It joins as any platform does; its files are made in a folder of its own.
    let folder = Server::prepare(&site, "python", &settings(NUMBER, "python", site.host.socket(), &[at]));
    invite(&a, &folder, NUMBER, "python");
    let certificates = folder.data().join("bridge");
    a.launch();
    a.add_accounts(&["carol"]);
    let setup = Setup {
        user: "carol",
        password: PASSWORD,
        server: a.sip,
        transport: "udp",
        hertz: 500.0,
        answers: true,
        codecs: "PCMU",
    };
    let mut carol = Baresip::start(&site, &setup);

    let mut foreign = Foreign::start(&site, NUMBER, at, Some(&certificates), &["stay"]);
    assert_eq!(foreign.says("up")["up"], 1);
    let seen = reaches(&a, NUMBER, "linked");
    assert_eq!((&seen["name"], &seen["version"]), (&json!("platform-9"), &json!("python/1")));
    assert_eq!(seen["modules"][0]["module"], "control/0", "{seen}");
    until("its heartbeats are answered", || platform(&a, NUMBER)?["round-trip-ms"].as_f64());

    // Another one, which asks it, through the platform that both are linked with, and asks that one, too.
    let second = Server::prepare(&site, "second", &settings(8, "second", site.host.socket(), &[at]));
    invite(&a, &second, 8, "second");
    let steps = ["status:1:switch:0", "status:1:bridge:0", "status:9:control:0"];
    let mut asker = Foreign::start(&site, 8, at, Some(&second.data().join("bridge")), &steps);
    asker.succeeds();
    let said = asker.said();
    let of = |module: &str| said.iter().find(|said| said["status"] == module).cloned().unwrap_or_default();
    assert_eq!(of("switch/0")["of"], 1, "{said:?}");
    assert!(of("bridge/0")["counters"]["bridge_links_up"].as_u64() >= Some(2), "{said:?}");
    assert_eq!((&of("control/0")["of"], &of("control/0")["counters"]), (&json!(9), &json!({ "queries_of_python": 1 })));
    assert_eq!(foreign.says("asked"), json!({ "asked": "status", "by": 8 }));
    // Who says goodbye is down at once.
    reaches(&a, 8, "down");
    foreign.stop();
    reaches(&a, NUMBER, "down");

    // A call from the phone to a line behind the trunk, by packets alone.
    let uas = ours(&site, "callee", CALLEE, &[], trunk_at).calls(1, 1).start();
    let call = ["call:1:carol:7100"];
    let mut foreign = Foreign::start(&site, NUMBER, at, Some(&certificates), &call);
    carol.event("CALL_ESTABLISHED");
    foreign.succeeds();
    carol.event("CALL_CLOSED");
    uas.succeeds();
    let said = foreign.said();
    let call = foreign.says("call")["call"].clone();
    let phases: Vec<&Value> = said.iter().map(|said| &said["event"]).filter(|event| !event.is_null()).collect();
    assert_eq!((phases.last(), foreign.says("ended")["ended"].clone()), (Some(&&json!(6)), call.clone()), "{said:?}");
    assert!(phases.contains(&&json!(3)), "{said:?}");
    let record = &a.records(1)[0];
    assert_eq!((&record["call"], &record["outcome"]), (&call, &json!("answered")), "{record}");
    assert_eq!((&record["caller"]["user"], &record["called"]["user"]), (&json!("carol"), &json!("7100")), "{record}");
    assert_eq!(record["cause"]["kind"], "administrative", "{record}");
    a.is_idle();
    a.stop();
}

#[test]
fn a_platform_from_the_document_alone_links_without_tls_on_loopback() {
    let site = Site::new();
    let at = site.host.socket();
    let mut plain: Settings = settings(1, "east", at, &[]);
    plain.more.push_str("plain = true\n");
    let mut a = Server::start(&site, &plain);
    let mut foreign = Foreign::start(&site, NUMBER, at, None, &["status:1:store:0", "stay"]);
    assert_eq!(foreign.says("status")["of"], 1);
    reaches(&a, NUMBER, "linked");
    foreign.stop();
    a.stop();
}
