//! An attended transfer by a phone that others wrote, of a caller that SIPp plays to a callee that SIPp plays: both by ear. Among phones alone it is in `phones`.

use crate::scenario::{CALLEE_IS_JOINED, CALLER_IS_JOINED, ours, trunk};
use scenarios::peer::baresip::Setup;
use scenarios::peer::server::{PASSWORD, Settings};
use scenarios::peer::{Baresip, Server, Site, Voice};

/// The tones of the three.
const CALLER: f64 = 500.0;
const DAVE: f64 = 900.0;
const CALLEE: f64 = 1_300.0;

/// Of the other call of dave's, by a response that made its dialog, as a phone that has the command for it writes it into Refer-To.
fn replaces(server: &Server<'_>, call: &str, status: u16) -> String {
    let begins = format!("SIP/2.0 {status}");
    let messages = server.ctl_json(&["trace", call, "--full"]);
    let response = messages.as_array().into_iter().flatten().find_map(|message| {
        let text = message["message"].as_str()?;
        let of_dave = text.starts_with(&begins) && text.contains("\nFrom: <sip:dave@");
        (message["direction"] == "sent" && of_dave).then(|| text.to_owned())
    });
    let response = response.expect("a response to Dave's INVITE");
    let line = |name: &str| {
        let value = response.lines().find_map(|line| line.strip_prefix(name)).expect("a header line");
        value.trim().to_owned()
    };
    let tag = |name: &str| line(name).rsplit("tag=").next().expect("a tag").to_owned();
    let escaped = line("Call-ID:").replace('@', "%40");
    format!("{escaped}%3Bto-tag%3D{}%3Bfrom-tag%3D{}", tag("To:"), tag("From:"))
}

/// What a callee says and does before it answers, where it rings.
const RINGS: &str = "  <send>
    <![CDATA[
        SIP/2.0 180 Ringing
        [last_Via:]
        [last_From:]
        [last_To:];tag=s[pid]-[call_number]
        [last_Call-ID:]
        [last_CSeq:]
        Contact: <sip:callee@[local_ip]:[local_port];transport=[transport]>
        Content-Length: 0

    ]]>
  </send>

  <pause milliseconds=\"6000\"/>

";

/// Both calls are Dave's: one by which SIPp has called him, and one by which he calls SIPp, which answers at once or rings. He sends the first there.
fn brought_together(rings: bool) {
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let settings = Settings::new(format!(
        "{}{}[[route]]\nfrom = \"trunk:in\"\nto = [\"account:dave\"]\n\
         [[route]]\nfrom = \"accounts\"\nnumber = \"100\"\nto = [\"trunk:out\"]\n",
        trunk("in", None, caller),
        trunk("out", Some(callee.to_string()), callee),
    ));
    let mut server = Server::start(&site, &settings);
    server.add_accounts(&["dave"]);
    let setup = Setup {
        user: "dave",
        password: PASSWORD,
        server: server.sip,
        transport: "udp",
        hertz: DAVE,
        answers: true,
        codecs: "PCMU",
    };
    let mut dave = Baresip::start(&site, &setup);
    let voices = [(CALLER, 1), (CALLEE, 2)].map(|(hertz, ssrc)| Voice::start(site.host.socket(), hertz, ssrc));
    let told = ["caller", "callee"].map(|name| site.file(&format!("told-{name}")));
    let at_once = "  <send retrans=\"500\">";
    let later = CALLEE_IS_JOINED.replacen(at_once, &format!("{RINGS}{at_once}"), 1);
    let answers = if rings { later.as_str() } else { CALLEE_IS_JOINED };
    let [calls, answers] = [0, 1].map(|index| {
        let (media, told) = (voices[index].local.port().to_string(), told[index].to_string_lossy().into_owned());
        let (name, scenario, at) = [("caller", CALLER_IS_JOINED, caller), ("callee", answers, callee)][index];
        let run = ours(&site, name, scenario, &[("MEDIA", media.as_str()), ("TOLD", told.as_str())], at).calls(1, 1);
        if index == 0 { run.service("dave").to(server.sip) } else { run }
    });
    let answers = answers.start();
    let calls = calls.start();
    dave.event("CALL_ESTABLISHED");
    voices[0].speak_to_told(server.sip, &told[0]);
    dave.hears(CALLER, 1.0);
    voices[0].hears(DAVE, 1.0);
    dave.dial("100");
    dave.event(if rings { "CALL_RINGING" } else { "CALL_ESTABLISHED" });
    voices[1].speak_to_told(server.sip, &told[1]);
    if !rings {
        voices[1].hears(DAVE, 1.0);
    }
    let listed = server.ctl_json(&["calls", "--party", "100"]);
    let call = listed[0]["call"].as_str().expect("a call");
    let replaces = replaces(&server, call, if rings { 180 } else { 200 });
    // The call with the caller is the current one again.
    dave.command("line", "1");
    dave.command("transfer", &format!("sip:100@{}?Replaces={replaces}", server.sip));
    for _ in 0..2 {
        dave.event("CALL_CLOSED");
    }
    for (voice, other) in voices.iter().zip([CALLEE, CALLER]) {
        voice.forget();
        let heard = voice.hears(other, 2.0);
        assert!(heard.purity > 0.98 && heard.gaps == 0, "{heard:?}");
    }
    let listed = server.ctl_json(&["calls"]);
    let (status, text) = server.ctl(&["hangup", listed[0]["call"].as_str().expect("the call of the two")]);
    assert!(status.success(), "{text}");
    calls.succeeds();
    answers.succeeds();
    server.is_idle();
    let records = server.records(2);
    let joined = records.iter().find(|record| !record["joined-from"].is_null()).expect("a record of the two");
    assert_eq!(joined["outcome"], "answered", "{joined}");
    server.stop();
}

#[test]
fn two_that_a_phone_brings_together_hear_each_other() {
    brought_together(false);
}

#[test]
fn who_is_sent_by_a_phone_to_somebody_that_rings_hears_him_once_he_answers() {
    brought_together(true);
}
