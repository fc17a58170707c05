//! rtpengine as the far end of a trunk: Tandem speaks SRTP to it, by keys in SDP (RFC 4568) and by a handshake (RFC 5763), with ICE (RFC 8445) and without; behind it
//! a peer speaks plain RTP. What was said is heard, both ways, whoever calls.

use crate::talk::{at_first_host, is_clean};
use scenarios::peer::baresip::Setup;
use scenarios::peer::coturn::{Coturn, PASSWORD, USERNAME};
use scenarios::peer::rtpengine::{Rtpengine, Value};
use scenarios::peer::server::Settings;
use scenarios::peer::wire::{header, offer, status};
use scenarios::peer::{Baresip, Network, Server, Site, Voice, Wire, wait};
use serde_json::json;
use std::net::SocketAddr;

const ALICE: f64 = 500.0;
const FAR: f64 = 900.0;

/// How Tandem's leg is protected, and found.
#[derive(Clone, Copy, Debug)]
struct Kind {
    keying: &'static str,
    /// What rtpengine offers, and what it is not to offer besides.
    offered: &'static [(&'static str, &'static str)],
    /// `None`: without ICE. Else whether Tandem's is lite.
    ice_lite: Option<bool>,
}

const SDES: &[(&str, &str)] = &[("transport-protocol", "RTP/SAVP"), ("DTLS", "off")];
const DTLS: &[(&str, &str)] = &[("transport-protocol", "UDP/TLS/RTP/SAVPF")];

/// The address of the audio in a description.
fn audio(sdp: &str) -> SocketAddr {
    let field = |prefix: &str| sdp.lines().find_map(|line| line.strip_prefix(prefix)).unwrap_or_default().trim();
    let port = field("m=audio ").split(' ').next().and_then(|port| port.parse().ok()).expect("audio has a port");
    SocketAddr::new(field("c=IN IP4 ").parse().expect("a description has an address"), port)
}

/// The body of a message.
fn body(message: &str) -> &str {
    message.split_once("\r\n\r\n").map(|(_, body)| body).expect("a message has a body")
}

/// The peer behind rtpengine: SIP by hand, and a voice.
struct Far {
    wire: Wire,
    voice: Voice,
    rtpengine: Rtpengine,
    kind: Kind,
}

impl Far {
    /// All of it at the third host.
    fn start(site: &Site, network: &Network, server: SocketAddr, kind: Kind) -> Self {
        let rtpengine = Rtpengine::start(site, (network, 3));
        let ip = network.address(3);
        let (wire, voice) = network.at(3, || {
            let voice = Voice::start(SocketAddr::new(ip, 20_000), FAR, 7);
            (Wire::new(SocketAddr::new(ip, 5_060), server), voice)
        });
        Self { wire, voice, rtpengine, kind }
    }

    /// Answers the call that comes.
    fn is_called(&mut self) {
        let invite = self.wire.receive("an INVITE", |message| message.starts_with("INVITE "));
        let sdp = body(&invite);
        assert!(sdp.contains("/SAVP"), "keys are offered: {sdp}");
        assert_eq!(sdp.contains("a=crypto:"), self.kind.keying == "sdes", "{sdp}");
        assert_eq!(sdp.contains("a=candidate:"), self.kind.ice_lite.is_some(), "{sdp}");
        let plain = [
            ("transport-protocol", Value::from("RTP/AVP")),
            ("ICE", Value::from("remove")),
            ("rtcp-mux", Value::from(&["demux"][..])),
        ];
        let offered = self.rtpengine.offer("out", sdp, &plain);
        assert!(offered.contains(" RTP/AVP ") && !offered.contains("a=candidate:"), "{offered}");
        self.voice.speak_to(audio(&offered));
        let answer = self.rtpengine.answer("out", &offer(self.voice.local).replace('\n', "\r\n"), &[]);
        self.respond(&invite, &answer);
        self.wire.receive("an ACK", |message| message.starts_with("ACK "));
    }

