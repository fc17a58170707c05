//! Registrations.

use crate::scenario::{
    CALLEE, CALLER_WITH_DIGEST, REGISTER, REGISTER_GRUU, REGISTER_REFRESH_UNREGISTER, REGISTER_REFUSED, ours, register,
};
use scenarios::peer::baresip::Setup;
use scenarios::peer::kamailio::Kamailio;
use scenarios::peer::server::{PASSWORD, Settings};
use scenarios::peer::{Baresip, Server, Site};

#[test]
fn a_phone_registers_refreshes_and_leaves() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol"]);
    let mut control = server.control();
    control.ask("registrations", "subscribe", serde_json::json!({}));
    let phone = site.host.socket();
    let port = phone.port().to_string();
    ours(&site, "phone", REGISTER_REFRESH_UNREGISTER, &[("CONTACT", &port)], phone)
        .service("carol")
        .credentials("carol", PASSWORD)
        .to(server.sip)
        .calls(1, 1)
        .run();
    for message in ["registered", "unregistered"] {
        let event = control.event(message, |event| event["topic"] == "registrations" && event["message"] == message);
        assert_eq!(event["body"]["account"], "carol", "{event}");
    }
    server.registered("carol", 0);
    server.stop();
}

#[test]
fn credentials_that_do_not_hold_are_refused_for_good() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol"]);
    let phone = site.host.socket();
    let port = phone.port().to_string();
    for (index, (user, password)) in [("carol", "wrong-horse"), ("nobody", PASSWORD)].into_iter().enumerate() {
        ours(&site, &format!("phone-{index}"), REGISTER_REFUSED, &[("CONTACT", &port)], phone)
            .service(user)
            .credentials(user, password)
            .to(server.sip)
            .calls(1, 1)
            .run();
    }
    // Right credentials, for somebody else's account.
    server.add_accounts(&["dave"]);
    ours(&site, "phone-2", REGISTER_REFUSED, &[("CONTACT", &port)], phone)
        .service("dave")
        .credentials("carol", PASSWORD)
        .to(server.sip)
        .calls(1, 1)
        .run();
    for user in ["carol", "dave"] {
        server.registered(user, 0);
    }
    server.stop();
}

#[test]
fn a_phone_registers_over_tcp() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol"]);
    let phone = site.host.socket();
    let port = phone.port().to_string();
    ours(&site, "phone", REGISTER, &[("CONTACT", &port), ("EXPIRES", "300")], phone)
        .tcp()
        .service("carol")
        .credentials("carol", PASSWORD)
        .to(server.sip)
        .calls(1, 1)
        .run();
    let contacts = server.registered("carol", 1);
    assert!(contacts[0].to_string().contains(&port), "{contacts:?}");
    server.stop();
}

#[test]
fn several_phones_of_one_account_and_of_many() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol", "dave"]);
    for user in ["carol", "dave"] {
        for _ in 0..2 {
            let phone = site.host.socket();
            register(&site, &server, user, phone, phone);
        }
        server.registered(user, 2);
    }
    let (status, table) = server.ctl(&["registrations"]);
    assert!(status.success() && table.contains("carol") && table.contains("dave"), "{table}");
    server.stop();
}

/// baresip as a phone of two flows, over UDP and TCP: it is one telephone, and rings once (RFC 5626 §7).
#[test]
fn a_phone_with_two_flows_is_rung_once() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol", "dave"]);
    let setup = |user, answers| Setup {
        user,
        password: PASSWORD,
        server: server.sip,
        transport: "udp",
        hertz: 500.0,
        answers,
        codecs: "PCMU",
    };
    let mut carol = Baresip::start_with_flows(&site, &setup("carol", false));
    let contacts = server.registered("carol", 2);
    let told = serde_json::to_string(&contacts).expect("JSON");
    assert!(told.contains("udp") && told.contains("tcp"), "{told}");
    let mut dave = Baresip::start(&site, &setup("dave", false));
    dave.dial("carol");
    carol.event("CALL_INCOMING");
    carol.command("accept", "");
    dave.event("CALL_ESTABLISHED");
    let calls = server.ctl_json(&["calls"]);
    let call = calls[0]["call"].as_str().expect("a call").to_owned();
    let messages = server.ctl_json(&["trace", &call, "--full"]);
    let texts = messages.as_array().into_iter().flatten().filter(|message| message["direction"] == "sent");
    let invites = texts.filter(|message| message["message"].as_str().is_some_and(|text| text.starts_with("INVITE ")));
    assert_eq!(invites.count(), 1, "{messages}");
    dave.hang_up();
    carol.event("CALL_CLOSED");
    server.is_idle();
    server.stop();
}

