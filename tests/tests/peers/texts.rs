//! Text messages, taken by a program that others wrote.

use crate::scenario::{TEXT_RECEIVER, ours, register, trunk};
use scenarios::peer::server::Settings;
use scenarios::peer::wire::{Wire, status};
use scenarios::peer::{Server, Site};

#[test]
fn a_text_is_kept_across_a_kill_and_taken_by_sipp() {
    let site = Site::new();
    let sender = site.host.socket();
    let route = "[[route]]\nfrom = \"trunk:in\"\nto = [\"account:carol\"]\n";
    let mut server = Server::start(&site, &Settings::new(format!("{}{route}", trunk("in", None, sender))));
    server.add_accounts(&["carol"]);
    let wire = Wire::new(sender, server.sip);
    let text = wire.request("MESSAGE", "carol", "text", "", "kept for later").replace("application/sdp", "text/plain");
    wire.send(&text);
    let answer = wire.receive("a final response", |message| status(message).is_some_and(|code| code >= 200));
    assert_eq!(status(&answer), Some(202), "{answer}");
    server.kill();
    server.launch();
    let phone = site.host.socket();
    let run = ours(&site, "carol", TEXT_RECEIVER, &[("TEXT", "kept for later")], phone).calls(1, 1).start();
    register(&site, &server, "carol", phone, site.host.socket());
    run.succeeds();
    // And one that finds the phone there.
    let run = ours(&site, "carol-again", TEXT_RECEIVER, &[("TEXT", "at once")], phone).calls(1, 1).start();
    let (status, text) = server.ctl(&["message", "operator", "carol", "at once"]);
    assert!(status.success() && text.contains("delivered"), "{text}");
    run.succeeds();
    server.stop();
}
