//! TLS and WebSocket.

use scenarios::peer::baresip::{PEAK, Setup};
use scenarios::peer::openssl::Client;
use scenarios::peer::process::Process;
use scenarios::peer::server::{PASSWORD, Settings};
use scenarios::peer::wait::until;
use scenarios::peer::{Authority, Baresip, Browser, Server, Site};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The section of a certificate.
fn shown((file, key): &(PathBuf, PathBuf)) -> String {
    format!("[[certificate]]\nfile = \"{}\"\nkey_file = \"{}\"\n", file.display(), key.display())
}

/// A listener beside the others.
fn listening(transport: &str, address: SocketAddr, more: String) -> Settings {
    Settings { listen: vec![format!("{transport}:{address}")], more, ..Settings::default() }
}

#[test]
fn the_certificate_of_the_name_is_shown_and_another_after_a_reload_while_connections_stay() {
    let site = Site::new();
    let authority = Authority::new(&site);
    let (one, two) =
        (authority.issue("one", "DNS:a.example"), authority.issue("two", "URI:sip:b.example,DNS:b.example"));
    let tls = site.host.socket();
    let mut server = Server::start(&site, &listening("tls", tls, shown(&one) + &shown(&two)));
    let client = |name: &str, more: &[&str]| Client::start(tls, &authority.file(), name, more);
    for (name, version) in [("a.example", "-tls1_2"), ("a.example", "-tls1_3"), ("b.example", "-tls1_3")] {
        assert_eq!(client(name, &[version]).options(), Some(401), "{name} {version}");
    }
    assert_eq!(client("c.example", &[]).options(), None, "the first one is no certificate for it");
    let mut kept = client("b.example", &[]);
    assert_eq!(kept.options(), Some(401));

    // What a program writes that renews certificates: then a reload.
    let renewed = authority.issue("renewed", "DNS:c.example");
    for (new, old) in [(&renewed.0, &one.0), (&renewed.1, &one.1)] {
        std::fs::copy(new, old).expect("the temporary folder can be written");
    }
    let (status, said) = server.ctl(&["reload"]);
    assert!(status.success(), "{said}");
    assert_eq!(client("c.example", &[]).options(), Some(401));
    assert_eq!(client("a.example", &[]).options(), None);
    assert_eq!(kept.options(), Some(401), "it was open before");

    // What does not fit changes nothing, and is named by the check too.
    std::fs::copy(&two.1, &one.1).expect("the temporary folder can be written");
    let (status, _) = server.ctl(&["reload"]);
    assert!(!status.success() && site.logs().contains("is not the key of"), "{}", site.logs());
    let configuration = server.configuration();
    let (status, said) = server.tandem(&["check", &configuration.to_string_lossy()]);
    let said = said + &site.logs();
    assert!(!status.success() && said.contains(": certificate[0].key_file: "), "{said}");
    assert_eq!(client("c.example", &[]).options(), Some(401));

    let (_, status) = server.ctl(&["status"]);
    assert!(status.contains("one.pem") && status.contains("two.pem"), "{status}");
    server.stop();
}

#[test]
fn a_trunk_is_known_by_its_certificate_and_by_nothing_less() {
    let site = Site::new();
    let authority = Authority::new(&site);
    let own = authority.issue("own", "DNS:own.example");
    let carrier = authority.issue("carrier", "URI:sip:carrier.example,DNS:edge.example");
    let other = authority.issue("other", "DNS:carrier.example,URI:sip:other.example");
    let tls = site.host.socket();
    let mut more = shown(&own);
    more.push_str(
        "[[trunk]]\nname = \"carrier\"\naccept = [\"0.0.0.0/0\"]\ndomain = \"carrier.example\"\ncertified = true\n",
    );
    let ca = authority.file();
    let settings = listening("tls", tls, more)
        .sip(&format!("client_authorities = [\"{}\"]", ca.display()))
        .sip(&format!("client_certificates = {{ \"tls:{tls}\" = \"offered\" }}"));
    let mut server = Server::start(&site, &settings);
    let with = |(file, key): &(PathBuf, PathBuf)| {
        let (file, key) = (file.to_string_lossy().into_owned(), key.to_string_lossy().into_owned());
        Client::start(tls, &ca, "own.example", &["-cert", &file, "-key", &key]).options()
    };
    assert_eq!(with(&carrier), Some(200), "the trunk");
    assert_eq!(with(&other), Some(401), "its DNS name is none where it has a SIP URI (RFC 5922 §7.1)");
    assert_eq!(Client::start(tls, &ca, "own.example", &[]).options(), Some(401), "nobody");
    server.stop();

    let elsewhere = Site::new();
    let stranger = Authority::new(&elsewhere).issue("carrier", "URI:sip:carrier.example");
    server.launch();
    assert_eq!(with(&stranger), None, "another authority signed it");
    server.stop();
    let settings = listening("tls", tls, settings.more)
        .sip(&format!("client_authorities = [\"{}\"]", ca.display()))
        .sip(&format!("client_certificates = {{ \"tls:{tls}\" = \"required\" }}"));
    server.configure(&settings);
    server.launch();
    assert_eq!(Client::start(tls, &ca, "own.example", &[]).options(), None);
    assert_eq!(with(&carrier), Some(200));
    server.stop();
}

