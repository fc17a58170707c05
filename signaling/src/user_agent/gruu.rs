//! Addresses that lead to one phone of an account (RFC 5627): public ones, which name account and instance, and temporary ones, which
//! tell neither.
//!
//! Both become names of accounts for the switch: `alice;gr=urn:uuid:…` and `tgruu.0123…`, which the registrar answers by the contacts of
//! that phone alone.

use super::means::Means;
use crate::message::{Message, UriRef, escape_parameter};
use crate::registrar::{Bindings, TEMPORARY, secret_of};
use crate::transport::{Flow, Listener, Transport};
use router::parameter::Contact;
use std::fmt::Write;

/// Stands between account and instance.
const MARK: &str = ";gr=";

/// Whom a URI with `gr` leads to, as the switch asks for it. `None`: it is no GRUU.
pub(crate) fn called(uri: UriRef<'_>) -> Option<String> {
    let gr = uri.parameter("gr")?;
    let user = uri.user_decoded()?;
    match gr {
        "" => user.starts_with(TEMPORARY).then(|| user.into_owned()),
        instance => Some(format!("{user}{MARK}{}", crate::message::unescape(instance))),
    }
}

/// The name by whose home such a name is known.
pub(crate) fn home_of(name: &str) -> &str {
    name.split_once(MARK).map_or(name, |(account, _)| account)
}

/// Account and instance, where a name says both.
pub(crate) fn parts_of(name: &str) -> Option<(&str, &str)> {
    name.split_once(MARK)
}

/// Account and instance of a name that [`called`] made. `None`: it is an account's own.
pub(crate) fn resolved<'a>(bindings: &'a Bindings, name: &'a str) -> Option<(&'a str, &'a str)> {
    match parts_of(name) {
        Some(parts) => Some(parts),
        None if name.starts_with(TEMPORARY) => {
            let (account, instance) = bindings.of_temporary(name)?;
            Some((account, instance.reveal()))
        }
        None => None,
    }
}

/// The contacts that a REGISTER named have temporary ones from now on.
pub(super) fn begin(means: &mut Means, bindings: &mut Bindings, account: &str, register: &Message) {
    let call_id = register.call_id().unwrap_or_default();
    let named: Vec<String> = bindings
        .contacts(account)
        .iter()
        .filter(|contact| contact.instance.is_some() && contact.call_id == call_id)
        .map(|contact| contact.key().reveal().clone())
        .collect();
    for key in named {
        bindings.begin_temporary(account, &key, &mut means.random);
    }
}

/// Another temporary one of a contact that has such. Its user is at home where the account is.
pub(super) fn temporary(means: &mut Means, contact: &Contact) -> Option<String> {
    let secret = secret_of(contact)?;
    loop {
        let user = secret.seal(means.random.next_u64());
        if means.is_home(&user) {
            return Some(user);
        }
    }
}

/// Where GRUUs lead of who has registered there over that flow: to the domain of the address of record, by the port that the phone wrote. A
/// domain that is a mere address has nobody who could say where we listen (RFC 3263 §4), so port and transport stand there.
pub(super) fn place(means: &Means, domain: UriRef<'_>, flow: &Flow) -> (String, String) {
    let host = domain.host();
    if let Some(port) = domain.port() {
        return (format!("{host}:{port}"), String::new());
    }
    let plain = (host.to_owned(), String::new());
    let Some(address) = domain.address() else { return plain };
    let at = |listener: &Listener| listener.advertised_from(Some(address)).port();
    let reaches = |listener: &Listener| {
        let local = listener.local().ip();
        listener.transport() == Transport::DEFAULT && (local.is_unspecified() || local.to_canonical() == address)
    };
    if let Some((_, listener)) = means.config.listeners.iter().find(|(_, listener)| reaches(listener)) {
        return match at(listener) {
            port if port == Transport::DEFAULT.default_port() => plain,
            port => (format!("{host}:{port}"), String::new()),
        };
    }
    match means.config.listeners.get(flow.listener) {
        Some(listener) => {
            let transport = listener.transport().uri_parameter();
            (format!("{host}:{}", at(listener)), format!(";transport={transport}"))
        }
        None => plain,
    }
}

/// Writes both of a contact (RFC 5627 §5.3).
pub(super) fn write(
    value: &mut String,
    account: &str,
    (host, parameters): &(String, String),
    contact: &Contact,
    temporary: Option<&str>,
) {
    let Some(instance) = &contact.instance else { return };
    let user = crate::message::escape_user(account);
    // Writing to a String does not fail.
    let _ = write!(value, ";pub-gruu=\"sip:{user}@{host}{parameters};gr={}\"", escape_parameter(instance.reveal()));
    if let Some(user) = temporary {
        let _ = write!(value, ";temp-gruu=\"sip:{user}@{host}{parameters};gr\"");
    }
}
