//! Trunks, and groups of them.

use super::super::model::{Configuration, Trunk};
use super::super::value::Verify;
use super::super::{plan, sip};
use super::Found;
use super::own_listener::own_listener;
use router::limits::MEDIA_NETWORKS;
use router::parameter::Network;
use signaling::identity::place_of;
use signaling::limits::REGISTRATIONS_MAX;
use signaling::trunk::OwnAddress;

/// Each for itself, and all together.
pub(super) fn trunks(configuration: &Configuration, found: &mut Found) {
    for (index, group) in configuration.trunk_group.iter().enumerate() {
        let path = format!("trunk_group[{index}].members");
        if group.members.is_empty() {
            found.add(&*path, "a group has a trunk");
        }
        for (at, member) in group.members.iter().enumerate() {
            if !configuration.trunk.iter().any(|trunk| trunk.name == member.trunk) {
                found.add(&*path, format!("there is no trunk `{}`", member.trunk));
            }
            if group.members[..at].iter().any(|other| other.trunk == member.trunk) {
                found.add(&*path, format!("`{}` is there twice", member.trunk));
            }
        }
    }
    let identity = &configuration.identity;
    if let Some(url) = &identity.certificate_url
        && place_of(url, &[]).is_none()
    {
        found.add("identity.certificate_url", format!("`{url}` is no https URL at port 443 or 8443, with a path"));
    }
    if identity.key_file.is_some() != identity.certificate_url.is_some() {
        found.add("identity.key_file", "belongs together with identity.certificate_url");
    }
    let own = configuration.trunk.iter().map(|trunk| trunk.register.len()).sum::<usize>();
    if own > REGISTRATIONS_MAX {
        found.add("trunk", format!("{own} addresses are to be registered, and {REGISTRATIONS_MAX} can be"));
    }
    for (index, trunk) in configuration.trunk.iter().enumerate() {
        one_trunk(trunk, &format!("trunk[{index}]"), found);
        let target = trunk.address.as_deref().and_then(sip::target);
        if let Some(listen) = target.and_then(|target| own_listener(configuration, &target)) {
            let why = format!(
                "is {listen} of sip.listen: calls would come back at once. To have a number routed anew, write \"number:…\" \
                 or \"rewrite\" in a route"
            );
            found.add(format!("trunk[{index}].address"), why);
        }
        signatures(configuration, trunk, &format!("trunk[{index}]"), found);
    }
}

/// What signatures take.
fn signatures(configuration: &Configuration, trunk: &Trunk, path: &str, found: &mut Found) {
    let identity = &configuration.identity;
    if trunk.sign && (identity.key_file.is_none() || identity.certificate_url.is_none()) {
        found.add(format!("{path}.sign"), "takes identity.key_file and identity.certificate_url");
    }
    if trunk.verify != Verify::Never && identity.authorities.is_none() {
        found.add(format!("{path}.verify"), "takes identity.authorities");
    }
}

fn one_trunk(trunk: &Trunk, path: &str, found: &mut Found) {
    let key = |name: &str| format!("{path}.{name}");
    if trunk.address.is_none() && trunk.accept.is_empty() {
        found.add(path, "has neither address nor accept: no call could come or go");
    }
    if let Some(address) = &trunk.address
        && sip::target(address).is_none()
    {
        found.add(key("address"), format!("`{address}` is neither HOST, HOST:PORT, tcp:HOST:PORT nor tls:HOST:PORT"));
    }
    for source in &trunk.accept {
        match sip::source(source) {
            None => found.add(key("accept"), format!("`{source}` is neither ADDRESS, ADDRESS:PORT nor NETWORK/BITS")),
            Some(read) => of_hosts(source, read.network(), &key("accept"), found),
        }
    }
    let secrets = usize::from(trunk.password.is_some()) + usize::from(trunk.password_file.is_some());
    if secrets == 2 {
        found.add(key("password_file"), "there is a password too");
    }
    if trunk.username.is_some() != (secrets > 0) {
        found.add(key("username"), "a user name and a password belong together");
    }
    for (index, own) in trunk.register.iter().enumerate() {
        if OwnAddress::parse(own).is_none() {
            found.add(key("register"), format!("`{own}` is neither USER nor USER@DOMAIN"));
        }
        if trunk.register[..index].contains(own) {
            found.add(key("register"), format!("`{own}` is there twice"));
        }
    }
    for (name, why) in sip::header_policy(trunk).err().into_iter().flatten() {
        found.add(key(name), why);
    }
    if let Err(why) = plan::caller(&trunk.caller) {
        found.add(key("caller"), why);
    }
    if trunk.options_s.is_some() && trunk.address.is_none() {
        found.add(key("options_s"), "is of no use without address");
    }
    if !trunk.register.is_empty() && (trunk.username.is_none() || trunk.address.is_none()) {
        found.add(key("register"), "takes an address, a user name and a password");
    }
    if trunk.outbound && trunk.register.is_empty() {
        found.add(key("outbound"), "is of no use without register");
    }
    if trunk.register_expires_s.is_some() && trunk.register.is_empty() {
        found.add(key("register_expires_s"), "is of no use without register");
    }
    if trunk.username.is_some() && trunk.address.is_none() {
        found.add(key("username"), "is of no use without address");
    }
    if let Some(domain) = &trunk.domain {
        let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        let fits = !domain.is_empty() && domain.len() <= 253 && domain.bytes().all(named);
        found.unless(fits, &key("domain"), "is a host name, or an address that the certificate names");
    }
    if let Some(domain) = &trunk.from_domain {
        let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        let fits = !domain.is_empty() && domain.len() <= 253 && domain.bytes().all(named);
        found.unless(fits, &key("from_domain"), "is a host name or an address");
    }
    if let Some(user) = &trunk.from_user {
        let fits = !user.is_empty() && user.len() <= 255 && !user.contains(char::is_control);
        found.unless(fits, &key("from_user"), "is the user of an address");
    }
    for text in &trunk.media_from {
        match Network::parse(text) {
            None => found.add(key("media_from"), format!("`{text}` is neither ADDRESS nor NETWORK/BITS")),
            Some(network) => of_hosts(text, network, &key("media_from"), found),
        }
    }
    found.unless(
        trunk.media_from.len() <= MEDIA_NETWORKS,
        &key("media_from"),
        &format!("{MEDIA_NETWORKS} at most: write them as networks"),
    );
}

/// A network is written by the first of its addresses: who writes another one may mean that host alone.
fn of_hosts(text: &str, network: Network, path: &str, found: &mut Found) {
    let first = network.first();
    if first != network.address {
        let (host, bits) = (network.address, network.prefix);
        found.add(path, format!("`{text}` is no network: write {first}/{bits}, or {host} if that host is meant"));
    }
}
