//! Certificates, and who has to show them.

use super::super::model::Configuration;
use super::super::sip;
use super::super::value::{ClientCertificates, Listen};
use super::Found;
use signaling::transport::Transport;

/// Of listeners, of trunks, our own.
pub(super) fn tls(configuration: &Configuration, found: &mut Found) {
    let sip = &configuration.sip;
    let secure = |listen: &&Listen| listen.transport.is_secure();
    if let Some(listen) = sip.listen.iter().find(secure).filter(|_| configuration.certificate.is_empty()) {
        found.add("sip.listen", format!("{listen} needs a certificate: there is no section [[certificate]]"));
    }
    for (listen, clients) in &sip.client_certificates {
        if !sip.listen.contains(listen) {
            found.add("sip.client_certificates", format!("{listen} is not among sip.listen"));
        } else if !listen.transport.is_secure() {
            found.add("sip.client_certificates", format!("{listen} has no TLS"));
        } else if *clients != ClientCertificates::Never && sip.client_authorities.is_empty() {
            found.add("sip.client_certificates", "sip.client_authorities is empty: no certificate would be believed");
        }
    }
    found.unless(
        u64::from(sip.connections_per_source) <= u64::from(sip.connections_max) * 3 / 4,
        "sip.connections_per_source",
        "lies above three quarters of sip.connections_max, which is all that hosts of no trunk have",
    );
    for origin in &sip.origins {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        let plain = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', ' ', '*']));
        if !plain {
            let why =
                format!("`{origin}` is no origin: write https://HOST or https://HOST:PORT, with nothing behind it");
            found.add("sip.origins", why);
        }
    }
    for (index, certificate) in configuration.certificate.iter().enumerate() {
        for (name, file) in [("file", &certificate.file), ("key_file", &certificate.key_file)] {
            let there = !file.as_os_str().is_empty();
            found.unless(there, &format!("certificate[{index}].{name}"), "is not set");
        }
    }
    let asks = sip.client_certificates.values().any(|clients| *clients != ClientCertificates::Never);
    for (index, trunk) in configuration.trunk.iter().enumerate() {
        let key = |name: &str| format!("trunk[{index}].{name}");
        let target = trunk.address.as_deref().and_then(sip::target);
        let transport = target.as_ref().and_then(|target| target.transport);
        let over_tls = transport == Some(Transport::Tls);
        let may_be = over_tls || target.is_some_and(|target| sip::zone_may_ask_for_tls(configuration, &target));
        if over_tls && !sip.listen.iter().any(|listen| listen.transport == Transport::Tls) {
            found.add(key("address"), "goes over TLS, and none of sip.listen does: calls leave from a listener");
        }
        if transport.is_some_and(|transport| !transport.is_opened()) {
            found.add(key("address"), "nobody is called over a WebSocket but who has opened it");
        }
        if trunk.certificate.is_some() != trunk.key_file.is_some() {
            found.add(key("certificate"), "a certificate and its key_file belong together");
        }
        for (name, set) in [("authorities", trunk.authorities.is_some()), ("certificate", trunk.certificate.is_some())]
        {
            if set && !may_be {
                found.add(key(name), "is of no use where address neither begins with tls: nor is a name alone");
            }
        }
        if trunk.certified {
            found.unless(sip::domain(trunk).is_some(), &key("certified"), "needs a domain");
            found.unless(
                over_tls || asks,
                &key("certified"),
                "no listener asks for certificates: see sip.client_certificates",
            );
        }
    }
}