    /// 200 with a description.
    fn respond(&self, request: &str, sdp: &str) {
        let copied: String = ["Via", "From", "Call-ID", "CSeq"]
            .iter()
            .filter_map(|name| Some(format!("{name}: {}\n", header(request, name)?)))
            .collect();
        let (to, local) = (header(request, "To").expect("a request has a To"), self.wire.local());
        let tag = if to.contains(";tag=") { "" } else { ";tag=far" };
        let sdp = sdp.replace('\r', "");
        self.wire.send(&format!(
            "SIP/2.0 200 OK\n{copied}To: {to}{tag}\nContact: <sip:far@{local}>\n\
             Content-Type: application/sdp\nContent-Length: {}\n\n{sdp}",
            sdp.len() + sdp.matches('\n').count()
        ));
    }

    /// The other side hangs up.
    fn is_left(&self) {
        let bye = self.wire.receive("a BYE", |message| message.starts_with("BYE "));
        self.wire.accept(&bye);
    }

    /// Calls a user; the answer's To.
    fn calls(&mut self, user: &str) {
        let mut secure: Vec<(&str, Value)> =
            self.kind.offered.iter().map(|(key, value)| (*key, Value::from(*value))).collect();
        if self.kind.keying == "dtls" {
            secure.push(("SDES", Value::from(&["off"][..])));
        }
        secure.push(("ICE", Value::from(if self.kind.ice_lite.is_some() { "force" } else { "remove" })));
        let sdp = self.rtpengine.offer("in", &offer(self.voice.local).replace('\n', "\r\n"), &secure);
        assert_eq!(sdp.contains("a=crypto:"), self.kind.keying == "sdes", "{sdp}");
        assert_eq!(sdp.contains("a=candidate:"), self.kind.ice_lite.is_some(), "{sdp}");
        self.wire.send(&self.wire.request("INVITE", user, "far", "", &sdp.replace('\r', "")));
    }

    /// The call is answered.
    fn is_answered(&mut self, user: &str, server: SocketAddr) {
        let ok = self.wire.receive("200", |message| status(message) == Some(200) && message.contains(" INVITE"));
        let answer = self.rtpengine.answer("in", body(&ok), &[]);
        self.voice.speak_to(audio(&answer));
        let to = header(&ok, "To").expect("an answer has a To");
        let text = self.wire.request("ACK", user, "far", "", "").replace("z9hG4bKfar", "z9hG4bKfarack");
        self.wire.send(&text.replace(&format!("To: <sip:{user}@{server}>"), &format!("To: {to}")));
    }
}

/// Tandem at the first host, whose trunk the far end is, and a phone at the second.
fn near<'a>(site: &'a Site, network: &Network, kind: Kind, more: &str) -> (Server<'a>, Baresip, String) {
    let far = SocketAddr::new(network.address(3), 5_060);
    let ice = if kind.ice_lite.is_some() { "must" } else { "never" };
    let settings = Settings::new(format!(
        "[[trunk]]\nname = \"far\"\naddress = \"{far}\"\naccept = [\"{}\"]\nsrtp = \"must\"\nsrtp_keying = \"{}\"\nice = \"{ice}\"\n\
         [[route]]\nfrom = \"accounts\"\nprefix = \"00\"\nto = [\"trunk:far\"]\n\
         [[route]]\nfrom = \"trunk:far\"\nto = [\"account:alice\"]\n{more}",
        far.ip(),
        kind.keying
    ));
    let lite = kind.ice_lite.unwrap_or(true);
    let settings = settings.sip(&format!("ice_accounts = {{ alice = \"never\" }}\nice_lite = {lite}"));
    let mut server = at_first_host(site, network, &settings);
    server.keep_private();
    server.launch();
    let (user, password) = server.first_accounts().remove(0);
    let setup = Setup {
        user: &user,
        password: &password,
        server: server.sip,
        transport: "udp",
        hertz: ALICE,
        answers: false,
        codecs: "PCMU",
    };
    let alice = Baresip::start_at(site, &setup, (network, 2), None, false);
    (server, alice, user)
}

