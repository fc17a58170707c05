//! What a client of the control socket is told of trunks: a carrier by hand that answers, falls silent, comes back, refuses our
//! registration and takes it.

use crate::scenario::SHORT_TIMERS;
use scenarios::peer::server::Settings;
use scenarios::peer::wire::{header, status};
use scenarios::peer::{Server, Site, Wire};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How the carrier behaves, and that it is over.
#[derive(Debug, Default)]
struct Carrier {
    silent: AtomicBool,
    refuses: AtomicBool,
    over: AtomicBool,
}

impl Carrier {
    /// Answers OPTIONS and REGISTER, as long as it is not silent.
    fn serve(&self, wire: &Wire) {
        while !self.over.load(Ordering::Relaxed) {
            let Some(request) = wire.receive_within(Duration::from_millis(50)) else { continue };
            if self.silent.load(Ordering::Relaxed) || status(&request).is_some() {
                continue;
            }
            let is_register = request.starts_with("REGISTER");
            let first = match is_register && self.refuses.load(Ordering::Relaxed) {
                true => "403 Not Yours",
                false => "200 OK",
            };
            let copied: String = ["Via", "From", "To", "Call-ID", "CSeq", "Contact"]
                .iter()
                .filter_map(|name| Some(format!("{name}: {}\n", header(&request, name)?)))
                .collect();
            let expires = if is_register { "Expires: 600\n" } else { "" };
            wire.send(&format!("SIP/2.0 {first}\n{copied}{expires}Content-Length: 0\n\n"));
        }
    }
}

/// It is over with the test.
struct Over(Arc<Carrier>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_client_is_told_when_a_trunk_is_passed_over_and_back_and_keeps_our_registration_or_not() {
    let site = Site::new();
    let at = site.host.socket();
    let settings = |register: &str| {
        let settings = Settings::new(format!(
            "[[trunk]]\nname = \"carrier\"\naddress = \"{at}\"\naccept = [\"{at}\"]\noptions_s = 5\n\
             username = \"tandem\"\npassword_file = \"carrier.password\"\nregister = [{register}]\n"
        ));
        settings.sip(SHORT_TIMERS)
    };
    let carrier = Arc::new(Carrier::default());
    let mut server = Server::prepare(&site, "tandem", &settings(""));
    let secret = server.configuration().with_file_name("carrier.password");
    std::fs::write(&secret, "secret\n").expect("a password file");
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).expect("a file of its owner");
    let wire = Wire::new(at, server.sip);
    let _over = Over(Arc::clone(&carrier));
    let served = std::thread::spawn({
        let carrier = Arc::clone(&carrier);
        move || carrier.serve(&wire)
    });
    server.launch();
    let mut client = server.control();
    client.ask("trunks", "subscribe", json!({ "trunk": "carrier" }));
    let mut other = server.control();
    other.ask("trunks", "subscribe", json!({ "trunk": "another" }));
    let mut event = |message: &'static str| -> Value {
        client.event(message, |event| event["topic"] == "trunks" && event["message"] == message)["body"].clone()
    };

    server.configure(&settings("\"tandem\""));
    other.ask("system", "reload", json!({}));
    let registered = event("registered");
    assert_eq!((&registered["trunk"], &registered["reason"]), (&json!("carrier"), &Value::Null));
    assert_eq!(registered["address"], json!(format!("tandem@{}", at.ip())), "{registered}");
    assert!(registered["seconds"].as_u64().is_some_and(|seconds| seconds > 500), "{registered}");
    carrier.refuses.store(true, Ordering::Relaxed);
    server.configure(&settings("\"tandem\", \"second\""));
    other.ask("system", "reload", json!({}));
    let refused = event("unregistered");
    assert_eq!(refused["address"], json!(format!("second@{}", at.ip())), "{refused}");
    assert!(refused["reason"].as_str().is_some_and(|reason| reason.contains("403")), "{refused}");

    carrier.silent.store(true, Ordering::Relaxed);
    let passed_over = event("passed-over");
    assert_eq!(passed_over["reason"], "OPTIONS unanswered or 503", "{passed_over}");
    let listed = server.ctl_json(&["trunks"]);
    assert_eq!(listed[0]["state"], "passed-over", "{listed}");
    carrier.silent.store(false, Ordering::Relaxed);
    assert_eq!(event("in-use")["trunk"], "carrier");
    // Who follows another trunk has heard nothing of that.
    while let Some(line) = other.line(Duration::from_millis(200)) {
        assert_ne!(line["topic"], "trunks", "{line}");
    }
    carrier.over.store(true, Ordering::Relaxed);
    served.join().expect("the carrier by hand");
    server.stop();
}
