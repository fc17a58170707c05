//! A carrier that forks: several early dialogs of one call, each with a voice of its own. The caller, a phone, hears one at a time
//! (RFC 3261 §13.2.1), chosen by what the carrier says of them (RFC 5009, RFC 6228).

use crate::scenario::{CALLEE_FORKS_EARLY, ours, trunk};
use scenarios::peer::baresip::Setup;
use scenarios::peer::server::{PASSWORD, Settings};
use scenarios::peer::{Baresip, Server, Site, Voice, tone};

/// The tones of the two that are forked to, and of the caller.
const FIRST: f64 = 500.0;
const SECOND: f64 = 1_300.0;
const CAROL: f64 = 900.0;

/// What was heard, one after the other: the tones that lasted for 300 ms at least.
fn order(samples: &[i16]) -> Vec<f64> {
    let mut runs: Vec<(f64, usize)> = Vec::new();
    // 50 ms: whole periods of either.
    for window in samples.chunks_exact(400) {
        let loudest = [FIRST, SECOND].into_iter().find(|&hertz| {
            let (peak, rms) = (tone::peak_at(window, hertz), tone::rms(window));
            rms > 100.0 && peak * peak / 2.0 > 0.8 * rms * rms
        });
        match (loudest, runs.last_mut()) {
            (Some(hertz), Some((last, windows))) if *last == hertz => *windows += 1,
            (Some(hertz), _) => runs.push((hertz, 1)),
            (None, _) => {}
        }
    }
    runs.into_iter().filter(|&(_, windows)| windows >= 6).map(|(hertz, _)| hertz).collect()
}

/// A call to the carrier: the first one says that of its early media, and `then` comes of it in the end. What the caller heard before
/// the answer, and in all.
fn call(early: &str, then: &str, before_the_answer: f64) -> (Vec<f64>, Vec<f64>) {
    let site = Site::new();
    let at = site.host.socket();
    // RFC 5009 §8: what it says of early media counts where it is trusted.
    let settings = Settings::new(format!(
        "{}trusted = true\n[[route]]\nfrom = \"accounts\"\nnumber = \"100\"\nto = [\"trunk:carrier\"]\n",
        trunk("carrier", Some(at.to_string()), at)
    ));
    let mut server = Server::start(&site, &settings);
    server.add_accounts(&["carol"]);
    let mut carol = Baresip::start(
        &site,
        &Setup {
            user: "carol",
            password: PASSWORD,
            server: server.sip,
            transport: "udp",
            hertz: CAROL,
            answers: false,
            codecs: "PCMU",
        },
    );
    let voices = [(FIRST, 1), (SECOND, 2)].map(|(hertz, ssrc)| Voice::start(site.host.socket(), hertz, ssrc));
    let [first, second] = [&voices[0], &voices[1]].map(|voice| voice.local.port().to_string());
    let told = site.file("told");
    let replace = [
        ("FIRST", first.as_str()),
        ("SECOND", second.as_str()),
        ("EARLY", early),
        ("THEN", then),
        ("TOLD", &told.to_string_lossy()),
    ];
    let called = ours(&site, "carrier", CALLEE_FORKS_EARLY, &replace, at).calls(1, 1).start();
    carol.dial("100");
    for voice in &voices {
        voice.speak_to_told(server.sip, &told);
    }
    carol.hears(before_the_answer, 1.0);
    let calls = server.ctl_json(&["calls"]);
    assert!(calls[0]["answered"].is_null(), "not answered yet: {calls}");
    let early_order = order(&carol.heard());
    carol.event("CALL_ESTABLISHED");
    carol.hears(SECOND, 1.5);
    // Who answered hears the caller.
    voices[1].hears(CAROL, 1.0);
    let all = order(&carol.heard());
    carol.hang_up();
    called.succeeds();
    server.is_idle();
    server.stop();
    (early_order, all)
}

#[test]
fn the_first_that_speaks_is_heard_until_another_one_answers() {
    let (early, all) = call("sendrecv", "183 Session Progress", FIRST);
    assert_eq!((early, all), (vec![FIRST], vec![FIRST, SECOND]));
}

#[test]
fn one_that_says_that_it_sends_nothing_leaves_the_ear_to_the_next() {
    let (early, all) = call("inactive", "183 Session Progress", SECOND);
    assert_eq!((early, all), (vec![SECOND], vec![SECOND]));
}

#[test]
fn one_that_is_over_leaves_the_ear_to_the_next_before_there_is_an_answer() {
    let (early, all) = call("sendrecv", "199 Early Dialog Terminated", SECOND);
    assert_eq!((early, all), (vec![FIRST, SECOND], vec![FIRST, SECOND]));
}
