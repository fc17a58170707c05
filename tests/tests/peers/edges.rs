//! Phones behind Kamailio as an edge that keeps flows (RFC 3327, RFC 5626 §5): what they follow, and texts to them. Calls are in `registrations`.

use crate::scenario::{MAILBOX_WATCHER, REGISTER_GRUU, TEXT_RECEIVER, ours};
use scenarios::peer::baresip::Setup;
use scenarios::peer::kamailio::Kamailio;
use scenarios::peer::name_server::{Data, NameServer};
use scenarios::peer::server::{PASSWORD, Settings};
use scenarios::peer::wait::until;
use scenarios::peer::{Baresip, Server, Site};
use std::net::SocketAddr;

/// An edge.
const EDGE: &str = include_str!("kamailio_edge.cfg");

/// What an edge does that records itself in dialogs, and what it does with those of others.
const RECORDS: &str = "if (is_method(\"INVITE|SUBSCRIBE\")) record_route();";
const REFUSES: &str = "else sl_send_reply(\"404\", \"Not Here\");";

/// Of our scenarios, to be sent by way of somebody else.
fn towards_the_registrar(scenario: &str) -> String {
    scenario.replace("[remote_ip]:[remote_port]", "@REGISTRAR@")
}

/// Registers carol's phone by that edge, as one of several flows where that keeps such; the public address that it is given.
fn register(site: &Site, server: &Server<'_>, phone: SocketAddr, edge: SocketAddr, is_flow: bool) -> String {
    let (port, registrar) = (phone.port().to_string(), server.sip.to_string());
    let scenario = towards_the_registrar(REGISTER_GRUU);
    let scenario = match is_flow {
        true => scenario
            .replace("Supported: gruu", "Supported: path, gruu, outbound")
            .replace(";+sip.instance", ";reg-id=1;+sip.instance"),
        false => scenario.replace("Supported: gruu", "Supported: path, gruu"),
    };
    let instance = "00000000-0000-1000-8000-000000000001";
    let replace = [("CONTACT", port.as_str()), ("INSTANCE", instance), ("REGISTRAR", registrar.as_str())];
    ours(site, "register", &scenario, &replace, phone)
        .service("carol")
        .credentials("carol", PASSWORD)
        .arguments(&["-auth_uri", &registrar])
        .to(edge)
        .calls(1, 1)
        .run();
    let messages = std::fs::read_to_string(site.file("register-messages.log")).expect("what SIPp was told");
    let given = messages.rsplit("pub-gruu=\"").next().and_then(|rest| rest.split('"').next());
    given.filter(|given| given.contains(";gr=")).unwrap_or_else(|| panic!("no address:\n{messages}")).to_owned()
}

/// RFC 5627 §4.4: its address is ours, and only we know the way to it, whether the edge is in the dialog's or not.
#[test]
fn a_phone_that_subscribes_by_its_gruu_from_behind_an_edge_is_told() {
    for records in [true, false] {
        let site = Site::new();
        let (edge, phone) = (site.host.socket(), site.host.socket());
        let mut server = Server::start(&site, &Settings::default());
        server.add_accounts(&["carol"]);
        let (at, registrar) = (edge.to_string(), server.sip.to_string());
        let sends_on = "else { $du = \"sip:@REGISTRAR@\"; t_relay(); }";
        let script = if records { EDGE.to_owned() } else { EDGE.replace(RECORDS, "").replace(REFUSES, sends_on) };
        let replace = [("EDGE", at.as_str()), ("REGISTRAR", registrar.as_str())];
        let _kamailio = Kamailio::start(&site, &script, &replace, edge);
        let gruu = register(&site, &server, phone, edge, true);
        let contact = "Contact: <sip:[service]@[local_ip]:[local_port];transport=[transport]>";
        let scenario = towards_the_registrar(MAILBOX_WATCHER)
            .replace(contact, "Contact: <@GRUU@>")
            .replace("<recv response=\"200\">", "<recv response=\"200\" rrs=\"true\">")
            .replace("CSeq: 3 SUBSCRIBE", "CSeq: 3 SUBSCRIBE\n        [routes]");
        let replace = [("GRUU", gruu.as_str()), ("REGISTRAR", registrar.as_str())];
        let run = ours(&site, "watcher", &scenario, &replace, phone)
            .service("carol")
            .credentials("carol", PASSWORD)
            .arguments(&["-auth_uri", &registrar])
            .to(edge)
            .calls(1, 1)
            .start();
        until("the phone was told", || (server.counted("sip_notifies_sent") == 1).then_some(()));
        let (status, text) = server.ctl(&["mwi", "carol", "2", "1"]);
        assert!(status.success(), "{text}");
        run.succeeds();
        server.stop();
    }
}