/// `openssl s_server` in place of a carrier: it asks for a certificate, and writes down what it gets.
fn carrier(site: &Site, at: SocketAddr, authority: &Path, (file, key): &(PathBuf, PathBuf)) -> Process {
    // It ends its connections with its input.
    let mut command = Command::new("sh");
    command.args(["-c", "sleep 120 | exec openssl s_server \"$@\"", "carrier"]);
    command.args(["-quiet", "-Verify", "2", "-verify_return_error", "-accept", &at.to_string()]);
    command.arg("-CAfile").arg(authority).arg("-cert").arg(file).arg("-key").arg(key);
    Process::start(site, &format!("carrier-{}", at.port()), command)
}

#[test]
fn a_trunk_gets_calls_once_it_has_proven_its_domain_and_is_shown_our_certificate() {
    let site = Site::new();
    let authority = Authority::new(&site);
    let own = authority.issue("own", "URI:sip:own.example,DNS:localhost");
    let carriers = [authority.issue("right", "URI:sip:carrier.example"), authority.issue("wrong", "DNS:other.example")];
    let (tls, ws) = (site.host.socket(), site.host.socket());
    let at = [site.host.socket(), site.host.socket()];
    let mut more = shown(&own);
    for (name, at) in ["right", "wrong"].into_iter().zip(at) {
        let _ = write!(
            more,
            "[[trunk]]\nname = \"{name}\"\naddress = \"tls:{at}\"\ndomain = \"carrier.example\"\nauthorities = \"{}\"\ncertificate = \"{}\"\nkey_file = \"{}\"\n[[route]]\nnumber = \"{name}\"\nto = [\"trunk:{name}\"]\n",
            authority.file().display(),
            own.0.display(),
            own.1.display()
        );
    }
    let listen = vec![format!("tls:{tls}"), format!("ws:{ws}")];
    let mut server = Server::start(&site, &Settings { listen, more, ..Settings::default() });
    server.add_accounts(&["carol", "dave"]);
    let peers: Vec<Process> =
        carriers.iter().zip(at).map(|(files, at)| carrier(&site, at, &authority.file(), files)).collect();
    until("both listen", || at.iter().all(|at| std::net::TcpStream::connect(at).is_ok()).then_some(()));
    let url = format!("ws://{ws}");
    let _calls = Browser::start(&site, &url, None, "carol", &["call", "right"]);
    until("the call reaches the carrier", || peers[0].log().contains("INVITE sip:right@").then_some(()));
    assert!(peers[0].log().contains("SIP/2.0/TLS"), "{}", peers[0].log());
    let mut refused = Browser::start(&site, &url, None, "dave", &["call", "wrong"]);
    refused.says("done");
    assert!(refused.said().iter().any(|step| step.starts_with("refused")), "{:?}", refused.said());
    assert!(!peers[1].log().contains("INVITE"), "nothing is said to a stranger");
    // The log is written by a thread of its own.
    until("the operator is told", || server.log().contains("no TLS connection to a trunk").then_some(()));
    server.kill();
}

