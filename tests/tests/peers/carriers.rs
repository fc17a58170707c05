//! Kamailio as the carrier that Tandem registers at.

use crate::scenario::{CALLEE, CALLER, CALLER_REFUSED, ours, trunk};
use scenarios::peer::kamailio::Kamailio;
use scenarios::peer::name_server::{Data, NameServer};
use scenarios::peer::relay::{Relay, Way};
use scenarios::peer::server::Settings;
use scenarios::peer::{Server, Site, wait};
use serde_json::json;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// Registration by digest and Service-Route; calls both ways over it, the ones that go out challenged by a proxy; and the registration is
/// taken back at the end.
#[test]
fn calls_go_both_ways_over_a_trunk_that_is_registered_at_kamailio() {
    let site = Site::new();
    let (carrier, callee, caller) = (site.host.socket(), site.host.socket(), site.host.socket());
    let (inside, outside) = (site.host.socket(), site.host.socket());
    let (listens, to) = (carrier.to_string(), callee.to_string());
    let replace = [("CARRIER", listens.as_str()), ("CALLEE", to.as_str()), ("PASSWORD", "s3cret")];
    let _kamailio = Kamailio::start(&site, include_str!("kamailio.cfg"), &replace, carrier);
    let settings = Settings::new(format!(
        "{}[[trunk]]\nname = \"carrier\"\naddress = \"{carrier}\"\naccept = []\nusername = \"tandem-1\"\n\
         password_file = \"carrier.password\"\nregister = [\"tandem-1@carrier.example\"]\n{}\
         [[route]]\nfrom = \"trunk:in\"\nto = [\"trunk:carrier\"]\n[[route]]\nfrom = \"trunk:carrier\"\nto = [\"trunk:inside\"]\n",
        trunk("in", None, caller),
        trunk("inside", Some(inside.to_string()), inside),
    ));
    let mut server = Server::prepare(&site, "tandem", &settings);
    let secret = server.configuration().with_file_name("carrier.password");
    std::fs::write(&secret, "s3cret\n").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    server.launch();
    let registered = |server: &Server<'_>| {
        let trunks = server.ctl_json(&["trunks"]);
        let carrier = trunks.as_array()?.iter().find(|trunk| trunk["trunk"] == "carrier")?.clone();
        (carrier["registrations"][0]["state"] == "registered").then_some(carrier)
    };
    let status = wait::until("the carrier keeps the registration", || registered(&server));
    let own = &status["registrations"][0];
    assert_eq!(own["address"], json!("tandem-1@carrier.example"), "{own}");
    assert!(own["kept-s"].as_u64().is_some_and(|kept| kept <= 60), "as long as the carrier grants: {own}");
    assert_eq!(own["service-route"], json!([format!("<sip:{carrier};lr>")]), "{own}");

    let called = ours(&site, "callee", CALLEE, &[], callee).calls(2, 1).start();
    ours(&site, "caller", CALLER, &[], caller).service("100").to(server.sip).calls(2, 1).run();
    called.succeeds();
    let called = ours(&site, "inside", CALLEE, &[], inside).calls(2, 1).start();
    ours(&site, "outside", CALLER, &[], outside).service("tandem-1").to(carrier).calls(2, 1).run();
    called.succeeds();
    let records = server.records(4);
    assert!(records.iter().all(|record| record["outcome"] == json!("answered")), "{records:?}");

    server.stop();
    let status = [("STATUS", "404")];
    ours(&site, "late", CALLER_REFUSED, &status, site.host.socket()).service("tandem-1").to(carrier).calls(1, 1).run();
}

