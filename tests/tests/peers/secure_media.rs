//! baresip with SRTP (RFC 3711, keys by RFC 4568 or RFC 5763) beside phones without: what was said is heard, both ways, whoever calls.

use crate::talk::{Accounts, alice_calls, bob_calls};
use scenarios::peer::server::Settings;
use scenarios::peer::{Baresip, Server, Site};
use serde_json::{Value, json};

/// Both of an account's kinds: one that has keys always, and one that has them where its peer does.
#[test]
fn a_phone_with_keys_and_one_without_hear_each_other() {
    for (encryption, policy) in [("srtp-mand", "must"), ("srtp-mandf", "must"), ("srtp", "may")] {
        let site = Site::new();
        let mut server =
            Server::start(&site, &Settings::default().sip(&format!("srtp_accounts = {{ alice = \"{policy}\" }}")));
        let accounts = Accounts::of(&server);
        let mut alice = Baresip::start_secure(&site, &accounts.alice(), encryption);
        let mut bob = Baresip::start(&site, &accounts.bob());
        alice_calls(&mut alice, &mut bob);
        // With srtp-mandf baresip takes RTP/SAVPF alone, and we offer RTP/SAVP, which every other phone takes.
        let is_called = encryption != "srtp-mandf";
        if is_called {
            bob_calls(&mut alice, &mut bob);
        }
        server.is_idle();
        let records = server.ctl_json(&["records"]);
        let records = records.as_array().expect("a list of records");
        let srtp = |record: &Value| ["caller-quality", "called-quality"].map(|leg| record[leg]["srtp"].clone());
        let out = records.last().expect("a record");
        assert_eq!(srtp(out), [json!("AES_CM_128_HMAC_SHA1_80"), Value::Null]);
        if is_called {
            // Who may have keys is called without them where signalling is in the clear.
            let [caller, called] = srtp(&records[0]);
            assert_eq!((caller.is_null(), called.is_string()), (true, policy == "must"), "{records:?}");
        }
        for record in records {
            for leg in ["caller-quality", "called-quality"] {
                assert_eq!(record[leg]["packets-lost"], 0, "{record}");
            }
        }
        let call = out["call"].as_str().expect("a record names its call");
        let (_, trace) = server.ctl(&["trace", call, "--full"]);
        let keys: Vec<&str> = trace.lines().filter(|line| line.contains("a=crypto:")).collect();
        assert!(keys.len() >= 2 && keys.iter().all(|line| line.contains("inline:****")), "{keys:?}");
        assert!(!server.log().contains("inline:"));
        server.stop();
    }
}

#[test]
fn two_phones_with_keys_have_each_their_own() {
    let site = Site::new();
    let mut server = Server::start(&site, &Settings::default().sip("srtp = \"must\""));
    let accounts = Accounts::of(&server);
    let mut alice = Baresip::start_secure(&site, &accounts.alice(), "srtp-mand");
    let mut bob = Baresip::start_secure(&site, &accounts.bob(), "srtp-mand");
    alice_calls(&mut alice, &mut bob);
    server.is_idle();
    let records = server.ctl_json(&["records"]);
    for leg in ["caller-quality", "called-quality"] {
        assert!(records[0][leg]["srtp"].is_string(), "{records}");
    }
    server.stop();
}

/// Keys by a handshake: with an association for each port, and with one for both.
#[test]
fn a_phone_that_shakes_hands_and_a_plain_one_hear_each_other() {
    for encryption in ["dtls_srtp", "dtls_srtp+mux"] {
        let site = Site::new();
        let settings = Settings::default().sip("srtp_accounts = { alice = \"must\" }");
        let mut server = Server::start(&site, &settings.sip("srtp_keying_accounts = { alice = \"dtls\" }"));
        let accounts = Accounts::of(&server);
        let mut alice = Baresip::start_secure(&site, &accounts.alice(), encryption);
        let mut bob = Baresip::start(&site, &accounts.bob());
        alice_calls(&mut alice, &mut bob);
        bob_calls(&mut alice, &mut bob);
        server.is_idle();
        let records = server.ctl_json(&["records"]);
        let srtp = |record: &Value| ["caller-quality", "called-quality"].map(|leg| record[leg]["srtp"].clone());
        let suite = json!("AES_CM_128_HMAC_SHA1_80");
        assert_eq!(srtp(&records[1]), [suite.clone(), Value::Null], "{encryption}: alice calls");
        assert_eq!(srtp(&records[0]), [Value::Null, suite], "{encryption}: alice is called");
        server.stop();
    }
}