/// Two phones of one account that SIPp plays: the address that one was given leads to that one alone, whoever calls it (RFC 5627 §5).
#[test]
fn a_gruu_leads_to_the_phone_that_it_was_given_to() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol", "dave"]);
    let phones = [site.host.socket(), site.host.socket()];
    let given = [1, 2].map(|number| {
        let phone = phones[number - 1];
        let (port, name) = (phone.port().to_string(), format!("register-{number}"));
        let instance = format!("00000000-0000-1000-8000-00000000000{number}");
        ours(&site, &name, REGISTER_GRUU, &[("CONTACT", &port), ("INSTANCE", &instance)], phone)
            .service("carol")
            .credentials("carol", PASSWORD)
            .to(server.sip)
            .calls(1, 1)
            .run();
        let messages = std::fs::read_to_string(site.file(&format!("{name}-messages.log"))).unwrap();
        // The answer has both phones' contacts: it is the one with this instance.
        let answer = messages.split("SIP/2.0 200").last().unwrap_or_default();
        let own = |line: &&str| line.starts_with("Contact:") && line.contains(&instance);
        let contact = answer.lines().find(own).unwrap_or_else(|| panic!("no contact of ours:\n{messages}"));
        let address = |name: &str| {
            let (_, rest) = contact.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("{contact}"));
            rest.split('"').next().unwrap_or_default().to_owned()
        };
        [address("pub-gruu"), address("temp-gruu")]
    });
    assert!(given[0] != given[1] && given[0][0].contains(";gr=urn:uuid:"), "{given:?}");
    for (number, addresses) in given.iter().enumerate() {
        for (kind, address) in addresses.iter().enumerate() {
            let caller = site.host.socket();
            let scenario =
                CALLER_WITH_DIGEST.replace("sip:[service]@[remote_ip]:[remote_port] SIP/2.0", "@GRUU@ SIP/2.0");
            let called =
                ours(&site, &format!("called-{number}-{kind}"), CALLEE, &[], phones[number]).calls(1, 1).start();
            ours(
                &site,
                &format!("caller-{number}-{kind}"),
                &scenario,
                &[("GRUU", address), ("CALLER", "dave")],
                caller,
            )
            .service("carol")
            .credentials("dave", PASSWORD)
            .to(server.sip)
            .calls(1, 1)
            .run();
            called.succeeds();
        }
    }
    let records = server.records(4);
    assert!(records.iter().all(|record| record["outcome"] == "answered"), "{records:?}");
    server.stop();
}

/// Two phones behind Kamailio as an edge that keeps flows (RFC 3327, RFC 5626 §5): they register through it, call each other by it, and hear each other.
#[test]
fn phones_behind_an_edge_proxy_are_rung_by_the_flow_that_its_path_names() {
    let site = Site::new();
    let edge = site.host.socket();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol", "dave"]);
    let (at, registrar) = (edge.to_string(), server.sip.to_string());
    let replace = [("EDGE", at.as_str()), ("REGISTRAR", registrar.as_str())];
    let _kamailio = Kamailio::start(&site, include_str!("kamailio_edge.cfg"), &replace, edge);
    let setup = |user, hertz| Setup {
        user,
        password: PASSWORD,
        server: server.sip,
        transport: "udp",
        hertz,
        answers: false,
        codecs: "PCMU",
    };
    let mut carol = Baresip::start_behind(&site, &setup("carol", 500.0), edge);
    let mut dave = Baresip::start_behind(&site, &setup("dave", 700.0), edge);
    for user in ["carol", "dave"] {
        let contacts = server.registered(user, 1);
        let told = serde_json::to_string(&contacts).expect("JSON");
        assert!(told.contains(&at), "its way is by the edge: {told}");
    }
    dave.dial("carol");
    carol.event("CALL_INCOMING");
    carol.command("accept", "");
    dave.event("CALL_ESTABLISHED");
    carol.hears(700.0, 1.0);
    dave.hears(500.0, 1.0);
    let calls = server.ctl_json(&["calls"]);
    let call = calls[0]["call"].as_str().expect("a call").to_owned();
    let messages = server.ctl_json(&["trace", &call, "--full"]);
    let texts = messages.as_array().into_iter().flatten().filter(|message| message["direction"] == "sent");
    let mut invites =
        texts.filter_map(|message| message["message"].as_str()).filter(|text| text.starts_with("INVITE "));
    let invite = invites.next().expect("carol is called");
    assert!(invite.contains("\nRoute: <sip:") && invite.contains(";lr;ob>"), "{invite}");
    // Either end may end it: in the dialog the way is the edge's, too.
    carol.hang_up();
    dave.event("CALL_CLOSED");
    server.is_idle();
    server.stop();
}
