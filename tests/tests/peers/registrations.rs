//! Registrations.

use crate::scenario::{REGISTER, REGISTER_REFRESH_UNREGISTER, REGISTER_REFUSED, ours, register};
use scenarios::peer::baresip::Setup;
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
