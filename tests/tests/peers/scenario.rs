//! Our SIPp scenarios, and the lines that they run over.

use scenarios::peer::server::Settings;
use scenarios::peer::{Server, Sipp, Site};
use std::net::SocketAddr;

macro_rules! scenarios {
    ($($name:ident = $file:literal;)*) => {
        $(pub(crate) const $name: &str = include_str!(concat!("sipp/", $file, ".xml"));)*
    };
}

scenarios! {
    CALLER = "caller";
    CALLER_ACKNOWLEDGES = "caller_acknowledges";
    CALLER_CANCELS = "caller_cancels";
    CALLER_HEARS_EARLY_MEDIA = "caller_hears_early_media";
    CALLER_HOLDS = "caller_holds";
    CALLER_HUNG_UP = "caller_hung_up";
    CALLER_IS_CROSSED = "caller_is_crossed";
    CALLER_IS_HELD = "caller_is_held";
    CALLER_IS_JOINED = "caller_is_joined";
    CALLER_IS_OFFERED_EARLY = "caller_is_offered_early";
    CALLER_OFFERS_LATE = "caller_offers_late";
    CALLER_REFRESHES_ON_HOLD = "caller_refreshes_on_hold";
    CALLER_REFUSED = "caller_refused";
    CALLER_SAYS_PENDING = "caller_says_pending";
    CALLER_TRANSFERS = "caller_transfers";
    CALLER_TRANSFERS_IN_VAIN = "caller_transfers_in_vain";
    CALLER_UPDATES = "caller_updates";
    CALLER_WITH_DIGEST = "caller_with_digest";
    CALLER_WITH_WRONG_PASSWORD = "caller_with_wrong_password";
    CALLEE = "callee";
    CALLEE_ANSWERS_LATE_OFFER = "callee_answers_late_offer";
    CALLEE_CHALLENGES = "callee_challenges";
    CALLEE_CROSSES = "callee_crosses";
    CALLEE_FORKS_EARLY = "callee_forks_early";
    CALLEE_HANGS_UP = "callee_hangs_up";
    CALLEE_HOLDS = "callee_holds";
    CALLEE_IS_ACKNOWLEDGED = "callee_is_acknowledged";
    CALLEE_IS_CANCELLED = "callee_is_cancelled";
    CALLEE_IS_HELD = "callee_is_held";
    CALLEE_IS_HELD_BY_UPDATE = "callee_is_held_by_update";
    CALLEE_IS_JOINED = "callee_is_joined";
    CALLEE_IS_REFRESHED_ON_HOLD = "callee_is_refreshed_on_hold";
    CALLEE_IS_TRANSFERRED = "callee_is_transferred";
    CALLEE_OFFERS_EARLY = "callee_offers_early";
    CALLEE_OFFERS_EARLY_IN_VAIN = "callee_offers_early_in_vain";
    CALLEE_PLAYS_EARLY_MEDIA = "callee_plays_early_media";
    CALLEE_REFUSES = "callee_refuses";
    CALLEE_SAYS_PENDING = "callee_says_pending";
    CALLEE_SPEAKS = "callee_speaks";
    MAILBOX_WATCHER = "mailbox_watcher";
    PUBLISHER = "publisher";
    REGISTER = "register";
    REGISTER_GRUU = "register_gruu";
    REGISTER_REFRESH_UNREGISTER = "register_refresh_unregister";
    REGISTER_REFUSED = "register_refused";
    TEXT_RECEIVER = "text_receiver";
}

/// A run of one of our scenarios. A caller is named `caller`, allows no UPDATE, and talks for 300 ms, unless `replace` and
/// further arguments say otherwise.
pub(crate) fn ours<'a>(site: &'a Site, name: &str, xml: &str, replace: &[(&str, &str)], local: SocketAddr) -> Sipp<'a> {
    let mut all = replace.to_vec();
    all.extend([("CALLER", "caller"), ("ALLOW", "REFER")]);
    Sipp::scenario(site, name, xml, &all, local).arguments(&["-d", "300", "-max_retrans", "20"])
}

/// Two trunks: calls of `in` go to `out`.
pub(crate) fn line(caller: SocketAddr, callee: SocketAddr) -> Settings {
    Settings::new(format!(
        "{}{}[[route]]\nfrom = \"trunk:in\"\nto = [\"trunk:out\"]\n",
        trunk("in", None, caller),
        trunk("out", Some(callee.to_string()), callee)
    ))
}

/// The section of a trunk at `source`.
pub(crate) fn trunk(name: &str, address: Option<String>, source: SocketAddr) -> String {
    let address = address.map(|address| format!("address = \"{address}\"\n")).unwrap_or_default();
    format!("[[trunk]]\nname = \"{name}\"\n{address}accept = [\"{source}\"]\n")
}

/// Short timers, for scenarios in which a peer is silent: T1 of 50 ms gives up after 3.2 s.
pub(crate) const SHORT_TIMERS: &str = "t1_ms = 50\nt2_ms = 400\nt4_ms = 500";

/// Registers `user` at `contact`, with the password of all test accounts.
pub(crate) fn register(site: &Site, server: &Server<'_>, user: &str, contact: SocketAddr, from: SocketAddr) {
    let port = contact.port().to_string();
    let replace = [("CONTACT", port.as_str()), ("EXPIRES", "600")];
    ours(site, &format!("register-{user}-{port}"), REGISTER, &replace, from)
        .service(user)
        .credentials(user, scenarios::peer::server::PASSWORD)
        .to(server.sip)
        .calls(1, 1)
        .run();
}
