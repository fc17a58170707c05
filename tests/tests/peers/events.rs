//! Lamps, presence and mailbox lights with phones that others wrote.

use crate::scenario::{MAILBOX_WATCHER, ours};
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
fn baresip_follows_presence_and_its_mailbox() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol", "dave"]);
    let contacts = format!("\"Dave\" <sip:dave@{}>;presence=p2p\n", server.sip);
    let mut carol = Baresip::start_with(&site, &setup("carol", server.sip), &["contact", "presence", "mwi"], &contacts);
    until("dave is offline", || carol.command("contacts", "").contains("Offline").then_some(()));
    let mut dave = Baresip::start(&site, &setup("dave", server.sip));
    until("dave is online", || carol.command("contacts", "").contains("Online").then_some(()));
    let dark = carol.event("MWI_NOTIFY");
    assert!(dark.to_string().contains("Messages-Waiting: no"), "{dark}");
    let (status, text) = server.ctl(&["mwi", "carol", "3", "0"]);
    assert!(status.success(), "{text}");
    let lit = carol.event("MWI_NOTIFY");
    assert!(lit.to_string().contains("Voice-Message: 3/0"), "{lit}");
    // On the telephone: baresip calls that busy.
    dave.dial("echo");
    dave.event("CALL_ESTABLISHED");
    until("dave is busy", || carol.command("contacts", "").contains("Busy").then_some(()));
    dave.hang_up();
    until("dave is free", || carol.command("contacts", "").contains("Online").then_some(()));
    server.stop();
}