fn talk(kind: Kind) {
    let site = Site::new();
    let network = Network::new(3);
    let (mut server, mut alice, user) = near(&site, &network, kind, "");
    let mut far = Far::start(&site, &network, server.sip, kind);
    alice.dial("00100");
    far.is_called();
    alice.event("CALL_ESTABLISHED");
    is_clean(alice.hears(FAR, 3.0));
    is_clean(far.voice.hears(ALICE, 3.0));
    alice.hang_up();
    far.is_left();
    far.rtpengine.delete("out");

    far.voice.forget();
    far.calls(&user);
    alice.event("CALL_INCOMING");
    alice.command("accept", "");
    far.is_answered(&user, server.sip);
    alice.event("CALL_ESTABLISHED");
    is_clean(alice.hears(FAR, 3.0));
    is_clean(far.voice.hears(ALICE, 3.0));
    alice.hang_up();
    far.is_left();
    far.rtpengine.delete("in");

    server.is_idle();
    let records = server.records(2);
    for (record, leg) in records.iter().zip(["caller-quality", "called-quality"]) {
        assert!(record[leg]["srtp"].is_string(), "{kind:?}: {record}");
        assert_eq!(record["outcome"], json!("answered"), "{kind:?}: {record}");
        assert_eq!(record[leg]["packets-lost"], 0, "{kind:?}: {record}");
    }
    assert_eq!(server.counted("media_ways") >= 2, kind.ice_lite.is_some(), "{kind:?}: a way a call");
    server.stop();
}

#[test]
fn rtpengine_with_keys_in_its_descriptions() {
    talk(Kind { keying: "sdes", offered: SDES, ice_lite: None });
}

#[test]
fn rtpengine_that_shakes_hands() {
    talk(Kind { keying: "dtls", offered: DTLS, ice_lite: None });
}

#[test]
fn rtpengine_with_keys_and_ways() {
    talk(Kind { keying: "sdes", offered: SDES, ice_lite: Some(false) });
}

#[test]
fn rtpengine_that_shakes_hands_by_the_way_that_its_checks_have_found() {
    talk(Kind { keying: "dtls", offered: DTLS, ice_lite: Some(true) });
}

#[test]
fn rtpengine_that_shakes_hands_by_the_way_that_our_checks_have_found() {
    talk(Kind { keying: "dtls", offered: DTLS, ice_lite: Some(false) });
}

/// coturn between Tandem and rtpengine, which do not meet, is ended in the middle of a call and started anew: it knows of nothing that it gave. It gives another address,
/// which rtpengine is told in an offer that begins anew, and both hear each other again.
#[test]
fn a_call_outlives_the_server_that_relays_it() {
    let kind = Kind { keying: "sdes", offered: SDES, ice_lite: Some(false) };
    let site = Site::new();
    let network = Network::new(4);
    network.block(1, network.address(3), "sport 16384-32767");
    network.block(3, network.address(1), "dport 16384-32767");
    let mut coturn = Coturn::start(&site, (&network, 4), &[]);
    let turn =
        format!("[[turn]]\nserver = \"{}\"\nusername = \"{USERNAME}\"\npassword = \"{PASSWORD}\"\n", coturn.address);
    let (mut server, mut alice, _) = near(&site, &network, kind, &turn);
    let mut far = Far::start(&site, &network, server.sip, kind);
    alice.dial("00100");
    far.is_called();
    alice.event("CALL_ESTABLISHED");
    is_clean(alice.hears(FAR, 3.0));
    is_clean(far.voice.hears(ALICE, 3.0));
    let before = server.counted("media_relays");
    coturn.kill();
    drop(coturn);
    let _coturn = Coturn::start(&site, (&network, 4), &[]);
    far.is_called();
    assert!(server.counted("media_relays") >= before + 2, "one is lost, and another one given");
    far.voice.forget();
    is_clean(far.voice.hears(ALICE, 3.0));
    let heard = alice.hears(FAR, 0.0).seconds;
    wait::until("alice hears the far end again", || (alice.hears(FAR, 0.0).seconds > heard + 3.0).then_some(()));
    alice.hang_up();
    far.is_left();
    server.is_idle();
    server.stop();
}
