//! Presence and mailbox lights with phones that others wrote.

use crate::scenario::{MAILBOX_WATCHER, PUBLISHER, ours};
use scenarios::peer::baresip::Setup;
use scenarios::peer::server::{PASSWORD, Settings};
use scenarios::peer::wait::until;
use scenarios::peer::{Baresip, Server, Site};
use std::net::SocketAddr;

fn setup(user: &'static str, server: SocketAddr) -> Setup<'static> {
    Setup { user, password: PASSWORD, server, transport: "udp", hertz: 500.0, answers: true, codecs: "PCMU" }
}

#[test]
fn sipp_follows_its_mailbox() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol"]);
    let run = ours(&site, "watcher", MAILBOX_WATCHER, &[], site.host.socket())
        .service("carol")
        .credentials("carol", PASSWORD)
        .to(server.sip)
        .calls(1, 1)
        .start();
    // Its first NOTIFY says that nothing waits.
    until("the phone was told", || (server.counted("sip_notifies_sent") == 1).then_some(()));
    let (status, text) = server.ctl(&["mwi", "carol", "2", "1"]);
    assert!(status.success(), "{text}");
    run.succeeds();
    let (status, _) = server.ctl(&["mwi", "nobody", "1"]);
    assert!(!status.success());
    server.stop();
}

#[test]
fn baresip_follows_presence() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol", "dave"]);
    let contacts = format!("\"Dave\" <sip:dave@{}>;presence=p2p\n", server.sip);
    // Its module for mailboxes subscribes without end, whatever it is answered.
    let carol = Baresip::start_with(&site, &setup("carol", server.sip), &["contact", "presence"], &contacts);
    until("dave is offline", || carol.log().contains("<note>Offline</note>").then_some(()));
    let mut dave = Baresip::start(&site, &setup("dave", server.sip));
    // What it says of a contact whose status has changed, in colours.
    until("dave is online", || {
        let log = carol.log();
        let mut changes = log.lines().filter(|line| line.contains("changed status from"));
        changes.any(|line| line.contains("Offline") && line.contains("Online")).then_some(())
    });
    dave.dial("echo");
    dave.event("CALL_ESTABLISHED");
    until("dave is on the telephone", || carol.log().contains("<rpid:on-the-phone/>").then_some(()));
    dave.hang_up();
    server.stop();
}

#[test]
fn what_sipp_publishes_is_shown_by_baresip() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol", "dave"]);
    let contacts = format!("\"Dave\" <sip:dave@{}>;presence=p2p\n", server.sip);
    let carol = Baresip::start_with(&site, &setup("carol", server.sip), &["contact", "presence"], &contacts);
    until("dave is offline", || carol.log().contains("<note>Offline</note>").then_some(()));
    let run = ours(&site, "publisher", PUBLISHER, &[], site.host.socket())
        .service("dave")
        .credentials("dave", PASSWORD)
        .to(server.sip)
        .calls(1, 1)
        .start();
    until("dave is at lunch", || carol.log().contains("<note>at lunch</note>").then_some(()));
    until("dave is in the garden", || carol.log().contains("<note>in the garden</note>").then_some(()));
    let told = carol.log().matches("<note>Offline</note>").count();
    run.succeeds();
    until("dave has taken it back", || (carol.log().matches("<note>Offline</note>").count() > told).then_some(()));
    server.stop();
}