#[test]
fn a_phone_over_tls_and_one_over_udp_call_and_hear_each_other() {
    let site = Site::new();
    let authority = Authority::new(&site);
    let own = authority.issue("own", &format!("DNS:localhost,IP:{}", site.host.address()));
    let tls = site.host.socket();
    let mut server = Server::start(&site, &listening("tls", tls, shown(&own)));
    server.add_accounts(&["carol", "dave"]);
    let setup = |user, server, transport, hertz| Setup {
        user,
        password: PASSWORD,
        server,
        transport,
        hertz,
        answers: false,
        codecs: "PCMU",
    };
    let mut carol = Baresip::start(&site, &setup("carol", tls, "tls", 500.0));
    let mut dave = Baresip::start(&site, &setup("dave", server.sip, "udp", 900.0));
    let contacts = server.registered("carol", 1);
    assert!(contacts[0].to_string().contains("transport=tls"), "{contacts:?}");
    for turn in 0..2 {
        let (caller, callee, number) = match turn {
            0 => (&mut carol, &mut dave, "dave"),
            _ => (&mut dave, &mut carol, "carol"),
        };
        caller.dial(number);
        callee.event("CALL_INCOMING");
        callee.command("accept", "");
        caller.event("CALL_ESTABLISHED");
        callee.event("CALL_ESTABLISHED");
        let heard = [
            caller.hears(if turn == 0 { 900.0 } else { 500.0 }, 2.0),
            callee.hears(if turn == 0 { 500.0 } else { 900.0 }, 2.0),
        ];
        for heard in heard {
            assert!((20.0 * (heard.peak / PEAK).log10()).abs() < 1.0, "{heard:?}");
        }
        caller.hang_up();
        callee.event("CALL_CLOSED");
    }
    server.is_idle();
    server.stop();
}

/// The certificate is renewed while a phone talks over the connection that the old one was shown on.
#[test]
fn a_call_over_tls_goes_on_while_the_certificate_is_renewed() {
    let site = Site::new();
    let authority = Authority::new(&site);
    let names = format!("DNS:localhost,IP:{}", site.host.address());
    let own = authority.issue("own", &names);
    let tls = site.host.socket();
    let mut server = Server::start(&site, &listening("tls", tls, shown(&own)));
    server.add_accounts(&["carol", "dave"]);
    let setup = |user, server, transport, hertz, answers| Setup {
        user,
        password: PASSWORD,
        server,
        transport,
        hertz,
        answers,
        codecs: "PCMU",
    };
    let mut carol = Baresip::start(&site, &setup("carol", tls, "tls", 500.0, false));
    let mut dave = Baresip::start(&site, &setup("dave", server.sip, "udp", 900.0, true));
    carol.dial("dave");
    carol.event("CALL_ESTABLISHED");
    carol.hears(900.0, 1.0);
    let renewed = authority.issue("renewed", &format!("{names},DNS:renewed.example"));
    for (new, old) in [(&renewed.0, &own.0), (&renewed.1, &own.1)] {
        std::fs::copy(new, old).expect("the temporary folder can be written");
    }
    let (status, said) = server.ctl(&["reload"]);
    assert!(status.success() && said.contains("certificate"), "{said}");
    let mut new = Client::start(tls, &authority.file(), "renewed.example", &[]);
    assert_eq!(new.options(), Some(401), "new connections get the new one");
    for (phone, hertz) in [(&carol, 900.0), (&dave, 500.0)] {
        let heard = phone.hears(hertz, 3.0);
        assert_eq!(heard.gaps, 0, "{heard:?}");
    }
    // The end comes over the old connection, and so does another call.
    dave.hang_up();
    carol.event("CALL_CLOSED");
    carol.dial("dave");
    carol.event("CALL_ESTABLISHED");
    carol.hang_up();
    dave.event("CALL_CLOSED");
    server.is_idle();
    server.stop();
}

#[test]
fn browsers_register_and_call_over_websockets_plain_and_secure() {
    let site = Site::new();
    let authority = Authority::new(&site);
    let own = authority.issue("own", &format!("IP:{}", site.host.address()));
    let (ws, wss) = (site.host.socket(), site.host.socket());
    let listen = vec![format!("ws:{ws}"), format!("wss:{wss}")];
    let settings = Settings { listen, more: shown(&own), ..Settings::default() };
    let settings = settings.sip("origins = [\"https://phone.example\"]");
    let mut server = Server::start(&site, &settings);
    server.add_accounts(&["carol", "dave"]);
    let ca = authority.file();
    let mut carol = Browser::start(&site, &format!("wss://{wss}"), Some(&ca), "carol", &["answer"]);
    carol.says("waiting");
    let contacts = server.registered("carol", 1);
    assert!(contacts[0].to_string().contains(".invalid"), "{contacts:?}");
    let mut dave = Browser::start(&site, &format!("ws://{ws}"), None, "dave", &["call", "carol"]);
    for step in ["registered", "up", "ended", "done"] {
        dave.says(step);
    }
    for step in ["up", "ended", "done"] {
        carol.says(step);
    }
    assert_eq!(server.records(1)[0]["outcome"], "answered");
    server.is_idle();
    server.stop();
}
