//! Text messages, taken by a program that others wrote.

use crate::scenario::{TEXT_RECEIVER, ours, register, trunk};
use scenarios::peer::server::PASSWORD;
use scenarios::peer::server::Settings;
use scenarios::peer::wire::{Wire, header, status};
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
    let phone = Wire::new(site.host.socket(), server.sip);
    phone.register("carol", PASSWORD);
    let is_text = |message: &str| message.starts_with("MESSAGE ");
    let kept = phone.receive("what was kept", is_text);
    assert!(kept.ends_with("kept for later") && header(&kept, "Date").is_some(), "{kept}");
    phone.accept(&kept);
    // And one that finds a phone there, which others wrote; the first one hears it, too, and nothing of what it has taken.
    let second = site.host.socket();
    register(&site, &server, "carol", second, second);
    let run = ours(&site, "carol-again", TEXT_RECEIVER, &[("TEXT", "at once")], second).calls(1, 1).start();
    let (status, text) = server.ctl(&["message", "operator", "carol", "at once"]);
    assert!(status.success() && text.contains("delivered"), "{text}");
    run.succeeds();
    let heard = phone.receive("what comes at once", is_text);
    assert!(heard.ends_with("at once"), "{heard}");
    phone.accept(&heard);
    server.stop();
}
