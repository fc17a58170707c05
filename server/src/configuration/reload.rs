//! What changed between two configurations, and what of it can be applied now.

mod sections;

use super::keys;
use super::model::Configuration;
use serde::Serialize;
use std::collections::BTreeMap;
use toml::Value;

/// A key that changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Change {
    /// `sip.listen`, `trunk[0].address`.
    pub key: String,
    /// Its value before; `None`: it was not set.
    pub from: Option<String>,
    /// Its value after.
    pub to: Option<String>,
}

/// What a reload did.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Report {
    /// In force now.
    pub applied: Vec<Change>,
    /// In force after a restart.
    pub restart: Vec<Change>,
}

/// What is in force after a reload: of `new`, what can be applied; of `old`, the rest. And the report of it.
pub fn merge(old: &Configuration, new: &Configuration) -> (Configuration, Report) {
    let (before, after) = (flatten(old), flatten(new));
    let mut changes = Vec::new();
    let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
    paths.sort();
    paths.dedup();
    for path in paths.into_iter().filter(|path| before.get(*path) != after.get(*path)) {
        let change = Change { key: path.clone(), from: before.get(path).cloned(), to: after.get(path).cloned() };
        changes.push((path.as_str(), change));
    }
    let mut report = Report::default();
    for (path, change) in changes.into_iter().chain(sections::changes(old, new)) {
        let live = keys::find(path).is_some_and(|key| key.live);
        if live { report.applied.push(change) } else { report.restart.push(change) }
    }
    report.applied.sort_by(|one, other| one.key.cmp(&other.key));
    // Passwords are not shown, so a change of one alone is not seen above.
    for trunk in &new.trunk {
        let former = old.trunk.iter().find(|former| former.name == trunk.name);
        let key = format!("trunk[{}].password", trunk.name);
        let is_told = report.applied.iter().any(|change| change.key == key);
        if former.is_some_and(|former| former.password != trunk.password) && !is_told {
            report.applied.push(Change { key, from: None, to: None });
        }
    }
    for turn in &new.turn {
        let former = old.turn.iter().find(|former| former.server == turn.server && former.username == turn.username);
        if former.is_some_and(|former| former.password != turn.password) {
            let key = format!("turn[{}].password", turn.username);
            report.restart.push(Change { key, from: None, to: None });
        }
    }
    let key = "hep.password".to_owned();
    if old.hep.password != new.hep.password && !report.applied.iter().any(|change| change.key == key) {
        report.applied.push(Change { key, from: None, to: None });
    }
    (in_force(old, new), report)
}

/// Every section is taken from `new` but for the keys that take a restart.
fn in_force(old: &Configuration, new: &Configuration) -> Configuration {
    let mut merged = new.clone();
    merged.data.clone_from(&old.data);
    merged.sip = super::model::Sip {
        listen: old.sip.listen.clone(),
        shards: old.sip.shards,
        advertised: old.sip.advertised.clone(),
        client_certificates: old.sip.client_certificates.clone(),
        connections_max: old.sip.connections_max,
        connections_per_source: old.sip.connections_per_source,
        realm: old.sip.realm.clone(),
        name_servers: old.sip.name_servers.clone(),
        dscp: old.sip.dscp,
        ..new.sip.clone()
    };
    merged.media = old.media.clone();
    merged.turn = old.turn.clone();
    merged.store = old.store.clone();
    merged.control = old.control.clone();
    merged.bridge = old.bridge.clone();
    merged.metrics = old.metrics.clone();
    merged.log.format = old.log.format;
    merged
}

