//! Calls that are not made, and what the caller is told.

use crate::scenario::{
    CALLEE_IS_CANCELLED, CALLEE_REFUSES, CALLER_CANCELS, CALLER_REFUSED, CALLER_WITH_WRONG_PASSWORD, line, ours, trunk,
};
use scenarios::peer::server::{PASSWORD, Settings};
use scenarios::peer::{Server, Site};

#[test]
fn the_caller_gives_up_while_it_rings() {
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let mut server = Server::start(&site, &line(caller, callee));
    let called = ours(&site, "callee", CALLEE_IS_CANCELLED, &[], callee).calls(1, 1).start();
    ours(&site, "caller", CALLER_CANCELS, &[], caller).service("100").to(server.sip).calls(1, 1).run();
    called.succeeds();
    let record = &server.records(1)[0];
    assert_eq!(record["outcome"], "unanswered", "{record}");
    assert_eq!(record["cause"]["kind"], "cancelled", "{record}");
    server.is_idle();
    server.stop();
}

/// What a callee answers, what the caller gets, and the cause of the record. Who answers 488 is made another offer first.
const REFUSALS: [(&str, &str, &str); 3] =
    [("486 Busy Here", "486", "busy"), ("603 Decline", "603", "declined"), ("404 Not Found", "404", "unknown-number")];

#[test]
fn a_refusal_reaches_the_caller_as_it_was_meant() {
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let mut server = Server::start(&site, &line(caller, callee));
    for (index, (answer, status, cause)) in REFUSALS.into_iter().enumerate() {
        let called =
            ours(&site, &format!("callee-{status}"), CALLEE_REFUSES, &[("STATUS", answer)], callee).calls(1, 1).start();
        ours(&site, &format!("caller-{status}"), CALLER_REFUSED, &[("STATUS", status)], caller)
            .service("100")
            .to(server.sip)
            .calls(1, 1)
            .run();
        called.succeeds();
        let record = &server.records(index + 1)[0];
        assert_eq!(record["outcome"], "unanswered", "{record}");
        assert_eq!(record["cause"]["kind"], cause, "{record}");
    }
    server.is_idle();
    server.stop();
}

#[test]
fn nobody_answers_within_the_time_of_the_route() {
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let mut settings = line(caller, callee);
    settings.more.push_str("ring_s = 1\n");
    let mut server = Server::start(&site, &settings);
    let called = ours(&site, "callee", CALLEE_IS_CANCELLED, &[], callee).calls(1, 1).start();
    ours(&site, "caller", CALLER_REFUSED, &[("STATUS", "480")], caller).service("100").to(server.sip).calls(1, 1).run();
    called.succeeds();
    let record = &server.records(1)[0];
    assert_eq!(record["cause"]["kind"], "no-answer", "{record}");
    server.stop();
}

#[test]
fn numbers_that_nobody_has_and_phones_that_are_away() {
    let site = Site::new();
    let caller = site.host.socket();
    let settings = Settings::new(format!(
        "{}[[route]]\nfrom = \"trunk:in\"\nnumber = \"777\"\nto = [\"refuse:busy\"]\n",
        trunk("in", None, caller)
    ));
    let mut server = Server::start(&site, &settings);
    server.add_accounts(&["carol"]);
    for (number, status) in [("nobody", "404"), ("carol", "480"), ("777", "486")] {
        ours(&site, &format!("caller-{number}"), CALLER_REFUSED, &[("STATUS", status)], caller)
            .service(number)
            .to(server.sip)
            .calls(1, 1)
            .run();
    }
    assert_eq!(server.records(3).len(), 3);
    server.stop();
}

#[test]
fn a_wrong_password_and_an_unknown_user_get_the_same_answers() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default());
    server.add_accounts(&["carol"]);
    for (user, password) in [("carol", "wrong-horse"), ("nobody", PASSWORD)] {
        ours(&site, &format!("caller-{user}"), CALLER_WITH_WRONG_PASSWORD, &[("CALLER", user)], site.host.socket())
            .service("echo")
            .credentials(user, password)
            .to(server.sip)
            .calls(1, 1)
            .run();
    }
    let log = server.log();
    assert!(!log.contains("wrong-horse") && !log.contains(PASSWORD), "a password is in the log:\n{log}");
    server.stop();
}
