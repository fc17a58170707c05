//! Calls that carriers sign: verified with a certificate that is fetched, and signed on the way out.

use crate::scenario::{CALLEE, CALLER, ours, trunk};
use router::parameter::Attestation;
use scenarios::peer::process::Process;
use scenarios::peer::server::Settings;
use scenarios::peer::wait::until;
use scenarios::peer::{Authority, Server, Site};
use signaling::identity::{Claims, Signer};
use std::net::TcpStream;
use std::process::Command;

/// Seconds since 1970, as the server has them.
fn seconds() -> i64 {
    rustix::time::clock_gettime(rustix::time::ClockId::Realtime).tv_sec
}

#[test]
fn a_carrier_s_signature_is_verified_and_the_call_is_signed_on_to_the_next() {
    let site = Site::new();
    let authority = Authority::new(&site);
    let [caller, callee, web] = std::array::from_fn(|_| site.host.socket());
    let (_, key) = authority.issue("sti", "DNS:sti.example");
    let (page, page_key) = authority.issue("web", &format!("IP:{}", web.ip()));
    let mut command = Command::new("openssl");
    command.current_dir(site.folder()).args(["s_server", "-WWW", "-accept", &web.to_string()]);
    command.arg("-cert").arg(page).arg("-key").arg(page_key);
    let _web = Process::start(&site, "web-server", command);
    until("the web server listens", || TcpStream::connect(web).ok().map(drop));

    let ca = authority.file();
    let identity = format!(
        "[identity]\nkey_file = \"{}\"\ncertificate_url = \"https://cert.example/own.pem\"\nauthorities = \"{}\"\nweb_authorities = \"{}\"\nrepositories = [\"{web}\"]\n",
        key.display(),
        ca.display(),
        ca.display()
    );
    let more = [
        identity,
        trunk("in", None, caller) + "verify = \"required\"\n",
        trunk("out", Some(callee.to_string()), callee) + "sign = true\nverstat = true\nattestation = \"C\"\n",
        "[[route]]\nfrom = \"trunk:in\"\nto = [\"trunk:out\"]\n".to_owned(),
    ];
    let mut server = Server::start(&site, &Settings::new(more.concat()));
    let pem = std::fs::read(&key).expect("the key is there");
    let signer = Signer::new(&pem, &format!("https://{web}/sti.pem")).expect("a key of P-256");
    let claims = Claims {
        orig: "4917012345",
        dest: "4930123",
        attestation: Attestation::Full,
        origin: "somebody",
        secret: "s",
        now: seconds(),
    };
    let value = signer.sign(&claims).expect("it signs");
    let xml = CALLER.replacen("Contact:", &format!("Identity: {value}\n        Contact:"), 1);
    let answers = ours(&site, "callee", CALLEE, &[], callee).calls(1, 1).start();
    let calls = ours(&site, "caller", &xml, &[("CALLER", "+4917012345")], caller);
    calls.service("+4930123").to(server.sip).calls(1, 1).run();
    answers.succeeds();

    let record = server.records(1).remove(0);
    let found = &record["caller-signature"];
    assert_eq!((&found["verstat"], &found["attestation"]), (&"TN-Validation-Passed".into(), &"A".into()), "{record}");
    let (_, why) = server.ctl(&["why", record["call"].as_str().expect("an id")]);
    assert!(why.contains("The caller's number is signed for with attestation A"), "{why}");
    let heard = std::fs::read_to_string(site.file("callee-messages.log")).expect("SIPp writes what it hears");
    assert!(heard.contains("+4917012345;verstat=TN-Validation-Passed@"), "{heard}");
    assert!(heard.contains(";info=<https://cert.example/own.pem>;alg=ES256;ppt=\"shaken\""), "{heard}");
    server.stop();
}