/// Every key that is there once, and its value as text.
fn flatten(configuration: &Configuration) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    if let Ok(Value::Table(sections)) = Value::try_from(configuration) {
        for (section, value) in &sections {
            match value {
                Value::Table(table) => {
                    flat.extend(table.iter().map(|(key, value)| (format!("{section}.{key}"), value.to_string())));
                }
                // Of those there may be many: see `sections`.
                Value::Array(_) => {}
                other => {
                    flat.insert(section.clone(), other.to_string());
                }
            }
        }
    }
    flat
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn what_is_live_is_applied_and_the_rest_waits() {
        let old = Configuration::default();
        let text = "[sip]\nrealm = \"new\"\ncontacts_max = 3\n[log]\nlevel = \"debug\"\n[[group]]\nname = \"g\"\nmembers = [\"a\"]";
        let (merged, report) = merge(&old, &read(text).unwrap());
        assert_eq!((merged.sip.realm.as_str(), merged.sip.contacts_max), ("tandem", 3));
        assert_eq!((merged.log.level.as_str(), merged.group.len()), ("debug", 1));
        let applied: Vec<_> = report.applied.iter().map(|change| change.key.as_str()).collect();
        assert_eq!(applied, ["group[g]", "log.level", "sip.contacts_max"]);
        assert_eq!(report.restart.len(), 1);
        assert_eq!(report.restart[0].to.as_deref(), Some("\"new\""));
    }

    #[test]
    fn servers_that_relay_take_a_restart_and_their_passwords_are_not_shown() {
        let text = |password: &str| {
            let turn = format!("server = \"192.0.2.1:3478\"\nusername = \"u\"\npassword = \"{password}\"");
            read(&format!("[sip]\nice_lite = false\n[[turn]]\n{turn}")).unwrap()
        };
        let (merged, report) = merge(&Configuration::default(), &text("s3cret"));
        assert!(merged.turn.is_empty() && report.restart.len() == 1);
        assert!(!format!("{report:?}").contains("s3cret"));
        let (merged, report) = merge(&text("s3cret"), &text("other"));
        assert_eq!(merged.turn, text("s3cret").turn);
        assert_eq!(report.restart.iter().map(|change| &*change.key).collect::<Vec<_>>(), ["turn[u].password"]);
    }

    /// `in_force` and `keys.rs` must agree on every key.
    #[test]
    fn every_key_is_in_force_as_it_is_described() {
        let old = Configuration::default();
        let text = r#"
            data = "elsewhere"
            sip = { listen = ["udp:127.0.0.1:5070", "tls:127.0.0.1:5071"], shards = 2, advertised = { "udp:127.0.0.1:5070" = "h" }, client_certificates = { "tls:127.0.0.1:5071" = "offered" }, client_authorities = ["ca"], authorities = "all", revoked = ["crl"], origins = ["https://o"], connections_max = 100, connections_per_source = 50, domains = ["d"], service_route = ["sip:e;lr"], edge_proxies = ["192.0.2.1"], name_servers = ["127.0.0.1:53"], realm = "r", dscp = 1, trying_ms = 1, t1_ms = 400, t2_ms = 3000, t4_ms = 4000, expires_min_s = 61, expires_default_s = 3601, expires_max_s = 7201, contacts_max = 9, nonce_life_s = 301, keep_alive_s = 31, response_s = 7, session_expires_s = 900, session_min_s = 91, reliable = "never", srtp = "must", srtp_accounts = { a = "never" }, srtp_keys_in_clear = false, srtp_keying = "dtls", srtp_keying_accounts = { a = "sdes" }, ice = "offer", ice_accounts = { a = "never" }, ice_lite = false, rtcp_xr = true, accounts_pass = ["Subject"], accounts_diversion = "both", unknown_source_per_s = 51, unknown_source_burst = 201, unknown_total_per_s = 1001, unknown_total_burst = 2001, ban_after = 9, ban_within_s = 9, ban_s = 9, overload_after_ms = 300, registered_per_s = 21, registered_burst = 201, trunk_per_s = 20001, trunk_burst = 40001 }
            calls = { max = 9, setup_timeout_s = 181, ring_timeout_s = 61, recall_s = 1, length_max_s = 1, media_silence_s = 61, supervise_s = 31, redirects = "refuse", early_ringing = "local", codecs = ["PCMA"], codecs_offered = "always", account_codecs = { a = [] }, dtmf = "info", account_dtmf = { a = "inband" }, dial_accounts = false, time_zone = "Europe/Berlin", emergency = ["112"], drain_s = 1 }
            events = { expires_min_s = 61, expires_max_s = 7201, subscriptions_max = 9, watch_others = false, unasked_mailbox = true }
            messages = { octets_max = 1000, keep_hours = 1, account_per_s = 2, account_burst = 21, trunk_per_s = 51, trunk_burst = 201 }
            services = { echo = ["1"], milliwatt = ["2"], silence = ["3"] }
            media = { ports = "20000-20009", workers = [0], interfaces = ["10.0.0.1"], advertised = { "10.0.0.1" = "10.0.0.2" }, dscp = 1, quarantine_ms = 1, emergency_ports = 1, real_time = false }
            store = { records_keep_days = 1, size_max_mib = 9 }
            control = { socket = "s", tcp = "127.0.0.1:1", token_file = "t" }
            bridge = { platform = 2, name = "b", listen = "127.0.0.1:3", advertise = "127.0.0.1:5", peers = ["127.0.0.1:4"], plain = true, certificates = "c", heartbeat_ms = 500, media = "127.0.0.9", call_grace_s = 60 }
            metrics = { listen = "127.0.0.1:2" }
            hep = { server = "127.0.0.1:9060", agent = 7, node = "n", password = "p" }
            log = { level = "warn", format = "json", reveal = true }
            certificate = [{ file = "f", key_file = "k" }]
            identity = { key_file = "k", certificate_url = "https://c.example/a", accounts = "B", account_attestations = { a = "C" }, authorities = "a", revoked = ["r"], repositories = ["c.example"], web_authorities = "w", age_max_s = 61, accounts_verstat = true }
            numbering = { country = "49", international = "011", national = "1", area = "30", local_digits_min = 6, accounts = "national" }
        "#;
        let new = read(text).unwrap();
        let (merged, report) = merge(&old, &new);
        let certificates = merged.certificate.clone();
        let (before, after, merged) = (flatten(&old), flatten(&new), flatten(&merged));
        let plain = keys::KEYS.iter().filter(|key| {
            !["certificate", "turn", "trunk", "trunk_group", "group", "guard", "rates", "route"]
                .contains(&keys::section(key.path))
        });
        for key in plain {
            assert_ne!(before.get(key.path), after.get(key.path), "the test changes {}", key.path);
            let expected = if key.live { &after } else { &before };
            assert_eq!(merged.get(key.path), expected.get(key.path), "{}", key.path);
        }
        // The certificate beside them.
        assert_eq!(report.applied.len() + report.restart.len(), after.len() + 1);
        assert_eq!(certificates, new.certificate);
    }
}