/// The same with a phone that others wrote, which gives its GRUU wherever it has one.
#[test]
fn baresip_behind_an_edge_follows_presence() {
    let site = Site::new();
    let edge = site.host.socket();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol", "dave"]);
    let (at, registrar) = (edge.to_string(), server.sip.to_string());
    let _kamailio = Kamailio::start(&site, EDGE, &[("EDGE", at.as_str()), ("REGISTRAR", registrar.as_str())], edge);
    let setup = |user| Setup {
        user,
        password: PASSWORD,
        server: server.sip,
        transport: "udp",
        hertz: 500.0,
        answers: true,
        codecs: "PCMU",
    };
    let contacts = format!("\"Dave\" <sip:dave@{}>;presence=p2p\n", server.sip);
    let modules = ["contact", "presence"];
    let carol = Baresip::start_behind_with(&site, &setup("carol"), edge, &modules, &contacts);
    until("dave is offline", || carol.log().contains("<note>Offline</note>").then_some(()));
    let mut dave = Baresip::start(&site, &setup("dave"));
    until("dave is online", || carol.log().contains("<basic>open</basic>").then_some(()));
    dave.dial("echo");
    dave.event("CALL_ESTABLISHED");
    until("dave is on the telephone", || carol.log().contains("<rpid:on-the-phone/>").then_some(()));
    dave.hang_up();
    server.stop();
}

/// Whether somebody is connected with that listener.
fn is_connected(listener: SocketAddr) -> bool {
    let SocketAddr::V4(address) = listener else { panic!("{listener}") };
    let [a, b, c, d] = address.ip().octets();
    let local = format!("{d:02X}{c:02X}{b:02X}{a:02X}:{:04X}", address.port());
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table of connections");
    let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.any(|fields| fields.get(1) == Some(&local.as_str()) && fields.get(3) == Some(&"01"))
}

/// The edge has said its name, and has closed the connection that the phone registered over.
#[test]
fn a_text_reaches_a_phone_behind_an_edge_that_is_known_by_its_name_alone() {
    let site = Site::new();
    let (edge, phone) = (site.host.socket(), site.host.socket());
    let names = NameServer::start(site.host.socket(), 600);
    names.add("edge.example", Data::Address(edge.ip()));
    let settings = format!("edge_proxies = [\"{}\"]\nname_servers = [\"{}\"]", edge.ip(), names.address);
    let mut server = Server::start(&site, &Settings::default().sip(&settings));
    server.add_accounts(&["carol"]);
    // Its name stands in the Path alone: what Kamailio advertises it would have to resolve itself.
    let listens = "listen=udp:@EDGE@\nlisten=tcp:@EDGE@\nalias=\"edge.example\"\ntcp_connection_lifetime=3\ntcp_source_ipv4=@HOST@";
    let path = "append_hf(\"Path: <sip:edge.example:@PORT@;transport=tcp;lr>\\r\\n\");";
    let script = EDGE
        .replace("listen=udp:@EDGE@", listens)
        .replace("add_path();", path)
        // A route that was given to it and names it alone is none to go on by, but what comes over a connection is the registrar's.
        .replace("if ($var(routed) < 0) $du", "if ($var(routed) < 0 && $pr == \"udp\") $du")
        .replace("\"sip:@REGISTRAR@\"", "\"sip:@REGISTRAR@;transport=tcp\"");
    let (at, host, port) = (edge.to_string(), edge.ip().to_string(), edge.port().to_string());
    let registrar = server.sip.to_string();
    let replace =
        [("EDGE", at.as_str()), ("REGISTRAR", registrar.as_str()), ("HOST", host.as_str()), ("PORT", port.as_str())];
    let _kamailio = Kamailio::start(&site, &script, &replace, edge);
    register(&site, &server, phone, edge, false);
    let told = serde_json::to_string(&server.registered("carol", 1)).expect("JSON");
    assert!(told.contains("edge.example") && told.contains("transport=tcp"), "its way is by the edge's name: {told}");
    until("the edge has closed its connection", || (!is_connected(server.sip)).then_some(()));
    assert_eq!(names.asked("edge.example"), 0);
    let run = ours(&site, "carol", TEXT_RECEIVER, &[("TEXT", "by its name")], phone).calls(1, 1).start();
    let (status, text) = server.ctl(&["message", "operator", "carol", "by its name"]);
    assert!(status.success() && text.contains("delivered"), "{text}");
    run.succeeds();
    assert!(names.asked("edge.example") > 0);
    server.stop();
}