/// Two flows to two edges (RFC 5626): both are kept by STUN as often as the registrar's Flow-Timer says, and calls come by them.
#[test]
fn flows_at_kamailio_are_kept_by_stun_and_calls_come_by_them() {
    let (site, second) = (Site::new(), Site::new());
    let (one, inside, outside) = (site.host.socket(), site.host.socket(), site.host.socket());
    let two = SocketAddr::new(second.host.address(), one.port());
    let names = NameServer::start(site.host.socket(), 600);
    for edge in [one, two] {
        names.add("carrier.example", Data::Address(edge.ip()));
    }
    let (first, other) = (one.to_string(), two.to_string());
    let replace = [("ONE", first.as_str()), ("TWO", other.as_str()), ("PASSWORD", "s3cret")];
    let _kamailio = Kamailio::start(&site, include_str!("kamailio_outbound.cfg"), &replace, one);
    let settings = Settings::new(format!(
        "[[trunk]]\nname = \"carrier\"\naddress = \"carrier.example:{}\"\naccept = []\nusername = \"tandem-1\"\n\
         password_file = \"carrier.password\"\nregister = [\"tandem-1@carrier.example\"]\noutbound = true\n{}\
         [[route]]\nfrom = \"trunk:carrier\"\nto = [\"trunk:inside\"]\n",
        one.port(),
        trunk("inside", Some(inside.to_string()), inside),
    ))
    .sip(&format!("name_servers = [\"{}\"]", names.address));
    let mut server = Server::prepare(&site, "tandem", &settings);
    let secret = server.configuration().with_file_name("carrier.password");
    std::fs::write(&secret, "s3cret\n").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    server.launch();
    let flows = wait::until("the carrier keeps both flows", || {
        let trunks = server.ctl_json(&["trunks"]);
        let carrier = trunks.as_array()?.iter().find(|trunk| trunk["trunk"] == "carrier")?.clone();
        let own = carrier["registrations"].as_array()?.clone();
        (own.len() == 2 && own.iter().all(|own| own["state"] == "registered")).then_some(own)
    });
    let mut registrars: Vec<&str> = flows.iter().filter_map(|flow| flow["registrar"].as_str()).collect();
    registrars.sort_unstable();
    let mut edges = [first.as_str(), other.as_str()];
    edges.sort_unstable();
    assert_eq!(registrars, edges, "{flows:?}");
    // At once, and again within 12 seconds.
    wait::until("each flow is kept twice", || (server.counted("sip_flow_keep_alives_answered") >= 4).then_some(()));
    assert_eq!(server.counted("sip_flows_failed"), 0);
    let called = ours(&site, "inside", CALLEE, &[], inside).calls(2, 1).start();
    ours(&site, "outside", CALLER, &[], outside).service("tandem-1").to(one).calls(2, 1).run();
    called.succeeds();
    let records = server.records(2);
    assert!(records.iter().all(|record| record["outcome"] == json!("answered")), "{records:?}");
    server.stop();
}

/// A flow over a connection (RFC 5626 §4.4.1): it is kept by double line ends as often as the registrar's Flow-Timer says, each of which the registrar answers.
#[test]
fn a_flow_over_a_connection_to_kamailio_is_kept_by_line_ends_and_calls_come() {
    let site = Site::new();
    let (carrier, inside, outside) = (site.host.socket(), site.host.socket(), site.host.socket());
    let relay = Relay::start(site.host.socket(), carrier);
    let at = carrier.to_string();
    // There is one flow, which is the only contact: none to go on with.
    let script = include_str!("kamailio_outbound.cfg")
        .replace("listen=udp:@TWO@", "listen=tcp:@ONE@")
        .replace("if (!t_next_contacts())", "if (0)");
    let replace = [("ONE", at.as_str()), ("PASSWORD", "s3cret")];
    let _kamailio = Kamailio::start(&site, &script, &replace, carrier);
    let settings = Settings::new(format!(
        "[[trunk]]\nname = \"carrier\"\naddress = \"tcp:{}\"\naccept = []\nusername = \"tandem-1\"\n\
         password_file = \"carrier.password\"\nregister = [\"tandem-1@carrier.example\"]\noutbound = true\n{}\
         [[route]]\nfrom = \"trunk:carrier\"\nto = [\"trunk:inside\"]\n",
        relay.address,
        trunk("inside", Some(inside.to_string()), inside),
    ));
    let mut server = Server::prepare(&site, "tandem", &settings);
    let secret = server.configuration().with_file_name("carrier.password");
    std::fs::write(&secret, "s3cret\n").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    server.launch();
    let registered = |server: &Server<'_>| {
        wait::until("the carrier keeps the flow", || {
            let trunks = server.ctl_json(&["trunks"]);
            let carrier = trunks.as_array()?.iter().find(|trunk| trunk["trunk"] == "carrier")?.clone();
            (carrier["registrations"][0]["state"] == "registered").then_some(())
        });
    };
    registered(&server);
    let passed = || (relay.octets(Way::There), relay.octets(Way::Back));
    // What registers is through once nothing more has come for a moment.
    let before = wait::until("it is registered and silent", || {
        let before = passed();
        wait::pause(Duration::from_secs(1));
        (passed() == before).then_some(before)
    });
    // Flow-Timer is 12 seconds. A double line end is four octets, the answer two.
    let kept = |times: u64| (before.0 + 4 * times, before.1 + 2 * times);
    for times in [1, 2] {
        wait::until("a keep-alive and its answer", || (passed() == kept(times)).then_some(()));
    }
    assert_eq!(relay.accepted(), 1);
    let called = ours(&site, "inside", CALLEE, &[], inside).calls(1, 1).start();
    ours(&site, "outside", CALLER, &[], outside).service("tandem-1").to(carrier).calls(1, 1).run();
    called.succeeds();
    let record = server.records(1).remove(0);
    assert_eq!(record["outcome"], json!("answered"), "{record}");
    // Whose answers do not come any more is not there: ten seconds after the next one.
    relay.stall(Way::Back);
    wait::until("the flow is made anew", || (relay.accepted() > 1).then_some(()));
    relay.resume();
    registered(&server);
    server.stop();
}
